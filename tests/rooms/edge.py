"""A room with its owner, replica and hub, as on one edge; and a crowd there, whose clock is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from classroom.bus.local import LocalBus
from classroom.journal.port import Journal
from classroom.kernel import Member, Meta, Stored
from classroom.rooms import room as rooms
from classroom.rooms.hub import Hub
from classroom.rooms.owner import Owner
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from classroom.wire import Codec
from tests.rooms.shells import ASHA, TEACHER, Recorder, say

TICK = 0.02


class Edge(NamedTuple):
    """A room with its owner, replica and hub, as on one edge."""

    owner: Owner
    replica: Replica
    hub: Hub
    bus: LocalBus
    journal: Journal
    resynced: list[Session]

    def enter(self, member: Member, codec: Codec = Codec.JSON) -> tuple[Session, Recorder]:
        link = Recorder(codec)
        session = Session(member, link)
        self.hub.add(session, self.replica.seq)
        return session, link

    async def quiet(self) -> None:
        """Until what has been published is flushed."""
        await asyncio.sleep(TICK * 3)


class ByHand:
    """As much of a loop as a hub asks for: its clock and what it is to call later, moved by hand."""

    def __init__(self) -> None:
        self._now = 1_000.0
        self._calls: list[asyncio.TimerHandle] = []
        self._real = asyncio.get_running_loop()

    def time(self) -> float:
        return self._now

    def call_soon(self, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self.call_at(self._now, call)

    def call_at(self, when: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        self._calls.append(asyncio.TimerHandle(when, call, (), self._real))
        return self._calls[-1]

    def pass_by(self, seconds: float) -> None:
        until = self._now + seconds
        while due := [handle for handle in self._calls if handle.when() <= until]:
            handle = min(due, key=asyncio.TimerHandle.when)
            self._calls.remove(handle)
            self._now = max(self._now, handle.when())
            if not handle.cancelled():
                handle._run()
        self._now = until


class Crowd:
    """Members of a hub whose clock is moved by hand, for whom a frame costs so much that they are told as seldom as may be."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._seq = 0
        self.clock = ByHand()
        edge.hub._loop = edge.hub._flushes._loop = self.clock  # type: ignore[assignment]
        edge.hub._pace.frame_cost = 1.0
        self.links: list[Recorder] = []
        self.come(100)
        self.told_within(0.0, TEACHER)
        self.clock.pass_by(1.0)

    def come(self, number: int) -> None:
        for _ in range(number):
            self.links.append(self._edge.enter(Member(f"s{len(self.links)}", "S", ASHA.role))[1])

    def told_within(self, seconds: float, who: Member) -> bool:
        """Somebody says something: whether the first of the crowd is told of it by then."""
        self._seq += 1
        said = rooms.decide(rooms.Room(), say("news"), who, 1_000)[0]
        self._edge.hub.events([Stored(Meta(self._seq, 1_000, who.id), said)])
        self.clock.pass_by(seconds)
        return self._seq in self.links[0].seqs
