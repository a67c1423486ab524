"""Documents that become pages of the board: by whom, how far they are, and what becomes of those that mean harm."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pypdfium2
import pytest
from PIL import Image

from classroom.config import Settings
from classroom.files import fence
from classroom.files.imports import Import, State
from classroom.kernel import Member
from classroom.whiteboard import model as board
from tests.files import samples
from tests.files.conftest import s3_server, s3_url  # noqa: F401
from tests.http.conftest import RAVI, TEACHER, Talk, settings_in
from tests.http.test_api import refused
from tests.http.test_files import key
from tests.running import until
from tests.services import program


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A test may ask for pages of another size, in px."""
    side = getattr(request, "param", 2_000)
    return settings_in(tmp_path, FILES_WORKER_SECONDS="10", FILES_WORKER_CPU_SECONDS="60", FILES_PAGE_SIDE=str(side))


# Where it is their number that matters: their pixels are what takes long.
SMALL_PAGES = pytest.mark.parametrize("settings", [500], indirect=True, ids=["small"])


async def start(talk: Talk, data: bytes, query: str = "", member: Member | None = TEACHER) -> dict[str, Any]:
    response = await talk.client.post(f"/api/rooms/math/imports{query}", data=data, headers=talk.as_member(member))
    assert response.status == 202, await response.text()
    told: dict[str, Any] = await response.json()
    return told


async def look(talk: Talk, id: str) -> dict[str, Any]:
    told: dict[str, Any] = await (await talk.get(f"/api/rooms/math/imports/{id}", TEACHER)).json()
    return told


