"""Browsers with WebRTC run in a network namespace with nothing but loopback, since else they use other addresses too."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.running import ROOT

LOOPBACK = "ip link set lo up"


async def apart(module: str, *arguments: object, link: str = LOOPBACK, quiet: bool = False) -> dict[str, Any]:
    """Run `python -m module ARGUMENT…` there: what it printed, as JSON. `link`: the shell's words that bring its network up.
    Fails with what it wrote to standard error."""
    command = (f'{link} && exec "$@"', "sh", sys.executable, "-m", module, *map(str, arguments))
    process = await asyncio.create_subprocess_exec(
        *("unshare", "-n", "sh", "-c", *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    seen: dict[str, Any] = json.loads(out)
    if not quiet:
        print(seen)
    return seen
