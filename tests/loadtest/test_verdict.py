"""The verdict's limits: each is passed just within it, and not just beyond."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from loadtest.figures import Figures
from loadtest.scenarios import SCENARIOS
from loadtest.verdict import Line, judge, summary

BEGUN, DROP, QUIET = 1_000, 1_010, 1_060  # seconds

BACK = "everybody who was cut off was back within"
CAME_BACK = "everybody who was cut off came back"
RATIO = "delivery p99 while some are stuck, over before"
VOTES = "all votes acknowledged within"
LOBBY = "wait in the lobby over what was estimated, p50"
GROWTH = "memory at the end over memory before"


class Clock:
    now = float(BEGUN)

    def __call__(self) -> float:
        return self.now


def run_of(
    scenario: str, figures: Figures | None = None, votes: tuple[float, ...] = (), drop: bool = False
) -> dict[str, Any]:
    """What the load processes told of a run with two members that went well, but for the figures."""
    cues = [{"what": "begun", "at": float(BEGUN)}, {"what": "quiet", "at": float(QUIET)}]
    if drop:
        cues.append({"what": "drop", "at": float(DROP)})
    polls = {"demo": {"acknowledged": {}, "closed": {}, "seconds": list(votes)}} if votes else {}
    findings = {"probes": 1, "checked": 10}
    return {
        "users": 2,
        "rooms": 1,
        "errors": [],
        "over": {},
        "cues": cues,
        "figures": (figures or Figures()).take(),
        "results": [{"findings": findings, "inside": 2, "unanswered": 0, "polls": polls}],
        "scenario": msgspec.to_builtins(SCENARIOS[scenario]),
    }


def line(what: str, load: dict[str, Any], samples: list[dict[str, Any]] | None = None) -> Line:
    """That line of the run's verdict."""
    lines = {each.what: each for each in judge(load, summary(load, samples or []), None)}
    return lines[what]


@pytest.mark.parametrize(("seconds", "passed"), [(29.99, True), (30.0, True), (30.01, False)])
def test_the_last_vote_of_a_spike_is_acknowledged_within_half_a_minute(seconds: float, passed: bool) -> None:
    assert line(VOTES, run_of("poll-spike", votes=(1.0, seconds, 2.0))).passed is passed


def test_a_spike_in_which_no_vote_was_acknowledged_has_not_passed() -> None:
    found = line(VOTES, run_of("poll-spike"))
    assert (found.passed, found.found) == (False, "not measured")


@pytest.mark.parametrize(("seconds", "passed"), [(19, True), (20, False)])
def test_who_lost_their_connection_are_back_within_twenty_seconds(seconds: int, passed: bool) -> None:
    # Somebody who is back in that second may be so at its end.
    clock = Clock()
    figures = Figures(clock)
    for at in (DROP + 1, DROP + seconds):
        clock.now = at
        figures.count("back")
    assert line(BACK, run_of("reconnect", figures, drop=True)).passed is passed


@pytest.mark.parametrize(("back", "passed"), [(2, True), (1, False), (3, False)])
def test_all_who_lost_their_connection_come_back(back: int, passed: bool) -> None:
    figures = Figures(lambda: DROP + 2)
    figures.count("cut", 2)
    figures.count("back", back)
    assert line(CAME_BACK, run_of("reconnect", figures, drop=True)).passed is passed


def test_a_drop_from_which_nobody_came_back_has_not_passed() -> None:
    found = line(BACK, run_of("reconnect", drop=True))
    assert (found.passed, found.found) == (False, "not measured")


# To the 2 % of a quantile.
@pytest.mark.parametrize(("waited", "passed"), [(500.0, True), (1_450.0, True), (1_550.0, False)])
def test_who_waits_in_the_lobby_of_a_storm_waits_about_as_long_as_they_were_told(waited: float, passed: bool) -> None:
    figures = Figures(lambda: BEGUN)
    figures.count("lobby")
    figures.time("lobby_estimate", 1_000.0)
    figures.time("lobby_wait", waited)
    assert line(LOBBY, run_of("storm", figures)).passed is passed


