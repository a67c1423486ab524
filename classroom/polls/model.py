"""Polls' types: commands, events, signals, state, and what a member sees of it.

A poll's id is the `seq` of its `poll.prepared`. A vote is kept with its voter (one each, exact recounts), and is shown
to the voter alone; a *named* poll's votes are shown to the staff on demand and in the exported record, a *secret* poll's
to nobody. While a poll is open its tally is a signal; the exact tally is in `poll.closed`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from classroom.kernel import Command, Event, Signal

QUESTION_LIMIT = 500
OPTION_LIMIT = 200
OPTIONS_LIMIT = 12
TEXT_LIMIT = 140
WORDS_SHOWN = 100  # most frequent answers of a text poll that a tally lists
SECONDS_LEAST = 5
SECONDS_LIMIT = 3_600
POLLS_LIMIT = 500
RATING_LIMIT = 10
BATCH_LIMIT = 200  # ballots in one event; more go into the next


class PollKind(StrEnum):
    """`SINGLE`: one option. `MULTIPLE`: any number. `QUIZ`: one or more, some right. `RATING`: 1 to `scale`.
    `TEXT`: a short answer."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    QUIZ = "quiz"
    RATING = "rating"
    TEXT = "text"


class PollState(StrEnum):
    PREPARED = "prepared"
    OPEN = "open"
    CLOSED = "closed"


class Results(StrEnum):
    """When all see the tally: while it is open too, once it is closed, or never (staff only)."""

    LIVE = "live"
    CLOSED = "closed"
    STAFF = "staff"


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a poll asks. `right`: indexes into `options`, only in a quiz. `scale`: points of a rating (2–10).
    `seconds`: how long it stays open by the server's clock (5–3600); missing: until closed by hand. `secret`: nobody
    learns who voted what; otherwise the staff may. `changeable`: a vote may be changed while the poll is open.
    `several`: in a quiz, more than one option may be chosen; the server sets it, so that those who must not see `right`
    know how to ask."""

    question: str
    kind: PollKind
    options: tuple[str, ...] = ()
    right: tuple[int, ...] = ()
    several: bool = False
    scale: int = 5
    seconds: int | None = None
    secret: bool = True
    changeable: bool = True
    results: Results = Results.CLOSED


class Prepare(Command, frozen=True, tag="poll.prepare"):
    """Staff: make a poll, seen by the staff alone until opened. `open`: open it in the same step."""

    spec: Spec
    open: bool = False


class Revise(Command, frozen=True, tag="poll.revise"):
    """Staff: change a poll that is not yet opened. `open`: open it in the same step."""

    id: int
    spec: Spec
    open: bool = False


class Discard(Command, frozen=True, tag="poll.discard"):
    """Staff: throw away a poll that is not yet opened."""

    id: int


class Open(Command, frozen=True, tag="poll.open"):
    """Staff: open a prepared poll for votes. Several polls may be open at once."""

    id: int


class Vote(Command, frozen=True, tag="poll.vote"):
    """Vote. `choice`: indexes of options (single, multiple, quiz), or one number from 1 to `scale` (rating);
    `text`: the answer (text poll)."""

    id: int
    choice: tuple[int, ...] = ()
    text: str | None = None


class Close(Command, frozen=True, tag="poll.close"):
    """Staff, and the server's clock: end the voting and count."""

    id: int


PollCommand = Prepare | Revise | Discard | Open | Vote | Close


class Ballot(msgspec.Struct, frozen=True, array_like=True):
    """One vote: who, which options (or points), what text. On the wire: `[member, [choice…], text]`."""

    member: str
    choice: tuple[int, ...]
    text: str | None = None


class Tally(msgspec.Struct, frozen=True):
    """`counts`: per option, or per point from 1 to `scale`; empty for a text poll. `words`: a text poll's most frequent
    answers (compared without case, each in its first spelling), most frequent first, then by first arrival; an answer
    that everybody has changed away is gone, and arrives anew when it is given again. `voters`: how many have voted."""

    counts: tuple[int, ...]
    voters: int
    words: tuple[tuple[str, int], ...] = ()


class Prepared(Event, frozen=True, tag="poll.prepared"):
    """Staff only. The poll's id is this event's seq."""

    spec: Spec


class Revised(Event, frozen=True, tag="poll.revised"):
    """Staff only."""

    id: int
    spec: Spec


class Discarded(Event, frozen=True, tag="poll.discarded"):
    """Staff only."""

    id: int


class Opened(Event, frozen=True, tag="poll.opened"):
    """The poll as a whole; `spec.right` is empty for all but the staff. `ends_at`: ms since 1970, the server's clock."""

    id: int
    spec: Spec
    ends_at: int | None = None


class Voted(Event, frozen=True, tag="poll.voted"):
    """Votes of one tick on one poll. A member is shown their own; nobody else sees this event. The exported record of a
    named poll has all `ballots`; that of a secret one only their number, `count`."""

    id: int
    count: int
    ballots: tuple[Ballot, ...] = ()
    secret: bool = True


class Closed(Event, frozen=True, tag="poll.closed"):
    """`tally` is exact; it is missing for those who may not see it. `right`: a quiz's right options."""

    id: int
    results: Results
    tally: Tally | None = None
    right: tuple[int, ...] = ()


PollEvent = Prepared | Revised | Discarded | Opened | Voted | Closed


class TallySignal(Signal, frozen=True, tag="poll.tally"):
    """A few times a second while a poll is open: to staff, and to all where `results` is live."""

    id: int
    tally: Tally


class Poll(msgspec.Struct):
    """One poll as the server keeps it. `votes` by member, in order of each one's first vote. `counts`, `words` and
    `spellings` (answer without case to how many, and to how it was first written) are kept while counting, so that a
    tally costs options, not voters; closing puts `tally` in their place."""

    id: int
    spec: Spec
    state: PollState = PollState.PREPARED
    opened_at: int = 0
    ends_at: int | None = None
    closed_at: int = 0
    votes: dict[str, Ballot] = {}
    counts: list[int] = []
    words: dict[str, int] = {}
    spellings: dict[str, str] = {}
    tally: Tally | None = None


class Polls(msgspec.Struct):
    """The state. `polls` by id, in order of preparation; `open`: the ids of those open now, in order of opening."""

    polls: dict[int, Poll] = {}
    open: list[int] = []


class PollView(msgspec.Struct, omit_defaults=True):
    """A poll as a member sees it. `tally` is missing where the reader may not see it (yet)."""

    id: int
    spec: Spec
    state: PollState
    opened_at: int = 0
    ends_at: int | None = None
    closed_at: int = 0
    tally: Tally | None = None


class PollsView(msgspec.Struct):
    """What an audience sees, in order of id: `staff` every poll, `all` those that have been opened."""

    polls: list[PollView]


class PollsOwn(msgspec.Struct):
    """What is one member's alone: their votes, by poll id."""

    votes: dict[int, Ballot] = {}
