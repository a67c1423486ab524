"""The API in one table, from which both the routes and the OpenAPI document are made."""

from __future__ import annotations

from classroom.export import CONTENT_TYPES
from classroom.http import operations
from classroom.http.calls import Access, Operation
from classroom.http.history import History
from classroom.http.messages import (
    ExportQuery,
    HistoryQuery,
    LobbyAnswer,
    NewRoom,
    NewToken,
    PeopleAnswer,
    PeopleQuery,
    RoomAnswer,
    RoomsAnswer,
    RoomsQuery,
    TokenAnswer,
    VotesAnswer,
)
from classroom.rooms.room import RoomView

TABLE: tuple[Operation, ...] = (
    Operation(
        id="createRoom",
        method="POST",
        path="/rooms",
        summary="Make a room, or find it as it is",
        access=Access.KEY,
        handler=operations.create_room,
        body=NewRoom,
        answers={201: RoomAnswer, 200: RoomAnswer},
    ),
    Operation(
        id="listRooms",
        method="GET",
        path="/rooms",
        summary="Rooms by id, a page at a time",
        access=Access.KEY,
        handler=operations.list_rooms,
        query=RoomsQuery,
        answers={200: RoomsAnswer},
    ),
    Operation(
        id="getLobby",
        method="GET",
        path="/rooms/{room}",
        summary="What a lobby needs to know of a room",
        access=Access.PUBLIC,
        handler=operations.get_lobby,
        answers={200: LobbyAnswer},
    ),
    Operation(
        id="createToken",
        method="POST",
        path="/rooms/{room}/tokens",
        summary="Make a join token for one member of the room",
        access=Access.KEY,
        handler=operations.create_token,
        body=NewToken,
        answers={201: TokenAnswer},
    ),
    Operation(
        id="getState",
        method="GET",
        path="/rooms/{room}/state",
        summary="The room as the caller may see it",
        access=Access.MEMBER,
        handler=operations.get_state,
        answers={200: RoomView},
    ),
    Operation(
        id="getHistory",
        method="GET",
        path="/rooms/{room}/history",
        summary="A page of the chat's past, as it stands today",
        access=Access.MEMBER,
        handler=operations.get_history,
        query=HistoryQuery,
        answers={200: History},
    ),
    Operation(
        id="listPeople",
        method="GET",
        path="/rooms/{room}/people",
        summary="The room's members, searched and by page",
        access=Access.STAFF,
        handler=operations.list_people,
        query=PeopleQuery,
        answers={200: PeopleAnswer},
    ),
    Operation(
        id="listVotes",
        method="GET",
        path="/rooms/{room}/polls/{poll}/votes",
        summary="Who voted what in a named poll",
        access=Access.STAFF,
        handler=operations.list_votes,
        answers={200: VotesAnswer},
    ),
    Operation(
        id="exportRoom",
        method="GET",
        path="/rooms/{room}/export",
        summary="The room's whole record",
        access=Access.STAFF,
        handler=operations.export_room,
        query=ExportQuery,
        answers={200: None},
        media=tuple(CONTENT_TYPES.values()),
    ),
    Operation(
        id="getOpenApi",
        method="GET",
        path="/openapi.json",
        summary="This document",
        access=Access.PUBLIC,
        handler=operations.get_openapi,
        answers={200: dict},
    ),
)
