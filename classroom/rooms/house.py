"""The house: all rooms that this worker has open, opened when asked for and let go when nobody is left.

What always holds: a room is open once per worker, however many ask for it at the same moment; a room that nobody has been
in for a while leaves nothing behind in memory.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from functools import partial

import structlog

from classroom import wire
from classroom.auth import Authenticator
from classroom.bus.placement import Alone, Placement
from classroom.bus.port import Bus, Reply, Request, Unreachable
from classroom.config import Settings
from classroom.journal.port import Journal, RoomInfo, Unavailable
from classroom.kernel import SYSTEM, Audience, Member, Rejected
from classroom.keyed import KeyedLocks
from classroom.media.stage import Stage, may_publish
from classroom.metrics import Metrics
from classroom.polls.model import Ballot, PollState
from classroom.rooms import room as rooms
from classroom.rooms.batch import MOVED
from classroom.rooms.flushes import Flushes
from classroom.rooms.hall import ASK_TIMEOUT, Hall
from classroom.rooms.owner import Owner
from classroom.rooms.owners import Owners
from classroom.rooms.room import AnyCommand
from classroom.rooms.roster import people as roster_people
from classroom.rooms.roster.model import Attend, PersonView
from classroom.rooms.rota import Rota
from classroom.rooms.session import Fanout, Session
from classroom.rooms.turns import Turns
from classroom.whiteboard.model import Board, BoardEvent
from classroom.wire import Codec, Hello

log = structlog.get_logger(__name__)

QUARTERS = 4  # ticks of the house in a second
TURN = 1.5  # ticks between two commits of many rooms: each takes about as much as fifteen commands in it
PATIENCE = (0.01, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0)  # seconds between attempts when a room's owner cannot be reached
PASS_SECONDS = 12 * 3_600
EPOCHS = 1_000  # of rooms, that are kept


class Clock:
    """Milliseconds since 1970 that never go back and never jump: the machine's clock, read once, and time since."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> int:
        return int((self._offset + time.monotonic()) * 1_000)


