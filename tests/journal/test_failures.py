"""The journal when something goes wrong: processes killed, callers gone, disks full, locks held, servers down."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, text, update

from classroom.journal import engines, statements, tables
from classroom.journal.engines import SqliteStore
from classroom.journal.port import Conflict, Done, Duplicate, Journal, Snapshot, Unavailable
from classroom.journal.sql import SqlJournal, open_journal
from tests.journal.logs import make, said, sayings, whole
from tests.services import Postgres


def file_of(url: str) -> str:
    return url.removeprefix("sqlite:///")


@contextlib.contextmanager
def held(sqlite_url: str) -> Iterator[None]:
    """Another process's write that does not end."""
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_what_a_killed_process_reported_is_there_and_nothing_is_half(journal_url: str) -> None:
    batch = 40
    journal = await open_journal(journal_url)
    await make(journal)
    for _ in range(3):
        start = len(await whole(journal, "r"))
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.journal.writer", journal_url, "r", str(batch), stdout=asyncio.subprocess.PIPE
        )
        assert writer.stdout is not None
        reported = start
        while reported < start + 10 * batch:
            reported = int(await writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        for line in (await writer.stdout.read()).splitlines(keepends=True):
            reported = int(line) if line.endswith(b"\n") else reported
        await writer.wait()

        log = await whole(journal, "r")
        info = await journal.room("r")
        assert info is not None
        assert info.head == len(log) >= reported
        assert len(log) % batch == 0
        assert log == sayings(0, len(log))
        marks = await journal.done("r", [("asha", str(seq)) for seq in range(1, len(log) + batch + 1)])
        assert marks == {("asha", str(seq)): seq for seq in range(1, len(log) + 1)}
    await journal.close()


async def test_the_comparison_with_the_head_is_what_keeps_gaps_out(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a journal whose append is conditional on the primary key alone
    journal = await open_journal(sqlite_url)
    await make(journal)
    compared = statements._MOVE_HEAD
    weakened = update(tables.rooms).where(tables.rooms.c.id == bindparam("room")).values(head=bindparam("new"))

    # then it takes an append that leaves a gap
    monkeypatch.setattr(statements, "_MOVE_HEAD", weakened)
    await journal.append("r", 5, [said(6)])
    assert [stored.meta.seq for stored in await whole(journal, "r")] == [6]

    # and one that has the comparison does not
    monkeypatch.setattr(statements, "_MOVE_HEAD", compared)
    with pytest.raises(Conflict):
        await journal.append("r", 8, [said(9)])
    await journal.close()


async def test_the_primary_key_is_the_second_guard(sqlite_url: str) -> None:
    # given a head that has fallen behind its log, as no program of ours can make it
    journal = await open_journal(sqlite_url)
    await make(journal)
    await journal.append("r", 0, sayings(0, 3))
    with contextlib.closing(sqlite3.connect(file_of(sqlite_url))) as other:
        other.execute("UPDATE rooms SET head = 1")
        other.commit()

    # then the places that are taken stay as they are
    with pytest.raises(Conflict):
        await journal.append("r", 1, sayings(1, 3, by="ravi"))
    assert await whole(journal, "r") == sayings(0, 3)
    await journal.close()


async def test_callers_that_are_cancelled_leave_no_half_transaction_and_no_broken_connection(journal: Journal) -> None:
    await make(journal)
    head = 0
    cancelled = 0
    for round in range(120):
        appending = asyncio.create_task(
            journal.append("r", head, sayings(head, 5), [Done("asha", f"{head}-{n}", head + 5) for n in range(5)])
        )
        for _ in range(round % 12):
            await asyncio.sleep(0)
        appending.cancel()
        try:
            await appending
        except asyncio.CancelledError:
            cancelled += 1
        except (Conflict, Duplicate):
            pass  # the append of the round before ended only now
        info = await journal.room("r")
        assert info is not None
        head = info.head
        assert head % 5 == 0

    assert cancelled > 0, "nothing was cancelled: the test shows nothing"
    while True:  # until what was still under way has ended
        info = await journal.room("r")
        assert info is not None
        try:
            await journal.append("r", info.head, sayings(info.head, 5), [Done("asha", "last", info.head + 5)])
            break
        except Conflict:
            continue
    log = await whole(journal, "r")
    assert log == sayings(0, info.head + 5)
    marks = await journal.done("r", [("asha", f"{at}-{n}") for at in range(0, len(log), 5) for n in range(5)])
    assert len(marks) == len(log) - 5


async def test_many_cancelled_readers_leave_the_journal_working(journal: Journal) -> None:
    await make(journal)
    await journal.append("r", 0, sayings(0, 500))
    readers = [asyncio.create_task(journal.read("r", 0, 500)) for _ in range(100)]
    await asyncio.sleep(0)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)

    assert all(reader.cancelled() for reader in readers)
    assert await journal.read("r", 0, 500) == sayings(0, 500)


async def test_close_waits_for_what_is_under_way(journal_url: str) -> None:
    journal = await open_journal(journal_url)
    await make(journal)
    appending = asyncio.create_task(journal.append("r", 0, sayings(0, 300)))
    await asyncio.sleep(0)

    await journal.close()

    await appending
    again = await open_journal(journal_url)
    assert await whole(again, "r") == sayings(0, 300)
    await again.close()


async def test_what_many_rooms_want_to_write_meanwhile_takes_one_commit(sqlite_url: str) -> None:
    store = SqliteStore(Path(file_of(sqlite_url)))
    await store.migrate()
    journal = SqlJournal(store)
    rooms = [f"r{number}" for number in range(100)]
    for room in rooms:
        await make(journal, room)
    ran: list[str] = []
    await store.write(lambda connection: _driver(connection).set_trace_callback(lambda sql: ran.append(sql.split()[0])))
    ran.clear()
    await asyncio.gather(*(journal.append(room, 0, sayings(0, 2), [Done("asha", "c", 2)]) for room in rooms))
    assert ran == ["BEGIN", *["UPDATE"] * 100, *["INSERT"] * 300, "COMMIT"]
    await journal.close()


async def test_of_many_that_write_at_once_each_is_told_its_own_fate(sqlite_url: str) -> None:
    store = SqliteStore(Path(file_of(sqlite_url)))
    await store.migrate()
    journal = SqlJournal(store)
    for room in ("r", "s", "t", "u"):
        await make(journal, room)
    await journal.append("s", 0, sayings(0, 1))
    await journal.append("t", 0, sayings(0, 1), [Done("asha", "c", 1)])
    found = await asyncio.gather(
        journal.append("r", 0, sayings(0, 2), [Done("asha", "c", 2)]),
        journal.append("s", 0, sayings(0, 2)),
        journal.append("t", 1, sayings(1, 1), [Done("asha", "c", 2)]),
        journal.append("nowhere", 0, sayings(0, 1)),
        journal.keep_snapshot("u", Snapshot(0, 1, b"state")),
        journal.append("u", 0, sayings(0, 2)),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [type(None), Conflict, Duplicate, KeyError, type(None), type(None)]
    assert [len(await whole(journal, room)) for room in ("r", "s", "t", "u")] == [2, 1, 1, 2]
    assert await journal.snapshot("u") == Snapshot(0, 1, b"state")
    await journal.close()


async def test_who_is_told_and_fails_at_that_keeps_no_other_from_being_told(journal: Journal) -> None:
    for room in ("r", "s"):
        await make(journal, room)
    told = asyncio.Queue[Exception | None]()

    def fail(error: Exception | None) -> None:
        raise ZeroDivisionError

    journal.submit("r", 0, sayings(0, 1), [], fail)
    journal.submit("s", 0, sayings(0, 1), [], told.put_nowait)
    async with asyncio.timeout(10):
        assert await told.get() is None
    assert await whole(journal, "s") == sayings(0, 1)
    await journal.append("r", 1, sayings(1, 1))


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


async def test_what_waits_when_the_journal_is_closed_is_written_before(sqlite_url: str) -> None:
    journal = await open_journal(sqlite_url)
    await make(journal)
    await make(journal, "s")
    waiting = [asyncio.create_task(journal.append("r", 0, sayings(0, 2)))]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(journal.append("s", 0, sayings(0, 2))))
    await asyncio.sleep(0)
    await journal.close()
    await asyncio.gather(*waiting)

    journal = await open_journal(sqlite_url)
    assert await whole(journal, "r") == await whole(journal, "s") == sayings(0, 2)
    await journal.close()


async def test_a_closed_journal_is_unavailable_and_may_be_closed_again(journal: Journal) -> None:
    await journal.close()

    with pytest.raises(Unavailable):
        await journal.ping()
    with pytest.raises(Unavailable):
        await journal.append("r", 0, [said(1)])
    await journal.close()


async def test_a_full_disk_is_unavailable_and_writes_nothing_and_passes(sqlite_url: str) -> None:
    # given a file that may hold a little more than it does (SQLite answers as it does when the disk is full)
    store = SqliteStore(Path(file_of(sqlite_url)))
    await store.migrate()
    journal = SqlJournal(store)
    await make(journal)
    await journal.append("r", 0, sayings(0, 10))

    def limit(connection: Connection, pages: int) -> None:
        connection.execute(text(f"PRAGMA max_page_count={pages}"))

    pages = await store.read(lambda connection: int(connection.execute(text("PRAGMA page_count")).scalar_one()))
    await store.write(lambda connection: limit(connection, pages + 4))

    # when more is written than fits
    with pytest.raises(Unavailable, match="full"):
        await journal.append("r", 10, [said(seq, "x" * 2_000) for seq in range(11, 111)], [Done("asha", "c", 110)])

    # then nothing of it is there, and reads go on
    assert await whole(journal, "r") == sayings(0, 10)
    assert await journal.done("r", [("asha", "c")]) == {}
    await journal.ping()

    # and once there is room again, writing goes on
    await store.write(lambda connection: limit(connection, 1_000_000))
    await journal.append("r", 10, sayings(10, 100), [Done("asha", "c", 110)])
    assert await whole(journal, "r") == sayings(0, 110)
    await journal.close()


async def test_a_held_lock_is_unavailable_and_reads_go_on(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    journal = await open_journal(sqlite_url)
    await make(journal)
    await journal.append("r", 0, sayings(0, 3))

    with held(sqlite_url):
        appending = asyncio.create_task(journal.append("r", 3, sayings(3, 1)))
        while not appending.done():
            assert await whole(journal, "r") == sayings(0, 3)
        with pytest.raises(Unavailable, match="locked"):
            await appending

    await journal.append("r", 3, sayings(3, 1))
    assert await whole(journal, "r") == sayings(0, 4)
    await journal.close()


def test_a_file_that_others_are_just_making_is_waited_for(tmp_path: Path) -> None:
    """Without that, about one in forty finds it locked, and does not start."""
    together, failed = threading.Barrier(4), list[Exception]()

    def make_all() -> None:
        for number in range(100):
            together.wait()
            try:
                engine = engines._sqlite_engine(tmp_path / f"{number}.db", 1, "BEGIN IMMEDIATE")
                with engine.begin() as connection:
                    connection.execute(text("CREATE TABLE IF NOT EXISTS begun (x)"))
                engine.dispose()
            except Exception as error:
                failed.append(error)

    makers = [threading.Thread(target=make_all) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert not failed


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"This is not a database. " * 400)

    with pytest.raises(Unavailable, match="not a database"):
        await open_journal(f"sqlite:///{tmp_path}/journal.db")


async def test_a_server_that_stops_is_unavailable_and_serves_again_after_it_is_back(
    postgres_server: Postgres, postgres_url: str
) -> None:
    journal = await open_journal(postgres_url)
    await make(journal)
    await journal.append("r", 0, sayings(0, 3))
    await asyncio.gather(*(journal.ping() for _ in range(8)))  # several connections, all of which will be stale

    postgres_server.stop()
    try:
        with pytest.raises(Unavailable):
            await journal.append("r", 3, sayings(3, 1))
        with pytest.raises(Unavailable):
            await journal.ping()
    finally:
        postgres_server.start()

    await asyncio.gather(*(journal.ping() for _ in range(8)))
    await journal.append("r", 3, sayings(3, 1))
    assert await whole(journal, "r") == sayings(0, 4)
    await journal.close()


async def test_a_connection_cut_in_mid_transaction_is_unavailable_and_leaves_nothing(
    postgres_server: Postgres, postgres_url: str
) -> None:
    # given an append that waits for another's lock on the room
    journal = await open_journal(postgres_url)
    other = await open_journal(postgres_url)
    await make(journal)
    assert isinstance(other, SqlJournal)
    locked, release = asyncio.Event(), asyncio.Event()
    engine = other._store._engine  # type: ignore[attr-defined]

    async def hold() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1 FROM rooms FOR UPDATE"))
            locked.set()
            await release.wait()

    holding = asyncio.create_task(hold())
    await locked.wait()
    appending = asyncio.create_task(journal.append("r", 0, sayings(0, 3), [Done("asha", "c", 3)]))
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE rooms%'"
    while not (pid := await asyncio.to_thread(postgres_server.sql, waiting)):
        assert not appending.done()

    # when its connection is cut
    await asyncio.to_thread(postgres_server.sql, f"SELECT pg_terminate_backend({pid})")

    # then the caller is told, nothing is there, and the next append works
    with pytest.raises(Unavailable):
        await appending
    release.set()
    await holding
    assert await whole(journal, "r") == []
    await journal.append("r", 0, sayings(0, 3), [Done("asha", "c", 3)])
    assert await whole(other, "r") == sayings(0, 3)
    await journal.close()
    await other.close()
