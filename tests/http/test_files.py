"""Files over HTTP: who may send and see them, what is refused in which words, and with which headers they are served."""

from __future__ import annotations

import asyncio
import io
import json
import os
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from PIL import Image

from classroom.config import Settings
from classroom.http import bodies
from classroom.http.files import LIMITS
from classroom.kernel import Member, Rejected, Role
from classroom.whiteboard import model as board
from tests.files import samples
from tests.files.conftest import s3_server, s3_url  # noqa: F401
from tests.http.conftest import KEY, MINA, RAVI, TEACHER, Talk, settings_in
from tests.http.test_api import refused
from tests.running import until

NOWHERE = "0" * 64


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, FILES_IMAGE_BYTES="200000", FILES_DOCUMENT_BYTES="300000", LIMITS_UPLOAD_BURST="8")


async def send(talk: Talk, data: Any, member: Member | None = TEACHER, kind: str = "image/png") -> ClientResponse:
    headers = talk.as_member(member) | {"Content-Type": kind}
    return await talk.client.post("/api/rooms/math/files", data=data, headers=headers)


async def upload(talk: Talk, data: bytes) -> dict[str, Any]:
    response = await send(talk, data)
    assert response.status == 201, await response.text()
    kept: dict[str, Any] = await response.json()
    return kept


async def key(talk: Talk, room: str = "math") -> str:
    return (await talk.classroom.house.hall(room)).key


async def test_an_image_is_kept_by_the_hash_of_what_is_kept_and_served_to_all(talk: Talk) -> None:
    await talk.room()
    kept = await upload(talk, samples.png_with_secrets())
    assert (kept["type"], kept["width"], kept["height"]) == ("image/png", 40, 30)
    for response in (
        await talk.client.get(f"/api/rooms/math/files/{kept['file']}?key={await key(talk)}"),
        await talk.get(f"/api/rooms/math/files/{kept['file']}", MINA),
    ):
        assert response.status == 200
        data = await response.read()
        assert sha256(data).hexdigest() == kept["file"]
        assert len(data) == kept["bytes"]
        assert samples.SECRET not in data
        with Image.open(io.BytesIO(data)) as image:
            assert image.getpixel((5, 5)) == (255, 0, 0)
    assert await upload(talk, samples.png_with_secrets()) == kept


async def test_an_image_is_served_with_headers_that_keep_it_an_image_for_ever(talk: Talk) -> None:
    await talk.room()
    kept = await upload(talk, samples.encoded("WEBP"))
    path = f"/api/rooms/math/files/{kept['file']}?key={await key(talk)}"
    response = await talk.client.get(path)
    assert response.headers["Content-Type"] == "image/webp"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response.headers["Content-Disposition"].startswith("inline; filename=")
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["ETag"] == f'"{kept["file"]}"'
    again = await talk.client.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")


async def test_only_who_may_draw_may_send(talk: Talk) -> None:
    await talk.room()
    data = samples.encoded("PNG")
    await refused(await send(talk, data, RAVI), 403, "forbidden")
    await refused(await talk.client.post("/api/rooms/math/files", data=data), 401, "token_missing")
    await refused(await talk.client.post("/api/rooms/math/files", data=data, headers=talk.as_member(TEACHER, "art")), 403,
                  "token_wrong_room")  # fmt: skip
    await talk.do(TEACHER, lambda cid: board.Grant(cid=cid, member=RAVI.id))
    assert (await send(talk, data, RAVI)).status == 201
    await refused(await send(talk, data, MINA), 403, "forbidden")
    await talk.do(TEACHER, lambda cid: board.Open(cid=cid, who=board.OpenTo.EVERYBODY))
    assert (await send(talk, data, MINA)).status == 201


async def test_an_image_is_seen_only_with_the_room_s_key(talk: Talk) -> None:
    await talk.room()
    await talk.room("art")
    kept = await upload(talk, samples.encoded("PNG"))
    path = f"/api/rooms/math/files/{kept['file']}"
    await refused(await talk.client.get(path), 401, "token_missing")
    await refused(await talk.client.get(f"{path}?key={await key(talk, 'art')}"), 401, "key_invalid")
    await refused(
        await talk.client.get(path.replace("math", "art") + f"?key={await key(talk, 'art')}"), 404, "not_found"
    )


async def test_a_wrong_key_opens_no_room(talk: Talk) -> None:
    await talk.room()
    for path in (f"files/{NOWHERE}", f"files/{NOWHERE}/1", "board/0@1", "board/events/1"):
        await refused(await talk.client.get(f"/api/rooms/math/{path}?key={'0' * 32}"), 401, "key_invalid")
        await refused(await talk.client.get(f"/api/rooms/none/{path}?key={'0' * 32}"), 404, "room_not_found")
    assert talk.classroom.house.halls == []


@pytest.mark.parametrize(
    "file", ["..%2f..%2fsecret", "%2e%2e", "..", "A" * 64, NOWHERE[:-1], NOWHERE + "0", NOWHERE + ".1", "é" * 64]
)
async def test_no_path_leads_to_anything_but_an_image(talk: Talk, file: str) -> None:
    await talk.room()
    response = await talk.get(f"/api/rooms/math/files/{file}", TEACHER)
    assert response.status in (400, 404)


