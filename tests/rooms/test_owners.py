"""The owners of a worker: a room whose lease it holds is owned, and one that it lets go of is left to others."""

from __future__ import annotations

import asyncio

import pytest

from classroom.bus.local import LocalBus
from classroom.bus.placement import Alone
from classroom.bus.port import Request, Unreachable
from classroom.journal.port import Journal
from classroom.metrics import Metrics
from classroom.rooms.owner import Owner
from classroom.rooms.owners import Owners
from tests.rooms.shells import ASHA, RAVI, Clock, say, whole_log


class Elsewhere(Alone):
    """A placement whose leases are kept elsewhere: to take one takes a moment."""

    def __init__(self, worker: str) -> None:
        super().__init__(worker)
        self.held: set[str] = set()

    async def claim(self, room: str) -> bool:
        await asyncio.sleep(0.01)
        self.held.add(room)
        return True

    async def release(self, room: str) -> None:
        self.held.discard(room)


def owners_of(journal: Journal, bus: LocalBus, clock: Clock, placement: Alone | None = None) -> Owners:
    """The owners of a worker that owns nothing yet."""
    return Owners(lambda room: Owner(room, journal, bus, Metrics(), clock), placement or Alone("here"), 60)


async def owning(journal: Journal, bus: LocalBus, clock: Clock) -> Owners:
    """The owners of a worker to which the room belongs."""
    await journal.create("physics", "Physics", clock(), open=True)
    owners = owners_of(journal, bus, clock)
    await owners.ensure("physics")
    return owners


async def beginning(
    journal: Journal, bus: LocalBus, clock: Clock, placement: Alone | None = None
) -> tuple[Owners, asyncio.Task[None]]:
    """Those of one that is about to own the room, and what ends when it does."""
    await journal.create("physics", "Physics", clock(), open=True)
    owners = owners_of(journal, bus, clock, placement)
    task = asyncio.create_task(owners.ensure("physics"))
    await asyncio.sleep(0)
    return owners, task


async def test_a_room_whose_place_another_worker_took_and_gave_back_is_owned_anew(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    """Else its owner here would go on without being asked anything, and nobody would answer for as long as it lives."""
    owners = await owning(sqlite, bus, clock)
    first = owners.get("physics")
    assert first is not None

    # when a worker that takes this one for dead owns the room for a while
    other = Owner("physics", sqlite, bus, Metrics(), clock)
    await other.start()
    assert first.lost.is_set()
    assert (await bus.ask("physics", Request(ASHA, say("one")), 5)).ok
    await other.stop()

    # then whoever asks next has it owned here again
    with pytest.raises(Unreachable):
        await bus.ask("physics", Request(ASHA, say("two")), 0.2)
    await owners.ensure("physics")
    assert owners.get("physics") is not first
    assert (await bus.ask("physics", Request(ASHA, say("two")), 5)).ok
    owners.check()
    await owners.close()
    assert [stored.event.text for stored in await whole_log(sqlite)] == ["one", "two"]  # type: ignore[attr-defined]


async def test_what_is_asked_while_a_room_comes_to_be_owned_is_answered_once_its_owner_knows_it(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    """Else the first command of every class that begins would be sent again and again until its owner is there."""
    owners, owning = await beginning(sqlite, bus, clock)
    owner = owners.get("physics")
    assert owner is not None
    assert owner._state is None
    asked = [owner.submit(Request(ASHA, say("one"))), bus.send("physics", Request(RAVI, say("two")))]
    owners.check()
    replies = await asyncio.gather(*asked)
    assert [(reply.ok, reply.seq) for reply in replies] == [(True, 1), (True, 2)]
    await owning
    await owners.close()


async def test_a_room_that_cannot_be_read_is_not_owned_and_who_has_asked_meanwhile_is_told_to_ask_again(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owners = owners_of(sqlite, bus, clock)
    owning = asyncio.create_task(owners.ensure("nowhere"))
    await asyncio.sleep(0)
    reply = await bus.ask("nowhere", Request(ASHA, say("one")), 5)
    await owning
    assert (reply.ok, reply.code, reply.temporary) == (False, "moved", True)
    assert (len(owners), owners.get("nowhere")) == (0, None)
    with pytest.raises(Unreachable):
        await bus.ask("nowhere", Request(ASHA, say("one")), 0.2)


async def test_what_comes_to_be_owned_while_a_worker_ends_is_let_go_too(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owners, owning = await beginning(sqlite, bus, clock)
    await owners.close()
    await owning
    with pytest.raises(Unreachable):
        await bus.ask("physics", Request(ASHA, say("one")), 0.2)


async def test_a_lease_that_comes_when_a_worker_has_ended_is_given_back(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    placement = Elsewhere("here")
    owners, owning = await beginning(sqlite, bus, clock, placement)
    await owners.close()
    await owning
    assert (owners.get("physics"), placement.held) == (None, set())
    with pytest.raises(Unreachable):
        await bus.ask("physics", Request(ASHA, say("one")), 0.2)


async def test_a_room_that_nobody_waits_for_any_more_before_it_is_owned_is_left_to_others(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    """Else its lease would be renewed for ever, and nobody could own the room."""
    placement = Elsewhere("here")
    owners, owning = await beginning(sqlite, bus, clock, placement)
    while owners.get("physics") is None:
        await asyncio.sleep(0)
    owning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await owning
    assert (owners.get("physics"), placement.held) == (None, set())


async def test_what_is_lost_is_let_go_within_a_second_and_nothing_else_is(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owners = await owning(sqlite, bus, clock)
    owners.check()
    assert owners.get("physics") is not None
    other = Owner("physics", sqlite, bus, Metrics(), clock)
    await other.start()
    owners.check()
    assert owners.get("physics") is None
    await owners.close()
    assert (await bus.ask("physics", Request(ASHA, say("one")), 5)).ok, "the other's server is still there"
    await other.stop()


async def test_a_room_that_cannot_be_looked_at_takes_no_other_rooms_turn(
    sqlite: Journal, bus: LocalBus, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = owners_of(sqlite, bus, clock)
    for room in ("physics", "maths", "history"):
        await sqlite.create(room, room, clock(), open=True)
        await owners.ensure(room)
    looked_at: list[str] = []

    def announce(owner: Owner, now: float) -> None:
        looked_at.append(owner.room)
        if owner.room == "maths":
            raise ZeroDivisionError

    monkeypatch.setattr(Owner, "announce", announce)
    owners.check()

    assert sorted(looked_at) == ["history", "maths", "physics"]
    await owners.close()
