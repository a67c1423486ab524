"""What NACK mends for a Chromium that watches another over a bad network: `python -m tests.media.chromium_losses CODEC SECONDS`,
as root, for network namespaces. Prints a table.

One publisher of 960x540 at 1.1 Mbit/s in one layer (`VP8-1`, `H264-1`); at each share lost, with 50 ms of jitter, two watch
over a relay of the test (`impaired.py`) and hold what comes for 250 ms, one of which has no NACK in its offer: neither it nor
the answer may speak of it, and it must be sent nothing again. A third watches on a clean way. The first third of the time does
not count.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.media.namespace import apart

SHARES = ("0.01", "0.03", "0.1")
HEAD = (
    "| lost | NACK | pictures | freezes | standing still | pictures lost | sent again | sound made up | gaps of sound |"
)


def row(lost: str, nack: str, one: dict[str, Any]) -> str:
    samples = one["samples"] or 1
    return (
        f"| {lost} | {nack} | {one['frames']} | {one['freezes']} | {one['frozen']:.1f} s | {one['lost']} of "
        f"{one['packets'] + one['lost']} | {one['again']} | {one['concealed'] / samples:.1%} | {one['gaps']} |"
    )


async def table(codec: str, seconds: int) -> None:
    print(f"{HEAD}\n|{'---|' * 9}")
    for share in SHARES:
        with TemporaryDirectory() as folder:
            kinds = ("clean", share, share + "-")
            seen = await apart("tests.media.chromium_networks", Path(folder), codec, seconds, *kinds, quiet=True)
        if seen[share + "-"]["nacks"] or seen[share + "-"]["again"]:
            raise RuntimeError(f"without NACK there were repetitions: {seen[share + '-']}")
        for kind, nack in zip(kinds, ("clean way", "yes", "no"), strict=True):
            print(row(f"{float(share):.0%}", nack, seen[kind]), flush=True)


if __name__ == "__main__":
    asyncio.run(table(sys.argv[1], int(sys.argv[2])))
