"""What a member sends is taken where it is read, in order, and a few packets at a time."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest

from classroom.kernel import Member, Role
from classroom.rooms.room import AnyCommand
from classroom.rooms.signals import React
from classroom.sockets.link import WebSocketLink
from classroom.sockets.reading import TURN
from classroom.wire import Codec
from tests.running import Running, until
from tests.sockets.peer import Peer

RATE = {"limits_command_rate": 10_000, "limits_command_burst": 10_000}


@pytest.mark.parametrize("codec", list(Codec))
async def test_packets_that_come_together_are_taken_in_order_and_a_few_at_a_time(
    start: Callable[..., Any], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: Running = await start(**RATE)
    peer = await Peer.join(server.port, codec, name="Asha")
    (link,) = server.classroom.sockets.links
    assert isinstance(link, WebSocketLink)
    turns: list[int] = []  # in which each command was taken
    taken: list[str] = []
    turn = 0

    def count() -> None:
        nonlocal turn
        turn += 1
        asyncio.get_running_loop().call_soon(count)

    carry_out = server.classroom.house.carry_out

    def noted(room: str, member: Member, command: AnyCommand, done: Any) -> None:
        turns.append(turn)
        taken.append(command.cid)
        carry_out(room, member, command, done)

    monkeypatch.setattr(server.classroom.house, "carry_out", noted)
    asyncio.get_running_loop().call_soon(count)
    ids = [peer.ask("chat.say", text=f"message {number}") for number in range(5 * TURN)]
    answers = [await peer.answer(id) for id in ids]

    said = [answer for answer in answers if answer["ok"]]
    assert said
    assert [answer["seq"] for answer in said] == sorted(answer["seq"] for answer in said)
    assert taken == sorted(taken, key=lambda cid: int(cid.removeprefix("c")))
    assert (
        max(turns.count(number) for number in set(turns)) <= 2 * TURN
    )  # the last at once, and whoever reads a turn of theirs


async def test_a_farewell_is_heard_after_what_came_before_it(server: Running) -> None:
    """DISCONNECT is for engine.io, commands are not: they stay in order all the same."""
    peer = await Peer.join(server.port, name="Asha")
    other = await Peer.join(server.port, name="Ben")
    before = other.welcome["seq"]
    peer.ask("chat.say", text="good bye")
    peer.packet(1)

    await other.until(lambda: other.seq > before)
    assert "good bye" in [event.get("text") for event in other.events]


@pytest.mark.parametrize("codec", list(Codec))
async def test_the_last_that_somebody_said_is_heard_though_their_connection_broke_before_it_was_read(
    server: Running, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classroom.sockets.coalescing.MANY", 1)
    monkeypatch.setattr(server.classroom.sockets.reads, "_every", 0.5)
    gone, other = await Peer.join(server.port, codec, name="Asha"), await Peer.join(server.port, name="Ben")
    assert (await other.command("chat.say", text="Is she here?"))[
        "ok"
    ]  # what comes within half a second is left unread
    connection = gone.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.stop_reading()

    for n in range(3):
        gone.ask("chat.say", text=f"good bye {n}")
    await asyncio.sleep(0.05)
    gone.writer.transport.abort()
    (hall,) = server.classroom.house.halls
    for _ in range(5):  # who is written to now is found to be gone
        hall.take_signal(Member("t", "Teacher", Role.INSTRUCTOR), React(emoji="👍"))
        await asyncio.sleep(0.02)

    await until(lambda: len(server.classroom.sockets.links) == 1)
    texts = [getattr(stored.event, "text", "") for stored in await server.log()]
    assert [text for text in texts if text.startswith("good bye")] == ["good bye 0", "good bye 1", "good bye 2"]


@pytest.mark.parametrize("codec", list(Codec))
async def test_nothing_is_taken_from_who_has_closed_the_session(server: Running, codec: Codec) -> None:
    peer = await Peer.join(server.port, codec, name="Asha")
    other = await Peer.join(server.port, name="Ben")
    peer.stop_reading()
    assert (await other.command("chat.say", text="Is she here?"))["ok"]  # the last that she reads
    await asyncio.sleep(0.1)
    peer.text("1")
    await asyncio.sleep(0.1)
    peer.ask("chat.say", text="after the end")
    await asyncio.sleep(0.1)

    assert (await other.command("chat.say", text="Is she gone?"))["ok"]
    await other.until(lambda: other.events and other.events[-1].get("text") == "Is she gone?")
    assert "after the end" not in [event.get("text") for event in other.events]


async def test_a_defect_in_a_command_is_answered_and_ends_no_connection(
    server: Running,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    quiet: list[logging.LogRecord],
) -> None:
    peer = await Peer.join(server.port, name="Asha")

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken_for_now:
        broken_for_now.setattr(server.classroom.house, "carry_out", broken)
        answer = await peer.command("chat.say", text="into the hole")
    assert (answer["ok"], answer["code"], answer["temporary"]) == (False, "internal", True)
    (logged,) = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    quiet.append(logged)

    assert (await peer.command("chat.say", text="I am still here."))["ok"]
