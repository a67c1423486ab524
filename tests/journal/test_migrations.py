"""The schema: made from nothing, by many at once, and the same as the tables that the statements are written for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from classroom.chat.model import Reacted
from classroom.doubts.model import Answered
from classroom.journal import engines, migrations, postgres, sql, statements, tables
from classroom.journal.engines import SqliteStore
from classroom.journal.port import Unavailable
from classroom.journal.sql import SqlJournal, open_journal
from classroom.journal.tables import metadata
from tests.journal.logs import at, edited, make, said, sayings, whole


async def test_opening_again_keeps_what_is_there(journal_url: str) -> None:
    first = await open_journal(journal_url)
    await make(first)
    await first.append("r", 0, sayings(0, 3))
    await first.close()

    again = await open_journal(journal_url)

    assert await whole(again, "r") == sayings(0, 3)
    await again.close()


async def test_many_may_open_an_empty_database_at_once(journal_url: str) -> None:
    journals = await asyncio.gather(*(open_journal(journal_url) for _ in range(8)))

    for journal in journals:
        await journal.ping()
        await journal.close()


async def test_many_processes_may_open_an_empty_database_at_once(journal_url: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from classroom.journal.sql import open_journal\n"
        "async def main():\n"
        "    sys.stdin.readline()\n"
        "    journal = await open_journal(sys.argv[1])\n"
        "    await journal.ping()\n"
        "    await journal.close()\n"
        "asyncio.run(main())\n"
    )
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, journal_url, stdin=pipe, stderr=pipe)
        for _ in range(4)
    ]

    outcomes = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))

    assert [(process.returncode, errors) for process, (_, errors) in zip(processes, outcomes, strict=True)] == [
        (0, b"")
    ] * 4


SCHEMA = {
    "sqlite": "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2",
    "postgresql": "SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name "
    "FROM information_schema.columns WHERE table_schema = 'public' "
    "UNION ALL SELECT tablename, indexname, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = 'public' "
    "UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', '' FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3",
}


async def test_the_migrations_make_the_tables_that_an_empty_database_gets_at_once(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(connection: Connection) -> tuple[list[object], list[object]]:
        rows = connection.execute(text(SCHEMA[connection.dialect.name]))
        return compare_metadata(MigrationContext.configure(connection), metadata), [*map(tuple, rows)]

    def nothing_left(connection: Connection) -> None:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))

    journal = await open_journal(journal_url)
    assert isinstance(journal, SqlJournal)
    differences, at_once = await journal._store.read(made)
    assert differences == []
    await journal._store.write(nothing_left)

    await journal._store.write(migrations.migrate)

    assert await journal._store.read(made) == ([], at_once)
    assert await journal._store.read(migrations.current)
    await journal.close()


async def test_what_the_first_version_wrote_is_found_by_this_one(journal_url: str) -> None:
    log = [said(1), edited(2, 1), at(3, Answered(id=1)), said(4), at(5, Reacted(id=4, emoji="👍", count=1))]
    rows = [
        row | {"ref": getattr(stored.event, "id", None)}
        for row, stored in zip(statements.rows("r", 0, log), log, strict=True)
    ]

    def write(connection: Connection) -> None:
        migrations.migrate(connection, "0001")
        room = {"id": "r", "title": "", "epoch": "e", "created_at": 0, "head": len(log), "open": True}
        connection.execute(tables.rooms.insert(), room)
        connection.execute(tables.events.insert(), rows)

    before = sql._store(journal_url)
    await before.write(write)
    assert not await before.read(migrations.current)
    await before.close()

    journal = await open_journal(journal_url)

    assert isinstance(journal, SqlJournal)
    assert await journal._store.read(migrations.current)
    assert await journal.page("r", "chat.said", before=100, limit=1) == log[3:]
    assert await journal.page("r", "chat.said", before=100, limit=9) == [*log[:2], *log[3:]]
    assert await whole(journal, "r") == log
    await journal.close()


async def test_a_database_of_a_newer_version_is_not_opened(journal_url: str) -> None:
    journal = await open_journal(journal_url)
    assert isinstance(journal, SqlJournal)
    await make(journal)
    await journal._store.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    )

    with pytest.raises(Unavailable, match=r"a newer version of Classroom .* at 9999, this version knows \d{4}"):
        await open_journal(journal_url)

    assert await whole(journal, "r") == []
    await journal.close()


async def test_a_migration_that_fails_leaves_nothing_half_made(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_upgrade = migrations.upgrade

    def fail_at_the_end(connection: Connection) -> None:
        whole_upgrade(connection)
        connection.execute(text("INSERT INTO rooms VALUES ('r', '', '', 0, 0, true)"))
        raise OSError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr("classroom.journal.migrations.upgrade", fail_at_the_end)
        with pytest.raises(Unavailable):
            await open_journal(journal_url)

    journal = await open_journal(journal_url)
    assert await journal.rooms() == []
    await journal.close()


async def test_a_migration_may_take_longer_than_what_members_wait_for(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres._postgres_engine, "__defaults__", (2.0,))
    whole_upgrade = migrations.upgrade

    def takes_long(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(3)"))

    def upgrade(connection: Connection) -> None:
        takes_long(connection)
        whole_upgrade(connection)

    monkeypatch.setattr("classroom.journal.migrations.upgrade", upgrade)

    journal = await open_journal(postgres_url)

    assert isinstance(journal, SqlJournal)
    assert await journal.rooms() == []
    with pytest.raises(Unavailable):
        await journal._store.write(takes_long)
    await journal.close()


async def test_sqlite_is_set_up_to_lose_nothing_and_to_write_no_page_into_the_file_too_soon(sqlite_url: str) -> None:
    journal = await open_journal(sqlite_url)
    assert isinstance(journal, SqlJournal)

    def settings(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
        return [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in names]

    full = 2
    assert await journal._store.write(settings) == ["wal", full, 1, engines.AHEAD]
    assert await journal._store.read(settings) == ["wal", full, 1, engines.AHEAD]
    await journal.close()


async def test_history_and_marks_are_found_by_index(sqlite_url: str) -> None:
    store = SqliteStore(Path(sqlite_url.removeprefix("sqlite:///")))
    await store.migrate()
    journal = SqlJournal(store)
    asked: list[str] = []
    await journal.ping()
    (driver,) = store._idle
    driver.set_trace_callback(asked.append)
    for type in tables.HISTORIES:
        await journal.page("r", type, 100, 50)
    await journal.done("r", [("asha", "c1"), ("ravi", "c2")])
    await journal.read("r", 0)
    driver.set_trace_callback(None)
    asked = [statement for statement in asked if statement.startswith(("SELECT", "WITH"))]

    def explain(connection: Connection) -> list[str]:
        found = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}") for statement in asked]
        return [row[3] for rows in found for row in rows]

    plan = await store.read(explain)
    assert len(asked) == 4
    for name in ("events_chat_said", "events_chat_promoted"):
        assert any(f"USING COVERING INDEX {name} (room=? AND seq<?)" in step for step in plan)
    assert any("events_by_ref" in step for step in plan)
    assert any("SEARCH done USING PRIMARY KEY (room=? AND actor=? AND cid=?)" in step for step in plan)
    assert [step for step in plan if step.startswith(("SCAN events", "SCAN done"))] == []
    assert [step for step in plan if step.startswith("SEARCH") and "(room=?)" in step] == []
    await journal.close()


async def test_history_is_found_by_index_on_postgresql(postgres_url: str) -> None:
    journal = await open_journal(postgres_url)
    assert isinstance(journal, SqlJournal)

    def explain(connection: Connection) -> str:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # which costs least where there is next to nothing
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        asked = "SELECT seq FROM events WHERE room = 'r' AND type = '{}' AND seq < 100 ORDER BY seq DESC LIMIT 50"
        plans = [connection.execute(text(f"EXPLAIN {asked.format(type)}")) for type in tables.HISTORIES]
        return "\n".join(row[0] for plan in plans for row in plan)

    plan = await journal._store.write(explain)
    assert "using events_chat_said on" in plan
    assert "using events_chat_promoted on" in plan
    # Also where it begins, and not only which they are: else all that is newer was looked through.
    assert plan.count("Index Cond: ((room = 'r'::text) AND (seq < 100))") == len(tables.HISTORIES)
    await journal.close()


def test_the_package_holds_its_migrations() -> None:
    folder = Path(migrations.__file__).parent
    assert (folder / "env.py").is_file()
    for number in range(1, int(migrations.HEAD) + 1):
        assert list((folder / "versions").glob(f"{number:04}_*.py"))


def test_the_newest_migration_is_the_one_that_is_looked_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_a_server_whose_schema_is_new_or_current_does_without_alembic(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from classroom.journal.sql import open_journal\n"
        "async def main():\n"
        f"    journal = await open_journal('sqlite:///{tmp_path}/journal.db')\n"
        "    await journal.close()\n"
        "    print('alembic' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(2)
    ]
    assert [one.stdout.strip() for one in said] == ["False", "False"]
