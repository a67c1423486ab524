"""What those send who mean harm: nothing crashes, nobody else notices, what is kept is bounded, and no address that has not
answered is sent more than three bytes for one."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.media.sfu import packets, port, sdp, sfu, stun
from classroom.media.sfu.port import Port, bind
from classroom.media.sfu.viewer import REPEATS
from tests.media.bare import H264, OPUS, Bare
from tests.media.peers import forwarding
from tests.media.test_forwarding import SLICE, pair, picture
from tests.running import until

HEAD = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\n"
    f"a=ice-pwd:{'p' * 22}\r\na=fingerprint:sha-256 {'AA:' * 31}AA\r\na=setup:actpass\r\n"
)
OFFER = HEAD + H264.format(direction="sendonly") + OPUS.format(direction="sendonly") + "a=ssrc:2 cname:x\r\n"
STRANGE = ("²", "٣", "9" * 5_000, "-1", "0x10", "", " ", "\x00", "\u2028", "4294967296", "1" * 64_000, "a=", "m=")


def told(text: str) -> None:
    """What the unit does with an offer and with a fragment, as far as it is text."""
    with suppress(sdp.BadOffer):
        offer = sdp.read_offer(text)
        replies = tuple(sdp.Reply(sdp.pick(one), "recvonly", one.extensions) for one in offer.sections)
        sdp.answer(offer, replies, ("u", "p"), "AA", (("192.0.2.1", 1),))
    with suppress(sdp.BadOffer):
        sdp.read_fragment(text)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 60), st.sampled_from("drsx"), st.sampled_from(STRANGE)), max_size=6))
def test_an_offer_whose_lines_are_dropped_doubled_or_changed_is_answered_or_refused(changes: list) -> None:
    lines = OFFER.split("\r\n")
    for place, how, text in changes:
        at = place % len(lines)
        if how == "d":
            lines.insert(at, lines[at])
        elif how == "r":
            lines[at] = lines[at].partition(":")[0] + ":" + text
        elif how == "s":
            words = lines[at].split(" ")
            words[place % len(words)] = text
            lines[at] = " ".join(words)
        elif len(lines) > 1:
            del lines[at]
    told("\r\n".join(lines))


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300))
def test_any_text_is_refused_as_an_offer(text: str) -> None:
    told(text)
    told(HEAD + text)
    told(OFFER + text)


@pytest.mark.parametrize("text", STRANGE)
def test_a_number_that_is_none_is_no_error_wherever_it_stands(text: str) -> None:
    for line in OFFER.split("\r\n"):
        for number in ("96", "97", "111", "90000", "48000", "9", "2", "0", "1"):
            if number in line:
                told(OFFER.replace(line, line.replace(number, text)))
    told(OFFER + f"a=extmap:{text} {sdp.MID}\r\na=ssrc:{text} cname:x\r\na=fmtp:97 apt={text}\r\n")


@pytest.mark.parametrize(
    "more", ["a=fmtp:96 " + "a;" * 10_000, "a=rtcp-fb:* x\r\n" * 2_000, "a=rtpmap:96 rtx/1\r\n" * 1_000]
)
def test_an_offer_that_names_a_codec_a_thousand_times_is_read_in_no_time(more: str) -> None:
    types = " ".join(["96"] * 5_000 + ["0" * zeros + str(type) for zeros in range(8) for type in range(128)])
    line = f"m=video 9 UDP/TLS/RTP/SAVPF {types}\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n{more}\r\n"
    assert len(HEAD + line) < sdp.OFFER_LIMIT
    begun = time.process_time()
    told(HEAD.replace("BUNDLE 0 1", "BUNDLE 0") + line)
    assert time.process_time() - begun < 0.5


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=400), st.integers(0, 120), st.integers(0, 255))
def test_any_bytes_are_no_error_as_stun_rtp_or_rtcp(data: bytes, place: int, value: int) -> None:
    check = bytearray(stun.request(bytes(12), "abcd:efgh", b"secret"))
    check[place % len(check)] = value
    for one in (data, bytes(check), bytes(check) + data, stun.request(bytes(12), "a:b", b"x")[:20] + data):
        message = stun.parse(one)
        if message is not None:
            stun.is_signed(one, message, b"other")
    for one in (data, b"\x90" + data, b"\xbf" + data, packets.header(96, True, 1, 1, 1) + data):
        head = packets.read(one)
        if head is not None:
            assert head.body + head.padding <= len(one)
            packets.extension(one, 3)
    for control in packets.controls(b"\x81\xcd" + data):
        assert len(packets.lost_of(control.body)) <= packets.NACK_LIMIT


def strangers(count: int) -> list[bytes]:
    dice = random.Random(1)
    check = stun.request(os.urandom(12), "abcd:efgh", b"wrong")
    kinds = (b"\x16\xfe\xfd", b"\x16\xfe\xff\x00\x00", b"\x80\x60", b"\x80\xc8", b"\xff", b"\x17\xfe\xfd", b"\x00\x01")
    made = [kinds[place % 7] + dice.randbytes(dice.choice((12, 60, 200, 1_200))) for place in range(count)]
    made[::8] = [check] * len(made[::8])
    return made


async def test_a_flood_of_strangers_is_not_answered_and_a_class_goes_on_meanwhile() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        publisher, (viewer,), (seen,) = await pair(unit)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            flood = strangers(6_000)
            for number in range(100):
                for datagram in flood[number * 60 : number * 60 + 60]:
                    stranger.sendto(datagram, unit.address)
                publisher.rtp(picture(number))
                await until(lambda before=number: len(seen) > before)
            assert len(seen) == 100
            with pytest.raises(BlockingIOError):
                stranger.recv(2_048)
        assert unit.port.strangers > 3_000
        assert len(unit.port.peers) == 2
        assert len(unit.port._by_address) == 2
        publisher.close()
        viewer.close()


async def test_a_strangers_datagram_costs_less_than_a_packet_that_is_forwarded() -> None:
    async with forwarding(sfu.Bounds(bits=1_000_000_000)) as unit, asyncio.timeout(60):
        publisher, (viewer,), _ = await pair(unit)
        assert publisher.outbound is not None
        seal = publisher.outbound.rtp
        valid = [bytes(seal(picture(number, SLICE + bytes(1_000)))) for number in range(2_000)]
        flood = strangers(2_000)
        ours = publisher.sock.getsockname()[:2]

        def cost(datagrams: list[bytes], address: tuple[str, int]) -> float:
            begun = time.process_time()
            for datagram in datagrams:
                unit.port._datagram(datagram, address, unit.port.clock())
            return time.process_time() - begun

        forwarded, refused = cost(valid, ours), cost(flood, ("192.0.2.1", 9))
        print(f"a stranger's datagram costs {refused / forwarded:.2f} of a forwarded packet")
        assert refused < forwarded
        publisher.close()
        viewer.close()


async def test_what_comes_in_a_peers_name_ends_nobodys_session() -> None:
    """Somebody who knows both addresses can send in a peer's name, but has no keys."""
    async with forwarding() as unit, asyncio.timeout(30):
        publisher, (viewer,), (seen,) = await pair(unit)
        for peer in (publisher, viewer):
            for datagram in strangers(400):
                peer.sock.sendto(datagram, unit.address)
            peer.sock.sendto(b"\x15\xfe\xfd" + bytes(8) + b"\0\2\2\x28", unit.address)  # an alert in the clear
            hello = b"".join(Bare.certificate.connect().begin())  # type: ignore[union-attr]
            for _ in range(20):
                peer.sock.sendto(hello, unit.address)
        publisher.rtp(picture(5, SLICE + b"still here"))
        await until(lambda: any(one.endswith(b"still here") for one in seen))
        assert unit.sfu.viewers == 1
        assert unit.ended == []
        publisher.close()
        viewer.close()


