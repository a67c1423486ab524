"""Members whose network does not keep up: bounded, brought up to date, disconnected with a reason; and nobody waits for
them."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from classroom.rooms.session import Session
from classroom.sockets.polling import PollingLink
from classroom.wire import Codec
from tests.running import Running, until
from tests.sockets.peer import Peer
from tests.sockets.test_stock_clients import shown

CODECS = pytest.mark.parametrize("codec", list(Codec))
BOUND = 32_768
BIG = "नमस्ते " * 280  # near to what a message may hold; about 5 KiB of UTF-8
FAST = {"limits_command_rate": 100_000, "limits_command_burst": 100_000, "rooms_tick_ms": 5}


async def session_of(server: Running, id: str) -> Session:
    """A member's session, with a small send buffer in the kernel: it would take megabytes otherwise."""
    (session,) = (await server.hall()).hub.by_member[id]
    narrow(session.link)
    return session


def narrow(link: Any) -> None:
    link._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)


async def with_one_stuck(server: Running, codec: Codec) -> tuple[Peer, Peer, Session]:
    """A teacher, and somebody who has stopped reading, with their session."""
    teacher = await Peer.join(server.port, token=server.token())
    stuck = await Peer.join(server.port, codec, receive_buffer=4_096, name="Stuck", client="c1")
    session = await session_of(server, stuck.id)
    stuck.stop_reading()
    return teacher, stuck, session


async def say_much(teacher: Peer, times: int) -> int:
    """Say big things, one after the other: the place of the last."""
    seq = 0
    for _ in range(times):
        seq = (await teacher.command("chat.say", text=BIG))["seq"]
    return seq


async def fill(server: Running, teacher: Peer, slow: Session) -> None:
    """Talk until `slow` is behind."""
    for _ in range(2_000):
        await say_much(teacher, 5)
        if slow.lagging or getattr(slow.link, "ended", False):
            return
    raise AssertionError("the kernel takes everything")


@CODECS
async def test_one_stuck_member_is_bounded_and_delays_none_of_the_others(
    start: Callable[..., Any], codec: Codec
) -> None:
    server = await start(slow_max_buffer_bytes=BOUND, slow_deadline_seconds=60, **FAST)
    teacher = await Peer.join(server.port, token=server.token())
    others = [await Peer.join(server.port, [*Codec][n % 2], name=f"Student {n}") for n in range(49)]
    stuck = await Peer.join(server.port, codec, receive_buffer=4_096, name="Stuck", client="c1")
    session = await session_of(server, stuck.id)

    async def latency() -> float:
        """Milliseconds until all the others have one big event."""
        begun = time.perf_counter()
        seq = await say_much(teacher, 1)
        await asyncio.gather(*(peer.until(lambda peer=peer: peer.seq >= seq) for peer in others))
        return (time.perf_counter() - begun) * 1_000

    before = [await latency() for _ in range(40)]
    stuck.stop_reading()
    await fill(server, teacher, session)
    most = 0
    during = []
    for _ in range(40):
        during.append(await latency())
        most = max(most, session.link.buffered())

    assert session.lagging
    assert most <= BOUND + 16_384 + len(BIG.encode()) * 8, "one packet past the bound at most"
    # One who is stuck costs the others nothing; a machine that is busy with something else does.
    assert statistics.median(during) < 4 * statistics.median(before) + 100
    assert not stuck.ended.is_set()

    # It reads again: what it missed comes at once, nothing is missing and nothing comes twice.
    stuck.resume()
    last = await say_much(teacher, 1)
    await stuck.until(lambda: stuck.events and stuck.events[-1]["seq"] >= last, timeout=20)
    assert len(stuck.named("resumed")) >= 1
    assert not session.lagging
    after = stuck.welcome["seq"]
    assert stuck.events == await shown(server, session.audience, after, stuck.events[-1]["seq"])


@CODECS
async def test_who_was_behind_too_far_for_what_is_kept_gets_the_whole_room_anew(
    start: Callable[..., Any], codec: Codec
) -> None:
    server = await start(slow_max_buffer_bytes=BOUND, rooms_recent_events=50, **FAST)
    teacher = await Peer.join(server.port, token=server.token())
    stuck = await Peer.join(server.port, codec, receive_buffer=4_096, name="Stuck")
    session = await session_of(server, stuck.id)
    stuck.stop_reading()
    await fill(server, teacher, session)
    for n in range(60):
        await teacher.command("chat.say", text=f"{n}")

    stuck.resume()
    await stuck.until(lambda: len(stuck.named("welcome")) == 2, timeout=20)
    last = await say_much(teacher, 1)
    await stuck.until(lambda: stuck.events[-1]["seq"] >= last)

    newest = next(n for n in range(len(stuck.packets) - 1, 0, -1) if stuck.packets[n].name == "welcome")
    since = [event for packet in stuck.packets[newest:] if packet.name == "events" for event in packet.data]
    assert since == await shown(server, session.audience, stuck.welcome["seq"], since[-1]["seq"])
    assert stuck.welcome["state"]["chat"]["messages"][-1]["text"] == "59"
    assert not stuck.named("resumed")


