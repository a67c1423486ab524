"""One member's way in and out: a socket, kept over reconnects.

What always holds: who is told to come back does so, when told, and who is told nothing does by itself; every end of a connection
that nobody here asked for is counted with its reason; what is due later is let go when the `turn` is another by then.
"""

from __future__ import annotations

import os
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loadtest.poller import READ, WRITE
from loadtest.secured import Secured, reason

if TYPE_CHECKING:
    from loadtest.party import Party

IPPROTO_IP, BIND_ADDRESS_NO_PORT = 0, 24
SOL_SOCKET, SO_LINGER, SO_ERROR, IPPROTO_TCP, TCP_NODELAY = 1, 13, 4, 6, 1
AF_INET, AF_INET6, SOCK_STREAM = 2, 10, 1
IN_PROGRESS = (0, 115, 11)

JOIN_SECONDS = 120.0  # until a connection that is neither in nor waiting in the lobby is given up and tried anew
FIRST_PAUSE, LAST_PAUSE = 1.0, 30.0  # seconds until one comes back who was not told when

CLOSED, CONNECTING, UPGRADING, OPENING, GREETING, INSIDE = range(6)


class Connection(ABC):
    """Of member `number`. What is read is the heir's: `rest` and `skip` are what it holds of a frame that is not yet whole.
    `probing`: whether it is looked at before others; `to`: the id of the room that it leads to."""

    __slots__ = (
        "begun", "lobby_at", "lobby_told", "number", "out", "party", "pause", "probing", "rest", "skip", "socket", "state",
        "stuck", "to", "turn", "wanted",
    )  # fmt: skip

    def __init__(self, party: Party, number: int, to: str, probing: bool) -> None:
        self.party = party
        self.number = number
        self.to = to
        self.probing = probing
        self.socket: Any = None
        self.state = CLOSED
        self.wanted = False
        self.turn = 0
        self.pause = FIRST_PAUSE
        self.begun = 0.0
        self.lobby_at = 0.0
        self.lobby_told = 0
        self.rest: bytes = b""
        self.out: bytes = b""
        self.skip = 0
        self.stuck = False

    @abstractmethod
    def readable(self) -> None:
        """Read what has come."""

    @abstractmethod
    def _remember(self) -> None:
        """The connection is about to end, or to rest: note where this member was."""

    @abstractmethod
    def _join(self) -> None:
        """Be read for with others, if that may be."""

    def come(self) -> None:
        """Come in, or come back."""
        self.wanted = True
        self.begun = time.monotonic()
        self._connect()

    def leave(self) -> None:
        """Go for good."""
        self.wanted = False
        self._close()

    def drop(self, back_in: float) -> None:
        """Lose the connection as a phone in a tunnel does, and come back after so many seconds."""
        if self.socket is not None:
            self.socket.setsockopt(SOL_SOCKET, SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self._remember()
        self._close()
        self.begun = time.monotonic()
        self.party.agenda.after(back_in, self._again, self.turn)

    def stop_reading(self, seconds: float) -> bool:
        """Read nothing for so many seconds, as on a network that does not keep up; whether this member was in."""
        if self.state != INSIDE:
            return False
        self._remember()
        self.party.poller.forget(self.socket.fileno())
        self.stuck = True
        self.party.agenda.after(seconds, self._read_again, self.turn)
        return True

    def _read_again(self, turn: int) -> None:
        if self.turn == turn and self.socket is not None:
            self._watch(READ, self.readable)
            self._join()

    def _again(self, turn: int) -> None:
        if self.wanted and self.turn == turn and self.state == CLOSED:
            self._connect()

    def _connect(self) -> None:
        target, source = self.party.way(self.number)
        address = self.party.address(target)
        family = AF_INET6 if ":" in address else AF_INET
        self.turn += 1
        try:
            sock = self.party.original_socket(family, SOCK_STREAM)
        except OSError as error:
            self._lost(f"socket: {error.strerror}")
            return
        sock.setblocking(False)
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        if source:
            sock.setsockopt(IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
        self.socket = sock
        self.state = CONNECTING
        self.rest = self.out = b""
        self.skip = 0
        code = sock.connect_ex((address, target.port))
        if code not in IN_PROGRESS:
            self._lost(f"connect: {os.strerror(code)}")
            return
        self._watch(WRITE, self._connected)
        self.party.agenda.after(JOIN_SECONDS, self._impatient, self.turn)

    def _watch(self, events: int, call: Callable[[], None]) -> None:
        self.party.poller.watch(self.socket.fileno(), events, call, probe=self.probing)

    def _connected(self) -> None:
        code = self.socket.getsockopt(SOL_SOCKET, SO_ERROR)
        if code:
            self._lost(f"connect: {os.strerror(code)}")
            return
        target, _ = self.party.way(self.number)
        if target.tls:
            self.socket = Secured(self.party.tls(), self.socket, target.host)
            self._shake()
        else:
            self._upgrade()

    def _shake(self) -> None:
        """Go on with the handshake of TLS."""
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._watch(READ, self._shake)
        except ssl.SSLWantWriteError:
            self._watch(WRITE, self._shake)
        except OSError as error:
            self._lost(reason(error))
        else:
            self._upgrade()

    def _upgrade(self) -> None:
        target, _ = self.party.way(self.number)
        self.state = UPGRADING
        self._watch(READ, self.readable)
        self.send(target.handshake(self.party.codec, self.party.deflate, self.to))

    def broken(self, what: str) -> None:
        """Something went wrong here that nobody thought of: the connection is given up, and tried anew."""
        self._lost(what)

    def _impatient(self, turn: int) -> None:
        if self.turn != turn or self.state in (CLOSED, INSIDE):
            return
        if self.lobby_told:  # waits in the lobby, and is told so
            self.lobby_told = 0
            self.party.agenda.after(JOIN_SECONDS, self._impatient, turn)
            return
        self._lost("timeout")

    def _close(self) -> None:
        if self.socket is not None:
            self.party.poller.forget(self.socket.fileno())
            self.socket.close()
            self.socket = None
        if self.state == INSIDE:
            self.party.inside -= 1
        self.state = CLOSED
        self.lobby_at = 0.0
        self.turn += 1

    def _lost(self, reason: str, back_in: float | None = None, for_good: bool = False) -> None:
        """The connection has ended, or never came about."""
        inside = self.state == INSIDE
        self._remember()
        self._close()
        if not self.wanted:
            return
        self.party.figures.count(f"{('let_go' if self.stuck else 'dropped') if inside else 'failed'}:{reason}")
        self.stuck = False
        if for_good:
            self.wanted = False
            self.party.figures.count("gave_up")
            self.party.failed("join", f"{reason} for good")
            return
        if inside:
            self.begun = time.monotonic()
        pause = self.pause * (0.5 + self.party.dice.random()) if back_in is None else back_in
        self.pause = min(LAST_PAUSE, self.pause * 2)
        self.party.agenda.after(pause, self._again, self.turn)

    def _bye(self, bye: dict[str, Any], retry_in: float | None) -> None:
        back_in = None if retry_in is None else retry_in / 1_000
        self._lost(bye["code"], back_in, for_good=not bye.get("temporary", False))

    def _in_line(self, waiting: dict[str, Any]) -> None:
        self.lobby_told += 1
        if not self.lobby_at:
            self.lobby_at = time.monotonic()
            self.party.figures.count("lobby")
            self.party.figures.time("lobby_estimate", waiting["estimate"])

    def send(self, data: bytes) -> None:
        """Write it, or what there is room for now and the rest when there is."""
        if self.socket is None:
            return
        if self.out:
            self.out += data
            return
        try:
            sent = self.socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        except OSError as error:
            self._lost(reason(error))
            return
        if sent < len(data):
            self.out = data[sent:]
            self.party.poller.part(self.socket.fileno())  # nobody else writes into the middle of it
            self.party.agenda.after(0.02, self._rest, self.turn)

    def _rest(self, turn: int) -> None:
        if self.turn == turn and self.out:
            data, self.out = self.out, b""
            self.send(data)
            self._join()
