"""Recordings over HTTP, for members of the room: `/recordings/ROOM/`, a file in ranges, and a playlist of each file.

What always holds: nobody is told anything before `allowed` has said that they are a member. A finished file never changes, and
any range of it is answered (RFC 9110, section 14). A refusal is said as everywhere (`refuse`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from classroom.files.port import StoreUnavailable
from classroom.kernel import Rejected
from classroom.media.recorder.library import Library
from classroom.media.recorder.take import playlist, scan

PLAYLIST = "application/vnd.apple.mpegurl"
Allowed = Callable[[web.Request, str], Awaitable[None]]
Refuse = Callable[[Rejected], web.Response]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_recording_routes(app: web.Application, library: Library, allowed: Allowed, refuse: Refuse) -> None:
    """Serve what was recorded. `allowed(request, room)` raises `Rejected` where who asks may not see the room's recordings, which
    `refuse` makes an answer of. The library is closed with the app."""

    async def close(_: web.Application) -> None:
        await library.close()

    app.on_cleanup.append(close)
    routes = Routes(library, allowed)
    app.router.add_get("/recordings/{room}/", _refusing(routes.listing, refuse))
    app.router.add_get("/recordings/{room}/{name}.mp4", _refusing(routes.file, refuse))
    app.router.add_get("/recordings/{room}/{name}.m3u8", _refusing(routes.playlist, refuse))


def _refusing(handler: Handler, refuse: Refuse) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Rejected as refused:
            return refuse(refused)
        except StoreUnavailable:
            return refuse(Rejected("unavailable", "The recordings cannot be read just now.", temporary=True))

    return handle


class Routes:
    def __init__(self, library: Library, allowed: Allowed) -> None:
        self._library = library
        self._allowed = allowed

    async def listing(self, request: web.Request) -> web.Response:
        """What there is: for each file its kind, class time of its beginning, duration, and whether it is finished."""
        room = await self._room(request)
        found = await self._library.recorded(room)
        body = msgspec.json.encode({"recordings": found})
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    async def file(self, request: web.Request) -> web.StreamResponse:
        """The file, or a range of it."""
        path = await self._path(request)
        return web.FileResponse(path, headers={"Content-Type": "video/mp4", "Cache-Control": "private, max-age=3600"})

    async def playlist(self, request: web.Request) -> web.Response:
        """The file as a playlist of byte ranges, so that a player can go anywhere."""
        path = await self._path(request)
        text = await asyncio.to_thread(lambda: playlist(scan(path), self._with_token(request, path.name)))
        return web.Response(text=text, content_type=PLAYLIST, headers={"Cache-Control": "no-store"})

    def _with_token(self, request: web.Request, name: str) -> str:
        """Players ask for ranges by themselves: what let them in here must be in the address that they are given."""
        return f"{name}?{request.query_string}" if request.query_string else name

    async def _path(self, request: web.Request) -> Path:
        room = await self._room(request)
        path = await self._library.file(room, f"{request.match_info['name']}.mp4")
        if path is None:
            raise Rejected("not_found", "There is no such recording.")
        return path

    async def _room(self, request: web.Request) -> str:
        room = request.match_info["room"]
        await self._allowed(request, room)
        return room
