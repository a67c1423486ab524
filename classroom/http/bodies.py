"""The body of a request: never past its limit, never waited for without end, and never inflated; and that of an answer: whole, or
broken off.

What always holds: what is wrong with a body is a refusal of the request and no error of ours; a sender who has gone is told to
nobody as a failure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import hdrs, web

from classroom.kernel import Rejected, too_large

PATIENCE = 30.0  # seconds that a sender may be silent, or take for a small body
PACE = 4_096  # bytes a second that come at the least of a large one, once the patience is used up


async def read(request: web.Request, limit: int) -> bytes:
    """The whole of a small body. Raises `Rejected`."""
    data = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in pieces(request, limit):
                data += piece
    except TimeoutError:
        raise _late() from None
    return bytes(data)


async def pieces(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes, at most `limit` bytes of it. Raises `Rejected`."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise Rejected("unsupported_media_type", "The body must not be compressed.")
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    taken, waited = 0, 0.0
    while True:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(min(PATIENCE, PATIENCE + taken / PACE - waited)):
                piece = await request.content.readany()
        except TimeoutError:
            raise _late() from None
        except web.RequestPayloadError:
            raise Rejected("bad_request", "The body is broken off, or not as its headers say.") from None
        if not piece:
            return
        waited += time.monotonic() - begun
        taken += len(piece)
        if taken > limit:
            raise too_large(limit)
        yield piece


@contextmanager
def whole(request: web.Request) -> Iterator[None]:
    """While an answer is sent whose status is out: where it fails, that its end is missing is what tells the reader so."""
    try:
        yield
    except Exception:
        if request.transport is not None:
            request.transport.abort()
        raise


def gone(request: web.Request) -> bool:
    """Whether nobody waits for the answer any more."""
    return request.transport is None or request.transport.is_closing()


def _late() -> Rejected:
    return Rejected("unavailable", "The body did not come in time.", temporary=True)
