"""The instructor of a room: starts the class, talks, draws, publishes and answers doubts, puts polls and counts.

What always holds: an instructor is a probe with the staff's eyes, so their events are held against the record too. A poll is
closed when everybody who is in has voted, or after `POLL_PATIENCE`; its tally at closing is what the verdict counts on.
"""

from __future__ import annotations

import time
import zlib
from typing import Any

import gevent
from gevent.event import AsyncResult
from gevent.event import Event as Signal

from loadtest import api, pen
from loadtest.party import Party, Room
from loadtest.probe import Item, Probe
from loadtest.student import Seat

POLL_PATIENCE = 60.0  # seconds, after the time in which everybody means to vote
ARRIVAL_PATIENCE = 60.0  # seconds, after the ramp, until the class begins with those who are there
OPTIONS = ("increases", "decreases", "stays the same", "cannot be said")
ANSWERED = 0.3  # of published doubts


class Desk(Room):
    """What the instructor sees of their room; apart from what this process's students know of it."""

    watches_signals = True
    staff = True

    def __init__(self, party: Party, name: str) -> None:
        super().__init__(party, name)
        self.present = 0
        self.voters: dict[int, int] = {}
        self.counted = Signal()
        self.asked: list[int] = []
        self.to_moderate = Signal()
        self.closed: dict[int, dict[str, Any]] = {}
        self.here = Signal()

    def took_seat(self, seat: Seat) -> bool:
        self.here.set()
        return super().took_seat(seat)

    def heard(self, item: Item) -> None:
        match item.type:
            case "doubt.asked" if item.state == "pending":
                self.asked.append(item.seq)
                self.to_moderate.set()
            case "poll.closed":
                assert item.id is not None
                self.closed[item.id] = item.tally
            case "class.ended":
                self.over = item.seq
                self.ended.set()
            case _:
                pass

    def signalled(self, signals: Any) -> None:
        for signal in signals:
            if signal["type"] == "present":
                self.present = signal["count"]
            elif signal["type"] == "poll.tally":
                self.voters[signal["id"]] = signal["tally"]["voters"]
            else:
                continue
            self.counted.set()


class Instructor:
    """One room's instructor. `students`: how many are sure to come. `cue(what, room)`: asks the master to tell all processes."""

    def __init__(self, party: Party, room: str, students: int, api_key: str, cue: Any) -> None:
        self.party = party
        self.students = students
        self.desk = Desk(party, room)
        self.strokes = 0
        self.polls: list[int] = []
        self.poll_seconds: list[float] = []
        self._api_key = api_key
        self._cue = cue
        target, _ = party.way(0)
        token = api.call(target, "POST", f"/api/rooms/{room}/tokens", api_key, TEACHER | {"sub": f"teacher-{room}"})
        hello = {"v": 1, "room": room, "token": token["token"], "client": f"{party.run}-teacher"}
        self.probe = Probe(party.codec, party.figures, self.desk.heard)
        self.seat = Seat(party, self.desk, zlib.crc32(room.encode()) & 0xFFFF, hello, self.probe)

    def teach(self) -> None:
        """The whole class, from coming in to its end."""
        self.seat.come()
        self.desk.here.wait()
        self.ask("class.start")
        self._until_everybody_is_there()
        scenario, begun = self.party.options.scenario, time.monotonic()
        self._cue("begun", self.desk.name)
        working = [gevent.spawn(self._talk), gevent.spawn(self._draw), gevent.spawn(self._moderate)]
        due = sorted([*((part, self._poll) for part in scenario.polls), (0.4, self._drop)], key=lambda each: each[0])
        for part, act in due:
            gevent.sleep(max(0.0, begun + part * scenario.duration - time.monotonic()))
            act()
        gevent.sleep(max(0.0, begun + scenario.duration - time.monotonic()))
        gevent.killall(working)
        self._cue("quiet", self.desk.name)
        gevent.sleep(1)
        self.ask("class.end")
        self.desk.ended.wait(30)

    def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        answer: AsyncResult[dict[str, Any]] = AsyncResult()
        self.seat.command(type, answer.set, **fields)
        kept: dict[str, Any] = answer.get()
        return kept

    def _until_everybody_is_there(self) -> None:
        until = time.monotonic() + self.party.options.scenario.ramp + ARRIVAL_PATIENCE
        while self.desk.present < self.students + 1 and time.monotonic() < until:
            gevent.sleep(0.25)

    def _talk(self) -> None:
        while self._pause(self.party.options.scenario.talk):
            self.seat.command("chat.say", text=self.party.text(12))

    def _draw(self) -> None:
        while self._pause(self.party.options.scenario.strokes):
            self.stroke()

    def stroke(self) -> None:
        """Ink while the pen is down, and the stroke when it is lifted."""
        drawn = pen.stroke(self.party.dice, self.strokes)
        self.strokes += 1
        for piece in drawn.pieces:
            self.seat.signal("board.ink", **piece)
            gevent.sleep(pen.EVERY)
        self.seat.command("board.put", **drawn.put)

    def _moderate(self) -> None:
        while True:
            self.desk.to_moderate.wait()
            gevent.sleep(0.5)
            self.desk.to_moderate.clear()
            asked, self.desk.asked = self.desk.asked, []
            for doubt in asked:
                self.ask("doubt.approve", id=doubt)
                if self.party.dice.random() < ANSWERED:
                    self.ask("doubt.answer", id=doubt, text=self.party.text(6))

    def _pause(self, rate: float) -> bool:
        if not rate:
            return False
        gevent.sleep(self.party.dice.expovariate(rate * self.party.options.pace))
        return True

    def _poll(self) -> None:
        spec = {"question": "If the radius is doubled, the field", "kind": "single", "options": OPTIONS}
        if len(self.polls) % 2:
            spec["results"] = "live"
        poll: int = self.ask("poll.prepare", spec=spec)["seq"]
        begun = time.monotonic()
        self.ask("poll.open", id=poll)
        self.polls.append(poll)
        until = begun + self.party.options.scenario.vote_seconds + POLL_PATIENCE
        while self._missing(poll) and time.monotonic() < until:
            self.desk.counted.clear()
            self.desk.counted.wait(until - time.monotonic())
        self.poll_seconds.append(time.monotonic() - begun)
        gevent.sleep(1)  # votes whose answers are still on the way
        self.ask("poll.close", id=poll)

    def _missing(self, poll: int) -> bool:
        """Whether votes are still to come: of those who were sure to come, and of whoever else is here."""
        return self.desk.voters.get(poll, 0) < max(self.students, self.desk.present - 1)

    def _drop(self) -> None:
        if self.party.options.scenario.dropped or self.party.options.scenario.stuck:
            self._cue("drop", self.desk.name)


TEACHER = {"name": "Instructor", "role": "instructor", "ttl": 24 * 3_600}
