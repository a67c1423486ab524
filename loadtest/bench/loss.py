"""Chromium watches over networks that lose packets: how long its picture freezes and its sound has to be made up.

A page publishes Chromium's fake camera and microphone through the real server; others watch, each over a relay that loses a share
of what comes to it and makes each packet late by up to 50 ms. The figures are Chromium's own (`getStats`), of the last two thirds
of the time; one of each two viewers offers no NACK. All run in a network namespace with nothing but loopback.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from loadtest.bench.child import ROOT
from loadtest.bench.stage import Say
from loadtest.bench.table import Row

LOSSES = (0.01, 0.03, 0.1)
SECONDS = 45
CODEC = "VP8-1"  # one layer: what is lost is to be seen, not what is chosen for its sake
SOUND = 48_000  # samples a second


def run(say: Say) -> Iterator[Row]:
    kinds = ["clean", *(f"{loss:g}{nack}" for loss in LOSSES for nack in ("", "-"))]
    say(f"{len(kinds)} viewers, {SECONDS} s")
    seen = _seen(kinds)
    for kind in kinds:
        told = seen[kind]
        name = "nothing lost" if kind == "clean" else f"{float(kind.rstrip('-')):.0%} lost, 50 ms jitter"
        name += ", no NACK" if kind.endswith("-") else ""
        say(f"{name}: {told}")
        yield Row(f"{name}: picture frozen", 100 * told["frozen"] / (SECONDS * 2 / 3), "% of the time")
        yield Row("… freezes", told["freezes"] / (SECONDS * 2 / 3) * 60, "1/min")
        yield Row("… sound made up", 100 * told["concealed"] / max(1, told["samples"]), "%")
        yield Row("… gaps in the sound", told["gaps"] / max(1, told["samples"]) * SOUND * 60, "1/min")


def _seen(kinds: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="classroom-bench-") as folder:
        words = [sys.executable, "-m", "tests.media.chromium_networks", folder, CODEC, str(SECONDS), *kinds]
        command = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS + 90, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"it did not end well (namespaces need root):\n{done.stderr[-2_000:]}")
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen
