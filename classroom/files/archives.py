"""A packed presentation, looked through before anybody unpacks it (in a worker process).

What always holds of what passes: it is a PPTX or an ODP by its own contents; unpacked it has bounded size, counted by
unpacking it to nowhere and not by what it says of itself; there is no archive in the archive; no XML in it declares
entities, which could grow without bound too.
"""

from __future__ import annotations

import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

from classroom.kernel import Rejected, too_large

ENTRIES = 20_000
RATIO = 250  # bytes out for a byte in, of an entry of more than `SMALL`
SMALL = 1 << 20
CHUNK = 1 << 16
PROLOGUE = 4_096
PRESENTATIONS = {
    b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml": "pptx",
    b"application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml": "pptx",
}
ODP = b"application/vnd.oasis.opendocument.presentation"

PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
EMBEDDED = (
    ".xlsx",
    ".xlsb",
    ".docx",
    ".pptx",
    ".emz",
    ".wmz",
)  # what a slide may hold; its picture is all that is shown


def check_archive(source: Path, unpacked: int) -> str:
    """The ending that its name should have, "pptx" or "odp". Raises `Rejected`: "bad_file", "too_large" (more than
    `unpacked` bytes inside)."""
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            _check_claims(entries, unpacked)
            total = 0
            for entry in entries:
                total += _inflate(archive, entry, unpacked - total)
            return _ending(archive)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError, EOFError, OSError) as error:
        raise _broken() from error


def _check_claims(entries: list[zipfile.ZipInfo], unpacked: int) -> None:
    if len(entries) > ENTRIES:
        raise Rejected("too_large", f"This file has more than {ENTRIES} parts.")
    if sum(entry.file_size for entry in entries) > unpacked:
        raise too_large(unpacked, "Unpacked, this file is")
    spans = sorted((entry.header_offset, entry.compress_size) for entry in entries)
    for (start, size), (following, _) in pairwise(spans):
        if start + size > following:
            raise _broken()  # parts that lie over each other unpack to more than there is (a bomb without nesting)
    for entry in entries:
        if entry.flag_bits & 1:
            raise Rejected("bad_file", "This file needs a password.")
        if entry.file_size > SMALL and entry.file_size > RATIO * max(1, entry.compress_size):
            raise too_large(unpacked, "Unpacked, this file is")


def _inflate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> int:
    """Unpack an entry to nowhere: its true size."""
    size = 0
    with archive.open(entry) as content:
        head = content.read(PROLOGUE)
        if head.startswith(PACKED) and not entry.filename.lower().endswith(EMBEDDED):
            raise Rejected("bad_file", "This file has another archive inside.")
        if _declares(head):
            raise Rejected("bad_file", "This file declares XML entities.")
        piece = head
        while piece:
            size += len(piece)
            if size > left:
                raise Rejected("too_large", "Unpacked this file is too large.")
            piece = content.read(CHUNK)
    return size


def _declares(head: bytes) -> bool:
    """Whether this is XML that declares entities, in UTF-8 or UTF-16; no presentation does."""
    return b"<!ENTITY" in head.replace(b"\0", b"").upper()


def _ending(archive: zipfile.ZipFile) -> str:
    names = set(archive.namelist())
    if "mimetype" in names and archive.read("mimetype").strip() == ODP:
        return "odp"
    if "[Content_Types].xml" in names:
        types = archive.read("[Content_Types].xml")
        for kind, ending in PRESENTATIONS.items():
            if kind in types:
                return ending
    raise Rejected("unsupported_media_type", "This is not a PDF, PPTX, ODP or .excalidraw file.")


def _broken() -> Rejected:
    return Rejected("bad_file", "This file is broken, or not a presentation.")
