"""WebRTC viewers of one publisher: CPU per packet forwarded, ours with either loop beside aiortc's `MediaRelay` and Janus.

All are sent the same stream: H.264 at 1.1 Mbit/s and Opus, with a sender report a second. Each viewer goes through ICE and DTLS,
agrees on the same cipher, and sends two receiver reports a second. Everything in the forwarding process counts. Ours also makes
LL-HLS of the stream and records it, which others do not: what that takes without viewers is measured, and taken off where ours
is set beside others. Where a forwarder does not say how many packets it has sent, those count that viewers have got.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pylibsrtp import Policy, Session

from classroom.media.sfu import packets
from classroom.media.sfu.aiortc_parts import Outbound
from classroom.media.sfu.fanout import Group, Python
from classroom.media.sfu.forward import Leg
from classroom.media.sfu.native import load
from classroom.media.sfu.port import bind
from classroom.media.sfu.sdp import Format
from loadtest.bench.footage import film, tone
from loadtest.bench.forwarders import Forwarder, MediaRelay, Ours, Sends
from loadtest.bench.janus import Janus
from loadtest.bench.network import own_network
from loadtest.bench.stage import Say
from loadtest.bench.table import Row
from tests.media.bare import Bare
from tests.media.peers import forwarding

VIEWERS = (50, 200, 500, 1_000)
PEERS_VIEWERS = 500  # at most, of others; MediaRelay has its own number
RELAYED = 2  # viewers of MediaRelay: more are more than it carries
PATIENCE = 60.0  # seconds for one measurement
SECONDS = 6.0
FILM = 8  # seconds, which begin again and again
AT_ONCE = 50  # viewers that join at the same time
LOOPS = (6, 40)  # rounds, and packets in each
REPORTS = (5, 4_000)  # rounds, and receiver reports in each
MOST = {"c": 1_000, "python": 500}  # viewers that a core is to carry, of the packets that this stream has


@dataclass(frozen=True)
class Figure:
    """Packets forwarded and seconds of CPU, both in a second; how many packets a second a viewer gets, and which share did not
    arrive."""

    packets: float
    cores: float
    rate: float
    lost: float

    def each(self, besides: float = 0.0) -> float:
        """µs of CPU per packet, without what goes on `besides`, in cores."""
        return (self.cores - besides) / self.packets * 1e6


class Stream:
    """One second after the other of pictures and sound, as RTP of a publisher."""

    def __init__(self) -> None:
        self._film = [(data[12:], data[1] & 0x80, int.from_bytes(data[4:8], "big")) for data in film(FILM)]
        self._tone = tone(FILM)
        self.rate = len(self._film) / FILM + 50
        self.bits = sum(len(one) for one, _, _ in self._film) * 8 / FILM

    async def play(self, to: Sends) -> None:
        """Send for good, a picture's packets at once."""
        begun, told = time.monotonic(), -1.0
        picture = sound = 0
        while True:
            at = time.monotonic() - begun
            while (found := self._picture(picture))[1] <= at * 90_000:
                payload, stamp, marker = found
                to.rtp(packets.header(96, marker, picture & 0xFFFF, stamp & 0xFFFFFFFF, 1) + payload)
                picture += 1
            while sound < at * 50:
                payload = self._tone[sound % len(self._tone)]
                to.rtp(packets.header(111, False, sound & 0xFFFF, sound * 960 & 0xFFFFFFFF, 2) + payload)
                sound += 1
            if at - told >= 1:
                told = at
                ntp = int((time.time() + packets.NTP_EPOCH) * (1 << 32))
                to.rtcp(packets.sender_report(1, ntp, int(at * 90_000), picture, 1))
                to.rtcp(packets.sender_report(2, ntp, int(at * 48_000), sound, 1))
            await asyncio.sleep(0.01)

    def _picture(self, number: int) -> tuple[bytes, int, bool]:
        again, place = divmod(number, len(self._film))
        payload, marker, stamp = self._film[place]
        return payload, stamp + again * FILM * 90_000, bool(marker)


def run(say: Say) -> Iterator[Row]:
    with own_network() as address:
        yield from _run(say, address)


