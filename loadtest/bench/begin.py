"""What it costs that many small classes begin: two workers, 50 classes a second.

A class is opened by its teacher, who comes in with a token and at once starts it; then students come, each into another class.
Each figure is what all processes of the server use, Redis among them, and nothing else is done meanwhile: who came and how many
there are is told within a second, and counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest import api, wire
from loadtest.bench import frames
from loadtest.bench.child import Child
from loadtest.bench.classes import ANSWER
from loadtest.bench.crowd import Crowd, Member
from loadtest.bench.stage import Say
from loadtest.bench.table import Row
from loadtest.server import Server

CLASSES = 400
A_SECOND = 50  # classes that are opened
SIZE = 5  # students of a class
STUDENTS_A_SECOND = 250
WORKERS = 2
SETTLE = 8.0  # seconds until it is known who came
IDLE = 5.0  # seconds in which it is seen what the same rooms take when nobody comes


class Arrivals(Crowd):
    """Members who come at a rate, whatever becomes of those before; teachers say something at once."""

    def __init__(self) -> None:
        super().__init__()
        self.does["come"] = self.come
        self._began: dict[int, float] = {}
        self._answers: list[float] = []
        self._welcomes: list[float] = []

    def come(self, port: int, auths: list[dict[str, Any]], first: int, rate: float) -> None:
        """One after the other, `rate` a second; those with a token start their class. Answers when all are in and have their
        answers, with the milliseconds of each: to the welcome from the connection, and to the answer from the command."""
        self._port = port
        self._answers, self._welcomes = [], []
        begun, came = time.monotonic(), 0
        answers = sum("token" in auth for auth in auths)

        def done() -> bool:
            nonlocal came
            while came < len(auths) and begun + came / rate <= time.monotonic():
                hello = {"v": 1, "name": f"Student {first + came}", "client": f"device-{first + came}", **auths[came]}
                self._due.append({"index": first + came, "auth": hello, "codec": "json"})
                self._began[first + came] = time.monotonic()
                came += 1
            self._begin_some()
            if self._errors:
                self.say({"error": self._errors[0]})
                return True
            if len(self._welcomes) < len(auths) or len(self._answers) < answers:
                return False
            self.say({"welcomes": sorted(self._welcomes), "answers": sorted(self._answers)})
            return True

        self._goal = done

    def _greet(self, member: Member, payload: bytes, deflated: bool) -> None:
        teaches = member.state is not None and "token" in member.state
        super()._greet(member, payload, deflated)
        if member.joined:
            now = time.monotonic()
            self._welcomes.append((now - self._began[member.index]) * 1_000)
            if teaches:
                self._began[member.index] = now
                member.socket.send(frames.command("json", 1, {"cid": "1", "type": "class.start"}))

    def received(self, member: Member, data: bytes, start: int, end: int, deflated: bool) -> None:
        if data.startswith(ANSWER, start):
            packet = data[start:end]
            if not json.loads(packet[packet.index(b"[") :])[0]["ok"]:
                self._errors.append(packet.decode())
            self._answers.append((time.monotonic() - self._began[member.index]) * 1_000)


def run(say: Say) -> Iterator[Row]:
    with TemporaryDirectory(prefix="classroom-bench-") as folder, Child.python("loadtest.bench.begin") as arrivals:
        server = Server(Path(folder), WORKERS, CLASSROOM_ROOMS_JOINS_PER_SECOND="100000")
        try:
            rooms = [f"class-{number}" for number in range(CLASSES)]
            teachers = [{"room": room, "token": _token(server, room)} for room in rooms]
            students = [{"room": room} for _ in range(SIZE) for room in rooms]
            warm = [{"room": room, "token": _token(server, room)} for room in (f"warm-{n}" for n in range(50))]
            _come(server, arrivals, warm, 1_000_000, A_SECOND)
            opened, told = _come(server, arrivals, teachers, 0, A_SECOND)
            say(f"{CLASSES} classes opened: {opened / CLASSES * 1e3:.2f} ms of CPU each")
            joined, came = _come(server, arrivals, students, CLASSES, STUDENTS_A_SECOND)
            say(f"{len(students)} students came: {joined / len(students) * 1e6:.0f} µs of CPU each")
        finally:
            server.close()
    yield Row(f"a class opened and started, of {A_SECOND} a second", opened / CLASSES * 1e3, "ms of CPU")
    yield Row("… its teacher's welcome, p99", _p99(told["welcomes"]), "ms")
    yield Row("… the answer to the first command, median", told["answers"][len(told["answers"]) // 2], "ms")
    yield Row("… the answer to the first command, p99", _p99(told["answers"]), "ms")
    yield Row("a student comes into one of them", joined / len(students) * 1e6, "µs of CPU")
    yield Row("… the welcome, p99", _p99(came["welcomes"]), "ms")


def _token(server: Server, room: str) -> str:
    """Make a class; its teacher's token."""
    target = wire.Target(server.url)
    api.call(target, "POST", "/api/rooms", server.api_key, {"id": room, "title": room, "open": True})
    teacher = {"name": "Teacher", "role": "instructor", "sub": "teacher"}
    return str(api.call(target, "POST", f"/api/rooms/{room}/tokens", server.api_key, teacher)["token"])


def _come(
    server: Server, arrivals: Child, auths: list[dict[str, Any]], first: int, rate: float
) -> tuple[float, dict[str, Any]]:
    """Seconds of CPU that the coming took, and how long each waited."""
    time.sleep(2.0)
    begun, cpu = time.monotonic(), server.cpu()
    told = arrivals.ask("come", port=server.port, auths=auths, first=first, rate=rate, timeout=120)
    time.sleep(SETTLE)
    took, used = time.monotonic() - begun, server.cpu() - cpu
    begun, cpu = time.monotonic(), server.cpu()
    time.sleep(IDLE)
    return used - took * (server.cpu() - cpu) / (time.monotonic() - begun), told


def _p99(times: list[float]) -> float:
    return times[len(times) * 99 // 100]


if __name__ == "__main__":
    Arrivals().run()