@CODECS
async def test_who_cannot_be_brought_up_to_date_is_let_go_with_the_reason_and_the_others_are_told(
    start: Callable[..., Any],
    codec: Codec,
    caplog: pytest.LogCaptureFixture,
    quiet: list[logging.LogRecord],
) -> None:
    server = await start(slow_max_buffer_bytes=BOUND, **FAST)
    teacher, stuck, session = await with_one_stuck(server, codec)
    await fill(server, teacher, session)
    hall = await server.hall()

    def broken(_: Any) -> None:
        raise ZeroDivisionError

    hall.hub._resync = broken
    stuck.resume()
    await asyncio.wait_for(stuck.ended.wait(), 20)

    assert [bye["code"] for bye in stuck.named("bye")] == ["internal"]
    assert session not in hall.hub.sessions
    assert teacher.events[-1]["seq"] < await say_much(teacher, 1)
    quiet += [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert len(quiet) == 1
    back = await Peer.join(server.port, codec, name="Stuck", client="c1")
    assert (await back.command("chat.say", text="I am back."))["ok"]


@CODECS
async def test_who_stays_behind_past_the_deadline_is_disconnected_and_picks_up_where_they_were(
    start: Callable[..., Any], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classroom.sockets.link.GOODBYE", 0.2)
    server = await start(slow_max_buffer_bytes=BOUND, slow_deadline_seconds=0.3, **FAST)
    teacher, stuck, session = await with_one_stuck(server, codec)

    await fill(server, teacher, session)
    hall = await server.hall()
    await until(lambda: session not in hall.hub.sessions)
    await until(lambda: len(server.classroom.sockets.links) == 1)  # without a word from the peer

    assert server.classroom.house.metrics.slow_disconnects._value.get() == 1
    stuck.resume()
    await asyncio.wait_for(stuck.ended.wait(), 5)
    seen = stuck.events[-1]["seq"]
    back = await Peer.join(server.port, codec, name="Stuck", client="c1", since=seen, epoch=stuck.welcome["epoch"])
    last = await say_much(teacher, 1)
    await back.until(lambda: back.events and back.events[-1]["seq"] >= last)
    if back.named("resumed"):
        assert stuck.events + back.events == await shown(
            server, session.audience, stuck.welcome["seq"], back.events[-1]["seq"]
        )


async def test_a_member_who_reads_too_late_but_before_the_end_is_told_why(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classroom.sockets.link.GOODBYE", 5.0)
    server = await start(slow_max_buffer_bytes=BOUND, slow_deadline_seconds=0.3, **FAST)
    teacher = await Peer.join(server.port, token=server.token())
    stuck = await Peer.join(server.port, receive_buffer=4_096, name="Stuck", client="c1")
    session = await session_of(server, stuck.id)
    stuck.stop_reading()
    await fill(server, teacher, session)
    hall = await server.hall()
    await until(lambda: session not in hall.hub.sessions)

    stuck.resume()
    await asyncio.wait_for(stuck.ended.wait(), 10)

    (bye,) = stuck.named("bye")
    assert (bye["code"], bye["temporary"], bye["retry_in"]) == ("too_slow", True, 1_000)
    assert stuck.packets[-1].name == "bye"


@CODECS
async def test_who_asks_and_asks_and_never_reads_the_answers_is_disconnected(
    start: Callable[..., Any], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers are bounded as well: nobody can make the server hold more and more for them."""
    monkeypatch.setattr("classroom.sockets.link.GOODBYE", 0.2)
    server = await start(slow_max_buffer_bytes=BOUND)
    greedy = await Peer.join(server.port, codec, receive_buffer=4_096, name="Greedy")
    (link,) = server.classroom.sockets.links
    narrow(link)
    greedy.stop_reading()

    most = 0
    for _ in range(3_000):
        for _ in range(50):
            greedy.ask("chat.say", text="x" * 100)
        await asyncio.sleep(0)
        most = max(most, link.buffered())  # type: ignore[attr-defined]
        if link.ended:
            break

    assert link.ended
    assert most < 3 * BOUND
    await until(lambda: not server.classroom.sockets.links)


async def test_who_says_hello_and_hello_and_never_reads_the_refusals_is_disconnected(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classroom.sockets.link.GOODBYE", 0.2)
    server = await start(slow_max_buffer_bytes=BOUND)
    peer = await Peer.open(server.port, receive_buffer=4_096)
    (engine,) = (s.eio for s in server.classroom.sockets._servers if s.eio.sockets)
    (session,) = engine.sockets.values()
    (link,) = (link for stock in server.classroom.sockets._servers for link in stock.outside())
    narrow(link)
    peer.stop_reading()

    most = 0
    for _ in range(5_000):
        for _ in range(20):
            peer.packet(0, {"room": "nowhere", "name": "Asha"})
        await asyncio.sleep(0.001)
        most = max(most, session.queue.qsize())
        if not engine.sockets or peer.writer.transport.is_closing():
            break

    await until(lambda: not engine.sockets)
    assert most <= 64


# --- long-polling -------------------------------------------------------------------------------------------------------


class Poller:
    """A member on long-polling, by hand: polls when told to."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url, self._sid = http, f"{url}/socket.io/?EIO=4&transport=polling", ""
        self.messages: list[str] = []

    async def poll(self) -> int:
        async with self._http.get(self._url + self._sid) as answer:
            body = await answer.text()
            if answer.status == 200:
                if not self._sid:
                    self._sid = "&sid=" + (await self._opened(body))
                packets = body.split("\x1e")
                self.messages += [packet for packet in packets if packet[:1] == "4"]
                if "2" in packets:
                    await self.post("3")
            return answer.status

    async def _opened(self, body: str) -> str:
        sid: str = json.loads(body[1:])["sid"]
        return sid

    async def post(self, body: str) -> int:
        async with self._http.post(self._url + self._sid, data=body) as answer:
            return answer.status

    def named(self, name: str) -> list[Any]:
        return [json.loads(m[2:])[1] for m in self.messages if m.startswith(f'42["{name}"')]


async def test_a_polling_member_who_does_not_poll_is_bounded_and_brought_up_to_date(
    monkeypatch: pytest.MonkeyPatch, start: Callable[..., Any]
) -> None:
    monkeypatch.setattr("classroom.sockets.polling.GOODBYE", 0.2)
    server = await start(server_polling=True, slow_max_queue_packets=16, **FAST)
    teacher = await Peer.join(server.port, token=server.token())
    async with aiohttp.ClientSession() as http:
        poller = Poller(http, server.url)
        await poller.poll()
        assert await poller.post('40{"room":"demo","name":"Asha","client":"c1"}') == 200
        while not poller.named("welcome"):
            assert await poller.poll() == 200
        hall = await server.hall()
        (session,) = hall.hub.by_member[poller.named("welcome")[0]["me"]["id"]]

        await fill(server, teacher, session)
        assert session.link._waiting() <= 18  # type: ignore[attr-defined]

        last = (await teacher.command("chat.say", text="last"))["seq"]
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["seq"] < last:
            assert await poller.poll() == 200
            seen = events_of(poller)
        assert len(poller.named("resumed")) == 1
        assert seen == await shown(server, session.audience, poller.named("welcome")[0]["seq"], seen[-1]["seq"])


def events_of(poller: Poller) -> list[dict[str, Any]]:
    """All room events that came, in order."""
    found: list[dict[str, Any]] = []
    for message in poller.messages:
        if message.startswith('42["events"'):
            found += json.loads(message[2:])[1]
        elif message.startswith('42["resumed"'):
            found += json.loads(message[2:])[1]["events"]
    return found


async def test_a_polling_member_who_stays_away_past_the_deadline_is_disconnected(
    monkeypatch: pytest.MonkeyPatch, start: Callable[..., Any]
) -> None:
    monkeypatch.setattr("classroom.sockets.polling.GOODBYE", 0.2)
    server = await start(server_polling=True, slow_max_queue_packets=16, slow_deadline_seconds=0.3, **FAST)
    teacher = await Peer.join(server.port, token=server.token())
    async with aiohttp.ClientSession() as http:
        poller = Poller(http, server.url)
        await poller.poll()
        await poller.post('40{"room":"demo","name":"Asha","client":"c1"}')
        while not poller.named("welcome"):
            await poller.poll()
        (link,) = [link for link in server.classroom.sockets.links if isinstance(link, PollingLink)]

        assert link.session is not None
        await fill(server, teacher, link.session)
        await until(lambda: len(server.classroom.sockets.links) == 1)

        assert link.ended
        await until(lambda: link._finishing.done())
        assert await poller.poll() in (200, 400)
        assert await poller.post("3") == 400
        assert not poller.named("bye") or poller.named("bye")[0]["code"] == "too_slow"
