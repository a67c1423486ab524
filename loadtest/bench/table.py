"""Rows of figures, and how a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

HEAD = ("benchmark", "figure", "unit", "peer", "ratio", "limit", "")


@dataclass(frozen=True)
class Row:
    """One figure. `limit` is the most it may be: of `ratio` (ours divided by the peer's) where there is one, otherwise of
    `figure`."""

    name: str
    figure: float
    unit: str
    peer: str = ""
    ratio: float | None = None
    limit: float | None = None

    @property
    def verdict(self) -> str:
        """`ok` or `OVER`; empty where there is no limit."""
        if self.limit is None:
            return ""
        return "ok" if (self.figure if self.ratio is None else self.ratio) <= self.limit else "OVER"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict}


def render(rows: Sequence[Row]) -> str:
    """The rows as a table in plain text."""
    cells = [HEAD] + [
        (
            row.name,
            short(row.figure),
            row.unit,
            row.peer,
            "" if row.ratio is None else f"{row.ratio:.3f}",
            "" if row.limit is None else f"≤ {row.limit:g}",
            row.verdict,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    right = {1, 4, 5}
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:]])


def short(figure: float) -> str:
    """Three digits that mean something."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"
