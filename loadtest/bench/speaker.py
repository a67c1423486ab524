"""One member who speaks and waits for each answer: a blocking Socket.IO client over WebSocket, JSON."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Iterable
from typing import Any, Self

from loadtest.bench import frames

_names = itertools.count()


class Speaker:
    """Comes in on construction. `welcome`: what the server sent (or `resumed`); `waited`: seconds from CONNECT to it.

    Raises `ConnectionError` with the server's words when it is refused, `TimeoutError`.
    """

    def __init__(self, port: int, auth: dict[str, Any]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(frames.handshake(port, room=auth.get("room", "")))
        self._data = b""
        while b"\r\n\r\n" not in self._data:
            self._more()
        self._data = self._data.partition(b"\r\n\r\n")[2]
        self._ids = itertools.count()
        self._cids = f"speaker{next(_names)}"
        while not self._next().startswith(b"0{"):
            pass
        begun = time.perf_counter()
        self._socket.sendall(frames.connect("json", auth))
        while True:
            payload = self._next()
            if payload.startswith(b"44"):
                raise ConnectionError(payload.decode())
            if payload.startswith((b'42["welcome"', b'42["resumed"')):
                break
        self.waited = time.perf_counter() - begun
        self.welcome: dict[str, Any] = json.loads(payload[2:])[1]

    def command(self, type: str, **fields: Any) -> int:
        """Give a command and wait until it is kept; the place of its event. Raises `RuntimeError` when it is refused."""
        return self.commands([{"type": type, **fields}])[0]

    def commands(self, bodies: Iterable[dict[str, Any]]) -> list[int]:
        """The same for several that are given at once."""
        wanted = []
        for body in bodies:
            id = next(self._ids)
            wanted.append(id)
            self._socket.sendall(frames.command("json", id, {"cid": f"{self._cids}-{id}", **body}))
        answers: dict[int, dict[str, Any]] = {}
        while len(answers) < len(wanted):
            payload = self._next()
            if payload.startswith(b"43"):
                id, _, rest = payload[2:].partition(b"[")
                answers[int(id)] = json.loads(b"[" + rest)[0]
        refused = [a for a in answers.values() if not a["ok"]]
        if refused:
            raise RuntimeError(f"refused: {refused[0]}")
        return [answers[id]["seq"] for id in wanted]

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> bytes:
        while True:
            start, end = frames.bounds(self._data, 0)
            if end:
                payload, self._data = self._data[start:end], self._data[end:]
                if payload == b"2":
                    self._socket.sendall(frames.PONG)
                    continue
                return payload
            self._more()

    def _more(self) -> None:
        data = self._socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._data += data
