"""What a worker tells the media process of the stages: all of it, also what changes while it is being told. What it tells the
rooms of publications: until they have taken it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from classroom.bus.port import Reply
from classroom.kernel import Member, Rejected, Role
from classroom.media.link import Link
from classroom.media.stage import Performer, Publish, Source, Stage
from tests.running import serving_alone, until

TEACHER = Member("t1", "Teacher", Role.INSTRUCTOR)
LATE = Reply(ok=False, code="moved", temporary=True)


class Far:
    """The far end of the socket, and the rooms: what was told, what is said, how long the rooms take to believe it, and what
    they answer first."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.told: list[dict[str, Any]] = []
        self.ended: list[str] = []
        self.while_told: Callable[[], None] = lambda: None
        self.says: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.asked = 0
        self.answers: list[Reply | Rejected] = []
        self.believes = asyncio.Event()
        self.away: list[str] = []
        self.busy = 0  # times that it does not take who was sent away
        self.unknown = 0  # times that it was told something of which it does not know, where it `is_old`
        self.is_old = False
        self.made: dict[str, Any] = {}
        self.making = 0  # sessions that were asked for, and are made when it `makes` them
        self.makes = asyncio.Event()
        self.makes.set()
        self.when_sent_away: Callable[[str, str], None] = lambda room, member: None
        self.believes.set()

    def say(self, stream: str = "two", **fact: Any) -> None:
        about = {"room": "r", "member": TEACHER, "stream": stream, "session": f"of {stream}", "is_live": True}
        self.says.put_nowait(msgspec.json.encode(about | fact) + b"\n")

    def die(self) -> None:
        """And come back, with nothing that is live."""
        self.says.put_nowait(None)
        self.says.put_nowait(b"{}\n")

    def stages(self) -> list[tuple[str, Stage]]:
        return [("r", self.stage)]

    async def in_force(self, room: str, member: Member) -> Member:
        if self.answers and isinstance(self.answers[0], Rejected):
            self.asked += 1
            raise self.answers.pop(0)
        return member

    async def submit(self, room: str, member: Member, command: Any) -> Reply:
        self.asked += 1
        await self.believes.wait()
        if self.answers:
            return self.answers.pop(0)
        if isinstance(command, Publish):
            self.stage.people["t1"] = performer(stream=command.stream)
        elif self.stage.people.get("t1", performer()).stream == command.stream:
            del self.stage.people["t1"]
        return Reply(ok=True)

    async def stage_told(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        self.while_told()
        return web.Response(status=204)

    async def away_told(self, request: web.Request) -> web.Response:
        if self.is_old:
            self.unknown += 1
            raise web.HTTPNotFound
        if self.busy:
            self.busy -= 1
            return web.json_response({"code": "busy", "message": "Busy."}, status=503)
        self.away.append((await request.json())["member"])
        return web.Response(status=204)

    async def facts(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while (line := await self.says.get()) is not None:
            await response.write(line)
        return response

    async def make(self, request: web.Request) -> web.Response:
        self.making += 1
        await self.makes.wait()
        return web.json_response(self.made, status=201)

    async def end(self, request: web.Request) -> web.Response:
        self.ended.append(request.match_info["id"])
        return web.Response(status=204)


def performer(**fields: Any) -> Performer:
    return Performer(TEACHER.id, TEACHER.name, TEACHER.role, **fields)


@asynccontextmanager
async def linked(far: Far, folder: Path) -> AsyncIterator[Link]:
    app = web.Application()
    app.add_routes(
        [
            web.post("/rooms/r/stage", far.stage_told),
            web.post("/rooms/r/away", far.away_told),
            web.post("/sessions", far.make),
            web.get("/facts", far.facts),
            web.delete("/sessions/{id}", far.end),
        ]
    )
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "media.sock")).start()
    link = Link(folder / "media.sock", far)
    link.start()
    try:
        yield link
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


async def test_who_is_sent_away_is_told_until_it_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classroom.media.link.LATER", 0.05)
    far = Far()
    far.busy = 2
    async with linked(far, tmp_path):
        far.when_sent_away("r", "s1")
        await until(lambda: far.away)
    assert far.away == ["s1"]


async def test_what_is_made_for_who_was_sent_away_meanwhile_is_not_theirs(tmp_path: Path) -> None:
    far = Far()
    far.made = {"id": "1", "tag": "a", "answer": "v=0", "sources": []}
    async with asyncio.timeout(10), linked(far, tmp_path) as link:
        far.makes.clear()
        before = asyncio.create_task(link.make("r", TEACHER, "v=0", "t2"))
        others = asyncio.create_task(link.make("r", Member("s1", "S", Role.STUDENT), "v=0", "t2"))
        await until(lambda: far.making == 2)
        far.when_sent_away("r", "t1")
        await until(lambda: far.away == ["t1"])  # the process has nothing of theirs yet
        again = asyncio.create_task(link.make("r", TEACHER, "v=0", "t2"))  # they may come back at once
        await until(lambda: far.making == 3)
        far.makes.set()
        with pytest.raises(Rejected, match="forbidden"):
            await before
        assert far.ended == ["1"]
        assert (await others)[0] == (await again)[0] == "1"
        assert not link._making


