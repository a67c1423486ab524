"""Thousands in the class whom trouble befalls as well: lean members of the load test, in a process of their own.

    python -m tests.cluster.crowd URL MEMBERS API_KEY

What always holds: each of them says a thing again, under the same `cid`, until it is answered for good; one in fifty looks at
every event. The program writes a line of JSON when all are in, one when what was said is all answered (asked for by the line
`quiet`), and one with what was answered and what the fiftieth parts saw (by the line `check SEQ`, the last place looked at).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from typing import Any

import gevent
import msgspec
from gevent.socket import wait_read

from classroom.chat.model import Said
from classroom.kernel import Stored
from loadtest import api, wire
from loadtest.connection import INSIDE
from loadtest.party import Options, Party
from loadtest.probe import Findings, Item, Probe, Record, check
from loadtest.scenarios import Scenario
from loadtest.student import Seat

ROOM = "demo"
JOINS = 400.0  # per second
TALK = 20.0  # words and upvotes per second
ANSWERED_SECONDS = 60.0  # until everything said is answered, once the trouble is over
AGREED_SECONDS = 10.0  # until every probe has seen the last event


class Told(msgspec.Struct):
    """What a crowd found. `members`: by id, the places of what each said, as acknowledged; `wrong`: refusals and the like;
    `back`: how often somebody came back; `slots`: by member, in how many milliseconds each goodbye asked them to do so; `late`:
    seconds from there until they were in; `failed`: why ways back came to nothing, and how often."""

    members: dict[str, list[int]]
    findings: Findings
    wrong: dict[str, int]
    back: int = 0
    slots: dict[str, list[int]] = {}
    late: list[float] = []
    failed: dict[str, int] = {}


class Member(Seat):
    """`me`: the id, by the welcome; `said`: places of what was said, by the acknowledgements; `slots`, `late`: as in `Told`."""

    __slots__ = ("due", "late", "me", "said", "slots")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.me = ""
        self.said: list[int] = []
        self.slots: list[int] = []
        self.late: list[float] = []
        self.due: float | None = None  # when a goodbye asked to come back, until then

    def _bye(self, bye: dict[str, Any], retry_in: float | None) -> None:
        if self.state == INSIDE and retry_in is not None:
            self.slots.append(int(retry_in))
            self.due = time.monotonic() + retry_in / 1_000
        super()._bye(bye, retry_in)

    def _inside(self, how: str) -> None:
        if self.due is not None:
            self.late.append(time.monotonic() - self.due)
            self.due = None
        super()._inside(how)

    def _welcomed(self, beginning: bytes) -> None:
        self.me = wire.greeting(self.party.codec, beginning).me
        super()._welcomed(beginning)

    def say(self, text: str) -> None:
        self.command("chat.say", self._kept, text=text)

    def _kept(self, ack: dict[str, Any]) -> None:
        if ack["ok"]:
            self.said.append(ack["seq"])


class Program:
    """The crowd's side."""

    def __init__(self, url: str, members: int, api_key: str) -> None:
        self.wrong: Counter[str] = Counter()
        scenario = Scenario(name="trouble", about="", vote_seconds=5)
        options = Options(
            run="crowd", hosts=[url], users=members, seed=1, codec=wire.JSON, deflate=False, scenario=scenario,
            pace=1.0, worker=0, workers=1,
        )  # fmt: skip
        self.party = Party(options, lambda _what, _took: None, self._failed)
        self.room = self.party.room(ROOM)
        self.api_key = api_key
        self.seats = [self._seat(number) for number in range(members)]
        self.quiet = False

    def _seat(self, number: int) -> Member:
        hello = {"v": 1, "room": ROOM, "name": f"Member {number}", "client": f"crowd-{number}"}
        heard = self._heard if number == 0 else lambda _item: None
        probe = Probe(self.party.codec, self.party.figures, heard) if number % 50 == 0 else None
        return Member(self.party, self.room, number, hello, probe)

    def _heard(self, item: Item) -> None:
        if not self.quiet:
            self.room.heard(item)

    def _failed(self, what: str, why: str) -> None:
        self.wrong[f"{what}: {why}"] += 1

    def run(self) -> None:
        self.party.poller.start()
        for seat in self.seats:
            seat.come()
            gevent.sleep(1 / JOINS)
        while len(self.room.seats) < len(self.seats):
            gevent.sleep(0.05)
        self._write({"inside": len(self.room.seats)})
        gevent.spawn(self._talk)
        self._line()
        self.quiet = True
        self.room.polls.clear()  # who meant to vote later does not: the instructor closes the poll next
        until = time.monotonic() + ANSWERED_SECONDS
        while self.unanswered and time.monotonic() < until:
            gevent.sleep(0.05)
        self._write({"unanswered": self.unanswered})
        self._write(self._told(int(self._line().split()[1])))

    @property
    def unanswered(self) -> int:
        return sum(len(seat.pending or ()) for seat in self.seats)

    def _talk(self) -> None:
        while not self.quiet:
            gevent.sleep(self.party.dice.expovariate(TALK))
            seat = self.party.dice.choice(self.seats)
            if self.room.open_doubts and self.party.dice.random() < 0.5:
                seat.command("doubt.vote", id=self.party.dice.choice(list(self.room.open_doubts)))
            else:
                seat.say(self.party.text())

    def _told(self, last: int) -> Told:
        probes = [seat for seat in self.seats if seat.probe is not None]
        until = time.monotonic() + AGREED_SECONDS
        while time.monotonic() < until and (
            self.party.inside < len(self.seats) or any(seat.probe.last < last for seat in probes)
        ):
            gevent.sleep(0.05)
        record = Record(api.fetch(self.party.way(0)[0], "GET", f"/api/rooms/{ROOM}/export", self.api_key), last)
        findings = Findings()
        for seat in probes:
            findings.add(check(seat.probe, record))
        counts: Counter[str] = Counter()
        for names in self.party.figures.take()["counts"].values():
            counts.update(names)
        return Told(
            {seat.me: seat.said for seat in self.seats},
            findings,
            dict(self.wrong),
            counts["back"],
            {seat.me: seat.slots for seat in self.seats},
            [late for seat in self.seats for late in seat.late],
            {name: count for name, count in counts.items() if name.startswith("failed:")},
        )

    def _line(self) -> str:
        wait_read(sys.stdin.fileno())
        return sys.stdin.readline()

    def _write(self, value: Any) -> None:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        sys.stdout.flush()


