"""Who may do what in the roster, when: every command for every role, in every phase, muted or not."""

from __future__ import annotations

import pytest

from classroom.kernel import SYSTEM, Rejected, Role
from classroom.rooms.roster.model import (
    Appoint,
    Attend,
    Ban,
    EndClass,
    LowerHand,
    Mute,
    RaiseHand,
    Remove,
    Rename,
    RosterCommand,
    StartClass,
    Unban,
    Unmute,
)
from tests.rooms.roster.playing import ASHA, HELPER, LENA, PEOPLE, RAVI, TEACHER, Playing

ACTORS = {"instructor": TEACHER, "assistant": HELPER, "student": ASHA, "system": SYSTEM}
COMMANDS: dict[str, RosterCommand] = {
    "raise": RaiseHand(),
    "lower": LowerHand(member="ravi-1"),
    "lower all": LowerHand(),
    "mute": Mute(member="ravi-1"),
    "unmute": Unmute(member="lena-1"),
    "remove": Remove(member="ravi-1"),
    "ban": Ban(member="ravi-1"),
    "unban": Unban(member="lena-1"),
    "rename oneself": Rename(name="New"),
    "rename a student": Rename(name="New", member="ravi-1"),
    "appoint": Appoint(member="ravi-1", role=Role.ASSISTANT),
    "start": StartClass(),
    "end": EndClass(),
    "attend": Attend(went=("ravi-1",)),
}
NO = "forbidden"
# What each role gets while the class is live: "ok", "nothing" (acknowledged without an event), or the refusal's code.
LIVE = {
    #                  instructor assistant student system
    "raise": ("ok", "ok", "ok", NO),
    "lower": ("ok", "ok", NO, "ok"),
    "lower all": ("ok", "ok", NO, "ok"),
    "mute": ("ok", "ok", NO, "ok"),
    "unmute": ("ok", "ok", NO, "ok"),
    "remove": ("ok", "ok", NO, "ok"),
    "ban": ("ok", "ok", NO, "ok"),
    "unban": ("ok", "ok", NO, "ok"),
    "rename oneself": ("ok", "ok", "ok", "not_found"),
    "rename a student": ("ok", "ok", NO, "ok"),
    "appoint": ("ok", NO, NO, "ok"),
    "start": ("nothing", NO, NO, "nothing"),
    "end": ("ok", NO, NO, "ok"),
    "attend": (NO, NO, NO, "ok"),
}
# Where another phase makes a difference.
WAITING = {"start": ("ok", NO, NO, "ok"), "end": ("wrong_state", NO, NO, "wrong_state")}
ENDED = {
    "raise": ("ok", "ok", "class_ended", NO),
    # The end of the class has lowered the hands.
    "lower": ("nothing", "nothing", NO, "nothing"),
    "lower all": ("nothing", "nothing", NO, "nothing"),
    "start": ("ok", NO, NO, "ok"),
    "end": ("nothing", NO, NO, "nothing"),
}
PHASES = {"waiting": {**LIVE, **WAITING}, "live": LIVE, "ended": {**LIVE, **ENDED}}


def outcome(actor: str, command: str, phase: str, *, muted: bool = False) -> str:
    room = Playing()
    room.come(*PEOPLE)
    room.do(RAVI, RaiseHand())
    room.do(TEACHER, Mute(member=LENA.id))
    room.do(TEACHER, Ban(member=LENA.id))
    if phase != "waiting":
        room.do(TEACHER, StartClass())
    if phase == "ended":
        room.do(TEACHER, EndClass())
    if muted:
        room.do(TEACHER, Mute(member=ACTORS[actor].id))
    try:
        return "ok" if room.do(ACTORS[actor], COMMANDS[command]) else "nothing"
    except Rejected as refusal:
        return refusal.code


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ACTORS)
def test_each_role_may_do_what_the_table_says(actor: str, command: str, phase: str) -> None:
    assert outcome(actor, command, phase) == dict(zip(ACTORS, PHASES[phase][command], strict=True))[actor]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("actor", ["assistant", "student"])
def test_being_muted_keeps_ones_name(actor: str, command: str) -> None:
    expected = "muted" if command == "rename oneself" else outcome(actor, command, "live")
    assert outcome(actor, command, "live", muted=True) == expected
