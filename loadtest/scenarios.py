"""What can be tested, by name: how a class goes, and what must hold for the verdict `passed`.

Rates are per second and room, whatever its size. Limits are those that a deployment has to keep at any size; `memory_kib`
is judged from `MEMORY_FROM` members on, since below that a worker's own memory is most of it.
"""

from __future__ import annotations

import msgspec

MEMORY_FROM = 10_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds, seconds, KiB. None: not judged."""

    delivery_p50: float | None = 400
    delivery_p99: float | None = 1_200
    ack_p99: float | None = 1_000
    memory_kib: float | None = 36
    joined_within: float | None = None  # seconds from the first arrival to the last one being in
    lobby_ratio: float | None = None  # times what was estimated, that who came waited in the lobby at the median
    back_within: float | None = None  # seconds from the drop to the last one being back
    delivery_ratio: float | None = None  # times the delivery p99 from before some stopped reading, while they do not
    votes_within: float | None = None  # seconds from a poll's opening to the last vote's acknowledgement
    memory_growth: float | None = None  # how much more memory at the end than after a quarter of the time
    memory_ratio: float | None = None  # times the memory per member of the run compared with
    cpu_ratio: float | None = None  # times the CPU per delivered frame of the run compared with


def in_a_rush(**limits: float) -> Limits:
    """What must hold while more is asked of a deployment, for a minute, than it does at once: it is all done in time, and how
    late single messages were meanwhile is told and not judged."""
    return msgspec.structs.replace(Limits(delivery_p50=None, delivery_p99=None, ack_p99=None), **limits)


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`duration`: seconds that the class goes on once everybody is in. `ramp`: seconds in which all arrive. `polls`: when
    they are opened, as parts of the duration. `dropped`: how many lose their connection at once in the middle, at most
    half. `stuck`: how many, at most half, stop reading in the middle, for `stuck_seconds`. `about`: in words, with the numbers
    that `in_words` fills in."""

    name: str
    about: str
    limits: Limits = Limits()
    users: int = 1_000
    rooms: int = 1
    duration: float = 60
    ramp: float = 30
    chat: float = 0.5
    doubts: float = 0.1
    upvotes: float = 0.5
    talk: float = 0.2  # the instructor's words
    strokes: float = 0.1
    churn: float = 0.0  # members per second who lose their connection and come back
    polls: tuple[float, ...] = ()
    vote_seconds: float = 20
    dropped: int = 0
    stuck: int = 0
    stuck_seconds: float = 30


def in_words(scenario: Scenario, users: int) -> str:
    """What goes on in a run of that many students."""
    least, more = divmod(users, scenario.rooms)
    return scenario.about.format(
        users=f"{users:,}",
        rooms="1 class" if scenario.rooms == 1 else f"{scenario.rooms:,} classes",
        each=f"{least:,} to {least + 1:,} students" if more else f"{least:,} student{'s' * (least != 1)}",
        dropped=f"{min(scenario.dropped, users // 2):,}",
        stuck=f"{min(scenario.stuck, users // 2):,}",
        ramp=_time(scenario.ramp),
        duration=_time(scenario.duration),
        stuck_seconds=_time(scenario.stuck_seconds),
    )


def _time(seconds: float) -> str:
    for size, name in ((3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:,.0f} {name}s"
    return f"{seconds:,.6g} second{'s' * (seconds != 1)}"


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="lesson",
            about="People come over {ramp}, talk, ask and support doubts, watch ink, answer two polls; {duration} of class.",
            duration=600,
            ramp=100,
            chat=0.15,
            doubts=0.05,
            upvotes=0.2,
            talk=0.1,
            polls=(0.15, 0.55),
            vote_seconds=60,
        ),
        Scenario(
            name="storm",
            about="Everybody comes within {ramp}; who cannot be let in at once waits in the lobby.",
            limits=in_a_rush(joined_within=60, lobby_ratio=1.5),
            duration=15,
            ramp=20,
            chat=0.2,
        ),
        Scenario(
            name="poll-spike",
            about="All {users} answer one poll within half a minute.",
            limits=in_a_rush(votes_within=30),
            duration=60,
            ramp=60,
            polls=(0.1,),
            vote_seconds=25,
            chat=0.1,
            upvotes=0.1,
            strokes=0,
        ),
        Scenario(
            name="reconnect",
            about="{dropped} of {users} lose their connection at once, and come back to what they missed.",
            limits=in_a_rush(back_within=20),
            duration=60,
            ramp=60,
            chat=0.5,
            dropped=10_000,
        ),
        Scenario(
            name="stuck",
            about="{stuck} of {users} stop reading for {stuck_seconds}; the others must not notice.",
            limits=Limits(delivery_ratio=1.5),
            users=5_000,
            duration=90,
            ramp=30,
            chat=5,
            talk=2,
            stuck=500,
        ),
        Scenario(
            name="campus",
            about="{rooms} at once, each of {each} and an instructor.",
            limits=Limits(memory_kib=54, memory_ratio=1.5, cpu_ratio=2.0),
            users=48_000,
            rooms=2_000,
            duration=240,
            ramp=120,
            chat=0.08,
            doubts=0.01,
            upvotes=0.03,
            talk=0.06,
            strokes=0.02,
            polls=(0.2,),
            vote_seconds=60,
        ),
        Scenario(
            name="soak",
            about="A lesson of {duration}, with members whose connections come and go.",
            limits=Limits(memory_growth=1.15),
            duration=4 * 3_600,
            ramp=60,
            churn=1.0,
            polls=(0.1, 0.4, 0.7, 0.9),
        ),
    )
}
