"""Writes the golden vectors: `python -m tests.vectors.make`. They are the same at every run."""

from __future__ import annotations

import json
from pathlib import Path

from tests.vectors import boards
from tests.vectors.lessons import ALL

HERE = Path(__file__).parent


def vectors() -> dict[str, str]:
    """File name to content, of all vectors."""
    return {
        f"{vector['name']}.json": json.dumps(vector, ensure_ascii=False, separators=(",", ":")) + "\n"
        for vector in (play() for play in ALL)
    }


if __name__ == "__main__":
    for name, content in vectors().items():
        (HERE / name).write_text(content, encoding="utf-8")
    for name, content in boards.files().items():
        (HERE / "board" / name).write_text(content, encoding="utf-8")
