"""The words that every feature speaks: command, event, signal, context, rejection.

What always holds here: nothing in this module, and nothing in a pure feature that builds on it, reads a clock, rolls
dice, logs, or waits. Time and the next place in the log come in through `Context` (when deciding) and `Meta` (when
applying); ids are places in the log (`seq`), so folding the same log always gives the same state.

- A **command** is what someone wants. `decide(state, command, context)` answers with events, or raises `Rejected`.
- An **event** is what happened. `apply(state, event, meta)` is the only writer of state and accepts every event.
- A **signal** passes by: never committed, never numbered, replaced by the next of its kind.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NoReturn

import msgspec


class Role(StrEnum):
    """What a member may do. `SYSTEM` is the server itself: timers and presence; no token and no socket ever carries it."""

    INSTRUCTOR = "instructor"
    ASSISTANT = "assistant"
    STUDENT = "student"
    SYSTEM = "system"

    @property
    def staff(self) -> bool:
        """Whether the role moderates: instructors and assistants, and the server acting for them."""
        return self is not Role.STUDENT


class Phase(StrEnum):
    """Where the class stands: before it, in it, after it."""

    WAITING = "waiting"
    LIVE = "live"
    ENDED = "ended"


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What someone wants. `cid` is the client's own id of it: the same `cid` by the same member is applied once."""

    cid: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. Unknown fields are ignored on reading, so a newer log folds in older code as far as it can."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What passes by and is not kept."""


class Member(msgspec.Struct, frozen=True):
    """Who acts: an id that stays over devices and reconnects, a name to show, a role."""

    id: str
    name: str
    role: Role


SYSTEM = Member(id="system", name="", role=Role.SYSTEM)


class Context(msgspec.Struct, frozen=True):
    """All that a decision may know besides the feature's own state.

    `now` is the server's clock in milliseconds since 1970 (UTC). `seq` is the place that the first event of this
    decision will take, and so the id of whatever it creates. `phase`, `started_at`, `muted_until` come from the roster:
    features do not import each other. `muted_until` is 0 when the actor may speak, otherwise milliseconds since 1970.
    """

    actor: Member
    now: int
    seq: int
    phase: Phase = Phase.LIVE
    started_at: int = 0
    muted_until: int = 0

    def class_time(self) -> int:
        """Milliseconds since the class went live; 0 before that."""
        return max(0, self.now - self.started_at) if self.started_at else 0


class Meta(msgspec.Struct, frozen=True):
    """An event's place (`seq`, from 1 without a gap), time (`at`, milliseconds since 1970, UTC) and author (`by`)."""

    seq: int
    at: int
    by: str


class Stored(msgspec.Struct, frozen=True):
    """An event with its place in the log."""

    meta: Meta
    event: Event


class Audience(msgspec.Struct, frozen=True):
    """Whom an event is shown to.

    `staff`: instructors and assistants. `all`: every student. `member`: one student, who sees what all see and what is
    theirs alone (`member` is their id). `record`: the exported log, which names voters of named polls, never of secret ones.
    Staff have things of their own too (their vote in a try-out, say): `staff` with a `member` id is one of the staff.
    """

    kind: Literal["staff", "all", "member", "record"]
    member: str = ""

    @property
    def sees_all(self) -> bool:
        """Whether moderation matters (pending doubts, who asked) are shown."""
        return self.kind in ("staff", "record")


STAFF = Audience("staff")
ALL = Audience("all")
RECORD = Audience("record")


def audience_of(member: Member) -> Audience:
    """The audience that one member is, with what is theirs alone."""
    return Audience("staff" if member.role.staff else "member", member.id)


class Rejected(Exception):
    """A refusal: a stable `code`, a sentence for a person, whether trying the same again may succeed (`temporary`), and,
    where the time is known, `until` (milliseconds since 1970) from when on it may."""

    def __init__(self, code: str, message: str, *, temporary: bool = False, until: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.temporary = temporary
        self.until = until


def too_large(limit: int, what: str = "That is") -> Rejected:
    """What is larger than `limit` bytes. `what` begins the sentence "… larger than 10 MiB."."""
    size = f"{limit / 2**20:g} MiB" if limit >= 1 << 20 else f"{limit} bytes"
    return Rejected("too_large", f"{what} larger than {size}.")


def need_staff(context: Context, what: str) -> None:
    """Refuse students. `what` completes the sentence "Only instructors and assistants may …"."""
    if not context.actor.role.staff:
        raise Rejected("forbidden", f"Only instructors and assistants may {what}.")


def need_instructor(context: Context, what: str) -> None:
    """Refuse all but instructors (and the server). `what` completes the sentence "Only an instructor may …"."""
    if context.actor.role not in (Role.INSTRUCTOR, Role.SYSTEM):
        raise Rejected("forbidden", f"Only an instructor may {what}.")


def need_voice(context: Context, locked: bool, what: str) -> None:
    """Refuse students who may not speak now: muted, the class over, or `what` ("chat", "doubts") locked."""
    if context.actor.role.staff:
        return
    if context.muted_until > context.now:
        raise Rejected("muted", "You are muted by the staff.", temporary=True, until=context.muted_until)
    if context.phase is Phase.ENDED:
        raise Rejected("class_ended", "The class has ended.")
    if locked:
        raise Rejected("locked", f"The staff have closed {what} for now.", temporary=True)


def unreachable(value: NoReturn) -> NoReturn:
    """Ends a `match` over a closed set: mypy proves that it is never reached."""
    raise AssertionError(f"unhandled: {value!r}")
