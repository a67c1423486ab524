"""The room: every feature's state side by side, and one explicit dispatch for each question asked of them.

What always holds: `decide` reads only; `apply` is the only writer and accepts every event; folding the log from 1,
following it live, and loading a snapshot and folding the rest give the same bytes. What an audience may see of an event
depends on the event alone (`view`), so it can be encoded once for all who share it.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from hashlib import sha256
from typing import Any, TypeVar, get_args

import msgspec

from classroom.chat import model as chat
from classroom.chat import rules as chat_rules
from classroom.doubts import model as doubts
from classroom.doubts import rules as doubts_rules
from classroom.kernel import Audience, Context, Event, Member, Meta, Rejected, Stored
from classroom.media import captions, stage
from classroom.polls import model as polls
from classroom.polls import rules as polls_rules
from classroom.rooms.roster import model as roster
from classroom.rooms.roster import rules as roster_rules
from classroom.whiteboard import model as board
from classroom.whiteboard import rules as board_rules

AnyCommand = (
    chat.ChatCommand
    | doubts.DoubtCommand
    | polls.PollCommand
    | roster.RosterCommand
    | board.BoardCommand
    | stage.StageCommand
    | captions.CaptionCommand
)
AnyEvent = (
    chat.ChatEvent
    | doubts.DoubtEvent
    | polls.PollEvent
    | roster.RosterEvent
    | board.BoardEvent
    | stage.StageEvent
    | captions.CaptionEvent
)

SNAPSHOT_VERSION = 5  # raise it whenever the encoded state changes its meaning: older snapshots are then ignored


class Room(msgspec.Struct):
    """One room's whole state: the fold of its log up to `seq`, whose event happened `at` (ms since 1970)."""

    seq: int = 0
    at: int = 0
    roster: roster.Roster = msgspec.field(default_factory=roster.Roster)
    chat: chat.Chat = msgspec.field(default_factory=chat.Chat)
    doubts: doubts.Doubts = msgspec.field(default_factory=doubts.Doubts)
    polls: polls.Polls = msgspec.field(default_factory=polls.Polls)
    board: board.Board = msgspec.field(default_factory=board.Board)
    stage: stage.Stage = msgspec.field(default_factory=stage.Stage)
    captions: captions.Captions = msgspec.field(default_factory=captions.Captions)


class RoomView(msgspec.Struct):
    """The room as an audience sees it, without what is one member's alone."""

    roster: roster.RosterView
    chat: chat.ChatView
    doubts: doubts.DoubtsView
    polls: polls.PollsView
    board: board.BoardView
    stage: stage.StageView
    captions: captions.CaptionsView


class RoomOwn(msgspec.Struct):
    """What is one member's alone."""

    roster: roster.RosterOwn
    chat: chat.ChatOwn
    doubts: doubts.DoubtsOwn
    polls: polls.PollsOwn


def decide(room: Room, command: AnyCommand, actor: Member, now: int) -> list[Event]:
    """What `command` by `actor` at `now` (ms since 1970) makes happen; the first event will take place `room.seq + 1`.

    Raises `Rejected`, whatever the command, for who is banned. Changes nothing.
    """
    if roster_rules.is_banned(room.roster, actor.id):
        raise Rejected("banned", "You have been banned from this room.")
    context = Context(
        actor=roster_rules.in_force(room.roster, actor),
        now=now,
        seq=room.seq + 1,
        phase=room.roster.phase,
        started_at=room.roster.started_at,
        muted_until=roster_rules.muted_until(room.roster, actor.id),
    )
    return _DECIDE[type(command)](room, command, context)


def _call(room: Room, command: stage.Call, context: Context) -> list[Event]:
    called = stage.decide(room.stage, command, context, _known(room, command.member))
    lower = roster.LowerHand(member=command.member)
    return [*called, *roster_rules.decide(room.roster, lower, context)] if called else []


