"""Who is connected, as python-socketio keeps it, without what it keeps for rooms: ours are not its.

What always holds: a coming or a going costs the same however many are there. python-socketio's own manager makes a room of
every member's, which takes 0.7 KiB each, and looks through all of them whenever somebody goes: ten thousand who lost
their connection at once would keep a worker of seventeen thousand busy for minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import socketio


class Manager(socketio.AsyncManager):  # type: ignore[misc]
    """Knows sids alone. There are no rooms to enter: `ValueError`."""

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        if room is None:
            super().basic_enter_room(sid, namespace, None, eio_sid)
        elif room != sid:
            raise ValueError("rooms of Socket.IO are not used here")

    def get_participants(self, namespace: str, room: str | None) -> Iterator[Any]:
        """Everybody, or the one whose sid is given."""
        if room is None or isinstance(room, list):
            yield from super().get_participants(namespace, room)
        elif (eio_sid := self.eio_sid_from_sid(room, namespace)) is not None:
            yield room, eio_sid
