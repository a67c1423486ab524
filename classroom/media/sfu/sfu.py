"""The forwarding unit: who publishes in which room, who watches, and what each is answered.

What always holds: a session is known by an id that cannot be guessed; a member has one publication per room, and a new one
takes the place of the old, whose viewers stay where the codecs are the same. What ends is told once (`ended`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, cast

import msgspec
import structlog

from classroom.kernel import Member
from classroom.media.sfu import packets, sdp
from classroom.media.sfu.layers import Layers
from classroom.media.sfu.port import Peer, Port
from classroom.media.sfu.publisher import Incoming, Publisher
from classroom.media.sfu.sdp import Offer, Reply, Section, Sending, Unacceptable
from classroom.media.sfu.viewer import Viewer
from classroom.media.tap import Codec, Source, Taps, Track

TICK = 0.05  # seconds
SOURCES: dict[str, tuple[Source, ...]] = {"video": ("camera", "screen"), "audio": ("microphone", "screen_audio")}
HALF_OPEN = 2_000  # sessions that have not come through DTLS yet; more are told to come again
EXTENSIONS = (sdp.MID, sdp.TRANSPORT_CC, sdp.ABS_SEND_TIME)  # header extensions that are of use from a publisher
IMPORTANCE = ("screen", "camera", "microphone", "screen_audio")
OWN_HALF_OPEN = 8  # of them, one member's in a room; the oldest give way
OVER = 4  # times what a publisher was told that it may send: browsers probe beyond that, and headers count
VIEWER_MOST = 100_000  # bytes a second of a viewer's reports and requests: some hundreds
KEY_FOR_TAPS = 2.0  # seconds between key frames that the packager needs

log = structlog.get_logger(__name__)


class Full(Exception):
    """No more viewers here: LL-HLS serves them."""


class Crowded(Exception):
    """Too many sessions are being set up at this moment."""


class NotLive(Exception):
    """Nobody publishes that, or nothing that this viewer can play."""


class Bounds(msgspec.Struct, frozen=True):
    """`bits`: what a publisher may send, in bits a second."""

    viewers: int = 400
    bits: int = 2_500_000


class Session(msgspec.Struct):
    """A publication or a viewing. `stream` names a publication to everybody; `tag` changes with each ICE restart."""

    id: str
    kind: Literal["publish", "watch"]
    room: str
    member: str
    peer: Peer
    stream: str = ""
    sources: tuple[Source, ...] = ()
    publisher: Publisher | None = None
    viewer: Viewer | None = None
    watched: str = ""  # whom a viewer watches
    live: bool = False
    who: Member | None = None  # the member as the token says

    @property
    def tag(self) -> str:
        return self.peer.ufrag


class Feed(msgspec.Struct):
    """What a member publishes in a room, over all their sessions: tracks, and the format each comes in."""

    forwards: dict[Source, Layers] = {}
    formats: dict[Source, sdp.Format] = {}
    session: Session | None = None
    pulled: Pulled | None = None

    @property
    def is_live(self) -> bool:
        return self.session is not None or self.pulled is not None


class Told(msgspec.Struct):
    """A track, or a layer of one, as one machine tells another of it."""

    source: Source
    kind: Literal["audio", "video"]
    format: sdp.Format
    rid: str


class Pulled:
    """A publication of another machine: forwarded and packaged here, told of and recorded there."""

    def __init__(self, feed: Feed, tracks: list[Incoming], taps: Taps) -> None:
        self._feed, self._tracks, self._taps = feed, tracks, taps
        self.is_closed = False

    def rtp(self, place: int, data: bytes, now: float) -> None:
        """A packet of one of its tracks."""
        head = packets.read(data)
        if head is None or place >= len(self._tracks) or self.is_closed:
            return
        one = self._tracks[place]
        if one.forward.push(head, data, one.format.clock_rate, now):
            one.hand(self._taps, data, now)

    def report(self, place: int, ntp: int, timestamp: int, now: float) -> None:
        """A sender report of one of its tracks."""
        if place >= len(self._tracks) or self.is_closed:
            return
        self._tracks[place].tell(self._taps, ntp, timestamp, now)

    def close(self) -> None:
        """Nothing more comes of it. Its viewers stay, for what comes in its place."""
        if self.is_closed:
            return
        self.is_closed = True
        if self._feed.pulled is self:
            self._feed.pulled = None
        for track in {one.track.source: one.track for one in self._tracks}.values():
            self._taps.ended(track)


class _Publishing:
    """A publisher's packets, and what becomes of its session. `bits`: what it may send, in bits a second."""

    sends = True

    def __init__(self, sfu: Sfu, session: Session, publisher: Publisher, bits: int) -> None:
        self._sfu, self._session = sfu, session
        self.most = bits / 8 * OVER
        self.rtp, self.rtcp = publisher.rtp, publisher.rtcp

    def connected(self) -> None:
        self._sfu.came_live(self._session)

    def moved(self) -> None:
        pass

    def closed(self) -> None:
        self._sfu.over(self._session)


