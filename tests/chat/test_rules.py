"""Chat's rules by example: one block per command, then what is shown to whom."""

from __future__ import annotations

import pytest

from classroom.chat import rules
from classroom.chat.model import (
    EMOJI,
    MENTIONS_LIMIT,
    PINS_LIMIT,
    RECENT,
    SLOW_LIMIT,
    TEXT_LIMIT,
    Configure,
    Configured,
    Delete,
    Deleted,
    Edit,
    Edited,
    Message,
    MessageView,
    Pin,
    Pinned,
    React,
    Reacted,
    Said,
    Say,
)
from classroom.kernel import ALL, RECORD, STAFF, Meta, Role, audience_of
from tests.chat.playing import ASHA, HELPER, RAVI, START, TEACHER, Playing, encoded


@pytest.fixture
def chat() -> Playing:
    return Playing()


class TestSay:
    def test_a_message_is_kept_under_the_place_of_its_event(self, chat: Playing) -> None:
        first = chat.say(ASHA, "  hello\x00  ")
        chat.now += 5
        second = chat.say(TEACHER, "welcome", reply_to=first, mentions=("asha", "ravi", "asha"))
        assert chat.state.messages == {
            1: Message(id=1, at=START, by="asha", name="Asha", role=Role.STUDENT, text="hello"),
            2: Message(
                id=2,
                at=START + 5,
                by="teacher",
                name="Meera",
                role=Role.INSTRUCTOR,
                text="welcome",
                reply_to=first,
                mentions=("asha", "ravi"),
            ),
        }
        assert second == 2

    def test_an_empty_text_is_refused(self, chat: Playing) -> None:
        assert chat.refused(ASHA, Say(text=" \n\x07 ")).code == "empty"

    def test_the_longest_text_is_accepted_and_one_more_character_is_not(self, chat: Playing) -> None:
        chat.say(ASHA, "x" * TEXT_LIMIT)
        assert chat.refused(ASHA, Say(text="x" * (TEXT_LIMIT + 1))).code == "too_long"

    def test_a_reply_to_what_is_not_there_is_refused(self, chat: Playing) -> None:
        assert chat.refused(ASHA, Say(text="yes", reply_to=7)).code == "not_found"

    def test_as_many_mentions_as_the_limit_are_accepted_and_one_more_is_not(self, chat: Playing) -> None:
        names = tuple(f"member{n}" for n in range(MENTIONS_LIMIT + 1))
        chat.say(ASHA, mentions=names[:-1])
        assert chat.refused(ASHA, Say(text="all of you", mentions=names)).code == "too_many"

    @pytest.mark.parametrize("mention", ["", "x" * 65])
    def test_a_mention_that_cannot_be_a_member_is_refused(self, chat: Playing, mention: str) -> None:
        assert chat.refused(ASHA, Say(text="hey", mentions=(mention,))).code == "bad_request"
        chat.say(ASHA, mentions=("x" * 64,))

    def test_beyond_what_is_kept_the_oldest_unpinned_message_makes_room(
        self, chat: Playing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "KEEP", 3)
        chat.say(ASHA, "pinned")
        chat.do(TEACHER, Pin(id=1))
        ids = [chat.say(ASHA, f"text {n}") for n in range(4)]
        assert list(chat.state.messages) == [1, *ids[-2:]]
        assert chat.state.dropped == ids[1]

    def test_an_unpinned_old_message_makes_room_next(self, chat: Playing, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "KEEP", 2)
        chat.say(ASHA)
        chat.do(TEACHER, Pin(id=1))
        chat.say(ASHA)
        dropped = chat.say(ASHA) - 1
        chat.do(TEACHER, Pin(id=1, on=False))
        last = chat.say(ASHA)
        assert list(chat.state.messages) == [last - 2, last]
        assert chat.state.dropped == dropped