def _run(say: Say, address: str) -> Iterator[Row]:
    stream = Stream()
    say(f"{stream.bits / 1e6:.2f} Mbit/s of pictures and Opus, {stream.rate:.0f} packets a second")
    if not Janus.is_here() or not address:
        reason = "it needs root, for a network namespace" if Janus.is_here() else "Debian's package janus is not here"
        say(f"Janus left out: {reason}")
        address = ""
    loops = _loop_costs()
    yield Row("the loop in Python alone", loops["python"], "µs/packet")
    yield Row("the loop in C alone", loops["c"], "µs/packet", "in Python", loops["c"] / loops["python"])
    yield Row("a receiver report handled", _report_cost(), "µs")
    alone = _measured(say, stream, Ours("c"), 0)
    yield Row("WebRTC, a class that nobody watches", 100 * alone.cores, "% of a core")
    for count in VIEWERS:
        found = {loop: _measured(say, stream, Ours(loop), count) for loop, most in MOST.items() if count <= most}
        peers: dict[str, Figure] = {}
        for loops in ((0, 2) if count == PEERS_VIEWERS else (0,)) if address and count <= PEERS_VIEWERS else ():
            janus = Janus(address, loops)
            with suppress(TimeoutError):
                peers[janus.name] = _measured(say, stream, janus, count)
        for loop, figure in found.items():
            name = f"WebRTC, {count} viewers, {'C' if loop == 'c' else 'Python'}"
            limit = 1e6 / (count * stream.rate) if count == MOST[loop] else None
            yield Row(name, figure.each(), "µs/packet", limit=limit)
            each = figure.each(alone.cores)
            yield Row("… less such a class", each, "µs/packet")
            for peer, theirs in peers.items():
                yield Row("… less such a class", each, "µs/packet", peer, each / theirs.each())
        for peer, theirs in peers.items():
            yield Row(f"WebRTC, {count} viewers, {peer}", theirs.each(), "µs/packet")
    with suppress(TimeoutError):
        relayed = _measured(say, stream, MediaRelay(), RELAYED)
        yield Row(f"WebRTC, {RELAYED} viewers, MediaRelay", relayed.each(), "µs/packet")


def _loop_costs() -> dict[str, float]:
    """µs of CPU to encrypt a packet for one of 500 viewers and hand it to the kernel, with nothing around: the best of some
    rounds, in turns. Most of it is libsrtp's and the kernel's, and moves with the machine."""
    with ExitStack() as stack:
        sock = stack.enter_context(bind("127.0.0.1", 0))
        native = load(Path(stack.enter_context(TemporaryDirectory())))
        sinks = [stack.enter_context(bind("127.0.0.1", 0)) for _ in range(500)]
        payload, best = bytes(950), {"python": float("inf"), "c": float("inf")}
        groups = {one.name: (one, Group(map(_leg, sinks))) for one in (Python(), native)}
        for number in range(LOOPS[0]):
            for name, (loop, group) in groups.items():
                begun = time.process_time()
                for turn in range(LOOPS[1]):
                    loop.send(sock, [packets.header(96, True, number * LOOPS[1] + turn, 0, 1) + payload], group)
                best[name] = min(best[name], (time.process_time() - begun) / LOOPS[1] / len(sinks) * 1e6)
        return best


