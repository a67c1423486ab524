"""What a process sees of the machine once it is kept to a folder of the server's data."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from classroom.files import fence
from classroom.files.opening import places
from tests.http.conftest import settings_in
from tests.running import ROOT

pytestmark = pytest.mark.skipif(fence.version() < fence.LEAST, reason="this kernel has no Landlock")
LOOK = """
import json, socket, subprocess, sys
from pathlib import Path
from classroom.files.fence import keep_to

def tried(do):
    try:
        do()
        return "done"
    except OSError as error:
        return type(error).__name__

read, write, remove, port = json.load(sys.stdin)
folder, *data = map(Path, sys.argv[1:])
assert keep_to(folder, data)
told = {path: tried(lambda: open(path, "rb").read(1)) for path in read}
told |= {path: tried(lambda: open(path, "wb").write(b"x")) for path in write}
told |= {"rm " + path: tried(lambda: Path(path).unlink()) for path in remove}
told["again"] = subprocess.run(["/bin/cat", read[0]], capture_output=True).returncode
told["tcp"] = tried(lambda: socket.create_connection(("127.0.0.1", port)))
print(json.dumps(told))
"""


def test_of_the_data_nothing_is_seen_but_the_folder_and_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / "var"
    folder = data / "incoming" / "file-1"
    folder.mkdir(parents=True)
    other = data / "incoming" / "file-2"
    other.mkdir()
    hidden = [data / "secret", other / "source", Path(f"/proc/{os.getpid()}/environ")]
    for path in hidden[:2]:
        path.write_text("secret")
    (folder / "source").write_text("sent")
    (folder / "way").symlink_to(data / "secret")
    hidden += [folder / "way", folder / ".." / ".." / "secret"]
    seen = [folder / "source", Path(sys.executable), Path("/etc/passwd")]
    kept = [data / "secret", data / "new", other / "new", tmp_path / "new"]
    database, files = (
        tmp_path / "elsewhere" / "classroom.db",
        tmp_path / "elsewhere" / "files",
    )  # kept outside of the folder
    disk = tmp_path / "disk"  # that the folder leads to
    for each in (files, disk):
        each.mkdir(parents=True)
    (data / "recordings").symlink_to(disk)
    for path in (database, files / "image", disk / "recording"):
        path.write_text("secret")
        hidden.append(path)
    (tmp_path / "elsewhere" / "other").write_text("of the machine")
    seen.append(tmp_path / "elsewhere" / "other")
    removed = [str(data / "secret"), str(tmp_path / "elsewhere" / "other")]
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = json.dumps(
            [list(map(str, hidden + seen)), [*map(str, kept), str(folder / "made")], removed, server.getsockname()[1]]
        )
        told = json.loads(
            subprocess.run(
                [sys.executable, "-c", LOOK, *map(str, (folder, data, database, files))],
                input=asked,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                cwd=ROOT,
            ).stdout
        )
    assert {path: told[str(path)] for path in hidden + kept} == dict.fromkeys(hidden + kept, "PermissionError")
    assert {path: told[str(path)] for path in seen} == dict.fromkeys(seen, "done")
    assert {path: told[f"rm {path}"] for path in removed} == dict.fromkeys(removed, "PermissionError")
    assert told[str(folder / "made")] == "done"
    assert told["again"] != 0  # nor by what it starts
    assert told["tcp"] == ("PermissionError" if fence.version() >= fence.TCP_FROM else "done")
    assert (data / "secret").read_text() == "secret"


def test_what_cannot_be_asked_of_one_folder_keeps_nothing_from_being_seen_of_those_next_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcde":
        (tmp_path / name).mkdir()
    foreign = tmp_path / os.listdir(tmp_path)[0]  # another user's mount
    stat, lstat = os.stat, os.lstat

    def refused(of: Any) -> Any:
        def asked(path: Any, *args: Any, **options: Any) -> os.stat_result:
            if path == foreign:
                raise PermissionError(13, "Permission denied")
            result: os.stat_result = of(path, *args, **options)
            return result

        return asked

    monkeypatch.setattr(os, "stat", refused(stat))
    monkeypatch.setattr(os, "lstat", refused(lstat))
    data = next(path for path in tmp_path.iterdir() if path != foreign)
    seen = set(fence._outside(tmp_path, {data}, {*data.parents}))
    assert seen >= {tmp_path / name for name in "abcde"} - {data, foreign}


def test_all_places_of_data_are_hidden(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path / "var",
        STORAGE_FILES=str(tmp_path / "files"),
        STORAGE_DATABASE=f"sqlite:///{tmp_path}/db/class.db?timeout=5",
    )
    assert {tmp_path / "var", tmp_path / "files", tmp_path / "db" / "class.db", tmp_path / "db" / "class.db-wal"} <= {
        *places(settings)
    }
    settings = settings_in(tmp_path / "var", STORAGE_FILES="s3://bucket", STORAGE_DATABASE="postgresql://a@b/c")
    assert places(settings) == (settings.data,)
