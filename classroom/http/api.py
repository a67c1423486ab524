"""The API as an aiohttp application: the table's routes, and around them one layer that turns every refusal into JSON.

What always holds: an answer under `/api/` is JSON (but for exports and images) with the headers below, whatever went wrong; what
went wrong inside is logged here and told to nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from classroom.address import address_of
from classroom.bus.port import Unreachable
from classroom.files.port import StoreUnavailable
from classroom.http import bodies, problems
from classroom.http.calls import ANSWER_HEADERS, OPERATION_ID, Operation, read_call
from classroom.http.services import Media, Services
from classroom.http.streams import Streams
from classroom.http.table import TABLE
from classroom.journal.port import Unavailable
from classroom.kernel import Rejected
from classroom.limits import Limits

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, X-API-Key",
    "Access-Control-Max-Age": "3600",
}

GONE = 499  # what many servers note where nobody is there to be answered any more

EXPOSED = {"Access-Control-Expose-Headers": "Accept-Patch, Classroom-Stream, ETag, Link, Location, Retry-After"}

log = structlog.get_logger(__name__)


def api(services: Services, limits: Limits, media: Media | None = None) -> web.Application:
    """The application to be mounted at `/api/`."""
    app = web.Application(middlewares=[_guard(services, limits)])
    for row in TABLE:
        app.router.add_route(row.method, row.path, _handler(row, services))
    app.add_routes(Streams(services, media).routes())
    return app


def _handler(operation: Operation, services: Services) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        request[OPERATION_ID] = operation.id
        return await operation.handler(await read_call(operation, services, request))

    return handle


def _guard(services: Services, limits: Limits) -> Middleware:
    trusted = services.settings.server.trusted_proxies
    origins = frozenset(services.settings.server.allowed_origins)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        cors = _cors(request, origins)
        if cors and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return web.Response(status=204, headers=cors | PREFLIGHT)
        request[ANSWER_HEADERS] = HEADERS | cors
        address = address_of(request, trusted)
        response = await _answer(request, handler, lambda: limits.request(address, services.clock()))
        if not response.prepared:
            response.headers.update(request[ANSWER_HEADERS])
        operation = request.get(OPERATION_ID, "none")
        services.metrics.requests.labels(operation, str(response.status)).inc()
        return response

    return guard


async def _answer(request: web.Request, handler: Handler, check: Callable[[], None]) -> web.StreamResponse:
    try:
        check()
        return await handler(request)
    except Rejected as refused:
        return problems.answer(refused)
    except (Unavailable, Unreachable, StoreUnavailable, TimeoutError) as error:
        log.warning("a request could not be served", path=request.path, error=str(error) or type(error).__name__)
        return problems.answer(Rejected("unavailable", "This is not possible just now.", temporary=True))
    except web.HTTPException as error:
        response = problems.answer(problems.from_http(error))
        response.set_status(error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except asyncio.CancelledError:
        raise
    except Exception as error:
        if isinstance(error, ConnectionError) and bodies.gone(request):
            return web.Response(status=GONE)
        log.exception("a request failed", path=request.path)
        return problems.answer(Rejected("internal", "Something went wrong here."))


def _cors(request: web.Request, origins: frozenset[str]) -> dict[str, str]:
    """What lets a page of another allowed origin read the answer. Credentials are in headers, never in cookies."""
    origin = request.headers.get("Origin", "")
    if not origins:
        return {}
    vary = {"Vary": "Origin"}
    if "*" in origins:
        return {"Access-Control-Allow-Origin": "*", **EXPOSED}
    return {"Access-Control-Allow-Origin": origin, **EXPOSED, **vary} if origin in origins else vary
