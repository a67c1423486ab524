"""Places of a crowd in one table: whoever comes, goes, is stuck or spoken to, each reads just what was written to them."""

from __future__ import annotations

import gc
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom import packets, wire
from classroom.kernel import Member, Role
from classroom.packets import ALONE, OPEN_EVERY, PLAIN, Packet, Pair, Stream
from classroom.rooms import rounds
from classroom.rooms.places import PLACES, Places
from classroom.rooms.roll import Roll
from classroom.rooms.rounds import Alike
from classroom.rooms.session import Fanout, Session, Way
from classroom.sockets import crowd
from classroom.sockets.link import Link, WebSocketLink
from classroom.wire import Codec
from tests.running import loops

BOUND = 12_000
Setting = Literal["auto", "send", "python"]
START: dict[Way, int] = {"plain": PLAIN, "deflated": ALONE, "kept": 0}


class Transport:
    """What the socket does not take waits for room."""

    def __init__(self, near: socket.socket) -> None:
        self._near = near
        self._waiting = b""

    def write(self, data: bytes) -> None:
        self._waiting += data
        self.go_on()

    def go_on(self) -> None:
        with suppress(BlockingIOError):
            while self._waiting:
                self._waiting = self._waiting[self._near.send(self._waiting) :]

    def get_write_buffer_size(self) -> int:
        return len(self._waiting)

    def is_closing(self) -> bool:
        return False


class Connected(WebSocketLink):
    """A link whose handshake is done, and its far end, which has one decompressor for as long as it lasts (RFC 7692).
    `wanted`: the messages that it was handed."""

    def __init__(self, way: Way) -> None:
        Link.__init__(self, None, Codec.JSON, BOUND)
        self.way, PLACES.at[self.slot] = way, START[way]
        self.near, self.far = socket.socketpair()
        for end in (self.near, self.far):
            end.setblocking(False)
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        self._transport = Transport(self.near)
        self.descriptor = self.near.fileno()
        self.wanted: list[bytes] = []
        self._inflater = zlib.decompressobj(-15)
        self._rest = b""

    def read(self) -> None:
        """Take all that has been written to it: it is what was wanted."""
        data, self._rest = self._rest, b""
        while True:
            with suppress(BlockingIOError):
                while True:
                    data += self.far.recv(1 << 20)
            if not self._transport.get_write_buffer_size():
                break
            self._transport.go_on()
        wanted, self.wanted = self.wanted, []
        assert [*self._messages(data)] == wanted

    def _messages(self, data: bytes) -> Iterator[bytes]:
        while data:
            length, start = data[1], 2
            if length == 126:
                length, start = int.from_bytes(data[2:4], "big"), 4
            body, deflated = data[start : start + length], data[0] & 0x40
            yield self._inflater.decompress(body + b"\x00\x00\xff\xff") if deflated else body
            data = data[start + length :]

    def close(self) -> None:
        self.near.close()
        self.far.close()


