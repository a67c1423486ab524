"""An `.excalidraw` file, read into what the board's own commands take (in a worker process).

What always holds: every element that comes out has passed the board's rules; its pictures have been decoded and written anew
like any other; fields that the board does not know are kept, so that the file can go out again as it came in.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from classroom.files.images import read_image
from classroom.files.tasks import Total, Wrote
from classroom.kernel import Rejected
from classroom.whiteboard import deltas
from classroom.whiteboard.elements import RESERVED
from classroom.whiteboard.model import ELEMENTS_LIMIT, PAGE_BYTES, TYPES, Change, Page

PIECE_BYTES = 200_000  # of elements that one command puts
PIECE_ELEMENTS = 500
CAME_AS = "importedFileId"  # a field of ours, beside `fileId`: what it was in the file
DATA_URL = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,")


def read_scene(source: Path, folder: Path, pixels: int, side: int, image_bytes: int) -> Iterator[Total | Wrote]:
    """Write pictures (named "image") and lists of changes (named "changes") to `folder`.

    Raises `Rejected`: "bad_file", "too_many", and what the board refuses of an element.
    """
    scene = _read(source)
    elements = [each for each in scene["elements"] if isinstance(each, dict) and not each.get("isDeleted")]
    if len(elements) > ELEMENTS_LIMIT:
        raise Rejected("too_many", f"A page has at most {ELEMENTS_LIMIT} elements.")
    given = scene.get("files")
    files: dict[str, Any] = given if isinstance(given, dict) else {}
    wanted = dict.fromkeys(str(each.get("fileId")) for each in elements if each.get("type") == "image")
    hashes: dict[str, str] = {}
    written: list[Wrote] = []
    for number, id in enumerate(wanted):
        target = folder / f"image-{number}"
        size = _picture(files.get(id), target, pixels, side, image_bytes)
        if size is not None:
            hashes[id] = sha256(target.read_bytes()).hexdigest()
            written.append(Wrote(target.name, *size, name="image"))
    kept = [each for each in elements if _fits(each, hashes)]
    yield Total(len(written), left_out=len(elements) - len(kept))
    yield from written
    for number, piece in enumerate(_pieces(_changes(kept, hashes))):
        (folder / f"changes-{number}.json").write_bytes(piece)
        yield Wrote(f"changes-{number}.json", name="changes")


def _read(source: Path) -> dict[str, Any]:
    try:
        scene = msgspec.json.decode(source.read_bytes())
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _broken() from error
    if not isinstance(scene, dict) or scene.get("type") != "excalidraw" or not isinstance(scene.get("elements"), list):
        raise _broken()
    return scene


def _picture(file: Any, target: Path, pixels: int, side: int, image_bytes: int) -> tuple[int, int] | None:
    """Write the picture of a file's data URL; None: it is not one that there may be here (SVG, or broken)."""
    url = file.get("dataURL") if isinstance(file, dict) else None
    match = DATA_URL.match(url) if isinstance(url, str) else None
    if match is None or not isinstance(url, str) or len(url) > image_bytes * 4 // 3 + 200:
        return None
    try:
        return read_image(b64decode(url[match.end() :], validate=True), target, pixels, side)
    except (Base64Error, ValueError, Rejected):
        return None


def _fits(element: dict[str, Any], hashes: dict[str, str]) -> bool:
    kind = element.get("type")
    return kind in TYPES and (kind != "image" or str(element.get("fileId")) in hashes)


def _changes(elements: list[dict[str, Any]], hashes: dict[str, str]) -> Iterator[Change]:
    page = Page(id=0)
    unordered = any(not isinstance(each.get("index"), str) for each in elements)
    for number, element in enumerate(elements):
        fields = {name: value for name, value in element.items() if name not in RESERVED}
        if unordered:
            fields["index"] = order(number)
        if fields["type"] == "image":
            fields |= {CAME_AS: fields["fileId"], "fileId": hashes[str(fields["fileId"])]}
        try:
            change = Change(
                id=msgspec.convert(element.get("id"), str),
                version=msgspec.convert(element.get("version", 1), int),
                nonce=msgspec.convert(element.get("versionNonce", 0), int),
                set=fields,
            )
            if deltas.judge(page, change) is None:
                raise Rejected("bad_request", "It loses against nothing.")
        except msgspec.ValidationError as error:
            raise _broken() from error
        except Rejected as refused:
            raise Rejected(refused.code, f"Element {number + 1}: {refused.message}") from refused
        yield change


def _pieces(changes: Iterator[Change]) -> Iterator[bytes]:
    """JSON lists, each for one command."""
    piece: list[bytes] = []
    size = total = 0
    for change in changes:
        data = msgspec.json.encode(change)
        total += len(data)
        if total > PAGE_BYTES:
            raise Rejected("too_large", f"A page has at most {PAGE_BYTES} bytes of elements.")
        if piece and (size + len(data) > PIECE_BYTES or len(piece) >= PIECE_ELEMENTS):
            yield b"[" + b",".join(piece) + b"]"
            piece, size = [], 0
        piece.append(data)
        size += len(data)
    if piece:
        yield b"[" + b",".join(piece) + b"]"


DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def order(number: int) -> str:
    """The `number`th key (from 0) of a list's order: "a0", "a1" … "az", "b00" … (fractional indexing, whole keys)."""
    length = 1
    while number >= 62**length:
        number -= 62**length
        length += 1
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return chr(ord("a") + length - 1) + digits


def _broken() -> Rejected:
    return Rejected("bad_file", "This is not an .excalidraw file.")
