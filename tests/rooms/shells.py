"""What the tests of the shells share: members, commands by their wire names, a steady clock, a link that keeps what it is
given (the far end of a connection, where a test looks)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import msgspec

from classroom import wire
from classroom.bus.port import Bus, Reply, Request
from classroom.journal.port import Done, Journal, RoomInfo, Told
from classroom.kernel import Member, Role, Stored
from classroom.metrics import Metrics
from classroom.packets import PLAIN, Packet, Pair
from classroom.rooms import room as rooms
from classroom.rooms.owner import Owner
from classroom.rooms.places import PLACES
from classroom.rooms.room import AnyCommand
from classroom.wire import Codec

TEACHER = Member("teacher", "Teacher", Role.INSTRUCTOR)
ASHA = Member("asha", "Asha", Role.STUDENT)
RAVI = Member("ravi", "Ravi", Role.STUDENT)

_cids = count(1)


def command(type: str, cid: str | None = None, **fields: Any) -> AnyCommand:
    """A command as a client would write it."""
    written = {"type": type, "cid": f"c{next(_cids)}" if cid is None else cid, **fields}
    return wire.read_command(Codec.JSON, msgspec.json.encode(written))


def say(text: str, cid: str | None = None) -> AnyCommand:
    return command("chat.say", cid, text=text)


class Clock:
    """Milliseconds since 1970 that move when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


class Troubled:
    """A real journal whose next appends go wrong as told: the failure a real one has, at the moment that the test needs.
    `submitted`: the rooms whose appends came without a task that waits; `looked_up`: those that were looked up."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.submitted: list[str] = []
        self.looked_up: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def room(self, room: str) -> RoomInfo | None:
        self.looked_up.append(room)
        return await self._journal.room(room)

    async def append(self, room: str, after: int, events: Sequence[Stored], done: Sequence[Done] = ()) -> None:
        if self.before:
            raise self.before.pop(0)
        await self._journal.append(room, after, events, done)
        if self.after:
            raise self.after.pop(0)

    def submit(self, room: str, after: int, events: Sequence[Stored], done: Sequence[Done], told: Told) -> None:
        self.submitted.append(room)
        if self.before:
            asyncio.get_running_loop().call_later(0.01, told, self.before.pop(0))
        else:
            self._journal.submit(
                room,
                after,
                events,
                done,
                lambda error: told(self.after.pop(0) if error is None and self.after else error),
            )


async def owner_of(
    journal: Journal, bus: Bus, clock: Callable[[], int], room: str = "physics", **options: Any
) -> Owner:
    """A started owner of `room`, which is made where it is not there."""
    await journal.create(room, room, clock(), open=True)
    owner = Owner(room, journal, bus, Metrics(), clock, **options)
    await owner.start()
    return owner


async def ask(owner: Owner, member: Member, wish: AnyCommand) -> Reply:
    return await asyncio.wait_for(owner.submit(Request(member, wish)), 10)


async def whole_log(journal: Journal, room: str = "physics") -> list[Stored]:
    found: list[Stored] = []
    while page := await journal.read(room, found[-1].meta.seq if found else 0):
        found.extend(page)
    return found


def folded(log: list[Stored]) -> rooms.Room:
    state = rooms.Room()
    for stored in log:
        rooms.apply(state, stored)
    return state


class Recorder:
    """A link's far end: the packets in order, as (name, payload). `stuck` bytes pretend that the member reads no more.
    `writes`: how many packets each write held."""

    def __init__(self, codec: Codec = Codec.JSON) -> None:
        self.codec = codec
        self.way = "plain"
        self.descriptor = -1
        self.slot = PLACES.take(PLAIN)
        self.packets: list[tuple[str, Any]] = []
        self.raw: list[Packet] = []
        self.writes: list[int] = []
        self.stuck = 0
        self.bye: wire.Bye | None = None

    def write(self, packet: Packet | Pair) -> None:
        self.writes.append(packet.frames)
        if isinstance(packet, Pair):
            assert packet.frame == b"".join(single.frame for single in packet.both)
            for single in packet.both:
                self._take(single)
        else:
            self._take(packet)

    def _take(self, packet: Packet) -> None:
        self.raw.append(packet)
        if self.codec is Codec.JSON:
            name, payload = msgspec.json.decode(packet.data[2:])
        else:
            name, payload = msgspec.msgpack.decode(packet.data)["data"]
        self.packets.append((name, payload))

    def clear(self) -> bool:
        return False

    def offer(self, packet: Packet | Pair, bound: int) -> bool:
        if self.stuck <= bound:
            self.write(packet)
        return self.stuck <= bound

    def buffered(self) -> int:
        return self.stuck

    def end(self, bye: wire.Bye) -> None:
        self.bye = bye

    @property
    def seqs(self) -> list[int]:
        """The places of all events received, in order of arrival."""
        return [event["seq"] for name, payload in self.packets if name == "events" for event in payload]
