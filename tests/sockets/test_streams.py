"""Deflated with a context that many share: every member reads just what was written, whoever comes, lags, or is spoken to."""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.async_api import async_playwright

from classroom import packets, wire
from classroom.packets import OPEN_EVERY, Packet, Pair, Stream
from classroom.rooms import groups
from classroom.sockets import crowd, deflate
from classroom.wire import Codec
from tests.e2e.people import CHROMIUM, FLAGS, close
from tests.running import serving, until


@pytest.fixture(autouse=True)
def crowds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written to more than one is written as to a crowd."""
    monkeypatch.setattr(crowd, "FEW", 1)


def packet(codec: Codec, number: int, filler: str = "") -> Packet:
    text = f"message {number % 7} {filler}"
    return packets.message(codec, "events", wire.encode(codec, [{"seq": number, "type": "chat.said", "text": text}]))


class Reader:
    """The far end of a connection that keeps context: one decompressor for as long as it lasts (RFC 7692)."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-15)
        self.place = 0
        self.bytes = 0

    def take(self, each: Packet | Pair) -> None:
        """As a link writes it."""
        data, self.place = each.after(self.place)
        self.bytes += len(data)
        both = each.both if isinstance(each, Pair) else (each,)
        assert self._messages(data) == [single.data for single in both]

    def _messages(self, data: bytes) -> list[bytes]:
        found = []
        while data:
            length, start = data[1], 2
            if length == 126:
                length, start = int.from_bytes(data[2:4], "big"), 4
            body, rest = data[start : start + length], data[start + length :]
            if data[0] & 0x40:
                body = self._inflater.decompress(body + b"\x00\x00\xff\xff")
            found.append(body)
            data = rest
        return found


STEP = st.tuples(
    st.sampled_from(["all", "all", "all", "pair", "pair", "some", "own", "join", "wait"]),
    st.integers(0, 1 << 16),
    st.sampled_from(["", "", "x" * 300, "lorem ipsum " * 40]),
)


