"""In which order several processes take the tests: each begins with some of what takes long, and the end is short for all.

What always holds: each has as many tests as any other (that is how pytest-xdist's `worksteal` shares out what was collected,
from the first to the last), a file that takes long stays whole, and one process alone takes everything as it was collected. A
file that is missing here, or whose time is wrong, costs time and nothing else.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# Seconds that a file takes where it is alone.
LONG = {
    "e2e/test_live.py": 75,
    "loadtest/test_loadtest.py": 70,
    "cluster/test_workers.py": 65,
    "cluster/test_faults.py": 60,
    "media/test_live.py": 55,
    "e2e/test_board_editors.py": 50,
    "e2e/test_accessibility.py": 45,
    "e2e/test_whiteboard.py": 45,
    "e2e/test_layers.py": 40,
    "media/test_chromium.py": 40,
    "http/test_imports.py": 35,
    "sockets/test_hostile.py": 30,
    "loadtest/test_endings.py": 30,
    "media/test_players.py": 25,
    "media/test_hls_browser.py": 25,
    "test_crash.py": 25,
    "loadtest/test_ahead.py": 20,
    "loadtest/test_tls.py": 20,
    "e2e/test_board_class.py": 20,
    "e2e/test_network.py": 20,
    "e2e/test_long_lists.py": 20,
    "media/test_programs.py": 20,
    "journal/test_migrations.py": 15,
    "media/test_simulcast.py": 15,
    "e2e/test_replay.py": 15,
    "e2e/test_lesson.py": 15,
    "e2e/test_outage.py": 15,
    "http/test_files.py": 15,
    "http/test_openapi.py": 15,
}


def dealt(items: list[pytest.Item], hands: int) -> list[pytest.Item]:
    """The tests, in the order in which so many processes are to be given them."""
    if hands < 2:
        return items
    files = [
        (path.relative_to(TESTS).as_posix(), list(tests)) for path, tests in groupby(items, lambda item: item.path)
    ]
    long = sorted((each for each in files if each[0] in LONG), key=lambda each: -LONG[each[0]])
    short = [test for name, tests in files if name not in LONG for test in tests]
    held: list[list[pytest.Item]] = [[] for _ in range(hands)]
    seconds = [0.0] * hands
    for name, tests in long:
        hand = seconds.index(min(seconds))
        held[hand] += tests
        seconds[hand] += LONG[name]
    order: list[pytest.Item] = []
    for number, hand in enumerate(held):
        rest = len(items) - len(order)
        missing = max(0, rest // (hands - number) - len(hand))
        order += hand + short[:missing]
        short = short[missing:]
    return order + short
