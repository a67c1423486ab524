"""What a worker process is asked, and what it reports: a task on its standard input, a report a line on its standard output."""

from __future__ import annotations

import msgspec


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`folder`: the only place to write to. `memory` (bytes), `cpu` (seconds): bounds that the process gives itself before it
    looks at anything. `parent`: the process that asks, without which it ends. `hidden`: places of data, of which it is to see
    nothing but `folder`."""

    folder: str
    memory: int
    cpu: int
    parent: int
    hidden: tuple[str, ...] = ()


class ReadImage(Task, frozen=True, tag="image"):
    """Decode an image and write it anew. Reports `Wrote`."""

    source: str
    pixels: int
    side: int


class ReadPages(Task, frozen=True, tag="pages"):
    """Draw each page of a PDF. Reports `Total`, then `Wrote` for each page."""

    source: str
    pages: int
    side: int


class CheckArchive(Task, frozen=True, tag="archive"):
    """Look into a packed presentation before anybody unpacks it. Reports `Found`."""

    source: str
    unpacked: int


class Convert(Task, frozen=True, tag="convert"):
    """Have LibreOffice's `program` make a PDF of a presentation that was looked into. Reports `Wrote`."""

    source: str
    program: str


class ReadScene(Task, frozen=True, tag="scene"):
    """Read an `.excalidraw` file. Reports `Total` (of images), `Wrote` for each image, and `Wrote` for each piece of elements."""

    source: str
    pixels: int
    side: int
    image_bytes: int


class Press(Task, frozen=True, tag="press"):
    """Make a file of pages of the board (`sheets.Sheet`, as MessagePack in `source`). `side`: px of a PNG's longer side.
    Reports `Wrote`."""

    source: str
    format: str
    title: str
    side: int


AnyTask = ReadImage | ReadPages | CheckArchive | Convert | ReadScene | Press


class Wrote(msgspec.Struct, frozen=True, tag="wrote"):
    """A file in the task's folder. `width`, `height`: of an image in px; of a PDF's page in px of the board. `name`: what
    the file was called inside of what was read."""

    file: str
    width: float = 0.0
    height: float = 0.0
    name: str = ""


class Total(msgspec.Struct, frozen=True, tag="total"):
    """How many are to come. `left_out`: elements that there is no place for here."""

    count: int
    left_out: int = 0


class Found(msgspec.Struct, frozen=True, tag="found"):
    """What a packed presentation is, as the ending of a file's name: "pptx" or "odp"."""

    ending: str


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """Nothing more comes: why, as in `Rejected`."""

    code: str
    message: str


Report = Wrote | Total | Found | Refused
