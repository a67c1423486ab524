"""People who draw at once, at random: `python -m tests.e2e.hands [EDITORS] [SECONDS]`, a class of its own.

Each takes up a tool, draws, moves and deletes their own, undoes. In the end what the editors hold, what one who looked on all
the time sees and what one sees who comes then must be what the journal folds to.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from classroom.journal.sql import open_journal
from classroom.rooms import room as rooms
from classroom.whiteboard.deltas import plain
from tests.e2e.people import People, browsing
from tests.e2e.test_whiteboard import Drawer
from tests.running import Subprocess, serving_alone

GEOMETRY = ("x", "y", "width", "height")
PIXEL = 0.5  # px that an editor may be off: it keeps the fractions that nobody is told

# What is on a page in an editor: all of it is selected, and copied.
COPY = """() => new Promise((done) => {
  const listen = (event) => setTimeout(async () => {
    document.removeEventListener('copy', listen);
    done(await navigator.clipboard.readText().catch(() => ''));
  }, 60);
  document.addEventListener('copy', listen);
})"""


class Hand:
    """One who draws at random."""

    def __init__(self, who: Drawer, dice: Random) -> None:
        self.who, self.dice, self.done = who, dice, 0
        self._boxes: list[tuple[float, float, float, float]] = []

    async def go(self, until: float, most: int) -> None:
        """Until then (`time.monotonic`), or so many doings."""
        for _ in range(most):
            if time.monotonic() > until:
                return
            await self.something()
            self.done += 1

    async def something(self) -> None:
        x, y = self.dice.uniform(280, 560), self.dice.uniform(140, 480)
        match self.dice.randrange(8):
            case 0 | 1 | 2:
                phase = self.dice.uniform(0, 6)
                await self.who.shape("p", [(x + 6 * n, y + 30 * math.sin(phase + n / 3)) for n in range(12)])
            case 3 | 4:
                width, height = self.dice.uniform(30, 120), self.dice.uniform(30, 90)
                await self.who.shape(self.dice.choice("rod"), [(x, y), (x + width, y + height)])
                self._boxes.append((x, y, width, height))
            case 5 if self._boxes:
                x, y, width, height = self._boxes.pop()
                await self.who.tool("v")
                await self.who.drag([(x + width / 2, y), (x + width / 2 + 9, y + 14), (x + width / 2 + 20, y + 30)])
            case 6 if self._boxes:
                x, y, width, height = self._boxes.pop()
                await self.who.tool("v")
                await self.who.drag([(x, y + height / 2)])
                await self.who.page.keyboard.press("Delete")
            case _:
                await self.who.who.button("Undo").click()


async def held(drawer: Drawer) -> dict[str, dict[str, Any]]:
    """The elements in an editor, by id."""
    page = drawer.page
    await page.locator(".excalidraw.excalidraw-container").focus()
    await drawer.tool("v")
    await page.locator(".excalidraw.excalidraw-container").focus()
    await page.keyboard.press("Control+a")
    copied = asyncio.ensure_future(page.evaluate(COPY))
    await asyncio.sleep(0)
    await page.keyboard.press("Control+c")
    text = await copied
    await page.keyboard.press("Escape")
    return {each["id"]: each for each in json.loads(text)["elements"]} if text.startswith("{") else {}


async def journal_of(server: Subprocess) -> dict[str, dict[str, Any]]:
    """The elements of page 0, folded from the journal alone."""
    (path,) = server.folder.glob("*.db")
    journal = await open_journal(f"sqlite:///{path}")
    room = rooms.Room()
    try:
        while stored := await journal.read("demo", room.seq):
            for each in stored:
                rooms.apply(room, each)
    finally:
        await journal.close()
    return {id: plain(element.body) for id, element in room.board.pages[0].elements.items()}


def apart(mine: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]]) -> list[str]:
    """In what two boards differ."""
    found = [f"{id} is only in one" for id in mine.keys() ^ theirs.keys()]
    for id in mine.keys() & theirs.keys():
        one, other = mine[id], theirs[id]
        if one["type"] != other["type"]:
            found.append(f"{id}: {one['type']}, {other['type']}")
        found += [
            f"{id}.{name}: {one[name]}, {other[name]}" for name in GEOMETRY if abs(one[name] - other[name]) > PIXEL
        ]
        if len(one.get("points", [])) != len(other.get("points", [])):
            found.append(f"{id}: other points")
    return found


async def draw_at_once(
    people: People, server: Subprocess, teacher: Drawer, editors: int, seconds: float, most: int, seed: int
) -> tuple[int, int]:
    """Let them draw, and compare. How many doings, and how many elements there are in the end."""
    await teacher.who.button("Pages, rights and files").click()
    await teacher.page.get_by_role("menuitem", name="Everybody").click()
    drawers = [teacher]
    for number in range(editors - 1):
        someone = await people.person(f"Student {number}")
        await someone.join(server.link("Student"))
        drawers.append(Drawer(someone))
        await drawers[-1].ready()
    for drawer in drawers:
        await drawer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    hands = [Hand(drawer, Random(seed + number)) for number, drawer in enumerate(drawers)]
    until = time.monotonic() + seconds
    await asyncio.gather(*(hand.go(until, most) for hand in hands))
    differences: list[str] = []
    async with asyncio.timeout(20):
        while True:
            there = await journal_of(server)
            differences = [line for drawer in drawers for line in apart(await held(drawer), there)]
            if not differences and there == await journal_of(server):
                break
            await asyncio.sleep(0.1)
    assert there
    return sum(hand.done for hand in hands), len(there)


async def main(editors: int, seconds: float) -> None:
    with serving_alone(Path(tempfile.mkdtemp()) / "data") as server:
        async with browsing() as people:
            teacher = await people.person("Teacher")
            await teacher.open(server.link("Instructor"))
            await teacher.button("Open the whiteboard").click()
            drawer = Drawer(teacher)
            await drawer.ready()
            seed = int(time.time())
            doings, elements = await draw_at_once(people, server, drawer, editors, seconds, 1_000_000, seed)
            print(
                f"{editors} editors, {seconds:.0f} s, seed {seed}: {doings} doings, {elements} elements, equal to the journal"
            )
            assert people.complaints == []


if __name__ == "__main__":
    asyncio.run(main(*(int(each) for each in (sys.argv[1:] or ("5", "60")))))
