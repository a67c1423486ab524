"""The command `classroom`, run as a user runs it: in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from classroom.__main__ import main
from classroom.chat.model import Said
from classroom.folder import held
from classroom.journal.port import Snapshot
from classroom.journal.sql import open_journal
from classroom.kernel import Meta, Role, Stored
from classroom.rooms import room as rooms
from tests.services import free_ports

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(data: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLASSROOM_")}
    return kept | {"DATA": str(data), "PORT": "", "HOST": "", "PYTHONWARNINGS": "error"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "classroom", *arguments]
        return subprocess.run(
            command, env=environment(tmp_path) | more, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def fill(data: Path, snapshot: Callable[[rooms.Room], Snapshot] | None = None) -> str:
    """A room with three messages; the digest of its state. `snapshot` makes what is kept of the second one's."""

    async def write() -> str:
        journal = await open_journal(f"sqlite:///{data / 'classroom.db'}")
        await journal.create("math", "Algebra", 1, open=True)
        state = rooms.Room()
        for seq in (1, 2, 3):
            stored = Stored(Meta(seq, seq * 1_000, "ravi"), Said(by="ravi", name="Ravi", role=Role.STUDENT, text="hi"))
            await journal.append("math", seq - 1, [stored])
            rooms.apply(state, stored)
            if seq == 2 and snapshot is not None:
                await journal.keep_snapshot("math", snapshot(state))
        await journal.close()
        return rooms.digest(state)

    return asyncio.run(write())


