"""The report says what was run, in numbers that a person reads, on a phone too."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtest import report
from loadtest.figures import Figures, rounded
from loadtest.scenarios import SCENARIOS, in_words
from loadtest.verdict import Line, summary, word
from tests.e2e.people import a_browser
from tests.loadtest.test_verdict import Clock, run_of

PASSED = Line("all votes acknowledged within", "≤ 30 s", "3.12 s", True)
SHORT = Line("nobody was dropped", "0", "3", False)
UNMEASURED = Line("delivery, p50", "≤ 400 ms", "the run was too short to measure it", False, measured=False)


@pytest.mark.parametrize(
    ("name", "changes", "users", "said"),
    [
        ("reconnect", {}, 200, "100 of 200 lose their connection at once"),
        ("reconnect", {}, 50_000, "10,000 of 50,000 lose"),
        ("stuck", {}, 5_000, "500 of 5,000 stop reading for 30 seconds"),
        ("campus", {"rooms": 4}, 10, "4 classes at once, each of 2 to 3 students and an instructor"),
        ("campus", {}, 48_000, "2,000 classes at once, each of 24 students and an instructor"),
        ("soak", {}, 1_000, "A lesson of 4 hours"),
        ("soak", {"duration": 20}, 1_000, "A lesson of 20 seconds"),
    ],
)
def test_what_was_run_is_told_and_not_what_the_scenario_would_be(
    name: str, changes: dict[str, Any], users: int, said: str
) -> None:
    assert in_words(msgspec.structs.replace(SCENARIOS[name], **changes), users).startswith(said)


def test_every_scenario_can_be_put_in_words() -> None:
    for scenario in SCENARIOS.values():
        assert "{" not in in_words(scenario, 7)


@pytest.mark.parametrize(
    ("number", "text"),
    [(3.11888, "3.12"), (6.324180935000186, "6.32"), (0.000123456, "0.000123"), (1_234_567.8, "1,234,568"), (20.0, "20"),
     (0.0, "0"), (1_200.4, "1,200"), (99.96, "100"), (-0.5, "-0.5")],
)  # fmt: skip
def test_a_number_has_three_digits_that_count(number: float, text: str) -> None:
    assert rounded(number) == text


def test_a_verdict_of_which_all_that_is_missing_was_too_short_to_measure_says_so() -> None:
    assert word([PASSED]) == "passed"
    assert word([PASSED, UNMEASURED]) == "too short to tell"
    assert word([PASSED, UNMEASURED, SHORT]) == "fell short"
    assert word([PASSED, SHORT], early=True) == "ended early"


def written(folder: Path) -> str:
    """The page of a long run with large numbers."""
    clock = Clock()
    figures = Figures(clock)
    for second in range(0, 15_000, 10):
        clock.now = 1_000.0 + second
        figures.count("joined", 80)
        figures.count("frames", 1_234_567)
        figures.time("delivery", 40.0 + second / 10)
    load = run_of("poll-spike", figures, votes=(6.324180935000186,)) | {"began": 1_000.0}
    found = summary(load, [])
    report.write(folder, load, [], found, [PASSED, UNMEASURED, SHORT], "fell short", {"seed": 1})
    return (folder / "report.html").read_text()


def test_the_page_tells_no_figure_in_more_digits_than_can_be_read(tmp_path: Path) -> None:
    page = written(tmp_path)
    assert "<td>votes within</td><td class=found>6.32</td>" in page
    assert '<td class="soft">?</td><td>delivery, p50</td>' in page
    assert '<td class="bad">short</td><td>nobody was dropped</td>' in page


LABELS = """() => [...document.querySelectorAll(".plot")].map(plot =>
  [...plot.querySelectorAll(".x,.y")].map(label => ({
    size: parseFloat(getComputedStyle(label).fontSize), kind: label.className, box: label.getBoundingClientRect().toJSON(),
  })).filter(label => label.box.width))"""


@pytest.mark.parametrize("width", [360, 1_440])
async def test_the_numbers_at_the_axes_can_be_read_on_a_phone_and_on_a_desk(tmp_path: Path, width: int) -> None:
    written(tmp_path)
    async with a_browser() as browser:
        page = await browser.new_page(viewport={"width": width, "height": 800})
        await page.goto((tmp_path / "report.html").as_uri())
        plots = await page.evaluate(LABELS)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(plots) >= 3
    for labels in plots:
        assert all(
            label["size"] >= 12 and label["box"]["left"] >= 0 and label["box"]["right"] <= width for label in labels
        )
        across = sorted((label["box"]["left"], label["box"]["right"]) for label in labels if label["kind"] == "x")
        assert len(across) >= 3
        assert all(before[1] + 4 <= after[0] for before, after in pairwise(across))