class TestSlowMode:
    def test_a_student_waits_between_two_messages_and_is_told_until_when(self, chat: Playing) -> None:
        chat.do(TEACHER, Configure(slow=10))
        chat.say(ASHA)
        chat.now += 9_999
        refusal = chat.refused(ASHA, Say(text="again"))
        assert (refusal.code, refusal.temporary, refusal.until) == ("too_fast", True, START + 10_000)
        chat.now += 1
        chat.say(ASHA)

    def test_what_was_said_before_it_was_turned_on_counts(self, chat: Playing) -> None:
        chat.say(ASHA)
        chat.do(TEACHER, Configure(slow=10))
        assert chat.refused(ASHA, Say(text="again")).code == "too_fast"

    def test_it_holds_back_neither_staff_nor_another_student(self, chat: Playing) -> None:
        chat.do(TEACHER, Configure(slow=300))
        chat.say(ASHA)
        chat.say(RAVI)
        chat.say(HELPER)
        chat.say(HELPER)
        assert list(chat.state.spoke) == ["asha", "ravi"]

    def test_a_deleted_message_still_counts(self, chat: Playing) -> None:
        chat.do(TEACHER, Configure(slow=10))
        chat.do(ASHA, Delete(id=chat.say(ASHA)))
        assert chat.refused(ASHA, Say(text="again")).code == "too_fast"

    def test_who_spoke_longer_ago_than_the_slowest_mode_reaches_is_forgotten(self, chat: Playing) -> None:
        chat.say(ASHA)
        chat.now += 1_000
        chat.say(RAVI)
        chat.now += SLOW_LIMIT * 1_000 - 1_000
        chat.say(TEACHER)
        assert chat.state.spoke == {"ravi": START + 1_000}

    def test_who_speaks_again_moves_to_the_end(self, chat: Playing) -> None:
        for member in (ASHA, RAVI, ASHA):
            chat.say(member)
        assert list(chat.state.spoke) == ["ravi", "asha"]


class TestEdit:
    def test_ones_own_text_changes_and_the_time_is_kept(self, chat: Playing) -> None:
        chat.say(ASHA, "helo")
        chat.now += 5
        assert chat.do(ASHA, Edit(id=1, text=" hello ")) == [Edited(id=1, text="hello")]
        assert (chat.state.messages[1].text, chat.state.messages[1].edited_at) == ("hello", START + 5)

    def test_the_same_text_again_changes_nothing(self, chat: Playing) -> None:
        chat.say(ASHA, "hello")
        assert chat.do(ASHA, Edit(id=1, text="hello ")) == []

    @pytest.mark.parametrize("actor", [RAVI, HELPER, TEACHER])
    def test_nobody_changes_the_words_of_another(self, chat: Playing, actor) -> None:
        chat.say(ASHA)
        assert chat.refused(actor, Edit(id=1, text="other words")).code == "forbidden"

    def test_what_is_gone_empty_or_too_long_is_refused(self, chat: Playing) -> None:
        chat.say(ASHA)
        assert chat.refused(ASHA, Edit(id=2, text="x")).code == "not_found"
        assert chat.refused(ASHA, Edit(id=1, text=" ")).code == "empty"
        assert chat.refused(ASHA, Edit(id=1, text="x" * (TEXT_LIMIT + 1))).code == "too_long"


class TestDelete:
    def test_ones_own_message_is_taken_back_with_its_pin_and_replies_stay(self, chat: Playing) -> None:
        chat.say(ASHA)
        chat.do(TEACHER, Pin(id=1))
        reply = chat.say(RAVI, reply_to=1)
        assert chat.do(ASHA, Delete(id=1)) == [Deleted(id=1)]
        assert list(chat.state.messages) == [reply]
        assert chat.state.messages[reply].reply_to == 1
        assert chat.state.pinned == []

    def test_staff_delete_any_and_it_is_told_apart(self, chat: Playing) -> None:
        chat.say(ASHA)
        chat.say(HELPER)
        assert chat.do(HELPER, Delete(id=1)) == [Deleted(id=1, by_staff=True)]
        assert chat.do(HELPER, Delete(id=2)) == [Deleted(id=2)]

    def test_a_student_may_not_delete_anothers(self, chat: Playing) -> None:
        chat.say(ASHA)
        assert chat.refused(RAVI, Delete(id=1)).code == "forbidden"

    def test_staff_delete_what_is_in_the_journal_alone_and_students_do_not(
        self, chat: Playing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "KEEP", 2)
        for _ in range(4):
            chat.say(ASHA)
        assert chat.refused(ASHA, Delete(id=1)).code == "not_found"
        assert chat.do(TEACHER, Delete(id=1)) == [Deleted(id=1, by_staff=True)]
        assert list(chat.state.messages) == [3, 4]

    @pytest.mark.parametrize("id", [-1, 0, 2, 99])
    def test_what_never_was_a_message_is_not_found(self, chat: Playing, id: int) -> None:
        chat.say(ASHA)
        assert chat.refused(TEACHER, Delete(id=id)).code == "not_found"


