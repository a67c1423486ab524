"""The owner of a room: the one task that turns commands into events, in one order.

What always holds: a command is answered "kept" only after its events are committed, or, where it had nothing to change,
after its mark is, in a transaction that finds the log where it was decided: so it is never carried out later, and an owner
that has lost its room says of nothing that it stands already. All commands that wait when a commit begins go into it
together (one transaction), are then published, then answered. Where many come, a commit begins a little after the one
before, so that it holds more: it costs about as much as twenty commands. Where many rooms are busy they begin in turns, one
right after the other in one turn of the loop: what is plain there is decided, committed and answered without waking the
room's task, which sleeps until that has ended, and goes on with what is not plain. The owner's state runs ahead of the
journal only inside one commit; if that fails in any way the state is dropped and read anew, so it never drifts. Whoever finds
the log moved by another owner stands down.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

import structlog

from classroom.bus.port import Appended, Bus, Cancel, Counted, Entry, Head, Message, Reply, Request
from classroom.journal.port import Conflict, Duplicate, Journal, Unavailable
from classroom.kernel import SYSTEM, Event, Meta, Rejected, Stored
from classroom.metrics import Metrics
from classroom.rooms import room as rooms
from classroom.rooms.batch import INTERNAL, MOVED, UNAVAILABLE, Batch, Key, Waiting, key_of, refused, tell
from classroom.rooms.loading import load
from classroom.rooms.roster.model import Attend, Attended
from classroom.rooms.snapshots import Snapshots
from classroom.rooms.turns import Turns

log = structlog.get_logger(__name__)

GATHER = 0.02  # seconds between the beginnings of two commits in a busy room
BUSY = 8  # commands in a commit that make the room a busy one
BATCH = 1_000  # commands in one transaction at most: a few milliseconds of deciding
SWEEP = 5_000  # members in one attendance command of the owner's own
REMEMBERED = 10_000  # newest (actor, cid) kept in memory; older ones are looked up in the journal
HEAD_SELDOM = 4.5  # seconds at the least between two announcements of a head that was announced each second for as long
RELOAD_AFTER = 1.0  # seconds until the state is read again after a failure, so that what was committed is announced


class Owner:
    """Owns `room` from `start` until `stop`, or until it loses it (`lost` is then set and every answer is `MOVED`).

    `clock` gives milliseconds since 1970. `snapshot_every`: events between two snapshots. `turns`: of all owners of this worker.
    `stir` is set by whoever keeps it, and called when something goes on here, so that `announce` and `sweep` are.
    """

    def __init__(
        self,
        room: str,
        journal: Journal,
        bus: Bus,
        metrics: Metrics,
        clock: Callable[[], int],
        *,
        snapshot_every: int = 1_000,
        turns: Turns | None = None,
    ) -> None:
        self.room = room
        self._turns = turns
        self.stir: Callable[[], None] = lambda: None
        self.lost = asyncio.Event()
        self._journal = journal
        self._bus = bus
        self._metrics = metrics
        self._clock = clock
        self._snapshots = Snapshots(room, journal, snapshot_every)
        self._head = 0
        self._announced = -1
        self._announced_since = self._announce_at = 0.0
        self._ahead = 0  # milliseconds by which the room's time is ahead of our clock
        self._state: rooms.Room | None = None
        self._recent: OrderedDict[Key, int] = OrderedDict()
        self._inbox: list[Waiting] = []
        self._news: asyncio.Future[bool] | None = None  # for as long as the task has nothing to do
        self._due: int | None = None  # when it will have
        self._joined = False  # the turn of many rooms that comes next
        self._committing = False  # what was decided in such a turn: the task sleeps meanwhile
        self._decided: Batch | None = None  # in such a turn, and for the task to go on with
        self._stopping = False
        self._trouble = ""  # why the journal does not take the commands
        self._task: asyncio.Task[None] | None = None
        self._unserve: Cancel | None = None
        self._unsubscribe: Cancel | None = None
        self._used = 0.0
        self._gone: dict[str, float] = {}
        self._looked_at: tuple[int, tuple[str, ...]] = (-1, ())
        self._attended = 0  # the place of the last event that says who is present

    async def start(self) -> None:
        """Begin to serve, and load the state: what is asked meanwhile waits for that. Raises `Unavailable`, `KeyError` when
        there is no such room; then it is lost."""
        self._used = asyncio.get_running_loop().time()
        try:
            self._unserve = await self._bus.serve(self.room, self.submit, self._displaced)
            self._unsubscribe = await self._bus.subscribe(self.room, self._hear)
            await self._load()  # the owner before, if there was one, has stood down
        except BaseException:
            self.lost.set()
            tell(self._inbox, MOVED)
            await self._leave()
            raise
        self._task = asyncio.create_task(self._run(), name=f"owner {self.room}")
        # Whoever follows the room may have missed what the owner before wrote last.
        self._bus.publish(self.room, Head(self._head))

    async def _leave(self) -> None:
        """Hear of the room no more, and answer nobody there."""
        for cancel in (self._unserve, self._unsubscribe):
            if cancel is not None:
                await cancel()

    def _displaced(self) -> None:
        """Another owner serves the room. Nothing would reach this one any more, so it must not pass for the room's owner."""
        if not self._stopping:
            log.warning("another owner serves the room; standing down", room=self.room)
        self.lost.set()
        self.stir()
        self._wake()

    def give(self, request: Request, done: Callable[[Reply], None]) -> None:
        """Take one request, at its place in the order; `done` is called with the answer."""
        if self._stopping or self.lost.is_set():
            done(MOVED)
            return
        self._used = asyncio.get_running_loop().time()
        self._inbox.append(Waiting(request, done))
        self._take_up()

    def submit(self, request: Request) -> asyncio.Future[Reply]:
        """The same, for who waits. Who stops waiting stops nothing."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.give(request, partial(_settle, answer))
        return answer

    def _wake(self, again: bool = False) -> None:
        """There is something for the task to do, or (`again`) there may be, and something else to wait for."""
        if self._news is not None and not self._news.done() and not self._committing:
            self._news.set_result(again)

    def _take_up(self) -> None:
        """There is something in the inbox. Where many rooms have, it goes into their next turn, and the task sleeps on."""
        if self._joined or self._committing or self._news is None or self._news.done():
            return  # whoever is at work looks there next
        if self._state is not None and self._turns is not None:
            self._joined = self._turns.join(self.room, self._take_turn)
        if not self._joined:
            self._wake()

    async def stop(self) -> None:
        """Answer what waits, keep a snapshot, and let go of the room."""
        self._stopping = True
        await self._leave()
        self._wake()
        if self._task is not None:
            await self._task
        await self._snapshots.end(self._state)

    def idle(self, now: float, after: float) -> bool:
        """Whether for `after` seconds nobody was in the room, nobody asked for anything, and nothing waits to happen."""
        if self._inbox or now - self._used < after:
            return False
        return self._state is not None and rooms.next_due(self._state) is None

    def announce(self, now: float) -> None:
        """Called once a second while something goes on, and now and then: say how far the log goes, every second for a while
        after it has grown. Only what is committed: the state may be ahead of that."""
        grown = self._head != self._announced
        if grown:
            self._announced, self._announced_since = self._head, now
        if grown or now >= self._announce_at or self._often(now):
            self._announce_at = now + HEAD_SELDOM
            self._bus.publish(self.room, Head(self._head))

    def restless(self, now: float) -> bool:
        """Whether something will go on here by itself: its head is still to be announced, somebody missing may have gone."""
        return self._head != self._announced or bool(self._gone) or self._often(now)

    def _often(self, now: float) -> bool:
        """Whether the head is announced each second, since others may have missed what was told."""
        return now - self._announced_since <= HEAD_SELDOM and not self._bus.alone(self.room)

    def sweep(self, edges: Sequence[str], now: float, after: float) -> None:
        """Those whom the log takes for present at an edge that has not been among `edges` for `after` seconds have gone."""
        if self._state is None:
            return
        looked_at = (self._attended, tuple(edges))
        if looked_at == self._looked_at and not self._gone:
            return  # as a second ago: nobody is at an edge that is not there
        self._looked_at = looked_at
        here = [record for record in self._state.roster.members.values() if record.present]
        missing = {record.edge for record in here}.difference(edges)
        self._gone = {edge: self._gone.get(edge, now) for edge in missing}
        for edge, since in self._gone.items():
            if now - since >= after:
                went = tuple(record.id for record in here if record.edge == edge)[:SWEEP]
                self._inbox.append(Waiting(Request(SYSTEM, Attend(went=went, edge=edge)), None))
                self._take_up()

    def _hear(self, message: Message) -> None:
        if isinstance(message, Counted) and message.count:
            self._used = asyncio.get_running_loop().time()

    # --- the loop -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            waiting: list[Waiting] = []
            while not self.lost.is_set():
                if len(waiting) >= BUSY and len(self._inbox) < BATCH and not self._stopping:
                    await asyncio.sleep(max(0.0, begun + GATHER - loop.time()))
                await self._wait()
                if self._turns is not None and self._inbox and not self._stopping and self._decided is None:
                    await self._turns.wait(self.room)
                if self.lost.is_set():
                    break
                begun = loop.time()
                waiting = self._take() if self._decided is None else self._decided.waiting
                if not waiting and self._stopping:
                    break
                try:
                    await self._serve(waiting)
                except BaseException:
                    tell(waiting, UNAVAILABLE)
                    raise
        except Exception:  # nobody must wait for one who does not answer any more: the room is owned anew
            log.exception("an owner has failed; standing down", room=self.room)
            self.lost.set()
            self.stir()
        finally:
            if self._decided is not None:  # and will not be committed: the state is ahead of the log
                self._inbox[:0], self._state = self._decided.waiting, None
            tell(self._inbox, MOVED)
            self._inbox.clear()

    def _take(self) -> list[Waiting]:
        """What goes into the next transaction."""
        waiting, self._inbox = self._inbox[:BATCH], self._inbox[BATCH:]
        return waiting

    async def _wait(self) -> None:
        """Until there is something for the task to do: a request, a deadline, the end."""
        loop = asyncio.get_running_loop()
        again = True
        while again and not (self._inbox or self._stopping or self.lost.is_set()):
            self._due = None if self._state is None else rooms.next_due(self._state)
            if self._state is None:
                timeout: float | None = RELOAD_AFTER
            else:
                timeout = None if self._due is None else max(0.0, (self._due - self._now()) / 1_000)
            self._news = loop.create_future()
            timer = None if timeout is None else loop.call_later(timeout, self._wake)
            try:
                again = await self._news
            finally:
                self._news = None
                if timer is not None:
                    timer.cancel()

    async def _load(self) -> None:
        self._state, self._snapshots.seq, _ = await load(self._journal, self.room)
        self._head = self._attended = self._state.seq
        # The owner before may have had a clock that is ahead of ours: the room's time goes on from there. Were it to stand
        # still until ours has caught up, what ends at a time would end so much later.
        self._ahead = max(0, self._state.at - self._clock())
        self.stir()  # it may go further than anybody was told: a commit whose answer was lost

    def _now(self) -> int:
        """The room's time: our clock's, and never before what the log has."""
        return self._clock() + self._ahead

    async def _serve(self, waiting: list[Waiting]) -> None:
        """Decide, commit, publish, answer. Commands found to be done before are answered so, and the rest go again."""
        try:
            while True:
                if self._state is None:
                    await self._load()
                batch, self._decided = self._decided or self._decide(waiting), None
                await self._find_retries(batch)
                try:
                    await self._commit(batch)
                    break
                except Duplicate:
                    self._state = None
                    await self._recall([key_of(one) for one in waiting])
            await self._answer(batch)
        except Exception as error:
            self._fail(waiting, error)

    def _fail(self, waiting: list[Waiting], error: Exception) -> None:
        """A transaction has gone wrong: the state is not believed any more, and nobody is left without an answer."""
        self._state = None
        if isinstance(error, Conflict):
            self.lost.set()
            self.stir()
            self._metrics.owner_moves.inc()
            log.warning("another owner has written to the room; standing down", room=self.room)
            tell(waiting, MOVED)
        elif isinstance(error, Unavailable | KeyError):
            if self._trouble != str(error):  # else whoever tries again during an outage would fill the log
                self._trouble = str(error)
                log.warning("the journal does not take the commands", room=self.room, error=self._trouble)
            tell(waiting, UNAVAILABLE)
        else:  # a defect in the room's rules
            log.error("commands failed", room=self.room, exc_info=error)
            tell(waiting, INTERNAL)

    # --- in a turn of many rooms ------------------------------------------------------------------------------------

    def _take_turn(self) -> None:
        """Decide what waits, and begin to commit it. Whatever is not plain is for the task to go on with."""
        self._joined = False
        if self._news is None or self._news.done() or not self._inbox:
            return  # the task has been woken for something else, and takes what waits
        if self._state is None:  # it has failed since this was agreed: it reads the state again
            self._wake()
            return
        waiting = self._take()
        try:
            batch = self._decide(waiting)
            if batch.unchanged or batch.refused:
                self._decided = batch
                self._wake()
            elif not batch.events and not batch.done:
                self._settle(batch)
                self._go_on()
            else:
                told = partial(self._committed, batch, perf_counter())
                self._journal.submit(self.room, batch.after, batch.events, batch.marks(), told)
                self._committing = True
        except Exception as error:
            self._fail(waiting, error)
            self._go_on()

    def _committed(self, batch: Batch, begun: float, error: Exception | None) -> None:
        self._committing = False
        try:
            if error is not None:
                raise error
            self._publish(batch, perf_counter() - begun)
            self._settle(batch)
        except Duplicate:
            self._state = None
            self._inbox[:0] = batch.waiting  # the task finds out which
        except Exception as error:
            self._fail(batch.waiting, error)
        self._go_on()

    def _go_on(self) -> None:
        """A turn has ended: what has come meanwhile goes into the next, and what is not plain is the task's."""
        if self._stopping or self.lost.is_set() or self._state is None:
            self._wake(again=True)
            return
        due = rooms.next_due(self._state)
        if due is not None and (due != self._due or due <= self._now()):
            self._wake(again=True)
        elif self._inbox:
            self._take_up()

    # --- one transaction ------------------------------------------------------------------------------------------

    def _decide(self, waiting: list[Waiting]) -> Batch:
        assert self._state is not None
        now = max(self._now(), self._state.at)
        batch = Batch(waiting, self._state.seq, now)
        for command in rooms.due(self._state, now):
            self._fold(batch, rooms.decide(self._state, command, SYSTEM, now), SYSTEM.id)
        for one in waiting:
            member, command = one.request.member, one.request.command
            key = key_of(one)
            before = batch.done.get(key, self._recent.get(key))
            if command.cid and before is not None:
                batch.kept.append((one, before))
                continue
            try:
                events = rooms.decide(self._state, command, member, now)
            except Rejected as error:
                batch.refused.append((one, error))
                continue
            self._fold(batch, events, member.id)
            if command.cid:
                batch.done[key] = self._state.seq
                if not events:
                    batch.unchanged.add(key)
            batch.kept.append((one, self._state.seq))
        return batch

    async def _find_retries(self, batch: Batch) -> None:
        """What changes nothing may be the retry of what did: that is marked already, and is answered like the first time."""
        if not batch.unchanged:
            return
        found = await self._journal.done(self.room, list(batch.unchanged))
        for key, seq in found.items():
            self._remember(key, seq)
            del batch.done[key]
        batch.kept = [(one, found.get(key_of(one), seq)) for one, seq in batch.kept]

    def _fold(self, batch: Batch, events: list[Event], by: str) -> None:
        """Take events into the batch and the state; what can be said in one event with its neighbour is."""
        assert self._state is not None
        for event in events:
            previous = batch.events[-1] if batch.events else None
            merged = rooms.merge(previous.event, event) if previous is not None else None
            if previous is not None and merged is not None:
                batch.events[-1] = Stored(previous.meta, merged)
                self._state.seq = previous.meta.seq - 1
                rooms.apply(self._state, Stored(previous.meta, event))
            else:
                stored = Stored(Meta(self._state.seq + 1, batch.now, by), event)
                batch.events.append(stored)
                rooms.apply(self._state, stored)
                if isinstance(event, Attended):
                    self._attended = stored.meta.seq

    async def _commit(self, batch: Batch) -> None:
        if not batch.events and not batch.done:
            return
        begun = perf_counter()
        await self._journal.append(self.room, batch.after, batch.events, batch.marks())
        self._publish(batch, perf_counter() - begun)

    def _publish(self, batch: Batch, took: float) -> None:
        """What was committed in `took` seconds is told to whoever follows the room."""
        if self._trouble:
            self._trouble = ""
            log.info("the journal takes the commands again", room=self.room)
        self._metrics.append_seconds.observe(took)
        if self._metrics.tracing is not None:
            self._metrics.tracing.commit(batch.done, self.room, took, len(batch.kept), len(batch.events))
        if not batch.events:
            return
        self._head = batch.events[-1].meta.seq
        if self._bus.alone(self.room):
            self._announced = self._head  # to all there are
        else:
            self.stir()
        self._metrics.batch_events.observe(len(batch.events))
        self._metrics.events.inc(len(batch.events))
        entries = tuple(Entry(s.meta, s.event) for s in batch.events)  # type: ignore[arg-type]
        self._bus.publish(self.room, Appended(batch.after, entries))

    def _settle(self, batch: Batch) -> None:
        """Answer what was kept."""
        for key, seq in batch.done.items():
            self._remember(key, seq)
        # After the room has been told: a reader on the other side is woken once for both.
        asyncio.get_running_loop().call_soon(_tell_kept, batch.kept)
        if self._state is not None:
            self._snapshots.look(self._state)

    async def _answer(self, batch: Batch) -> None:
        self._settle(batch)
        if batch.refused:
            await self._refuse(batch.refused)

    async def _refuse(self, refusals: list[tuple[Waiting, Rejected]]) -> None:
        """A refused command may be the retry of one that was kept, whose answer was lost: only the journal knows."""
        keys = [key_of(waiting) for waiting, _ in refusals if waiting.request.command.cid]
        try:
            before = await self._journal.done(self.room, keys) if keys else {}
        except Unavailable:
            before = None
        for one, error in refusals:
            if before is None:
                one.tell(UNAVAILABLE)
                continue
            seq = before.get(key_of(one))
            one.tell(refused(error) if seq is None else Reply(ok=True, seq=seq))

    async def _recall(self, keys: list[Key]) -> None:
        found = await self._journal.done(self.room, [key for key in keys if key[1]])
        for key, seq in found.items():
            self._remember(key, seq)

    def _remember(self, key: Key, seq: int) -> None:
        self._recent[key] = seq
        self._recent.move_to_end(key)
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)


def _tell_kept(kept: list[tuple[Waiting, int]]) -> None:
    for one, seq in kept:
        one.tell(Reply(ok=True, seq=seq))


def _settle(answer: asyncio.Future[Reply], reply: Reply) -> None:
    if not answer.done():  # who asked may have stopped waiting
        answer.set_result(reply)
