"""The loop that sends a packet to many, in Python and in C: the same bytes, the same counts, whoever cannot be sent to."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest
import structlog
from pylibsrtp import Policy, Session

from classroom.media.link import socket_path
from classroom.media.sfu import native, packets
from classroom.media.sfu.aiortc_parts import Inbound, Outbound
from classroom.media.sfu.fanout import LONGEST, Fanout, Group, Python
from classroom.media.sfu.forward import Forward, Leg
from classroom.media.sfu.port import Port, bind
from classroom.media.sfu.sdp import Format

KEY = bytes(range(30))
UDP_GRO, SO_NO_CHECK = 104, 11  # linux/udp.h, asm-generic/socket.h
FORMAT = Format(96, "h264", 90_000, 0, (), ())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> native.Native:
    return native.load(tmp_path_factory.mktemp("native"))


@pytest.fixture(params=["python", "c"])
def fanout(request: pytest.FixtureRequest, built: native.Native) -> Fanout:
    return Python() if request.param == "python" else built


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with bind("127.0.0.1", 0) as sock:
        yield sock


def session(type: int, place: int) -> Session:
    policy = Policy(key=bytes((place & 255,)) + KEY[1:], ssrc_type=type)
    policy.allow_repeat_tx = True
    return Session(policy)


def leg(address: tuple[str, int], place: int = 0) -> Leg:
    return Leg(Outbound(session(Policy.SSRC_ANY_OUTBOUND, place)), address, FORMAT, 0)


class Viewer:
    """A socket, and who is sent to it. Its SRTP key is of its own `place`."""

    def __init__(self, place: int = 0, host: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.setblocking(False)
        self.leg = leg(self.sock.getsockname()[:2], place)
        self.inbound = Inbound(session(Policy.SSRC_ANY_INBOUND, place))

    def sealed(self) -> list[bytes]:
        """All that has come: on loopback it is there when `send` returns."""
        found = []
        while True:
            try:
                found.append(self.sock.recv(4_096))
            except BlockingIOError:
                return found

    def opened(self) -> list[bytes | None]:
        return [self.inbound.rtp(one) for one in self.sealed()]


@pytest.fixture
def viewers() -> Iterator[list[Viewer]]:
    """One more than fits into three of C's batches, and two more than fill two."""
    found = [Viewer(place) for place in range(193)]
    yield found
    for one in found:
        one.sock.close()


def packet(sequence: int, size: int = 1_000) -> bytes:
    head = packets.header(96, True, sequence, sequence * 3_000, 7, 3)
    return head + os.urandom(size - len(head))


def close(*viewers: Viewer) -> None:
    for one in viewers:
        one.sock.close()


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 128, 193])
def test_each_of_a_group_is_sent_the_packet_encrypted_for_it(
    fanout: Fanout, sock: socket.socket, viewers: list[Viewer], count: int
) -> None:
    group = Group(one.leg for one in viewers[:count])
    sizes = (20, 21, 700, 1_000, LONGEST - 1, LONGEST)
    sent = [packet(65_533 + number & 0xFFFF, size) for number, size in enumerate(sizes)]  # over the wrap of the numbers
    for one in sent:
        assert fanout.send(sock, [one], group) == 0
    for viewer in viewers[:count]:
        assert viewer.opened() == sent
    assert all(viewer.sealed() == [] for viewer in viewers[count:])


BURSTS = {
    "all alike": [1_000] * 7,
    "the last shorter": [1_000] * 5 + [20],
    "cut about equally, the smaller first": [1_000, 1_000, 1_001, 1_001],
    "cut about equally, the smaller last": [1_001, 1_001, 1_000, 1_000],
    "smaller and smaller": list(range(1_000, 990, -1)),
    "more than go together": [200] * 70,
    "more than there is room for": [LONGEST] * 50,
    "the longest and the shortest": [LONGEST, 20] * 20,
    "one that there is no room for": [500, LONGEST + 1, 500, 0, 500],
}


@pytest.mark.parametrize("sizes", BURSTS.values(), ids=BURSTS)
@pytest.mark.parametrize("count", [1, 3, 64])
def test_a_burst_comes_as_the_packets_that_it_is_of(
    fanout: Fanout, sock: socket.socket, viewers: list[Viewer], sizes: list[int], count: int
) -> None:
    burst = [packet(number, size) if size else b"" for number, size in enumerate(sizes)]
    fitting = [one for one in burst if 0 < len(one) <= LONGEST]
    group = Group(one.leg for one in viewers[:count])
    assert fanout.send(sock, burst, group) == (len(burst) - len(fitting)) * count
    for viewer in viewers[:count]:
        assert viewer.opened() == fitting
    assert fanout.send(sock, [], group) == 0
    assert not any(one.sealed() for one in viewers)


