"""What must be known of each connection before a crowd is written to: in tables, so that what is asked of all of it lies side
by side, while a transport is far from the next one and what else there is of its member.

What always holds: where a connection is in what it is sent deflated stands here and nowhere else, so that what is written to it
alone and what is written to it in a crowd go on from the same place; a connection that nobody need ask of (`unsure`) has an open
descriptor of its own, and nothing waits in its transport: whoever writes by the transport marks it before, and so is one that is
lost, before its descriptor is closed; a slot is one connection's for as long as anything refers to it.
"""

from __future__ import annotations


class Places:
    """`at`: by slot, the place that `Packet.after` is asked with. `unsure`: by slot, whether `Link.clear` is to be asked before
    anything goes past the transport (1), or was and found it so (0)."""

    __slots__ = ("_free", "at", "unsure")

    def __init__(self) -> None:
        self.at: list[int] = []
        self.unsure = bytearray()
        self._free: list[int] = []

    def take(self, place: int) -> int:
        """A slot of one's own."""
        if not self._free:
            self.at.append(place)
            self.unsure.append(1)
            return len(self.at) - 1
        slot = self._free.pop()
        self.at[slot], self.unsure[slot] = place, 1
        return slot

    def doubt(self, slot: int) -> None:
        """Something may wait in the transport from now on, or the descriptor be closed."""
        self.unsure[slot] = 1

    def give_back(self, slot: int) -> None:
        """Nobody will look there or write there for this one any more. Can be called in any thread."""
        self._free.append(slot)


PLACES = Places()
