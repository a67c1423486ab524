"""What is locked must be enough for every Python that is promised, not only for the one that wrote the lock."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11.0", "3.11.2", "3.11.14", "3.12.0", "3.13.0")  # Debian 12 has 3.11.2


def locked(lock: Path) -> list[Requirement]:
    lines = re.findall(r"^[a-z0-9].*?(?= \\$)", lock.read_text(), re.MULTILINE)
    return [Requirement(line) for line in lines]


def asked(project: dict[str, list[str] | dict[str, list[str]]], extras: tuple[str, ...]) -> list[str]:
    return [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", ()), ("requirements-dev.lock", ("dev", "load", "traces"))]
)
def test_whatever_is_needed_is_locked(lock: str, extras: tuple[str, ...], python: str) -> None:
    """pip installs nothing at all where one requirement of one package has no hash."""
    version = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    here = {
        canonicalize_name(one.name) for one in locked(ROOT / lock) if one.marker is None or one.marker.evaluate(version)
    }
    wanted = [
        Requirement(line) for line in asked(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"], extras)
    ]
    missing, seen = set[str](), set[tuple[str, str]]()
    while wanted:
        one = wanted.pop()
        name = canonicalize_name(one.name)
        if name not in here:
            missing.add(name)
        for extra in ("", *one.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                needs = [Requirement(line) for line in requires(name) or ()]
            except PackageNotFoundError:  # not needed by the Python that runs this: what it needs itself is not known
                continue
            wanted += [
                need for need in needs if need.marker is None or need.marker.evaluate({**version, "extra": extra})
            ]
    assert not missing
    assert len(seen) > 20
