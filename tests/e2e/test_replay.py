"""The class after its end: the recording plays, and chat, doubts, polls and board are as they were at that moment."""

from __future__ import annotations

import asyncio
import re
import time
from typing import NamedTuple

import pytest
from playwright.async_api import Locator, expect

from classroom.config import load
from classroom.kernel import Role
from classroom.media.intake.feed import Frame
from classroom.media.intake.opus import SETUP
from classroom.media.recorder.library import Library
from classroom.metrics import Metrics
from tests.e2e.past import Past
from tests.e2e.people import DESKTOP, PATIENCE, PHONE, People, Someone
from tests.e2e.test_accessibility import Audit, audit
from tests.media.browser import tone
from tests.media.test_recorder import START, frames
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")

__all__ = ["audit"]

SKY = "Why is the sky blue?"
SEA = "Why is the sea salty?"
ROUND = 2_000  # ms of film, sent over and over


class Lesson(NamedTuple):
    """Moments of the class, in ms since it was started. `stroke`: the place of the stroke in the log."""

    past: Past
    answering: int
    poll: int
    stroke: int
    drawn: int
    length: int


def lesson() -> Lesson:
    """A minute of class."""
    past = Past(step=1_000)
    past.come("Mina", "Kabir")
    past.start()
    begun = past.now
    past.say("Instructor", "Welcome", Role.INSTRUCTOR)
    sky = past.approve(past.ask("Mina", SKY))
    past.approve(past.ask("Kabir", SEA))
    past.wait(10_000)
    stroke = past.draw("stroke", (0, 0), (60, 30), (160, 90), (260, 40))
    drawn = past.now - begun
    past.wait(5_000)
    past.answer_live(sky)
    answering = past.now - 1_000 - begun
    past.say("Mina", "Thank you")
    metal = past.poll("Which metal?", ("Copper", "Iron"))
    poll = past.now - begun
    past.vote(metal, 3, 1)
    past.wait(3_000)
    past.close_poll(metal, 3, 1)
    past.wait(20_000)
    past.say("Kabir", "Goodbye")
    past.end()
    return Lesson(past, answering, poll, stroke, drawn, past.now - begun)


async def record(at: Class, camera: tuple[int, int], screen: tuple[int, int]) -> None:
    """Camera with sound, and the screen, each from one moment of the class's clock to another."""
    library = Library(at.server.folder / "recordings", load().recording, Metrics())
    recorder = library.recorder(at.room)
    assert recorder is not None
    film, sound = frames(), tone(ROUND / 1_000)
    sent: list[tuple[str, Frame]] = []
    for kind, (begin, end) in (("camera", camera), ("screen", screen)):
        for at in range(begin, end, ROUND):
            sent += [(kind, frame._replace(at=frame.at - START + at)) for frame in film]
            if kind == "camera":
                sent += [("sound", Frame(at + shot.at * 1_000, shot.data, True, SETUP)) for shot in sound]
    for kind, frame in sorted(sent, key=lambda one: one[1].at):
        recorder.frame(kind, frame)
    await recorder.close()
    await library.close()


async def comes(someone: Someone, condition: str, *given: object) -> None:
    """Wait until the page says that `condition` holds. (Playwright's own way to wait needs `eval`, which pages forbid.)"""
    deadline = time.monotonic() + PATIENCE / 1_000
    while not await someone.page.evaluate(f"(given) => {condition}", list(given)):
        assert time.monotonic() < deadline, condition
        await asyncio.sleep(0.05)


async def played(someone: Someone, track: str = "main") -> float:
    """Where the picture is, in ms of its file."""
    seconds: float = await someone.page.evaluate(f"document.querySelector('[data-track={track}]').currentTime")
    return seconds * 1_000


async def position(someone: Someone) -> float:
    """Where the line is, in ms of the class."""
    return float(await line(someone).input_value())


def line(someone: Someone) -> Locator:
    return someone.page.get_by_role("slider", name="Position")


async def shows(someone: Someone, track: str, at: float) -> None:
    """The picture of `track` comes to stand at `at` ms of its file (or goes on from there)."""
    film = f"document.querySelector('[data-track={track}]')"
    await comes(someone, f"!{film}.hidden && !{film}.seeking && {film}.readyState >= 2")
    await comes(someone, f"Math.abs({film}.currentTime * 1000 - given[0]) < 700", at)


async def watch(student: Someone, link: str) -> None:
    """From the class that has ended to its recording."""
    await student.join(link)
    await student.button("Watch the recording").click()
    await expect(student.page.get_by_role("main", name="Recording of the class")).to_be_visible()


