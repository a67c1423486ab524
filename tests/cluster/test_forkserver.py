"""Children forked by another process: ours, and as clean as if they had been started as programs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from classroom.forks import Forked, possible
from classroom.forkserver import ForkServer
from tests.running import until

pytestmark = pytest.mark.skipif(not possible(), reason="this system cannot have children forked by another process")

# What each child does is told by its number.
PROGRAM = """
import os, random, signal, sys, time
from classroom import forkserver

def say(*words):
    print(*words, flush=True)

def work(number):
    match number:
        case 0:
            say(os.getppid(), os.getsid(0), random.random(), *sorted(os.listdir("/proc/self/fd")), os.readlink("/proc/self/fd/0"))
        case 1:
            say("ready")
            time.sleep(600)
        case 2:
            raise ArithmeticError("as it happens")
    return 7

sys.exit(forkserver.serve(work))
"""


@pytest.fixture
async def forks() -> AsyncIterator[ForkServer]:
    server = ForkServer([sys.executable, "-c", PROGRAM], dict(os.environ))
    yield server
    await server.close()


async def ended(forks: ForkServer, number: int) -> tuple[int, list[str]]:
    """Fork a child: the code that it ended with, and the words that it said."""
    process, said = await forks.worker(number)()
    assert said is not None
    words = (await said.read()).decode().split()
    return await process.wait(), words


async def running(forks: ForkServer) -> tuple[Forked, asyncio.StreamReader]:
    process, said = await forks.worker(1)()
    assert said is not None
    assert await said.readline() == b"ready\n"
    assert isinstance(process, Forked)
    return process, said


def fork_servers() -> list[int]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # one may end at this moment
            if "forkserver" in child.cmdline():
                found.append(child.pid)
    return found


async def test_a_child_is_ours_in_a_session_of_its_own_and_has_no_file_of_another(forks: ForkServer) -> None:
    process, said = await forks.worker(0)()
    assert said is not None
    parent, session, _, *files, nothing = (await said.read()).decode().split()
    assert int(parent) == os.getpid()
    assert int(session) == process.pid
    assert nothing == os.devnull
    # The three that every program has, and the folder that it reads.
    assert files == ["0", "1", "2", "3"]
    assert await process.wait() == 7
    with pytest.raises(ProcessLookupError):
        process.send_signal(signal.SIGTERM)


async def test_children_throw_dice_of_their_own(forks: ForkServer) -> None:
    thrown = {(await ended(forks, 0))[1][2] for _ in range(3)} | {str(random.random())}
    assert len(thrown) == 4


async def test_many_are_asked_for_at_once(forks: ForkServer) -> None:
    found = await asyncio.gather(*(ended(forks, 0) for _ in range(10)))
    assert {code for code, _ in found} == {7}
    assert len({words[1] for _, words in found}) == 10


async def test_two_servers_do_not_get_into_each_others_way(forks: ForkServer) -> None:
    other = ForkServer([sys.executable, "-c", PROGRAM], dict(os.environ))
    found = await asyncio.gather(*(ended(server, 0) for _ in range(10) for server in (forks, other)))
    await other.close()
    assert {(code, int(words[0])) for code, words in found} == {(7, os.getpid())}


async def test_an_exception_is_told_with_its_traceback(forks: ForkServer, capfd: pytest.CaptureFixture[str]) -> None:
    code, words = await ended(forks, 2)
    assert (code, words) == (1, [])
    assert "ArithmeticError: as it happens" in capfd.readouterr().err


async def test_a_child_that_is_killed_says_by_which_signal(forks: ForkServer) -> None:
    process, said = await running(forks)
    assert process.returncode is None
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    assert not psutil.pid_exists(process.pid)
    assert not await said.read()


async def test_children_outlive_the_server_and_the_next_comes_from_a_fresh_one(forks: ForkServer) -> None:
    children = [await running(forks)]
    (server,) = fork_servers()
    os.kill(server, signal.SIGKILL)
    await until(lambda: not fork_servers())
    children.append(await running(forks))
    (fresh,) = fork_servers()
    assert fresh != server
    await forks.close()
    assert not fork_servers()
    for process, said in children:
        assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == -signal.SIGTERM
        await said.read()


async def test_a_server_that_is_just_ending_is_followed_by_a_fresh_one(
    forks: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end of the socket is closed a moment after it is killed: until then it seems to be there."""
    first, said = await running(forks)
    (server,) = fork_servers()
    os.kill(server, signal.SIGKILL)
    await until(lambda: not fork_servers())
    monkeypatch.setattr(ForkServer, "_alive", lambda _: True)
    second, said_too = await running(forks)
    assert first.pid != second.pid
    for process in (first, second):
        process.kill()
        await process.wait()
    await said.read()
    await said_too.read()


async def test_a_server_that_is_stuck_or_does_not_start_is_an_error_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program.py"
    program.write_text("raise SystemExit(3)")
    forks = ForkServer([sys.executable, str(program)], dict(os.environ, PYTHONPATH=os.getcwd()))
    with pytest.raises(OSError, match="did not start"):
        await forks.worker(1)()
    program.write_text(PROGRAM)
    children = [await running(forks)]
    (server,) = fork_servers()
    os.kill(server, signal.SIGSTOP)
    monkeypatch.setattr("classroom.forkserver.START_SECONDS", 0.2)
    with pytest.raises(TimeoutError):
        await forks.worker(1)()
    monkeypatch.undo()
    children.append(await running(forks))
    assert fork_servers() != [server]
    await forks.close()
    for process, said in children:
        process.kill()
        await process.wait()
        await said.read()
