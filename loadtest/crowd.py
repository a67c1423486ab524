"""One load process: its share of the members and of the instructors, what goes on among them, and what it found.

What always holds: all rooms have equally many students, give or take one for each process; a room's are spread over
processes only where the rooms cannot be divided by them; the figures of each second reach the master within the next; what was
found is told once, after the class's end has reached the probes.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from typing import Any

import gevent
import msgspec

from loadtest import api
from loadtest.instructor import Instructor
from loadtest.party import Options, Party, Room
from loadtest.probe import Findings, Record, check
from loadtest.student import Seat

LAST_WORDS = 30.0  # seconds that the class's end may take to reach every probe
LAG_STEP = 0.05  # seconds between two looks at the process's own lag
EARLY = 0.5  # of the ramp, in which the instructors of all classes come one after the other
BACK_AFTER = (0.5, 3.0)  # seconds after which those who lost their connection come back


class Crowd:
    """`tell(kind, data)` sends to the master."""

    def __init__(
        self,
        options: Options,
        rooms: list[str],
        api_key: str,
        tell: Callable[[str, Any], None],
        succeeded: Callable[[str, float], None],
        failed: Callable[[str, str], None],
    ) -> None:
        self.options = options
        self.party = Party(options, succeeded, failed)
        self._all_rooms = rooms
        apart = math.gcd(len(rooms), options.workers)  # so many groups of processes have no room in common
        self.rooms = rooms[options.worker % apart :: apart]
        self._taught = rooms[options.worker :: options.workers]
        self._share = apart / options.workers
        self._api_key = api_key
        self._tell = tell
        self._number = 0
        self._instructors: list[Instructor] = []
        self._greenlets: list[gevent.Greenlet] = []

    def start(self) -> None:
        # Tens of thousands of members are no garbage: looking through them again and again would stall the measurement.
        gc.set_threshold(100_000, 50, 1_000)
        self.party.poller.start()
        self._greenlets = [gevent.spawn(work) for work in (self._report, self._churn, self._watch)]
        self._go_on(time.monotonic())
        for number, room in enumerate(self._taught):
            comes = number / len(self._taught) * self.options.scenario.ramp * EARLY
            self._greenlets.append(gevent.spawn_later(comes, self._teach, room, self.expected(room)))

    def stop(self) -> None:
        """Everybody goes."""
        gevent.killall(self._greenlets)
        for instructor in self._instructors:
            instructor.seat.leave()
        self.party.poller.stop()
        self.party.agenda.clear()

    def member(self) -> Seat:
        """One more student, who comes in."""
        seat = self.party.student(self._number, self.room_of(self._number))
        self._number += 1
        seat.come()
        return seat

    def room_of(self, number: int) -> str:
        """The room of this process's student of that number: they take turns with those of the other processes."""
        return self._all_rooms[(self.options.worker + number * self.options.workers) % len(self._all_rooms)]

    def expected(self, room: str) -> int:
        """How many students are sure to come into a room. Which processes have one more than others is not known here."""
        sure = self.options.users // self.options.workers * self.options.workers
        each, first = divmod(sure, len(self._all_rooms))
        return each + (self._all_rooms.index(room) < first)

    def drop(self, room: str) -> None:
        """This process's share of those who lose their connection at once."""
        self._stick(room)
        wanted = min(self.options.scenario.dropped, self.options.users // 2) // self.options.workers
        seats = [seat for seat in self.party.rooms[room].seats if seat.wanted][-wanted:] if wanted else []
        for seat in seats:
            self.party.figures.count("cut")
            seat.drop(self.party.dice.uniform(*BACK_AFTER))

    def _stick(self, room: str) -> None:
        """This process's share of those who stop reading; of the others' deliveries probes tell."""
        scenario = self.options.scenario
        wanted = min(scenario.stuck, self.options.users // 2) // self.options.workers
        seats = [seat for seat in self.party.rooms[room].seats if seat.wanted and seat.probe is None]
        for seat in seats[:wanted]:
            if seat.stop_reading(scenario.stuck_seconds):
                self.party.figures.count("stuck")
                self.party.rooms[room].seats.remove(seat)  # nor does it say anything more

    def begun(self) -> None:
        """Everybody is in: what is there now stays."""
        gc.collect()
        gc.freeze()

    # --- what goes on -----------------------------------------------------------------------------------------------

    def _teach(self, room: str, students: int) -> None:
        wrong = ""
        try:
            instructor = Instructor(self.party, room, students, self._api_key, self._cue)
            self._instructors.append(instructor)
            instructor.teach()
        except (api.Failed, OSError) as error:
            wrong = f"{room} has no instructor: {error}"
        finally:
            self._tell("taught", {"room": room, "wrong": wrong})

    def _cue(self, what: str, room: str) -> None:
        self._tell("cue", {"what": what, "room": room, "at": time.time()})

    def _report(self) -> None:
        while True:
            gevent.sleep(1.0 - time.time() % 1.0)
            self.party.beat()
            self._tell("figures", self.party.figures.take() | {"inside": self.party.inside})

    def _watch(self) -> None:
        """How late this process is itself: so much of every time measured here is not the server's."""
        while True:
            begun = time.monotonic()
            gevent.sleep(LAG_STEP)
            self.party.figures.time("load_lag", (time.monotonic() - begun - LAG_STEP) * 1_000)

    def _go_on(self, due: float) -> None:
        """Students talk, ask and support doubts while their class is on: one of them does so now. `due`: when it should."""
        scenario, dice = self.options.scenario, self.party.dice
        weights = (scenario.chat, scenario.doubts, scenario.upvotes)
        rate = sum(weights) * self.options.pace * self._share * len(self.rooms)
        if not rate:
            return
        due += dice.expovariate(rate)  # counted from when this one was due, not from when its turn came
        self.party.agenda.at(due, self._go_on, due)
        room = self.party.rooms.get(dice.choice(self.rooms))
        if room is not None and room.live and not room.over and not room.quiet:
            seat = room.somebody()
            if seat is not None:
                dice.choices((self._say, self._ask, self._support), weights)[0](room, seat)

    def _say(self, _: Room, seat: Seat) -> None:
        seat.command("chat.say", text=self.party.text())

    def _ask(self, _: Room, seat: Seat) -> None:
        seat.command("doubt.ask", text=self.party.text(), anonymous=self.party.dice.random() < 0.3)

    def _support(self, room: Room, seat: Seat) -> None:
        if room.open_doubts:
            seat.command("doubt.vote", id=self.party.dice.choice(list(room.open_doubts)))

    def _churn(self) -> None:
        rate = self.options.scenario.churn * self._share * len(self.rooms)
        while rate:
            gevent.sleep(self.party.dice.expovariate(rate))
            room = self.party.rooms.get(self.party.dice.choice(self.rooms))
            seat = room.somebody() if room is not None and room.live and not room.quiet else None
            if seat is not None and seat.socket is not None:
                self.party.figures.count("cut")
                seat.drop(self.party.dice.uniform(*BACK_AFTER))

    # --- what was found ---------------------------------------------------------------------------------------------

    def results(self, over: dict[str, int]) -> dict[str, Any]:
        """Hold every probe against its room's record. `over`: the place of each room's last event."""
        until = time.monotonic() + LAST_WORDS
        findings = Findings()
        polls: dict[str, dict[str, Any]] = {}
        for name in self.rooms:
            room = self.party.rooms.get(name)
            mine = [i for i in self._instructors if i.desk.name == name]
            if room is None and not mine:
                continue
            last = over.get(name, 0)
            probes = room.probes if room is not None else []
            while time.monotonic() < until and any(s.probe is not None and s.probe.last < last for s in probes):
                gevent.sleep(0.1)
            target, _ = self.party.way(0)
            lines = api.fetch(target, "GET", f"/api/rooms/{name}/export", self._api_key)
            record = Record(lines, last)
            for seat in probes:
                if seat.probe is not None:
                    findings.add(check(seat.probe, record, polls_voted=seat.voted))
                gevent.sleep(0)
            for instructor in mine:
                findings.add(check(instructor.probe, record, staff=True))
            polls[name] = {
                "acknowledged": {str(poll): dict(choices) for poll, choices in (room.votes if room else {}).items()},
                "closed": {str(poll): tally for i in mine for poll, tally in i.desk.closed.items()},
                "seconds": [seconds for i in mine for seconds in i.poll_seconds],
            }
        self.party.beat()
        return {
            "findings": msgspec.to_builtins(findings),
            "polls": polls,
            "figures": self.party.figures.take(),
            "unanswered": sum(len(s.pending or ()) for r in self.party.rooms.values() for s in r.seats),
            "inside": self.party.inside - len([i for i in self._instructors if i.seat.state]),
        }

    def over(self) -> dict[str, int]:
        """The places of the ends of the classes taught here."""
        return {i.desk.name: i.desk.over for i in self._instructors}
