"""Files of the board over HTTP: images sent and served, documents sent to become pages.

What always holds: a body is read piece by piece and never past its limit; what is served has been written by our own encoders,
bears the type that it has, and cannot act as anything else, wherever it is opened.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from aiohttp import hdrs, web
from msgspec import UNSET, Meta, UnsetType

from classroom.files.desk import PIECE, Desk
from classroom.files.exporting import BOARD_TYPES, BoardFormat
from classroom.files.imports import NAME_LIMIT, Order, Perform
from classroom.files.kinds import need_document, need_image
from classroom.files.port import NotStored, image_name, page_name
from classroom.http import bodies
from classroom.http.calls import ANSWER_HEADERS, BIGGEST_PLACE, Call, json
from classroom.kernel import SYSTEM, Rejected
from classroom.limits import Limits
from classroom.whiteboard.rules import may_draw

DESK = web.AppKey("desk", Desk)
LIMITS = web.AppKey("limits", Limits)
FOR_EVER = "public, max-age=31536000, immutable"
SANDBOX = {"Content-Security-Policy": "default-src 'none'; sandbox"}
SAFE = SANDBOX | {
    hdrs.CACHE_CONTROL: FOR_EVER,
    "Cross-Origin-Resource-Policy": "same-site",
}


class ImportQuery(msgspec.Struct, frozen=True):
    """`name`: what people call the document. `after`: the page that its pages follow; missing: they come last."""

    name: Annotated[str, Meta(max_length=NAME_LIMIT)] = ""
    after: Annotated[int, Meta(ge=0, le=BIGGEST_PLACE)] | UnsetType = UNSET


class BoardQuery(msgspec.Struct, frozen=True):
    """`page`: missing: the whole board where `format` is `pdf`, otherwise the page that the class looks at."""

    format: BoardFormat = "pdf"
    page: Annotated[int, Meta(ge=0, le=BIGGEST_PLACE)] | UnsetType = UNSET


async def upload_image(call: Call) -> web.StreamResponse:
    desk = _desk(call)
    await _need_pen(call)
    _limit(call)
    member = call.member
    student = "" if member is None or member.role.staff else f"{call.room} {member.id}"
    async with desk.receiving(student), desk.borrowed() as folder:
        head = await desk.receive(
            bodies.pieces(call.request, desk.settings.image_bytes), folder / "source", desk.settings.image_bytes
        )
        need_image(head)
        return json(await desk.keep_image(call.room, folder / "source", folder), 201)


async def get_image(call: Call) -> web.StreamResponse:
    return await _serve(call, image_name(call.room, call.file), call.file)


async def get_page_image(call: Call) -> web.StreamResponse:
    return await _serve(call, page_name(call.room, call.file, call.page), f"{call.file}.{call.page}")


async def start_import(call: Call) -> web.StreamResponse:
    desk = _desk(call)
    query: ImportQuery = call.query
    after = None if query.after is UNSET else query.after
    board = await call.services.board(call.room)
    if after is not None and after not in board.pages:
        raise Rejected("not_found", "There is no such page.")
    _limit(call)
    folder = await desk.folder()
    try:
        limit = desk.settings.document_bytes
        async with desk.receiving():
            head = await desk.receive(bodies.pieces(call.request, limit), folder / "source", limit)
        order = Order(call.room, folder / "source", folder, need_document(head), query.name, after)
        started = await desk.imports.start(order, _performing(call))
    except BaseException:
        await desk.give_back(folder)
        raise
    return json(started, 202)


async def export_page(call: Call) -> web.StreamResponse:
    desk = _desk(call)
    query: BoardQuery = call.query
    page = None if query.page is UNSET else query.page
    board = await call.services.board(call.room)
    _limit(call)
    async with desk.borrowed() as folder:
        made = await desk.export(board, call.room, query.format, page, folder)
        response = web.StreamResponse()
        response.content_type = BOARD_TYPES[query.format]
        response.content_length = (await asyncio.to_thread(made.stat)).st_size
        response.headers.update(call.request[ANSWER_HEADERS] | SANDBOX)
        response.headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{call.room}.{query.format}"'
        with await asyncio.to_thread(made.open, "rb") as file:
            await response.prepare(call.request)
            with bodies.whole(call.request):
                while piece := await asyncio.to_thread(file.read, PIECE):
                    await response.write(piece)
                await response.write_eof()
        return response


async def get_import(call: Call) -> web.StreamResponse:
    return json(await _desk(call).imports.get(call.room, call.job))


def _desk(call: Call) -> Desk:
    return call.request.config_dict[DESK]


async def _need_pen(call: Call) -> None:
    """Refuse members who may not draw."""
    board = await call.services.board(call.room)
    if call.member is not None and not may_draw(board, call.member.id, call.member.role):
        raise Rejected("forbidden", "You may not draw on the board.")


def _limit(call: Call) -> None:
    if call.member is not None:
        call.request.config_dict[LIMITS].upload(call.room, call.member.id, call.services.clock())


def _performing(call: Call) -> Perform:
    services, room, member = call.services, call.room, call.member or SYSTEM
    return lambda command: services.submit(room, member, command)


async def _serve(call: Call, name: str, tag: str) -> web.StreamResponse:
    try:
        picture = await _desk(call).shelf.picture(name)
    except NotStored as error:
        raise Rejected("not_found", "There is no such image in this room.") from error
    etag = f'"{tag}"'
    ending = picture.type.partition("/")[2]
    shown = {hdrs.ETAG: etag, hdrs.CONTENT_DISPOSITION: f'inline; filename="{tag[:16]}.{ending}"'}
    call.request[ANSWER_HEADERS] = call.request[ANSWER_HEADERS] | SAFE | shown
    if etag in call.request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=304)
    return web.Response(body=picture.data, content_type=picture.type)
