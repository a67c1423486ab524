"""Doubts' types: commands, events, state, and what a member sees of it.

A doubt's id is the `seq` of its `doubt.asked`. Its life: pending → open → answering → answered, with dismissed,
withdrawn and merged as side exits; staff may reopen what is dismissed or answered. Pending doubts, dismissals with
their reasons, and who asked anonymously, are shown to the staff and the asker only; a student therefore meets a doubt
for the first time in `doubt.asked` (where doubts are not moderated) or in `doubt.published` (approved or reopened).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from classroom.kernel import Command, Event

TEXT_LIMIT = 1_000
ANSWER_LIMIT = 4_000
REASON_LIMIT = 300
OPEN_LIMIT = 20  # doubts of one student that are pending or open at once
DOUBTS_LIMIT = 20_000  # doubts in one room


class DoubtState(StrEnum):
    PENDING = "pending"
    OPEN = "open"
    ANSWERING = "answering"
    ANSWERED = "answered"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"

    @property
    def public(self) -> bool:
        """Whether every student sees a doubt in this state."""
        return self in (DoubtState.OPEN, DoubtState.ANSWERING, DoubtState.ANSWERED)


class Ask(Command, frozen=True, tag="doubt.ask"):
    """Ask. `anonymous` hides the name from other students; staff always know."""

    text: str
    anonymous: bool = False


class Withdraw(Command, frozen=True, tag="doubt.withdraw"):
    """Take back one's own doubt, as long as it is pending or open."""

    id: int


class Vote(Command, frozen=True, tag="doubt.vote"):
    """ "Me too", or take it back. The asker's own vote stands from the start and stays."""

    id: int
    on: bool = True


class Approve(Command, frozen=True, tag="doubt.approve"):
    """Staff: show a pending doubt to all."""

    id: int


class Dismiss(Command, frozen=True, tag="doubt.dismiss"):
    """Staff: put aside a pending, open or answering doubt; the asker is told the reason."""

    id: int
    reason: str


class Start(Command, frozen=True, tag="doubt.start"):
    """Staff: "answering now". At most one doubt at a time: the one before goes back to open. A pending one is shown."""

    id: int


class Finish(Command, frozen=True, tag="doubt.finish"):
    """Staff: "answered live", at this moment of the class. Open or answering doubts."""

    id: int


class Answer(Command, frozen=True, tag="doubt.answer"):
    """Staff: answer in text (again: the text is replaced). Pending (shown by it), open, answering, answered doubts."""

    id: int
    text: str


class Merge(Command, frozen=True, tag="doubt.merge"):
    """Staff: this doubt is the same as `into`; votes unite. Both pending, open or answering; `into` may be answered."""

    id: int
    into: int


class Pin(Command, frozen=True, tag="doubt.pin"):
    """Staff: keep a public doubt at the top, or let it go."""

    id: int
    on: bool = True


class Reopen(Command, frozen=True, tag="doubt.reopen"):
    """Staff: back to open from dismissed, answering or answered (an answer's text stays)."""

    id: int


class Configure(Command, frozen=True, tag="doubt.configure"):
    """Staff: whether doubts wait for approval (`moderated`), whether students may not ask (`locked`), whether they
    may do so anonymously (`anonymous`)."""

    moderated: bool | None = None
    locked: bool | None = None
    anonymous: bool | None = None


DoubtCommand = Ask | Withdraw | Vote | Approve | Dismiss | Start | Finish | Answer | Merge | Pin | Reopen | Configure


class Asked(Event, frozen=True, tag="doubt.asked"):
    """A doubt. Its id is this event's seq. `by` and `name` are missing where the reader may not know them."""

    text: str
    state: DoubtState
    anonymous: bool = False
    by: str | None = None
    name: str | None = None


class Withdrawn(Event, frozen=True, tag="doubt.withdrawn"):
    """`was` is the state before: what was never public stays unknown to the others."""

    id: int
    by: str | None
    was: DoubtState


class Tick(msgspec.Struct, frozen=True, array_like=True):
    """One change of a vote: who, on which doubt, put or taken back. On the wire: `[member, doubt, on]`."""

    member: str
    id: int
    on: bool


