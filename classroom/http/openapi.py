"""The API's description (OpenAPI 3.1), made from the table that the routes are made from and the structs they use."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from classroom import __version__
from classroom.auth import ROOM_PATTERN
from classroom.files.imports import IMPORT_PATTERN
from classroom.files.port import HASH_PATTERN
from classroom.http.calls import BIGGEST_PLACE, Access, Operation
from classroom.http.problems import Problem
from classroom.http.table import TABLE

DESCRIPTION = (
    "Rooms, join tokens, and what a room holds. A refusal is always JSON: a stable code, a sentence, and whether trying "
    "the same again may succeed. What happens live in a room travels by Socket.IO; see PROTOCOL.md."
)
REFERENCE = "#/components/schemas/{name}"
SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.PUBLIC: [],
    Access.MEMBER: [{"token": []}, {"key": []}],
    Access.CONTENT: [{"content": []}, {"token": []}, {"key": []}],
    Access.STAFF: [{"token": []}, {"key": []}],
    Access.KEY: [{"key": []}],
}
PARAMETERS = {
    "room": {"type": "string", "pattern": ROOM_PATTERN},
    "poll": {"type": "integer", "minimum": 1, "maximum": BIGGEST_PLACE},
    "page": {"type": "integer", "minimum": 0, "maximum": BIGGEST_PLACE},
    "seq": {"type": "integer", "minimum": 0, "maximum": BIGGEST_PLACE},
    "file": {"type": "string", "pattern": HASH_PATTERN},
    "import": {"type": "string", "pattern": IMPORT_PATTERN},
}
MEANINGS = {
    200: "Done",
    201: "Made",
    202: "It will be done; ask again",
    307: "It is at another address",
    400: "The request is not right",
    401: "No credentials, or not valid ones",
    403: "Not allowed with these credentials",
    404: "There is no such thing",
    409: "Not now, as things stand",
    413: "The body is too large",
    415: "The body is not of the right kind",
    429: "Too many requests from this address",
    503: "Not possible just now",
}


@cache
def document() -> bytes:
    """The document, as JSON."""
    types = [kind for operation in TABLE for kind in (*operation.answers.values(), operation.body) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template=REFERENCE)
    shapes = dict(zip([*types, Problem], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in TABLE:
        paths.setdefault("/api" + operation.path, {})[operation.method.lower()] = _operation(operation, shapes)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Classroom", "version": __version__, "description": DESCRIPTION},
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "A join token of the room, or the `pass` of a welcome",
                    },
                    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                    "content": {
                        "type": "apiKey",
                        "in": "query",
                        "name": "key",
                        "description": "The `key` of a welcome",
                    },
                },
            },
        }
    )


def _operation(operation: Operation, shapes: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "security": SECURITY[operation.access],
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation.query)],
        "responses": {str(status): _success(operation, status, shapes) for status in operation.answers},
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": shapes[operation.body]}},
        }
    if operation.takes:
        file = {"schema": {"type": "string", "format": "binary"}}
        described["requestBody"] = {"required": True, "content": dict.fromkeys(operation.takes, file)}
    problem = {"application/json": {"schema": shapes[Problem]}}
    for status in _refusals(operation):
        described["responses"][str(status)] = {"description": MEANINGS[status], "content": problem}
    return described


def _success(operation: Operation, status: int, shapes: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    kind = operation.answers[status]
    content = {media: {"schema": shapes[kind] if kind is not None else _bare(media)} for media in operation.media}
    return {"description": MEANINGS[status], "content": content}


def _bare(media: str) -> dict[str, Any]:
    """What is to be said of an answer that is no struct of ours."""
    return {"type": "object" if media.endswith("+json") else "string"}


def _refusals(operation: Operation) -> list[int]:
    statuses = {400, 429, 503, *operation.refusals}
    if operation.access is not Access.PUBLIC:
        statuses.add(401)
        if "{room}" in operation.path:
            statuses.add(404)
    if operation.access in (Access.MEMBER, Access.CONTENT, Access.STAFF):
        statuses.add(403)
    if operation.body is not None or operation.takes:
        statuses |= {413, 415}
    return sorted(statuses)


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": PARAMETERS[name]}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(kind: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    if kind is None:
        return []
    _, components = msgspec.json.schema_components([kind], ref_template=REFERENCE)
    properties = components[kind.__name__]["properties"]
    return [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()]
