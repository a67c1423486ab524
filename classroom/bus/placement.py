"""What placement promises: which worker should own a room. It saves work; the journal is what keeps the order.

- Workers that live agree, within a few seconds of a worker's coming or going, on the `home` of every room.
- `claim` is a lease: at most one worker holds it while the store of leases answers, and it ends by itself when its holder
  does not renew it. Without an answer from the store a holder goes on: if another has taken over, the journal tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from hashlib import blake2b
from typing import Protocol

Waker = Callable[[str], Awaitable[None]]


class Placement(Protocol):
    worker: str  # this worker's id

    def home(self, room: str) -> str:
        """The worker that should own the room, as this worker knows the others now."""

    def workers(self) -> list[str]:
        """The workers that live, this one among them."""

    async def claim(self, room: str) -> bool:
        """Take the room's lease, or renew it; False: another worker holds it. Held leases are renewed by themselves."""

    async def release(self, room: str) -> None:
        """Give the lease back; nothing happens where it is not held."""

    async def wake(self, room: str) -> None:
        """Have the room's home own it: its `waker` is called there, if it can be reached."""

    def on_wake(self, waker: Waker) -> None:
        """Call `waker` with a room that somebody wants this worker to own."""

    async def start(self) -> None:
        """Make this worker known, and learn of the others."""

    async def close(self) -> None:
        """Tell the others that this worker is going, and give all leases back."""


def rendezvous(room: str, workers: Iterable[str]) -> str:
    """The one of `workers` that the room belongs to: with the highest hash of both, so that a worker's coming or going moves
    only the rooms that become, or were, its own."""
    return max(workers, key=partial(_weight, room))


def _weight(room: str, worker: str) -> bytes:
    return blake2b(f"{room}\0{worker}".encode(), digest_size=8).digest()


class Alone(Placement):
    """A single worker: every room is at home here."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self._waker: Waker | None = None

    def home(self, room: str) -> str:
        return self.worker

    def workers(self) -> list[str]:
        return [self.worker]

    async def claim(self, room: str) -> bool:
        return True

    async def release(self, room: str) -> None:
        return

    async def wake(self, room: str) -> None:
        if self._waker is not None:
            await self._waker(room)

    def on_wake(self, waker: Waker) -> None:
        self._waker = waker

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return
