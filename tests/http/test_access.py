"""Who may ask from where: other origins, too many requests, callers behind proxies."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from classroom.address import address_of
from classroom.config import Settings
from tests.http.conftest import Talk, settings_in

OTHER = "https://school.example"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(
        tmp_path,
        SERVER_ALLOWED_ORIGINS=OTHER,
        SERVER_TRUSTED_PROXIES="127.0.0.1",
        LIMITS_REQUEST_RATE="0.01",
        LIMITS_REQUEST_BURST="3",
    )


async def test_an_allowed_origin_may_read_and_another_may_not(talk: Talk) -> None:
    for origin, allowed in ((OTHER, OTHER), ("https://evil.example", None)):
        for path in ("/api/rooms/none", "/api/rooms"):
            response = await talk.client.get(path, headers={"Origin": origin})
            assert response.headers.get("Access-Control-Allow-Origin") == allowed
            assert response.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_preflight_of_an_allowed_origin_is_answered(talk: Talk) -> None:
    headers = {"Origin": OTHER, "Access-Control-Request-Method": "POST"}
    response = await talk.client.options("/api/rooms", headers=headers)
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == OTHER
    assert "X-API-Key" in response.headers["Access-Control-Allow-Headers"]


async def test_too_many_requests_from_one_address_are_told_to_wait(talk: Talk) -> None:
    caller = {"X-Forwarded-For": "203.0.113.7"}
    statuses = [(await talk.client.get("/api/rooms/none", headers=caller)).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    response = await talk.client.get("/api/rooms/none", headers=caller)
    problem = await response.json()
    assert (problem["code"], problem["temporary"]) == ("too_fast", True)
    assert problem["until"] > talk.classroom.house.clock()
    assert 90 <= int(response.headers["Retry-After"]) <= 101
    assert (await talk.client.get("/api/rooms/none", headers={"X-Forwarded-For": "203.0.113.8"})).status == 200


async def test_loopback_is_not_limited(talk: Talk) -> None:
    for _ in range(20):
        assert (await talk.get("/api/rooms/none")).status == 200


@pytest.mark.parametrize(
    ("forwarded", "trusted", "caller"),
    [
        ([], ["127.0.0.0/8"], "127.0.0.1"),
        (["203.0.113.7"], [], "127.0.0.1"),
        (["203.0.113.7"], ["10.0.0.0/8"], "127.0.0.1"),
        (["203.0.113.7"], ["127.0.0.0/8"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7"], ["127.0.0.0/8"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.9"], ["127.0.0.0/8", "10.0.0.0/8"], "203.0.113.7"),
        (["203.0.113.7", "10.0.0.9"], ["127.0.0.0/8", "10.0.0.0/8"], "203.0.113.7"),
        (["203.0.113.7:4711"], ["127.0.0.1"], "203.0.113.7"),
        (["[2001:db8::1]:4711"], ["127.0.0.1"], "2001:db8::1"),
        (["2001:db8::1"], ["127.0.0.1"], "2001:db8::1"),
        (["nonsense"], ["127.0.0.1"], "127.0.0.1"),
        (["203.0.113.7, nonsense, 10.0.0.9"], ["127.0.0.1", "10.0.0.9"], "10.0.0.9"),
    ],
)
async def test_only_what_trusted_proxies_wrote_of_the_caller_is_believed(
    forwarded: list[str], trusted: list[str], caller: str
) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=address_of(request, trusted))

    app = web.Application()
    app.router.add_get("/", handle)
    async with TestServer(app) as server, TestClient(server) as client:
        headers = [("X-Forwarded-For", line) for line in forwarded]
        assert await (await client.get("/", headers=headers)).text() == caller
