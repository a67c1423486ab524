"""Calls to one Redis node: each gets its own answers, none waits for another's, and who stops waiting spoils nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.exceptions import ResponseError

from classroom.bus import calling
from classroom.bus.calling import Caller, Down
from tests.services import Redis

FAR = 0.05  # seconds to a node that is far away, and as many back


class Network:
    """The way to the node whose socket is at `path`. It can be long, and can be cut."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.delay = 0.0
        self.open = asyncio.Event()  # else nothing that is sent comes any further
        self.open.set()
        self.connections = 0
        self._port = 0
        self._ends: set[asyncio.StreamWriter] = set()
        self._ways: set[asyncio.Task[None]] = set()

    def connect(self) -> AbstractConnection:
        return Connection(host="127.0.0.1", port=self._port, protocol=2, socket_timeout=None)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._ways)
            await server.wait_closed()

    def cut(self) -> None:
        self.open.set()
        for end in self._ends:
            end.close()
        self._ends.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_unix_connection(self._path)
        self._ends |= {writer, back}
        self._ways |= {asyncio.create_task(self._carry(reader, back)), asyncio.create_task(self._carry(there, writer))}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await reader.read(65_536):
                await self.open.wait()
                loop.call_later(self.delay, writer.write, data)
        except ConnectionError:
            pass
        await asyncio.sleep(self.delay)
        writer.close()


@pytest.fixture
async def network(redis_server: Redis) -> AsyncIterator[Network]:
    way = Network(redis_server.url.removeprefix("unix://"))
    async with way.up():
        yield way


@pytest.fixture
async def caller(network: Network) -> AsyncIterator[Caller]:
    made = Caller(network.connect)
    yield made
    await made.close()


async def test_calls_of_many_take_no_longer_than_one_and_each_gets_its_own_answers(
    network: Network, caller: Caller
) -> None:
    await caller.call([("PING",)])
    network.delay = FAR

    begun = time.monotonic()
    answers = await asyncio.gather(*(caller.call([("ECHO", n), ("ECHO", -n)]) for n in range(200)))

    assert answers == [[b"%d" % n, b"%d" % -n] for n in range(200)]
    assert time.monotonic() - begun < 10 * FAR
    assert network.connections == 1


async def test_who_stops_waiting_spoils_nobodys_answers(network: Network, caller: Caller) -> None:
    await caller.call([("PING",)])
    network.delay = FAR

    calls = [asyncio.create_task(caller.call([("ECHO", n)])) for n in range(10)]
    await asyncio.sleep(FAR)
    for call in calls[::2]:
        call.cancel()
    left = await asyncio.gather(*calls[1::2])

    assert left == [[b"%d" % n] for n in range(1, 10, 2)]
    assert await caller.call([("ECHO", "after")]) == [b"after"]
    assert network.connections == 1


async def test_who_stops_waiting_where_more_is_sent_than_the_node_takes_spoils_nobodys_answers(
    network: Network, caller: Caller
) -> None:
    await caller.call([("PING",)])
    network.open.clear()

    large = b"x" * 16_000_000
    before = asyncio.create_task(caller.call([("ECHO", large)]))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(FAR):
            await caller.call([("PING",)])
    network.open.set()

    assert await before == [large]
    assert network.connections == 1


async def test_who_stops_waiting_while_connecting_does_not_keep_others_from_it(
    network: Network, caller: Caller
) -> None:
    network.delay = FAR
    first, second = (asyncio.create_task(caller.call([("ECHO", n)])) for n in (1, 2))
    await asyncio.sleep(FAR)
    first.cancel()
    assert await second == [b"2"]


async def test_what_cannot_be_sent_takes_no_others_answer(caller: Caller) -> None:
    with pytest.raises(UnicodeEncodeError):
        await caller.call([("ECHO", "\ud800")])
    assert await asyncio.gather(*(caller.call([("ECHO", n)]) for n in range(3))) == [[b"0"], [b"1"], [b"2"]]


async def test_a_refusal_is_an_answer(caller: Caller) -> None:
    await caller.call([("SET", "text", "words"), ("INCR", "number")])
    refused, after = await caller.call([("INCR", "text"), ("ECHO", "after")])
    assert isinstance(refused, ResponseError)
    assert after == b"after"


async def test_all_who_wait_on_a_connection_that_ends_are_told_and_the_next_call_makes_another(
    network: Network, caller: Caller
) -> None:
    await caller.call([("PING",)])
    network.delay = FAR

    calls = [asyncio.create_task(caller.call([("ECHO", n)])) for n in range(10)]
    await asyncio.sleep(0)
    network.cut()
    told = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(each) for each in told] == [Down] * 10
    assert await caller.call([("ECHO", "again")]) == [b"again"]
    assert network.connections == 2


async def test_a_connection_that_ended_while_nobody_called_costs_no_call(network: Network, caller: Caller) -> None:
    await caller.call([("PING",)])
    network.cut()
    while caller._connection is not None:
        await asyncio.sleep(0.01)
    assert await caller.call([("ECHO", "again")]) == [b"again"]


async def test_closing_waits_for_what_is_under_way(network: Network, caller: Caller) -> None:
    await caller.call([("PING",)])
    network.delay = FAR
    call = asyncio.create_task(caller.call([("ECHO", "last")]))
    await asyncio.sleep(0)
    await caller.close()
    assert await call == [b"last"]


@pytest.mark.parametrize("answers", [True, False])
async def test_after_a_stall_what_has_come_meanwhile_is_read_before_the_connection_is_given_up(
    redis_server: Redis, network: Network, answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "CALL_SECONDS", 0.5)
    direct = UnixDomainSocketConnection(path=redis_server.url.removeprefix("unix://"), protocol=2)
    caller = Caller((lambda: direct) if answers else network.connect)
    await caller.call([("PING",)])
    network.open.clear()

    call = asyncio.create_task(caller.call([("ECHO", "there")]))
    await asyncio.sleep(0)
    time.sleep(1)  # noqa: ASYNC251 (as a machine that is paused does, it holds up the loop)

    if answers:
        assert await call == [b"there"]
        assert await caller.call([("ECHO", "still there")]) == [b"still there"]
    else:
        with pytest.raises(Down):
            await asyncio.wait_for(call, 5)
    await caller.close()
