"""Under which name one is in the class: the one that was chosen last, also after leaving, coming back and a reload."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.people import PHONE, People, Someone
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")


def asked(someone: Someone) -> Locator:
    return someone.page.get_by_role("textbox", name="Your name")


async def choose(someone: Someone, item: str) -> None:
    await someone.button("Settings").click()
    await someone.page.get_by_role("menuitem", name=item).click()


async def is_called(someone: Someone, name: str) -> None:
    await someone.button("Settings").click()
    await expect(someone.page.get_by_role("menu")).to_contain_text(f"{name} · Student")
    await someone.page.keyboard.press("Escape")
    await expect(someone.page.get_by_role("menu")).to_have_count(0)


async def test_the_name_chosen_last_is_the_one(people: People, server: Class) -> None:
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))

    # when she leaves, comes back, and loads the page again: she is not asked who she is
    await choose(asha, "Leave")
    await asha.button("Come back").click()
    await asha.inside()
    await asha.page.reload()
    await asha.inside()

    # when she changes her name and leaves: it is offered the next time
    await choose(asha, "Change my name")
    await asha.dialog.get_by_role("textbox").fill("Asha Rao")
    await asha.page.keyboard.press("Enter")
    await is_called(asha, "Asha Rao")
    await choose(asha, "Leave")
    await expect(asha.button("Come back")).to_be_visible()
    await asha.page.reload()
    await expect(asked(asha)).to_have_value("Asha Rao")

    # and when she types another one, she is called so
    await asked(asha).fill("Meera")
    await asha.button("Join the class").click()
    await asha.inside()
    await is_called(asha, "Meera")


async def test_a_name_that_the_staff_gave_is_for_their_class_alone(people: People, server: Class) -> None:
    # given a teacher who gives a student another name
    meera = await people.person("Meera")
    await meera.open(server.link("Instructor"))
    await meera.inside()
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))
    await meera.tab("People")
    await meera.button("Actions for Asha").click()
    await meera.page.get_by_role("menuitem", name="Rename").click()
    await meera.dialog.get_by_role("textbox").fill("Asha from group 2")
    await meera.page.keyboard.press("Enter")
    await is_called(asha, "Asha from group 2")

    # when the student loads the page again, she is called so still
    await asha.page.reload()
    await asha.inside()
    await is_called(asha, "Asha from group 2")

    # but another class is offered the name that she calls herself
    await asha.page.goto(f"{server.url}/r/elsewhere")
    await expect(asked(asha)).to_have_value("Asha")


async def test_two_at_one_computer_each_say_what_they_say(people: People, server: Class) -> None:
    # given two tabs of one browser
    asha = await people.person("Asha")
    await asha.join(server.link("Student"))
    ravi = Someone(await asha.page.context.new_page(), "Ravi")
    people.all.append(ravi)
    await ravi.join(server.link("Student"))

    # when one writes right after the other
    await asha.say("said by Asha")
    await asha.sees("said by Asha")
    await ravi.sees("said by Asha")
    await ravi.say("said by Ravi")
    await asha.sees("said by Ravi")

    # then each message stands under the name of who wrote it
    authors = asha.messages.get_by_role("article").get_by_role("strong")
    await expect(authors).to_have_text(["Asha", "Ravi"])


async def test_a_place_on_the_page_is_gone_to_without_leaving_the_class(people: People, server: Class) -> None:
    # given somebody whose name is another than the one that she came with
    asha = await people.person("Asha")
    await asha.join(server.link("Student"))
    await choose(asha, "Change my name")
    await asha.dialog.get_by_role("textbox").fill("Asha Rao")
    await asha.page.keyboard.press("Enter")
    await is_called(asha, "Asha Rao")
    again: list[object] = []
    asha.page.on("websocket", lambda socket: again.append(socket))

    # when she goes past the stage by the link for that, and back
    await asha.page.locator("a[href='#side']").focus()
    await asha.page.keyboard.press("Enter")
    await expect(asha.page).to_have_url(re.compile("#side$"))
    await asha.page.go_back()

    # then she is where she was, over the same connection
    await asha.say("still here")
    await asha.sees("still here")
    assert again == []
