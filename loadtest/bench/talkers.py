"""Members who speak all at once: a crowd on the msgpack parser, each with several commands under way.

Of ten commands four are `chat.say`, three `doubt.vote`, three `poll.vote`. A command's time runs from its send to its
acknowledgement.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import msgspec

from loadtest.bench import frames
from loadtest.bench.crowd import Crowd, Member

ACK = b"\x84\xa4type\x03"
_ack = msgspec.msgpack.Decoder()


class Talkers(Crowd):
    def __init__(self) -> None:
        super().__init__()
        self.does["talk"] = self.talk
        self._sent: dict[tuple[int, int], float] = {}
        self._times: list[float] = []
        self._refused: Counter[str] = Counter()
        self._until = 0.0
        self._doubts: list[int] = []
        self._poll_id = 0
        self._next = 0

    def talk(self, seconds: float, depth: int, doubts: list[int], poll: int) -> None:
        """Talk for `seconds`, each member with `depth` commands under way; answers when all are acknowledged."""
        self._doubts, self._poll_id = doubts, poll
        self._times.clear()
        begun = time.monotonic()
        self._until = begun + seconds
        for member in self.members.values():
            for _ in range(depth):
                self._speak(member)

        def done() -> bool:
            if self._sent and time.monotonic() < self._until + 10:
                return False
            taken = sorted(self._times)
            self.say(
                {
                    "kept": len(taken),
                    "refused": dict(self._refused),
                    "unanswered": len(self._sent),
                    "seconds": time.monotonic() - begun,
                    "p50": taken[len(taken) // 2] * 1e3,
                    "p99": taken[len(taken) * 99 // 100] * 1e3,
                }
            )
            return True

        self._goal = done

    def received(self, member: Member, data: bytes, start: int, end: int, deflated: bool) -> None:
        if not data.startswith(ACK, start):
            return
        packet = _ack.decode(memoryview(data)[start:end])
        answer = packet["data"][0]
        begun = self._sent.pop((member.index, packet["id"]))
        now = time.monotonic()
        if answer["ok"]:
            self._times.append(now - begun)
        else:
            self._refused[answer["code"]] += 1
        if now < self._until:
            self._speak(member)

    def _speak(self, member: Member) -> None:
        number = self._next = self._next + 1
        member.socket.send(frames.command("msgpack", number, {"cid": f"{number:x}", **self._body(number)}))
        self._sent[member.index, number] = time.monotonic()

    def _body(self, number: int) -> dict[str, Any]:
        turn = number % 10
        if turn < 4:
            return {"type": "chat.say", "text": f"I think that it is the second one, because of case {number}."}
        if turn < 7:
            return {"type": "doubt.vote", "id": self._doubts[number % len(self._doubts)], "on": number % 3 > 0}
        return {"type": "poll.vote", "id": self._poll_id, "choice": [number // 10 % 4]}


if __name__ == "__main__":
    Talkers().run()
