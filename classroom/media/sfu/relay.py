"""Between machines: one leg for each publication that is watched elsewhere, however many watch it there.

What always holds: a leg carries each packet of every layer once, decrypted, over one TCP connection, opened with a key that only
who can read Redis knows. What a slow leg does not take is dropped, pictures first; it keeps nobody else waiting. At its far end a
publication is forwarded, packaged and paused like one of that machine's own, but it is not recorded there, and not told as a
publication of that machine. A leg ends with its publication, or when nobody there has watched for `IDLE` seconds.

First the near end sends 16 bytes; the far end answers with a line of JSON (`Asked`), whose proof is made from them. Then frames
go to the far end: kind, place of the track, length (two bytes) and so many bytes; and single bytes come back: the place of a
track of which a key frame is wanted.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import struct
from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from classroom.media.leases import Lease, Leases
from classroom.media.sfu.feeds import Pulled, Session, Told
from classroom.media.sfu.publisher import Incoming
from classroom.media.sfu.sfu import Sfu

TRACKS, RTP, REPORT = 0, 1, 2
MOST = 1 << 20  # bytes that wait for a leg; past this, pictures are dropped, past twice as many all
OPENING = 5.0  # seconds to show the key
READY = 3.0  # seconds that a viewer waits for a leg
IDLE = 10.0
AGAIN = 0.25  # seconds until a leg that broke is tried anew
PATIENCE = 10.0  # seconds that viewers wait for a publication that broke off

log = structlog.get_logger(__name__)
_frame = struct.Struct("!BBH")
_report = struct.Struct("!QI")


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    room: str
    member: str
    proof: str


def proof(key: str, challenge: bytes, room: str, member: str) -> str:
    return hmac.digest(key.encode(), challenge + msgspec.json.encode([room, member]), "sha256").hex()


class Outlet:
    """The near end of a leg."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.dropped = 0

    def rtp(self, incoming: Incoming, data: bytes) -> None:
        waiting = self._writer.transport.get_write_buffer_size()
        if waiting > (MOST if incoming.track.kind == "video" else 2 * MOST) or self._writer.is_closing():
            self.dropped += 1
            return
        self._writer.write(_frame.pack(RTP, incoming.place, len(data)) + data)

    def report(self, incoming: Incoming, ntp: int, timestamp: int) -> None:
        if not self._writer.is_closing():
            self._writer.write(_frame.pack(REPORT, incoming.place, 12) + _report.pack(ntp, timestamp))

    def ended(self) -> None:
        self._writer.close()


