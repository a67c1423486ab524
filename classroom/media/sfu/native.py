"""The loop of `fanout.py` in C: built once on this machine by its C compiler, and then by nobody's asking.

What always holds: where it cannot be had, and for whatever reason, the loop in Python serves, and the log says so once. A library
is loaded only if nobody else could have written it: from beside this file (an image may bring it along), or out of a folder that
is this user's alone. Its name there is a digest of the source and of what it was made for, so that another version is built anew.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import socket
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal

import structlog

from classroom.media.sfu import aiortc_parts
from classroom.media.sfu.fanout import Fanout, Group, Python
from classroom.media.sfu.forward import Leg

SOURCE = Path(__file__).with_name("fanout.c")
BROUGHT = Path(__file__).with_name("fanout.so")
FLAGS = ("-O2", "-shared", "-fPIC")
SECONDS = 60.0  # that the compiler may take; it takes a tenth of one
VERSION = 1

_target = struct.Struct("@P28sI")  # `struct target` of fanout.c

log = structlog.get_logger(__name__)


class Unavailable(Exception):
    """There is no loop in C here; the words say why."""


class Native:
    """The loop in C. `library`: what was built of it. Raises `Unavailable`, `OSError`."""

    name = "c"

    def __init__(self, library: Path) -> None:
        loaded = ctypes.CDLL(str(library))
        if not hasattr(loaded, "fan_layout") or loaded.fan_layout() != VERSION << 16 | _target.size:
            raise Unavailable(f"{library} is of another version")
        self._send: Any = loaded.fan_send
        self._send.restype = ctypes.c_int
        self._send.argtypes = (
            *(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int),
            *(ctypes.c_char_p, ctypes.c_int),
        )

    def send(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        return self._all(aiortc_parts.PROTECT, sock, packet, group)

    def report(self, sock: socket.socket, packet: bytes, group: Group) -> int:
        return self._all(aiortc_parts.PROTECT_RTCP, sock, packet, group)

    def _all(self, protect: int, sock: socket.socket, packet: bytes, group: Group) -> int:
        packed = group.packed
        if not packed:
            packed = group.packed = b"".join([leg.target or _pack(leg) for leg in group.legs])
        dropped: int = self._send(
            sock.fileno(), protect, packet, len(packet), packed, len(packed) // _target.size
        )  # ctypes lets other threads run meanwhile
        return dropped


def target(leg: Leg, address: bytes) -> bytes:
    """A viewer as the loop in C is given one. `address`: a `sockaddr` of at most 28 bytes."""
    return _target.pack(leg.outbound.pointer, address, len(address))


def _pack(leg: Leg) -> bytes:
    host, port = leg.address[:2]
    if ":" in host:
        tail = bytes(4) + socket.inet_pton(socket.AF_INET6, host) + bytes(4)
        address = struct.pack("=H", socket.AF_INET6) + port.to_bytes(2, "big") + tail
    else:
        address = struct.pack("=H", socket.AF_INET) + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)
    leg.target = target(leg, address)
    return leg.target


def choose(wanted: Literal["auto", "python"], folder: Path) -> Fanout:
    """The loop that serves. `folder`: where the one in C is kept once it is built."""
    if wanted == "python":
        log.info("packets are sent by the loop in Python", reason="media.fanout says so")
        return Python()
    try:
        found = load(folder)
    except (Unavailable, OSError) as error:
        log.warning(
            "packets are sent by the loop in Python, which takes about twice the CPU of that in C", reason=str(error)
        )
        return Python()
    log.info("packets are sent by the loop in C")
    return found


def load(folder: Path) -> Native:
    """The loop in C, built where that has not been done. Raises `Unavailable`, `OSError`."""
    if platform.system() != "Linux":
        raise Unavailable(f"it is for Linux, and this is {platform.system()}")
    if BROUGHT.is_file():
        return Native(BROUGHT)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    source = SOURCE.read_bytes()
    made_for = (platform.machine(), *platform.libc_ver(), *FLAGS)
    library = folder / f"fanout-{hashlib.sha256(source + repr(made_for).encode()).hexdigest()[:16]}.so"
    _check_owner(folder)
    if not library.exists():
        _build(library)
    _check_owner(library)
    return Native(library)


def _check_owner(path: Path) -> None:
    found = path.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Unavailable(f"others than this user could have written {path}")


def _build(library: Path) -> None:
    """Have the C compiler make it. It takes its place in one step, since another process may do the same at this moment."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Unavailable("there is no C compiler (cc) here")
    descriptor, name = tempfile.mkstemp(dir=library.parent, suffix=".so")
    os.close(descriptor)
    try:
        command = [compiler, *FLAGS, "-o", name, str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["nothing"])[0]
            raise Unavailable(f"{compiler} ended with {done.returncode}; it said: {said[:200]}")
        Path(name).chmod(0o700)
        Path(name).replace(library)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{compiler} took more than {SECONDS:g} s") from error
    finally:
        Path(name).unlink(missing_ok=True)
