"""Recordings over HTTP, for members of the room: `/recordings/ROOM/`, a file in ranges, and a playlist of each file.

What always holds: nobody is told anything before `allowed` has said that they are a member. A finished file never changes, and
any range of it is answered (RFC 9110, section 14).
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
Allowed = Callable[[web.Request, str], Awaitable[bool]]


def add_recording_routes(app: web.Application, library: Library, allowed: Allowed) -> None:
    """Serve what was recorded. `allowed(request, room)`: whether who asks may see the room's recordings. The library is closed
    with the app."""

    async def close(_: web.Application) -> None:
        await library.close()

    app.on_cleanup.append(close)
    routes = Routes(library, allowed)
    app.router.add_get("/recordings/{room}/", routes.listing)
    app.router.add_get("/recordings/{room}/{name}.mp4", routes.file)
    app.router.add_get("/recordings/{room}/{name}.m3u8", routes.playlist)


class Routes:
    def __init__(self, library: Library, allowed: Allowed) -> None:
        self._library = library
        self._allowed = allowed

    async def listing(self, request: web.Request) -> web.Response:
        """What there is: for each file its kind, class time of its beginning, duration, and whether it is finished."""
        room = await self._room(request)
        try:
            found = await self._library.recorded(room)
        except StoreUnavailable as error:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from error
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
        try:
            path = await self._library.file(room, f"{request.match_info['name']}.mp4")
        except StoreUnavailable as error:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "5"}) from error
        if path is None:
            raise web.HTTPNotFound
        return path

    async def _room(self, request: web.Request) -> str:
        room = request.match_info["room"]
        try:
            if await self._allowed(request, room):
                return room
        except Rejected as refused:
            if refused.temporary:
                raise web.HTTPServiceUnavailable(text=refused.message, headers={"Retry-After": "2"}) from refused
            raise web.HTTPForbidden(text=refused.message) from refused
        raise web.HTTPForbidden(text="Recordings are for members of the class.")
