"""How much a room may keep."""

from __future__ import annotations

from classroom.config import FileSettings
from classroom.files.port import Store
from classroom.kernel import Rejected


async def need_space(store: Store, room: str, settings: FileSettings, more: int, files: int = 1) -> None:
    """Refuse what a room has no place for any more: `more` bytes, so many `files`. Raises `Rejected("too_many")`,
    `StoreUnavailable`."""
    kept = await store.list(room)
    if len(kept) + files > settings.room_files:
        raise Rejected("too_many", f"This room has {len(kept)} files and pages of documents; more than {settings.room_files} "
                       "cannot be kept.")  # fmt: skip
    if sum(each.size for each in kept) + more > settings.room_bytes:
        raise Rejected("too_many", "This room has no space for more files.")
