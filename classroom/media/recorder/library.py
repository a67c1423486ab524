"""The recordings that there are: in a folder, and with a bucket in that, of which the folder is then a cache.

What always holds: a file is listed with what is in it, be it that its writer was killed; whoever asks for one gets the whole of
it, or nothing. A file that is in the bucket may leave the folder, one that is not stays until it is. Rooms' names and files'
names are checked before they touch the disk.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from classroom.auth import check_room_id
from classroom.config import Recording
from classroom.files.port import NotStored, Store, StoreUnavailable
from classroom.media.recorder.recorder import Recorder
from classroom.media.recorder.take import NAME, finish, is_being_written, scan
from classroom.metrics import Metrics

T = TypeVar("T")

log = structlog.get_logger(__name__)

DAY = 86_400.0
PARTIAL = ".part"


class Recorded(msgspec.Struct, frozen=True):
    """A file of a recording. `start`: class time of its media time 0, ms since 1970; `duration` in ms, 0 where the
    file is only in the bucket."""

    name: str
    kind: str
    start: int
    duration: float
    size: int
    finished: bool


class Library:
    """All recordings below `folder`, a folder for each room. `store`: the bucket, if there is one."""

    def __init__(self, folder: Path, settings: Recording, metrics: Metrics, store: Store | None = None) -> None:
        self._folder = folder
        self._settings = settings
        self._metrics = metrics
        self._store = store
        self._threads = ThreadPoolExecutor(2, "recording")
        self._keeping: asyncio.Task[None] | None = None
        self._scans: dict[Path, tuple[int, float]] = {}
        self._fetching: dict[Path, asyncio.Lock] = {}

    def recorder(self, room: str) -> Recorder | None:
        """What records a room; None: recording is off. Raises `Rejected` for what is no room's name."""
        check_room_id(room)
        if not self._settings.enabled:
            return None
        return Recorder(self._folder / room, self._threads, self._metrics, self._keep)

    async def _keep(self, path: Path) -> None:
        """A file is finished: it goes into the bucket. Where that fails, `recover` tries again when the server starts."""
        if self._store is not None:
            try:
                await self._store.put(f"{path.parent.name}/{path.name}", path)
            except StoreUnavailable as error:
                log.error("a recording is not in the bucket yet", file=path.name, error=str(error))

    async def recover(self) -> list[Path]:
        """Finish what a killed process left, and bring to the bucket what is not there: the files finished here. Files that
        are being written are left alone, and so is what other processes have finished."""
        finished = []
        for path in await self._off(self._files):
            if await self._off(partial(is_being_written, path)):
                continue
            if not (await self._off(partial(scan, path))).indexed:
                await self._off(partial(finish, path))
                finished.append(path)
                log.info("recording recovered", room=path.parent.name, file=path.name)
        if self._store is not None:
            for path in await self._off(self._files):
                await self._bring(path)
        return finished

    async def _bring(self, path: Path) -> None:
        assert self._store is not None
        try:
            there = {kept.name for kept in await self._store.list(path.parent.name)}
        except StoreUnavailable as error:
            log.error("the bucket of recordings cannot be read", error=str(error))
            return
        if f"{path.parent.name}/{path.name}" not in there and not await self._off(partial(is_being_written, path)):
            await self._keep(path)

    async def forget_old(self, now: float | None = None) -> int:
        """Delete what is older than its time: how many files."""
        days = self._settings.retention_days
        if not days:
            return 0
        least, gone = ((now or time.time()) - days * DAY) * 1_000, 0
        for path in await self._off(self._files):
            named = NAME.fullmatch(path.name)
            if named is not None and int(named["start"]) < least and not is_being_written(path):
                if self._store is not None:
                    await self._store.delete(f"{path.parent.name}/{path.name}")
                await self._off(path.unlink)
                gone += 1
        return gone

    async def recorded(self, room: str) -> list[Recorded]:
        """A room's recordings in order of time. Raises `Rejected`, `StoreUnavailable`."""
        check_room_id(room)
        here = {one.name: one for one in await self._off(partial(self._listed, room))}
        if self._store is not None:
            for kept in await self._store.list(room):
                named = NAME.fullmatch(kept.name.partition("/")[2])
                if named is not None and named[0] not in here:
                    here[named[0]] = Recorded(named[0], named["kind"], int(named["start"]), 0, kept.size, True)
        return sorted(here.values(), key=lambda one: (one.start, one.kind))

    async def file(self, room: str, name: str) -> Path | None:
        """A file as it is here, fetched from the bucket if need be; None: there is none. Raises `StoreUnavailable`."""
        check_room_id(room)
        if NAME.fullmatch(name) is None:
            return None
        path = self._folder / room / name
        if not path.is_file() and self._store is not None:
            async with self._fetching.setdefault(path, asyncio.Lock()):
                await self._fetch(self._store, path)
            self._fetching.pop(path, None)
        return path if path.is_file() else None

    async def _fetch(self, store: Store, path: Path) -> None:
        if path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}{PARTIAL}")
        try:
            await store.fetch(f"{path.parent.name}/{path.name}", half)
            half.replace(path)
        except NotStored:
            log.info("no such recording", file=path.name)
        finally:
            half.unlink(missing_ok=True)

    def start(self) -> None:
        """From now on, and until `close`, do what there is to do once a day: recover, and forget what is old. One process of
        a machine does so, the one that records."""
        self._keeping = asyncio.create_task(self._keep_house(), name="recordings")

    async def _keep_house(self) -> None:
        while True:
            try:
                await self.recover()
                await self.forget_old()
            except (OSError, StoreUnavailable) as error:
                log.error("recordings could not be put in order", error=str(error))
            await asyncio.sleep(DAY)

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._store is not None:
            await self._store.close()
        await asyncio.to_thread(self._threads.shutdown)

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*/rec.*.mp4") if NAME.fullmatch(path.name))

    def _listed(self, room: str) -> list[Recorded]:
        found = []
        for path in sorted((self._folder / room).glob("rec.*.mp4")):
            named = NAME.fullmatch(path.name)
            if named is None:
                continue
            size = path.stat().st_size
            known = self._scans.get(path)
            if known is None or known[0] != size:
                known = self._scans[path] = (size, scan(path).duration)
            found.append(
                Recorded(path.name, named["kind"], int(named["start"]), known[1], size, not is_being_written(path))
            )
        return found

    async def _off(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
