"""For operators: alive, ready, figures.

`/healthz` answers as long as the process turns its loop; `/readyz` only while journal and bus do their work, so that a balancer
sends nobody here meanwhile; `/metrics` is Prometheus's text format.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from classroom.bus.port import Unreachable
from classroom.http.problems import answer
from classroom.http.services import Services
from classroom.journal.port import Unavailable
from classroom.kernel import Rejected

PATIENCE = 3.0  # seconds that journal and bus have to answer


def routes(services: Services) -> list[web.RouteDef]:
    """The three routes."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"}, headers={"Cache-Control": "no-store"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(PATIENCE):
                await services.ready()
        except (Unavailable, Unreachable, TimeoutError, Rejected) as error:
            reason = str(error) or "no answer in time"
            return answer(Rejected("unavailable", f"Not ready: {reason.rstrip('.')}.", temporary=True))
        return web.json_response({"status": "ready"}, headers={"Cache-Control": "no-store"})

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=services.metrics.text(),
            headers={"Content-Type": services.metrics.content_type, "Cache-Control": "no-store"},
        )

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]