async def finished(talk: Talk, id: str, seen: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The job as it is told when it is over; `seen` collects what was told on the way."""
    async with asyncio.timeout(100):
        while True:
            told = await look(talk, id)
            if seen is not None:
                seen.append(told)
            if told["state"] in ("done", "failed"):
                return told
            await asyncio.sleep(0.05 if seen is None else 0.02)


async def brought(talk: Talk, data: bytes, query: str = "") -> dict[str, Any]:
    told = await finished(talk, (await start(talk, data, query))["id"])
    assert told["state"] == "done", told
    return told


async def pages(talk: Talk) -> list[board.PageView]:
    return (await talk.classroom.house.state("math", talk_audience())).board.pages


def talk_audience() -> Any:
    from classroom.kernel import STAFF

    return STAFF


async def nothing_left(talk: Talk, settings: Settings) -> None:
    """No page of the board, no file but what was said of the job, no folder, no process."""
    assert [page.id for page in await pages(talk)] == [0]
    assert [kept.name for kept in await talk.classroom.desk.store.list("math") if "/import." not in kept.name] == []
    await until(lambda: not list((settings.data / "incoming").iterdir()))
    assert not talk.classroom.desk.workers.running


async def test_each_page_of_a_pdf_becomes_a_page_of_the_board(talk: Talk) -> None:
    await talk.room()
    data = samples.pdf(10)
    told = await brought(talk, data, "?name=Lesson%201")
    assert (told["name"], told["done"], told["total"]) == ("Lesson 1", 10, 10)
    there = await pages(talk)
    assert [page.id for page in there] == [0, *told["pages"]]
    file = sha256(data).hexdigest()
    assert [page.background for page in there[1:]] == [
        board.Background(kind=board.BackgroundKind.PDF, file=file, page=number, width=1280, height=720)
        for number in range(1, 11)
    ]
    response = await talk.client.get(f"/api/rooms/math/files/{file}/10?key={await key(talk)}")
    assert (response.status, response.headers["Content-Type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(await response.read())) as image:
        assert image.size == (2000, 1125)
        blue = image.convert("RGB").getpixel((2000 - 333, 1125 - 333))
        assert blue[2] > 200 > 100 > blue[0]


async def test_the_pages_follow_the_one_that_is_named(talk: Talk) -> None:
    await talk.room()
    last = await talk.do(TEACHER, lambda cid: board.AddPage(cid=cid))
    told = await brought(talk, samples.pdf(3), "?after=0")
    assert [page.id for page in await pages(talk)] == [0, *told["pages"], last]


async def test_the_same_document_again_is_kept_once(talk: Talk) -> None:
    await talk.room()
    first = await brought(talk, samples.pdf(2))
    kept = [each.name for each in await talk.classroom.desk.store.list("math") if "/import." not in each.name]
    second = await brought(talk, samples.pdf(2))
    assert first["pages"] != second["pages"]
    assert [each.name for each in await talk.classroom.desk.store.list("math") if "/import." not in each.name] == kept


async def test_only_the_staff_may_bring_documents_and_ask_about_them(talk: Talk) -> None:
    await talk.room()
    headers = talk.as_member(RAVI)
    await refused(
        await talk.client.post("/api/rooms/math/imports", data=samples.pdf(1), headers=headers), 403, "forbidden"
    )
    told = await start(talk, samples.pdf(1))
    await refused(await talk.get(f"/api/rooms/math/imports/{told['id']}", RAVI), 403, "forbidden")
    await refused(await talk.get(f"/api/rooms/math/imports/{'0' * 16}", TEACHER), 404, "not_found")
    await talk.room("art")
    response = await talk.client.get(f"/api/rooms/art/imports/{told['id']}", headers=talk.as_member(TEACHER, "art"))
    await refused(response, 404, "not_found")
    await finished(talk, told["id"])


@SMALL_PAGES
async def test_two_hundred_pages_show_how_far_they_are_and_block_nobody(talk: Talk) -> None:
    await talk.room()
    seen: list[dict[str, Any]] = []
    started = time.monotonic()
    told = await finished(talk, (await start(talk, samples.pdf(200)))["id"], seen)
    took = time.monotonic() - started
    assert (told["state"], told["done"], len(told["pages"])) == ("done", 200, 200)
    counts = [each["done"] for each in seen if each["state"] == "rendering"]
    assert counts == sorted(counts)
    assert len(set(counts)) > 20
    assert len(await pages(talk)) == 201
    print(f"200 pages in {took:.1f} s, asked {len(seen)} times on the way")
    assert took < 90


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (lambda: samples.pdf(201), "too_many"),
        (lambda: samples.pdf(2)[:700], "bad_file"),
        (lambda: b"%PDF-1.7\n" + bytes(5_000), "bad_file"),
        (
            lambda: samples.pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"]),
            "bad_file",
        ),
        (
            lambda: samples.pdf_of(
                [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"]
            ),
            "bad_file",
        ),
        (lambda: samples.pdf_that_takes_long(), "bad_file"),
        (lambda: samples.packed({"a.txt": b"no presentation"}), "unsupported_media_type"),
        (lambda: samples.zip_bomb(600 << 20), "too_large"),
        (lambda: samples.zip_bomb(50 << 20), "too_large"),
        (lambda: samples.zip_that_lies(20 << 20), "bad_file"),
        (lambda: samples.zip_that_overlaps(300), "bad_file"),
        (
            lambda: samples.packed({"[Content_Types].xml": samples.TYPES, "x.zip": samples.packed({"y": b"z"})}),
            "bad_file",
        ),
        (
            lambda: samples.packed({"[Content_Types].xml": b'<!DOCTYPE a [<!ENTITY b "ccc">]>' + samples.TYPES}),
            "bad_file",
        ),
        (lambda: b"PK\x03\x04" + bytes(1_000), "bad_file"),
        (lambda: b'{"type": "something else"}', "bad_file"),
        (lambda: b"{" * 100_000, "bad_file"),
        (lambda: b'{"type":"excalidraw","elements":' + b"[" * 100_000, "bad_file"),
    ],
    ids=range(17),
)
async def test_a_document_that_means_harm_fails_in_words_and_leaves_nothing(
    talk: Talk, settings: Settings, data: Callable[[], bytes], code: str
) -> None:
    await talk.room()
    harm = await asyncio.to_thread(data)  # some takes seconds to be made
    started = time.monotonic()
    told = await finished(talk, (await start(talk, harm))["id"])
    assert (told["state"], told["code"]) == ("failed", code), told
    assert told["message"].endswith(".")
    assert time.monotonic() - started < 40
    await nothing_left(talk, settings)


async def test_a_picture_of_billions_of_pixels_in_a_pdf_does_no_harm(talk: Talk) -> None:
    await talk.room()
    before = psutil.Process().memory_info().rss
    told = await finished(talk, (await start(talk, samples.pdf_with_a_huge_picture()))["id"])
    assert told["state"] in ("done", "failed")
    assert psutil.Process().memory_info().rss - before < 100 << 20
    assert not talk.classroom.desk.workers.running


@pytest.mark.parametrize("box", [b"0 0 20000000 20000000", b"0 0 1 100000", b"-9 -9 -8 -8", b"0 0 0 0", b"5 5 1 1"])
async def test_pages_of_any_size_become_pages_of_a_bounded_size(talk: Talk, box: bytes) -> None:
    await talk.room()
    told = await finished(talk, (await start(talk, samples.pdf_with(b"0 0 m 9 9 l S", box=box)))["id"])
    for page in (await pages(talk))[1:]:
        assert 0 < page.background.width <= 20_000
        assert 0 < page.background.height <= 20_000
    assert told["state"] in ("done", "failed")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"<html>", 415, "unsupported_media_type"),
        (samples.encoded("PNG"), 415, "unsupported_media_type"),
        (b"", 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_document_is_refused_at_once(
    talk: Talk, settings: Settings, data: bytes, status: int, code: str
) -> None:
    await talk.room()
    headers = talk.as_member(TEACHER)
    await refused(await talk.client.post("/api/rooms/math/imports", data=data, headers=headers), status, code)
    await refused(
        await talk.client.post("/api/rooms/math/imports?after=77", data=samples.pdf(1), headers=headers),
        404,
        "not_found",
    )
    await nothing_left(talk, settings)


async def test_a_worker_killed_in_the_middle_fails_the_import_and_leaves_nothing(
    talk: Talk, settings: Settings
) -> None:
    await talk.room()
    told = await start(talk, samples.pdf(200))
    workers = talk.classroom.desk.workers
    await until(lambda: workers.running)
    while (await look(talk, told["id"]))["done"] < 3:
        await asyncio.sleep(0.01)
    for pid in list(workers.running):
        os.kill(pid, signal.SIGKILL)
    told = await finished(talk, told["id"])
    assert (told["state"], told["code"]) == ("failed", "bad_file")
    await nothing_left(talk, settings)
    assert (await brought(talk, samples.pdf(2)))["done"] == 2


async def test_a_server_that_stops_in_the_middle_leaves_no_process_and_tells_it_failed(tmp_path: Path) -> None:
    from aiohttp.test_utils import TestClient, TestServer

    from classroom.app import build, drain

    async def serve_once(id: str = "") -> dict[str, Any]:
        classroom = await build(settings_in(tmp_path))
        async with TestServer(classroom.app) as server, TestClient(server) as client:
            talk = Talk(classroom, client)
            if not id:
                await talk.room()
                told = await start(talk, samples.pdf(200))
                while (await look(talk, told["id"]))["done"] < 3:
                    await asyncio.sleep(0.01)
            else:
                told = await look(talk, id)
            await drain(classroom)
            assert not classroom.desk.workers.running
            return told

    told = await serve_once()
    assert (await serve_once(told["id"]))["state"] == "failed"


async def test_a_job_of_a_worker_that_died_is_told_as_failed(talk: Talk) -> None:
    import msgspec

    await talk.room()
    store, now = talk.classroom.desk.store, talk.classroom.house.clock()
    for id, at, state in (("a" * 16, now, "rendering"), ("b" * 16, now - 1_000_000, "failed")):
        told = Import(id=id, name="", state=State.RENDERING, done=3, total=9, at=at)
        await store.put(f"math/import.{id}", msgspec.json.encode(told))
        assert (await look(talk, id))["state"] == state


@SMALL_PAGES
async def test_what_the_room_refuses_leaves_nothing(talk: Talk, settings: Settings) -> None:
    await talk.room()
    for _ in range(2):
        await talk.do(TEACHER, lambda cid: board.AddPage(cid=cid, backgrounds=(board.Background(),) * 200))
    there = [page.id for page in await pages(talk)]
    told = await finished(talk, (await start(talk, samples.pdf(101)))["id"])
    assert (told["state"], told["code"]) == ("failed", "too_many")
    assert [page.id for page in await pages(talk)] == there
    assert [kept.name for kept in await talk.classroom.desk.store.list("math") if "/import." not in kept.name] == []


async def test_a_presentation_becomes_pages_by_libreoffice(talk: Talk) -> None:
    await talk.room()
    told = await brought(talk, samples.presentation(3))
    assert told["total"] == 3
    background = (await pages(talk))[1].background
    assert background.width > background.height > 0
    response = await talk.client.get(f"/api/rooms/math/files/{background.file}/1?key={await key(talk)}")
    with Image.open(io.BytesIO(await response.read())) as image:
        darkest, _ = image.convert("L").getextrema()
        assert darkest < 100


async def test_without_libreoffice_a_presentation_is_refused_with_what_to_install(tmp_path: Path) -> None:
    from aiohttp.test_utils import TestClient, TestServer

    from classroom.app import build, drain

    classroom = await build(settings_in(tmp_path, FILES_OFFICE="/nowhere/soffice"))
    async with TestServer(classroom.app) as server, TestClient(server) as client:
        talk = Talk(classroom, client)
        await talk.room()
        told = await finished(talk, (await start(talk, samples.presentation()))["id"])
        assert (told["state"], told["code"]) == ("failed", "unsupported_media_type")
        assert "libreoffice-impress-nogui" in told["message"]
        await drain(classroom)


async def test_an_excalidraw_file_becomes_a_page_with_its_elements_and_images(talk: Talk) -> None:
    await talk.room()
    told = await brought(talk, samples.excalidraw())
    (page,) = told["pages"]
    there = (await talk.classroom.house.board("math")).pages[page]
    assert list(there.elements) == [each["id"] for each in samples.scene()["elements"]]
    assert told["left_out"] == 0


async def test_what_does_harm_in_an_excalidraw_file_is_refused_or_left_out(talk: Talk, settings: Settings) -> None:
    await talk.room()
    for wrong in (
        samples.element("rectangle", 0, x=float("1e300")),
        samples.element("rectangle", 0, link="javascript:alert(1)"),
        samples.element("freedraw", 0, points=[[0, 0]] * 6_000, pressures=[]),
        samples.element("text", 0, text="x" * 20_000),
        samples.element("rectangle", 0, id="../../etc"),
        samples.element("rectangle", 0, version=10**12),
    ):
        told = await finished(talk, (await start(talk, samples.excalidraw(elements=[wrong])))["id"])
        assert told["state"] == "failed", wrong
        assert told["message"].startswith("Element 1: ")
    await nothing_left(talk, settings)
    harmless = samples.element("rectangle", 1)
    svg = {"f": {"dataURL": "data:image/svg+xml;base64,PHN2Zy8+"}}
    elements = [
        samples.element("iframe", 0),
        samples.element("image", 2, fileId="f"),
        harmless,
        harmless | {"isDeleted": True},
    ]
    told = await brought(talk, samples.excalidraw(elements=elements, files=svg))
    there = (await talk.classroom.house.board("math")).pages[told["pages"][0]]
    assert (list(there.elements), told["left_out"]) == (["rectangle-1"], 2)


async def test_documents_are_kept_in_a_bucket_and_come_back_from_there(tmp_path: Path, s3_url: str) -> None:  # noqa: F811
    from aiohttp.test_utils import TestClient, TestServer

    from classroom.app import build, drain

    classroom = await build(settings_in(tmp_path, STORAGE_FILES=s3_url))
    async with TestServer(classroom.app) as server, TestClient(server) as client:
        talk = Talk(classroom, client)
        await talk.room()
        told = await brought(talk, samples.pdf(3))
        response = await talk.get("/api/rooms/math/board/export", TEACHER)
        document = pypdfium2.PdfDocument(await response.read())
        assert "Page 3" in document[3].get_textpage().get_text_range()
        document.close()
        await drain(classroom)
    # Another worker, which never saw the job, can tell of it.
    classroom = await build(settings_in(tmp_path, STORAGE_FILES=s3_url))
    async with TestServer(classroom.app) as server, TestClient(server) as client:
        assert (await look(Talk(classroom, client), told["id"])) == told
        await drain(classroom)


async def test_a_pptx_becomes_pages_too(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "lesson.odp").write_bytes(samples.presentation(2))
    command = [
        program("soffice", "libreoffice-impress-nogui"),
        f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
    ]
    making = await asyncio.create_subprocess_exec(
        *command, "--headless", "--convert-to", "pptx", "--outdir", str(tmp_path), str(tmp_path / "lesson.odp"),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await making.wait()
    await talk.room()
    told = await brought(talk, (tmp_path / "lesson.pptx").read_bytes())
    assert told["total"] == 2


async def test_a_presentation_shows_nothing_of_the_server_s_own_files(talk: Talk, settings: Settings) -> None:
    if fence.version() < fence.LEAST:
        pytest.skip("this kernel has no Landlock")
    Image.new("RGB", (200, 200), (255, 0, 0)).save(settings.data / "files" / "of-another-class.png")
    linked = f'<draw:image xlink:href="file://{settings.data}/files/of-another-class.png" xlink:type="simple"/>'
    await talk.room()
    await brought(talk, samples.presentation(1, linked))
    background = (await pages(talk))[1].background
    response = await talk.client.get(f"/api/rooms/math/files/{background.file}/1?key={await key(talk)}")
    with Image.open(io.BytesIO(await response.read())) as image:
        darkest, _ = image.convert("L").getextrema()
        assert darkest < 100  # its title is there
        red = [count for count, (r, g, b) in image.convert("RGB").getcolors(1 << 24) or [] if r > 200 and g + b < 100]
    assert sum(red) == 0


async def test_a_presentation_does_not_make_the_server_fetch_anything(talk: Talk) -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    data = samples.presentation(1, f'<draw:image xlink:href="http://127.0.0.1:{port}/secret.png" xlink:type="simple"/>')
    await talk.room()
    told = await finished(talk, (await start(talk, data))["id"])
    assert told["state"] in ("done", "failed")
    assert asked == []
    # The server was there to be asked.
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /\r\n")
    await until(lambda: asked)
    writer.close()
    server.close()
