"""How often a room is told: when the next flush of what waits may begin.

What always holds: two flushes are a tick apart, but for pieces of a stroke, which may follow sooner; flushes to everybody never
take more than a share of the worker's time, and however large the crowd, it is told within `LONGEST_TICK`, within
`LONGEST_RUSH` while many come in, of counts within `LONGEST_LAZY` and `LONGEST_SIGNAL`.

There is no clock here: what begins and ends is told, in seconds of the loop's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sized

from classroom.chat.model import Said
from classroom.doubts import model as doubts
from classroom.kernel import Event, Stored
from classroom.polls.model import Closed, Opened, TallySignal
from classroom.rooms.roster.model import Attended, ClassEnded, ClassStarted
from classroom.rooms.signals import Present, Reactions, SignalOut, TypingBy
from classroom.whiteboard.model import Drawn, WentTo

SHARE = 0.33  # of a worker's time that flushing one room may take
LONGEST_TICK = 0.6  # seconds; a crowd of any size is told at least this often
RUSH = 50  # who come in a second, from which on a crowd is told less often: who waits outside is told nothing at all
RUSH_SHARE = 0.08
LONGEST_RUSH = 2.5
DRAWN_SHARE = 0.5  # the same while somebody draws: a pen that lags is hard to follow
DRAWN_PACE = 0.15  # seconds; a crowd too large for it is told as of all else, since its votes are to be counted too
DRAWN_TICK = 0.4  # of a tick, that pieces of a stroke are apart at the least
LAZY_SHARE = 0.1  # the same where nothing waits but counts and who came
LONGEST_LAZY = 4.0
SIGNAL_SHARE = 0.05  # and where nothing waits but signals that can
LONGEST_SIGNAL = 5.0
TALLY_SHARE = 0.2  # and where a tally is among them: while votes come in a class looks at nothing else
LONGEST_TALLY = 1.0
COST_WEIGHT = 0.2  # of the newest flush in the running mean of what a frame costs
COST_FROM = 100  # frames in a flush that say what one costs


class Pace:
    """The pace of one room's flushes on this edge. `tick`: seconds between two of them where they cost little. `here`: those
    who are told."""

    __slots__ = ("_came", "_crowded", "_here", "_rush", "_signalled", "_tick", "flushed", "frame_cost")

    def __init__(self, tick: float, here: Sized) -> None:
        self._tick = tick
        self._here = here
        self.flushed = 0.0
        """When the last flush began."""
        self.frame_cost = 0.0
        """Seconds of this worker's time that a frame to one of those here takes, in the running mean."""
        self._crowded = 0.0  # when a flush began that went to more than half of those here
        self._came = 0  # since that flush
        self._rush = False  # whether that was at a rate of `RUSH`
        self._signalled = 0.0

    # --- what happens ---------------------------------------------------------------------------------------------

    def come(self) -> None:
        """Somebody has come in."""
        self._came += 1

    def begin(self, now: float) -> None:
        """A flush begins."""
        self.flushed = now

    def reach(self, frames: int) -> None:
        """The flush that has begun takes so many frames."""
        if 2 * frames > len(self._here):
            self._rush = self._came > RUSH * (self.flushed - self._crowded)
            self._came = 0
            self._crowded = self.flushed

    def signalled(self) -> None:
        """The flush that has begun takes along the signals to all."""
        self._signalled = self.flushed

    def end(self, frames: int, spent: float) -> None:
        """A flush has ended, which took so many frames and so many seconds of this worker's time."""
        if frames >= COST_FROM:
            self.frame_cost += (spent / frames - self.frame_cost) * COST_WEIGHT

    # --- when -----------------------------------------------------------------------------------------------------

    @property
    def tick(self) -> float:
        """Seconds between two flushes to everybody: the configured ones, more where a flush takes long, so that a crowd's
        fan-out never takes more than a share of the worker's time."""
        return self._between(RUSH_SHARE, LONGEST_RUSH) if self._rush else self._between(SHARE, LONGEST_TICK)

    @property
    def soonest(self) -> float:
        """When the next flush may begin, whatever it brings."""
        return self.flushed + self._tick

    @property
    def drawn_due(self) -> float:
        """When what is drawn may be told."""
        least = self._tick * DRAWN_TICK
        between = self._between(DRAWN_SHARE, LONGEST_TICK, least)
        return max(self.flushed + least, self._crowded + (self.tick if self._rush or between > DRAWN_PACE else between))

    def signals_due(self, waiting: Iterable[SignalOut]) -> float:
        """When those `waiting`, all of whom can, are told to all, where nothing else takes them along."""
        if any(type(signal) is TallySignal for signal in waiting):
            return self._signalled + self._between(TALLY_SHARE, LONGEST_TALLY)
        return self._signalled + self._between(SIGNAL_SHARE, LONGEST_SIGNAL)

    def due(self, events: Collection[Stored], *, drawing: bool) -> float:
        """When events may be told. `drawing`: while strokes are under way."""
        if any(_urgent(stored.event) for stored in events):
            return self.soonest
        if drawing and any(isinstance(stored.event, Drawn) for stored in events):
            return self.drawn_due
        lazy = all(_lazy(stored.event) for stored in events)
        return max(self.soonest, self._crowded + (self._between(LAZY_SHARE, LONGEST_LAZY) if lazy else self.tick))

    def _between(self, share: float, longest: float, least: float | None = None) -> float:
        """Seconds between two flushes to everybody that take at most `share` of the worker's time. `least`: by default a tick."""
        if least is None:
            least = self._tick
        if not self.frame_cost:  # no flush was large enough to tell (`COST_FROM`)
            return least
        return max(least, min(longest, self.frame_cost * len(self._here) / share))


def patient(signal: SignalOut) -> bool:
    """Whether a signal can wait for company."""
    return type(signal) in _PATIENT


def _urgent(event: Event) -> bool:
    """What the class waits for does not wait for a longer tick: the staff's words, and what opens, closes and begins."""
    if isinstance(event, Said):
        return event.role.staff
    return type(event) in _URGENT


def _lazy(event: Event) -> bool:
    """What is of no more interest than a count, or is shown to hardly anybody, may go along with what comes next."""
    return type(event) in _LAZY


# `isinstance` with a union takes as long as to encode what is asked about.
_PATIENT: frozenset[type] = frozenset({Present, TypingBy, Reactions, TallySignal})
_URGENT: frozenset[type] = frozenset({Opened, Closed, ClassStarted, ClassEnded, doubts.Started, WentTo})
_LAZY: frozenset[type] = frozenset({doubts.Voted, Attended})
