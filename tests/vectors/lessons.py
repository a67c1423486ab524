"""The lessons behind the golden vectors: each plays one feature through, three are crowds, one is a seeded muddle."""

from __future__ import annotations

from random import Random
from typing import Any

from classroom.chat import model as chat
from classroom.doubts import model as doubts
from classroom.kernel import SYSTEM, Member, Role
from classroom.media import captions, stage
from classroom.polls import model as polls
from classroom.rooms import room as rooms
from classroom.rooms.roster import model as roster
from tests.vectors.drawing import draw, scribble
from tests.vectors.lesson import ASHA, HELPER, RAVI, STEP, TEACHER, ZOYA, Lesson, Wish, attend

EVERYONE = (TEACHER, HELPER, ASHA, RAVI, ZOYA)


def opened(name: str) -> Lesson:
    """A live class with everyone in it."""
    lesson = Lesson(name)
    lesson.tick(attend(*EVERYONE))
    lesson.tick((TEACHER, roster.StartClass()))
    return lesson


def watched(lesson: Lesson, middle: int) -> dict[str, Any]:
    """By those who were there from the start, and by those who came in the middle."""
    here = (TEACHER, ASHA, RAVI)
    return lesson.vector(*((member, 0) for member in here), *((member, middle) for member in here))


def talk() -> dict[str, Any]:
    lesson = opened("chat")
    hello = lesson.tick((TEACHER, chat.Say(text="Good morning! Today: motion.")))
    reply = lesson.tick((ASHA, chat.Say(text="Good morning", reply_to=hello, mentions=("t1",))))
    lesson.tick((RAVI, chat.React(id=hello, emoji="👏")))
    lesson.tick((ASHA, chat.React(id=hello, emoji="👏")))
    lesson.tick((ASHA, chat.React(id=hello, emoji="❤️")))
    lesson.tick((HELPER, chat.Pin(id=hello)))
    lesson.tick((ASHA, chat.Edit(id=reply, text="Good morning, ma'am")))
    middle = lesson.seq
    lesson.tick((TEACHER, chat.Edit(id=hello, text="Good morning! Today: Newton's laws.")))
    lesson.tick((RAVI, chat.React(id=hello, emoji="👏", on=False)))
    lesson.tick((ASHA, chat.React(id=hello, emoji="❤️", on=False)))
    rude = lesson.tick((RAVI, chat.Say(text="boring")))
    lesson.tick((ASHA, chat.React(id=rude, emoji="🤔")))
    lesson.tick((HELPER, chat.Delete(id=rude)))
    lesson.tick((TEACHER, chat.Configure(slow=30)))
    lesson.now += 60_000
    slow = lesson.tick((RAVI, chat.Say(text="<b>sorry</b> & नमस्ते")))
    lesson.tick((TEACHER, chat.Pin(id=slow)))
    lesson.tick((TEACHER, chat.Pin(id=hello, on=False)))
    lesson.tick((TEACHER, chat.Pin(id=reply)))
    lesson.tick((ASHA, chat.Delete(id=reply)))
    lesson.tick((TEACHER, chat.Configure(locked=True)))
    return watched(lesson, middle)


def ask() -> dict[str, Any]:
    lesson = opened("doubts")
    first = lesson.tick((ASHA, doubts.Ask(text="Why does a feather fall slowly?", anonymous=True)))
    second = lesson.tick((RAVI, doubts.Ask(text="What is inertia?")))
    twin = lesson.tick((ZOYA, doubts.Ask(text="Inertia??")))
    lesson.tick((TEACHER, doubts.Approve(id=first)))
    lesson.tick((TEACHER, doubts.Approve(id=second)))
    lesson.tick(
        (RAVI, doubts.Vote(id=first)), (ZOYA, doubts.Vote(id=first)), (ASHA, doubts.Vote(id=second))
    )  # one tick's votes are one event
    lesson.tick((HELPER, doubts.Merge(id=twin, into=second)))
    gone = lesson.tick((RAVI, doubts.Ask(text="Is there homework?")))
    lesson.tick((HELPER, doubts.Dismiss(id=gone, reason="Not about today's lesson")))
    middle = lesson.seq
    lesson.tick((TEACHER, doubts.Pin(id=first)))
    lesson.tick((TEACHER, doubts.Start(id=first)))
    lesson.tick((RAVI, doubts.Vote(id=first, on=False)))
    lesson.tick((TEACHER, doubts.Finish(id=first)))
    lesson.tick((TEACHER, doubts.Answer(id=first, text="Air resistance.")))
    lesson.tick((TEACHER, doubts.Start(id=second)))
    lesson.tick((HELPER, doubts.Answer(id=second, text="Matter keeps its motion.")))
    lesson.tick((HELPER, doubts.Reopen(id=second)))
    lesson.tick((TEACHER, doubts.Reopen(id=gone)))
    lesson.tick((TEACHER, doubts.Configure(moderated=False)))
    third = lesson.tick((ASHA, doubts.Ask(text="And on the moon?", anonymous=True)))
    lesson.tick((RAVI, doubts.Vote(id=third)))
    lesson.tick((TEACHER, doubts.Pin(id=third)))
    lesson.tick((TEACHER, doubts.Merge(id=second, into=third)))  # what was merged before now leads here
    fourth = lesson.tick((RAVI, doubts.Ask(text="Never mind")))
    lesson.tick((ASHA, doubts.Vote(id=fourth)))
    lesson.tick((RAVI, doubts.Withdraw(id=fourth)))
    fifth = lesson.tick((ZOYA, doubts.Ask(text="Off topic")))
    lesson.tick((ASHA, doubts.Vote(id=fifth)))
    lesson.tick((TEACHER, doubts.Dismiss(id=fifth, reason="Later")))
    lesson.tick((TEACHER, doubts.Configure(locked=True, anonymous=False)))
    lesson.tick((TEACHER, doubts.Ask(text="What do you take home today?")))
    return watched(lesson, middle)


