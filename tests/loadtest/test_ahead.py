"""What keeps a run from going well is said in a line before anything is started: exit code 2, and no report of another run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loadtest.commandline import parser
from loadtest.server import Server
from tests.loadtest.front import certificate, front
from tests.running import ROOT


def run(*words: str) -> str:
    """The one line that a run says which cannot be."""
    environment = {name: value for name, value in os.environ.items() if name != "CLASSROOM_AUTH_API_KEY"}
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.run", *words],
        cwd=ROOT, capture_output=True, timeout=60, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"), 1)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--users -5", "argument --users: '-5' is not a number from 0 on"),
        ("--rooms -1", "argument --rooms: '-1' is not a number from 0 on"),
        ("--users many", "argument --users: 'many' is not a number from 0 on"),
        ("--duration -1", "argument --duration: '-1' is not a number of seconds from 0 on"),
        ("--ramp nan", "argument --ramp: 'nan' is not a number of seconds from 0 on"),
        ("--pace 0", "argument --pace: '0' is not a number above 0"),
        ("--master-port 70000", "argument --master-port: '70000' is not a port"),
        ("--join :5557", "argument --join: ':5557' is not HOST or HOST:PORT"),
        ("--join there:odd", "argument --join: 'odd' is not a port"),
        ("--scenario nap", "argument --scenario: invalid choice: 'nap'"),
    ],
)
def test_words_that_make_no_sense_are_refused_with_the_reason(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parser(None).parse_args(words.split())
    assert ended.value.code == 2
    found = capsys.readouterr().err
    assert found.startswith(said)
    assert found.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--users -5", "argument --users: '-5' is not a number from 0 on"),
        ("--host ftp://class.example.org", "'ftp://class.example.org' is no address such as https://class.example.org"),
        ("--host http://class.example.org:odd", "is no address"),
        ("--host http://nobody.invalid", "http://nobody.invalid: no such host is known"),
        ("--against nowhere.json", "--against nowhere.json cannot be read: No such file"),
        ("--against pyproject.toml", "--against pyproject.toml is no figures.json"),
        ("--folder /proc/x", "Nothing can be written into --folder /proc/x"),
    ],
)
def test_what_cannot_be_had_is_told_of(words: str, said: str) -> None:
    assert said in run(*words.split())


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "/nonexistent" in run("--python", "/nonexistent", "--folder", str(tmp_path))


def test_a_host_where_nothing_listens_is_told_of() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        assert f"{url}: nothing answers there" in run("--host", url)


def test_a_key_that_is_missing_or_wrong_is_told_of(server: Server) -> None:
    assert "it asks for its API key (--api-key or CLASSROOM_AUTH_API_KEY)" in run("--host", server.url)
    assert "this is not its API key" in run("--host", server.url, "--api-key", "wrong")
    assert "this is not its API key" in run("--host", server.url, "--api-key", "schlüssel☃")


class Other(ThreadingHTTPServer):
    """A server that is no classroom. `rooms`: it pretends to be one until it is asked to make a room."""

    def __init__(self, rooms: bool) -> None:
        asked: list[str] = []

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                if not rooms:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"rooms": []}')

            def do_POST(self) -> None:
                self.send_error(507, "No room")

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = asked
        self.url = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def other(rooms: bool) -> Iterator[Other]:
    made = Other(rooms)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


def test_a_server_that_is_no_classroom_is_told_of_by_one_question() -> None:
    with other(rooms=False) as server:
        assert "answers, but not as a classroom does" in run("--host", server.url)
        assert len(server.asked) == 1


def test_rooms_that_cannot_be_made_end_the_run_with_the_reason(tmp_path: Path) -> None:
    with other(rooms=True) as server:
        said = run("--host", server.url, "--users", "4", "--folder", str(tmp_path))
        assert said.startswith("The load did not start: the rooms could not be made: POST /api/rooms: 507")


def test_a_certificate_that_nobody_trusts_is_told_of(server: Server, tmp_path: Path) -> None:
    with front(server.port, certificate(tmp_path)) as port:
        said = run("--host", f"https://localhost:{port}", "--api-key", server.api_key)
        assert "its certificate is not trusted: self-signed certificate (SSL_CERT_FILE=" in said
    assert "it does not speak TLS as it should" in run("--host", server.url.replace("http:", "https:"))


def test_a_port_that_is_taken_is_told_of(server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = run("--master-port", str(port), "--host", server.url, "--api-key", server.api_key)
        assert said == f"--master-port {port} cannot be had: Address already in use\n"


def test_what_another_run_left_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    results = [tmp_path / name for name in ("load.json", "figures.json", "report.html")]
    for each in results:
        each.write_text('{"inside": 0, "complete": true, "figures": {}}')
    run("--python", "/nonexistent", "--folder", str(tmp_path))
    assert not any(each.exists() for each in results)
