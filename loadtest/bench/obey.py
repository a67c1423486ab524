"""The other end of `child`: a process with an event loop that does what lines of JSON on its standard input ask."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Does = Callable[..., Awaitable[dict[str, Any]]]


def cpu() -> float:
    """Seconds of user and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def usage() -> dict[str, Any]:
    return {"cpu": cpu()}


async def obey(hello: dict[str, Any], does: Mapping[str, Does]) -> None:
    """Say hello, then answer until standard input ends."""
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say(hello)
    while line := await reader.readline():
        values = json.loads(line)
        try:
            _say(await {"usage": usage, **does}[values.pop("op")](**values))
        except Exception as error:
            _say({"error": repr(error)})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
