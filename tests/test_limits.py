"""Token buckets: who is let through, who waits until when, and that nothing is kept of those who are quiet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.config import load
from classroom.kernel import Rejected
from classroom.limits import Limiter, Limits, network_of

NOW = 1_800_000_000_000


def test_a_burst_passes_and_the_next_one_is_told_when_to_come_back() -> None:
    limiter = Limiter(rate=2, burst=3)
    assert [limiter.take("a", NOW) for _ in range(3)] == [0, 0, 0]
    until = limiter.take("a", NOW)
    assert until == NOW + 500
    assert limiter.take("a", until) == 0
    assert limiter.take("a", until) > until


def test_keys_do_not_share() -> None:
    limiter = Limiter(rate=1, burst=1)
    assert limiter.take("a", NOW) == 0
    assert limiter.take("b", NOW) == 0


def test_being_refused_costs_nothing() -> None:
    limiter = Limiter(rate=1, burst=1)
    limiter.take("a", NOW)
    first = limiter.take("a", NOW)
    assert [limiter.take("a", NOW) for _ in range(100)] == [first] * 100


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.integers(0, 400), min_size=1, max_size=200),
)
def test_it_lets_through_just_what_a_bucket_of_tokens_does(rate: int, burst: int, pauses: list[int]) -> None:
    limiter = Limiter(rate, burst)
    thousandths, now = burst * 1_000, NOW  # tokens, counted exactly: rate tokens a second are rate thousandths a ms
    for pause in pauses:
        now += pause
        thousandths = min(burst * 1_000, thousandths + pause * rate)
        passes = thousandths >= 1_000
        assert (limiter.take("a", now) == 0) is passes
        thousandths -= 1_000 * passes


def test_full_buckets_take_no_memory() -> None:
    limiter = Limiter(rate=10, burst=10)
    for i in range(1_000):
        limiter.take(f"k{i}", NOW)
    assert len(limiter) == 1_000
    limiter.take("late", NOW + 1_001)
    assert len(limiter) == 1


def test_there_is_a_most_that_it_remembers() -> None:
    limiter = Limiter(rate=0.001, burst=1, keys=100)
    for i in range(1_000):
        limiter.take(f"k{i}", NOW)
    assert len(limiter) == 100


def test_a_clock_set_back_locks_nobody_out() -> None:
    limiter = Limiter(rate=1, burst=2)
    limiter.take("a", NOW)
    earlier = NOW - 3_600_000
    assert limiter.take("a", earlier) <= earlier + 1_001


def test_a_member_who_does_too_much_is_refused_for_a_while() -> None:
    limits = Limits(load().limits)
    for _ in range(40):
        limits.command("math", "u1", NOW)
    with pytest.raises(Rejected) as caught:
        limits.command("math", "u1", NOW)
    assert (caught.value.code, caught.value.temporary) == ("too_fast", True)
    assert caught.value.until is not None
    limits.command("math", "u1", caught.value.until)
    limits.command("physics", "u1", NOW)
    limits.command("math", "u2", NOW)


def test_signals_over_the_limit_are_dropped() -> None:
    limits = Limits(load().limits)
    assert [limits.signal("math", "u1", NOW) for _ in range(91)] == [True] * 90 + [False]


def test_a_school_of_3000_behind_one_address_comes_in_at_once() -> None:
    limits = Limits(load().limits)
    for _ in range(3_000):
        limits.connect("203.0.113.7", NOW)
        limits.request("203.0.113.7", NOW)


def test_an_address_that_connects_without_end_is_refused_and_loopback_is_not() -> None:
    limits = Limits(load().limits)
    for check in (limits.connect, limits.request):
        for _ in range(10_000):
            check("127.0.0.1", NOW)
            check("::1", NOW)
            check("::ffff:127.0.0.1", NOW)
        for _ in range(6_000):
            check("203.0.113.7", NOW)
        with pytest.raises(Rejected):
            check("203.0.113.7", NOW)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.3.2.1", None),
        ("::1", None),
        ("unknown", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str, network: str | None) -> None:
    assert network_of(address) == network
