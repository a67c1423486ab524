"""The drawing laid over the pages that it was drawn on, and a page as a picture (in a worker process, by PDFium).

What always holds: an imported page stays what it is, text that can be searched and lines that stay sharp; what was drawn is
on top of it, in the same place as on the board, whichever way the page is turned or cropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2

from classroom.files.documents import broken, open_pdf
from classroom.kernel import Rejected


class Leaf(NamedTuple):
    """A page to put together, in points. `overlay`: the index of a page in the drawing's PDF, which is `width` by `height`.
    `source`, `page`: the page (from 1) of a PDF that lies under it, `across` wide, its lower left corner at `left`, `bottom`."""

    overlay: int
    width: float
    height: float
    source: str | None = None
    page: int = 1
    across: float = 0.0
    left: float = 0.0
    bottom: float = 0.0


def bind(drawing: Path, leaves: Sequence[Leaf], target: Path) -> None:
    """Write one PDF to `target`. Raises `Rejected("bad_file")`."""
    over = open_pdf(drawing)
    sources: dict[str, Any] = {}
    bound = pypdfium2.PdfDocument.new()
    try:
        for leaf in leaves:
            if leaf.source is None:
                bound.import_pages(over, [leaf.overlay])
                continue
            if leaf.source not in sources:
                sources[leaf.source] = open_pdf(Path(leaf.source))
            if not 1 <= leaf.page <= len(sources[leaf.source]):
                raise Rejected("bad_file", "A page's PDF has no such page.")
            _lay(bound, sources[leaf.source], over, leaf)
        bound.save(str(target))
    except (pypdfium2.PdfiumError, ZeroDivisionError) as error:
        raise broken() from error


def raster(source: Path, target: Path, scale: float, side: int) -> None:
    """Write the first page as PNG, `scale` px a point but at most `side` px a side. Raises `Rejected("bad_file")`."""
    try:
        page = open_pdf(source)[0]
        width, height = page.get_size()
        picture = page.render(scale=min(scale, side / max(width, height))).to_pil().convert("RGB")
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise broken() from error
    picture.save(target, "PNG")


def _lay(bound: Any, source: Any, over: Any, leaf: Leaf) -> None:
    """A page as large as the board's, the PDF's page in it as a form, and the drawing on top of that."""
    page = bound.new_page(leaf.width, leaf.height)
    original = source[leaf.page - 1]
    _insert(page, source, bound, leaf.page - 1, _placed(original, leaf))
    _insert(page, over, bound, leaf.overlay, pypdfium2.PdfMatrix())
    page.gen_content()


def _placed(original: Any, leaf: Leaf) -> Any:
    """Where the page lies on the board's page. PDFium has turned and cropped it already, as the page says."""
    scale = leaf.across / original.get_width()
    return pypdfium2.PdfMatrix().scale(scale, scale).translate(leaf.left, leaf.bottom)


def _insert(page: Any, source: Any, bound: Any, index: int, matrix: Any) -> None:
    form = source.page_as_xobject(index, bound).as_pageobject()
    form.transform(matrix)
    page.insert_obj(form)
