"""Traces: what a collector is told of commands, and that they are one trace across workers."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from classroom.tracing import Tracing
from tests.running import serving
from tests.sockets.peer import Peer

# The exporter's connection pool is closed by the collector of garbage.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class Collector:
    """An OTLP receiver. `spans`: what came, as (service instance, span)."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.spans += [(named["service.instance.id"], s) for scope in resource.scope_spans for s in scope.spans]
        return web.Response(content_type="application/x-protobuf")

    def named(self, name: str) -> list[Any]:
        return [span for _, span in self.spans if span.name == name]


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    try:
        yield collector
    finally:
        await runner.cleanup()


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


async def test_a_command_is_one_trace_from_the_edge_to_the_owner(tmp_path: Path, redis_url: str) -> None:
    async with collecting() as collector:
        settings: dict[str, Any] = {
            "traces_endpoint": collector.url,
            "traces_share": 1.0,
            "cluster_redis": redis_url,
            "storage_database": f"sqlite:///{tmp_path}/journal.db",
            "auth_secret": "a secret that both of the workers know",
            "media_enabled": False,
        }
        async with serving(tmp_path / "one", **settings) as one, serving(tmp_path / "two", **settings) as two:
            peers = [await Peer.join(s.port, token=s.token(name=name)) for s, name in ((one, "Mira"), (two, "Dev"))]
            for number, peer in enumerate(peers):
                assert (await peer.command("chat.say", text=f"from {number}"))["ok"]
            assert not (await peers[0].command("chat.say", text=""))["ok"]
            for peer in peers:
                await peer.close()
    commands, commits = collector.named("command"), collector.named("decide and commit")
    assert sorted(attributes(span)["classroom.outcome"] for span in commands) == ["empty", "ok", "ok"]
    assert {attributes(span)["classroom.command"] for span in commands} == {"chat.say"}
    assert all(0 < span.start_time_unix_nano <= span.end_time_unix_nano for span in commands + commits)
    kept = {span.trace_id: span for span in commands if attributes(span)["classroom.outcome"] == "ok"}
    said = [span for span in commits if span.trace_id in kept]
    assert len(said) == 2
    assert all(span.parent_span_id == kept[span.trace_id].span_id for span in said)
    workers = {span.span_id: worker for worker, span in collector.spans}
    assert len({workers[span.span_id] for span in kept.values()}) == 2
    assert len({workers[span.span_id] for span in said}) == 1
    assert collector.named("fan-out")


async def test_a_collector_that_is_gone_costs_traces_and_nothing_else(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"traces_endpoint": "http://127.0.0.1:9/v1/traces", "traces_share": 1.0}
    async with serving(tmp_path, media_enabled=False, **settings) as server:
        peer = await Peer.join(server.port, token=server.token())
        assert (await peer.command("chat.say", text="anybody there?"))["ok"]
        await peer.close()


async def test_a_share_of_the_commands_is_kept_and_all_workers_keep_the_same(tmp_path: Path) -> None:
    async with collecting() as collector:
        first, second = (Tracing(collector.url, 0.25, worker) for worker in ("one", "two"))
        for number in range(400):
            first.command("asha", f"c{number}", "chat.say", "demo", 0.01, "ok")
            second.commit([("asha", f"c{number}")], "demo", 0.005, 1, 1)
        for tracing in (first, second):
            await asyncio.to_thread(tracing.close)
    traces = [{span.trace_id for span in collector.named(name)} for name in ("command", "decide and commit")]
    assert traces[0] == traces[1]
    assert 50 < len(traces[0]) < 150
