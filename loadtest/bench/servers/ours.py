"""Our server, as `classroom serve` runs it, with a line to the benchmark."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from typing import Any

import psutil

from classroom import app
from classroom.chat.model import Said
from classroom.config import load
from classroom.doubts.model import Asked, DoubtState
from classroom.kernel import Meta, Role, Stored
from loadtest.bench.obey import obey

QUIET = 3_600  # seconds between pings, where pings are not what is measured


class Line:
    """What the benchmark may ask of the server."""

    def __init__(self, classroom: app.Classroom) -> None:
        self._classroom = classroom
        self._house = classroom.house
        self._tasks: set[asyncio.Task[None]] = set()

    async def token(self, room: str, role: str, name: str) -> dict[str, Any]:
        return {"token": self._classroom.auth.mint(room, name, Role(role), f"bench-{name.lower()}")}

    async def quiet(self) -> dict[str, Any]:
        """No pings from now on."""
        for server in self._classroom.sockets._servers:
            server.eio.ping_interval = QUIET
        return {}

    async def state(self, room: str) -> dict[str, Any]:
        hall = await self._house.hall(room)
        present = sum(record.present for record in hall.replica.state.roster.members.values())
        return {"seq": hall.replica.seq, "epoch": hall.info.epoch, "present": present}

    async def memory(self) -> dict[str, Any]:
        """Bytes, after all garbage is gone."""
        gc.collect()
        info = psutil.Process().memory_full_info()
        return {"rss": info.rss, "pss": info.pss, "uss": info.uss}

    async def fill(self, room: str, events: int) -> dict[str, Any]:
        """A room whose log has `events` events, closed, without a snapshot."""
        await self._house.found(room, room)
        now = int(time.time() * 1_000)
        log = [Stored(Meta(seq, now + seq, f"member-{seq % 300}"), _event(seq)) for seq in range(1, events + 1)]
        for start in range(0, events, 1_000):
            await self._house.journal.append(room, start, log[start : start + 1_000])
        return {}

    async def unload(self, room: str) -> dict[str, Any]:
        """Let the room go now, without the grace that those who left have to come back."""
        await self._house._close(room)
        return await self.unloaded()

    async def open(self, rooms: list[str]) -> dict[str, Any]:
        for room in rooms:
            await self._house.hall(room)
        return {}

    async def unloaded(self) -> dict[str, Any]:
        """Answers when no room is in memory any more."""
        while self._house.halls or len(self._house.owners):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.02)
        return {}


def _event(seq: int) -> Said | Asked:
    member = f"member-{seq % 300}"
    if seq % 10 == 0:
        return Asked(
            by=member,
            name=f"Student {seq % 300}",
            text=f"Why does the light bend in case {seq}?",
            state=DoubtState.OPEN,
        )
    return Said(
        by=member,
        name=f"Student {seq % 300}",
        role=Role.STUDENT,
        text=f"Message {seq}: I think that it is the second one.",
    )


def main() -> None:
    def started(port: int, classroom: app.Classroom) -> None:
        line = Line(classroom)

        async def listen() -> None:
            names = ("token", "quiet", "state", "memory", "fill", "unload", "open", "unloaded")
            await obey({"port": port}, {name: getattr(line, name) for name in names})
            os.kill(os.getpid(), signal.SIGTERM)

        tasks.add(asyncio.get_running_loop().create_task(listen()))

    tasks: set[asyncio.Task[None]] = set()
    app.run(load(environment=os.environ), started)


if __name__ == "__main__":
    main()
