"""The document and the behaviour are one: schemathesis makes requests from it and holds every answer against it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import schemathesis
from aiohttp import ClientSession, web
from hypothesis import HealthCheck
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from schemathesis import AuthContext, AuthProvider, Case, HookContext

from classroom.app import build, drain
from classroom.auth import ROOM_PATTERN
from classroom.files.kinds import DOCUMENT_TYPES
from classroom.http.openapi import document
from classroom.http.table import TABLE
from classroom.kernel import Member
from classroom.polls import model as polls
from classroom.rooms.roster import model as roster
from classroom.whiteboard import model as board
from tests.files import samples
from tests.http.conftest import KEY, RAVI, TEACHER, Talk, settings_in

PAGE = 6  # the event that adds a page of the board, and a page of the document
EXCALIDRAW = "application/vnd.excalidraw+json"

schema = schemathesis.openapi.from_dict(json.loads(document()))
schema.config.generation.update(with_security_parameters=False)  # credentials come from `Program`

# Bodies that are files: real ones, since whatever else is made of the schema is rightly refused.
PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
DOCUMENTS = {kind: samples.pdf(2) for kind in DOCUMENT_TYPES} | {EXCALIDRAW: samples.excalidraw()}
for media, data in ({kind: samples.encoded(name) for kind, name in PICTURES.items()} | DOCUMENTS).items():
    schemathesis.openapi.media_type(media, st.sampled_from((data, data + b"\0")))


@schema.auth()
class Program(AuthProvider[str]):
    """Calls with the API key. Schemathesis leaves it out or spoils it too, and expects a refusal then."""

    def get(self, case: Case, context: AuthContext) -> str:
        return KEY

    def set(self, case: Case, data: str, context: AuthContext) -> None:
        case.headers["X-API-Key"] = data


@schema.hook
def map_path_parameters(context: HookContext, path_parameters: Any) -> Any:
    """Let half of the requests go to the room in which something has happened."""
    room = path_parameters.get("room") if isinstance(path_parameters, dict) else None
    if isinstance(room, str) and re.fullmatch(ROOM_PATTERN, room) and len(room) % 2:
        return path_parameters | {"room": "math"}
    return path_parameters


class Made(NamedTuple):
    """A served worker, and what can be asked for by name."""

    url: str
    image: str
    document: str
    job: str


class Worker(threading.Thread):
    """A whole worker in a thread of its own, with one room in which something has happened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="worker", daemon=True)
        self._folder = folder
        self._ending: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self.started: Future[Made] = Future()

    def run(self) -> None:
        asyncio.run(self._serve())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self.join(10)

    async def _serve(self) -> None:
        self._ending, self._loop = asyncio.Event(), asyncio.get_running_loop()
        classroom = await build(settings_in(self._folder))
        runner = web.AppRunner(classroom.app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        await classroom.journal.create("math", "Algebra", 0, open=True)
        talk = Talk(classroom, None)
        await talk.attend(RAVI, *(Member(f"s{i}", f"Student {i}", RAVI.role) for i in range(3)))
        await talk.do(TEACHER, lambda cid: roster.StartClass(cid=cid))
        spec = polls.Spec(question="Two?", kind=polls.PollKind.SINGLE, options=("yes", "no"), secret=False)
        poll = await talk.do(TEACHER, lambda cid: polls.Prepare(cid=cid, spec=spec))
        await talk.do(TEACHER, lambda cid: polls.Open(cid=cid, id=poll))
        await talk.do(RAVI, lambda cid: polls.Vote(cid=cid, id=poll, choice=(0,)))
        await talk.do(TEACHER, lambda cid: board.AddPage(cid=cid))
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        made = await self._bring(url)
        await talk.do(TEACHER, lambda cid: roster.EndClass(cid=cid))
        self.started.set_result(made)
        await self._ending.wait()
        await drain(classroom)
        await runner.cleanup()

    async def _bring(self, url: str) -> Made:
        """Send an image, and a document of as many pages as the number that stands for a page below."""
        async with ClientSession(url, headers={"X-API-Key": KEY}) as client:
            async with client.post("/api/rooms/math/files", data=samples.encoded("PNG")) as response:
                image = (await response.json())["file"]
            async with client.post("/api/rooms/math/imports", data=samples.pdf(PAGE)) as response:
                job = await response.json()
            while job["state"] not in ("done", "failed"):
                await asyncio.sleep(0.05)
                async with client.get(f"/api/rooms/math/imports/{job['id']}") as response:
                    job = await response.json()
            assert job["state"] == "done", job
        return Made(url, image, sha256(samples.pdf(PAGE)).hexdigest(), job["id"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    thread = Worker(tmp_path_factory.mktemp("worker"))
    thread.start()
    yield thread.started.result(40)
    thread.stop()


@pytest.fixture(scope="module")
def worker(made: Made) -> str:
    return made.url


@schema.parametrize()
@given_settings(max_examples=6, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case: Case, worker: str) -> None:
    case.call_and_validate(base_url=worker)


@pytest.mark.parametrize("operation", [row for row in TABLE if row.method == "GET"], ids=lambda row: row.id)
def test_every_operation_succeeds_as_the_document_says(operation: object, made: Made) -> None:
    found = schema[f"/api{operation.path}"]["GET"]  # type: ignore[attr-defined]
    poll = 3
    file = made.document if "{page}" in operation.path else made.image  # type: ignore[attr-defined]
    parameters = {"room": "math", "poll": poll, "page": PAGE, "seq": PAGE, "file": file, "import": made.job}
    case = found.Case(path_parameters=parameters, query={}, headers={})
    response = case.call(base_url=made.url, headers={"X-API-Key": KEY})
    assert response.status_code == 200, response.text
    case.validate_response(response)


def test_the_table_and_the_document_name_the_same_operations() -> None:
    described = json.loads(document())["paths"]
    assert {(method.upper(), path) for path, methods in described.items() for method in methods} == {
        (row.method, f"/api{row.path}") for row in TABLE
    }
