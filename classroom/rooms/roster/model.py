"""The roster's types: commands, events, state, and what a member sees of it.

Everybody who has ever been in the room has a record; `present` says who is in it now, as far as the log knows
(attendance is recorded in batches, so it lags by a second or so). Students see the staff, raised hands and the phase; the
staff see everybody. A member's role is the one of their token, unless an instructor appointed them to another.
"""

from __future__ import annotations

import msgspec

from classroom.kernel import Command, Event, Phase, Role
from classroom.texts import NAME_LIMIT as NAME_LIMIT

REASON_LIMIT = 300
LISTED = 1_000  # people up to this many are in the staff's view; more are asked for by page and by search
MUTE_MINUTES_LIMIT = 24 * 60
HANDS_LIMIT = 1_000  # hands that can be up at once: everybody is sent all of them


class RaiseHand(Command, frozen=True, tag="roster.raise_hand"):
    """Raise one's hand, or lower it."""

    on: bool = True


class LowerHand(Command, frozen=True, tag="roster.lower_hand"):
    """Staff: lower one member's hand; without `member` all hands."""

    member: str | None = None


class Mute(Command, frozen=True, tag="roster.mute"):
    """Staff: a student may not write or ask, for `minutes` (at most a day)."""

    member: str
    minutes: int = 10


class Unmute(Command, frozen=True, tag="roster.unmute"):
    """Staff."""

    member: str


class Remove(Command, frozen=True, tag="roster.remove"):
    """Staff: disconnect a student, who may come back."""

    member: str
    reason: str = ""


class Ban(Command, frozen=True, tag="roster.ban"):
    """Staff: disconnect a student, who may not come back until unbanned."""

    member: str
    reason: str = ""


class Unban(Command, frozen=True, tag="roster.unban"):
    """Staff."""

    member: str


class Rename(Command, frozen=True, tag="roster.rename"):
    """Change one's own shown name; staff also a student's (`member`)."""

    name: str
    member: str | None = None


class Appoint(Command, frozen=True, tag="roster.appoint"):
    """Instructor: make a student an assistant, or an assistant a student."""

    member: str
    role: Role


class StartClass(Command, frozen=True, tag="class.start"):
    """Instructor: waiting (or ended) → live. The class's clock starts with the first start."""


class EndClass(Command, frozen=True, tag="class.end"):
    """Instructor: live → ended."""


class Attend(Command, frozen=True, tag="roster.attend"):
    """The server's own: who came to one of its edges and who went there since the last time, with names and roles of their
    tokens. Whoever is in both is here. Who went at one edge and is at another by now has not gone. No socket can send it."""

    came: tuple[Person, ...] = ()
    went: tuple[str, ...] = ()
    edge: str = ""


class Person(msgspec.Struct, frozen=True, array_like=True):
    """On the wire: `[id, name, role]`."""

    id: str
    name: str
    role: Role


RosterCommand = (
    RaiseHand | LowerHand | Mute | Unmute | Remove | Ban | Unban | Rename | Appoint | StartClass | EndClass | Attend
)


class Attended(Event, frozen=True, tag="roster.attended"):
    """Who came (with names and roles in force) and who went. Staff see all of it; students only the staff among them.
    `staff_went` repeats from `went` those who were staff, `demoted` from `came` those who were staff until now. `edge`,
    which only the server and the record know: the worker that `came` are connected to."""

    came: tuple[Person, ...] = ()
    went: tuple[str, ...] = ()
    edge: str = ""
    staff_went: tuple[str, ...] = ()
    demoted: tuple[str, ...] = ()


class HandRaised(Event, frozen=True, tag="roster.hand_raised"):
    """The hand goes to the end of the line. It keeps this name until `roster.renamed`."""

    member: str
    name: str
    role: Role = Role.STUDENT


class HandLowered(Event, frozen=True, tag="roster.hand_lowered"):
    """`members` whose hands are down now; `by_staff` tells a moderator from oneself."""

    members: tuple[str, ...]
    by_staff: bool = False


class Muted(Event, frozen=True, tag="roster.muted"):
    """Staff and the member see it. `until`: ms since 1970; 0: unmuted."""

    member: str
    until: int


class Removed(Event, frozen=True, tag="roster.removed"):
    """Staff and the member see it."""

    member: str
    reason: str = ""


class Banned(Event, frozen=True, tag="roster.banned"):
    """Staff and the member see it. `on` false: unbanned."""

    member: str
    on: bool = True
    reason: str = ""


class Renamed(Event, frozen=True, tag="roster.renamed"):
    member: str
    name: str


class Appointed(Event, frozen=True, tag="roster.appointed"):
    """`present`: whether they are in the room now, which students could not know of one who was a student."""

    member: str
    name: str
    role: Role
    present: bool = True


class ClassStarted(Event, frozen=True, tag="class.started"):
    """`started_at`: ms since 1970 of the first start, which the class's clock counts from."""

    started_at: int


class ClassEnded(Event, frozen=True, tag="class.ended"):
    """The class is over; students may read, not write."""


RosterEvent = (
    Attended | HandRaised | HandLowered | Muted | Removed | Banned | Renamed | Appointed | ClassStarted | ClassEnded
)


class Record(msgspec.Struct):
    """One member as the server keeps them. `role` is the one in force; `appointed`: it overrides the token's; `edge`: the
    worker they were last connected to."""

    id: str
    name: str
    role: Role
    present: bool = False
    appointed: bool = False
    renamed: bool = False
    muted_until: int = 0
    banned: bool = False
    edge: str = ""


class Roster(msgspec.Struct):
    """The state. `members` by id in order of first coming; `staff`: ids of those whose role in force is a staff one, in
    order of becoming so; `hands`: raised hands by id, first raised first, with the name they were raised under."""

    members: dict[str, Record] = {}
    staff: list[str] = []
    hands: dict[str, Person] = {}
    phase: Phase = Phase.WAITING
    started_at: int = 0
    ended_at: int = 0


class PersonView(msgspec.Struct, omit_defaults=True):
    """A member as others see them."""

    id: str
    name: str
    role: Role
    present: bool = False
    muted_until: int = 0
    banned: bool = False


class RosterView(msgspec.Struct):
    """What an audience sees. `hands`: first raised first; id, name and role alone. `people`: for `all` the staff members,
    without `muted_until` and `banned`; for `staff` everybody, unless more than `LISTED` belong to the room: then
    `listed` is false, `people` are the staff members, and others are asked for by page. The order of `people` says
    nothing."""

    phase: Phase
    started_at: int
    ended_at: int
    hands: list[PersonView]
    people: list[PersonView]
    listed: bool


class RosterOwn(msgspec.Struct):
    """What is one member's alone. Their name and role in force are in `me` of the welcome."""

    muted_until: int = 0
