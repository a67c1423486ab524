"""The reference of what a client does with the roster's events: the fold that `classroom.rooms.roster.rules` describes.

It uses nothing but what a client has: what `show` and `own` gave, the events that `view` let through, and who it is.
"""

from __future__ import annotations

from typing import Any

from classroom.kernel import Event, Phase, Role
from classroom.rooms.roster.model import (
    LISTED,
    Appointed,
    Attended,
    Banned,
    ClassEnded,
    ClassStarted,
    HandLowered,
    HandRaised,
    Muted,
    PersonView,
    Removed,
    Renamed,
    RosterOwn,
    RosterView,
)


def fold(view: RosterView, own: RosterOwn, event: Event, seq: int, at: int, me: str, *, staff: bool) -> None:
    """Change `view` and `own` by one event as the member `me` was shown it ("" for nobody in particular); `staff`: they
    are one of the staff."""
    everybody = staff and view.listed
    match event:
        case Attended():
            _attended(view, event, everybody)
        case HandRaised(member=id):
            view.hands.append(PersonView(id=id, name=event.name, role=event.role))
        case HandLowered(members=members):
            view.hands = [hand for hand in view.hands if hand.id not in members]
        case Muted(member=id, until=until):
            if staff:
                _change(view.people, id, muted_until=until)
            if id == me:
                own.muted_until = until
        case Removed():
            pass
        case Banned(member=id, on=on):
            if staff:
                _change(view.people, id, banned=on)
        case Renamed(member=id, name=name):
            _change(view.people, id, name=name)
            _change(view.hands, id, name=name)
        case Appointed(member=id, role=role):
            _change(view.hands, id, role=role)
            if role is Role.STUDENT and not everybody:
                view.people = [person for person in view.people if person.id != id]
            else:
                _put(view, id, event.name, role, event.present)
        case ClassStarted(started_at=started_at):
            view.phase, view.started_at, view.ended_at = Phase.LIVE, started_at, 0
        case ClassEnded():
            view.phase, view.ended_at = Phase.ENDED, at
        case _:
            raise AssertionError(f"not an event of the roster: {event!r}")


def _attended(view: RosterView, event: Attended, everybody: bool) -> None:
    for id in event.went:
        _change(view.people, id, present=False)
    if not everybody:
        view.people = [person for person in view.people if person.id not in event.demoted]
    for person in event.came:
        if everybody or person.role is not Role.STUDENT:
            _put(view, person.id, person.name, person.role, True)
    if everybody and len(view.people) > LISTED:
        view.people = [person for person in view.people if person.role is not Role.STUDENT]
        view.listed = False


def _put(view: RosterView, id: str, name: str, role: Role, present: bool) -> None:
    if not any(person.id == id for person in view.people):
        view.people.append(PersonView(id=id, name=name, role=role))
    _change(view.people, id, name=name, role=role, present=present)


def _change(people: list[PersonView], id: str, **fields: Any) -> None:
    for person in people:
        if person.id == id:
            for name, value in fields.items():
                setattr(person, name, value)
