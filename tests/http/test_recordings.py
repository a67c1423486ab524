"""Recordings are for members of the room, whatever their role: by a join token or a pass, as a bearer or in the address."""

from __future__ import annotations

from pathlib import Path

import pytest

from classroom.config import load
from classroom.kernel import Member, Role
from classroom.media.recorder.library import Library
from classroom.metrics import Metrics
from classroom.rooms.roster import model as roster
from tests.http.conftest import MINA, RAVI, TEACHER, Talk
from tests.http.test_api import refused
from tests.media.test_recorder import START, frames

HELPER = Member("helper", "Zoya", Role.ASSISTANT)
FILE = f"/recordings/math/rec.{START}.camera.mp4"


@pytest.fixture
async def recorded(talk: Talk, tmp_path: Path) -> Talk:
    """A room with a recording in the server's folder."""
    await talk.room()
    await talk.attend(TEACHER, HELPER, RAVI, MINA)
    library = Library(tmp_path / "recordings", load().recording, Metrics())
    recorder = library.recorder("math")
    assert recorder is not None
    for frame in frames():
        recorder.frame("camera", frame)
    await recorder.close()
    await library.close()
    return talk


async def test_every_role_is_given_the_list_and_any_range(recorded: Talk) -> None:
    guest = recorded.classroom.auth.guest("math", "Guest", "a device")
    for member in (TEACHER, HELPER, RAVI, guest):
        listed = await recorded.get("/recordings/math/", member)
        assert listed.status == 200
        assert [(one["kind"], one["start"]) for one in (await listed.json())["recordings"]] == [("camera", START)]
        token = recorded.as_member(member)["Authorization"].removeprefix("Bearer ")
        part = await recorded.client.get(f"{FILE}?token={token}", headers={"Range": "bytes=0-99"})
        assert (part.status, len(await part.read())) == (206, 100)


async def test_nobody_else_is_told_anything(recorded: Talk) -> None:
    for path in ("/recordings/math/", FILE, FILE.replace("mp4", "m3u8")):
        await refused(await recorded.get(path), 401, "token_missing")
        await refused(await recorded.get(f"{path}?token=nonsense"), 401, "token_invalid")
        await refused(await recorded.client.get(path, headers=recorded.as_member(RAVI, "art")), 403, "token_wrong_room")
    await refused(await recorded.get("/recordings/-/", RAVI), 400, "bad_room")
    await refused(await recorded.get(FILE.replace("camera", "screen"), RAVI), 404, "not_found")


async def test_who_was_banned_is_refused_with_the_reason(recorded: Talk) -> None:
    await recorded.do(TEACHER, lambda cid: roster.Ban(cid=cid, member=RAVI.id))
    problem = await refused(await recorded.get(FILE, RAVI), 403, "banned")
    assert problem["message"] == "You have been banned from this room."
    assert (await recorded.get(FILE, MINA)).status == 200
