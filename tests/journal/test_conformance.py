"""What every journal keeps of `classroom/journal/port.py`, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest
from sqlalchemy import insert, update

from classroom.chat.model import MessageView, Promoted, Reacted
from classroom.doubts.model import Answered, Asked, DoubtState
from classroom.journal import tables
from classroom.journal.port import Conflict, Done, Duplicate, Journal, Kept, RoomInfo, Snapshot, Unavailable
from classroom.journal.sql import SqlJournal, open_journal
from classroom.kernel import Meta, Role, Stored
from classroom.rooms.room import AnyEvent
from tests.examples import examples
from tests.journal.logs import AT, at, edited, make, said, sayings, whole


class TestRooms:
    async def test_a_room_is_made_once_and_found_as_it_was_made(self, journal: Journal) -> None:
        made, new = await journal.create("physics-1", "Physics", AT, open=False)
        found, again = await journal.create("physics-1", "Another title", AT + 5, open=True)

        assert new
        assert not again
        assert made == found == await journal.room("physics-1")
        assert made == RoomInfo("physics-1", "Physics", made.epoch, AT, head=0, open=False)

    async def test_two_rooms_have_two_epochs(self, journal: Journal) -> None:
        one, _ = await journal.create("one", "", AT, open=True)
        two, _ = await journal.create("two", "", AT, open=True)

        assert one.epoch
        assert one.epoch != two.epoch

    async def test_many_who_make_one_room_at_once_make_it_once(self, journal: Journal) -> None:
        results = await asyncio.gather(*(journal.create("r", "Physics", AT, open=True) for _ in range(20)))

        assert [new for _, new in results].count(True) == 1
        assert len({info.epoch for info, _ in results}) == 1

    async def test_an_unknown_room_is_none_and_has_nothing(self, journal: Journal) -> None:
        assert await journal.room("nowhere") is None
        assert await journal.read("nowhere", 0) == []
        assert await journal.done("nowhere", [("asha", "c1")]) == {}
        assert await journal.page("nowhere", "chat.said", 10, 10) == []
        assert await journal.snapshot("nowhere") is None
        assert await journal.kept("nowhere") is None
        with pytest.raises(KeyError):
            await journal.append("nowhere", 0, [said(1)])
        with pytest.raises(KeyError):
            await journal.keep_snapshot("nowhere", Snapshot(1, 1, b"x"))

    async def test_ten_thousand_rooms_are_listed_by_page_each_once_in_order(self, journal: Journal) -> None:
        names = [f"room-{number}" for number in range(10_000)] + ["Zebra", "ähnlich", "कक्षा", "r_m"]
        rows = [{"id": name, "title": "", "epoch": "e", "created_at": AT, "head": 0, "open": True} for name in names]
        assert isinstance(journal, SqlJournal)
        await journal._store.write(lambda connection: connection.execute(insert(tables.rooms), rows))

        listed: list[str] = []
        while page := await journal.rooms(after=listed[-1] if listed else "", limit=3_000):
            listed += [info.id for info in page]

        assert listed == sorted(names)


class TestAppend:
    async def test_what_was_appended_is_read_back_equal_and_the_head_moves(self, journal: Journal) -> None:
        await make(journal)
        await journal.append("r", 0, sayings(0, 3))
        await journal.append("r", 3, sayings(3, 2))

        assert await whole(journal, "r") == sayings(0, 5)
        info = await journal.room("r")
        assert info is not None
        assert info.head == 5

    async def test_every_type_of_event_comes_back_as_it_was(self, journal: Journal) -> None:
        await make(journal)
        events = [at(seq, event) for seq, event in enumerate(examples(AnyEvent), 1)]
        await journal.append("r", 0, events)

        back = await whole(journal, "r")

        assert back == events
        assert [type(stored.event) for stored in back] == [type(stored.event) for stored in events]

    @pytest.mark.parametrize("after", [0, 1, 3, 100])
    async def test_an_append_anywhere_but_at_the_head_conflicts_and_writes_nothing(
        self, journal: Journal, after: int
    ) -> None:
        await make(journal)
        await journal.append("r", 0, sayings(0, 2))

        with pytest.raises(Conflict):
            await journal.append("r", after, sayings(after, 2, by="ravi"), [Done("ravi", "c1", after + 2)])

        assert await whole(journal, "r") == sayings(0, 2)
        assert await journal.done("r", [("ravi", "c1")]) == {}

    @pytest.mark.parametrize("places", [[2], [1, 3], [1, 1], [2, 1]])
    async def test_events_that_do_not_take_the_next_places_are_refused(
        self, journal: Journal, places: list[int]
    ) -> None:
        await make(journal)

        with pytest.raises(ValueError):
            await journal.append("r", 0, [said(seq) for seq in places])

        assert await whole(journal, "r") == []

    async def test_who_does_not_wait_is_told_what_an_append_would_have_raised(self, journal: Journal) -> None:
        for room in ("r", "s", "t"):
            await make(journal, room)
        await journal.append("t", 0, sayings(0, 1), [Done("asha", "c", 1)])
        told: dict[str, type] = {}

        def submit(name: str, room: str, after: int, *done: Done) -> None:
            journal.submit(room, after, sayings(after, 2), done, lambda error: told.update({name: type(error)}))

        submit("kept", "r", 0, Done("asha", "c", 2))
        submit("moved", "s", 1)
        submit("done before", "t", 1, Done("asha", "c", 3))
        submit("nowhere", "nowhere", 0)
        assert told == {}, "nobody is told at once"
        with pytest.raises(ValueError):
            journal.submit("s", 0, [said(2)], [], lambda error: told.update({"out of place": type(error)}))
        async with asyncio.timeout(10):
            while len(told) < 4:
                await asyncio.sleep(0.01)

        assert told == {"kept": type(None), "moved": Conflict, "done before": Duplicate, "nowhere": KeyError}
        assert [len(await whole(journal, room)) for room in ("r", "s", "t")] == [2, 0, 1]
        await journal.close()
        with pytest.raises(Unavailable):
            submit("late", "r", 2)

    async def test_marks_without_events_are_kept_at_the_head_alone_and_the_head_stays(self, journal: Journal) -> None:
        await make(journal)
        await journal.append("r", 0, [], [Done("asha", "early", 0)])
        await journal.append("r", 0, sayings(0, 2))

        await journal.append("r", 2, [], [Done("asha", "a", 2), Done("ravi", "a", 2)])
        await journal.append("r", 2, [])
        with pytest.raises(Conflict):
            await journal.append("r", 1, [], [Done("asha", "b", 1)])
        with pytest.raises(Conflict):
            await journal.append("r", 1, [])
        with pytest.raises(Duplicate):
            await journal.append("r", 2, [], [Done("asha", "c", 2), Done("asha", "a", 2)])

        assert await whole(journal, "r") == sayings(0, 2)
        found = await journal.done("r", [("asha", name) for name in ("early", "a", "b", "c")])
        assert found == {("asha", "early"): 0, ("asha", "a"): 2}
        await journal.append("r", 2, sayings(2, 1))

    async def test_many_rooms_may_keep_marks_without_events_at_once(self, journal: Journal) -> None:
        rooms = [f"r{number}" for number in range(40)]
        for room in rooms:
            await make(journal, room)

        await asyncio.gather(
            *(journal.append(room, 0, sayings(0, n % 2), [Done("asha", "c", n % 2)]) for n, room in enumerate(rooms))
        )
        await asyncio.gather(*(journal.append(room, n % 2, [], [Done("ravi", "c", 0)]) for n, room in enumerate(rooms)))

        for n, room in enumerate(rooms):
            assert await whole(journal, room) == sayings(0, n % 2)
            assert await journal.done(room, [("asha", "c"), ("ravi", "c")]) == {("asha", "c"): n % 2, ("ravi", "c"): 0}

    async def test_rooms_do_not_share_places_or_marks(self, journal: Journal) -> None:
        await make(journal, "one")
        await make(journal, "two")

        await journal.append("one", 0, sayings(0, 3), [Done("asha", "c1", 3)])
        await journal.append("two", 0, sayings(0, 1), [Done("asha", "c1", 1)])

        assert await whole(journal, "one") == sayings(0, 3)
        assert await whole(journal, "two") == sayings(0, 1)
        assert await journal.done("two", [("asha", "c1")]) == {("asha", "c1"): 1}

    async def test_any_text_comes_back_as_it_was(self, journal: Journal) -> None:
        await make(journal)
        texts = ["नमस्ते", "👩🏽‍🏫 ✍️", 'quote " and \\', "line\nline\ttab", "\u2028\u0000\u202e", "x" * 100_000]
        events = [said(seq, text) for seq, text in enumerate(texts, 1)]

        await journal.append("r", 0, events, [Done("रवि 🙂", "'; drop table events; --", 6)])

        assert await whole(journal, "r") == events
        assert await journal.done("r", [("रवि 🙂", "'; drop table events; --")]) == {
            ("रवि 🙂", "'; drop table events; --"): 6
        }

    @pytest.mark.parametrize("name", ["a\0b", "\ud800"], ids=["NUL", "surrogate"])
    async def test_a_name_that_cannot_be_kept_is_refused_before_anything_is_written(
        self, journal: Journal, name: str
    ) -> None:
        await make(journal)

        with pytest.raises(ValueError):
            await journal.append("r", 0, sayings(0, 2), [Done("asha", "c1", 1), Done("asha", name, 2)])
        with pytest.raises(ValueError):
            await journal.append("r", 0, [Stored(Meta(1, AT, name), said(1).event)])
        with pytest.raises(ValueError):
            await journal.create(name, "Physics", AT, open=True)

        assert await whole(journal, "r") == []
        assert await journal.done("r", [("asha", name), (name, "c1"), ("asha", "c1")]) == {}
        assert await journal.room(name) is None

    async def test_of_two_writers_only_one_wins_each_place_and_the_log_has_no_gap(self, journal_url: str) -> None:
        one, two = await open_journal(journal_url), await open_journal(journal_url)
        await make(one)

        async def fight(journal: Journal, name: str) -> tuple[list[Stored], int]:
            won: list[Stored] = []
            lost = 0
            head = 0
            while len(won) < 200:
                batch = sayings(head, 1 + head % 3, by=name)
                try:
                    await journal.append("r", head, batch)
                except Conflict:
                    lost += 1
                    info = await journal.room("r")
                    assert info is not None
                    head = info.head
                else:
                    won += batch
                    head += len(batch)
            return won, lost

        (ones, ones_lost), (twos, twos_lost) = await asyncio.gather(fight(one, "asha"), fight(two, "ravi"))

        assert ones_lost + twos_lost > 0, "the writers never met: the test shows nothing"
        assert await whole(one, "r") == sorted(ones + twos, key=lambda stored: stored.meta.seq)
        assert [stored.meta.seq for stored in await whole(two, "r")] == list(range(1, len(ones) + len(twos) + 1))
        await one.close()
        await two.close()

    @pytest.mark.parametrize("wrong", [(), ("unknown", "moved", "twice", "unkeepable")])
    async def test_what_many_rooms_append_at_once_is_kept_but_for_what_cannot_be(
        self, journal: Journal, wrong: tuple[str, ...]
    ) -> None:
        rooms = [f"r{number}" for number in range(40)] + [room for room in wrong if room != "unknown"]
        for room in rooms:
            await make(journal, room)
            await journal.append(room, 0, sayings(0, 2), [Done("asha", "first", 2)])

        def append(room: str) -> Coroutine[None, None, None]:
            cid = {"twice": "first", "unkeepable": "half \ud800"}.get(room, "second")
            after = {"unknown": 0, "moved": 1}.get(room, 2)
            return journal.append(room, after, sayings(after, 3), [Done("asha", cid, after + 3)])

        asked = [*rooms[:30], *wrong, *rooms[30:40]]
        results = await asyncio.gather(*map(append, asked), return_exceptions=True)

        refused = {room: type(result) for room, result in zip(asked, results, strict=True) if result is not None}
        assert refused == {
            room: {"unknown": KeyError, "moved": Conflict, "twice": Duplicate, "unkeepable": ValueError}[room]
            for room in wrong
        }
        for room in rooms:
            kept = room not in wrong
            assert await whole(journal, room) == sayings(0, 5 if kept else 2)
            marks = {("asha", "first"): 2} | ({("asha", "second"): 5} if kept else {})
            assert await journal.done(room, [("asha", "first"), ("asha", "second")]) == marks


class TestDone:
    async def test_marks_are_found_with_their_places(self, journal: Journal) -> None:
        await make(journal)
        await journal.append("r", 0, sayings(0, 3), [Done("asha", "a", 1), Done("asha", "b", 3), Done("ravi", "a", 2)])

        found = await journal.done("r", [("asha", "a"), ("asha", "b"), ("ravi", "a"), ("ravi", "b"), ("asha", "c")])

        assert found == {("asha", "a"): 1, ("asha", "b"): 3, ("ravi", "a"): 2}

    async def test_no_keys_no_marks(self, journal: Journal) -> None:
        await make(journal)
        assert await journal.done("r", []) == {}

    async def test_two_thousand_keys_are_looked_up_at_once(self, journal: Journal) -> None:
        await make(journal)
        events = sayings(0, 2_000)
        marks = [Done("asha", f"c{stored.meta.seq}", stored.meta.seq) for stored in events]
        await journal.append("r", 0, events, marks)

        keys = [("asha", f"c{number}") for number in range(1, 2_500)]

        assert await journal.done("r", keys) == {(mark.actor, mark.cid): mark.seq for mark in marks}

    @pytest.mark.parametrize(
        "marks", [[Done("asha", "new", 2), Done("asha", "old", 3)], [Done("asha", "new", 2), Done("asha", "new", 3)]]
    )
    async def test_a_duplicate_leaves_nothing_behind(self, journal: Journal, marks: list[Done]) -> None:
        await make(journal)
        await journal.append("r", 0, sayings(0, 1), [Done("asha", "old", 1)])

        with pytest.raises(Duplicate):
            await journal.append("r", 1, sayings(1, 2), marks)

        assert await whole(journal, "r") == sayings(0, 1)
        assert await journal.done("r", [("asha", "old"), ("asha", "new")]) == {("asha", "old"): 1}
        info = await journal.room("r")
        assert info is not None
        assert info.head == 1
        await journal.append("r", 1, sayings(1, 1), [Done("asha", "new", 2)])


class TestRead:
    async def test_reading_starts_after_the_place_and_ends_at_the_limit(self, journal: Journal) -> None:
        await make(journal)
        await journal.append("r", 0, sayings(0, 10))

        assert await journal.read("r", 0, 3) == sayings(0, 3)
        assert await journal.read("r", 7, 100) == sayings(7, 3)
        assert await journal.read("r", 10) == []

    async def test_reads_go_on_while_a_write_waits(self, journal: Journal) -> None:
        await make(journal)
        writing = [asyncio.create_task(journal.append("r", n * 50, sayings(n * 50, 50))) for n in range(20)]

        seen = 0
        while not all(task.done() for task in writing):
            log = await whole(journal, "r")
            assert [stored.meta.seq for stored in log] == list(range(1, len(log) + 1))
            assert len(log) >= seen
            seen = len(log)
        outcomes = await asyncio.gather(*writing, return_exceptions=True)

        assert all(outcome is None or isinstance(outcome, Conflict) for outcome in outcomes)
        assert len(await whole(journal, "r")) == 50 * outcomes.count(None)


class TestPage:
    async def test_a_page_is_the_newest_before_a_place_with_what_came_of_them(self, journal: Journal) -> None:
        await make(journal)
        log = [
            said(1),
            said(2),
            at(3, Asked(text="Why?", state=DoubtState.OPEN)),
            said(4),
            edited(5, 2),
            edited(6, 1),
            said(7),
            at(8, Reacted(id=4, emoji="👍", count=1)),
            at(9, Answered(id=4)),
            edited(10, 7),
            edited(11, 2),
        ]
        await journal.append("r", 0, log)

        page = await journal.page("r", "chat.said", before=7, limit=2)

        assert page == [log[1], log[3], log[4], log[7], log[10]]

    async def test_another_features_event_with_the_same_id_is_not_part_of_the_page(self, journal: Journal) -> None:
        await make(journal)
        log = [said(1), edited(2, 1), at(3, Answered(id=1, live=True))]
        await journal.append("r", 0, log)
        assert isinstance(journal, SqlJournal)
        row = update(tables.events).where(tables.events.c.seq == 3).values(ref=1)  # as older versions wrote it
        await journal._store.write(lambda connection: connection.execute(row))

        assert await journal.page("r", "chat.said", before=100, limit=10) == log[:2]

    async def test_what_was_promoted_has_a_history_of_its_own(self, journal: Journal) -> None:
        await make(journal)
        promoted = Promoted(
            id=1, message=MessageView(id=2, at=1, by="asha", name="Asha", role=Role.STUDENT, text="hello")
        )
        log = [said(1), at(2, promoted), edited(3, 2), edited(4, 1)]
        await journal.append("r", 0, log)

        assert await journal.page("r", "chat.promoted", before=100, limit=10) == log[1:3]

    @pytest.mark.parametrize("type", ["doubt.asked", "poll.voted", "chat.edited", "", "chat.said' OR '' = '"])
    async def test_what_has_no_history_is_not_asked_for(self, journal: Journal, type: str) -> None:
        await make(journal)
        with pytest.raises(ValueError, match="there is no history of"):
            await journal.page("r", type, before=100, limit=10)

    async def test_pages_put_together_hold_every_message_once(self, journal: Journal) -> None:
        await make(journal)
        log = [said(seq) if seq % 3 else edited(seq, seq - 1) for seq in range(1, 301)]
        await journal.append("r", 0, log)

        found: list[Stored] = []
        before = 1_000
        while page := await journal.page("r", "chat.said", before, 7):
            found += page
            before = page[0].meta.seq

        assert sorted(found, key=lambda stored: stored.meta.seq) == log


class TestSnapshots:
    async def test_the_newest_snapshot_stays(self, journal: Journal) -> None:
        await make(journal)
        assert await journal.snapshot("r") is None

        newest = Snapshot(9, 1, b"\x00\xff nine" * 1_000)
        for snapshot in (Snapshot(5, 1, b"five"), newest, Snapshot(7, 1, b"seven")):
            await journal.keep_snapshot("r", snapshot)

        assert await journal.snapshot("r") == newest

    async def test_a_snapshot_of_the_same_place_in_a_newer_format_replaces_the_old_one(self, journal: Journal) -> None:
        await make(journal)
        await journal.keep_snapshot("r", Snapshot(5, 1, b"old"))
        await journal.keep_snapshot("r", Snapshot(5, 2, b"new"))

        assert await journal.snapshot("r") == Snapshot(5, 2, b"new")

    async def test_a_room_is_read_whole_from_its_snapshot_on_or_with_its_newest_events(self, journal: Journal) -> None:
        await make(journal)
        await journal.append("r", 0, sayings(0, 10))
        info, snapshot = await journal.room("r"), Snapshot(6, 1, b"six")
        assert info is not None

        without = await journal.kept("r", 2)
        await journal.keep_snapshot("r", snapshot)

        assert without == Kept(info, None, sayings(0, 10))
        assert await journal.kept("r") == await journal.kept("r", 3) == Kept(info, snapshot, sayings(6, 4))
        assert await journal.kept("r", 8) == Kept(info, snapshot, sayings(2, 8))
        assert await journal.kept("r", 100, limit=4) == Kept(info, snapshot, sayings(0, 4))
