"""What a worker process may see of the machine's files: none of the server's data but the one folder that it works in.

What always holds, where the kernel can do that (Linux 5.19 and newer, by Landlock, in containers too): nothing of the data is
read, whatever a file that somebody sent leads to and whatever reads it, nor any process's environment; nothing is written but in
the folder; and no connection is made by TCP (6.7 and newer). What is given up stays given up, for all that the process starts.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

OURS = tuple(Path(path).resolve() for path in (sys.prefix, sys.base_prefix, Path(__file__).parent.parent))
DEVICES = Path("/dev")  # `null`, `urandom`
PROCESSES = Path("/proc")
TEMPORARY = (
    Path("/tmp"),
    Path("/var/tmp"),
)  # LibreOffice makes a socket in one of them, and is of no use where it cannot

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE, READ, LIST = 1, 2, 4, 8
REMOVE, MAKE_SOCKET = 1 << 5, 1 << 9
TRUNCATE, IOCTL = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE | READ | TRUNCATE | IOCTL  # what a file can be opened for; all else is of folders
LEAST = 2  # version from which files can be moved between folders, as LibreOffice does
KNOWN = {2: 1 << 14, 3: 1 << 15, 4: 1 << 15}  # by version: all rights below this one
NEWEST = 1 << 16
TCP_FROM, TCP = 4, 0b11  # to listen and to connect


def keep_to(folder: Path) -> bool:
    """Let this process, and all that it starts, see no files of the server but those in `folder`, which is
    `DATA/incoming/…`. Whether the system can do that."""
    can = version()
    if can < LEAST:
        return False
    system = ctypes.CDLL(None, use_errno=True)
    every = KNOWN.get(can, NEWEST) - 1
    asked = struct.pack("=QQ", every, TCP) if can >= TCP_FROM else struct.pack("=Q", every)
    rules = system.syscall(CREATE_RULESET, asked, ctypes.c_size_t(len(asked)), 0)
    if rules < 0:
        return False
    try:
        folder = folder.resolve()
        for whole in (Path("/"), *OURS):
            for path in _outside(whole, folder.parent.parent):
                _allow(system, rules, path, EXECUTE | READ | LIST)
        _allow(system, rules, DEVICES, every & (READ | WRITE | LIST | TRUNCATE | IOCTL))
        for path in TEMPORARY:
            _allow(system, rules, path, REMOVE | MAKE_SOCKET)
        _allow(system, rules, folder, every)
        return bool(system.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def version() -> int:
    """Which version of Landlock the kernel has; less than 1: none."""
    return int(ctypes.CDLL(None, use_errno=True).syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION))


def _outside(path: Path, data: Path) -> Iterator[Path]:
    """What there is below `path` that is not, and does not lead to, the server's data."""
    if path == data or (path.parent == PROCESSES and path.name.isdigit()):
        return  # what is told of a process has its environment in it, where the secrets may be
    if path != PROCESSES and path not in data.parents:
        yield path
        return
    with suppress(OSError):  # nobody but its owner may look into it
        for each in path.iterdir():
            if not each.is_symlink():  # it is allowed where it leads to, or is not
                yield from _outside(each, data)


def _allow(system: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # not there, or not there any more
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= OF_FILES
        system.syscall(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)
