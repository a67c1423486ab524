"""Who may do what with polls, when: every command for every role, in every state of the poll."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from classroom.kernel import SYSTEM, Rejected
from classroom.polls.model import Close, Discard, Open, PollCommand, Prepare, Revise, Vote
from tests.polls.playing import ASHA, ENDED, HELPER, QUIZ, SINGLE, START, TEACHER, Playing

ACTORS = {"instructor": TEACHER, "assistant": HELPER, "student": ASHA, "system": SYSTEM}
COMMANDS: dict[str, PollCommand] = {
    "prepare": Prepare(spec=SINGLE),
    "prepare and open": Prepare(spec=SINGLE, open=True),
    "revise": Revise(id=1, spec=QUIZ),
    "revise and open": Revise(id=1, spec=QUIZ, open=True),
    "discard": Discard(id=1),
    "open": Open(id=1),
    "vote": Vote(id=1, choice=(0,)),
    "close": Close(id=1),
}
NO = "forbidden"
# What each role gets, by the state of the poll: "ok", "nothing" (acknowledged without an event), or the refusal's code.
TABLE = {
    #                        instructor     assistant      student        system
    ("prepare", "prepared"): ("ok", "ok", NO, "ok"),
    ("prepare", "open"): ("ok", "ok", NO, "ok"),
    ("prepare", "closed"): ("ok", "ok", NO, "ok"),
    ("prepare and open", "prepared"): ("ok", "ok", NO, "ok"),
    ("prepare and open", "open"): ("ok", "ok", NO, "ok"),
    ("prepare and open", "closed"): ("ok", "ok", NO, "ok"),
    ("revise", "prepared"): ("ok", "ok", NO, "ok"),
    ("revise", "open"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("revise", "closed"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("revise and open", "prepared"): ("ok", "ok", NO, "ok"),
    ("revise and open", "open"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("revise and open", "closed"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("discard", "prepared"): ("ok", "ok", NO, "ok"),
    ("discard", "open"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("discard", "closed"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("open", "prepared"): ("ok", "ok", NO, "ok"),
    ("open", "open"): ("nothing", "nothing", NO, "nothing"),
    ("open", "closed"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("vote", "prepared"): ("wrong_state", "wrong_state", "not_found", NO),
    ("vote", "open"): ("ok", "ok", "ok", NO),
    ("vote", "closed"): ("wrong_state", "wrong_state", "wrong_state", NO),
    ("close", "prepared"): ("wrong_state", "wrong_state", NO, "wrong_state"),
    ("close", "open"): ("ok", "ok", NO, "ok"),
    ("close", "closed"): ("nothing", "nothing", NO, "nothing"),
}


def outcome(actor: str, command: str, stage: str, **context: object) -> str:
    polls = Playing()
    polls.prepared(replace(SINGLE, seconds=60))
    if stage != "prepared":
        polls.do(TEACHER, Open(id=1))
    if stage == "closed":
        polls.do(TEACHER, Close(id=1))
    try:
        return "ok" if polls.do(ACTORS[actor], COMMANDS[command], **context) else "nothing"
    except Rejected as refusal:
        return refusal.code


def test_the_table_is_whole() -> None:
    assert {command for command, _ in TABLE} == set(COMMANDS)
    assert len(TABLE) == 3 * len(COMMANDS)


@pytest.mark.parametrize(("command", "stage"), TABLE)
@pytest.mark.parametrize("actor", ACTORS)
def test_each_role_may_do_what_the_table_says(actor: str, command: str, stage: str) -> None:
    assert outcome(actor, command, stage) == dict(zip(ACTORS, TABLE[command, stage], strict=True))[actor]


@pytest.mark.parametrize(("command", "stage"), TABLE)
@pytest.mark.parametrize("actor", ACTORS)
def test_being_muted_changes_nothing(actor: str, command: str, stage: str) -> None:
    assert outcome(actor, command, stage, muted_until=START + 60_000) == outcome(actor, command, stage)


@pytest.mark.parametrize(("command", "stage"), TABLE)
@pytest.mark.parametrize("actor", ACTORS)
def test_the_end_of_the_class_stops_students_alone(actor: str, command: str, stage: str) -> None:
    expected = "class_ended" if (actor, command) == ("student", "vote") else outcome(actor, command, stage)
    assert outcome(actor, command, stage, **ENDED) == expected


@pytest.mark.parametrize("actor", ["instructor", "assistant", "student"])
def test_the_servers_clock_stops_everybody(actor: str) -> None:
    assert outcome(actor, "vote", "open", now=START + 59_999) == "ok"
    assert outcome(actor, "vote", "open", now=START + 60_000) == "wrong_state"
