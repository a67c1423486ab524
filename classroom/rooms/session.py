"""A member at one connection, as the rooms know it."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import Literal, Protocol

from classroom import wire
from classroom.kernel import ALL, STAFF, Audience, Member, audience_of
from classroom.packets import Packet, Pair
from classroom.wire import Codec

Way = Literal["plain", "deflated", "kept"]
"""How frames are written to a peer: as they are; deflated; deflated, and the peer keeps what it inflated to look back at."""


class Link(Protocol):
    """One connection of one member, as far as the hub needs it."""

    codec: Codec
    way: Way
    slot: int
    """Where it stands in `PLACES`."""
    descriptor: int
    """Of the socket, where frames may be written to it past the transport; -1: there is none."""

    def clear(self) -> bool:
        """Whether frames may go past the transport: it is open, has a descriptor of its own, and nothing waits in it that would
        be overtaken. Where that is so nobody need ask again until somebody is in doubt (`PLACES.unsure`)."""

    def write(self, packet: Packet | Pair) -> None:
        """Hand over a packet; never waits."""

    def offer(self, packet: Packet | Pair, bound: int) -> bool:
        """Hand over a packet, unless more than `bound` bytes wait already; whether it was handed over. It is what the
        fan-out does for every member, so it is one call and not two."""

    def rest(self, data: bytes) -> None:
        """Write what the socket did not take of a frame that went past the transport."""

    def buffered(self) -> int:
        """Bytes that wait for this member."""

    def end(self, bye: wire.Bye) -> None:
        """Say why, and disconnect."""


class Session:
    """A member at one connection. `since`: the last place they are known to have been sent, while they stand aside.
    `expires_at`: when the token ends that they came with, in seconds since 1970 (0: they came without). `shorthand`: whether
    their client reads it."""

    __slots__ = ("audience", "entered", "expires_at", "lagging", "link", "member", "shorthand", "since")

    def __init__(self, member: Member, link: Link, expires_at: int = 0, shorthand: bool = False) -> None:
        self.entered = monotonic()
        self.expires_at = expires_at
        self.shorthand = shorthand and link.codec is Codec.MSGPACK
        self.member = member
        self.link = link
        self.audience = audience_of(member)
        self.since = 0
        self.lagging = 0.0

    @property
    def kind(self) -> Audience:
        """The audience this member shares with others."""
        return STAFF if self.audience.kind == "staff" else ALL


class Fanout(Protocol):
    """What writes to many. Between `gather` and `settle` nobody may be offered two packets, nor be written to past this."""

    def offer(self, packet: Packet | Pair, sessions: Collection[Session], bound: int) -> list[Session]:
        """Hand a packet to many: those for whom more than `bound` bytes wait already, who were not handed it."""

    def gather(self) -> None:
        """What is offered from now on may be written when `settle` is called."""

    def settle(self) -> None:
        """What was offered is written."""


class OneByOne:
    """A `Fanout` that writes to one after the other, by their transports."""

    def offer(self, packet: Packet | Pair, sessions: Collection[Session], bound: int) -> list[Session]:
        return [session for session in sessions if not session.link.offer(packet, bound)]

    def gather(self) -> None:
        """There is nothing to be gained by waiting."""

    def settle(self) -> None:
        """All is written."""
