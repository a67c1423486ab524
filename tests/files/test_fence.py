"""What a process sees of the machine once it is kept to a folder of the server's data."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from classroom.files import fence
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

read, write, port = json.load(sys.stdin)
assert keep_to(Path(sys.argv[1]))
told = {path: tried(lambda: open(path, "rb").read(1)) for path in read}
told |= {path: tried(lambda: open(path, "wb").write(b"x")) for path in write}
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
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = json.dumps(
            [list(map(str, hidden + seen)), [*map(str, kept), str(folder / "made")], server.getsockname()[1]]
        )
        told = json.loads(
            subprocess.run(
                [sys.executable, "-c", LOOK, str(folder)],
                input=asked,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                cwd=ROOT,
            ).stdout
        )
    assert {path: told[str(path)] for path in hidden + kept} == dict.fromkeys(hidden + kept, "PermissionError")
    assert {path: told[str(path)] for path in seen} == dict.fromkeys(seen, "done")
    assert told[str(folder / "made")] == "done"
    assert told["again"] != 0  # nor by what it starts
    assert told["tcp"] == ("PermissionError" if fence.version() >= fence.TCP_FROM else "done")
    assert (data / "secret").read_text() == "secret"
