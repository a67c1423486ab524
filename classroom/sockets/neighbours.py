"""The members of a small class in one worker: a connection that came to another is handed to that one.

The kernel deals a port's connections out to all workers that share it. A class of twenty-five would sit on all of them, and each
would follow its room. A client may say in its handshake which room it goes to (`?room=`): then the worker that reads this
passes descriptor and request on to its neighbour on this machine, before anything is answered.

What always holds: a connection is handed on at most once; one that cannot be handed on now stays where it came. A room with
more members than one worker should have alone is not gathered: its neighbours are told by the one that it is at.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable

import structlog
from aiohttp import web

from classroom.bus.placement import Placement, rendezvous

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.25  # seconds between two looks for neighbours
NEW, SELDOM = 20, 40  # looks in which a worker is expected to be heard of here; then only every so many
FORGET_AFTER = 10.0  # seconds until a connection that was handed here and never asked for anything is forgotten
APART_FOR = 30.0  # seconds for which a room is not gathered once its worker has said so
REMEMBERED = 100_000  # rooms whose worker is remembered
LARGEST = 64 << 10  # bytes of a message; a request with a longer head stays where it came
CONNECTION, APART = b"c", b"a"  # what a message begins with: a request's head and its descriptor; a room's name
ROOM = "room"


class Neighbours:
    """The workers of this machine that know each other by `placement`. `apart` says whether a room is too large to be gathered,
    as far as is known here."""

    def __init__(self, placement: Placement, apart: Callable[[str], bool]) -> None:
        self._worker = placement.worker
        self._placement = placement
        self._is_apart = apart
        self._server: web.Server | None = None
        self._door: socket.socket | None = None
        self._peers: dict[str, socket.socket] = {}  # those that this worker hands on to
        self._callers: set[socket.socket] = set()  # those that it is handed from
        self._homes: dict[str, str] = {}
        self._apart_until: dict[str, float] = {}
        self._received: dict[object, socket.socket] = {}  # protocol of a connection that was handed here: from whom
        self._receiving: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    def open(self, server: web.Server) -> None:
        """Take connections for `server` from now on, and hand on those that belong to others."""
        if not sys.platform.startswith("linux"):
            return  # no names without a file, no credentials: connections stay where they come
        self._server = server
        self._door = _socket()
        self._door.bind(_address(self._worker))
        self._door.listen(64)
        asyncio.get_running_loop().add_reader(self._door, self._accept)
        self._looking = asyncio.create_task(self._look_forever(), name="neighbours")

    async def close(self) -> None:
        """Take and hand on nothing more."""
        loop = asyncio.get_running_loop()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        doors = [] if self._door is None else [self._door]
        for one in (*doors, *self._callers, *self._peers.values()):
            loop.remove_reader(one)
            one.close()
        self._callers.clear()
        self._peers.clear()
        self._door = None
        await asyncio.gather(*self._receiving, return_exceptions=True)

    # --- handing on -----------------------------------------------------------------------------------------------

    def hand_on(self, request: web.Request) -> bool:
        """Hand the connection to the worker where its class is. Whether it has been: then nothing may be written to it."""
        room = request.query.get(ROOM)
        if not room:
            return False
        caller = self._received.pop(request.protocol, None)
        if caller is not None and self._is_apart(room):
            self._tell_apart(caller, room)
        if caller is not None or not self._peers:
            return False
        home = self._home(room)
        peer = self._peers.get(home)
        transport = request.transport
        if peer is None or transport is None or self._stays_apart(room) or transport.get_extra_info("sslcontext"):
            return False
        message = CONNECTION + _head(request)
        if len(message) > LARGEST:
            return False
        try:
            socket.send_fds(peer, [message], [transport.get_extra_info("socket").fileno()])
        except BlockingIOError:
            return False
        except OSError:
            self._part(home)
            return False
        transport.abort()  # closes this process's descriptor; the connection lives on in the other's
        return True

    def _home(self, room: str) -> str:
        home = self._homes.get(room)
        if home is None:
            if len(self._homes) >= REMEMBERED:
                self._homes.clear()
            home = self._homes[room] = rendezvous(room, (self._worker, *self._peers))
        return home

    def _stays_apart(self, room: str) -> bool:
        until = self._apart_until.get(room)
        if until is None:
            return self._is_apart(room)
        if until > asyncio.get_running_loop().time():
            return True
        del self._apart_until[room]
        return False

    async def _look_forever(self) -> None:
        looks: dict[str, int] = {}  # in vain; most that are not met are on other machines
        while True:
            strangers = [one for one in self._placement.workers() if one != self._worker and one not in self._peers]
            looks = {worker: looks.get(worker, 0) + 1 for worker in strangers}
            for worker, count in looks.items():
                if count <= NEW or count % SELDOM == 0:
                    self._meet(worker)
            await asyncio.sleep(LOOK_EVERY)

    def _meet(self, worker: str) -> None:
        peer = _socket()
        try:
            peer.connect(_address(worker))
        except OSError:
            peer.close()
            return
        self._peers[worker] = peer
        self._homes.clear()
        asyncio.get_running_loop().add_reader(peer, self._hear_apart, worker, peer)

    def _part(self, worker: str) -> None:
        peer = self._peers.pop(worker, None)
        if peer is not None:
            asyncio.get_running_loop().remove_reader(peer)
            peer.close()
            self._homes.clear()

    def _hear_apart(self, worker: str, peer: socket.socket) -> None:
        try:
            message = peer.recv(LARGEST)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._part(worker)
        elif message.startswith(APART):
            self._apart_until[message[1:].decode()] = asyncio.get_running_loop().time() + APART_FOR

    # --- being handed ---------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        assert self._door is not None
        try:
            caller, _ = self._door.accept()
        except OSError:
            return
        _, user, _ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user != os.geteuid():
            log.warning("another user's process is no neighbour", user=user)
            caller.close()
            return
        caller.setblocking(False)
        self._callers.add(caller)
        asyncio.get_running_loop().add_reader(caller, self._take, caller)

    def _take(self, caller: socket.socket) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(caller, LARGEST, 1, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        if not message:
            asyncio.get_running_loop().remove_reader(caller)
            self._callers.discard(caller)
            caller.close()
        for descriptor in descriptors:
            task = asyncio.create_task(self._serve(caller, socket.socket(fileno=descriptor), message[1:]))
            self._receiving.add(task)
            task.add_done_callback(self._receiving.discard)

    async def _serve(self, caller: socket.socket, connection: socket.socket, head: bytes) -> None:
        assert self._server is not None
        connection.setblocking(False)
        try:
            _, protocol = await asyncio.get_running_loop().connect_accepted_socket(self._server, connection)
        except OSError:  # gone on the way
            connection.close()
            return
        self._received[protocol] = caller
        asyncio.get_running_loop().call_later(FORGET_AFTER, self._received.pop, protocol, None)
        protocol.data_received(head)

    def _tell_apart(self, caller: socket.socket, room: str) -> None:
        try:
            caller.send(APART + room.encode())
        except OSError:  # it hands on some more, or is gone
            return


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)


def _address(worker: str) -> str:
    """A name without a file: of this machine, or container, and of nothing that could be left behind."""
    return f"\0classroom/{worker}"


def _head(request: web.Request) -> bytes:
    """The request as it came."""
    lines = [f"{request.method} {request.raw_path} HTTP/1.1".encode()]
    lines += [name + b": " + value for name, value in request.raw_headers]
    return b"\r\n".join((*lines, b"", b""))
