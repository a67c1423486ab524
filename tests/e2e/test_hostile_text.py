"""What people write is shown as they wrote it: no element, script or link comes out of it, wherever it is shown."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.people import People, Someone
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_looks_like_html_is_text(people: People, server: Class) -> None:
    teacher = await people.person("Instructor")
    await teacher.open(server.link("Instructor"))
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>"
    short = "<img src=x onerror=alert(3)>"
    link = "javascript:alert(4)"
    mallory = await people.person(short)
    await mallory.join(server.link("Student"))

    # when it is in a name, a message, a doubt, an answer and a poll
    await mallory.say(evil)
    await mallory.say(link)
    await mallory.button("Raise hand").click()
    await mallory.ask(evil)
    await teacher.tab("Doubts")
    await teacher.page.get_by_role("button", name=re.compile("^To approve")).click()
    await teacher.doubt(evil).get_by_role("button", name="Approve", exact=True).click()
    await teacher.page.get_by_role("button", name="Open", exact=True).click()
    await teacher.doubt(evil).get_by_role("button", name="Answer in text", exact=True).click()
    await teacher.dialog.get_by_role("textbox", name="Your answer").fill(evil)
    await teacher.confirm("Publish the answer")
    await teacher.tab("Polls")
    await teacher.button("New poll").click()
    await teacher.dialog.get_by_role("textbox", name="Question").fill(evil)
    await teacher.dialog.get_by_role("textbox", name="Option 1").fill(evil)
    await teacher.dialog.get_by_role("textbox", name="Option 2").fill("Ohm")
    await teacher.confirm("Open now")

    # then everybody sees the characters, and no element came out of them
    for someone in (mallory, teacher):
        poll = someone.stage.get_by_role("article", name="Open poll")
        await expect(poll.get_by_role("heading", name=evil)).to_be_visible()
        await someone.tab("Chat")
        await someone.sees(evil)
        await expect(someone.messages.get_by_text(short, exact=True).first).to_be_visible()
        await expect(someone.page.get_by_role("link", name=link)).to_have_count(0)
        await _harmless(someone)
        await someone.tab("Doubts")
        await someone.page.get_by_role("button", name="Answered", exact=True).click()
        await expect(someone.doubt(evil).get_by_text(evil, exact=True)).to_have_count(2)  # the doubt, and its answer
        await _harmless(someone)
        await someone.tab("People")
        await expect(someone.page.get_by_role("tabpanel").get_by_text(short, exact=True).first).to_be_visible()
        await _harmless(someone)
    # Dialogs and scripts' errors are among the complaints that every test looks at.


async def _harmless(someone: Someone) -> None:
    for element in ("img", "body script", "b:text('bold')", "[onerror]", "a[href^=javascript]"):
        await expect(someone.page.locator(element)).to_have_count(0)
