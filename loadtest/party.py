"""What the members of one process have in common, and what they know of each room together.

What always holds: a member who only counts learns from its room's probe, in the same process, what to do next (that a poll
is open, that the class is over); so one look at an event serves them all. What is random comes from one seed.
"""

from __future__ import annotations

import random
import socket
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from gevent import monkey
from gevent.event import Event

from loadtest import herd, secured, wire
from loadtest.agenda import Agenda
from loadtest.connection import Connection
from loadtest.figures import Figures
from loadtest.poller import Poller
from loadtest.probe import MARK, Item, Probe
from loadtest.scenarios import Scenario
from loadtest.student import Seat, Seen

PROBE_EVERY = 50
# Connections from one address of this machine to one port of it. Linux gives connect() every second of its 28,232 ports first;
# when those are taken, it looks through all of them again for each further one, and a crowd stops coming in.
SOURCE_USERS = 12_000
CONNECT_SECONDS = 5.0  # that one of several addresses may take to answer
TOO_LATE = {("doubt.vote", "wrong_state")}  # refusals that say no more than that the instructor was quicker
WORDS = (  # noqa: SIM905
    "why how the sum of angles depends on radius could you show that step again please I think sign is wrong here "
    "yes no same doubt clear now thank you what about zero case slope limit mass charge field energy"
).split()


class Options:
    """What a run is told: see `locustfile`."""

    run: str
    hosts: Sequence[str]
    users: int
    seed: int
    codec: str
    deflate: bool
    scenario: Scenario
    pace: float
    worker: int
    workers: int

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Party:
    """All members of this process. `failed(what, why)` and `succeeded(what, milliseconds)` tell Locust."""

    def __init__(
        self,
        options: Options,
        succeeded: Callable[[str, float], None],
        failed: Callable[[str, str], None],
    ) -> None:
        self.options = options
        self.run = f"{options.run}-{options.worker}"
        self.codec = options.codec
        self.deflate = options.deflate
        self.name_at = wire.NAME_AT[options.codec]
        self.figures = Figures()
        self.agenda = Agenda(self.unexpected)
        self.poller = Poller(herd.choose(self), self.agenda, self.unexpected)
        self.dice = random.Random(f"{options.seed} {options.worker}")
        self.failed = failed
        self.rooms: dict[str, Room] = {}
        self.inside = 0
        self.reads = 0
        self.bytes = 0
        self.frames = 0
        self.seen = Seen()
        self.original_socket: Any = monkey.get_original("socket", "socket")
        self._succeeded = succeeded
        self._targets = [wire.Target(host) for host in options.hosts]
        self._addresses: dict[str, str] = {}
        self._tls: Any = None
        self._told: set[str] = set()
        sources = 1 + options.users // SOURCE_USERS
        self._sources = [f"127.0.0.{2 + n}" for n in range(sources)]
        self._ways = [
            (target, source)
            for target in self._targets
            for source in (self._sources if self.address(target).startswith("127.") else [""])
        ]

    # --- the network ------------------------------------------------------------------------------------------------

    def way(self, number: int) -> tuple[wire.Target, str]:
        """Where member `number` connects to, and from which address of this machine (empty: any)."""
        return self._ways[number % len(self._ways)]

    def address(self, target: wire.Target) -> str:
        """The address of its host: of several the first that can be connected to. It is looked for once."""
        known = self._addresses.get(target.netloc)
        if known is None:
            found = [str(each[4][0]) for each in socket.getaddrinfo(target.host, None, type=socket.SOCK_STREAM)]
            answering = (each for each in found if len(found) == 1 or _answers(each, target.port))
            known = self._addresses[target.netloc] = next(answering, found[0])
        return known

    def tls(self) -> Any:
        """One TLS context for all."""
        if self._tls is None:
            self._tls = secured.trusting()
        return self._tls

    # --- what members tell ------------------------------------------------------------------------------------------

    def joined(self, seat: Seat, how: str, took: float) -> None:
        """A member is in, for the first time or again."""
        first = seat.room.took_seat(seat)
        if seat.room.staff:
            return
        self.figures.count("joined" if first else "back")
        self.figures.count(f"inside:{how}")
        self.figures.time("join" if first else "return", took)
        self._succeeded("join" if first else "return", took)

    def acknowledged(self, type: str, took: float, ack: dict[str, Any]) -> None:
        """A command is answered for good."""
        self.figures.time("ack", took)
        self.figures.time(f"ack:{type}", took)
        if ack["ok"]:
            self.figures.count(f"kept:{type}")
            self._succeeded(type, took)
        elif (type, ack["code"]) in TOO_LATE:
            self.figures.count(f"too_late:{type}")
        else:
            self.figures.count(f"refused:{type} {ack['code']}")
            self.failed(type, ack["code"])

    def unexpected(self, call: Callable[..., None], error: Exception) -> None:
        """`call` raised what nobody thought of: it is counted with its reason, and the member whose call it was begins anew."""
        reason = f"{type(error).__name__}: {error}"
        if reason not in self._told:
            self._told.add(reason)
            traceback.print_exception(error, file=sys.stderr)
        self.figures.count(f"unexpected:{reason}")
        self.failed("load test", reason)
        member = getattr(call, "__self__", None)
        if isinstance(member, Connection):
            with suppress(Exception):  # whatever it is is told already
                member.broken(f"unexpected {type(error).__name__}")

    def text(self, words: int = 8) -> str:
        """Something to say, that bears the time."""
        return f"{MARK}{time.time() * 1_000:.0f} {' '.join(self.dice.choices(WORDS, k=words))}"

    def beat(self) -> None:
        """Once a second: what is counted without a name at the time."""
        self.figures.count("reads", self.reads)
        self.figures.count("bytes", self.bytes)
        self.figures.count("frames", self.frames)
        self.reads = self.bytes = self.frames = 0

    # --- members ----------------------------------------------------------------------------------------------------

    def room(self, name: str) -> Room:
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room(self, name)
        return room

    def student(self, number: int, room: str) -> Seat:
        """A student who is not yet there. The first of a room in this process, and every fiftieth, is a probe."""
        mine = self.room(room)
        probing = mine.expected % PROBE_EVERY == 0
        mine.expected += 1
        name = f"Student {self.options.worker}-{number}"
        hello = {"v": 1, "room": room, "name": name, "client": f"{self.run}-{number}"}
        probe = Probe(self.codec, self.figures, mine.heard if not mine.probes else _nothing) if probing else None
        seat = Seat(self, mine, number, hello, probe)
        if probe is not None:
            mine.probes.append(seat)
        return seat


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _nothing(_: Item) -> None:
    """The room's first probe tells the others; the rest of them only take notes."""


