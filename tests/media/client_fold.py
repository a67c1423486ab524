"""The reference of what a client does with the events of stage and captions, as `classroom.media` and PROTOCOL.md tell it."""

from __future__ import annotations

from msgspec.structs import replace

from classroom.kernel import Event, Meta, Role
from classroom.media import captions
from classroom.media.stage import (
    Called,
    Left,
    Limited,
    Performer,
    Published,
    SourceMuted,
    StageView,
    Unpublished,
)


def fold(view: StageView, event: Event) -> None:
    """Change `view` by one event."""
    match event:
        case Called(member=id, name=name):
            if not any(person.id == id for person in view.people):
                view.people.append(Performer(id=id, name=name, role=Role.STUDENT))
        case Left(members=members):
            view.people = [person for person in view.people if person.id not in members]
        case Published(member=id, name=name, role=role, stream=stream, sources=sources):
            if not any(person.id == id for person in view.people):
                view.people.append(Performer(id=id, name=name, role=role))
            _change(view, id, name=name, role=role, stream=stream, live=sources)
        case Unpublished(member=id):
            if any(person.id == id and person.role is Role.STUDENT for person in view.people):
                _change(view, id, live=(), stream="")
            else:
                view.people = [person for person in view.people if person.id != id]
        case SourceMuted(member=id, sources=sources):
            _change(view, id, muted=sources)
        case Limited(most=most):
            view.most = most
        case _:
            raise AssertionError(f"not an event of the stage: {event!r}")


def _change(view: StageView, id: str, **fields: object) -> None:
    view.people = [replace(person, **fields) if person.id == id else person for person in view.people]


def fold_caption(view: captions.CaptionsView, event: captions.CaptionEvent, meta: Meta) -> None:
    """Change `view` by one event."""
    line = captions.Line(id=meta.seq, at=meta.at, by=event.by, name=event.name, text=event.text)
    view.lines = [*view.lines, line][-captions.KEPT :]
