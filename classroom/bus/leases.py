"""Placement over Redis: who lives, who owns what.

What always holds: a worker lives for the others as long as its entry in one sorted set keeps changing, by each observer's
own monotonic clock; no clock has to be right, and one that jumps moves no room. While Redis does not answer, or takes no
writes, everybody keeps the workers and leases that it knew. A room's home is found by rendezvous hashing: of all live workers
the one with the highest hash of (room, worker), so that a worker's coming or going moves only the rooms that become, or were,
its own.

A lease is a key that expires after six seconds, renewed every two. Renewing is prolonging and looking whose it is, without a
script: should the lease have changed hands, it is the new holder's that is prolonged. Of a worker that has said
that it goes, or whose supervisor has seen it die (`bury`), nobody waits for the lease's end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from redis.exceptions import ResponseError

from classroom.bus.calling import Command, Complaints, Down, heard
from classroom.bus.nodes import Node, Nodes
from classroom.bus.placement import Placement, Waker, rendezvous

log = structlog.get_logger(__name__)

WORKERS = "classroom:workers"  # the sorted set of workers, and the channel on which they call for a look at it
BEAT_EVERY = 0.5  # seconds
LIVE_FOR = 2.0  # seconds without a change of its entry, until a worker is taken for dead
FORGET_AFTER = 60.0  # seconds, until a dead worker's entry is removed
RENEW_EVERY = 2.0  # seconds
LEASE_MS = 6_000
CONFIRM_SECONDS = 2.0
LAST_WORDS_SECONDS = 1.0
REMEMBERED = 100_000  # rooms whose home is remembered
GONE = 0.0  # the score of a worker that has said that it is going


class Leases(Placement):
    """`url` as for `open_bus`; `worker`: this worker's id, new with every start."""

    def __init__(self, url: str, worker: str) -> None:
        self.worker = worker
        self._nodes = Nodes(url)
        self._waker: Waker | None = None
        self._waking: dict[str, asyncio.Task[None]] = {}
        self._calling: set[str] = set()
        self._entries: dict[str, tuple[float, float]] = {}  # worker: its score, and when that was first seen
        self._live: tuple[str, ...] = (worker,)
        self._homes: dict[str, str] = {}
        self._held: set[str] = set()
        self._reached = self._closed = False
        self._complaints = Complaints()
        self._look = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # --- who lives --------------------------------------------------------------------------------------------------

    def workers(self) -> list[str]:
        return list(self._live)

    def home(self, room: str) -> str:
        home = self._homes.get(room)
        if home is None:
            if len(self._homes) >= REMEMBERED:
                self._homes.clear()
            home = self._homes[room] = rendezvous(room, self._live)
        return home

    async def start(self) -> None:
        await self._nodes.open()
        channel = _wake_channel(self.worker)
        self._nodes.want(channel, self._hear_wake)
        self._nodes.want(WORKERS, self._hear_look)
        await asyncio.gather(*(self._nodes.live(one, CONFIRM_SECONDS) for one in (channel, WORKERS)))
        await self._beat()
        await self._say(WORKERS, self.worker)
        self._tasks = [
            asyncio.create_task(self._beat_forever(), name="lease heartbeat"),
            asyncio.create_task(self._renew_forever(), name="lease renewal"),
        ]

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for task in (*self._tasks, *self._waking.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._waking.values(), return_exceptions=True)
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                # The leases first: whoever looks because this worker goes must find them free.
                await self._give_back(list(self._held))
                await self._nodes.of(WORKERS).caller.call([("ZADD", WORKERS, str(GONE), self.worker)])
                await self._say(WORKERS, self.worker)
        except (Down, TimeoutError) as error:
            log.warning("the others are not told that this worker goes", error=str(error))
        self._held.clear()
        await self._nodes.close()

    def _hear_look(self, body: bytes) -> None:
        if body != self.worker.encode():
            self._look.set()

    async def _beat_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT_EVERY
            try:
                async with asyncio.timeout_at(due):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            await self._beat()

    async def _beat(self) -> None:
        """Change this worker's entry and see whose else has changed."""
        caller = self._nodes.of(WORKERS).caller
        try:
            (time,) = heard(await caller.call([("TIME",)]))
            now = int(time[0]) + int(time[1]) / 1_000_000
            # A Redis that takes no writes (its memory is full, say) still tells what it has: all would look dead for good.
            _, listed = heard(
                await caller.call([("ZADD", WORKERS, repr(now), self.worker), ("ZRANGE", WORKERS, 0, -1, "WITHSCORES")])
            )
            entries = {listed[i].decode(): float(listed[i + 1]) for i in range(0, len(listed), 2)}
        except (Down, ResponseError) as error:
            if self._complaints.is_new(str(error)):
                log.warning("the other workers cannot be seen; going on with those known", error=str(error))
            self._reached = False
            self._nodes.doubt()
            return
        self._complaints.over()
        self._see(entries, now, asyncio.get_running_loop().time())
        await self._forget(entries)

    def _see(self, entries: dict[str, float], redis_now: float, now: float) -> None:
        if not self._reached:
            # Nobody could be seen for a while: everybody known has as long as ever to be seen again.
            self._entries = {worker: (score, now) for worker, (score, _) in self._entries.items()}
            self._reached = True
        for worker, score in entries.items():
            known = self._entries.get(worker)
            if known is None:
                # Seen for the first time: only Redis's own clock can tell an old entry from a live one.
                age = max(0.0, redis_now - score)
                self._entries[worker] = score, now - (age if age > LIVE_FOR else 0.0)
            elif known[0] != score:
                self._entries[worker] = score, now
        for worker in [one for one, (_, seen) in self._entries.items() if one not in entries and now - seen > LIVE_FOR]:
            del self._entries[worker]
        live = {one for one, (score, seen) in self._entries.items() if score != GONE and now - seen <= LIVE_FOR}
        workers = tuple(sorted(live | {self.worker}))
        if workers != self._live:
            log.info("the workers that live have changed", workers=workers)
            self._live = workers
            self._homes.clear()

    async def _forget(self, entries: dict[str, float]) -> None:
        now = asyncio.get_running_loop().time()
        dead = [one for one in entries if one != self.worker and now - self._entries[one][1] > FORGET_AFTER]
        if dead:
            try:
                await self._nodes.of(WORKERS).caller.call([("ZREM", WORKERS, *dead)])
            except Down:
                return  # they stay until the next look

    # --- who owns what ----------------------------------------------------------------------------------------------

    async def claim(self, room: str) -> bool:
        if self._closed:
            return False
        key = _lease_key(room)
        try:
            for _ in range(2):
                taken, holder = await self._nodes.of(key).caller.call(
                    [("SET", key, self.worker, "NX", "PX", LEASE_MS), ("GET", key)]
                )
                if taken == b"OK":
                    self._held.add(room)
                    return True
                if isinstance(holder, bytes):
                    return await (self._inherit(room) if self._is_gone(holder) else self._is_mine(room, holder))
                if holder is not None:
                    self._nodes.doubt()
        except Down as error:
            log.warning("a lease cannot be asked about; going on without", room=room, error=str(error))
            self._nodes.doubt()
        # Nobody tells who holds it: the journal keeps the order. Renewing takes the lease once there is an answer.
        self._held.add(room)
        return True

    def _is_gone(self, holder: bytes) -> bool:
        entry = self._entries.get(holder.decode())
        return entry is not None and entry[0] == GONE

    async def _inherit(self, room: str) -> bool:
        """Take the lease of a worker that is no more. Should another one do so too, the journal says who is the owner."""
        key = _lease_key(room)
        await self._nodes.of(key).caller.call([("SET", key, self.worker, "PX", LEASE_MS)])
        self._held.add(room)
        return True

    async def _is_mine(self, room: str, holder: bytes) -> bool:
        if holder != self.worker.encode():
            self._held.discard(room)
            return False
        self._held.add(room)
        await self._renew([room])
        return True

    async def release(self, room: str) -> None:
        if room in self._held:
            try:
                await self._give_back([room])
            except Down as error:
                log.warning("a lease cannot be given back; it will expire", room=room, error=str(error))

    async def _give_back(self, rooms: Sequence[str]) -> None:
        self._held.difference_update(rooms)
        holders = await self._each([("GET", _lease_key(room)) for room in rooms])
        mine = [room for room, holder in zip(rooms, holders, strict=True) if holder == self.worker.encode()]
        await self._each([("DEL", _lease_key(room)) for room in mine])

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            await self._renew(list(self._held))

    async def _renew(self, rooms: Sequence[str]) -> None:
        holders = await self._each([("GETEX", _lease_key(room), "PX", LEASE_MS) for room in rooms])
        again: list[Command] = []
        for room, holder in zip(rooms, holders, strict=True):
            if room not in self._held:
                continue
            if holder is None:
                again.append(("SET", _lease_key(room), self.worker, "NX", "PX", LEASE_MS))
            elif isinstance(holder, bytes) and holder != self.worker.encode():
                log.warning("a lease is another worker's", room=room, holder=holder.decode())
                self._held.discard(room)
        await self._each(again)

    async def _each(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to commands whose second word is their key, in order; a node that is down has `Down` for each."""
        by_node: dict[Node, list[int]] = {}
        for index, command in enumerate(commands):
            by_node.setdefault(self._nodes.of(str(command[1])), []).append(index)
        answers: list[Any] = [None] * len(commands)

        async def ask(node: Node, indexes: list[int]) -> None:
            found: Sequence[Any]
            try:
                found = await node.caller.call([commands[index] for index in indexes])
            except Down as error:
                self._nodes.doubt()
                found = [error] * len(indexes)
            for index, answer in zip(indexes, found, strict=True):
                answers[index] = answer
                if isinstance(answer, ResponseError):
                    self._nodes.doubt()

        await asyncio.gather(*(ask(node, indexes) for node, indexes in by_node.items()))
        return answers

    # --- waking -----------------------------------------------------------------------------------------------------

    def on_wake(self, waker: Waker) -> None:
        self._waker = waker

    async def wake(self, room: str) -> None:
        home = self.home(room)
        if home != self.worker:
            if room not in self._calling:  # a crowd in one room calls once
                self._calling.add(room)
                try:
                    await self._say(_wake_channel(home), room)
                finally:
                    self._calling.discard(room)
        elif self._waker is not None:
            await self._waker(room)

    def _hear_wake(self, body: bytes) -> None:
        room = body.decode()
        if self._waker is not None and room not in self._waking:
            task = asyncio.ensure_future(self._waker(room))
            self._waking[room] = task
            task.add_done_callback(partial(self._woken, room))

    def _woken(self, room: str, task: asyncio.Task[None]) -> None:
        del self._waking[room]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a room could not be woken", room=room, exc_info=error)

    async def _say(self, channel: str, text: str) -> None:
        try:
            await self._nodes.of(channel).caller.call([(self._nodes.publish, channel, text)])
        except Down as error:
            log.warning("another worker cannot be told", channel=channel, error=str(error))


async def bury(url: str, worker: str) -> None:
    """Tell the others that a worker has died, which they would find out by themselves in a few seconds. For whoever has
    seen the end of its process, and nobody else."""
    nodes = Nodes(url)
    try:
        await nodes.open()
        await nodes.of(WORKERS).caller.call([("ZADD", WORKERS, str(GONE), worker), (nodes.publish, WORKERS, worker)])
    except Down as error:
        log.warning("the others are not told of a death", worker=worker, error=str(error))
    finally:
        await nodes.close()


def _wake_channel(worker: str) -> str:
    return f"classroom:{{{worker}}}:wake"


def _lease_key(room: str) -> str:
    return f"classroom:{{{room}}}:owner"