def test_packets_as_long_as_one_another_go_through_the_kernel_as_one(fanout: Fanout, sock: socket.socket) -> None:
    viewer = Viewer()
    viewer.sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)  # it takes them as they come
    fanout.send(
        sock, [packet(number, size) for number, size in enumerate((900, 900, 900, 30, 900, 901))], Group([viewer.leg])
    )
    came = [viewer.sock.recv(65_535) for _ in range(3)]
    assert [len(one) for one in came] == [3 * 910 + 40, 910, 911]
    close(viewer)


def test_where_they_cannot_they_are_sent_one_by_one(fanout: Fanout, sock: socket.socket) -> None:
    viewer = Viewer()
    group = Group([leg(("255.255.255.255", 9), 1), viewer.leg, leg(("255.255.255.255", 9), 2)])
    sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)  # the kernel makes no segments where it makes no checksums
    burst = [packet(number, 500) for number in range(4)]
    assert fanout.send(sock, burst, group) == 8
    assert viewer.opened() == burst
    close(viewer)


def test_both_loops_send_the_same_bytes(sock: socket.socket, built: native.Native) -> None:
    one, other = ([Viewer(place) for place in range(70)] for _ in range(2))
    report = packets.sender_report(7, 1 << 40, 90_000, 10, 1_000)
    groups = [(Python(), Group(v.leg for v in one)), (built, Group(v.leg for v in other))]
    for burst in ([packet(1)], [packet(2, 20), packet(3, LONGEST)], [packet(4), packet(5), packet(6, 50), packet(7)]):
        for loop, group in groups:
            assert loop.send(sock, burst, group) == 0
    for loop, group in groups:
        assert loop.report(sock, report, group) == 0
    for left, right in zip(one, other, strict=True):
        came = left.sealed()
        assert len(came) == 8
        assert came == right.sealed()
        assert left.inbound.rtcp(came[7]) == report
    close(*one, *other)


@pytest.mark.parametrize("size", [0, LONGEST + 1, 4_000, 70_000])
def test_a_packet_that_there_is_no_room_for_goes_to_nobody(
    fanout: Fanout, sock: socket.socket, viewers: list[Viewer], size: int
) -> None:
    assert fanout.send(sock, [bytes(size)], Group(one.leg for one in viewers)) == len(viewers)
    assert not any(one.sealed() for one in viewers)
    assert fanout.send(sock, [bytes(size)], Group()) == 0


def test_whom_the_packet_cannot_be_encrypted_for_is_passed_over(fanout: Fanout, sock: socket.socket) -> None:
    """libsrtp refuses what is no RTP, and for one viewer it may do so for reasons of its own."""
    viewer = Viewer()
    assert fanout.send(sock, [b"\x80" * 11], Group([viewer.leg])) == 0
    assert viewer.sealed() == []
    close(viewer)


def test_who_cannot_be_sent_to_keeps_nobody_waiting_and_is_counted(
    fanout: Fanout, sock: socket.socket, viewers: list[Viewer]
) -> None:
    group = Group()
    bad = 0
    for place, one in enumerate(viewers):
        if place % 60 < 2:  # at the beginning of a batch, in the middle, two in a row
            group.add(leg(("255.255.255.255", 9), place))  # the kernel refuses: nobody has asked for broadcasts
            bad += 1
        group.add(one.leg)
    data = packet(1)
    assert fanout.send(sock, [data], group) == bad > 4
    assert all(one.opened() == [data] for one in viewers)


