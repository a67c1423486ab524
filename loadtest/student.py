"""A member of a class as lean as can be: a socket, a watcher, a few numbers. One in fifty is a probe (`probe`).

What always holds: pings are answered; a command is sent under the same `cid` until it is answered for good, whatever happens
to the connection; who comes back says where they were. What is counted only is not parsed: such a read costs one `recv` into
a buffer that all share, and a look at a few bytes.

A member has no greenlet: what comes is read when the `Poller` finds it, what is due later stands in the `Agenda`.
"""

from __future__ import annotations

import errno
import ssl
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from loadtest import wire
from loadtest.connection import FIRST_PAUSE, GREETING, INSIDE, OPENING, UPGRADING, Connection
from loadtest.probe import Probe
from loadtest.secured import Secured, reason

if TYPE_CHECKING:
    from loadtest.party import Party, Room

BUFFER = bytearray(1 << 20)
VIEW = memoryview(BUFFER)
BEGINNING = 8_192  # bytes of a welcome in which all stands that is looked at
LEAST = 24  # bytes of a packet that is counted; its name has begun in them
HEAD = 44  # bytes of an `events` packet that tell its first place

ACK_SECONDS = 10.0  # until a command is sent again

APART, ALL, SIGNALS = range(3)  # what is counted only of a member's frames


class Pending:
    """A command that is not yet answered for good. `then` is called with the answer."""

    __slots__ = ("body", "id", "since", "then", "tries")

    def __init__(self, body: dict[str, Any], then: Callable[[dict[str, Any]], None] | None) -> None:
        self.body = body
        self.then = then
        self.since = time.monotonic()
        self.id = 0
        self.tries = 0


class Seen(NamedTuple):
    """What somebody has read and found to be no more than frames to count: whoever reads the same need not look again."""

    data: bytes = b""
    frames: int = 0
    head: bytes | bytearray = b""
    head_deflated: bool = False