class TestReact:
    def test_the_count_is_exact_and_goes_back(self, chat: Playing) -> None:
        chat.say(ASHA)
        up, heart = EMOJI[:2]
        assert chat.do(RAVI, React(id=1, emoji=up)) == [Reacted(id=1, emoji=up, count=1, by="ravi")]
        assert chat.do(ASHA, React(id=1, emoji=up)) == [Reacted(id=1, emoji=up, count=2, by="asha")]
        assert chat.do(ASHA, React(id=1, emoji=heart)) == [Reacted(id=1, emoji=heart, count=1, by="asha")]
        assert chat.do(RAVI, React(id=1, emoji=up, on=False)) == [Reacted(id=1, emoji=up, count=1, on=False, by="ravi")]
        assert chat.state.messages[1].reactions == {up: {"asha": True}, heart: {"asha": True}}
        chat.do(ASHA, React(id=1, emoji=up, on=False))
        assert list(chat.state.messages[1].reactions) == [heart]

    def test_twice_or_taking_back_what_was_not_put_changes_nothing(self, chat: Playing) -> None:
        chat.say(ASHA)
        assert chat.do(RAVI, React(id=1, emoji=EMOJI[0], on=False)) == []
        chat.do(RAVI, React(id=1, emoji=EMOJI[0]))
        assert chat.do(RAVI, React(id=1, emoji=EMOJI[0])) == []

    def test_other_emoji_and_unknown_messages_are_refused(self, chat: Playing) -> None:
        chat.say(ASHA)
        assert chat.refused(RAVI, React(id=1, emoji="🐍")).code == "bad_request"
        assert chat.refused(RAVI, React(id=2, emoji=EMOJI[0])).code == "not_found"


class TestPin:
    def test_the_event_brings_the_message_along_for_those_who_never_had_it(self, chat: Playing) -> None:
        chat.say(ASHA, "homework")
        chat.do(RAVI, React(id=1, emoji=EMOJI[0]))
        shown = MessageView(
            id=1, at=START, by="asha", name="Asha", role=Role.STUDENT, text="homework", reactions={EMOJI[0]: 1}
        )
        assert chat.do(TEACHER, Pin(id=1)) == [Pinned(id=1, message=shown)]
        assert chat.do(TEACHER, Pin(id=1)) == []
        assert chat.do(HELPER, Pin(id=1, on=False)) == [Pinned(id=1, on=False)]
        assert chat.do(HELPER, Pin(id=1, on=False)) == []

    def test_only_so_many(self, chat: Playing) -> None:
        for _ in range(PINS_LIMIT + 1):
            chat.say(ASHA)
        for id in range(1, PINS_LIMIT + 1):
            chat.do(TEACHER, Pin(id=id))
        assert chat.refused(TEACHER, Pin(id=PINS_LIMIT + 1)).code == "too_many"
        assert chat.state.pinned == [1, 2, 3, 4, 5]

    def test_what_is_not_there_cannot_be_pinned(self, chat: Playing) -> None:
        assert chat.refused(TEACHER, Pin(id=1)).code == "not_found"


class TestConfigure:
    def test_what_is_not_said_stays(self, chat: Playing) -> None:
        assert chat.do(TEACHER, Configure(slow=30)) == [Configured(slow=30, locked=False)]
        assert chat.do(HELPER, Configure(locked=True)) == [Configured(slow=30, locked=True)]
        assert (chat.state.slow, chat.state.locked) == (30, True)

    def test_an_empty_change_changes_nothing(self, chat: Playing) -> None:
        assert chat.do(TEACHER, Configure()) == []
        assert chat.do(TEACHER, Configure(slow=0, locked=False)) == []

    @pytest.mark.parametrize("slow", [-1, SLOW_LIMIT + 1])
    def test_seconds_out_of_range_are_refused(self, chat: Playing, slow: int) -> None:
        assert chat.refused(TEACHER, Configure(slow=slow)).code == "bad_request"


