"""What ends a run before its time: a server that is gone, or that lets nobody in.

What always holds: a server started here is found to be gone within a second; a deployment is only asked while nobody is in, and
given up when it has not answered for `GONE_SECONDS`, so that one that begins anew is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from loadtest import ahead
from loadtest.figures import Figures
from loadtest.server import Server

GONE_SECONDS = 15.0
NOBODY_SECONDS = 30.0  # after the ramp, in which somebody has to have come in
EVERY = 3.0  # seconds from one question to the next


class Watch:
    """`server`: ours; None: the deployment at `hosts`."""

    def __init__(self, server: Server | None, hosts: Sequence[str], api_key: str, ramp: float) -> None:
        self._server = server
        self._hosts = hosts
        self._api_key = api_key
        self._ramp = ramp
        self._asked = 0.0
        self._silent_since: float | None = None

    def trouble(self, load: dict[str, Any] | None) -> str:
        """Why the run need not go on, in words; empty: it may. `load`: what has been told so far."""
        if self._server is not None and self._server.ended:
            return f"the server under test has ended: {self._server.ended}"
        if load is None or load["inside"]:
            self._silent_since = None
            return ""
        return self._silent() or self._nobody(load)

    def _silent(self) -> str:
        now = time.monotonic()
        if not self._hosts or now - self._asked < EVERY:
            return ""
        troubles = []
        for host in self._hosts:
            trouble = ahead.wrong_with(host, self._api_key, EVERY)
            if not trouble:
                self._silent_since = None
                break
            troubles.append(f"{host}: {trouble}")
        else:
            self._silent_since = self._silent_since or now
        self._asked = time.monotonic()
        if self._silent_since is not None and self._asked - self._silent_since >= GONE_SECONDS:
            return f"the server under test has gone: {'; '.join(troubles)}"
        return ""

    def _nobody(self, load: dict[str, Any]) -> str:
        """Why nobody has come in, where it is time that somebody had."""
        if time.time() - load["began"] < self._ramp + NOBODY_SECONDS:
            return ""
        figures = Figures()
        figures.add(load["figures"])
        failed = figures.named("failed:")
        if figures.total("joined") or figures.total("lobby") or not failed:
            return ""
        return f"nobody came in: {max(failed, key=lambda reason: failed[reason])}"
