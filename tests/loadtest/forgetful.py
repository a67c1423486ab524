"""A server with a fault, for the load test to find: `python -m tests.loadtest.forgetful serve …`. Students are never sent
a third of what is said in a room; that the class begins and ends they are, since load waits for that."""

from __future__ import annotations

import sys
from typing import Any

from classroom.__main__ import main
from classroom.chat.model import Said
from classroom.kernel import STAFF, Stored
from classroom.rooms import groups, hub, missed

EVERY = 3
_item: Any = groups.item


def forgetting(codec: Any, stored: Stored, audience: Any) -> bytes | None:
    """The event as it should be sent, or nothing."""
    if isinstance(stored.event, Said) and stored.meta.seq % EVERY == 0 and audience != STAFF:
        return None
    item: bytes | None = _item(codec, stored, audience)
    return item


if __name__ == "__main__":
    groups.item = hub.item = missed.item = forgetting
    sys.exit(main())
