"""A peer: python-socketio as its documentation has it, on aiohttp and uvloop."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import socketio
import uvloop
from aiohttp import web

from loadtest.bench.obey import obey


async def main() -> None:
    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=3_600, logger=False, engineio_logger=False)
    app = web.Application()
    server.attach(app)

    @server.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await server.enter_room(sid, "class")

    async def emit(payload: Any) -> dict[str, Any]:
        await server.emit("events", payload, room="class")
        return {}

    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4_096)
    await site.start()
    await obey({"port": runner.addresses[0][1]}, {"emit": emit})


if __name__ == "__main__":
    # The process ends with its input: thousands of goodbyes would only take time.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().run_until_complete(main())
        os._exit(0)
