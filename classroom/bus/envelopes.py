"""What travels through Redis: batches in msgpack, each with the edge it comes from and the time it left.

Items are packed one by one when they are handed in, so that one that cannot be packed takes no other with it, and are read
only where they are for somebody. Times are seconds since 1970 by the sender's clock: good for watching the lag, used for
nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from classroom.bus.port import Message, Reply, Request

UNPACKABLE = (TypeError, ValueError, OverflowError)  # what packing raises, for half a surrogate pair say


class Batch(msgspec.Struct, frozen=True, array_like=True, tag="batch"):
    """Items in order: messages on a room's channel, numbered requests to a room's server, numbered replies to an edge
    (None: not carried out to an end)."""

    edge: str
    at: float
    items: msgspec.Raw


class Pulse(msgspec.Struct, frozen=True, array_like=True, tag="pulse"):
    """On a channel that every end hears: the newest head of each room, each edge's newest counts by room, and the rooms that
    this end has begun to follow."""

    edge: str
    at: float
    heads: dict[str, int]
    counts: dict[str, dict[str, int]]
    follows: tuple[str, ...] = ()


class Serving(msgspec.Struct, frozen=True, array_like=True, tag="serving"):
    """To the room's servers: a new one is there, and all before it stand down."""

    edge: str
    token: int


class Yielded(msgspec.Struct, frozen=True, array_like=True, tag="yielded"):
    """To a new server: an older one has stood down."""

    token: int


encode = msgspec.msgpack.Encoder().encode
decode_batch = msgspec.msgpack.Decoder(Batch).decode
decode_pulse = msgspec.msgpack.Decoder(Pulse).decode
decode_to_server = msgspec.msgpack.Decoder(Batch | Serving).decode
decode_to_edge = msgspec.msgpack.Decoder(Batch | Yielded).decode
decode_messages = msgspec.msgpack.Decoder(list[Message]).decode
decode_requests = msgspec.msgpack.Decoder(list[tuple[int, Request]]).decode
decode_replies = msgspec.msgpack.Decoder(list[tuple[int, Reply | None]]).decode


def pack(edge: str, at: float, items: Iterable[bytes]) -> bytes:
    """A batch of items that are packed already."""
    return encode(Batch(edge, at, msgspec.Raw(encode([msgspec.Raw(item) for item in items]))))
