"""Figures that are noted for each command or packet: plain numbers, put into Prometheus's form when they are asked for.

What always holds: they are written by one thread alone. Prometheus's own take a lock for each number, of which a histogram has
several: together a twentieth of what a command in a small class costs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Count(Collector):
    """A number that only grows."""

    def __init__(self, name: str, help: str, registry: CollectorRegistry) -> None:
        self._name, self._help = name, help
        self.value = 0
        registry.register(self)

    def inc(self, by: int = 1) -> None:
        self.value += by

    def describe(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._help)

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._help, self.value)


class Spread(Collector):
    """How values are spread over `buckets`, each of which has the values up to its bound that none before it has."""

    def __init__(self, name: str, help: str, buckets: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._help, self._bounds = name, help, tuple(map(float, buckets))
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        registry.register(self)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def describe(self) -> Iterator[HistogramMetricFamily]:
        yield HistogramMetricFamily(self._name, self._help)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        bounds = (*map(str, self._bounds), "+Inf")
        yield HistogramMetricFamily(
            self._name, self._help, list(zip(bounds, accumulate(self._counts), strict=True)), self._sum
        )
