"""Pages of the board made files: PDF, SVG, PNG, `.excalidraw` (in a worker process).

What always holds: all of them come of the same drawing, so that what one shows the others show; what was imported and not
changed goes out as it came in.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec

from classroom.files.binding import Leaf, bind, raster
from classroom.files.items import Drawing
from classroom.files.kinds import HEAD, kind_of
from classroom.files.pdf import POINTS_PER_PX, write
from classroom.files.scenes import CAME_AS
from classroom.files.sheets import Sheet, draw, elements_of
from classroom.files.svg import svg

PNG_SCALE = 2.0  # px of the picture for a px of the page


def press(source: Path, folder: Path, format: str, title: str, side: int) -> Path:
    """The file, in `folder`. Raises `Rejected("bad_file")`."""
    sheets = msgspec.msgpack.decode(source.read_bytes(), type=list[Sheet])
    target = folder / f"board.{format}"
    match format:
        case "svg":
            target.write_bytes(svg(draw(sheets[0], with_pdf=True)))
        case "excalidraw":
            target.write_bytes(scene(sheets[0]))
        case "png":
            write([draw(sheets[0], with_pdf=True)], folder / "page.pdf", title)
            raster(folder / "page.pdf", target, PNG_SCALE / POINTS_PER_PX, side)
        case _:
            drawings = [draw(sheet, with_pdf=sheet.pdf is None) for sheet in sheets]
            write(drawings, folder / "drawing.pdf", title)
            leaves = [_leaf(index, sheet, drawings[index]) for index, sheet in enumerate(sheets)]
            bind(folder / "drawing.pdf", leaves, target)
    return target


def scene(sheet: Sheet) -> bytes:
    """A page as an `.excalidraw` file."""
    elements = elements_of(sheet)
    files: dict[str, Any] = {}
    for element in elements:
        hash = str(element.get("fileId"))
        came_as = element.pop(CAME_AS, None)
        if came_as is not None:
            element["fileId"] = came_as
        path = sheet.images.get(hash)
        if path is not None:
            id = str(element["fileId"])
            data = Path(path).read_bytes()
            kind = kind_of(data[:HEAD])
            url = f"data:{kind.value if kind else ''};base64,{b64encode(data).decode()}"
            files[id] = {"mimeType": kind, "id": id, "dataURL": url, "created": 0}
    return msgspec.json.encode(
        {
            "type": "excalidraw",
            "version": 2,
            "source": "classroom",
            "elements": elements,
            "appState": {"gridSize": 20, "viewBackgroundColor": "#ffffff"},
            "files": files,
        }
    )


def _leaf(index: int, sheet: Sheet, drawing: Drawing) -> Leaf:
    size = (drawing.width * POINTS_PER_PX, drawing.height * POINTS_PER_PX)
    back = sheet.background
    if sheet.pdf is None or back.page is None or not back.width:
        return Leaf(index, *size)
    bottom = drawing.top + drawing.height - back.height
    return Leaf(
        index,
        *size,
        source=sheet.pdf,
        page=back.page,
        across=back.width * POINTS_PER_PX,
        left=-drawing.left * POINTS_PER_PX,
        bottom=bottom * POINTS_PER_PX,
    )