class Class:
    """A class whose members come and go while it is written to in rounds of small slices."""

    def __init__(self, fanout: Fanout) -> None:
        self.roll = Roll()
        self.stream = Stream()
        self.now = 0.0
        self.under_way: Alike | None = None
        self._fanout = fanout
        self._number = 0
        self._open: list[socket.socket] = []

    def come(self, way: Way) -> None:
        self._number += 1
        link = Connected(way)
        self._open += (link.near, link.far)
        self.roll.add(Session(Member(f"m{self._number}", "Asha", Role.STUDENT), link))

    def go(self, dice: Random) -> None:
        session = dice.choice([*self.roll])
        self.roll.discard(session)
        if self.under_way is not None:
            self.under_way.skip(session)

    def packet(self, size: int) -> Packet:
        self._number += 1
        text = f"message {self._number} " + "lorem ipsum " * (size // 12)
        return packets.message(Codec.JSON, "events", wire.encode(Codec.JSON, [text]))

    def say(self, *sizes: int, streamed: bool = True) -> Packet | Pair:
        """Begin to write to all."""
        self.finish()
        said = [self.packet(size) for size in sizes]
        if streamed:
            for one in said:
                self.stream.take(one, self.now)
        packet = said[0] if len(said) == 1 else Pair(*said)

        def write(sessions: crowd.Collection[Session]) -> int:
            refused = self._fanout.offer(packet, sessions, BOUND)
            for session in sessions:
                if session not in refused:
                    session.link.wanted += [one.data for one in said]
            return 0

        self.under_way = Alike(write, self.roll.row)
        return packet

    def go_on(self) -> None:
        if self.under_way is not None and self.under_way.left:
            self.under_way.slice()

    def finish(self) -> None:
        self._fanout.gather()
        while self.under_way is not None and self.under_way.left:
            self.under_way.slice()
        self._fanout.settle()

    def tell(self, link: Connected, size: int) -> None:
        """Write to one alone: a welcome, an answer, what is shown to nobody else."""
        packet = self.packet(size)
        link.write(packet)
        link.wanted.append(packet.data)

    def read(self) -> None:
        """All are written to, and read it."""
        self.finish()
        for session in self.roll:
            session.link.read()

    def close(self) -> None:
        for end in self._open:
            end.close()


STEP = st.tuples(
    st.sampled_from(
        ["say", "say", "say", "say two", "say aside", "go on", "go on", "tell", "tell", "come", "go", "read", "wait"]
    ),
    st.integers(0, 1 << 16),
    st.sampled_from([10, 10, 300, 300, 3_000]),
)


@pytest.mark.parametrize("fanout", ["auto", "send", "python"])
@given(
    st.sampled_from([["kept"], ["kept", "kept", "plain", "deflated"]]),
    st.integers(2, 12),
    st.lists(STEP, min_size=5, max_size=60),
)
def test_whatever_happens_each_reads_what_was_written_to_them(
    fanout: Setting, ways: list[Way], count: int, steps: list[tuple[str, int, int]]
) -> None:
    with opened(fanout) as room:
        for number in range(count):
            room.come(ways[number % len(ways)])
        play(room, ways, steps)
        room.read()


@contextmanager
def opened(fanout: Setting) -> Iterator[Class]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd, "FEW", 1)
        patch.setattr(rounds, "SLICE", 4)
        room = Class(crowd.choose(fanout, loops()).fanout)
        try:
            yield room
        finally:
            room.close()


def play(room: Class, ways: list[Way], steps: list[tuple[str, int, int]]) -> None:
    for kind, seed, size in steps:
        dice = Random(seed)
        room.now += 0.05
        match kind:
            case "say":
                room.say(size)
            case "say two":
                room.say(size, 10)
            case "say aside":
                room.say(size, streamed=False)
            case "go on":
                room.go_on()
            case "tell":
                room.tell(dice.choice([*room.roll]).link, size)
            case "come":
                room.come(dice.choice(ways))
            case "go" if len(room.roll) > 2:
                room.go(dice)
            case "read":
                dice.choice([*room.roll]).link.read()
            case "wait":
                room.now += OPEN_EVERY


@pytest.mark.parametrize("fanout", ["auto", "send", "python"])
def test_who_was_told_something_alone_is_with_the_others_again_soon(fanout: Setting) -> None:
    with opened(fanout) as room:
        for _ in range(9):
            room.come("kept")
        links = [session.link for session in room.roll]

        def with_it(size: int) -> list[bool]:
            """Of each, whether they are where the stream is when all have been written to."""
            packet = room.say(size)
            room.read()
            return [PLACES.at[link.slot] == packet.place for link in links]

        assert with_it(300) == with_it(300) == [True] * 9
        room.tell(links[4], 10)
        assert with_it(10) == [True] * 9, "what is short is not deflated"
        room.tell(links[4], 300)
        assert with_it(300) == [each is not links[4] for each in links]
        room.now += OPEN_EVERY
        assert with_it(10) == [True] * 9


def test_a_slot_is_anothers_only_when_nobody_can_ask_for_it_any_more() -> None:
    places = Places()
    first, second = places.take(7), places.take(8)
    places.give_back(first)
    assert places.take(9) == first
    assert [places.at[first], places.at[second], len(places.at)] == [9, 8, 2]


def test_a_link_keeps_its_slot_for_as_long_as_a_row_that_is_lent_has_it() -> None:
    roll = Roll()
    roll.add(session := Session(Member("asha", "Asha", Role.STUDENT), gone := Connected("kept")))
    gone.close()
    row = roll.row
    row.lend()
    roll.discard(session)
    slot = gone.slot
    del session, gone
    gc.collect()

    others = [Connected("kept") for _ in range(3)]
    assert slot not in {other.slot for other in others}
    del row, roll
    gc.collect()
    others.append(Connected("kept"))
    assert others[-1].slot == slot
    for other in others:
        other.close()
