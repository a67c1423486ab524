"""Acknowledged means kept: 200 members go on with retries while the server is killed ten times at random."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from classroom.journal.sql import open_journal
from tests.running import serving_alone
from tests.stubborn import check, class_of, lesson, until_agreed

MEMBERS = 200
KILLS = 10

# A stock client whose server is killed in the middle of the handshake leaves its HTTP response unclosed.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_when_the_server_is_killed_again_and_again(tmp_path: Path) -> None:
    dice = random.Random(20_261_123)
    folder = tmp_path / "server"
    limits = {"limits_command_rate": 1_000, "limits_command_burst": 10_000}
    with serving_alone(folder, media_enabled=False, **limits) as server:
        async with class_of(server, MEMBERS) as members:
            stop = asyncio.Event()
            going_on = asyncio.create_task(lesson(members, stop))
            for _ in range(KILLS):
                await asyncio.sleep(dice.uniform(0.3, 1.8))
                server.signal(signal.SIGKILL)
                await asyncio.to_thread(server.wait)
                await asyncio.to_thread(server.start)
            await asyncio.sleep(1)
            stop.set()
            await asyncio.wait_for(going_on, 60)
            await until_agreed(server, members)
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        log = await server.read()
    assert all(member.lost for member in members)
    journal = await open_journal(f"sqlite:///{folder}/classroom.db")
    try:
        kept = await check(journal, log, members)
    finally:
        await journal.close()
    print(
        f"{kept} commands kept, {len(log)} events, {KILLS} kills, "
        f"{sum(m.following.resumes for m in members)} resumed, {sum(m.following.welcomes for m in members)} welcomed"
    )
