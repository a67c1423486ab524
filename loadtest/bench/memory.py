"""Memory of the server per idle member: what it holds for itself alone (USS) after 5,000 joins, less what it held before.

Members send the headers of a browser, since the server keeps a part of them. Garbage is collected before each look.
The kernel's socket buffers are not in it, for any server.
"""

from __future__ import annotations

from collections.abc import Iterator

from loadtest.bench.stage import ROOM, Say, crowd, our_server, port_of
from loadtest.bench.table import Row

MEMBERS = 5_000
WARM = 100
LIMIT = 36.0  # KiB


def run(say: Say) -> Iterator[Row]:
    with our_server() as server, crowd() as members:
        values = {"port": port_of(server), "auth": {"room": ROOM}, "timeout": 120}
        members.ask("connect", count=WARM, **values)
        server.settle()
        before = server.ask("memory")
        members.ask("connect", count=MEMBERS, first=WARM, **values)
        server.settle()
        after = server.ask("memory")
        each = {kind: (after[kind] - before[kind]) / MEMBERS / 1_024 for kind in ("uss", "pss", "rss")}
        say(f"{before['rss'] / 2**20:.0f} MiB before, {after['rss'] / 2**20:.0f} MiB after {MEMBERS} members more")
        yield Row("memory per idle member (USS)", each["uss"], "KiB", limit=LIMIT)
        yield Row("memory per idle member (RSS)", each["rss"], "KiB")
