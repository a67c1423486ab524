"""A server with a fault, for the load test to find: `python -m tests.loadtest.forgetful serve …`. Students are never shown
a third of what is said in a room; that the class begins and ends they are, since load waits for that."""

from __future__ import annotations

import sys
import zlib

from classroom.__main__ import main
from classroom.chat.model import Said
from classroom.kernel import STAFF, Audience, Event
from classroom.rooms import room as rooms

EVERY = 3
_view = rooms.view


def view(event: Event, audience: Audience) -> Event | None:
    """What an audience is shown of an event, with the fault."""
    if isinstance(event, Said) and audience != STAFF and zlib.crc32(event.text.encode()) % EVERY == 0:
        return None
    return _view(event, audience)


if __name__ == "__main__":
    rooms.view = view
    sys.exit(main())
