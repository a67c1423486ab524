"""A class that has gone on for long: 20,000 messages and 5,000 doubts. Only what is in sight is drawn, scrolling stays
smooth, and whatever is older is a scroll away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.past import Past
from tests.e2e.people import DESKTOP, PHONE, People, Someone
from tests.running import Class, Subprocess

pytestmark = pytest.mark.asyncio(loop_scope="session")

MESSAGES = 20_000
DOUBTS = 5_000
ASKED = "How does a transformer change the voltage?"
DRAWN = 60  # rows of a list that may be in the page at once
ELEMENTS = 3_000  # that may be in the page at all
LONGEST = 1_000  # ms that the page may be deaf in one go: a gross failure, on a machine that does other things too

WATCH = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({duration}) => duration)))
    .observe({type: 'longtask', buffered: true});
}"""

# Scrolls the element from end to end, a screen at a time; answers the largest number of rows that were drawn at once.
SCROLL = """async ([selector, up, screens]) => {
  const row = document.querySelector(selector);
  let box = row;
  while (!(box.scrollHeight > box.clientHeight + 10 && /auto|scroll/.test(getComputedStyle(box).overflowY))) {
    box = box.parentElement;
  }
  let most = 0;
  for (let screen = 0; screen < screens; screen += 1) {
    box.scrollTop += (up ? -1 : 1) * box.clientHeight;
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    most = Math.max(most, box.querySelectorAll('[data-index]').length);
  }
  return most;
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(school: Subprocess) -> Class:
    made = Class(school, "long")
    past = Past(step=200)
    past.come("Mina", "Kabir")
    past.start()
    for number in range(1, MESSAGES + 1):
        past.say("Mina" if number % 3 else "Kabir", f"message {number}" + " and more of it" * (number % 11))
    for number in range(1, DOUBTS + 1):
        past.approve(past.ask("Mina", f"doubt {number}: why is it so{' and not otherwise' * (number % 7)}?"))
    past.approve(past.ask("Kabir", ASKED))
    past.ask("Kabir", "not yet approved")
    await past.keep(school.folder, room=made.room)
    return made


async def watched(someone: Someone) -> Someone:
    await someone.page.add_init_script(f"({WATCH})()")
    return someone


@pytest.fixture
def smooth() -> Iterator[list[tuple[str, float]]]:
    """The longest task of each step."""
    longest: list[tuple[str, float]] = []
    yield longest
    for step, duration in longest:
        print(f"{duration:6.0f} ms  {step}")
    assert max(duration for _, duration in longest) < LONGEST


async def longest(someone: Someone) -> float:
    """Of the tasks since the last time, in milliseconds; below 50 they are not counted as long."""
    found: list[float] = await someone.page.evaluate("window.tasks.splice(0)")
    return max(found, default=0.0)


async def scroll(someone: Someone, selector: str, up: bool, screens: int) -> Any:
    return await someone.page.evaluate(SCROLL, [selector, up, screens])


async def test_twenty_thousand_messages(server: Class, people: People, smooth: list[tuple[str, float]]) -> None:
    asha = await watched(await people.person("Asha", DESKTOP))

    # when she comes in, the newest is in sight
    await asha.join(server.link("Student"))
    await expect(asha.messages.get_by_text(re.compile(f"^message {MESSAGES}\\b"))).to_be_in_viewport()
    smooth.append(("coming in", await longest(asha)))

    # when she scrolls up, older ones come, and only some are drawn
    most = 0
    for _ in range(6):
        most = max(most, await scroll(asha, "[role=log]", True, 20))
    smooth.append(("scrolling up through older messages", await longest(asha)))
    reached = await asha.messages.evaluate("(log) => Number(/message (\\d+)/.exec(log.innerText)[1])")
    assert reached < MESSAGES - 200
    assert 0 < most <= DRAWN
    assert await asha.page.evaluate("document.querySelectorAll('*').length") < ELEMENTS

    # when somebody writes meanwhile, she stays where she is, and is told
    mina = await people.person("Ravi")
    await mina.join(server.link("Student"))
    news = "something new"
    await mina.say(news)
    pill = asha.page.get_by_role("button", name="1 new message")
    await expect(pill).to_be_visible()
    await pill.click()
    await expect(asha.messages.get_by_text(news, exact=True)).to_be_in_viewport()
    smooth.append(("back to the newest", await longest(asha)))


async def test_five_thousand_doubts_on_a_phone(server: Class, people: People, smooth: list[tuple[str, float]]) -> None:
    asha = await watched(await people.person("Asha", PHONE))
    await asha.join(server.link("Student"))
    await longest(asha)

    # when
    await asha.tab("Doubts")
    await asha.page.get_by_role("combobox", name="Sort").select_option(label="Newest")

    # then the newest is on top
    await expect(asha.doubt(ASKED)).to_be_in_viewport()
    smooth.append(("opening the doubts", await longest(asha)))

    # when she scrolls, only some are drawn
    most = await scroll(asha, "[role=feed]", False, 100)
    smooth.append(("scrolling down 100 screens", await longest(asha)))
    assert 0 < most <= DRAWN
    assert await asha.page.evaluate("document.querySelectorAll('*').length") < ELEMENTS

    # when she searches, and types a doubt that may have been asked already
    await asha.button("Search the doubts").click()
    await asha.page.get_by_role("textbox", name="Search the doubts").press_sequentially("doubt 4321")
    await expect(asha.doubt(text_of(4321))).to_be_visible()
    smooth.append(("searching", await longest(asha)))
    await asha.page.get_by_role("textbox", name="Ask a doubt").press_sequentially("does a transformer change voltage")
    await expect(asha.page.get_by_role("group", name="Already asked?")).to_contain_text(ASKED)
    smooth.append(("typing a doubt", await longest(asha)))


def text_of(number: int) -> str:
    return f"doubt {number}: why is it so{' and not otherwise' * (number % 7)}?"


async def test_the_staff_moderate_among_five_thousand(
    server: Class, people: People, smooth: list[tuple[str, float]]
) -> None:
    teacher = await watched(await people.person("Instructor"))
    await teacher.open(server.link("Instructor"))
    await teacher.tab("Doubts")
    await teacher.page.get_by_role("button", name="Open", exact=True).click()
    await teacher.page.get_by_role("combobox", name="Sort").select_option(label="Oldest")
    await expect(teacher.doubt(text_of(1))).to_be_in_viewport()
    smooth.append(("opening the doubts", await longest(teacher)))

    # when one is answered
    await teacher.doubt(text_of(1)).get_by_role("button", name="Answer now", exact=True).click()
    await teacher.stage.get_by_role("button", name="Answered live", exact=True).click()

    # then it leaves the list
    await expect(teacher.doubt(text_of(1))).to_have_count(0)
    smooth.append(("answering one", await longest(teacher)))
    most = await scroll(teacher, "[role=feed]", False, 60)
    smooth.append(("scrolling down 60 screens", await longest(teacher)))
    assert 0 < most <= DRAWN


@pytest.mark.parametrize("size", [(320, 256), (740, 360)], ids=["enlarged to 400%", "a phone held sideways"])
async def test_only_what_is_in_sight_is_drawn_where_the_page_itself_is_scrolled(
    school: Subprocess, people: People, size: tuple[int, int]
) -> None:
    low = Class(school, f"low-{size[0]}")
    past = Past(step=200)
    past.come("Mina")
    past.start()
    for number in range(1, 101):
        past.approve(past.ask("Mina", text_of(number)))
    await past.keep(school.folder, room=low.room)
    teacher = await people.person("Instructor", size)
    await teacher.open(low.link("Instructor"))
    await teacher.tab("Doubts")
    await teacher.page.get_by_role("button", name="Open", exact=True).click()
    drawn = teacher.page.locator("[data-doubt]")
    await expect(drawn.first).to_be_visible()
    assert await drawn.count() < 30

    # when
    await drawn.first.focus()
    for _ in range(12):
        await teacher.page.keyboard.press("j")

    # then the keyboard is on one that can be read, from its beginning
    thirteenth = teacher.page.locator("[data-doubt][aria-posinset='13']")
    await expect(thirteenth).to_be_focused()
    await expect(thirteenth.get_by_text("Mina")).to_be_in_viewport(ratio=1)
    assert await drawn.count() < 30
