"""Where files come in and go out: everything that the HTTP skin needs of them, in one place.

What always holds: of what is coming in no more than a piece is in memory, no more than the limit on the disk, and no more than
so many at once; each lies in a folder of its own that goes away whatever happens; nothing is kept that a worker process has
not read and written anew, but a PDF, which nobody is handed as it came.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from classroom.config import Settings
from classroom.files.bringing import Bringing, hash_of
from classroom.files.exporting import BoardFormat, export_board
from classroom.files.imports import Imports
from classroom.files.kinds import HEAD, kind_of
from classroom.files.opening import open_store, places
from classroom.files.port import Store, image_name
from classroom.files.shelf import Shelf
from classroom.files.space import need_space
from classroom.files.tasks import ReadImage, Wrote
from classroom.files.workers import Workers
from classroom.kernel import Rejected, too_large
from classroom.whiteboard.model import Board

PIECE = 1 << 18  # bytes that are gathered before they are written
PREFIX = "file-"
UNDER_WAY_LIMIT = 32
OF_STUDENTS = 24  # of these at most: the staff find a place whatever students send, and however slowly
OF_ONE = 8  # of one student
STALE_SECONDS = 86_400.0


class KeptImage(msgspec.Struct, frozen=True):
    """An image that is kept: `file` is its name (SHA-256), `type` its media type, `bytes` its size; `width`, `height` in px."""

    file: str
    type: str
    bytes: int
    width: int
    height: int


class Desk:
    """`open_desk` makes one."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], int]) -> None:
        self.settings = settings.files
        self.store = store
        self.workers = Workers(settings.files, places(settings))
        self.shelf = Shelf(store, settings.files.cache_bytes)
        patience = int(1_000 * (settings.files.worker_seconds + settings.files.worker_cpu_seconds))
        bringing = Bringing(store, self.workers, settings.files)
        self.imports = Imports(store, bringing, clock, patience)
        self._under_way = 0
        self._of_students: Counter[str] = Counter()  # by room and member
        self._incoming = settings.data / "incoming"

    async def open(self) -> None:
        """Make the folder for what comes in, and sweep up what crashes left."""
        await asyncio.to_thread(_prepare, self._incoming)

    async def close(self) -> None:
        """End what is under way."""
        await self.imports.close()
        await self.store.close()

    async def folder(self) -> Path:
        """A new folder for one file that is read or made; whoever asked takes it away."""
        return Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=PREFIX, dir=self._incoming))

    async def give_back(self, folder: Path) -> None:
        """Take a folder away."""
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Path]:
        """A folder that goes away at the end."""
        folder = await self.folder()
        try:
            yield folder
        finally:
            await self.give_back(folder)

    @asynccontextmanager
    async def receiving(self, student: str = "") -> AsyncIterator[None]:
        """While a file comes in, or waits to be read: of which `student`, if it is one's (room and member). Raises
        `Rejected("too_fast")` when too many do: they lie on the disk."""
        of_students = self._of_students
        if self._under_way >= UNDER_WAY_LIMIT or (
            student and (of_students.total() >= OF_STUDENTS or of_students[student] >= OF_ONE)
        ):
            raise Rejected("too_fast", "Too many files are coming in just now. Try again in a moment.", temporary=True)
        self._under_way += 1
        if student:
            of_students[student] += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if student:
                of_students[student] -= 1
                of_students += Counter()  # forgets whoever has none

    async def receive(self, chunks: AsyncIterator[bytes], target: Path, limit: int) -> bytes:
        """Write what comes to `target`: its first bytes. Raises `Rejected("too_large")` past `limit` bytes."""
        head, size = b"", 0
        gathered = bytearray()
        file = await asyncio.to_thread(target.open, "wb")
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                if len(head) < HEAD:
                    head += bytes(chunk[: HEAD - len(head)])
                gathered += chunk
                if len(gathered) >= PIECE:
                    await asyncio.to_thread(file.write, bytes(gathered))
                    gathered.clear()
            await asyncio.to_thread(file.write, bytes(gathered))
        finally:
            await asyncio.to_thread(file.close)
        return head

    async def keep_image(self, room: str, source: Path, folder: Path) -> KeptImage:
        """Read an image in a worker process and keep what it makes of it. Raises `Rejected`, `StoreUnavailable`."""
        settings = self.settings
        wrote = await self.workers.one(
            ReadImage(
                source=str(source),
                folder=str(folder),
                memory=settings.worker_memory,
                cpu=max(1, int(settings.worker_seconds)),
                parent=os.getpid(),
                pixels=settings.image_pixels,
                side=settings.image_side,
            )
        )
        assert isinstance(wrote, Wrote)
        made = folder / wrote.file
        size = (await asyncio.to_thread(made.stat)).st_size
        if size > settings.image_bytes:
            raise too_large(settings.image_bytes, "Written anew, the image is")
        kind = kind_of(await asyncio.to_thread(_head, made))
        assert kind is not None
        file = await hash_of(made)
        await need_space(self.store, room, settings, size)
        await self.store.put(image_name(room, file), made)
        return KeptImage(file, kind.value, size, int(wrote.width), int(wrote.height))

    async def export(self, board: Board, room: str, format: BoardFormat, page: int | None, folder: Path) -> Path:
        """A file in `folder`: the board, or one of its pages. Raises `Rejected`, `StoreUnavailable`."""
        return await export_board(board, room, format, page, self.store, self.workers, self.settings, folder)


async def open_desk(settings: Settings, clock: Callable[[], int]) -> Desk:
    """The desk, ready. Raises `StoreUnavailable`."""
    desk = Desk(settings, await open_store(settings), clock)
    await desk.open()
    return desk


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    before = time.time() - STALE_SECONDS  # other workers may be at work here
    for left in folder.glob(f"{PREFIX}*"):
        if left.stat().st_mtime < before:
            shutil.rmtree(left, ignore_errors=True)
