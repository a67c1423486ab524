"""Counting votes.

What always holds: the figures of an open poll are those of its `votes`, one per member. They are kept as votes come, so
a vote costs its options and a tally costs what it shows, not how many have voted. Order of arrival decides between
equally frequent answers, and order of arrival is the log's, so every fold of one log gives one tally.
"""

from __future__ import annotations

from itertools import islice
from sys import intern

from classroom.polls.model import WORDS_SHOWN, Ballot, Poll, PollKind, Spec, Tally

_SINGLE = [(choice,) for choice in range(16)]


def places(spec: Spec) -> int:
    """How many things a vote can fall on: options or points; 0 for a text poll."""
    match spec.kind:
        case PollKind.RATING:
            return spec.scale
        case PollKind.TEXT:
            return 0
        case _:
            return len(spec.options)


def cast(poll: Poll, ballot: Ballot) -> None:
    """Count `ballot`, in place of the member's earlier one if there is one."""
    earlier = poll.votes.get(ballot.member)
    if earlier == ballot:
        return
    if earlier is not None:
        _count(poll, earlier, -1)
    poll.votes[intern(ballot.member)] = _lean(ballot)
    _count(poll, ballot, 1)


def _lean(ballot: Ballot) -> Ballot:
    """The ballot with a name and a choice that others like it share: a class of 50,000 has as many of them for each poll."""
    choice = (
        _SINGLE[ballot.choice[0]] if len(ballot.choice) == 1 and 0 <= ballot.choice[0] < len(_SINGLE) else ballot.choice
    )
    return Ballot(intern(ballot.member), choice, ballot.text)


def tally(poll: Poll) -> Tally:
    """The exact figures now."""
    if poll.tally is not None:
        return poll.tally
    return Tally(
        counts=tuple(poll.counts),
        voters=len(poll.votes),
        words=tuple((poll.spellings[word], count) for word, count in _frequent(poll.words)) if poll.words else (),
    )


def _frequent(words: dict[str, int]) -> list[tuple[str, int]]:
    """The `WORDS_SHOWN` most frequent, equals in order of arrival. Tens of thousands of different answers are sorted by
    their bare counts alone, which is several times faster than sorting the answers."""
    least = 0
    if len(words) > WORDS_SHOWN:
        least = sorted(words.values(), reverse=True)[WORDS_SHOWN - 1]
    more = sorted(((word, count) for word, count in words.items() if count > least), key=lambda item: -item[1])
    equal = ((word, count) for word, count in words.items() if count == least)
    return [*more, *islice(equal, WORDS_SHOWN - len(more))]


def _count(poll: Poll, ballot: Ballot, by: int) -> None:
    if poll.spec.kind is PollKind.TEXT:
        if ballot.text is not None:
            _count_word(poll, ballot.text, by)
        return
    first = 1 if poll.spec.kind is PollKind.RATING else 0
    for choice in ballot.choice:
        if 0 <= choice - first < len(poll.counts):
            poll.counts[choice - first] += by


def _count_word(poll: Poll, text: str, by: int) -> None:
    word = " ".join(text.casefold().split())
    count = poll.words.get(word, 0) + by
    if count > 0:
        poll.words[word] = count
        poll.spellings.setdefault(word, text)
    else:
        poll.words.pop(word, None)
        poll.spellings.pop(word, None)
