"""The hub: hands a room's events and signals to the members connected here.

What always holds: an event is encoded once per codec for all who are shown the same, whatever their number; the events of a
tick are one packet; the first event after quiet leaves at once and what follows within the tick is joined; a member sees
each event meant for them once, in order, right after the state they were welcomed with; what waits for a slow member is
bounded, and no member waits for another.

How: sessions stand in groups that are sent the same bytes. Those who are shown something of their own in a tick get a
packet of their own in its place. Signals that can wait go along with the next events, in one write: in a crowd each write
costs the kernel more than all that we do. A session that has just come in stands aside until the next flush, because events
of the running tick may be in its welcome already. A session whose buffer is over the bound is taken out, brought up to date
from the replica when its buffer has drained, and disconnected with a reason when that takes too long.

A crowd is written to in slices (`rounds`), whether all of it is sent the same or, as after a vote, each their own. A flush
begins when the one before has ended.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from time import monotonic, perf_counter
from typing import NamedTuple

import structlog
from msgspec.structs import replace

from classroom import wire
from classroom.kernel import ALL, STAFF, Audience, Member, Stored, audience_of
from classroom.metrics import Metrics
from classroom.packets import Packet, Pair
from classroom.polls.model import TallySignal
from classroom.rooms import rounds
from classroom.rooms.flushes import Flushes
from classroom.rooms.groups import Flush, Group, Kind, Made, Peers, kind_of, peers_of, signals_packet, together
from classroom.rooms.inks import Inks
from classroom.rooms.own import Own
from classroom.rooms.pace import Pace, patient
from classroom.rooms.replica import Replica
from classroom.rooms.roll import Row
from classroom.rooms.rounds import Rounds
from classroom.rooms.session import Session
from classroom.rooms.signals import Reactions, SignalOut, TypingBy
from classroom.whiteboard.model import CursorBy, Drawn, InkBy, LaserBy

TRAIL = 256  # points of the laser pointer that may wait; the oldest are let go
log = structlog.get_logger(__name__)

TOO_SLOW = wire.Bye(
    code="too_slow",
    message="Your connection could not keep up with the class. It is picked up again right away.",
    temporary=True,
    retry_in=1_000,
)

BROKEN = wire.Bye(
    code="internal", message="Something went wrong here; you are reconnected.", temporary=True, retry_in=1_000
)


class Bounds(NamedTuple):
    """`tick`: seconds between two flushes. `buffer`: bytes that may wait for a member. `deadline`: seconds a member may
    stay behind."""

    tick: float = 0.05
    buffer: int = 262_144
    deadline: float = 20.0


class Hub:
    """The fan-out of one room on this edge. `resync` brings one session up to date (a `resumed` or a `welcome`)."""

    def __init__(
        self,
        replica: Replica,
        metrics: Metrics,
        bounds: Bounds,
        resync: Callable[[Session], None],
        flushes: Flushes | None = None,
    ) -> None:
        self.sessions: set[Session] = set()
        self.by_member: dict[str, set[Session]] = {}
        self._replica = replica
        self._metrics = metrics
        self._bounds = bounds
        self._resync = resync
        self._flushes = flushes or Flushes()
        self._offer = self._flushes.fanout.offer
        self._groups: dict[Kind, Group] = {}
        self._known_peers: list[Peers] | None = None  # until somebody comes or goes
        self._fresh: set[Session] = set()
        self._lagging: set[Session] = set()
        self._pending: list[Stored] = []
        self._signals: dict[Audience, dict[str, SignalOut]] = {STAFF: {}, ALL: {}}
        self._flush_at: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._next = False  # whether the flush is one of the next turn's
        self._told = 0  # the place of the last event that was sent
        self._events = 0  # of the flush under way
        self._overdue = False
        self._loop = asyncio.get_running_loop()
        self._rounds = Rounds(self._end)
        self._inks = Inks(monotonic)
        self._pace = Pace(bounds.tick, self.sessions)

    # --- who is here ----------------------------------------------------------------------------------------------

    def add(self, session: Session, seq: int) -> None:
        """Let a session in that has been sent everything up to place `seq` in this very turn of the loop."""
        session.since = seq
        self._pace.come()
        self.sessions.add(session)
        self.by_member.setdefault(session.member.id, set()).add(session)
        if self._pending:
            self._fresh.add(session)
            self._write(signals_packet(session.link.codec, self._inks.so_far()), None, (session,))
        else:
            self._let_in(session)

    def _let_in(self, session: Session) -> None:
        """Have the session be sent what its group is, which sees the strokes under way."""
        group = self._group(session)
        group.add(session)
        self._known_peers = None
        self._write(group.greeting(self._inks.so_far()), None, (session,))

    def remove(self, session: Session) -> None:
        """Let a session go, whatever its state."""
        self.sessions.discard(session)
        self._step_aside(session)
        mine = self.by_member.get(session.member.id)
        if mine is not None:
            mine.discard(session)
            if not mine:
                del self.by_member[session.member.id]

    def change(self, session: Session, member: Member) -> None:
        """The member's name or role is another now. The caller sends a welcome."""
        self._step_aside(session)
        session.member = member
        session.audience = audience_of(member)
        session.since = self._replica.seq
        self._fresh.add(session)  # what others of its new group know it is told after that welcome

    def _group(self, session: Session) -> Group:
        kind = kind_of(session)
        group = self._groups.get(kind)
        if group is None:
            group = self._groups[kind] = Group(kind)
        return group

    def _step_aside(self, session: Session) -> None:
        self._group(session).discard(session)
        self._known_peers = None
        self._fresh.discard(session)
        self._lagging.discard(session)
        self._rounds.drop(session)
        session.lagging = 0.0

    # --- what happens ---------------------------------------------------------------------------------------------

    def events(self, events: Sequence[Stored]) -> None:
        """Events that the replica has just applied."""
        self._pending.extend(events)
        self._schedule(self._pace.due(events, drawing=bool(self._inks)))

    def signal(self, signal: SignalOut, audience: Audience = ALL) -> None:
        """A signal for everybody (`ALL`) or for the staff alone; the newest of its kind replaces the one that waits, or is
        put behind it, or added to it, where it goes on with it."""
        if isinstance(signal, InkBy) and not self._inks.hear(signal):
            return
        slot = _slot(signal)
        for waiting in (self._signals[STAFF],) if audience == STAFF else self._signals.values():
            waiting[slot] = _joined(waiting.get(slot), signal)
        self._schedule_signals()

    def close(self) -> None:
        """Send what waits, and nothing more."""
        self.flush()
        self._call_off()

    @property
    def tick(self) -> float:
        """Seconds between two flushes to everybody."""
        return self._pace.tick

    def _schedule_signals(self) -> None:
        """Signals that can wait (how many are here, say) wait in a crowd for the next events, and at most for a while."""
        if not all(map(patient, self._signals[ALL].values())):
            self._schedule(self._pace.drawn_due)
            return
        if self._signals[STAFF]:
            self._schedule(self._pace.soonest)
        if self._signals[ALL]:
            self._schedule(self._pace.signals_due(self._signals[ALL].values()))

    def _schedule(self, due: float) -> None:
        """Flush at `due` (of the loop's clock), unless that will be done sooner anyway."""
        if self._next:
            return
        if self._flush_at is not None:
            if self._due <= due:
                return
            self._flush_at.cancel()
        self._due = due
        if self._loop.time() >= due:
            self._on_time()
        else:
            self._flush_at = self._loop.call_at(due, self._on_time)

    def _on_time(self) -> None:
        """A flush is due."""
        self._flush_at = None
        self._next = True
        self._flushes.soon(self._in_turn)

    def _call_off(self) -> None:
        """What was to be flushed is, or never will be."""
        self._next = False
        if self._flush_at is not None:
            self._flush_at.cancel()
            self._flush_at = None

    def _in_turn(self) -> None:
        """Flush, unless that has been done. A flush that is under way is waited for, since its packet comes before."""
        if not self._next:
            return
        self._next = False
        if self._rounds.under_way:
            self._overdue = True
            return
        frames, spent = self._begin()
        if self._rounds.under_way:
            self._rounds.run(frames, spent)
        else:
            self._end(frames, spent)

    def flush(self, *, bring_back: bool = True) -> None:
        """Send everything now, in one packet of events and one of signals for each member. `bring_back`: those, too, who have
        fallen behind; not where the replica has events that are still to come here, which they would be sent twice."""
        if self._rounds.under_way:
            self._rounds.finish()
        self._rounds.finish(*self._begin(bring_back=bring_back))

    def _begin(self, *, bring_back: bool = True) -> tuple[int, float]:
        """Make the packets. Who is one of a few is sent theirs, a crowd's are put on their way: how many were written by
        now, and in how many seconds."""
        self._call_off()
        self._overdue = False
        self._pace.begin(self._loop.time())
        begun = perf_counter()
        pending, self._pending = self._pending, []
        self._events = len(pending)
        try:
            frames = self._send(pending) if pending or self._fresh else self._send_signals()
        except Exception:  # who missed this would take what follows for all there is: they come back to a welcome
            log.exception("a room cannot be told what happened", room=self._replica.room)
            self._flushes.fanout.settle()  # they may have been written to
            frames = 0
            for session in list(self.sessions):
                self._let_go(session, BROKEN)
            self._groups.clear()  # and what these hold to be known
            self._known_peers = None
        self._pace.reach(frames + self._rounds.waiting if self._rounds.under_way else frames)
        if self._fresh:
            self._let_all_in()
        if bring_back and self._lagging:
            self._bring_back()
        return frames, perf_counter() - begun

    def _end(self, frames: int, spent: float) -> None:
        """Everybody is told: what that took, and what comes next."""
        self._pace.end(frames, spent)
        self._metrics.flush_seconds.observe(self._loop.time() - self._pace.flushed)
        if self._metrics.tracing is not None and self._events:
            self._metrics.tracing.fan_out(self._replica.room, spent, self._events, frames)
        self._events = 0
        if self._overdue:
            self._schedule(self._pace.flushed)
        if self._signals[STAFF] or self._signals[ALL]:
            self._schedule_signals()
        if self._lagging:
            self._schedule(self._pace.soonest)

    # --- events ---------------------------------------------------------------------------------------------------

    def _send(self, pending: list[Stored]) -> int:
        """Send events, and the signals that go along or are due: how many writes that took."""
        own = Own(pending, self.by_member)
        before = pending[0].meta.seq - 1 if pending else 0
        self._told = pending[-1].meta.seq if pending else self._told
        flush = Flush(pending, self._live(pending))
        made: dict[Kind, Made] = {}
        signals: dict[Audience, list[SignalOut]] = {}
        fresh = list(self._fresh)
        frames = 0
        for groups, row in self._peers():
            for group in groups:
                made[group.kind] = self._make(group, flush, signals)
            parts = made[groups[0].kind]
            if not own and all(made[group.kind] is parts for group in groups):
                frames += self._hand(parts, before, row)
                continue
            for group in groups:
                parts = made[group.kind]
                # Whoever cannot be told what is theirs is gone by the next group.
                apart = {s for id in own for s in self.by_member.get(id, ()) if s in group.members}
                frames += self._hand_own(own, parts, before, apart)
                frames += self._hand(parts, before, group.members.row, apart)
        for session in fresh:
            group = self._group(session)
            parts = made.get(group.kind) or self._make(group, flush, signals)
            made[group.kind] = parts
            frames += self._write(own.packet(session, parts.shown, session.since), session.since, (session,))
            frames += self._write(parts.told, None, (session,))  # shorthand it can read once it is let in
        for audience, waiting in self._signals.items():
            if audience not in signals:  # nobody of them is here
                waiting.clear()
        return frames

    def _send_signals(self) -> int:
        """The same where there is nothing else to send: nearly always, while somebody draws."""
        signals = {audience: self._take_signals(audience, along=False) for audience in self._signals}
        frames = 0
        for groups, row in self._peers():
            passing = signals[groups[0].kind.audience]
            if all(signals[group.kind.audience] == passing for group in groups[1:]):
                frames += self._hand(self._pass_on(groups[0], passing), 0, row)
            else:
                for group in groups:
                    made = self._pass_on(group, signals[group.kind.audience])
                    frames += self._hand(made, 0, group.members.row)
        return frames

    def _pass_on(self, group: Group, signals: list[SignalOut]) -> Made:
        made = group.pass_on(signals)
        group.follow(made, self._pace.flushed)
        return made

    def _peers(self) -> list[Peers]:
        """Who is sent the same. A group that nobody is in any more forgets what those who were in it knew."""
        if self._known_peers is None:
            for group in self._groups.values():
                if not group.members:
                    group.forget()
            self._known_peers = peers_of(self._groups.values(), rounds.SLICE)
        return self._known_peers

    def _make(self, group: Group, flush: Flush, signals: dict[Audience, list[SignalOut]]) -> Made:
        """What a group is sent in this flush. `signals`: those that were taken for its audience, or are now."""
        audience = group.kind.audience
        items = flush.items(group.kind)
        if audience not in signals:
            signals[audience] = self._take_signals(audience, along=any(each is not None for each in items))
        made = flush.make(group, items, signals[audience])
        group.follow(made, self._pace.flushed)
        return made

    def _take_signals(self, audience: Audience, *, along: bool) -> list[SignalOut]:
        """The signals that an audience is sent in this flush. `along`: events go out to it as well."""
        waiting = self._signals[audience]
        if not waiting:
            return []
        if audience == ALL:
            patience = not along and all(map(patient, waiting.values()))
            if patience and self._pace.flushed < self._pace.signals_due(waiting.values()):
                return []
            self._pace.signalled()
        self._signals[audience] = {}
        return list(waiting.values())

    def _live(self, pending: list[Stored]) -> dict[int, Stored]:
        """By index, events that end strokes whose ink all here have been sent: with the rest of the points alone."""
        live = {}
        for index, stored in enumerate(pending):
            event = stored.event
            if not isinstance(event, Drawn) or not self._inks:
                continue
            changes = []
            for changed in event.changes:
                slot = f"ink {event.page} {changed.id}"
                waiting = [signals.pop(slot) for signals in self._signals.values() if slot in signals]
                unsent = min((ink.after for ink in waiting if isinstance(ink, InkBy)), default=None)
                changes.append(self._inks.ended(event.page, changed, unsent))
            live[index] = Stored(stored.meta, replace(event, changes=tuple(changes)))
        return live

    def _hand(self, made: Made, before: int, row: Row, apart: Collection[Session] = ()) -> int:
        """Write what a group is sent to a row of it but for those `apart`: to a crowd in slices, later. How many frames that took
        by now. `before`: as of `_write`."""
        if made.packet is None:
            return 0
        since = before if made.events else None
        if len(row) > rounds.SLICE:
            self._rounds.put(partial(self._write, made.packet, since), row, apart)
            return 0
        return self._write(made.packet, since, row.without(apart) if apart else row)

    def _hand_own(self, own: Own, made: Made, before: int, apart: set[Session]) -> int:
        """The same for those who are sent their own."""
        write = partial(self._write_own, own, made, before)
        if len(apart) > rounds.SLICE:
            self._rounds.put_apart(write, apart)
            return 0
        return write(apart)

    def _write_own(self, own: Own, made: Made, before: int, sessions: Collection[Session]) -> int:
        """Write to each of some what is their own, in place of what their group is sent, and the signals with it."""
        frames = 0
        for session in sessions:
            try:
                mine = own.packet(session, made.shown, before)
            except Exception:
                log.exception("a member cannot be told what is their own", room=self._replica.room)
                self._let_go(session, BROKEN)
                continue
            packets = made.signals if mine is None else (mine, *made.signals)
            frames += self._write(together(packets), None if mine is None else before, (session,))
        return frames

    def _write(self, packet: Packet | Pair | None, before: int | None, sessions: Collection[Session]) -> int:
        """Write a packet to many: to how many. Whoever has no room for it is brought up to date, once they have. `before`: the
        last place that they have been sent; None: it holds no events."""
        if packet is None:
            return 0
        slow = self._offer_all(packet, sessions)
        for session in slow:
            if session not in self._lagging:
                self._fall_behind(session, max(session.since, self._told) if before is None else before)
        return len(sessions) - len(slow)

    def _offer_all(self, packet: Packet | Pair, sessions: Collection[Session]) -> list[Session]:
        """Write a packet to many: those who had no room for it, and are to be brought up to date."""
        try:
            slow = self._offer(packet, sessions, self._bounds.buffer)
        except Exception:  # the room goes on
            log.exception("a packet was not written", room=self._replica.room, sessions=len(sessions))
            return list(sessions)
        count = len(sessions) - len(slow)
        self._metrics.frames_out.inc(count * packet.frames)
        self._metrics.bytes_out.inc(count * len(packet.frame))
        return slow

    # --- slow members ---------------------------------------------------------------------------------------------

    def _fall_behind(self, session: Session, before: int) -> None:
        self._step_aside(session)
        session.since = before
        session.lagging = self._loop.time()
        self._lagging.add(session)

    def _let_all_in(self) -> None:
        """Those who stood aside for this tick."""
        fresh, self._fresh = self._fresh, set()
        for session in fresh:
            self._let_in(session)

    def _bring_back(self) -> None:
        """Bring those up to date who have drained; end those who cannot."""
        for session in list(self._lagging):
            if session.link.buffered() == 0:
                self._metrics.resyncs.inc()
                self._step_aside(session)
                try:
                    self._resync(session)
                except Exception:  # they come back to a welcome; the others are told all the same
                    log.exception("a member cannot be brought up to date", room=self._replica.room)
                    self._let_go(session, BROKEN)
                    continue
                self._let_in(session)
            elif self._loop.time() - session.lagging > self._bounds.deadline:
                self._metrics.slow_disconnects.inc()
                self._let_go(session, TOO_SLOW)

    def _let_go(self, session: Session, bye: wire.Bye) -> None:
        self.remove(session)
        session.link.end(bye)


def _slot(signal: SignalOut) -> str:
    """Signals with the same slot replace each other."""
    if isinstance(signal, TallySignal):
        return f"tally {signal.id}"
    if isinstance(signal, TypingBy):
        return f"typing {signal.id}"
    if isinstance(signal, InkBy):
        return f"ink {signal.page} {signal.id}"
    if isinstance(signal, CursorBy | LaserBy):
        return f"{type(signal).__name__} {signal.by}"
    return type(signal).__name__


def _joined(waiting: SignalOut | None, signal: SignalOut) -> SignalOut:
    """What waits in a slot once `signal` has come: ink and trails go on, reactions add up, anything else is replaced."""
    if isinstance(signal, InkBy) and isinstance(waiting, InkBy) and waiting.after + len(waiting.ink) == signal.after:
        return replace(waiting, ink=waiting.ink + signal.ink)
    if isinstance(signal, LaserBy) and isinstance(waiting, LaserBy) and waiting.page == signal.page:
        return replace(signal, points=(*waiting.points, *signal.points)[-TRAIL:])
    if isinstance(signal, Reactions) and isinstance(waiting, Reactions):
        return Reactions(dict(Counter(waiting.counts) + Counter(signal.counts)))
    return signal
