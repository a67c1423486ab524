"""A class at the board in real browsers: a document is brought in and drawn on, pictures are pasted and dropped, the class is
pointed at things."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.people import People, Someone
from tests.e2e.test_whiteboard import PAPER, WAVE, Drawer, pixels, same_picture
from tests.files import samples
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")

RED = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4) if (data[at] > 180 && data[at + 1] < 60 && data[at + 3] > 0) return true;
  return false;
}"""
SHADED = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let dark = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 90 && data[at] < 140) dark += 1;
  return dark > data.length / 40;
}"""
PASTE = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({'image/png': new Blob([bytes], {type: 'image/png'})})]);
}"""
DROP = """(host, {data, x, y}) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], 'photo.png', {type: 'image/png'}));
  for (const kind of ['dragenter', 'dragover', 'drop'])
    host.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, clientX: x, clientY: y, dataTransfer}));
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def teacher(people: People, server: Class) -> Drawer:
    someone = await people.person("Teacher")
    await someone.open(server.link("Instructor"))
    await someone.button("Open the whiteboard").click()
    drawer = Drawer(someone)
    await drawer.ready()
    return drawer


async def menu(who: Someone, item: str) -> None:
    await who.button("Pages, rights and files").click()
    await who.page.get_by_role("menuitem", name=item, exact=True).click()


async def shows(who: Someone, script: str, on: bool = True) -> None:
    """Wait until what passes by on their page is so."""
    over = await who.page.locator(f"{PAPER} canvas").nth(1).element_handle()
    # Not with each frame, as Playwright would by itself: every dot is looked at.
    await who.page.wait_for_function(f"([canvas, on]) => ({script})(canvas) === on", arg=[over, on], polling=200)


async def test_a_lesson_at_the_board(people: People, server: Class, teacher: Drawer, tmp_path: Path) -> None:
    # given a class that looks on
    ravi, asha = await people.person("Ravi"), await people.person("Asha")
    await ravi.join(server.link("Student"))
    await teacher.shape("r", [(260, 120), (330, 210)])
    toolbar = teacher.page.get_by_role("toolbar").first

    # when the teacher brings in ten pages, turns to the second of them and draws on it
    path = tmp_path / "talk.pdf"
    path.write_bytes(samples.pdf(10))
    await teacher.page.locator("input[type=file][accept*=pdf]").set_input_files(path)
    await expect(toolbar).to_contain_text("1 / 11")
    for turned in (2, 3):
        await teacher.who.button("Next page").click()
        await expect(toolbar).to_contain_text(f"{turned} / 11")
    await teacher.ready()
    blank = await pixels(ravi)
    await teacher.shape("p", WAVE)
    await teacher.shape("o", [(360, 120), (480, 210)])
    await teacher.write(420, 300, "Figure 2")
    texts = ravi.page.get_by_role("region", name="Text on this page")
    await expect(texts).to_contain_text("Figure 2")

    # then who comes late has the same pixels, the document's page among them
    await asha.join(server.link("Student"))
    drawn = await same_picture(ravi, asha, but=blank)

    # when a picture is pasted, and another one dropped, then the class has them
    await teacher.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await teacher.tool("v")
    box = await teacher.page.locator("[data-board-editor]").bounding_box()
    assert box is not None
    await teacher.page.mouse.click(box["x"] + 600, box["y"] + 520)
    await teacher.page.evaluate(PASTE, b64encode(samples.encoded("PNG", samples.picture(60, 40))).decode())
    async with ravi.page.expect_response(lambda response: "/files/" in response.url and response.ok):
        await teacher.page.keyboard.press("Control+v")
    pasted = await same_picture(ravi, asha, but=drawn)
    picture = {
        "data": b64encode(samples.encoded("PNG", samples.picture(50, 70, "blue"))).decode(),
        "x": box["x"] + 300,
        "y": box["y"] + 480,
    }
    async with ravi.page.expect_response(lambda response: "/files/" in response.url and response.ok):
        await teacher.page.locator("[data-board-editor] canvas.interactive").evaluate(DROP, picture)
    dropped = await same_picture(ravi, asha, but=pasted)

    # when the teacher points with the laser, then it is seen, and burns down
    await teacher.page.keyboard.press("Escape")
    await teacher.page.keyboard.press("k")
    await teacher.drag([(300 + 4 * n, 300) for n in range(20)], lift=False)
    await shows(ravi, RED)
    await teacher.page.mouse.up()
    await shows(ravi, RED, on=False)
    assert await pixels(ravi) == dropped

    # when the teacher lights up all that is drawn, then the rest is darker for the class, until it is put out
    await teacher.tool("v")
    await teacher.page.locator(".excalidraw.excalidraw-container").focus()
    await teacher.page.keyboard.press("Control+a")
    await teacher.who.button("Spotlight the selection").click()
    await shows(ravi, SHADED)
    await teacher.who.button("Spotlight off").click()
    await shows(ravi, SHADED, on=False)

    # when all may draw, each takes back their own doings alone
    await menu(teacher.who, "Everybody")
    pen = Drawer(asha)
    await pen.ready()
    await pen.write(420, 400, "From Asha")
    theirs = teacher.page.get_by_role("region", name="Text on this page")
    await expect(theirs).to_contain_text("From Asha")
    await teacher.write(600, 300, "From the teacher")
    await expect(asha.page.get_by_role("region", name="Text on this page")).to_contain_text("From the teacher")
    await asha.button("Undo").click()
    await expect(theirs).not_to_contain_text("From Asha")
    await expect(theirs).to_contain_text("From the teacher")

    # when the page is locked, then nobody draws on it, and all are told why
    await menu(teacher.who, "Lock")
    for who in (teacher.who, asha, ravi):
        await expect(who.page.get_by_text("This page is locked.")).to_be_visible()
        await expect(who.page.locator("[data-board-editor]")).to_have_count(0)
    await menu(teacher.who, "Unlock")
    await pen.ready()
    ravi.excuse(re.compile("willReadFrequently"))  # it was this test that read its canvas again and again
