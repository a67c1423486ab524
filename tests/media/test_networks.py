"""Networks that lose, delay and hold back: what repetitions mend, and who suffers from whose network.

The trouble is made by a relay in the test (`tests/media/impaired.py`), since not every kernel has `netem`.
"""

from __future__ import annotations

import asyncio

import pytest

from classroom.media.sfu import packets
from tests.media.bare import Bare
from tests.media.impaired import Relay, Trouble
from tests.media.peers import Unit, forwarding
from tests.running import until

# Seconds that a packet may be late by before it is asked for, and until it is asked for once more: as browsers do by and large.
REORDERED, AGAIN = 0.05, 0.1


class Listener(Bare):
    """Knows what it was sent of picture (`pictures`) and sound (`sounds`), and asks for what is missing where it should."""

    def __init__(self, *, asks: bool = False) -> None:
        super().__init__()
        self.asks = asks
        self.pictures: set[int] = set()
        self.sounds: set[int] = set()
        self.again = 0
        self._reported = self._highest = 0
        self._due: dict[int, float] = {}
        self.on_rtp = self._heard

    def _heard(self, data: bytes) -> None:
        head = packets.read(data)
        assert head is not None
        if head.payload_type == 96:
            self.pictures.add(head.sequence)
        elif head.payload_type == 111:
            self.sounds.add(head.sequence)
        elif len(data) > head.body + 2 and not head.padding:
            self.pictures.add(int.from_bytes(data[head.body : head.body + 2], "big"))
            self.again += 1

    def missing(self) -> list[int]:
        """Numbers of pictures that have not come, though later ones have."""
        if not self.pictures:
            return []
        return [one for one in range(min(self.pictures), max(self.pictures)) if one not in self.pictures]

    def ask(self) -> None:
        now = asyncio.get_running_loop().time()
        missing = self.missing()[-100:]
        due = {one: self._due.get(one, now + REORDERED) for one in missing}
        lost = [one for one, at in due.items() if at <= now]
        self._due = due | dict.fromkeys(lost, now + AGAIN)
        if self.asks and lost and self.outbound is not None:
            self.sock.sendto(self.outbound.rtcp(packets.nack(7, self.ssrcs[0], lost)), self.address)

    def told(self, sent: int) -> None:
        """Report what was lost of so many packets of picture."""
        assert self.outbound is not None
        share = max(0, min(255, 256 * (sent - (len(self.pictures) - self._reported)) // max(1, sent)))
        self._reported = len(self.pictures)
        self._highest += sent
        block = packets.report_block(self.ssrcs[0], share, 0, self._highest, 20, 0, 0)
        self.sock.sendto(self.outbound.rtcp(packets.receiver_report(1, [block])), self.address)


async def watch(unit: Unit, listener: Listener, relay: Relay) -> None:
    """Join over a relay, whose trouble begins when the way is open."""
    port = await relay.start(unit.address)
    trouble, relay.trouble = relay.trouble, Trouble()
    _, answer = unit.sfu.watch("r", "t1", listener.offer(), "s1")
    before = unit.sfu.feeds["r", "t1"].forwards["camera"].viewers
    await listener.connect(answer.replace(f" {unit.address[1]} typ", f" {port} typ"))
    await until(lambda: unit.sfu.feeds["r", "t1"].forwards["camera"].viewers == before + 1)
    relay.trouble = trouble


async def published(unit: Unit) -> Bare:
    publisher = Bare(sends=True)
    _, answer = unit.sfu.publish("r", "t1", publisher.offer())
    await publisher.connect(answer)
    await until(lambda: bool(unit.began))
    return publisher


@pytest.mark.parametrize("loss", [0.01, 0.03, 0.1])
async def test_what_is_lost_by_chance_under_jitter_is_mended_by_repetitions_and_by_nothing_else(loss: float) -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        publisher = await published(unit)
        mended, plain = Listener(asks=True), Listener()
        relays = [Relay(Trouble(loss, 0.05, up=loss), seed) for seed in (1, 2)]
        for listener, relay in zip((mended, plain), relays, strict=True):
            await watch(unit, listener, relay)
        for number in range(1_000):
            # No number wraps in this test: the forward's own begins below 32,768.
            publisher.rtp(packets.header(96, True, number, number * 1_000, 1) + b"\x61" + bytes(200))
            if number % 10 == 9:
                mended.ask()
                await asyncio.sleep(0.01)
        publisher.rtp(packets.header(96, True, 1_000, 9, 1) + b"\x61")
        for _ in range(10):  # the last of the picture are late by up to 50 ms
            mended.ask()
            await asyncio.sleep(0.01)
        while mended.missing():
            mended.ask()
            await asyncio.sleep(0.01)
        gone = len(plain.missing())
        print(
            f"loss {loss:.0%}: {gone} of 1000 missing without NACK, {len(mended.missing())} with; {mended.again} again"
        )
        assert 1_000 * loss * 0.3 < gone < 1_000 * loss * 3
        assert mended.again >= gone // 2
        for relay in relays:
            await relay.close()
        for peer in (publisher, mended, plain):
            peer.close()


async def test_a_thin_way_keeps_the_sound_lets_the_picture_go_and_slows_nobody_else() -> None:
    async with forwarding() as unit, asyncio.timeout(60):
        publisher = await published(unit)
        thin, wide = Listener(), Listener()
        relays = [Relay(Trouble(rate=300_000)), Relay(Trouble())]
        for listener, relay in zip((thin, wide), relays, strict=True):
            await watch(unit, listener, relay)
        track = unit.sfu.feeds["r", "t1"].forwards["camera"]
        number = sound = 0

        async def play(turns: int) -> None:
            """Each turn is 20 ms of 1.1 Mbit/s of picture, and one packet of sound."""
            nonlocal number, sound
            for turn in range(turns):
                for _ in range(3):
                    publisher.rtp(packets.header(96, True, number, number * 600, 1) + b"\x61" + bytes(900))
                    number += 1
                publisher.rtp(packets.header(111, True, sound, sound * 960, 2) + bytes(80))
                sound += 1
                if turn % 25 == 24:
                    thin.told(75)
                await asyncio.sleep(0.02)

        def pauses() -> bool:
            return sum(one.viewers for one in track.live) == 1

        while not pauses():
            await play(25)
        await asyncio.sleep(0.3)  # what waits in the queue of the thin way goes out
        before, pictures = len(thin.sounds), len(thin.pictures)
        sent = sound
        await play(50)
        await until(lambda: len(thin.sounds) - before == sound - sent)  # all of it
        assert len(thin.pictures) - pictures < 20
        await until(lambda: len(wide.pictures) == number and len(wide.sounds) == sound)
        for relay in relays:
            await relay.close()
        for peer in (publisher, thin, wide):
            peer.close()
