"""An editor as the browser's is: it draws at once on its own picture, tells the server, and hears of everything later.

What a client has to do so that all arrive at the same picture: it keeps the page as the server tells it (`sheet`), and over it
what it has done itself and not yet been overtaken by (`mine`). What is told and wins against its own, by version and nonce,
takes that away. A delta is made from what the editor saw; when the server says `stale`, the element goes whole.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from classroom.kernel import Member, Rejected
from classroom.whiteboard.deltas import wins
from classroom.whiteboard.model import Change, Delete, Gone, PageRestored, Put
from tests.vectors.drawing import fields
from tests.whiteboard.client_fold import Sheet
from tests.whiteboard.playing import Playing

RESERVED = ("id", "version", "versionNonce", "isDeleted")


class Mine(NamedTuple):
    """An own change that stands over what the server has told. `element` None: deleted."""

    version: int
    nonce: int
    element: dict[str, Any] | None


class Editor:
    """Draws on page 0 of `server`. Commands and events wait in queues until they are delivered."""

    def __init__(self, member: Member, server: Playing) -> None:
        self.member, self.server = member, server
        self.sheet = Sheet(0, 0, [])
        self.mine: dict[str, Mine] = {}
        self.sending: deque[Put | Delete] = deque()
        self.heard = 0  # events of the log that have been delivered

    # --- what the person does -------------------------------------------------------------------------------------

    def view(self) -> dict[str, dict[str, Any]]:
        """The elements that this editor shows."""
        shown = dict(self.sheet.elements)
        for id, mine in self.mine.items():
            if mine.element is None:
                shown.pop(id, None)
            else:
                shown[id] = mine.element
        return shown

    def draw(self, id: str, nonce: int, set: dict[str, Any]) -> None:
        """Make an element, or change it."""
        seen = self.view().get(id)
        before = self._stands(id)
        version = before[0] + 1
        if seen is None:
            set = fields("rectangle", 0, 0) | set
        element = (seen or {"isDeleted": False}) | {"id": id, "version": version, "versionNonce": nonce} | set
        self.mine[id] = Mine(version, nonce, element)
        base = None if seen is None else before[1]
        self.sending.append(Put(page=0, changes=(Change(id=id, version=version, nonce=nonce, base=base, set=set),)))

    def delete(self, id: str, nonce: int) -> None:
        if id not in self.view():
            return
        version = self._stands(id)[0] + 1
        self.mine[id] = Mine(version, nonce, None)
        self.sending.append(Delete(page=0, elements=(Gone(id, version, nonce),)))

    def _stands(self, id: str) -> tuple[int, int]:
        if id in self.mine:
            return self.mine[id].version, self.mine[id].nonce
        told = self.sheet.elements.get(id)
        return (told["version"], told["versionNonce"]) if told else (0, 0)

    # --- what the network does ------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """The oldest command reaches the server, and its answer comes back."""
        if not self.sending:
            return
        command = self.sending.popleft()
        try:
            self.server.do(self.member, command)
        except Rejected as refusal:
            if refusal.code == "stale" and isinstance(command, Put):
                self._again(command)
            else:
                self._drop(command)
            return
        self._check(command)

    def hear(self, count: int) -> None:
        """The next `count` events come."""
        for meta, event in self.server.log[self.heard : self.heard + count]:
            self.heard = meta.seq
            self.sheet.fold(event, meta.seq)
            if isinstance(event, PageRestored) and self.sheet.stale:
                self.fetch()
            self._settle()

    def fetch(self) -> None:
        """The page as it is now, however far the events have come."""
        page = self.server.state.pages[0]
        elements = [self.server.element(id) for id in page.elements]
        self.sheet = Sheet(0, page.at, [element for element in elements if element is not None])

    def _settle(self) -> None:
        """Let go of what is confirmed, or has been overtaken."""
        for id, mine in list(self.mine.items()):
            told = self.sheet.elements.get(id)
            if told is not None and not wins(mine.version, mine.nonce, (told["version"], told["versionNonce"])):
                del self.mine[id]

    def _check(self, command: Put | Delete) -> None:
        """The command was kept. What it did stands in an event, or it lost to one: either way the server's word counts
        once all events up to here are heard."""
        wishes = command.changes if isinstance(command, Put) else command.elements
        self.hear(len(self.server.log))
        for wish in wishes:
            mine = self.mine.get(wish.id)
            if mine is not None and mine.nonce == wish.nonce:
                del self.mine[wish.id]

    def _again(self, command: Put) -> None:
        """Send whole what still stands; what others have deleted meanwhile is gone here too."""
        self.hear(len(self.server.log))
        for change in command.changes:
            mine = self.mine.get(change.id)
            if mine is None or mine.nonce != change.nonce or mine.element is None:
                continue
            set = {name: value for name, value in mine.element.items() if name not in RESERVED}
            whole = Change(id=change.id, version=mine.version, nonce=mine.nonce, set=set)
            self.sending.appendleft(Put(page=0, changes=(whole,)))

    def _drop(self, command: Put | Delete) -> None:
        for wish in command.changes if isinstance(command, Put) else command.elements:
            if wish.id in self.mine and self.mine[wish.id].nonce == wish.nonce:
                del self.mine[wish.id]
