"""The parts of the load test that its verdict rests on."""

from __future__ import annotations

import socket
import zlib
from collections import Counter
from typing import Any

import msgspec
import pytest

from classroom import packets
from classroom import wire as served
from classroom.chat.model import Said
from classroom.doubts.model import Asked, DoubtState, Voted
from classroom.kernel import STAFF, Audience, Event, Meta, Role
from classroom.rooms import room as rooms
from loadtest import wire
from loadtest.figures import Figures, bucket, quantile, value
from loadtest.party import Options, Party
from loadtest.probe import Probe, Record, check
from loadtest.scenarios import SCENARIOS

LOG: list[Event] = [
    Said(by="a", name="Asha", role=Role.STUDENT, text="one"),
    Asked(text="two?", state=DoubtState.PENDING, by="a", name="Asha"),
    Said(by="b", name="Ravi", role=Role.STUDENT, text="three"),
    Said(by="b", name="Ravi", role=Role.STUDENT, text="four"),
]


def record(until: int = len(LOG)) -> Record:
    lines = [
        msgspec.json.encode({"seq": n, "at": 1_000 + n, **msgspec.to_builtins(event), "by": event.by})  # type: ignore[attr-defined]
        for n, event in enumerate(LOG, 1)
    ]
    return Record(b"\n".join(lines), until)


def probe_of(
    me: str, codec: str = "json", *, without: int = 0, twice: int = 0, spoiled: int = 0, since: int = 0
) -> Probe:
    """A probe that was sent the log, but for the faults named by place."""
    probe = Probe(codec, Figures(), lambda item: None)
    probe.welcome(wire.Greeting(me, "epoch", since, 0))
    for n, event in enumerate(LOG, 1):
        if n <= since or n == without:
            continue
        if n == spoiled:
            event = Said(by="b", name="Ravi", role=Role.STUDENT, text="other")
        shown = rooms.view(event, Audience("member", me))
        if shown is None:
            continue
        item = served.item(served.Codec(codec), Meta(n, 1_000 + n, me), shown)
        for _ in range(2 if n == twice else 1):
            probe.events(served.join(served.Codec(codec), [item]))
    return probe


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize("me", ["a", "b", "c"])
def test_a_probe_that_was_shown_what_it_should_is_clean(me: str, codec: str) -> None:
    found = check(probe_of(me, codec), record())
    assert found.clean
    assert found.checked == (4 if me == "a" else 3)  # the asker alone sees a doubt that waits


def test_what_a_welcome_covered_need_not_come() -> None:
    assert check(probe_of("a", since=3), record()).clean


@pytest.mark.parametrize(
    ("faults", "name"),
    [
        ({"without": 3}, "missing"),
        ({"twice": 3}, "disorder"),
        ({"spoiled": 3}, "changed"),
        ({"without": 4}, "incomplete"),
    ],
)
def test_every_kind_of_fault_is_found(faults: dict[str, Any], name: str) -> None:
    found = check(probe_of("c", **faults), record())
    assert getattr(found, name) == 1
    assert not found.clean


def test_what_another_member_alone_may_see_is_found_to_be_strange() -> None:
    probe = probe_of("c")
    leaked = served.item(served.Codec.JSON, Meta(2, 1_002, "a"), LOG[1])
    probe.seqs.append(2)
    probe.sums.append(zlib.crc32(leaked))
    assert check(probe, record()).strange == 1


def test_the_staffs_eyes_see_more() -> None:
    found = check(probe_of("t"), record(), staff=True)
    assert found.missing == 1
    assert rooms.view(Voted(votes={1: 2}), STAFF) is not None


@pytest.mark.parametrize("milliseconds", [0.5, 3.0, 47.0, 400.0, 1_200.0, 60_000.0])
def test_a_quantile_is_right_to_two_per_cent(milliseconds: float) -> None:
    assert value(bucket(milliseconds)) == pytest.approx(milliseconds, rel=0.02)
    spread = Counter({bucket(1.0): 98, bucket(milliseconds * 10): 2})
    assert quantile(spread, 0.99) == pytest.approx(milliseconds * 10, rel=0.02)


def test_figures_of_several_processes_add_up() -> None:
    now = [100.0]
    one, two, whole = Figures(lambda: now[0]), Figures(lambda: now[0]), Figures()
    for figures in (one, two):
        figures.count("frames", 5)
        figures.time("ack", 10)
    now[0] = 101.0
    two.count("frames")
    whole.add(one.take())
    whole.add(two.take())
    assert whole.total("frames") == 11
    assert whole.at(100)["frames"] == 10
    assert whole.spread("ack").total() == 2
    assert one.take() == {"counts": {}, "times": {}}


@pytest.mark.parametrize("codec", [served.Codec.JSON, served.Codec.MSGPACK])
@pytest.mark.parametrize("deflated", [False, True])
def test_where_a_member_was_can_be_told_from_a_packets_first_bytes(codec: served.Codec, deflated: bool) -> None:
    items = [served.item(codec, Meta(70_000 + n, 1_700_000_000_000, "a"), LOG[0]) for n in range(9)]
    packet = packets.message(codec, "events", served.join(codec, items))
    frame = packet.deflated if deflated else packet.frame
    payload = frame[4:]
    assert bool(frame[0] & 0x40) == deflated
    assert wire.first_seq(codec.value, payload[: 132 if deflated else 44], deflated) == 70_000


@pytest.mark.parametrize("codec", [served.Codec.JSON, served.Codec.MSGPACK])
def test_a_welcome_is_read_from_its_beginning(codec: served.Codec) -> None:
    welcome = served.WelcomeRaw(
        room=served.RoomLabel("physics", 'Fields, "own":'),
        me=served.Me("guest:1", "Asha", Role.STUDENT),
        epoch="e1",
        pass_="p" * 300,
        seq=41,
        key="key",
        now=1_700_000_000_000,
        own=msgspec.Raw(served.encode(codec, rooms.own(rooms.Room(), Audience("member", "guest:1")))),
        state=None,
    )
    state = packets.Shared(served.encode(codec, rooms.show(rooms.Room(), STAFF)))
    payload = packets.welcome(codec, welcome, state).data
    greeting = wire.greeting(codec.value, payload[: len(payload) - 50])
    assert greeting == wire.Greeting("guest:1", "e1", 41, 1_700_000_000_000)


def test_of_a_hosts_addresses_the_first_that_can_be_connected_to_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.9", "127.0.0.1")]
        known = socket.getaddrinfo

        def found(host: str, *arguments: Any, **options: Any) -> Any:
            return both if host == "class.example.org" else known(host, *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", found)
        options = Options(
            run="r", hosts=[f"http://class.example.org:{port}"], users=1, seed=1, codec="json", deflate=False,
            scenario=SCENARIOS["lesson"], pace=1.0, worker=0, workers=1,
        )  # fmt: skip
        made = Party(options, lambda _what, _took: None, lambda _what, _why: None)
        assert made.address(made.way(0)[0]) == "127.0.0.1"