async def test_before_its_handshake_a_peer_is_not_ended_by_what_others_send_in_its_name() -> None:
    async with forwarding() as unit, asyncio.timeout(30):
        peer = Bare(sends=True)
        session, answer = unit.sfu.publish("r", "t1", peer.offer())
        connecting = asyncio.create_task(peer.connect(answer))
        await until(lambda: session.peer.address is not None)
        for datagram in strangers(50):
            unit.port._datagram(datagram, session.peer.address or ("", 0), unit.port.clock())
        await connecting
        await until(lambda: unit.began == [session])
        peer.close()


async def test_ten_thousand_offers_keep_a_bounded_number_of_sessions_and_a_class_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(port, "SETTING_UP", 1.0)
    async with forwarding() as unit, asyncio.timeout(90):
        publisher, (viewer,), (seen,) = await pair(unit)
        peer = Bare(sends=True)
        offer = peer.offer()
        refused = 0
        for number in range(10_000):
            try:
                if number % 2:
                    unit.sfu.publish("r", f"student{number % 50}", offer)
                else:
                    unit.sfu.watch("r", "t1", offer.replace("sendonly", "recvonly"), f"other{number}")
            except (sfu.Crowded, sfu.Full):
                refused += 1
            assert len(unit.sfu.sessions) <= sfu.HALF_OPEN + 2
            if number % 200 == 0:
                publisher.rtp(picture(number // 200))
                await until(lambda before=number // 200: len(seen) > before)
        assert refused > 2_000
        of_one = [one for one in unit.sfu.sessions.values() if one.member == "student1"]
        assert 0 < len(of_one) <= sfu.OWN_HALF_OPEN
        await until(lambda: len(unit.sfu.sessions) == 2, timeout=20)
        assert len(unit.port.peers) == 2
        assert len(unit.port._by_name) == 2
        publisher.close()
        viewer.close()
        peer.close()


async def test_a_member_who_says_to_be_everywhere_is_checked_within_bounds_and_others_are_not_held_up() -> None:
    """A valid check from each of ten thousand addresses, which only who can forge senders can send."""
    async with forwarding() as unit, asyncio.timeout(60):
        publisher, (viewer,), (seen,) = await pair(unit)
        liar = Bare()
        session, answer = unit.sfu.watch("r", "t1", liar.offer(), "s2")
        liar.remote, liar.address = (session.peer.ufrag, session.peer.password), unit.address
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as catch:
            catch.bind(("127.0.0.1", 0))
            keep, liar.sock = liar.sock, catch
            liar.address = catch.getsockname()
            liar.check()
            check = catch.recv(2_048)
            liar.sock = keep
        sent: dict[tuple[str, int], int] = {}
        unit.port.send = lambda data, to: sent.__setitem__(to, sent.get(to, 0) + len(data)) or True  # type: ignore
        for number in range(10_000):
            there = (f"192.0.{number >> 8 & 255}.{number & 255}", 1_000 + number)
            unit.port._datagram(check, there, unit.port.clock())
        del unit.port.send
        assert len(sent) == 10_000
        assert max(sent.values()) <= 3 * len(check)
        assert len(unit.port._checks) <= port.TRIED
        assert len(unit.port._by_address) <= port.TRIED + 2
        publisher.rtp(picture(7, SLICE + b"still here"))
        await until(lambda: any(one.endswith(b"still here") for one in seen))
        late = Bare()
        _, answer = unit.sfu.watch("r", "t1", late.offer(), "s3")
        await late.connect(answer)
        unit.sfu.end(session)
        assert len(unit.port._by_address) == 3
        assert len(unit.port._checks) == 0
        for peer in (publisher, viewer, liar, late):
            peer.close()


@pytest.mark.parametrize("ufrag", ["abcd", "u" * 256])
@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
async def test_the_shortest_check_is_answered_with_less_than_three_bytes_for_one(ufrag: str, host: str) -> None:
    """All that an address that never answers is sent, over the whole life of a session, counted against what came from it."""
    clock = [0.0]
    sock = bind("127.0.0.1", 0)
    unit = Port(sock, lambda: clock[0])
    out = 0

    def send(data: bytes, address: tuple[str, int]) -> bool:
        nonlocal out
        assert address == (host, 9)
        out += len(data)
        return True

    unit.send = send  # type: ignore[method-assign]
    peer = unit.open((ufrag, "p" * 22), (("sha-256", "AA"),))
    name = f"{peer.ufrag}:{ufrag}".encode()
    body = stun._attribute(stun.USERNAME, name)  # no more than what is needed to be taken
    head = (1).to_bytes(2, "big") + (len(body) + 24).to_bytes(2, "big") + stun.COOKIE.to_bytes(4, "big") + bytes(12)
    digest = stun.hmac.digest(peer.password.encode(), head + body, "sha1")
    shortest = head + body + stun._attribute(stun.INTEGRITY, digest)
    came = 0
    hello = b"".join(Bare.certificate.connect().begin()) if Bare.certificate else b"\x16" + bytes(200)
    for _ in range(100):
        for datagram in (shortest, hello):
            unit._datagram(datagram, (host, 9), clock[0])
            came += len(datagram)
        clock[0] += 0.5
        unit._retransmit()
        unit._expire()
    assert out > 0
    assert out <= 3 * came
    # Without the DTLS that is never answered it is less than three, too.
    assert out <= 3 * 100 * len(shortest)
    assert unit.peers == set()
    sock.close()


async def test_a_viewer_that_asks_for_everything_again_and_again_gets_a_bounded_number_of_packets() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        publisher, (viewer, other), (seen, theirs) = await pair(unit, 2)
        for number in range(400):
            publisher.rtp(picture(number, SLICE + bytes(200)))
            await until(lambda before=number: len(theirs) > before)
        await until(lambda: len(seen) == 400)
        first = packets.read(seen[0])
        assert first is not None
        assert viewer.outbound is not None
        everything = [first.sequence + at & 0xFFFF for at in range(400)]
        begun = asyncio.get_running_loop().time()
        for _ in range(40):  # 16,000 packets asked for, and then all of the 65,536 numbers, of which few were ever sent
            viewer.sock.sendto(viewer.outbound.rtcp(packets.nack(7, first.ssrc, everything)), viewer.address)
        huge = b"\x81\xcd" + (2 + 300).to_bytes(2, "big") + (7).to_bytes(4, "big") + first.ssrc.to_bytes(4, "big")
        for start in range(0, 1 << 16, 300 * 17):
            body = b"".join((start + at * 17 & 0xFFFF).to_bytes(2, "big") + b"\xff\xff" for at in range(300))
            viewer.sock.sendto(viewer.outbound.rtcp(huge + body), viewer.address)
            await asyncio.sleep(0)
        sequence = 400
        while not seen[-1].endswith(b"last"):  # what did not fit the viewer's own buffer is lost
            publisher.rtp(picture(sequence, SLICE + b"last"))
            sequence += 1
            await asyncio.sleep(0.01)
        seconds = asyncio.get_running_loop().time() - begun
        assert 400 < len(seen) <= sequence + REPEATS * (1 + int(seconds + 1))
        assert len(theirs) <= sequence
        for peer in (publisher, viewer, other):
            peer.close()


async def test_a_publisher_that_sends_far_more_than_it_may_floods_no_viewer() -> None:
    async with forwarding(sfu.Bounds(bits=100_000)) as unit, asyncio.timeout(60):
        publisher, (viewer,), _ = await pair(unit)
        most = 100_000 / 8 * sfu.OVER
        begun, number = unit.port.clock(), 0
        while unit.port.refused < 500:
            for _ in range(50):
                publisher.rtp(picture(number, SLICE + bytes(900)))
                number += 1
            await asyncio.sleep(0.005)
        seconds = unit.port.clock() - begun
        assert unit.port.forwarded * 1_000 <= most * (seconds + 2)
        before = viewer.received
        while viewer.received == before:  # and goes on as soon as it keeps to what it may
            publisher.rtp(picture(number))
            number += 1
            await asyncio.sleep(0.05)
        assert unit.ended == []
        publisher.close()
        viewer.close()


async def test_a_viewer_that_floods_with_what_is_its_own_is_looked_at_so_much_and_no_more() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        publisher, (viewer, other), (_, seen) = await pair(unit, 2)
        handler = next(one.handler for one in unit.port.peers if one.address == viewer.sock.getsockname())
        assert handler is not None
        looked_at = 0
        rtcp = handler.rtcp

        def count(packet: bytes, now: float) -> None:
            nonlocal looked_at
            looked_at += 1
            rtcp(packet, now)

        handler.rtcp = count  # type: ignore[method-assign]
        begun = unit.port.clock()
        number = 0
        while number < 20 or not unit.port.refused:
            for _ in range(50):
                viewer.report()
                viewer.rtp(picture(number))  # viewers have no media to send
            publisher.rtp(picture(number))
            number += 1
            await until(lambda before=number: len(seen) >= before)
        assert looked_at <= sfu.VIEWER_MOST / port.DATAGRAM * (unit.port.clock() - begun + 1)
        assert len(seen) == number
        for peer in (publisher, viewer, other):
            peer.close()


async def test_a_publisher_that_sends_what_it_likes_is_kept_within_bounds() -> None:
    """Jumping numbers, a new SSRC with each packet, endless header extensions, holes that were never there."""
    dice = random.Random(3)
    async with forwarding() as unit, asyncio.timeout(60):
        publisher, (viewer,), _ = await pair(unit)
        before = viewer.received
        for number in range(3_000):
            sequence = dice.randrange(1 << 16)
            ssrc = 1 if number % 3 else dice.randrange(1 << 32)
            publisher.rtp(picture(sequence, SLICE + dice.randbytes(dice.randrange(300)), ssrc))
            if number % 50 == 0:
                await asyncio.sleep(0)
        await until(lambda: viewer.received > before)
        session = unit.sfu.feeds["r", "t1"].session
        assert session is not None
        assert session.publisher is not None
        assert len(session.publisher._by_ssrc) <= 64 + 2
        assert all(len(one.missing) <= 1_000 for one in session.publisher.tracks)
        assert unit.ended == []
        publisher.close()
        viewer.close()
