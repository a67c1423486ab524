"""A crowd writes at once: what its author, the staff, and everybody else see of a message that the room was not shown."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.people import DESKTOP, PHONE, People
from tests.running import Class
from tests.sockets.peer import Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPEAKERS = 24  # more than the room is shown at once
STAFF_SEE_IT = "Seen by the staff; the chat is busy, a sample is shown to all"


async def hubbub(peers: list[Peer]) -> None:
    """All of them write at once, twice; who has had a turn stands back for those who have not."""
    for _ in range(2):
        asked = [(peer, peer.ask("chat.say", text=f"Me, {number}!")) for number, peer in enumerate(peers)]
        for peer, id in asked:
            assert (await peer.answer(id))["ok"]


async def test_a_message_that_the_room_was_not_shown_is_promoted_with_the_keyboard(
    server: Class, people: People
) -> None:
    teacher = await people.person("Instructor")
    await teacher.open(server.link("Instructor"))
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))
    ravi = await people.person("Ravi", locale="hi-IN")
    await ravi.page.goto(server.link("Student"))
    await ravi.page.get_by_role("textbox").last.fill("Ravi")
    await ravi.page.keyboard.press("Enter")
    await expect(ravi.page.get_by_role("log")).to_be_visible()
    peers = [await Peer.join(server.port, room=server.room, name=f"Student {number}") for number in range(SPEAKERS)]
    try:
        # Asha has had her turn; then the crowd comes.
        await asha.say("First!")
        await asha.sees("First!")
        await hubbub(peers)
        await asha.say("Is this on the exam?")
        hint = asha.messages.get_by_text(STAFF_SEE_IT)
        await expect(hint).to_be_visible()
        await expect(asha.page.get_by_text("Busy chat: showing a sample")).to_be_visible()
        assert await asha.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        await teacher.sees("Is this on the exam?")
        await expect(teacher.page.get_by_text("Busy chat: students see a sample")).to_be_visible()
        row = teacher.messages.get_by_role("article").filter(has_text="Is this on the exam?")
        await row.get_by_role("button", name="Show to everybody").focus()
        await teacher.page.keyboard.press("Enter")

        for someone in (asha, teacher):
            shown = someone.messages.get_by_role("article").filter(has_text="Is this on the exam?")
            await expect(shown).to_have_count(1)
            await expect(shown.get_by_text("Picked by the staff")).to_be_visible()
        await expect(hint).to_have_count(0)
        theirs = ravi.page.get_by_role("article").filter(has_text="Is this on the exam?")
        await expect(theirs.get_by_text("संचालकों ने चुना")).to_be_visible()
        await expect(asha.page.get_by_text("The staff have shown your message to everybody.").first).to_be_visible()
    finally:
        for peer in peers:
            await peer.close()


async def test_who_was_not_shown_still_has_their_message_after_a_reload(server: Class, people: People) -> None:
    asha = await people.person("Asha")
    await asha.join(server.link("Student"))
    peers = [await Peer.join(server.port, room=server.room, name=f"Student {number}") for number in range(SPEAKERS)]
    try:
        await asha.say("First!")
        await asha.sees("First!")
        await hubbub(peers)
        await asha.say("Can you hear me?")
        await expect(asha.messages.get_by_text(STAFF_SEE_IT)).to_be_visible()

        await asha.page.reload()
        await asha.inside()

        await asha.sees("Can you hear me?")
        await expect(asha.messages.get_by_text(STAFF_SEE_IT)).to_be_visible()
        said = await asha.lines("^.*more messages?$|Can you hear me")
        assert said[-1] == "Can you hear me"
    finally:
        for peer in peers:
            await peer.close()


async def test_that_hands_are_raised_is_seen_next_to_much_that_is_new(server: Class, people: People) -> None:
    teacher = await people.person("Instructor")
    await teacher.open(server.link("Instructor"))
    peers = [await Peer.join(server.port, room=server.room, name=f"Student {number}") for number in range(SPEAKERS)]
    try:
        # What is new in the chat is counted while something else is looked at.
        await teacher.page.get_by_role("tab").nth(2).click()
        for number in range(5):
            asked = [(peer, peer.ask("chat.say", text=f"{number}!")) for peer in peers]
            asked += [(peer, peer.ask("doubt.ask", text=f"Why {number}?")) for peer in peers]
            asked += [(peer, peer.ask("roster.raise_hand")) for peer in peers]
            for peer, id in asked:
                assert (await peer.answer(id))["ok"]
        for place, count in ((0, "99+"), (1, "99+"), (3, str(SPEAKERS))):
            mark = teacher.page.get_by_role("tab").nth(place).get_by_text(count, exact=True)
            await expect(mark).to_be_visible()
            box = await mark.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= DESKTOP[0], f"{count} is cut off"
    finally:
        for peer in peers:
            await peer.close()
