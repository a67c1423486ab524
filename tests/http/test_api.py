"""The API, asked over a socket: what it answers, to whom, and what it refuses in which words."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from aiohttp import ClientPayloadError, ClientResponse

from classroom.chat import model as chat
from classroom.config import Settings
from classroom.doubts import model as doubts
from classroom.kernel import Member, Meta, Role, Stored
from classroom.polls import model as polls
from classroom.rooms.roster import model as roster
from tests.http.conftest import KEY, MINA, RAVI, TEACHER, Talk


async def refused(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = await response.json()
    assert (response.status, problem["code"]) == (status, code), problem
    assert problem["message"].endswith(".")
    assert isinstance(problem["temporary"], bool)
    return problem


async def test_a_room_is_made_once_and_found_afterwards(talk: Talk) -> None:
    made = await talk.post_with_key("/api/rooms", {"id": "math", "title": "  Algebra "})
    assert made.status == 201
    assert (await made.json())["title"] == "Algebra"
    again = await talk.post_with_key("/api/rooms", {"id": "math", "title": "Other", "open": False})
    assert again.status == 200
    assert await again.json() == await made.json()


async def test_rooms_are_listed_by_page(talk: Talk) -> None:
    for id in ("c", "a", "b"):
        await talk.room(id)
    first = await (await talk.get_with_key("/api/rooms?limit=2")).json()
    assert ([room["id"] for room in first["rooms"]], first["next"]) == (["a", "b"], "b")
    second = await (await talk.get_with_key("/api/rooms?limit=2&after=b")).json()
    assert ([room["id"] for room in second["rooms"]], second["next"]) == (["c"], None)


async def test_a_lobby_needs_no_credentials(talk: Talk) -> None:
    await talk.room(title="Algebra", open=True)
    assert await (await talk.get("/api/rooms/math")).json() == {
        "id": "math",
        "title": "Algebra",
        "open": True,
        "exists": True,
    }
    assert (await (await talk.get("/api/rooms/none")).json())["exists"] is False


async def test_a_minted_token_enters_the_room_it_is_for(talk: Talk, settings: Settings) -> None:
    await talk.room()
    body = {"name": "Asha", "role": "instructor", "sub": "teacher", "ttl": 60}
    answer = await talk.post_with_key("/api/rooms/math/tokens", body)
    assert answer.status == 201
    made = await answer.json()
    assert made["url"] == f"{settings.base_url}/r/math#token={made['token']}"
    member = (await talk.classroom.auth.verify(made["token"], "math")).member
    assert member == Member("teacher", "Asha", Role.INSTRUCTOR)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Asha", "role": "system"},
        {"name": "Asha", "role": "student", "sub": "guest:0123456789abcdef"},
        {"name": "Asha", "role": "student", "sub": "system"},
        {"name": " \u200b", "role": "student"},
        {"name": "Asha", "role": "student", "ttl": 0},
        {"name": "Asha", "role": "student", "more": 1},
        {"role": "student"},
        [],
        "nonsense",
    ],
)
async def test_a_token_that_must_not_be_is_not_minted(talk: Talk, body: Any) -> None:
    await talk.room()
    await refused(await talk.post_with_key("/api/rooms/math/tokens", body), 400, "bad_request")


async def test_what_needs_the_key_is_refused_without_it(talk: Talk) -> None:
    await talk.room()
    for method, path in (("GET", "/api/rooms"), ("POST", "/api/rooms"), ("POST", "/api/rooms/math/tokens")):
        await refused(await talk.client.request(method, path), 401, "key_missing")
        await refused(await talk.client.request(method, path, headers={"X-API-Key": "x"}), 401, "key_invalid")
        teacher = talk.as_member(TEACHER)
        await refused(await talk.client.request(method, path, headers=teacher), 401, "key_missing")


STAFF_PATHS = ("/api/rooms/math/people", "/api/rooms/math/polls/1/votes", "/api/rooms/math/export")
MEMBER_PATHS = ("/api/rooms/math/state", "/api/rooms/math/history")


async def test_every_member_may_read_and_only_staff_may_see_records(talk: Talk) -> None:
    await talk.room()
    for path in MEMBER_PATHS:
        assert (await talk.get(path, RAVI)).status == 200
        assert (await talk.get_with_key(path)).status == 200
    for path in STAFF_PATHS:
        await refused(await talk.get(path, RAVI), 403, "forbidden")
        assert (await talk.get(path, TEACHER)).status in (200, 404)
        assert (await talk.get_with_key(path)).status in (200, 404)


@pytest.mark.parametrize("path", STAFF_PATHS + MEMBER_PATHS)
async def test_forged_and_wrong_credentials_are_refused_with_their_codes(talk: Talk, path: str) -> None:
    await talk.room()
    token = talk.as_member(TEACHER)["Authorization"]
    forged = jwt.encode({"sub": "x", "role": "instructor"}, "another secret that is long enough", "HS256")
    expired = talk.classroom.auth.mint("math", "Asha", "instructor", ttl=-60)
    for header, status, code in (
        (None, 401, "token_missing"),
        ("Basic YTpi", 401, "token_missing"),
        ("Bearer", 401, "token_missing"),
        (token[:-1], 401, "token_invalid"),
        (f"Bearer {forged}", 401, "token_invalid"),
        (f"Bearer {expired}", 401, "token_expired"),
        (f"Bearer {KEY}", 401, "token_invalid"),
        (talk.as_member(TEACHER, "physics")["Authorization"], 403, "token_wrong_room"),
    ):
        headers = {"Authorization": header} if header else {}
        response = await talk.client.get(path, headers=headers)
        await refused(response, status, code)
        assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def test_the_role_in_force_counts_and_not_the_tokens(talk: Talk) -> None:
    await talk.room()
    guest = talk.classroom.auth.guest("math", "Ravi", "device")
    await talk.attend(guest)
    await talk.do(TEACHER, lambda cid: roster.Appoint(cid=cid, member=guest.id, role=Role.ASSISTANT))
    assert (await talk.get("/api/rooms/math/people", guest)).status == 200
    held = talk.as_member(Member(guest.id, "Ravi", Role.STUDENT))
    await talk.do(TEACHER, lambda cid: roster.Appoint(cid=cid, member=guest.id, role=Role.STUDENT))
    await refused(await talk.client.get("/api/rooms/math/people", headers=held), 403, "forbidden")
    await talk.do(TEACHER, lambda cid: roster.Ban(cid=cid, member=guest.id))
    await refused(await talk.client.get("/api/rooms/math/state", headers=held), 403, "banned")


async def test_the_state_is_what_the_caller_may_see(talk: Talk) -> None:
    await talk.room()
    await talk.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
    await talk.do(RAVI, lambda cid: doubts.Ask(cid=cid, text="Why is the pending one secret?"))
    seen = await (await talk.get("/api/rooms/math/state", MINA)).json()
    assert seen["doubts"]["doubts"] == []
    for staff in (await talk.get("/api/rooms/math/state", TEACHER), await talk.get_with_key("/api/rooms/math/state")):
        assert [doubt["by"] for doubt in (await staff.json())["doubts"]["doubts"]] == ["ravi"]


async def test_history_shows_the_past_as_it_stands_today(talk: Talk) -> None:
    await talk.room()
    await talk.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
    ids = [await talk.do(TEACHER, lambda cid, i=i: chat.Say(cid=cid, text=f"message {i}")) for i in range(7)]
    await talk.do(TEACHER, lambda cid: chat.Delete(cid=cid, id=ids[1]))
    await talk.do(TEACHER, lambda cid: chat.Edit(cid=cid, id=ids[2], text="changed"))
    await talk.do(RAVI, lambda cid: chat.React(cid=cid, id=ids[2], emoji="👍"))
    page = await (await talk.get("/api/rooms/math/history?limit=4", RAVI)).json()
    assert [message["text"] for message in page["messages"]] == [f"message {i}" for i in (3, 4, 5, 6)]
    page = await (await talk.get(f"/api/rooms/math/history?limit=2&before={page['before']}", RAVI)).json()
    assert [(message["id"], message["text"]) for message in page["messages"]] == [(ids[2], "changed")]
    assert page["messages"][0]["reactions"] == {"👍": 1}
    assert page["messages"][0]["edited_at"] > 0
    page = await (await talk.get(f"/api/rooms/math/history?limit=2&before={page['before']}", RAVI)).json()
    assert ([message["text"] for message in page["messages"]], page["before"]) == (["message 0"], None)


async def test_a_page_of_history_longer_than_a_view_is_whole(talk: Talk) -> None:
    await talk.room()
    await talk.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
    for i in range(chat.RECENT + 20):
        await talk.do(TEACHER, lambda cid, i=i: chat.Say(cid=cid, text=f"message {i}"))
    page = await (await talk.get("/api/rooms/math/history?limit=200", RAVI)).json()
    assert [message["text"] for message in page["messages"]] == [f"message {i}" for i in range(chat.RECENT + 20)]


async def test_a_record_is_streamed_as_a_file(talk: Talk) -> None:
    await talk.room()
    await talk.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
    for format, kind in (("jsonl", "application/x-ndjson"), ("csv", "text/csv")):
        response = await talk.get(f"/api/rooms/math/export?format={format}", TEACHER)
        assert response.content_type == kind
        assert response.headers["Content-Disposition"] == f'attachment; filename="math.{format}"'
        assert response.headers["Cache-Control"] == "no-store"
        assert "class.started" in await response.text()


async def test_a_record_that_breaks_off_is_seen_to_be_broken(talk: Talk) -> None:
    await talk.room()
    said = chat.Said(by="ravi", name="Ravi", role=Role.STUDENT, text="x" * 2_000)
    await talk.classroom.journal.append("math", 0, [Stored(Meta(i, i, "ravi"), said) for i in range(1, 15_001)])
    response = await talk.get_with_key("/api/rooms/math/export")
    assert response.status == 200
    await response.content.readany()
    await talk.classroom.journal.close()
    with pytest.raises(ClientPayloadError):
        await response.read()


async def test_people_are_searched_and_listed_by_page(talk: Talk) -> None:
    await talk.room()
    await talk.attend(
        *(Member(f"s{i}", f"Student {i}", Role.STUDENT) for i in range(5)), Member("m", "मीना", Role.STUDENT)
    )
    found = await (await talk.get("/api/rooms/math/people", TEACHER, params={"q": "मी"})).json()
    assert ([person["id"] for person in found["people"]], found["total"]) == (["m"], 1)
    seen: list[str] = []
    after = ""
    while after is not None:
        page = await (await talk.get("/api/rooms/math/people", TEACHER, params={"limit": 4, "after": after})).json()
        seen += [person["id"] for person in page["people"]]
        after = page["next"]
    assert sorted(seen) == ["m", "s0", "s1", "s2", "s3", "s4"]


async def test_votes_of_named_polls_are_shown_and_of_secret_ones_are_not(talk: Talk) -> None:
    await talk.room()
    await talk.attend(RAVI)
    await talk.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
    ids = {}
    for secret in (True, False):
        spec = polls.Spec(question="Two?", kind=polls.PollKind.SINGLE, options=("yes", "no"), secret=secret)
        ids[secret] = await talk.do(TEACHER, lambda cid, spec=spec: polls.Prepare(cid=cid, spec=spec))
        await talk.do(TEACHER, lambda cid, id=ids[secret]: polls.Open(cid=cid, id=id))
        await talk.do(RAVI, lambda cid, id=ids[secret]: polls.Vote(cid=cid, id=id, choice=(1,)))
    shown = await (await talk.get(f"/api/rooms/math/polls/{ids[False]}/votes", TEACHER)).json()
    assert [(vote["person"]["id"], vote["choice"]) for vote in shown["votes"]] == [("ravi", [1])]
    await refused(await talk.get(f"/api/rooms/math/polls/{ids[True]}/votes", TEACHER), 403, "forbidden")
    await refused(await talk.get("/api/rooms/math/polls/9999/votes", TEACHER), 404, "not_found")


@pytest.mark.parametrize("poll", ["0", "-1", "x", "1.5", "9" * 17, "٣"])
async def test_a_poll_is_named_by_a_whole_number(talk: Talk, poll: str) -> None:
    await talk.room()
    await refused(await talk.get(f"/api/rooms/math/polls/{poll}/votes", TEACHER), 400, "bad_request")


async def test_rooms_that_are_not_there_are_not_found(talk: Talk) -> None:
    for path in ("state", "history", "people", "polls/1/votes", "export", "export?format=csv"):
        await refused(await talk.get_with_key(f"/api/rooms/none/{path}"), 404, "room_not_found")
        headers = talk.as_member(TEACHER, "none")
        await refused(await talk.client.get(f"/api/rooms/none/{path}", headers=headers), 404, "room_not_found")
    body = {"name": "Asha", "role": "student"}
    await refused(await talk.post_with_key("/api/rooms/none/tokens", body), 404, "room_not_found")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=", "limit=1&limit=2", "before=0", "before=-1", f"before={1 << 53}"],
)
async def test_a_wrong_query_is_refused(talk: Talk, query: str) -> None:
    await talk.room()
    await refused(await talk.get(f"/api/rooms/math/history?{query}", RAVI), 400, "bad_request")


async def test_bodies_must_be_small_json(talk: Talk) -> None:
    key = {"X-API-Key": KEY}
    await refused(await talk.client.post("/api/rooms", data=b"{}", headers=key), 415, "unsupported_media_type")
    key["Content-Type"] = "application/json"
    for body in (b"", b"{", b"[" * 5_000, b'"\xff"', b'{"id": "\xed\xa0\x80"}'):
        await refused(await talk.client.post("/api/rooms", data=body, headers=key), 400, "bad_request")
    await refused(await talk.client.post("/api/rooms", data=b" " * 70_000, headers=key), 413, "too_large")


async def test_unknown_addresses_and_methods_are_refused_in_json(talk: Talk) -> None:
    for path in ("/api/", "/api/nothing", "/api/rooms/", "/api/rooms/a/b/c"):
        await refused(await talk.get(path), 404, "not_found")
    response = await talk.client.delete("/api/rooms/math")
    await refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET"
    for room in ("-math", "a b", "x" * 65, "ä", "%00"):
        await refused(await talk.get(f"/api/rooms/{room}"), 400, "bad_room")


async def test_answers_are_neither_cached_nor_guessed_at(talk: Talk) -> None:
    for path in ("/api/rooms/none", "/api/nothing", "/api/openapi.json"):
        response = await talk.get(path)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content_type == "application/json"
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_journal_that_is_gone_is_a_temporary_refusal(talk: Talk) -> None:
    await talk.room()
    await talk.classroom.journal.close()
    for response in (await talk.get_with_key("/api/rooms"), await talk.get("/api/rooms/math")):
        problem = await refused(response, 503, "unavailable")
        assert problem["temporary"] is True
        assert int(response.headers["Retry-After"]) >= 1
    await refused(await talk.get("/readyz"), 503, "unavailable")
    assert (await talk.get("/healthz")).status == 200


async def test_an_operator_sees_that_it_lives_is_ready_and_what_it_does(talk: Talk) -> None:
    assert await (await talk.get("/healthz")).json() == {"status": "alive"}
    assert await (await talk.get("/readyz")).json() == {"status": "ready"}
    await talk.get("/api/rooms/none")
    response = await talk.get("/metrics")
    assert response.content_type == "text/plain"
    text = await response.text()
    assert 'classroom_http_requests_total{operation="getLobby",status="200"} 1.0' in text
    assert "process_resident_memory_bytes" in text
