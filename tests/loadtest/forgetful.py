"""A server with a fault, for the load test to find: `python -m tests.loadtest.forgetful serve …`. Students are never shown
most of what is said in a room, so that of the little that is said in a short run something is hidden; that the class begins
and ends they are, since load waits for that."""

from __future__ import annotations

import sys
import zlib

from classroom.__main__ import main
from classroom.chat.model import Said
from classroom.kernel import STAFF, Audience, Event
from classroom.rooms import room as rooms

SHOWN = 3  # of so many texts one
_view = rooms.view


def view(event: Event, audience: Audience) -> Event | None:
    """What an audience is shown of an event, with the fault."""
    if isinstance(event, Said) and audience != STAFF and zlib.crc32(event.text.encode()) % SHOWN != 0:
        return None
    return _view(event, audience)


if __name__ == "__main__":
    rooms.view = view
    sys.exit(main())
