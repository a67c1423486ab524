"""The board as a file for people: gathers what is on it and has a worker process make it.

What always holds: the board may change meanwhile, the file shows it as it was at the beginning; an image or document that is
not kept any more is left out, and the rest is there.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Literal

import msgspec

from classroom.config import FileSettings
from classroom.files.port import NotStored, Store, image_name, page_name
from classroom.files.sheets import Sheet
from classroom.files.tasks import Press, Wrote
from classroom.files.workers import Workers
from classroom.kernel import Rejected
from classroom.whiteboard.model import BackgroundKind, Board, Page

BoardFormat = Literal["pdf", "svg", "png", "excalidraw"]
BOARD_TYPES: dict[BoardFormat, str] = {
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
    "excalidraw": "application/vnd.excalidraw+json",
}
SIDE = 8_000  # px of a PNG's longer side


class _Gathered(msgspec.Struct, frozen=True):
    """A page as it was when it was asked for: bodies are never changed, only replaced."""

    page: Page
    elements: list[bytes]


async def export_board(
    board: Board,
    room: str,
    format: BoardFormat,
    page: int | None,
    store: Store,
    workers: Workers,
    settings: FileSettings,
    folder: Path,
) -> Path:
    """A file in `folder`: of one page, or of the whole board where that is a PDF and `page` is None.

    Raises `Rejected`: "not_found" (the page); `StoreUnavailable`.
    """
    ids = [page] if page is not None else board.order if format == "pdf" else [board.current]
    if any(id not in board.pages for id in ids):
        raise Rejected("not_found", "There is no such page.")
    gathered = [_Gathered(board.pages[id], [each.body for each in board.pages[id].elements.values()]) for id in ids]
    fetching = _Fetching(store, room, folder)
    sheets = [await _sheet(each, fetching, format) for each in gathered]
    source = folder / "sheets"
    await asyncio.to_thread(lambda: source.write_bytes(msgspec.msgpack.encode(sheets)))
    task = Press(
        source=str(source),
        folder=str(folder),
        format=format,
        title=room,
        side=SIDE,
        memory=settings.worker_memory * 2,  # pages of whole documents are in it at once
        cpu=settings.worker_cpu_seconds,
        parent=os.getpid(),
    )
    made = await workers.one(task, seconds=settings.worker_cpu_seconds)
    assert isinstance(made, Wrote)
    return folder / made.file


async def _sheet(gathered: _Gathered, fetching: _Fetching, format: BoardFormat) -> Sheet:
    back = gathered.page.background
    under = pdf = None
    if back.file is not None and back.kind is BackgroundKind.IMAGE:
        under = await fetching.path(image_name(fetching.room, back.file))
    elif back.file is not None and back.page is not None:
        if format == "pdf":
            pdf = await fetching.path(image_name(fetching.room, back.file))
        elif format != "excalidraw":
            under = await fetching.path(page_name(fetching.room, back.file, back.page))
    images = {}
    for body in gathered.elements:
        if b'"fileId"' in body:
            id = str(msgspec.json.decode(body, type=_Image).fileId)
            path = await fetching.path(image_name(fetching.room, id))
            if path is not None:
                images[id] = path
    return Sheet(background=back, elements=gathered.elements, images=images, under=under, pdf=pdf)


class _Image(msgspec.Struct):
    fileId: str | None = None


class _Fetching:
    """Brings files of a room from the store, each once."""

    def __init__(self, store: Store, room: str, folder: Path) -> None:
        self._store = store
        self.room = room
        self._folder = folder
        self._paths: dict[str, str | None] = {}

    async def path(self, name: str) -> str | None:
        """Where a file lies now; None: it is not kept."""
        if name not in self._paths:
            target = self._folder / f"file-{len(self._paths)}"
            try:
                await self._store.fetch(name, target)
                self._paths[name] = str(target)
            except (NotStored, ValueError):
                self._paths[name] = None
        return self._paths[name]
