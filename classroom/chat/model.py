"""Chat's types: commands, events, state, and what a member sees of it.

A message's id is the place where it came before the room: the `seq` of its `chat.said`, or of its `chat.promoted` where
the room was not shown it at first. The state keeps the newest `KEEP` messages that the room was shown, and at least the
newest nineteen twentieths of `CROWD_KEEP` that it was not; older ones live in the journal alone and are read from there by
page. A view holds the newest `RECENT` and the pinned ones.
"""

from __future__ import annotations

import msgspec

from classroom.kernel import Command, Event, Role

KEEP = 20_000
CROWD_KEEP = 10_000
RECENT = 100
OWN_RECENT = 20  # of one's own messages that the room was not shown, the newest that a newcomer is told
CROWD = 4  # messages of students a second that the room is shown, unless the staff say otherwise
CROWD_LIMIT = 50
BURST = 10  # messages at once that are all shown, after quiet
TEXT_LIMIT = 2_000
MENTIONS_LIMIT = 10
PINS_LIMIT = 5
SLOW_LIMIT = 300
EMOJI = ("👍", "❤️", "😂", "😮", "🎉", "👏", "🤔", "🙏")


class Say(Command, frozen=True, tag="chat.say"):
    """Say something. `reply_to` is a message's id; `mentions` are members' ids."""

    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()


class Edit(Command, frozen=True, tag="chat.edit"):
    """Change the text of one's own message."""

    id: int
    text: str


class Delete(Command, frozen=True, tag="chat.delete"):
    """Take back one's own message; staff any."""

    id: int


class React(Command, frozen=True, tag="chat.react"):
    """Put one of `EMOJI` on a message, or take it back."""

    id: int
    emoji: str
    on: bool = True


class Pin(Command, frozen=True, tag="chat.pin"):
    """Staff: keep a message in sight, or let it go."""

    id: int
    on: bool = True


class Promote(Command, frozen=True, tag="chat.promote"):
    """Staff: show everybody a message that the room was not shown."""

    id: int


class Configure(Command, frozen=True, tag="chat.configure"):
    """Staff: seconds between two messages of a student (`slow`, 0 is off, at most 300); whether students may write;
    how many messages of students a second the room is shown (`crowd`, 1 to 50)."""

    slow: int | None = None
    locked: bool | None = None
    crowd: int | None = None


ChatCommand = Say | Edit | Delete | React | Pin | Promote | Configure


class Said(Event, frozen=True, tag="chat.said"):
    """A message. Its id is this event's seq. `crowd`: too many write at once, so that only the staff and its author are
    shown it. `skipped`, of what the room is shown: how many messages since the one before were not."""

    by: str
    name: str
    role: Role
    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    crowd: bool = False
    skipped: int = 0


class Edited(Event, frozen=True, tag="chat.edited"):
    """`whose`, here and elsewhere: the author of a message that the room was not shown. They and the staff alone are
    shown this."""

    id: int
    text: str
    whose: str | None = None


class Deleted(Event, frozen=True, tag="chat.deleted"):
    """`by_staff` tells a moderator's removal from one's own taking back. `whose`: as for `Edited`."""

    id: int
    by_staff: bool = False
    whose: str | None = None


class Reacted(Event, frozen=True, tag="chat.reacted"):
    """`count` is how many have put this emoji there, after this event. `by` is shown to the staff and the one who
    did it. `whose`: as for `Edited`."""

    id: int
    emoji: str
    count: int
    on: bool = True
    by: str | None = None
    whose: str | None = None


class Pinned(Event, frozen=True, tag="chat.pinned"):
    """`message`: the message as it is now, when put up (a reader may never have had it, since it may be an old one)."""

    id: int
    on: bool = True
    message: MessageView | None = None


class Promoted(Event, frozen=True, tag="chat.promoted"):
    """The room is shown the message `id`, which it was not shown before. From here on it is `message`, whose id is this
    event's seq. `reacted`: emoji to who has put it there so far, told to the staff; to others, where it is they."""

    id: int
    message: MessageView
    reacted: dict[str, tuple[str, ...]] = {}


class Configured(Event, frozen=True, tag="chat.configured"):
    slow: int
    locked: bool
    crowd: int = CROWD


ChatEvent = Said | Edited | Deleted | Reacted | Pinned | Promoted | Configured


class Message(msgspec.Struct):
    """One message as the server keeps it. `reactions`: emoji to the ids of those who put it, in order of arrival. The rest
    is as in `MessageView`."""

    id: int
    at: int
    by: str
    name: str
    role: Role
    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    edited_at: int = 0
    reactions: dict[str, dict[str, bool]] = {}
    crowd: bool = False
    skipped: int = 0
    promoted: int | None = None


class Crowd(msgspec.Struct):
    """What it takes to show the room a fair part of a crowd's messages.

    `rate`: messages a second. `tokens`: thousandths of a message that the room could still be shown at the time `at` (ms
    since 1970). `shown`: students whose turn has been, and when, oldest first. `last`: the newest place with a message
    that the room was shown; `skipped`: how many messages since then it was not.

    `messages`: those that the room was not shown, by id, oldest first; `own`: their authors' ids to theirs among them;
    `dropped`: the highest id that had to make room (0: none yet).
    """

    rate: int = CROWD
    tokens: int = 2_000 * BURST
    at: int = 0
    shown: dict[str, int] = {}
    last: int = 0
    skipped: int = 0
    messages: dict[int, Message] = {}
    own: dict[str, list[int]] = {}
    dropped: int = 0


class Chat(msgspec.Struct):
    """The state. `messages`: those that the room was shown, by id, oldest first, deleted ones gone; `dropped`: the highest
    id that had to make room and is in the journal alone (0: none yet); `promoted`: the id under which some of `messages`
    were said to the one they have; `spoke`: when each student last spoke (ms since 1970), oldest first, as far back as
    slow mode can reach."""

    messages: dict[int, Message] = {}
    dropped: int = 0
    pinned: list[int] = []
    promoted: dict[int, int] = {}
    slow: int = 0
    locked: bool = False
    spoke: dict[str, int] = {}
    crowd: Crowd = msgspec.field(default_factory=Crowd)


class MessageView(msgspec.Struct, omit_defaults=True):
    """A message as all see it. `reactions`: emoji to how many. Which of them are one's own is in `ChatOwn`.

    `crowd`: the room was not shown it, only the staff and its author. `skipped`: how many messages between the one before
    that the room was shown and this one it was not. `promoted`: the id under which it was said and not shown, until the
    staff showed it (`at` stays the time when it was said).
    """

    id: int
    at: int
    by: str
    name: str
    role: Role
    text: str
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    edited_at: int = 0
    reactions: dict[str, int] = {}
    crowd: bool = False
    skipped: int = 0
    promoted: int | None = None


class ChatView(msgspec.Struct):
    """What all see: the newest messages, oldest first; the pinned ones; whether older ones can be asked for. Among the
    staff's messages are those that the room was not shown."""

    messages: list[MessageView]
    pinned: list[MessageView]
    more: bool
    slow: int
    locked: bool
    crowd: int


class ChatOwn(msgspec.Struct):
    """What is one member's alone: the emoji they have put, by message id (only messages in the view; sorted), and when
    they last wrote (`spoke_at`, ms since 1970; 0: not lately, or staff). Under slow mode they may write again at
    `spoke_at + 1000 * slow`. `messages`: a student's own that the room was not shown, the newest `OWN_RECENT` of those
    not older than the view, oldest first; they belong among the view's, by id."""

    reactions: dict[int, list[str]] = {}
    spoke_at: int = 0
    messages: list[MessageView] = []
