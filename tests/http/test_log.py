"""The log of a class that is over, by page: to each role what it may see, without what was taken back, the same for all who
see the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from classroom.chat import model as chat
from classroom.doubts import model as doubts
from classroom.http import past
from classroom.kernel import Member, Role, audience_of
from classroom.polls import model as polls
from classroom.rooms import room as rooms
from classroom.rooms.roster import model as roster
from tests.http.conftest import MINA, RAVI, TEACHER, Talk

HELPER = Member("helper", "Zoya", Role.ASSISTANT)


async def log_of(talk: Talk, member: Member) -> list[dict[str, Any]]:
    """All pages together."""
    events: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        response = await talk.get(f"/api/rooms/math/log?after={after}", member)
        assert response.status == 200, await response.text()
        page = await response.json()
        assert (page["state"] is not None) == (page["own"] is not None) == (after == 0)
        events += page["events"]
        after = page["next"]
    return events


def said(events: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["type"] == "chat.said"]


async def end(talk: Talk) -> int:
    return await talk.do(TEACHER, lambda cid: roster.EndClass(cid=cid))


@pytest.fixture
async def lesson(talk: Talk) -> Talk:
    await talk.room()
    await talk.attend(TEACHER, HELPER, RAVI, MINA)
    await talk.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
    return talk


async def test_before_the_class_has_ended_nobody_reads_its_log(lesson: Talk) -> None:
    for member in (RAVI, HELPER, TEACHER):
        response = await lesson.get("/api/rooms/math/log", member)
        assert (response.status, (await response.json())["code"]) == (409, "not_over")
    await end(lesson)
    assert (await lesson.get("/api/rooms/math/log", RAVI)).status == 200
    # What was over stays to be seen while the class goes on another day.
    await lesson.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
    await lesson.do(RAVI, lambda cid: chat.Say(cid=cid, text="the second day"))
    assert (await log_of(lesson, RAVI))[-1]["type"] == "class.ended"


async def test_the_log_is_for_members_of_the_room_alone(lesson: Talk) -> None:
    await end(lesson)
    assert (await lesson.get("/api/rooms/math/log")).status == 401
    assert (await lesson.client.get("/api/rooms/math/log", headers=lesson.as_member(RAVI, "art"))).status == 403
    assert (await lesson.get_with_key("/api/rooms/math/log")).status == 200
    assert (await lesson.get_with_key("/api/rooms/none/log")).status == 404
    assert (await lesson.get("/api/rooms/math/log?after=-1", RAVI)).status == 400
    guest = lesson.classroom.auth.guest("math", "Guest", "a device")
    assert (await lesson.get("/api/rooms/math/log", guest)).status == 200
    await lesson.do(TEACHER, lambda cid: roster.Ban(cid=cid, member=RAVI.id))
    response = await lesson.get("/api/rooms/math/log", RAVI)
    assert (response.status, (await response.json())["code"]) == (403, "banned")


async def test_each_role_is_shown_what_view_shows_it(lesson: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "PAGE", 3)
    await lesson.do(RAVI, lambda cid: chat.Say(cid=cid, text="good morning"))
    hidden = await lesson.do(RAVI, lambda cid: doubts.Ask(cid=cid, text="why not?", anonymous=True))
    spec = polls.Spec(question="Two?", kind=polls.PollKind.SINGLE, options=("yes", "no"))
    poll = await lesson.do(TEACHER, lambda cid: polls.Prepare(cid=cid, spec=spec))
    await lesson.do(TEACHER, lambda cid: polls.Open(cid=cid, id=poll))
    await lesson.do(MINA, lambda cid: polls.Vote(cid=cid, id=poll, choice=(1,)))
    await end(lesson)
    stored = await lesson.classroom.journal.read("math", 0)
    for member in (TEACHER, HELPER, RAVI, MINA):
        found = await log_of(lesson, member)
        shown = [(each.meta, rooms.view(each.event, audience_of(member))) for each in stored]
        expected = [
            json.loads(past.wire.item(past.Codec.JSON, meta, event)) for meta, event in shown if event is not None
        ]
        assert found == expected
    assert not any(event["seq"] == hidden for event in await log_of(lesson, MINA))
    voted = {
        member.id: [e for e in await log_of(lesson, member) if e["type"] == "poll.voted"] for member in (MINA, RAVI)
    }
    assert [ballot[0] for event in voted["mina"] for ballot in event["ballots"]] == ["mina"]
    assert not any(event.get("ballots") for event in voted["ravi"])


async def test_students_are_not_shown_words_that_were_taken_back(lesson: Talk) -> None:
    rude = await lesson.do(MINA, lambda cid: chat.Say(cid=cid, text="rude words"))
    await lesson.do(RAVI, lambda cid: chat.React(cid=cid, id=rude, emoji="👍"))
    await lesson.do(TEACHER, lambda cid: chat.Pin(cid=cid, id=rude))
    await lesson.do(RAVI, lambda cid: chat.Say(cid=cid, text="fine words"))
    await lesson.do(TEACHER, lambda cid: doubts.Configure(cid=cid, moderated=False))
    gone = await lesson.do(MINA, lambda cid: doubts.Ask(cid=cid, text="a rude question"))
    await end(lesson)
    assert said(await log_of(lesson, RAVI)) == ["rude words", "fine words"]
    # Also what is taken back only after the class.
    await lesson.do(TEACHER, lambda cid: chat.Delete(cid=cid, id=rude))
    await lesson.do(TEACHER, lambda cid: doubts.Dismiss(cid=cid, id=gone, reason="rude"))
    for member in (RAVI, MINA):
        found = await log_of(lesson, member)
        assert said(found) == ["fine words"]
        assert "rude words" not in json.dumps(found)
    assert "a rude question" not in json.dumps(await log_of(lesson, RAVI))
    assert "a rude question" in json.dumps(await log_of(lesson, MINA))
    for member in (TEACHER, HELPER):
        found = await log_of(lesson, member)
        assert said(found) == ["rude words", "fine words"]
        assert "a rude question" in json.dumps(found)
    await lesson.do(TEACHER, lambda cid: doubts.Reopen(cid=cid, id=gone))
    assert "a rude question" in json.dumps(await log_of(lesson, RAVI))


async def test_a_page_is_made_once_and_asked_for_anew_only_when_it_has_changed(lesson: Talk) -> None:
    id = await lesson.do(RAVI, lambda cid: chat.Say(cid=cid, text="hello"))
    await end(lesson)
    first = await lesson.get("/api/rooms/math/log", MINA)
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first.headers["Vary"]
    other = await lesson.get("/api/rooms/math/log", RAVI)
    assert (await first.read(), first.headers["ETag"]) == (await other.read(), other.headers["ETag"])
    known = {**lesson.as_member(MINA), "If-None-Match": first.headers["ETag"]}
    assert (await lesson.client.get("/api/rooms/math/log", headers=known)).status == 304
    plain = await lesson.client.get("/api/rooms/math/log", headers=lesson.as_member(MINA) | {"Accept-Encoding": ""})
    assert "Content-Encoding" not in plain.headers
    assert await plain.json() == await first.json()
    # Who comes to look adds to the log, and changes nothing of what they look at.
    await lesson.attend(Member("late", "Late", Role.STUDENT))
    assert (await lesson.client.get("/api/rooms/math/log", headers=known)).status == 304
    await lesson.do(TEACHER, lambda cid: chat.Delete(cid=cid, id=id))
    assert (await lesson.client.get("/api/rooms/math/log", headers=known)).status == 200
