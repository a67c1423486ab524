"""Documents on their way to the board: each is a job that goes on by itself and can be asked how far it is.

What always holds: the pages of a document come onto the board all at once or not at all, and once, whatever is repeated; how
far a job is stands in the store, so that any worker can tell; a job whose worker has died is told as failed; of a job that
fails nothing is kept.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from classroom.files.kinds import Kind
from classroom.files.port import NotStored, Store, StoreUnavailable
from classroom.kernel import Rejected
from classroom.whiteboard.model import AddPage, Put, RemovePage

log = structlog.get_logger(__name__)

NAME_LIMIT = 300
IMPORT_PATTERN = r"^[0-9a-f]{16}$"
WAITING_LIMIT = 4  # jobs of a room that are not done
ALL_WAITING_LIMIT = 32  # of all rooms of this worker
SAY_MS = 500  # between two notes in the store of how far a job is
FORGET_MS = 3_600_000
HELD = 1_000  # jobs that this worker remembers by itself


class State(StrEnum):
    CONVERTING = "converting"
    RENDERING = "rendering"
    DONE = "done"
    FAILED = "failed"


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A job. `done` of `total` pages are drawn (0: not known yet). `pages`: the ids of the new pages. `left_out`: elements of
    an `.excalidraw` file that the board has no place for. `at`: when this was so (ms since 1970)."""

    id: str
    name: str
    state: State = State.CONVERTING
    done: int = 0
    total: int = 0
    pages: tuple[int, ...] = ()
    left_out: int = 0
    code: str = ""
    message: str = ""
    at: int = 0

    @property
    def over(self) -> bool:
        return self.state in (State.DONE, State.FAILED)


class Answer(Protocol):
    """What a room's owner answers to a command."""

    @property
    def ok(self) -> bool: ...
    @property
    def seq(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...


Perform = Callable[[AddPage | Put | RemovePage], Awaitable[Answer]]
"""Has the room's owner carry out a command, as the member who sent the document."""


class Order(msgspec.Struct, frozen=True):
    """What was sent: the file `source` in `folder`, which is the job's own and goes with it; `after`: the page to follow."""

    room: str
    source: Path
    folder: Path
    kind: Kind
    name: str
    after: int | None


class Job:
    """A job as it runs: `say` changes what is told of it."""

    def __init__(self, order: Order, told: Import, note: Callable[[Job, bool], Awaitable[None]]) -> None:
        self.order = order
        self.told = told
        self.noted = 0  # when the store was told last
        self.noting = asyncio.Lock()
        self._note = note

    async def say(self, *, always: bool = False, **changes: object) -> None:
        self.told = msgspec.structs.replace(self.told, **changes)
        await self._note(self, always)


Carry = Callable[[Job, Perform], Awaitable[None]]


class Imports:
    """`carry` does the work of a job (`bringing.Bringing`). `clock`: ms since 1970. `patience`: ms after which a job that has
    said nothing counts as dead."""

    def __init__(self, store: Store, carry: Carry, clock: Callable[[], int], patience: int) -> None:
        self._store = store
        self._carry = carry
        self._clock = clock
        self._patience = patience
        self._jobs: dict[tuple[str, str], Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, order: Order, perform: Perform) -> Import:
        """Begin. Raises `Rejected("too_fast")`, `StoreUnavailable`; the caller keeps the folder then."""
        unfinished = [room for (room, _), job in self._jobs.items() if not job.told.over]
        if unfinished.count(order.room) >= WAITING_LIMIT or len(unfinished) >= ALL_WAITING_LIMIT:
            raise Rejected("too_fast", "Other documents are still being read. Wait for one of them.", temporary=True)
        told = Import(id=secrets.token_hex(8), name=order.name, at=self._clock())
        job = Job(order, told, self._note)
        self._jobs[order.room, told.id] = job
        self._forget()
        try:
            await job.say(always=True)  # first: whoever is told of it may ask another worker
        except BaseException:
            del self._jobs[order.room, told.id]
            raise
        if not job.told.over:  # else all was closed meanwhile
            task = asyncio.create_task(self._run(job, perform), name=f"import {told.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return job.told

    async def get(self, room: str, id: str) -> Import:
        """How far a job is. Raises `Rejected("not_found")`, `StoreUnavailable`."""
        job = self._jobs.get((room, id))
        if job is not None:
            return job.told
        try:
            told = msgspec.json.decode(await self._store.get(_name(room, id)), type=Import)
        except (NotStored, msgspec.MsgspecError) as error:
            raise Rejected("not_found", "There is no such import.") from error
        if not told.over and told.at + self._patience < self._clock():
            return msgspec.structs.replace(
                told, state=State.FAILED, code="unavailable", message="The server was restarted."
            )
        return told

    async def close(self) -> None:
        """End what still runs; it is told as failed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for job in self._jobs.values():
            if not job.told.over:  # it was cancelled before its first step
                await self._fail(job, "restarting", "The server was restarted.")
                await asyncio.to_thread(shutil.rmtree, job.order.folder, ignore_errors=True)

    async def _run(self, job: Job, perform: Perform) -> None:
        beating = asyncio.create_task(self._beat(job))
        try:
            await self._sweep(job.order.room)
            await self._carry(job, perform)
            await job.say(always=True, state=State.DONE)
        except Rejected as refused:
            await self._fail(job, refused.code, refused.message)
        except (StoreUnavailable, TimeoutError, OSError) as error:
            log.warning("a document could not be kept", room=job.order.room, error=str(error))
            await self._fail(job, "unavailable", "This is not possible just now.")
        except asyncio.CancelledError:
            await self._fail(job, "restarting", "The server was restarted.")
            raise
        except Exception:
            log.exception("an import failed", room=job.order.room)
            await self._fail(job, "internal", "Something went wrong here.")
        finally:
            beating.cancel()
            await asyncio.to_thread(shutil.rmtree, job.order.folder, ignore_errors=True)

    async def _beat(self, job: Job) -> None:
        """Say that a job lives, also while it waits for its turn."""
        while True:
            await asyncio.sleep(self._patience / 3_000)
            with suppress(StoreUnavailable):
                await job.say(always=True)

    async def _fail(self, job: Job, code: str, message: str) -> None:
        with suppress(StoreUnavailable):  # then only this worker can tell
            await job.say(always=True, state=State.FAILED, code=code, message=message)

    async def _note(self, job: Job, always: bool) -> None:
        now = self._clock()
        job.told = msgspec.structs.replace(job.told, at=now)
        if always or now - job.noted >= SAY_MS:
            job.noted = now
            async with job.noting:  # or an older word could come to stand over a newer one
                await self._store.put(_name(job.order.room, job.told.id), msgspec.json.encode(job.told))

    async def _sweep(self, room: str) -> None:
        """Forget what was said of jobs long over."""
        before = self._clock() - FORGET_MS
        for kept in await self._store.list(room):
            if "/import." in kept.name and kept.at < before:
                await self._store.delete(kept.name)

    def _forget(self) -> None:
        before = self._clock() - FORGET_MS
        for key, job in list(self._jobs.items()):
            if job.told.over and (job.told.at < before or len(self._jobs) > HELD):
                del self._jobs[key]


def _name(room: str, id: str) -> str:
    return f"{room}/import.{id}"
