"""Members read for by the loop in C end up where those end up who are read for one by one."""

from __future__ import annotations

import random
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from classroom import packets
from classroom import wire as served
from classroom.chat.model import Said
from classroom.kernel import Meta, Role
from loadtest import herd, student, wire
from loadtest.figures import Figures
from loadtest.herd import Herd, OneByOne
from loadtest.party import Options, Party
from loadtest.poller import Poller
from loadtest.probe import Probe
from loadtest.scenarios import SCENARIOS
from loadtest.student import Seat

SEATS = 40
PROBE = 5  # the place of the one who looks at every event
PING = b"\x81\x012"


def packet(number: int, size: int, codec: str = "json", *, deflate: bool = False) -> bytes:
    """A frame of the server's with an event, one of signals now and then."""
    kind = served.Codec(codec)
    if number % 3 == 2:
        made = packets.message(kind, "signals", served.encode(kind, [{"type": "odd", "text": "x" * size}]))
    else:
        said = Said(by="a", name="Asha", role=Role.STUDENT, text="x" * size)
        items = served.join(kind, [served.item(kind, Meta(number + 1, 1_000, "a"), said)])
        made = packets.message(kind, "events", items)
    return made.deflated if deflate else made.frame


class Room:
    """Members of a party of their own, each at one end of a pair of sockets."""

    def __init__(self, read_for: Callable[[Party], OneByOne], codec: str = "json") -> None:
        self.party = Party(
            Options(
                run="r", hosts=["http://127.0.0.1:1"], users=SEATS, seed=1, codec=codec, deflate=False,
                scenario=SCENARIOS["lesson"], pace=1.0, worker=0, workers=1,
            ),
            lambda _what, _took: None,
            lambda _what, _why: None,
        )  # fmt: skip
        self.herd = read_for(self.party)
        self.party.poller = Poller(self.herd, self.party.agenda, self.party.unexpected)
        self.far: list[socket.socket] = []
        self.seats: list[Seat] = []
        for number in range(SEATS):
            near, far = socket.socketpair()
            near.setblocking(False)
            far.setblocking(False)
            probe = Probe(codec, Figures(), lambda _: None) if number == PROBE else None
            seat = Seat(self.party, self.party.room("a"), number, {"room": "a"}, probe)
            seat.socket = near
            self.party.poller.watch(near.fileno(), 1, seat.readable, probe=number == PROBE)
            seat._inside("welcome")
            self.far.append(far)
            self.seats.append(seat)

    def send(self, pieces: list[bytes]) -> None:
        for far, piece in zip(self.far, pieces, strict=True):
            if piece:
                far.sendall(piece)

    def read(self) -> None:
        self.party.poller.look()

    def answers(self) -> list[bytes]:
        """What each member has sent."""
        found = []
        for far in self.far:
            found.append(b"")
            with suppress(OSError):
                found[-1] = far.recv(1 << 20)
        return found

    def picture(self) -> Any:
        """All that reading may have changed."""
        for seat in self.seats:
            seat._remember()
        probe = self.seats[PROBE].probe
        assert probe is not None
        return (
            self.party.reads, self.party.bytes, self.party.frames, list(probe.seqs), self.answers(),
            [(s.state, s.rest, s.skip, s.seq, s.socket is None) for s in self.seats],
        )  # fmt: skip

    def close(self) -> None:
        for end in (*self.far, *(seat.socket for seat in self.seats if seat.socket is not None)):
            end.close()


def looping(party: Party) -> OneByOne:
    chosen = herd.choose(party)
    assert isinstance(chosen, Herd), "the tests need a C compiler"
    return chosen


@pytest.fixture
def rooms(request: pytest.FixtureRequest) -> Iterator[tuple[Room, Room]]:
    codec = getattr(request, "param", wire.JSON)
    both = Room(lambda _: OneByOne(), codec), Room(looping, codec)
    yield both
    for room in both:
        room.close()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("rooms", [wire.JSON, wire.MSGPACK], indirect=True)
def test_the_same_for_every_member_whatever_comes_in_whatever_pieces(
    rooms: tuple[Room, Room], deflate: bool, seed: int
) -> None:
    dice = random.Random(seed)
    codec = rooms[0].party.codec
    late = [b""] * SEATS  # what somebody's network has kept back
    for number in range(60):
        frame = packet(number, dice.choice((5, 40, 300, 3_000)), codec, deflate=deflate)
        pieces = []
        for seat in range(SEATS):
            whole = late[seat] + frame
            if dice.random() < 0.02:
                whole += packet(number, 7, codec)  # one has something of their own
            if dice.random() < 0.05:
                whole += dice.choice((PING, PING + PING, PING + packet(number, 9, codec)))
            cut = dice.randrange(len(whole)) if dice.random() < 0.1 else len(whole)
            pieces.append(whole[:cut])
            late[seat] = whole[cut:]
        for room in rooms:
            room.send(pieces)
            room.read()
        assert rooms[0].picture() == rooms[1].picture()
    assert rooms[1].party.frames > 60 * SEATS * 0.9
    assert max(seat.seq for seat in rooms[1].seats if seat.probe is None) == 58


