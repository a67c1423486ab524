"""The log of a class that is over, by page, for who was not there or wants to see it again: as this member may see it.

What always holds: nobody is shown more than `view` lets through; a student is given no words that were taken back or put aside
since, be it that the class saw them then. A page's events are encoded once for all who see the same; those few that a member
sees otherwise are put in their places. A page changes only when something of it is taken back, or the class ends anew.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta

from classroom import wire
from classroom.chat import model as chat
from classroom.doubts import model as doubts
from classroom.doubts.sight import doubt_of
from classroom.http.calls import ANSWER_HEADERS, BIGGEST_PLACE, Call
from classroom.journal.port import Journal
from classroom.kernel import ALL, STAFF, Audience, Rejected, Stored
from classroom.keyed import KeyedLocks
from classroom.rooms import room as rooms
from classroom.rooms.roster.model import ClassEnded
from classroom.wire import Codec

PAGE = 2_000  # places
AT_ONCE = 500  # events read from the journal at once: a few milliseconds of work
KEPT_PAGES = 64
KEPT_ROOMS = 64
LEVEL = 5


class LogQuery(msgspec.Struct, frozen=True):
    after: Annotated[int, Meta(ge=0, le=BIGGEST_PLACE)] = 0


class LogAnswer(msgspec.Struct, frozen=True):
    """`events`: of the 2,000 places behind `after`, what the caller may see. `next`: what to ask `after` with for the page
    that follows; null: the class ended there. `end`: the place at which it ended. `state` and `own`, with the first page:
    what a member of an empty room is told, from which to fold."""

    events: list[dict[str, Any]]
    next: int | None
    end: int
    state: rooms.RoomView | None
    own: rooms.RoomOwn | None


class Known(msgspec.Struct):
    """What is to be known of a log beforehand, as far as place `seq`: where the class ended last (0: it did not), and ids of
    what was taken back: messages, and doubts with who asked them. `changed` counts how often that changed."""

    epoch: str
    seq: int = 0
    end: int = 0
    changed: int = 0
    messages: set[int] = msgspec.field(default_factory=set)
    doubts: dict[int, str | None] = msgspec.field(default_factory=dict)
    promoted: dict[int, int] = msgspec.field(default_factory=dict)

    def learn(self, stored: Stored) -> None:
        """Take the next event of the log."""
        event, self.seq = stored.event, stored.meta.seq
        match event:
            case ClassEnded():
                self.end = self.seq
            case chat.Promoted(id=id):
                self.promoted[self.seq] = id
            case chat.Deleted(id=id):
                self.messages |= {id, self.promoted.get(id, id)}
                self.changed += 1
            case doubts.Dismissed(id=id, by=by) | doubts.Withdrawn(id=id, by=by):
                self.doubts[id] = by
                self.changed += 1
            case doubts.Published(id=id) if id in self.doubts:
                del self.doubts[id]  # opened again
                self.changed += 1
            case _:
                pass

    def hides(self, stored: Stored, me: str) -> bool:
        """Whether the student `me` ("": any) is not to be shown this any more."""
        match stored.event:
            case chat.Said():
                return stored.meta.seq in self.messages
            case chat.Promoted(id=id):
                return id in self.messages or stored.meta.seq in self.messages
            case chat.Edited(id=id) | chat.Reacted(id=id) | chat.Pinned(id=id):
                return id in self.messages
            case event:
                gone = doubt_of(event, stored.meta.seq)
                return gone in self.doubts and not (me and self.doubts[gone] == me)

    def asker(self, stored: Stored) -> str | None:
        """Who alone is shown this, being about a doubt of theirs that the others are not shown any more."""
        return self.doubts.get(doubt_of(stored.event, stored.meta.seq))


class Made(msgspec.Struct):
    """A page as a kind of audience sees it. `items`: by place, None where nothing is shown. `special`: whose view of which
    items is another; `events`: those items' events. `packed`: the answer for all others, in gzip."""

    changed: int
    upto: int
    items: list[bytes | None] = []
    special: dict[str, list[int]] = {}
    events: dict[int, Stored] = {}
    packed: bytes = b""


