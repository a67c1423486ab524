"""The stage: who may publish sound and picture, who does, and what of it the staff have silenced. Pure.

What always holds: the staff may publish; a student may only after having been called on stage, until they leave or are sent
off; no more than `most` are on stage, but an instructor always finds room. Nothing here is secret: all see the same. SDP and
media travel elsewhere; what stands here are the facts. A `stream` is one publication: what is said of an earlier one of the
same member changes nothing any more.

What a client does with the events: `stage.called`: put `{id: member, name, role, live: [], muted: [], stream: ""}` at the end of
`people`, unless there. `stage.left`: drop `members`. `stage.published`: put `live` and `stream` to that person, or a new one at
the end. `stage.unpublished`: empty `live` and `stream` of a student; drop anybody else. `stage.muted`: set `muted`.
`stage.limited`: set `most`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from classroom.kernel import Command, Context, Event, Member, Phase, Rejected, Role, need_staff, unreachable

MOST_LIMIT = 24  # people on stage, whatever the staff set


class Source(StrEnum):
    """What a published track shows or carries."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"


class Call(Command, frozen=True, tag="stage.call"):
    """Staff: call a student on stage, whose hand goes down."""

    member: str


class Leave(Command, frozen=True, tag="stage.leave"):
    """Leave the stage; staff: send `member` off."""

    member: str | None = None


class MuteSource(Command, frozen=True, tag="stage.mute"):
    """Staff: what this person sends of `source` reaches nobody; with `on` false it does again."""

    member: str
    source: Source = Source.MICROPHONE
    on: bool = True


class Limit(Command, frozen=True, tag="stage.limit"):
    """Instructor: at most so many on stage (1 to 24)."""

    most: int


class Publish(Command, frozen=True, tag="stage.publish"):
    """The server's own: a member's media arrive. No socket can send it."""

    member: str
    name: str
    role: Role
    stream: str
    sources: tuple[Source, ...]


class Unpublish(Command, frozen=True, tag="stage.unpublish"):
    """The server's own: a member's media arrive no more. No socket can send it."""

    member: str
    stream: str


StageCommand = Call | Leave | MuteSource | Limit | Publish | Unpublish


class Called(Event, frozen=True, tag="stage.called"):
    member: str
    name: str


class Left(Event, frozen=True, tag="stage.left"):
    """`by_staff` tells being sent off from going."""

    members: tuple[str, ...]
    by_staff: bool = False


class Published(Event, frozen=True, tag="stage.published"):
    """From now on `sources` of this member can be watched."""

    member: str
    name: str
    role: Role
    stream: str
    sources: tuple[Source, ...]


class Unpublished(Event, frozen=True, tag="stage.unpublished"):
    member: str


class SourceMuted(Event, frozen=True, tag="stage.muted"):
    """`sources`: all that the staff have muted of this member."""

    member: str
    sources: tuple[Source, ...]


class Limited(Event, frozen=True, tag="stage.limited"):
    most: int


StageEvent = Called | Left | Published | Unpublished | SourceMuted | Limited


class Performer(msgspec.Struct, frozen=True):
    """Somebody on stage. `live`: what they send; `muted`: what the staff keep from the others; `stream`: "" while nothing."""

    id: str
    name: str
    role: Role
    live: tuple[Source, ...] = ()
    muted: tuple[Source, ...] = ()
    stream: str = ""


class Stage(msgspec.Struct):
    """The state. `people` by id, in order of coming on stage."""

    people: dict[str, Performer] = {}
    most: int = 8


class StageView(msgspec.Struct):
    """The stage as everybody sees it. `people` in order of coming."""

    people: list[Performer]
    most: int


def decide(state: Stage, command: StageCommand, context: Context, person: Member | None = None) -> list[Event]:
    """The events that `command` leads to. `person`: who its `member` is, with the name and role in force; None: unknown."""
    match command:
        case Call():
            return _call(state, command, context, person)
        case Leave(member=id):
            if id not in (None, context.actor.id):
                need_staff(context, "send others off the stage")
                _not_above(state, id, context)
            gone = context.actor.id if id is None else id
            return left(state, (gone,), by_staff=gone != context.actor.id)
        case MuteSource():
            return _mute(state, command, context)
        case Limit(most=most):
            if context.actor.role not in (Role.INSTRUCTOR, Role.SYSTEM):
                raise Rejected("forbidden", "Only an instructor may set how many are on stage.")
            if not 1 <= most <= MOST_LIMIT:
                raise Rejected("bad_request", f"From 1 to {MOST_LIMIT} people can be on stage.")
            return [] if state.most == most else [Limited(most=most)]
        case Publish():
            return _publish(state, command, context)
        case Unpublish(member=id, stream=stream):
            _need_server(context)
            there = state.people.get(id)
            return [Unpublished(member=id)] if there and stream and there.stream == stream else []
        case _:
            return unreachable(command)


