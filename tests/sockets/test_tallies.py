"""Tallies and reactions: told with what they count, a few times a second, and to the last."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from classroom.rooms.hall import FIGURES
from classroom.wire import Codec
from tests.rooms.shells import RAVI, command
from tests.running import Running
from tests.sockets.peer import Peer


def tallies(peer: Peer) -> list[list[int]]:
    signals = [signal for each in peer.named("signals") for signal in each]
    return [signal["tally"]["counts"] for signal in signals if signal["type"] == "poll.tally"]


async def polled(teacher: Peer) -> int:
    spec = {"question": "Which?", "kind": "single", "options": ["one", "two"], "results": "live", "changeable": True}
    id: int = (await teacher.command("poll.prepare", spec=spec))["seq"]
    assert (await teacher.command("poll.open", id=id))["ok"]
    return id


@pytest.mark.parametrize("codec", list(Codec))
async def test_a_lone_vote_and_the_tally_are_told_in_one_flush(server: Running, codec: Codec) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    asha = await Peer.join(server.port, codec, name="Asha")
    id = await polled(teacher)
    await asha.until(lambda: tallies(asha))
    await asyncio.sleep(4 * FIGURES)  # who came is told as well
    flushes = server.classroom.house.metrics.flush_seconds
    before = sum(flushes._counts)

    assert (await asha.command("poll.vote", id=id, choice=[1]))["ok"]
    await asha.until(lambda: tallies(asha)[-1] == [0, 1] and asha.events[-1]["type"] == "poll.voted")

    assert sum(flushes._counts) == before + 1


async def test_of_many_votes_the_last_tally_counts_all_and_there_are_a_few_a_second(server: Running) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    peers = [await Peer.join(server.port, name=f"Student {number}") for number in range(12)]
    id = await polled(teacher)
    loop = asyncio.get_running_loop()
    begun, before = loop.time(), len(tallies(teacher))
    for number, peer in enumerate(peers):
        assert (await peer.command("poll.vote", id=id, choice=[number % 2]))["ok"]
        await asyncio.sleep(0.04)

    await teacher.until(lambda: tallies(teacher)[-1] == [6, 6])
    took = loop.time() - begun
    assert len(tallies(teacher)) - before <= took / FIGURES + 2


async def elsewhere(server: Running, id: int, choice: int) -> None:
    """Ravi votes, who is at another worker."""
    assert (await server.classroom.house.submit("demo", RAVI, command("poll.vote", id=id, choice=[choice]))).ok


async def counted_while_nobody_is_here(server: Running) -> tuple[Peer, int]:
    """A poll with a vote that is told, and changed when the last one has gone: who that was, and the poll."""
    teacher = await Peer.join(server.port, token=server.token())
    id = await polled(teacher)
    await elsewhere(server, id, 0)
    await teacher.until(lambda: tallies(teacher)[-1:] == [[1, 0]])
    hall = await server.classroom.house.hall("demo")
    await teacher.drop()
    while hall.hub.sessions:
        await asyncio.sleep(0.01)
    await elsewhere(server, id, 1)
    await asyncio.sleep(2 * FIGURES)
    return teacher, id


async def test_who_comes_back_first_is_told_what_was_counted_while_nobody_was_here(server: Running) -> None:
    teacher, _ = await counted_while_nobody_is_here(server)

    again = await Peer.join(server.port, token=server.token(), since=teacher.seq, epoch=teacher.welcome["epoch"])
    assert again.named("resumed")
    await again.until(lambda: tallies(again)[-1:] == [[0, 1]], 2)


async def test_a_tally_is_told_to_who_was_welcomed_with_another_though_it_is_what_it_was_before(
    server: Running,
) -> None:
    _, id = await counted_while_nobody_is_here(server)

    asha = await Peer.join(server.port, name="Asha")
    assert [poll["tally"]["counts"] for poll in asha.welcome["state"]["polls"]["polls"]] == [[0, 1]]
    await elsewhere(server, id, 0)
    await asha.until(lambda: tallies(asha)[-1:] == [[1, 0]], 2)

    await asyncio.sleep(2 * FIGURES)
    await elsewhere(server, id, 0)
    await elsewhere(server, id, 1)
    await elsewhere(server, id, 0)
    ben = await Peer.join(server.port, name="Ben")  # before the others are told
    await elsewhere(server, id, 1)
    await ben.until(lambda: tallies(ben)[-1:] == [[0, 1]], 2)


async def back(server: Running, asha: Peer) -> Peer:
    """Asha has lost her connection, and resumes."""
    again = await Peer.join(server.port, name="Asha", client="Asha", since=asha.seq, epoch=asha.welcome["epoch"])
    assert again.named("resumed")
    return again


async def test_who_comes_back_is_told_the_tally_and_the_others_are_not_told_it_again(server: Running) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    asha = await Peer.join(server.port, name="Asha", client="Asha")
    id = await polled(teacher)
    await asha.drop()
    await elsewhere(server, id, 1)
    await teacher.until(lambda: tallies(teacher)[-1:] == [[0, 1]])
    before = len(tallies(teacher))

    again = await back(server, asha)
    await again.until(lambda: tallies(again)[-1:] == [[0, 1]], 2)
    await asyncio.sleep(4 * FIGURES)
    assert len(tallies(teacher)) == before
    assert len(tallies(again)) == 1


async def test_a_tally_is_told_to_who_came_back_to_another_though_it_is_what_it_was_before(server: Running) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    asha = await Peer.join(server.port, name="Asha", client="Asha")
    id = await polled(teacher)
    await asha.drop()
    await asyncio.sleep(2 * FIGURES)
    for choice in (1, 0):  # of which the second has to wait
        await elsewhere(server, id, choice)
    again = await back(server, asha)
    await elsewhere(server, id, 1)
    await again.until(lambda: tallies(again)[-1:] == [[0, 1]], 2)


async def test_a_reaction_is_told_at_once_and_those_that_follow_together(server: Running) -> None:
    asha, ravi = [await Peer.join(server.port, name=name) for name in ("Asha", "Ravi")]

    def counted(peer: Peer) -> list[dict[str, Any]]:
        signals = [signal for each in peer.named("signals") for signal in each]
        return [signal["counts"] for signal in signals if signal["type"] == "reactions"]

    for _ in range(5):
        asha.packet(2, ["signal", {"type": "react", "emoji": "👍"}])
    await ravi.until(lambda: sum(counts["👍"] for counts in counted(ravi)) == 5)

    assert [counts["👍"] for counts in counted(ravi)] == [1, 4]