async def test_a_class_is_watched_after_its_end_with_all_that_happened_in_step(
    people: People, on_air: Class, audit: Audit
) -> None:
    # given a class with camera (from 2 to 40 s) and screen (from 14 to 34 s)
    made = lesson()
    began = await made.past.keep(on_air.server.folder, room=on_air.room) + made.past.started
    await record(on_air, (began + 2_000, began + 40_000), (began + 14_000, began + 34_000))
    mina = await people.person("Mina", DESKTOP)
    await watch(mina, on_air.link("Student"))

    # when it is played
    await expect(mina.page.get_by_text("Nothing was recorded here.")).to_be_visible()
    await mina.button("Play").click()
    await comes(mina, "document.querySelector('[data-track=main]').currentTime > 0.3")
    await mina.button("Pause").click()

    # then picture, line and chat tell the same time
    await comes(mina, "document.querySelector('[data-track=main]').paused")
    assert abs(await position(mina) - 2_000 - await played(mina)) < 300
    await mina.sees("Welcome")
    await expect(mina.messages.get_by_text("Thank you")).to_have_count(0)

    # when the answer is gone to
    await mina.page.get_by_role("tab", name="Doubts").click()
    await mina.doubt(SKY).get_by_role("button", name=re.compile("^Watch the answer at")).click()

    # then camera, screen, board and line are there
    await shows(mina, "main", made.answering - 2_000)
    await shows(mina, "screen", made.answering - 14_000)
    assert abs(await position(mina) - made.answering) < 100
    paper = mina.page.locator("[data-board-at]")
    await expect(paper).to_have_attribute("data-board-at", str(made.stroke))
    await mina.page.get_by_role("tab", name="Chat").click()
    await mina.sees("Welcome")
    await expect(mina.messages.get_by_text("Thank you")).to_have_count(0)
    await audit.look(mina, "the recording, chat")

    # when it goes on by ten seconds, by the keyboard, and back by twenty
    await mina.page.keyboard.press("l")
    await mina.sees("Thank you")
    await mina.page.get_by_role("tab", name="Polls").click()
    await expect(mina.page.get_by_role("tabpanel").get_by_text("Which metal?")).to_be_visible()
    await audit.look(mina, "the recording, polls")
    await mina.page.keyboard.press("j")
    await mina.page.keyboard.press("j")
    await expect(mina.page.get_by_text("No polls so far")).to_be_visible()
    await expect(paper).not_to_have_attribute("data-board-at", str(made.stroke))

    # and what nobody answered is listed
    await mina.page.get_by_role("tab", name="Doubts").click()
    await mina.button("Open").click()
    await expect(mina.doubt(SEA)).to_be_visible()
    await expect(mina.doubt(SKY)).to_have_count(0)
    await mina.button("At this moment").click()
    await expect(mina.doubt(SKY)).to_be_visible()
    await audit.look(mina, "the recording, doubts")

    # when it plays at twice the speed over the camera's end, then the line goes on without a picture
    await line(mina).fill("39000")
    await mina.page.get_by_role("combobox", name="Speed").select_option("2")
    await mina.page.keyboard.press("k")
    await expect(mina.page.get_by_text("Nothing was recorded here.")).to_be_visible()
    await comes(mina, "document.querySelector('[aria-label=Position]').value > 41500")
    await line(mina).fill(str(made.length - 500))
    await expect(mina.button("Play")).to_be_visible()
    assert await position(mina) == made.length


async def test_a_class_that_was_not_recorded_is_played_from_its_log(
    people: People, on_air: Class, audit: Audit
) -> None:
    made = lesson()
    await made.past.keep(on_air.server.folder, room=on_air.room)
    kabir = await people.person("Kabir", PHONE, "dark")
    await watch(kabir, on_air.link("Student"))
    await expect(kabir.page.locator("[data-board-at]")).to_be_visible()
    await line(kabir).fill(str(made.answering - 300))
    await kabir.button("Play").click()
    await kabir.sees("Thank you")
    await kabir.button("Pause").click()
    await audit.look(kabir, "a class that was not recorded")
    await kabir.page.go_back()
    await kabir.inside()


async def test_on_a_phone_nothing_of_the_controls_of_a_long_class_is_cut_off(people: People, on_air: Class) -> None:
    past = Past()
    past.start()
    past.wait(2 * 3_600_000)
    past.end()
    await past.keep(on_air.server.folder, room=on_air.room)
    kabir = await people.person("Kabir", PHONE)
    await watch(kabir, on_air.link("Student"))
    await line(kabir).fill(str(2 * 3_600_000 - 1_000))
    controls = kabir.page.get_by_role("group", name="Playback")
    await expect(controls).to_contain_text(re.compile(r"1:59:\d\d\s*/ 2:00:0\d"))
    for one in await controls.locator("button, select").all():
        if await one.is_visible():
            box = await one.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE[0]


async def test_a_recording_is_watched_at_four_times_the_size(people: People, on_air: Class, audit: Audit) -> None:
    # given a window of 1280 by 1024 px, enlarged to 400%
    made = lesson()
    await made.past.keep(on_air.server.folder, room=on_air.room)
    kabir = await people.person("Kabir", (320, 256))
    await watch(kabir, on_air.link("Student"))
    await expect(kabir.page.locator("[data-board-at]")).to_be_visible()

    # when
    await line(kabir).fill(str(made.length))

    # then there is room to read in, and nothing is cut off at the side
    await expect(kabir.messages.get_by_text("Thank you")).to_be_visible()
    assert (await kabir.messages.bounding_box() or {})["height"] > 100
    for name in ("Play", "Sound off"):
        box = await kabir.button(name).bounding_box() or {}
        assert box["x"] + box["width"] <= 320
    await audit.look(kabir, "a recording at 400%")


async def test_a_class_that_goes_on_has_no_recording_yet(people: People, on_air: Class) -> None:
    await on_air.found()
    teacher = await people.person("Meera", DESKTOP)
    await teacher.open(on_air.link("Instructor"))
    await teacher.page.goto(f"{on_air.url}{on_air.path}/recording")
    await expect(teacher.page.get_by_role("heading", name="The class has not ended yet")).to_be_visible()
    teacher.excuse(re.compile("409"))
    await teacher.button("Back to the class").click()
    await teacher.inside()