class Relay:
    """Both ends. `address`: host and port at which other machines reach this one."""

    def __init__(self, sfu: Sfu, redis: str, address: str, vanished: Callable[[Lease], None]) -> None:
        self._sfu = sfu
        self._key = secrets.token_hex(16)
        self.leases = Leases(redis, address, vanished)
        self._server: asyncio.Server | None = None
        self._pulls: dict[tuple[str, str], _Pull] = {}
        self.legs = 0

    async def start(self) -> None:
        host, _, port = self.leases.address.rpartition(":")
        self._server = await asyncio.start_server(self._serve, host.strip("[]"), int(port))
        await self.leases.start()

    async def close(self) -> None:
        for pull in list(self._pulls.values()):
            pull.task.cancel()
        await asyncio.gather(*(pull.task for pull in self._pulls.values()), return_exceptions=True)
        await self.leases.close()
        if self._server is not None:
            self._server.close()

    async def tell(self, session: Session) -> None:
        """A publication of this machine has begun."""
        if session.who is not None:
            await self.leases.hold(Lease(session.room, session.who, session.stream, self.leases.address, self._key))

    # --- the near end -----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outlet = Outlet(writer)
        session: Session | None = None
        try:
            challenge = os.urandom(16)
            writer.write(challenge)
            async with asyncio.timeout(OPENING):
                asked = msgspec.json.decode(await reader.readline(), type=Asked)
            if not hmac.compare_digest(asked.proof, proof(self._key, challenge, asked.room, asked.member)):
                log.warning("a leg was asked for without the key", room=asked.room)
                return
            feed = self._sfu.feeds.get((asked.room, asked.member))
            session = feed.session if feed is not None else None
            if session is None or session.publisher is None:
                return
            tracks = session.publisher.tracks
            told = msgspec.json.encode([Told(one.track.source, one.track.kind, one.format, one.rid) for one in tracks])
            writer.write(_frame.pack(TRACKS, 0, len(told)) + told)
            session.publisher.outlets.add(outlet)
            self.legs += 1
            while wanted := await reader.read(64):
                for place in set(wanted):
                    if place < len(tracks):
                        tracks[place].forward.key(self._sfu.port.clock())
        except (OSError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
            log.info("a leg broke off", error=str(error))
        finally:
            if session is not None and session.publisher is not None and outlet in session.publisher.outlets:
                session.publisher.outlets.discard(outlet)
                self.legs -= 1
            writer.close()

    # --- the far end ------------------------------------------------------------------------------------------------

    async def bring(self, room: str, member: str, *, stay: bool = False) -> None:
        """Have a publication of another machine here, if there is one. `stay`: also while nobody watches it by WebRTC."""
        feed = self._sfu.feeds.get((room, member))
        pull = self._pulls.get((room, member))
        if pull is None:
            if feed is not None and feed.is_live:
                return
            lease = await self.leases.find(room, member)
            if lease is None:
                return
            pull = self._pulls.get((room, member)) or _Pull(self._sfu, self.leases, lease)
            if (room, member) not in self._pulls:
                self._pulls[room, member] = pull
                pull.task.add_done_callback(lambda _: self._pulls.pop((room, member), None))
        pull.stays = pull.stays or stay
        try:
            async with asyncio.timeout(READY):
                await pull.ready.wait()
        except TimeoutError:
            log.warning("a publication of another machine does not come", room=room)

    async def bring_all(self, room: str) -> None:
        """Have all that other machines publish in a room here."""
        await self.leases.look()
        await asyncio.gather(
            *(self.bring(room, one.member.id, stay=True) for one in self.leases.elsewhere() if one.room == room)
        )


class _Pull:
    """The far end of a leg, made anew when it breaks."""

    def __init__(self, sfu: Sfu, leases: Leases, lease: Lease) -> None:
        self._sfu, self._leases = sfu, leases
        self._place = (lease.room, lease.member.id)
        self.stays = False
        self.ready = asyncio.Event()
        self.task = asyncio.create_task(self._run(lease), name=f"relay {lease.room}")

    async def _run(self, lease: Lease | None) -> None:
        clock = self._sfu.port.clock
        missed = clock()
        while clock() - missed < PATIENCE:
            if lease is not None:
                try:
                    if await self._carry(lease):
                        missed = clock()
                except (OSError, EOFError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
                    log.info("a leg broke off", room=lease.room, error=str(error))
                self.ready.clear()
            if not self._is_wanted():
                return
            await asyncio.sleep(AGAIN)
            lease = await self._leases.find(*self._place)

    def _is_wanted(self) -> bool:
        feed = self._sfu.feeds.get(self._place)
        if feed is not None and feed.session is not None:
            return False  # published on this machine by now
        return self.stays or (feed is not None and any(track.viewers for track in feed.forwards.values()))

    async def _carry(self, lease: Lease) -> bool:
        """Carry until the leg ends; whether it ever came about."""
        host, _, port = lease.address.rpartition(":")
        async with asyncio.timeout(OPENING):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        pulled: Pulled | None = None
        try:
            async with asyncio.timeout(OPENING):
                challenge = await reader.readexactly(16)
                asked = Asked(lease.room, lease.member.id, proof(lease.key, challenge, lease.room, lease.member.id))
                writer.write(msgspec.json.encode(asked) + b"\n")
                _, _, size = _frame.unpack(await reader.readexactly(4))
                told = msgspec.json.decode(await reader.readexactly(size), type=list[Told])
            pulled = self._sfu.pull(*self._place, told, partial(_ask, writer))
            self.ready.set()
            await self._read(reader, pulled)
        except asyncio.IncompleteReadError:
            pass
        finally:
            if pulled is not None:
                pulled.close()
            writer.close()
        return pulled is not None

    async def _read(self, reader: asyncio.StreamReader, pulled: Pulled) -> None:
        clock = self._sfu.port.clock
        used = clock()
        while not pulled.is_closed:
            kind, place, size = _frame.unpack(await reader.readexactly(4))
            data = await reader.readexactly(size)
            now = clock()
            if kind == RTP:
                pulled.rtp(place, data, now)
            elif kind == REPORT and size == 12:
                ntp, timestamp = _report.unpack(data)
                pulled.report(place, ntp, timestamp, now)
            if self._is_wanted():
                used = now
            elif now - used > IDLE:
                return


def _ask(writer: asyncio.StreamWriter, place: int) -> None:
    if not writer.is_closing():
        writer.write(bytes((place,)))
