"""Where files are kept: the port, and the names that files have there.

What always holds: a name is a room's id, a slash, and a name without one, both of few and harmless characters, so that no
name leads out of the store; whoever reads a name gets a whole file or none, whatever was being written meanwhile; what was
put is there after a crash.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple, Protocol

HASH_PATTERN = r"^[0-9a-f]{64}$"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[a-z0-9][a-z0-9.]{0,99}")


class StoreUnavailable(Exception):
    """The store cannot be read or written just now."""


class NotStored(Exception):
    """There is no file of that name."""


class Kept(NamedTuple):
    """A file that there is. `at`: when it was put, in milliseconds since 1970."""

    name: str
    size: int
    at: int


class Store(Protocol):
    """Keeps files by name. All methods raise `StoreUnavailable`, and `ValueError` for what is no name."""

    async def put(self, name: str, content: bytes | Path) -> None:
        """Keep a file; one of that name is replaced. A `Path` is read, and stays where it is."""

    async def get(self, name: str) -> bytes:
        """A file's content, for files that are known to be small. Raises `NotStored`."""

    async def fetch(self, name: str, target: Path) -> None:
        """Copy a file's content to `target`. Raises `NotStored`."""

    async def list(self, room: str) -> list[Kept]:
        """All files of a room, by name."""

    async def delete(self, name: str) -> None:
        """Forget a file, if it is there."""

    async def close(self) -> None:
        """Let go of connections."""


def checked(name: str) -> str:
    """The name, if it is one. Raises `ValueError`."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a file")
    return name


def image_name(room: str, file: str) -> str:
    return f"{room}/{file}"


def page_name(room: str, file: str, page: int) -> str:
    """The image of a page (from 1) of a PDF."""
    return f"{room}/{file}.{page}"
