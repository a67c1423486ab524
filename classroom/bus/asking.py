"""Requests over Redis: the asking end and the serving end.

What always holds: requests are begun in the order in which they arrive; each asker gets its own answer, or learns that there
is none; of several servers of a room the newest stays, and the others stand down when they hear of it.

A server is subscribed to its room's channel for requests, an edge to its own channel for replies. A new server announces
itself on the former: Redis puts such announcements in an order that all servers of the room see alike.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from functools import partial
from itertools import takewhile
from typing import NamedTuple

import msgspec
import structlog

from classroom.bus import envelopes
from classroom.bus.calling import Down, patience, words
from classroom.bus.nodes import Nodes
from classroom.bus.port import SEND_SECONDS, Cancel, Reply, Request, Server, Unreachable
from classroom.bus.sending import Sender

log = structlog.get_logger(__name__)

CONFIRM_SECONDS = 2.0  # that subscribing waits for Redis
LATE_EVERY = 0.5  # seconds between two looks for those who have waited too long
YIELD_SECONDS = 0.5  # that a new server waits for those before it to stand down


class _Serving:
    """One `serve`. `announced`: Redis has put its announcement in order; `yielded`: it has stood down for a newer one."""

    def __init__(self, room: str, server: Server, displaced: Callable[[], None] | None, token: int) -> None:
        self.room = room
        self.server = server
        self.displaced = displaced
        self.token = token
        self.announced = False
        self.yielded = False
        self.yields = 0  # how many have stood down for this one
        self.changed = asyncio.Event()


class _Asked(NamedTuple):
    """One who waits for an answer, `until` a time of the loop's clock."""

    room: str
    future: asyncio.Future[Reply]
    until: float


