"""Which of a crowd's messages the room is shown, so that a person can read them and everybody has a turn.

What always holds: a class that stays within `rate` messages of students a second, and `BURST` at once, is shown every one;
beyond that the room is shown about `rate` a second, and whoever has not had a turn goes before those who have. Every
message costs the same, however large the crowd: nothing here looks at more than one student, on the average.

How: a bucket holds up to `2 * BURST` messages and fills at `rate`. Its upper half is anybody's. The lower half is kept for
students whose turn has not been, so one of them finds a place next to any flood. When nobody of that kind speaks for a
while the bucket passes its middle again, and somebody whose turn has been is shown: that is what tells that the round is
over. Then the half of the room's `shown` whose turn is longest ago may have the next.
"""

from __future__ import annotations

from itertools import islice

from classroom.chat.model import BURST, CROWD_KEEP, Crowd, Message

ONE = 1_000  # tokens that a message takes
TURNS = 5_000  # students whose turn is remembered at most


def may_show(crowd: Crowd, member: str, now: int) -> bool:
    """Whether the room is shown a student's message at `now` (ms since 1970)."""
    left = _tokens(crowd, now) - ONE
    return left >= BURST * ONE or (left >= 0 and member not in crowd.shown)


def take_turn(crowd: Crowd, member: str, at: int) -> None:
    """A student's message was shown at `at`."""
    _settle(crowd, at)
    crowd.tokens = max(0, crowd.tokens - ONE)
    if crowd.shown.pop(member, None) is not None:
        _forget(crowd, (len(crowd.shown) + 1) // 2)
    crowd.shown[member] = at
    _forget(crowd, len(crowd.shown) - TURNS)


def picked(crowd: Crowd, member: str, at: int) -> None:
    """The staff showed a student's message at `at`: a turn, though not out of the bucket."""
    crowd.shown.pop(member, None)
    crowd.shown[member] = at
    _forget(crowd, len(crowd.shown) - TURNS)


def set_rate(crowd: Crowd, rate: int, at: int) -> None:
    """From `at` on the bucket fills at `rate`."""
    _settle(crowd, at)
    crowd.rate = rate


def seen(crowd: Crowd, seq: int) -> None:
    """The room was shown a message at the place `seq`."""
    crowd.last, crowd.skipped = seq, 0


def keep_back(crowd: Crowd, message: Message) -> None:
    """Keep a message that the room is not shown; the oldest of them make room, many at a time: a dictionary's first key is
    dear to find where those before it were taken out one by one."""
    crowd.skipped += 1
    crowd.messages[message.id] = message
    crowd.own.setdefault(message.by, []).append(message.id)
    if len(crowd.messages) > CROWD_KEEP:
        for oldest in list(islice(crowd.messages, max(1, CROWD_KEEP // 20))):
            _remove(crowd, oldest)
            crowd.dropped = oldest


def take_out(crowd: Crowd, id: int) -> None:
    """A message is deleted, or the room is shown it after all; nothing happens when it is not here."""
    if id in crowd.messages:
        _remove(crowd, id)
        if id > crowd.last:
            crowd.skipped -= 1


def skipped_before(crowd: Crowd, id: int) -> int:
    """How many messages since the last shown one the room is not shown, if it is shown `id` now."""
    return crowd.skipped - (1 if id in crowd.messages and id > crowd.last else 0)


def _tokens(crowd: Crowd, now: int) -> int:
    return min(2 * BURST * ONE, crowd.tokens + crowd.rate * max(0, now - crowd.at))


def _settle(crowd: Crowd, at: int) -> None:
    crowd.tokens = _tokens(crowd, at)
    crowd.at = max(crowd.at, at)


def _forget(crowd: Crowd, turns: int) -> None:
    for _ in range(turns):
        del crowd.shown[next(iter(crowd.shown))]


def _remove(crowd: Crowd, id: int) -> None:
    by = crowd.messages.pop(id).by
    mine = crowd.own[by]
    mine.remove(id)
    if not mine:
        del crowd.own[by]
