"""One UDP port for all peers: ICE that only answers, DTLS-SRTP, and whose packet is whose.

What always holds: a packet belongs to the peer whose ICE user name its address has shown a key for; media and DTLS go only to an
address that has answered a check of ours, so nobody can have a third one flooded. Consent (RFC 7675) ends: a peer that has not
been heard of for `CONSENT` seconds is closed, and one that does not come to an end with DTLS within `SETTING_UP` is too.
What strangers send costs a look at its first bytes.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from typing import Protocol

import structlog

from classroom.media.sfu import stun
from classroom.media.sfu.aiortc_parts import Certificate, Inbound, Outbound
from classroom.media.sfu.fanout import Fanout, Python
from classroom.media.sfu.stun import Address

CONSENT = 30.0  # seconds
SETTING_UP = 20.0
TICK = 0.05
TRIED = 32  # addresses, and checks of ours that wait for an answer, of one peer; the oldest give way
GATHER = 0.005  # seconds that the rest of a picture is waited for
DATAGRAM = 100  # bytes that a packet counts for besides its own
READS = 100  # datagrams read in one turn of the loop, so that timers and joins have theirs
BUFFER = 4 << 20  # bytes, of the socket's two buffers

log = structlog.get_logger(__name__)


class Handler(Protocol):
    """What a peer's packets are for. None of these may raise. `sends`: whether it is let send media; `most`: bytes a second of
    what it sends that are looked at, with `DATAGRAM` for each packet. More is as if it had been lost."""

    sends: bool
    most: float

    def connected(self) -> None: ...

    def rtp(self, packet: bytes, now: float) -> None: ...

    def rtcp(self, packet: bytes, now: float) -> None: ...

    def moved(self) -> None: ...

    def closed(self) -> None: ...


class Peer:
    """One association. `ufrag` and `password` are ours; `address` is None until one has shown that it is there."""

    def __init__(
        self, port: Port, remote: tuple[str, str], fingerprints: tuple[tuple[str, str], ...], now: float
    ) -> None:
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.remote = remote
        self.fingerprints = fingerprints
        self.handler: Handler | None = None
        self.address: Address | None = None
        self.outbound: Outbound | None = None
        self.inbound: Inbound | None = None
        self.heard = self.opened = now
        self.is_closed = False
        self.dtls = port.certificate.accept()
        self.tried: dict[Address, None] = {}  # where it said to be
        self.checks: dict[bytes, Address] = {}  # by transaction, those that wait for an answer
        self.second, self.octets = now, 0  # what it has sent of late, and since when
        self.early: bytes | None = None  # a ClientHello that came before its address had shown itself

    def restart(self, remote: tuple[str, str]) -> None:
        """An ICE restart of theirs: new credentials on both sides. Media go on at the old address meanwhile."""
        self.remote = remote
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)


class Port:
    """`clock` gives seconds; it never goes back. `fanout`: the loop that sends to many."""

    def __init__(self, sock: socket.socket, clock: Callable[[], float], fanout: Fanout | None = None) -> None:
        self.sock = sock
        self.fanout = fanout or Python()
        self.certificate = Certificate()
        self.clock = clock
        self.peers: set[Peer] = set()
        self._by_name: dict[str, Peer] = {}
        self._by_address: dict[Address, Peer] = {}
        self._checks: dict[bytes, Peer] = {}
        self._handshaking: set[Peer] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._gathering: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self.dropped = self.strangers = self.forwarded = self.repeated = self.refused = 0

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sock.fileno(), self._read)
        self._ticker = loop.create_task(self._tick(), name="media port")

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        for timer in self._gathering.values():
            timer.cancel()
        for peer in list(self.peers):
            self.shut(peer)
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()

    def open(self, remote: tuple[str, str], fingerprints: tuple[tuple[str, str], ...]) -> Peer:
        peer = Peer(self, remote, fingerprints, self.clock())
        self.peers.add(peer)
        self._by_name[peer.ufrag] = peer
        self._handshaking.add(peer)
        return peer

    def restart(self, peer: Peer, remote: tuple[str, str]) -> None:
        self._by_name.pop(peer.ufrag, None)
        peer.restart(remote)
        self._by_name[peer.ufrag] = peer

    def shut(self, peer: Peer) -> None:
        """Let go of a peer, and tell it where it can be told."""
        if peer.is_closed:
            return
        peer.is_closed = True
        if peer.address is not None:
            for datagram in peer.dtls.close():
                self.send(datagram, peer.address)
        self.peers.discard(peer)
        self._handshaking.discard(peer)
        self._by_name.pop(peer.ufrag, None)
        for address in (*peer.tried, peer.address):
            if address is not None and self._by_address.get(address) is peer:
                del self._by_address[address]
        for transaction in peer.checks:
            self._checks.pop(transaction, None)
        peer.inbound = peer.outbound = None
        if peer.handler is not None:
            peer.handler.closed()

    def send(self, data: bytes, address: Address) -> bool:
        """Whether the network took it."""
        try:
            self.sock.sendto(data, address)
            return True
        except OSError:
            self.dropped += 1
            return False

    def later(self, send: Callable[[], None], *, whole: bool) -> None:
        """Have `send` called when all that has come by now is read or, where that is not `whole`, when more of it has come, after
        `GATHER` at the latest: many packets for a viewer cost less than as many times one. Before the port is open, at once."""
        if self._ticker is None:
            send()
        elif whole:
            timer = self._gathering.pop(send, None)
            if timer is not None:
                timer.cancel()
            asyncio.get_running_loop().call_soon(send)
        elif send not in self._gathering:
            self._gathering[send] = asyncio.get_running_loop().call_later(GATHER, self._gathered, send)

    def _gathered(self, send: Callable[[], None]) -> None:
        del self._gathering[send]
        send()

    # --- coming in --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        now = self.clock()
        receive = self.sock.recvfrom
        for _ in range(READS):
            try:
                data, address = receive(2_048)
            except OSError:
                return
            try:
                self._datagram(data, address[:2], now)
            except Exception:
                log.exception("a datagram could not be handled")

    def _datagram(self, data: bytes, address: Address, now: float) -> None:
        if len(data) < 13:
            self.strangers += 1
            return
        first = data[0]
        if first < 4:
            self._stun(data, address, now)
            return
        peer = self._by_address.get(address)
        if peer is None:
            self.strangers += 1
        elif 127 < first < 192:
            self._media(peer, data, now)
        elif 19 < first < 64:
            if peer.address == address:
                self._dtls(peer, peer.dtls.feed(data))
            else:
                peer.early = data

    def _media(self, peer: Peer, data: bytes, now: float) -> None:
        if peer.inbound is None or peer.handler is None:
            return
        is_control = 192 <= data[1] <= 223
        if not is_control and not peer.handler.sends:
            return
        packet = peer.inbound.rtcp(data) if is_control else peer.inbound.rtp(data)
        if packet is None:
            return
        peer.heard = now
        if now - peer.second >= 1.0:
            peer.second, peer.octets = now, 0
        peer.octets += len(data) + DATAGRAM  # not before it is known whose it is: nobody else may use this up
        if peer.octets > peer.handler.most:
            self.refused += 1
        elif is_control:
            peer.handler.rtcp(packet, now)
        else:
            peer.handler.rtp(packet, now)

    def _stun(self, data: bytes, address: Address, now: float) -> None:
        message = stun.parse(data)
        if message is None:
            self.strangers += 1
        elif message.type == stun.REQUEST:
            name, _, theirs = message.username.partition(":")
            peer = self._by_name.get(name)
            if peer is None or theirs != peer.remote[0] or not stun.is_signed(data, message, peer.password.encode()):
                self.strangers += 1
                return
            self.send(stun.success(message.transaction, address, peer.password.encode()), address)
            if peer.address == address:
                peer.heard = now
            elif peer.address is None or message.nominates:
                self._check(peer, address)
        elif message.type == stun.SUCCESS:
            found = self._checks.get(message.transaction)
            if (
                found is not None
                and found.checks[message.transaction] == address
                and stun.is_signed(data, message, found.remote[1].encode())
            ):
                del self._checks[message.transaction], found.checks[message.transaction]
                self._shown(found, address, now)

    def _check(self, peer: Peer, address: Address) -> None:
        """Ask an address to show that it is there. Until it has, it stays whose it was."""
        self._by_address.setdefault(address, peer)
        peer.tried[address] = None
        if len(peer.tried) > TRIED:
            oldest = next(iter(peer.tried))
            del peer.tried[oldest]
            if oldest != peer.address and self._by_address.get(oldest) is peer:
                del self._by_address[oldest]
        if len(peer.checks) >= TRIED:
            oldest_check = next(iter(peer.checks))
            del peer.checks[oldest_check], self._checks[oldest_check]
        transaction = os.urandom(12)
        self._checks[transaction], peer.checks[transaction] = peer, address
        self.send(stun.request(transaction, f"{peer.remote[0]}:{peer.ufrag}", peer.remote[1].encode()), address)

    def _shown(self, peer: Peer, address: Address, now: float) -> None:
        if peer.is_closed:
            return
        if peer.address is not None:
            self._by_address.pop(peer.address, None)
        peer.address, peer.heard = address, now
        self._by_address[address] = peer
        if peer.handler is not None:
            peer.handler.moved()
        if peer.early is not None:
            hello, peer.early = peer.early, None
            self._dtls(peer, peer.dtls.feed(hello))

    def _dtls(self, peer: Peer, out: list[bytes]) -> None:
        if peer.address is not None:
            for datagram in out:
                self.send(datagram, peer.address)
        if peer.dtls.failed or peer.dtls.closed:
            self.shut(peer)
        elif peer.dtls.done and peer.inbound is None:
            self._handshaking.discard(peer)
            keys = peer.dtls.keys() if peer.dtls.is_peer(peer.fingerprints) else None
            if keys is None:
                self.shut(peer)
                return
            peer.inbound, peer.outbound = keys
            if peer.handler is not None:
                peer.handler.connected()

    # --- time -------------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(TICK)
            try:
                self._retransmit()
                turn += 1
                if turn % 20 == 0:
                    self._expire()
            except Exception:
                log.exception("the media port's tick failed")

    def _retransmit(self) -> None:
        for peer in [one for one in self._handshaking if one.address is not None]:
            wait = peer.dtls.timeout()
            if wait is not None and wait <= 0:
                self._dtls(peer, peer.dtls.again())

    def _expire(self) -> None:
        now = self.clock()
        for peer in list(self.peers):
            late = now - peer.opened > SETTING_UP if peer.outbound is None else now - peer.heard > CONSENT
            if late:
                self.shut(peer)


def bind(host: str, port: int) -> socket.socket:
    """The socket for all. Raises `OSError`."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    sock.bind((host, port))
    return sock