async def test_what_is_not_there_is_not_found(talk: Talk) -> None:
    await talk.room()
    for path in (NOWHERE, f"{NOWHERE}/1", f"{NOWHERE}/0"):
        await refused(await talk.get(f"/api/rooms/math/files/{path}", TEACHER), 404, "not_found")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415, "unsupported_media_type"),
        (samples.HTML, 415, "unsupported_media_type"),
        (samples.encoded("GIF"), 415, "unsupported_media_type"),
        (b"", 415, "unsupported_media_type"),
        (samples.encoded("PNG")[:50], 400, "bad_file"),
        (partial(samples.png_that_claims, 60_000, 60_000), 413, "too_large"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300_000), 413, "too_large"),
    ],
)
async def test_what_is_no_good_image_is_refused_and_leaves_nothing(
    talk: Talk, settings: Settings, data: bytes | Callable[[], bytes], status: int, code: str
) -> None:
    await talk.room()
    await refused(await send(talk, data() if callable(data) else data), status, code)
    assert await talk.classroom.desk.store.list("math") == []
    assert list((settings.data / "incoming").iterdir()) == []


async def test_a_body_without_an_end_is_cut_off_at_the_limit(talk: Talk) -> None:
    await talk.room()
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 50_000
            yield samples.encoded("PNG")[:8] + bytes(49_992)
            await asyncio.sleep(0)

    await refused(await send(talk, endless()), 413, "too_large")
    assert sent < 10_000_000


async def test_what_is_too_large_is_told_in_the_same_words_wherever_it_is_found(talk: Talk, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 20)

    for limit, size in ((10 << 20, "10 MiB"), (3 << 19, "1.5 MiB"), (1_000, "1000 bytes")):
        with pytest.raises(Rejected) as refused:
            await talk.classroom.desk.receive(chunks(), tmp_path / "file", limit)
        assert refused.value.message == f"That is larger than {size}."


async def test_who_sends_too_many_is_told_to_wait(talk: Talk) -> None:
    await talk.room()
    for _ in range(8):
        assert (await send(talk, b"x")).status == 415
    problem = await refused(await send(talk, b"x"), 429, "too_fast")
    assert problem["until"] > talk.classroom.house.clock()


async def test_a_room_keeps_only_so_much(tmp_path: Path) -> None:
    from aiohttp.test_utils import TestClient, TestServer

    from classroom.app import build, drain

    classroom = await build(settings_in(tmp_path, FILES_ROOM_FILES="2"))
    async with TestServer(classroom.app) as server, TestClient(server) as client:
        talk = Talk(classroom, client)
        await talk.room()
        for colour in ("red", "blue"):
            await upload(talk, samples.encoded("PNG", samples.picture(colour=colour)))
        await refused(await send(talk, samples.encoded("PNG", samples.picture(colour="green"))), 400, "too_many")
        await drain(classroom)


