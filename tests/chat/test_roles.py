"""Who may do what in chat, when: every command for every role and condition."""

from __future__ import annotations

import pytest

from classroom.chat.model import EMOJI, Configure, Delete, Edit, Pin, Promote, React, Say
from classroom.kernel import SYSTEM, Rejected
from tests.chat.playing import ASHA, ENDED, HELPER, MUTED, RAVI, TEACHER, Playing

ACTORS = {"instructor": TEACHER, "assistant": HELPER, "owner": ASHA, "other": RAVI, "system": SYSTEM}
COMMANDS = {
    "say": Say(text="hello"),
    "edit": Edit(id=1, text="changed"),
    "delete": Delete(id=1),
    "react": React(id=1, emoji=EMOJI[0]),
    "pin": Pin(id=1),
    "promote": Promote(id=1),
    "configure": Configure(slow=5),
}
NO = "forbidden"
# What each role gets while the class is live and chat is open; "ok" or the code of the refusal.
LIVE = {
    #            instructor assistant owner  other  system
    "say": ("ok", "ok", "ok", "ok", "ok"),
    "edit": (NO, NO, "ok", NO, NO),
    "delete": ("ok", "ok", "ok", NO, "ok"),
    "react": ("ok", "ok", "ok", "ok", "ok"),
    "pin": ("ok", "ok", NO, NO, "ok"),
    "promote": ("nothing", "nothing", NO, NO, "nothing"),
    "configure": ("ok", "ok", NO, NO, "ok"),
}
# The same about a message that the room was not shown: who does not know of it is told that it is not there.
UNSHOWN = LIVE | {
    "edit": (NO, NO, "ok", "not_found", NO),
    "delete": ("ok", "ok", "ok", "not_found", "ok"),
    "react": ("ok", "ok", "ok", "not_found", "ok"),
    "promote": ("ok", "ok", NO, NO, "ok"),
}
NEED_VOICE = {"say", "edit", "react"}


def outcome(actor: str, command: str, *, locked: bool = False, unshown: bool = False, **context: object) -> str:
    chat = Playing()
    if unshown:
        chat.state.crowd.tokens, chat.state.crowd.at = 0, chat.now
    chat.say(ASHA)
    assert (1 in chat.state.crowd.messages) is unshown
    if locked:
        chat.do(TEACHER, Configure(locked=True))
    try:
        return "ok" if chat.do(ACTORS[actor], COMMANDS[command], **context) else "nothing"
    except Rejected as refusal:
        return refusal.code


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ACTORS)
def test_each_role_may_do_what_the_table_says(actor: str, command: str) -> None:
    assert outcome(actor, command) == dict(zip(ACTORS, LIVE[command], strict=True))[actor]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ACTORS)
def test_each_role_may_do_what_the_table_says_to_what_the_room_was_not_shown(actor: str, command: str) -> None:
    assert outcome(actor, command, unshown=True) == dict(zip(ACTORS, UNSHOWN[command], strict=True))[actor]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ["owner", "other"])
@pytest.mark.parametrize(
    ("condition", "code"),
    [(MUTED, "muted"), (ENDED, "class_ended"), ({"locked": True}, "locked")],
    ids=["muted", "ended", "locked"],
)
def test_students_without_a_voice_may_only_take_back(
    actor: str, command: str, condition: dict[str, object], code: str
) -> None:
    expected = code if command in NEED_VOICE else dict(zip(ACTORS, LIVE[command], strict=True))[actor]
    assert outcome(actor, command, **condition) == expected


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ["instructor", "assistant"])
@pytest.mark.parametrize("condition", [MUTED, ENDED, {"locked": True}], ids=["muted", "ended", "locked"])
def test_staff_are_never_without_a_voice(actor: str, command: str, condition: dict[str, object]) -> None:
    assert outcome(actor, command, **condition) == dict(zip(ACTORS, LIVE[command], strict=True))[actor]
