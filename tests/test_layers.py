"""The house's layers: each imports only from below, siblings never import each other, pure stays pure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "classroom"

# From the bottom up. A module belongs to the entry with the longest name that it begins with.
LAYERS: list[tuple[str, ...]] = [
    ("kernel",),
    ("texts",),
    ("chat", "doubts", "polls", "whiteboard", "rooms.roster", "media.stage", "media.captions"),
    ("rooms.signals", "rooms.room"),
    ("wire", "forks"),
    ("packets",),
    (
        "config",
        "address",
        "keyed",
        "limits",
        "metrics",
        "figures",
        "tracing",
        "logs",
        "native",
        "folder",
        "listen",
        "processes",
        "jwks",
        "auth",
        "journal",
        "bus",
        "files",
        "typescript",
    ),
    ("rooms", "export"),
    ("http", "sockets", "media"),
    ("forkserver",),
    ("app", "supervisor", "nursery", "__main__"),
]
# Within one layer, what may be used by its neighbours: small ports that the others are built on.
SHARED = {"config", "tracing", "jwks", "figures", "rooms.signals", "rooms.room"}
PURE = ("kernel", "texts", *LAYERS[2], "rooms.room", "rooms.signals")
IMPURE = {"asyncio", "time", "random", "uuid", "secrets", "logging", "structlog", "datetime", "os", "socket"}
# The only place that puts the rooms' ports and shells together is not a layer of its own.
OPEN_ABOVE = {"app", "supervisor", "__main__"}


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name and "migrations" not in parts:
            found[name] = path
    return found


def part_of(module: str) -> tuple[int, str]:
    """The layer (from 0 up) and the part of the house that a module belongs to."""
    fitting = [
        (index, part)
        for index, layer in enumerate(LAYERS)
        for part in layer
        if module == part or module.startswith(f"{part}.")
    ]
    assert fitting, f"classroom.{module} has no place in the house: give it one in LAYERS"
    return max(fitting, key=lambda one: len(one[1]))


def imports(path: Path) -> set[str]:
    """The full names of what a file imports, `from x import y` as `x.y` where that is a module of ours."""
    known = modules()
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                found.add(full if full.removeprefix("classroom.") in known else base)
    return found


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_only_from_below_and_never_a_sibling(module: str) -> None:
    layer, part = part_of(module)
    for imported in imports(modules()[module]):
        if not imported.startswith("classroom."):
            continue
        other_layer, other = part_of(imported.removeprefix("classroom."))
        if other == part or part in OPEN_ABOVE:
            continue
        assert other_layer < layer or (other in SHARED and other_layer == layer), (
            f"classroom.{module} ({part}) must not import {imported} ({other})"
        )


@pytest.mark.parametrize("module", [m for m in sorted(modules()) if part_of(m)[1] in PURE])
def test_a_pure_module_has_no_clock_no_dice_no_loop_no_log(module: str) -> None:
    used = {name.split(".")[0] for name in imports(modules()[module])}
    assert not used & IMPURE, f"classroom.{module} is pure and must not import {used & IMPURE}"


def test_every_part_of_the_house_is_there() -> None:
    there = {part_of(module)[1] for module in modules()}
    missing = {part for layer in LAYERS for part in layer} - there - {"whiteboard", "media", "media.stage"}
    assert not missing
