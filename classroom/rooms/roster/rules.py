"""The roster's rules.

What always holds: nobody becomes an instructor but by their token; nobody acts on an instructor; a member's name and
role in force are the token's unless the log says otherwise; why somebody was removed or banned, and who is muted, is
shown to the staff and that member alone; what `all` are shown grows with the staff and the raised hands, never with the
room.

What a client does with each event (it holds `RosterView`, `RosterOwn` and its own id). "Put" means: replace those fields
of the person with that id in `people`, or add them. `people` are the staff alone for students, whose `listed` is true,
and for the staff while `listed` is false.

- `roster.attended`: mark `went` not present; where `people` are the staff alone, drop `demoted`; put each of `came` with
  `present` true, but skip students where `people` are the staff alone. When a staff member's `people` outgrow `LISTED`
  (1000), drop the students from them and set `listed` false, for good.
- `roster.hand_raised`: append `{id: member, name, role}` to `hands`.
- `roster.hand_lowered`: drop `members` from `hands`.
- `roster.muted`: set `muted_until` of that person in `people`, if there (staff); own `muted_until` if it is oneself.
- `roster.removed`: nothing to fold; the connection of the one removed ends with the reason.
- `roster.banned`: set `banned` of that person in `people`, if there (staff); the connection of the one banned ends.
- `roster.renamed`: set `name` of that person in `people` and in `hands`, where there; in `me` if it is oneself.
- `roster.appointed`: set `role` in `hands`, where there. Put `{id: member, name, role, present}`; but where `people`
  are the staff alone and `role` is student, drop them instead.
- `class.started`: `phase` live, `started_at` as told, `ended_at` 0.
- `class.ended`: `phase` ended, `ended_at` = the event's `at`.
"""

from __future__ import annotations

from sys import intern

from msgspec.structs import replace

from classroom.kernel import (
    Audience,
    Context,
    Event,
    Member,
    Meta,
    Phase,
    Rejected,
    Role,
    need_instructor,
    need_staff,
    unreachable,
)
from classroom.rooms.roster.model import (
    HANDS_LIMIT,
    LISTED,
    MUTE_MINUTES_LIMIT,
    REASON_LIMIT,
    Appoint,
    Appointed,
    Attend,
    Attended,
    Ban,
    Banned,
    ClassEnded,
    ClassStarted,
    EndClass,
    HandLowered,
    HandRaised,
    LowerHand,
    Mute,
    Muted,
    Person,
    PersonView,
    RaiseHand,
    Record,
    Remove,
    Removed,
    Rename,
    Renamed,
    Roster,
    RosterCommand,
    RosterEvent,
    RosterOwn,
    RosterView,
    StartClass,
    Unban,
    Unmute,
)
from classroom.texts import clean_name, clean_text, shows


def decide(state: Roster, command: RosterCommand, context: Context) -> list[Event]:
    """What `command` makes happen; nothing where it changes nothing. Reads only; raises `Rejected`."""
    match command:
        case RaiseHand():
            return _raise_hand(state, command, context)
        case LowerHand():
            return _lower_hand(state, command, context)
        case Mute():
            return _mute(state, command, context)
        case Unmute(member=id):
            need_staff(context, "unmute members")
            return [Muted(member=id, until=0)] if _target(state, id, context).muted_until > context.now else []
        case Remove(member=id):
            need_staff(context, "remove members")
            _target(state, id, context)
            return [Removed(member=id, reason=_reason(command.reason)), *_hand_down(state, id)]
        case Ban(member=id):
            need_staff(context, "ban members")
            banned = _target(state, id, context).banned
            reason = _reason(command.reason)
            return [] if banned else [Banned(member=id, reason=reason), *_hand_down(state, id)]
        case Unban(member=id):
            need_staff(context, "unban members")
            return [Banned(member=id, on=False)] if _target(state, id, context).banned else []
        case Rename():
            return _rename(state, command, context)
        case Appoint():
            return _appoint(state, command, context)
        case StartClass():
            need_instructor(context, "start the class")
            return [] if state.phase is Phase.LIVE else [ClassStarted(started_at=state.started_at or context.now)]
        case EndClass():
            return _end_class(state, context)
        case Attend():
            return _attend(state, command, context)
        case _:
            return unreachable(command)


