"""The loop in C that writes to crowds: the same to everybody as one after the other, whoever keeps up and whoever does not."""

from __future__ import annotations

import gc
import random
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from classroom import packets, wire
from classroom.kernel import Member, Role
from classroom.packets import PLAIN, Packet, Pair
from classroom.rooms.places import PLACES
from classroom.rooms.roll import Roll, Row
from classroom.rooms.session import Fanout, OneByOne, Session, Way
from classroom.sockets import crowd
from classroom.wire import Codec
from tests.running import Running, until
from tests.sockets.peer import Peer
from tests.sockets.test_stock_clients import shown

BOUND = 100_000


class End:
    """A member's end of a socket, and what a transport would keep for it while it is full."""

    codec = Codec.JSON
    way: Way = "plain"

    def __init__(self, direct: bool = True) -> None:
        self.slot = PLACES.take(PLAIN)
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        self.descriptor = self.near.fileno() if direct else -1
        self.waiting = b""
        self.session = Session(Member("a", "Asha", Role.STUDENT), self)
        self.heard = b""

    def clear(self) -> bool:
        if self.waiting or self.descriptor < 0:
            return False
        PLACES.unsure[self.slot] = 0
        return True

    def rest(self, data: bytes) -> None:
        assert not self.waiting
        PLACES.doubt(self.slot)
        self.waiting = data

    def write(self, packet: Packet | Pair) -> None:
        PLACES.doubt(self.slot)
        self.waiting += packet.frame

    def offer(self, packet: Packet | Pair, bound: int) -> bool:
        if len(self.waiting) > bound:
            return False
        self.write(packet)
        return True

    def buffered(self) -> int:
        return len(self.waiting)

    def end(self, bye: wire.Bye) -> None:
        raise AssertionError(bye)

    def read(self) -> None:
        """The far end reads what has come; then what waits is written on, as a transport does when there is room."""
        while True:
            self.far.setblocking(False)
            with suppress(BlockingIOError):
                self.heard += self.far.recv(1 << 20)
            if not self.waiting:
                return
            with suppress(BlockingIOError):
                self.waiting = self.waiting[self.near.send(self.waiting) :]

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture(params=["auto", "send"])
def fanout(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fanout:
    """The loop in C, for any number of members: by io_uring, a few at a time, and by a system call for each."""
    monkeypatch.setattr(crowd, "FEW", 1)
    monkeypatch.setattr(crowd, "AT_ONCE", 8)
    fanout, way = crowd.choose(request.param, tmp_path / "native")
    if request.param == "auto" and way == "send":
        pytest.skip("the kernel gives no io_uring here")
    assert way == {"auto": "io_uring", "send": "send"}[request.param]
    assert isinstance(fanout, crowd.Crowd)
    assert (fanout.ring is None) == (way == "send")
    return fanout


@pytest.fixture
def ends() -> Iterator[list[End]]:
    made = [End(direct=number % 5 != 4) for number in range(20)]
    yield made
    for end in made:
        end.close()


def some(count: int, dice: random.Random) -> list[Packet]:
    return [
        packets.message(Codec.JSON, "events", wire.encode(Codec.JSON, ["x" * dice.choice((10, 300, 3_000)), number]))
        for number in range(count)
    ]


def test_everybody_is_written_everything_once_and_in_order_whoever_reads_when(fanout: Fanout, ends: list[End]) -> None:
    dice = random.Random(4)
    wanted: dict[End, bytes] = dict.fromkeys(ends, b"")
    full = refusals = 0
    for packet in some(200, dice):
        refused = fanout.offer(packet, [end.session for end in ends], BOUND)
        refusals += len(refused)
        for end in ends:
            if end.session not in refused:
                wanted[end] += packet.frame
            full += bool(end.waiting)
            if dice.random() < (0.5 if end is not ends[0] else 0):
                end.read()
    assert full
    assert refusals, "who never reads is refused in the end"
    for end in ends:
        end.read()
        assert end.heard == wanted[end]


def test_who_has_gone_stops_nobody(fanout: Fanout, ends: list[End]) -> None:
    for end in ends[::3]:
        end.far.close()
    (packet,) = some(1, random.Random(1))
    assert fanout.offer(packet, [end.session for end in ends], BOUND) == []
    for number, end in enumerate(ends):
        if number % 3:
            end.read()
            assert end.heard == packet.frame
        else:
            assert end.waiting == packet.frame, "the transport is to find out"


def test_rings_are_given_back(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        crowd.choose("auto", tmp_path / "native")
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_few_are_written_to_one_by_one(tmp_path: Path, ends: list[End]) -> None:
    found, _ = crowd.choose("auto", tmp_path / "native")
    (packet,) = some(1, random.Random(1))
    few = ends[: crowd.FEW - 1]
    assert found.offer(packet, [end.session for end in few], BOUND) == []
    assert all(end.waiting == packet.frame for end in few)


def test_what_is_gathered_is_written_together_and_once_to_those_it_was_for(fanout: Fanout, ends: list[End]) -> None:
    dice = random.Random(9)
    wanted: dict[End, bytes] = dict.fromkeys(ends, b"")
    packets = iter(some(200, dice))
    for turn in range(50):
        rolls = [Roll() for _ in range(4)]
        for number, end in enumerate(ends):
            rolls[number % 4].add(end.session)
        fanout.gather()
        for number, roll in enumerate(rolls):
            packet, row = next(packets), roll.row
            refused = fanout.offer(packet, row, BOUND)
            for end in ends[number::4]:
                wanted[end] += b"" if end.session in refused else packet.frame
            if turn % 2:  # whoever comes and goes after that
                roll.discard(ends[number].session)
                roll.add(ends[number - 1].session)
        fanout.settle()
        assert all(roll.row._columns.lent == 0 for roll in rolls)
        for end in ends:
            if dice.random() < (0.5 if end is not ends[0] else 0):
                end.read()
    assert ends[0].waiting
    for end in ends:
        end.read()
        assert end.heard == wanted[end]


def test_a_crowd_is_not_waited_with_and_small_rows_are(
    fanout: Fanout, ends: list[End], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "MANY", 4)
    direct = [end for end in ends if end.descriptor >= 0]
    small, large = direct[:4], direct[4:9]
    one, other, later = some(3, random.Random(1))

    fanout.gather()
    fanout.offer(one, [end.session for end in small], BOUND)
    for end in small:
        end.read()
        assert end.heard == b""
    fanout.offer(other, [end.session for end in large], BOUND)
    for end in large:
        end.read()
        assert end.heard == other.frame
    fanout.settle()
    for end in small:
        end.read()
        assert end.heard == one.frame

    fanout.offer(later, [end.session for end in small], BOUND)
    for end in small:
        end.read()
        assert end.heard == one.frame + later.frame


@pytest.mark.parametrize("codec", list(Codec))
async def test_a_class_hears_the_same_from_the_loop_in_c(
    start: Callable[..., Any], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = crowd.Crowd._write

    def counted(self: Any, frame: bytes, row: Row, sockets: Sequence[int]) -> None:
        written.append(len(sockets))
        write(self, frame, row, sockets)

    monkeypatch.setattr(crowd.Crowd, "_write", counted)
    server: Running = await start(limits_command_rate=1_000, limits_command_burst=1_000)
    teacher = await Peer.join(server.port, token=server.token())
    peers = [await Peer.join(server.port, codec, name=f"Student {n}") for n in range(crowd.FEW + 4)]
    seq = 0
    for number in range(20):
        seq = (await teacher.command("chat.say", text=f"message {number}"))["seq"]
        if number in (5, 6):
            await peers.pop().drop()
    for peer in peers:
        await peer.until(lambda peer=peer: peer.seq >= seq)
        (session,) = (await server.hall()).hub.by_member[peer.id]
        assert peer.events == await shown(server, session.audience, peer.welcome["seq"], seq)
    assert written
    assert max(written) >= len(peers)


async def test_a_connection_that_ends_is_written_to_by_its_transport_alone(server: Running) -> None:
    """Its descriptor may be another's by then."""
    peer = await Peer.join(server.port, name="Asha")
    ((link,),) = [[session.link for session in (await server.hall()).hub.by_member[peer.id]]]
    assert link.descriptor >= 0
    assert link.clear()
    assert not PLACES.unsure[link.slot]
    link._transport.abort()  # type: ignore[attr-defined]
    assert not link.clear()
    await until(lambda: not server.classroom.sockets.links)
    assert PLACES.unsure[link.slot]
    assert not link.clear()
    link.rest(b"what is lost with it")


def test_without_a_compiler_they_are_written_to_one_by_one_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with structlog.testing.capture_logs() as logs:
        for wanted in ("auto", "python"):
            fanout, way = crowd.choose(wanted, tmp_path / "native")
            assert isinstance(fanout, OneByOne)
            assert way == "python"
    assert ["no C compiler" in line["reason"] for line in logs] == [True, False]


@pytest.mark.parametrize("fanout", ["send", "python"])
async def test_what_writes_to_crowds_is_told_in_metrics(start: Callable[..., Any], fanout: str) -> None:
    server: Running = await start(server_fanout=fanout)
    assert f'classroom_fanout{{way="{fanout}"}} 1.0' in server.classroom.house.metrics.text().decode()


def test_the_loop_in_c_touches_no_memory_but_its_own(tmp_path: Path) -> None:
    """Built with the address and undefined-behaviour sanitizers, at the bounds of all it is given."""
    check = tmp_path / "check.c"
    check.write_text(CHECK)
    flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["cc", *flags, "-o", tmp_path / "check", check, crowd.SOURCE], check=True)
    done = subprocess.run([tmp_path / "check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr


CHECK = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ring;
struct ring *crowd_open(unsigned entries);
void crowd_close(struct ring *ring);
int crowd_send(struct ring *ring, const int *sockets, int lots, const int *counts, const char *const *frames, const int *sizes,
               int *taken);

/* Three frames, the middle one to nobody: the first to a third of the sockets, the last, of a byte more, to the others. */
static int send_both(struct ring *ring, const int *sockets, int count, const char *frame, int size, int *taken) {
    int *counts = malloc(sizeof(int) * 3), *sizes = malloc(sizeof(int) * 3);
    const char **frames = malloc(sizeof(char *) * 3);
    for (int lot = 0; lot < 3; lot++) {
        counts[lot] = lot == 0 ? count / 3 : lot == 1 ? 0 : count - count / 3;
        frames[lot] = lot == 1 ? NULL : frame;
        sizes[lot] = lot == 2 ? size + 1 : size;
    }
    int short_of = crowd_send(ring, sockets, 3, counts, frames, sizes, taken);
    free(counts); free(sizes); free(frames);
    return short_of;
}

int main(void) {
    crowd_close(NULL);
    for (unsigned entries = 0; entries <= 16; entries = entries ? 2 * entries : 1) {
    struct ring *ring = entries ? crowd_open(entries) : NULL;
    for (int count = 0; count <= 9; count++) {
        int *sockets = malloc(sizeof(int) * count), *taken = malloc(sizeof(int) * count);
        int far[9], size = 200000;
        char *frame = malloc(size + 1);
        memset(frame, 7, size + 1);
        for (int at = 0; at < count; at++) {
            int both[2];
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, both)) return 2;
            sockets[at] = at == 3 ? -1 : both[0];
            far[at] = both[1];
            if (at == 4) close(far[at]);
        }
        if (send_both(ring, sockets, count, frame, 1, taken) != (count > 3) + (count > 4)) return 3;
        for (int at = 0; at < count; at++) if (taken[at] != (at == 3 || at == 4 ? 0 : at < count / 3 ? 1 : 2)) return 4;
        for (int round = 0; round < 9; round++) send_both(ring, sockets, count, frame, size, taken);
        for (int at = 0; at < count; at++) if (taken[at] != 0) return 5;
        for (int at = 0; at < count; at++) { if (at != 4) close(far[at]); close(sockets[at]); }
        free(frame); free(sockets); free(taken);
    }
    crowd_close(ring);
    }
    puts("well");
}
"""
