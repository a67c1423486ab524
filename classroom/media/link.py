"""A worker's link to the media process: hands SDP over, and turns what happens there into commands of the server.

What always holds: the media process may die and come back at any moment; what it then says is live, is, and what it does not
say is told to the rooms as ended. What a room cannot take now, since its owner or its journal does not answer, it is told again:
media of which the class is not told are seen by nobody, though who sends them is connected. Whoever leaves a stage is cut off
there within a quarter of a second, and whoever is sent away from the room neither sends nor watches any more.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
import msgspec
import structlog
from yarl import URL

from classroom.bus.port import Reply
from classroom.kernel import SYSTEM, Member, Rejected
from classroom.keyed import KeyedLocks
from classroom.media.stage import Performer, Publish, Source, Stage, Unpublish

log = structlog.get_logger(__name__)

AGAIN = 0.05  # seconds until the media process is asked anew
LATER = 1.0  # seconds until a room is told anew what it did not take
LOOK = 0.25  # seconds between two looks at the stages
PATIENCE = 5.0  # seconds for an answer
CODES: dict[str, Callable[[str], Rejected]] = {
    "sdp_invalid": lambda message: Rejected("sdp_invalid", message),
    "sdp_unacceptable": lambda message: Rejected("sdp_unacceptable", message),
    "precondition_failed": lambda message: Rejected("precondition_failed", message),
    "not_live": lambda message: Rejected("not_live", message, temporary=True),
    "take_hls": lambda message: Rejected("take_hls", message, temporary=True),
}


class Fact(msgspec.Struct):
    room: str = ""
    member: Member | None = None
    stream: str = ""
    session: str = ""
    sources: tuple[Source, ...] = ()
    is_live: bool | None = None


class Rooms(Protocol):
    """What this needs of the house. `when_sent_away` is set to be told who was removed or banned from a room."""

    when_sent_away: Callable[[str, str], None]

    def stages(self) -> list[tuple[str, Stage]]:
        """The stages of all rooms that are open here."""

    async def in_force(self, room: str, member: Member) -> Member:
        """The member with the name and role in force. Raises `Rejected`."""

    async def submit(self, room: str, member: Member, command: Any) -> Reply: ...


class Link:
    """`path`: the media process's Unix socket."""

    def __init__(self, path: Path, rooms: Rooms) -> None:
        self._path = path
        self._rooms = rooms
        self._http: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._told: dict[str, dict[str, Performer]] = {}
        self._saying: dict[str, Fact] = {}  # by stream, what the room is still to be told of it
        self._making: dict[object, tuple[str, str]] = {}  # sessions that are asked for, by room and member
        self._turns = KeyedLocks()
        self._background: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        connector = aiohttp.UnixConnector(str(self._path), limit=0)
        self._http = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        self._rooms.when_sent_away = self._sent_away
        self._tasks = [
            asyncio.create_task(self._listen(), name="media facts"),
            asyncio.create_task(self._watch(), name="media stages"),
        ]

    async def close(self) -> None:
        self._rooms.when_sent_away = lambda room, member: None
        for task in [*self._tasks, *self._background]:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._background, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    # --- for the HTTP skin ------------------------------------------------------------------------------------------

    async def make(
        self, room: str, member: Member, offer: str, publisher: str | None = None, sources: tuple[str, ...] = ()
    ) -> tuple[str, str, str, str]:
        """A session that publishes, or watches `publisher`: its id, its tag, the answer, and the `stream` of a publication.
        Raises `Rejected`."""
        wanted = {"room": room, "member": member, "offer": offer, "publisher": publisher, "sources": sources}
        asked = object()
        self._making[asked] = room, member.id
        try:
            made = await self._ask("POST", "/sessions", wanted)
        finally:
            may_have_it = self._making.pop(asked, None) is not None
        if not may_have_it:
            with suppress(Rejected):  # it has gone already, or nobody ever uses it
                await self.end(room, member.id, made["id"])
            raise Rejected("forbidden", "You have been sent away from the room.")
        return made["id"], made["tag"], made["answer"], made.get("stream", "")  # an older process knows of none

    async def patch(self, room: str, member: str, id: str, match: str, fragment: str) -> tuple[str, str]:
        """Candidates or an ICE restart: the session's tag now, and our fragment where there is one. Raises `Rejected`."""
        whose = {"room": room, "member": member}
        made = await self._ask("PATCH", _session(id), {"match": match, "fragment": fragment}, whose)
        return made["tag"], made["answer"]

    async def end(self, room: str, member: str, id: str) -> None:
        """Raises `Rejected`."""
        await self._ask("DELETE", _session(id), None, {"room": room, "member": member})

    async def live(self, room: str) -> tuple[str | None, bool]:
        """Where the room's LL-HLS is to be had (None: nothing is live), and whether one more may watch by WebRTC. Raises
        `Rejected`."""
        told = await self._ask("GET", f"/rooms/{room}/hls", None)
        return told["address"], told["places"]

    async def fetch(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """What the media process serves at `path`, query and all. Raises `Rejected`."""
        try:
            # As it came: resolved, `/live/../rooms/…` would lead to what workers and the media process say to each other.
            address = URL(f"http://media{path}", encoded=True)
            async with self._session().get(address, timeout=aiohttp.ClientTimeout(30)) as response:
                kept = ("Content-Type", "Cache-Control", "Retry-After", "Access-Control-Allow-Origin")
                headers = {name: response.headers[name] for name in kept if name in response.headers}
                return response.status, headers, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _down() from error

    async def _ask(self, method: str, path: str, body: Any, query: dict[str, str] | None = None) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._session().request(
                method,
                URL(f"http://media{path}", encoded=True),
                data=data,
                params=query,
                timeout=aiohttp.ClientTimeout(PATIENCE),
            ) as response:
                told = await response.read()
                if response.status < 300:
                    return msgspec.json.decode(told) if told else None
                if response.status == 404:
                    raise Rejected("not_found", "There is no such session.")
                if response.status == 403:
                    raise Rejected("forbidden", "This is somebody else's session.")
                problem = msgspec.json.decode(told)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError) as error:
            raise _down() from error
        known = CODES.get(problem["code"])
        raise known(problem["message"]) if known else Rejected("busy", problem["message"], temporary=True)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise _down()
        return self._http

    # --- what happens there -----------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                no_end = aiohttp.ClientTimeout(total=None, sock_read=15)
                async with self._session().get("http://media/facts", timeout=no_end) as response:
                    await self._follow(response)
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            except Exception:
                log.exception("facts of the media process were not understood")
            await asyncio.sleep(AGAIN)

    async def _follow(self, response: aiohttp.ClientResponse) -> None:
        live: set[str] | None = set()
        async for line in response.content:
            if not line.strip():
                continue
            fact = msgspec.json.decode(line, type=Fact)
            if fact.is_live is None:
                self._end_all_but(live or set())
                live = None
                self._told.clear()  # and let it know again what is muted
                continue
            if live is not None:
                live.add(fact.stream)
            self._tell(fact)

    def _end_all_but(self, live: set[str]) -> None:
        """All that is live there has been told: what else the rooms take for live, or are about to, has ended."""
        there = [
            Fact(room, Member(person.id, person.name, person.role), person.stream)
            for room, stage in self._rooms.stages()
            for person in stage.people.values()
            if person.stream
        ]
        for fact in [*there, *self._saying.values()]:
            if fact.stream not in live:
                self._tell(Fact(fact.room, fact.member, fact.stream, is_live=False))

    def _tell(self, fact: Fact) -> None:
        if fact.member is not None:
            self._saying[fact.stream] = fact
            self._spawn(self._say(fact, fact.member))

    async def _say(self, fact: Fact, member: Member) -> None:
        """Tell the room, and go on until it is told, or something newer is to be told of the same publication. What is said of a
        member is told in order: else a room that was late would take for live what has ended meanwhile."""
        try:
            async with self._turns.hold(f"{fact.room}/{member.id}"):
                while self._saying.get(fact.stream) is fact:
                    if await self._told_room(fact, member):
                        return
                    await asyncio.sleep(LATER)
        finally:
            if self._saying.get(fact.stream) is fact:
                del self._saying[fact.stream]

    async def _told_room(self, fact: Fact, member: Member) -> bool:
        """Whether the room is told; else it, or the media process, could not be asked now."""
        try:
            if fact.is_live:
                await self._publish(fact, member)
            else:
                await self._submit(fact.room, Unpublish(member=member.id, stream=fact.stream))
        except Rejected as refused:
            log.info("a publication could not be told", room=fact.room, code=refused.code)
            return not refused.temporary
        return True

    async def _publish(self, fact: Fact, member: Member) -> None:
        """Tell the room; who may not publish is cut off. Raises `Rejected`."""
        try:
            now = await self._rooms.in_force(fact.room, member)
            publish = Publish(member=now.id, name=now.name, role=now.role, stream=fact.stream, sources=fact.sources)
            await self._submit(fact.room, publish)
        except Rejected as refused:
            if refused.temporary and refused.code != "too_many":
                raise
            await self.end(fact.room, member.id, fact.session)

    async def _submit(self, room: str, command: Publish | Unpublish) -> None:
        reply = await self._rooms.submit(room, SYSTEM, command)
        if not reply.ok:
            raise Rejected(reply.code, reply.message, temporary=reply.temporary)

    def _is_publishing(self, room: str, member: str) -> bool:
        """Whether the room is still to be told of something that they publish."""
        about = (fact for fact in self._saying.values() if fact.is_live and fact.room == room)
        return any(fact.member is not None and fact.member.id == member for fact in about)

    def _sent_away(self, room: str, member: str) -> None:
        """What they asked for before is not theirs any more, be it made only after all that they have is cut off; what they ask
        for from now on is, if they may come back."""
        for asked in [asked for asked, who in self._making.items() if who == (room, member)]:
            del self._making[asked]
        self._spawn(self._cut_off(room, member))

    async def _cut_off(self, room: str, member: str) -> None:
        """End all sessions of who was sent away; the page of one who means well has ended them already."""
        while True:
            try:
                await self._ask("POST", f"/rooms/{room}/away", {"member": member})
                return
            except Rejected as refused:
                if not refused.temporary:  # it is of an older version, and knows nothing of this
                    return
                await asyncio.sleep(LATER)  # it is down, and has no sessions when it is back; or it is only busy

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                open_now = set()
                for room, stage in self._rooms.stages():
                    open_now.add(room)
                    before, people = self._told.get(room, {}), dict(stage.people)  # which change while they are told
                    for id in before.keys() - people.keys():
                        if self._is_publishing(room, id):  # on stage again in a moment, or refused
                            people[id] = before[id]
                    if before == people:
                        continue
                    gone = [id for id in before if id not in people]
                    muted = {one.id: one.muted for one in people.values() if one.muted}
                    await self._ask("POST", f"/rooms/{room}/stage", {"gone": gone, "muted": muted})
                    self._told[room] = people
                for room in self._told.keys() - open_now:
                    del self._told[room]
            except Rejected:
                pass  # it is down; told again when it is back
            except Exception:
                log.exception("a stage could not be told to the media process")

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def socket_path(data: Path) -> Path:
    """The media process's Unix socket: in the data folder, or where that path is too long, in one of its own."""
    path = data.resolve() / "run" / "media.sock"
    if len(str(path)) <= 100:
        return path
    return Path(tempfile.gettempdir()) / f"classroom-{sha256(bytes(path)).hexdigest()[:16]}" / "media.sock"


def _session(id: str) -> str:
    """A session's path there. What a caller names is a name, also with `/`, `?` or `..` in it."""
    return f"/sessions/{quote(id, safe='')}"


def _down() -> Rejected:
    return Rejected("unavailable", "The media server does not answer just now.", temporary=True)