class Pasts:
    """The logs that were asked for here lately."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._pages: OrderedDict[tuple[str, Audience, int], Made] = OrderedDict()
        self._locks = KeyedLocks()

    async def page(self, room: str, audience: Audience, after: int) -> bytes:
        """The answer (`LogAnswer`) in gzip. Raises `Rejected`: "room_not_found", "not_over"; `Unavailable`."""
        # One at a time for each room: a class that comes all at once asks for the same pages.
        async with self._locks.hold(room):
            known = await self._learn(room)
            if known.end == 0:
                raise _not_over()
            made = await self._made(room, known, STAFF if audience.sees_all else ALL, after)
            mine = made.special.get(audience.member)
            if mine is None:
                made.packed = made.packed or await _answer(made, made.items, after, known.end, audience)
                return made.packed
            items = list(made.items)
            for index in mine:
                items[index] = _item(made.events[index], audience, known)
        return await _answer(made, items, after, known.end, audience)

    async def _learn(self, room: str) -> Known:
        """Know the log up to its head."""
        info = await self._journal.room(room)
        if info is None:
            raise Rejected("room_not_found", "There is no such room.")
        known = self._known.get(room)
        if known is None or known.epoch != info.epoch:
            known = Known(info.epoch)
        self._known[room] = known
        self._known.move_to_end(room)
        while len(self._known) > KEPT_ROOMS:
            self._known.popitem(last=False)
        while known.seq < info.head and (events := await self._journal.read(room, known.seq, AT_ONCE)):
            for stored in events:
                known.learn(stored)
        return known

    async def _made(self, room: str, known: Known, kind: Audience, after: int) -> Made:
        key = (f"{room} {known.epoch}", kind, after)
        upto = min(after + PAGE, known.end)
        made = self._pages.get(key)
        if made is None or (made.changed, made.upto) != (known.changed, upto):
            made = Made(known.changed, upto)
            at = after
            while at < upto and (events := await self._journal.read(room, at, min(AT_ONCE, upto - at))):
                for stored in events:
                    _take(made, stored, kind, known)
                at = events[-1].meta.seq
            self._pages[key] = made
        self._pages.move_to_end(key)
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return made


def _take(made: Made, stored: Stored, kind: Audience, known: Known) -> None:
    """Put the next event into its page."""
    index = len(made.items)
    made.items.append(_item(stored, kind, known))
    concerned = set(rooms.addressees(stored.event))
    if not kind.sees_all and (asker := known.asker(stored)) is not None:
        concerned.add(asker)
    for member in concerned:
        made.special.setdefault(member, []).append(index)
        made.events[index] = stored


def _item(stored: Stored, audience: Audience, known: Known) -> bytes | None:
    if not audience.sees_all and known.hides(stored, audience.member):
        return None
    shown = rooms.view(stored.event, audience)
    return None if shown is None else wire.item(Codec.JSON, stored.meta, shown)


async def _answer(made: Made, items: Sequence[bytes | None], after: int, end: int, audience: Audience) -> bytes:
    """A `LogAnswer` of what is encoded already."""
    seen = wire.join(Codec.JSON, [item for item in items if item is not None])
    following = b"null" if made.upto >= end else b"%d" % made.upto
    state = own = b"null"
    if after == 0:
        empty, nobody = rooms.Room(), Audience(audience.kind)
        state, own = (msgspec.json.encode(part) for part in (rooms.show(empty, nobody), rooms.own(empty, nobody)))
    parts = (
        b'{"events":',
        seen,
        b',"next":',
        following,
        b',"end":%d' % end,
        b',"state":',
        state,
        b',"own":',
        own,
        b"}",
    )
    return await asyncio.to_thread(_gzip, b"".join(parts))


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


PASTS = web.AppKey("pasts", Pasts)


async def get_log(call: Call) -> web.StreamResponse:
    query: LogQuery = call.query
    packed = await call.request.config_dict[PASTS].page(call.room, call.audience, query.after)
    # The same page for the same member is the same until something is taken back, which only we know.
    etag = f'"{sha256(packed).hexdigest()[:20]}"'
    fixed = call.request[ANSWER_HEADERS]
    vary = ", ".join(each for each in (fixed.get(hdrs.VARY), hdrs.AUTHORIZATION, hdrs.ACCEPT_ENCODING) if each)
    headers = fixed | {hdrs.CACHE_CONTROL: "private, no-cache", hdrs.ETAG: etag, hdrs.VARY: vary}
    call.request[ANSWER_HEADERS] = headers
    if etag in call.request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=304)
    if "gzip" not in call.request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        return web.Response(body=zlib.decompress(packed, 31), content_type="application/json")
    call.request[ANSWER_HEADERS] = headers | {hdrs.CONTENT_ENCODING: "gzip"}
    return web.Response(body=packed, content_type="application/json")


def _not_over() -> Rejected:
    return Rejected(
        "not_over", "The class has not ended yet. What was said and done is shown after it.", temporary=True
    )
