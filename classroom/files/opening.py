"""Opens the store that the settings name: a folder, or a bucket."""

from __future__ import annotations

from pathlib import Path

from classroom.config import Settings
from classroom.files.disk import DiskStore
from classroom.files.port import Store, StoreUnavailable


async def open_store(settings: Settings) -> Store:
    """The store, ready. Raises `StoreUnavailable`, which tells where it should be."""
    where = _where(settings)
    try:
        return await _open(where)
    except StoreUnavailable as error:
        raise StoreUnavailable(f"files cannot be kept in {where} (storage.files): {error}") from error


def places(settings: Settings) -> tuple[Path, ...]:
    """All files and folders of this machine that data is kept in."""
    found = [settings.data]
    if not (where := _where(settings)).startswith("s3://"):
        found.append(Path(where).absolute())
    if settings.database_url.startswith("sqlite"):
        name = settings.database_url.partition("///")[2].partition("?")[0]
        found += (Path(name + end).absolute() for end in ("", "-wal", "-shm", "-journal"))
    return tuple(found)


def _where(settings: Settings) -> str:
    return settings.storage.files or str(settings.data / "files")


async def _open(where: str) -> Store:
    if where.startswith("s3://"):
        from classroom.files.s3 import Bucket, S3Store  # loads Amazon's libraries, which a folder does without

        bucket = S3Store(Bucket.of(where))
        await bucket.open()
        return bucket
    folder = DiskStore(Path(where).absolute())
    await folder.open()
    return folder
