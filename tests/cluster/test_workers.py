"""Several workers on one port: whatever dies, nothing acknowledged is lost, order is kept, all replicas equal the log."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import resource
import signal
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from classroom import processes, supervisor
from classroom.chat.model import Said
from classroom.config import load
from classroom.processes import FIRST_PAUSE, Child, executed
from classroom.sockets.server import SPREAD
from classroom.supervisor import Supervisor
from tests.cluster.crowd import Crowd, hold
from tests.cluster.trouble import API_KEY, children_of, fork_server_of, in_trouble, owner_pid, redis_of, workers_of
from tests.running import AS_OPERATED, Subprocess, serving_alone, until
from tests.services import Postgres, free_ports
from tests.stubborn import ACK_SECONDS, class_of

SOON = 6.0  # seconds after their slot until somebody is in again, on a machine that does other things
LOOK = 0.1  # seconds until all processes of the machine are looked through once more

# A stock client whose server is killed in the middle of the handshake leaves its HTTP response unclosed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


async def all_replaced(server: Subprocess, before: set[int]) -> None:
    """Until as many others are there in place of the processes that were the workers."""

    def replaced() -> bool:
        now = {worker.pid for worker in workers_of(server)}
        return len(now) == len(before) and not now & before

    await until(replaced, timeout=90, every=LOOK)


@pytest.mark.timeout(300)
async def test_the_owners_worker_is_killed_thirty_times(tmp_path: Path) -> None:
    dice = random.Random(3)
    # The more there are, the seldomer each dies: who dies again and again is started again ever later.
    async with in_trouble(tmp_path / "server", workers=6) as (server, _):
        kills = 0
        while kills < 30:
            await asyncio.sleep(dice.uniform(0.1, 0.6))
            pid = await owner_pid(server)
            if pid is None or not psutil.pid_exists(pid):
                continue
            os.kill(pid, signal.SIGKILL)
            kills += 1


@pytest.mark.timeout(300)
async def test_an_edge_is_killed(tmp_path: Path) -> None:
    async with in_trouble(tmp_path / "server", crowd=100) as (server, members):
        await asyncio.sleep(1)
        owner = await owner_pid(server)
        edge = next(worker for worker in workers_of(server) if worker.pid != owner)
        edge.kill()
        await until(lambda: len(workers_of(server)) == 3, timeout=20, every=LOOK)
        await asyncio.sleep(2)
    assert any(member.following.resumes for member in members)


@pytest.mark.timeout(300)
async def test_redis_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with in_trouble(tmp_path / "server") as (server, _):
        for _ in range(2):
            await asyncio.sleep(1.5)
            redis_of(server).kill()
            await asyncio.sleep(2)


@pytest.mark.timeout(300)
async def test_a_rolling_restart_brings_everybody_back_in_their_slot(tmp_path: Path) -> None:
    async with in_trouble(tmp_path / "server", workers=4) as (server, members):
        before = {worker.pid for worker in workers_of(server)}
        forks = fork_server_of(server)
        server.signal(signal.SIGHUP)
        await all_replaced(server, before)
        await until(lambda: not forks.is_running(), timeout=20)  # else the fresh ones would have been of the old code
    assert all(member.following.welcomes + member.following.resumes >= 2 for member in members)
    late = [seconds for member in members for seconds in member.late]
    assert len(late) >= len(members)
    # What was on its way at the goodbye is waited for first.
    assert max(late) < ACK_SECONDS + SOON, [(member.late, member.failed) for member in members if member.failed]


async def test_who_are_dropped_at_once_come_back_each_in_a_slot_of_their_own(tmp_path: Path) -> None:
    size, joins = 60, 50  # so few are gathered in one worker
    settings = {"cluster_workers": 2, "media_enabled": False, "rooms_joins_per_second": joins, "auth_api_key": API_KEY}
    with serving_alone(tmp_path / "server", **settings) as server:
        crowd = Crowd(server.url, size, API_KEY)
        try:
            await crowd.come()
            before = {worker.pid for worker in workers_of(server)}
            server.signal(signal.SIGHUP)
            await all_replaced(server, before)
            await crowd.still()
            log = await server.read()
            # What is said while too many speak is not shown to the class.
            shown = [stored for stored in log if isinstance(stored.event, Said) and not stored.event.crowd]
            told = await crowd.told(shown[-1].meta.seq)
        finally:
            await crowd.leave()
    hold(told, log)
    assert all(told.slots.values()), "somebody was not told when to come back"
    assert told.back == len(told.late) == sum(len(slots) for slots in told.slots.values())
    assert 0 <= min(told.late) <= max(told.late) < SOON, told.failed
    # One after the other as fast as a worker lets in, and scattered by so much; a few may have been in the other worker.
    strays = 10 * 1_000 // joins
    for place, slot in enumerate(sorted(slots[0] for slots in told.slots.values())):
        assert -strays <= slot - place * 1_000 // joins <= SPREAD + strays


async def test_a_worker_that_dies_again_and_again_is_started_again_ever_later(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:

        def named(name: str) -> list[psutil.Process]:
            return [worker for worker in workers_of(server) if worker.name() == name]

        def pauses() -> list[float]:
            said = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
            return [line["after"] for line in said if line.get("name") == "worker 0" and "after" in line]

        def listens() -> bool:
            with suppress(psutil.Error):
                return any(c.status == psutil.CONN_LISTEN for w in named("worker 0") for c in w.net_connections("tcp"))
            return False

        away = []  # seconds that there was none
        for _ in range(4):
            await until(listens, timeout=20, every=LOOK)  # who dies sooner did not start at all
            (worker,) = named("worker 0")
            worker.kill()
            gone = time.monotonic()
            await until(lambda before=worker.pid: [w for w in named("worker 0") if w.pid != before], timeout=20)
            away.append(time.monotonic() - gone)
        first, *later = pauses()
        assert first in (FIRST_PAUSE, 2 * FIRST_PAUSE)  # where starting takes long it has lived for long already
        assert later == [pytest.approx(first * factor) for factor in (2, 4, 8)]
        assert all(seconds >= pause for seconds, pause in zip(away, pauses(), strict=True))


@pytest.mark.parametrize("who", ["the supervisor", "the worker that keeps the media process"])
async def test_who_lived_for_long_is_started_again_at_once(
    tmp_path: Path, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (processes, supervisor):
        monkeypatch.setattr(module, "STEADY", 1.0)  # else this took as many seconds as it does there
    moments = tmp_path / "moments"
    lives = (
        f"date +%s.%N >> {moments}; echo ready; [ $(wc -l < {moments}) -ne 7 ] || sleep 1.3; date +%s.%N >> {moments}"
    )
    child = Child("sleeper", executed(["sh", "-c", lives], dict(os.environ)))
    if who == "the supervisor":
        watching = Supervisor(load(environment={"DATA": str(tmp_path)}), None, lambda _: None)
        await watching._keep(child)
        (keeping,) = watching._watchers
    else:
        keeping = asyncio.create_task(processes.keep(child))
    try:
        await until(lambda: moments.exists() and len(moments.read_text().split()) >= 9, timeout=20)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await child.end(5)
    times = [float(moment) for moment in moments.read_text().split()]
    away = [born - died for died, born in zip(times[1::2], times[2::2], strict=False)]
    for seconds, pause in zip(away, (2, 4, 8), strict=False):
        assert seconds >= pause * FIRST_PAUSE
    assert FIRST_PAUSE <= away[3] < 16 * FIRST_PAUSE


@pytest.mark.parametrize("workers", [1, 2])
async def test_each_worker_may_open_as_many_files_as_the_system_lets_it(tmp_path: Path, workers: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowered = min(512, hard - 1)
    server = Subprocess(tmp_path / "server", cluster_workers=workers, media_enabled=False)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowered, hard))  # what is started from here begins with it
    try:
        server.start()
        assert server.process is not None
        serving = workers_of(server) if workers > 1 else [psutil.Process(server.process.pid)]
        assert len(serving) == workers
        for process in serving:
            assert process.rlimit(psutil.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        server.kill()


async def test_a_worker_that_dies_is_started_again_and_the_port_stays(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        first = {worker.pid for worker in workers_of(server)}
        for worker in workers_of(server):
            worker.kill()
        await until(
            lambda: len(workers_of(server)) == 2 and not first & {w.pid for w in workers_of(server)},
            timeout=20,
            every=LOOK,
        )
        async with class_of(server, 4) as members:
            assert (await members[0].insist("class.start"))["ok"]


async def test_a_worker_comes_back_when_what_it_was_forked_from_is_gone(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        forks = fork_server_of(server)
        first, other = workers_of(server)
        forks.kill()
        first.kill()
        await until(lambda: first not in workers_of(server) and len(workers_of(server)) == 2, timeout=60, every=LOOK)
        assert other in workers_of(server)
        assert fork_server_of(server).pid != forks.pid
        server.signal(signal.SIGINT)
        assert await asyncio.to_thread(server.wait) == 0


async def test_the_private_redis_answers_those_alone_who_know_its_password(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        run = server.folder.resolve() / "run"
        reader, writer = await asyncio.open_unix_connection(run / "redis.sock")
        writer.write(b"KEYS *\r\n")
        assert (await reader.readline()).startswith(b"-NOAUTH")
        writer.close()
        [(_, password)] = [line.split() for line in (run / "redis.conf").read_text().splitlines()]
        assert len(password) == 64
        assert (run / "redis.conf").stat().st_mode & 0o077 == 0
        shown = [
            " ".join(process.cmdline()) for process in (redis_of(server), fork_server_of(server), *workers_of(server))
        ]
        assert len(shown) == 4
        assert not [command for command in shown if password in command]


async def test_workers_share_their_memory_and_are_told_apart_by_name(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        assert sorted(worker.name() for worker in workers_of(server)) == ["worker 0", "worker 1"]
        for worker in workers_of(server):
            assert shared_memory(worker) > 20 * 2**20
        assert fork_server_of(server).num_threads() == 1, "what other threads hold is held for ever in what is forked"


def shared_memory(process: psutil.Process) -> int:
    """Bytes that are not the program's nor a library's, and are another process's too."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return 1_024 * next(int(line.split()[1]) for line in lines if line.startswith("Shared_Dirty:"))


