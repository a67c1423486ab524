"""What a worker tells the media process of the stages: all of it, also what changes while it is being told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from classroom.bus.port import Reply
from classroom.kernel import Member, Role
from classroom.media.link import Link
from classroom.media.stage import Performer, Publish, Source, Stage
from tests.running import until

TEACHER = Member("t1", "Teacher", Role.INSTRUCTOR)
BEGAN = b"""{"room":"r","member":{"id":"t1","name":"Teacher","role":"instructor"},"stream":"two","session":"s","is_live":true}
"""


class Far:
    """The far end of the socket, and the rooms: what was told, what is said, and how long the rooms take to believe it."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.told: list[dict[str, Any]] = []
        self.while_told: Callable[[], None] = lambda: None
        self.says = asyncio.Event()
        self.publishing = self.published = False
        self.believes = asyncio.Event()

    def stages(self) -> list[tuple[str, Stage]]:
        return [("r", self.stage)]

    async def in_force(self, room: str, member: Member) -> Member:
        return member

    async def submit(self, room: str, member: Member, command: Any) -> Reply:
        if isinstance(command, Publish):
            self.publishing = True
            await self.believes.wait()
            self.stage.people["t1"] = performer(stream=command.stream)
            self.published = True
        return Reply(ok=True)

    async def stage_told(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        self.while_told()
        return web.Response(status=204)

    async def facts(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await self.says.wait()
        await response.write(BEGAN)
        await asyncio.sleep(60)
        return response


def performer(**fields: Any) -> Performer:
    return Performer(TEACHER.id, TEACHER.name, TEACHER.role, **fields)


@asynccontextmanager
async def linked(far: Far, folder: Path) -> AsyncIterator[None]:
    app = web.Application()
    app.add_routes([web.post("/rooms/r/stage", far.stage_told), web.get("/facts", far.facts)])
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "media.sock")).start()
    link = Link(folder / "media.sock", far)
    link.start()
    try:
        yield
    finally:
        await link.close()
        await runner.cleanup()


async def test_what_changes_while_a_stage_is_being_told_is_told_next(tmp_path: Path) -> None:
    far = Far()
    far.stage.people["t1"] = performer(stream="one")

    def mute() -> None:
        far.stage.people["t1"] = performer(stream="one", muted=(Source.CAMERA,))
        far.while_told = far.stage.people.clear

    far.while_told = mute
    async with linked(far, tmp_path):
        await until(lambda: len(far.told) == 3)
    assert far.told == [
        {"gone": [], "muted": {}},
        {"gone": [], "muted": {"t1": ["camera"]}},
        {"gone": ["t1"], "muted": {}},
    ]


async def test_who_has_begun_again_is_not_told_as_gone_while_the_room_only_comes_to_know_it(tmp_path: Path) -> None:
    far = Far()
    far.stage.people["t1"] = performer(stream="one")
    async with linked(far, tmp_path):
        await until(lambda: len(far.told) == 1)
        far.says.set()
        await until(lambda: far.publishing)
        far.stage.people.clear()  # the publication before has ended
        await asyncio.sleep(0.6)
        far.believes.set()
        await until(lambda: far.published)
        await asyncio.sleep(0.6)
        assert not any(told["gone"] for told in far.told)

        far.stage.people.clear()
        await until(lambda: far.told[-1]["gone"] == ["t1"])
