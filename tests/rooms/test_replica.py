"""The replica: whatever the bus loses, tells twice or tells early, it comes to hold what the log holds, once and in order."""

from __future__ import annotations

import asyncio

import pytest

from classroom.bus.port import Appended, Entry, Head
from classroom.rooms import room as rooms
from classroom.rooms.owner import HEAD_SELDOM
from classroom.rooms.replica import Replica
from tests.rooms.edge import Edge
from tests.rooms.shells import ASHA, RAVI, ask, say, whole_log
from tests.running import until


async def test_a_replica_that_missed_announcements_reads_the_journal(edge: Edge) -> None:
    _, link = edge.enter(ASHA)
    first = Replica("physics", edge.journal, lambda events: None)
    await first.load()
    for n in range(5):
        await ask(edge.owner, RAVI, say(f"text {n}"))
    log = await whole_log(edge.journal)
    first.hear(Appended(3, tuple(Entry(s.meta, s.event) for s in log[3:4])))  # type: ignore[arg-type]
    first.hear(Head(5))
    while first.seq < 5:
        await asyncio.sleep(0.01)
    await edge.quiet()
    assert rooms.encode(first.state) == rooms.encode(edge.replica.state)
    assert [s.meta.seq for s in first.recent] == [1, 2, 3, 4, 5]
    assert link.seqs == [1, 2, 3, 4, 5]


async def test_a_replica_that_hears_nothing_any_more_reads_the_journal(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    deaf = Replica("physics", edge.journal, lambda events: told.extend(stored.meta.seq for stored in events))
    await deaf.load()
    for n in range(3):
        await ask(edge.owner, RAVI, say(f"text {n}"))
    deaf.mind_silence()
    await asyncio.sleep(0.1)
    assert deaf.seq == 0, "it has not been silent for long"
    monkeypatch.setattr("classroom.rooms.replica.SILENCE", 0.05)
    deaf.mind_silence()
    await until(lambda: deaf.seq == 3)
    assert told == [1, 2, 3]
    assert rooms.encode(deaf.state) == rooms.encode(edge.replica.state)
    await ask(edge.owner, RAVI, say("text 3"))
    deaf.mind_silence()
    await asyncio.sleep(0)
    assert deaf._catching_up is None, "it was just looked"
    await asyncio.sleep(0.1)
    deaf.mind_silence()
    await until(lambda: told == [1, 2, 3, 4])


async def test_news_is_applied_at_once_even_while_the_journal_is_being_read(edge: Edge) -> None:
    replica = Replica("physics", edge.journal, lambda events: None)
    await replica.load()
    await edge.bus.subscribe("physics", replica.hear)
    replica.hear(Head(3))  # further than the log goes: the journal is read in vain
    for n in range(5):
        await ask(edge.owner, RAVI, say(f"text {n}"))
        assert replica.seq == n + 1
    await replica.stop()


async def test_only_what_is_committed_is_announced_as_the_head(edge: Edge) -> None:
    heads: list[tuple[int, int]] = []

    def hear(message: object) -> None:
        if isinstance(message, Head):
            heads.append((message.seq, edge.replica.seq))

    await edge.bus.subscribe("physics", hear)
    busy = True

    async def talk() -> None:
        while busy:
            await asyncio.gather(*(ask(edge.owner, RAVI, say("text")) for _ in range(50)))

    talking = asyncio.create_task(talk())
    for later in range(20):
        await asyncio.sleep(0.01)
        edge.owner.announce(asyncio.get_running_loop().time() + later * HEAD_SELDOM)
    busy = False
    await talking
    assert len(heads) == 20
    assert all(announced <= seen for announced, seen in heads)


async def test_an_announcement_heard_twice_is_applied_once(edge: Edge) -> None:
    followed: list[int] = []
    replica = Replica("physics", edge.journal, lambda events: followed.extend(s.meta.seq for s in events))
    await replica.load()
    await ask(edge.owner, RAVI, say("one"))
    await ask(edge.owner, RAVI, say("two"))
    entries = tuple(Entry(s.meta, s.event) for s in await whole_log(edge.journal))  # type: ignore[arg-type]
    replica.hear(Appended(0, entries[:1]))
    replica.hear(Appended(0, entries))
    replica.hear(Appended(1, entries[1:]))
    replica.hear(Head(2))
    assert followed == [1, 2]


async def test_an_announcement_during_loading_is_not_lost(edge: Edge) -> None:
    replica = Replica("physics", edge.journal, lambda events: None)
    replica.hear(Head(1))
    loading = asyncio.create_task(replica.load())
    await ask(edge.owner, RAVI, say("one"))
    await loading
    while replica.seq < 1:
        await asyncio.sleep(0.01)
    assert replica.seq == 1


async def test_a_replica_tells_what_was_missed_or_that_it_cannot(edge: Edge) -> None:
    for n in range(150):
        await ask(edge.owner, RAVI, say(f"text {n}"))
    replica = edge.replica
    missed = replica.since(140)
    assert missed is not None
    assert [s.meta.seq for s in missed] == list(range(141, 151))
    assert replica.since(150) == []
    assert replica.since(50) is not None
    assert replica.since(49) is None
    assert replica.since(151) is None
    fresh = Replica("physics", edge.journal, lambda events: None, recent=100)
    await fresh.load()
    assert [s.meta.seq for s in fresh.recent] == list(range(51, 151))
