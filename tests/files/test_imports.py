"""Jobs by themselves: what is told of them, and by whom."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from classroom.files.disk import DiskStore
from classroom.files.imports import Imports, Job, Order, Perform, State
from classroom.files.kinds import Kind
from classroom.kernel import Rejected
from tests.running import until


async def nobody(command: Any) -> Any:
    raise AssertionError("no command was to be given")


def order(folder: Path, name: str, room: str = "math") -> Order:
    own = folder / name
    own.mkdir()
    return Order(room, own / "source", own, Kind.PDF, name, None)


async def test_a_job_that_waits_long_is_told_as_alive_by_others(tmp_path: Path) -> None:
    store, now = DiskStore(tmp_path / "store"), 0
    await store.open()
    ended = asyncio.Event()

    async def carry(job: Job, perform: Perform) -> None:
        await job.say(always=True, state=State.RENDERING, total=3)
        await ended.wait()

    doing = Imports(store, carry, lambda: now, patience=60)
    other = Imports(store, carry, lambda: now, patience=60)
    told = await doing.start(order(tmp_path, "a"), nobody)
    async with asyncio.timeout(10):
        while True:
            now += 10
            try:
                seen = await other.get("math", told.id)
            except Rejected:
                await asyncio.sleep(0.005)
                continue
            if seen.at >= 200:  # it has said so again and again
                break
            await asyncio.sleep(0.01)
    now += 1_000
    ended.set()
    async with asyncio.timeout(10):
        while (await other.get("math", told.id)).state is not State.DONE:
            await asyncio.sleep(0.005)
    await until(lambda: not (tmp_path / "a").exists())
    await doing.close()
    await other.close()


async def test_a_room_may_have_only_so_many_under_way(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "store")
    await store.open()
    ended = asyncio.Event()

    async def carry(job: Job, perform: Perform) -> None:
        await ended.wait()

    imports = Imports(store, carry, lambda: 0, patience=60_000)
    for number in range(4):
        await imports.start(order(tmp_path, str(number)), nobody)
    with pytest.raises(Rejected, match="too_fast"):
        await imports.start(order(tmp_path, "one more"), nobody)
    await imports.start(order(tmp_path, "of another room", "art"), nobody)
    ended.set()
    await imports.close()
    assert [path.name for path in tmp_path.iterdir() if path.name != "store"] == ["one more"]