@pytest.mark.parametrize("codec", Codec)
@settings(max_examples=80)
@given(st.lists(STEP, min_size=5, max_size=60))
def test_whatever_happens_everybody_reads_what_was_written(codec: Codec, steps: list[Any]) -> None:
    stream, readers, now = Stream(), [Reader() for _ in range(3)], 0.0
    for number, (kind, seed, filler) in enumerate(steps):
        dice = Random(seed)
        now += 0.05
        if kind == "join":
            readers.append(Reader())
        elif kind == "wait":
            now += OPEN_EVERY
        elif kind == "own":  # a welcome, an answer, what is shown to one alone
            dice.choice(readers).take(packet(codec, number, filler))
        else:
            first, second = packet(codec, number, filler), packet(codec, number + 1, filler)
            stream.take(first, now)
            if kind == "pair":
                stream.take(second, now)
            these = readers if kind != "some" else dice.sample(readers, len(readers) // 2)
            for reader in these:
                reader.take(Pair(first, second) if kind == "pair" else first)


def test_who_has_seen_all_of_it_is_sent_little() -> None:
    stream, reader, alone = Stream(), Reader(), 0
    for number in range(100):
        each = packet(Codec.MSGPACK, number, "the same sentence over and over " * 10)
        stream.take(each, number / 100)
        reader.take(each)
        alone += len(each.deflated)

    assert reader.bytes < alone / 5


def test_who_comes_later_is_with_the_others_soon() -> None:
    stream, early, late = Stream(), Reader(), Reader()

    def say(number: int, now: float, *readers: Reader) -> None:
        each = packet(Codec.MSGPACK, number)
        stream.take(each, now)
        for reader in readers:
            reader.take(each)

    say(0, 0.0, early)
    say(1, 0.1, early, late)
    assert (early.place, late.place) == (early.place, 0)
    say(2, OPEN_EVERY + 0.1, early, late)
    assert late.place == early.place > 0
    opened = stream._opened
    say(3, 3 * OPEN_EVERY, early, late)
    assert stream._opened == opened, "with nobody behind there is no reason to open again"


async def test_stock_clients_read_it_through_real_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "COMPANY", 2)
    taken: list[bytes] = []
    after = Packet.after
    monkeypatch.setattr(Packet, "after", lambda self, place: taken.append(self.streamed) or after(self, place))
    said = [f"This is said again and again, {number}" for number in range(9)]  # as many as are all shown at once
    async with serving(tmp_path) as server, aiohttp.ClientSession() as http:
        url = f"{server.url}/socket.io/?EIO=4&transport=websocket"
        sockets = [await http.ws_connect(url, compress=15) for _ in range(3)]
        heard: list[list[str]] = [[] for _ in sockets]

        async def read(number: int) -> None:
            async for message in sockets[number]:
                if message.type is aiohttp.WSMsgType.TEXT and "chat.said" in message.data:
                    heard[number] += [event["text"] for event in msgspec.json.decode(message.data[2:])[1]]

        for number, ws in enumerate(sockets):
            await ws.send_str(f'40{{"v":1,"room":"demo","name":"Asha {number}"}}')
        reading = [asyncio.create_task(read(number)) for number in range(3)]
        for number, text in enumerate(said):
            command = {"cid": f"c{number}", "type": "chat.say", "text": text}
            await sockets[number % 3].send_str(f'42["command",{msgspec.json.encode(command).decode()}]')
            await until(lambda text=text: all(text in each for each in heard))
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        for ws in sockets:
            await ws.close()

    assert heard == [said] * 3
    assert any(taken), "nothing was deflated with context"


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate; client_max_window_bits", deflate.KEEPING),
        ("permessage-deflate; server_no_context_takeover", deflate.ANSWER),
        ("permessage-deflate; server_max_window_bits=9, permessage-deflate", deflate.KEEPING),
        ("x-webkit-deflate-frame", None),
    ],
)
async def test_a_client_may_forbid_that_frames_look_back(tmp_path: Path, offer: str, answer: str | None) -> None:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions": offer,
    }
    async with serving(tmp_path) as server, aiohttp.ClientSession() as http:
        response = await http.get(f"{server.url}/socket.io/?EIO=4&transport=websocket", headers=headers)
        assert response.status == 101
        assert response.headers.get("Sec-WebSocket-Extensions") == answer
        response.close()


SPEAK = """async ({url, texts}) => {
  const socket = new WebSocket(url), got = [];
  socket.onmessage = ({data}) => (data === "2" ? socket.send("3") : got.push(data));
  const until = async (found) => {
    while (!found()) await new Promise((done) => setTimeout(done, 10));
  };
  await until(() => got.length > 0);
  socket.send('40{"v":1,"room":"demo","name":"Asha"}');
  await until(() => got.some((data) => data.startsWith('42["welcome"')));
  for (const [cid, text] of texts.entries()) {
    socket.send(`42["command",${JSON.stringify({cid: `c${cid}`, type: "chat.say", text})}]`);
    await until(() => got.some((data) => data.startsWith('42["events"') && data.includes(text)));
  }
  return {state: socket.readyState, heard: got.filter((data) => data.startsWith('42["events"'))};
}"""


async def test_a_browser_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "COMPANY", 1)
    lookbacks: list[bool] = []
    after = Packet.after

    def spied(self: Packet, place: int) -> tuple[bytes, int]:
        found = after(self, place)
        lookbacks.append(found[0] is self.streamed and not self.opens)
        return found

    monkeypatch.setattr(Packet, "after", spied)
    texts = [f"This is said again and again, as it were, number {number}" for number in range(8)]
    async with serving(tmp_path) as server, async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        await page.goto(f"{server.url}/healthz")
        url = server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        told = await asyncio.wait_for(page.evaluate(SPEAK, {"url": url, "texts": texts}), 30)
        await close(browser)

    assert told["state"] == 1
    heard = [event["text"] for packet in told["heard"] for event in msgspec.json.decode(packet[2:])[1]]
    assert heard == texts
    assert sum(lookbacks) >= 5, "hardly anything was deflated with context"
