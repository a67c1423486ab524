"""Brings a document onto the board: reads it in a worker process, keeps its pages, and has the room add them.

What always holds: the server itself looks at no more than the first bytes of a document; whatever is kept of one that fails
is taken away again, but for what was there before.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from classroom.config import FileSettings
from classroom.files import office
from classroom.files.imports import Job, Perform, State
from classroom.files.kinds import Kind
from classroom.files.port import Store, StoreUnavailable, image_name, page_name
from classroom.files.space import need_space
from classroom.files.tasks import CheckArchive, Convert, Found, ReadPages, ReadScene, Total, Wrote
from classroom.files.workers import Workers
from classroom.kernel import Rejected
from classroom.whiteboard.model import PAGES_AT_ONCE, AddPage, Background, BackgroundKind, Change, Put, RemovePage

NO_OFFICE = (
    "Reading PPTX and ODP needs LibreOffice on the server (apt install libreoffice-impress-nogui). Send it as PDF."
)


class Bringing:
    """Carries out jobs (`imports.Carry`)."""

    def __init__(self, store: Store, workers: Workers, settings: FileSettings) -> None:
        self._store = store
        self._workers = workers
        self._settings = settings

    async def __call__(self, job: Job, perform: Perform) -> None:
        before = {kept.name for kept in await self._store.list(job.order.room)}
        kept: list[str] = []
        try:
            if job.order.kind is Kind.EXCALIDRAW:
                await self._scene(job, perform, kept)
            else:
                await self._pages(job, perform, kept)
        except BaseException:
            await asyncio.shield(self._take_back([name for name in kept if name not in before]))
            raise

    async def _pages(self, job: Job, perform: Perform, kept: list[str]) -> None:
        order, settings = job.order, self._settings
        source = order.source if order.kind is Kind.PDF else await self._convert(job)
        await need_space(self._store, order.room, settings, (await asyncio.to_thread(source.stat)).st_size)
        file = await hash_of(source)
        await self._keep(image_name(order.room, file), source, kept)
        task = ReadPages(
            source=str(source),
            folder=str(order.folder),
            pages=settings.document_pages,
            side=settings.page_side,
            **self._bounds(),
        )
        backgrounds: list[Background] = []
        async with aclosing(self._workers.run(task)) as reports:
            async for report in reports:
                match report:
                    case Total(count=count):
                        await need_space(self._store, order.room, settings, 0, files=count)
                        await job.say(state=State.RENDERING, total=count)
                    case Wrote(file=name, width=width, height=height):
                        number = len(backgrounds) + 1
                        await self._keep(page_name(order.room, file, number), order.folder / name, kept)
                        await asyncio.to_thread((order.folder / name).unlink)
                        backgrounds.append(
                            Background(kind=BackgroundKind.PDF, file=file, page=number, width=width, height=height)
                        )
                        await job.say(done=number)
                    case _:
                        pass
        await self._add(job, perform, backgrounds)

    async def _add(self, job: Job, perform: Perform, backgrounds: list[Background]) -> None:
        """Have the room add the pages; if it refuses a part, none stays."""
        added: list[int] = []
        after = job.order.after
        for start in range(0, len(backgrounds), PAGES_AT_ONCE):
            some = tuple(backgrounds[start : start + PAGES_AT_ONCE])
            answer = await perform(AddPage(cid=f"import-{job.told.id}-{start}", after=after, backgrounds=some))
            if not answer.ok:
                await self._remove(job, perform, added)
                raise Rejected(answer.code, answer.message)
            added += range(answer.seq - len(some) + 1, answer.seq + 1)
            after = added[-1] if after is not None else None
        await job.say(pages=tuple(added))

    async def _remove(self, job: Job, perform: Perform, pages: list[int]) -> None:
        for page in pages:
            await perform(RemovePage(cid=f"import-{job.told.id}-remove-{page}", page=page))

    async def _convert(self, job: Job) -> Path:
        order, settings = job.order, self._settings
        check = CheckArchive(
            source=str(order.source), folder=str(order.folder), unpacked=settings.unpacked_bytes, **self._bounds()
        )
        found = await self._workers.one(check)
        assert isinstance(found, Found)
        program = await asyncio.to_thread(office.find, settings.office)
        if program is None:
            raise Rejected("unsupported_media_type", NO_OFFICE)
        named = order.folder / f"presentation.{found.ending}"
        await asyncio.to_thread(order.source.rename, named)
        bounds = self._bounds() | {"memory": settings.worker_memory * 4}  # it maps far more than it uses
        task = Convert(source=str(named), folder=str(order.folder), program=program, **bounds)
        made = await self._workers.one(task, seconds=settings.worker_cpu_seconds)
        assert isinstance(made, Wrote)
        return order.folder / made.file

    async def _scene(self, job: Job, perform: Perform, kept: list[str]) -> None:
        order, settings = job.order, self._settings
        task = ReadScene(
            source=str(order.source),
            folder=str(order.folder),
            pixels=settings.image_pixels,
            side=settings.image_side,
            image_bytes=settings.image_bytes,
            **self._bounds(),
        )
        pieces: list[Path] = []
        async with aclosing(self._workers.run(task)) as reports:
            async for report in reports:
                match report:
                    case Total(count=count, left_out=left_out):
                        await need_space(self._store, order.room, settings, 0, files=count)
                        await job.say(state=State.RENDERING, total=1, left_out=left_out)
                    case Wrote(file=name, name="image"):
                        path = order.folder / name
                        await need_space(
                            self._store, order.room, settings, (await asyncio.to_thread(path.stat)).st_size
                        )
                        await self._keep(image_name(order.room, await hash_of(path)), path, kept)
                    case Wrote(file=name):
                        pieces.append(order.folder / name)
                    case _:
                        pass
        await self._add(job, perform, [Background()])
        (page,) = job.told.pages
        for number, piece in enumerate(pieces):
            changes = msgspec.json.decode(await asyncio.to_thread(piece.read_bytes), type=tuple[Change, ...])
            answer = await perform(Put(cid=f"import-{job.told.id}-put-{number}", page=page, changes=changes))
            if not answer.ok:
                await self._remove(job, perform, [page])
                await job.say(pages=())
                raise Rejected(answer.code, answer.message)
        await job.say(done=1)

    async def _keep(self, name: str, path: Path, kept: list[str]) -> None:
        kept.append(name)
        await self._store.put(name, path)

    async def _take_back(self, names: list[str]) -> None:
        try:
            for name in names:
                await self._store.delete(name)
        except StoreUnavailable:
            pass  # it is found there again when the document is sent again

    def _bounds(self) -> dict[str, Any]:
        return {
            "memory": self._settings.worker_memory,
            "cpu": self._settings.worker_cpu_seconds,
            "parent": os.getpid(),
        }


async def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""

    def digest() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return await asyncio.to_thread(digest)
