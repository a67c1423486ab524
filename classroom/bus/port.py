"""What a bus promises: little, on purpose.

- `publish` reaches every subscriber of the room that the bus can reach now, in order per publisher, at most once. What is
  lost is found again in the journal: an `Appended` or `Head` that does not fit tells a replica to read there, and whoever has
  just begun to follow a room may be told of what came right after by a `Head`. Of heads, and
  of an edge's counts, only a room's newest need arrive, and they may come a little later than what was published after.
- `ask` carries a request to whoever serves the room and brings the reply, or raises `Unreachable`; then it is not known
  whether the request was carried out, and asking again with the same `cid` is safe.
- A handler never raises into the bus; what it does raise is logged, and other subscribers are served all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from classroom.kernel import Member, Meta
from classroom.rooms.room import AnyCommand, AnyEvent
from classroom.rooms.signals import SignalOut


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One event of the log, as it travels."""

    meta: Meta
    event: AnyEvent


class Appended(msgspec.Struct, frozen=True, tag="appended"):
    """These events were committed right after place `after`."""

    after: int
    entries: tuple[Entry, ...]


class Head(msgspec.Struct, frozen=True, tag="head"):
    """The log's last place, as its owner knows it: announced every second for a while after it has grown, and every few seconds
    else, so that an edge notices what it missed."""

    seq: int


class Signalled(msgspec.Struct, frozen=True, tag="signalled"):
    """Signals for everybody in the room."""

    signals: tuple[SignalOut, ...]


class Counted(msgspec.Struct, frozen=True, tag="counted"):
    """How many members of the room are connected to this edge (a worker's id)."""

    edge: str
    count: int


Message = Appended | Head | Signalled | Counted


class Request(msgspec.Struct, frozen=True):
    """A command and who gives it, for the room's owner."""

    member: Member
    command: AnyCommand


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The owner's answer: kept (`seq`: the place of its last event, or the head where nothing had to change), or refused."""

    ok: bool
    seq: int = 0
    code: str = ""
    message: str = ""
    temporary: bool = False
    until: int | None = None


SEND_SECONDS = 10.0


class Unreachable(Exception):
    """Nobody serves the room, or the answer did not come in time."""


Handler = Callable[[Message], None]
Server = Callable[[Request], Awaitable[Reply]]
Cancel = Callable[[], Awaitable[None]]


class Bus(Protocol):
    """`published`, `received`: messages since the start; `lag`: seconds that the last one took to come."""

    published: int
    received: int
    lag: float

    def publish(self, room: str, message: Message) -> None:
        """Tell the room's subscribers; losing it is allowed, waiting and raising are not."""

    def alone(self, room: str) -> bool:
        """Whether nobody but this end follows the room, as far as is known; whoever comes is told how far it goes."""

    async def subscribe(self, room: str, handler: Handler) -> Cancel:
        """Call `handler` with every message of the room from now on, until the returned function is awaited."""

    async def serve(self, room: str, server: Server, displaced: Callable[[], None] | None = None) -> Cancel:
        """Answer the room's requests from now on. One server a room: the newest takes over. `displaced` is called when another
        has done so, here or elsewhere."""

    def send(self, room: str, request: Request) -> asyncio.Future[Reply]:
        """Have the room's server answer: for those who have very many to ask at once, and wait for them in another way than
        by a task each. The future fails with `Unreachable`, `SEND_SECONDS` later or soon after, and is not to be cancelled."""

    async def ask(self, room: str, request: Request, timeout: float) -> Reply:
        """Have the room's server answer, within `timeout` seconds. Raises `Unreachable`."""

    async def ping(self) -> None:
        """Answers when messages can travel and leases be kept; raises `Unreachable`."""

    async def close(self) -> None:
        """Let go of all connections and handlers."""
