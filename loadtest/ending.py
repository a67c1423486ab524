"""How somebody ends a run: Ctrl-C, SIGTERM, a terminal that is closed.

What always holds: the first of them ends what is under way (`EndedEarly` is raised), so that what there is can be written; the
second ends everything at once. While something is started, or written, the first one waits.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CODE = 130  # of a process that was ended so


class EndedEarly(Exception):
    """Somebody wants the run to end. Carries by what."""


class Ending:
    """Listens from now on. `at_once`: kills whatever has been started. `wanted`: by what the run is to end; empty: nothing."""

    def __init__(self, at_once: Callable[[], None]) -> None:
        self.wanted = ""
        self._at_once = at_once
        self._waits = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGTERM:  # as `nohup` has it
                signal.signal(number, self._heard)

    def _heard(self, number: int, _: Any) -> None:
        if self.wanted:
            self._at_once()
            os._exit(CODE)
        self.wanted = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        os.write(sys.stderr.fileno(), f"\nEnding early ({self.wanted}); once more ends at once.\n".encode())
        if not self._waits:
            raise EndedEarly(self.wanted)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """What is done here is done as a whole."""
        self._waits = True
        yield
        self._waits = False
        if self.wanted:
            raise EndedEarly(self.wanted)

    def settle(self) -> None:
        """From now on nothing is interrupted: the run has ended, and is written down."""
        self._waits = True