async def test_a_media_process_of_the_version_before_is_spoken_to_as_far_as_it_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGHUP brings newer workers, and leaves it as it is."""
    monkeypatch.setattr("classroom.media.link.LATER", 0.01)
    far = Far()
    far.is_old = True
    far.made = {"id": "1", "tag": "a", "answer": "v=0", "sources": ["camera"]}
    async with linked(far, tmp_path) as link:
        assert await link.make("r", TEACHER, "v=0") == ("1", "a", "v=0", "")
        far.when_sent_away("r", "s1")
        await until(lambda: far.unknown == 1)
        await until(lambda: not link._background)


async def test_who_has_begun_again_is_not_told_as_gone_while_the_room_only_comes_to_know_it(tmp_path: Path) -> None:
    far = Far()
    far.stage.people["t1"] = performer(stream="one")
    async with linked(far, tmp_path):
        await until(lambda: len(far.told) == 1)
        far.believes.clear()
        far.say()
        await until(lambda: far.asked)
        far.stage.people.clear()  # the publication before has ended
        await asyncio.sleep(0.6)
        far.believes.set()
        await until(lambda: far.stage.people)
        await asyncio.sleep(0.6)
        assert not any(told["gone"] for told in far.told)

        far.stage.people.clear()
        await until(lambda: far.told[-1]["gone"] == ["t1"])


@pytest.mark.parametrize("later", [LATE, Rejected("unavailable", "The journal cannot be read.", temporary=True)])
async def test_a_publication_that_a_room_cannot_take_now_is_told_again_and_not_cut_off(
    tmp_path: Path, later: Reply | Rejected
) -> None:
    far = Far()
    far.stage.people["t1"] = performer(stream="one")
    async with linked(far, tmp_path):
        await until(lambda: far.told)
        far.answers = [later, later]
        far.say("two")
        await until(lambda: far.asked)
        far.stage.people.clear()  # the publication before has ended
        await until(lambda: far.stage.people)
        assert far.stage.people["t1"].stream == "two"
        assert not any(told["gone"] for told in far.told)
        assert not far.ended


async def test_the_end_of_a_publication_that_a_room_cannot_take_now_is_told_again(tmp_path: Path) -> None:
    far = Far()
    far.stage.people["t1"] = performer(stream="one")
    far.answers = [LATE]
    async with linked(far, tmp_path):
        far.say("one", is_live=False)
        await until(lambda: not far.stage.people)


@pytest.mark.parametrize("code", ["too_many", "forbidden"])
async def test_a_publication_that_a_room_does_not_want_is_cut_off(tmp_path: Path, code: str) -> None:
    far = Far()
    far.answers = [Reply(ok=False, code=code, temporary=code == "too_many")]
    async with linked(far, tmp_path):
        far.say()
        await until(lambda: far.ended == ["of two"])
        assert far.asked == 1


@pytest.mark.parametrize("how", ["ended", "replaced", "died"])
async def test_what_is_over_before_a_room_took_it_is_not_told_any_more_as_live(tmp_path: Path, how: str) -> None:
    far = Far()
    far.believes.clear()
    async with linked(far, tmp_path):
        far.say("one")
        await until(lambda: far.asked)
        far.answers = [LATE]
        if how == "replaced":
            far.say("two")
        if how == "died":
            far.die()
        else:
            far.say("one", is_live=False)
        await asyncio.sleep(0.3)  # while the room does not answer
        far.believes.set()
        await until(lambda: far.asked == (3 if how == "replaced" else 2))
        await asyncio.sleep(0)
        assert [one.stream for one in far.stage.people.values()] == (["two"] if how == "replaced" else [])


async def test_a_worker_that_goes_is_no_error_of_the_media_process(tmp_path: Path) -> None:
    async def listens() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "run" / "media.sock")
        writer.write(b"GET /facts HTTP/1.1\r\nHost: media\r\n\r\n")
        await reader.readuntil(b"{}\n")  # all that is live has been told
        return reader, writer

    with serving_alone(tmp_path) as server:
        await until((tmp_path / "run" / "media.sock").exists)
        (_, goes), (stays, writer) = await listens(), await listens()
        goes.close()
        await stays.readuntil(b"\n\r\n")  # what is said when there is nothing to say: to the other as well, and before
        writer.close()
        server.signal()
        server.wait()
    log = server.log.read_text()
    assert "Error handling request" not in log
    assert "Traceback" not in log