def apply(state: Stage, event: StageEvent, meta: object = None) -> None:
    """Fold one event in. Does nothing where the member is not on stage."""
    match event:
        case Called(member=id):
            state.people.setdefault(id, Performer(id=id, name=event.name, role=Role.STUDENT))
        case Left():
            for id in event.members:
                state.people.pop(id, None)
        case Published(member=id):
            fresh = Performer(id=id, name=event.name, role=event.role)
            before = state.people.get(id, fresh)
            state.people[id] = replace(
                before, name=event.name, role=event.role, live=event.sources, stream=event.stream
            )
        case Unpublished(member=id):
            if there := state.people.get(id):
                if there.role is Role.STUDENT:
                    state.people[id] = replace(there, live=(), stream="")
                else:
                    del state.people[id]
        case SourceMuted(member=id):
            if there := state.people.get(id):
                state.people[id] = replace(there, muted=event.sources)
        case Limited():
            state.most = event.most
        case _:
            unreachable(event)


def show(state: Stage) -> StageView:
    """The stage as everybody sees it."""
    return StageView(people=list(state.people.values()), most=state.most)


def may_publish(state: Stage, member: Member, phase: Phase) -> None:
    """Raises `Rejected` with why this member may not publish now: "forbidden", "class_ended", "too_many"."""
    if phase is Phase.ENDED:
        raise Rejected("class_ended", "The class has ended.")
    if member.id in state.people:
        return
    if not member.role.staff:
        raise Rejected("forbidden", "Only who has been called on stage may publish.")
    if member.role is Role.ASSISTANT:
        _need_room(state)


def left(state: Stage, ids: tuple[str, ...], *, by_staff: bool = True) -> list[Event]:
    """What takes these members off the stage, as far as they are on it."""
    there = tuple(id for id in ids if id in state.people)
    return [Left(members=there, by_staff=by_staff)] if there else []


def _call(state: Stage, command: Call, context: Context, person: Member | None) -> list[Event]:
    need_staff(context, "call others on stage")
    if context.phase is Phase.ENDED:
        raise Rejected("class_ended", "The class has ended.")
    if person is None:
        raise Rejected("not_found", "Nobody by that id has been in this class.")
    if person.role.staff:
        raise Rejected("wrong_state", "The staff come on stage by themselves.")
    if person.id in state.people:
        return []
    _need_room(state)
    return [Called(member=person.id, name=person.name)]


def _mute(state: Stage, command: MuteSource, context: Context) -> list[Event]:
    need_staff(context, "mute others on stage")
    there = _not_above(state, command.member, context)
    if there is None:
        raise Rejected("not_found", "They are not on stage.")
    others = tuple(source for source in there.muted if source is not command.source)
    wanted = tuple(sorted((*others, command.source))) if command.on else others
    return [] if wanted == there.muted else [SourceMuted(member=there.id, sources=wanted)]


def _publish(state: Stage, command: Publish, context: Context) -> list[Event]:
    _need_server(context)
    member = Member(command.member, command.name, command.role)
    may_publish(state, member, context.phase)
    there = state.people.get(member.id)
    if there and (there.live, there.stream) == (command.sources, command.stream):
        return []
    return [
        Published(member=member.id, name=member.name, role=member.role, stream=command.stream, sources=command.sources)
    ]


def _not_above(state: Stage, id: str | None, context: Context) -> Performer | None:
    """Nobody acts on an instructor but themselves and the server."""
    there = state.people.get(id) if id is not None else None
    if there and there.role is Role.INSTRUCTOR and context.actor.role is not Role.SYSTEM:
        raise Rejected("forbidden", "Nobody may do this to an instructor.")
    return there


def _need_room(state: Stage) -> None:
    if len(state.people) >= state.most:
        raise Rejected("too_many", f"{state.most} are on stage already.", temporary=True)


def _need_server(context: Context) -> None:
    if context.actor.role is not Role.SYSTEM:
        raise Rejected("forbidden", "Only the server says who publishes.")