class _Watching:
    """A viewer's control packets, and what becomes of its session."""

    sends = False
    most: float = VIEWER_MOST

    def __init__(self, sfu: Sfu, session: Session, viewer: Viewer) -> None:
        self._sfu, self._session, self._viewer = sfu, session, viewer
        self.rtcp, self.moved = viewer.rtcp, viewer.moved

    def connected(self) -> None:
        self._session.live = True
        self._viewer.connect(self._sfu.port.clock())

    def rtp(self, packet: bytes, now: float) -> None:
        pass

    def closed(self) -> None:
        self._viewer.stop()
        self._sfu.over(self._session)


class Sfu:
    """`addresses`: where peers find the port; `began` and `ended` are told of publications."""

    def __init__(
        self,
        port: Port,
        addresses: tuple[tuple[str, int], ...],
        bounds: Bounds,
        taps: Taps,
        began: Callable[[Session], None],
        ended: Callable[[Session], None],
    ) -> None:
        self.port = port
        self.addresses = addresses
        self._bounds = bounds
        self._taps = taps
        self._began, self._ended = began, ended
        self.sessions: dict[str, Session] = {}
        self.feeds: dict[tuple[str, str], Feed] = {}
        self.viewers = 0
        self._asked_key = 0.0
        taps.need_key = self._key_for

    # --- coming and going -------------------------------------------------------------------------------------------

    def publish(self, room: str, member: str, text: str, wanted: tuple[Source, ...] = ()) -> tuple[Session, str]:
        """Take an offer to send. `wanted`: what its media sections are, in order; without, the first picture is the camera.
        Raises `BadOffer`, `Unacceptable`, `Crowded`."""
        offer = sdp.read_offer(text)
        self._room_to_set_up(room, member)
        chosen = _choose(offer, wanted)
        if not chosen:
            raise Unacceptable("The offer sends nothing.")
        peer = self.port.open((offer.ufrag, offer.password), offer.fingerprints)
        feed = self.feeds.setdefault((room, member), Feed())
        tracks: list[Incoming] = []
        replies: list[Reply] = []
        extensions: dict[str, int] = {}
        for section in offer.sections:
            source, format = chosen.get(section.mid, (None, None))
            if source is None or format is None:
                replies.append(Reply(None))
                continue
            rids = section.rids if format.codec in sdp.SIMULCAST else ()
            useful = (*EXTENSIONS, sdp.RID, sdp.REPAIRED_RID) if rids else EXTENSIONS
            kept = tuple(one for one in section.extensions if one[1] in useful)
            extensions |= {uri: id for id, uri in kept}
            start = self._bounds.bits // 2_000 if section.kind == "video" else 0
            replies.append(Reply(format, "recvonly", kept, None, start, rids))
            tracks += self._incoming(room, member, feed, source, section, format, rids)
        publisher = Publisher(self.port, peer, tracks, extensions, self._taps, self._bounds.bits)
        sources = tuple(dict.fromkeys(track.track.source for track in tracks))
        session = Session(
            secrets.token_urlsafe(18), "publish", room, member, peer, secrets.token_hex(6), sources, publisher
        )
        self.sessions[session.id] = session
        peer.handler = _Publishing(self, session, publisher, self._bounds.bits)
        return session, self._answer(offer, replies, peer)

    @property
    def has_places(self) -> bool:
        """Whether one more may watch who does not publish."""
        return self.viewers < self._bounds.viewers

    def watch(self, room: str, publisher: str, text: str, member: str) -> tuple[Session, str]:
        """Take an offer to receive what `publisher` (a member's id) sends. Who publishes in this room too always finds a place:
        by LL-HLS they would hear themselves, seconds later. So does who watches that publisher already, and takes what they
        send now instead of what they sent before. Raises `BadOffer`, `NotLive`, `Full`, `Crowded`."""
        offer = sdp.read_offer(text)
        self._room_to_set_up(room, member)
        if not self.has_places and not self._has_right(room, publisher, member):
            raise Full
        feed = self.feeds.get((room, publisher))
        if feed is None or not feed.is_live:
            raise NotLive("Nobody publishes that now.")
        replies: list[Reply] = []
        wanted: list[tuple[Layers, sdp.Format, int]] = []
        sources: list[Source] = []
        left = [source for source in ("camera", "screen", "microphone", "screen_audio") if source in feed.formats]
        for section in offer.sections:
            found = (
                None
                if section.rejected or section.direction in ("sendonly", "inactive")
                else _take(section, left, feed)
            )
            if found is None:
                replies.append(Reply(None))
                continue
            source, format = found
            left.remove(source)
            track = feed.forwards[source]
            kept = tuple(one for one in section.extensions if one[1] == sdp.ABS_SEND_TIME)
            rtx = track.rtx_ssrc if format.rtx is not None else None
            sending = Sending(track.ssrc, rtx, f"m-{publisher_name(publisher)}", publisher_name(publisher), source)
            replies.append(Reply(format, "sendonly", kept, sending))
            sources.append(source)
            wanted.append((track, format, kept[0][0] if kept else 0))
        if not wanted:
            raise NotLive("Nothing of what is published fits the offer.")
        peer = self.port.open((offer.ufrag, offer.password), offer.fingerprints)
        order = sorted(range(len(wanted)), key=lambda place: IMPORTANCE.index(sources[place]))
        viewer = Viewer(peer, [wanted[place] for place in order])
        session = Session(secrets.token_urlsafe(18), "watch", room, member, peer, viewer=viewer, watched=publisher)
        self.sessions[session.id] = session
        self.viewers += 1
        peer.handler = _Watching(self, session, viewer)
        return session, self._answer(offer, replies, peer)

    def pull(self, room: str, member: str, told: list[Told], ask: Callable[[int], None]) -> Pulled:
        """Take what another machine hands on. `ask`: have it ask for a key frame of a track."""
        feed = self.feeds.setdefault((room, member), Feed())
        if feed.pulled is not None:
            feed.pulled.close()
        tracks: list[Incoming] = []
        for one in told:
            section = Section(one.kind, "", "", "", "sendonly", False, (), (), ())
            rids = (one.rid,) if one.rid else ()
            tracks += self._incoming(room, member, feed, one.source, section, one.format, rids, relayed=True)
        for place, track in enumerate(tracks):
            track.forward.ask = partial(ask, place)
        feed.pulled = Pulled(feed, tracks, self._taps)
        self._settle(feed, tracks)
        return feed.pulled

    def _has_right(self, room: str, publisher: str, member: str) -> bool:
        own = self.feeds.get((room, member))
        if own is not None and own.session is not None:
            return True
        watching = (room, member, publisher)
        return sum((one.room, one.member, one.watched) == watching for one in self.sessions.values()) == 1

    def restart(self, session: Session, ufrag: str, password: str) -> str:
        """An ICE restart: our new credentials and candidates, as a fragment (RFC 8840)."""
        if (ufrag, password) != session.peer.remote:
            self.port.restart(session.peer, (ufrag, password))
        peer = session.peer
        lines = [f"a=ice-ufrag:{peer.ufrag}", f"a=ice-pwd:{peer.password}", *sdp.candidates(self.addresses)]
        return "\r\n".join([*lines, "a=end-of-candidates", ""])

    def end(self, session: Session) -> None:
        self.port.shut(session.peer)

    def set_stage(self, room: str, muted: dict[str, tuple[str, ...]], gone: set[str]) -> None:
        """Who has left the stage, whose media end, and what the staff have muted of whom."""
        for session in [one for one in self.sessions.values() if one.room == room]:
            if session.publisher is None:
                continue
            session.publisher.muted = frozenset(muted.get(session.member, ()))
            if session.member in gone:
                self.end(session)

    # --- what happens to sessions -----------------------------------------------------------------------------------

    def came_live(self, session: Session) -> None:
        feed = self.feeds.setdefault((session.room, session.member), Feed())
        before, feed.session = feed.session, session
        session.live = True
        if before is not None and before is not session:
            self.end(before)
        if feed.pulled is not None:
            feed.pulled.close()
        tracks = session.publisher.tracks if session.publisher else []
        for one in tracks:
            if session.publisher is not None:
                one.forward.ask = partial(session.publisher.need_key, one)
        self._began(session)
        self._settle(feed, tracks)

    def _settle(self, feed: Feed, tracks: list[Incoming]) -> None:
        """From now on these tracks are what a feed is made of."""
        now = self.port.clock()
        for source, track in feed.forwards.items():
            rids = tuple(one.rid for one in tracks if one.track.source == source)
            if rids:
                track.keep(rids, now)
            track.key(now)

    def over(self, session: Session) -> None:
        if self.sessions.pop(session.id, None) is None:
            return
        if session.kind == "watch":
            self.viewers -= 1
            return
        tracks = session.publisher.tracks if session.publisher else []
        for track in {one.track.source: one.track for one in tracks}.values():  # once, in however many layers it came
            self._taps.ended(track)
        for outlet in session.publisher.outlets if session.publisher else ():
            outlet.ended()
        feed = self.feeds.get((session.room, session.member))
        if feed is not None and feed.session is session:
            feed.session = None
            if not feed.is_live and not _watched(feed):
                del self.feeds[session.room, session.member]
        if session.live:
            self._ended(session)

    def tick(self) -> None:
        """Called every 50 ms."""
        now = self.port.clock()
        for feed in self.feeds.values():
            if feed.session is not None and feed.session.publisher is not None:
                feed.session.publisher.tick(now)
            for layers in feed.forwards.values():
                layers.tick(now)
        for session in self.sessions.values():
            if session.viewer is not None and session.viewer.padding:
                session.viewer.pad(TICK, now)
        for key in [key for key, feed in self.feeds.items() if not feed.is_live and not _watched(feed)]:
            if not any(one.room == key[0] and one.member == key[1] and one.publisher for one in self.sessions.values()):
                del self.feeds[key]

    def _key_for(self, track: Track) -> None:
        feed = self.feeds.get((track.room, track.publisher))
        if feed is not None and track.source in feed.forwards:
            feed.forwards[track.source].key(self.port.clock())

    def _room_to_set_up(self, room: str, member: str) -> None:
        half = [session for session in self.sessions.values() if not session.live]
        own = [session for session in half if session.member == member and session.room == room]
        gone = own[: max(0, len(own) - OWN_HALF_OPEN + 1)]
        for session in gone:
            self.end(session)
        if len(half) - len(gone) >= HALF_OPEN:
            raise Crowded

    def _incoming(
        self,
        room: str,
        member: str,
        feed: Feed,
        source: Source,
        section: Section,
        format: sdp.Format,
        rids: tuple[str, ...],
        *,
        relayed: bool = False,
    ) -> list[Incoming]:
        """A track, or the layers of one."""
        before = feed.formats.get(source)
        if source not in feed.forwards or before is None or before.codec != format.codec:
            feed.forwards[source] = Layers(self.port, section.kind, format.codec)
        feed.formats[source] = format
        track = Track(
            room=room,
            publisher=member,
            source=source,
            kind=cast(Literal["audio", "video"], section.kind),
            codec=cast(Codec, format.codec),
            payload_type=format.payload_type,
            clock_rate=format.clock_rate,
            channels=format.channels,
            ssrc=section.ssrcs[0] if section.ssrcs else 0,
            parameters=format.parameters,
            relayed=relayed,
        )
        layers = feed.forwards[source]
        if not rids:
            return [Incoming(track, format, section.mid, section.ssrcs, layers)]
        return [Incoming(track, format, section.mid, (), layers, rid) for rid in rids]

    def _answer(self, offer: Offer, replies: list[Reply], peer: Peer) -> str:
        ours = (peer.ufrag, peer.password)
        return sdp.answer(offer, tuple(replies), ours, self.port.certificate.fingerprint, self.addresses)


