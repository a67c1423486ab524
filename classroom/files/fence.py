"""What a worker process may see of the machine's files: none of the server's data but the one folder that it works in.

What always holds, where the kernel can do that (Linux 5.19 and newer, by Landlock, in containers too): no file of the data is
read, whatever a file that somebody sent leads to and whatever reads it, nor any process's environment; nothing is written but in
the folder; and no connection is made by TCP (6.7 and newer). What is given up stays given up, for all that the process starts.

What Landlock does not keep from it: to connect to a socket in the data, by its path, where the user may. And while LibreOffice
runs, files below `/tmp` and `/var/tmp` can be removed, though not read: where the data is there, its own, too.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

OURS = tuple(Path(path).resolve() for path in (sys.prefix, sys.base_prefix, Path(__file__).parent.parent))
DEVICES = Path("/dev")  # `null`, `urandom`
PROCESSES = Path("/proc")
# LibreOffice makes a socket in one of them, and is of no use where it cannot.
TEMPORARY = (Path("/tmp"), Path("/var/tmp"))

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


def keep_to(folder: Path, data: Iterable[Path], *, office: bool = False) -> bool:
    """Let this process, and all that it starts, see nothing of `data` but `folder`, which may be in it. `office`: LibreOffice
    is to be run. Whether the system can do that."""
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
        hidden = frozenset(_led_to(data))
        above = frozenset(parent for each in hidden for parent in each.parents)
        for whole in (Path("/"), *OURS):
            for path in _outside(whole, hidden, above):
                _allow(system, rules, path, EXECUTE | READ | LIST)
        _allow(system, rules, DEVICES, every & (READ | WRITE | LIST | TRUNCATE | IOCTL))
        for path in TEMPORARY if office else ():
            _allow(system, rules, path, REMOVE | MAKE_SOCKET)
        _allow(system, rules, folder, every)
        return bool(system.syscall(RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def version() -> int:
    """Which version of Landlock the kernel has; less than 1: none."""
    return int(ctypes.CDLL(None, use_errno=True).syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION))


def _led_to(data: Iterable[Path]) -> Iterator[Path]:
    """Where the data is: `data`, and what it is lent of other disks."""
    for each in data:
        yield each.resolve()
        with suppress(OSError):  # not there, or a file
            yield from (Path(entry).resolve() for entry in os.scandir(each) if entry.is_symlink())


def _outside(path: Path, hidden: Container[Path], above: Container[Path]) -> Iterator[Path]:
    """What there is below `path` that is not, and does not lead to, what is `hidden`. `above`: the folders that it is in."""
    if path in hidden or (path.parent == PROCESSES and path.name.isdigit()):
        return  # what is told of a process has its environment in it, where the secrets may be
    if path != PROCESSES and path not in above:
        yield path
        return
    try:
        names = os.listdir(path)
    except OSError:
        return  # nobody but its owner may look into it
    for name in names:
        each = path / name
        # A link is allowed where it leads to, or is not. Of another user's mount even that cannot be asked, and it stops nothing.
        if not os.path.islink(each):
            yield from _outside(each, hidden, above)


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
