"""The load test itself: what it says of a server that does everything right, and of one that does not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running import ROOT

USERS = 120
SECONDS = 240  # a busy machine takes its time to start everything


def run(folder: Path, scenario: str, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """A short run of a scenario: its exit code, what it said, and `figures.json`."""
    words = ["--scenario", scenario, "--users", str(USERS), "--duration", "6", "--ramp", "1", "--pace", "5"]
    words += ["--folder", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.run", *words, *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, text=True,
    )  # fmt: skip
    assert (folder / "figures.json").exists(), done.stdout
    return done.returncode, done.stdout, json.loads((folder / "figures.json").read_text())


def short(whole: dict[str, Any]) -> dict[str, str]:
    """What fell short: each line's sentence to what was found."""
    return {line["what"]: line["found"] for line in whole["verdict"] if not line["passed"]}


# How fast a machine that does other things at the same time is says nothing of the load test.
SLOW = {"delivery, p50", "delivery, p99", "acknowledgement, p99"}


@pytest.mark.timeout(SECONDS + 30)
def test_a_lesson_passes_and_leaves_a_report_whose_figures_fit_together(tmp_path: Path) -> None:
    _, said, whole = run(tmp_path, "lesson", "--codec", "msgpack", "--deflate", "--processes", "2")
    figures = whole["figures"]
    assert set(short(whole)) <= SLOW, said
    assert whole["passed"] == (not short(whole))

    assert figures["joined"] == figures["inside_at_the_end"] == USERS
    assert figures["kept"]["poll.vote"] == 2 * USERS
    assert figures["kept"]["chat.say"] > 0
    # One student in fifty of each process, and the instructor, look at everything.
    assert figures["findings"]["probes"] == 4 + 1
    assert figures["findings"]["checked"] >= figures["findings"]["probes"] * 5
    assert figures["deliveries_timed"] >= figures["findings"]["probes"] - 1
    assert 0 < figures["delivery_p50"] <= figures["delivery_p99"] <= figures["delivery_max"]
    assert figures["frames"] > USERS * 5
    joined = next(plot for plot in whole["plots"] if plot["title"] == "Joined")
    assert joined["series"]["joined"][-1][1] == USERS
    assert figures["server_memory_mib"] > 10
    assert figures["server_cpu_seconds"] > 0

    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") >= 5
    # It needs nothing else to be shown.
    assert not re.search(r"(src|href)=|url\(|@import", page)


@pytest.mark.timeout(SECONDS + 30)
def test_members_who_are_cut_off_are_seen_to_come_back_with_what_they_missed(tmp_path: Path) -> None:
    _, said, whole = run(tmp_path, "reconnect", "--codec", "json")
    figures = whole["figures"]
    assert set(short(whole)) <= SLOW, said
    assert figures["cut"] == figures["back"] == USERS // 2
    assert figures["resumed"] == USERS // 2


@pytest.mark.timeout(SECONDS + 30)
def test_classes_side_by_side_are_all_held_and_all_checked_whatever_is_divided_by_what(tmp_path: Path) -> None:
    users = USERS + 2
    _, said, whole = run(tmp_path, "campus", "--rooms", "8", "--pace", "20", "--users", str(users), "--processes", "3")
    assert set(short(whole)) <= SLOW, said
    assert whole["figures"]["kept"]["class.end"] == 8
    assert whole["figures"]["kept"]["poll.vote"] == users
    assert whole["figures"]["findings"]["probes"] == 8 * (3 + 1)
    assert whole["figures"]["steady_seconds"] > 3


@pytest.mark.timeout(SECONDS + 30)
def test_a_server_that_loses_an_event_is_found_out(tmp_path: Path) -> None:
    code, said, whole = run(tmp_path, "storm", "--program", "tests.loadtest.forgetful")
    assert code == 1
    assert not whole["passed"]
    assert whole["figures"]["findings"]["missing"] > 0, said
    assert "no event lost, changed, repeated or out of order at any probe" in short(whole)
    assert "fell short" in (tmp_path / "report.html").read_text()
