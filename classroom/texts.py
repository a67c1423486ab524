"""What people write: cleaned before it becomes an event, the same wherever it comes from.

What always holds: no control character, and nothing that could not be written as UTF-8, reaches anybody; a text or name that is
kept shows something; two names that look the same are not told apart by characters that nobody sees.
"""

from __future__ import annotations

import re

from classroom.kernel import Rejected

NAME_LIMIT = 60

# Of a text that shows anything; of more than two bytes of UTF-16 nothing, which patterns in JSON Schema have no letters for.
VISIBLE = (
    r"[^\x00-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]"
)

_VISIBLE = re.compile(VISIBLE)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Marks of direction, soft hyphens, fillers, tags; lone surrogates cannot be written as UTF-8.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# They say how letters of Hindi or Persian join, and which emoji are one: elsewhere they are invisible, too. A run of them is
# looked at from its beginning alone and never given back: in a name as long as a frame each of them would be a beginning.
_JOINERS = re.compile(
    "(?<![^\x00-\x7f])[\u200c\u200d\ufe00-\ufe0f]+|(?<![\u200c\u200d])[\u200c\u200d]++(?![^\x00-\x7f])"
)


def clean_text(text: str, limit: int, what: str) -> str:
    """`text` without surrounding white space and control characters other than line breaks and tabs. Raises `Rejected`: "empty"
    where it shows nothing, "too_long" over `limit` characters."""
    if not text.isprintable():
        text = _CONTROL.sub("", text)
    cleaned = text.strip()
    if not shows(cleaned):
        raise Rejected("empty", f"The {what} is empty.")
    if len(cleaned) > limit:
        raise Rejected("too_long", f"The {what} has {len(cleaned)} characters; at most {limit} are allowed.")
    return cleaned


def clean_name(name: str) -> str:
    """A name on one line without invisible characters. Raises `Rejected` ("empty", "too_long" above `NAME_LIMIT`)."""
    return clean_text(one_line(name), NAME_LIMIT, "name")


def shortened_name(name: str) -> str:
    """The same for a name that somebody else's system has, as much of it as there is room for."""
    return clean_name(one_line(name)[:NAME_LIMIT])


def one_line(text: str) -> str:
    """`text` without invisible characters, its words a space apart."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    words = " ".join(_INVISIBLE.sub("", text).split())
    return " ".join(_JOINERS.sub("", words).split())


def shows(text: str) -> bool:
    """Whether there is anything in `text` that can be seen."""
    return _VISIBLE.search(text) is not None