def _watched(feed: Feed) -> bool:
    return any(track.viewers for track in feed.forwards.values())


def _choose(offer: Offer, wanted: tuple[Source, ...]) -> dict[str, tuple[Source, sdp.Format]]:
    """By mid, what each section that sends is, and in which format. Raises `Unacceptable` where one cannot be taken, since half a
    publication misleads whoever made it (RFC 9725, 4.4.3)."""
    chosen: dict[str, tuple[Source, sdp.Format]] = {}
    taken: set[Source] = set()
    named = list(wanted)
    for section in offer.sections:
        if section.kind not in SOURCES or section.rejected or section.direction in ("recvonly", "inactive"):
            continue
        free = [source for source in (named or SOURCES[section.kind]) if source in SOURCES[section.kind]]
        source = next((one for one in free if one not in taken), None)
        format = (sdp.pick(section, sdp.SIMULCAST) if section.rids else None) or sdp.pick(section)
        if source is None:
            raise Unacceptable(
                "The offer sends more of one kind than is taken here: a camera and a screen, a sound with each."
            )
        if format is None:
            raise Unacceptable("Part of the offer is in no codec that is taken here (H.264, VP9, VP8, AV1; Opus).")
        taken.add(source)
        chosen[section.mid] = (source, format)
    return chosen


def _take(section: Section, left: Sequence[str], feed: Feed) -> tuple[Source, sdp.Format] | None:
    for source in left:
        known = cast(Source, source)
        if known not in SOURCES.get(section.kind, ()):
            continue
        format = sdp.pick(section, (feed.formats[known].codec,))
        if format is not None:
            return known, format
    return None


def publisher_name(member: str) -> str:
    """A member's id as SDP can say it."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in member)[:64] or "-"


def clock() -> float:
    """Seconds that never go back."""
    return time.monotonic()
