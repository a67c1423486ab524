"""A process of its own for one file that somebody sent: `python -P -m classroom.files.worker`, a task on standard input.

What always holds: before anything of the file is looked at, the process has bounded its own memory, computing time and files,
has nothing of the server's environment, sees nothing of its data (where the system can do that), and ends when the server does;
whatever becomes of it, the server only reads lines.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from classroom.files.fence import keep_to
from classroom.files.tasks import (
    AnyTask,
    CheckArchive,
    Convert,
    Found,
    Press,
    ReadImage,
    ReadPages,
    ReadScene,
    Refused,
    Report,
    Task,
    Wrote,
)
from classroom.kernel import Rejected, unreachable

FILE_BYTES = 1 << 30  # of one file that is written
DESCRIPTORS = 1_024
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


def main() -> None:
    """Do the one task, and say so line by line."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=AnyTask)
    confine(task)
    try:
        for report in carry_out(task):
            _say(report)
    except Rejected as refused:
        _say(Refused(refused.code, refused.message))
    except MemoryError:
        _say(Refused("too_large", "This file takes too much memory to read."))


def confine(task: Task) -> None:
    """Take away from this process what it does not need."""
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != task.parent:
        sys.exit(1)
    # No network, where the system lets us: as root at once, otherwise as a user who is alone in a world of its own.
    if system.unshare(CLONE_NEWNET) != 0:
        system.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    keep_to(Path(task.folder), map(Path, task.hidden), office=isinstance(task, Convert))
    for what, bound in (
        (resource.RLIMIT_AS, task.memory),
        (resource.RLIMIT_CPU, task.cpu),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (most, most))


def carry_out(task: AnyTask) -> Iterator[Report]:
    """What a task reports. Loads only what it needs. Raises `Rejected`."""
    folder = Path(task.folder)
    match task:
        case ReadImage():
            from classroom.files.images import read_image

            width, height = read_image(Path(task.source), folder / "image", task.pixels, task.side)
            yield Wrote("image", width, height)
        case ReadPages():
            from classroom.files.documents import read_pages

            yield from read_pages(Path(task.source), folder, task.pages, task.side)
        case CheckArchive():
            from classroom.files.archives import check_archive

            yield Found(check_archive(Path(task.source), task.unpacked))
        case Convert():
            from classroom.files.office import convert

            yield Wrote(str(convert(task.program, Path(task.source), folder).relative_to(folder)))
        case ReadScene():
            from classroom.files.scenes import read_scene

            yield from read_scene(Path(task.source), folder, task.pixels, task.side, task.image_bytes)
        case Press():
            from classroom.files.press import press

            yield Wrote(press(Path(task.source), folder, task.format, task.title, task.side).name)
        case _:
            unreachable(task)


def _say(report: Report) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
