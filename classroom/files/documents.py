"""A PDF, drawn page by page (in a worker process).

What always holds: each page becomes one picture of bounded size, whatever size it says it has; nothing in a document is
carried out (there is no JavaScript in this build of PDFium, and forms are not filled in).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2

from classroom.files.tasks import Total, Wrote
from classroom.kernel import Rejected

PX_PER_POINT = 96 / 72  # a PDF's page lies on the board at its natural size
WIDEST = 20_000.0  # px of a page on the board
SHARPEST = 4.0  # px of the picture for a px on the board, of a small page
QUALITY = 88


def open_pdf(source: Path) -> Any:
    """The document. Raises `Rejected("bad_file")`."""
    try:
        return pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        raise broken() from error


def read_pages(source: Path, folder: Path, pages: int, side: int) -> Iterator[Total | Wrote]:
    """Draw each page to a file in `folder`: how many there are, then each as it is done, with its size on the board.

    Raises `Rejected`: "bad_file", "too_many" (more than `pages`).
    """
    document = open_pdf(source)
    count = len(document)
    if count == 0:
        raise broken()
    if count > pages:
        raise Rejected("too_many", f"This PDF has {count} pages; at most {pages} are taken.")
    yield Total(count)
    for index in range(count):
        try:
            page = document[index]
            width, height = size_on_board(page)
            bitmap = page.render(scale=side_scale(width, height, side) * width / page.get_width(), may_draw_forms=False)
        except (pypdfium2.PdfiumError, ValueError) as error:
            raise Rejected("bad_file", f"Page {index + 1} of this PDF is broken.") from error
        name = f"page-{index + 1}.webp"
        bitmap.to_pil().convert("RGB").save(folder / name, "WEBP", quality=QUALITY, method=2)
        bitmap.close()
        page.close()
        yield Wrote(name, width, height)


def size_on_board(page: Any) -> tuple[float, float]:
    """Width and height in px of a page as it is seen (turned as it says). Raises `ValueError`."""
    points = page.get_size()
    if not all(math.isfinite(each) and each > 0.5 for each in points):
        raise ValueError("a page without a size")
    factor = min(PX_PER_POINT, WIDEST / max(points))
    width, height = (round(each * factor, 2) for each in points)
    return width, height


def side_scale(width: float, height: float, side: int) -> float:
    """Px of the picture for a px on the board, so that no side has more than `side`."""
    return min(SHARPEST, side / max(width, height)) * (1 - 1e-9)  # or a float's last bit makes one px more


def broken() -> Rejected:
    return Rejected("bad_file", "This PDF is broken, or needs a password.")