class Voted(Event, frozen=True, tag="doubt.voted"):
    """Votes of one tick. `votes`: doubt's id to its exact count afterwards. `changes` names the voters: the server and
    the exported record know all of them; a member is shown their own; nobody else is named."""

    votes: dict[int, int]
    changes: tuple[Tick, ...] = ()


class Published(Event, frozen=True, tag="doubt.published"):
    """The doubt is (again) open and seen by all, so the whole of it is here. `was` tells approving from reopening."""

    id: int
    at: int
    text: str
    votes: int
    was: DoubtState
    anonymous: bool = False
    by: str | None = None
    name: str | None = None
    answer: str | None = None


class Dismissed(Event, frozen=True, tag="doubt.dismissed"):
    """`reason` and `by` (the asker) are shown to the staff and the asker; the others see that a public one is gone."""

    id: int
    was: DoubtState
    by: str | None = None
    reason: str | None = None


class Started(Event, frozen=True, tag="doubt.started"):
    """Being answered now. `back`: the doubt that was being answered until now and is open again."""

    id: int
    back: int | None = None


class Answered(Event, frozen=True, tag="doubt.answered"):
    """Answered: live, at `class_time` (ms since the class began), or in `text`, or first one and then the other."""

    id: int
    live: bool = False
    class_time: int | None = None
    text: str | None = None


class Merged(Event, frozen=True, tag="doubt.merged"):
    """`id` is now part of `into`, which has `votes` votes afterwards. `by`: who asked `id` (staff and asker see it).

    Where `id` was not public, `behind` names those who stood behind it: its asker, and the askers of what was merged
    into it before. Where `into` is not public, `into_by` is who asked that. Staff see these two, students never."""

    id: int
    into: int
    votes: int
    was: DoubtState
    by: str | None = None
    into_public: bool = True
    behind: tuple[str, ...] = ()
    into_by: str | None = None


class Pinned(Event, frozen=True, tag="doubt.pinned"):
    id: int
    on: bool = True


class Configured(Event, frozen=True, tag="doubt.configured"):
    moderated: bool
    locked: bool
    anonymous: bool


DoubtEvent = Asked | Withdrawn | Voted | Published | Dismissed | Started | Answered | Merged | Pinned | Configured


class Doubt(msgspec.Struct):
    """One doubt as the server keeps it. `voters`: ids of all who stand behind it, the asker first. `merged_into` is
    never a doubt that is itself merged: when that happens to it, `merged_into` moves on with it."""

    id: int
    at: int
    by: str
    name: str
    text: str
    anonymous: bool
    state: DoubtState
    voters: dict[str, bool] = {}
    pinned: bool = False
    reason: str = ""
    answer: str | None = None
    live: bool = False
    class_time: int | None = None
    merged_into: int | None = None


class Doubts(msgspec.Struct):
    """The state. `doubts` by id, oldest first."""

    doubts: dict[int, Doubt] = {}
    answering: int | None = None
    moderated: bool = True
    locked: bool = False
    anonymous: bool = True


class DoubtView(msgspec.Struct, omit_defaults=True):
    """A doubt as a member sees it. `by`, `name`, `reason` are missing where the reader may not know them."""

    id: int
    at: int
    text: str
    state: DoubtState
    votes: int
    anonymous: bool = False
    by: str | None = None
    name: str | None = None
    pinned: bool = False
    reason: str | None = None
    answer: str | None = None
    live: bool = False
    class_time: int | None = None
    merged_into: int | None = None


class DoubtsView(msgspec.Struct):
    """What an audience sees: `all` the public doubts, `staff` every doubt. Oldest first."""

    doubts: list[DoubtView]
    moderated: bool
    locked: bool
    anonymous: bool


class DoubtsOwn(msgspec.Struct):
    """What is one member's alone: their doubts in full whatever the state (oldest first; for staff empty, since they
    see all), the ids of those they asked, and the ids of all they stand behind, whatever the state: what is dismissed
    may come back. Ids in rising order."""

    doubts: list[DoubtView] = []
    asked: list[int] = []
    voted: list[int] = []
