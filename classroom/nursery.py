"""A process that is killed is there again at once: it is forked from one that has everything imported already.

What always holds: the parent does nothing but wait, so that nothing there can break; whoever ends it ends the child, and a child
never outlives it. A child that ends by itself, or is killed before it has served for `STEADY` seconds, ends the parent: that
is for whoever started it to judge.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import structlog

from classroom.forks import fork
from classroom.processes import STEADY

log = structlog.get_logger(__name__)


def keep_forking(work: Callable[[], None]) -> int:
    """Run `work` in a child, and again in another whenever a signal kills it. The exit code. To be called before this process has
    started threads or an event loop."""
    signals = {signal.SIGTERM, signal.SIGINT}
    child = 0
    is_told = False

    def hand_on(number: int, _: FrameType | None) -> None:
        nonlocal is_told
        is_told = True
        with suppress(ProcessLookupError):
            os.kill(child, number)

    # Whenever there is no child that they can go to they wait for the next one: none comes too early or too late.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    while True:
        begun = time.monotonic()
        child = fork(signal.SIGKILL)
        if child == 0:
            for one in signals:
                signal.signal(one, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
            work()
            sys.exit(0)
        for one in signals:
            signal.signal(one, hand_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it is not reaped: nobody else has its id
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if is_told or code >= 0 or time.monotonic() - begun < STEADY:
            return abs(code)
        log.error("killed; another takes its place", signal=-code)