def _known(room: Room, id: str) -> Member | None:
    record = room.roster.members.get(id)
    return Member(id, record.name, record.role) if record else None


def _with_stage(room: Room, events: list[Event]) -> list[Event]:
    """Whoever is put out of the room, or loses the role that let them on stage, leaves it; so do all when the class ends."""
    gone: list[str] = []
    for event in events:
        if isinstance(event, roster.Removed | roster.Appointed) or (isinstance(event, roster.Banned) and event.on):
            gone.append(event.member)
        elif isinstance(event, roster.Attended):
            gone += event.demoted
        elif isinstance(event, roster.ClassEnded):
            gone += room.stage.people
    return [*events, *stage.left(room.stage, tuple(dict.fromkeys(gone)))]


def apply(room: Room, stored: Stored) -> None:
    """Fold one event in. Its place must be the next one (`ValueError` otherwise)."""
    event, meta = stored.event, stored.meta
    if meta.seq != room.seq + 1:
        raise ValueError(f"event {meta.seq} does not come after {room.seq}")
    _APPLY[type(event)](room, event, meta)
    room.seq, room.at = meta.seq, meta.at


def view(event: Event, audience: Audience) -> Event | None:
    """What `audience` is shown of `event`; None: nothing, though its place is taken."""
    return _VIEW[type(event)](event, audience)


def addressees(event: Event) -> tuple[str, ...]:
    """The ids of members who are shown something else of `event` than others of their kind."""
    return _ADDRESSEES[type(event)](event)


def shares(event: Event, members: Container[str]) -> dict[str, Event]:
    """By the id of each addressee among `members`, an event of which `view` shows them the same as of `event`: what names many
    is looked through once, and not for each of them."""
    if isinstance(event, polls.Voted):
        return {**polls_rules.shares(event, members)}
    if isinstance(event, doubts.Voted):
        return {**doubts_rules.shares(event, members)}
    return {member: event for member in addressees(event) if member in members}


def merge(previous: Event, event: Event) -> Event | None:
    """One event that says both of two neighbours in the log, or None where they must stay two."""
    if isinstance(previous, polls.Voted) and isinstance(event, polls.Voted):
        return polls_rules.merge(previous, event)
    if isinstance(previous, doubts.Voted) and isinstance(event, doubts.Voted):
        return doubts_rules.merge(previous, event)
    return None


def show(room: Room, audience: Audience) -> RoomView:
    """The room as `audience` sees it, without what is one member's alone."""
    return RoomView(
        roster=roster_rules.show(room.roster, audience),
        chat=chat_rules.show(room.chat, audience),
        doubts=doubts_rules.show(room.doubts, audience),
        polls=polls_rules.show(room.polls, audience),
        board=board_rules.show(room.board),
        stage=stage.show(room.stage),
        captions=captions.show(room.captions),
    )


def own(room: Room, audience: Audience) -> RoomOwn:
    """What is the member's alone whom `audience` names."""
    return RoomOwn(
        roster=roster_rules.own(room.roster, audience),
        chat=chat_rules.own(room.chat, audience),
        doubts=doubts_rules.own(room.doubts, audience),
        polls=polls_rules.own(room.polls, audience),
    )


def passed_on(room: Room, signal: board.BoardSignal, member: Member, now: int) -> board.BoardSignalOut:
    """A signal of a member who draws, as the others are sent it. Raises `Rejected`."""
    muted_until = roster_rules.muted_until(room.roster, member.id)
    context = Context(actor=member, now=now, seq=room.seq, phase=room.roster.phase, muted_until=muted_until)
    return board_rules.passed_on(room.board, signal, context)


def due(room: Room, now: int) -> list[AnyCommand]:
    """Commands of the server itself whose time has come (`now`: ms since 1970)."""
    return list(polls_rules.due(room.polls, now))


def next_due(room: Room) -> int | None:
    """When the next of them is due, in ms since 1970; None: nothing waits."""
    return polls_rules.next_due(room.polls)


