"""What a file is, read from its first bytes and from nothing else: not from its name, nor from what its sender calls it."""

from __future__ import annotations

from enum import StrEnum

from classroom.kernel import Rejected

HEAD = 1_024  # bytes that are looked at


class Kind(StrEnum):
    """A kind of file that there is a use for; the value is its media type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"
    PDF = "application/pdf"
    ARCHIVE = "application/zip"  # PPTX and ODP are such; which of them, the archive itself tells
    EXCALIDRAW = "application/vnd.excalidraw+json"


IMAGES = (Kind.PNG, Kind.JPEG, Kind.WEBP)
IMAGE_TYPES = tuple(kind.value for kind in IMAGES)
DOCUMENT_TYPES = (
    Kind.PDF.value,
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.presentation",
    Kind.EXCALIDRAW.value,
)


def kind_of(head: bytes) -> Kind | None:
    """What a file is that begins with `head` (up to `HEAD` bytes); None: nothing that is known here."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head.startswith(b"%PDF-"):  # some readers look further; what hides its beginning is not worth it
        return Kind.PDF
    if head.startswith(b"PK\x03\x04"):
        return Kind.ARCHIVE
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return Kind.EXCALIDRAW
    return None


def need_image(head: bytes) -> Kind:
    """The kind of an image. Raises `Rejected("unsupported_media_type")`."""
    kind = kind_of(head)
    if kind in IMAGES:
        return kind
    if b"<svg" in head.lower() or head.lstrip()[:5].lower() == b"<?xml":
        raise Rejected("unsupported_media_type", "SVG is not taken, since it can hold programs: send it as PNG.")
    raise Rejected("unsupported_media_type", "This is not a PNG, JPEG or WebP image.")


def need_document(head: bytes) -> Kind:
    """The kind of a document. Raises `Rejected("unsupported_media_type")`."""
    kind = kind_of(head)
    if kind in (Kind.PDF, Kind.ARCHIVE, Kind.EXCALIDRAW):
        return kind
    raise Rejected("unsupported_media_type", "This is not a PDF, PPTX, ODP or .excalidraw file.")
