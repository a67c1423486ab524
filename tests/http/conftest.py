"""A whole worker, served on loopback, and somebody to talk to it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from classroom.app import Classroom, build, drain
from classroom.config import Settings, load
from classroom.kernel import SYSTEM, Member, Role
from classroom.rooms.room import AnyCommand
from classroom.rooms.roster import model as roster
from tests.running import prepare

KEY = "the key of a program"
SECRET = "a secret that is long enough for HS256"
TEACHER = Member("teacher", "Asha", Role.INSTRUCTOR)
RAVI = Member("ravi", "Ravi", Role.STUDENT)
MINA = Member("mina", "मीना", Role.STUDENT)


def settings_in(folder: Path, **more: str) -> Settings:
    prepare(folder)
    environment = {"DATA": str(folder), "CLASSROOM_AUTH_SECRET": SECRET, "CLASSROOM_AUTH_API_KEY": KEY}
    return load(environment=environment | {f"CLASSROOM_{name}": value for name, value in more.items()})


class Talk:
    """Asks the API, as somebody or nobody."""

    def __init__(self, classroom: Classroom, client: TestClient[Any, Any]) -> None:
        self.classroom, self.client = classroom, client
        self._cid = 0

    async def get(self, path: str, member: Member | None = None, **options: Any) -> ClientResponse:
        return await self.client.get(path, headers=self.as_member(member), **options)

    async def get_with_key(self, path: str, **options: Any) -> ClientResponse:
        return await self.client.get(path, headers={"X-API-Key": KEY}, **options)

    async def post_with_key(self, path: str, body: Any) -> ClientResponse:
        return await self.client.post(path, json=body, headers={"X-API-Key": KEY})

    def as_member(self, member: Member | None, room: str = "math") -> dict[str, str]:
        if member is None:
            return {}
        return {"Authorization": f"Bearer {self.classroom.auth.mint_pass(room, member)}"}

    async def room(self, id: str = "math", **more: Any) -> None:
        assert (await self.post_with_key("/api/rooms", {"id": id, **more})).status == 201

    async def attend(self, *members: Member) -> None:
        """The members come in, as the log has it."""
        came = tuple(roster.Person(member.id, member.name, member.role) for member in members)
        await self.do(SYSTEM, lambda cid: roster.Attend(cid=cid, came=came))

    async def do(self, member: Member, make: Callable[[str], AnyCommand], room: str = "math") -> int:
        """Have the room's owner carry out the command that `make` builds from a fresh cid; its seq."""
        self._cid += 1
        await self.classroom.house.hall(room)
        reply = await self.classroom.house.submit(room, member, make(f"c{self._cid}"))
        assert reply.ok, reply
        return reply.seq


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
async def talk(settings: Settings) -> AsyncIterator[Talk]:
    classroom = await build(settings)
    async with TestServer(classroom.app) as server, TestClient(server) as client:
        yield Talk(classroom, client)
        await drain(classroom)
