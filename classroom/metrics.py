"""What this process tells Prometheus of itself. Labels have few values, known beforehand: never a room or a member."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from classroom.figures import Count, Spread
from classroom.tracing import Tracing

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
SIZES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000)


class Metrics:
    """A registry of its own, so that several servers in one process do not mix their figures. `tracing`: where traces are
    switched on."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.tracing = tracing
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.members = self._gauge("members", "Members connected to this worker")
        self.rooms_loaded = self._gauge("rooms_loaded", "Rooms in memory")
        self.rooms_owned = self._gauge("rooms_owned", "Rooms whose commands are decided by this worker")
        self.joins = self._counter("joins", "Attempts to come in: welcome, resumed, or the refusal's code", "outcome")
        self.handed_on = self._counter(
            "connections_handed_on", "Connections handed to the worker of this machine where their class is"
        )
        self.commands = self._counter("commands", "Commands by type, and ok or the refusal's code", "type", "outcome")
        self.command_seconds = self._spread("command_seconds", "From a command's arrival to its answer")
        self.events = self._count("events", "Events committed")
        self.append_seconds = self._spread("append_seconds", "One commit to the journal")
        self.batch_events = self._spread("batch_events", "Events in one commit", SIZES)
        self.owner_moves = self._counter("owner_moves", "Times that a room's owner here stood down for another")
        self.frames_out = self._count("frames_out", "Frames written to members")
        self.bytes_out = self._count("bytes_out", "Bytes written to members, before the network's own")
        self.fanout = self._gauge("fanout", "1: what writes to crowds, io_uring, send or python", "way")
        self.flush_seconds = self._spread("flush_seconds", "One tick's fan-out of one room")
        self.tick_seconds = self._gauge("tick_seconds", "Time between two fan-outs of the largest room here")
        self.bus_lag_seconds = self._gauge("bus_lag_seconds", "How long the last message took over the bus")
        self.bus_messages = self._gauge("bus_messages", "Messages over the bus since the start", "way")
        self.replica_behind = self._gauge(
            "replica_behind_events", "Events that the log is known to have and the furthest room here has not"
        )
        self.resyncs = self._counter("resyncs", "Slow members brought up to date again")
        self.slow_disconnects = self._counter("slow_disconnects", "Members disconnected for staying behind too long")
        self.board_encoded = self._counter(
            "board_encoded",
            "Times that a page of a board (page), or what has changed on it since (tail), was compressed",
            "kind",
        )
        self.requests = self._counter("http_requests", "Requests to the HTTP API", "operation", "status")
        self.media_lost = self._counter(
            "media_packets_lost", "Packets of publishers that never came, by tracks that ended"
        )
        self.media_viewers = self._gauge("media_viewers", "Viewers by WebRTC")
        self.media_publishers = self._gauge("media_publishers", "Members who publish")
        self.media_forwarded = self._gauge("media_forwarded", "Packets sent to viewers, since the start")
        self.media_repeated = self._gauge("media_repeated", "Packets sent to viewers again for NACK, since the start")
        self.media_dropped = self._gauge("media_dropped", "Packets that the network did not take, since the start")
        self.media_refused = self._gauge(
            "media_refused", "Packets of peers that send far more than they may, since the start"
        )
        self.media_fanout = self._gauge(
            "media_fanout", "1: the loop that sends packets to viewers, c or python", "loop"
        )
        self.media_strangers = self._gauge("media_strangers", "Datagrams that belonged to nobody, since the start")
        self.hls_parts = self._counter("hls_parts", "Parts of LL-HLS made, by camera, screen and sound", "kind")
        self.hls_requests = self._counter(
            "hls_requests", "Answers of LL-HLS by what was asked for, or later (503)", "what"
        )
        self.hls_waiting = self._gauge("hls_waiting", "Requests of LL-HLS that wait for the next part")
        self.recorded_bytes = self._counter("recorded_bytes", "Bytes of recordings written", "kind")

    def text(self) -> bytes:
        """All figures in Prometheus's text format (`content_type`)."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(name, help, labels, namespace="classroom", registry=self.registry)

    def _gauge(self, name: str, help: str, *labels: str) -> Gauge:
        return Gauge(name, help, labels, namespace="classroom", registry=self.registry)

    def _count(self, name: str, help: str) -> Count:
        return Count(f"classroom_{name}", help, self.registry)

    def _spread(self, name: str, help: str, buckets: tuple[float, ...] = FAST) -> Spread:
        return Spread(f"classroom_{name}", help, buckets, self.registry)