def _leg(sink: socket.socket) -> Leg:
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # nobody reads
    policy = Policy(key=os.urandom(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND)
    return Leg(Outbound(Session(policy)), sink.getsockname(), Format(96, "h264", 90_000, 0, (), ()), 0)


def _report_cost() -> float:
    """µs of CPU per receiver report, from the datagram to the decision that all may stay as it is."""
    return asyncio.run(_handle_reports())


async def _handle_reports() -> float:
    async with forwarding() as unit:
        publisher, viewer = Bare(sends=True), Bare()
        await publisher.connect(unit.sfu.publish("r", "t1", publisher.offer())[1])
        while not unit.began:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
        await viewer.connect(unit.sfu.watch("r", "t1", viewer.offer(), "s1")[1])
        for number in range(100):
            publisher.rtp(packets.header(96, True, number, number * 3_000, 1) + b"\x61" + bytes(900))
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().remove_reader(unit.port.sock.fileno())
        assert viewer.outbound is not None
        report = packets.receiver_report(1, [packets.report_block(ssrc, 0, 0, 9, 20, 0, 0) for ssrc in viewer.ssrcs])
        address, now, best = viewer.sock.getsockname(), unit.port.clock(), float("inf")
        for _ in range(REPORTS[0]):
            reports = [viewer.outbound.rtcp(report) for _ in range(REPORTS[1])]
            begun = time.process_time()
            for number, data in enumerate(reports):
                unit.port._datagram(data, address, now + number / 2)
            best = min(best, time.process_time() - begun)
        for peer in (publisher, viewer):
            peer.close()
        return best / REPORTS[1] * 1e6


def _measured(say: Say, stream: Stream, forwarder: Forwarder, count: int) -> Figure:
    try:
        figure = asyncio.run(_measure(stream, forwarder, count))
    except TimeoutError:
        say(f"{forwarder.name}, {count} viewers: not done within {PATIENCE:g} s, and left out")
        raise
    if not count:
        say(f"{forwarder.name}, nobody watches: {figure.cores:.3f} of a core")
        return figure
    say(
        f"{forwarder.name}, {count} viewers: {figure.each():.2f} µs a packet, {figure.cores:.2f} of a core, so "
        f"{count / figure.cores:.0f} viewers per core at {figure.rate:.0f} packets a second; {figure.lost:.2%} lost on the way"
    )
    return figure


async def _measure(stream: Stream, forwarder: Forwarder, count: int) -> Figure:
    async with forwarder, asyncio.timeout(PATIENCE):
        publisher = await forwarder.publish()
        tasks = [asyncio.create_task(stream.play(publisher))]
        viewers: list[Bare] = []
        try:
            await _join(forwarder, viewers, count)
            reads = min(forwarder.reads, count)
            for one in viewers[reads:]:  # their packets end in the kernel
                asyncio.get_running_loop().remove_reader(one.sock.fileno())
            tasks.append(asyncio.create_task(_report(viewers)))
            if isinstance(publisher, Bare):
                tasks.append(asyncio.create_task(_consent(publisher)))
            await asyncio.sleep(2)
            begun, cpu, told = time.monotonic(), forwarder.cpu(), await forwarder.forwarded()
            received = sum(one.received for one in viewers[:reads])
            await asyncio.sleep(SECONDS)
            got = (sum(one.received for one in viewers[:reads]) - received) * count / max(1, reads)
            took, cpu = time.monotonic() - begun, forwarder.cpu() - cpu
            after = await forwarder.forwarded()
            sent = got if told is None or after is None else after - told
            ended = [task for task in tasks if task.done()]
            if ended:
                raise RuntimeError("the publisher or the viewers have stopped") from ended[0].exception()
            if count and not sent:
                raise RuntimeError(f"{forwarder.name} forwards nothing")
            rate, lost = (sent / count / took, max(0.0, 1 - got / sent)) if count else (0.0, 0.0)
            return Figure(sent / took, cpu / took, rate, lost)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in viewers:
                one.close()
            if isinstance(publisher, Bare):
                publisher.close()


async def _join(forwarder: Forwarder, viewers: list[Bare], count: int) -> None:
    while count and not viewers:
        with suppress(LookupError):
            viewers.append(await forwarder.watch())
        await asyncio.sleep(0.05)
    while len(viewers) < count:
        more = min(AT_ONCE, count - len(viewers))
        viewers += await asyncio.gather(*(forwarder.watch() for _ in range(more)))


async def _report(viewers: list[Bare]) -> None:
    """Two receiver reports a second of each, spread over the time, and checks that renew consent."""
    turn = 0
    while True:
        begun = time.monotonic()
        for place in range(10):
            for viewer in viewers[place::10]:
                viewer.report()
            if turn % 10 == 0:
                for viewer in viewers[place::10]:
                    viewer.check()
            await asyncio.sleep(max(0.0, begun + 0.05 * (place + 1) - time.monotonic()))
        turn += 1


async def _consent(publisher: Bare) -> None:
    while True:
        publisher.check()
        await asyncio.sleep(5)
