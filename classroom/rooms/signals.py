"""Signals of the room itself: what passes by and is not kept. The newest replaces the one of its kind that waits, but reactions,
which add up."""

from __future__ import annotations

from classroom.chat.model import EMOJI
from classroom.kernel import Rejected, Signal
from classroom.polls.model import TallySignal
from classroom.whiteboard.model import Cursor, CursorBy, Ink, InkBy, InkSlot, Laser, LaserBy


class Typing(Signal, frozen=True, tag="typing", forbid_unknown_fields=True):
    """Client → server: this member is writing."""


class React(Signal, frozen=True, tag="react", forbid_unknown_fields=True):
    """Client → server: an emoji to the whole class, one of chat's `EMOJI`."""

    emoji: str


class Present(Signal, frozen=True, tag="present"):
    """Server → client, at most once a second: how many members are in the room."""

    count: int


class TypingBy(Signal, frozen=True, tag="typing_by"):
    """Server → client: this member is writing. It fades after 5 s without another."""

    id: str
    name: str


class Reactions(Signal, frozen=True, tag="reactions"):
    """Server → client: emoji to how many members sent it since the last one."""

    counts: dict[str, int]


SignalIn = Typing | React | Ink | Cursor | Laser
SignalOut = Present | TypingBy | Reactions | TallySignal | InkBy | InkSlot | CursorBy | LaserBy


def check(signal: SignalIn) -> None:
    """Refuse what no member may send."""
    if isinstance(signal, React) and signal.emoji not in EMOJI:
        raise Rejected("bad_request", "That is not one of the emoji offered here.")
