"""What a student's phone has to fetch until the class is there, by the browser's own figures; and how it is served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.people import PHONE, People
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT = 250_000  # bytes on the wire, headers included: code, styles, page, pictures


class Traffic:
    """What a page fetches, as the browser's network reports it."""

    def __init__(self, session: Any) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.bytes: dict[str, float] = {}
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)

    def _answered(self, told: dict[str, Any]) -> None:
        self.answers[told["requestId"]] = told["response"]

    def _finished(self, told: dict[str, Any]) -> None:
        self.bytes[told["requestId"]] = told["encodedDataLength"]

    @property
    def sizes(self) -> dict[str, float]:
        """Bytes on the wire, by path."""
        return {
            answer["url"].partition("//")[2].partition("/")[2]: self.bytes.get(request, 0.0)
            for request, answer in self.answers.items()
        }


async def test_the_first_load_of_a_student_is_light(people: People, server: Class) -> None:
    # given an empty cache
    asha = await people.person("Asha", PHONE)
    session = await asha.page.context.new_cdp_session(asha.page)
    traffic = Traffic(session)
    await session.send("Network.enable")

    # when
    await asha.join(server.link("Student"))
    await asha.say("Here I am")
    await asha.sees("Here I am")
    while traffic.answers.keys() - traffic.bytes.keys():
        await asyncio.sleep(0.01)

    # then
    total = sum(traffic.sizes.values())
    for path, size in sorted(traffic.sizes.items(), key=lambda item: -item[1]):
        print(f"{size:9.0f}  /{path}")
    print(f"{total:9.0f}  in {len(traffic.sizes)} requests")
    assert 10_000 < total < LIMIT

    # and all of it comes from here, compressed, and for ever where its name says what is in it
    for answer in traffic.answers.values():
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        assert answer["url"].startswith(server.url), answer["url"]
        assert answer["status"] == 200
        if "/assets/" in answer["url"]:
            assert headers["cache-control"] == "public, max-age=31536000, immutable"
            assert headers.get("content-encoding") in ("br", "gzip") or int(headers["content-length"]) < 1_024
    page = next(answer for answer in traffic.answers.values() if answer["mimeType"] == "text/html")
    assert page["headers"]["Cache-Control"] == "no-cache"
    assert "script-src 'self'" in page["headers"]["Content-Security-Policy"]


async def test_coming_back_fetches_next_to_nothing(people: People, server: Class) -> None:
    # given
    asha = await people.person("Asha", PHONE)
    await asha.join(server.link("Student"))
    session = await asha.page.context.new_cdp_session(asha.page)
    traffic = Traffic(session)
    await session.send("Network.enable")

    # when
    await asha.page.reload()
    await asha.inside()

    # then
    assert sum(traffic.bytes.values()) < 5_000


async def test_scripts_from_elsewhere_and_in_the_page_do_not_run(people: People, server: Class) -> None:
    # given
    asha = await people.person("Asha")
    await asha.join(server.link("Student"))

    # when one gets into the page after all
    await asha.page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.ran = true';
          document.body.append(script);
        }"""
    )

    # then the page's policy stops it
    assert await asha.page.evaluate("window.ran") is None
    await expect(asha.messages).to_be_visible()
    assert any("Content Security Policy" in complaint for complaint in asha.complaints)
    asha.complaints.clear()


async def test_what_it_is_is_seen_before_the_code_is_there(people: People, server: Class) -> None:
    # given a network that is slow with the code
    asha = await people.person("Asha", PHONE)
    comes = asyncio.Event()

    async def late(route: Any) -> None:
        await comes.wait()
        await route.continue_()

    await asha.page.route("**/assets/*.js", late)

    # when
    await asha.page.goto(server.link("Student"), wait_until="commit")

    # then something is there, and gives way to the page
    opening = asha.page.get_by_role("status").filter(has_text="Classroom")
    await expect(opening).to_be_visible()
    comes.set()
    await expect(asha.button("Join the class")).to_be_visible()
    await expect(opening).to_have_count(0)