def apply(state: Roster, event: RosterEvent, meta: Meta) -> None:
    """Fold one event in. Does nothing where the member is unknown."""
    match event:
        case Attended():
            _apply_attended(state, event)
        case HandRaised(member=id):
            state.hands.setdefault(id, Person(id=id, name=event.name, role=event.role))
        case HandLowered():
            for id in event.members:
                state.hands.pop(id, None)
        case Muted(member=id):
            if record := state.members.get(id):
                record.muted_until = event.until
        case Removed():
            pass
        case Banned(member=id):
            if record := state.members.get(id):
                record.banned = event.on
        case Renamed(member=id):
            if record := state.members.get(id):
                record.name, record.renamed = event.name, True
            if hand := state.hands.get(id):
                state.hands[id] = replace(hand, name=event.name)
        case Appointed(member=id):
            if record := state.members.get(id):
                record.appointed = True
                _set_role(state, record, event.role)
            if hand := state.hands.get(id):
                state.hands[id] = replace(hand, role=event.role)
        case ClassStarted():
            state.phase, state.started_at, state.ended_at = Phase.LIVE, event.started_at, 0
        case ClassEnded():
            state.phase, state.ended_at = Phase.ENDED, meta.at
        case _:
            unreachable(event)


def view(event: RosterEvent, audience: Audience) -> Event | None:
    """What `audience` is shown of `event`; None: nothing."""
    if audience.kind == "staff" and isinstance(event, Attended) and event.edge:
        return replace(event, edge="")
    if audience.sees_all:
        return event
    match event:
        case Attended(staff_went=went, demoted=demoted):
            came = tuple(person for person in event.came if person.role.staff)
            return Attended(came=came, went=went, demoted=demoted) if came or went or demoted else None
        case Muted(member=id) | Removed(member=id) | Banned(member=id):
            return event if audience.kind == "member" and audience.member == id else None
        case HandRaised() | HandLowered() | Renamed() | Appointed() | ClassStarted() | ClassEnded():
            return event
        case _:
            return unreachable(event)


def addressees(event: RosterEvent) -> tuple[str, ...]:
    """The ids of members who are shown something else of `event` than others of their kind."""
    return (event.member,) if isinstance(event, Muted | Removed | Banned) else ()


def show(state: Roster, audience: Audience) -> RosterView:
    """The roster as `audience` sees it, without what is one member's alone."""
    staff = audience.sees_all
    listed = not staff or len(state.members) <= LISTED
    shown = state.members.values() if staff and listed else [state.members[id] for id in state.staff]
    return RosterView(
        phase=state.phase,
        started_at=state.started_at,
        ended_at=state.ended_at,
        hands=[PersonView(id=hand.id, name=hand.name, role=hand.role) for hand in state.hands.values()],
        people=[
            PersonView(
                id=record.id,
                name=record.name,
                role=record.role,
                present=record.present,
                muted_until=record.muted_until if staff else 0,
                banned=record.banned and staff,
            )
            for record in shown
        ],
        listed=listed,
    )


def own(state: Roster, audience: Audience) -> RosterOwn:
    """What is the member's alone whom `audience` names."""
    return RosterOwn(muted_until=muted_until(state, audience.member))


def muted_until(roster: Roster, member_id: str) -> int:
    """Until when this member is muted, in ms since 1970; 0 or past: they are not."""
    record = roster.members.get(member_id)
    return record.muted_until if record else 0


