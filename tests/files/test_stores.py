"""One suite for both kinds of store; and what only one of them can do wrong."""

from __future__ import annotations

import asyncio
import os
import time
from hashlib import sha256
from pathlib import Path

import pytest

from classroom.config import load
from classroom.files.disk import STALE_SECONDS, UNFINISHED, DiskStore
from classroom.files.opening import open_store
from classroom.files.port import NotStored, Store, StoreUnavailable
from classroom.files.s3 import PART
from tests.files.conftest import S3Server

NAME = f"math/{sha256(b'picture').hexdigest()}"


async def test_what_was_put_is_got_and_fetched_as_it_was(store: Store, tmp_path: Path) -> None:
    await store.put(NAME, b"picture")
    assert await store.get(NAME) == b"picture"
    await store.fetch(NAME, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"picture"


async def test_a_big_file_goes_through_in_parts(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(os.urandom(1 << 20) * (2 * PART // (1 << 20)) + b"the end")
    await store.put(NAME, source)
    await store.fetch(NAME, tmp_path / "copy")
    assert sha256((tmp_path / "copy").read_bytes()).digest() == sha256(source.read_bytes()).digest()
    assert source.exists()


async def test_a_file_that_is_put_again_is_replaced_whole(store: Store) -> None:
    await store.put(NAME, b"a longer content")
    await store.put(NAME, b"short")
    assert await store.get(NAME) == b"short"
    assert [(kept.name, kept.size) for kept in await store.list("math")] == [(NAME, 5)]


async def test_what_is_not_there_is_said_to_be_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotStored):
        await store.get(NAME)
    with pytest.raises(NotStored):
        await store.fetch(NAME, tmp_path / "copy")
    assert await store.list("math") == []
    await store.delete(NAME)


async def test_a_room_lists_its_own_files_alone(store: Store) -> None:
    before = time.time() * 1_000
    for name in (f"{NAME}.2", NAME, "math2/a", "mat/a"):
        await store.put(name, b"x")
    found = await store.list("math")
    assert [kept.name for kept in found] == [NAME, f"{NAME}.2"]
    assert all(before - 2_000 <= kept.at <= time.time() * 1_000 + 2_000 for kept in found)
    await store.delete(NAME)
    assert [kept.name for kept in await store.list("math")] == [f"{NAME}.2"]


@pytest.mark.parametrize(
    "name",
    ["", "math", "math/", "/etc/passwd", "../etc/passwd", "math/..", "math/../../x", "math/a/b", "math/.x", "ma.th/a", "math/a\0",
     "math/a\n", "math//a", "math\\a", "math/A", "math/%2e%2e", "-math/a", "math/" + "a" * 101],
)  # fmt: skip
async def test_no_name_leads_out_of_the_store(store: Store, name: str, tmp_path: Path) -> None:
    for attempt in (store.put(name, b"x"), store.get(name), store.fetch(name, tmp_path / "x"), store.delete(name)):
        with pytest.raises(ValueError, match="name of a file"):
            await attempt


async def test_many_who_put_the_same_at_once_leave_one_whole_file(store: Store) -> None:
    content = os.urandom(100_000)
    await asyncio.gather(*(store.put(NAME, content) for _ in range(10)))
    assert await store.get(NAME) == content
    assert len(await store.list("math")) == 1


async def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    await store.open()
    with pytest.raises(NotStored):
        await store.put(NAME, tmp_path / "nowhere")
    assert list((tmp_path / "math").iterdir()) == []


async def test_what_a_crash_left_is_swept_up_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    (tmp_path / "math").mkdir()
    old, new = tmp_path / "math" / f"{UNFINISHED}old", tmp_path / "math" / f"{UNFINISHED}new"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, time.time() - STALE_SECONDS - 1))
    store = DiskStore(tmp_path)
    await store.open()
    assert (old.exists(), new.exists()) == (False, True)
    assert await store.list("math") == []


async def test_a_folder_that_cannot_be_written_is_said_to_be_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        await DiskStore(tmp_path / "file" / "folder").open()


async def test_a_bucket_that_is_not_there_is_said_at_the_start(s3_server: S3Server, s3_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="HeadBucket"):
        await open_store(load(environment={"CLASSROOM_STORAGE_FILES": s3_url.replace("//bucket-", "//other-")}))


async def test_a_server_that_goes_away_is_unavailable_and_tells_no_credentials(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = S3Server(tmp_path_factory.mktemp("s3") / "log")
    server.start()
    try:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
        url = f"s3://{server.bucket()}?endpoint={server.url}&region=us-east-1"
        store = await open_store(load(environment={"CLASSROOM_STORAGE_FILES": url}))
        await store.put(NAME, b"x")
        server.stop()
        with pytest.raises(StoreUnavailable) as caught:
            await store.get(NAME)
        assert "hunter2" not in str(caught.value)
        await store.close()
    finally:
        server.stop()
