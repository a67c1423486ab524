"""What events do to connections: removed, banned, appointed, replaced, drained."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from classroom.chat.model import Said
from classroom.journal.sql import open_journal
from classroom.rooms.hall import DEVICES
from classroom.wire import Codec
from tests.running import Running, serving_alone, until
from tests.sockets.peer import Peer

CODECS = pytest.mark.parametrize("codec", list(Codec))


async def known(server: Running, *members: str) -> None:
    """Until the log knows these members: attendance is recorded about once a second."""
    roster = (await server.hall()).replica.state.roster
    await until(lambda: all(member in roster.members for member in members))


@CODECS
async def test_who_is_removed_is_told_why_disconnected_and_may_come_back(server: Running, codec: Codec) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    student = await Peer.join(server.port, codec, name="Asha", client="c1")
    await known(server, student.id)

    assert (await teacher.command("roster.remove", member=student.id, reason="noise"))["ok"]

    await asyncio.wait_for(student.ended.wait(), 5)
    assert student.events[-1]["type"] == "roster.removed"
    assert [(p.type, p.name) for p in student.packets[-2:]] == [(2, "bye"), (1, "")]
    (bye,) = student.named("bye")
    assert bye == {"code": "removed", "message": "You have been removed from the room: noise"}
    assert student.close_code == 1008
    await Peer.join(server.port, codec, name="Asha", client="c1")


@CODECS
async def test_who_is_banned_is_disconnected_on_all_devices_and_kept_out_until_unbanned(
    server: Running, codec: Codec
) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    devices = [await Peer.join(server.port, codec, name="Asha", client="c1") for _ in range(3)]
    other = await Peer.join(server.port, name="Asha", client="c2")
    banned = devices[0].id
    await known(server, banned)
    in_flight = [device.ask("chat.say", text="just before") for device in devices]

    assert (await teacher.command("roster.ban", member=banned))["ok"]

    for device in devices:
        await asyncio.wait_for(device.ended.wait(), 5)
        assert device.named("bye") == [{"code": "banned", "message": "You have been banned from the room."}]
    assert (await other.command("chat.say", text="another"))["ok"]
    again = await Peer.open(server.port, codec)
    for hello in ({"name": "Asha", "client": "c1"}, {"token": devices[0].welcome["pass"]}):
        refused = await again.connect(**hello)
        assert (refused.data["data"]["code"], refused.data["data"]["temporary"]) == ("banned", False)
    log = await server.log()
    ban = next(s.meta.seq for s in log if type(s.event).__name__ == "Banned")
    assert not [s for s in log if s.meta.seq > ban and s.meta.by == banned], in_flight

    assert (await teacher.command("roster.unban", member=banned))["ok"]
    assert (await again.connect(name="Asha", client="c1")).type == 0


async def test_commands_that_wait_with_the_ban_do_not_get_past_it(server: Running) -> None:
    """The owner takes both in one transaction: the one banned has no word after it."""
    teacher = await Peer.join(server.port, token=server.token())
    student = await Peer.join(server.port, name="Asha")
    await known(server, student.id)
    owner = server.classroom.house.owners.get("demo")
    assert owner is not None

    ban = teacher.ask("roster.ban", member=student.id)
    said = [student.ask("chat.say", text=f"{n}") for n in range(20)]
    assert (await teacher.answer(ban))["ok"]
    await asyncio.wait_for(student.ended.wait(), 5)

    log = await server.log()
    place = next(s.meta.seq for s in log if type(s.event).__name__ == "Banned")
    assert not [s for s in log if isinstance(s.event, Said) and s.meta.seq > place], said


@CODECS
async def test_an_assistant_appointed_sees_the_staffs_side_at_once_and_loses_it_at_once(
    server: Running, codec: Codec
) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    student = await Peer.join(server.port, codec, name="Asha", client="c1")
    asker = await Peer.join(server.port, name="Ravi")
    await known(server, student.id, asker.id)
    before = (await asker.command("doubt.ask", text="pending before"))["seq"]
    assert not student.welcome["state"]["doubts"].get("pending")

    assert (await teacher.command("roster.appoint", member=student.id, role="assistant"))["ok"]
    await student.until(lambda: len(student.named("welcome")) == 2)
    assert student.welcome["me"]["role"] == "assistant"
    assert before in ids(student.welcome["state"]["doubts"])
    during = (await asker.command("doubt.ask", text="pending during"))["seq"]
    await student.until(lambda: during in [e["seq"] for e in student.events])
    assert (await student.command("chat.configure", slow=5))["ok"]

    # In one transaction with what follows: not one event of the staff's after the appointment.
    appoint = teacher.ask("roster.appoint", member=student.id, role="student")
    prepared = [teacher.ask("poll.prepare", spec={"question": f"{n}?", "kind": "rating"}) for n in range(10)]
    asked = [asker.ask("doubt.ask", text=f"pending after {n}") for n in range(3)]
    assert (await teacher.answer(appoint))["ok"]
    hidden = [(await teacher.answer(id))["seq"] for id in prepared] + [(await asker.answer(id))["seq"] for id in asked]
    await student.until(lambda: len(student.named("welcome")) == 3)
    assert student.welcome["me"]["role"] == "student"
    assert (await student.command("chat.configure", slow=0))["code"] == "forbidden"
    assert (await student.command("chat.say", text="last"))["ok"]
    await student.until(lambda: any(e.get("text") == "last" for e in student.events))

    assert not set(hidden) & {event["seq"] for event in student.events}
    assert not {before, during, *hidden} & ids(student.welcome["state"]["doubts"])
    seqs = [event["seq"] for event in student.events]
    assert seqs == sorted(set(seqs))


def ids(doubts: Any) -> set[int]:
    """All ids in the doubts of a welcome."""
    if isinstance(doubts, dict):
        own = {doubts["id"]} if isinstance(doubts.get("id"), int) else set()
        return own.union(*map(ids, doubts.values())) if doubts else own
    return set().union(*map(ids, doubts)) if isinstance(doubts, list) and doubts else set()


@CODECS
async def test_an_appointment_between_the_door_and_the_room_counts(server: Running, codec: Codec) -> None:
    """Who is demoted or banned while the answer to their CONNECT is on its way does not come in as what they were."""
    teacher = await Peer.join(server.port, token=server.token())
    student = await Peer.join(server.port, codec, name="Asha", client="c1")
    id = student.id
    await known(server, id)

    for role in ("assistant", "student") * 5:
        appoint = teacher.ask("roster.appoint", member=id, role=role)
        late = [await Peer.open(server.port, codec) for _ in range(2)]
        await asyncio.gather(*(peer.connect(name="Asha", client="c1") for peer in late))
        assert (await teacher.answer(appoint))["ok"]
        for peer in late:
            await peer.until(lambda peer=peer, role=role: peer.named("welcome") and peer.welcome["me"]["role"] == role)
            await peer.close()


@CODECS
async def test_the_oldest_of_too_many_devices_gives_way(server: Running, codec: Codec) -> None:
    devices = [await Peer.join(server.port, codec, name="Asha", client="c1") for _ in range(DEVICES + 2)]

    for device in devices[:2]:
        await asyncio.wait_for(device.ended.wait(), 5)
        assert [bye["code"] for bye in device.named("bye")] == ["replaced"]
        assert device.packets[-1].type == 1  # it does not come back by itself, to drive out another
    for device in devices[2:]:
        assert (await device.command("chat.say", text="here"))["ok"]
    hall = await server.hall()
    assert len(hall.hub.by_member[devices[0].id]) == DEVICES
    await until(lambda: len(server.classroom.sockets.links) == DEVICES)


# --- draining -----------------------------------------------------------------------------------------------------------


async def test_a_drained_server_answers_what_is_under_way_and_says_when_to_come_back(
    start: Callable[..., Any],
) -> None:
    server = await start()
    inside = [await Peer.join(server.port, codec, name=f"Student {n}") for n, codec in enumerate([*Codec] * 10)]
    outside = await Peer.open(server.port)
    asked = {peer: [peer.ask("chat.say", text=f"{n}") for n in range(5)] for peer in inside}
    await asyncio.gather(*(peer.answer(ids[0]) for peer, ids in asked.items()))

    await asyncio.wait_for(server.classroom.sockets.drain(), 5)

    retries = set()
    for peer, ids in asked.items():
        answers = [await peer.answer(id) for id in ids]
        assert all(answer["ok"] or answer["code"] == "restarting" for answer in answers)
        await asyncio.wait_for(peer.ended.wait(), 5)
        (bye,) = peer.named("bye")
        assert (bye["code"], bye["temporary"]) == ("restarting", True)
        assert 0 <= bye["retry_in"] < 2_000
        retries.add(bye["retry_in"])
        assert peer.packets[-1].name == "bye"  # no DISCONNECT: Socket.IO clients come back by themselves
        assert peer.close_code == 1012
        # Everything acknowledged was told to whom it was acknowledged to.
        kept = {answer["seq"] for answer in answers if answer["ok"]}
        assert kept <= {event["seq"] for event in peer.events}
    assert len(retries) > 5, "all come back at once"
    await asyncio.wait_for(outside.ended.wait(), 5)
    late = await Peer.open(server.port)
    refused = await late.connect(name="Late")
    assert (refused.data["data"]["code"], refused.data["data"]["temporary"]) == ("restarting", True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_server_told_to_stop_ends_well_and_has_kept_all_that_it_acknowledged(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving_alone(tmp_path / "alone", media_enabled=False) as server:
        teacher = await Peer.join(server.port, token=server.instructor_token)
        assert teacher.welcome["me"]["role"] == "instructor"
        students = [await Peer.join(server.port, codec, name=f"S{n}") for n, codec in enumerate([*Codec] * 5)]
        await Peer.open(server.port)  # one that says nothing must not hold it up
        kept: dict[tuple[str, str], int] = {}
        busy = asyncio.Event()

        async def keep_asking(peer: Peer) -> None:
            while not peer.ended.is_set():
                try:
                    id = peer.ask("chat.say", text="x")
                    answer = await peer.answer(id)
                except (AssertionError, RuntimeError):  # uvloop raises the latter where the transport is closed already
                    return  # the connection ended first: nothing was promised
                if answer["ok"]:
                    kept[peer.id, f"c{id}"] = answer["seq"]
                    if len(kept) > 100:
                        busy.set()
                elif answer["code"] == "restarting":
                    return
                await asyncio.sleep(0.005)

        asking = [asyncio.create_task(keep_asking(peer)) for peer in (teacher, *students)]
        await asyncio.wait_for(busy.wait(), 10)
        server.signal(number)
        code = await asyncio.to_thread(server.wait)
        await asyncio.gather(*asking)

        assert code == 0, server.log.read_text()
        assert [bye["code"] for peer in (teacher, *students) for bye in peer.named("bye")] == ["restarting"] * 11
        journal = await open_journal(f"sqlite:///{server.folder}/classroom.db")
        assert await journal.done("demo", list(kept)) == kept
        await journal.close()
        log = await server.read()
        said = [s.meta.seq for s in log if isinstance(s.event, Said)]
        assert set(kept.values()) <= set(said)
        assert [s.meta.seq for s in log] == list(range(1, len(log) + 1))
        errors = [line for line in server.log.read_text().splitlines() if '"level": "error"' in line]
        assert not errors
