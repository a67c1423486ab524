"""Recordings in a bucket, on moto's server over HTTP: the folder is only a cache of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from classroom.config import load
from classroom.files.port import Store
from classroom.files.s3 import Bucket, S3Store
from classroom.media.recorder.library import Library
from classroom.metrics import Metrics
from tests.media.test_recorder import START, record, times

NAME = f"rec.{START}.camera.mp4"


@pytest.fixture
async def bucket(s3_url: str) -> AsyncIterator[Store]:
    store = S3Store(Bucket.of(s3_url))
    await store.open()
    yield store
    await store.close()


def library(folder: Path, store: Store) -> Library:
    return Library(folder, load().recording, Metrics(), store)


async def test_a_recording_goes_into_the_bucket_and_comes_back_whole(tmp_path: Path, bucket: Store) -> None:
    here, there = library(tmp_path / "here", bucket), library(tmp_path / "there", bucket)
    await record(here)
    (made,) = await there.recorded("demo")
    assert (made.name, made.start) == (NAME, START)
    fetched = await there.file("demo", NAME)
    assert fetched is not None
    assert fetched.read_bytes() == (tmp_path / "here" / "demo" / NAME).read_bytes()
    assert len(times(fetched, "video")) == 60
    assert await there.file("demo", "rec.1.camera.mp4") is None
    await here.close()
    await there.close()


async def test_what_could_not_be_put_is_put_when_the_server_starts_again(tmp_path: Path, bucket: Store) -> None:
    alone = Library(tmp_path, load().recording, Metrics())
    await record(alone)
    await alone.close()
    again = library(tmp_path, bucket)
    assert await bucket.list("demo") == []
    await again.recover()
    assert [kept.name for kept in await bucket.list("demo")] == [f"demo/{NAME}"]
    await again.close()


async def test_what_is_old_is_deleted_in_the_bucket_too(tmp_path: Path, bucket: Store) -> None:
    settings = load(environment={"CLASSROOM_RECORDING_RETENTION_DAYS": "30"}).recording
    here = Library(tmp_path, settings, Metrics(), bucket)
    await record(here)
    assert await here.forget_old(START / 1_000 + 31 * 86_400) == 1
    assert await bucket.list("demo") == []
    await here.close()
