"""A lesson's past: a room's log written straight into the journal, before a server opens it.

What always holds: events get the places 1, 2, 3 … in the order in which they are told, each a little later than the one
before, and the last one about now.
"""

from __future__ import annotations

import time
from pathlib import Path

from msgspec.structs import replace

from classroom.chat.model import Reacted, Said
from classroom.config import load
from classroom.doubts.model import Answered, Asked, DoubtState, Published, Started, Tick
from classroom.doubts.model import Voted as DoubtVoted
from classroom.journal.sql import open_journal
from classroom.kernel import Event, Meta, Role, Stored
from classroom.polls.model import Ballot, Closed, Opened, PollKind, Prepared, Results, Spec, Tally
from classroom.polls.model import Voted as PollVoted
from classroom.rooms.roster.model import Attended, ClassEnded, ClassStarted, HandRaised, Person
from classroom.whiteboard.model import Changed, Drawn
from classroom.whiteboard.quantise import pack
from tests.running import environment
from tests.vectors.drawing import fields, whole

PAGE = 5_000  # events in one transaction


class Past:
    """What was said and done. `step`: milliseconds from one event to the next. Ids of members are their names in lower
    case; times count from 0 until the past is kept."""

    def __init__(self, step: int = 2_000) -> None:
        self.events: list[Stored] = []
        self._at = 0
        self._step = step
        self._started = 0

    @property
    def now(self) -> int:
        """When the last thing happened, in ms since the beginning."""
        return self._at

    @property
    def started(self) -> int:
        """When the class was started, likewise."""
        return self._started

    def wait(self, milliseconds: int) -> None:
        self._at += milliseconds

    def happens(self, event: Event, by: str) -> int:
        """The event's place, and so the id of what it is about."""
        self._at += self._step
        seq = len(self.events) + 1
        self.events.append(Stored(Meta(seq, self._at, by.lower()), event))
        return seq

    def come(self, *names: str) -> None:
        came = tuple(Person(name.lower(), name, Role.STUDENT) for name in names)
        self.happens(Attended(came=came), "system")

    def start(self) -> None:
        self._started = self._at + self._step
        self.happens(ClassStarted(started_at=self._started), "demo-instructor")

    def say(self, name: str, text: str, role: Role = Role.STUDENT, reply_to: int | None = None) -> int:
        said = Said(by=_id(name, role), name=name, role=role, text=text, reply_to=reply_to)
        return self.happens(said, said.by)

    def react(self, id: int, emoji: str, *members: str) -> None:
        for count, member in enumerate(members, start=1):
            self.happens(Reacted(id=id, emoji=emoji, count=count, by=member.lower()), member)

    def ask(self, name: str, text: str, anonymous: bool = False) -> int:
        """A doubt that waits for approval."""
        asked = Asked(text=text, state=DoubtState.PENDING, anonymous=anonymous, by=name.lower(), name=name)
        return self.happens(asked, name)

    def approve(self, id: int) -> int:
        stored = self.events[id - 1]
        asked = stored.event
        assert isinstance(asked, Asked)
        whole = Published(
            id=id,
            at=stored.meta.at,
            text=asked.text,
            votes=1,
            was=DoubtState.PENDING,
            anonymous=asked.anonymous,
            by=asked.by,
            name=asked.name,
        )
        self.happens(whole, "demo-instructor")
        return id

    def answer_now(self, id: int) -> None:
        self.happens(Started(id=id), "demo-instructor")

    def answer_live(self, id: int) -> None:
        self.answer_now(id)
        time_in_class = self._at + self._step - self._started
        self.happens(Answered(id=id, live=True, class_time=time_in_class), "demo-instructor")

    def stand_behind(self, id: int, *members: str) -> None:
        """Members who ask it too, besides the one who asked."""
        changes = tuple(Tick(member.lower(), id, True) for member in members)
        self.happens(DoubtVoted(votes={id: 1 + len(changes)}, changes=changes), "system")

    def poll(self, question: str, options: tuple[str, ...], kind: PollKind = PollKind.SINGLE, open: bool = True) -> int:
        """A poll whose tally all see as it comes in."""
        spec = Spec(question=question, kind=kind, options=options, results=Results.LIVE)
        id = self.happens(Prepared(spec=spec), "demo-instructor")
        if open:
            self.happens(Opened(id=id, spec=spec), "demo-instructor")
        return id

    def vote(self, id: int, *votes: int) -> None:
        """How many chose each option."""
        chosen = [option for option, count in enumerate(votes) for _ in range(count)]
        ballots = tuple(Ballot(f"voter-{number}", (option,)) for number, option in enumerate(chosen))
        for at in range(0, len(ballots), 200):
            part = ballots[at : at + 200]
            self.happens(PollVoted(id=id, count=len(part), ballots=part), "system")

    def raise_hand(self, name: str) -> None:
        self.happens(HandRaised(member=name.lower(), name=name), name)

    def close_poll(self, id: int, *counts: int) -> None:
        tally = Tally(counts, sum(counts))
        self.happens(Closed(id=id, results=Results.LIVE, tally=tally), "demo-instructor")

    def draw(self, id: str, *points: tuple[float, float], page: int = 0) -> int:
        """A stroke of the pen, as it is when the pen is lifted."""
        change = whole(id, 1, 1, fields("freedraw", 40, 40), pack(list(points)))
        changed = Changed(id=change.id, version=1, nonce=1, set=change.set, points=change.points)
        return self.happens(Drawn(page=page, by="demo-instructor", changes=(changed,), added=1), "demo-instructor")

    def end(self) -> None:
        self.happens(ClassEnded(), "demo-instructor")

    async def keep(self, folder: Path, title: str = "Demo class", room: str = "demo") -> int:
        """Write it as a room of the server that has, or will have, its data in `folder`. When it began, in ms since 1970."""
        folder.mkdir(parents=True, exist_ok=True)
        late = int(time.time() * 1_000) - self._at
        events = [_later(stored, late) for stored in self.events]
        journal = await open_journal(load(environment=environment(folder, {})).database_url)
        try:
            await journal.create(room, title, events[0].meta.at, open=True)
            for at in range(0, len(events), PAGE):
                await journal.append(room, at, events[at : at + PAGE])
        finally:
            await journal.close()
        return late


def _id(name: str, role: Role) -> str:
    return "demo-instructor" if role is Role.INSTRUCTOR else name.lower()


def _later(stored: Stored, milliseconds: int) -> Stored:
    """The event with all its times moved."""
    meta, event = stored.meta, stored.event
    if isinstance(event, ClassStarted):
        event = replace(event, started_at=event.started_at + milliseconds)
    elif isinstance(event, Published):
        event = replace(event, at=event.at + milliseconds)
    return Stored(replace(meta, at=meta.at + milliseconds), event)
