"""The classroom for everybody: axe finds nothing serious on any page, tab, menu or dialog, in light and dark, on a phone
and on a desk; a student needs no mouse; the page says which language it speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from classroom.kernel import Role
from tests.e2e.past import Past
from tests.e2e.people import DESKTOP, PHONE, ROOT, People, Scheme, Someone
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = ROOT / "client" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
OPEN = "Is the resistance of a wire always the same?"
WAITING = "What does the third equation say?"
# In the dark nothing but the colours is another.
RUN = {
    "light": "(part) => axe.run(part, {resultTypes: ['violations'], preload: {assets: ['cssom']}})"
    ".then(({violations}) => violations)",
    "dark": "(part) => axe.run(part, {runOnly: ['color-contrast']}).then(({violations}) => violations)",
}
# Between two states colours fade, and a colour that is under way has no contrast to speak of.
STILL = "document.getAnimations().forEach((each) => each.effect?.getComputedTiming().iterations < 99 && each.finish())"

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# Of a text in its own place: axe leaves out what is disabled.
CONTRAST = """(element) => {
  const {color, backgroundColor} = getComputedStyle(element);
  const light = (text) => {
    const [red, green, blue] = text.match(/[\\d.]+/g).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  const [one, other] = [light(color), light(backgroundColor)];
  return Math.max(one, other) / Math.min(one, other);
}"""

# How many things on the page are under way between two states once it turns dark.
DARKENED = """() => {
  const {dataset} = document.documentElement;
  dataset.mantineColorScheme = 'dark';
  const moving = document.getAnimations().length;
  dataset.mantineColorScheme = 'light';
  return moving;
}"""


class Audit:
    """Runs axe at a page and gathers what it finds, each with the place where it was found."""

    def __init__(self) -> None:
        self.grave: list[str] = []
        self.slight: list[str] = []

    async def look(self, someone: Someone, place: str, part: str = "html") -> None:
        """Look at the page, or at the part of it that is new."""
        page = someone.page
        if not await page.evaluate("'axe' in window"):
            # Added as the browser's own, so that the page's policy on scripts stays as it is.
            await page.evaluate(AXE.read_text("utf-8"))
        for icon in await page.locator(f"{part} svg.tabler-icon:not([aria-hidden=true], [aria-label])").all():
            self.grave.append(f"an icon that says nothing, {place}: {await icon.get_attribute('class')}")
        for scheme, run in RUN.items():
            await page.emulate_media(color_scheme=scheme)
            await expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            await page.evaluate(STILL)
            for violation in await page.evaluate(run, part):
                for node in violation["nodes"]:
                    where = f"{place}, {scheme}: {node['html'][:160]} — {_why(node)}"
                    said = f"{violation['id']} ({violation['impact']}), {where}"
                    (self.grave if violation["impact"] in GRAVE else self.slight).append(said)


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])[:200]


@pytest.fixture
def audit() -> Iterator[Audit]:
    audit = Audit()
    yield audit
    for line in sorted(set(audit.slight)):
        print(line)
    assert audit.grave == []


@pytest_asyncio.fixture(loop_scope="session")
async def server(on_air: Class) -> Class:
    """A class under way: messages, doubts that wait and that are open, polls open and prepared, a raised hand."""
    past = Past()
    past.come("Mina", "Kabir")
    past.start()
    past.say("Instructor", "Welcome", Role.INSTRUCTOR)
    past.say("Mina", "Good morning to all https://example.org/notes")
    past.approve(past.ask("Mina", OPEN))
    past.ask("Mina", WAITING, anonymous=True)
    past.vote(past.poll("Which metal?", ("Copper", "Iron")), 3, 1)
    past.poll("Clear so far?", ("Yes", "No"), open=False)
    past.raise_hand("Kabir")
    await past.keep(on_air.server.folder, room=on_air.room)
    return on_air


async def menus(someone: Someone, audit: Audit, place: str, *openers: Locator) -> None:
    """Look at each menu, and close it with Escape."""
    for opener in openers:
        await opener.focus()  # what is offered to the mouse only where it hovers is offered to the keyboard too
        await someone.page.keyboard.press("Enter")
        await expect(someone.page.get_by_role("menu")).to_be_visible()
        await audit.look(someone, place, "[role=menu]")
        await someone.page.keyboard.press("Escape")
        await expect(someone.page.get_by_role("menu")).to_have_count(0)


async def dialogs(someone: Someone, audit: Audit, place: str, *openers: Locator) -> None:
    for opener in openers:
        await opener.click()
        await expect(someone.dialog).to_be_visible()
        await audit.look(someone, place, "[role=dialog]")
        await someone.page.keyboard.press("Escape")
        await expect(someone.dialog).to_have_count(0)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
async def test_pages_before_and_after_the_class(
    people: People, server: Class, audit: Audit, size: tuple[int, int]
) -> None:
    asha = await people.person("Asha", size)
    page = asha.page
    home = server.url

    await page.goto(home)
    await expect(page.get_by_role("heading", name="Enter a class")).to_be_visible()
    await audit.look(asha, "home")
    await page.get_by_role("textbox", name="Room").fill("?")
    await asha.button("Continue").click()
    await expect(page.get_by_text("A room's name has 1 to 64 letters")).to_be_visible()
    await audit.look(asha, "home with a wrong name")

    await page.goto(home + server.path)
    await expect(asha.button("Join the class")).to_be_visible()
    await audit.look(asha, "lobby")
    await menus(asha, audit, "lobby's menus", asha.button("Language"), asha.button("Light or dark"))

    await page.goto(f"{home}{server.path}-not-yet")
    await page.get_by_role("textbox", name="Your name").fill("Asha")
    await asha.button("Join the class").click()
    await expect(page.get_by_role("heading", name="Waiting for the instructor")).to_be_visible()
    await audit.look(asha, "waiting room")

    await page.goto(f"{home}{server.path}#token=not.a.token")
    await expect(page.get_by_role("alert").get_by_role("heading", name="You cannot enter")).to_be_visible()
    await audit.look(asha, "refused")

    await page.goto(f"{home}{server.path}#token={server.token('Asha', Role.STUDENT)}")
    await asha.inside()
    await asha.button("Settings").click()
    await page.get_by_role("menuitem", name="Leave").click()
    await expect(page.get_by_role("heading", name="You have left the class")).to_be_visible()
    await audit.look(asha, "left")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
async def test_a_student_in_the_class(people: People, server: Class, audit: Audit, size: tuple[int, int]) -> None:
    asha = await people.person("Asha", size)
    await asha.join(server.link("Student"))
    page = asha.page
    await asha.sees("Welcome")

    await audit.look(asha, "student's chat")
    await menus(
        asha,
        audit,
        "student's menus",
        asha.button("Settings"),
        asha.messages.get_by_role("button", name="Actions for the message of Mina"),
    )
    await asha.tab("Doubts")
    await page.get_by_role("button", name="Mine", exact=True).click()
    await expect(page.get_by_text("No doubts here")).to_be_visible()
    await audit.look(asha, "no doubts")
    await page.get_by_role("textbox", name="Ask a doubt").fill("Is the resistance of a wire the same?")
    await expect(page.get_by_role("group", name="Already asked?")).to_be_visible()
    await audit.look(asha, "asking")
    await asha.button("Ask").click()
    await expect(page.get_by_role("list", name="What became of your doubt")).to_be_visible()
    await audit.look(asha, "student's doubts")
    panel = await asha.tab("Polls")
    await audit.look(asha, "poll to vote in")
    await panel.get_by_role("radio", name="Iron").check()
    await panel.get_by_role("button", name="Vote", exact=True).click()
    await expect(panel.get_by_text("Your vote is counted")).to_be_visible()
    await audit.look(asha, "poll voted in")
    await asha.button("Raise hand").click()
    await asha.tab("People")
    await expect(page.get_by_text("2 hands raised")).to_be_visible()
    await audit.look(asha, "student's people")


async def test_what_cannot_be_pressed_yet_can_be_read(people: People, server: Class) -> None:
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))
    panel = await asha.tab("Polls")
    vote = panel.get_by_role("button", name="Vote", exact=True)
    await expect(vote).to_be_disabled()
    for scheme in SCHEMES:
        await asha.page.emulate_media(color_scheme=scheme)
        await expect(asha.page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
        await asha.page.evaluate(STILL)
        assert await vote.evaluate(CONTRAST) > 4.5, scheme


async def test_where_motion_is_unwelcome_colours_change_at_once(people: People, server: Class, audit: Audit) -> None:
    asha = await people.person("Asha", PHONE, reduced_motion="reduce")
    await asha.join(server.link("Student"))
    await asha.sees("Welcome")
    assert await asha.page.evaluate(DARKENED) == 0
    await audit.look(asha, "chat, with little motion")


async def test_where_the_reader_chooses_the_colours_what_is_chosen_can_be_seen(people: People, server: Class) -> None:
    asha = await people.person("Asha", forced_colors="active")
    await asha.join(server.link("Student"))
    panel = await asha.tab("Polls")

    def mark(option: str) -> Locator:
        return panel.locator("label").filter(has_text=option).locator("svg")

    await expect(panel.get_by_role("radio", name="Iron")).to_be_visible()
    await expect(mark("Iron")).to_be_hidden()
    await panel.get_by_role("radio", name="Iron").check()
    await expect(mark("Iron")).to_be_visible()
    await expect(mark("Copper")).to_be_hidden()

    await asha.tab("Doubts")
    chosen = await asha.button("All").evaluate("(button) => getComputedStyle(button).backgroundColor")
    assert chosen != await asha.button("Open").evaluate("(button) => getComputedStyle(button).backgroundColor")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
async def test_the_staff_in_the_class(people: People, server: Class, audit: Audit, size: tuple[int, int]) -> None:
    helper = await people.person("Instructor", size)
    await helper.open(server.link("Instructor"))
    page = helper.page
    await helper.sees("Welcome")

    await audit.look(helper, "staff's chat")
    await menus(
        helper,
        audit,
        "staff's chat menus",
        helper.button("Settings"),
        helper.button("Chat settings"),
        helper.messages.get_by_role("button", name="Actions for the message of Mina"),
    )
    await dialogs(helper, audit, "ending the class", helper.button("End the class"))
    await helper.tab("Doubts")
    await page.get_by_role("button", name=re.compile("^To approve")).click()
    pending = helper.doubt(WAITING)
    await audit.look(helper, "moderation")
    await menus(
        helper,
        audit,
        "moderation's menus",
        helper.button("Settings for doubts"),
        pending.get_by_role("button", name="Actions for this doubt"),
    )
    await dialogs(helper, audit, "dismissing", pending.get_by_role("button", name="Dismiss", exact=True))
    if size == DESKTOP:
        await dialogs(helper, audit, "keys", helper.button("One key per action"))
    await page.get_by_role("button", name="Open", exact=True).click()
    doubt = helper.doubt(OPEN)
    await dialogs(helper, audit, "answering in text", doubt.get_by_role("button", name="Answer in text"))
    await doubt.get_by_role("button", name="Actions for this doubt").click()
    await dialogs(helper, audit, "merging", page.get_by_role("menuitem", name="Merge"))
    await doubt.get_by_role("button", name="Answer now", exact=True).click()
    await expect(doubt).to_contain_text("Being answered now")
    await audit.look(helper, "answering live")
    await helper.tab("Polls")
    await expect(page.get_by_role("article", name="Clear so far?")).to_be_visible()
    await audit.look(helper, "staff's polls")
    await helper.button("New poll").click()
    await helper.dialog.get_by_role("button", name="Quiz", exact=True).click()
    await helper.dialog.get_by_role("button", name="Save for later", exact=True).click()
    await expect(helper.dialog.get_by_text("Please enter a question.")).to_be_visible()
    await audit.look(helper, "poll editor with faults")
    await page.keyboard.press("Escape")
    await expect(helper.dialog).to_have_count(0)
    await helper.tab("People")
    mina = page.get_by_role("list", name="Everybody").get_by_role("button", name="Actions for Mina")
    await expect(mina).to_be_visible()
    await audit.look(helper, "staff's people")
    await menus(helper, audit, "a person's menu", mina)
    await mina.click()
    await dialogs(helper, audit, "removing", page.get_by_role("menuitem", name="Remove from the class"))


async def test_all_can_be_read_and_reached_at_four_times_the_size(people: People, server: Class, audit: Audit) -> None:
    # given a window of 1280 by 1024 px, enlarged to 400%, with a poll open
    asha = await people.person("Asha", (320, 256))
    await asha.join(server.link("Student"))
    await expect(asha.page.get_by_role("button", name=re.compile("^Open poll"))).to_be_visible()

    # when
    await asha.composer.click()
    await asha.say("Can this be read?")

    # then what was written last can be seen while one writes, and all the rest by scrolling down, not sideways
    await expect(asha.messages.get_by_text("Can this be read?")).to_be_in_viewport(ratio=1)
    await expect(asha.composer).to_be_in_viewport(ratio=1)
    await asha.page.get_by_role("heading", level=1).scroll_into_view_if_needed()
    await expect(asha.page.get_by_role("heading", level=1)).to_be_in_viewport(ratio=0.9)
    assert await asha.page.evaluate("document.documentElement.scrollWidth") == 320
    await audit.look(asha, "chat at 400%")


async def test_a_stage_with_more_than_can_be_seen_is_scrolled_without_a_mouse(
    people: People, on_air: Class, audit: Audit
) -> None:
    # given more open polls than the stage has room for, with nothing in them that the staff could press
    past = Past()
    past.start()
    for number in range(5):
        past.poll(f"Poll {number}?", ("Yes", "No"))
    await past.keep(on_air.server.folder, room=on_air.room)
    helper = await people.person("Instructor")
    await helper.open(on_air.link("Instructor"))
    shown = helper.page.get_by_role("region", name="On the stage now")
    await expect(shown.get_by_role("heading", name="Poll 4?")).to_be_visible()
    await audit.look(helper, "a full stage", "section[aria-label=Stage]")

    # when
    await reach(helper, shown)
    await helper.page.keyboard.press("End")

    # then
    await expect(shown.get_by_role("heading", name="Poll 0?")).to_be_in_viewport()


async def test_a_student_needs_no_mouse(people: People, server: Class) -> None:
    asha = await people.person("Asha")
    page, keys = asha.page, asha.page.keyboard
    await page.goto(server.link("Student"))

    # join: the field has the focus
    await expect(page.get_by_role("textbox", name="Your name")).to_be_focused()
    await keys.type("Asha")
    await keys.press("Enter")
    await asha.inside()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()

    # raise and lower a hand
    await reach(asha, asha.button("Raise hand"))
    await keys.press("Enter")
    await expect(asha.button("Lower hand")).to_be_focused()
    # what it does is said by its name: "Lower hand, pressed" would be a hand that is down
    assert await asha.button("Lower hand").get_attribute("aria-pressed") is None
    await keys.press("Space")
    await expect(asha.button("Raise hand")).to_be_visible()

    # vote on the stage
    option = asha.stage.get_by_role("radio", name="Copper")
    await reach(asha, option)
    await keys.press("Space")
    await expect(option).to_be_checked()
    await keys.press("ArrowDown")
    await expect(asha.stage.get_by_role("radio", name="Iron")).to_be_checked()
    await reach(asha, asha.stage.get_by_role("button", name="Vote", exact=True))
    await keys.press("Enter")
    await expect(asha.stage.get_by_text("Your vote is counted")).to_be_visible()
    await expect(asha.stage.get_by_role("button", name="Vote", exact=True)).to_have_count(0)
    await asha.has_the_keyboard()
    await keys.press("Tab")
    await expect(asha.stage.get_by_role("button", name="Change my vote")).to_be_focused()

    # write: past the messages, each of which has buttons of its own
    await reach(asha, page.get_by_role("tab", selected=True))
    await keys.press("Tab")
    await expect(page.get_by_role("link", name="Skip to writing")).to_be_focused()
    await keys.press("Enter")
    await expect(asha.composer).to_be_focused()
    await keys.type("Without a mouse")
    await keys.press("Enter")
    await asha.sees("Without a mouse")
    await expect(asha.composer).to_be_focused()

    # ask: to the tab by the arrow keys
    await reach(asha, page.get_by_role("tab", selected=True), back=True)
    await keys.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Doubts", selected=True)).to_be_focused()
    await reach(asha, page.get_by_role("textbox", name="Ask a doubt"))
    await keys.type("How do I reach the mouse?")
    await reach(asha, asha.button("Ask"))
    await keys.press("Enter")
    await expect(asha.doubt("How do I reach the mouse?")).to_be_visible()

    # me too
    await reach(asha, page.get_by_role("button", name="All", exact=True))
    await keys.press("Enter")
    doubt = asha.doubt(OPEN)
    await reach(asha, doubt.get_by_role("button", name="Me too, 1 vote"))
    await keys.press("Space")
    await expect(doubt.get_by_role("button", name="You ask this too, 2 votes", pressed=True)).to_be_visible()


async def test_who_is_called_on_stage_has_the_keyboard_where_that_is_asked(people: People, server: Class) -> None:
    # given
    asha = await people.person("Asha")
    await asha.join(server.link("Student"))
    await asha.button("Raise hand").click()
    helper = await people.person("Instructor")
    await helper.open(server.link("Instructor"))
    await helper.tab("People")
    await asha.composer.fill("Almost ther")
    hand = helper.page.get_by_role("listitem").filter(has_text="Asha").filter(has=helper.button("Call on stage"))

    # when
    await hand.get_by_role("button", name="Call on stage", exact=True).click()
    await expect(asha.dialog.get_by_role("heading", name="You have been called on stage")).to_be_visible()

    # then it is in the dialog, stays there, and what was meant for the message goes nowhere
    await asha.has_the_keyboard("[role=dialog]")
    await asha.page.keyboard.press("e")
    await asha.page.keyboard.press("Enter")
    await expect(asha.dialog).to_be_visible()
    for _ in range(12):
        await asha.page.keyboard.press("Tab")
        await asha.has_the_keyboard("[role=dialog]")
    await reach(asha, asha.button("Decline"))
    await asha.page.keyboard.press("Enter")
    await expect(asha.dialog).to_have_count(0)
    await asha.has_the_keyboard()


async def test_the_staff_need_no_mouse(people: People, server: Class) -> None:
    helper = await people.person("Instructor")
    page, keys = helper.page, helper.page.keyboard
    await helper.open(server.link("Instructor"))
    await helper.sees("Welcome")

    async def through(opener: Locator, *pressed: str) -> None:
        """Open a dialog, and press these keys in it."""
        await opener.focus()
        await keys.press("Enter")
        await expect(helper.dialog).to_be_visible()
        await helper.has_the_keyboard("[role=dialog]")
        for key in pressed:
            await keys.press(key)
        await expect(helper.dialog).to_have_count(0)

    # one doubt after the other: each dialog gives the keyboard back
    await helper.tab("Doubts")
    await page.get_by_role("button", name=re.compile("^To approve")).click()
    await helper.doubt(WAITING).focus()
    await keys.press("a")
    await page.get_by_role("button", name="Open", exact=True).click()
    await helper.doubt(OPEN).focus()
    for key in "drm?":
        await keys.press(key)
        await expect(helper.dialog).to_be_visible()
        await helper.has_the_keyboard("[role=dialog]")
        await keys.press("Escape")
        await expect(helper.doubt(OPEN)).to_be_focused()

    # and where the doubt leaves the list, the next one has it
    await keys.press("d")
    await expect(helper.dialog.get_by_role("textbox")).to_be_focused()
    await keys.press("Enter")
    await expect(helper.doubt(WAITING)).to_be_focused()
    await keys.press("r")
    await expect(helper.dialog.get_by_role("textbox")).to_be_focused()
    await keys.press("Escape")
    await expect(helper.doubt(WAITING)).to_be_focused()

    # polls
    await helper.tab("Polls")
    await through(helper.button("New poll"), "Escape")
    await expect(helper.button("New poll")).to_be_focused()
    poll = page.get_by_role("article", name="Which metal?")
    await through(poll.get_by_role("button", name="Close the poll"), "Escape")
    await expect(poll.get_by_role("button", name="Close the poll")).to_be_focused()
    await through(poll.get_by_role("button", name="Close the poll"), "Enter")
    await expect(poll).to_be_focused()

    # the class and oneself
    await through(helper.button("End the class"), "Escape")
    await expect(helper.button("End the class")).to_be_focused()
    await helper.button("Settings").focus()
    await keys.press("Enter")
    await through(page.get_by_role("menuitem", name="Change my name"), "Escape")
    await expect(helper.button("Settings")).to_be_focused()

    # a message that is deleted
    await helper.tab("Chat")
    await helper.messages.get_by_role("button", name="Actions for the message of Mina").focus()
    await keys.press("Enter")
    await through(page.get_by_role("menuitem", name="Delete"), "Enter")
    await expect(helper.messages).to_be_focused()


async def reach(someone: Someone, target: Locator, back: bool = False) -> None:
    """Go to it with the Tab key alone, as far as one would; what has the focus can be seen to have it."""
    await expect(target).to_be_visible()
    for _ in range(60):
        if await target.evaluate("(element) => element === document.activeElement"):
            return
        await someone.page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"the Tab key does not reach {target}")


async def test_the_page_says_which_language_it_speaks(people: People, server: Class, audit: Audit) -> None:
    # given a browser in English
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))
    root = asha.page.locator("html")
    await expect(root).to_have_attribute("lang", "en")

    # when
    await asha.button("Settings").click()
    await asha.page.get_by_role("menuitemradio", name="हिन्दी").click()

    # then
    await expect(root).to_have_attribute("lang", "hi")
    await expect(asha.page.get_by_role("tab", name=re.compile("^चैट"))).to_be_visible()
    await audit.look(asha, "Hindi")
    await asha.page.reload()
    await expect(root).to_have_attribute("lang", "hi")
    await expect(asha.page.get_by_role("tab", name=re.compile("^चैट"))).to_be_visible()

    # and a browser in Hindi starts in it
    mina = await people.person("मीना", PHONE, locale="hi-IN")
    await mina.page.goto(server.link("Student"))
    await expect(mina.page.locator("html")).to_have_attribute("lang", "hi")
    await expect(mina.page.get_by_role("textbox")).to_be_focused()
    await audit.look(mina, "lobby in Hindi")
