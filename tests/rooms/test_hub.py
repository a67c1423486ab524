"""The hub: everybody sees what is meant for them once and in order, encoded once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from classroom import packets, wire
from classroom.kernel import ALL, Member, Meta, Stored
from classroom.polls import rules as poll_rules
from classroom.polls.model import Ballot, Voted
from classroom.rooms import groups
from classroom.rooms import room as rooms
from classroom.wire import Codec
from tests.rooms.edge import TICK, Edge
from tests.rooms.shells import ASHA, RAVI, TEACHER, Recorder, ask, command, say


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


async def test_whoever_leaves_is_forgotten_entirely(edge: Edge) -> None:
    sessions = [edge.enter(ASHA)[0] for _ in range(3)]
    await ask(edge.owner, RAVI, say("hello"))
    for session in sessions:
        edge.hub.remove(session)
    await edge.quiet()
    assert not edge.hub.sessions
    assert not edge.hub.by_member
    assert not any(group.members for group in edge.hub._groups.values())


@pytest.mark.parametrize("voters", [20, 200])
async def test_of_many_votes_each_voter_is_shown_their_own_and_no_ballot_is_looked_at_for_all_of_them(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, voters: int
) -> None:
    looked: list[int] = []
    real = poll_rules.view

    def view(event: Any, audience: Any) -> Any:
        looked.append(len(event.ballots))
        return real(event, audience)

    monkeypatch.setitem(rooms._VIEW, Voted, view)
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
