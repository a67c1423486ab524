"""Figures of our own say what Prometheus's would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from classroom.figures import Count, Spread

BUCKETS = (0.001, 0.5, 1, 10)


def told(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


@given(st.lists(st.one_of(st.sampled_from(BUCKETS), st.floats(0, 20))))
def test_a_spread_is_a_histogram(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spread = Spread("it_took_seconds", "How long it took", BUCKETS, ours)
    histogram = Histogram("it_took_seconds", "How long it took", registry=theirs, buckets=BUCKETS)

    for value in values:
        spread.observe(value)
        histogram.observe(value)

    assert told(ours) == told(theirs)


@given(st.lists(st.integers(0, 1_000)))
def test_a_count_is_a_counter(steps: list[int]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    count, counter = Count("frames", "Frames", ours), Counter("frames", "Frames", registry=theirs)

    for step in steps:
        count.inc(step)
        counter.inc(step)

    assert told(ours) == told(theirs)