def is_banned(roster: Roster, id: str) -> bool:
    """Whether this member may not come in."""
    record = roster.members.get(id)
    return record is not None and record.banned


def role_of(roster: Roster, member: Member) -> Role:
    """The role in force: the appointed one, else the token's. An instructor's token stays above any appointment, and no
    appointment makes an instructor."""
    record = roster.members.get(member.id)
    appointable = (Role.ASSISTANT, Role.STUDENT)
    if record and record.appointed and member.role in appointable and record.role in appointable:
        return record.role
    return member.role


def name_of(roster: Roster, member: Member) -> str:
    """The name in force: the one chosen in the room, else the token's."""
    record = roster.members.get(member.id)
    return record.name if record and record.renamed else member.name


def in_force(roster: Roster, member: Member) -> Member:
    """The member with the name and the role in force: nearly always those of the token."""
    record = roster.members.get(member.id)
    if record is None or not (record.renamed or record.appointed):
        return member
    return Member(member.id, name_of(roster, member), role_of(roster, member))


def _known(state: Roster, id: str) -> Record:
    record = state.members.get(id)
    if record is None:
        raise Rejected("not_found", "Nobody by that id has been in this class.")
    return record


def _target(state: Roster, id: str, context: Context) -> Record:
    """The member to act on: nobody acts on an instructor, and only an instructor on an assistant."""
    record = _known(state, id)
    if record.role is Role.INSTRUCTOR:
        raise Rejected("forbidden", "Nobody may do this to an instructor.")
    if record.role is Role.ASSISTANT:
        need_instructor(context, "do this to an assistant")
    return record


def _reason(text: str) -> str:
    return clean_text(text, REASON_LIMIT, "reason") if shows(text) else ""


def _hand_down(state: Roster, id: str) -> list[Event]:
    return [HandLowered(members=(id,), by_staff=True)] if id in state.hands else []


def _raise_hand(state: Roster, command: RaiseHand, context: Context) -> list[Event]:
    actor = context.actor
    if actor.role is Role.SYSTEM:
        raise Rejected("forbidden", "The server has no hand to raise.")
    up = actor.id in state.hands
    if not command.on:
        return [HandLowered(members=(actor.id,))] if up else []
    if state.phase is Phase.ENDED and not actor.role.staff:
        raise Rejected("class_ended", "The class has ended.")
    if up:
        return []
    if len(state.hands) >= HANDS_LIMIT:
        raise Rejected("too_many", f"{HANDS_LIMIT} hands are up already; try again in a while.", temporary=True)
    return [HandRaised(member=actor.id, name=actor.name, role=actor.role)]


def _lower_hand(state: Roster, command: LowerHand, context: Context) -> list[Event]:
    need_staff(context, "lower other members' hands")
    if command.member is None:
        return [HandLowered(members=tuple(state.hands), by_staff=True)] if state.hands else []
    if command.member not in state.hands:
        _known(state, command.member)
    return _hand_down(state, command.member)


def _mute(state: Roster, command: Mute, context: Context) -> list[Event]:
    need_staff(context, "mute members")
    record = _target(state, command.member, context)
    if not 1 <= command.minutes <= MUTE_MINUTES_LIMIT:
        raise Rejected("bad_request", f"Members are muted for 1 to {MUTE_MINUTES_LIMIT} minutes.")
    until = context.now + command.minutes * 60_000
    return [] if record.muted_until == until else [Muted(member=record.id, until=until)]


def _rename(state: Roster, command: Rename, context: Context) -> list[Event]:
    actor = context.actor
    id = actor.id if command.member is None else command.member
    if id == actor.id:
        if context.muted_until > context.now:
            raise Rejected(
                "muted",
                "You are muted by the staff and cannot change your name now.",
                temporary=True,
                until=context.muted_until,
            )
        if id not in state.members:
            # Attendance is recorded in batches, so whoever has just come in is known a moment later.
            raise Rejected("not_found", "You have only just come in; try again in a moment.", temporary=True)
    else:
        need_staff(context, "rename other members")
        if _known(state, id).role.staff:
            raise Rejected("forbidden", "Only students can be renamed by others.")
    name = clean_name(command.name)
    return [] if state.members[id].name == name else [Renamed(member=id, name=name)]