class Asking:
    """Both ends, for the worker `edge`. `sender_of` finds the way out for a channel; `heard` counts what has come in."""

    def __init__(
        self,
        edge: str,
        nodes: Nodes,
        sender_of: Callable[[str], Sender],
        heard: Callable[[float, int, int], None],
    ) -> None:
        self._edge = edge
        self._nodes = nodes
        self._sender_of = sender_of
        self._heard = heard
        self._servers: dict[str, _Serving] = {}
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Asked] = {}  # in order of asking
        self._patience: asyncio.TimerHandle | None = None
        self._looked = 0.0  # when it was looked for them before: all that had come by then has been read since
        self._closed = False
        self._answering: set[asyncio.Future[Reply]] = set()

    def open(self) -> str:
        """Hear replies from now on; the channel on which they come."""
        channel = _reply_channel(self._edge)
        self._nodes.want(channel, self._hear_reply)
        return channel

    async def stop_serving(self) -> None:
        """End what is being answered; those who asked are told, as long as there is a way out."""
        self._servers.clear()
        under_way = tuple(self._answering)
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)
            await asyncio.sleep(0)  # their last words are put into the outbox as they end

    def stop_asking(self) -> None:
        """Whoever still waits for an answer learns that none will come."""
        self._closed = True
        self._fail(list(self._pending), "the bus is closed")
        if self._patience is not None:
            self._patience.cancel()

    def waits_for(self, number: int) -> bool:
        """Whether somebody still waits for the answer to the request."""
        return number in self._pending

    def undelivered(self, numbers: Iterable[int]) -> None:
        """These requests have reached nobody."""
        self._fail(numbers, "nobody serves it, or Redis does not answer")

    def send(self, room: str, request: Request) -> asyncio.Future[Reply]:
        """As `Bus.send`."""
        return self._send(next(self._numbers), room, request)

    def _send(self, number: int, room: str, request: Request) -> asyncio.Future[Reply]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        if self._closed:
            future.set_exception(Unreachable("the bus is closed"))
            return future
        self._pending[number] = _Asked(room, future, loop.time() + SEND_SECONDS)
        if self._patience is None:
            self._look_later(loop)
        serving = self._servers.get(room)
        try:
            if serving is not None:
                self._begin(serving, request, partial(self._settle, number))
            else:
                channel = _ask_channel(room)
                sender = self._sender_of(channel)
                if sender.outbox.ask(channel, number, request):
                    sender.stir()
                else:
                    self._fail((number,), "too many requests wait to reach it")
        except envelopes.UNPACKABLE as error:
            self._fail((number,), f"the request cannot travel: {error}")
        return future

    async def ask(self, room: str, request: Request, timeout: float) -> Reply:
        """As `Bus.ask`."""
        number = next(self._numbers)
        try:
            async with patience(timeout):
                return await self._send(number, room, request)
        except TimeoutError:
            raise Unreachable(f"{room!r} did not answer within {timeout:g} s") from None
        finally:
            self._pending.pop(number, None)  # nobody waits any more

    def _expire(self) -> None:
        """Whoever has waited for too long learns that no answer came. All wait equally long: the oldest stand first."""
        late = list(takewhile(lambda number: self._pending[number].until <= self._looked, self._pending))
        self._fail(late, f"no answer within {SEND_SECONDS:g} s")
        self._patience = None
        if self._pending:
            self._look_later(asyncio.get_running_loop())

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looked = loop.time()
        self._patience = loop.call_later(LATE_EVERY, self._expire)

    async def serve(self, room: str, server: Server, displaced: Callable[[], None] | None = None) -> Cancel:
        """As `Bus.serve`."""
        serving = _Serving(room, server, displaced, next(self._numbers))
        channel = _ask_channel(room)
        before = self._servers.get(room)
        self._servers[room] = serving
        if before is not None and before.displaced is not None:
            before.displaced()
        self._nodes.want(channel, partial(self._hear_ask, serving))

        async def cancel() -> None:
            if self._servers.get(room) is serving:
                del self._servers[room]
                self._nodes.unwant(channel)

        try:
            if await self._nodes.live(channel, CONFIRM_SECONDS):
                await self._announce(serving)
        except asyncio.CancelledError:
            await cancel()
            raise
        return cancel

    async def _announce(self, serving: _Serving) -> None:
        """Have servers of the room at other ends stand down, and wait a little until they have."""
        channel = _ask_channel(serving.room)
        body = envelopes.encode(envelopes.Serving(self._edge, serving.token))
        try:
            (ears,) = await self._nodes.of(channel).caller.call([(self._nodes.publish, channel, body)])
            async with asyncio.timeout(YIELD_SECONDS):
                others = ears - 1 if isinstance(ears, int) else 0
                while serving.yields < others and not serving.yielded:
                    serving.changed.clear()
                    await serving.changed.wait()
        except (Down, TimeoutError) as error:
            log.warning("servers before this one may not have stood down", room=serving.room, error=words(error))

    def _hear_ask(self, serving: _Serving, body: bytes) -> None:
        try:
            asked = envelopes.decode_to_server(body)
            if isinstance(asked, envelopes.Serving):
                self._hear_serving(serving, asked)
                return
            requests = envelopes.decode_requests(asked.items)
        except msgspec.DecodeError as error:
            log.warning("a bus request cannot be read", room=serving.room, error=str(error))
            return
        if serving.yielded:
            return  # the newer server has heard it too
        self._heard(asked.at, len(requests), len(body))
        answer_to = partial(self._answer, _reply_channel(asked.edge))
        for number, request in requests:
            if self._servers.get(serving.room) is serving:
                self._begin(serving, request, partial(answer_to, number))
            else:
                answer_to(number, None)

    def _hear_serving(self, serving: _Serving, other: envelopes.Serving) -> None:
        """All hear the announcements in the order that Redis gave them: the last one stays."""
        if other.edge == self._edge:
            serving.announced = serving.announced or other.token == serving.token
            return
        current = self._servers.get(serving.room) is serving
        if current and not serving.announced:
            return  # older than our own, which is still on its way
        serving.yielded = True
        if current:
            log.info("another worker serves the room now", room=serving.room, edge=other.edge)
            del self._servers[serving.room]
            self._nodes.unwant(_ask_channel(serving.room))
            serving.changed.set()
            if serving.displaced is not None:
                serving.displaced()
        channel = _reply_channel(other.edge)
        sender = self._sender_of(channel)
        sender.outbox.yielded(channel, other.token)
        sender.stir()

    def _begin(self, serving: _Serving, request: Request, done: partial[None]) -> None:
        # It goes on when the asker stops waiting. An awaitable that is no future yet gets a task of its own; tasks begin in
        # the order in which they are made.
        task = asyncio.ensure_future(serving.server(request))
        self._answering.add(task)
        task.add_done_callback(partial(self._answered, serving.room, done))

    def _answered(self, room: str, done: partial[None], task: asyncio.Future[Reply]) -> None:
        self._answering.discard(task)
        if task.cancelled():
            done(None)
        elif (error := task.exception()) is not None:
            log.error("bus server failed", room=room, exc_info=error)
            done(None)
        else:
            done(task.result())

    def _answer(self, channel: str, number: int, reply: Reply | None) -> None:
        sender = self._sender_of(channel)
        try:
            sender.outbox.reply(channel, number, reply)
        except envelopes.UNPACKABLE:
            log.exception("a reply cannot travel", channel=channel)
            sender.outbox.reply(channel, number, None)
        sender.stir()

    def _hear_reply(self, body: bytes) -> None:
        try:
            told = envelopes.decode_to_edge(body)
            replies = [] if isinstance(told, envelopes.Yielded) else envelopes.decode_replies(told.items)
        except msgspec.DecodeError as error:
            log.warning("a bus reply cannot be read", error=str(error))
            return
        if isinstance(told, envelopes.Yielded):
            for serving in self._servers.values():
                if serving.token == told.token:
                    serving.yields += 1
                    serving.changed.set()
            return
        self._heard(told.at, len(replies), len(body))
        for number, reply in replies:
            self._settle(number, reply)

    def _settle(self, number: int, reply: Reply | None) -> None:
        if reply is None:
            self._fail((number,), "its server failed, or is gone")
            return
        asked = self._pending.pop(number, None)
        if asked is not None and not asked.future.done():
            asked.future.set_result(reply)

    def _fail(self, numbers: Iterable[int], why: str) -> None:
        for number in numbers:
            asked = self._pending.pop(number, None)
            if asked is not None and not asked.future.done():
                asked.future.set_exception(Unreachable(f"{asked.room!r}: {why}"))


def _ask_channel(room: str) -> str:
    return f"classroom:{{{room}}}:ask"


def _reply_channel(edge: str) -> str:
    return f"classroom:{{{edge}}}:reply"
