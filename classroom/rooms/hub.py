"""The hub: hands a room's events and signals to the members connected here.

What always holds: an event is encoded once per (kind of audience, codec) whatever the number of members; the events of a
tick are one packet; the first event after quiet leaves at once and what follows within the tick is joined; a member sees
each event meant for them once, in order, right after the state they were welcomed with; what waits for a slow member is
bounded, and no member waits for another.

How: sessions stand in groups that are sent the same bytes. The few who are shown something of their own in a tick get a
packet of their own. A session that has just come in stands aside until the next flush, because events of the running tick
may be in its welcome already. A session whose buffer is over the bound is taken out, brought up to date from the replica
when its buffer has drained, and disconnected with a reason when that takes too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from time import monotonic, perf_counter
from typing import NamedTuple, Protocol

from classroom import wire
from classroom.chat.model import Said
from classroom.doubts.model import Started
from classroom.kernel import ALL, STAFF, Audience, Event, Member, Meta, Stored, audience_of
from classroom.metrics import Metrics
from classroom.polls.model import Closed, Opened, TallySignal
from classroom.rooms import room as rooms
from classroom.rooms.replica import Replica
from classroom.rooms.roster.model import ClassEnded, ClassStarted
from classroom.rooms.signals import SignalOut, TypingBy
from classroom.wire import Codec, Packet


class Link(Protocol):
    """One connection of one member, as far as the hub needs it."""

    codec: Codec

    def write(self, packet: Packet) -> None:
        """Hand over a packet; never waits."""

    def offer(self, packet: Packet, bound: int) -> bool:
        """Hand over a packet, unless more than `bound` bytes wait already; whether it was handed over. It is what the
        fan-out does for every member, so it is one call and not two."""

    def buffered(self) -> int:
        """Bytes that wait for this member."""

    def end(self, bye: wire.Bye) -> None:
        """Say why, and disconnect."""


class Session:
    """A member at one connection. `since`: the last place they are known to have been sent, while they stand aside.
    `expires_at`: when the token ends that they came with, in seconds since 1970 (0: they came without)."""

    __slots__ = ("audience", "entered", "expires_at", "lagging", "link", "member", "since")

    def __init__(self, member: Member, link: Link, expires_at: int = 0) -> None:
        self.entered = monotonic()
        self.expires_at = expires_at
        self.member = member
        self.link = link
        self.audience = audience_of(member)
        self.since = 0
        self.lagging = 0.0

    @property
    def kind(self) -> Audience:
        """The audience this member shares with others."""
        return STAFF if self.audience.kind == "staff" else ALL


Group = tuple[Audience, Codec]
SHARE = 0.33  # of a worker's time that flushing one room may take
LONGEST_TICK = 0.4  # seconds; a crowd of any size is told at least this often
COST_WEIGHT = 0.2  # of the newest flush in the running mean of what a flush costs
TOO_SLOW = wire.Bye(
    code="too_slow",
    message="Your connection could not keep up with the class. It is picked up again right away.",
    temporary=True,
    retry_in=1_000,
)


class Bounds(NamedTuple):
    """`tick`: seconds between two flushes. `buffer`: bytes that may wait for a member. `deadline`: seconds a member may
    stay behind."""

    tick: float = 0.05
    buffer: int = 262_144
    deadline: float = 20.0


class Hub:
    """The fan-out of one room on this edge. `resync` brings one session up to date (a `resumed` or a `welcome`)."""

    def __init__(self, replica: Replica, metrics: Metrics, bounds: Bounds, resync: Callable[[Session], None]) -> None:
        self.sessions: set[Session] = set()
        self.by_member: dict[str, set[Session]] = {}
        self._replica = replica
        self._metrics = metrics
        self._bounds = bounds
        self._resync = resync
        self._groups: dict[Group, set[Session]] = {}
        self._fresh: set[Session] = set()
        self._lagging: set[Session] = set()
        self._pending: list[Stored] = []
        self._signals: dict[tuple[Audience, str], SignalOut] = {}
        self._flush_at: asyncio.TimerHandle | asyncio.Handle | None = None
        self._flushed = 0.0
        self._cost = 0.0
        self._loop = asyncio.get_running_loop()

    # --- who is here ----------------------------------------------------------------------------------------------

    def add(self, session: Session, seq: int) -> None:
        """Let a session in that has been sent everything up to place `seq` in this very turn of the loop."""
        session.since = seq
        self.sessions.add(session)
        self.by_member.setdefault(session.member.id, set()).add(session)
        if self._pending:
            self._fresh.add(session)
        else:
            self._group(session).add(session)

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
        (self._fresh if self._pending else self._group(session)).add(session)

    def _group(self, session: Session) -> set[Session]:
        return self._groups.setdefault((session.kind, session.link.codec), set())

    def _step_aside(self, session: Session) -> None:
        self._group(session).discard(session)
        self._fresh.discard(session)
        self._lagging.discard(session)
        session.lagging = 0.0

    # --- what happens ---------------------------------------------------------------------------------------------

    def events(self, events: Sequence[Stored]) -> None:
        """Events that the replica has just applied."""
        self._pending.extend(events)
        self._schedule(urgent=any(_urgent(stored.event) for stored in events))

    def signal(self, signal: SignalOut, audience: Audience = ALL) -> None:
        """A signal for everybody (`ALL`) or for the staff alone; the newest of its kind replaces the one that waits."""
        self._signals[audience, _slot(signal)] = signal
        self._schedule()

    def close(self) -> None:
        """Send what waits, and nothing more."""
        if self._flush_at is not None:
            self._flush_at.cancel()
        self.flush()
        if self._flush_at is not None:
            self._flush_at.cancel()

    @property
    def tick(self) -> float:
        """Seconds between two flushes: the configured ones, more where a flush takes long, so that a crowd's fan-out never
        takes more than a share of the worker's time."""
        return min(LONGEST_TICK, max(self._bounds.tick, self._cost / SHARE))

    def _schedule(self, *, urgent: bool = False) -> None:
        if self._flush_at is not None:
            if not urgent:
                return
            self._flush_at.cancel()
        due = self._flushed + (self._bounds.tick if urgent else self.tick)
        if self._loop.time() >= due:
            self._flush_at = self._loop.call_soon(self.flush)
        else:
            self._flush_at = self._loop.call_at(due, self.flush)

    def flush(self) -> None:
        """Send everything that waits, in one packet of events and one of signals for each member."""
        self._flush_at = None
        self._flushed = self._loop.time()
        begun = perf_counter()
        pending, self._pending = self._pending, []
        signals, self._signals = self._signals, {}
        if pending and self.sessions:
            self._send_events(pending)
        if signals and self.sessions:
            self._send_signals(signals)
        self._settle()
        took = perf_counter() - begun
        self._cost += (took - self._cost) * COST_WEIGHT
        self._metrics.flush_seconds.observe(took)
        if self._lagging and self._flush_at is None:
            self._flush_at = self._loop.call_later(self._bounds.tick, self.flush)

    # --- events ---------------------------------------------------------------------------------------------------

    def _send_events(self, pending: list[Stored]) -> None:
        special = self._special(pending)
        before = pending[0].meta.seq - 1
        items: dict[Group, list[bytes | None]] = {}
        for group, members in self._groups.items():
            if not members:
                continue
            mine = items[group] = self._items(group, pending)
            packet = _packet(group[1], [item for item in mine if item is not None])
            if packet is None and not special:
                continue
            if special:
                apart = {s for id in special for s in self.by_member[id]} & members
                for session in apart:
                    self._send_own(session, pending, mine, special[session.member.id], before)
                members = members - apart if apart else members
            if packet is not None:
                self._spread(packet, members, before)
        for session in self._fresh:
            group = (session.kind, session.link.codec)
            if group not in items:
                items[group] = self._items(group, pending)
            self._send_own(session, pending, items[group], special.get(session.member.id, ()), session.since)

    def _special(self, pending: list[Stored]) -> dict[str, list[int]]:
        """Which of the members here are shown something of their own: their id to the indexes of those events."""
        special: dict[str, list[int]] = {}
        for index, stored in enumerate(pending):
            for member in rooms.addressees(stored.event):
                if member in self.by_member:
                    special.setdefault(member, []).append(index)
        return special

    def _items(self, group: Group, pending: list[Stored]) -> list[bytes | None]:
        audience, codec = group
        return [_item(codec, stored, audience) for stored in pending]

    def _send_own(
        self,
        session: Session,
        pending: list[Stored],
        items: list[bytes | None],
        own: Iterable[int],
        since: int,
    ) -> None:
        """A packet for one session: the group's items, in the places `own` what this member alone is shown."""
        mine = list(items)
        for index in own:
            mine[index] = _item(session.link.codec, pending[index], session.audience)
        seen = [item for item, s in zip(mine, pending, strict=True) if item is not None and s.meta.seq > since]
        packet = _packet(session.link.codec, seen)
        if packet is not None:
            self._spread(packet, (session,), since)

    def _spread(self, packet: Packet, sessions: Iterable[Session], before: int) -> None:
        """Write one packet to many. `before`: the last place that they have been sent."""
        bound = self._bounds.buffer
        slow: list[Session] = []
        count = 0
        for session in sessions:
            if session.link.offer(packet, bound):
                count += 1
            else:
                slow.append(session)
        for session in slow:
            self._fall_behind(session, before)
        self._metrics.frames_out.inc(count)
        self._metrics.bytes_out.inc(count * len(packet.frame))

    # --- signals --------------------------------------------------------------------------------------------------

    def _send_signals(self, signals: dict[tuple[Audience, str], SignalOut]) -> None:
        for group, members in self._groups.items():
            audience, codec = group
            due = {slot: s for (whom, slot), s in signals.items() if whom == ALL}
            if audience == STAFF:
                due |= {slot: s for (whom, slot), s in signals.items() if whom == STAFF}
            fresh = [s for s in self._fresh if (s.kind, s.link.codec) == group]
            if not due or not (members or fresh):
                continue
            payload = wire.join(codec, [wire.encode(codec, signal) for signal in due.values()])
            packet = wire.message(codec, "signals", payload)
            bound = self._bounds.buffer
            # A signal that finds no room is let go: the next one says more.
            count = sum(session.link.offer(packet, bound) for session in chain(members, fresh))
            self._metrics.frames_out.inc(count)
            self._metrics.bytes_out.inc(count * len(packet.frame))

    # --- slow members ---------------------------------------------------------------------------------------------

    def _fall_behind(self, session: Session, before: int) -> None:
        self._step_aside(session)
        session.since = before
        session.lagging = self._loop.time()
        self._lagging.add(session)

    def _settle(self) -> None:
        """Let those in who stood aside for this tick; bring back those who have drained; end those who cannot."""
        for session in self._fresh:
            self._group(session).add(session)
        self._fresh.clear()
        for session in list(self._lagging):
            if session.link.buffered() == 0:
                self._metrics.resyncs.inc()
                self._step_aside(session)
                self._resync(session)
                self._group(session).add(session)
            elif self._loop.time() - session.lagging > self._bounds.deadline:
                self._metrics.slow_disconnects.inc()
                self.remove(session)
                session.link.end(TOO_SLOW)


def _urgent(event: Event) -> bool:
    """What the class waits for does not wait for a longer tick: the staff's words, and what opens, closes and begins."""
    if isinstance(event, Said):
        return event.role.staff
    return isinstance(event, Opened | Closed | ClassStarted | ClassEnded | Started)


def _slot(signal: SignalOut) -> str:
    """Signals with the same slot replace each other."""
    if isinstance(signal, TallySignal):
        return f"tally {signal.id}"
    if isinstance(signal, TypingBy):
        return f"typing {signal.id}"
    return type(signal).__name__


def _item(codec: Codec, stored: Stored, audience: Audience) -> bytes | None:
    shown: Event | None = rooms.view(stored.event, audience)
    meta: Meta = stored.meta
    return None if shown is None else wire.item(codec, meta, shown)


def _packet(codec: Codec, items: list[bytes]) -> Packet | None:
    return wire.message(codec, "events", wire.join(codec, items)) if items else None
