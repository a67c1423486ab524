"""Writes the pictures of the README into `docs/images`: `python -m tests.e2e.screenshots`, after `make client`.

A lesson about electric current is made up, a class comes in, and the pages of the staff and of two students are drawn.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import socketio
from playwright.async_api import expect

from classroom.kernel import Role
from tests.e2e.past import Past
from tests.e2e.people import DESKTOP, PHONE, ROOT, People, Someone, browsing, need_client
from tests.running import Subprocess, serving_alone

IMAGES = ROOT / "docs" / "images"
LARGEST = 250_000  # bytes of one picture
TITLE = "Physics 101 · Electric current"
TEACHER = "Meera"
CLASS = (  # noqa: SIM905
    "Asha Ravi Mina Kabir Zoya Arjun Nila Farhan Tara Dev Isha Kiran Leela Omar Priya Rohan Sana Uma Vikram Yash "
    "Anita Bela Chetan Divya Esha Gopal Hema Imran Jaya Lata Mohan Neha"
).split()


def lesson() -> Past:
    """A lesson that has been going on for half an hour."""
    past = Past(step=9_000)
    past.come(*CLASS)
    past.say("Zoya", "Good morning!")
    past.start()
    past.say(TEACHER, "Welcome, everybody. Today: what current is, and why a wire resists it.", Role.INSTRUCTOR)
    past.say("Ravi", "Good morning ma'am 🙏")
    wires = past.approve(past.ask("Asha", "Does a thicker wire always have less resistance?"))
    past.stand_behind(wires, *CLASS[1:12])
    speed = past.approve(past.ask("Arjun", "If electrons drift so slowly, why does the lamp light up at once?"))
    past.stand_behind(speed, *CLASS[3:27])
    past.wait(420_000)
    past.answer_live(wires)
    past.say("Kabir", "So area in the denominator, got it")
    series = past.approve(past.ask("Tara", "In a series circuit, is the current before the lamp larger than after it?"))
    past.stand_behind(series, *CLASS[5:24])
    heat = past.approve(past.ask("Nila", "Why does the filament glow but the copper lead does not?", anonymous=True))
    past.stand_behind(heat, *CLASS[8:17])
    past.approve(past.ask("Dev", "Can we use V = IR for a diode?"))
    past.wait(600_000)
    past.poll("One more for the end: was the pace right?", ("Too slow", "Just right", "Too fast"), open=False)
    question = past.poll(
        "Two equal lamps in series, one battery. What happens to the brightness of each?",
        ("It stays the same", "Each is dimmer", "Only the second is dimmer", "Each is brighter"),
    )
    notes = past.say(TEACHER, "The sketch from the board: https://example.org/circuits/series", Role.INSTRUCTOR)
    past.react(notes, "👍", *CLASS[:9])
    past.react(notes, "🙏", *CLASS[9:13])
    thought = past.say("Mina", "I would have said the second one is dimmer, because the first uses up the current?")
    past.say("Farhan", "The current is the same everywhere, it is the voltage that is shared", reply_to=thought)
    past.react(thought, "🤔", "Ravi", "Leela")
    past.say("Isha", "Ahh, that is what the quiz is about 😄")
    past.say("Yash", "ओह, अब समझ आया")
    past.vote(question, 4, 17, 5, 2)
    past.answer_now(speed)
    past.ask("Rohan", "Will this be in the test on Friday?")
    past.ask("Uma", "Is the drift speed the same in a thin part of the wire?", anonymous=True)
    past.ask("Leela", "Why do we draw current from plus to minus?")
    past.raise_hand("Priya")
    past.raise_hand("Omar")
    return past


async def come_in(stack: AsyncExitStack, server: Subprocess) -> None:
    """The class, as plain Socket.IO clients."""
    session = await stack.enter_async_context(aiohttp.ClientSession())
    for name in CLASS[1:]:
        client = socketio.AsyncClient(http_session=session)
        hello = {"v": 1, "room": "demo", "token": server.auth.mint("demo", name, Role.STUDENT, name.lower())}
        await client.connect(server.url, auth=hello, transports=["websocket"])
        stack.push_async_callback(client.disconnect)


def morning() -> str:
    """A time zone in which it is a little past ten: classes are held by day, whenever the pictures are taken."""
    ahead = 10 - time.gmtime().tm_hour
    return f"Etc/GMT{-ahead:+d}"


async def enter(people: People, server: Subprocess, name: str, role: Role, sub: str, **look: object) -> Someone:
    someone = await people.person(name, timezone_id=morning(), **look)  # type: ignore[arg-type]
    await someone.open(f"{server.url}/r/demo#token={server.auth.mint('demo', name, role, sub)}")
    # All who came in are counted, and what appears has stopped moving.
    await expect(someone.page.get_by_role("button", name=re.compile(r"^3\d people here$"))).to_be_attached()
    return someone


async def keep(someone: Someone, name: str) -> None:
    path = IMAGES / f"{name}.png"
    await someone.page.mouse.move(0, 0)
    await someone.page.evaluate("document.activeElement?.blur()")
    await someone.page.evaluate("document.fonts.ready")
    await someone.page.screenshot(path=path, animations="disabled", caret="hide")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
    assert path.stat().st_size < LARGEST


async def main() -> None:
    need_client()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        await lesson().keep(Path(folder), TITLE)
        with serving_alone(Path(folder)) as server:
            async with AsyncExitStack() as stack, browsing() as people:
                await come_in(stack, server)
                await draw(people, server)


async def draw(people: People, server: Subprocess) -> None:
    teacher = await enter(people, server, TEACHER, Role.INSTRUCTOR, "demo-instructor", size=DESKTOP)
    asha = await enter(people, server, "Asha", Role.STUDENT, "asha", size=PHONE, device_scale_factor=2)
    ravi = await enter(people, server, "Ravi", Role.STUDENT, "ravi", size=DESKTOP, scheme="dark")

    panel = await teacher.tab("Doubts")
    await panel.get_by_role("button", name=re.compile("^To approve")).click()
    await expect(teacher.doubt("Why do we draw current from plus to minus?")).to_be_visible()
    await keep(teacher, "classroom-staff")

    await asha.tab("Doubts")
    await expect(asha.page.get_by_role("list", name="What became of your doubt")).to_be_visible()
    await keep(asha, "classroom-student-phone")

    await expect(ravi.messages.get_by_text("ओह, अब समझ आया")).to_be_visible()
    await ravi.stage.get_by_role("radio", name="Each is dimmer").check()
    await keep(ravi, "classroom-dark")
    assert people.complaints == []


if __name__ == "__main__":
    asyncio.run(main())
