"""OpenTelemetry traces, where they are switched on: what became of a command, from its arrival to its answer.

What always holds: with traces off nothing here costs anything, and OpenTelemetry need not be installed; a collector that
does not answer delays and loses nothing but traces.

A trace's id is made from the member and the command's `cid`, so the worker that the member is connected to and the one
that owns the room put their spans into one trace without anything being added to what travels between them, and agree on
which traces are kept. Spans: `command` (the edge), below it `decide and commit` (the owner; a batch has many, and its span
is in the trace of the first that is kept), and `fan-out` by itself (one tick of a room).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Any

from classroom.config import SettingsError

SERVICE = "classroom"


class Tracing:
    """Sends spans to `endpoint` (OTLP over HTTP, a URL that ends in /v1/traces) for `share` (0 to 1) of all commands.
    `worker`: this process's id among others. Raises `SettingsError` where OpenTelemetry is not installed."""

    def __init__(self, endpoint: str, share: float, worker: str) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
        except ImportError as error:
            raise SettingsError("Traces need OpenTelemetry: pip install 'classroom[traces]'.") from error

        class Ids(RandomIdGenerator):
            """Spans get random ids, but for one whose id has been told."""

            told = 0

            def generate_span_id(self) -> int:
                told, self.told = self.told, 0
                return told or super().generate_span_id()

        self._ids = Ids()
        self._trace = trace
        self._bound = int(share * 2**64)
        resource = Resource.create({"service.name": SERVICE, "service.instance.id": worker})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer(SERVICE)

    def command(self, member: str, cid: str, type: str, room: str, seconds: float, outcome: str) -> None:
        """A command has been answered, `seconds` after it came."""
        ids = self._ids_of(member, cid)
        if ids is None:
            return
        trace_id, self._ids.told = ids
        end = time.time_ns()
        span = self._tracer.start_span(
            "command",
            context=self._within(trace_id, 0),
            start_time=end - int(seconds * 1e9),
            attributes={"classroom.command": type, "classroom.room": room, "classroom.outcome": outcome},
        )
        span.end(end)

    def commit(self, who: Iterable[tuple[str, str]], room: str, seconds: float, commands: int, events: int) -> None:
        """A batch has been committed; `who`: member and `cid` of each command in it."""
        ids = next((ids for member, cid in who if (ids := self._ids_of(member, cid)) is not None), None)
        if ids is None:
            return
        end = time.time_ns()
        span = self._tracer.start_span(
            "decide and commit",
            context=self._within(*ids),
            start_time=end - int(seconds * 1e9),
            attributes={"classroom.room": room, "classroom.commands": commands, "classroom.events": events},
        )
        span.end(end)

    def fan_out(self, room: str, seconds: float, events: int, frames: int) -> None:
        """A tick of a room has been written to its members here. Kept as often as a command is."""
        trace_id = self._ids.generate_trace_id()
        if trace_id % 2**64 >= self._bound:
            return
        end = time.time_ns()
        span = self._tracer.start_span(
            "fan-out",
            context=self._within(trace_id, 0),
            start_time=end - int(seconds * 1e9),
            attributes={"classroom.room": room, "classroom.events": events, "classroom.frames": frames},
        )
        span.end(end)

    def close(self) -> None:
        """Send what waits, for a few seconds at most. Blocks."""
        self._provider.shutdown()

    def _ids_of(self, member: str, cid: str) -> tuple[int, int] | None:
        """The command's trace and the id of its own span; None: its trace is not kept."""
        digest = hashlib.blake2b(f"{member}\n{cid}".encode(), digest_size=24).digest()
        if int.from_bytes(digest[8:16]) >= self._bound:
            return None
        return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:]) or 1

    def _within(self, trace_id: int, span_id: int) -> Any:
        """A context in which a new span stands in a trace, below a span of it (0: below none)."""
        trace = self._trace
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        parent = trace.SpanContext(trace_id, span_id or 1, is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(trace.NonRecordingSpan(parent))
