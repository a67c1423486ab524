"""When too many write at once: who is shown, who waits for their turn, and what the staff and the author can still do."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from classroom.chat import crowd, rules, sight
from classroom.chat.model import (
    BURST,
    CROWD,
    CROWD_LIMIT,
    EMOJI,
    OWN_RECENT,
    RECENT,
    Chat,
    ChatOwn,
    Configure,
    Configured,
    Delete,
    Deleted,
    Edit,
    Edited,
    MessageView,
    Pin,
    Pinned,
    Promote,
    Promoted,
    React,
    Reacted,
    Said,
    Say,
)
from classroom.kernel import ALL, RECORD, STAFF, Member, Meta, Role, audience_of
from tests.chat.client_fold import fold
from tests.chat.playing import ASHA, HELPER, RAVI, START, TEACHER, Playing, encoded


def students(count: int) -> list[Member]:
    return [Member(f"s{number}", f"S {number}", Role.STUDENT) for number in range(count)]


@pytest.fixture
def chat() -> Playing:
    return Playing()


@pytest.fixture
def busy() -> Playing:
    """A chat in which the room is shown nothing more for now, unless time passes or the staff speak."""
    chat = Playing()
    for member in students(2 * BURST):
        chat.say(member)
    assert not any(event.crowd for _, event in chat.log)
    return chat


class Hour:
    """Students who write at random moments, and what the room is shown of it. Times are ms since the start."""

    def __init__(self, rate: int = CROWD) -> None:
        self.crowd = crowd.Crowd(rate=rate)
        self.said: list[tuple[int, str, bool]] = []

    def say(self, at: int, member: str) -> bool:
        shown = crowd.may_show(self.crowd, member, START + at)
        if shown:
            crowd.take_turn(self.crowd, member, START + at)
        self.said.append((at, member, shown))
        return shown

    def chatter(self, members: list[str], a_second: float, seconds: int, *, begin: int = 0, seed: int = 1) -> Hour:
        dice = Random(seed)
        at = float(begin)
        while (at := at + dice.expovariate(a_second / 1_000)) < begin + seconds * 1_000:
            self.say(int(at), dice.choice(members))
        return self

    def shown(self, begin: int = 0, end: int = 1 << 60) -> list[str]:
        return [member for at, member, shown in self.said if shown and begin <= at < end]


def names(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]


class TestRate:
    @pytest.mark.parametrize("rate", [1, CROWD, 20, CROWD_LIMIT])
    def test_of_a_crowd_the_room_is_shown_as_much_as_the_staff_have_said(self, rate: int) -> None:
        hour = Hour(rate).chatter(names(1_000), 200, 75)
        # What had gathered before is shown at once; it is over within the first seconds.
        a_second = len(hour.shown(15_000)) / 60
        assert abs(a_second - rate) <= rate / 10
        assert len(hour.said) > 14_000

    def test_at_no_time_is_the_room_shown_more_than_a_burst_beyond_it(self) -> None:
        hour = Hour().chatter(names(300), 200, 120)
        times = [at for at, _, shown in hour.said if shown]
        for index, begin in enumerate(times):
            for end in (begin + 1_000, begin + 10_000):
                within = sum(at < end for at in times[index : index + 80])
                assert within <= 2 * BURST + CROWD * (end - begin) / 1_000 + 1

    @pytest.mark.parametrize("speakers", [1, 2, 25])
    def test_a_class_within_the_rate_and_a_burst_is_shown_everything(self, speakers: int) -> None:
        hour = Hour()
        dice = Random(speakers)
        for second in range(0, 600, 5):
            for _ in range(BURST):
                assert hour.say(second * 1_000 + dice.randrange(50), f"s{dice.randrange(speakers)}")

    def test_time_that_runs_backwards_gives_nothing_away(self) -> None:
        hour = Hour()
        for n in range(2 * BURST):
            assert hour.say(1_000_000, f"s{n}")
        assert not hour.say(0, "late")
        assert hour.say(1_000_250, "late")
        assert not hour.say(1_000_250, "later")

    def test_another_rate_counts_from_when_it_was_set(self, busy: Playing) -> None:
        busy.now += 250
        busy.do(TEACHER, Configure(crowd=CROWD_LIMIT))
        shown = [busy.log[busy.say(member) - 1][1].crowd is False for member in students(30)[20:]]
        assert shown == [True] + [False] * 9
        busy.now += 100
        shown = [busy.log[busy.say(member) - 1][1].crowd is False for member in students(30)[21:]]
        assert shown == [True] * 5 + [False] * 4


class TestTurns:
    def test_among_a_thousand_who_keep_speaking_nobody_is_shown_twice_before_nearly_all_were_once(self) -> None:
        hour = Hour().chatter(names(1_000), 200, 60)
        assert max(Counter(hour.shown()).values()) == 1
        hour.chatter(names(1_000), 200, 400, begin=60_000, seed=2)
        seen: set[str] = set()
        for member in hour.shown():
            if member in seen:
                break
            seen.add(member)
        assert len(seen) >= 950

    @pytest.mark.parametrize(("speakers", "a_second"), [(30, 12), (100, 50), (400, 40)])
    def test_over_time_all_who_keep_speaking_are_shown_about_as_often(self, speakers: int, a_second: int) -> None:
        seconds = 10 * speakers // CROWD
        shown = Counter(Hour().chatter(names(speakers), a_second, seconds).shown())
        assert len(shown) == speakers
        assert min(shown.values()) >= 6
        assert max(shown.values()) <= 15

    def test_whoever_speaks_seldom_is_heard_next_to_one_who_floods(self) -> None:
        hour = Hour()
        heard = []
        for at in range(0, 300_000, 10):
            hour.say(at, "flood")
            if at % 15_000 == 5_000:
                heard.append(hour.say(at, f"quiet{at}"))
        assert heard == [True] * 20
        assert abs(len(hour.shown(10_000)) / 290 - CROWD) <= CROWD / 10

    def test_a_few_who_flood_together_do_not_take_the_turns_of_many(self) -> None:
        hour = Hour()
        dice = Random(3)
        for at in range(0, 120_000, 4):
            hour.say(at, dice.choice(("flood1", "flood2", "flood3")) if at % 8 else f"s{dice.randrange(500)}")
        turns = Counter(hour.shown(5_000))
        assert sum(turns[f"flood{n}"] for n in (1, 2, 3)) <= 10

    def test_what_is_remembered_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(crowd, "TURNS", 50)
        hour = Hour().chatter(names(2_000), 100, 60)
        assert len(hour.crowd.shown) <= 50
        assert abs(len(hour.shown(10_000)) / 50 - CROWD) <= CROWD / 10


class TestSay:
    def test_what_the_room_is_not_shown_is_kept_numbered_and_its_authors(self, busy: Playing) -> None:
        id = busy.say(RAVI, "and me?")
        said = busy.log[-1][1]
        assert (id, said.crowd, said.skipped) == (2 * BURST + 1, True, 0)
        assert id not in busy.state.messages
        assert busy.state.crowd.messages[id].text == "and me?"
        assert rules.addressees(said) == ("ravi",)
        for audience in (STAFF, RECORD, audience_of(TEACHER), audience_of(RAVI)):
            assert rules.view(said, audience) is said
        for audience in (ALL, audience_of(ASHA)):
            assert rules.view(said, audience) is None

    def test_the_staff_are_always_shown_and_take_no_ones_place(self, busy: Playing) -> None:
        tokens = busy.state.crowd.tokens
        for member in (TEACHER, HELPER, TEACHER):
            assert busy.say(member) in busy.state.messages
        assert busy.state.crowd.tokens == tokens
        assert "teacher" not in busy.state.crowd.shown

    def test_the_next_that_is_shown_tells_how_many_were_not(self, busy: Playing) -> None:
        for _ in range(5):
            busy.say(RAVI)
        first = busy.say(TEACHER)
        busy.do(RAVI, Delete(id=busy.say(RAVI)))
        busy.say(RAVI)
        busy.now += 250
        second = busy.say(ASHA)
        messages = busy.state.messages
        assert (messages[first].skipped, messages[second].skipped, busy.state.crowd.skipped) == (5, 1, 0)

    def test_slow_mode_counts_what_the_room_was_not_shown(self, busy: Playing) -> None:
        busy.do(TEACHER, Configure(slow=10))
        busy.say(RAVI)
        assert busy.refused(RAVI, Say(text="again")).code == "too_fast"

    def test_the_oldest_unshown_make_room_and_shown_ones_do_not(
        self, busy: Playing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(crowd, "CROWD_KEEP", 3)
        ids = [busy.say(member) for member in (RAVI, RAVI, ASHA, RAVI, ASHA)]
        assert list(busy.state.crowd.messages) == ids[2:]
        assert busy.state.crowd.own == {"asha": [ids[2], ids[4]], "ravi": [ids[3]]}
        assert busy.state.crowd.dropped == ids[1]
        assert len(busy.state.messages) == 2 * BURST
        assert busy.do(TEACHER, Delete(id=ids[0])) == [Deleted(id=ids[0], by_staff=True)]
        assert busy.state.crowd.skipped == 5


class TestWhatHappensToIt:
    def test_it_is_changed_by_its_author_and_only_those_hear_of_it_who_know_it(self, busy: Playing) -> None:
        id = busy.say(RAVI, "helo")
        edited = busy.do(RAVI, Edit(id=id, text="hello"))
        reacted = busy.do(TEACHER, React(id=id, emoji=EMOJI[0]))
        deleted = busy.do(RAVI, Delete(id=id))
        assert edited == [Edited(id=id, text="hello", whose="ravi")]
        assert reacted == [Reacted(id=id, emoji=EMOJI[0], count=1, by="teacher", whose="ravi")]
        assert deleted == [Deleted(id=id, whose="ravi")]
        for event in (*edited, *reacted, *deleted):
            assert "ravi" in rules.addressees(event)
            assert rules.view(event, STAFF) == event
            assert rules.view(event, ALL) is rules.view(event, audience_of(ASHA)) is None
        assert rules.view(reacted[0], audience_of(RAVI)) == Reacted(id=id, emoji=EMOJI[0], count=1, whose="ravi")
        assert busy.state.crowd.messages == busy.state.crowd.own == {}

    @pytest.mark.parametrize(
        "command",
        [
            Edit(id=21, text="x"),
            Delete(id=21),
            React(id=21, emoji=EMOJI[0]),
            Say(text="indeed", reply_to=21),
        ],
    )
    def test_to_another_student_it_is_as_if_it_were_not_there(self, busy: Playing, command) -> None:
        assert busy.say(RAVI) == 21
        there = busy.refused(ASHA, command)
        busy.do(RAVI, Delete(id=21))
        gone = busy.refused(ASHA, command)
        assert (there.code, there.message) == (gone.code, gone.message)
        assert there.code == "not_found"

    def test_its_author_and_the_staff_may_reply_to_it(self, busy: Playing) -> None:
        id = busy.say(RAVI)
        replies = [busy.say(member, reply_to=id) for member in (RAVI, TEACHER)]
        assert busy.state.crowd.messages[replies[0]].reply_to == id
        assert busy.state.messages[replies[1]].reply_to == id


class TestPromote:
    def test_everybody_is_shown_it_at_the_end_with_all_that_it_has(self, busy: Playing) -> None:
        id = busy.say(RAVI, "is it on the rpm?", mentions=("asha",))
        busy.now += 100
        busy.do(RAVI, Edit(id=id, text="is it on the exam?"))
        busy.do(HELPER, React(id=id, emoji=EMOJI[0]))
        busy.say(ASHA)
        busy.now += 100
        seq = len(busy.log) + 1
        message = MessageView(
            id=seq, at=START, by="ravi", name="Ravi", role=Role.STUDENT, text="is it on the exam?", mentions=("asha",),
            edited_at=START + 100, reactions={EMOJI[0]: 1}, skipped=1, promoted=id,
        )  # fmt: skip
        promoted = Promoted(id=id, message=message, reacted={EMOJI[0]: ("helper",)})
        assert busy.do(TEACHER, Promote(id=id)) == [promoted]
        assert rules.show(busy.state, ALL).messages[-1] == message
        assert list(busy.state.messages)[-1] == seq
        assert id not in busy.state.crowd.messages
        assert rules.own(busy.state, audience_of(HELPER)).reactions == {seq: [EMOJI[0]]}
        assert rules.view(promoted, STAFF) == promoted
        for audience in (ALL, audience_of(RAVI), audience_of(ASHA)):
            assert rules.view(promoted, audience) == Promoted(id=id, message=message)
        assert rules.addressees(promoted) == ("helper",)

    def test_who_reacted_to_it_and_has_it_not_at_hand_is_told_that_they_did(self, busy: Playing) -> None:
        id = busy.say(RAVI)
        for who in (RAVI, HELPER):
            busy.do(who, React(id=id, emoji=EMOJI[0]))
        [promoted] = busy.do(TEACHER, Promote(id=id))
        assert promoted.reacted == {EMOJI[0]: ("ravi", "helper")}
        assert rules.addressees(promoted) == ("ravi", "helper")
        assert rules.view(promoted, audience_of(RAVI)).reacted == {EMOJI[0]: ("ravi",)}
        assert rules.view(promoted, audience_of(ASHA)).reacted == {}
        for member in (RAVI, HELPER, ASHA):
            view, own = rules.show(Chat(), ALL), ChatOwn()
            shown = rules.view(promoted, audience_of(member))
            assert shown is not None
            fold(view, own, shown, promoted.message.id, busy.now, member.id)
            assert own.reactions == rules.own(busy.state, audience_of(member)).reactions

    def test_what_was_meant_for_its_old_id_reaches_it(self, busy: Playing) -> None:
        id = busy.say(RAVI, "old")
        [promoted] = busy.do(TEACHER, Promote(id=id))
        now = promoted.message.id
        assert busy.do(HELPER, Promote(id=id)) == busy.do(HELPER, Promote(id=now)) == []
        assert busy.do(RAVI, Edit(id=id, text="new")) == [Edited(id=now, text="new")]
        assert busy.do(ASHA, React(id=id, emoji=EMOJI[0])) == [Reacted(id=now, emoji=EMOJI[0], count=1, by="asha")]
        assert busy.state.messages[busy.say(TEACHER, reply_to=id)].reply_to == now
        assert busy.do(HELPER, Pin(id=id))[0].id == now
        assert busy.do(HELPER, Pin(id=id, on=False)) == [Pinned(id=now, on=False)]
        assert busy.do(RAVI, Delete(id=id)) == [Deleted(id=now)]
        assert busy.state.promoted == {}
        assert busy.refused(TEACHER, Promote(id=id)).code == "not_found"

    def test_to_pin_it_is_to_show_it(self, busy: Playing) -> None:
        id = busy.say(RAVI)
        promoted, pinned = busy.do(TEACHER, Pin(id=id))
        assert (promoted.id, pinned.id, pinned.message) == (id, promoted.message.id, promoted.message)
        assert busy.state.pinned == [promoted.message.id] == [len(busy.log) - 1]

    def test_it_was_its_authors_turn(self, busy: Playing) -> None:
        busy.do(TEACHER, Promote(id=busy.say(RAVI)))
        busy.now += 250
        assert busy.say(RAVI) in busy.state.crowd.messages
        assert busy.say(ASHA) in busy.state.messages

    def test_what_makes_room_is_no_longer_found_under_its_old_id(
        self, busy: Playing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "KEEP", 2)
        id = busy.say(RAVI)
        busy.do(TEACHER, Promote(id=id))
        busy.say(TEACHER)
        busy.say(TEACHER)
        assert busy.state.promoted == {}

    def test_what_was_shown_all_along_changes_nothing_and_what_is_gone_is_not_found(self, busy: Playing) -> None:
        assert busy.do(TEACHER, Promote(id=1)) == []
        assert busy.refused(TEACHER, Promote(id=99)).code == "not_found"

    def test_an_event_about_what_is_unknown_is_folded_from_itself(self, chat: Playing) -> None:
        message = MessageView(id=9, at=START, by="ravi", name="Ravi", role=Role.STUDENT, text="x", promoted=4)
        event = Promoted(id=4, message=message, reacted={EMOJI[0]: ("helper",)})
        rules.apply(chat.state, event, Meta(9, START + 5, "teacher"))
        assert chat.state.messages[9].reactions == {EMOJI[0]: {"helper": True}}
        for other in (Edited(id=4, text="y", whose="ravi"), Deleted(id=4, whose="ravi")):
            before = encoded(chat.state)
            rules.apply(chat.state, other, Meta(10, START + 5, "ravi"))
            assert encoded(chat.state) == before


class TestConfigure:
    def test_what_is_not_said_stays(self, chat: Playing) -> None:
        assert chat.do(TEACHER, Configure(crowd=9)) == [Configured(slow=0, locked=False, crowd=9)]
        assert chat.do(TEACHER, Configure(slow=5)) == [Configured(slow=5, locked=False, crowd=9)]
        assert rules.show(chat.state, ALL).crowd == 9

    @pytest.mark.parametrize("rate", [-1, 0, CROWD_LIMIT + 1])
    def test_a_rate_out_of_range_is_refused(self, chat: Playing, rate: int) -> None:
        assert chat.refused(TEACHER, Configure(crowd=rate)).code == "bad_request"


class TestNewcomers:
    def test_students_are_told_the_newest_that_were_shown_and_staff_the_newest_of_all(self, busy: Playing) -> None:
        unshown = [busy.say(RAVI) for _ in range(RECENT)]
        last = busy.say(TEACHER)
        for audience in (ALL, audience_of(ASHA)):
            view = rules.show(busy.state, audience)
            assert [message.id for message in view.messages] == [*range(1, 2 * BURST + 1), last]
            assert view.more is False
        view = rules.show(busy.state, STAFF)
        assert [message.id for message in view.messages] == [*unshown[1:], last]
        assert view.more is True

    def test_an_author_is_told_their_own_newest_and_nobody_elses(self, busy: Playing) -> None:
        mine = [busy.say(member) for member in (RAVI, ASHA) * (OWN_RECENT + 5)][::2]
        own = rules.own(busy.state, audience_of(RAVI))
        assert [message.id for message in own.messages] == mine[-OWN_RECENT:]
        assert all(message.crowd and message.by == "ravi" for message in own.messages)
        assert rules.own(busy.state, audience_of(TEACHER)).messages == []
        assert rules.own(busy.state, ALL).messages == []

    def test_an_authors_own_go_back_no_further_than_the_view(self, busy: Playing) -> None:
        busy.say(RAVI)
        for _ in range(RECENT):
            busy.say(TEACHER)
        late = busy.say(RAVI)
        busy.do(HELPER, React(id=late, emoji=EMOJI[0]))
        busy.do(RAVI, React(id=late, emoji=EMOJI[1]))
        own = rules.own(busy.state, audience_of(RAVI))
        assert [message.id for message in own.messages] == [late]
        assert own.reactions == {late: [EMOJI[1]]}

    def test_a_list_of_all_that_one_may_see_is_in_order(self, busy: Playing) -> None:
        mine, theirs, last = busy.say(RAVI), busy.say(ASHA), busy.say(TEACHER)
        shown = [*range(1, 2 * BURST + 1)]
        for audience, ids in (
            (ALL, [*shown, last]),
            (audience_of(RAVI), [*shown, mine, last]),
            (STAFF, [*shown, mine, theirs, last]),
            (RECORD, [*shown, mine, theirs, last]),
        ):
            assert [message.id for message in sight.listed(busy.state, audience)] == ids


def test_an_older_log_that_knows_of_no_crowd_is_shown_whole(chat: Playing) -> None:
    for number in range(100):
        chat.happen(Said(by="ravi", name="Ravi", role=Role.STUDENT, text=str(number)), "ravi")
    assert len(chat.state.messages) == 100
    assert chat.state.crowd.tokens == 0
