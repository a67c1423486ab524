"""Stores that are really there: a folder, and a bucket of moto's server, spoken to over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from classroom.config import load
from classroom.files.opening import open_store
from classroom.files.port import Store
from tests.services import START_SECONDS, program

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class S3Server:
    """moto's server in a process of its own, ended with this one. `url`: where it listens."""

    def __init__(self, log: Path) -> None:
        self._log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [program("setpriv", "util-linux"), "--pdeathsig=KILL", "--", sys.executable, "-m", "moto.server"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=log,
                stderr=log,
                env=os.environ | CREDENTIALS,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/", timeout=1).close()
                return
            except OSError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def bucket(self) -> str:
        """A new, empty bucket: its name."""
        name = f"bucket-{uuid4().hex}"
        request = urllib.request.Request(
            f"{self.url}/{name}",
            method="PUT",
            headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"},
        )
        urllib.request.urlopen(request, timeout=5).close()
        return name


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3") / "log")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def s3_url(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket of the test's own, as the settings name it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.bucket()}/class?endpoint={s3_server.url}&region=us-east-1"


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, empty store, once of each kind."""
    where = "" if request.param == "folder" else request.getfixturevalue("s3_url")
    opened = await open_store(load(environment={"DATA": str(tmp_path / "data"), "CLASSROOM_STORAGE_FILES": where}))
    yield opened
    await opened.close()
