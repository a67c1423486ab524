"""Several who draw at once in real browsers: all of them, the server and the journal arrive at the same page."""

from __future__ import annotations

import pytest

from tests.e2e import editors
from tests.e2e.people import People
from tests.running import Class

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECONDS = 5.0  # a minute in `make bench BENCH=editors`


async def test_those_who_draw_at_once_end_with_equal_boards(people: People, server: Class) -> None:
    drawers = await editors.gather(people, server, 4)

    did = await editors.draw(drawers, SECONDS, seed=4)

    elements = await editors.agreed(drawers, server)
    assert did >= len(drawers)
    assert elements