def vote() -> dict[str, Any]:
    lesson = opened("polls")
    kind = polls.PollKind
    quiz = lesson.tick(
        (
            TEACHER,
            polls.Prepare(
                spec=polls.Spec(question="F = ?", kind=kind.QUIZ, options=("ma", "mv", "m/a"), right=(0,), seconds=60)
            ),
        )
    )
    mood = lesson.tick(
        (TEACHER, polls.Prepare(spec=polls.Spec(question="How was it?", kind=kind.RATING, results=polls.Results.LIVE)))
    )
    word = lesson.tick(
        (
            HELPER,
            polls.Prepare(
                spec=polls.Spec(question="One word?", kind=kind.TEXT, secret=False, results=polls.Results.STAFF)
            ),
        )
    )
    many = lesson.tick(
        (TEACHER, polls.Prepare(spec=polls.Spec(question="Which?", kind=kind.MULTIPLE, options=("a", "b", "c"))))
    )
    lesson.tick((TEACHER, polls.Revise(id=mood, spec=polls.Spec(question="How was today?", kind=kind.RATING, scale=4))))
    spare = lesson.tick((TEACHER, polls.Prepare(spec=polls.Spec(question="?", kind=kind.SINGLE, options=("x", "y")))))
    lesson.tick((TEACHER, polls.Discard(id=spare)))
    lesson.tick((TEACHER, polls.Open(id=many)))  # not in order of preparation
    lesson.tick((TEACHER, polls.Open(id=quiz)))
    lesson.tick((ASHA, polls.Vote(id=quiz, choice=(0,))), (RAVI, polls.Vote(id=quiz, choice=(1,))))
    middle = lesson.seq
    lesson.tick((RAVI, polls.Vote(id=quiz, choice=(0,))))
    lesson.tick((ASHA, polls.Vote(id=many, choice=(0, 2))))
    lesson.tick((TEACHER, polls.Vote(id=quiz, choice=(2,))))
    lesson.tick((TEACHER, polls.Close(id=quiz)))
    lesson.tick((HELPER, polls.Open(id=word)))
    lesson.tick((ASHA, polls.Vote(id=word, text="Force")), (ZOYA, polls.Vote(id=word, text="force")))
    lesson.tick((TEACHER, polls.Open(id=mood)))
    lesson.tick((RAVI, polls.Vote(id=mood, choice=(4,))))
    lesson.tick((HELPER, polls.Close(id=word)))
    return watched(lesson, middle)


def come_and_go() -> dict[str, Any]:
    lesson = opened("roster")
    lesson.tick((ASHA, roster.RaiseHand()))
    lesson.tick((RAVI, roster.RaiseHand()))
    lesson.tick((ZOYA, roster.RaiseHand()))
    lesson.tick((TEACHER, roster.Mute(member="s2", minutes=5)))
    lesson.tick((TEACHER, roster.LowerHand(member="s1")))
    middle = lesson.seq
    lesson.tick((TEACHER, roster.Appoint(member="s3", role=Role.ASSISTANT)))
    lesson.tick((ASHA, roster.Rename(name="Asha K")))
    lesson.tick(attend(went=(HELPER, ZOYA)))
    lesson.tick(attend(HELPER))
    lesson.tick((TEACHER, roster.Unmute(member="s2")))
    lesson.tick((TEACHER, roster.Mute(member="s1", minutes=2)))
    lesson.tick((TEACHER, roster.Appoint(member="s3", role=Role.STUDENT)))
    stranger = Member("s9", "Stranger", Role.STUDENT)
    lesson.tick(attend(stranger, ZOYA))
    lesson.tick((HELPER, roster.Remove(member="s9", reason="Wrong room")))
    lesson.tick((TEACHER, roster.Ban(member="s9", reason="Again")))
    lesson.tick((TEACHER, roster.Unban(member="s9")))
    lesson.tick((RAVI, roster.RaiseHand()))
    lesson.tick((TEACHER, roster.EndClass()))
    lesson.tick((TEACHER, roster.StartClass()))
    lesson.tick((ASHA, roster.RaiseHand()))
    lesson.tick((TEACHER, roster.EndClass()))
    return watched(lesson, middle)