async def test_a_worker_that_does_not_start_is_told_and_nothing_is_left_running(tmp_path: Path) -> None:
    server = Subprocess(
        tmp_path / "server",
        cluster_workers=2,
        media_enabled=False,
        storage_database="postgresql://nobody@127.0.0.1:1/no",
    )
    with pytest.raises(AssertionError) as told:
        server.start()
    assert server.wait() == 1
    assert re.search(r"worker [01] did not start; see the messages above", str(told.value))
    assert "classroom: " in str(told.value), "why, as a command says it"
    assert not [p for p in psutil.process_iter() if str(server.folder) in environment_of(p).get("DATA", "")]


async def test_what_keeps_fresh_workers_from_starting_is_told_in_words_and_the_old_ones_stay(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        first, other = workers_of(server)
        with sqlite3.connect(server.folder / "classroom.db") as database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.close()
        server.signal(signal.SIGHUP)
        await until(lambda: "a fresh worker does not start; the old ones stay" in server.log.read_text(), 60, LOOK)
        assert workers_of(server) == [first, other]
        first.kill()
        await until(lambda: "does not start; trying again" in server.log.read_text(), 60, LOOK)
        assert other in workers_of(server)
        told = server.log.read_text()
        assert "a newer version of Classroom has opened this database" in told
        assert "Traceback" not in told


def environment_of(process: psutil.Process) -> dict[str, str]:
    with suppress(psutil.Error):
        return process.environ()
    return {}


async def test_workers_are_programs_where_none_can_be_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"  # a system without what it takes
    elsewhere.mkdir()
    (elsewhere / "sitecustomize.py").write_text("import os\ndel os.pidfd_open\n")
    monkeypatch.setitem(AS_OPERATED, "PYTHONPATH", str(elsewhere))
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        assert {"--number"} < {word for worker in workers_of(server) for word in worker.cmdline()}
        assert not children_of(server, "forkserver")
        async with class_of(server, 4) as members:
            assert (await members[0].insist("class.start"))["ok"]


async def test_when_the_supervisor_is_killed_nothing_is_left_running(tmp_path: Path) -> None:
    with serving_alone(tmp_path / "server", cluster_workers=2, media_enabled=False) as server:
        children = [*workers_of(server), fork_server_of(server), redis_of(server)]
        server.signal(signal.SIGKILL)
        await asyncio.to_thread(server.wait)
        await until(lambda: not any(child.is_running() for child in children), timeout=20)


@pytest.mark.timeout(300)
async def test_postgresql_is_restarted(tmp_path: Path, postgres_server: Postgres, postgres_url: str) -> None:
    async with in_trouble(tmp_path / "server", workers=2, storage_database=postgres_url, auth_open_rooms=True):
        for _ in range(2):
            await asyncio.sleep(1.5)
            await asyncio.to_thread(postgres_server.stop)
            await asyncio.sleep(1)
            postgres_server.start()  # in this thread: the server ends with the one that started it
            await asyncio.sleep(1.5)


async def test_fresh_workers_answer_metrics_where_those_before_them_did(tmp_path: Path) -> None:
    ports = free_ports(20)
    port = next(port for port in ports if port + 1 in ports)
    with serving_alone(
        tmp_path / "server", cluster_workers=2, cluster_metrics_port=port, media_enabled=False
    ) as server:
        before = {worker.pid for worker in workers_of(server)}
        server.signal(signal.SIGHUP)
        await all_replaced(server, before)
        async with ClientSession() as session:
            for number in range(2):
                async with session.get(f"http://127.0.0.1:{port + number}/metrics") as answer:
                    assert "classroom_members" in await answer.text()
