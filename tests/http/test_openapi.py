"""The document and the behaviour are one: schemathesis makes requests from it and holds every answer against it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck
from hypothesis import settings as given_settings
from schemathesis import AuthContext, AuthProvider, Case, HookContext

from classroom.app import build, drain
from classroom.auth import ROOM_PATTERN
from classroom.http.openapi import document
from classroom.http.table import TABLE
from classroom.kernel import Member
from classroom.polls import model as polls
from classroom.rooms.roster import model as roster
from classroom.whiteboard import model as board
from tests.http.conftest import KEY, RAVI, TEACHER, Talk, settings_in

schema = schemathesis.openapi.from_dict(json.loads(document()))
schema.config.generation.update(with_security_parameters=False)  # credentials come from `Program`


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


class Worker(threading.Thread):
    """A whole worker in a thread of its own, with one room in which something has happened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="worker", daemon=True)
        self._folder = folder
        self._ending: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self.started: Future[str] = Future()

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
        port = runner.addresses[0][1]
        self.started.set_result(f"http://127.0.0.1:{port}")
        await self._ending.wait()
        await drain(classroom)
        await runner.cleanup()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    thread = Worker(tmp_path_factory.mktemp("worker"))
    thread.start()
    yield thread.started.result(20)
    thread.stop()


@schema.parametrize()
@given_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case: Case, worker: str) -> None:
    case.call_and_validate(base_url=worker)


@pytest.mark.parametrize("operation", [row for row in TABLE if row.method == "GET"], ids=lambda row: row.id)
def test_every_operation_succeeds_as_the_document_says(operation: object, worker: str) -> None:
    found = schema[f"/api{operation.path}"]["GET"]  # type: ignore[attr-defined]
    poll, page = 3, 6
    parameters = {"room": "math", "poll": poll, "page": page, "seq": page}
    case = found.Case(path_parameters=parameters, query={}, headers={})
    response = case.call(base_url=worker, headers={"X-API-Key": KEY})
    assert response.status_code == 200, response.text
    case.validate_response(response)


def test_the_table_and_the_document_name_the_same_operations() -> None:
    described = json.loads(document())["paths"]
    assert {(method.upper(), path) for path, methods in described.items() for method in methods} == {
        (row.method, f"/api{row.path}") for row in TABLE
    }
