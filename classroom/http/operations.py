"""The API's operations: each reads its call, asks the services, and writes the answer."""

from __future__ import annotations

import zlib

from aiohttp import hdrs, web
from msgspec import UNSET

from classroom.export import CONTENT_TYPES, export
from classroom.http import bodies
from classroom.http.calls import ANSWER_HEADERS, Call, json
from classroom.http.history import history
from classroom.http.messages import (
    TITLE_LIMIT,
    ExportQuery,
    HistoryQuery,
    LobbyAnswer,
    MovedAnswer,
    NewRoom,
    NewToken,
    PeopleAnswer,
    PeopleQuery,
    RoomAnswer,
    RoomsAnswer,
    RoomsQuery,
    TokenAnswer,
    Vote,
    VotesAnswer,
)
from classroom.http.static import FOR_EVER
from classroom.journal.port import RoomInfo
from classroom.kernel import Rejected
from classroom.rooms.sheets import Moved
from classroom.texts import clean_text


async def create_room(call: Call) -> web.StreamResponse:
    wanted: NewRoom = call.body
    title = wanted.id if wanted.title is UNSET else clean_text(wanted.title, TITLE_LIMIT, "title")
    opened = call.services.auth.open_rooms if wanted.open is UNSET else wanted.open
    info, made = await call.services.journal.create(wanted.id, title, call.services.clock(), open=opened)
    return json(_room(call, info), 201 if made else 200)


async def list_rooms(call: Call) -> web.StreamResponse:
    query: RoomsQuery = call.query
    after = "" if query.after is UNSET else query.after
    rooms = await call.services.journal.rooms(after=after, limit=query.limit)
    following = rooms[-1].id if len(rooms) == query.limit else None
    return json(RoomsAnswer([_room(call, info) for info in rooms], following))


async def get_lobby(call: Call) -> web.StreamResponse:
    info = await call.services.journal.room(call.room)
    if info is None:
        return json(LobbyAnswer(call.room, call.room, open=False, exists=False))
    return json(LobbyAnswer(info.id, info.title, open=_room(call, info).open, exists=True))


async def create_token(call: Call) -> web.StreamResponse:
    wanted: NewToken = call.body
    await _need_room(call)
    sub = None if wanted.sub is UNSET else wanted.sub
    ttl = None if wanted.ttl is UNSET else wanted.ttl
    token = call.services.auth.mint(call.room, wanted.name, wanted.role, sub, ttl)
    return json(TokenAnswer(token, f"{call.services.settings.base_url}/r/{call.room}#token={token}"), 201)


async def get_state(call: Call) -> web.StreamResponse:
    return json(await call.services.state(call.room, call.audience))


async def get_history(call: Call) -> web.StreamResponse:
    query: HistoryQuery = call.query
    await _need_room(call)
    return json(await history(call.services.journal, call.room, call.audience, query.before, query.limit))


async def list_people(call: Call) -> web.StreamResponse:
    query: PeopleQuery = call.query
    people, total = await call.services.people(call.room, query.q, query.after, query.limit)
    following = people[-1].id if len(people) == query.limit else None
    return json(PeopleAnswer(people, total, following))


async def list_votes(call: Call) -> web.StreamResponse:
    votes = await call.services.votes(call.room, call.poll)
    return json(VotesAnswer([Vote(person, ballot.choice, ballot.text) for person, ballot in votes]))


async def get_sheet(call: Call) -> web.StreamResponse:
    try:
        body = await call.services.sheet(call.room, call.page, call.seq)
    except Moved as moved:
        response = json(MovedAnswer(moved.seq), 307)
        query = f"?{call.request.query_string}" if call.request.query_string else ""
        response.headers["Location"] = f"{call.page}@{moved.seq}{query}"
        return response
    headers: dict[str, str] = {hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if "gzip" in call.request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    else:
        body = zlib.decompress(body, 31)
    return _for_ever(call, body, headers)


async def get_board_event(call: Call) -> web.StreamResponse:
    return _for_ever(call, await call.services.board_event(call.room, call.seq), {})


def _for_ever(call: Call, body: bytes, headers: dict[str, str]) -> web.Response:
    """An answer that is the same whenever and by whomever it is asked for."""
    fixed = call.request[ANSWER_HEADERS]
    vary = ", ".join(each for each in (fixed.get(hdrs.VARY), headers.get(hdrs.VARY)) if each)
    call.request[ANSWER_HEADERS] = (
        fixed | headers | {hdrs.CACHE_CONTROL: FOR_EVER} | ({hdrs.VARY: vary} if vary else {})
    )
    return web.Response(body=body, content_type="application/json")


async def export_room(call: Call) -> web.StreamResponse:
    query: ExportQuery = call.query
    await _need_room(call)
    response = web.StreamResponse()
    response.content_type = CONTENT_TYPES[query.format]
    response.charset = "utf-8"
    response.headers.update(call.request[ANSWER_HEADERS])
    response.headers["Content-Disposition"] = f'attachment; filename="{call.room}.{query.format}"'
    pieces = export(call.services.journal, call.room, query.format)
    piece = await anext(pieces, b"")  # what fails at once is still refused in words
    await response.prepare(call.request)
    with bodies.whole(call.request):
        await response.write(piece)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
    return response


async def get_openapi(call: Call) -> web.StreamResponse:
    from classroom.http.openapi import document  # which is made from what is made from this module

    return web.Response(body=document(), content_type="application/json")


def _room(call: Call, info: RoomInfo) -> RoomAnswer:
    opened = info.open and call.services.auth.open_rooms
    return RoomAnswer(id=info.id, title=info.title, open=opened, created_at=info.created_at, head=info.head)


async def _need_room(call: Call) -> None:
    if await call.services.journal.room(call.room) is None:
        raise Rejected("room_not_found", "There is no such room.")