def encode(room: Room) -> bytes:
    """The state's bytes: equal states have equal bytes."""
    return msgspec.msgpack.encode(room)


def decode(data: bytes) -> Room:
    """The state back from `encode`. Raises `msgspec.DecodeError` or `msgspec.ValidationError`."""
    return msgspec.msgpack.decode(data, type=Room)


def digest(room: Room) -> str:
    """SHA-256 of the state's bytes, in hexadecimal."""
    return sha256(encode(room)).hexdigest()


# --- which feature is asked ---------------------------------------------------------------------------------------------

# By type: to ask of a union whether something is of it takes as long as the answer itself, several times in each command.


F = TypeVar("F", bound=Callable[..., Any])


class _Table(dict[type, F]):
    """Functions by the type that they are for. What is no feature's is a defect."""

    def __missing__(self, kind: type) -> F:
        raise AssertionError(f"{kind.__name__} is no feature's")


def _each(union: Any, function: Callable[..., Any]) -> dict[type, Callable[..., Any]]:
    return dict.fromkeys(get_args(union) or (union,), function)


_DECIDE: _Table[Callable[[Room, Any, Context], list[Event]]] = _Table(
    {
        **_each(chat.ChatCommand, lambda room, command, context: chat_rules.decide(room.chat, command, context)),
        **_each(doubts.DoubtCommand, lambda room, command, context: doubts_rules.decide(room.doubts, command, context)),
        **_each(polls.PollCommand, lambda room, command, context: polls_rules.decide(room.polls, command, context)),
        **_each(
            roster.RosterCommand,
            lambda room, command, context: _with_stage(room, roster_rules.decide(room.roster, command, context)),
        ),
        **_each(board.BoardCommand, lambda room, command, context: board_rules.decide(room.board, command, context)),
        **_each(stage.StageCommand, lambda room, command, context: stage.decide(room.stage, command, context)),
        **_each(
            captions.CaptionCommand, lambda room, command, context: captions.decide(room.captions, command, context)
        ),
        stage.Call: _call,
    }
)

_APPLY: _Table[Callable[[Room, Any, Meta], None]] = _Table(
    {
        **_each(chat.ChatEvent, lambda room, event, meta: chat_rules.apply(room.chat, event, meta)),
        **_each(doubts.DoubtEvent, lambda room, event, meta: doubts_rules.apply(room.doubts, event, meta)),
        **_each(polls.PollEvent, lambda room, event, meta: polls_rules.apply(room.polls, event, meta)),
        **_each(roster.RosterEvent, lambda room, event, meta: roster_rules.apply(room.roster, event, meta)),
        **_each(board.BoardEvent, lambda room, event, meta: board_rules.apply(room.board, event, meta)),
        **_each(stage.StageEvent, lambda room, event, meta: stage.apply(room.stage, event)),
        **_each(captions.CaptionEvent, lambda room, event, meta: captions.apply(room.captions, event, meta)),
    }
)

# A board has no secrets, nor has the stage, nor what is said on it.
_OPEN = board.BoardEvent | stage.StageEvent | captions.CaptionEvent

_VIEW: _Table[Callable[[Any, Audience], Event | None]] = _Table(
    {
        **_each(chat.ChatEvent, chat_rules.view),
        **_each(doubts.DoubtEvent, doubts_rules.view),
        **_each(polls.PollEvent, polls_rules.view),
        **_each(roster.RosterEvent, roster_rules.view),
        **_each(_OPEN, lambda event, audience: event),
    }
)

_ADDRESSEES: _Table[Callable[[Any], tuple[str, ...]]] = _Table(
    {
        **_each(chat.ChatEvent, chat_rules.addressees),
        **_each(doubts.DoubtEvent, doubts_rules.addressees),
        **_each(polls.PollEvent, polls_rules.addressees),
        **_each(roster.RosterEvent, roster_rules.addressees),
        **_each(_OPEN, lambda event: ()),
    }
)
