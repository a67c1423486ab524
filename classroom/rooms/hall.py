"""A hall: one room as one edge has it open — its replica, its hub, who is here.

What always holds: a session is sent a `welcome` or `resumed` first, then everything after it; what is the same for many
members of a welcome is encoded once per (seq, kind of audience, codec).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, get_args

import msgspec
import structlog

from classroom import packets, wire
from classroom.bus.port import Appended, Bus, Cancel, Counted, Head, Message, Reply, Signalled
from classroom.config import Settings
from classroom.journal.port import Journal, RoomInfo
from classroom.kernel import ALL, STAFF, Audience, Member, Rejected, Stored
from classroom.metrics import Metrics
from classroom.polls import rules as polls_rules
from classroom.polls.model import PollEvent, Tally
from classroom.rooms import room as rooms
from classroom.rooms.flushes import Flushes
from classroom.rooms.groups import signals_packet
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.missed import Missed
from classroom.rooms.presence import Presence
from classroom.rooms.replica import Replica
from classroom.rooms.roster import rules as roster_rules
from classroom.rooms.roster.model import Appointed, Attend, Banned, Removed, Renamed
from classroom.rooms.session import Session
from classroom.rooms.sheets import Sheets
from classroom.rooms.signals import Present, React, Reactions, SignalIn, Typing, TypingBy, check
from classroom.whiteboard.model import CursorBy
from classroom.wire import Codec

ASK_TIMEOUT = 10.0  # seconds that an edge waits for the owner's answer to a command of its own
TYPING_LIMIT = 50  # members up to which "is writing" is shown
CURSOR_LIMIT = 200  # members up to which all are shown the cursors of those who draw
FIGURES = 0.25  # seconds between two times that tallies and reactions are told, at the least
OF_POLLS: frozenset[type] = frozenset(get_args(PollEvent))
DEVICES = 10  # connections of one member at once; the oldest gives way

log = structlog.get_logger(__name__)


class Hall:
    """`pass_for` gives a session's bearer token for the HTTP API of a room, `key` opens the room's unchanging contents; `flushes`
    are those of the worker's rooms; `stir` is called when people come or go, so that `second` is."""

    def __init__(
        self,
        info: RoomInfo,
        edge: str,
        journal: Journal,
        bus: Bus,
        metrics: Metrics,
        settings: Settings,
        clock: Callable[[], int],
        pass_for: Callable[[str, Session], str],
        key: str,
        flushes: Flushes,
        stir: Callable[[], None],
        sent_away: Callable[[str], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        slow = settings.slow
        bounds = Bounds(settings.rooms.tick_ms / 1_000, slow.max_buffer_bytes, slow.deadline_seconds)
        self.info = info
        self.entering = 0
        self.idle_since = loop.time()
        self.replica = Replica(info.id, journal, self._follow, recent=settings.rooms.recent_events)
        self.hub = Hub(self.replica, metrics, bounds, self._resync, flushes)
        self.sheets = Sheets(self.replica, metrics)
        self._missed = Missed(self.replica)
        self.presence = Presence(edge, loop.time)
        self._bus = bus
        self._metrics = metrics
        self._clock = clock
        self._pass_for = pass_for
        self.key = key
        self._stir = stir
        self._sent_away = sent_away
        self._unsubscribe: Cancel | None = None
        self._encoded: dict[tuple[Audience, Codec], tuple[int, packets.Shared]] = {}
        self._tallies: dict[tuple[Audience, int], Tally] = {}  # as all here were told them
        self._figured: dict[tuple[Audience, Codec], tuple[int, packets.Packet | None]] = {}
        self._present = -1
        self._attending = False  # the log is being told who came and went
        self._attended = 0  # the place from which on the roster has what the log was told last
        self._reactions: Counter[str] = Counter()
        self._figures: asyncio.TimerHandle | None = None  # that are to be told
        self._figures_told = 0.0

    async def open(self) -> None:
        """Start to follow the room. Raises `KeyError`, `Unavailable`."""
        self._unsubscribe = await self._bus.subscribe(self.info.id, self._hear)
        try:
            await self.replica.load()
        except BaseException:
            await self._unsubscribe()
            raise

    async def close(self) -> None:
        """Let go of the room: what waits is sent."""
        if self._figures is not None:
            self._figures.cancel()
            self._tell_figures()
        if self._unsubscribe is not None:
            await self._unsubscribe()
        await self.replica.stop()
        if self._figures is not None:  # of what was heard until now
            self._figures.cancel()
        await self.sheets.close()
        self.hub.close()

    # --- members --------------------------------------------------------------------------------------------------

    def in_force(self, member: Member) -> Member:
        """The member with the name and the role that hold in this room. Raises `Rejected("banned")`."""
        roster = self.replica.state.roster
        if roster_rules.is_banned(roster, member.id):
            raise Rejected("banned", "You have been banned from this room.")
        return roster_rules.in_force(roster, member)

    def admit(self, session: Session, since: int | None, epoch: str | None) -> bool:
        """Send the session what it needs and let it in, in one turn of the loop. Whether it was resumed."""
        mine = self.hub.by_member.get(session.member.id, set())
        if len(mine) >= DEVICES:
            oldest = min(mine, key=lambda s: s.entered)
            self.hub.remove(oldest)
            oldest.link.end(REPLACED)
        resumed = epoch == self.info.epoch and since is not None and self._try_to_resume(session, since)
        if not resumed:
            self._welcome(session)
        if not mine:
            self.presence.came(session.member)
        self._present = -1  # the newcomer is told the count even where it is the same again
        self._stir()
        self.hub.add(session, self.replica.seq)
        return resumed

    def leave(self, session: Session) -> None:
        """The session's connection is gone."""
        self.hub.remove(session)
        if session.member.id not in self.hub.by_member:
            self.presence.left(session.member.id)
        self._stir()
        self.idle_since = asyncio.get_running_loop().time()

    def _resync(self, session: Session) -> None:
        self._present = -1  # as in `admit`: the count may have been told while they could not keep up
        self._stir()
        if not self._try_to_resume(session, session.since):
            self._welcome(session)

    def _try_to_resume(self, session: Session, since: int) -> bool:
        """Resume, if that can be done. What cannot be told, for a defect, is part of a welcome nonetheless."""
        try:
            return self._resume(session, since)
        except Exception:
            log.exception("what was missed cannot be told", room=self.info.id, since=since)
            return False

    def _resume(self, session: Session, since: int) -> bool:
        """Send only what was missed, where that is possible; the tallies as they are, since they are signals."""
        codec = session.link.codec
        missed = self._missed.since(since, session, asyncio.get_running_loop().time())
        if missed is None:
            return False
        resumed = wire.Resumed(self.replica.seq, self._clock(), msgspec.Raw(missed))
        packet = packets.message(codec, "resumed", wire.encode(codec, resumed))
        self._show_tallies()
        tallies = self._tallied(session.kind, codec)
        session.link.write(packet if tallies is None else packets.Pair(packet, tallies))
        return True

    def _show_tallies(self) -> None:
        """Somebody is shown the tallies as they are: they may be told to nobody, where they soon are as they were before."""
        if self._figures is not None:
            self._tallies.clear()

    def _tallied(self, kind: Audience, codec: Codec) -> packets.Packet | None:
        """The tallies that `kind` may see, encoded once for all who come back at this place of the log."""
        known = self._figured.get((kind, codec))
        if known is None or known[0] != self.replica.seq:
            tallies = polls_rules.tallies(self.replica.state.polls, kind)
            known = self._figured[kind, codec] = (self.replica.seq, signals_packet(codec, tallies))
        return known[1]

    def _welcome(self, session: Session) -> None:
        self._show_tallies()
        codec, member = session.link.codec, session.member
        welcome = wire.WelcomeRaw(
            room=wire.RoomLabel(self.info.id, self.info.title),
            me=wire.Me(member.id, member.name, member.role),
            epoch=self.info.epoch,
            pass_=self._pass_for(self.info.id, session),
            key=self.key,
            seq=self.replica.seq,
            now=self._clock(),
            own=msgspec.Raw(wire.encode(codec, rooms.own(self.replica.state, session.audience))),
            state=None,
        )
        session.link.write(packets.welcome(codec, welcome, self._state(session.kind, codec)))

    def _state(self, kind: Audience, codec: Codec) -> packets.Shared:
        """The room as `kind` sees it, encoded once for all who come at this place of the log."""
        known = self._encoded.get((kind, codec))
        if known is None or known[0] != self.replica.seq:
            shown = packets.Shared(wire.encode(codec, rooms.show(self.replica.state, kind)))
            known = self._encoded[kind, codec] = (self.replica.seq, shown)
        return known[1]

    # --- what happens ---------------------------------------------------------------------------------------------

    def _hear(self, message: Message) -> None:
        match message:
            case Appended() | Head():
                self.replica.hear(message)
            case Signalled():
                for signal in message.signals:
                    few = isinstance(signal, CursorBy) and self.presence.count() > CURSOR_LIMIT
                    self.hub.signal(signal, STAFF if few else ALL)
            case Counted():
                if self.presence.heard(message):
                    self._stir()

    def _follow(self, events: Sequence[Stored]) -> None:
        """Events have been applied: fan them out, and carry out what they mean for connections."""
        kinds = {type(stored.event) for stored in events}
        if Appointed in kinds:
            appointed = [s.event.member for s in events if isinstance(s.event, Appointed)]
            if any(member in self.hub.by_member for member in appointed):
                # What came before is shown to whom they were until now, and nothing more.
                self.hub.flush(bring_back=False)
        self.hub.events(events)
        if not kinds.isdisjoint(OF_POLLS):
            self._tell_soon()  # in the flush that tells of the votes, where it is time
        self.sheets.follow(events)
        for stored in events:
            carry_out = _MEANT_FOR_CONNECTIONS.get(type(stored.event))
            if carry_out is not None:
                carry_out(self, stored.event)

    def _appoint(self, event: Appointed) -> None:
        record = self.replica.state.roster.members.get(event.member)
        if record is None:
            return
        for session in list(self.hub.by_member.get(event.member, ())):
            self.hub.change(session, Member(event.member, record.name, record.role))
            self._welcome(session)

    def _rename(self, event: Renamed) -> None:
        for session in self.hub.by_member.get(event.member, ()):
            session.member = Member(event.member, event.name, session.member.role)

    def _remove(self, event: Removed) -> None:
        self._sent_away(event.member)
        self._end(event.member, "removed", "You have been removed from the room", event.reason)

    def _ban(self, event: Banned) -> None:
        if event.on:
            self._sent_away(event.member)
            self._end(event.member, "banned", "You have been banned from the room", event.reason)

    def _end(self, id: str, code: str, sentence: str, reason: str) -> None:
        if id not in self.hub.by_member:
            return
        self.hub.flush()
        message = f"{sentence}: {reason}" if reason else f"{sentence}."
        for session in list(self.hub.by_member.get(id, ())):
            self.leave(session)
            session.link.end(wire.Bye(code=code, message=message))

    # --- signals --------------------------------------------------------------------------------------------------

    def take_signal(self, member: Member, signal: SignalIn) -> None:
        """Pass on a member's signal. Raises `Rejected`."""
        check(signal)
        if isinstance(signal, React):
            self._reactions[signal.emoji] += 1
            self._tell_soon()
        elif not isinstance(signal, Typing):
            passing = rooms.passed_on(self.replica.state, signal, member, self._clock())
            self._bus.publish(self.info.id, Signalled((passing,)))
        elif self.presence.count() <= TYPING_LIMIT:
            self._bus.publish(self.info.id, Signalled((TypingBy(member.id, member.name),)))

    def _tell_soon(self) -> None:
        """There are other tallies of open polls, or reactions: tell them now, or when they may be told again."""
        if self._figures is not None:
            return
        loop = asyncio.get_running_loop()
        due = self._figures_told + FIGURES
        if loop.time() >= due:
            self._tell_figures()
        else:
            self._figures = loop.call_at(due, self._tell_figures)

    def _tell_figures(self) -> None:
        self._figures = None
        self._figures_told = asyncio.get_running_loop().time()
        if self._reactions:
            counts, self._reactions = dict(self._reactions), Counter()
            self._bus.publish(self.info.id, Signalled((Reactions(counts),)))
        if not self.hub.sessions:
            self._tallies.clear()  # who comes next is shown what is counted now
            return
        tallies: dict[tuple[Audience, int], Tally] = {}
        polls = self.replica.state.polls
        for signal in polls_rules.tallies(polls, STAFF):
            audience = ALL if polls_rules.is_public(polls, signal.id) else STAFF
            tallies[audience, signal.id] = signal.tally
            if self._tallies.get((audience, signal.id)) != signal.tally:
                self.hub.signal(signal, audience)
        self._tallies = tallies

    def second(self) -> Attend | None:
        """Called once a second while people come or go, and now and then: counts; who came and went, for the log to be told."""
        self._missed.rest(asyncio.get_running_loop().time())
        if self.hub.sessions:
            self.replica.mind_silence()
        if (here := self.presence.news()) is not None:
            self._bus.publish(self.info.id, here)
        count = self.presence.count()
        if count != self._present:
            self._present = count
            self.hub.signal(Present(count))
        if self._attending or self.replica.seq < self._attended:
            return None  # whoever is back by now would be taken for still there, and then be gone
        attend = self.presence.attendance(self.replica.state.roster.members)
        self._attending = attend is not None
        return attend

    def attended(self, attend: Attend, reply: Reply) -> None:
        """What the log said to what `second` gave: said again a second later where it does not take it."""
        self._attending = False
        if reply.ok:
            self._attended = reply.seq
        else:
            self.presence.again(attend)
            self._stir()

    @property
    def restless(self) -> bool:
        """Whether something will go on here by itself: people come or go, or nobody is left."""
        return self.presence.busy or not self.hub.sessions

    def idle(self, now: float, after: float) -> bool:
        """Whether nobody has been here for `after` seconds and nothing waits to happen."""
        return (
            not self.hub.sessions
            and not self.entering
            and self.presence.empty
            and now - self.idle_since >= after
            and rooms.next_due(self.replica.state) is None
        )


REPLACED = wire.Bye(code="replaced", message=f"You have come in from more than {DEVICES} places; the oldest gave way.")

_MEANT_FOR_CONNECTIONS: dict[type, Callable[[Hall, Any], None]] = {
    Appointed: Hall._appoint,
    Renamed: Hall._rename,
    Removed: Hall._remove,
    Banned: Hall._ban,
}
