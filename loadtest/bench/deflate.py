"""What compressing a tick's packet once saves: bytes for each member and CPU per frame, beside members who negotiated nothing.

The same crowd and the same chat each time, one message a tick and then ten. `once` is a packet deflated by itself, as those
get it who keep nothing of what came before; `looking back` is one that all of a group share, as our own browser client has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import ROOM, Say, crowd, our_server, port_of
from loadtest.bench.table import Row

MEMBERS = 2_000
EVENTS = 40
BURST = 10
PAUSE = 0.15  # seconds: three ticks
WAYS = {
    "none": "",
    "once": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "looking back": "permessage-deflate",
}
WORDS = (  # noqa: SIM905
    "why does the light bend at edge of glass and not inside could you show that step again please how is sum angles "
    "radius field energy charge mass slope limit zero case sign wrong here yes no same doubt clear now thank what about "
    "when where which line formula third second page before after left right answer question because then"
).split()


def run(say: Say) -> Iterator[Row]:
    found = {way: _measure(say, way, offer) for way, offer in WAYS.items()}
    for index, name in enumerate(("1 event", f"{BURST} events")):
        plain = found["none"][index]
        yield Row(f"packet of {name}, plain", plain[0], "bytes/member")
        for way in ("once", "looking back"):
            bytes_, cpu = found[way][index]
            yield Row(f"packet of {name}, deflated {way}", bytes_, "bytes/member", "plain", bytes_ / plain[0])
            yield Row("… and CPU", cpu, "µs/frame", "plain", cpu / plain[1])


def _measure(say: Say, way: str, offer: str) -> tuple[tuple[float, float], tuple[float, float]]:
    with our_server() as server, crowd() as members:
        server.ask("quiet")
        port = port_of(server)
        members.ask("connect", port=port, count=MEMBERS, auth={"room": ROOM}, deflate=offer, timeout=60)
        token = server.ask("token", room=ROOM, role="instructor", name="Teacher")["token"]
        with Speaker(port, {"v": 1, "room": ROOM, "token": token}) as speaker:
            server.settle()
            found = []
            for burst in (1, BURST):
                idle = server.idle()
                first, cpu, begun = members.ask("count"), server.cpu(), time.monotonic()
                for number in range(EVENTS):
                    speaker.commands([_said(number * burst + n) for n in range(burst)])
                    time.sleep(PAUSE)
                last = members.ask("count")
                frames = last["counted"] - first["counted"]
                used = server.cpu() - cpu - idle * (time.monotonic() - begun)
                found.append(((last["bytes"] - first["bytes"]) / frames, used / frames * 1e6))
                say(f"{way}: {burst} a tick, {found[-1][0]:.0f} bytes, {found[-1][1]:.1f} µs a frame")
    return found[0], found[1]


def _said(number: int) -> dict[str, str]:
    """Something to say, of words that are said again and again in no order."""
    words = Random(number).choices(WORDS, k=14)
    return {"type": "chat.say", "text": f"{number} {' '.join(words)}"}
