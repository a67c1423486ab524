"""CPU per delivered frame, ours beside python-socketio and Socket.IO for node: same members, same payload, one run.

An event is a chat message whose packet has about 200 bytes. Events are given one at a time, the next one only when all
members have the last one and a tick has passed, so that each is a packet of its own. Rounds of the servers take turns
and the best round of each counts, because other work on the machine only ever adds.

A bare loop of `send()` in C runs along: it is the kernel's part, which no server that sends to each member can be below,
and which moves with the machine. At 15,000 members, near the most that one worker holds, ours runs beside that alone.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from loadtest.bench.child import ROOT, Child
from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import ROOM, Say, crowd, our_server, port_of
from loadtest.bench.table import Row

MEMBERS = 5_000
MANY = 15_000
ROUNDS = 3
LONG = 110.0  # seconds after which no other round is begun: the machine is too busy for good figures anyway
PAUSE = 0.1  # seconds: two ticks
BURST = 10
TEXT = "Why does the light bend at the edge of the glass, and not inside of it as well?"
PAYLOAD = [
    {
        "seq": 1001,
        "at": 1_790_000_000_000,
        "type": "chat.said",
        "by": "bench-teacher",
        "name": "Teacher",
        "role": "instructor",
        "text": TEXT,
    }
]
PEER_LIMIT, NODE_LIMIT, KERNEL_LIMIT = 0.15, 0.5, 1.6


@dataclass
class Contender:
    name: str
    server: Child
    crowd: Child
    emit: Callable[[], Any]
    events: int
    members: int = MEMBERS
    best: float = field(default=float("inf"))

    def round(self) -> None:
        """One round; keeps the least CPU per frame, in µs."""
        idle = self.server.idle()
        first = counted = int(self.crowd.ask("count")["counted"])
        before, begun = self.server.cpu(), time.monotonic()
        for _ in range(self.events):
            self.emit()
            counted = int(self.crowd.ask("until", counted=counted + self.members)["counted"])
            time.sleep(PAUSE)
        used = self.server.cpu() - before - idle * (time.monotonic() - begun)
        frames = counted - first
        if frames != self.events * self.members:
            raise RuntimeError(f"{self.name}: {frames} frames came, {self.events * self.members} should have")
        self.best = min(self.best, used / frames * 1e6)


def run(say: Say) -> Iterator[Row]:
    yield from _among_peers(say)
    yield from _against_the_kernel(say)


def _among_peers(say: Say) -> Iterator[Row]:
    with ExitStack() as stack:
        ours, speaker = _ours(stack, say, MEMBERS)
        peer = _peer(stack, say, "python-socketio", Child.python("loadtest.bench.servers.python_socketio"), 4)
        node = _node(stack, say)
        bare = _bare(stack, say, MEMBERS)
        _rounds([c for c in (ours, peer, node, bare) if c is not None], say)
        yield Row("fanout", ours.best, "µs/frame", "python-socketio", ours.best / peer.best, PEER_LIMIT)
        if node is not None:
            yield Row("fanout", ours.best, "µs/frame", "Socket.IO (node)", ours.best / node.best, NODE_LIMIT)
        yield Row("fanout, python-socketio itself", peer.best, "µs/frame")
        if node is not None:
            yield Row("fanout, Socket.IO (node) itself", node.best, "µs/frame")
        if bare is not None:
            ratio = bare.best / node.best if node is not None else None
            yield Row("fanout, a C loop of send() itself", bare.best, "µs/frame", "Socket.IO (node)", ratio)
            above = ours.best - bare.best
            if node is not None:
                ratio = above / (node.best - bare.best)
                yield Row("fanout, above that loop", above, "µs/frame", "Socket.IO (node)", ratio)
        burst = min(_burst(ours, speaker) for _ in range(ROUNDS))
        yield Row(
            f"fanout, bursts of {BURST} events", burst, "µs/event and member", "python-socketio", burst / peer.best
        )


def _against_the_kernel(say: Say) -> Iterator[Row]:
    with ExitStack() as stack:
        ours, _ = _ours(stack, say, MANY)
        bare = _bare(stack, say, MANY)
        if bare is None:
            return
        _rounds([ours, bare], say)
        yield Row(
            f"fanout at {MANY:,} members", ours.best, "µs/frame", "C send() loop", ours.best / bare.best, KERNEL_LIMIT
        )
        yield Row(f"fanout at {MANY:,}, that loop itself", bare.best, "µs/frame")


def _rounds(contenders: list[Contender], say: Say) -> None:
    begun = time.monotonic()
    for number in range(ROUNDS):
        if number and time.monotonic() - begun > LONG / ROUNDS * (number + 1):
            say("the machine is busy: no more rounds")
            break
        for contender in contenders:
            contender.round()
            say(f"round {number + 1} of {ROUNDS}: {contender.name}, at best {contender.best:.1f} µs a frame")


def _ours(stack: ExitStack, say: Say, count: int) -> tuple[Contender, Speaker]:
    server = stack.enter_context(our_server())
    server.ask("quiet")
    port = port_of(server)
    members = stack.enter_context(crowd())
    token = server.ask("token", room=ROOM, role="instructor", name="Teacher")["token"]
    speaker = stack.enter_context(Speaker(port, {"v": 1, "room": ROOM, "token": token}))
    seconds = members.ask("connect", port=port, count=count, auth={"room": ROOM}, timeout=120)["seconds"]
    say(f"{count} members joined ours in {seconds:.1f} s")
    server.settle()

    def emit() -> None:
        speaker.command("chat.say", text=TEXT)

    contender = Contender("ours", server, members, emit, 20, count)
    _warm(contender)
    return contender, speaker


def _peer(stack: ExitStack, say: Say, name: str, server: Child, events: int) -> Contender:
    stack.enter_context(server)
    members = stack.enter_context(crowd())
    values = {"port": port_of(server), "count": MEMBERS, "plain": True}
    seconds = members.ask("connect", timeout=120, **values)["seconds"]
    say(f"{MEMBERS} members joined {name} in {seconds:.1f} s")
    server.settle()
    contender = Contender(name, server, members, lambda: server.ask("emit", payload=PAYLOAD), events)
    _warm(contender)
    return contender


def _bare(stack: ExitStack, say: Say, count: int) -> Contender | None:
    compiler = shutil.which("cc")
    if compiler is None:
        say("the C loop of send() left out: there is no C compiler here")
        return None
    program = Path(stack.enter_context(TemporaryDirectory())) / "send"
    subprocess.run([compiler, "-O2", "-o", program, Path(__file__).parent / "servers" / "send.c"], check=True)
    server = stack.enter_context(Child([str(program)]))
    members = stack.enter_context(crowd())
    seconds = members.ask("connect", port=port_of(server), count=count, plain=True, timeout=120)["seconds"]
    say(f"{count} members joined the C loop of send() in {seconds:.1f} s")
    packet = b'42["events",' + msgspec.json.encode(PAYLOAD) + b"]"
    frame = (b"\x81\x7e" + len(packet).to_bytes(2, "big") + packet).hex()
    contender = Contender("a C loop of send()", server, members, lambda: server.ask("emit", frame=frame), 20, count)
    _warm(contender)
    return contender


def _node(stack: ExitStack, say: Say) -> Contender | None:
    package = ROOT / "client" / "package.json"
    node = shutil.which("node")
    if node is None or not (package.parent / "node_modules" / "socket.io").is_dir():
        say("Socket.IO for node left out: " + ("no node here" if node is None else "run `npm ci` in client/ first"))
        return None
    script = Path(__file__).parent / "servers" / "node_socketio.cjs"
    return _peer(stack, say, "Socket.IO (node)", Child([node, str(script), str(package)]), 10)


def _warm(contender: Contender) -> None:
    for _ in range(3):
        counted = contender.crowd.ask("count")["counted"]
        contender.emit()
        contender.crowd.ask("until", counted=counted + contender.members)


def _burst(ours: Contender, speaker: Speaker) -> float:
    """CPU in µs per event and member where several events come in one tick."""
    bursts = 5
    idle = ours.server.idle()
    before, begun = ours.server.cpu(), time.monotonic()
    for _ in range(bursts):
        speaker.commands([{"type": "chat.say", "text": TEXT}] * BURST)
        time.sleep(PAUSE * 3)
    used = ours.server.cpu() - before - idle * (time.monotonic() - begun)
    return used / (bursts * BURST * MEMBERS) * 1e6
