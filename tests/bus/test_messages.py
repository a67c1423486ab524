"""Whatever may travel on a bus survives being packed: what comes out equals what went in, type by type."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from classroom.bus.port import Appended, Counted, Entry, Head, Message, Reply, Request, Signalled
from classroom.kernel import Member, Meta, Role
from classroom.rooms.room import AnyCommand, AnyEvent
from classroom.rooms.signals import SignalOut
from tests.examples import example, examples, name_of

ASHA = Member("asha", "Asha", Role.STUDENT)


def travelled(value: Any, type: Any) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type)


@pytest.mark.parametrize("event", examples(AnyEvent), ids=name_of)
def test_every_event_travels_whole(event: AnyEvent) -> None:
    message = Appended(41, (Entry(Meta(42, 1_700_000_000_000, "asha"), event),))
    arrived = travelled(message, Message)
    assert arrived == message
    assert type(arrived.entries[0].event) is type(event)


@pytest.mark.parametrize("command", examples(AnyCommand), ids=name_of)
def test_every_command_travels_whole(command: AnyCommand) -> None:
    request = Request(ASHA, command)
    arrived = travelled(request, Request)
    assert arrived == request
    assert type(arrived.command) is type(command)


@pytest.mark.parametrize("signal", examples(SignalOut), ids=name_of)
def test_every_signal_travels_whole(signal: SignalOut) -> None:
    message = Signalled((signal, signal))
    assert travelled(message, Message) == message


@pytest.mark.parametrize("message", [Head(7), Counted("edge-1", 12_500)], ids=name_of)
def test_every_other_message_travels_whole(message: Message) -> None:
    assert travelled(message, Message) == message


@pytest.mark.parametrize("reply", [Reply(ok=True, seq=9), example(Reply)], ids=["short", "full"])
def test_replies_travel_whole(reply: Reply) -> None:
    assert travelled(reply, Reply) == reply
