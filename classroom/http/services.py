"""What the HTTP skin needs of the house it stands before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from classroom.auth import Authenticator
from classroom.bus.port import Reply
from classroom.config import Settings
from classroom.journal.port import Journal
from classroom.kernel import Audience, Member
from classroom.metrics import Metrics
from classroom.polls.model import Ballot
from classroom.rooms.room import AnyCommand, RoomView
from classroom.rooms.roster.model import PersonView
from classroom.whiteboard.model import Board


class Media(Protocol):
    """The media process. Methods raise `Rejected` ("unavailable", "sdp_invalid", "not_found", "take_hls", …)."""

    async def make(
        self, room: str, member: Member, offer: str, publisher: str | None = None, sources: tuple[str, ...] = ()
    ) -> tuple[str, str, str, str]:
        """A session that publishes, or watches `publisher`: its id, its tag, and the answer."""

    async def patch(self, room: str, member: str, id: str, match: str, fragment: str) -> tuple[str, str]:
        """Candidates or an ICE restart: the session's tag now, and our fragment where there is one."""

    async def end(self, room: str, member: str, id: str) -> None:
        """End a session of this member."""

    async def live(self, room: str) -> tuple[str | None, bool]:
        """Where the room's LL-HLS is to be had; None: nothing is live."""

    async def fetch(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """What the media process serves at `path`: status, headers, body."""


class Services(Protocol):
    """`clock` gives milliseconds since 1970. Methods raise `Rejected` ("room_not_found", "unavailable", "banned", …)."""

    @property
    def settings(self) -> Settings: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def auth(self) -> Authenticator: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def clock(self) -> Callable[[], int]: ...

    async def in_force(self, room: str, member: Member) -> Member:
        """The member with the name and role that hold in the room now."""

    async def state(self, room: str, audience: Audience) -> RoomView:
        """The room as `audience` sees it."""

    async def people(
        self, room: str, query: str = "", after: str = "", limit: int = 100
    ) -> tuple[list[PersonView], int]:
        """A page of the room's members from the one after the id `after`, and how many match `query`."""

    async def votes(self, room: str, poll: int) -> list[tuple[PersonView, Ballot]]:
        """Who voted what in a named poll; a secret one's are refused ("forbidden")."""

    async def epoch(self, room: str) -> str:
        """Which log the room's is."""

    async def sheet(self, room: str, page: int, seq: int) -> bytes:
        """A page of the board as of the place `seq`, as JSON in gzip. Raises `Moved` where another place is at hand."""

    async def board_event(self, room: str, seq: int) -> bytes:
        """The board's event at `seq` with its place and time, as JSON."""

    async def board(self, room: str) -> Board:
        """The board as it is now; for reading."""

    async def submit(self, room: str, member: Member, command: AnyCommand) -> Reply:
        """Have the room's owner carry out a command. Asking again is safe: its `cid` is applied once."""

    async def may_publish(self, room: str, member: Member) -> None:
        """Raises with why this member may not publish sound and picture now."""

    async def ready(self) -> None:
        """Returns when journal and bus answer; raises their errors."""