@pytest.mark.parametrize(
    ("code", "words", "settings"),
    [
        (2, "files cannot be kept in /proc/zzz (storage.files): ", {"STORAGE_FILES": "/proc/zzz"}),
        (2, "files cannot be kept in s3://bucket (storage.files): ", {"STORAGE_FILES": "s3://bucket"}),
        (2, "the URL in cluster.redis cannot be used: ", {"CLUSTER_REDIS": "redis://:hunter2@127.0.0.1:1?colour=red"}),
        (2, "has 'colour'", {"STORAGE_DATABASE": "postgresql://u:hunter2@127.0.0.1:1/x?colour=red"}),
        (
            1,
            "the database does not answer: ",
            {"STORAGE_DATABASE": "postgresql://u:hunter2@127.0.0.1:1/x?sslmode=require"},
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence_at_the_start(
    run: Run, tmp_path: Path, code: int, words: str, settings: dict[str, str]
) -> None:
    # Nobody's credentials for Amazon: neither from files nor from the machine.
    amazon = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    more = {f"CLASSROOM_{name}": value for name, value in settings.items()} | amazon
    done = run("serve", "--port", "0", CLASSROOM_MEDIA_ENABLED="false", CLASSROOM_LOG_LEVEL="error", **more)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("classroom: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(("files", "connections"), [(100, 0), (500, 0), (900, 0), (100, 50)])
def test_where_few_files_may_be_open_it_is_said_and_nobody_is_let_come_in_vain(
    tmp_path: Path, files: int, connections: int
) -> None:
    variables = {"CLASSROOM_MEDIA_ENABLED": "false", "CLASSROOM_SERVER_MAX_CONNECTIONS": str(connections)}
    command = [sys.executable, "-m", "classroom", "serve", "--port", "0"]
    process = subprocess.Popen(
        command,
        env=environment(tmp_path) | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
    )
    with process:
        assert process.stdout is not None
        serves = process.stdout.readline().startswith("Instructor: ")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "LimitNOFILE" in errors
    assert "Traceback" not in errors
    if files <= 500 and not connections:
        assert (serves, process.returncode) == (False, 2)
        assert errors.startswith(f"classroom: this process may have {files} files open")
    else:
        assert (serves, process.returncode) == (True, 0)


def test_a_token_is_printed_alone_and_its_link_beside(run: Run, tmp_path: Path) -> None:
    done = run("token", "--room", "math", "--role", "instructor", "--name", "Asha", "--sub", "t1", "--ttl", "60")
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    claims = jwt.decode(token, (tmp_path / "secret").read_text().strip(), algorithms=["HS256"])
    assert {name: claims[name] for name in ("sub", "name", "room", "role")} == {
        "sub": "t1",
        "name": "Asha",
        "room": "math",
        "role": "instructor",
    }
    assert claims["exp"] - claims["iat"] == 60
    assert f"http://127.0.0.1:8000/r/math#token={token}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "COMMAND"),
        (("dance",), "dance"),
        (("token", "--room", "math", "--role", "student"), "--name"),
        (("token", "--room", "math", "--role", "system", "--name", "A"), "system"),
        (("token", "--room", "a/b", "--role", "student", "--name", "A"), "A room's id"),
        (("token", "--room", "math", "--role", "student", "--name", " "), "name is empty"),
        (("token", "--room", "math", "--role", "student", "--name", "A", "--sub", "guest:1"), "guest:"),
        (("token", "--room", "math", "--role", "student", "--name", "A", "--ttl", "0"), "whole number"),
        (("export", "math", "--format", "xml"), "pdf"),
        (("serve", "--port", "eight"), "server.port is 'eight' (from flag --port)"),
        (("serve", "--database", "mysql://x/y"), "storage.database (from flag --database)"),
        (("serve", "--config", "nowhere.toml"), "nowhere.toml cannot be read"),
    ],
)
def test_wrong_use_is_explained_and_exits_with_2(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATA", str(tmp_path))
    try:
        code: object = main(arguments)
    except SystemExit as exit:  # argparse's own way out
        code = exit.code
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert words in said.err


def test_a_wrong_variable_is_explained_and_exits_with_2(run: Run) -> None:
    done = run("serve", CLASSROOM_ROOMS_TICK_MS="0")
    assert done.returncode == 2
    assert done.stderr == (
        "classroom: rooms.tick_ms is '0' (from environment variable CLASSROOM_ROOMS_TICK_MS); "
        "it must be a whole number from 1 to 1000.\n"
    )


@pytest.mark.parametrize("command", ["export", "replay"])
def test_a_room_that_is_not_there_exits_with_1(run: Run, command: str) -> None:
    done = run(command, "physics")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no room 'physics'" in done.stderr


def test_a_room_is_exported_to_standard_output(run: Run, tmp_path: Path) -> None:
    fill(tmp_path)
    lines = run("export", "math").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    rows = run("export", "math", "--format", "csv").stdout.splitlines()
    assert len(rows) == 4


def test_a_room_s_board_is_exported_to_standard_output(run: Run, tmp_path: Path) -> None:
    fill(tmp_path)
    svg = run("export", "math", "--format", "svg")
    assert (svg.returncode, svg.stdout[:4]) == (0, "<svg"), svg.stderr
    scene = json.loads(run("export", "math", "--format", "excalidraw", "--page", "0").stdout)
    assert (scene["type"], scene["elements"]) == ("excalidraw", [])
    missing = run("export", "math", "--format", "pdf", "--page", "7")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "no such page" in missing.stderr


def test_replay_prints_the_state_and_its_digest(run: Run, tmp_path: Path) -> None:
    digest = fill(tmp_path)
    done = run("replay", "math")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["room"], shown["seq"], shown["digest"], shown["snapshot"]) == ("math", 3, digest, None)
    assert list(shown["state"]["chat"]["messages"]) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("make", "agrees"),
    [
        (lambda state: Snapshot(2, rooms.SNAPSHOT_VERSION, rooms.encode(state)), True),
        (lambda state: Snapshot(2, rooms.SNAPSHOT_VERSION, rooms.encode(rooms.Room(seq=2))), False),
        (lambda state: Snapshot(99, rooms.SNAPSHOT_VERSION, rooms.encode(state)), False),
        (lambda state: Snapshot(2, rooms.SNAPSHOT_VERSION - 1, b"older"), True),
    ],
)
def test_replay_exits_with_1_when_the_snapshot_disagrees(
    run: Run, tmp_path: Path, make: Callable[[rooms.Room], Snapshot], agrees: bool
) -> None:
    fill(tmp_path, make)
    done = run("replay", "math")
    assert done.returncode == (0 if agrees else 1)
    assert json.loads(done.stdout)["snapshot"]["agrees"] is agrees
    assert ("not what the log says" in done.stderr) is not agrees


def test_the_api_is_described(run: Run) -> None:
    document = json.loads(run("openapi").stdout)
    assert document["openapi"].startswith("3.1")
    assert "/api/rooms/{room}/history" in document["paths"]


def test_serve_prints_two_links_that_work_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "classroom", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        instructor, student = (process.stdout.readline().split()[-1] for _ in range(2))
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/r/demo", student)
        assert instructor.startswith(student + "#token=")
        secret = (tmp_path / "secret").read_text().strip()
        claims = jwt.decode(instructor.partition("=")[2], secret, algorithms=["HS256"])
        assert (claims["role"], claims["exp"] - claims["iat"]) == ("instructor", 24 * 3_600)
        base = student.removesuffix("/r/demo")
        with urllib.request.urlopen(base + "/readyz", timeout=10) as response:
            assert json.load(response) == {"status": "ready"}
        with urllib.request.urlopen(base + "/api/rooms/demo", timeout=10) as response:
            assert json.load(response)["open"] is True
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_flag_is_stronger_than_the_environment_for_every_process(tmp_path: Path, workers: str) -> None:
    (port,) = free_ports(1)
    flags = ["--host", "127.0.0.1", "--port", str(port), "--data", str(tmp_path / "flag"), "--workers", workers]
    others = {
        "CLASSROOM_SERVER_HOST": "127.0.0.9",
        "CLASSROOM_SERVER_PORT": "0",
        "CLASSROOM_STORAGE_DATA": str(tmp_path / "variable"),
        "CLASSROOM_STORAGE_DATABASE": "",
        "CLASSROOM_CLUSTER_WORKERS": "1",
    }
    command = [sys.executable, "-m", "classroom", "serve", *flags]
    with subprocess.Popen(command, env=environment(tmp_path) | others, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            token = process.stdout.readline().strip().partition("#token=")[2]
            request = urllib.request.Request(f"http://127.0.0.1:{port}/api/rooms/demo/state")
            request.add_header("Authorization", f"Bearer {token}")
            for _ in range(4):  # whichever worker it is
                with urllib.request.urlopen(request, timeout=10) as response:
                    assert response.status == 200
            deadline = time.monotonic() + 20
            while not (tmp_path / "flag" / "run" / "media.sock").exists():  # the media process's
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    assert not (tmp_path / "variable").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_where_nobody_comes_in_by_name_no_link_with_a_token_goes_into_the_log_of_a_service(
    tmp_path: Path, workers: str
) -> None:
    command = [sys.executable, "-m", "classroom", "serve", "--port", "0", "--workers", workers]
    variables = environment(tmp_path) | {"CLASSROOM_AUTH_OPEN_ROOMS": "false"}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        patience = threading.Timer(30, process.kill)  # then its output ends
        patience.start()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                process.send_signal(signal.SIGINT)
        patience.cancel()
    said = "".join(lines)
    assert re.search(r"^At http://\S+:\d+\nLinks are made by `classroom token`", said, re.MULTILINE)
    assert "token=" not in said


def test_a_folder_is_one_servers_at_a_time_and_whoever_has_died_keeps_nobody_out(run: Run, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        command = [sys.executable, "-m", "classroom", "serve", "--port", "0", "--workers", workers]
        with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as first:
            assert first.stdout is not None
            try:
                assert first.stdout.readline().startswith("Instructor: ")
                second = run("serve", "--port", "0")
                assert (second.returncode, second.stdout) == (1, "")
                assert f"(process {first.pid}) is serving from the folder" in second.stderr
                assert "--data" in second.stderr
                assert "Traceback" not in second.stderr
                assert first.poll() is None
            finally:
                first.send_signal(signal.SIGKILL if workers == "1" else signal.SIGINT)
                first.wait(20)


def test_a_folder_in_which_nothing_can_be_written_keeps_nobody_from_serving(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with held(tmp_path / "file"):
        pass


def test_servers_that_talk_over_one_redis_may_share_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("classroom.__main__._serve_alone", lambda settings, options: 0)
    with held(tmp_path):
        assert main(["serve", "--data", str(tmp_path), "--redis", "redis://127.0.0.1:1"]) == 0
        assert main(["serve", "--data", str(tmp_path)]) == 1
    assert f"(process {os.getpid()})" in capsys.readouterr().err
    assert main(["serve", "--data", str(tmp_path)]) == 0


def test_several_workers_without_any_redis_say_what_to_install_and_exit_with_2(run: Run, tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--workers", "2", PATH=str(tmp_path), CLASSROOM_CLUSTER_REDIS="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "classroom: Several workers talk over Redis: give --redis URL, or install it here (apt-get install redis-server).\n"
    )


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "::"])
def test_a_port_that_is_taken_exits_with_1_and_says_so(run: Run, workers: str, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--host", host, "--port", str(taken.getsockname()[1]), "--workers", workers)
    assert (done.returncode, done.stdout) == (1, "")
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("where", ["port", "metrics_port"])
def test_two_servers_of_several_workers_do_not_share_a_port(run: Run, tmp_path: Path, where: str) -> None:
    ports = free_ports(4)
    (port, taken), metrics = ports[:2], ports[2]
    more = {"CLASSROOM_CLUSTER_METRICS_PORT": str(metrics)}
    command = [sys.executable, "-m", "classroom", "serve", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--port", str(port), "--data", str(tmp_path / "first")],
        env=environment(tmp_path) | more,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        try:
            assert first.stdout.readline().startswith("Instructor: ")
            for host in ("127.0.0.1", "0.0.0.0", "::", "localhost") if where == "port" else ("127.0.0.1",):
                other = {} if where == "port" else more
                own = str(port if where == "port" else taken)
                second = run(
                    "serve",
                    "--workers",
                    "2",
                    "--host",
                    host,
                    "--port",
                    own,
                    "--data",
                    str(tmp_path / "second"),
                    **other,
                )
                assert (second.returncode, second.stdout) == (1, ""), host
                assert "address already in use" in second.stderr
                assert "Traceback" not in second.stderr
        finally:
            first.send_signal(signal.SIGINT)
            first.wait(20)


def test_a_name_that_nobody_knows_is_no_place_to_listen_at(run: Run) -> None:
    done = run("serve", "--host", "nowhere.invalid", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot listen at 'nowhere.invalid'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_two_colons_are_all_addresses_of_this_machine(tmp_path: Path, workers: str) -> None:
    command = [sys.executable, "-m", "classroom", "serve", "--host", "::", "--port", "0", "--workers", workers]
    with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            link = process.stdout.readline().split()[-1]
            port = urllib.parse.urlsplit(link).port
            for host in ("127.0.0.1", "[::1]"):
                with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=10) as response:
                    assert response.status == 200
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
