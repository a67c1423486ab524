"""A server with a fault, for the load test to find: `python -m tests.loadtest.forgetful serve …`. Students are never sent
a third of what is said in a room; that the class begins and ends they are, since load waits for that."""

from __future__ import annotations

import sys
from typing import Any

from classroom.__main__ import main
from classroom.chat.model import Said
from classroom.kernel import STAFF, Stored
from classroom.rooms import groups, missed, own

EVERY = 3
_item: Any = groups.item
_shown: Any = groups.Flush.item


def forgotten(stored: Stored, audience: Any) -> bool:
    return isinstance(stored.event, Said) and stored.meta.seq % EVERY == 0 and audience != STAFF


def item(codec: Any, stored: Stored, audience: Any) -> bytes | None:
    """The event as it should be sent, or nothing."""
    return None if forgotten(stored, audience) else _item(codec, stored, audience)


def shown(self: groups.Flush, kind: groups.Kind, stored: Stored) -> bytes | None:
    """The same of what a whole group is sent."""
    return None if forgotten(stored, kind.audience) else _shown(self, kind, stored)


if __name__ == "__main__":
    own.item = missed.item = item
    groups.Flush.item = shown
    sys.exit(main())
