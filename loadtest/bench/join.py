"""CPU per join, from the connection to the `welcome` (or `resumed`), with what the joins lead to: attendance and counts.

Members with tokens, as a school's own pages send them, and guests by name. The room has a log of 1,000 events, whose
newest hundred messages are in the welcome.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from loadtest.bench.child import Child
from loadtest.bench.stage import Say, crowd, our_server, port_of
from loadtest.bench.table import Row

MEMBERS = 1_500
ROOM = "class"


def run(say: Say) -> Iterator[Row]:
    with our_server() as server:
        server.ask("quiet")
        server.ask("fill", room=ROOM, events=1_000)
        with crowd() as warm:
            _joins(server, warm, {"room": ROOM}, 100)
        first = _lot(server, {"room": ROOM})
        say(f"{MEMBERS} guests came: {first:.0f} µs each")
        yield Row("join, guest, welcome", first, "µs")
        state = server.ask("state", room=ROOM)
        again = _lot(server, {"room": ROOM, "since": state["seq"], "epoch": state["epoch"]})
        say(f"{MEMBERS} came back: {again:.0f} µs each")
        yield Row("join, guest, resumed", again, "µs")


def _lot(server: Child, auth: dict[str, Any]) -> float:
    with crowd() as members:
        return _joins(server, members, auth, MEMBERS)


def _joins(server: Child, members: Child, auth: dict[str, Any], count: int) -> float:
    """µs of CPU per join."""
    server.settle()
    idle = server.idle()
    before, begun = server.cpu(), time.monotonic()
    members.ask("connect", port=port_of(server), count=count, auth=auth)
    used = server.cpu() - before - idle * (time.monotonic() - begun)
    members.ask("leave")
    return used / count * 1e6
