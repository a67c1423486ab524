"""The little of the HTTP API that a load test asks for: make rooms and tokens, fetch a room's record."""

from __future__ import annotations

import http.client
import json
from typing import Any

from loadtest.wire import Target

TIMEOUT = 120.0


class Failed(Exception):
    """The API answered something else than was asked for. Carries its status and the beginning of its answer."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


def fetch(
    target: Target, method: str, path: str, api_key: str, body: dict[str, Any] | None = None, timeout: float = TIMEOUT
) -> bytes:
    """The answer's body. Raises `Failed`, `OSError`."""
    kind = http.client.HTTPSConnection if target.tls else http.client.HTTPConnection
    connection = kind(target.host, target.port, timeout=timeout)
    try:
        headers = {"X-API-Key": api_key, "Content-Type": "application/json", "Connection": "close"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    if answer.status >= 300:
        raise Failed(
            answer.status, f"{method} {path}: {answer.status} {' '.join(data[:200].decode(errors='replace').split())}"
        )
    return data


def call(
    target: Target, method: str, path: str, api_key: str, body: dict[str, Any] | None = None, timeout: float = TIMEOUT
) -> Any:
    """The answer, decoded."""
    return json.loads(fetch(target, method, path, api_key, body, timeout))