async def test_a_crowd_that_asks_at_once_reads_the_store_once(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    await talk.room()
    kept = await upload(talk, samples.encoded("PNG"))
    store, reads = talk.classroom.desk.store, 0
    get = store.get

    async def counting(name: str) -> bytes:
        nonlocal reads
        reads += 1
        return await get(name)

    monkeypatch.setattr(store, "get", counting)
    path = f"/api/rooms/math/files/{kept['file']}?key={await key(talk)}"
    answers = await asyncio.gather(*(talk.client.get(path) for _ in range(40)))
    assert {answer.status for answer in answers} == {200}
    assert reads == 1


async def test_what_is_held_in_memory_is_bounded(tmp_path: Path) -> None:
    from classroom.files.disk import DiskStore
    from classroom.files.shelf import Shelf

    store = DiskStore(tmp_path)
    await store.open()
    data = samples.encoded("PNG", Image.frombytes("RGB", (100, 100), os.urandom(30_000)))
    for number in range(5):
        await store.put(f"math/{number}", data)
    shelf = Shelf(store, 3 * len(data))
    for number in (0, 1, 2, 3, 4, 0):
        assert (await shelf.picture(f"math/{number}")).data == data
        assert shelf.held <= 3 * len(data)
    await store.delete("math/0")
    await store.delete("math/1")
    assert (await shelf.picture("math/0")).data == data
    with pytest.raises(Exception, match="math/1"):
        await shelf.picture("math/1")


async def test_everything_works_with_a_bucket_too(tmp_path: Path, s3_url: str) -> None:  # noqa: F811
    from aiohttp.test_utils import TestClient, TestServer

    from classroom.app import build, drain

    classroom = await build(settings_in(tmp_path, STORAGE_FILES=s3_url))
    async with TestServer(classroom.app) as server, TestClient(server) as client:
        talk = Talk(classroom, client)
        await talk.room()
        kept = await upload(talk, samples.encoded("JPEG"))
        response = await talk.get(f"/api/rooms/math/files/{kept['file']}", MINA)
        assert sha256(await response.read()).hexdigest() == kept["file"]
        await drain(classroom)
    assert not (tmp_path / "files").exists()


async def test_only_so_many_files_come_in_at_once(talk: Talk) -> None:
    await talk.room()
    ended = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield samples.encoded("PNG")[:20]
        await ended.wait()

    waiting = [
        asyncio.create_task(
            talk.client.post(
                "/api/rooms/math/files", data=slow(), headers={"X-API-Key": KEY, "Content-Type": "image/png"}
            )
        )
        for _ in range(32)
    ]
    desk = talk.classroom.desk
    await until(lambda: desk._under_way == 32)
    await refused(await send(talk, samples.encoded("PNG")), 429, "too_fast")
    ended.set()
    assert {response.status for response in await asyncio.gather(*waiting)} == {400}
    assert (await send(talk, samples.encoded("PNG"))).status == 201


async def test_students_who_send_slowly_leave_places_for_others_and_for_the_staff(talk: Talk) -> None:
    await talk.room()
    await talk.attend(RAVI, MINA)
    await talk.do(TEACHER, lambda cid: board.Open(cid=cid, who=board.OpenTo.EVERYBODY))
    ended = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield samples.encoded("PNG")[:20]
        await ended.wait()

    desk = talk.classroom.desk
    ravis = [asyncio.create_task(send(talk, slow(), RAVI)) for _ in range(8)]
    await until(lambda: desk._under_way == 8)
    talk.classroom.app[LIMITS]._uploads._full_at.clear()  # time has passed
    await refused(await send(talk, samples.encoded("PNG"), RAVI), 429, "too_fast")
    assert (await send(talk, samples.encoded("PNG"), MINA)).status == 201
    others = [Member(f"s{number}", "S", Role.STUDENT) for number in range(2)]
    more = [asyncio.create_task(send(talk, slow(), other)) for other in others for _ in range(8)]
    await until(lambda: desk._under_way == 24)
    await refused(await send(talk, samples.encoded("PNG"), MINA), 429, "too_fast")
    assert (await send(talk, samples.encoded("PNG"), TEACHER)).status == 201
    ended.set()
    assert {response.status for response in await asyncio.gather(*ravis, *more)} == {400}
    assert (await send(talk, samples.encoded("PNG"), MINA)).status == 201
    assert not desk._of_students


async def test_a_body_that_comes_a_byte_at_a_time_is_not_waited_for(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.5)
    await talk.room()

    async def trickling() -> AsyncIterator[bytes]:
        yield samples.encoded("PNG")[:8]
        while True:
            await asyncio.sleep(0.1)
            yield b"x"

    async def steady() -> AsyncIterator[bytes]:
        picture = samples.encoded("PNG", Image.frombytes("RGB", (60, 60), os.urandom(10_800)))
        for at in range(0, len(picture), 1_000):
            await asyncio.sleep(0.1)
            yield picture[at : at + 1_000]

    async with asyncio.timeout(10):
        await refused(await send(talk, trickling()), 503, "unavailable")
    assert (await send(talk, steady())).status == 201  # which takes twice the patience


async def test_reading_files_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    from aiohttp.test_utils import TestServer

    from classroom.app import build, drain

    classroom = await build(settings_in(tmp_path))
    longest, stop = 0.0, False

    async def watch() -> None:
        """The most computing time that this thread took while a moment passed, however busy the machine is."""
        nonlocal longest
        while not stop:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - before)

    noise = Image.frombytes("RGB", (1_700, 1_700), os.urandom(3 * 1_700 * 1_700))
    picture, slides = samples.encoded("PNG", noise), samples.pdf(15)
    assert len(picture) > 8_000_000
    async with TestServer(classroom.app) as server:

        async def call(path: str, data: bytes | None = None) -> bytes:
            """Ask from another thread, so that only the server's work is measured."""
            request = urllib.request.Request(str(server.make_url(f"/api/rooms{path}")), data, {"X-API-Key": KEY})
            if data is not None:
                request.add_header("Content-Type", "application/json" if not path else "application/octet-stream")

            def ask() -> bytes:
                with urllib.request.urlopen(request, timeout=60) as response:
                    return bytes(response.read())

            return await asyncio.to_thread(ask)

        await call("", b'{"id": "math"}')
        watching = asyncio.create_task(watch())
        kept = json.loads(await call("/math/files", picture))
        job = json.loads(await call("/math/imports", slides))
        while job["state"] not in ("done", "failed"):
            await asyncio.sleep(0.05)
            job = json.loads(await call(f"/math/imports/{job['id']}"))
        assert sha256(await call(f"/math/files/{kept['file']}")).hexdigest() == kept["file"]
        assert (await call("/math/board/export")).startswith(b"%PDF")
        stop = True
        await watching
        await drain(classroom)
    print(f"the longest turn took {longest * 1_000:.0f} ms")
    assert job["state"] == "done"
    assert longest < 0.1
