"""What members send is read together, twice in a tick; here with plain connections and what is written to them."""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import random
import select
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from time import monotonic

import pytest
from aiohttp.base_protocol import BaseProtocol

from classroom.sockets import coalescing
from classroom.sockets.coalescing import Coalescer
from tests.running import until

LONG = 0.4  # seconds between two looks, where one is to be seen


class Connection(BaseProtocol):
    """The server's side of one; the other is `peer`. `turns`: of the loop, in which something was received. `also`: is done
    then."""

    def __init__(self, turn: Callable[[], int]) -> None:
        super().__init__(asyncio.get_running_loop())
        self._upgraded = True  # as aiohttp has it of WebSockets: nothing is parsed here
        self.peer: socket.socket
        self.received = bytearray()
        self.turns: list[int] = []
        self.lost = False
        self.also: Callable[[], None] = lambda: None
        self._turn = turn

    @property
    def descriptor(self) -> int:
        assert self.transport is not None
        descriptor: int = self.transport.get_extra_info("socket").fileno()
        return descriptor

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.turns.append(self._turn())
        self.also()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = True
        super().connection_lost(exc)


Connect = Callable[..., Awaitable[Connection]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes a connection that is read for by a coalescer."""
    loop, made, turns = asyncio.get_running_loop(), [], count()
    turn = next(turns)

    def tick() -> None:
        nonlocal turn, ticking
        turn = next(turns)
        ticking = loop.call_soon(tick)

    ticking = loop.call_soon(tick)

    def make() -> Connection:
        made.append(Connection(lambda: turn))
        return made[-1]

    server = await loop.create_server(make, "127.0.0.1", 0)

    async def connected(coalescer: Coalescer, peer: socket.socket | None = None) -> Connection:
        peer, before = peer or socket.socket(), len(made)
        peer.setblocking(False)
        await loop.sock_connect(peer, server.sockets[0].getsockname())
        await until(lambda: len(made) > before and made[before].transport is not None)
        connection: Connection = made[before]
        connection.peer = peer
        coalescer.take(connection.descriptor, connection)
        return connection

    yield connected
    ticking.cancel()
    server.close()
    for connection in made:
        connection.peer.close()
        if connection.transport is not None:
            connection.transport.abort()
    await until(lambda: all(connection.lost for connection in made))


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """One who says something is as good as many."""
    monkeypatch.setattr(coalescing, "MANY", 1)


@pytest.fixture
async def often(many: None) -> AsyncIterator[Coalescer]:
    coalescer = Coalescer(0.01)
    yield coalescer
    coalescer.close()


@pytest.fixture
async def seldom(many: None) -> AsyncIterator[Coalescer]:
    coalescer = Coalescer(LONG)
    yield coalescer
    coalescer.close()


async def test_after_quiet_what_comes_is_read_at_once_and_what_follows_together(
    connect: Connect, seldom: Coalescer
) -> None:
    first, second, third = [await connect(seldom) for _ in range(3)]
    loop = asyncio.get_running_loop()

    first.peer.send(b"one")
    await until(lambda: first.received == b"one", timeout=LONG / 2)
    looked = loop.time()
    for each in (second, third, first):
        each.peer.send(b"two")
        await asyncio.sleep(LONG / 20)
    assert not second.received
    await until(lambda: bool(second.received))

    assert loop.time() - looked > LONG / 2
    assert (first.received, second.received, third.received) == (b"onetwo", b"two", b"two")
    assert first.turns[-1:] == second.turns == third.turns

    await asyncio.sleep(2.5 * LONG)  # quiet again
    third.peer.send(b"three")
    await until(lambda: third.received == b"twothree", timeout=LONG / 2)


async def test_while_few_say_anything_each_is_read_at_once(connect: Connect) -> None:
    coalescer = Coalescer(LONG)
    few = [await connect(coalescer) for _ in range(3)]
    for each in (few[0], few[1], few[0]):
        each.received.clear()
        each.peer.send(b"x")
        await until(lambda each=each: bool(each.received), timeout=LONG / 5)

    few[2].peer.send(b"the fourth")
    await asyncio.sleep(LONG / 5)
    assert not few[2].received
    await until(lambda: few[2].received == b"the fourth")
    coalescer.close()


async def test_everything_comes_whole_and_in_order(connect: Connect, often: Coalescer) -> None:
    dice, loop = random.Random(3), asyncio.get_running_loop()
    connections = [await connect(often) for _ in range(5)]
    sent = [dice.randbytes(dice.randrange(300_000)) for _ in connections]

    async def send(connection: Connection, data: bytes) -> None:
        while data:
            size = dice.choice((1, 100, 5_000, coalescing.READ, 100_000))
            await loop.sock_sendall(connection.peer, data[:size])
            data = data[size:]
            await asyncio.sleep(dice.choice((0, 0, 0.001)))

    await asyncio.gather(*map(send, connections, sent))
    await until(lambda: sum(len(one.received) for one in connections) == sum(map(len, sent)))

    assert [bytes(one.received) for one in connections] == sent


async def test_who_has_much_to_say_does_not_wait_for_the_next_look(connect: Connect, seldom: Coalescer) -> None:
    connection = await connect(seldom)
    data = random.Random(1).randbytes(10 * coalescing.READ)

    await asyncio.get_running_loop().sock_sendall(connection.peer, data)
    await until(lambda: len(connection.received) == len(data), timeout=LONG / 2)

    assert connection.received == data


async def test_after_some_others_have_their_turn(
    connect: Connect, seldom: Coalescer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "MOST", 3)
    connections = [await connect(seldom) for _ in range(8)]

    for each in connections:
        each.peer.send(b"x")
    await until(lambda: all(each.received for each in connections), timeout=LONG / 2)

    turns = [turn for each in connections for turn in each.turns]
    assert max(turns.count(turn) for turn in turns) <= 3


async def test_of_who_sends_without_end_only_they_themselves_lie_unread(
    connect: Connect, often: Coalescer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "READ", 1)
    endless, other = await connect(often), await connect(often)
    endless.peer.send(bytes(100_000))
    await until(lambda: bool(endless.received))
    begun = monotonic()
    other.peer.send(b"x")
    await until(lambda: often.seen() > begun, timeout=0.2)

    assert other.received == b"x"
    assert len(endless.received) < 100_000


@pytest.mark.parametrize("reset", [False, True])
async def test_who_has_gone_is_lost_after_the_last_that_they_said(
    connect: Connect, often: Coalescer, reset: bool
) -> None:
    gone, other = await connect(often), await connect(often)

    gone.peer.send(b"good bye")
    await until(lambda: bool(gone.received))
    if reset:
        gone.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        gone.peer.send(b", all")
    gone.peer.close()
    await until(lambda: gone.lost)

    assert gone.received == (b"good bye" if reset else b"good bye, all")
    other.peer.send(b"still here")
    await until(lambda: other.received == b"still here")


async def test_who_is_paused_is_given_nothing_until_they_go_on(connect: Connect, often: Coalescer) -> None:
    connection = await connect(often)
    connection.also = connection.pause_reading

    connection.peer.send(b"one")
    await until(lambda: connection.received == b"one")
    connection.peer.send(b"two")
    await asyncio.sleep(0.1)
    assert connection.received == b"one"

    connection.also = lambda: None
    connection.resume_reading()
    await until(lambda: connection.received == b"onetwo")
    connection.peer.send(b"three")
    await until(lambda: connection.received == b"onetwothree")


async def test_nothing_is_read_for_who_is_being_closed(connect: Connect, seldom: Coalescer) -> None:
    first, second = await connect(seldom), await connect(seldom)
    both = (first, second)

    def end_the_other() -> None:
        other = second if first.received else first
        assert other.transport is not None
        other.transport.abort()

    first.peer.send(b"wake")
    await until(lambda: bool(first.received))
    first.received.clear()
    first.also = second.also = end_the_other
    for each in both:
        each.peer.send(b"x")
    await until(lambda: first.lost or second.lost)
    await asyncio.sleep(2 * LONG)

    assert sorted(len(each.received) for each in both) == [0, 1]
    assert sorted(each.lost for each in both) == [False, True]


async def test_a_descriptor_that_is_anothers_now_stays_theirs(connect: Connect, often: Coalescer) -> None:
    first, peer = await connect(often), socket.socket()
    descriptor = first.descriptor
    assert first.transport is not None
    first.transport.abort()
    await until(lambda: first.lost)
    second = await connect(often, peer)
    assert second.descriptor == descriptor

    often.leave(descriptor, first)

    second.peer.send(b"here")
    await until(lambda: second.received == b"here")
    assert second.descriptor in often._protocols


@pytest.mark.parametrize("defect", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_defect_ends_that_connection_alone(
    connect: Connect,
    often: Coalescer,
    defect: type[BaseException],
    caplog: pytest.LogCaptureFixture,
    quiet: list[logging.LogRecord],
) -> None:
    broken, other = await connect(often), await connect(often)

    def fail() -> None:
        raise defect

    broken.also = fail
    broken.peer.send(b"x")
    other.peer.send(b"y")
    await until(lambda: broken.lost and other.received == b"y")
    quiet += [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert len(quiet) == 1

    other.peer.send(b"z")
    await until(lambda: other.received == b"yz")


async def test_who_leaves_is_read_for_by_the_loop(connect: Connect, seldom: Coalescer) -> None:
    left, stays = await connect(seldom), await connect(seldom)
    stays.peer.send(b"wake")
    await until(lambda: bool(stays.received))

    seldom.leave(left.descriptor, left)
    left.peer.send(b"at once")
    stays.peer.send(b", later")
    await until(lambda: left.received == b"at once", timeout=LONG / 2)

    assert stays.received == b"wake"
    await until(lambda: stays.received == b"wake, later")


async def test_at_the_end_everybody_is_left_to_the_loop(connect: Connect) -> None:
    coalescer = Coalescer(0.01)
    before = await connect(coalescer)
    before.peer.send(b"one")
    await until(lambda: before.received == b"one")

    coalescer.close()
    after = await connect(coalescer)
    for each in (before, after):
        each.peer.send(b"two")

    await until(lambda: before.received == b"onetwo" and after.received == b"two")
    coalescer.close()


async def test_where_the_kernel_watches_no_more_the_loop_reads(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    coalescer, full = Coalescer(LONG), [False, True]  # and then no more
    begin = coalescer._begin

    def begin_or_fail() -> None:
        if full.pop():
            raise OSError(errno.ENOSPC, "No space left on device")
        begin()

    monkeypatch.setattr(coalescer, "_begin", begin_or_fail)
    first, second = await connect(coalescer), await connect(coalescer)
    for each in (first, second):
        each.peer.send(b"x")

    await until(lambda: first.received == second.received == b"x")
    assert list(coalescer._protocols.values()) == [second]
    coalescer.close()


async def test_who_is_closing_with_bytes_unread_is_not_looked_at_for_ever(
    connect: Connect, often: Coalescer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "MOST", 1)
    closing, other = await connect(often), await connect(often)
    closing.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    assert closing.transport is not None
    closing.transport.write(bytes(8_000_000))
    closing.transport.close()  # once that is sent
    closing.peer.send(b"x")
    other.peer.send(b"y")
    await until(lambda: other.received == b"y")
    await until(lambda: often.seen() == math.inf, timeout=1)

    assert not closing.received
    assert not closing.lost


async def test_one_may_end_it_all_while_it_looks(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescing, "MOST", 3)  # it would go on
    coalescer = Coalescer(0.01)
    connections = [await connect(coalescer) for _ in range(3)]
    for each in connections:
        each.also = coalescer.close
        each.peer.send(b"x")

    await until(lambda: all(each.received == b"x" for each in connections))
    await asyncio.sleep(0.05)  # nothing is left that would look once more


@pytest.fixture
def no_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")


async def test_without_epoll_the_loop_reads(connect: Connect, no_epoll: None) -> None:
    coalescer = Coalescer(LONG)
    connection = await connect(coalescer)
    for said in (b"one", b"two"):
        connection.received.clear()
        connection.peer.send(said)
        await until(lambda said=said: connection.received == said, timeout=LONG / 2)
    coalescer.close()
