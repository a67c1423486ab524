"""The forwarding unit: who publishes in which room, who watches, and when each begins and ends.

What always holds: a session is known by an id that cannot be guessed; a member has one publication per room, and a new one
takes the place of the old, whose viewers stay where the codecs are the same. What ends is told once (`ended`), and after what
has taken its place (`began`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

import msgspec

from classroom.media.sfu import agreement, feeds, sdp
from classroom.media.sfu.feeds import Feed, Pulled, Session, Told
from classroom.media.sfu.layers import Layers
from classroom.media.sfu.port import Peer, Port
from classroom.media.sfu.publisher import Incoming, Publisher
from classroom.media.sfu.sdp import Offer, Reply, Section
from classroom.media.sfu.viewer import Viewer
from classroom.media.tap import Source, Taps, Track

TICK = 0.05  # seconds
HALF_OPEN = 2_000  # sessions that have not come through DTLS yet; more are told to come again
OWN_HALF_OPEN = 8  # of them, one member's in a room; the oldest give way
OVER = 4  # times what a publisher was told that it may send: browsers probe beyond that, and headers count
VIEWER_MOST = 100_000  # bytes a second of a viewer's reports and requests: some hundreds
IMPORTANCE: tuple[Source, ...] = (
    "screen",
    "camera",
    "microphone",
    "screen_audio",
)  # to a viewer whose network is narrow


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
        taps.need_key = self._key_for

    # --- coming and going -------------------------------------------------------------------------------------------

    def publish(self, room: str, member: str, text: str, wanted: tuple[Source, ...] = ()) -> tuple[Session, str]:
        """Take an offer to send. `wanted`: what its media sections are, in order; without, the first picture is the camera.
        Raises `BadOffer`, `Unacceptable`, `Crowded`."""
        offer = sdp.read_offer(text)
        self._room_to_set_up(room, member)
        chosen = agreement.choose(offer, wanted)
        peer = self.port.open((offer.ufrag, offer.password), offer.fingerprints)
        feed = self._feed(room, member)
        tracks: list[Incoming] = []
        replies: list[Reply] = []
        extensions: dict[str, int] = {}
        for section in offer.sections:
            if section.mid not in chosen:
                replies.append(Reply(None))
                continue
            source, format = chosen[section.mid]
            reply = agreement.receiving(section, format, self._bounds.bits)
            replies.append(reply)
            extensions |= {uri: id for id, uri in reply.extensions}
            tracks += feed.take(self.port, source, section, format, reply.rids)
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
        left = feed.on_offer
        for section in offer.sections:
            found = agreement.match(section, left, feed.formats)
            if found is None:
                replies.append(Reply(None))
                continue
            source, format = found
            left.remove(source)
            reply = agreement.sending(section, format, feed.forwards[source], publisher, source)
            replies.append(reply)
            sources.append(source)
            wanted.append((feed.forwards[source], format, reply.extensions[0][0] if reply.extensions else 0))
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
        feed = self._feed(room, member)
        if feed.pulled is not None:
            feed.pulled.close()
        tracks: list[Incoming] = []
        for one in told:
            section = Section(one.kind, "", "", "", "sendonly", False, (), (), ())
            rids = (one.rid,) if one.rid else ()
            tracks += feed.take(self.port, one.source, section, one.format, rids, relayed=True)
        for place, track in enumerate(tracks):
            track.forward.ask = partial(ask, place)
        feed.pulled = Pulled(feed, tracks, self._taps)
        feed.settle(tracks, self.port.clock())
        return feed.pulled

    def _feed(self, room: str, member: str) -> Feed:
        found = self.feeds.get((room, member))
        if found is None:
            found = self.feeds[room, member] = Feed(room, member)
        return found

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
        """Who has left the stage, whose media end, and what the staff have muted of whom. Who has left may have stopped, and be
        about to begin again: whether they may is asked when they are live."""
        for session in [one for one in self.sessions.values() if one.room == room]:
            if session.publisher is None:
                continue
            session.publisher.muted = frozenset(muted.get(session.member, ()))
            if session.member in gone and session.live:
                self.end(session)

    def cut_off(self, room: str, member: str) -> None:
        """End all that a member sends and watches in a room."""
        for session in [one for one in self.sessions.values() if (one.room, one.member) == (room, member)]:
            self.end(session)

    # --- what happens to sessions -----------------------------------------------------------------------------------

    def came_live(self, session: Session) -> None:
        feed = self._feed(session.room, session.member)
        before, feed.session = feed.session, session
        session.live = True
        self._began(session)  # before what it takes the place of is over: nobody is taken for gone meanwhile
        if before is not None and before is not session:
            self.end(before)
        if feed.pulled is not None:
            feed.pulled.close()
        tracks = session.publisher.tracks if session.publisher else []
        for one in tracks:
            if session.publisher is not None:
                one.forward.ask = partial(session.publisher.need_key, one)
        feed.settle(tracks, self.port.clock())

    def over(self, session: Session) -> None:
        if self.sessions.pop(session.id, None) is None:
            return
        if session.kind == "watch":
            self.viewers -= 1
            return
        tracks = session.publisher.tracks if session.publisher else []
        feeds.end(tracks, self._taps)
        for outlet in session.publisher.outlets if session.publisher else ():
            outlet.ended()
        feed = self.feeds.get((session.room, session.member))
        if feed is not None and feed.session is session:
            feed.session = None
            if not feed.is_live and not feed.is_watched:
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
        for key in [key for key, feed in self.feeds.items() if not feed.is_live and not feed.is_watched]:
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

    def _answer(self, offer: Offer, replies: list[Reply], peer: Peer) -> str:
        ours = (peer.ufrag, peer.password)
        return sdp.answer(offer, tuple(replies), ours, self.port.certificate.fingerprint, self.addresses)