def chatter() -> dict[str, Any]:
    """More messages than a newcomer is told."""
    lesson = opened("chatter")
    middle = 0
    for number in range(130):
        speaker = (ASHA, RAVI, TEACHER)[number % 3]
        said = lesson.tick((speaker, chat.Say(text=f"Message {number}")))
        if number % 10 == 3:
            lesson.tick((ASHA, chat.React(id=said, emoji="👍")))
        if number == 119:
            middle = lesson.seq
    return lesson.vector((ASHA, 0), (ASHA, middle), (TEACHER, middle))


def crowd() -> dict[str, Any]:
    """More messages at once than anybody can read."""
    lesson = opened("crowd")
    many = [Member(f"c{number}", f"C {number}", Role.STUDENT) for number in range(30)]
    lesson.tick(attend(*many))
    at_once(lesson, *((member, chat.Say(text=f"Hello from {member.name}")) for member in many))
    at_once(lesson, *((member, chat.Say(text="Me too")) for member in many), (ASHA, chat.Say(text="Ma'am?")))
    at_once(lesson, *((member, chat.Say(text="And me")) for member in many), (ASHA, chat.Say(text="Exam?")))
    exam = next(id for id, message in reversed(lesson.room.chat.crowd.messages.items()) if message.by == "s1")
    lesson.tick((HELPER, chat.React(id=exam, emoji="👍")), (ASHA, chat.React(id=exam, emoji="🤔")))
    lesson.tick((ASHA, chat.Edit(id=exam, text="Ma'am, is this on the exam?")))
    lesson.tick((TEACHER, chat.Say(text="One at a time, please", reply_to=exam)))
    lesson.tick((TEACHER, chat.Configure(crowd=2)))
    middle = lesson.seq
    ravi = (RAVI, chat.Say(text="Sorry, ma'am"))
    at_once(lesson, *((member, chat.Say(text="Sorry")) for member in many), ravi, ravi, ravi)
    unshown = list(lesson.room.chat.crowd.messages)
    at_once(lesson, (ASHA, chat.Say(text="As I said", reply_to=exam)), (RAVI, chat.Say(text="?")))
    promoted = lesson.tick((TEACHER, chat.Promote(id=exam)))
    lesson.tick((RAVI, chat.React(id=promoted, emoji="👏")), (ASHA, chat.Edit(id=exam, text="Is this on the exam?")))
    lesson.tick((HELPER, chat.Delete(id=unshown[-4])), (RAVI, chat.Delete(id=unshown[-1])))
    lesson.tick((TEACHER, chat.Pin(id=unshown[0])))
    lesson.tick((TEACHER, chat.Say(text="It is.", reply_to=promoted)))
    at_once(lesson, *((member, chat.Say(text="Thank you")) for member in (*many, ASHA, ASHA, ASHA, RAVI, RAVI)))
    return watched(lesson, middle)


def at_once(lesson: Lesson, *wishes: Wish) -> None:
    """Each of these is decided on what those before it have led to, a millisecond apart."""
    for wish in wishes:
        lesson.tick(wish)
        lesson.now -= STEP - 1
    lesson.now += STEP


def assembly() -> dict[str, Any]:
    """More people than the staff's list holds."""
    lesson = opened("assembly")
    middle = lesson.seq
    crowd = [Member(f"p{number}", f"P {number}", Role.STUDENT) for number in range(1_000)]
    lesson.tick(attend(*crowd[:500]))
    lesson.tick(attend(*crowd[500:]))
    lesson.tick((crowd[7], roster.RaiseHand()))
    lesson.tick((TEACHER, roster.Appoint(member="p8", role=Role.ASSISTANT)))
    lesson.tick((TEACHER, roster.Mute(member="p9")))
    lesson.tick(attend(went=(crowd[7], crowd[8])))
    return lesson.vector((TEACHER, middle), (ASHA, middle))