class Room:
    """What this process's members of a room know together. `over`: the place of the class's end, once it is told."""

    watches_signals = False
    staff = False

    def __init__(self, party: Party, name: str) -> None:
        self.party = party
        self.name = name
        self.expected = 0
        self.seats: list[Seat] = []
        self.seated: set[Seat] = set()
        self.probes: list[Seat] = []
        self.polls: dict[int, int] = {}  # open ones: id to how many options
        self.tallies: dict[int, dict[str, Any]] = {}
        self.votes: dict[int, Counter[int]] = {}
        self.open_doubts: dict[int, None] = {}
        self.live = False
        self.quiet = False
        self.over = 0
        self.ended = Event()

    def took_seat(self, seat: Seat) -> bool:
        """A member is in; whether for the first time."""
        if seat in self.seated:
            return False
        self.seated.add(seat)
        self.seats.append(seat)
        for poll in self.polls:
            self._vote_soon(seat, poll)
        return True

    def signalled(self, signals: Any) -> None:
        """A packet of signals; looked at for staff only."""

    def heard(self, item: Item) -> None:
        """The room's first probe has seen an event."""
        match item.type:
            case "class.started":
                self.live = True
            case "class.ended":
                self.over = item.seq
                self.ended.set()
            case "doubt.published":
                assert item.id is not None
                self.open_doubts[item.id] = None
            case "doubt.answered":
                assert item.id is not None
                self.open_doubts.pop(item.id, None)
            case "poll.opened":
                assert item.id is not None
                self.polls[item.id] = len(item.spec["options"])
                for seat in self.seats:
                    self._vote_soon(seat, item.id)
            case "poll.closed":
                assert item.id is not None
                self.polls.pop(item.id, None)
                self.tallies[item.id] = item.tally
            case _:
                pass

    def _vote_soon(self, seat: Seat, poll: int) -> None:
        self.party.agenda.after(
            self.party.dice.random() * self.party.options.scenario.vote_seconds, self._vote, seat, poll
        )

    def _vote(self, seat: Seat, poll: int) -> None:
        options = self.polls.get(poll)
        if options is None or not seat.wanted:
            return
        choice = min(self.party.dice.randrange(options), self.party.dice.randrange(options))

        def kept(ack: dict[str, Any]) -> None:
            if ack["ok"]:
                seat.voted += 1
                self.votes.setdefault(poll, Counter())[choice] += 1

        seat.command("poll.vote", kept, id=poll, choice=[choice])

    def somebody(self) -> Seat | None:
        """A member of the room, at random."""
        return self.party.dice.choice(self.seats) if self.seats else None