def test_where_the_network_takes_no_more_the_packet_is_dropped_for_that_viewer_alone(fanout: Fanout) -> None:
    """A Unix socket whose reader does not read answers EAGAIN, as a network card's full queue makes UDP do."""
    names = [f"\0fan{os.getpid()}-{place}".encode() for place in range(3)]
    readers = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in names]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)  # what waits for one must not fill it for all
        group = Group()
        for name, reader in zip(names, readers, strict=True):
            reader.bind(name)
            reader.setblocking(False)
            one = leg(("", 0))
            one.address = name  # type: ignore[assignment]
            one.target = native.target(one, socket.AF_UNIX.to_bytes(2, "little") + name)
            group.add(one)
        dropped, kept = [], 0
        for number in range(600):
            dropped.append(fanout.send(sock, [packet(number, 30)], group))
            for place in (0, 2):  # the one in the middle never reads
                assert len(readers[place].recv(4_096)) == 40
        while True:
            try:
                readers[1].recv(4_096)
                kept += 1
            except BlockingIOError:
                break
        assert set(dropped) == {0, 1}
        assert sum(dropped) == 600 - kept > 0
        assert fanout.send(sock, [packet(600)], group) == 0  # it reads again, and is sent again
    for reader in readers:
        reader.close()


def test_a_socket_that_is_gone_takes_nothing(fanout: Fanout, sock: socket.socket, viewers: list[Viewer]) -> None:
    sock.detach()
    assert fanout.send(sock, [packet(1)], Group(one.leg for one in viewers)) == len(viewers)


def test_ipv6(fanout: Fanout) -> None:
    viewer, mapped = Viewer(1, "::1"), Viewer(2)
    host, port = mapped.leg.address
    mapped.leg.move((f"::ffff:{host}", port))  # as an IPv6 socket calls who comes by IPv4
    with bind("::", 0) as sock:
        data = packet(1)
        assert fanout.send(sock, [data], Group([viewer.leg, mapped.leg])) == 0
    assert viewer.opened() == [data]
    assert mapped.opened() == [data]
    close(viewer, mapped)


async def test_who_comes_goes_and_moves_between_packets_is_sent_what_is_theirs(
    fanout: Fanout, sock: socket.socket, viewers: list[Viewer]
) -> None:
    port = Port(sock, lambda: 0.0, fanout)
    forward = Forward(port, "video", "h264")
    sequence, expected = 0, [0] * len(viewers)

    def push(times: int = 3) -> None:
        nonlocal sequence
        for _ in range(times):
            data = packets.header(96, True, sequence, sequence * 3_000, 5) + os.urandom(500)
            head = packets.read(data)
            assert head is not None
            assert forward.push(head, data, 90_000, sequence / 100)
            sequence += 1
            for place, one in enumerate(viewers):
                expected[place] += one.leg.forward is forward

    for one in viewers[:100]:
        forward.add(one.leg, 0.0)
        push(1)
    for one in viewers[20:60]:
        forward.remove(one.leg)
    push()
    for one in viewers[100:]:
        forward.add(one.leg, 0.0)
    push()
    # Two change places: each is at the other's address, with its own keys.
    first, second = viewers[0], viewers[1]
    at, other = first.leg.address, second.leg.address
    seen = len(first.sealed()), len(second.sealed())
    first.leg.move(other)
    second.leg.move(at)
    push(5)
    assert [first.inbound.rtp(one) is not None for one in second.sealed()] == [True] * 5
    assert [second.inbound.rtp(one) is not None for one in first.sealed()] == [True] * 5
    assert seen == (expected[0] - 5, expected[1] - 5)
    for place, one in enumerate(viewers[2:], 2):
        got = one.opened()
        assert len(got) == expected[place]
        assert None not in got
    assert port.forwarded == sum(expected)
    assert port.dropped == 0
    forward.report(1 << 40, 0)
    assert all(one.inbound.rtcp(one.sealed()[-1]) for one in viewers[60:])


async def test_pictures_wait_a_moment_after_the_network_has_refused_and_sound_does_not(
    fanout: Fanout, sock: socket.socket
) -> None:
    port = Port(sock, lambda: 0.0, fanout)
    viewer = Viewer()
    for kind, after in (("video", 1), ("audio", 2)):
        forward = Forward(port, kind, "h264" if kind == "video" else "opus")
        forward.add(viewer.leg, 0.0)
        forward.add(leg(("255.255.255.255", 9), 1), 0.0)
        for number in range(2):
            data = packets.header(96, True, number, 0, 5) + b"\x61"
            head = packets.read(data)
            assert head is not None
            forward.push(head, data, 90_000, 1.0)
        assert len(viewer.sealed()) == after
        forward.remove(viewer.leg)
    assert port.dropped == 3
    close(viewer)


