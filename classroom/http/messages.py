"""What the API is asked with and answers with. The ranges and patterns here are checked, and stand in the document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from classroom.auth import ROOM_PATTERN
from classroom.export import Format
from classroom.http.calls import BIGGEST_PLACE
from classroom.http.history import PAGE_LIMIT
from classroom.rooms.roster.model import PersonView
from classroom.texts import NAME_LIMIT, VISIBLE

TITLE_LIMIT = 200
LONGEST_TOKEN = 366 * 24 * 3_600  # seconds
# Something that is seen: not only spaces, control characters and marks of direction.
MEMBER_PATTERN = r"^(?!guest:|system$)[!-~]([ -~]{0,62}[!-~])?$"

RoomId = Annotated[str, Meta(pattern=ROOM_PATTERN)]


class NewRoom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A room to make. `title` missing: the id. `open` missing: as the server's `auth.open_rooms`."""

    id: RoomId
    title: Annotated[str, Meta(max_length=TITLE_LIMIT, pattern=VISIBLE)] | UnsetType = UNSET
    open: bool | UnsetType = UNSET


class RoomAnswer(msgspec.Struct, frozen=True):
    """A room. `open`: a name suffices to come in as a student. `head`: the last place in its log. `created_at`:
    milliseconds since 1970."""

    id: str
    title: str
    open: bool
    created_at: int
    head: int


class RoomsQuery(msgspec.Struct, frozen=True):
    after: RoomId | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100


class RoomsAnswer(msgspec.Struct, frozen=True):
    """`next`: what to ask `after` with for the next page; null: this is the last one."""

    rooms: list[RoomAnswer]
    next: str | None


class LobbyAnswer(msgspec.Struct, frozen=True):
    """What a lobby needs before anybody comes in. `open`: a name suffices."""

    id: str
    title: str
    open: bool
    exists: bool


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A join token to make. `sub`: the member's id, the same for the same person; missing: a new member. `ttl`: seconds
    that it is good for; missing: as the server's `auth.token_seconds`."""

    name: Annotated[str, Meta(max_length=NAME_LIMIT, pattern=VISIBLE)]
    role: Literal["instructor", "assistant", "student"]
    sub: Annotated[str, Meta(pattern=MEMBER_PATTERN)] | UnsetType = UNSET
    ttl: Annotated[int, Meta(ge=1, le=LONGEST_TOKEN)] | UnsetType = UNSET


class TokenAnswer(msgspec.Struct, frozen=True):
    """`url` enters the room with the token, which stands in the fragment and so never reaches a server's log."""

    token: str
    url: str


class HistoryQuery(msgspec.Struct, frozen=True):
    before: Annotated[int, Meta(ge=1, le=BIGGEST_PLACE)] = BIGGEST_PLACE
    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] = 50


class PeopleQuery(msgspec.Struct, frozen=True):
    q: Annotated[str, Meta(max_length=NAME_LIMIT)] = ""
    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100


class PeopleAnswer(msgspec.Struct, frozen=True):
    """`total`: how many match. `next`: what to ask `after` with for the next page; null: this is the last one."""

    people: list[PersonView]
    total: int
    next: str | None


class Vote(msgspec.Struct, frozen=True):
    """Who voted what: indexes of options, or points of a rating (`choice`), or `text`."""

    person: PersonView
    choice: tuple[int, ...]
    text: str | None


class VotesAnswer(msgspec.Struct, frozen=True):
    votes: list[Vote]


class ContentQuery(msgspec.Struct, frozen=True):
    """`key`: the room's content key, from the `welcome`; missing: the caller has other credentials."""

    key: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET


class SheetAnswer(msgspec.Struct, frozen=True):
    """`elements` as of an earlier place, and the `events` since that change them, up to the place `seq`."""

    page: int
    elements: list[dict[str, Any]]
    events: list[dict[str, Any]]
    seq: int


class MovedAnswer(msgspec.Struct, frozen=True):
    """The page is at the place `seq`."""

    seq: int


class ExportQuery(msgspec.Struct, frozen=True):
    format: Format = "jsonl"