class Crowd:
    """The test's side: from `come` to `leave`."""

    def __init__(self, url: str, members: int, api_key: str) -> None:
        self._arguments = (url, str(members), api_key)
        self._process: asyncio.subprocess.Process | None = None

    async def come(self) -> None:
        """Start the program, and return when all of its members are in."""
        spared = ("LD_PRELOAD", "FAKETIME")  # what troubles the server's clock does not trouble theirs
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, *self._arguments, limit=1 << 26,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith(spared)},
        )  # fmt: skip
        await self._read(90)

    async def still(self) -> None:
        """Let it say nothing more, and return when all that was said is answered."""
        assert (await self._ask("quiet", ANSWERED_SECONDS + 10))["unanswered"] == 0

    async def told(self, last: int) -> Told:
        """What its members were answered and shown, up to the event at `last`."""
        return msgspec.convert(await self._ask(f"check {last}", AGREED_SECONDS + 60), Told)

    async def leave(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _ask(self, line: str, seconds: float) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        return await self._read(seconds)

    async def _read(self, seconds: float) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        return msgspec.json.decode(await asyncio.wait_for(self._process.stdout.readline(), seconds))


def hold(told: Told, log: list[Stored]) -> None:
    """Hold what the crowd was told against the log. Raises `AssertionError`."""
    assert told.findings.clean, told.findings
    assert told.findings.probes > 0
    # A poll may be closed while somebody's vote is on its way, which takes seconds where an owner has just died.
    assert not told.wrong.keys() - {"poll.vote: wrong_state"}, told.wrong
    said: dict[str, list[int]] = {}
    for stored in log:
        if isinstance(stored.event, Said):
            said.setdefault(stored.meta.by, []).append(stored.meta.seq)
    for me, places in told.members.items():
        assert sorted(places) == said.get(me, []), f"{me} was told {sorted(places)}, and {said.get(me)} are in the log"


if __name__ == "__main__":
    Program(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run()