async def test_a_picture_is_sent_when_it_is_whole_and_what_goes_on_too_long_before_that(
    fanout: Fanout, sock: socket.socket
) -> None:
    port = Port(sock, lambda: 0.0, fanout)
    port.start()
    viewer = Viewer()
    picture, sound = Forward(port, "video", "h264"), Forward(port, "audio", "opus")
    picture.add(viewer.leg, 0.0)
    sound.add(leg(viewer.leg.address), 0.0)

    def push(forward: Forward, sequence: int, *, marker: bool) -> None:
        data = packets.header(96, marker, sequence, 0, 5) + b"\x61"
        head = packets.read(data)
        assert head is not None
        forward.push(head, data, 90_000, 1.0)

    for number in range(3):
        push(picture, number, marker=number == 2)
    push(sound, 0, marker=False)
    assert viewer.sealed() == []  # more may come in this turn
    await asyncio.sleep(0)
    assert len(viewer.sealed()) == 4
    push(picture, 3, marker=False)
    await asyncio.sleep(0)
    assert viewer.sealed() == []
    async with asyncio.timeout(10):
        while not viewer.sealed():
            await asyncio.sleep(0.001)
    push(picture, 4, marker=False)
    picture.remove(viewer.leg)  # who goes has been sent all
    assert len(viewer.sealed()) == 1
    await port.close()
    close(viewer)


# --- which loop serves --------------------------------------------------------------------------------------------------


def test_it_is_built_once_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "native"
    with ThreadPoolExecutor(4) as threads:  # several processes may start at once
        assert {one.name for one in threads.map(native.load, [folder] * 4)} == {"c"}
    (library,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("PATH", "")
    assert native.load(folder).name == "c"
    assert list(folder.iterdir()) == [library]


def chosen(folder: Path) -> tuple[str, str]:
    """Which loop serves, and what the log says of it; once."""
    with structlog.testing.capture_logs() as logs:
        found = native.choose("auto", folder)
    (said,) = logs
    return found.name, f"{said['event']}: {said.get('reason', '')}"


def test_without_a_compiler_python_s_serves_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    name, said = chosen(tmp_path / "native")
    assert name == "python"
    assert "there is no C compiler" in said


def test_with_a_compiler_that_fails_python_s_serves_and_the_log_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cc").write_text("#!/bin/sh\necho 'sys/socket.h: No such file or directory' >&2\nexit 3\n")
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    name, said = chosen(tmp_path / "native")
    assert name == "python"
    assert "ended with 3; it said: sys/socket.h: No such file or directory" in said
    assert list((tmp_path / "native").iterdir()) == []


def test_what_others_could_have_written_is_not_loaded(tmp_path: Path, built: native.Native) -> None:
    folder = tmp_path / "native"
    native.load(folder)
    (library,) = folder.iterdir()
    for path, mode in ((library, 0o766), (folder, 0o777)):
        before = path.stat().st_mode
        path.chmod(mode)
        name, said = chosen(folder)
        assert name == "python"
        assert f"others than this user could have written {path}" in said
        path.chmod(before)
    assert chosen(folder)[0] == "c"


def test_a_library_of_another_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "fanout.c"
    other.write_text(native.SOURCE.read_text().replace("VERSION = 2 }", "VERSION = 3 }"))
    monkeypatch.setattr(native, "SOURCE", other)
    name, said = chosen(tmp_path / "native")
    assert name == "python"
    assert "of another version" in said


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    assert native.choose("python", tmp_path / "native").name == "python"
    assert not (tmp_path / "native").exists()


async def test_a_media_process_uses_it_and_says_so(tmp_path: Path) -> None:
    variables = {**os.environ, "DATA": str(tmp_path), "CLASSROOM_LOG_FORMAT": "json"}
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "classroom", "media")
    process = await asyncio.create_subprocess_exec(*command, env=variables, stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        connector = aiohttp.UnixConnector(str(socket_path(tmp_path)))
        async with aiohttp.ClientSession(connector=connector) as http, http.get("http://media/metrics") as response:
            assert 'classroom_media_fanout{loop="c"} 1.0' in await response.text()
    finally:
        process.terminate()
        _, log = await process.communicate()
    assert log.count(b"packets are sent by the loop in C") == 1
    assert len(list((tmp_path / "native").iterdir())) == 1


def test_the_loop_in_c_touches_no_memory_but_its_own(tmp_path: Path) -> None:
    """`fanout_check.c` calls it with all sizes and counts at the bounds, under the address and undefined-behaviour sanitizers."""
    program = tmp_path / "check"
    flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    check = Path(__file__).with_name("fanout_check.c")
    subprocess.run(["cc", *flags, "-o", program, check, native.SOURCE], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr
