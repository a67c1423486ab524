"""A process that appends to a room without end, to be killed: `python -m tests.journal.writer URL ROOM BATCH`.

It prints the log's new head after each append that was acknowledged.
"""

from __future__ import annotations

import asyncio
import sys

from classroom.journal.port import Done
from classroom.journal.sql import open_journal
from tests.journal.logs import sayings


async def main(url: str, room: str, batch: int) -> None:
    journal = await open_journal(url)
    found = await journal.room(room)
    assert found is not None
    head = found.head
    while True:
        events = sayings(head, batch)
        await journal.append(
            room, head, events, [Done("asha", str(stored.meta.seq), stored.meta.seq) for stored in events]
        )
        head += batch
        print(head, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