def muddle() -> dict[str, Any]:
    """Three hundred wishes by anybody for anything, most of them refused."""
    dice = Random(20_250_101)
    lesson = opened("muddle")
    for _ in range(300):
        lesson.attempt((dice.choice(EVERYONE), anything(dice, lesson.seq)))
    return watched(lesson, lesson.seq // 2)


def anything(dice: Random, seq: int) -> rooms.AnyCommand:
    id, other, on = dice.randint(1, seq), dice.randint(1, seq), dice.random() < 0.7
    student = dice.choice((ASHA, RAVI, ZOYA)).id
    options = ("one", "two", "three")
    kind = dice.choice(list(polls.PollKind))
    listed = kind in (polls.PollKind.SINGLE, polls.PollKind.MULTIPLE, polls.PollKind.QUIZ)
    spec = polls.Spec(
        question=f"Question {seq}",
        kind=kind,
        options=options if listed else (),
        right=(1,) if kind is polls.PollKind.QUIZ else (),
        results=dice.choice(list(polls.Results)),
        secret=on,
    )
    return dice.choice(
        (
            chat.Say(text=f"Said {seq}", reply_to=None),
            chat.Say(text=f"Said too {seq}"),
            chat.Edit(id=id, text=f"Edited {seq}"),
            chat.Delete(id=id),
            chat.React(id=id, emoji=dice.choice(chat.EMOJI[:3]), on=on),
            chat.Pin(id=id, on=on),
            doubts.Ask(text=f"Doubt {seq}", anonymous=on),
            doubts.Ask(text=f"Another doubt {seq}"),
            doubts.Vote(id=id, on=on),
            doubts.Vote(id=other, on=on),
            doubts.Approve(id=id),
            doubts.Approve(id=other),
            doubts.Withdraw(id=id),
            doubts.Dismiss(id=id, reason="No"),
            doubts.Start(id=id),
            doubts.Finish(id=id),
            doubts.Answer(id=id, text=f"Answer {seq}"),
            doubts.Merge(id=id, into=other),
            doubts.Pin(id=id, on=on),
            doubts.Reopen(id=id),
            doubts.Configure(moderated=on),
            polls.Prepare(spec=spec),
            polls.Open(id=id),
            polls.Vote(id=id, choice=(dice.randint(1, 2),)),
            polls.Close(id=id),
            roster.RaiseHand(on=on),
            roster.LowerHand(member=student),
            roster.Mute(member=student, minutes=1),
            roster.Rename(name=f"Name {seq}"),
        )
    )


def blackboard() -> dict[str, Any]:
    lesson = opened("board")
    draw(lesson)
    return watched(lesson, lesson.seq // 2)


def scribbles() -> dict[str, Any]:
    """Five who draw at random on three pages, and undo each other's doings as far as they may."""
    lesson = opened("scribbles")
    scribble(lesson, Random(20_250_404), 300)
    return watched(lesson, lesson.seq // 2)


def on_stage() -> dict[str, Any]:
    lesson = opened("stage")
    camera, voice, screen = stage.Source.CAMERA, stage.Source.MICROPHONE, stage.Source.SCREEN

    def publishes(member: Member, stream: str, *sources: stage.Source) -> Wish:
        return SYSTEM, stage.Publish(
            member=member.id, name=member.name, role=member.role, stream=stream, sources=sources
        )

    lesson.tick(publishes(TEACHER, "one", camera, voice))
    lesson.tick((ASHA, roster.RaiseHand()))
    lesson.tick((HELPER, stage.Call(member=ASHA.id)))
    lesson.tick(publishes(ASHA, "two", voice), publishes(HELPER, "three", camera))
    lesson.tick((TEACHER, stage.MuteSource(member=ASHA.id)))
    lesson.tick(publishes(TEACHER, "four", camera, voice, screen))
    lesson.tick((SYSTEM, stage.Unpublish(member=TEACHER.id, stream="one")), (TEACHER, stage.Limit(most=4)))
    lesson.tick((TEACHER, stage.Call(member=RAVI.id)))
    lesson.tick((TEACHER, stage.MuteSource(member=ASHA.id, on=False)))
    lesson.tick((SYSTEM, stage.Unpublish(member=ASHA.id, stream="two")))
    lesson.tick((SYSTEM, stage.Unpublish(member=HELPER.id, stream="three")))
    lesson.tick((RAVI, stage.Leave()), (TEACHER, stage.Leave(member=ASHA.id)))
    lesson.tick((TEACHER, stage.Call(member=RAVI.id)))
    lesson.tick((TEACHER, roster.EndClass()))
    return watched(lesson, lesson.seq // 2)


def captioned() -> dict[str, Any]:
    lesson = opened("captions")
    for number in range(captions.KEPT + 5):
        lesson.tick((TEACHER if number % 3 else HELPER, captions.Say(text=f"  Line {number} of what   is said ")))
    lesson.tick((HELPER, captions.Say(text="आज हम धारा के बारे में पढ़ेंगे।")))
    return watched(lesson, lesson.seq // 2)


ALL = (talk, ask, vote, come_and_go, chatter, crowd, assembly, muddle, blackboard, scribbles, on_stage, captioned)
