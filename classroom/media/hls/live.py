"""The live stream of a class: tracks of its members become renditions that everybody may watch.

What always holds: all renditions count from one epoch on the class's clock. There is one camera and one screen at a time, the
first publisher's of those who publish one; when that one is gone, another's takes its place in the same rendition if its codec
is the same; VP8, which no browser plays from MP4, counts as H.264 and is encoded anew. A publisher who is back within `GRACE`
goes on where it was. Sound is always there, be it silence. A class in which nobody publishes for `IDLE` seconds is live no more;
its next publisher begins a stream under another address.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog

from classroom.config import Hls
from classroom.media.hls.anew import Anew
from classroom.media.hls.mixing import Mixer
from classroom.media.hls.rendition import Rendition
from classroom.media.intake.clock import PublisherClock
from classroom.media.intake.feed import DEPACKETIZERS, Feed, Frame
from classroom.media.playlist import Picture, Report, Shape, Sound, multivariant
from classroom.media.tap import Track
from classroom.metrics import Metrics

log = structlog.get_logger(__name__)

PLAYABLE = frozenset({"h264", "vp9", "av1"})  # what MediaSource takes in MP4
TICK = 0.05  # seconds
GRACE = 8.0
IDLE = 30.0
EARLY = 5_000.0  # ms between the epoch and the beginning: first frames may lie a little before it
EARLY_CUT = 0.75  # of a segment's length, after which a key frame that came unasked ends it
ASK_AGAIN = 0.5  # seconds between two requests for the key frame that ends a segment
PEAK = 1_500_000  # bits per second that a picture is said to need before that is known
MAX_TRACKS = 200  # of one class


class Sink(Protocol):
    """Takes the frames of a class besides the playlists. `kind`: camera, screen or sound."""

    def frame(self, kind: str, frame: Frame) -> None: ...

    async def close(self) -> None: ...


class Encoders:
    """How many classes may be encoded anew at once; `left` counts down."""

    def __init__(self, most: int) -> None:
        self.left = most


class Live:
    """One class while it is live. `need_key` is called with a track whose publisher should send a key frame."""

    def __init__(
        self,
        room: str,
        settings: Hls,
        threads: ThreadPoolExecutor,
        need_key: Callable[[Track], None],
        metrics: Metrics,
        sink: Sink | None = None,
        now: Callable[[], float] = time.time,
        encoders: Encoders | None = None,
    ) -> None:
        self.room = room
        self.key = secrets.token_urlsafe(16)
        self.epoch = now() * 1_000 - EARLY
        self.renditions: dict[str, Rendition] = {}
        self.current: dict[str, Rendition] = {}
        self.closed = False
        self.over = asyncio.Event()
        self._settings = settings
        self._shape = Shape(settings.target_seconds, settings.part_ms / 1_000, settings.window_seconds)
        self._need_key = need_key
        self._metrics = metrics
        self._sink = sink
        self._now = now
        self._heard = now()
        self._mixer = Mixer(self.epoch, settings.audio_bitrate, settings.aac, threads)
        self._clocks: dict[str, PublisherClock] = {}
        self._feeds: dict[tuple[str, str], tuple[Track, Feed]] = {}
        self._holders: dict[str, str] = {}
        self._left: dict[str, float] = {}
        self._asked: dict[str, float] = {}
        self._encoders = encoders or Encoders(0)
        self._anew: Anew | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name=f"live {room}")

    # What comes from the tap.

    def rtp(self, track: Track, packet: bytes) -> None:
        feed = self._feed(track)
        if feed is not None:
            self._heard = self._now()
            feed.rtp(packet, self._heard)

    def report(self, track: Track, ntp: float, timestamp: int) -> None:
        feed = self._feed(track)
        if feed is not None:
            feed.report(ntp, timestamp, self._now())

    def ended(self, track: Track) -> None:
        known = self._feeds.pop((track.publisher, track.source), None)
        if known is not None:
            self._metrics.media_lost.inc(known[1].lost)
        if self._holders.get(track.source) == track.publisher:
            del self._holders[track.source]
            self._left[track.source] = self._now()
        self._mixer.forget(f"{track.publisher} {track.source}")
        if not any(other.codec == "vp8" for other, _ in self._feeds.values()):
            self._end_anew()
        if not any(publisher == track.publisher for publisher, _ in self._feeds):
            self._clocks.pop(track.publisher, None)

    @property
    def _is_relayed(self) -> bool:
        """Whether all that is heard and seen comes from other machines, which record it."""
        return bool(self._feeds) and all(track.relayed for track, _ in self._feeds.values())

    def _feed(self, track: Track) -> Feed | None:
        place = (track.publisher, track.source)
        known = self._feeds.get(place)
        if known is not None and (known[0] is track or known[0] == track):
            return known[1]
        if track.codec not in DEPACKETIZERS or len(self._feeds) >= MAX_TRACKS or self.closed:
            return None
        clock = self._clocks.setdefault(track.publisher, PublisherClock())
        feed = Feed(
            track.codec,
            track.clock_rate,
            track.payload_type,
            clock,
            lambda frame: self._frame(track, frame),
            lambda: self._need_key(track),
        )
        self._feeds[place] = (track, feed)
        return feed

    def _frame(self, track: Track, frame: Frame) -> None:
        if track.codec == "opus":
            self._mixer.packet(f"{track.publisher} {track.source}", frame)
            return
        holder = self._holders.get(track.source)
        if holder is None and frame.key:
            holder = self._holders[track.source] = track.publisher
            self._left.pop(track.source, None)
        if holder != track.publisher:
            return
        if self._sink is not None and not track.relayed:
            self._sink.frame(track.source, frame)
        if track.codec in PLAYABLE:
            self._picture(track.source, track.codec, frame)
            rendition, now = self.current.get(track.source), self._now()
            if (
                rendition is not None
                and rendition.cutter.age >= self._settings.segment_seconds - 0.1
                and now - self._asked.get(track.source, 0) >= ASK_AGAIN
            ):
                self._asked[track.source] = now
                self._need_key(track)
        elif self._anew is not None or (frame.key and self._may_encode()):
            if self._anew is None:
                self._anew = Anew(self.room, self._settings.segment_seconds, self._encoded, self._key_of)
            self._anew.frame(track.source, frame)

    def _picture(self, source: str, codec: str, frame: Frame) -> None:
        rendition = self.current.get(source)
        if rendition is None or rendition.codec != codec:
            if not frame.key:
                return
            self._retire(source)
            rendition = self._add(source, source, codec, self._settings.segment_seconds * EARLY_CUT)
        rendition.cutter.frame(frame)

    # Pictures that are encoded anew.

    def _may_encode(self) -> bool:
        if self.closed or self._encoders.left <= 0:
            return False
        self._encoders.left -= 1
        return True

    def _encoded(self, source: str, frame: Frame) -> None:
        if self._anew is not None and not self.closed:
            self._picture(source, "h264", frame)

    def _key_of(self, source: str) -> None:
        known = self._feeds.get((self._holders.get(source, ""), source))
        if known is not None:
            self._need_key(known[0])

    def _end_anew(self) -> None:
        anew, self._anew = self._anew, None
        if anew is not None:
            task = asyncio.create_task(self._let_go(anew), name=f"encoder's end {self.room}")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _let_go(self, anew: Anew) -> None:
        await anew.close()
        self._encoders.left += 1

    # Renditions.

    def _add(self, name: str, kind: str, codec: str, segment: float) -> Rendition:
        full_name = f"{name}{sum(one.startswith(name) for one in self.renditions) + 1}"
        rendition = Rendition(full_name, kind, codec, self._shape, segment, self.epoch)
        rendition.reports = self._reports
        rendition.counted = self._metrics.hls_parts.labels(kind).inc
        self.renditions[full_name] = self.current[name] = rendition
        log.info("rendition begins", room=self.room, rendition=full_name, codec=codec)
        return rendition

    def _retire(self, name: str) -> None:
        rendition = self.current.pop(name, None)
        if rendition is not None:
            rendition.end()

    def _reports(self, asking: Rendition) -> Iterable[Report]:
        for other in self.current.values():
            last = other.timeline.last
            if other is not asking and last is not None:
                yield Report(f"../{other.name}/playlist.m3u8", last.segment, last.part or 0)

    def index(self, wanted: str) -> str | None:
        """The multivariant playlist: `index` (the camera, or else the screen), `screen` or `audio`. None: nothing to play yet."""
        kinds = {"index": ("camera", "screen"), "screen": ("screen",), "audio": ()}[wanted]
        sounds = [
            Sound(f"{one.name}/playlist.m3u8", one.setup.string, max(one.bandwidth, self._settings.audio_bitrate))
            for name in ("opus", "aac")
            if (one := self.current.get(name)) is not None and one.live and one.setup is not None
        ]
        picture = next((one for kind in kinds if (one := self.current.get(kind)) is not None), None)
        if picture is None or not picture.live or picture.setup is None:
            waits = picture is not None or wanted == "screen" or not sounds
            return None if waits else multivariant([], sounds)
        if not sounds:
            return None
        setup, bandwidth = picture.setup, picture.bandwidth or PEAK
        shown = Picture(f"{picture.name}/playlist.m3u8", setup.string, setup.width, setup.height, bandwidth)
        return multivariant([shown], sounds)

    # The passing of time.

    async def _run(self) -> None:
        while not self.closed:
            await asyncio.sleep(TICK)
            now = self._now()
            try:
                await self._step(now)
            except Exception:  # a class must not fall silent because of one step
                log.exception("a step of the live stream failed", room=self.room)
            if now - self._heard > IDLE:
                await self.close()

    async def _step(self, now: float) -> None:
        made = await self._mixer.step(now * 1_000)
        for name, frames in (("opus", made.opus), ("aac", made.aac)):
            for frame in frames:
                if name not in self.current and not self.closed:
                    self._add(name, "sound", name, self._settings.segment_seconds)
                if name in self.current:
                    self.current[name].cutter.frame(frame)
                if name == "opus" and self._sink is not None and not self._is_relayed:
                    self._sink.frame("sound", frame)
        for kind, rendition in list(self.current.items()):
            if rendition.kind == "sound":
                continue
            rendition.cutter.tick(now * 1_000)
            if kind in self._left and now - self._left[kind] > GRACE:
                del self._left[kind]
                self._retire(kind)

    async def close(self) -> None:
        """The class is over: playlists end, and what was recorded is kept."""
        if self.closed:
            return
        self.closed = True
        self.over.set()
        self._end_anew()
        for name in list(self.current):
            self._retire(name)
        if self._sink is not None:
            await self._sink.close()
        await asyncio.gather(*self._ending)
        if asyncio.current_task() is not self._task:
            await asyncio.gather(self._task, return_exceptions=True)
        log.info("live stream ended", room=self.room)
