"""How much a viewer is sent, played against ways to it that carry so much and no more. No clock and no network."""

from __future__ import annotations

import pytest

from classroom.media.sfu.pace import Pace, Track

SOUND = 50_000.0
LAYERS = (150_000.0, 500_000.0, 1_700_000.0)


class Way:
    """Carries `bits` a second and loses the rest, and of what is left the share `random`; the viewer reports once a second.
    `climbs`: its estimate rises by 8 % a second at the most, as browsers' do, from 200 kbit/s."""

    def __init__(
        self,
        bits: float,
        layers: tuple[float, ...] = LAYERS,
        random: float = 0.0,
        rembs: bool = True,
        climbs: bool = False,
    ) -> None:
        self.bits, self.random, self.rembs, self.climbs = bits, random, rembs, climbs
        self.estimate = 200_000.0
        self.layers = layers
        self.pace = Pace(0.0)
        fitting = [place for place, rate in enumerate(layers) if rate <= self.pace.allowed]
        self.layer = fitting[-1] if fitting else 0
        self.now = 0.0
        self.sent: list[float] = []
        self.seen: list[int] = []
        self.calm = 0

    def run(self, seconds: int, pads: bool = True) -> list[int]:
        for _ in range(seconds):
            self.now += 1.0
            media = SOUND + (self.layers[self.layer] if self.layer >= 0 else 0.0)
            sent = media + (self.pace.padding if pads else 0.0)
            self.sent.append(sent)
            lost = max(0.0, 1 - self.bits / sent)
            lost += (1 - lost) * self.random
            # A receiver's estimate is what arrives while there is too much, and at most half as much again otherwise.
            self.estimate = min(self.bits, 1.5 * sent, 1.08 * self.estimate if self.climbs else self.bits)
            estimate = self.estimate if self.rembs else None
            before = self.layer
            calm = self.pace.is_calm(self.now) and not lost and before == len(self.layers) - 1
            trouble = self.pace.told(self.now, sent, lost, estimate)
            (self.layer,) = self.pace.choose(self.now, SOUND, [Track(self.layers, self.layer)], trouble, pads)
            self.seen.append(self.layer)
            if calm and not self.rembs:  # such a report need not be looked at, so it must say nothing
                assert (self.layer, self.pace.padding, trouble) == (before, 0.0, False)
                self.calm += 1
        return self.seen[-seconds:]


@pytest.mark.parametrize("rembs", [True, False])
@pytest.mark.parametrize("pads", [True, False])
def test_a_wide_way_gets_the_largest_layer_within_ten_seconds_and_keeps_it(rembs: bool, pads: bool) -> None:
    way = Way(10_000_000, rembs=rembs)
    assert way.seen == []
    way.run(12, pads)
    assert way.run(60, pads) == [2] * 60
    assert max(way.sent) < 1.2 * (SOUND + LAYERS[-1])
    assert rembs or way.calm > 20


def test_an_estimate_that_is_still_rising_keeps_nobody_from_the_largest_layer() -> None:
    way = Way(10_000_000, layers=(150_000.0, 1_400_000.0), climbs=True)
    assert way.layer == 0
    way.run(15)
    assert way.run(60) == [1] * 60


@pytest.mark.parametrize(("bits", "layer"), [(300_000, 0), (800_000, 1)])
def test_a_narrow_way_gets_the_layer_that_fits_and_is_seldom_asked_for_more(bits: int, layer: int) -> None:
    way = Way(bits)
    way.run(5)
    seen = way.run(295)
    assert set(seen) <= {layer, max(0, layer - 1)}
    assert seen.count(layer) > 0.95 * len(seen)
    too_much = [sent for sent in way.sent[5:] if sent > bits]
    assert len(too_much) < 0.06 * len(seen)  # attempts grow rare
    assert max(too_much, default=0) < 1.5 * bits


def test_a_way_that_carries_no_picture_keeps_the_sound_and_little_else() -> None:
    way = Way(90_000)
    way.run(6)
    seen = way.run(120)
    assert seen.count(-1) > 0.9 * len(seen)
    assert sum(sent > 90_000 for sent in way.sent[6:]) < 0.1 * len(seen)


