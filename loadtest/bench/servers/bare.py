"""The least there is: a loop of `write()` over bare sockets. What it costs is the kernel's part of a frame, which every
server pays on this machine at this hour.

It speaks just enough of Socket.IO to let members in.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import msgspec
import uvloop

from loadtest.bench.obey import obey

UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Member(asyncio.Protocol):
    descriptors: list[int] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._upgraded = False

    def data_received(self, data: bytes) -> None:
        if not self._upgraded:
            self._upgraded = True
            self._transport.write(UPGRADE + _frame(b'0{"sid":"x"}'))
        else:
            self._transport.write(_frame(b'40{"sid":"x"}'))
            self.descriptors.append(self._transport.get_extra_info("socket").fileno())


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    return (bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")) + payload


async def main() -> None:
    async def emit(payload: Any) -> dict[str, Any]:
        frame, write = _frame(b'42["events",' + msgspec.json.encode(payload) + b"]"), os.write
        for descriptor in Member.descriptors:
            write(descriptor, frame)
        return {}

    server = await asyncio.get_running_loop().create_server(Member, "127.0.0.1", 0, backlog=4_096)
    await obey({"port": server.sockets[0].getsockname()[1]}, {"emit": emit})


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().run_until_complete(main())
        os._exit(0)
