"""Who comes late to the board: 500 a second join a class whose page has 5,000 elements and is being drawn on.

Each comes in over a WebSocket of their own (a crowd's process) and is sent a welcome with the page's address; for each of them
the page is fetched from there. Counted are how often the server compressed the page, and its CPU.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import aiohttp
import psutil

from loadtest.bench.child import Child
from loadtest.bench.opening import ELEMENTS, fill
from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import UNLIMITED, Say, crowd
from loadtest.bench.table import Row
from tests.running import Subprocess, serving_alone

A_SECOND, SECONDS = 500, 5
STROKES = 2  # a second, meanwhile
POINTS = [[1.5 * step, float(step % 7)] for step in range(100)]


def run(say: Say) -> Iterator[Row]:
    limits = {name.removeprefix("CLASSROOM_").lower(): value for name, value in UNLIMITED.items()}
    with (
        TemporaryDirectory() as folder,
        serving_alone(Path(folder) / "data", media_enabled=False, **limits) as server,
        Speaker(server.port, {"v": 1, "room": "demo", "token": server.instructor_token}) as hand,
        crowd() as members,
    ):
        page = hand.welcome["state"]["board"]["current"]
        fill(hand, page, ELEMENTS)
        yield from asyncio.run(_late(server, hand, members, page, say))


async def _late(server: Subprocess, hand: Speaker, members: Child, page: int, say: Say) -> list[Row]:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    waits, pages = list[float](), list[bytes]()
    key = hand.welcome["key"]
    at = [hand.command("board.put", page=page, changes=[_stroke(0)])]
    over = asyncio.Event()

    async def draw() -> None:
        number = 0
        while not over.is_set():
            number += 1
            at[0] = await asyncio.to_thread(hand.command, "board.put", page=page, changes=[_stroke(number)])
            await asyncio.sleep(1 / STROKES)

    async with aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=100)) as http:

        async def come(due: float) -> None:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            url = f"{server.url}/api/rooms/demo/board/{page}@{at[0]}?key={key}"
            async with http.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                answer.raise_for_status()
                pages.append(await answer.read())
            waits.append(time.perf_counter() - due)

        drawing = asyncio.create_task(draw())
        before, begun, made = process.cpu_times(), time.perf_counter(), _encoded(server)
        joined = asyncio.create_task(asyncio.to_thread(_join, members, server.port))
        await asyncio.gather(*(come(begun + number / A_SECOND) for number in range(A_SECOND * SECONDS)))
        took = time.perf_counter() - begun
        await joined
        over.set()
        await drawing
        spent, after, encoded = time.perf_counter() - begun, process.cpu_times(), _encoded(server)
    used = after.user + after.system - before.user - before.system
    waits.sort()
    size = len(pages[-1])
    say(f"{len(waits)} came in {took:.1f} s, {at[0]} events; a page is {size:,} bytes; {used / spent:.2f} of a core")
    return [
        Row(f"late joiners served, of {A_SECOND} a second", len(waits) / took, "1/s"),
        Row("times that the page was compressed for them", encoded["page"] - made["page"], "", limit=1),
        Row("times that what has changed since was", encoded["tail"] - made["tail"], ""),
        Row("different pages that they were sent", float(len(set(pages))), ""),
        Row("CPU per late joiner, welcome and page", used / len(waits) * 1e6, "µs"),
        Row("the page, p99", waits[len(waits) * 99 // 100] * 1_000, "ms"),
    ]


def _join(members: Child, port: int) -> None:
    """So many a second come in."""
    begun = time.monotonic()
    for second in range(SECONDS):
        time.sleep(max(0.0, begun + second - time.monotonic()))
        auth = {"room": "demo", "shorthand": True}
        members.ask("connect", port=port, count=A_SECOND, first=A_SECOND * second, auth=auth, codec="msgpack")


def _encoded(server: Subprocess) -> dict[str, float]:
    """How often pages, and what has changed since on them, were compressed."""
    with urlopen(f"{server.url}/metrics") as answer:
        text = answer.read().decode()
    found = re.findall(r'^classroom_board_encoded_total\{kind="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {"page": 0.0, "tail": 0.0} | {kind: float(count) for kind, count in found}


def _stroke(number: int) -> dict[str, Any]:
    dice = Random(number)
    look = {"type": "freedraw", "x": float(dice.randrange(1_000)), "y": float(dice.randrange(600))}
    size = {"width": 150, "height": 6, "index": f"c{number:04d}", "seed": number}
    return {"id": f"late-{number}", "version": 1, "nonce": number + 1, "set": {**look, **size, "points": POINTS}}
