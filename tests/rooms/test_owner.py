"""The owner: acknowledged means kept, one order, one owner, every command applied once, every refusal answered."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from classroom.bus.local import LocalBus
from classroom.bus.port import Appended, Head, Message, Request
from classroom.journal.port import Journal, Unavailable
from classroom.kernel import SYSTEM, Member, Stored
from classroom.polls.model import Voted
from classroom.rooms import room as rooms
from classroom.rooms.loading import load
from classroom.rooms.owner import RELOAD_AFTER, Owner
from classroom.rooms.room import AnyCommand
from classroom.rooms.roster.model import Attend, Person
from tests.rooms.shells import ASHA, RAVI, TEACHER, Clock, Troubled, ask, command, folded, owner_of, say, whole_log


async def test_what_is_acknowledged_is_in_the_journal(journal: Journal, bus: LocalBus, clock: Clock) -> None:
    owner = await owner_of(journal, bus, clock)
    reply = await ask(owner, ASHA, say("hello"))
    log = await whole_log(journal)
    assert reply.ok
    assert [(s.meta.seq, s.meta.by, s.event.text) for s in log] == [(reply.seq, "asha", "hello")]  # type: ignore[attr-defined]
    await owner.stop()


async def test_what_arrives_together_is_one_transaction_in_order_of_arrival(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    heard: list[Message] = []
    await bus.subscribe("physics", heard.append)
    replies = await asyncio.gather(*(ask(owner, ASHA, say(f"text {n}")) for n in range(50)))
    appended = [message for message in heard if isinstance(message, Appended)]
    assert [reply.seq for reply in replies] == list(range(1, 51))
    assert sum(len(message.entries) for message in appended) == 50
    assert len(appended) <= 2
    await owner.stop()


async def test_news_is_published_after_it_is_committed_and_before_it_is_acknowledged(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    order: list[str] = []
    heads: list[asyncio.Task[None]] = []

    async def look() -> None:
        info = await sqlite.room("physics")
        assert info is not None
        order.append(f"committed {info.head}")

    def hear(message: Message) -> None:
        if isinstance(message, Appended):
            order.append("published")
            heads.append(asyncio.create_task(look()))

    await bus.subscribe("physics", hear)
    await ask(owner, ASHA, say("hello"))
    order.append("acknowledged")
    await asyncio.gather(*heads)
    assert order == ["published", "acknowledged", "committed 1"]
    await owner.stop()


async def test_a_retried_command_is_applied_once_and_answered_as_the_first_time(
    journal: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(journal, bus, clock)
    first = await ask(owner, ASHA, say("hello", "same"))
    again = await asyncio.gather(*(ask(owner, ASHA, say("hello", "same")) for _ in range(3)))
    other = await ask(owner, RAVI, say("hello", "same"))
    await owner.stop()
    later = await owner_of(journal, bus, clock)
    after_restart = await ask(later, ASHA, say("hello", "same"))
    assert [reply.seq for reply in again] == [first.seq] * 3
    assert (after_restart.ok, after_restart.seq) == (True, first.seq)
    assert other.seq != first.seq
    assert len(await whole_log(journal)) == 2
    await later.stop()


async def test_a_retry_that_would_now_be_refused_is_answered_as_kept(
    journal: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(journal, bus, clock)
    said = await ask(owner, ASHA, say("helo"))
    kept = await ask(owner, ASHA, command("chat.edit", "e", id=said.seq, text="hello"))
    await ask(owner, ASHA, command("chat.delete", id=said.seq))
    await owner.stop()
    later = await owner_of(journal, bus, clock)
    again = await ask(later, ASHA, command("chat.edit", "e", id=said.seq, text="hello"))
    fresh = await ask(later, ASHA, command("chat.edit", "another", id=said.seq, text="hello"))
    assert (again.ok, again.seq) == (True, kept.seq)
    assert (fresh.ok, fresh.code) == (False, "not_found")
    await later.stop()


async def poll_of(owner: Owner) -> int:
    """An open poll in which a vote may be changed."""
    spec = {"question": "Which?", "kind": "single", "options": ["a", "b"], "changeable": True}
    prepared = await ask(owner, TEACHER, command("poll.prepare", spec=spec))
    await ask(owner, TEACHER, command("poll.open", id=prepared.seq))
    return prepared.seq


def vote(poll: int, choice: int, cid: str | None = None) -> AnyCommand:
    return command("poll.vote", cid, id=poll, choice=[choice])


async def choice_of(journal: Journal, poll: int, member: Member) -> tuple[int, ...]:
    """What the log says that they voted for."""
    return folded(await whole_log(journal)).polls.polls[poll].votes[member.id].choice


@pytest.mark.parametrize("moves", [False, True], ids=["same owner", "owner moved"])
async def test_a_late_retry_of_what_changed_nothing_undoes_nothing_that_came_since(
    journal: Journal, bus: LocalBus, clock: Clock, moves: bool
) -> None:
    # given a vote that stood already
    owner = await owner_of(journal, bus, clock)
    poll = await poll_of(owner)
    await ask(owner, ASHA, vote(poll, 0))
    first = await ask(owner, ASHA, vote(poll, 0, "stood already"))
    assert first.ok
    # when another came after it, and then a copy of it that was held up on its way
    await ask(owner, ASHA, vote(poll, 1))
    if moves:
        await owner.stop()
        owner = await owner_of(journal, bus, clock)
    late = await ask(owner, ASHA, vote(poll, 0, "stood already"))
    # then the copy is answered like the first, and the newer vote stands
    assert (late.ok, late.seq) == (True, first.seq)
    assert await choice_of(journal, poll, ASHA) == (1,)
    await owner.stop()


async def test_an_owner_that_has_lost_its_room_says_of_nothing_that_it_stands_already(
    journal: Journal, clock: Clock
) -> None:
    first = await owner_of(journal, LocalBus(), clock)
    poll = await poll_of(first)
    await ask(first, ASHA, vote(poll, 0))
    second = await owner_of(journal, LocalBus(), clock)
    await ask(second, ASHA, vote(poll, 1))
    stale = await ask(first, ASHA, vote(poll, 0, "back to a"))
    assert (stale.ok, stale.code) == (False, "moved")
    assert (await ask(second, ASHA, vote(poll, 0, "back to a"))).ok
    assert await choice_of(journal, poll, ASHA) == (0,)
    await first.stop()
    await second.stop()


async def test_a_crowds_retries_are_answered_as_the_first_time_and_leave_no_further_marks(
    journal: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(journal, bus, clock)
    poll = await poll_of(owner)
    voters = [msgspec.structs.replace(ASHA, id=f"s{n}") for n in range(500)]

    async def all_vote(owner: Owner) -> list[int]:
        replies = await asyncio.gather(*(ask(owner, v, vote(poll, n % 2, "v")) for n, v in enumerate(voters)))
        assert all(reply.ok for reply in replies)
        return [reply.seq for reply in replies]

    before = await all_vote(owner)
    await ask(owner, TEACHER, say("meanwhile"))
    await owner.stop()
    later = await owner_of(journal, bus, clock)
    assert await all_vote(later) == before
    assert len({await choice_of(journal, poll, voter) for voter in voters[:2]}) == 2
    await later.stop()


async def test_the_same_command_twice_in_one_transaction_is_applied_once(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    replies = await asyncio.gather(*(ask(owner, ASHA, say("hello", "same")) for _ in range(20)))
    assert {(reply.ok, reply.seq) for reply in replies} == {(True, 1)}
    assert len(await whole_log(sqlite)) == 1
    await owner.stop()


async def test_a_refusal_has_a_code_a_sentence_and_whether_to_try_again(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    reply = await ask(owner, ASHA, command("class.start"))
    assert (reply.ok, reply.code, reply.temporary) == (False, "forbidden", False)
    assert reply.message.endswith(".")
    assert await whole_log(sqlite) == []
    await owner.stop()


async def test_votes_of_one_tick_become_one_event(sqlite: Journal, bus: LocalBus, clock: Clock) -> None:
    owner = await owner_of(sqlite, bus, clock)
    spec = {"question": "Which?", "kind": "single", "options": ["a", "b"]}
    prepared = await ask(owner, TEACHER, command("poll.prepare", spec=spec))
    await ask(owner, TEACHER, command("poll.open", id=prepared.seq))
    voters = [msgspec.structs.replace(ASHA, id=f"s{n}") for n in range(500)]
    replies = await asyncio.gather(
        *(ask(owner, v, command("poll.vote", id=prepared.seq, choice=[n % 2])) for n, v in enumerate(voters))
    )
    await ask(owner, TEACHER, command("poll.close", id=prepared.seq))
    log = await whole_log(sqlite)
    votes = [s.event for s in log if isinstance(s.event, Voted)]
    closed: Any = log[-1].event
    assert all(reply.ok for reply in replies)
    assert sum(len(event.ballots) for event in votes) == 500
    assert len(votes) <= 3
    assert closed.tally.counts == (250, 250)
    await owner.stop()


async def test_a_rooms_time_goes_on_where_the_owner_before_had_a_clock_that_was_ahead(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    clock.now += 3_600_000
    before = await owner_of(sqlite, bus, clock)
    spec = {"question": "Which?", "kind": "single", "options": ["a", "b"], "seconds": 30}
    prepared = await ask(before, TEACHER, command("poll.prepare", spec=spec))
    await ask(before, TEACHER, command("poll.open", id=prepared.seq))
    await before.stop()
    clock.now -= 3_600_000
    owner = await owner_of(sqlite, bus, clock)
    clock.now += 20_000
    early = await ask(owner, ASHA, command("poll.vote", id=prepared.seq, choice=[0]))
    clock.now += 11_000
    late = await ask(owner, RAVI, command("poll.vote", id=prepared.seq, choice=[1]))
    times = [stored.meta.at for stored in await whole_log(sqlite)]
    assert early.ok
    assert not late.ok
    assert times == sorted(times)
    await owner.stop()


async def test_a_poll_is_closed_by_the_servers_clock_without_anybody_asking(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    closed = asyncio.Event()

    def hear(message: Message) -> None:
        if isinstance(message, Appended) and any(
            type(entry.event).__struct_config__.tag == "poll.closed" for entry in message.entries
        ):
            closed.set()

    await bus.subscribe("physics", hear)
    spec = {"question": "Which?", "kind": "single", "options": ["a", "b"], "seconds": 30}
    prepared = await ask(owner, TEACHER, command("poll.prepare", spec=spec))
    await ask(owner, TEACHER, command("poll.open", id=prepared.seq))
    clock.now += 30_000
    late = await ask(owner, ASHA, command("poll.vote", id=prepared.seq, choice=[0]))
    await asyncio.wait_for(closed.wait(), 5)
    assert not late.ok
    await owner.stop()


async def test_of_two_owners_on_one_journal_the_loser_stands_down_and_the_log_has_no_gap(
    journal: Journal, clock: Clock
) -> None:
    buses = LocalBus(), LocalBus()  # as if neither knew of the other
    owners = [await owner_of(journal, bus, clock) for bus in buses]

    async def talk(which: int) -> list[str]:
        kept = []
        for n in range(60):
            cid = f"{which}-{n}"
            while True:
                reply = await ask(owners[which], ASHA, say(cid, cid))
                if reply.ok:
                    kept.append(cid)
                    break
                assert reply.code == "moved"
                assert owners[which].lost.is_set()
                owners[which] = await owner_of(journal, buses[which], clock)
        return kept

    kept = [cid for cids in await asyncio.gather(talk(0), talk(1)) for cid in cids]
    log = await whole_log(journal)
    assert [s.meta.seq for s in log] == list(range(1, 121))
    assert sorted(s.event.text for s in log) == sorted(kept)  # type: ignore[attr-defined]
    for owner in owners:
        await owner.stop()


async def test_an_owner_that_has_lost_its_room_answers_moved_and_writes_nothing_more(
    sqlite: Journal, clock: Clock
) -> None:
    first = await owner_of(sqlite, LocalBus(), clock)
    second = await owner_of(sqlite, LocalBus(), clock)
    await ask(second, ASHA, say("mine"))
    lost = await asyncio.gather(*(ask(first, RAVI, say(f"late {n}")) for n in range(5)))
    assert {(reply.ok, reply.code, reply.temporary) for reply in lost} == {(False, "moved", True)}
    assert len(await whole_log(sqlite)) == 1
    await first.stop()
    await second.stop()


async def test_when_the_journal_takes_nothing_commands_are_refused_for_now_and_nothing_is_half_done(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    troubled = Troubled(sqlite)
    owner = await owner_of(troubled, bus, clock)  # type: ignore[arg-type]
    troubled.before = [Unavailable("disk full")]
    refused = await ask(owner, ASHA, say("lost?", "x"))
    again = await ask(owner, ASHA, say("lost?", "x"))
    state, *_ = await load(sqlite, "physics")
    assert (refused.ok, refused.code, refused.temporary) == (False, "unavailable", True)
    assert again.ok
    assert [message.text for message in state.chat.messages.values()] == ["lost?"]
    await owner.stop()


async def test_an_outage_of_the_journal_is_told_once_however_often_it_is_tried_and_so_is_its_end(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    troubled = Troubled(sqlite)
    owner = await owner_of(troubled, bus, clock)  # type: ignore[arg-type]
    with capture_logs() as logs:
        for _ in range(2):
            troubled.before = [Unavailable("disk full")] * 5 + [Unavailable("starting up")] * 5
            for number in range(10):
                assert not (await ask(owner, ASHA, say(f"try {number}", "x"))).ok
            assert (await ask(owner, ASHA, say("at last"))).ok
    assert [(log["event"], log.get("error")) for log in logs] == [
        ("the journal does not take the commands", "disk full"),
        ("the journal does not take the commands", "starting up"),
        ("the journal takes the commands again", None),
    ] * 2
    await owner.stop()


async def test_a_commit_whose_answer_was_lost_is_found_by_the_retry_and_announced(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    troubled = Troubled(sqlite)
    owner = await owner_of(troubled, bus, clock)  # type: ignore[arg-type]
    troubled.after = [Unavailable("connection lost")]
    unsure = await ask(owner, ASHA, say("kept after all", "x"))
    again = await ask(owner, ASHA, say("kept after all", "x"))
    assert (unsure.ok, unsure.temporary) == (False, True)
    assert (again.ok, again.seq) == (True, 1)
    assert len(await whole_log(sqlite)) == 1
    await owner.stop()


async def test_what_was_committed_though_the_answer_was_lost_is_announced_once_it_is_found(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    troubled = Troubled(sqlite)
    owner = await owner_of(troubled, bus, clock)  # type: ignore[arg-type]
    heard = asyncio.Queue[Message]()
    await bus.subscribe("physics", heard.put_nowait)
    owner.stir = lambda: owner.announce(asyncio.get_running_loop().time())  # which comes within a second
    troubled.after = [Unavailable("connection lost")]
    assert not (await ask(owner, ASHA, say("kept after all"))).ok
    async with asyncio.timeout(RELOAD_AFTER + 2):
        assert await heard.get() == Head(1)
    await owner.stop()


class Accompanied(LocalBus):
    """A bus that others, elsewhere, follow the room on."""

    def alone(self, room: str) -> bool:
        return False


@pytest.mark.parametrize("bus", [LocalBus(), Accompanied()], ids=["alone", "followed elsewhere"])
async def test_the_head_is_told_each_second_for_a_while_where_somebody_elsewhere_may_have_missed_it_and_else_seldom(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    stirred: list[str] = []
    owner.stir = lambda: stirred.append("stirred")
    owner.announce(0.0)
    heard: list[Message] = []
    await bus.subscribe("physics", heard.append)
    assert (await ask(owner, ASHA, say("hello"))).ok
    assert (owner.restless(100.0), stirred) == ((False, []) if bus.alone("physics") else (True, ["stirred"]))
    for second in range(12):
        owner.announce(100.0 + second)
    heads = [message for message in heard if isinstance(message, Head)]
    assert heads == [Head(1)] * (3 if bus.alone("physics") else 6)
    assert not owner.restless(112.0)
    await owner.stop()


async def test_one_commands_duplicate_does_not_hold_up_the_others_of_its_transaction(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    before = await owner_of(sqlite, bus, clock)
    await ask(before, ASHA, say("old", "old"))
    await before.stop()
    owner = await owner_of(sqlite, bus, clock)
    replies = await asyncio.gather(
        ask(owner, RAVI, say("one")), ask(owner, ASHA, say("old", "old")), ask(owner, RAVI, say("two"))
    )
    log = await whole_log(sqlite)
    assert [reply.ok for reply in replies] == [True] * 3
    assert replies[1].seq == 1
    assert [s.event.text for s in log] == ["old", "one", "two"]  # type: ignore[attr-defined]
    await owner.stop()


async def test_a_defect_in_the_rules_is_answered_and_leaves_the_state_whole(
    sqlite: Journal, bus: LocalBus, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    await ask(owner, ASHA, say("before"))
    real = rooms.apply

    def broken(state: rooms.Room, stored: Stored) -> None:
        real(state, stored)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(rooms, "apply", broken)
        reply = await ask(owner, ASHA, say("broken"))
    after = await ask(owner, ASHA, say("after"))
    assert (reply.ok, reply.code, reply.temporary) == (False, "internal", True)
    assert after.seq == 2
    assert [s.event.text for s in await whole_log(sqlite)] == ["before", "after"]  # type: ignore[attr-defined]
    await owner.stop()


async def test_a_snapshot_is_kept_now_and_then_and_at_the_end_and_equals_the_fold(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock, snapshot_every=10)
    for n in range(25):
        await ask(owner, ASHA, say(f"text {n}"))
    underway = await sqlite.snapshot("physics")
    await owner.stop()
    final = await sqlite.snapshot("physics")
    log = await whole_log(sqlite)
    assert underway is not None
    assert final is not None
    assert underway.data == rooms.encode(folded(log[: underway.seq]))
    assert (final.seq, final.data) == (25, rooms.encode(folded(log)))


async def test_a_damaged_or_outdated_snapshot_costs_time_and_no_truth(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    for n in range(5):
        await ask(owner, ASHA, say(f"text {n}"))
    await owner.stop()
    whole = await sqlite.snapshot("physics")
    assert whole is not None
    for damaged in (
        msgspec.structs.replace(whole, data=b"\xc1 nonsense", seq=6),
        msgspec.structs.replace(whole, version=0, seq=7),
    ):
        await sqlite.keep_snapshot("physics", damaged)
        state, began, _ = await load(sqlite, "physics")
        assert began == 0
        assert rooms.encode(state) == rooms.encode(folded(await whole_log(sqlite)))


async def test_stopping_answers_what_waits_and_refuses_what_comes_after(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    waiting = [owner.submit(Request(ASHA, say(f"text {n}"))) for n in range(10)]
    await asyncio.sleep(0)
    await owner.stop()
    replies = await asyncio.gather(*waiting)
    late = await owner.submit(Request(ASHA, say("late")))
    assert all(reply.ok for reply in replies)
    assert (late.ok, late.code) == (False, "moved")
    assert len(await whole_log(sqlite)) == 10


async def test_time_in_the_log_never_goes_back(sqlite: Journal, bus: LocalBus, clock: Clock) -> None:
    owner = await owner_of(sqlite, bus, clock)
    await ask(owner, ASHA, say("now"))
    clock.now -= 3_600_000
    await ask(owner, ASHA, say("an hour before, says the clock"))
    times = [s.meta.at for s in await whole_log(sqlite)]
    assert times == sorted(times)
    await owner.stop()


async def test_a_room_that_is_not_there_cannot_be_owned(sqlite: Journal, bus: LocalBus, clock: Clock) -> None:
    with pytest.raises(KeyError):
        await load(sqlite, "nowhere")


async def test_those_present_at_a_worker_that_is_gone_for_good_have_gone(
    sqlite: Journal, bus: LocalBus, clock: Clock
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    for member, edge in ((ASHA, "dead"), (RAVI, "alive")):
        person = Person(member.id, member.name, member.role)
        assert (await ask(owner, SYSTEM, Attend(came=(person,), edge=edge))).ok
    owner.sweep(["alive"], 100.0, 15.0)
    owner.sweep(["alive"], 110.0, 15.0)
    still = (await load(sqlite, "physics"))[0].roster.members["asha"].present
    owner.sweep(["alive"], 115.0, 15.0)
    await ask(owner, TEACHER, say("afterwards"))
    members = (await load(sqlite, "physics"))[0].roster.members
    assert still
    assert (members["asha"].present, members["ravi"].present) == (False, True)
    await owner.stop()


async def test_an_owner_that_fails_answers_moved_and_lets_go_of_the_room(
    sqlite: Journal, bus: LocalBus, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await owner_of(sqlite, bus, clock)
    assert (await ask(owner, ASHA, say("one"))).ok
    with monkeypatch.context() as patch:
        patch.setattr(owner, "_serve", _fail)
        assert not (await ask(owner, ASHA, say("two"))).ok
    assert owner.lost.is_set()
    assert (await ask(owner, ASHA, say("three"))).code == "moved"
    await owner.stop()


async def _fail(waiting: object) -> None:
    raise ZeroDivisionError
