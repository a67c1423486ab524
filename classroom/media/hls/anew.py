"""What MediaSource cannot play (VP8) is encoded anew, once per class, in a process of its own.

What always holds: what waits to be encoded is bounded; past the bound, frames are left out up to the next key frame. A process
that dies is started again with the next key frame, not sooner than `PAUSE` after the last start; the class goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from classroom.media.hls.encoder import HEAD, MAX_FRAME
from classroom.media.intake.feed import Frame
from classroom.media.intake.frames import Setup
from classroom.media.intake.h264 import IDR, KEPT, PPS, SPS, describe, prefixed

QUEUE = 60  # frames that wait
PAUSE = 2.0  # seconds between two starts
START_CODE = re.compile(b"\0\0\0?\1")
PACKAGES = Path(__file__).parent.parent.parent.parent

log = structlog.get_logger(__name__)


class Anew:
    """`seconds`: from key frame to key frame of what is made. `made` is called with a source and a frame of it, `need_key` with
    a source whose publisher should send a key frame."""

    def __init__(
        self, room: str, seconds: float, made: Callable[[str, Frame], None], need_key: Callable[[str], None]
    ) -> None:
        self._room = room
        self._seconds = seconds
        self._made = made
        self._need_key = need_key
        self._sources: list[str] = []
        self._setups: dict[str, Setup] = {}
        self._ready: set[str] = set()  # sources of which nothing is missing since their last key frame
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self._started = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self.process: asyncio.subprocess.Process | None = None

    def frame(self, source: str, frame: Frame) -> None:
        """A frame to encode. Never waits."""
        if frame.key:
            self._start()
            self._ready.add(source)
        if source not in self._ready or self._task is None:
            return
        if source not in self._sources:
            self._sources.append(source)
        try:
            self._queue.put_nowait(HEAD.pack(self._sources.index(source), frame.at, len(frame.data)) + frame.data)
        except asyncio.QueueFull:
            self._ready.discard(source)
            self._need_key(source)

    async def close(self) -> None:
        """Let go of the process."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _start(self) -> None:
        now = asyncio.get_running_loop().time()
        if (self._task is None or self._task.done()) and now - self._started >= PAUSE:
            self._started = now
            self._ready.clear()
            self._queue = asyncio.Queue(QUEUE)
            self._task = asyncio.create_task(self._run(self._queue), name=f"encode {self._room}")

    async def _run(self, queue: asyncio.Queue[bytes]) -> None:
        process = self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "classroom.media.hls.encoder", str(self._seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PACKAGES), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        log.info("pictures are encoded anew", room=self._room, pid=process.pid)
        writing = asyncio.create_task(self._write(process, queue))
        try:
            await self._read(process)
        except (asyncio.IncompleteReadError, ConnectionError):
            log.warning("the encoder has ended", room=self._room)
        except Exception:
            log.exception("the encoder said what cannot be", room=self._room)
        finally:
            writing.cancel()
            await asyncio.shield(_end(process, writing))

    async def _write(self, process: asyncio.subprocess.Process, queue: asyncio.Queue[bytes]) -> None:
        assert process.stdin is not None
        with suppress(ConnectionError):
            while True:
                process.stdin.write(await queue.get())
                await process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            number, at, length = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
            source = self._sources[number]
            if length > MAX_FRAME:
                raise ValueError("the encoder's frame is too long")
            if not length:
                self._ready.discard(source)
                self._need_key(source)
                continue
            frame = self._frame(source, at, await process.stdout.readexactly(length))
            if frame is not None:
                self._made(source, frame)

    def _frame(self, source: str, at: float, data: bytes) -> Frame | None:
        nals = [nal for nal in START_CODE.split(data) if nal]
        kinds = [nal[0] & 0x1F for nal in nals]
        if IDR in kinds:
            sets = [[nal for nal, kind in zip(nals, kinds, strict=True) if kind == wanted] for wanted in (SPS, PPS)]
            described = describe(*sets)
            if described != self._setups.get(source):
                self._setups[source] = described
        setup = self._setups.get(source)
        pictures = [nal for nal, kind in zip(nals, kinds, strict=True) if kind in KEPT]
        return Frame(at, prefixed(pictures), IDR in kinds, setup) if pictures and setup is not None else None


async def _end(process: asyncio.subprocess.Process, writing: asyncio.Task[None]) -> None:
    await asyncio.gather(writing, return_exceptions=True)
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