def _appoint(state: Roster, command: Appoint, context: Context) -> list[Event]:
    need_instructor(context, "appoint assistants")
    if command.role not in (Role.ASSISTANT, Role.STUDENT):
        raise Rejected("bad_request", "Members can be made assistants or students, nothing else.")
    record = _target(state, command.member, context)
    if record.role is command.role:
        return []
    if command.role is Role.ASSISTANT and record.banned:
        raise Rejected("wrong_state", "This member is banned; lift the ban first.")
    appointed = Appointed(member=record.id, name=record.name, role=command.role, present=record.present)
    return [*_voice_back(record, command.role), appointed]


def _voice_back(record: Record | None, role: Role) -> list[Event]:
    """Whoever joins the staff is not muted. Clients that list the staff alone rely on it: they do not know of students'
    mutes."""
    if record and record.muted_until and role.staff and not record.role.staff:
        return [Muted(member=record.id, until=0)]
    return []


def _end_class(state: Roster, context: Context) -> list[Event]:
    need_instructor(context, "end the class")
    if state.phase is Phase.ENDED:
        return []
    if state.phase is Phase.WAITING:
        raise Rejected("wrong_state", "The class has not started yet.")
    hands = tuple(state.hands)
    return [ClassEnded(), HandLowered(members=hands, by_staff=True)] if hands else [ClassEnded()]


def _attend(state: Roster, command: Attend, context: Context) -> list[Event]:
    if context.actor.role is not Role.SYSTEM:
        raise Rejected("forbidden", "Only the server records attendance.")
    here = {person.id: person for person in command.came}
    came: list[Person] = []
    events: list[Event] = []
    for person in here.values():
        record = state.members.get(person.id)
        token = Member(id=person.id, name=person.name, role=person.role)
        person = Person(id=person.id, name=name_of(state, token), role=role_of(state, token))
        same = record and record.present and record.edge == command.edge
        same = same and record and (record.name, record.role) == (person.name, person.role)
        if same or (record and record.banned):
            continue
        came.append(person)
        events += _voice_back(record, person.role)
    gone = [state.members[id] for id in dict.fromkeys(command.went) if id in state.members and id not in here]
    gone = [record for record in gone if record.present and record.edge == command.edge]
    if not came and not gone:
        return []
    staff = set(state.staff)
    events.append(
        Attended(
            came=tuple(came),
            edge=command.edge,
            went=tuple(record.id for record in gone),
            staff_went=tuple(record.id for record in gone if record.role.staff),
            demoted=tuple(person.id for person in came if person.id in staff and not person.role.staff),
        )
    )
    lowered = tuple(record.id for record in gone if record.id in state.hands)
    return [*events, HandLowered(members=lowered)] if lowered else events


def _apply_attended(state: Roster, event: Attended) -> None:
    for id in event.went:
        if record := state.members.get(id):
            record.present = False
    for person in event.came:
        record = state.members.get(person.id)
        if record is None:
            id = intern(person.id)  # the same string as in every poll that they vote in
            record = state.members[id] = Record(id=id, name=person.name, role=Role.STUDENT)
        record.name, record.present, record.edge = person.name, True, event.edge
        if person.role is Role.INSTRUCTOR:
            # Otherwise an appointment from before would later pass their instructor's rights to a lesser token.
            record.appointed = False
        _set_role(state, record, person.role)


def _set_role(state: Roster, record: Record, role: Role) -> None:
    if record.role.staff and not role.staff:
        state.staff.remove(record.id)
    elif role.staff and not record.role.staff:
        state.staff.append(record.id)
    record.role = role
