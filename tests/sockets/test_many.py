"""How many are there: a coming and a going cost the same whatever that is, and who is too many is told when to come again."""

from __future__ import annotations

from pathlib import Path

import pytest
import socketio

from classroom.kernel import Rejected
from classroom.sockets import server as sockets
from classroom.sockets.manager import Manager
from tests.running import serving
from tests.sockets.peer import Peer


async def test_members_are_known_singly_and_together_and_leave_nothing_behind() -> None:
    manager = Manager()
    socketio.AsyncServer(client_manager=manager)
    sids = [await manager.connect(f"eio-{n}", "/") for n in range(100)]
    assert list(manager.rooms["/"]) == [None], "a room for each would be looked through whenever one goes"
    assert len(list(manager.get_participants("/", None))) == 100
    assert list(manager.get_participants("/", sids[7])) == [(sids[7], "eio-7")]
    assert list(manager.get_participants("/", "nobody")) == []
    with pytest.raises(ValueError, match="not used here"):
        await manager.enter_room(sids[0], "/", "elsewhere")
    for sid in sids:
        manager.pre_disconnect(sid, "/")
        await manager.disconnect(sid, "/")
        assert not manager.is_connected(sid, "/")
    assert not manager.rooms
    assert not manager.pending_disconnect


async def test_who_is_too_many_is_told_when_to_say_it_again_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "ALL_UNDER_WAY", 0)
    monkeypatch.setattr(sockets, "ANSWERED_WITHIN", 0.0)
    async with serving(tmp_path) as server:
        peer = await Peer.join(server.port, name="Asha")
        before = server.classroom.house.clock()
        refused = [await peer.command("chat.say", text="now") for _ in range(5)]
        assert {(ack["ok"], ack["code"], ack["temporary"]) for ack in refused} == {(False, "busy", True)}
        slots = [ack["until"] for ack in refused]
        assert slots == sorted(slots)
        assert slots[0] >= before + 1_000
        # Where many are answered in a second, many may come again in one.
        monkeypatch.setattr(sockets, "ANSWERED_WITHIN", 4.0)
        part = server.classroom.sockets
        part._answered_per_second, part._answers_from = 10_000.0, server.classroom.house.clock()
        assert (await peer.command("chat.say", text="and now"))["ok"]
        first, second = ((part._crowded(), part._slot)[1] for _ in range(2))
        assert second - first == pytest.approx(0.1, abs=0.001)
        assert isinstance(part._crowded(), Rejected)