class Seat(Connection):
    """One member, over reconnects. `hello`: what is said at CONNECT; `probe`: None for those who only count."""

    __slots__ = (
        "commands", "counts", "deflates", "epoch", "head", "head_deflated", "hello", "last_id", "pending", "probe", "room", "seq",
        "voted",
    )  # fmt: skip

    def __init__(self, party: Party, room: Room, number: int, hello: dict[str, Any], probe: Probe | None) -> None:
        super().__init__(party, number, hello["room"], probe is not None)
        self.room = room
        self.hello = hello
        self.probe = probe
        self.counts = ALL
        if probe is not None:  # in JSON signals say nothing that events speak of
            self.counts = SIGNALS if party.codec == wire.JSON and not room.watches_signals else APART
        self.head: bytes | bytearray = b""
        self.head_deflated = False
        self.deflates = False
        self.seq = 0
        self.epoch = ""
        self.pending: dict[str, Pending] | None = None
        self.last_id = 0
        self.commands = 0
        self.voted = 0

    # --- commands ---------------------------------------------------------------------------------------------------

    def command(self, type: str, then: Callable[[dict[str, Any]], None] | None = None, **fields: Any) -> None:
        """Give a command, until it is answered for good; `then` is called with that answer."""
        self.commands += 1
        cid = f"{self.party.run}-{self.number}-{self.commands}"
        pending = Pending({"cid": cid, "type": type, **fields}, then)
        if self.pending is None:
            self.pending = {}
        self.pending[cid] = pending
        self._give(pending)

    def signal(self, type: str, **fields: Any) -> None:
        """Send a signal, which nobody answers."""
        if self.state == INSIDE:
            self.send(wire.event(self.party.codec, "signal", {"type": type, **fields}))

    def _give(self, pending: Pending) -> None:
        if self.state == INSIDE:
            self.last_id += 1
            pending.id = self.last_id
            pending.tries += 1
            self.send(wire.event(self.party.codec, "command", pending.body, pending.id))
            self.party.agenda.after(ACK_SECONDS, self._insist, pending, pending.tries)

    def _insist(self, pending: Pending, tries: int) -> None:
        if self.pending and self.pending.get(pending.body["cid"]) is pending and pending.tries == tries:
            self.party.figures.count("retries")
            self._give(pending)

    def _answered(self, id: int, ack: dict[str, Any]) -> None:
        pending = next((p for p in (self.pending or {}).values() if p.id == id), None)
        if pending is None:
            return
        if not ack["ok"] and ack["temporary"]:
            self.party.figures.count(f"put_off:{ack['code']}")
            until = ack.get("until")
            pause = max(0.1, until / 1_000 - time.time()) if until else 0.5 + self.party.dice.random()
            pending.id = 0
            pending.tries += 1
            self.party.agenda.after(pause, self._insist_now, pending)
            return
        assert self.pending is not None
        del self.pending[pending.body["cid"]]
        if not self.pending:
            self.pending = None
        took = (time.monotonic() - pending.since) * 1_000
        self.party.acknowledged(pending.body["type"], took, ack)
        if pending.then is not None:
            pending.then(ack)

    def _insist_now(self, pending: Pending) -> None:
        if self.pending and self.pending.get(pending.body["cid"]) is pending:
            self._give(pending)

    # --- what comes -------------------------------------------------------------------------------------------------

    def readable(self) -> None:
        """Read what has come."""
        turn = self.turn
        self._read()
        # What TLS has deciphered is not seen by a look at the socket.
        while self.turn == turn and isinstance(self.socket, Secured) and self.socket.pending():
            self._read()

    def _read(self) -> None:
        held = len(self.rest)
        try:
            if held:
                BUFFER[:held] = self.rest
                got = self.socket.recv_into(VIEW[held:])
            else:
                got = self.socket.recv_into(BUFFER)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self._lost(reason(error))
            return
        self._received(held, got)

    def received(self, got: int) -> None:
        """Take what was read into the empty buffer: so many bytes; 0: closed; below that: an `errno`."""
        if got >= 0:
            self._received(0, got)
        elif got != -errno.EAGAIN:
            self._lost(type(OSError(-got, "")).__name__)

    def _received(self, held: int, got: int) -> None:
        if not got:
            self._lost("closed")
            return
        party = self.party
        party.reads += 1
        party.bytes += got
        at, size, whole = 0, held + got, not held and not self.skip
        before: int | None = None  # frames counted, where it may turn out that all there was is counted
        if self.state == INSIDE and whole and self.counts == ALL:
            seen = party.seen
            if got == len(seen.data) and BUFFER.startswith(seen.data):
                party.frames += seen.frames
                self.head, self.head_deflated = seen.head, seen.head_deflated
                return
            before = party.frames
        if self.state == UPGRADING:
            at = self._upgraded(size)
            if at < 0:
                return
        if self.skip:
            at = min(self.skip, size)
            self.skip -= at
        turn, looks = self.turn, 0
        while at < size:
            end = self._frame(at, size)
            if self.turn != turn:
                return
            if not end:
                break
            at = end
            looks += 1
        self.rest = bytes(VIEW[at:size]) if at < size else b""
        if self.rest or self.skip:
            party.poller.part(self.socket.fileno())
        elif not whole:
            self._join()
        if before is not None and looks == party.frames - before and not self.rest and not self.skip:
            party.seen = Seen(bytes(VIEW[:size]), looks, self.head, self.head_deflated)

    def _frame(self, at: int, size: int) -> int:
        """Take the frame that begins at `at`: where it ends. 0: more bytes are needed."""
        if size - at < 2:
            return 0
        first, short = BUFFER[at], BUFFER[at + 1]
        if short < 126:
            start = at + 2
            end = start + short
        elif short == 126:
            if size - at < 4:
                return 0
            start = at + 4
            end = start + (BUFFER[at + 2] << 8 | BUFFER[at + 3])
        else:
            if size - at < 10:
                return 0
            start = at + 10
            end = start + int.from_bytes(VIEW[at + 2 : start], "big")
        whole = end <= size
        if self.state == INSIDE and self.counts and self._counted(first, start, end, size):
            if not whole:
                self.skip = end - size
                return size
            return end
        if not whole:
            if self.state == GREETING and size - start >= BEGINNING and self._is_welcome(first, start, size):
                self.skip = end - size
                return size
            if end - at > len(BUFFER):
                self._lost("a packet larger than a megabyte")
            return 0
        self._take(first, bytes(VIEW[start:end]))
        return end

    def _counted(self, first: int, start: int, end: int, size: int) -> bool:
        """Whether this frame is one that is counted only, by its first bytes."""
        if end - start < LEAST or size - start < LEAST:
            return False
        party = self.party
        if self.counts == SIGNALS and (first & 0x40 or BUFFER[start + party.name_at] != 0x73):
            return False
        if first & 0x40:
            self._began(start, min(start + 3 * HEAD, end), size, deflated=True)
            party.frames += 1
            return True
        letter = BUFFER[start + party.name_at]
        if letter == 0x65 and BUFFER[start] in (0x34, 0x83):  # "e" of `events`
            self._began(start, min(start + HEAD, end), size, deflated=False)
        elif letter != 0x73 or BUFFER[start] not in (0x34, 0x83):  # "s" of `signals`
            return False
        if BUFFER[start] == 0x34 and BUFFER[start + 1] != 0x32:  # an acknowledgement, not an event
            return False
        party.frames += 1
        return True

    def _began(self, start: int, end: int, size: int, *, deflated: bool) -> None:
        """Keep the beginning of a packet, unless it is cut off."""
        if end <= size:
            self.head, self.head_deflated = BUFFER[start:end], deflated

    def _upgraded(self, size: int) -> int:
        end = BUFFER.find(b"\r\n\r\n", 0, size)
        if end < 0:
            self.rest = bytes(VIEW[:size])
            return -1
        head = bytes(VIEW[:end])
        if not head.startswith(b"HTTP/1.1 101"):
            why = bytes(VIEW[end + 4 : min(size, end + 84)]).decode(errors="replace").strip('"\r\n ')
            self._lost(f"HTTP {head[9:12].decode(errors='replace')} {why}".rstrip())
            return -1
        self.deflates = b"permessage-deflate" in head
        self.state = OPENING
        return end + 4

    def _is_welcome(self, first: int, start: int, size: int) -> bool:
        """Whether the large frame of which the beginning is here is a welcome: then it is taken at that."""
        beginning = bytes(VIEW[start:size])
        if first & 0x40:
            beginning = wire.inflate(beginning, BEGINNING)
        at = self.party.name_at
        if beginning[at : at + 7] != b"welcome":
            return False
        self._welcomed(beginning)
        return True

    def _take(self, first: int, payload: bytes) -> None:
        """A frame that is looked at."""
        opcode = first & 0x0F
        if opcode == 8:
            self._lost("closed")
            return
        if opcode not in (1, 2):
            return
        if payload == b"2":
            self.send(wire.PONG)
            return
        if first & 0x40:
            try:
                payload = wire.inflate(payload)
            except zlib.error:
                self._lost("a frame that cannot be inflated")
                return
        packet = wire.read(self.party.codec, payload)
        match packet.kind:
            case "events":
                self.party.frames += 1
                if self.probe is not None:
                    self.probe.events(packet.body)
            case "signals":
                self.party.frames += 1
                if self.probe is not None:
                    self.probe.signals(packet.body)
                if self.room.watches_signals:
                    self.room.signalled(wire.decode(self.party.codec, packet.body))
            case "ack":
                self._answered(packet.id, wire.decode(self.party.codec, packet.body))
            case "opened":
                self.state = GREETING
                hello = self.hello | ({"since": self.seq, "epoch": self.epoch} if self.epoch else {})
                self.send(wire.connect(self.party.codec, hello))
            case "welcome":
                self._welcomed(payload)
            case "resumed":
                if self.probe is not None:
                    self.probe.resumed(packet.body)
                self._inside("resumed")
            case "lobby":
                self._in_line(wire.decode(self.party.codec, packet.body))
            case "bye":
                bye = wire.decode(self.party.codec, packet.body)
                self._bye(bye, bye.get("retry_in"))
            case "refused":
                refusal = wire.decode(self.party.codec, packet.body)["data"]
                until = refusal.get("until")
                self._bye(refusal, max(0, until - time.time() * 1_000) if until else refusal.get("retry_in"))
            case "ended":
                self._lost("disconnected")
            case _:
                pass

    def _remember(self) -> None:
        """Where this member was: a probe knows it, the others know what the last packet began with, read here or by the herd."""
        if self.probe is not None:
            self.seq = self.probe.last
        elif self.socket is not None:
            for head, deflated in ((self.head, self.head_deflated), self.party.poller.head(self.socket.fileno())):
                with suppress(ValueError):  # of signals: the place known from before does as well
                    self.seq = max(self.seq, wire.first_seq(self.party.codec, bytes(head), deflated) - 1)
            self.head = b""

    def _welcomed(self, beginning: bytes) -> None:
        try:
            greeting = wire.greeting(self.party.codec, beginning)
        except ValueError:
            self._lost("an odd welcome")
            return
        self.seq, self.epoch = greeting.seq, greeting.epoch
        if self.probe is not None:
            self.probe.welcome(greeting)
        if self.state != INSIDE:
            self._inside("welcome")

    def _inside(self, how: str) -> None:
        self.state = INSIDE
        self.party.inside += 1
        self.pause = FIRST_PAUSE
        self._join()
        now = time.monotonic()
        if self.lobby_at:
            self.party.figures.time("lobby_wait", (now - self.lobby_at) * 1_000)
            self.lobby_at = 0.0
        self.party.joined(self, how, (now - self.begun) * 1_000)
        for pending in list((self.pending or {}).values()):
            self._give(pending)

    def _join(self) -> None:
        half = self.rest or self.skip or self.out
        if self.state == INSIDE and self.counts and not half and not self.party.way(self.number)[0].tls:
            self.party.poller.join_herd(self.socket.fileno(), self)
