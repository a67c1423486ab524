"""Forwarding packet by packet: numbering, what got lost asked for and sent again, reports, and what strangers send."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from classroom.media.sfu import native, packets, port, sfu, stun
from tests.media.bare import Bare
from tests.media.peers import Unit, forwarding
from tests.running import until

SLICE = b"\x61"


def picture(sequence: int, payload: bytes = SLICE, ssrc: int = 1) -> bytes:
    return packets.header(96, True, sequence & 0xFFFF, sequence * 3_000 & 0xFFFFFFFF, ssrc) + payload


async def pair(unit: Unit, viewers: int = 1) -> tuple[Bare, list[Bare], list[list[bytes]]]:
    """A publisher, and viewers whose packets are kept."""
    publisher = Bare(sends=True)
    _, answer = unit.sfu.publish("r", "t1", publisher.offer())
    await publisher.connect(answer)
    await until(lambda: bool(unit.began))
    watching, seen = [], []
    for _ in range(viewers):
        viewer = Bare()
        _, answer = unit.sfu.watch("r", "t1", viewer.offer(), "s1")
        kept: list[bytes] = []
        viewer.on_rtp = kept.append
        await viewer.connect(answer)
        watching.append(viewer)
        seen.append(kept)
    await until(lambda: all(one.viewers == viewers for one in unit.sfu.feeds["r", "t1"].forwards.values()))
    return publisher, watching, seen


def heads(seen: list[bytes]) -> list[packets.Rtp]:
    found = [packets.read(one) for one in seen]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("loop", ["python", "c"])
async def test_packets_come_once_in_one_numbering_for_all_with_each_viewer_s_payload_type(
    loop: str, tmp_path: Path
) -> None:
    fanout = native.load(tmp_path / "native") if loop == "c" else None
    async with forwarding(fanout=fanout) as unit, asyncio.timeout(20):
        publisher, viewers, seen = await pair(unit, 3)
        for sequence in (65_530, *range(65_531, 65_545), 65_540, 65_540):
            publisher.rtp(picture(sequence, SLICE + bytes([sequence & 255])))
        await until(lambda: all(len(kept) >= 15 for kept in seen))
        assert all(kept == seen[0] for kept in seen)
        told = heads(seen[0])
        assert len(told) == 15
        assert [head.sequence - told[0].sequence & 0xFFFF for head in told] == list(range(15))
        assert {head.payload_type for head in told} == {96}
        assert len({head.ssrc for head in told} & {1}) == 0
        for peer in (publisher, *viewers):
            peer.close()


async def test_a_nack_is_answered_by_rtx_and_what_the_publisher_lost_is_asked_for() -> None:
    async with forwarding() as unit, asyncio.timeout(20):
        publisher, (viewer,), (seen,) = await pair(unit)
        asked: list[packets.Control] = []
        publisher_rtcp(publisher, asked)
        for sequence in (100, 101, 103):  # 102 is lost on its way here
            publisher.rtp(picture(sequence, SLICE + bytes([sequence])))
        await until(lambda: any(c.type == packets.RTPFB and packets.lost_of(c.body) == [102] for c in asked))
        # It comes as a retransmission, of another SSRC and type.
        rtx = packets.header(97, True, 1, 102 * 3_000, 9) + (102).to_bytes(2, "big") + SLICE + b"\x66"
        publisher.rtp(rtx)
        await until(lambda: len(seen) >= 4)
        told = heads(seen)
        assert sorted(head.sequence - told[0].sequence for head in told) == [0, 1, 2, 3]

        lost = told[1].sequence
        viewer.sock.sendto(viewer.outbound.rtcp(packets.nack(7, told[0].ssrc, [lost])), viewer.address)
        await until(lambda: len(seen) >= 5)
        again = heads(seen)[-1]
        assert again.payload_type == 97
        assert again.ssrc != told[0].ssrc
        assert seen[-1][12:14] == lost.to_bytes(2, "big")
        assert seen[-1][14:] == seen[1][12:]
        publisher.close()
        viewer.close()


def publisher_rtcp(peer: Bare, into: list[packets.Control]) -> None:
    """Keep the control packets that a peer is sent."""
    loop = asyncio.get_running_loop()
    loop.remove_reader(peer.sock.fileno())

    def read() -> None:
        data = peer.sock.recv(2_048)
        if data[0] > 127 and peer.inbound is not None:
            into.extend(packets.controls(peer.inbound.rtcp(data) or b""))

    loop.add_reader(peer.sock.fileno(), read)


async def test_a_key_frame_is_asked_for_when_somebody_joins_but_seldom() -> None:
    async with forwarding() as unit, asyncio.timeout(20):
        publisher, (viewer,), _ = await pair(unit)
        asked: list[packets.Control] = []
        publisher_rtcp(publisher, asked)
        publisher.rtp(picture(1))
        forward = unit.sfu.feeds["r", "t1"].forwards["camera"]
        await until(lambda: forward.packets == 1)
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - begun < 1.2:
            viewer.sock.sendto(viewer.outbound.rtcp(packets.pli(7, forward.ssrc)), viewer.address)
            await asyncio.sleep(0.01)
        keys = [one for one in asked if one.type == packets.PSFB and one.format == 1]
        assert 1 <= len(keys) <= 3
        publisher.close()
        viewer.close()


async def test_a_sender_report_is_passed_on_with_the_viewers_own_times() -> None:
    async with forwarding() as unit, asyncio.timeout(20):
        publisher, (viewer,), _ = await pair(unit)
        publisher.rtp(picture(1))
        told: list[packets.Control] = []
        publisher_rtcp(viewer, told)
        ntp = packets.NTP_EPOCH + 1_800_000_000 << 32
        publisher.sock.sendto(publisher.outbound.rtcp(packets.sender_report(1, ntp, 3_000, 1, 1)), publisher.address)
        await until(lambda: any(one.type == packets.SR for one in told))
        report = next(one for one in told if one.type == packets.SR)
        forward = unit.sfu.feeds["r", "t1"].forwards["camera"]
        assert int.from_bytes(report.body[:4], "big") == forward.ssrc
        assert int.from_bytes(report.body[4:12], "big") == ntp
        publisher.close()
        viewer.close()


async def test_strangers_get_no_answer_and_nothing_breaks() -> None:
    async with forwarding() as unit, asyncio.timeout(30):
        publisher, (viewer,), (seen,) = await pair(unit)
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.setblocking(False)
        forged = stun.request(os.urandom(12), f"{next(iter(unit.port.peers)).ufrag}:xxxx", b"wrong")
        for start in (b"\x00\x01", b"\x16\xfe\xff", b"\x80\x60", b"\x80\xc8", b"\xff", b""):
            for size in (0, 1, 11, 12, 13, 20, 200, 1_400):
                stranger.sendto(start + os.urandom(size), unit.address)
            stranger.sendto(forged, unit.address)
        # Their own members send nonsense too, well encrypted.
        for size in (12, 13, 20, 40, 1_200):
            for first in (0x80, 0x90, 0xBF, 0x8F, 0xB0):
                publisher.rtp(bytes((first, 96)) + os.urandom(size))
                control = bytes((first, 205)) + os.urandom(size + 20)
                viewer.sock.sendto(viewer.outbound.rtcp(control[:1] + b"\xcd" + control[2:]), viewer.address)
        publisher.rtp(picture(5, SLICE + b"still here"))
        await until(lambda: any(one.endswith(b"still here") for one in seen))
        with pytest.raises(BlockingIOError):
            stranger.recv(2_048)
        stranger.close()
        publisher.close()
        viewer.close()


async def test_half_open_sessions_are_bounded_and_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sfu, "HALF_OPEN", 50)
    monkeypatch.setattr(port, "SETTING_UP", 0.2)
    async with forwarding() as unit, asyncio.timeout(20):
        peer = Bare(sends=True)
        for place in range(50):
            unit.sfu.publish("r", f"t{place}", peer.offer())
        with pytest.raises(sfu.Crowded):
            unit.sfu.publish("r", "another", peer.offer())
        await until(lambda: not unit.sfu.sessions, timeout=5)
        assert unit.port.peers == set()
        await until(lambda: not unit.sfu.feeds, timeout=5)
        peer.close()


async def test_consent_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "CONSENT", 0.5)
    async with forwarding() as unit, asyncio.timeout(20):
        publisher, (viewer,), _ = await pair(unit)
        await until(lambda: unit.sfu.viewers == 0 and bool(unit.ended), timeout=10)
        publisher.close()
        viewer.close()


async def test_media_go_to_no_address_that_has_not_answered() -> None:
    """Somebody with credentials says that they are at the address of somebody who has never asked for anything."""
    async with forwarding() as unit, asyncio.timeout(20):
        victim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)
        publisher, (viewer,), _ = await pair(unit)
        sent = 0
        told: list[Any] = []
        real, viewer_sock = viewer.sock, viewer.sock.fileno()
        # What the victim's address sends in the attacker's name: a valid check that nominates it.
        viewer.sock = victim
        viewer.check()
        sent += 200
        viewer.sock = real
        assert viewer_sock == real.fileno()
        for sequence in range(200):
            publisher.rtp(picture(sequence, SLICE + bytes(1_000)))
            await until(lambda before=sequence: viewer.received > before)
        while True:
            try:
                told.append(victim.recv(2_048))
            except BlockingIOError:
                break
        assert sum(map(len, told)) <= 3 * sent
        assert all(one[0] < 4 for one in told)
        victim.close()
        publisher.close()
        viewer.close()
