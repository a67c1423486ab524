"""The hub and the replica: everybody sees what is meant for them once and in order, encoded once, bounded per member."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from classroom import packets, wire
from classroom.bus.local import LocalBus
from classroom.bus.port import Appended, Entry, Head
from classroom.journal.port import Journal
from classroom.journal.sql import open_journal
from classroom.kernel import ALL, STAFF, Member, Meta, Stored
from classroom.metrics import Metrics
from classroom.polls import rules as poll_rules
from classroom.polls.model import Ballot, Voted
from classroom.rooms import groups, pace, rounds
from classroom.rooms import room as rooms
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.owner import Owner
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session
from classroom.rooms.signals import Present, TypingBy
from classroom.whiteboard.model import Changed, Drawn, InkBy
from classroom.wire import Codec
from tests.rooms.shells import ASHA, RAVI, TEACHER, Clock, Recorder, ask, command, owner_of, say, whole_log
from tests.running import until

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


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    journal = await open_journal(f"sqlite:///{tmp_path}/journal.db")
    bus = LocalBus()
    owner = await owner_of(journal, bus, Clock())
    resynced: list[Session] = []
    replica = Replica("physics", journal, lambda events: hub.events(events), recent=100)
    hub = Hub(replica, Metrics(), Bounds(TICK, 1_000, 0.2), resynced.append)
    await bus.subscribe("physics", replica.hear)
    await replica.load()
    yield Edge(owner, replica, hub, bus, journal, resynced)
    hub.close()
    await replica.stop()
    await owner.stop()
    await journal.close()


async def test_the_first_event_after_quiet_leaves_at_once_and_what_follows_in_the_tick_is_one_packet(
    edge: Edge,
) -> None:
    _, link = edge.enter(ASHA)
    await asyncio.sleep(TICK * 2)
    clock = asyncio.get_running_loop().time
    await ask(edge.owner, RAVI, say("first"))
    await asyncio.sleep(0)
    at_once, begun = len(link.packets), clock()
    for n in range(5):
        await ask(edge.owner, RAVI, say(f"then {n}"))
    ticks = (clock() - begun) / TICK
    await edge.quiet()
    assert at_once == 1
    assert len(link.packets) <= 3 + ticks
    assert link.seqs == [1, 2, 3, 4, 5, 6]


async def test_an_event_is_encoded_once_per_codec_for_all_who_are_shown_the_same(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[Codec] = []
    real = wire.item
    monkeypatch.setattr(wire, "item", lambda codec, meta, event: encoded.append(codec) or real(codec, meta, event))
    links = [
        edge.enter(Member(f"s{n}", "S", ASHA.role), codec)[1]
        for n in range(50)
        for codec in (Codec.JSON, Codec.MSGPACK)
    ]
    staff = [edge.enter(Member(f"t{n}", "T", TEACHER.role))[1] for n in range(3)]
    await ask(edge.owner, RAVI, say("to everybody"))
    await edge.quiet()
    assert sorted(encoded) == [Codec.JSON, Codec.MSGPACK]
    assert all(link.seqs == [1] for link in links + staff)
    assert len({id(link.raw[0]) for link in links + staff if link.codec is Codec.JSON}) == 1


async def test_what_the_staff_are_shown_otherwise_is_encoded_for_them_alone(edge: Edge) -> None:
    _, ravi = edge.enter(RAVI)
    _, teacher = edge.enter(TEACHER)
    spec = {"question": "Which?", "kind": "quiz", "options": ["one", "two"], "right": [1]}
    prepared = await ask(edge.owner, TEACHER, command("poll.prepare", spec=spec))
    await ask(edge.owner, RAVI, say("before"))
    await ask(edge.owner, TEACHER, command("poll.open", id=prepared.seq))
    await edge.quiet()
    assert "'right': [1]" in str(teacher.packets)
    assert "right" not in str(ravi.packets)
    assert teacher.seqs == [1, 2, 3]
    assert ravi.seqs == [2, 3]


async def test_a_member_is_shown_their_own_and_the_others_are_not(edge: Edge) -> None:
    _, asha = edge.enter(ASHA)
    _, ravi = edge.enter(RAVI)
    _, teacher = edge.enter(TEACHER)
    await ask(edge.owner, ASHA, command("doubt.ask", text="Only for the staff and me?"))
    await ask(edge.owner, ASHA, say("for all"))
    await edge.quiet()
    assert asha.seqs == [1, 2]
    assert teacher.seqs == [1, 2]
    assert ravi.seqs == [2]
    assert "Only for" not in str(ravi.packets)


async def test_a_tick_that_hides_everything_from_the_students_sends_them_nothing(edge: Edge) -> None:
    _, ravi = edge.enter(RAVI)
    await ask(edge.owner, ASHA, command("doubt.ask", text="Hidden"))
    await edge.quiet()
    assert ravi.packets == []


async def test_whoever_comes_in_during_a_tick_gets_what_follows_and_nothing_twice(edge: Edge) -> None:
    edge.enter(ASHA)
    entered: list[tuple[int, Recorder]] = []
    for n in range(40):
        await ask(edge.owner, TEACHER, say(f"text {n}"))
        entered.append((edge.replica.seq, edge.enter(Member(f"s{n}", "S", ASHA.role))[1]))
        if n % 7 == 0:
            await asyncio.sleep(TICK)
    await edge.quiet()
    for since, link in entered:
        assert link.seqs == list(range(since + 1, 41))


async def test_a_slow_member_is_bounded_brought_up_to_date_and_holds_up_nobody(edge: Edge) -> None:
    session, slow = edge.enter(ASHA)
    _, other = edge.enter(RAVI)
    slow.stuck = 5_000
    for n in range(3):
        await ask(edge.owner, TEACHER, say(f"while stuck {n}"))
        await asyncio.sleep(TICK * 1.5)
    got_while_stuck = list(slow.packets)
    slow.stuck = 0
    await edge.quiet()
    await ask(edge.owner, TEACHER, say("after"))
    await edge.quiet()
    assert got_while_stuck == []
    assert edge.resynced == [session]
    assert session.since == 0
    assert other.seqs == [1, 2, 3, 4]
    assert slow.seqs == [4]


async def test_a_member_who_stays_behind_is_disconnected_with_the_reason(edge: Edge) -> None:
    session, slow = edge.enter(ASHA)
    slow.stuck = 5_000
    await ask(edge.owner, TEACHER, say("too much"))
    await asyncio.sleep(0.4)
    assert slow.bye is not None
    assert (slow.bye.code, slow.bye.temporary) == ("too_slow", True)
    assert session not in edge.hub.sessions


async def test_signals_of_one_kind_replace_each_other_and_the_staffs_stay_with_the_staff(edge: Edge) -> None:
    _, asha = edge.enter(ASHA)
    _, teacher = edge.enter(TEACHER)
    edge.hub.signal(Present(1))
    await asyncio.sleep(TICK)
    for n in range(2, 6):
        edge.hub.signal(Present(n))
    edge.hub.signal(TypingBy("ravi", "Ravi"), STAFF)
    await edge.quiet()
    counts = [s["count"] for name, payload in asha.packets for s in payload if s["type"] == "present"]
    assert counts == [1, 5]
    assert "typing_by" not in str(asha.packets)
    assert "typing_by" in str(teacher.packets)


async def test_in_a_crowd_counts_wait_for_company_and_go_in_one_write_with_it(edge: Edge) -> None:
    _, asha = edge.enter(ASHA)
    _, teacher = edge.enter(TEACHER)
    edge.hub.signal(Present(1))
    await asyncio.sleep(TICK)
    edge.hub._pace.frame_cost = 1.0  # what a frame to each of a hundred thousand members costs
    edge.hub.signal(Present(2))
    await edge.quiet()
    alone = [s["count"] for _, payload in asha.packets for s in payload]
    assert [s["count"] for _, payload in teacher.packets for s in payload] == [1, 2]
    await ask(edge.owner, TEACHER, say("look here"))
    await edge.quiet()
    assert alone == [1]
    assert [name for name, _ in asha.packets] == ["signals", "events", "signals"]
    assert asha.packets[-1][1] == [{"type": "present", "count": 2}]
    assert asha.writes == [1, 2]


async def test_in_a_crowd_counts_are_told_after_a_while_where_nothing_else_happens(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LONGEST_SIGNAL", 0.2)
    _, asha = edge.enter(ASHA)
    edge.hub._pace.frame_cost = 1.0
    edge.hub.signal(Present(1))
    edge.hub.signal(Present(2))
    await asyncio.sleep(0.1)
    early = len(asha.packets)
    edge.hub.signal(Present(3))
    await asyncio.sleep(0.3)
    assert early <= 1
    assert asha.packets[-1][1] == [{"type": "present", "count": 3}]
    assert len(asha.packets) == early + 1


async def test_nothing_waits_for_an_audience_that_is_not_here(edge: Edge) -> None:
    edge.enter(TEACHER)
    edge.hub.signal(Present(1))
    await edge.quiet()
    assert edge.hub._flush_at is None


async def test_a_signal_that_finds_no_room_is_let_go(edge: Edge) -> None:
    _, slow = edge.enter(ASHA)
    slow.stuck = 5_000
    edge.hub.signal(Present(1))
    await edge.quiet()
    assert slow.packets == []


async def test_whoever_leaves_is_forgotten_entirely(edge: Edge) -> None:
    sessions = [edge.enter(ASHA)[0] for _ in range(3)]
    await ask(edge.owner, RAVI, say("hello"))
    for session in sessions:
        edge.hub.remove(session)
    await edge.quiet()
    assert not edge.hub.sessions
    assert not edge.hub.by_member
    assert not any(group.members for group in edge.hub._groups.values())


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
    while len(heads) < 20:
        await asyncio.sleep(0.01)
        edge.owner.announce(asyncio.get_running_loop().time())
    busy = False
    await talking
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
        edge.hub._loop = self.clock  # type: ignore[assignment]
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


async def test_while_many_come_in_a_crowd_is_told_less_often_but_at_once_what_the_staff_say(edge: Edge) -> None:
    crowd = Crowd(edge)
    crowd.come(pace.RUSH + 1)
    assert crowd.told_within(0.0, RAVI)
    assert not crowd.told_within(pace.LONGEST_RUSH - 0.1, RAVI)
    assert crowd.told_within(0.1, RAVI)
    assert not crowd.told_within(TICK / 2, TEACHER)  # every flush is a tick after the last
    assert crowd.told_within(TICK / 2, TEACHER)


async def test_who_come_in_one_by_one_do_not_keep_a_crowd_waiting(edge: Edge) -> None:
    crowd = Crowd(edge)
    crowd.come(pace.RUSH - 1)
    assert crowd.told_within(0.0, RAVI)
    assert not crowd.told_within(pace.LONGEST_TICK - 0.1, RAVI)
    assert crowd.told_within(0.1, RAVI)


async def test_when_all_are_in_a_crowd_is_told_as_often_as_before(edge: Edge) -> None:
    crowd = Crowd(edge)
    crowd.come(pace.RUSH + 1)
    assert crowd.told_within(0.0, RAVI)
    assert crowd.told_within(pace.LONGEST_RUSH, RAVI)
    assert crowd.told_within(pace.LONGEST_TICK, RAVI)


async def test_a_stroke_goes_on_and_ends_sooner_than_a_tick_after_its_last_piece(edge: Edge) -> None:
    # given a stroke of which a crowd has just been told
    crowd, soon = Crowd(edge), TICK * pace.DRAWN_TICK
    edge.hub._pace.frame_cost = 0.0

    def ink(after: int) -> None:
        look = {"type": "freedraw"} if after == 0 else None
        edge.hub.signal(InkBy(page=0, id="stroke", by="t", after=after, ink=b"12", look=look))

    def told() -> int:
        return sum(name == "signals" for name, _ in crowd.links[0].packets)

    ink(0)
    crowd.clock.pass_by(0.0)
    assert told() == 1

    # when it goes on, then it is told soon
    ink(2)
    crowd.clock.pass_by(soon / 2)
    assert told() == 1
    crowd.clock.pass_by(soon / 2)
    assert told() == 2

    # and so is that it has ended, but not what somebody says
    assert not crowd.told_within(soon, RAVI)
    change = Changed(id="stroke", version=1, nonce=1, set={"type": "freedraw"}, points=b"12")
    edge.hub.events([Stored(Meta(90, 1_000, "t"), Drawn(page=0, by="t", changes=(change,), added=1))])
    crowd.clock.pass_by(0.0)
    assert crowd.links[0].seqs[-1] == 90


async def test_a_very_large_crowd_is_told_of_a_stroke_as_of_all_else(edge: Edge) -> None:
    crowd = Crowd(edge)
    edge.hub._pace.frame_cost = 0.3 * pace.DRAWN_SHARE / len(crowd.links)
    for after in (0, 2):
        look = {"type": "freedraw"} if after == 0 else None
        edge.hub.signal(InkBy(page=0, id="stroke", by="t", after=after, ink=b"12", look=look))
        crowd.clock.pass_by(0.33 * after / 2)
    assert [name for name, _ in crowd.links[0].packets].count("signals") == 1
    crowd.clock.pass_by(0.15)
    assert [name for name, _ in crowd.links[0].packets].count("signals") == 2


@pytest.mark.parametrize("voters", [20, 200])
async def test_of_many_votes_each_voter_is_shown_their_own_and_no_ballot_is_looked_at_for_all_of_them(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, voters: int
) -> None:
    looked: list[int] = []
    real = poll_rules.view

    def view(event: Any, audience: Any) -> Any:
        looked.append(len(event.ballots))
        return real(event, audience)

    monkeypatch.setattr(poll_rules, "view", view)
    links = [edge.enter(Member(f"s{n}", "S", ASHA.role))[1] for n in range(voters)]
    ballots = tuple(Ballot(f"s{n}", (n % 3,)) for n in range(voters))
    edge.hub.events([Stored(Meta(1, 1_000, "system"), Voted(id=1, count=voters, ballots=ballots))])
    edge.hub.flush()
    assert [[e["ballots"] for e in link.packets[0][1]] for link in links] == [
        [[[f"s{n}", [n % 3], None]]] for n in range(voters)
    ]
    assert sum(looked) == 2 * voters  # once for those who are shown nothing of them, and each for its voter


def test_packets_are_what_socketio_clients_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Stored(Meta(7, 1_000, "asha"), say_event("Grüße 🎉"))
    items: dict[Codec, Any] = {codec: groups.item(codec, stored, ALL) for codec in Codec}
    for codec, item in items.items():
        for many in (1, 15, 16, 70_000):
            packet = packets.message(codec, "events", wire.join(codec, [item] * many))
            recorder = Recorder(codec)
            recorder.write(packet)
            name, payload = recorder.packets[0]
            assert name == "events"
            assert len(payload) == many
            assert payload[-1]["text"] == "Grüße 🎉"
            assert (payload[-1]["seq"], payload[-1]["at"], payload[-1]["type"]) == (7, 1_000, "chat.said")


def say_event(text: str) -> Any:
    state = rooms.Room()
    return rooms.decide(state, say(text), ASHA, 1_000)[0]


async def test_a_crowd_is_told_in_slices_between_which_others_have_their_turn(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SLICE", 5)
    monkeypatch.setattr(rounds, "LONGEST", 0)  # else a turn takes as long as the others took, here for looking
    links = [edge.enter(Member(f"s{n}", "S", ASHA.role))[1] for n in range(40)]
    await edge.quiet()
    told: list[int] = []
    following = asyncio.get_running_loop().call_soon

    def look() -> None:
        told.append(sum(1 in link.seqs for link in links))
        if told[-1] < 40:
            following(look)

    following(look)
    await ask(edge.owner, RAVI, say("to a crowd"))
    await until(lambda: told[-1] == 40)
    assert sorted(set(told)) == list(range(0, 41, 5)), "nobody else had a turn between two slices"


async def test_whoever_comes_goes_or_changes_while_a_crowd_is_told_misses_nothing_and_gets_nothing_twice(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SLICE", 3)
    dice = random.Random(7)
    since: dict[Session, tuple[Recorder, int, int]] = {}  # from which place on, and how many packets came before

    def come(number: int) -> None:
        session, link = edge.enter(Member(f"s{number}", "S", ASHA.role), dice.choice(list(Codec)))
        since[session] = link, edge.replica.seq, 0

    for number in range(40):
        come(number)
    number, sent, went = 40, [], []
    spec = {"question": "Which?", "kind": "single", "options": ["a", "b"], "changeable": True}
    poll = (await ask(edge.owner, TEACHER, command("poll.prepare", spec=spec))).seq
    await ask(edge.owner, TEACHER, command("poll.open", id=poll))
    for _ in range(400):
        match dice.randrange(9):
            case 0 | 1:
                sent.append(asyncio.create_task(ask(edge.owner, TEACHER, say("more"))))
            case 2:
                come(number := number + 1)
            case 3:
                session = dice.choice(list(since))
                edge.hub.change(session, Member(session.member.id, "Other", dice.choice([ASHA, TEACHER]).role))
                since[session] = since[session][0], edge.replica.seq, len(since[session][0].packets)
            case 4 if len(since) > 20:
                session = dice.choice(list(since))
                edge.hub.remove(session)
                link = since.pop(session)[0]
                went.append((link, len(link.packets)))
            case 5:
                edge.hub.signal(Present(number))
            case 6:
                for voter in dice.sample(range(number), 10):
                    vote = command("poll.vote", id=poll, choice=[dice.randrange(2)])
                    member = Member(f"s{voter}", "S", ASHA.role)
                    sent.append(asyncio.create_task(ask(edge.owner, member, vote)))
            case _:
                await asyncio.sleep(0)
    await asyncio.gather(*sent)
    await ask(edge.owner, TEACHER, say("the last"))
    last, log = edge.replica.seq, await whole_log(edge.journal)
    assert last > 50
    assert sum(isinstance(stored.event, Voted) for stored in log) > 10
    await until(lambda: all(link.seqs[-1:] == [last] for link, before, _ in since.values() if before < last))
    for session, (link, before, heard) in since.items():
        seqs = [e["seq"] for name, payload in link.packets[heard:] if name == "events" for e in payload]
        assert seqs == [s.meta.seq for s in log[before:] if rooms.view(s.event, session.audience) is not None]
    assert all(len(link.packets) == heard for link, heard in went)


async def test_a_write_that_fails_stops_nothing_and_who_missed_it_is_brought_up_to_date(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, link = edge.enter(ASHA)
    await edge.quiet()
    with monkeypatch.context() as patch:
        patch.setattr(edge.hub, "_offer", _fail)
        await ask(edge.owner, RAVI, say("first"))
        await edge.quiet()
    await until(lambda: edge.resynced == [session])
    await ask(edge.owner, RAVI, say("second"))
    await edge.quiet()
    assert link.seqs[-1] == edge.replica.seq


def _fail(*_: object) -> list[Session]:
    raise ZeroDivisionError