class TestApply:
    @pytest.mark.parametrize(
        "event",
        [
            Edited(id=9, text="x"),
            Deleted(id=9),
            Reacted(id=9, emoji=EMOJI[0], count=1, by="ravi"),
            Reacted(id=1, emoji=EMOJI[0], count=1),
            Reacted(id=1, emoji=EMOJI[0], count=0, on=False, by="ravi"),
            Pinned(id=9),
            Pinned(id=1, on=False),
        ],
    )
    def test_an_event_about_what_is_unknown_does_nothing(self, chat: Playing, event) -> None:
        chat.say(ASHA)
        before = encoded(chat.state)
        rules.apply(chat.state, event, Meta(2, START, "ravi"))
        assert encoded(chat.state) == before


class TestSight:
    def test_who_reacted_is_shown_to_the_staff_the_record_and_the_one_who_did(self) -> None:
        event = Reacted(id=1, emoji=EMOJI[0], count=3, by="asha")
        hidden = Reacted(id=1, emoji=EMOJI[0], count=3)
        for audience in (STAFF, RECORD, audience_of(TEACHER), audience_of(ASHA)):
            assert rules.view(event, audience) == event
        for audience in (ALL, audience_of(RAVI)):
            assert rules.view(event, audience) == hidden
        assert rules.addressees(event) == ("asha",)
        assert rules.view(hidden, ALL) == hidden
        assert rules.addressees(hidden) == ()

    def test_everything_else_is_shown_to_all(self) -> None:
        events = [
            Said(by="asha", name="Asha", role=Role.STUDENT, text="hello"),
            Edited(id=1, text="x"),
            Deleted(id=1),
            Pinned(id=1),
            Configured(slow=0, locked=False),
        ]
        for event in events:
            assert rules.addressees(event) == ()
            assert all(rules.view(event, a) is event for a in (ALL, STAFF, RECORD, audience_of(ASHA)))

    def test_the_view_has_the_newest_messages_and_the_pinned_ones(self, chat: Playing) -> None:
        for _ in range(RECENT):
            chat.say(TEACHER)
        assert rules.show(chat.state, ALL).more is False
        chat.say(RAVI)
        chat.do(TEACHER, Pin(id=1))
        shown = rules.show(chat.state, ALL)
        assert [message.id for message in shown.messages] == list(range(2, RECENT + 2))
        assert [message.id for message in shown.pinned] == [1]
        assert shown.more is True
        chat.do(TEACHER, Delete(id=50))
        chat.do(TEACHER, Delete(id=1))
        assert rules.show(chat.state, ALL).more is False

    def test_there_is_more_when_older_ones_are_in_the_journal_alone(
        self, chat: Playing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules, "KEEP", 2)
        for _ in range(3):
            chat.say(ASHA)
        shown = rules.show(chat.state, ALL)
        assert (len(shown.messages), shown.more) == (2, True)

    def test_ones_own_reactions_are_those_in_view_and_nobody_elses(self, chat: Playing) -> None:
        for _ in range(RECENT + 2):
            chat.say(TEACHER)
        chat.do(TEACHER, Pin(id=1))
        for id in (1, 2, RECENT):
            chat.do(RAVI, React(id=id, emoji=EMOJI[1]))
            chat.do(RAVI, React(id=id, emoji=EMOJI[0]))
        mine = sorted(EMOJI[:2])
        assert rules.own(chat.state, audience_of(RAVI)).reactions == {1: mine, RECENT: mine}
        assert rules.own(chat.state, audience_of(ASHA)).reactions == {}
        assert rules.own(chat.state, ALL) == rules.own(chat.state, STAFF)

    def test_when_one_last_spoke_is_ones_own(self, chat: Playing) -> None:
        chat.say(ASHA)
        chat.say(TEACHER)
        assert rules.own(chat.state, audience_of(ASHA)).spoke_at == START
        assert rules.own(chat.state, audience_of(RAVI)).spoke_at == 0
        assert rules.own(chat.state, audience_of(TEACHER)).spoke_at == 0
