"""Files in a folder: `{folder}/{room}/{name}`.

What always holds: a file is written beside its place, brought to the disk (fsync) and then renamed, so that a name stands
for a whole file at every moment; after a crash at most an unnamed remainder is left, which is swept up at the next start.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from classroom.files.port import Kept, NotStored, StoreUnavailable, checked

UNFINISHED = ".unfinished-"
STALE_SECONDS = 3_600.0

T = TypeVar("T")


class DiskStore:
    """A `Store` in `folder`, which is made if it is not there. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> None:
        """Make the folder and sweep up what crashes left. Raises `StoreUnavailable`."""
        try:
            await _off_the_loop(lambda: _prepare(self._folder))
        except NotStored as error:  # as /proc says it of a folder that cannot be made
            raise StoreUnavailable(str(error)) from error

    async def put(self, name: str, content: bytes | Path) -> None:
        path = self._path(name)
        await _off_the_loop(lambda: _write(path, content))

    async def get(self, name: str) -> bytes:
        path = self._path(name)
        return await _off_the_loop(path.read_bytes)

    async def fetch(self, name: str, target: Path) -> None:
        path = self._path(name)
        await _off_the_loop(lambda: shutil.copyfile(path, target))

    async def list(self, room: str) -> list[Kept]:
        folder = self._path(f"{room}/0").parent
        return await _off_the_loop(lambda: _listed(folder, room))

    async def delete(self, name: str) -> None:
        path = self._path(name)
        await _off_the_loop(lambda: path.unlink(missing_ok=True))

    async def close(self) -> None:
        return None

    def _path(self, name: str) -> Path:
        return self._folder / checked(name)


async def _off_the_loop(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except FileNotFoundError as error:
        raise NotStored(str(error)) from error
    except OSError as error:
        raise StoreUnavailable(str(error)) from error


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    before = time.time() - STALE_SECONDS  # others may be writing here at this moment
    for left in folder.glob(f"*/{UNFINISHED}*"):
        if left.stat().st_mtime < before:
            left.unlink(missing_ok=True)


def _write(path: Path, content: bytes | Path) -> None:
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync_folder(path.parent.parent)
    number, name = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with open(number, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk: a file's own fsync does not."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _listed(folder: Path, room: str) -> list[Kept]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(UNFINISHED):
                    status = entry.stat()
                    found.append(Kept(f"{room}/{entry.name}", status.st_size, status.st_mtime_ns // 1_000_000))
    except FileNotFoundError:
        return []
    return sorted(found)
