"""Two and five who draw at once, at random, for a minute in real browsers: whether all end with equal boards.

Each browser's replica, what its editor shows, the page as the server gives it to a newcomer, and the journal as
`classroom replay` folds it are compared element by element.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtest.bench.stage import UNLIMITED, Say
from loadtest.bench.table import Row
from tests.e2e import editors
from tests.e2e.people import browsing
from tests.running import Class, serving_alone

SECONDS = 60.0


def run(say: Say) -> Iterator[Row]:
    for count in (2, 5):
        did, elements, unequal = asyncio.run(_minute(count, say))
        yield Row(f"a minute of {count} editors: things done", did, "")
        yield Row("… and elements in the end", elements, "")
        yield Row("… and boards that differ", unequal, "", limit=0)


async def _minute(count: int, say: Say) -> tuple[float, float, float]:
    limits = {name.removeprefix("CLASSROOM_").lower(): value for name, value in UNLIMITED.items()}
    with (
        TemporaryDirectory() as folder,
        serving_alone(Path(folder) / "data", media_enabled=False, **limits) as running,
    ):
        server = Class(running)
        async with browsing() as people:
            drawers = await editors.gather(people, server, count)
            did = await editors.draw(drawers, SECONDS, seed=count)
            try:
                elements = await editors.agreed(drawers, server)
            except AssertionError as error:
                say(str(error))
                return did, 0.0, 1.0
            say(f"{count} editors: {did} things done; {count} browsers, the server and the journal have the same page")
            return did, float(len(elements)), 0.0
