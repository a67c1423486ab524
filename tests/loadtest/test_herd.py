"""Members read for by the loop in C end up where those end up who are read for one by one."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from loadtest import herd, student, wire
from loadtest.connection import INSIDE
from loadtest.herd import Herd
from loadtest.party import Options, Party
from loadtest.scenarios import SCENARIOS
from loadtest.student import Seat

SEATS = 40


def packet(number: int, size: int) -> bytes:
    """A frame of the server's with events, one of signals now and then."""
    name = b"signals" if number % 3 == 2 else b"events"
    payload = b'42["%s",[{"seq":%d,"text":"%s"}]]' % (name, number + 1, b"x" * size)
    head = bytes((0x81, 126)) + len(payload).to_bytes(2, "big") if len(payload) > 125 else bytes((0x81, len(payload)))
    return head + payload


class Room:
    """Members of a party of their own, each at one end of a pair of sockets."""

    def __init__(self) -> None:
        scenario = SCENARIOS["lesson"]
        self.party = Party(
            Options(
                run="r", hosts=["http://127.0.0.1:1"], users=SEATS, seed=1, codec=wire.JSON, deflate=False,
                scenario=scenario, pace=1.0, worker=0, workers=1,
            ),
            lambda _what, _took: None,
            lambda _what, _why: None,
        )  # fmt: skip
        self.far: list[socket.socket] = []
        self.seats: list[Seat] = []
        for number in range(SEATS):
            near, far = socket.socketpair()
            near.setblocking(False)
            seat = Seat(self.party, self.party.room("a"), number, {"room": "a"}, None)
            seat.socket, seat.state, seat.wanted = near, INSIDE, False
            self.party.poller.watch(near.fileno(), 1, seat.readable)
            self.far.append(far)
            self.seats.append(seat)

    def send(self, pieces: list[bytes]) -> None:
        for far, piece in zip(self.far, pieces, strict=True):
            if piece:
                far.sendall(piece)

    def read(self, how: Any) -> None:
        how(self.party, [seat for seat in self.seats if seat.socket is not None])

    def picture(self) -> Any:
        """All that reading may have changed."""
        return (
            self.party.reads, self.party.bytes, self.party.frames, dict(self.party.figures.counts),
            [(s.state, s.rest, s.skip, bytes(s.head), s.head_deflated, s.socket is None) for s in self.seats],
        )  # fmt: skip

    def close(self) -> None:
        for end in (*self.far, *(seat.socket for seat in self.seats if seat.socket is not None)):
            end.close()


@pytest.fixture
def rooms() -> Iterator[tuple[Room, Room]]:
    both = Room(), Room()
    yield both
    for room in both:
        room.close()


@pytest.fixture
def looping() -> Herd:
    chosen = herd.choose()
    assert isinstance(chosen, Herd), "the tests need a C compiler"
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_the_same_for_every_member_whatever_comes_in_whatever_pieces(
    rooms: tuple[Room, Room], looping: Herd, seed: int
) -> None:
    dice = random.Random(seed)
    late = [b""] * SEATS  # what somebody's network has kept back
    for number in range(60):
        frame = packet(number, dice.choice((5, 40, 300, 3_000)))
        pieces = []
        for seat in range(SEATS):
            whole = late[seat] + frame
            if dice.random() < 0.02:
                whole += packet(number, 7)  # one has something of their own
            cut = dice.randrange(len(whole)) if dice.random() < 0.1 else len(whole)
            pieces.append(whole[:cut])
            late[seat] = whole[cut:]
        for room, how in zip(rooms, (herd.one_by_one, looping), strict=True):
            room.send(pieces)
            room.read(how)
        assert rooms[0].picture() == rooms[1].picture()
    assert rooms[1].party.frames > 60 * SEATS * 0.9


def test_who_is_closed_or_reset_is_found_out_and_delays_nobody(rooms: tuple[Room, Room], looping: Herd) -> None:
    for room, how in zip(rooms, (herd.one_by_one, looping), strict=True):
        room.send([packet(0, 20)] * SEATS)
        room.read(how)
        room.far[3].close()
        room.far[7].sendall(b"\x88\x00")
        room.send([packet(1, 20) if n not in (3, 7) else b"" for n in range(SEATS)])
        room.read(how)
        room.read(how)
        assert [n for n, seat in enumerate(room.seats) if seat.socket is None] == [3, 7]
        assert room.party.frames == 2 * SEATS - 2
    assert rooms[0].picture() == rooms[1].picture()


def test_a_packet_as_large_as_the_buffer_ends_nobody(rooms: tuple[Room, Room], looping: Herd) -> None:
    large = packet(0, 60_000)
    for room, how in zip(rooms, (herd.one_by_one, looping), strict=True):
        room.send([large] * SEATS)
        for _ in range(4):
            room.read(how)
        assert room.party.frames == SEATS
        assert not any(seat.rest or seat.skip for seat in room.seats)
    assert len(student.BUFFER) >= 1 << 20
