"""Subscriptions at one Redis node, over one connection that one task reads and another writes.

What always holds: what is wanted is subscribed, or will be as soon as the node answers; nobody has to ask again after a
connection was lost. The writer sends the difference between what is wanted and what was asked for, so a burst of comings
and goings is one write. A node that says nothing for five pings is taken for gone: the connection is made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from classroom.bus.calling import CALL_SECONDS, TROUBLES, Backoff, Command, Complaints, Connect, patience, words

log = structlog.get_logger(__name__)

PING_EVERY = 1.0  # seconds
SILENT_PINGS = 5  # without any answer, until the connection is given up
BURST = 64  # messages handled in a row before other tasks have their turn

Hear = Callable[[bytes], None]


class Listener:
    """`sharded`: sharded pub/sub, as a cluster needs it. `doubt` is called when a channel seems to be at another node, `began`
    whenever the node has confirmed a subscription, and `lost` when it may have ended one."""

    def __init__(
        self,
        name: str,
        connect: Connect,
        *,
        sharded: bool,
        doubt: Callable[[], None],
        began: Callable[[str], None],
        lost: Callable[[], None],
    ) -> None:
        self._name = name
        self._connect = connect
        self._doubt = doubt
        self._began = began
        self._lost = lost
        self._subscribe, self._unsubscribe = ("SSUBSCRIBE", "SUNSUBSCRIBE") if sharded else ("SUBSCRIBE", "UNSUBSCRIBE")
        self._one_at_a_time = sharded  # channels of one SSUBSCRIBE must be of one slot
        self._hear: dict[bytes, Hear] = {}
        self._wanted: set[bytes] = set()
        self._asked: set[bytes] = set()  # what the node was last told that we want
        self._unconfirmed: dict[bytes, int] = {}
        self._live: set[bytes] = set()
        self._waiting: dict[bytes, list[asyncio.Future[bool]]] = {}
        self._changed = asyncio.Event()
        self._refused = False
        self._silent = 0
        self._backoff = Backoff()
        self._complaints = Complaints()
        self.connected = False
        self.trouble = "not yet connected"  # when it is not connected: why
        self._task = asyncio.create_task(self._run(), name=f"redis listener {name}")

    def want(self, channel: bytes, hear: Hear) -> None:
        """Be subscribed to the channel from now on; `hear` takes the place of an earlier one."""
        self._hear[channel] = hear
        if channel not in self._wanted:
            self._wanted.add(channel)
            self._changed.set()

    def unwant(self, channel: bytes) -> None:
        """Be no longer subscribed. What is on its way is still heard."""
        if channel in self._wanted:
            self._wanted.discard(channel)
            self._changed.set()
            if not self.connected:
                self._hear.pop(channel, None)

    def is_live(self, channel: bytes) -> bool:
        """Whether the node has confirmed the subscription."""
        return channel in self._live

    async def live(self, channel: bytes, timeout: float) -> bool:
        """Wait until the node has confirmed the subscription, at most `timeout` seconds; whether it has."""
        if channel in self._live:
            return True
        waiting: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(channel, []).append(waiting)
        try:
            async with asyncio.timeout(timeout):
                return await waiting
        except TimeoutError:
            return False
        finally:
            left = self._waiting.get(channel, [])
            if waiting in left:
                left.remove(waiting)
                if not left:
                    del self._waiting[channel]

    async def close(self) -> None:
        """Let go of the connection and of every handler."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._hear.clear()
        for waiting in [one for several in self._waiting.values() for one in several if not one.done()]:
            waiting.set_result(False)

    async def _run(self) -> None:
        while True:
            connection = self._connect()
            try:
                async with patience(CALL_SECONDS):
                    await connection.connect()  # type: ignore[no-untyped-call]
                await self._follow(connection)
            except TROUBLES as error:
                self.trouble = words(error)
                if self._complaints.is_new(self.trouble):
                    log.warning("a Redis subscription is lost; connecting again", node=self._name, error=self.trouble)
            finally:
                await connection.disconnect(nowait=True)
            self._doubt()
            await self._backoff.wait()

    async def _follow(self, connection: AbstractConnection) -> None:
        self._asked, self._unconfirmed, self._live = set(), {}, set()
        self._silent, self._refused, self.connected = 0, False, True
        self._changed.set()
        writer = asyncio.create_task(self._write(connection), name=f"redis subscriber {self._name}")
        try:
            await self._read(connection)
        finally:
            self.connected = False
            self._live = set()
            self._lost()
            self._hear = {channel: hear for channel, hear in self._hear.items() if channel in self._wanted}
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _read(self, connection: AbstractConnection) -> None:
        handled = 0
        while True:
            try:
                answer = await connection.read_response(timeout=math.inf, disconnect_on_error=False)
            except ResponseError as error:
                log.warning("Redis refuses a subscription", node=self._name, error=str(error))
                self._refused = True
                self._doubt()
                continue
            self._silent = 0
            if self._backoff.grown:
                # Only now: a node that takes connections and then wants a password would be asked again without a pause.
                self._backoff.reset()
                if self._complaints.over():
                    log.info("Redis subscriptions are there again", node=self._name)
            if not isinstance(answer, list) or len(answer) != 3:
                continue  # a pong
            kind, channel, body = answer
            if kind in (b"message", b"smessage"):
                self._tell(channel, body)
            elif kind in (b"subscribe", b"ssubscribe"):
                self._confirmed(channel)
            elif kind in (b"unsubscribe", b"sunsubscribe") and channel is not None:
                self._ended(channel)
            handled += 1
            if handled % BURST == 0:
                await asyncio.sleep(0)

    async def _write(self, connection: AbstractConnection) -> None:
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PING_EVERY):
                        await self._changed.wait()
                commands = self._difference() if self._changed.is_set() else self._check()
                self._changed.clear()
                if commands:
                    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        finally:
            # The reader notices, whatever ended the writer.
            await connection.disconnect(nowait=True)

    def _difference(self) -> list[Command]:
        come, gone = self._wanted - self._asked, self._asked - self._wanted
        self._asked = set(self._wanted)
        self._live -= gone
        for channel in come:
            self._unconfirmed[channel] = self._unconfirmed.get(channel, 0) + 1
        changes = ((self._subscribe, come), (self._unsubscribe, gone))
        if self._one_at_a_time:
            return [(verb, channel) for verb, channels in changes for channel in channels]
        return [(verb, *channels) for verb, channels in changes if channels]

    def _check(self) -> list[Command]:
        """Nothing has changed for a second: see that the node is there, and ask again for what it refused."""
        if self._silent >= SILENT_PINGS:
            raise TimeoutError(f"nothing heard during {SILENT_PINGS} pings")
        self._silent += 1
        commands: list[Command] = [("PING",)]
        if self._refused:
            self._refused = False
            self._asked &= self._live
            self._unconfirmed.clear()
            commands += self._difference()
        return commands

    def _tell(self, channel: bytes, body: bytes) -> None:
        hear = self._hear.get(channel)
        if hear is None:
            return
        try:
            hear(body)
        except Exception:
            log.exception("a Redis message could not be handled", channel=channel.decode(errors="replace"))

    def _confirmed(self, channel: bytes) -> None:
        left = self._unconfirmed.pop(channel, 1) - 1
        if left > 0:
            self._unconfirmed[channel] = left
        elif channel in self._asked:
            self._live.add(channel)
            self._began(channel.decode())
            for waiting in self._waiting.pop(channel, ()):
                if not waiting.done():
                    waiting.set_result(True)

    def _ended(self, channel: bytes) -> None:
        if channel in self._live:  # not of our doing: the channel's slot has moved to another node
            self._live.discard(channel)
            self._asked.discard(channel)
            self._lost()
            self._doubt()
        if channel not in self._wanted:
            self._hear.pop(channel, None)