def test_a_lobby_from_which_nobody_came_in_has_not_passed() -> None:
    figures = Figures(lambda: BEGUN)
    figures.count("lobby")
    figures.time("lobby_estimate", 1_000.0)
    found = line(LOBBY, run_of("storm", figures))
    assert (found.passed, found.found) == (False, "not measured")


def test_a_lobby_that_was_hardly_needed_is_not_judged() -> None:
    load = run_of("storm")
    assert LOBBY not in {each.what for each in judge(load, summary(load, []), None)}


def delivered(during: float, beside: float = 100.0) -> Figures:
    """Deliveries of 100 ms before some do not read, of `during` while they do not; `beside`: in the moments between and after."""
    clock = Clock()
    figures = Figures(clock)
    scenario = SCENARIOS["stuck"]
    for second in range(BEGUN + 1, QUIET):
        clock.now = second
        if second < DROP:
            took = 100.0
        elif DROP < second < DROP + scenario.stuck_seconds:
            took = during
        else:
            took = beside
        figures.time("delivery", took)
    return figures


# To the 2 % of a quantile.
@pytest.mark.parametrize(("during", "passed"), [(100.0, True), (147.0, True), (153.0, False), (400.0, False)])
def test_others_notice_little_of_who_does_not_read(during: float, passed: bool) -> None:
    assert line(RATIO, run_of("stuck", delivered(during), drop=True)).passed is passed


def test_what_is_compared_is_the_time_in_which_they_do_not_read() -> None:
    assert line(RATIO, run_of("stuck", delivered(100.0, beside=5_000.0), drop=True)).found == "1 ×"


def test_a_run_in_which_nothing_was_delivered_meanwhile_has_not_passed() -> None:
    found = line(RATIO, run_of("stuck", Figures(), drop=True))
    assert (found.passed, found.found) == (False, "not measured")


def used(memory: list[float]) -> list[dict[str, Any]]:
    """Samples of a server of two workers, a second from one to the next, from when the class has begun: mebibytes of each."""
    return [
        {
            "at": float(BEGUN + 1 + n),
            "processes": {f"worker {number}": {"cpu": float(n), "pss": each * 2**20} for number in range(2)},
            "load": {},
        }
        for n, each in enumerate(memory)
    ]


@pytest.mark.parametrize(("end", "passed"), [(100.0, True), (115.0, True), (115.2, False), (200.0, False)])
def test_a_soak_ends_with_little_more_memory_than_after_a_quarter_of_it(end: float, passed: bool) -> None:
    # What is used before the quarter is not judged.
    memory = [1.0, 1.0, *[100.0] * 5, end]
    assert line(GROWTH, run_of("soak"), used(memory)).passed is passed


def test_a_soak_whose_memory_was_not_looked_at_while_it_went_on_has_not_passed() -> None:
    found = line(GROWTH, run_of("soak"), used([100.0]))
    assert (found.passed, found.found) == (False, "not measured")


def test_of_a_class_of_a_few_seconds_it_is_said_that_it_was_too_short_to_measure_what_nobody_said() -> None:
    load = run_of("lesson")
    load["scenario"]["polls"] = []
    load["cues"] = [{"what": "begun", "at": float(BEGUN)}, {"what": "quiet", "at": float(BEGUN + 5)}]
    found = line("delivery, p50", load)
    assert (found.passed, found.measured) == (False, False)
    assert found.found == "the run was too short to measure it (nobody said anything in 5 s of class)"
    # Where it was said and did not come, or where the class never began, it was not the time.
    figures = Figures(lambda: BEGUN)
    figures.count("kept:chat.say")
    assert line("delivery, p50", load | {"figures": figures.take(), "cues": run_of("lesson")["cues"]}).measured
    assert line("delivery, p50", load | {"cues": []}).measured


def test_what_is_just_beyond_a_limit_is_told_in_as_many_digits_as_show_it() -> None:
    found = line(VOTES, run_of("poll-spike", votes=(30.0004,)))
    assert (found.passed, found.found, found.limit) == (False, "30.0004 s", "≤ 30 s")
    assert line(VOTES, run_of("poll-spike", votes=(3.11888,))).found == "3.12 s"
