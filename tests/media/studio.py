"""A class on the air: a browser's packets, sent as fast as a camera makes them, into the streams that real handlers serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

from aiohttp import web

from classroom.config import Hls, load
from classroom.media.hls.live import Sink
from classroom.media.hls.routes import add_live_routes
from classroom.media.hls.streams import Streams
from classroom.media.tap import Codec, Source, Track
from classroom.metrics import Metrics
from tests.media.browser import PAYLOAD_TYPES, Sender, Shot, film, tone

LEEWAY = 1_000  # seconds that the publisher's clock is ahead of ours


def track(source: Source, codec: Codec, publisher: str = "teacher", room: str = "demo", ssrc: int = 0x1234) -> Track:
    sound = codec == "opus"
    kind: Literal["audio", "video"] = "audio" if sound else "video"
    rate = 48_000 if sound else 90_000
    return Track(room, publisher, source, kind, codec, PAYLOAD_TYPES[codec], rate, 2 if sound else 1, ssrc)


class Publisher:
    """Sends one track over and over, in real time, until it is stopped."""

    def __init__(self, streams: Streams, of: Track, shots: tuple[Shot, ...], length: float, ssrc: int = 0x1234) -> None:
        self.track = of
        self.sender = Sender(of.codec, ssrc=ssrc)
        self.sent = 0
        self._streams = streams
        self._shots = shots
        self._length = length
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        begun = time.time()
        round_, reported = 0, -1.0
        while True:
            for shot in self._shots:
                at = round_ * self._length + shot.at
                await asyncio.sleep(max(0.0, begun + at - time.time()))
                if at - reported >= 0.5:
                    reported = at
                    self._streams.report(self.track, begun + at + LEEWAY, self.sender.timestamp(at))
                for packet in self.sender.packets(Shot(at, shot.data, shot.key)):
                    self._streams.rtp(self.track, packet)
                self.sent += 1
            round_ += 1

    async def stop(self, told: bool = True) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if told:
            self._streams.ended(self.track)


class Studio:
    """`url`: the server's; `asked`: tracks of which a key frame was wanted."""

    def __init__(self, streams: Streams, url: str, app: web.Application) -> None:
        self.streams = streams
        self.url = url
        self.app = app
        self.asked: list[Track] = []
        self.publishers: list[Publisher] = []

    def camera(
        self, codec: Codec = "h264", source: Source = "camera", rate: float = 30, publisher: str = "teacher"
    ) -> Publisher:
        shots = film(codec, round(4 * rate), rate, round(2 * rate))
        return self._publish(Publisher(self.streams, track(source, codec, publisher), shots, 4.0))

    def microphone(self, publisher: str = "teacher") -> Publisher:
        shots = tone(2.0)
        return self._publish(
            Publisher(self.streams, track("microphone", "opus", publisher), shots, len(shots) * 0.02, 0x77)
        )

    def _publish(self, publisher: Publisher) -> Publisher:
        self.publishers.append(publisher)
        return publisher

    @property
    def live(self) -> str:
        """The demo room's address, as a URL."""
        address = self.streams.address("demo")
        assert address is not None
        return self.url + address


def hls_settings(**changed: object) -> Hls:
    variables = {f"CLASSROOM_HLS_{name.upper()}": str(value).lower() for name, value in changed.items()}
    return load(environment=variables).hls


@asynccontextmanager
async def on_air(
    sink: Sink | None = None, pages: dict[str, str] | None = None, **settings: object
) -> AsyncIterator[Studio]:
    """Streams and the server of them. `pages`: HTML by path, served beside them."""
    asked: list[Track] = []
    streams = Streams(hls_settings(**settings), Metrics(), asked.append, lambda _: sink)  # type: ignore[arg-type]
    app = web.Application()
    add_live_routes(app, streams)
    for path, text in (pages or {}).items():

        async def page(_: web.Request, text: str = text) -> web.Response:
            kind = "text/javascript" if text.startswith("/*") or "function" in text[:200] else "text/html"
            return web.Response(text=text, content_type=kind)

        app.router.add_get(path, page)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4_096).start()
    studio = Studio(streams, f"http://127.0.0.1:{runner.addresses[0][1]}", app)
    studio.asked = asked
    try:
        yield studio
    finally:
        for publisher in studio.publishers:
            await publisher.stop(told=False)
        await streams.close()
        await runner.cleanup()
