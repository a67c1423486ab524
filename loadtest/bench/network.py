"""A network namespace for a while: loopback, and one more interface for programs that use no loopback (Janus)."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
ADDRESS = "10.9.8.7"
COMMANDS = (
    "link set lo up",
    "link add bench0 type veth peer name bench1",
    f"address add {ADDRESS}/32 dev bench0",
    "link set bench0 up",
    "link set bench1 up",
)


@contextmanager
def own_network() -> Iterator[str]:
    """The caller's thread, and what it starts, is in a namespace of its own. Gives the other interface's address; empty where
    this user may not do so, and all stays as it is."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid():
        yield ""
        return
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(NEW_NETWORK):
            yield ""
            return
        try:
            for command in COMMANDS:
                subprocess.run(["ip", *command.split()], check=True)
            yield ADDRESS
        finally:
            libc.setns(before.fileno(), NEW_NETWORK)
