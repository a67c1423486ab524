"""Bare WebRTC peers, many in one process: ICE, DTLS-SRTP and nothing more; for measurements and for bad input.

What always holds: a peer is one UDP socket; what it is sent is counted, and decrypted only where asked.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import re
import socket
import struct
from binascii import crc32
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from classroom.media.sfu import packets, stun
from classroom.media.sfu.aiortc_parts import Certificate, Inbound, Outbound

CONTROLLING = 0x802A  # RFC 8445, 16.1
H264 = (
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\na={direction}\r\na=rtcp-mux\r\n"
    "a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
    "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
)
OPUS = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na={direction}\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"


class Bare:
    """`sends` makes it a publisher, of the SSRCs 1 (picture) and 2 (sound); `controls`: whether it chooses the way, as who
    offers does."""

    certificate: Certificate | None = None
    sockets: ClassVar[list[socket.socket]] = []  # those of all peers, for who ends with a failure

    def __init__(self, *, sends: bool = False, controls: bool = True, host: str = "127.0.0.1") -> None:
        Bare.certificate = Bare.certificate or Certificate()
        self.sends, self.controls = sends, controls
        self.ufrag, self.password = os.urandom(4).hex(), os.urandom(16).hex()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sockets.append(self.sock)
        self.sock.setblocking(False)
        self.sock.bind((host, 0))
        self.dtls = Bare.certificate.connect()
        self.inbound: Inbound | None = None
        self.outbound: Outbound | None = None
        self.ready = asyncio.Event()
        self.received = 0
        self.on_rtp: Callable[[bytes], None] | None = None
        self.remote = ("", "")
        self.address = ("", 0)
        self.ssrcs: list[int] = []
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._read)

    def offer(self) -> str:
        direction = "sendonly" if self.sends else "recvonly"
        assert Bare.certificate is not None
        head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
        head += f"a=ice-ufrag:{self.ufrag}\r\na=ice-pwd:{self.password}\r\n"
        head += f"a=fingerprint:sha-256 {Bare.certificate.fingerprint}\r\na=setup:actpass\r\n"
        video, audio = H264.format(direction=direction), OPUS.format(direction=direction)
        if self.sends:
            video, audio = video + "a=ssrc:1 cname:x\r\n", audio + "a=ssrc:2 cname:x\r\n"
        return head + video + audio

    async def connect(self, answer: str) -> None:
        """Do ICE and DTLS as the answer says; what gets lost is sent again."""
        self.remote = (_told(answer, r"a=ice-ufrag:(\S+)"), _told(answer, r"a=ice-pwd:(\S+)"))
        self.address = (_told(answer, r"a=candidate:\S+ 1 udp \d+ (\S+)"), int(_told(answer, r"udp \d+ \S+ (\d+)")))
        self.ssrcs = [int(one) for one in re.findall(r"a=ssrc:(\d+) cname", answer)]
        self.check()
        for datagram in self.dtls.begin():
            self.sock.sendto(datagram, self.address)
        while not self.ready.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(0.25):
                    await self.ready.wait()
                    return
            self.check()
            for datagram in self.dtls.again():
                self.sock.sendto(datagram, self.address)

    def check(self) -> None:
        """A binding request, which also renews consent."""
        role = _attribute(CONTROLLING, bytes(8)) + _attribute(stun.USE_CANDIDATE, b"")
        body = _attribute(stun.USERNAME, f"{self.remote[0]}:{self.ufrag}".encode())
        body += _attribute(stun.PRIORITY, struct.pack("!I", 1_845_501_695))
        body += role if self.controls else _attribute(stun.CONTROLLED, bytes(8))
        transaction = os.urandom(12)
        head = struct.pack("!HHI", stun.REQUEST, len(body) + 24, stun.COOKIE) + transaction
        body += _attribute(stun.INTEGRITY, hmac.digest(self.remote[1].encode(), head + body, "sha1"))
        head = struct.pack("!HHI", stun.REQUEST, len(body) + 8, stun.COOKIE) + transaction
        mark = _attribute(stun.FINGERPRINT, struct.pack("!I", crc32(head + body) ^ 0x5354554E))
        self.sock.sendto(head + body + mark, self.address)

    def rtp(self, packet: bytes) -> None:
        assert self.outbound is not None
        self.sock.sendto(self.outbound.rtp(packet), self.address)

    def rtcp(self, packet: bytes) -> None:
        assert self.outbound is not None
        self.sock.sendto(self.outbound.rtcp(packet), self.address)

    def report(self) -> None:
        """A receiver report with a block for each track, as a browser sends two a second."""
        blocks = [packets.report_block(ssrc, 0, 0, self.received, 20, 0, 0) for ssrc in self.ssrcs[:2]]
        self.rtcp(packets.receiver_report(1, blocks))

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()

    def _read(self) -> None:
        for _ in range(64):
            try:
                data, source = self.sock.recvfrom(2_048)
            except OSError:
                return
            first = data[0]
            if first > 127:
                if 192 <= data[1] <= 223:
                    continue
                self.received += 1
                if self.on_rtp is not None and self.inbound is not None:
                    packet = self.inbound.rtp(data)
                    if packet is not None:
                        self.on_rtp(packet)
            elif first < 4:
                message = stun.parse(data)
                if message is not None and message.type == stun.REQUEST:
                    self.sock.sendto(stun.success(message.transaction, source, self.password.encode()), source)
            elif 19 < first < 64:
                for datagram in self.dtls.feed(data):
                    self.sock.sendto(datagram, self.address)
                if self.dtls.done and self.outbound is None:
                    keys = self.dtls.keys()
                    assert keys is not None
                    self.inbound, self.outbound = keys
                    self.ready.set()


def _told(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    assert found, pattern
    return found[1]


def _attribute(type: int, value: bytes) -> bytes:
    return struct.pack("!HH", type, len(value)) + value + bytes(-len(value) % 4)
