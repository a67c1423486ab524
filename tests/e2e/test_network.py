"""Networks that go and servers that restart, under people in real Chromium: nothing is missing, nothing is doubled.

What pages show is compared with what the journal has.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from classroom.chat.model import Said
from classroom.doubts.model import Asked
from classroom.kernel import Stored
from tests.e2e.people import DESKTOP, PHONE, People, Someone
from tests.e2e.wire import wire_to
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINE = r"line \d+ of \w+"


@pytest_asyncio.fixture(loop_scope="session")
async def ravi(people: People, server: Class) -> Someone:
    """A student with a good network."""
    ravi = await people.person("Ravi", DESKTOP)
    await ravi.join(server.link("Student"))
    return ravi


def kept(log: list[Stored], kind: type[Any]) -> list[Any]:
    return [stored.event for stored in log if isinstance(stored.event, kind)]


async def test_nothing_is_lost_or_doubled_when_the_network_goes(people: People, server: Class, ravi: Someone) -> None:
    async with wire_to(server.port) as wire:
        asha = await people.person("Asha", PHONE)
        await asha.join(wire.url + server.path)
        await asha.say("line 1 of Asha")
        await ravi.sees("line 1 of Asha")

        # when her network goes while Ravi writes and she does too
        await ravi.say("line 1 of Ravi")
        await asha.composer.fill("line 2 of Asha")
        await wire.cut()
        await asha.page.context.set_offline(True)
        await ravi.say("line 2 of Ravi")
        await asha.composer.press("Enter")
        await asha.say("line 3 of Asha")
        await ravi.say("line 3 of Ravi")

        # then she is told, sees what she wrote, and goes on reading
        banner = asha.page.get_by_role("region", name="Offline")
        await expect(banner).to_contain_text("What you write is kept and sent when you are back")
        await expect(banner).to_contain_text("2 waiting to be sent")
        await asha.sees("line 3 of Asha")

        # when it comes back
        await wire.mend()
        await asha.page.context.set_offline(False)
        await asha.connected()
        await expect(banner).to_have_count(0)
        await ravi.sees("line 3 of Asha")
        await asha.sees("line 3 of Ravi")
        await asha.say("line 4 of Asha")
        await ravi.sees("line 4 of Asha")

        # then both read what the journal has, once each and in its order
        said = [event.text for event in kept(await server.read(), Said)]
        assert sorted(said) == sorted(
            f"line {n} of {who}" for who, last in (("Asha", 4), ("Ravi", 3)) for n in range(1, last + 1)
        )
        assert await asha.lines(LINE) == said
        assert await ravi.lines(LINE) == said
        asha.excuse()


async def test_a_message_whose_answer_was_lost_is_there_once(people: People, server: Class, ravi: Someone) -> None:
    async with wire_to(server.port) as wire:
        asha = await people.person("Asha")
        await asha.join(wire.url + server.path)

        # given a message and a doubt that the server has, and the page does not know it
        wire.hold_answers()
        await asha.say("line 1 of Asha")
        await asha.ask("Was this asked twice?")
        await ravi.sees("line 1 of Asha")
        while not kept(await server.read(), Asked):
            await asyncio.sleep(0.05)
        await asha.tab("Chat")
        await expect(asha.messages.get_by_text("Sending…")).to_be_visible()

        # when the connection breaks before the answer, and comes back
        await wire.cut()
        await wire.mend()
        await asha.connected()
        await asha.say("line 2 of Asha")
        await ravi.sees("line 2 of Asha")

        # then it was sent again and applied once
        await expect(asha.messages.get_by_text("Sending…")).to_have_count(0)
        log = await server.read()
        assert [event.text for event in kept(log, Said)] == ["line 1 of Asha", "line 2 of Asha"]
        assert len(kept(log, Asked)) == 1
        assert await asha.lines(LINE) == await ravi.lines(LINE) == ["line 1 of Asha", "line 2 of Asha"]
        asha.excuse()


async def test_a_page_loaded_anew_while_cut_off_still_sends_what_was_typed(
    people: People, server: Class, ravi: Someone
) -> None:
    async with wire_to(server.port) as wire:
        asha = await people.person("Asha", PHONE)
        await asha.join(wire.url + server.path)

        # given
        await wire.cut()
        await asha.say("line 1 of Asha")
        await expect(asha.messages.get_by_text("Sent when you are back")).to_be_visible()

        # when
        await wire.mend()
        await asha.page.reload()
        await asha.inside()

        # then
        await ravi.sees("line 1 of Asha")
        assert [event.text for event in kept(await server.read(), Said)] == ["line 1 of Asha"]
        assert await asha.lines(LINE) == ["line 1 of Asha"]
        asha.excuse()


async def test_a_server_that_restarts_finds_everybody_again(people: People, server: Class, ravi: Someone) -> None:
    teacher, asha = await people.person("Instructor"), await people.person("Asha", PHONE)
    await teacher.open(server.link("Instructor"))
    await asha.join(server.link("Student"))
    await teacher.button("Start the class").click()
    await teacher.confirm("Start the class")
    for someone in people.all:
        await someone.say(f"line 1 of {someone.name}")
    for someone in people.all:
        for other in people.all:
            await someone.sees(f"line 1 of {other.name}")

    # when it is stopped as an operator stops it, somebody writes meanwhile, and it is started again
    server.server.signal()
    await asyncio.to_thread(server.server.wait)
    await expect(asha.page.get_by_role("region", name="Reconnecting…")).to_be_visible()
    await asha.say("line 2 of Asha")
    await asyncio.to_thread(server.server.start)

    # then all come back by themselves and go on
    for someone in people.all:
        await someone.connected()
    await ravi.say("line 2 of Ravi")
    for someone in people.all:
        await someone.sees("line 2 of Asha")
        await someone.sees("line 2 of Ravi")
        await someone.in_phase("Live")
    said = [event.text for event in kept(await server.read(), Said)]
    assert len(said) == len(set(said)) == 5
    for someone in people.all:
        assert await someone.lines(LINE) == said
        someone.excuse()
