"""A lesson as people live it: an instructor and students in real Chromium, at a server in a process of its own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.people import DESKTOP, PHONE, People, Someone
from tests.running import Class, Subprocess

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Lesson(NamedTuple):
    """An instructor by the link that the server printed, a student on a phone, and one at a desk."""

    teacher: Someone
    asha: Someone
    ravi: Someone


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lesson(school: Subprocess, chromium: Browser) -> AsyncIterator[Lesson]:
    """One class for the tests of this file: each goes on in it with a matter of its own."""
    server = Class(school, "lesson")
    await server.found()
    people = People(chromium)
    teacher = await people.person("Instructor")
    await teacher.open(server.link("Instructor"))
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))
    ravi = await people.person("Ravi", DESKTOP)
    await ravi.join(server.link("Student"))
    yield Lesson(teacher, asha, ravi)
    await people.go()


@pytest.fixture(autouse=True)
def calm(lesson: Lesson) -> Iterator[None]:
    """No page complains."""
    yield
    assert [complaint for someone in lesson for complaint in someone.complaints] == []


async def start_class(teacher: Someone) -> None:
    """The class is live, whether it was not yet started, or over."""
    start = teacher.page.get_by_role("button", name=re.compile("^(Start|Resume) the class$"))
    end = teacher.button("End the class")
    await expect(start.or_(end)).to_be_visible()
    if await start.is_visible():
        await start.click()
        await teacher.dialog.get_by_role("button", name=re.compile("^(Start|Resume) the class$")).click()
        await expect(teacher.dialog).to_have_count(0)
    await teacher.in_phase("Live")


async def test_what_one_says_everybody_reads(lesson: Lesson) -> None:
    teacher, asha, ravi = lesson
    for someone in lesson:
        await someone.tab("Chat")

    # when
    await asha.say("Good morning from the phone")
    await teacher.say("Good morning, Asha")
    await ravi.say("Hello from the desk")

    # then
    for someone in lesson:
        for text in ("Good morning from the phone", "Good morning, Asha", "Hello from the desk"):
            await someone.sees(text)
    await expect(teacher.messages.get_by_role("article", name=re.compile("^Asha, "))).to_be_visible()
    await expect(asha.messages.get_by_text("Instructor", exact=True)).to_have_count(2)  # the name, and the role


async def test_a_class_starts_ends_and_goes_on_for_everybody(lesson: Lesson) -> None:
    teacher, asha, ravi = lesson

    # when
    await start_class(teacher)

    # then
    for someone in lesson:
        await someone.in_phase("Live")
        await expect(someone.page.get_by_role("timer", name="Time in the class")).to_have_text(re.compile(r"\d:\d\d"))

    # when
    await teacher.button("End the class").click()
    await teacher.confirm("End the class")

    # then
    for student in (asha, ravi):
        await student.in_phase("Ended")
        await student.tab("Chat")
        await expect(student.page.get_by_text("The class has ended. The chat stays here to read.")).to_be_visible()
        await expect(student.composer).to_have_count(0)
    await teacher.tab("Chat")
    await expect(teacher.composer).to_be_visible()

    # when
    await start_class(teacher)

    # then
    for student in (asha, ravi):
        await student.in_phase("Live")
        await expect(student.composer).to_be_visible()


async def test_an_anonymous_doubt_goes_all_the_way_to_its_answer(lesson: Lesson) -> None:
    teacher, asha, ravi = lesson
    text = "Why does the current split at a junction?"
    await start_class(teacher)

    # when Asha asks without her name
    await asha.ask(text, anonymous=True)

    # then she has a receipt, the instructor sees her name, and Ravi sees nothing yet
    receipt = asha.doubt(text).get_by_role("list", name="What became of your doubt")
    await expect(receipt).to_contain_text("Waiting for approval")
    await teacher.tab("Doubts")
    await teacher.page.get_by_role("button", name=re.compile("^To approve")).click()
    await expect(teacher.doubt(text)).to_contain_text("Asha")
    await ravi.tab("Doubts")
    await expect(ravi.doubt(text)).to_have_count(0)

    # when it is approved
    await teacher.doubt(text).get_by_role("button", name="Approve", exact=True).click()

    # then Ravi reads it, but not who asked; and asks it too
    await expect(ravi.doubt(text)).to_contain_text("Anonymous")
    await expect(ravi.page.get_by_text("Asha")).to_have_count(0)
    await ravi.doubt(text).get_by_role("button", name="Me too, 1 vote").click()
    await expect(ravi.doubt(text).get_by_role("button", name="You ask this too, 2 votes", pressed=True)).to_be_visible()
    await teacher.page.get_by_role("button", name="Open", exact=True).click()
    await expect(teacher.doubt(text).get_by_role("button", name=re.compile("2 votes"))).to_be_visible()

    # when it is answered live
    await teacher.doubt(text).get_by_role("button", name="Answer now", exact=True).click()
    spot = ravi.stage.get_by_role("article", name="Being answered now")
    await expect(spot).to_contain_text(text)
    await expect(spot).to_contain_text("Anonymous")
    await expect(receipt).to_contain_text("Being answered now")
    await teacher.stage.get_by_role("button", name="Answered live", exact=True).click()

    # then the asker is told at which time of the class
    await expect(receipt).to_contain_text(re.compile(r"Answered live at \d:\d\d"))
    await expect(ravi.doubt(text)).to_contain_text(re.compile(r"Answered live at \d:\d\d"))


async def test_a_quiz_is_prepared_opened_voted_on_and_counted(lesson: Lesson) -> None:
    teacher, asha, ravi = lesson
    question = "Which unit has resistance?"

    # given a quiz, prepared
    await teacher.tab("Polls")
    await teacher.button("New poll").click()
    await teacher.dialog.get_by_role("textbox", name="Question").fill(question)
    await teacher.dialog.get_by_role("button", name="Quiz", exact=True).click()
    await teacher.dialog.get_by_role("textbox", name="Option 1").fill("Volt")
    await teacher.dialog.get_by_role("textbox", name="Option 2").fill("Ohm")
    await teacher.dialog.get_by_role("checkbox", name="Option 2 is right").check()
    await teacher.confirm("Save for later")
    await expect(teacher.page.get_by_role("article", name=question)).to_be_visible()
    await asha.tab("Polls")
    await expect(asha.page.get_by_text(question)).to_have_count(0)

    # when it is opened, Asha votes on her phone below the tabs, Ravi on the stage
    await teacher.button("Open now").click()
    spot = ravi.stage.get_by_role("article", name="Open poll")
    for poll, option in ((await asha.tab("Polls"), "Volt"), (spot, "Ohm")):
        await expect(poll.get_by_role("heading", name=question)).to_be_visible()
        await poll.get_by_role("radio", name=option).check()
        await poll.get_by_role("button", name="Vote", exact=True).click()
        await expect(poll.get_by_role("status")).to_have_text("Your vote is counted")
    await expect(teacher.page.get_by_role("article", name=question)).to_contain_text("2 votes")

    # then closing it shows all the same, right figures, and each whether they were right
    await teacher.page.get_by_role("article", name=question).get_by_role("button", name="Close the poll").click()
    await teacher.confirm("Close the poll")
    said = f"Results of “{question}”: Volt: 1 (50%), Ohm: 1 (50%)"
    stage = [someone.stage.get_by_role("article", name="Results") for someone in (teacher, ravi)]
    for place in (*stage, asha.page.get_by_role("tabpanel")):
        await expect(place.get_by_role("img", name=said)).to_be_visible()
    await expect(asha.page.get_by_role("tabpanel").get_by_text("Your answer is not right")).to_be_visible()
    await expect(ravi.stage.get_by_text("Your answer is right")).to_be_visible()


async def test_a_hand_goes_up_and_down(lesson: Lesson) -> None:
    teacher, asha, ravi = lesson
    # given
    hands = (await teacher.tab("People")).get_by_role("list").first

    # when
    await asha.button("Raise hand").click()
    await expect(hands.get_by_role("listitem")).to_have_count(1)
    await ravi.button("Raise hand").click()

    # then they stand in their order
    await expect(hands.get_by_role("listitem")).to_have_text([re.compile("Asha"), re.compile("Ravi")])

    # when one is lowered by the instructor, the other by its owner
    await hands.get_by_role("listitem").first.get_by_role("button", name="Lower the hand").click()
    await ravi.button("Lower hand").click()

    # then
    await expect(teacher.page.get_by_text("No hand is raised.")).to_be_visible()
    for student in (asha, ravi):
        await expect(student.button("Raise hand")).to_be_visible()
    await expect(asha.page.get_by_text("Your hand was lowered by the staff.").first).to_be_visible()


async def test_a_removed_student_reads_why(lesson: Lesson) -> None:
    teacher, asha, ravi = lesson
    # when
    await teacher.tab("People")
    await teacher.button("Actions for Ravi").click()
    await teacher.page.get_by_role("menuitem", name="Remove from the class").click()
    await teacher.dialog.get_by_role("textbox", name="Reason (shown to Ravi)").fill("Please come back without the song")
    await teacher.confirm("Remove from the class")

    # then
    gone = ravi.page.get_by_role("heading", name="You were removed from the class")
    await expect(gone).to_be_visible()
    await expect(ravi.page.get_by_text("Please come back without the song")).to_be_visible()
    await asha.connected()

    # and may come back
    await ravi.button("Come back").click()
    await ravi.inside()


async def test_of_no_messages_at_all_none_are_newer_however_little_room_there_is(people: People, server: Class) -> None:
    asha = await people.person("Asha", (PHONE[0], 280))
    await asha.join(server.link("Student"))
    scrolled = """async (box) => {
      box.scrollTop = 20;
      await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
      return [box.scrollTop, box.scrollHeight - box.clientHeight > 80];
    }"""
    assert await asha.messages.evaluate(scrolled) == [20, True]
    await expect(asha.button("To the newest messages")).to_have_count(0)
