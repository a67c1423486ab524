"""STUN (RFC 8489) as far as ICE (RFC 8445) needs it here: binding requests and their answers.

What always holds: nothing is answered without a valid MESSAGE-INTEGRITY, and an answer is no longer than its request plus
24 bytes.
"""

from __future__ import annotations

import hmac
import socket
import struct
from binascii import crc32
from typing import NamedTuple

COOKIE = 0x2112A442
REQUEST, SUCCESS = 0x0001, 0x0101
USERNAME, INTEGRITY, XOR_ADDRESS, PRIORITY, USE_CANDIDATE = 0x0006, 0x0008, 0x0020, 0x0024, 0x0025
FINGERPRINT, CONTROLLED = 0x8028, 0x8029
LONGEST = 1_280  # bytes

Address = tuple[str, int]


class Message(NamedTuple):
    """`signed`: where MESSAGE-INTEGRITY begins, 0: there is none."""

    type: int
    transaction: bytes
    username: str
    nominates: bool
    signed: int
    digest: bytes


def parse(data: bytes) -> Message | None:
    """The message, or None where it is none."""
    if not 20 <= len(data) <= LONGEST:
        return None
    type, length, cookie = struct.unpack_from("!HHI", data)
    if cookie != COOKIE or length != len(data) - 20 or length % 4 or type >> 14:
        return None
    at, username, nominates, signed, digest = 20, "", False, 0, b""
    while at + 4 <= len(data):
        attribute, size = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size:
            return None
        if attribute == USERNAME:
            username = value.decode("ascii", "replace")
        elif attribute == USE_CANDIDATE:
            nominates = True
        elif attribute == INTEGRITY:
            signed, digest = at, value
            break  # what comes after is not covered by it
        at += 4 + (size + 3 & ~3)
    return Message(type, data[8:20], username, nominates, signed, digest)


def is_signed(data: bytes, message: Message, password: bytes) -> bool:
    """Whether the message's MESSAGE-INTEGRITY is made with `password`."""
    if not message.signed or len(message.digest) != 20:
        return False
    covered = data[:2] + struct.pack("!H", message.signed + 4) + data[4 : message.signed]
    return hmac.compare_digest(hmac.digest(password, covered, "sha1"), message.digest)


def success(transaction: bytes, address: Address, password: bytes) -> bytes:
    """The answer to a binding request from `address`."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, address[0])
    mask = struct.pack("!I", COOKIE) + transaction
    family = 2 if len(packed) == 16 else 1
    value = struct.pack("!BBH", 0, family, address[1] ^ COOKIE >> 16)
    value += bytes(a ^ b for a, b in zip(packed, mask, strict=False))
    return _message(SUCCESS, transaction, _attribute(XOR_ADDRESS, value), password)


def request(transaction: bytes, username: str, password: bytes) -> bytes:
    """A check of ours, by which an address shows that it is there."""
    body = _attribute(USERNAME, username.encode())
    body += _attribute(PRIORITY, struct.pack("!I", 1_845_501_695)) + _attribute(CONTROLLED, transaction[:8])
    return _message(REQUEST, transaction, body, password)


def _attribute(type: int, value: bytes) -> bytes:
    return struct.pack("!HH", type, len(value)) + value + bytes(-len(value) % 4)


def _message(type: int, transaction: bytes, body: bytes, password: bytes) -> bytes:
    head = struct.pack("!HHI", type, len(body) + 24, COOKIE) + transaction
    body += _attribute(INTEGRITY, hmac.digest(password, head + body, "sha1"))
    head = struct.pack("!HHI", type, len(body) + 8, COOKIE) + transaction
    return head + body + _attribute(FINGERPRINT, struct.pack("!I", crc32(head + body) ^ 0x5354554E))
