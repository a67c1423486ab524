"""A member's replica in Python: what a client knows of its room, folded from what it is sent and from nothing else.

The folds are the reference ones of each feature (`tests/*/client_fold.py`), to which the golden vectors hold the browser's.
"""

from __future__ import annotations

from typing import Any

import msgspec

from classroom import wire
from classroom.chat.model import ChatEvent
from classroom.doubts.model import DoubtEvent
from classroom.kernel import Audience, Member, Meta, Role, audience_of
from classroom.media.captions import CaptionEvent
from classroom.media.stage import StageEvent
from classroom.polls.model import PollEvent, PollState
from classroom.rooms import room as rooms
from classroom.rooms.room import AnyEvent, RoomOwn, RoomView
from classroom.whiteboard.model import BoardEvent
from tests.chat.client_fold import begin, newest
from tests.chat.client_fold import fold as fold_chat
from tests.doubts.client_fold import fold as fold_doubts
from tests.media.client_fold import fold as fold_stage
from tests.media.client_fold import fold_caption
from tests.polls.client_fold import fold as fold_polls
from tests.rooms.roster.client_fold import fold as fold_roster
from tests.whiteboard.client_fold import fold as fold_board


class Following:
    """What one member has been told. `seqs`: the places of all events folded since the last welcome, in order."""

    def __init__(self) -> None:
        self.me: wire.Me | None = None
        self.epoch = ""
        self.seq = 0
        self.view: RoomView | None = None
        self.own: RoomOwn | None = None
        self.seqs: list[int] = []
        self.welcomes = 0
        self.resumes = 0

    def welcome(self, data: dict[str, Any]) -> None:
        told = msgspec.convert(data, wire.Welcome, strict=False)
        self.me, self.epoch, self.seq = told.me, told.epoch, told.seq
        self.view, self.own = told.state, told.own
        begin(self.view.chat, self.own.chat)
        self.seqs = []
        self.welcomes += 1

    def resumed(self, data: dict[str, Any]) -> None:
        self.events(data["events"])
        self.seq = max(self.seq, data["seq"])
        self.resumes += 1

    def events(self, packet: list[dict[str, Any]]) -> None:
        """Fold a packet. An event that came before, or out of order, is a broken promise."""
        assert self.me is not None
        assert self.view is not None
        assert self.own is not None
        for raw in packet:
            event = msgspec.convert(raw, AnyEvent, strict=False)
            seq, at = raw["seq"], raw["at"]
            assert seq > self.seq, f"event {seq} came after {self.seq}"
            self.seq = seq
            self.seqs.append(seq)
            if isinstance(event, ChatEvent):
                fold_chat(self.view.chat, self.own.chat, event, seq, at, self.me.id)
            elif isinstance(event, DoubtEvent):
                staff = self.me.role is not Role.STUDENT
                fold_doubts(self.view.doubts, self.own.doubts, event, seq, at, self.me.id, staff)
            elif isinstance(event, BoardEvent):
                fold_board(self.view.board, event, seq)
            elif isinstance(event, StageEvent):
                fold_stage(self.view.stage, event)
            elif isinstance(event, CaptionEvent):
                fold_caption(self.view.captions, event, Meta(seq, at, event.by))
            elif isinstance(event, PollEvent):
                fold_polls(self.view.polls, self.own.polls, event, seq, at, self.me.id)
            else:
                staff = self.me.role is not Role.STUDENT
                fold_roster(self.view.roster, self.own.roster, event, seq, at, self.me.id, staff=staff)

    def picture(self) -> bytes:
        """All that this member knows, as bytes to compare."""
        assert self.view is not None
        assert self.own is not None
        return picture(self.view, self.own, staff=self.me is not None and self.me.role is not Role.STUDENT)


def truth(state: rooms.Room, audience: Audience) -> bytes:
    """What a member of that audience must know, as bytes to compare."""
    kind = Audience("staff") if audience.kind == "staff" else Audience("all")
    view, own = rooms.show(state, kind), rooms.own(state, audience)
    begin(view.chat, own.chat)
    return picture(view, own, staff=kind.kind == "staff")


def audience(me: wire.Me) -> Audience:
    """The audience that this member is."""
    return audience_of(Member(me.id, me.name, me.role))


def picture(view: RoomView, own: RoomOwn, *, staff: bool) -> bytes:
    """Chat is compared in its newest messages, which is what a newcomer gets; tallies of open polls come by signals."""
    chat = msgspec.structs.replace(view.chat, messages=newest(view.chat, staff=staff), more=False)
    near = {message.id for message in chat.messages} | {message.id for message in chat.pinned}
    mine = {id: sorted(emoji) for id, emoji in sorted(own.chat.reactions.items()) if id in near}
    polls = [
        msgspec.structs.replace(poll, tally=poll.tally if poll.state is PollState.CLOSED else None)
        for poll in view.polls.polls
    ]
    whole = {
        "view": msgspec.structs.replace(view, chat=chat, polls=msgspec.structs.replace(view.polls, polls=polls)),
        "own": msgspec.structs.replace(own, chat=msgspec.structs.replace(own.chat, reactions=mine)),
    }
    return msgspec.json.encode(msgspec.to_builtins(whole, str_keys=True), order="deterministic")
