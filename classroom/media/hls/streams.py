"""All live streams of this process, by room and by address. The end of the tap that the SFU writes into.

What always holds: whoever knows a stream's address may watch it, and the address is known to nobody who was not told; that is
what lets a CDN keep everything below it. Nothing that comes through the tap raises.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from classroom.config import Hls
from classroom.media.hls.live import Encoders, Live, Sink
from classroom.media.tap import Track
from classroom.metrics import Metrics

log = structlog.get_logger(__name__)


class Streams:
    """`sink` makes what records a room, or nothing."""

    def __init__(
        self,
        settings: Hls,
        metrics: Metrics,
        need_key: Callable[[Track], None],
        sink: Callable[[str], Sink | None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self._need_key = need_key
        self._sink = sink
        self._now = now
        self._encoders = Encoders(settings.encoders)
        self._rooms: dict[str, Live] = {}
        self._keys: dict[str, Live] = {}
        self._past: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1), "mixing")

    def rtp(self, track: Track, packet: bytes) -> None:
        """A packet of a track, decrypted, as its publisher sent it."""
        try:
            self._live(track.room).rtp(track, packet)
        except Exception:  # an exception here would end the publisher's connection
            log.exception("a packet was not understood", room=track.room)

    def report(self, track: Track, ntp: float, timestamp: int) -> None:
        """A sender report: at `ntp` seconds of the publisher's clock the track was at `timestamp`."""
        live = self._rooms.get(track.room)
        if live is not None:
            live.report(track, ntp, timestamp)

    def ended(self, track: Track) -> None:
        """No more packets of this track."""
        live = self._rooms.get(track.room)
        if live is not None:
            live.ended(track)

    def address(self, room: str) -> str | None:
        """Where a room's stream is to be had, ending in a slash; None: it is not live."""
        live = self._rooms.get(room)
        return (
            f"{self.settings.public_url.rstrip('/')}/live/{live.key}/" if live is not None and not live.closed else None
        )

    def find(self, key: str) -> Live | None:
        """A stream, also one that has ended not long ago."""
        return self._keys.get(key)

    def _live(self, room: str) -> Live:
        live = self._rooms.get(room)
        if live is None or live.closed:
            sink = self._sink(room)
            live = Live(
                room, self.settings, self._threads, self._need_key, self.metrics, sink, self._now, self._encoders
            )
            self._rooms[room] = self._keys[live.key] = live
            log.info("live stream begins", room=room)
            task = asyncio.create_task(self._forget(live), name=f"forget {room}")
            self._past.add(task)
            task.add_done_callback(self._past.discard)
        return live

    async def _forget(self, live: Live) -> None:
        """Let a stream's memory go when its last playlist is out of date."""
        await live.over.wait()
        if self._rooms.get(live.room) is live:
            del self._rooms[live.room]
        await asyncio.sleep(self.settings.window_seconds)
        del self._keys[live.key]

    async def end(self, room: str) -> None:
        """The class is over."""
        live = self._rooms.get(room)
        if live is not None:
            await live.close()

    async def close(self) -> None:
        """End all streams; what was recorded is kept."""
        await asyncio.gather(*(live.close() for live in list(self._rooms.values())))
        for task in list(self._past):
            task.cancel()
        await asyncio.gather(*self._past, return_exceptions=True)
        self._threads.shutdown()
