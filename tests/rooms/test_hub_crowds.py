"""A crowd in a room: told in slices, and less often while many come; nobody misses anything or gets it twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from classroom.kernel import Member
from classroom.polls.model import Voted
from classroom.rooms import pace, rounds
from classroom.rooms import room as rooms
from classroom.rooms.session import Session
from classroom.rooms.signals import Present
from classroom.wire import Codec
from tests.rooms.edge import TICK, Crowd, Edge
from tests.rooms.shells import ASHA, RAVI, TEACHER, Recorder, ask, command, say, whole_log
from tests.running import until


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
