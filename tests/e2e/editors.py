"""Several who draw on one page at once, at random, and what each browser, the server and the journal make of it.

What they do: pen strokes, shapes, arrows and words; moving and deleting what they or others drew, also all of it at once;
undo and redo. What is compared: each browser's replica of the page (from React's tree), what its editor shows (to a quarter of
a px), the page as the server answers a newcomer, and the journal as `classroom replay` folds it.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import time
from base64 import b64decode
from random import Random
from typing import Any

import aiohttp
import msgspec
from playwright.async_api import expect

from classroom.whiteboard.model import POINTS_LIMIT, Drawn, PageCleared
from classroom.whiteboard.quantise import unpack
from loadtest.bench.speaker import Speaker
from tests.e2e.people import People
from tests.e2e.test_whiteboard import Drawer
from tests.running import ROOT, Class, environment
from tests.whiteboard.client_fold import Sheet

Elements = dict[str, dict[str, Any]]

WORDS = ("Force", "Mass", "a = F / m", "नियम", "Why?")
UNSEEN = {"version", "versionNonce", "updated", "isDeleted", "index", "seed", "lastCommittedPoint"}
SETTLED = 20.0  # seconds in which all have to have arrived at the same, once nobody draws

# The page's replica and the editor's scene, as React holds them above and around the editor.
STATE = """(host) => {
  const key = Object.keys(host).find((name) => name.startsWith('__reactFiber$'));
  const found = {};
  for (let fiber = host[key]; fiber; fiber = fiber.return) {
    for (let hook = fiber.memoizedState; hook && typeof hook === 'object' && 'next' in hook; hook = hook.next)
      if (hook.memoizedState?.getSceneElements) found.api ??= hook.memoizedState;
    if (fiber.memoizedProps?.value?.store?.sheet) found.store ??= fiber.memoizedProps.value.store;
  }
  const sheet = found.store.sheet(Number(host.dataset.boardEditor));
  return {
    at: sheet.at,
    elements: [...sheet.elements.values()],
    shown: found.api.getSceneElements(),
  };
}"""


class Hand:
    """One who draws at random."""

    def __init__(self, drawer: Drawer, dice: Random) -> None:
        self.drawer, self._dice = drawer, dice
        self.did = 0

    async def draw(self, until: float) -> None:
        """Go on until that time (of `time.monotonic`)."""
        while time.monotonic() < until:
            await self._something()
            self.did += 1

    async def _something(self) -> None:
        dice, drawer, page = self._dice, self.drawer, self.drawer.page
        x, y = dice.randrange(220, 700), dice.randrange(120, 460)
        match dice.randrange(12):
            case 0 | 1 | 2:
                wave = [(x + 3 * step, y + 30 * math.sin(step / (3 + dice.random() * 4))) for step in range(30)]
                await drawer.shape("p", wave)
            case 3 | 4:
                await drawer.shape(
                    dice.choice("roda"), [(x, y), (x + 40, y + 30), (x + dice.randrange(50, 160), y + 90)]
                )
            case 5:
                await drawer.write(x, y, dice.choice(WORDS))
            case 6 | 7:  # take hold of what is there, whoever drew it, and move it
                await drawer.shape("v", [(x, y), (x + 20, y + 10), (x + dice.randrange(-80, 80), y + 40)])
            case 8:
                await self._all()
                await page.keyboard.press(dice.choice(("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")))
                await page.keyboard.press("Escape")
            case 9:  # delete what is in a corner of the page
                await drawer.shape("v", [(x + 200, y + 160), (x + 120, y + 90), (x, y)])
                await page.keyboard.press("Delete")
            case 10:
                await drawer.who.button("Undo").click()
            case _:
                await drawer.who.button(dice.choice(("Undo", "Redo"))).click()

    async def _all(self) -> None:
        await self.drawer.tool("v")
        await self.drawer.page.locator(".excalidraw.excalidraw-container").focus()
        await self.drawer.page.keyboard.press("Control+a")


async def gather(people: People, server: Class, count: int) -> list[Drawer]:
    """A teacher and others, all of whom may draw."""
    teacher = await people.person("Teacher")
    await teacher.open(server.link("Instructor"))
    await teacher.button("Open the whiteboard").click()
    drawers = [Drawer(teacher)]
    await drawers[0].ready()
    await teacher.button("Pages, rights and files").click()
    await teacher.page.get_by_role("menuitem", name="Everybody").click()
    await drawers[0].shape("r", [(260, 120), (330, 210)])  # so that the others have the board
    for number in range(1, count):
        someone = await people.person(f"Hand {number}")
        await someone.join(server.link("Student"))
        drawers.append(Drawer(someone))
        await drawers[-1].ready()
    return drawers


async def draw(drawers: list[Drawer], seconds: float, seed: int) -> int:
    """All draw at once: how much they did."""
    hands = [Hand(drawer, Random(f"{seed} {number}")) for number, drawer in enumerate(drawers)]
    until = time.monotonic() + seconds
    await asyncio.gather(*(hand.draw(until) for hand in hands))
    for drawer in drawers:
        await drawer.page.keyboard.press("Escape")
    return sum(hand.did for hand in hands)


async def agreed(drawers: list[Drawer], server: Class) -> Elements:
    """The page, once every browser, the server and the journal have the same. Raises `AssertionError` where they do not."""
    limit = time.monotonic() + SETTLED
    while True:
        states = [await drawer.page.locator("[data-board-editor]").evaluate(STATE) for drawer in drawers]
        replicas = [_by_id(state["elements"]) for state in states]
        found = _differences([_by_id(state["shown"]) for state in states], replicas)
        if not found and await _of_the_server(server) == replicas[0]:
            break
        assert time.monotonic() < limit, f"at {[state['at'] for state in states]}: {found}"
        await asyncio.sleep(0.1)
    assert await asyncio.to_thread(_of_the_journal, server) == replicas[0]
    for drawer in drawers:
        await expect(drawer.page.get_by_text("not kept")).to_have_count(0)
    return replicas[0]


def _by_id(elements: list[dict[str, Any]]) -> Elements:
    return {element["id"]: element for element in sorted(elements, key=lambda element: str(element["id"]))}


async def _of_the_server(server: Class) -> Elements:
    """The page as a newcomer is given it, with the events since on top, as a newcomer folds them: by a second fetch."""

    def welcome() -> dict[str, Any]:
        with Speaker(server.port, {"v": 1, "room": server.room, "name": "Late", "client": "late"}) as late:
            return late.welcome

    told = await asyncio.to_thread(welcome)
    board = told["state"]["board"]
    page = next(page for page in board["pages"] if page["id"] == board["current"])
    url = f"{server.url}/api/rooms/{server.room}/board/{page['id']}@{page['at']}?key={told['key']}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        answer.raise_for_status()
        return _fold(await answer.json())


def _fold(answer: dict[str, Any]) -> Elements:
    """A page as it is fetched: its elements as of some place, and the events since."""
    sheet = Sheet(answer["page"], 0, answer["elements"])
    for event in answer.get("events", ()):
        sheet.fold(msgspec.convert(event, Drawn | PageCleared, strict=False), event["seq"])
    return _by_id(list(sheet.elements.values()))


def _of_the_journal(server: Class) -> Elements:
    """The page as `classroom replay` folds it from the first event on; the snapshot that is kept agrees."""
    variables = {**os.environ, **environment(server.server.folder, {})}
    replay = [sys.executable, "-m", "classroom", "replay", server.room]
    done = subprocess.run(replay, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    board = json.loads(done.stdout)["state"]["board"]
    _, _, _, _, _, elements, *_ = board["pages"][str(board["current"])]
    return _by_id([json.loads(b64decode(body)) for _, _, body in elements.values()])


def _differences(shown: list[Elements], replicas: list[Elements]) -> list[str]:
    """Which elements are not the same everywhere, and for whom: in the replicas, and in what the editors show."""
    found = []
    for id in sorted({id for each in (*shown, *replicas) for id in each}):
        versions = [replica.get(id) for replica in replicas]
        if any(version != versions[0] for version in versions):
            found.append(f"{id}: the replicas have {versions}")
        for number, (here, there) in enumerate(zip(shown, replicas, strict=True)):
            other = _unlike(here.get(id), there.get(id))
            if other:
                found.append(f"{id}: editor {number} shows {other}")
    return found


def _unlike(shown: dict[str, Any] | None, kept: dict[str, Any] | None) -> dict[str, Any]:
    """The fields of an element that the editor shows otherwise than they are kept. Its own version may be ahead where it has
    changed nothing that anybody sees."""
    if shown is None or kept is None:
        return {} if shown is kept else {"shown": shown, "kept": kept}
    if shown["versionNonce"] == kept["versionNonce"]:
        return {}
    path = kept.get("points")
    if isinstance(path, str):
        points, pressures = unpack(b64decode(path), POINTS_LIMIT).plain()
        kept = kept | {"points": points, "pressures": pressures}
    apart = {name for name in kept if name not in UNSEEN and not _near(shown.get(name), kept[name])}
    return {name: (shown.get(name), kept[name]) for name in apart}


def _near(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_near, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 0.26
    return bool(one == other)
