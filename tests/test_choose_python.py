"""`make` chooses a Python that will do, and the distribution's only where there is one."""

from __future__ import annotations

import runpy
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

SCRIPT = str(Path(__file__).parent.parent / "config" / "choose_python.py")
NEW_ENOUGH = "import sys, ensurepip, venv; assert sys.version_info >= (3, 11)"


def chosen(capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(SCRIPT, run_name="__main__")
    return capsys.readouterr().out


def test_what_is_chosen_will_do(capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run([chosen(capsys), "-c", NEW_ENOUGH], check=True)


@pytest.mark.parametrize(("built", "works", "wanted"), [
    ("", True, "/usr/bin/python3"),
    ("", False, "python3"),
    ("'--enable-optimizations'", True, "python3"),
])  # fmt: skip
def test_the_distributions_is_taken_where_it_would_do_and_the_other_may_be_slow(
    built: str, works: bool, wanted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0 if works else 1)

    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: built)
    monkeypatch.setattr(subprocess, "run", asked)
    assert chosen(capsys) == wanted
