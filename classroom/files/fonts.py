"""Fonts for text in a PDF, from those that the machine has.

What always holds: every text is shown, in a font that has its letters where there is one; scripts whose letters change with
their neighbours are shaped by Pillow (HarfBuzz) and laid in as a sharp picture, since a PDF's text knows nothing of that.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
FILES_LIMIT = 400  # that are looked into
PREFERRED = ("dejavusans.ttf", "notosans-regular.ttf", "liberationsans-regular.ttf", "freesans.ttf")
PREFERRED_MONO = ("dejavusansmono.ttf", "notosansmono-regular.ttf", "liberationmono-regular.ttf", "freemono.ttf")
MONO = (3, 8)  # Excalidraw's families of letters of one width
# Hebrew to Thai and Tibetan to Khmer: letters that join, or stand otherwise than they are written.
SHAPED = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufeff]")


class Font(NamedTuple):
    """`name`: as reportlab knows it. `path`: its file."""

    name: str
    path: str


def is_shaped(text: str) -> bool:
    return SHAPED.search(text) is not None


def font_for(text: str, family: int) -> Font:
    """A font that has all letters of `text`, or the one that has most."""
    wanted = {ord(letter) for letter in text if not letter.isspace()}
    best, lacking = _fallback(), len(wanted) + 1
    for path in _files(family in MONO):
        font = _loaded(path)
        if font is None:
            continue
        missing = len(wanted - font.face.charToGlyph.keys())
        if missing < lacking:
            best, lacking = Font(font.fontName, path), missing
        if not missing:
            break
    return best


@cache
def _fallback() -> Font:
    path = str(Path(rl_config.__file__).parent / "fonts" / "Vera.ttf")
    pdfmetrics.registerFont(TTFont("fallback", path))
    return Font("fallback", path)


@cache
def _files(mono: bool) -> tuple[str, ...]:
    """Fonts, the most readable first."""
    found: list[Path] = []
    for folder in FOLDERS:
        found += sorted(Path(folder).expanduser().rglob("*.ttf"))
        if len(found) > FILES_LIMIT:
            break
    preferred = PREFERRED_MONO if mono else PREFERRED
    plain = [
        path for path in found if not re.search("bold|italic|oblique|light|condensed|black|thin", path.name.lower())
    ]

    def rank(path: Path) -> int:
        name = path.name.lower()
        return preferred.index(name) if name in preferred else len(preferred) + ("sans" not in name)

    return tuple(map(str, sorted(plain[:FILES_LIMIT], key=rank)))


@cache
def _loaded(path: str) -> Any:
    """The font, registered; None: it cannot be read."""
    try:
        font = TTFont(f"font-{len(pdfmetrics.getRegisteredFontNames())}", path)
    except (TTFError, OSError, ValueError):
        return None
    pdfmetrics.registerFont(font)
    return font
