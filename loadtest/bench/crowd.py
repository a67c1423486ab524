"""A crowd: thousands of members in one process, who join and then count what comes without reading it.

What always holds: each is a real WebSocket with a real Socket.IO handshake; pings are answered; a frame is counted when
it begins like an `events` packet, or is deflated. One `epoll`, no event loop: a frame costs a few microseconds here.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

from loadtest.bench import frames

AT_ONCE = 64  # handshakes under way at once
DEFLATED = 0x40  # a frame's bit that says so (RFC 7692, section 6)
NAP = 0.02  # seconds between two looks while counting
GREETED = {
    codec: tuple(frames.event_marker(codec, name) for name in ("welcome", "resumed")) for codec in ("json", "msgpack")
}


class Member:
    __slots__ = ("codec", "index", "joined", "rest", "socket", "state", "upgraded")

    def __init__(self, index: int, sock: socket.socket, codec: str) -> None:
        self.index = index
        self.socket = sock
        self.codec = codec
        self.rest = b""
        self.upgraded = False
        self.joined = False
        self.state: Any = None


class Crowd:
    """`does`: what it can be asked, by name; each calls `self.say` with its answer, at once or later."""

    def __init__(self) -> None:
        self.members: dict[int, Member] = {}
        self.counted = 0
        self.bytes = 0
        self.lost = 0
        self.does: dict[str, Callable[..., None]] = {
            "connect": self.connect,
            "until": self.until,
            "count": self.count,
            "leave": self.leave,
        }
        self._poll = select.epoll()
        self._poll.register(0, select.EPOLLIN)
        self._asked = b""
        self._goal: Callable[[], bool] | None = None
        self._due: deque[dict[str, Any]] = deque()
        self._joining = 0
        self._joined = 0
        self._errors: list[str] = []
        self._port = 0
        self._markers: dict[str, bytes] = {c: frames.event_marker(c, "events") for c in ("json", "msgpack")}
        self._plain = False
        self._deflate = ""
        self._counting = False

    # --- what it can be asked ---------------------------------------------------------------------------------------

    def connect(
        self,
        port: int,
        count: int,
        auth: dict[str, Any] | None = None,
        codec: str = "json",
        first: int = 0,
        plain: bool = False,
        deflate: str = "",
    ) -> None:
        """Have `count` members come in. `plain`: the server sends no welcome, so CONNECT's answer is all; `deflate`: what is
        offered of that."""
        self._port, self._plain, self._deflate = port, plain, deflate
        for index in range(first, first + count):
            hello = auth
            if auth is not None and not plain:
                hello = {"v": 1, "name": f"Student {index}", "client": f"device-{index}", **auth}
            self._due.append({"index": index, "auth": hello or {}, "codec": codec})
        wanted = self._joined + count
        begun = time.monotonic()

        def done() -> bool:
            self._begin_some()
            if self._errors:
                self.say({"error": f"{len(self._errors)} could not come in: {self._errors[0]}"})
                return True
            if self._joined < wanted:
                return False
            self.say({"seconds": time.monotonic() - begun})
            return True

        self._goal = done

    def until(self, counted: int, timeout: float = 30) -> None:
        """Answer when `counted` frames have come in all, or after `timeout` seconds, with how many there are."""
        limit = time.monotonic() + timeout
        self._counting = True

        def done() -> bool:
            if self.counted < counted and time.monotonic() < limit:
                return False
            self._counting = False
            self.count()
            return True

        self._goal = done

    def count(self) -> None:
        self.say({"counted": self.counted, "bytes": self.bytes, "members": self._joined, "lost": self.lost})

    def leave(self) -> None:
        """Everybody goes."""
        for member in list(self.members.values()):
            self._drop(member)
        self._joined = 0
        self.say({})

    # --- how ----------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until standard input ends."""
        self.say({})
        while True:
            if self._counting:
                # A reader on the same machine who waits for each frame is woken for each frame, at the server's cost.
                time.sleep(NAP)
            for fd, _ in self._poll.poll(0.05, 8_192):
                if fd == 0:
                    if not self._listen():
                        return
                else:
                    self._read(self.members[fd])
            if self._goal is not None and self._goal():
                self._goal = None

    def say(self, answer: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    def received(self, member: Member, data: bytes, start: int, end: int, deflated: bool) -> None:
        """A frame for a member who is in."""
        if deflated or data.startswith(self._markers[member.codec], start):
            self.counted += 1
            self.bytes += end - start

    def _listen(self) -> bool:
        data = os.read(0, 1 << 20)
        self._asked += data
        while b"\n" in self._asked:
            line, _, self._asked = self._asked.partition(b"\n")
            values = json.loads(line)
            self.does[values.pop("op")](**values)
        return bool(data)

    def _begin_some(self) -> None:
        while self._due and self._joining < AT_ONCE:
            due = self._due.popleft()
            sock = socket.create_connection(("127.0.0.1", self._port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            member = Member(due["index"], sock, due["codec"])
            member.state = due["auth"]
            self.members[sock.fileno()] = member
            self._poll.register(sock.fileno(), select.EPOLLIN)
            sock.send(frames.handshake(self._port, member.codec, self._deflate, member.state.get("room", "")))
            self._joining += 1

    def _read(self, member: Member) -> None:
        try:
            data = member.socket.recv(262_144)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.lost += 1
            if not member.joined:
                self._errors.append("the connection was closed")
            self._drop(member)
            return
        if member.rest:
            data = member.rest + data
        at = 0
        if not member.upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                member.rest = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self._errors.append(data[:end].decode(errors="replace"))
            member.upgraded = True
            at = end + 4
        while True:
            start, end = frames.bounds(data, at)
            if not end:
                break
            if end - start == 1 and data[start] == 0x32:
                member.socket.send(frames.PONG)
            elif member.joined:
                self.received(member, data, start, end, bool(data[at] & DEFLATED))
            else:
                self._greet(member, data[start:end], bool(data[at] & DEFLATED))
            at = end
        member.rest = data[at:]

    def _greet(self, member: Member, payload: bytes, deflated: bool) -> None:
        if deflated:
            payload = zlib.decompressobj(-zlib.MAX_WBITS).decompress(payload + b"\0\0\xff\xff")
        if payload.startswith(b"0{"):
            member.socket.send(frames.connect(member.codec, member.state))
        elif payload.startswith(b"40{" if self._plain else GREETED[member.codec]):
            member.joined = True
            member.state = None
            self._joining -= 1
            self._joined += 1
        elif payload.startswith(b"44") or b"\xa4type\x04" in payload[:12]:
            self._errors.append(payload.decode(errors="replace"))

    def _drop(self, member: Member) -> None:
        del self.members[member.socket.fileno()]
        member.socket.close()


if __name__ == "__main__":
    Crowd().run()
