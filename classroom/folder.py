"""A data folder is one server's at a time.

What always holds: two servers that cannot know of each other never serve from one folder, where they would take the private
Redis's socket and each other's rooms away; a server that has ended in whatever way keeps nobody out. Servers that talk over a
Redis of the operator's know of each other, and may share one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "serving"  # the file that is locked; in it is who has it


class Taken(Exception):
    """Another server has the folder."""


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold the folder, which is made if it is not there. Raises `Taken`, saying by whom."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)  # what a class said is nobody else's on this machine
        file = (data / NAME).open("a+")
    except OSError:  # nothing can be written there: whoever needs to says so
        yield
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read(20).strip()
            raise Taken(
                f"another classroom{f' (process {who})' if who else ''} is serving from the folder {str(data)!r}; "
                "stop it, or give this one a folder of its own with --data (make serve DATA=…)"
            ) from None
        except OSError:  # a file system that knows no locks
            pass
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
