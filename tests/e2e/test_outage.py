"""What people do during an outage, in real Chromium: nothing of the page is broken by it, and all heals by itself."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.e2e.people import PHONE, People, Someone
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROKEN = "Something in this page broke"
MISSING = "This needs the connection. It is loaded when you are back."
# What a browser itself says of what it could not fetch.
FAILED = re.compile(r"net::ERR_|WebSocket|status of 404")


async def offline(someone: Someone, off: bool = True) -> None:
    await someone.page.context.set_offline(off)


async def test_a_part_that_cannot_be_fetched_comes_when_the_network_does(people: People, server: Class) -> None:
    # given an instructor and a student whose network goes as soon as they are in
    teacher, asha = await people.person("Instructor"), await people.person("Asha", PHONE)
    await teacher.open(server.link("Instructor"))
    await expect(teacher.button("Start the class")).to_be_visible()
    await offline(teacher)
    await asha.join(server.link("Student"))
    await asha.say("hello")
    await expect(asha.button("Actions for the message of Asha")).to_be_visible()
    await offline(asha)

    # when they press what was not fetched yet
    await teacher.page.get_by_role("tab", name="Polls").click()
    await asha.button("Actions for the message of Asha").click()

    # then they are told so in its place, and the rest of the page is there
    for someone in (teacher, asha):
        await expect(someone.page.get_by_text(MISSING)).to_be_visible()
        await expect(someone.page.get_by_text(BROKEN)).to_have_count(0)
    await teacher.button("Start the class").click()
    await expect(teacher.page.get_by_text(MISSING)).to_have_count(2)
    await teacher.page.get_by_role("status").filter(has_text=MISSING).get_by_role("button", name="Close").click()
    await expect(teacher.page.get_by_text(MISSING)).to_have_count(1)

    # and when the network is back it is there by itself
    await offline(teacher, False)
    await offline(asha, False)
    await expect(teacher.page.get_by_role("tabpanel").get_by_role("button", name="New poll")).to_be_visible()
    await expect(asha.page.get_by_role("menuitem", name="Copy text")).to_be_visible()
    for someone in (teacher, asha):
        await expect(someone.page.get_by_text(MISSING)).to_have_count(0)
        someone.excuse(FAILED)


async def test_what_a_press_may_need_is_there_in_a_later_outage(people: People, server: Class) -> None:
    # given an instructor's page that had time to fetch it
    teacher = await people.person("Instructor")
    fetched: list[str] = []
    teacher.page.on("requestfinished", lambda request: fetched.append(request.url))
    await teacher.open(server.link("Instructor"))
    for part in ("ConfirmDialog", "StaffPolls", "PollEditor"):
        while not any(part in url for url in fetched):
            await asyncio.sleep(0.1)

    # when, offline, they open what they had not opened before
    await offline(teacher)
    await teacher.page.get_by_role("tab", name="Polls").click()
    await teacher.button("New poll").first.click()

    # then it opens
    await expect(teacher.dialog.get_by_role("textbox", name="Question")).to_be_visible()
    teacher.excuse(FAILED)


async def test_a_part_of_a_version_that_is_gone_leads_to_the_new_one(people: People, server: Class) -> None:
    # given a page whose parts the server does not have any more
    teacher = await people.person("Instructor")
    gone = re.compile("/assets/StaffPolls-")
    await teacher.page.route(gone, lambda route: route.fulfill(status=404, body="Not found"))
    await teacher.open(server.link("Instructor"))

    # when one of them is needed
    await teacher.page.get_by_role("tab", name="Polls").click()

    # then loading again is offered, which waits for the network, and helps
    await expect(teacher.page.get_by_text("There is a newer version of this page.")).to_be_visible()
    await teacher.page.unroute(gone)
    await offline(teacher)
    await teacher.button("Load again").click()
    await expect(teacher.page.get_by_text(MISSING)).to_be_visible()
    async with teacher.page.expect_navigation():
        await offline(teacher, False)
    await teacher.inside()
    await teacher.page.get_by_role("tab", name="Polls").click()
    await expect(teacher.button("New poll").first).to_be_visible()
    teacher.excuse(FAILED)


async def test_a_notice_on_a_phone_is_in_nobodys_way(people: People, server: Class) -> None:
    # given a student who is about to write as the network comes back
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))
    await offline(asha)
    await expect(asha.page.get_by_role("region", name="Offline")).to_be_visible()
    await offline(asha, False)
    notice = asha.page.get_by_text("You are connected again.").locator("visible=true").first
    await expect(notice).to_be_visible()

    # when they tap where they write, and at what is below the notice
    place, writing = await notice.bounding_box(), await asha.composer.bounding_box()
    assert place is not None
    assert writing is not None

    # then nothing is over the field, and the notice lets the tap through
    assert place["y"] + place["height"] < writing["y"]
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    assert "connected again" not in await asha.page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('article, button, div').innerText ?? ''", [x, y]
    )
    await asha.composer.click()
    asha.excuse(FAILED)


async def test_a_change_and_a_reaction_made_offline_are_seen_at_their_message(people: People, server: Class) -> None:
    # given a message of her own, and the page complete
    asha, ravi = await people.person("Asha"), await people.person("Ravi")
    for someone in (asha, ravi):
        await someone.join(server.link("Student"))
    await asha.say("helo")
    await ravi.sees("helo")
    message = asha.messages.get_by_role("article")
    await message.hover()
    await message.get_by_role("button", name="Actions for the message of Asha").click()
    await asha.page.get_by_role("menuitem", name="Edit").click()
    await message.hover()
    await message.get_by_role("button", name="React", exact=True).click()
    await expect(asha.page.get_by_role("menuitem").first).to_be_visible()

    # when she changes it and puts something on it without a network
    await offline(asha)
    await asha.page.get_by_role("menuitem", name="React with 👍").click()
    await asha.say("hello")

    # then the message shows it, and that it waits
    await expect(message).to_contain_text("hello")
    await expect(message).to_contain_text("Your change is sent when you are back")
    await expect(message.get_by_role("button", name="👍, 1 reaction")).to_have_attribute("aria-pressed", "true")

    # and when she is back, all see it
    await offline(asha, False)
    await ravi.sees("hello")
    await expect(ravi.messages.get_by_role("button", name="👍, 1 reaction")).to_be_visible()
    await expect(message).not_to_contain_text("Your change is sent")
    asha.excuse(FAILED)