def test_one_layer_that_does_not_fit_pauses_and_comes_back_when_the_way_grows_wide() -> None:
    way = Way(300_000, layers=(1_100_000.0,))
    way.run(4)
    assert set(way.run(20)) == {-1}
    way.bits = 5_000_000
    way.run(60)
    assert way.run(20) == [0] * 20


@pytest.mark.parametrize("random", [0.01, 0.03])
def test_a_little_loss_by_chance_takes_nothing_away(random: float) -> None:
    way = Way(10_000_000, random=random)
    way.run(12)
    assert set(way.run(60)) == {2}


def test_much_loss_by_chance_goes_down_but_not_below_the_smallest_layer() -> None:
    way = Way(10_000_000, random=0.16)
    assert -1 not in way.run(60)
    assert way.layer == 0


def test_a_way_that_grows_narrow_is_left_within_three_seconds() -> None:
    way = Way(10_000_000)
    way.run(20)
    assert way.layer == 2
    way.bits = 700_000
    assert way.run(3)[-1] <= 1


def test_of_two_pictures_the_first_is_served_first_and_both_before_one_is_large() -> None:
    pace = Pace(0.0)
    tracks = [Track((100_000.0, 800_000.0), 1), Track((100_000.0, 400_000.0), 1)]
    trouble = pace.told(1.0, 1_250_000, 0.4, None)
    assert trouble
    assert pace.allowed == pytest.approx(637_500)
    assert pace.choose(1.0, SOUND, tracks, trouble, True) == [0, 1]  # 700,000 more do not fit, 300,000 do


def test_an_estimate_that_jitter_made_small_pauses_nothing() -> None:
    pace = Pace(0.0)
    layer = 2
    for second in range(1, 60):
        sent = SOUND + LAYERS[layer]
        trouble = pace.told(float(second), sent, 0.01, 60_000)
        (layer,) = pace.choose(float(second), SOUND, [Track(LAYERS, layer)], trouble, True)
        assert layer >= 0
    assert layer == 0
    single = Track((1_100_000.0,), 0)
    trouble = pace.told(70.0, SOUND + 1_100_000, 0.03, 60_000)
    assert pace.choose(70.0, SOUND, [single], trouble, True) == [0]


def test_a_picture_that_pauses_comes_back_though_a_tenth_is_lost_by_chance() -> None:
    way = Way(300_000, layers=(1_100_000.0,), random=0.1)
    assert way.run(6)[-1] == -1
    way.bits = 10_000_000
    way.run(90)
    assert way.run(10) == [0] * 10


def test_a_picture_that_pauses_is_tried_again_whatever_is_reported_and_ever_more_rarely() -> None:
    # given a way of which the viewer's estimate says only what comes, and that has let a picture pause
    way = Way(90_000)
    way.run(6)
    assert -1 in way.seen

    def worried(seconds: int) -> list[int]:
        seen = []
        for _ in range(seconds):
            way.now += 1.0
            sent = SOUND + (LAYERS[way.layer] if way.layer >= 0 else 0.0)
            trouble = way.pace.told(way.now, sent, 0.1, 0.7 * sent)
            (way.layer,) = way.pace.choose(way.now, SOUND, [Track(LAYERS, way.layer)], trouble, pads=True)
            seen.append(way.layer)
        return seen

    # then such a viewer, who could be sent it, has it before long, and keeps it
    seen = worried(60)
    assert 0 in seen[:40]
    assert seen[-10:] == [0] * 10


def test_a_report_of_nothing_lost_need_not_be_looked_at_but_now_and_then_until_something_is() -> None:
    way = Way(5_000_000, rembs=False)
    way.run(60)
    assert way.seen[-1] == 2
    way.pace.told(way.now, 0.0, 0.0, None)
    reports = [way.pace.is_calm(way.now + wait) for wait in (0.5, 1.0, 1.5, 2.0, 2.5)]
    assert reports == [True, True, True, False, False]
    way.random = 0.2
    way.run(3)
    assert not way.pace.is_calm(way.now)
