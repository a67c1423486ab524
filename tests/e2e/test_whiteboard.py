"""The whiteboard in real browsers: who draws, who looks on, and that all have the same picture in the end."""

from __future__ import annotations

import asyncio
import math
from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import CDPSession, expect

from classroom.kernel import Role
from classroom.whiteboard.model import POINTS_LIMIT, Drawn
from classroom.whiteboard.quantise import pack, unpack
from loadtest.bench.speaker import Speaker
from tests.e2e.people import DESKTOP, PHONE, People, Scheme, Someone
from tests.e2e.wire import wire_to
from tests.running import Class
from tests.vectors.drawing import fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = (Path(__file__).parent.parent.parent / "client/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
PAPER = "[data-board-page]"
# Where the tools stand, those of the editor and those of the board: name, left, right, width, height.
# The tools that one who is offline cannot see for being told so.
UNDER_THE_NOTE = """() => {
  const notes = [...document.querySelectorAll('[role=status]')];
  const note = notes.find((each) => each.textContent.startsWith('Offline: what you see')).getBoundingClientRect();
  const tools = [...document.querySelectorAll('[data-board-editor] :is(button, label)')];
  return tools.filter((tool) => {
    const {left, right, top, bottom, width} = tool.getBoundingClientRect();
    return width > 0 && left < note.right && right > note.left && top < note.bottom && bottom > note.top;
  }).map((tool) => tool.title || tool.ariaLabel);
}"""
TOOLS = """() => [...document.querySelectorAll('[data-board-editor] .App-top-bar .ToolIcon__icon, [role=toolbar] button')]
  .map((each) => {
    const {left, right, width, height} = each.getBoundingClientRect();
    return [each.ariaLabel ?? each.parentElement.title, left, right, width, height];
  })"""
AGAIN = 0.2  # seconds until a canvas is looked at once more, which is dear
# Of its dots: a picture file of them would take a page a tenth of a second. They are read from a copy, since a canvas that is
# read again and again is complained of.
HASH = """async canvas => {
  const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
  pen.drawImage(canvas, 0, 0);
  const {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return [canvas.width, canvas.height, ...hash].join(' ');
}"""
WAVE = [(300 + 3 * step, 420 + 60 * math.sin(step / 9)) for step in range(110)]


class Drawer:
    """Somebody with the editor open."""

    def __init__(self, who: Someone) -> None:
        self.who, self.page = who, who.page

    async def ready(self) -> None:
        await self.page.locator("[data-board-editor][data-ready]").wait_for()

    async def drag(self, points: Sequence[tuple[float, float]], lift: bool = True) -> None:
        box = await self.page.locator("[data-board-editor]").bounding_box()
        assert box is not None
        mouse = self.page.mouse
        for number, (x, y) in enumerate(points):
            await mouse.move(box["x"] + x, box["y"] + y)
            if number == 0:
                await mouse.down()
        if lift:
            await mouse.up()

    async def finish(self, points: Sequence[tuple[float, float]]) -> None:
        """Go on with what is being drawn, and lift the pen."""
        box = await self.page.locator("[data-board-editor]").bounding_box()
        assert box is not None
        for x, y in points:
            await self.page.mouse.move(box["x"] + x, box["y"] + y)
        await self.page.mouse.up()

    async def shape(self, key: str, points: Sequence[tuple[float, float]], lift: bool = True) -> None:
        """Take a tool by its key and draw with it."""
        await self.tool(key)
        await self.drag(points, lift)

    async def tool(self, key: str) -> None:
        name = {
            "v": "selection",
            "p": "freedraw",
            "r": "rectangle",
            "o": "ellipse",
            "a": "arrow",
            "d": "diamond",
            "t": "text",
        }[key]
        # The tool's own input lies under its picture.
        await self.page.locator(f"[data-testid=toolbar-{name}]").evaluate("each => each.click()")

    async def write(self, x: float, y: float, text: str) -> None:
        await self.tool("t")
        box = await self.page.locator("[data-board-editor]").bounding_box()
        assert box is not None
        await self.page.mouse.click(box["x"] + x, box["y"] + y)
        await self.page.locator("textarea.excalidraw-wysiwyg").type(text)
        await self.page.keyboard.press("Escape")


class Stylus:
    """A pen with a tip that feels how hard it is pressed, by the browser's own input events."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp

    async def _say(self, kind: str, x: float, y: float, force: float) -> None:
        down = kind != "mouseReleased"
        await self._cdp.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "x": x,
                "y": y,
                "pointerType": "pen",
                "button": "left",
                "buttons": int(down),
                "clickCount": 1,
            }
            | {"force": force},
        )

    async def down(self, x: float, y: float, force: float = 0.5) -> None:
        await self._say("mousePressed", x, y, force)

    async def move(self, x: float, y: float, force: float = 0.5) -> None:
        await self._say("mouseMoved", x, y, force)

    async def lift(self, x: float, y: float) -> None:
        await self._say("mouseReleased", x, y, 0)


@pytest_asyncio.fixture(loop_scope="session")
async def teacher(people: People, server: Class) -> Drawer:
    someone = await people.person("Teacher")
    await someone.open(server.link("Instructor"))
    await someone.button("Open the whiteboard").click()
    drawer = Drawer(someone)
    await drawer.ready()
    return drawer


async def pixels(who: Someone) -> str:
    """What is on the canvas of finished elements, as a hash."""
    found: str = await who.page.locator(f"{PAPER} canvas").first.evaluate(HASH)
    return found


async def same_picture(one: Someone, other: Someone, but: str | None = None) -> str:
    """Wait until both see the same, and something else than `but`."""
    seen = ["", ""]

    async def look() -> bool:
        seen[:] = [await pixels(one), await pixels(other)]
        return seen[0] == seen[1] != but

    async with asyncio.timeout(15):
        while not await look():
            await asyncio.sleep(AGAIN)
    return seen[0]


async def viewer(people: People, name: str, link: str, size: tuple[int, int] = DESKTOP) -> Someone:
    someone = await people.person(name, size)
    await someone.join(link)
    return someone


async def test_late_and_cut_off_students_end_with_the_same_pixels(
    people: People, server: Class, teacher: Drawer
) -> None:
    async with wire_to(server.port) as wire:
        # given a page with something on it, and two who look on
        await teacher.shape("r", [(260, 120), (330, 210)])
        ravi = await viewer(people, "Ravi", server.link("Student"))
        asha = await viewer(people, "Asha", wire.url + server.path)
        empty = await same_picture(ravi, asha)

        # when one loses the network in the middle of a stroke, and more is drawn meanwhile
        await teacher.shape("p", WAVE[:60], lift=False)
        await wire.cut()
        await asha.page.context.set_offline(True)
        await teacher.finish(WAVE[60:])
        await teacher.shape("o", [(360, 120), (480, 210)])
        await teacher.shape("a", [(335, 165), (358, 165)])
        await teacher.shape("d", [(520, 110), (620, 220)])
        await teacher.write(420, 560, "Newton's second law: F = ma")
        await expect(ravi.page.get_by_role("region", name="Text on this page")).to_contain_text("F = ma")
        await expect(asha.page.get_by_text("Offline: what you see may be old.")).to_be_visible()
        await expect(asha.page.get_by_role("region", name="Text on this page")).to_have_count(0)
        await wire.mend()
        await asha.page.context.set_offline(False)
        await asha.connected()

        # and another comes late
        kiran = await viewer(people, "Kiran", server.link("Student"))
        await expect(kiran.page.get_by_role("region", name="Text on this page")).to_contain_text("F = ma")

        # then all three have the same pixels
        full = await same_picture(ravi, asha, but=empty)
        assert await same_picture(ravi, kiran, but=empty) == full

        # and what the teacher undoes is undone for all, and comes back
        await teacher.who.button("Undo").click()
        undone = await same_picture(ravi, asha, but=full)
        assert await same_picture(ravi, kiran, but=full) == undone
        await teacher.who.button("Redo").click()
        assert await same_picture(asha, kiran, but=undone) == full
        asha.excuse()


async def inked(who: Someone, width: int = 1) -> None:
    """Wait until what is still being drawn is so many pixels of its canvas wide (a pointer with its name is 100)."""
    over = who.page.locator(f"{PAPER} canvas").nth(1)
    columns = """canvas => {
      const {width, height} = canvas;
      const pen = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
      pen.drawImage(canvas, 0, 0);
      const {data} = pen.getImageData(0, 0, width, height);
      const painted = new Set();
      for (let at = 3; at < data.length; at += 4) if (data[at] > 0) painted.add(((at - 3) / 4) % width);
      return painted.size;
    }"""
    async with asyncio.timeout(10):
        while await over.evaluate(columns) < width:
            await asyncio.sleep(AGAIN)


async def test_a_stroke_is_seen_while_it_is_drawn(people: People, server: Class, teacher: Drawer) -> None:
    await teacher.shape("r", [(260, 120), (330, 210)])
    asha = await viewer(people, "Asha", server.link("Student"), PHONE)
    await asha.page.locator(f"{PAPER}[data-board-at]").wait_for()
    before = await pixels(asha)

    await teacher.shape("p", WAVE, lift=False)

    await inked(asha)
    assert await pixels(asha) == before
    await teacher.page.mouse.up()
    async with asyncio.timeout(10):
        while await pixels(asha) == before:
            await asyncio.sleep(AGAIN)


async def test_the_first_stroke_of_all_brings_the_board_to_a_phone_and_is_seen_while_it_is_drawn(
    people: People, server: Class, teacher: Drawer
) -> None:
    # given a board that nobody has drawn on, which a student is not shown
    asha = await viewer(people, "Asha", server.link("Student"), PHONE)
    await expect(asha.page.get_by_role("toolbar", name="Whiteboard")).to_have_count(0)

    # when the first stroke begins
    await teacher.shape("p", WAVE, lift=False)

    # then it is seen before its end, from its beginning
    await inked(asha, 30)
    await teacher.page.mouse.up()
    await expect(asha.page.locator(f"{PAPER}[data-board-at]")).to_be_attached()


async def test_on_a_phone_nothing_that_a_student_can_do_is_cut_off(
    people: People, server: Class, teacher: Drawer
) -> None:
    asha = await viewer(people, "Asha", server.link("Student"), PHONE)
    await teacher.write(420, 300, "Page one")
    await teacher.who.button("Pages").click()
    await teacher.who.button("Add a page").click()
    await teacher.who.button("Next page").click()
    await expect(asha.page.get_by_role("toolbar")).to_contain_text("2 / 2")
    for elsewhere in (False, True):
        if elsewhere:
            await asha.button("Page before").click()
            await expect(asha.button("Follow the class")).to_be_visible()
        boxes = await asha.page.evaluate(TOOLS)
        assert len(boxes) == 7 + elsewhere
        for name, left, right, width, height in boxes:
            assert 0 <= left < right <= PHONE[0], name
            assert min(width, height) >= 40, name


async def test_a_pen_s_stroke_is_seen_while_it_is_drawn_and_how_hard_it_is_pressed_is_kept(
    people: People, server: Class, teacher: Drawer
) -> None:
    await teacher.shape("r", [(260, 120), (330, 210)])
    asha = await viewer(people, "Asha", server.link("Student"))
    await asha.page.locator(f"{PAPER}[data-board-at]").wait_for()
    stylus = Stylus(await teacher.page.context.new_cdp_session(teacher.page))
    box = await teacher.page.locator("[data-board-editor]").bounding_box()
    assert box is not None
    await teacher.tool("p")

    # when a stroke begins softly, and is pressed harder and harder
    x, y = box["x"] + 300, box["y"] + 400
    await stylus.down(x, y, 0.1)
    for step in range(1, 40):
        await stylus.move(x + 14 * step, y + step % 5, 0.1 + step / 50)
        await teacher.page.evaluate("() => new Promise(requestAnimationFrame)")
    await inked(asha, 250)
    await stylus.lift(x + 14 * 40, y)

    # then it is so in the log
    async with asyncio.timeout(15):
        while len(drawn := [each.event for each in await server.read() if isinstance(each.event, Drawn)]) < 2:
            await asyncio.sleep(0.1)
    (change,) = drawn[-1].changes
    assert change.points is not None
    assert change.set["simulatePressure"] is False
    pressures = unpack(change.points, POINTS_LIMIT).plain()[1]
    assert pressures[1] < 0.2
    assert pressures[-2] > 0.7
    assert all(one <= other for one, other in pairwise(pressures[1:-1]))


REPAINTED = """async (host) => {
  const key = Object.keys(host).find((name) => name.startsWith('__reactFiber$'));
  let api = null;
  for (let fiber = host[key]; fiber; fiber = fiber.return)
    for (let hook = fiber.memoizedState; hook && typeof hook === 'object' && 'next' in hook; hook = hook.next)
      if (hook.memoizedState?.getSceneElements) api ??= hook.memoizedState;
  const canvas = host.querySelector('canvas.static');
  const rest = () => new Promise((next) => setTimeout(() => requestAnimationFrame(next), 200));
  const before = canvas.toDataURL();
  const { scrollX } = api.getAppState();
  for (const x of [scrollX + 40, scrollX]) {
    api.updateScene({ appState: { scrollX: x } });
    await rest();
  }
  return [before, canvas.toDataURL()];
}"""


async def test_of_a_full_page_the_editor_paints_what_is_new_and_shows_what_all_of_it_painted_anew_is(
    server: Class, people: People
) -> None:
    # given a page of some hundred strokes and a text
    def write() -> None:
        points = b64encode(pack([(0, 0), (40, 90), (80, 20), (120, 160)])).decode()
        changes = []
        for number in range(300):
            look = fields("freedraw", 300 + 2.5 * (number % 60), 120 + 60 * (number // 60), index=f"c{number:03d}")
            changes.append({"id": f"e{number}", "version": 1, "nonce": number + 1, "set": look, "points": points})
        token = server.token("Hand", Role.INSTRUCTOR, "hand")
        with Speaker(server.port, {"v": 1, "room": server.room, "token": token}) as hand:
            page = hand.welcome["state"]["board"]["current"]
            for at in range(0, len(changes), 50):
                hand.command("board.put", page=page, changes=changes[at : at + 50])

    await asyncio.to_thread(write)
    someone = await people.person("Teacher")
    await someone.open(server.link("Instructor"))
    drawer = Drawer(someone)
    await drawer.ready()
    host = someone.page.locator("[data-board-editor]")
    await drawer.write(600, 420, "F = ma")
    await drawer.shape("p", WAVE)
    await asyncio.sleep(0.3)
    await someone.page.evaluate(
        """() => {
          window.drawn = 0;
          const proto = CanvasRenderingContext2D.prototype;
          const draw = proto.drawImage;
          proto.drawImage = function (...what) {
            if (this.canvas.classList.contains('static')) window.drawn += 1;
            return draw.apply(this, what);
          };
        }"""
    )

    # when more strokes are drawn over it
    for down in (40, 80, 120):
        await drawer.drag([(x, y + down) for x, y in WAVE])

    # then hardly anything is painted again, and what is seen is what all of it painted anew looks like
    await asyncio.sleep(0.3)
    assert await someone.page.evaluate("drawn") < 30
    before, after = await host.evaluate(REPAINTED)
    assert before == after
    assert await someone.page.evaluate("drawn") > 300

    # and so it is when something is undone, moved and changed
    for doing in (someone.button("Undo").click, lambda: drawer.shape("v", [(610, 430), (640, 450), (700, 480)])):
        await doing()
        await asyncio.sleep(0.3)
        before, after = await host.evaluate(REPAINTED)
        assert before == after


async def test_students_without_the_right_load_no_editor_and_get_it_with_the_right(
    people: People, server: Class, teacher: Drawer
) -> None:
    # given
    await teacher.shape("r", [(260, 120), (330, 210)])
    asha = await people.person("Asha")
    fetched: list[str] = []
    asha.page.on("request", lambda request: fetched.append(request.url))
    await asha.join(server.link("Student"))
    await asha.page.locator(f"{PAPER}[data-board-at]").wait_for()

    # then
    assert any("/assets/Whiteboard-" in url for url in fetched)
    assert not any("/assets/Editor-" in url or "/assets/chunk-" in url for url in fetched)
    assert all(url.startswith(server.url) or url.startswith(("data:", "blob:")) for url in fetched)

    # when everybody may draw
    await teacher.who.button("Pages, rights and files").click()
    await teacher.page.get_by_role("menuitem", name="Everybody").click()

    # then she can, and the teacher sees it
    pen = Drawer(asha)
    await pen.ready()
    ravi = await viewer(people, "Ravi", server.link("Student"))
    await Drawer(ravi).ready()
    await pen.write(420, 300, "From Asha")
    await expect(teacher.page.get_by_role("region", name="Text on this page")).to_contain_text("From Asha")
    await expect(ravi.page.get_by_role("region", name="Text on this page")).to_contain_text("From Asha")
    assert any("/assets/Editor-" in url for url in fetched)


async def test_the_class_follows_and_a_student_may_look_elsewhere(
    people: People, server: Class, teacher: Drawer
) -> None:
    # given two pages
    await teacher.write(420, 300, "Page one")
    asha = await viewer(people, "Asha", server.link("Student"))
    texts = asha.page.get_by_role("region", name="Text on this page")
    await expect(texts).to_contain_text("Page one")
    await teacher.who.button("Pages").click()
    await teacher.who.button("Add a page").click()
    await teacher.who.button("Next page").click()

    # when the class goes on, the student does too
    await expect(asha.page.get_by_role("toolbar")).to_contain_text("2 / 2")
    await teacher.ready()
    await teacher.write(420, 300, "Page two")
    await expect(texts).to_contain_text("Page two")

    # and may look back, and follow again
    await asha.button("Page before").click()
    await expect(texts).to_contain_text("Page one")
    await asha.button("Follow the class").click()
    await expect(texts).to_contain_text("Page two")


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
async def test_the_board_can_be_used_by_everybody(
    people: People, server: Class, teacher: Drawer, size: tuple[int, int], scheme: str
) -> None:
    await teacher.write(420, 300, "Hello")
    asha = await people.person("Asha", size, scheme)  # type: ignore[arg-type]
    await asha.join(server.link("Student"))
    await expect(asha.page.get_by_role("region", name="Text on this page")).to_contain_text("Hello")
    await asha.button("Pages").click()

    await asha.page.evaluate(AXE)
    found = await asha.page.evaluate("axe.run('section[aria-label=Stage]').then(({violations}) => violations)")

    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    wide = await asha.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
async def test_without_a_network_one_is_told_so_where_no_tool_is(
    people: People, server: Class, size: tuple[int, int]
) -> None:
    teacher = await people.person("Teacher", size)
    await teacher.open(server.link("Instructor"))
    await teacher.page.get_by_role("button", name="Settings", exact=True).click()
    await teacher.page.get_by_role("menuitem", name="Open the whiteboard").click()
    await Drawer(teacher).ready()

    # when
    await teacher.page.context.set_offline(True)

    # then
    await expect(teacher.page.get_by_role("status").filter(has_text="Offline: what you see may be old")).to_be_visible()
    assert await teacher.page.evaluate(UNDER_THE_NOTE) == []
    banner = teacher.page.get_by_role("region", name="Offline")
    icon = await banner.locator("svg").bounding_box()
    text = await banner.get_by_text("You are offline.").bounding_box()
    assert icon is not None
    assert text is not None
    assert icon["x"] + icon["width"] < text["x"]
    teacher.excuse()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_tools_are_at_hand_on_a_phone(people: People, server: Class, scheme: Scheme) -> None:
    # given an instructor with nothing but a phone
    teacher = await people.person("Teacher", PHONE, scheme)
    await teacher.open(server.link("Instructor"))
    await teacher.page.get_by_role("button", name="Settings", exact=True).click()
    await teacher.page.get_by_role("menuitem", name="Open the whiteboard").click()
    drawer = Drawer(teacher)
    await drawer.ready()

    # then every tool is on the screen, and large enough for a finger
    boxes = await teacher.page.evaluate(TOOLS)
    assert len(boxes) >= 10 + 7
    for name, left, right, width, height in boxes:
        assert 0 <= left < right <= PHONE[0], name
        assert min(width, height) >= 40, name

    # and what is drawn is kept, and undone by the board's own undo alone
    await drawer.shape("r", [(120, 130), (220, 230)])
    asha = await viewer(people, "Asha", server.link("Student"), PHONE)
    await asha.page.locator(f"{PAPER}[data-board-at]").wait_for()
    drawn = await pixels(asha)
    await teacher.page.get_by_role("button", name="Undo", exact=True).click()
    async with asyncio.timeout(15):
        while await pixels(asha) == drawn:
            await asyncio.sleep(AGAIN)
    await teacher.page.evaluate(AXE)
    found = await teacher.page.evaluate("axe.run('section[aria-label=Stage]').then(({violations}) => violations)")
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
