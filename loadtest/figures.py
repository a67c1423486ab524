"""Figures of a run: counts and distributions, by second, added up over processes.

What always holds: adding the parts of any division of a run gives the whole; a distribution's quantile is right to 2 %. A
process takes what is new of its own once a second and sends it to the master, so figures are small however long a run is.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

STEP = math.log(1.02)
LEAST = 0.1  # milliseconds


def bucket(milliseconds: float) -> int:
    """The bucket of a duration."""
    return int(math.log(max(milliseconds, LEAST) / LEAST) / STEP)


def value(index: int) -> float:
    """The duration in milliseconds in the middle of a bucket."""
    return float(LEAST * math.exp((index + 0.5) * STEP))


def quantile(histogram: Counter[int], share: float) -> float | None:
    """The duration in milliseconds below which `share` (0 to 1) of them are; None: there are none."""
    total = histogram.total()
    if not total:
        return None
    wanted = share * total
    seen = 0
    for index in sorted(histogram):
        seen += histogram[index]
        if seen >= wanted:
            return value(index)
    return None


def rounded(value: float, digits: int = 3) -> str:
    """A number as a person reads it: so many digits that count, whole ones all the same."""
    if not value or not math.isfinite(value):
        return f"{value:,.0f}"
    after = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{after}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Figures:
    """`counts`: by second and name. `times`: by second and name a histogram. `clock`: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.counts: dict[int, Counter[str]] = {}
        self.times: dict[int, dict[str, Counter[int]]] = {}
        self._clock = clock

    def count(self, name: str, by: int = 1) -> None:
        """`by` more of `name` happened now."""
        second = int(self._clock())
        counts = self.counts.get(second)
        if counts is None:
            counts = self.counts[second] = Counter()
        counts[name] += by

    def time(self, name: str, milliseconds: float) -> None:
        """Something took that long, and ended now."""
        second = int(self._clock())
        times = self.times.get(second)
        if times is None:
            times = self.times[second] = {}
        histogram = times.get(name)
        if histogram is None:
            histogram = times[name] = Counter()
        histogram[bucket(milliseconds)] += 1

    def take(self) -> dict[str, Any]:
        """What is new since the last time, as plain values; it is no longer kept here."""
        counts, self.counts = self.counts, {}
        times, self.times = self.times, {}
        return {
            "counts": {str(second): dict(names) for second, names in counts.items()},
            "times": {
                str(second): {name: {str(k): n for k, n in histogram.items()} for name, histogram in names.items()}
                for second, names in times.items()
            },
        }

    def add(self, taken: dict[str, Any]) -> None:
        """Add what another took."""
        for second, counts in taken["counts"].items():
            self.counts.setdefault(int(second), Counter()).update(counts)
        for second, names in taken["times"].items():
            mine = self.times.setdefault(int(second), {})
            for name, histogram in names.items():
                mine.setdefault(name, Counter()).update({int(k): n for k, n in histogram.items()})

    def at(self, second: int) -> Counter[str]:
        """What was counted in that second."""
        return self.counts.get(second) or Counter()

    def total(self, name: str, since: float = 0.0) -> int:
        """How often `name` happened, from second `since` on."""
        return sum(counts[name] for second, counts in self.counts.items() if second >= since)

    def named(self, prefix: str) -> dict[str, int]:
        """The totals of all names that begin so, by what follows."""
        totals: Counter[str] = Counter()
        for counts in self.counts.values():
            for name, count in counts.items():
                if name.startswith(prefix):
                    totals[name.removeprefix(prefix)] += count
        return dict(totals)

    def spread(self, name: str, seconds: Iterable[int] | None = None) -> Counter[int]:
        """The histogram of `name`, of those seconds or of all."""
        whole: Counter[int] = Counter()
        for second in self.times if seconds is None else seconds:
            whole.update(self.times.get(second, {}).get(name, {}))
        return whole

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last second of which there is something; (0, 0): nothing."""
        seconds = [*self.counts, *self.times]
        return (min(seconds), max(seconds)) if seconds else (0, 0)
