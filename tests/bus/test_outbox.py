"""What waits for Redis: joined by channel, in order, and never more than the bound."""

from __future__ import annotations

from classroom.bus import envelopes
from classroom.bus.outbox import ASKS, EACH, Outbox, Parcel
from classroom.bus.port import Appended, Counted, Entry, Head, Message, Reply, Signalled
from classroom.kernel import Meta
from classroom.rooms.room import AnyEvent
from classroom.rooms.signals import Present
from tests.bus.test_conformance import news, request
from tests.examples import examples

SIGNAL = Signalled((Present(count=1),))


def everybody(number: int) -> bool:
    return True


def messages(parcel: Parcel) -> list[Message]:
    return envelopes.decode_messages(envelopes.decode_batch(parcel.body).items)


def room_for(*kept: Appended | Signalled) -> int:
    """The bound within which exactly these may wait."""
    return sum(len(envelopes.encode(message)) + EACH for message in kept)


def test_messages_of_a_channel_are_one_parcel_in_their_order() -> None:
    outbox = Outbox("edge-1")
    for number in range(3):
        outbox.say("a", news(number))
        outbox.say("b", SIGNAL)

    parcels = outbox.take(12.5, everybody)

    assert [parcel.channel for parcel in parcels] == ["a", "b"]
    read = envelopes.decode_batch(parcels[0].body)
    assert (read.edge, read.at) == ("edge-1", 12.5)
    assert messages(parcels[0]) == [news(0), news(1), news(2)]
    assert outbox.take(12.6, everybody) == []


def test_past_the_bound_the_oldest_signals_go_first_and_then_the_oldest_messages() -> None:
    outbox = Outbox("edge-1", 4 * room_for(news(0), SIGNAL))
    for number in range(4):
        outbox.say("a", SIGNAL)
        outbox.say("a", news(number))
    outbox.say("a", news(4))  # one too many

    assert messages(outbox.take(0, everybody)[0]) == [news(0), news(1), news(2), SIGNAL, news(3), news(4)]
    assert outbox.dropped == 3

    for number in range(9):
        outbox.say("a", news(number))
    assert messages(outbox.take(0, everybody)[0]) == [news(number) for number in range(3, 9)]


def test_the_bound_counts_bytes_not_messages() -> None:
    event: AnyEvent = examples(AnyEvent)[0]
    batch = Appended(0, tuple(Entry(Meta(seq, 0, "asha"), event) for seq in range(1, 41)))
    outbox = Outbox("edge-1", room_for(batch, batch))
    for _ in range(3):
        outbox.say("a", batch)
    assert len(outbox) == 1


def test_one_message_larger_than_the_bound_still_leaves() -> None:
    outbox = Outbox("edge-1", room=20)
    outbox.say("a", Signalled((Present(count=1), Present(count=2), Present(count=3))))
    outbox.say("a", news(1))
    assert len(outbox.take(0, everybody)) == 1


def test_heads_and_counts_of_all_rooms_are_one_parcel_with_the_newest_of_each() -> None:
    outbox = Outbox("edge-1")
    for room in ("a", "b"):
        for number in (1, 2):
            outbox.beat(room, Head(number))
            outbox.beat(room, Counted("edge-1", number * 10))

    (parcel,) = outbox.take_pulse("pulse", 1.0)

    pulse = envelopes.decode_pulse(parcel.body)
    assert (pulse.heads, pulse.counts) == ({"a": 2, "b": 2}, {"edge-1": {"a": 20, "b": 20}})
    assert outbox.take_pulse("pulse", 1.0) == []


def test_a_head_that_is_said_again_late_takes_the_place_of_none_that_is_further_on() -> None:
    outbox = Outbox("edge-1")
    for seq in (7, 9, 4):
        outbox.beat("a", Head(seq))

    (parcel,) = outbox.take_pulse("pulse", 1.0)

    assert envelopes.decode_pulse(parcel.body).heads == {"a": 9}


def test_requests_whose_asker_has_left_are_not_sent() -> None:
    outbox = Outbox("edge-1")
    for number in (1, 2, 3):
        assert outbox.ask("r:ask", number, request(str(number)))

    (parcel,) = outbox.take(0, lambda number: number != 2)

    assert parcel.asks == (1, 3)
    asked = envelopes.decode_to_server(parcel.body)
    assert isinstance(asked, envelopes.Batch)
    assert envelopes.decode_requests(asked.items) == [(1, request("1")), (3, request("3"))]


def test_requests_and_replies_that_wait_are_bounded() -> None:
    outbox = Outbox("edge-1")
    asked = [outbox.ask("r:ask", number, request()) for number in range(ASKS + 5)]
    for number in range(ASKS + 5):
        outbox.reply("edge-2:reply", number, Reply(ok=True))

    assert asked.count(True) == ASKS
    assert outbox.dropped == 5
    assert len(outbox.drop_asks()) == ASKS
    assert outbox.ask("r:ask", 1, request())


def test_replies_of_an_edge_are_one_parcel_and_those_who_yield_say_so() -> None:
    outbox = Outbox("edge-1")
    outbox.reply("reply", 2, Reply(ok=False, code="muted", message="Muted.", temporary=True, until=5))
    outbox.reply("reply", 3, None)
    outbox.yielded("reply", 9)

    replies, yielded = outbox.take(1.0, everybody)

    told = envelopes.decode_to_edge(replies.body)
    assert isinstance(told, envelopes.Batch)
    assert (told.edge, told.at) == ("edge-1", 1.0)
    refusal = Reply(ok=False, code="muted", message="Muted.", temporary=True, until=5)
    assert envelopes.decode_replies(told.items) == [(2, refusal), (3, None)]
    assert envelopes.decode_to_edge(yielded.body) == envelopes.Yielded(9)
