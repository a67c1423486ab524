"""One request to the API, read and checked: who calls, for which room, with what query and body.

What always holds: a handler runs only after its operation's `access` was granted and everything it is given has the
declared type. A member's role is the one in force in the room, so a demoted assistant's old token does not help.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

import msgspec
from aiohttp import web

from classroom.auth import check_room_id
from classroom.http import bodies
from classroom.http.services import Services
from classroom.kernel import STAFF, Audience, Member, Rejected, audience_of

BODY_LIMIT = 65_536  # bytes
BIGGEST_PLACE = (1 << 53) - 1  # places beyond this are not whole numbers everywhere

# What the layer around all operations and an operation tell each other: the headers that every answer bears, and the name.
ANSWER_HEADERS = web.RequestKey("answer_headers", dict[str, str])
OPERATION_ID = web.RequestKey("operation_id", str)


class Access(StrEnum):
    """Who may call. `MEMBER`: who holds a join token (or pass) of the room. `STAFF`: with a staff role in force. Both let
    the API key in too, which counts as staff. `KEY`: the API key alone. `CONTENT`: who holds the room's content key, which
    stands in the query, so that the address is the same for all and a cache need not look at headers; or a member."""

    PUBLIC = "public"
    MEMBER = "member"
    CONTENT = "content"
    STAFF = "staff"
    KEY = "key"


class Call(msgspec.Struct, frozen=True):
    """A request as a handler sees it. `member` is None for the API key and in public operations."""

    services: Services
    request: web.Request
    room: str
    poll: int
    page: int
    seq: int
    file: str
    job: str
    member: Member | None
    query: Any
    body: Any

    @property
    def audience(self) -> Audience:
        """As whom the caller sees the room."""
        return audience_of(self.member) if self.member is not None else STAFF


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `query` and `body` are structs; `takes` are the media types of a body that is a file, which the
    handler reads by itself; `answers` are the statuses and types of success (None: not
    JSON, see `media`); `refusals`: statuses besides those that all operations of its kind may have."""

    id: str
    method: str
    path: str
    summary: str
    access: Access
    handler: Callable[[Call], Awaitable[web.StreamResponse]]
    answers: dict[int, Any]
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    media: tuple[str, ...] = ("application/json",)
    takes: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()


async def read_call(operation: Operation, services: Services, request: web.Request) -> Call:
    """Check credentials, then everything else. Raises `Rejected`."""
    room = request.match_info.get("room", "")
    if "room" in request.match_info:
        check_room_id(room)
    return Call(
        services=services,
        request=request,
        room=room,
        member=await authorise(operation.access, services, request, room),
        poll=_place(request.match_info.get("poll", "1"), 1, "A poll's id is a whole number from 1 on."),
        page=_place(request.match_info.get("page", "0"), 0, "A page's id is a whole number from 0 on."),
        seq=_place(request.match_info.get("seq", "0"), 0, "A place is a whole number from 0 on."),
        file=_word(request.match_info.get("file", ""), 64),
        job=_word(request.match_info.get("import", ""), 16),
        query=_query(operation.query, request),
        body=await _body(operation.body, request),
    )


def json(value: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


async def authorise(access: Access, services: Services, request: web.Request, room: str) -> Member | None:
    """Who calls, as far as `access` lets them. Raises `Rejected`."""
    if access is Access.PUBLIC:
        return None
    content_key = request.query.get("key")
    if access is Access.CONTENT and content_key is not None:
        if not services.auth.is_content_key(content_key, room, await services.epoch(room)):
            raise Rejected("key_invalid", "This address is not right: its key is for another room.")
        return None
    key = request.headers.get("X-API-Key")
    if key is not None:
        if not services.auth.is_api_key(key):
            raise Rejected("key_invalid", "This is not the API key.")
        return None
    if access is Access.KEY:
        raise Rejected("key_missing", "This needs the API key, in the header X-API-Key.")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Rejected("token_missing", "This needs a join token, in the header Authorization: Bearer ….")
    claims = await services.auth.verify(token.strip(), room)
    member = await services.in_force(room, claims.member)
    if access is Access.STAFF and not member.role.staff:
        raise Rejected("forbidden", "Only instructors and assistants may see this.")
    return member


def _place(text: str, least: int, sentence: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= BIGGEST_PLACE):
        raise Rejected("bad_request", sentence)
    return int(text)


def _word(text: str, digits: int) -> str:
    if text and not (len(text) == digits and all(digit in "0123456789abcdef" for digit in text)):
        raise Rejected("bad_request", f"That is named by {digits} hexadecimal digits.")
    return text


def _query(kind: type[msgspec.Struct] | None, request: web.Request) -> Any:
    known = kind.__struct_encode_fields__ if kind is not None else ()
    values: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in known:
            raise Rejected("bad_request", f"The query may say {', '.join(known) or 'nothing'} here, and nothing else.")
        if name in values:
            raise Rejected("bad_request", f"The query says {name} more than once.")
        values[name] = value
    if kind is None:
        return None
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Rejected("bad_request", f"The query is not right: {error}.") from error


async def _body(kind: type[msgspec.Struct] | None, request: web.Request) -> Any:
    if kind is None:
        return None
    if request.content_type != "application/json":
        raise Rejected("unsupported_media_type", "The body must be application/json.")
    data = await bodies.read(request, BODY_LIMIT)
    try:
        fields = msgspec.json.decode(data)
        if isinstance(fields, dict):
            fields = {name: _whole(value) for name, value in fields.items()}
        return msgspec.convert(fields, kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Rejected("bad_request", f"The body is not right: {error}.") from error


def _whole(value: Any) -> Any:
    """1 for 1.0, which is the same to JSON Schema and to JavaScript."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
