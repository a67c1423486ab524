"""How much a viewer may be sent, and so which layers of which pictures. Pure: no clock, no network.

What always holds: sound goes first, then the smallest layer of each picture, then larger ones. What reports of loss and the
viewer's own estimate (REMB) say counts against what was really sent when they were made: an estimate that is no smaller than that
says nothing of a limit. One that is smaller is believed where something is lost too, since mere jitter makes it small; and
pictures pause for what is lost alone. Down at once; up only after a time without trouble, by padding that is sent first to see
whether the way carries it, and each attempt that fails doubles that time.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

START = 1_000_000.0  # bits a second that a newcomer is thought to take
CLEAN, BAD, AWFUL = (
    0.08,
    0.15,
    0.30,
)  # shares lost: below there is no trouble; from there on there is; from there on at once
OVER = 0.8  # of what is sent: an estimate below this says that it is too much. Receivers say 0.85 when they but fear it
MARGIN = (
    0.85  # of what arrived where too little did: of headers below RTP nothing is counted, and a full queue has to empty
)
FAR_OVER = 0.5  # below this an estimate needs no loss to be believed, if it is made four times in a row
# More than the one before by this: it is still on its way up to what is sent. Receivers raise theirs by 8 % a second at the most,
# and a way that carries no more makes them lower it.
RISING = 1.01
EARLY = 3.0  # seconds after joining in which an estimate is still being made
FIRST_WAIT, LAST_WAIT = 2.0, 60.0  # seconds without trouble until more is tried
TRIAL = 8.0  # seconds in which trouble is put down to an attempt
LOWEST = 0.8  # of what the smallest layer and the sound need: with less, pictures pause
STEP, SMALL_STEP = 1.5, 1.25  # by how much more is sent at once, while that is thought to be carried, and beyond
STEP_SECONDS = 0.5
NOTHING, CALM = 0.001, 2.0  # a share lost that is as good as none; seconds between two looks while there is no more
# Seconds until a picture that pauses is tried again, whatever is reported; each time doubles them.
PAUSE, LONGEST_PAUSE = 10.0, 60.0


class Track(NamedTuple):
    """A picture: what each of its layers needs, the smallest first, and which is sent (-1: none)."""

    rates: tuple[float, ...]
    now: int


class Pace:
    """What one viewer is sent. `padding`: bits a second to be sent for nothing but to see whether they arrive; `loss`: the share
    lost of late."""

    def __init__(self, now: float) -> None:
        self.allowed = START
        self.padding = 0.0
        self._began = self._looked = now
        self.loss = 0.0
        self._low = 0  # estimates in a row that were below what was sent
        self._far = 0  # and far below, without rising
        self._estimate = 0.0  # the last one
        self._carried = inf  # bits a second that arrived, while too little did
        self._bad = 0  # reports of trouble in a row
        self._pauses = False
        self._clean_since = now
        self._wait = FIRST_WAIT
        self._tried = float("-inf")
        self._stepped = now
        self._pause = PAUSE
        self._pausing_since: float | None = None

    def is_calm(self, now: float) -> bool:
        """Whether a report of nothing lost would change nothing. Now and then it is looked at anyway."""
        return self.loss < NOTHING and not (self._low or self._pauses or self.padding) and now - self._looked < CALM

    def told(self, now: float, sent: float, lost: float | None, estimate: float | None) -> bool:
        """A report: the share that was lost, and what the viewer thinks it can take, of `sent` bits a second. Whether this is
        trouble."""
        trouble = worry = False
        self._looked = now
        self._carried = inf
        clean = BAD if self._pauses else CLEAN  # a little loss by chance must not keep a picture away for good
        if lost is not None:
            self.loss += (lost - self.loss) / 2
            if lost >= AWFUL or self.loss >= BAD:
                trouble = True
                self._carried = sent * (1 - max(lost, self.loss))
                self.allowed = min(self.allowed, MARGIN * self._carried)
        if estimate is not None and now - self._began > EARLY:
            self._low = self._low + 1 if estimate < OVER * sent else 0
            far = estimate < FAR_OVER * sent and estimate <= RISING * self._estimate
            self._far = self._far + 1 if far else 0
            worry = self._low > 0 and (self.loss >= CLEAN or self._far >= 2)
            if (self._low >= 2 and self.loss >= CLEAN) or self._far >= 4:
                trouble = True
                self.allowed = min(self.allowed, estimate)
            elif estimate >= sent and not trouble:
                self.allowed = max(self.allowed, estimate)
        self._estimate = self._estimate if estimate is None else estimate
        if lost is not None:
            self._bad = self._bad + 1 if trouble else 0
        if trouble or worry or self.loss >= clean:
            if self.padding or (trouble and now - self._tried < TRIAL):
                self._wait = min(LAST_WAIT, 2 * self._wait)
                self._tried = float("-inf")
            self.padding = 0.0
            self._clean_since = now
        elif now - self._stepped >= STEP_SECONDS:
            self.allowed = max(self.allowed, sent)  # it was carried
        return trouble

    def choose(self, now: float, sound: float, tracks: list[Track], trouble: bool, pads: bool) -> list[int]:
        """Which layer of each picture to send, the most important picture first. `pads`: whether padding can be sent."""
        chosen = self._fewer(sound, tracks) if trouble else self._more(now, sound, tracks, pads)
        self._try_again(now, chosen)
        self._pauses = -1 in chosen
        return chosen

    def _try_again(self, now: float, chosen: list[int]) -> None:
        """A picture must not stay away because of what is reported of so little: what jitters, or loses a part whatever is sent,
        says the same of sound alone."""
        if -1 not in chosen:
            if now - self._clean_since > LONGEST_PAUSE:
                self._pause = PAUSE
            self._pausing_since = None
        elif self._pausing_since is None:
            self._pausing_since = now
        elif now - self._clean_since >= FIRST_WAIT:
            self._pausing_since = now  # padding shows what else is carried
        elif now - self._pausing_since >= self._pause:
            chosen[chosen.index(-1)] = 0
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
            self._pausing_since = None
            self._bad = self._low = self._far = 0

    def _fewer(self, sound: float, tracks: list[Track]) -> list[int]:
        left, least = self.allowed - sound, sound
        chosen = [-1] * len(tracks)
        for place, track in enumerate(tracks):
            least += track.rates[0]
            pausing = self._carried < LOWEST * least and track.now == 0 and self._bad >= 2
            if track.now >= 0 and not pausing:
                chosen[place] = 0
                left -= track.rates[0]
        for place, track in enumerate(tracks):
            while (
                0 <= chosen[place] < track.now and track.rates[chosen[place] + 1] - track.rates[chosen[place]] <= left
            ):
                left -= track.rates[chosen[place] + 1] - track.rates[chosen[place]]
                chosen[place] += 1
        return chosen

    def _more(self, now: float, sound: float, tracks: list[Track], pads: bool) -> list[int]:
        chosen = [track.now for track in tracks]
        ways = [
            (track.now >= 0, place) for place, track in enumerate(tracks) if track.now + 1 < len(track.rates)
        ]  # pictures that pause come first
        if not ways:
            self.padding = 0.0
            return chosen
        place = min(ways)[1]
        track = tracks[place]
        sent = sound + sum(one.rates[one.now] for one in tracks if one.now >= 0)
        needed = sent + track.rates[track.now + 1] - (track.rates[track.now] if track.now >= 0 else 0.0)
        if now - self._clean_since < min(self._wait, FIRST_WAIT):
            return chosen
        if self.allowed >= needed:
            self.padding = 0.0
            self._tried = self._stepped = now
            if now - self._clean_since > LAST_WAIT:
                self._wait = FIRST_WAIT
            chosen[place] += 1
            return chosen
        if now - self._clean_since < self._wait:
            return chosen
        if not pads:
            self.allowed = needed  # it is tried, and given up if it does not go well
        elif now - self._stepped >= STEP_SECONDS:
            before = sent + self.padding
            goal = max(SMALL_STEP * before, min(STEP * before, self.allowed))
            self.padding = max(0.0, min(1.05 * needed, goal) - sent)
            self._stepped = now
        return chosen
