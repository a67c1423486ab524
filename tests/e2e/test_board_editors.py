"""Several who draw at once in real browsers: all of them, the server and the journal arrive at the same page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Route, expect

from classroom.whiteboard.model import Drawn
from tests.e2e import editors
from tests.e2e.people import People
from tests.e2e.test_whiteboard import AGAIN, WAVE, Drawer
from tests.running import Class
from tests.vectors.drawing import fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECONDS = 5.0  # a minute in `make bench BENCH=editors`


async def test_those_who_draw_at_once_end_with_equal_boards(people: People, server: Class) -> None:
    drawers = await editors.gather(people, server, 4)

    did = await editors.draw(drawers, SECONDS, seed=4)

    elements = await editors.agreed(drawers, server)
    assert did >= len(drawers)
    assert elements


async def holds(drawer: Drawer, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
    """Wait until it does of what is kept of the page, and until the editor shows as many elements."""
    async with asyncio.timeout(15):
        while True:
            state = await drawer.page.locator("[data-board-editor]").evaluate(editors.STATE)
            if condition(state["elements"]) and len(state["elements"]) == len(state["shown"]):
                return
            await asyncio.sleep(AGAIN)


async def press(drawer: Drawer, *keys: str) -> None:
    await drawer.page.locator(".excalidraw.excalidraw-container").focus()
    for key in keys:
        await drawer.page.keyboard.press(key)


async def test_what_a_key_or_a_button_does_is_undone_by_itself(people: People, server: Class) -> None:
    [teacher] = await editors.gather(people, server, 1)
    await teacher.shape("p", WAVE)
    await holds(teacher, lambda elements: len(elements) == 2)

    await press(teacher, "Control+a", "Delete")
    await holds(teacher, lambda elements: elements == [])
    await press(teacher, "Control+z")
    await holds(teacher, lambda elements: len(elements) == 2)

    await teacher.shape("o", [(500, 150), (600, 230)])
    await holds(teacher, lambda elements: len(elements) == 3)
    await teacher.page.get_by_test_id("color-top-pick-#e03131").first.click()
    await holds(teacher, lambda elements: any(each["strokeColor"] == "#e03131" for each in elements))
    await teacher.who.button("Undo").click()
    await holds(teacher, lambda elements: [each["strokeColor"] for each in elements] == ["#1e1e1e"] * 3)


async def test_more_than_the_server_takes_at_once_is_pasted(people: People, server: Class) -> None:
    [teacher] = await editors.gather(people, server, 1)
    shape = {"version": 1, "isDeleted": False, "backgroundColor": "#ffc9c9"}
    elements = [
        fields("ellipse", 40 * (each % 30), 40 * (each // 30)) | shape | {"id": f"e{each}", "versionNonce": each}
        for each in range(300)
    ]
    await teacher.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await teacher.page.evaluate(
        "text => navigator.clipboard.writeText(text)",
        json.dumps({"type": "excalidraw/clipboard", "elements": elements, "files": {}}),
    )

    await press(teacher, "Control+v")

    await holds(teacher, lambda elements: len(elements) == 301)
    await teacher.who.connected()


async def test_a_link_to_what_others_embed_is_pasted_as_text(people: People, server: Class) -> None:
    [teacher] = await editors.gather(people, server, 1)
    await teacher.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    link = "https://www.youtube.com/watch?v=gQddtTdmG_8"
    await teacher.page.evaluate("text => navigator.clipboard.writeText(text)", link)

    await press(teacher, "Control+v")

    await holds(teacher, lambda elements: [each.get("text") for each in elements] == [None, link])


async def test_what_is_being_typed_when_the_page_is_turned_stays_on_its_page(people: People, server: Class) -> None:
    teacher, other = await editors.gather(people, server, 2)
    await teacher.who.button("Pages, rights and files").click()
    await teacher.page.get_by_role("menuitem", name="Add a page").click()
    await other.tool("t")
    box = await other.page.locator("[data-board-editor]").bounding_box()
    assert box is not None
    await other.page.mouse.click(box["x"] + 500, box["y"] + 400)
    field = other.page.locator("textarea.excalidraw-wysiwyg")
    await field.type("half a sentence")

    await teacher.who.button("Next page").click()

    await expect(field).to_have_count(0)
    await holds(other, lambda elements: elements == [])
    await teacher.who.button("Page before").click()
    await holds(teacher, lambda elements: [each.get("text") for each in elements] == [None, "half a sentence"])


@pytest.mark.parametrize("reloaded", [False, True])
async def test_what_is_undone_in_an_outage_is_what_was_done_before(
    people: People, server: Class, reloaded: bool
) -> None:
    [teacher] = await editors.gather(people, server, 1)
    await holds(teacher, lambda elements: len(elements) == 1)
    await teacher.page.context.set_offline(True)
    await teacher.shape("o", [(400, 120), (480, 210)])
    await press(teacher, "Control+z")
    await teacher.shape("d", [(540, 120), (620, 210)])
    await teacher.shape("r", [(540, 320), (620, 410)])

    await teacher.page.context.set_offline(False)
    if reloaded:
        await teacher.page.reload()
        await teacher.ready()

    await holds(teacher, lambda elements: [each["type"] for each in elements] == ["rectangle", "diamond", "rectangle"])
    teacher.who.excuse()


async def test_a_picture_from_elsewhere_is_told_when_it_is_here_or_not_at_all(people: People, server: Class) -> None:
    teacher, other = await editors.gather(people, server, 2)
    page = teacher.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    picture = await page.evaluate("() => document.createElement('canvas').toDataURL()")
    image = fields("image", 500, 150) | {
        "version": 1,
        "isDeleted": False,
        "scale": [1, 1],
        "crop": None,
        "status": "saved",
    }
    image |= {"id": "elsewhere", "versionNonce": 1, "fileId": "foreign"}
    files = {"foreign": {"id": "foreign", "mimeType": "image/png", "dataURL": picture, "created": 1}}
    clipboard = {"type": "excalidraw/clipboard", "elements": [image], "files": files}
    await page.evaluate("text => navigator.clipboard.writeText(text)", json.dumps(clipboard))
    uploads: asyncio.Queue[Route] = asyncio.Queue()
    await page.route("**/files", uploads.put)

    # when it cannot be uploaded
    await press(teacher, "Control+v")
    upload = await uploads.get()
    await upload.abort()
    # then
    await expect(page.get_by_text("Not kept").first).to_be_visible()
    await holds(teacher, lambda elements: [each["type"] for each in elements] == ["rectangle"])

    # when it can, and something is drawn meanwhile
    await press(teacher, "Control+v")
    upload = await uploads.get()
    await teacher.shape("d", [(540, 320), (620, 410)])
    await holds(other, lambda elements: [each["type"] for each in elements] == ["rectangle", "diamond"])
    await upload.continue_()
    # then
    await holds(other, lambda elements: {each["type"] for each in elements} == {"rectangle", "diamond", "image"})
    log = [stored.event for stored in await server.read() if isinstance(stored.event, Drawn)]
    files_told = [change.set["fileId"] for event in log for change in event.changes if "fileId" in change.set]
    assert len(files_told) == 1
    assert "foreign" not in files_told
    teacher.who.excuse()
