"""Records a class: its camera with the sound, its screen, and the sound alone while there is no camera.

What always holds: the media time of every file counts from the class time in its name, so a moment of the log (`at`) is the
moment `at - start` of the file. A fragment is written every second or so by a thread; what the disk cannot take in time, beyond
`MOST_PENDING`, is left out and said in the log, and the class goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from classroom.media import mp4
from classroom.media.intake.feed import Frame
from classroom.media.intake.frames import Setup
from classroom.media.intake.opus import SETUP
from classroom.media.recorder.take import Take, header_for
from classroom.metrics import Metrics

log = structlog.get_logger(__name__)

FRAGMENT = 1_000.0  # ms
PAUSE = 10_000.0  # ms without a frame, after which the next one begins a file of its own
MOST_PENDING = 64 << 20  # bytes


class Strand:
    """Samples of one track of a file, each of which lasts until the next."""

    def __init__(self, number: int, rate: int, start: float, length: int) -> None:
        self._number, self._rate, self._start, self._length = number, rate, start, length
        self._held: tuple[int, bytes, bool] | None = None
        self._samples: list[mp4.Sample] = []
        self._first = 0

    def add(self, at: float, data: bytes, key: bool) -> None:
        tick = round((at - self._start) * self._rate / 1_000)
        if self._held is not None:
            tick = max(tick, self._held[0] + 1)
            self._settle(tick)
        self._held = (max(0, tick), data, key)

    def _settle(self, tick: int) -> None:
        if self._held is not None:
            if not self._samples:
                self._first = self._held[0]
            self._samples.append(mp4.Sample(self._held[1], tick - self._held[0], self._held[2]))
            self._held = None

    def take(self, until: float | None = None) -> mp4.Run:
        """What is whole; with `until`, all, of which the last lasts until then, if that is longer than by itself."""
        if until is not None and self._held is not None:
            tick = round((until - self._start) * self._rate / 1_000)
            self._settle(max(tick, self._held[0] + self._length))
        samples, self._samples = self._samples, []
        return mp4.Run(self._number, self._first, samples)


class Writing:
    """A file under way. Its methods return what is to be written, and when it may be. `last`: when its picture last came; of a
    file of sound, that."""

    def __init__(self, kind: str, start: float, picture: Setup | None, sound: Setup | None) -> None:
        self.kind = kind
        self.start = int(start)
        self.tracks = header_for(picture, sound)
        self.last = self._heard = start
        self.take: Take | None = None
        self._count = 0
        self._flushed = start
        self._strands = {
            track.number: Strand(
                track.number, track.rate, float(self.start), track.rate // (30 if track.number == 1 else 50)
            )
            for track in self.tracks
        }

    def add(self, frame: Frame, number: int) -> bytes:
        """A frame; what it makes ready to be written."""
        if number not in self._strands or frame.at < self.start:
            return b""
        leads = number == self.tracks[0].number
        data = frame.data
        if number == 1 and frame.key:
            # Sizes change within a file, and a player that goes back has seen another last: so each key frame says its own.
            data = frame.setup.inline + data
        self._strands[number].add(frame.at, data, frame.key)
        self._heard = max(self._heard, frame.at)
        if leads:
            self.last = max(self.last, frame.at)
        due = frame.at - self._flushed
        if leads and (due >= FRAGMENT or (number == 1 and frame.key and due > 0)):
            self._flushed = frame.at
            return self.fragment()
        return b""

    def fragment(self, last: bool = False) -> bytes:
        until = self._heard if last else None  # the last picture stays for what was said after it
        runs = [run for strand in self._strands.values() if (run := strand.take(until)).samples]
        if not runs or (runs[0].track != self.tracks[0].number and not last):
            return b""
        self._count += 1
        return mp4.fragment(self._count, runs)


class Recorder:
    """One class, while it is live. `done` is called with each file that is finished."""

    def __init__(
        self,
        folder: Path,
        threads: ThreadPoolExecutor,
        metrics: Metrics,
        done: Callable[[Path], Awaitable[None]],
    ) -> None:
        self._folder = folder
        self._threads = threads
        self._metrics = metrics
        self._done = done
        self._open: dict[str, Writing] = {}
        self._pending = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._chain = asyncio.Lock()  # keeps what is written in order
        self._loop = asyncio.get_running_loop()

    def frame(self, kind: str, frame: Frame) -> None:
        """A frame of the class's camera, its screen, or its sound (in Opus)."""
        if kind == "sound":
            camera = self._open.get("camera")
            if camera is not None and frame.at - camera.last < PAUSE:
                self._add(camera, frame, 2)
                return
            self._end("camera")
        writing = self._open.get(kind)
        if writing is not None and (
            frame.at - writing.last > PAUSE or writing.tracks[0].setup.codec != frame.setup.codec
        ):
            self._end(kind)
            writing = None
        if writing is None:
            if not frame.key:
                return
            writing = self._begin(kind, frame)
        self._add(writing, frame, 2 if kind == "sound" else 1)

    def _begin(self, kind: str, frame: Frame) -> Writing:
        if kind == "camera":
            self._end("sound")
        sound = None if kind == "screen" else SETUP
        writing = Writing(kind, frame.at, None if kind == "sound" else frame.setup, sound)
        self._open[kind] = writing
        self._write(writing, b"")
        return writing

    def _add(self, writing: Writing, frame: Frame, number: int) -> None:
        data = writing.add(frame, number)
        if data:
            self._write(writing, data)

    def _end(self, kind: str) -> None:
        writing = self._open.pop(kind, None)
        if writing is not None:
            self._write(writing, writing.fragment(last=True), last=True)

    def _write(self, writing: Writing, data: bytes, last: bool = False) -> None:
        if self._pending + len(data) > MOST_PENDING:
            log.error("the disk is too slow for a recording: a second of it is lost", folder=str(self._folder))
            data = b""
        self._pending += len(data)
        task = self._loop.create_task(self._written(writing, data, last))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _written(self, writing: Writing, data: bytes, last: bool) -> None:
        try:
            async with self._chain:
                path = await self._loop.run_in_executor(self._threads, self._work, writing, data, last)
            self._metrics.recorded_bytes.labels(writing.kind).inc(len(data))
            if path is not None:
                await self._done(path)
        except OSError as error:
            log.error("a recording cannot be written", folder=str(self._folder), error=str(error))
        finally:
            self._pending -= len(data)

    def _work(self, writing: Writing, data: bytes, last: bool) -> Path | None:
        if writing.take is None:
            writing.take = Take(self._folder, writing.start, writing.kind, writing.tracks)
        if data:
            writing.take.write(data)
        if last:
            writing.take.close()
            return writing.take.path
        return None

    async def close(self) -> None:
        """The class is over: all files are finished."""
        for kind in list(self._open):
            self._end(kind)
        while self._tasks:
            await asyncio.gather(*self._tasks)
