"""The HTTP skin: the API under `/api/`, health and figures for operators, and the built client.

Handlers are thin: they read the request, ask the `Services`, and write the answer. One table of operations
(`table.TABLE`) makes both the routes and the OpenAPI document, so that they cannot drift apart.
"""

from __future__ import annotations

from aiohttp import web

from classroom.files.desk import Desk
from classroom.http import health, static
from classroom.http.api import api
from classroom.http.files import DESK, LIMITS
from classroom.http.past import PASTS, Pasts
from classroom.http.services import Media, Services
from classroom.http.streams import live_routes
from classroom.limits import Limits


def add_routes(
    app: web.Application, services: Services, limits: Limits, desk: Desk, media: Media | None = None
) -> None:
    """Add everything that is served over plain HTTP to `app`. Socket.IO's own paths are not touched."""
    app[DESK], app[LIMITS], app[PASTS] = desk, limits, Pasts(services.journal)
    app.add_routes(health.routes(services))
    app.add_subapp("/api/", api(services, limits, media))
    if media is not None:
        app.add_routes(live_routes(media))
    app.add_routes(static.routes(services.settings))
