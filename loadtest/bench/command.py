"""CPU per acknowledged command with SQLite on disk, every commit synced.

Twice: in one process from the bytes of the packet to the commit and the answer (`decode to commit`), and through real
sockets, where reading the frame, the acknowledgement, and the events' delivery to all who speak are in it too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import uvloop

from classroom import wire
from classroom.bus.local import LocalBus
from classroom.bus.port import Request
from classroom.journal.sql import open_journal
from classroom.kernel import Member, Role
from classroom.metrics import Metrics
from classroom.rooms.owner import Owner
from classroom.wire import Codec
from loadtest.bench.child import Child
from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import ROOM, Say, our_server, port_of
from loadtest.bench.table import Row

LIMIT = 150.0  # µs
TALKERS = 200
DEPTH = 4
SECONDS = 4.0
ROUNDS = 3
COMMANDS = 4_000
UNDER_WAY = 200

TEACHER = Member("teacher", "Teacher", Role.INSTRUCTOR)
POLL = {"question": "Which one?", "kind": "single", "options": ["one", "two", "three", "four"]}


def run(say: Say) -> Iterator[Row]:
    for codec in (Codec.MSGPACK, Codec.JSON):
        best = min(uvloop.run(_in_process(codec)) for _ in range(ROUNDS))
        say(f"in process, {codec}: {best:.0f} µs a command")
        yield Row(f"command, decode to commit ({codec})", best, "µs", limit=LIMIT)
    with our_server() as server, Child.python("loadtest.bench.talkers") as talkers:
        best, told = _through_sockets(server, talkers, say)
        yield Row(f"command, through {TALKERS} sockets", best, "µs")
        yield Row("commands acknowledged", told["kept"] / told["seconds"], "1/s")
        yield Row("acknowledgement, p50", told["p50"], "ms")
        yield Row("acknowledgement, p99", told["p99"], "ms")


def _through_sockets(server: Child, talkers: Child, say: Say) -> tuple[float, dict[str, Any]]:
    server.ask("quiet")
    port = port_of(server)
    token = server.ask("token", room=ROOM, role="instructor", name="Teacher")["token"]
    with Speaker(port, {"v": 1, "room": ROOM, "token": token}) as speaker:
        speaker.command("class.start")
        doubts = [speaker.command("doubt.ask", text=f"Why is it so in case {n}?") for n in range(20)]
        poll = speaker.command("poll.prepare", spec=POLL)
        speaker.command("poll.open", id=poll)
    talkers.ask("connect", port=port, count=TALKERS, codec="msgpack", auth={"room": ROOM})
    talkers.ask("talk", seconds=1.0, depth=DEPTH, doubts=doubts, poll=poll)
    best, kept = float("inf"), {}
    for number in range(ROUNDS):
        server.settle()
        idle = server.idle()
        before, begun = server.cpu(), time.monotonic()
        told = talkers.ask("talk", seconds=SECONDS, depth=DEPTH, doubts=doubts, poll=poll)
        used = server.cpu() - before - idle * (time.monotonic() - begun)
        if told["refused"] or told["unanswered"]:
            raise RuntimeError(f"not all commands were kept: {told}")
        each = used / told["kept"] * 1e6
        say(f"round {number + 1} of {ROUNDS}: {told['kept']} commands through sockets, {each:.0f} µs each")
        if each < best:
            best, kept = each, told
    return best, kept


async def _in_process(codec: Codec) -> float:
    """µs of CPU per command from its packet's bytes to its answer, `UNDER_WAY` at a time."""
    with TemporaryDirectory(prefix="classroom-bench-") as data:
        journal = await open_journal(f"sqlite:///{data}/classroom.db")
        bus = LocalBus()
        await journal.create(ROOM, "Class", 0, open=True)
        owner = Owner(ROOM, journal, bus, Metrics(), lambda: time.time_ns() // 1_000_000)
        await owner.start()

        async def give(body: dict[str, Any], member: Member = TEACHER) -> int:
            command = wire.read_command(Codec.JSON, msgspec.json.encode(body))
            reply = await owner.submit(Request(member, command))
            if not reply.ok:
                raise RuntimeError(f"refused: {reply}")
            return reply.seq

        await give({"cid": "1", "type": "class.start"})
        doubts = [await give({"cid": f"d{n}", "type": "doubt.ask", "text": f"Why, in case {n}?"}) for n in range(20)]
        poll = await give({"cid": "p", "type": "poll.prepare", "spec": POLL})
        await give({"cid": "o", "type": "poll.open", "id": poll})
        students = [Member(f"student-{n}", f"Student {n}", Role.STUDENT) for n in range(TALKERS)]
        packets = [_packet(codec, n, doubts, poll) for n in range(COMMANDS)]

        async def one(number: int) -> None:
            packet = packets[number]
            incoming = wire.read_text(packet.decode()) if codec is Codec.JSON else wire.read_binary(packet)
            command = wire.read_command(codec, incoming.argument)
            reply = await owner.submit(Request(students[number % TALKERS], command))
            if not reply.ok:
                raise RuntimeError(f"refused: {reply}")

        begun = time.process_time()
        for start in range(0, COMMANDS, UNDER_WAY):
            await asyncio.gather(*(one(number) for number in range(start, start + UNDER_WAY)))
        used = time.process_time() - begun
        await owner.stop()
        await bus.close()
        await journal.close()
        return used / COMMANDS * 1e6


def _packet(codec: Codec, number: int, doubts: list[int], poll: int) -> bytes:
    turn = number % 10
    body: dict[str, Any] = {"cid": f"{number:x}"}
    if turn < 4:
        body |= {"type": "chat.say", "text": f"I think that it is the second one, because of case {number}."}
    elif turn < 7:
        body |= {"type": "doubt.vote", "id": doubts[number % len(doubts)], "on": number % 3 > 0}
    else:
        body |= {"type": "poll.vote", "id": poll, "choice": [number // 10 % 4]}
    if codec is Codec.JSON:
        return b"2%d" % number + msgspec.json.encode(["command", body])
    return msgspec.msgpack.encode({"type": 2, "nsp": "/", "data": ["command", body], "id": number})
