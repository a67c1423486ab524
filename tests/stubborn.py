"""Members who do not give up: what they were promised is checked against the log when all is over.

Each is a stock Socket.IO client with a replica of its own (`Following`), who says each thing under one `cid` again and
again, over reconnects, until it is answered for good.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import socketio
from socketio.exceptions import ConnectionError as Refused
from socketio.exceptions import SocketIOError

from classroom import wire
from classroom.chat.model import Said
from classroom.doubts.model import Asked
from classroom.journal.port import Journal
from classroom.kernel import Stored
from tests.following import Following, audience, truth
from tests.rooms.shells import folded
from tests.running import Subprocess

ACK_SECONDS = 4.0


class Stubborn:
    """A member with a stock client who says each thing under its own cid, again and again, until it is answered."""

    def __init__(self, server: Subprocess, session: aiohttp.ClientSession, number: int, hello: dict[str, Any]) -> None:
        self.number = number
        self.hello = hello
        self.following = Following()
        self.answered: dict[str, dict[str, Any]] = {}
        self.ready = asyncio.Event()
        self.lost = 0  # connections that ended otherwise than by this member's leaving it
        self.late: list[float] = []  # seconds from when a goodbye asked to come back until this member was in
        self.failed: list[str] = []  # why ways in came to nothing, and after how long
        self._due: float | None = None
        self._server = server
        self._session = session
        self._client: Any = None
        self._dice = random.Random(number)

    @property
    def me(self) -> wire.Me:
        """Who this member is, by the welcome."""
        assert self.following.me is not None
        return self.following.me

    async def connect(self) -> None:
        """Come in, or come back with the last place seen."""
        while True:
            self.ready.clear()
            if self._due is not None:
                await asyncio.sleep(self._due - time.monotonic())
            # The one before is left to itself: what it may still say is not listened to.
            self._client = client = socketio.AsyncClient(reconnection=False, http_session=self._session)
            client.on("disconnect", self._gone(client))
            client.on("bye", self._told_when(client))
            client.on("welcome", self._told(self.following.welcome, client))
            client.on("resumed", self._told(self.following.resumed, client))
            client.on("events", self._listening(self.following.events, client))
            hello = dict(self.hello)
            if self.following.epoch:
                hello |= {"since": self.following.seq, "epoch": self.following.epoch}
            begun = time.monotonic()
            try:
                await client.connect(self._server.url, auth=hello, transports=["websocket"], wait_timeout=10)
                await asyncio.wait_for(self.ready.wait(), 10)
                if self._due is not None:
                    self.late.append(time.monotonic() - self._due)
                    self._due = None
                return
            except (Refused, TimeoutError, OSError) as error:
                self.failed.append(f"{error!r} after {time.monotonic() - begun:.1f} s, connected: {client.connected}")
                with suppress(Exception):
                    await client.disconnect()
                await asyncio.sleep(self._dice.uniform(0.05, 0.4))

    def _gone(self, client: Any) -> Any:
        def handle(reason: str) -> None:
            if client is self._client and reason != client.reason.CLIENT_DISCONNECT:
                self.lost += 1

        return handle

    def _told_when(self, client: Any) -> Any:
        def handle(bye: dict[str, Any]) -> None:
            if client is self._client and "retry_in" in bye:
                self._due = time.monotonic() + bye["retry_in"] / 1_000

        return handle

    def _told(self, fold: Any, client: Any) -> Any:
        def handle(data: dict[str, Any]) -> None:
            if client is self._client:
                fold(data)
                self.ready.set()

        return handle

    def _listening(self, fold: Any, client: Any) -> Any:
        def handle(data: list[dict[str, Any]]) -> None:
            if client is self._client:
                fold(data)

        return handle

    async def insist(self, type: str, **fields: Any) -> dict[str, Any]:
        """Give one command until it is kept or refused for good."""
        cid = f"{self.number}-{len(self.answered)}"
        while True:
            ack = None
            if self._client is not None and self._client.connected:
                with suppress(SocketIOError, TimeoutError, OSError):
                    ack = await self._client.call("command", {"cid": cid, "type": type, **fields}, timeout=ACK_SECONDS)
            if ack is not None and (ack["ok"] or not ack["temporary"]):
                self.answered[cid] = ack | {"type": type, "fields": fields}
                return dict(ack)
            if ack is None:
                await self.connect()
            else:
                await asyncio.sleep(self._dice.uniform(0.05, 0.3))

    async def leave(self) -> None:
        await self._client.disconnect()


async def lesson(members: list[Stubborn], stop: asyncio.Event) -> None:
    """What goes on in the class: everybody talks, asks, supports and votes until told to stop."""
    teacher, *students = members
    poll = await teacher.insist(
        "poll.prepare", spec={"question": "Which?", "kind": "single", "options": ["a", "b"], "changeable": True}
    )
    await teacher.insist("poll.open", id=poll["seq"])
    asked: list[int] = []

    async def study(student: Stubborn) -> None:
        dice = student._dice
        while not stop.is_set():
            await asyncio.sleep(dice.uniform(0.1, 2.0))
            match dice.randrange(5):
                case 0 | 1:
                    await student.insist("chat.say", text=f"text of {student.number}")
                case 2:
                    ack = await student.insist(
                        "doubt.ask", text=f"question of {student.number}", anonymous=dice.random() < 0.5
                    )
                    if ack["ok"]:
                        asked.append(ack["seq"])
                case 3 if asked:
                    await student.insist("doubt.vote", id=dice.choice(asked), on=dice.random() < 0.8)
                case _:
                    await student.insist("poll.vote", id=poll["seq"], choice=[dice.randrange(2)])

    async def teach() -> None:
        while not stop.is_set():
            await asyncio.sleep(0.2)
            if asked:
                await teacher.insist("doubt.approve", id=asked[teacher._dice.randrange(len(asked))])

    await asyncio.gather(teach(), *(study(student) for student in students))
    await teacher.insist("poll.close", id=poll["seq"])


@asynccontextmanager
async def class_of(server: Subprocess, size: int) -> AsyncIterator[list[Stubborn]]:
    """An instructor and `size - 1` students, in the room and at the end out of it."""
    # Debug mode keeps a stack for every callback: so many clients in this process would be slower than the server.
    asyncio.get_running_loop().set_debug(False)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        hellos: list[dict[str, Any]] = [{"room": "demo", "token": server.instructor_token}]
        hellos += [{"room": "demo", "name": f"Student {n}", "client": f"device-{n}"} for n in range(1, size)]
        members = [Stubborn(server, session, n, hello) for n, hello in enumerate(hellos)]
        await asyncio.gather(*(member.connect() for member in members))
        yield members
        await asyncio.gather(*(member.leave() for member in members))


async def until_agreed(server: Subprocess, members: list[Stubborn], within: float = 10.0) -> None:
    """Until everybody is connected and, at one moment, every member's replica equals the log.

    Raises `AssertionError` when that takes more than `within` seconds.
    """
    for member in members:
        if not member._client.connected:
            await member.connect()
    clock = asyncio.get_running_loop().time
    until = clock() + within
    while True:
        log = await server.read()
        wrong = [0]
        if members[0].following.seq == log[-1].meta.seq:  # the staff see all there is
            state = folded(log)
            wrong = [m.number for m in members if m.following.picture() != truth(state, audience(m.me))]
            if not wrong:
                return
        assert clock() < until, f"members {wrong} know something else than the log"
        await asyncio.sleep(0.2)


async def check(journal: Journal, log: list[Stored], members: list[Stubborn]) -> int:
    """What was acknowledged, against the log when all is over. How many commands were kept."""
    assert [stored.meta.seq for stored in log] == list(range(1, len(log) + 1))
    polls = folded(log).polls.polls
    kept = 0
    for member in members:
        me = member.me
        answers = {cid: ack for cid, ack in member.answered.items() if ack["ok"]}
        kept += len(answers)
        done = await journal.done("demo", [(me.id, cid) for cid in answers])
        assert done == {(me.id, cid): ack["seq"] for cid, ack in answers.items()}
        # Each of a member's votes was given after the one before had been answered, so the last is what stands.
        votes = {ack["fields"]["id"]: ack["fields"]["choice"] for ack in answers.values() if ack["type"] == "poll.vote"}
        for poll, choice in votes.items():
            counted = polls[poll].votes[me.id].choice
            assert list(counted) == choice, f"member {member.number} voted {choice} last, and {counted} is in the log"
        if member is not members[0]:
            told = [ack["seq"] for ack in answers.values() if ack["type"] in ("chat.say", "doubt.ask")]
            stands = [s.meta.seq for s in log if s.meta.by == me.id and isinstance(s.event, Said | Asked)]
            assert sorted(told) == stands, (
                f"member {member.number} was told {sorted(told)}, and {stands} are in the log"
            )
    return kept
