"""What many small classes cost beside a large one: the same members at the same two workers, told the same number of frames.

Each member of a class hears what one of it says: in a hundred classes of 25 a hundred messages a second are as many frames as
one message a second in a class of 2,500. What a class costs in which nobody says anything is measured by itself, and the
answers to pings are in it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from loadtest import api, pen, wire
from loadtest.bench import frames
from loadtest.bench.child import Child
from loadtest.bench.crowd import Crowd, Member
from loadtest.bench.speaker import Speaker
from loadtest.bench.stage import Say
from loadtest.bench.table import Row
from loadtest.server import Server

SIZE = 25
CLASSES = 100
SECONDS = 12.0
SETTLE = 12.0  # seconds until it is known who came, and that the teachers went
WORKERS = 2
POLL = {"question": "Which one?", "kind": "single", "options": ["one", "two"], "changeable": True}
ANSWER = b"43"
DRAWN = 4.0  # strokes a second in all classes together


class Pupils(Crowd):
    """Members on the default parser, of which one after the other says something."""

    def __init__(self) -> None:
        super().__init__()
        self.does["speak"] = self.speak
        self.answered = 0
        self._number = 0
        self.does["draw"] = self.draw

    def speak(self, seconds: float, rate: float, body: dict[str, Any], polls: list[int], size: int) -> None:
        """For `seconds`, `rate` commands a second, each by a member of another class; answers when all are acknowledged, or
        late. `polls`: of each class of `size`, which is open."""
        begun = time.monotonic()
        first, kept = self._number, self.answered
        everybody = [member for member in self.members.values() if member.index >= 0]

        def done() -> bool:
            now = time.monotonic() - begun
            while self._number - first < min(now, seconds) * rate:
                member = everybody[self._number * 1_013 % len(everybody)]  # from class to class
                self._number += 1
                vote = {"id": polls[member.index // size], "choice": [self._number % 2]}
                said = {"cid": f"{self._number:x}", **body, **(vote if body["type"] == "poll.vote" else {})}
                member.socket.send(frames.command("json", self._number, said))
            if now < seconds or (self.answered - kept < self._number - first and now < seconds + 10):
                return False
            self.say({"said": self._number - first, "kept": self.answered - kept})
            return True

        self._goal = done

    def draw(self, seconds: float, strokes: float) -> None:
        """For `seconds`, `strokes` a second of handwriting, each by the teacher of another class; answers how many pieces of ink
        that was once they are drawn."""
        teachers = [member for member in self.members.values() if member.index < 0]
        dice, begun = Random(5), time.monotonic()
        drawn = [pen.stroke(dice, number) for number in range(round(seconds * strokes))]
        due = sorted(
            (number / strokes + at * pen.EVERY, number, at)
            for number, stroke in enumerate(drawn)
            for at in range(pen.PIECES)
        )
        sent = 0

        def done() -> bool:
            nonlocal sent
            now = time.monotonic() - begun
            while sent < len(due) and due[sent][0] <= now:
                _, number, at = due[sent]
                socket = teachers[number % len(teachers)].socket
                socket.send(frames.signal("json", {"type": "board.ink", **drawn[number].pieces[at]}))
                sent += 1
            if sent < len(due):
                return False
            self.say({"pieces": sent})
            return True

        self._goal = done

    def received(self, member: Member, data: bytes, start: int, end: int, deflated: bool) -> None:
        if data.startswith(ANSWER, start):
            packet = data[start:end]
            if not json.loads(packet[packet.index(b"[") :])[0]["ok"]:
                raise RuntimeError(packet.decode())
            self.answered += 1
        else:
            self.counted += 1


def run(say: Say) -> Iterator[Row]:
    small = _measure(say, CLASSES, SIZE)
    large = _measure(say, 1, CLASSES * SIZE)
    peer = f"one class of {CLASSES * SIZE:,}"
    yield Row(
        f"{CLASSES} classes of {SIZE}, nothing said", small["idle"], "% of a core", peer, small["idle"] / large["idle"]
    )
    yield Row("… a message", small["message"], "µs/frame", peer, small["message"] / large["message"])
    yield Row("… a message, from command to frames", small["command"], "µs")
    yield Row("… a vote", small["vote"], "µs")
    yield Row("… a piece of ink, as it comes in each", small["ink"], "µs/frame", peer, small["ink"] / large["ink"])


def _measure(say: Say, classes: int, size: int) -> dict[str, float]:
    with TemporaryDirectory(prefix="classroom-bench-") as folder, Child.python("loadtest.bench.classes") as pupils:
        server = Server(
            Path(folder),
            WORKERS,
            CLASSROOM_ROOMS_JOINS_PER_SECOND="100000",
            CLASSROOM_LIMITS_COMMAND_RATE="1000",
            CLASSROOM_LIMITS_SIGNAL_RATE="1000",
        )
        try:
            target = wire.Target(server.url)
            rooms = [f"class-{number}" for number in range(classes)]
            polls = []
            for number, room in enumerate(rooms):
                token, poll = _begin(target, server, room)
                polls.append(poll)
                teacher = {"room": room, "token": token}
                pupils.ask("connect", port=server.port, count=1, first=-1 - number, auth=teacher, timeout=120)
                pupils.ask(
                    "connect", port=server.port, count=size, first=number * size, auth={"room": room}, timeout=120
                )
            time.sleep(SETTLE)
            begun, cpu = time.monotonic(), server.cpu()
            time.sleep(SECONDS)
            idle = (server.cpu() - cpu) / (time.monotonic() - begun)
            say(f"{classes} of {size}: {idle * 100:.1f} % of a core while nobody says anything")
            found = {"idle": idle * 100}
            for what, body, rate in (
                ("command", {"type": "chat.say", "text": "I think that it is the second one, because of that."}, float(classes)),
                ("vote", {"type": "poll.vote"}, 4.0 * CLASSES),
            ):  # fmt: skip
                before, begun, cpu = pupils.ask("count")["counted"], time.monotonic(), server.cpu()
                told = pupils.ask("speak", seconds=SECONDS, rate=rate, body=body, polls=polls, size=size)
                time.sleep(1)
                took, used = time.monotonic() - begun, server.cpu() - cpu
                count = pupils.ask("count")["counted"] - before
                found[what] = (used - idle * took) / told["said"] * 1e6
                if what == "command":
                    found["message"] = used / count * 1e6
                say(f"… {what}: {told['kept']} of {told['said']} kept, {count} frames, {found[what]:.0f} µs each")
            before, begun, cpu = pupils.ask("count")["counted"], time.monotonic(), server.cpu()
            pieces = pupils.ask("draw", seconds=SECONDS, strokes=DRAWN, timeout=60)["pieces"]
            time.sleep(1)
            took, used = time.monotonic() - begun, server.cpu() - cpu
            count = pupils.ask("count")["counted"] - before
            found["ink"] = (used - idle * took) / count * 1e6
            say(f"… ink: {pieces} pieces, {count} frames, {found['ink']:.1f} µs each")
            return found
        finally:
            server.close()


def _begin(target: wire.Target, server: Server, room: str) -> tuple[str, int]:
    """Make a class that has begun; its teacher's token, and its poll."""
    api.call(target, "POST", "/api/rooms", server.api_key, {"id": room, "title": room, "open": True})
    teacher = {"name": "Teacher", "role": "instructor", "sub": "teacher"}
    token = api.call(target, "POST", f"/api/rooms/{room}/tokens", server.api_key, teacher)["token"]
    with Speaker(server.port, {"v": 1, "room": room, "token": token}) as speaker:
        speaker.command("class.start")
        poll = speaker.command("poll.prepare", spec=POLL)
        speaker.command("poll.open", id=poll)
    return token, poll


if __name__ == "__main__":
    Pupils().run()
