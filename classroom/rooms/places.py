"""Where each connection is in what it is sent deflated: in one table, so that the places of a crowd lie side by side.

What always holds: a place stands here and nowhere else, so that what is written to a connection alone and what is written to
it in a crowd go on from the same one; a slot is one connection's for as long as anything refers to it.
"""

from __future__ import annotations


class Places:
    """`at`: by slot, the place that `Packet.after` is asked with."""

    __slots__ = ("_free", "at")

    def __init__(self) -> None:
        self.at: list[int] = []
        self._free: list[int] = []

    def take(self, place: int) -> int:
        """A slot of one's own."""
        if not self._free:
            self.at.append(place)
            return len(self.at) - 1
        slot = self._free.pop()
        self.at[slot] = place
        return slot

    def give_back(self, slot: int) -> None:
        """Nobody will look there or write there for this one any more. Can be called in any thread."""
        self._free.append(slot)


PLACES = Places()
