"""Refusals over HTTP: always JSON `{code, message, temporary}` and, where known, `until`; the status follows the code."""

from __future__ import annotations

import time

import msgspec
from aiohttp import web

from classroom.kernel import Rejected

STATUS = {
    "token_missing": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "key_missing": 401,
    "key_invalid": 401,
    "token_wrong_room": 403,
    "forbidden": 403,
    "banned": 403,
    "not_found": 404,
    "room_not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "unsupported_media_type": 415,
    "not_live": 409,
    "not_over": 409,
    "precondition_failed": 412,
    "sdp_unacceptable": 422,
    "precondition_missing": 428,
    "too_fast": 429,
    "busy": 503,
    "take_hls": 503,
    "internal": 500,
    "unavailable": 503,
    "restarting": 503,
}  # any other code: 400
RETRY_SECONDS = 2  # where a refusal is temporary and does not say until when


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal. `code` is stable, `message` a sentence for a person; `temporary`: trying the same again may succeed,
    where known from `until` on (milliseconds since 1970)."""

    code: str
    message: str
    temporary: bool
    until: int | None = None


def answer(refused: Rejected) -> web.Response:
    """The response that says so."""
    status = STATUS.get(refused.code, 400)
    response = web.Response(
        body=msgspec.json.encode(Problem(refused.code, refused.message, refused.temporary, refused.until)),
        status=status,
        content_type="application/json",
    )
    if status == 401:
        reason = ', error="invalid_token"' if refused.code in ("token_invalid", "token_expired", "key_invalid") else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="classroom"{reason}'  # RFC 6750, 3
    if status in (429, 503):
        wait = refused.until / 1_000 - time.time() if refused.until else RETRY_SECONDS
        response.headers["Retry-After"] = str(max(1, min(3_600, round(wait + 0.5))))
    return response


def from_http(error: web.HTTPException) -> Rejected:
    """What aiohttp itself refuses (no such path, wrong method, too large), in our words."""
    if error.status == 404:
        return Rejected("not_found", "There is nothing at this address.")
    if error.status == 405:
        return Rejected("method_not_allowed", "This address does not know that method.")
    if error.status == 413:
        return Rejected("too_large", "The request is too large.")
    if error.status == 415:
        return Rejected("unsupported_media_type", "The body is not of the right kind.")
    return Rejected("bad_request", "The request cannot be understood.")
