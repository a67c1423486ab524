"""Opens the recordings as the settings say: in the data directory, with the bucket that files are kept in, if they are in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from classroom.auth import Authenticator, check_room_id
from classroom.config import Settings
from classroom.files.opening import open_store
from classroom.kernel import Member, Rejected
from classroom.media.recorder.library import Library
from classroom.media.recorder.routes import Allowed
from classroom.metrics import Metrics

InForce = Callable[[str, Member], Awaitable[Member]]


async def open_library(settings: Settings, metrics: Metrics) -> Library:
    """The recordings, ready. Raises `StoreUnavailable`."""
    in_bucket = settings.storage.files.startswith("s3://")
    store = await open_store(settings) if in_bucket else None
    return Library(settings.data / "recordings", settings.recording, metrics, store)


def members_only(auth: Authenticator, in_force: InForce) -> Allowed:
    """Who shows a join token (or pass) of the room, as a bearer or, since a video element sends no headers, as `token` in the
    query, and has not been banned. `in_force(room, member)` raises `Rejected` for who has been."""

    async def allowed(request: web.Request, room: str) -> None:
        check_room_id(room)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.query.get("token", "")
        if not token.strip():
            raise Rejected("token_missing", "Recordings are for members of the class: this needs a join token.")
        claims = await auth.verify(token.strip(), room)
        await in_force(room, claims.member)

    return allowed
