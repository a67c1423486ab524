"""The client's files: what is served, how it may be kept, and what a page may do."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from classroom.http import static
from tests.http.conftest import settings_in

INLINE = "document.documentElement.dataset.scheme = 'dark'"
PAGE = f'<!doctype html><script>{INLINE}</script><script type="module" src="/assets/app-1a2b3c4d.js"></script>'
SCRIPT = b"console.log('class')" * 50


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    script = folder / "assets" / "app-1a2b3c4d.js"
    script.write_bytes(SCRIPT)
    script.with_name(script.name + ".gz").write_bytes(gzip.compress(SCRIPT))
    script.with_name(script.name + ".br").write_bytes(b"as if by brotli")
    (folder / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret").write_text("not for you")
    return folder


@pytest.fixture
async def client(build: Path, tmp_path: Path) -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    app.add_routes(static.routes(settings_in(tmp_path, SERVER_ALLOWED_ORIGINS="https://lms.example"), build))
    async with TestServer(app) as server, TestClient(server, auto_decompress=False) as client:
        yield client


async def test_every_rooms_address_gets_the_page(client: TestClient[Any, Any]) -> None:
    for path in ("/", "/r/math", "/r/demo"):
        response = await client.get(path)
        assert (response.status, response.content_type, await response.text()) == (200, "text/html", PAGE)
        assert response.headers["Cache-Control"] == "no-cache"


async def test_the_page_may_do_only_what_it_needs(client: TestClient[Any, Any]) -> None:
    headers = (await client.get("/r/math")).headers
    rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    digest = base64.b64encode(hashlib.sha256(INLINE.encode()).digest()).decode()
    assert rules["default-src"] == "'self'"
    assert rules["script-src"] == f"'self' 'sha256-{digest}'"
    assert rules["object-src"] == rules["base-uri"] == "'none'"
    assert rules["frame-ancestors"] == "'self' https://lms.example"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Permissions-Policy"] == "camera=(self), microphone=(self), display-capture=(self)"


def test_the_live_stream_may_come_from_its_cdn_and_from_nowhere_else() -> None:
    def rules(cdn: str) -> dict[str, str]:
        return dict(rule.split(" ", 1) for rule in static.policy(b"", (), cdn).split("; "))

    assert rules("")["connect-src"] == "'self' ws: wss:"
    assert rules("https://cdn.example.org/class/")["connect-src"] == "'self' ws: wss: https://cdn.example.org"
    assert rules("https://cdn.example.org/class/")["media-src"] == "'self' blob: https://cdn.example.org"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0.0, *", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("", None),
    ],
)
async def test_a_file_is_sent_as_the_build_compressed_it(
    client: TestClient[Any, Any], accepted: str, encoding: str | None
) -> None:
    response = await client.get("/assets/app-1a2b3c4d.js", headers={"Accept-Encoding": accepted})
    bodies = {"br": b"as if by brotli", "gzip": gzip.compress(SCRIPT), None: SCRIPT}
    assert response.headers.get("Content-Encoding") == encoding
    body = await response.read()
    assert body == bodies[encoding] or gzip.decompress(body) == SCRIPT
    assert response.content_type == "text/javascript"
    assert response.headers["Vary"] == "Accept-Encoding"


async def test_what_has_a_hash_in_its_name_may_be_kept_for_ever_and_nothing_else(client: TestClient[Any, Any]) -> None:
    response = await client.get("/assets/app-1a2b3c4d.js")
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/icon.svg")).headers["Cache-Control"] == "no-cache"


async def test_a_page_that_has_not_changed_is_not_sent_again(client: TestClient[Any, Any]) -> None:
    tag = (await client.get("/")).headers["ETag"]
    response = await client.get("/", headers={"If-None-Match": tag})
    assert (response.status, await response.read()) == (304, b"")
    assert (await client.get("/", headers={"If-None-Match": '"other"'})).status == 200


@pytest.mark.parametrize(
    "path",
    ["/secret", "/../secret", "/assets/../../secret", "/assets/%2e%2e/%2e%2e/secret", "/assets/", "/index.html.br"],
)
async def test_nothing_outside_the_build_is_served(client: TestClient[Any, Any], path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_a_server_without_the_client_says_how_to_build_it(tmp_path: Path) -> None:
    app = web.Application()
    app.add_routes(static.routes(settings_in(tmp_path), tmp_path / "nowhere"))
    async with TestServer(app) as server, TestClient(server) as client:
        response = await client.get("/r/math")
        assert response.status == 200
        assert "make client" in await response.text()
