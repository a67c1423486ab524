"""A server as it is run (uvloop, a process of its own): its workers work, and go when it goes, however it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.files import samples
from tests.running import AS_OPERATED, Subprocess, serving_alone


def ask(server: Subprocess, path: str, data: bytes | None = None) -> Any:
    headers = {"Authorization": f"Bearer {server.instructor_token}", "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(f"{server.url}/api/rooms/demo{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


def fetch(server: Subprocess, path: str) -> bytes:
    headers = {"Authorization": f"Bearer {server.instructor_token}"}
    request = urllib.request.Request(f"{server.url}/api/rooms/demo{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


def workers(server: Subprocess) -> list[psutil.Process]:
    assert server.process is not None
    children = psutil.Process(server.process.pid).children(recursive=True)
    return [each for each in children if each.is_running() and "classroom.files.worker" in _command(each)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def wait_until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_images_and_documents_are_read(tmp_path: Path) -> None:
    with serving_alone(tmp_path) as server:
        assert ask(server, "/files", samples.encoded("PNG"))["width"] == 40
        job = ask(server, "/imports", samples.pdf(3))
        wait_until(lambda: ask(server, f"/imports/{job['id']}")["state"] == "done")
        assert len(ask(server, "/state")["board"]["pages"]) == 4
        wait_until(lambda: not workers(server))


@pytest.mark.parametrize("more", [{}, {"storage_files": "kept"}])
def test_folders_may_be_named_from_where_the_server_is_started(tmp_path: Path, more: dict[str, Any]) -> None:
    settings = {"storage_data": "var", "media_enabled": False, **more}
    with serving_alone(tmp_path, tmp_path, **settings) as server:
        assert ask(server, "/files", samples.encoded("PNG"))["width"] == 40
        assert fetch(server, "/board/export?format=svg")[:4] == b"<svg"
        for document in (samples.pdf(3), samples.presentation(1)):
            job = ask(server, "/imports", document)
            wait_until(lambda id=job["id"]: ask(server, f"/imports/{id}")["state"] == "done")
        command = [sys.executable, "-m", "classroom", "export", "demo", "--data", "var", "--format", "pdf"]
        made = subprocess.run(command, cwd=tmp_path, env=os.environ | AS_OPERATED, capture_output=True, check=False)
        assert (made.returncode, made.stdout[:5]) == (0, b"%PDF-"), made.stderr
    kept = tmp_path / more.get("storage_files", "var/files") / "demo"
    assert len(list(kept.iterdir())) > 1
    assert not list((tmp_path / "var" / "incoming").iterdir())


def test_an_import_that_has_begun_is_known_to_every_worker(tmp_path: Path) -> None:
    with serving_alone(tmp_path, cluster_workers=2, media_enabled=False, limits_upload_burst=100) as server:
        for _ in range(5):
            job = ask(server, "/imports", samples.pdf(1))
            for _ in range(4):  # whichever worker it is
                assert ask(server, f"/imports/{job['id']}")["id"] == job["id"]


def test_a_worker_has_nothing_of_the_server_s_secrets_and_no_network(tmp_path: Path) -> None:
    with serving_alone(tmp_path, auth_secret="hunter2" * 6) as server:
        ask(server, "/imports", samples.pdf(200))
        wait_until(lambda: workers(server))
        worker = workers(server)[0]
        # Python's own libraries are loaded first; then the process confines itself, and then it opens the document.
        wait_until(lambda: any(each.path.endswith("/source") for each in worker.open_files()))
        assert not any("hunter2" in value for value in worker.environ().values())
        assert server.process is not None
        own, others = (Path(f"/proc/{pid}/ns/net").readlink() for pid in (server.process.pid, worker.pid))
        assert own != others
        soft, hard = psutil.Process(worker.pid).rlimit(psutil.RLIMIT_AS)
        assert soft == hard == 1 << 30


def test_no_worker_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    with serving_alone(tmp_path) as server:
        ask(server, "/imports", samples.pdf(200))
        wait_until(lambda: workers(server))
        left = workers(server)
        server.kill()
        wait_until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in left))
        server.start()
        job = ask(server, "/imports", samples.pdf(2))
        wait_until(lambda: ask(server, f"/imports/{job['id']}")["state"] == "done")
