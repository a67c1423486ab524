"""Captions: what is being said, typed along by the staff for who cannot hear it. Pure.

What always holds: a caption is one line that is never changed; the newest `KEPT` are at hand, the whole of them is in the log,
where `at` puts each beside the recording. Nothing here is secret: all see the same.

What a client does with the events: `caption.said`: put `{id: seq, at, by, name, text}` at the end of `lines`, and keep the last
`KEPT`.
"""

from __future__ import annotations

import msgspec

from classroom.kernel import Command, Context, Event, Meta, Phase, Rejected, need_staff
from classroom.texts import clean_text

TEXT_LIMIT = 200  # characters of a line
KEPT = 20  # lines at hand


class Say(Command, frozen=True, tag="caption.say"):
    """Staff: a line of what is being said."""

    text: str


class Said(Event, frozen=True, tag="caption.said"):
    by: str
    name: str
    text: str


CaptionCommand = Say
CaptionEvent = Said


class Line(msgspec.Struct, frozen=True):
    """`id`: its place in the log; `at`: when (ms since 1970)."""

    id: int
    at: int
    by: str
    name: str
    text: str


class Captions(msgspec.Struct):
    """The state. `lines`: the newest, oldest first."""

    lines: list[Line] = []


class CaptionsView(msgspec.Struct):
    """The captions as everybody sees them, oldest first."""

    lines: list[Line]


def decide(state: Captions, command: CaptionCommand, context: Context) -> list[Event]:
    """The events that `command` leads to."""
    need_staff(context, "write captions")
    if context.phase is Phase.ENDED:
        raise Rejected("class_ended", "The class has ended.")
    text = clean_text(" ".join(command.text.split()), TEXT_LIMIT, "caption")
    return [Said(by=context.actor.id, name=context.actor.name, text=text)]


def apply(state: Captions, event: CaptionEvent, meta: Meta) -> None:
    """Fold one event in."""
    state.lines = [*state.lines, Line(meta.seq, meta.at, event.by, event.name, event.text)][-KEPT:]


def show(state: Captions) -> CaptionsView:
    """The captions as everybody sees them."""
    return CaptionsView(lines=list(state.lines))
