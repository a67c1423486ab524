"""What a member publishes in a room, over all their sessions: a feed of tracks, to which viewers hold on.

What always holds: who watches a feed stays while what it comes of changes (a session here, or another machine's: `Pulled`),
where the codecs are the same; of a track that ends the taps are told once.
"""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from classroom.kernel import Member
from classroom.media.sfu import packets, sdp
from classroom.media.sfu.agreement import EVERY
from classroom.media.sfu.layers import Layers
from classroom.media.sfu.port import Peer, Port
from classroom.media.sfu.publisher import Incoming, Publisher
from classroom.media.sfu.sdp import Section
from classroom.media.sfu.viewer import Viewer
from classroom.media.tap import Codec, Source, Taps, Track


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
    """By source, its layers and the format it comes in; and what it comes of."""

    room: str
    member: str
    forwards: dict[Source, Layers] = {}
    formats: dict[Source, sdp.Format] = {}
    session: Session | None = None
    pulled: Pulled | None = None

    @property
    def is_live(self) -> bool:
        return self.session is not None or self.pulled is not None

    @property
    def on_offer(self) -> list[Source]:
        """What a viewer may be sent: what comes now, and then what came before and may come again."""
        publisher = self.session.publisher if self.session else None
        tracks = publisher.tracks if publisher else self.pulled.tracks if self.pulled else []
        now = {one.track.source for one in tracks}
        return sorted(self.formats, key=lambda source: (source not in now, EVERY.index(source)))

    @property
    def is_watched(self) -> bool:
        return any(track.viewers for track in self.forwards.values())

    def take(
        self,
        port: Port,
        source: Source,
        section: Section,
        format: sdp.Format,
        rids: tuple[str, ...],
        *,
        relayed: bool = False,
    ) -> list[Incoming]:
        """A track that is to come, or the layers of one."""
        before = self.formats.get(source)
        if source not in self.forwards or before is None or before.codec != format.codec:
            self.forwards[source] = Layers(port, section.kind, format.codec)
        self.formats[source] = format
        track = Track(
            room=self.room,
            publisher=self.member,
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
        layers = self.forwards[source]
        if not rids:
            return [Incoming(track, format, section.mid, section.ssrcs, layers)]
        return [Incoming(track, format, section.mid, (), layers, rid) for rid in rids]

    def settle(self, tracks: list[Incoming], now: float) -> None:
        """From now on these tracks are what it is made of."""
        for source, track in self.forwards.items():
            rids = tuple(one.rid for one in tracks if one.track.source == source)
            if rids:
                track.keep(rids, now)
            track.key(now)


class Told(msgspec.Struct):
    """A track, or a layer of one, as one machine tells another of it."""

    source: Source
    kind: Literal["audio", "video"]
    format: sdp.Format
    rid: str


class Pulled:
    """A publication of another machine: forwarded and packaged here, told of and recorded there."""

    def __init__(self, feed: Feed, tracks: list[Incoming], taps: Taps) -> None:
        self._feed, self.tracks, self._taps = feed, tracks, taps
        self.is_closed = False

    def rtp(self, place: int, data: bytes, now: float) -> None:
        """A packet of one of its tracks."""
        head = packets.read(data)
        if head is None or place >= len(self.tracks) or self.is_closed:
            return
        one = self.tracks[place]
        if one.forward.push(head, data, one.format.clock_rate, now):
            one.hand(self._taps, data, now)

    def report(self, place: int, ntp: int, timestamp: int, now: float) -> None:
        """A sender report of one of its tracks."""
        if place >= len(self.tracks) or self.is_closed:
            return
        self.tracks[place].tell(self._taps, ntp, timestamp, now)

    def close(self) -> None:
        """Nothing more comes of it. Its viewers stay, for what comes in its place."""
        if self.is_closed:
            return
        self.is_closed = True
        if self._feed.pulled is self:
            self._feed.pulled = None
        end(self.tracks, self._taps)


def end(tracks: list[Incoming], taps: Taps) -> None:
    """Nothing more comes of these: told once of each, in however many layers it came."""
    for track in {one.track.source: one.track for one in tracks}.values():
        taps.ended(track)