def test_only_those_who_were_sent_something_to_look_at_are_left_over(rooms: tuple[Room, Room]) -> None:
    room = rooms[1]
    epoll = select.epoll()
    for seat in room.seats:
        epoll.register(seat.socket.fileno(), select.EPOLLIN)
    room.send([packet(0, 20) + PING] * SEATS)
    ready, others = room.herd.look(epoll, SEATS + 1)
    assert (ready, [number for number, _, _ in others]) == (SEATS, [room.seats[PROBE].socket.fileno()])
    assert room.party.frames == SEATS - 1
    room.send([packet(2, 20)] * SEATS)
    assert room.herd.look(epoll, SEATS + 1) == (SEATS, [])  # signals are nothing to look at
    epoll.close()


def test_who_is_closed_or_reset_is_found_out_and_delays_nobody(rooms: tuple[Room, Room]) -> None:
    for room in rooms:
        room.send([packet(0, 20)] * SEATS)
        room.read()
        room.far[3].close()
        room.far[7].sendall(b"\x88\x00")
        room.send([packet(1, 20) if n not in (3, 7) else b"" for n in range(SEATS)])
        room.far[9].close()  # with something still to read
        room.read()
        room.read()
        assert [n for n, seat in enumerate(room.seats) if seat.socket is None] == [3, 7, 9]
        assert room.party.frames == 2 * SEATS - 2
    assert rooms[0].picture() == rooms[1].picture()


def test_a_packet_as_large_as_the_buffer_ends_nobody(rooms: tuple[Room, Room]) -> None:
    large = packet(0, 60_000)
    for room in rooms:
        room.send([large] * SEATS)
        for _ in range(4):
            room.read()
        assert room.party.frames == SEATS
        assert not any(seat.rest or seat.skip for seat in room.seats)
    assert len(student.BUFFER) >= 1 << 20


def test_a_ping_is_not_answered_in_the_middle_of_what_a_member_is_sending(rooms: tuple[Room, Room]) -> None:
    for room in rooms:
        seat, far = room.seats[0], room.far[0]
        said = wire.frame(b"x" * 2_000_000, wire.TEXT)
        seat.send(said)
        assert seat.out
        far.sendall(PING)
        room.read()
        came = b""
        while len(came) < len(said) + len(wire.PONG):
            with suppress(BlockingIOError):
                came += far.recv(1 << 20)
            seat._rest(seat.turn)
        assert came == said + wire.PONG
        far.sendall(PING)
        room.read()
        assert far.recv(99) == wire.PONG


def test_what_goes_wrong_at_one_member_is_counted_with_its_reason_and_that_member_begins_anew(
    rooms: tuple[Room, Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = rooms[0]
    taken: Any = Seat._take

    def odd(seat: Seat, first: int, payload: bytes) -> None:
        if seat is room.seats[3]:
            raise LookupError("who could have thought")
        taken(seat, first, payload)

    monkeypatch.setattr(Seat, "_take", odd)
    for seat in room.seats:
        seat.wanted = True
    room.send([PING] * SEATS)
    room.read()
    assert room.party.figures.named("unexpected:") == {"LookupError: who could have thought": 1}
    assert room.party.figures.named("dropped:") == {"unexpected LookupError": 1}
    assert [n for n, seat in enumerate(room.seats) if seat.socket is None] == [3]
    assert room.answers().count(wire.PONG) == SEATS - 1
    assert [call for _, _, call, _ in room.party.agenda._due] == [room.seats[3]._again]


def test_who_had_the_same_socket_before_is_not_mistaken_for_its_next_member(rooms: tuple[Room, Room]) -> None:
    for room in rooms:
        room.send([packet(69, 20)] * SEATS)
        room.read()
        left = room.seats[0]
        left.leave()
        near, far = socket.socketpair()
        near.setblocking(False)
        seat = Seat(room.party, room.party.room("a"), SEATS, {"room": "a"}, None)
        seat.socket = near
        room.party.poller.watch(near.fileno(), 1, seat.readable)
        seat._inside("welcome")
        seat._remember()
        assert seat.seq == 0
        far.close()
        near.close()