class House:
    """The rooms of one worker; `edge` is the worker's id. `placement` says which of them it owns: without one, all."""

    def __init__(
        self,
        journal: Journal,
        bus: Bus,
        auth: Authenticator,
        metrics: Metrics,
        settings: Settings,
        placement: Placement | None = None,
        clock: Callable[[], int] | None = None,
        fanout: Fanout | None = None,
    ) -> None:
        self.placement = placement or Alone(secrets.token_hex(6))
        self.edge = self.placement.worker
        self.journal = journal
        self.bus = bus
        self.auth = auth
        self.metrics = metrics
        self.settings = settings
        self.clock = clock or Clock()
        self.flushes = Flushes(fanout)
        self._halls: dict[str, Hall] = {}
        self._epochs: dict[str, str] = {}
        self._rota = Rota(QUARTERS)
        self._locks = KeyedLocks()
        self._turns = Turns(TURN * settings.rooms.tick_ms / 1_000)
        self.owners = Owners(self._make_owner, self.placement, settings.rooms.unload_after_seconds)
        self._ticker: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.draining = False
        # Told of each member who was removed or banned from a room that is open here, by room and id.
        self.when_sent_away: Callable[[str, str], None] = lambda room, member: None

    def start(self) -> None:
        """Begin to keep time for the rooms, and to tell of them."""
        self.metrics.rooms_owned.set_function(lambda: len(self.owners))
        self.metrics.tick_seconds.set_function(lambda: max((hall.hub.tick for hall in self.halls), default=0))
        self.metrics.replica_behind.set_function(lambda: max((hall.replica.behind for hall in self.halls), default=0))
        self.metrics.bus_lag_seconds.set_function(lambda: self.bus.lag)
        self.metrics.bus_messages.labels("out").set_function(lambda: self.bus.published)
        self.metrics.bus_messages.labels("in").set_function(lambda: self.bus.received)
        self._ticker = asyncio.create_task(self._tick(), name="house")

    def _make_owner(self, room: str) -> Owner:
        return Owner(
            room,
            self.journal,
            self.bus,
            self.metrics,
            self.clock,
            snapshot_every=self.settings.rooms.snapshot_every,
            turns=self._turns,
        )

    async def close(self) -> None:
        """Let go of every room: answer and send what waits, keep snapshots."""
        self.draining = True
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, *self._background, return_exceptions=True)
        await self.owners.close()
        await asyncio.gather(*(self._close(room) for room in list(self._halls)))

    @property
    def halls(self) -> list[Hall]:
        """The rooms that are open here now."""
        return list(self._halls.values())

    def count(self, room: str) -> int:
        """How many are in the room or about to be, as far as is known here."""
        hall = self._halls.get(room)
        return 0 if hall is None else hall.presence.count() + hall.entering

    async def hall(self, room: str, *, make: bool = False, by_name: bool = False) -> Hall:
        """The room, opened if it is not, and made before that where `make` says so; `by_name`: for who comes without a token.
        Raises `Rejected`: "room_not_found", "token_missing", "unavailable", "restarting"."""
        hall = self._halls.get(room)
        if hall is None:
            async with self._locks.hold(room):
                hall = self._halls.get(room) or await self._open(room, make, by_name)
        if by_name and not hall.info.open:
            raise _token_missing()
        return hall

    async def _open(self, room: str, make: bool, by_name: bool) -> Hall:
        if self.draining:
            raise Rejected("restarting", "The classroom is restarting; come back in a moment.", temporary=True)
        try:
            info = await self.journal.room(room)
            if info is None and make:
                info = await self.found(room, room)
            if info is None:
                raise _no_room()
            if by_name and not info.open:  # it is not read into memory for who may not come in
                raise _token_missing()
            self._spawn(self.placement.wake(room))  # it comes to have an owner while it is read here
            hall = Hall(
                info,
                self.edge,
                self.journal,
                self.bus,
                self.metrics,
                self.settings,
                self.clock,
                self._pass_for,
                self.auth.content_key(room, info.epoch),
                self.flushes,
                partial(self._rota.stir, room),
                lambda member: self.when_sent_away(room, member),
            )
            await hall.open()
        except Unavailable as error:
            raise _unreadable() from error
        self._halls[room] = hall
        self._rota.add(room)
        self.metrics.rooms_loaded.set(len(self._halls))
        return hall

    async def _unload(self, room: str, hall: Hall) -> None:
        """Close a room that nobody is in, unless somebody has come meanwhile."""
        async with self._locks.hold(room):
            if self._halls.get(room) is hall and self._is_idle(hall):
                await self._end(room)

    async def _close(self, room: str) -> None:
        async with self._locks.hold(room):
            await self._end(room)

    async def _end(self, room: str) -> None:
        hall = self._halls.pop(room, None)
        if hall is not None:
            self._rota.remove(room)
            await hall.close()
            self.metrics.rooms_loaded.set(len(self._halls))

    # --- coming in and doing ----------------------------------------------------------------------------------------

    async def enter(self, hello: Hello) -> tuple[Hall, Member, int]:
        """The room that this hello leads to, which stays open until they are let in (`entering`), who comes, and when their
        token ends (seconds since 1970; 0: they came without).

        Raises `Rejected` with why not."""
        by_name = hello.token is None
        if hello.token is not None:
            claims = await self.auth.verify(hello.token, hello.room)
            member, expires_at = claims.member, claims.expires_at
        else:
            member, expires_at = self.auth.guest(hello.room, hello.name or "", hello.client or ""), 0
        # Whoever signs tokens decides which rooms there are: the first to come with one finds the room made.
        hall = await self.hall(hello.room, make=not by_name, by_name=by_name)
        hall.entering += 1
        try:
            return hall, hall.in_force(member), expires_at
        except BaseException:
            hall.entering -= 1
            raise

    async def found(self, room: str, title: str) -> RoomInfo:
        """Make a room that students may enter by name (where open rooms are on), or find it. Raises `Unavailable`."""
        info, _ = await self.journal.create(room, title, self.clock(), open=True)
        return info

    def carry_out(self, room: str, member: Member, command: AnyCommand, done: Callable[[Reply], None]) -> None:
        """As `submit`, for sockets, where commands come by the thousand: the owner answers nearly all of them at the first
        try, and so without a task for each, and without the bus where it is here. `done` is called with the answer."""
        request = Request(member, command)
        owner = self.owners.get(room)
        if owner is not None and not owner.lost.is_set():
            owner.give(request, partial(self._answered, room, request, done))
        else:
            self.bus.send(room, request).add_done_callback(partial(self._tried, room, request, done))

    def _answered(self, room: str, request: Request, done: Callable[[Reply], None], reply: Reply) -> None:
        if reply.code == MOVED.code:
            self._spawn(self._try_again(room, request, done))
        else:
            done(reply)

    def _tried(self, room: str, request: Request, done: Callable[[Reply], None], answer: asyncio.Future[Reply]) -> None:
        if answer.cancelled() or (error := answer.exception()) is not None:
            known = answer.cancelled() or isinstance(error, Unreachable)
            if not known:
                log.error("a command failed", room=room, exc_info=error)
            self._answered(room, request, done, MOVED)
        else:
            self._answered(room, request, done, answer.result())

    async def _try_again(self, room: str, request: Request, done: Callable[[Reply], None]) -> None:
        reply = MOVED
        try:
            await self.placement.wake(room)
            reply = await self.submit(room, request.member, request.command)
        except Exception:
            log.exception("a command failed", room=room)
        finally:
            done(reply)

    async def submit(self, room: str, member: Member, command: AnyCommand) -> Reply:
        """Have the room's owner carry out a command. Asking again is safe: its `cid` is applied once."""
        request = Request(member, command)
        reply = MOVED
        for pause in (*PATIENCE, None):
            try:
                reply = await self.bus.ask(room, request, ASK_TIMEOUT)
            except Unreachable:
                reply = MOVED
                await self.placement.wake(room)
            if reply.code != MOVED.code or pause is None or self.draining:
                break
            await asyncio.sleep(pause)
        return reply

    def _pass_for(self, room: str, session: Session) -> str:
        """A pass never outlives the token that its bearer came with, else coming back with it would renew it for ever."""
        left = session.expires_at - self.clock() // 1_000 if session.expires_at else PASS_SECONDS
        return self.auth.mint_pass(room, session.member, max(1, min(PASS_SECONDS, left)))

    # --- for the HTTP API -------------------------------------------------------------------------------------------

    async def in_force(self, room: str, member: Member) -> Member:
        """The member with the name and role that hold in the room. Raises `Rejected`."""
        return (await self.hall(room)).in_force(member)

    async def state(self, room: str, audience: Audience) -> rooms.RoomView:
        """The room as `audience` sees it. Raises `Rejected`."""
        return rooms.show((await self.hall(room)).replica.state, audience)

    async def people(
        self, room: str, query: str = "", after: str = "", limit: int = 100
    ) -> tuple[list[PersonView], int]:
        """Members by name, `limit` from the one after the id `after`, and how many match. Raises `Rejected`."""
        roster = (await self.hall(room)).replica.state.roster
        return roster_people.search(roster, query, after, limit)

    async def votes(self, room: str, poll: int) -> list[tuple[PersonView, Ballot]]:
        """Who voted what in a named poll. Raises `Rejected`: "not_found", "forbidden" for a secret one."""
        state = (await self.hall(room)).replica.state
        found = state.polls.polls.get(poll)
        if found is None or found.state is PollState.PREPARED:
            raise Rejected("not_found", "There is no such poll, or it has not been opened.")
        if found.spec.secret:
            raise Rejected("forbidden", "This poll is secret: nobody learns who voted what.")
        return [(roster_people.person(state.roster, ballot.member), ballot) for ballot in found.votes.values()]

    async def epoch(self, room: str) -> str:
        """Which log the room's is. Raises `Rejected`.

        It is looked up without opening the room, which is not to be had for asking, and kept: it never changes, and a class
        asks for each of its pictures."""
        hall = self._halls.get(room)
        epoch = self._epochs.get(room) if hall is None else hall.info.epoch
        if epoch is not None:
            return epoch
        try:
            info = await self.journal.room(room)
        except Unavailable as error:
            raise _unreadable() from error
        if info is None:
            raise _no_room()
        if len(self._epochs) >= EPOCHS:
            del self._epochs[next(iter(self._epochs))]
        self._epochs[room] = info.epoch
        return info.epoch

    async def board(self, room: str) -> Board:
        """The board as it is now; for reading. Raises `Rejected`."""
        return (await self.hall(room)).replica.state.board

    async def sheet(self, room: str, page: int, seq: int) -> bytes:
        """A page of the board as of the place `seq`. Raises `Moved`, `Rejected`."""
        return await (await self.hall(room)).sheets.get(page, seq)

    async def board_event(self, room: str, seq: int) -> bytes:
        """The board's event at `seq`. Raises `Rejected`."""
        hall = await self.hall(room)
        await hall.sheets.reach(seq)
        found = await self.journal.read(room, seq - 1, 1) if seq else []
        if not found or found[0].meta.seq != seq or not isinstance(found[0].event, BoardEvent):
            raise Rejected("not_found", "That is no event of the board.")
        return wire.item(Codec.JSON, found[0].meta, found[0].event)

    # --- for the media process ----------------------------------------------------------------------------------------

    def stages(self) -> list[tuple[str, Stage]]:
        """The stages of all rooms that are open here."""
        return [(room, hall.replica.state.stage) for room, hall in self._halls.items()]

    async def may_publish(self, room: str, member: Member) -> None:
        """Raises `Rejected` with why they may not publish now."""
        state = (await self.hall(room)).replica.state
        may_publish(state.stage, member, state.roster.phase)

    async def ready(self) -> None:
        """Answers when journal and bus do. Raises `Unavailable`, `Unreachable`."""
        await self.journal.ping()
        await self.bus.ping()

    # --- time -------------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            await asyncio.sleep(1 / QUARTERS)
            if (since := loop.time() - checked) >= 1:
                checked += since // 1  # whole seconds: what a tick is late by does not add up
                self.owners.check()
            self._tick_all()

    def _tick_all(self) -> None:
        for room in self._rota.turn():
            hall = self._halls.get(room)
            if hall is None:
                self._rota.remove(room)
                continue
            try:
                self._second(hall)
            except Exception:
                log.exception("a room's second failed", room=room)

    def _second(self, hall: Hall) -> None:
        room = hall.info.id
        attend = hall.second()
        if attend is not None:
            self._spawn(self._attend(room, hall, attend))
        elif not hall.hub.sessions and self._is_idle(hall):
            self._spawn(self._unload(room, hall))
        if hall.restless:
            self._rota.stir(room)
        else:
            self._rota.rest(room)

    def _is_idle(self, hall: Hall) -> bool:
        return hall.idle(asyncio.get_running_loop().time(), self.settings.rooms.unload_after_seconds)

    async def _attend(self, room: str, hall: Hall, attend: Attend) -> None:
        """Tell the log who came and went."""
        reply = MOVED
        try:
            reply = await self.submit(room, SYSTEM, attend)
        except Exception:
            log.exception("who came and went was not told", room=room)
        finally:
            hall.attended(attend, reply)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _no_room() -> Rejected:
    return Rejected("room_not_found", "There is no such room yet.", temporary=True)


def _token_missing() -> Rejected:
    return Rejected("token_missing", "Entering this room needs a link with a token.")


def _unreadable() -> Rejected:
    return Rejected("unavailable", "The classroom cannot read its journal right now; try again.", temporary=True)
