"""Who may do what with doubts, when: every command for every role and condition."""

from __future__ import annotations

import pytest

from classroom.doubts.model import (
    Answer,
    Approve,
    Ask,
    Configure,
    Dismiss,
    DoubtCommand,
    Finish,
    Merge,
    Pin,
    Reopen,
    Start,
    Vote,
    Withdraw,
)
from classroom.kernel import SYSTEM, Rejected
from tests.doubts.playing import ASHA, ENDED, HELPER, MUTED, RAVI, TEACHER, ZOYA, Playing

ACTORS = {"instructor": TEACHER, "assistant": HELPER, "owner": ASHA, "other": RAVI, "system": SYSTEM}
# Doubt 1 is pending and 2 is open, both Asha's; 4 is Zoya's, open (3 and 5 are their approvals).
PENDING, OPENED, OTHER = 1, 2, 4
COMMANDS: dict[str, DoubtCommand] = {
    "ask": Ask(text="why?"),
    "withdraw": Withdraw(id=OPENED),
    "withdraw_pending": Withdraw(id=PENDING),
    "vote": Vote(id=OTHER),
    "approve": Approve(id=PENDING),
    "dismiss": Dismiss(id=OPENED, reason="off topic"),
    "start": Start(id=OPENED),
    "finish": Finish(id=OPENED),
    "answer": Answer(id=OPENED, text="so"),
    "merge": Merge(id=OPENED, into=OTHER),
    "pin": Pin(id=OPENED),
    "reopen": Reopen(id=OPENED),
    "configure": Configure(moderated=False),
}
NO = "forbidden"
STAFF_ONLY = ("ok", "ok", NO, NO, "ok")
# What each role gets while the class is live and doubts are open; "ok" or the code of the refusal.
LIVE = {
    #                   instructor assistant owner other        system
    "ask": ("ok", "ok", "ok", "ok", "ok"),
    "withdraw": (NO, NO, "ok", NO, NO),
    "withdraw_pending": (NO, NO, "ok", "not_found", NO),
    "vote": ("ok", "ok", "ok", "ok", "ok"),
    "approve": STAFF_ONLY,
    "dismiss": STAFF_ONLY,
    "start": STAFF_ONLY,
    "finish": STAFF_ONLY,
    "answer": STAFF_ONLY,
    "merge": STAFF_ONLY,
    "pin": STAFF_ONLY,
    "reopen": ("nothing", "nothing", NO, NO, "nothing"),
    "configure": STAFF_ONLY,
}
CONDITIONS = {"muted": (MUTED, "muted"), "ended": (ENDED, "class_ended"), "locked": ({"locked": True}, "locked")}
SILENCED = {"muted": {"ask", "vote"}, "ended": {"ask", "vote"}, "locked": {"ask"}}


def outcome(actor: str, command: str, *, locked: bool = False, **context: object) -> str:
    doubts = Playing()
    doubts.ask(ASHA)
    doubts.ask_open(ASHA)
    doubts.ask_open(ZOYA)
    if locked:
        doubts.do(TEACHER, Configure(locked=True))
    try:
        return "ok" if doubts.do(ACTORS[actor], COMMANDS[command], **context) else "nothing"
    except Rejected as refusal:
        return refusal.code


def usual(actor: str, command: str) -> str:
    return dict(zip(ACTORS, LIVE[command], strict=True))[actor]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ACTORS)
def test_each_role_may_do_what_the_table_says(actor: str, command: str) -> None:
    assert outcome(actor, command) == usual(actor, command)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ["owner", "other"])
def test_students_without_a_voice_may_only_take_back(actor: str, command: str, condition: str) -> None:
    context, code = CONDITIONS[condition]
    expected = code if command in SILENCED[condition] else usual(actor, command)
    assert outcome(actor, command, **context) == expected


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ["instructor", "assistant"])
def test_staff_are_never_without_a_voice(actor: str, command: str, condition: str) -> None:
    assert outcome(actor, command, **CONDITIONS[condition][0]) == usual(actor, command)
