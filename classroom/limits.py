"""How much one member, or one address, may do: token buckets.

What always holds: who stays under the rate is never refused; a bucket that is full again takes no memory. A bucket is
kept as one number (GCRA): the moment at which it will be full. That lets through just what a bucket of `burst` tokens
with `rate` new ones a second does, without a timer. Time comes in as milliseconds since 1970, and is counted in whole
microseconds, since a float of that size would lose what it adds up.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from classroom.config import LimitSettings
from classroom.kernel import Rejected

KEYS_LIMIT = 200_000


class Limiter:
    """One bucket per key, `rate` tokens a second, `burst` at most. Holds at most `keys` buckets that are not full; past
    that the one used longest ago counts as full."""

    def __init__(self, rate: float, burst: int, keys: int = KEYS_LIMIT) -> None:
        self._spacing = int(1_000_000 / rate)
        self._depth = self._spacing * burst
        self._keys = keys
        self._full_at: dict[str, int] = {}  # microseconds; by last use, oldest first

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: int) -> int:
        """Take a token at `now`: 0, or, where there is none, the moment from when on there will be one."""
        moment = now * 1_000
        full_at = self._full_at.get(key, moment)
        if full_at <= moment:
            full_at = moment
        elif full_at > moment + self._depth:
            # A clock that was set back must not leave anybody waiting longer than an empty bucket does.
            full_at = moment + self._depth
        full_at += self._spacing
        if full_at > moment + self._depth:
            return -(-(full_at - self._depth) // 1_000)
        self._full_at.pop(key, None)
        self._full_at[key] = full_at
        self._forget(moment)
        return 0

    def _forget(self, moment: int) -> None:
        while self._full_at:
            oldest = next(iter(self._full_at))
            if self._full_at[oldest] > moment and len(self._full_at) <= self._keys:
                return
            del self._full_at[oldest]


class Limits:
    """The limits in force. Each check raises `Rejected("too_fast")`, temporary, saying until when."""

    def __init__(self, settings: LimitSettings) -> None:
        self._commands = Limiter(settings.command_rate, settings.command_burst)
        self._signals = Limiter(settings.signal_rate, settings.signal_burst)
        self._connects = Limiter(settings.connect_rate, settings.connect_burst)
        self._requests = Limiter(settings.request_rate, settings.request_burst)
        self._uploads = Limiter(settings.upload_rate, settings.upload_burst)

    def command(self, room: str, member: str, now: int) -> None:
        """A member gives a command."""
        _check(self._commands.take(f"{room} {member}", now), "You are doing too much at once. Wait a moment.")

    def signal(self, room: str, member: str, now: int) -> bool:
        """Whether a member's signal is passed on; what is over is dropped without an answer."""
        return not self._signals.take(f"{room} {member}", now)

    def connect(self, address: str, now: int) -> None:
        """Somebody connects from `address`; loopback is not limited."""
        key = network_of(address)
        if key is not None:
            _check(self._connects.take(key, now), "Too many are connecting from this address. Wait a moment.")

    def request(self, address: str, now: int) -> None:
        """Somebody at `address` calls the HTTP API; loopback is not limited."""
        key = network_of(address)
        if key is not None:
            _check(self._requests.take(key, now), "Too many requests come from this address. Wait a moment.")

    def upload(self, room: str, member: str, now: int) -> None:
        """A member sends an image or a document, or asks for one to be made."""
        _check(self._uploads.take(f"{room} {member}", now), "These are too many files at once. Wait a moment.")


@lru_cache(maxsize=4_096)
def network_of(address: str) -> str | None:
    """What counts as one address: an IPv4 address, or the /64 of an IPv6 subscriber. None: this machine itself."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return network_of(str(ip.ipv4_mapped))
        return None if ip.is_loopback else str(IPv6Network((int(ip) >> 64 << 64, 64)))
    return None if ip.is_loopback else str(ip)


def _check(until: int, message: str) -> None:
    if until:
        raise Rejected("too_fast", message, temporary=True, until=until)
