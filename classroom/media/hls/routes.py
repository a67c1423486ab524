"""LL-HLS over HTTP, below `/live/KEY/`: `index.m3u8`, `screen.m3u8`, `audio.m3u8`, and a folder for each rendition.

What always holds: every answer says how long a CDN may keep it. Headers, parts and segments never change. A playlist that was
asked for with `_HLS_msn` and `_HLS_part` is right for that query for good; without, it may be kept for a second. Nothing asks for
cookies or a header, so one answer is good for all.
"""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from classroom.media.hls.live import Live
from classroom.media.hls.rendition import Crowded, Rendition
from classroom.media.hls.streams import Streams
from classroom.media.playlist import Place, Wanted

PLAYLIST = "application/vnd.apple.mpegurl"
MEDIA = {"sound": "audio/mp4"}
FILE = re.compile(r"(?:init(?P<header>\d{1,9})\.mp4|(?P<segment>\d{1,9})(?:\.(?P<part>\d{1,9}))?\.m4s)")
NUMBER = re.compile(r"\d{1,9}")
FOREVER = "public, max-age=31536000, immutable"
BRIEF = "public, max-age=1"


def add_live_routes(app: web.Application, streams: Streams) -> None:
    """Serve the live streams."""
    routes = Routes(streams)
    app.router.add_get("/live/{key}/{playlist:index|screen|audio}.m3u8", routes.index)
    app.router.add_get("/live/{key}/{rendition}/playlist.m3u8", routes.playlist)
    app.router.add_get("/live/{key}/{rendition}/{file}", routes.media)


class Routes:
    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._requests = streams.metrics.hls_requests

    async def index(self, request: web.Request) -> web.Response:
        """The multivariant playlist."""
        text = self._live(request).index(request.match_info["playlist"])
        if text is None:
            return self._later("There is nothing to play yet.")
        return self._answer(text.encode(), PLAYLIST, BRIEF, "index")

    async def playlist(self, request: web.Request) -> web.Response:
        """A media playlist, when it contains what was asked for (rfc8216bis, 6.2.5)."""
        rendition = self._rendition(request)
        place = _asked(request)
        skip = request.query.get("_HLS_skip") in ("YES", "v2")
        ended = rendition.timeline.ended
        if place is not None and not ended:
            if rendition.timeline.wants(place) is Wanted.REFUSED:
                raise _refused("That is too far ahead of the live edge.")
            if not await self._wait(rendition, place):
                return self._later("The part did not come in time.")
        elif not rendition.live:
            return self._later("There is nothing to play yet.")
        target = rendition.timeline.shape.target
        kept = f"public, max-age={6 * target}" if place is not None else BRIEF
        return self._answer(rendition.playlist(skip), PLAYLIST, kept, "playlist")

    async def media(self, request: web.Request) -> web.Response:
        """A header, a part or a segment. The part that comes next is answered when it is there (6.2.6)."""
        rendition = self._rendition(request)
        named = FILE.fullmatch(request.match_info["file"])
        if named is None:
            raise _missing()
        content = MEDIA.get(rendition.kind, "video/mp4")
        if named["header"] is not None:
            header = rendition.headers.get(int(named["header"]))
            if header is None:
                raise _missing()
            return self._answer(header, content, FOREVER, "header")
        place = Place(int(named["segment"]), int(named["part"]) if named["part"] else None)
        data = rendition.bytes_of(place)
        if data is None and place == rendition.timeline.next_part:
            if not await self._wait(rendition, place):
                return self._later("The part did not come in time.")
            data = rendition.bytes_of(place)
        if data is None:
            raise _missing()
        return self._answer(data, content, FOREVER, "part" if named["part"] else "segment")

    async def _wait(self, rendition: Rendition, place: Place) -> bool:
        """Whether it came before 3 target durations had passed (6.2.5.2)."""
        try:
            with self._streams.metrics.hls_waiting.track_inprogress():
                async with asyncio.timeout(3 * rendition.timeline.shape.target):
                    await rendition.until(place)
        except (TimeoutError, Crowded):
            return False
        return True

    def _live(self, request: web.Request) -> Live:
        live = self._streams.find(request.match_info["key"])
        if live is None:
            raise _missing()
        return live

    def _rendition(self, request: web.Request) -> Rendition:
        rendition = self._live(request).renditions.get(request.match_info["rendition"])
        if rendition is None:
            raise _missing()
        return rendition

    def _answer(self, body: bytes, content: str, kept: str, what: str) -> web.Response:
        self._requests.labels(what).inc()
        headers = {"Content-Type": content, "Cache-Control": kept, "Access-Control-Allow-Origin": "*"}
        return web.Response(body=body, headers=headers)

    def _later(self, why: str) -> web.Response:
        self._requests.labels("later").inc()
        headers = {"Retry-After": "1", "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
        return web.Response(status=503, text=why, headers=headers)


def _asked(request: web.Request) -> Place | None:
    """What `_HLS_msn` and `_HLS_part` ask for; a part without a segment, and what is no number, is refused (6.2.5.2)."""
    segment, part = request.query.get("_HLS_msn"), request.query.get("_HLS_part")
    if segment is None and part is None:
        return None
    if segment is None or not NUMBER.fullmatch(segment) or (part is not None and not NUMBER.fullmatch(part)):
        raise _refused("_HLS_msn is a segment's number, and _HLS_part a part's within it.")
    return Place(int(segment), None if part is None else int(part))


def _refused(why: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=why, headers={"Cache-Control": BRIEF, "Access-Control-Allow-Origin": "*"})


def _missing() -> web.HTTPNotFound:
    return web.HTTPNotFound(
        text="There is no such thing.", headers={"Cache-Control": BRIEF, "Access-Control-Allow-Origin": "*"}
    )
