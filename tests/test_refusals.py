"""What is raised is made for it: an exception that is kept gathers the frames of all who raise it, with what these lead to."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "classroom"


def test_no_module_keeps_an_exception_to_raise_it_again_and_again() -> None:
    kept = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                made = ast.unparse(node.value.func).rpartition(".")[2]
                if made == "Rejected" or made.endswith(("Error", "Exception")):
                    kept.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert kept == []
