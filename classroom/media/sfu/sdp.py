"""Session descriptions (RFC 8866, RFC 9429): an offer read into what matters here, and the answer to it.

What always holds: what cannot be read raises `BadOffer` and nothing else; an answer has as many media sections as its offer, in
its order, and says nothing that was not offered.
"""

from __future__ import annotations

import re

import msgspec

OFFER_LIMIT = 65_536  # characters
SECTIONS_LIMIT = 16
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
SIMULCAST = ("h264", "vp8")  # codecs whose layers can be told apart and put in each other's place
LAYERS_LIMIT = 3
# In order of preference: what both MP4 and every browser can carry comes first.
CODECS = {"video": ("h264", "vp9", "vp8", "av1"), "audio": ("opus",)}
NAMES = {"h264": "H264", "vp8": "VP8", "vp9": "VP9", "av1": "AV1", "opus": "opus"}
_PRINTABLE = re.compile(r"[\x20-\x7e\x80-\U0010ffff]*")
_RID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,10}")  # not str.isdigit, which takes more than int() does
_TYPE = re.compile(r"[0-9]|[1-9][0-9]|1[01][0-9]|12[0-7]")  # a payload type of RTP, written in one way only
_TOKEN = re.compile(r"[A-Za-z0-9+/_.:-]{1,256}")


class BadOffer(Exception):
    """The offer cannot be read; the sentence says why."""


class Unacceptable(Exception):
    """The offer can be read, but nothing in it can be answered."""


class Format(msgspec.Struct, frozen=True):
    """A codec as a media section names it. `rtx`: the payload type of its retransmissions, if offered."""

    payload_type: int
    codec: str
    clock_rate: int
    channels: int
    parameters: tuple[tuple[str, str], ...]
    feedback: tuple[str, ...]
    rtx: int | None = None


class Section(msgspec.Struct, frozen=True):
    """An m= section. `formats`: those of its codecs that are known here, in the offer's order. `rids`: the layers that it offers
    to send at once (simulcast, RFC 8853), in the offer's order."""

    kind: str
    mid: str
    protocol: str
    first_format: str
    direction: str
    rejected: bool
    formats: tuple[Format, ...]
    extensions: tuple[tuple[int, str], ...]
    ssrcs: tuple[int, ...]
    rids: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    bundle: tuple[str, ...]
    sections: tuple[Section, ...]


class Sending(msgspec.Struct, frozen=True):
    """What an answer's section sends: the SSRCs, and the names of stream and track."""

    ssrc: int
    rtx_ssrc: int | None
    cname: str
    stream: str
    track: str


class Reply(msgspec.Struct, frozen=True):
    """How one section is answered; without a format it is refused. `extensions`: those of the offer that are kept."""

    format: Format | None
    direction: str = "inactive"
    extensions: tuple[tuple[int, str], ...] = ()
    sending: Sending | None = None
    start_kbits: int = 0  # what a publisher may begin with
    rids: tuple[str, ...] = ()  # layers that are taken


def read_offer(text: str) -> Offer:
    """Raises `BadOffer`."""
    if len(text) > OFFER_LIMIT:
        raise BadOffer("The offer is too long.")
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines or lines[0] != "v=0":
        raise BadOffer("The body is no session description.")
    groups: list[list[str]] = [[]]
    for line in lines:
        if not line:
            continue
        if len(line) < 2 or line[1] != "=" or not _PRINTABLE.fullmatch(line):
            raise BadOffer("A line of the offer is not of the form letter=value.")
        if line.startswith("m="):
            groups.append([])
        groups[-1].append(line)
    session, media = groups[0], groups[1:]
    if not 1 <= len(media) <= SECTIONS_LIMIT:
        raise BadOffer(f"An offer has 1 to {SECTIONS_LIMIT} media sections.")
    first = media[0]
    sections = tuple(_section(lines, place) for place, lines in enumerate(media))
    mids = [section.mid for section in sections]
    if len(set(mids)) != len(mids):
        raise BadOffer("Two media sections have the same mid.")
    bundle = next((value.split()[1:] for value in _all(session, "group") if value.split()[:1] == ["BUNDLE"]), [])
    if len(sections) > 1 and set(bundle) < {section.mid for section in sections if not section.rejected}:
        raise BadOffer("All media sections must be in one bundle.")
    return Offer(
        ufrag=_credential(first, session, "ice-ufrag", 4),
        password=_credential(first, session, "ice-pwd", 22),
        fingerprints=_fingerprints(first, session),
        bundle=tuple(bundle) or tuple(mids),
        sections=sections,
    )


def read_fragment(text: str) -> tuple[str, str]:
    """ICE user name and password of an SDP fragment (RFC 8840), empty where it only brings candidates. Raises `BadOffer`."""
    if len(text) > OFFER_LIMIT:
        raise BadOffer("The fragment is too long.")
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    if not lines or any(len(line) < 2 or line[1] != "=" or not _PRINTABLE.fullmatch(line) for line in lines):
        raise BadOffer("The body is no fragment of a session description.")
    ufrag, password = _one(lines, "ice-ufrag"), _one(lines, "ice-pwd")
    if bool(ufrag) != bool(password) or (ufrag and not (_TOKEN.fullmatch(ufrag) and _TOKEN.fullmatch(password))):
        raise BadOffer("The fragment's ICE credentials are not right.")
    return ufrag, password


def pick(section: Section, codecs: tuple[str, ...] = ()) -> Format | None:
    """The format to speak: the first of `codecs` (or of our own preference) that the section offers."""
    for codec in codecs or CODECS.get(section.kind, ()):
        found = [format for format in section.formats if format.codec == codec and _usable(format)]
        if found:
            return min(found, key=_rank)
    return None


def answer(
    offer: Offer,
    replies: tuple[Reply, ...],
    ice: tuple[str, str],
    fingerprint: str,
    addresses: tuple[tuple[str, int], ...],
) -> str:
    """The answer's text. `ice`: our user name and password; `fingerprint`: SHA-256 of our certificate."""
    taken = [section.mid for section, reply in zip(offer.sections, replies, strict=True) if reply.format]
    lines = ["v=0", "o=classroom 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if taken:
        lines.append("a=group:BUNDLE " + " ".join(taken))
    lines.append("a=msid-semantic: WMS *")
    for section, reply in zip(offer.sections, replies, strict=True):
        lines += _answer_section(section, reply, ice, fingerprint, addresses, first=section.mid == (taken or [""])[0])
    return "\r\n".join(lines) + "\r\n"


def candidates(addresses: tuple[tuple[str, int], ...]) -> list[str]:
    """Our candidates' lines, the first address the most preferred."""
    return [
        f"a=candidate:{place + 1} 1 udp {(126 << 24) + ((65_535 - place) << 8) + 255} {host} {port} typ host"
        for place, (host, port) in enumerate(addresses)
    ]


def _answer_section(
    section: Section,
    reply: Reply,
    ice: tuple[str, str],
    fingerprint: str,
    addresses: tuple[tuple[str, int], ...],
    *,
    first: bool,
) -> list[str]:
    if reply.format is None:
        return [
            f"m={section.kind} 0 {section.protocol} {section.first_format}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section.mid}",
            "a=inactive",
        ]
    format = reply.format
    types = [str(format.payload_type)] + ([str(format.rtx)] if format.rtx is not None else [])
    lines = [f"m={section.kind} 9 {section.protocol} {' '.join(types)}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0"]
    lines += [f"a=ice-ufrag:{ice[0]}", f"a=ice-pwd:{ice[1]}", f"a=fingerprint:sha-256 {fingerprint}", "a=setup:passive"]
    lines += [f"a=mid:{section.mid}", f"a={reply.direction}", "a=rtcp-mux", "a=rtcp-mux-only"]
    lines.append("a=rtcp-rsize")
    lines += [f"a=extmap:{id} {uri}" for id, uri in reply.extensions]
    lines += _format_lines(format, reply.start_kbits)
    if reply.rids:
        lines += [f"a=rid:{rid} recv" for rid in reply.rids]
        lines.append(f"a=simulcast:recv {';'.join(reply.rids)}")
    if reply.sending is not None:
        lines += _sending_lines(reply.sending)
    if first:
        lines += [*candidates(addresses), "a=end-of-candidates"]
    return lines


def _format_lines(format: Format, start_kbits: int) -> list[str]:
    channels = f"/{format.channels}" if format.channels > 1 else ""
    lines = [f"a=rtpmap:{format.payload_type} {NAMES[format.codec]}/{format.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{format.payload_type} {feedback}" for feedback in format.feedback]
    parameters = list(format.parameters)
    if start_kbits:
        parameters.append(("x-google-start-bitrate", str(start_kbits)))
    if parameters:
        told = ";".join(f"{name}={value}" if value else name for name, value in parameters)
        lines.append(f"a=fmtp:{format.payload_type} {told}")
    if format.rtx is not None:
        lines += [f"a=rtpmap:{format.rtx} rtx/{format.clock_rate}", f"a=fmtp:{format.rtx} apt={format.payload_type}"]
    return lines


def _sending_lines(sending: Sending) -> list[str]:
    lines = [f"a=msid:{sending.stream} {sending.track}"]
    if sending.rtx_ssrc is not None:
        lines.append(f"a=ssrc-group:FID {sending.ssrc} {sending.rtx_ssrc}")
    ssrcs = [sending.ssrc] + ([sending.rtx_ssrc] if sending.rtx_ssrc is not None else [])
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{sending.cname}", f"a=ssrc:{ssrc} msid:{sending.stream} {sending.track}"]
    return lines


def _section(lines: list[str], place: int) -> Section:
    parts = lines[0][2:].split()
    if len(parts) < 4 or not _NUMBER.fullmatch(parts[1]):
        raise BadOffer("An m= line is not right.")
    kind, port, protocol, *types = parts
    if kind not in ("audio", "video", "application"):
        raise BadOffer(f"There is no media kind {kind[:20]!r} here.")
    mid = _one(lines, "mid") or str(place)
    if not _TOKEN.fullmatch(mid):
        raise BadOffer("A mid is not right.")
    direction = next(
        (line[2:] for line in lines if line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive")), "sendrecv"
    )
    extensions = []
    for value in _all(lines, "extmap"):
        id, _, uri = value.partition(" ")
        id = id.partition("/")[0]
        if _NUMBER.fullmatch(id) and 1 <= int(id) <= 14 and _TOKEN.fullmatch(uri.split(" ")[0]):
            extensions.append((int(id), uri.split(" ")[0]))
    return Section(
        kind=kind,
        mid=mid,
        protocol=protocol,
        first_format=types[0],
        direction=direction,
        rejected=port == "0" and "bundle-only" not in (line[2:] for line in lines),
        formats=tuple(_formats(lines, types)) if "RTP" in protocol else (),
        extensions=tuple(extensions),
        ssrcs=tuple(_ssrcs(lines)),
        rids=_rids(lines),
    )


def _ssrcs(lines: list[str]) -> list[int]:
    told = [value.split(" ", 1)[0] for value in _all(lines, "ssrc")]
    return list(dict.fromkeys(int(one) for one in told if _NUMBER.fullmatch(one) and int(one) < 1 << 32))[:16]


def _rids(lines: list[str]) -> tuple[str, ...]:
    """Of each layer that the section would send at once the first of its alternatives (RFC 8853, 5.1)."""
    told = _one(lines, "simulcast").split()
    sent = dict(zip(told[::2], told[1::2], strict=False)).get("send", "")
    named = {value.split()[0] for value in _all(lines, "rid") if value.split()[1:2] == ["send"]}
    first = (one.split(",")[0].removeprefix("~") for one in sent.split(";"))
    found = tuple(dict.fromkeys(rid for rid in first if rid in named and _RID.fullmatch(rid)))[:LAYERS_LIMIT]
    return found if len(found) > 1 else ()


def _formats(lines: list[str], types: list[str]) -> list[Format]:
    # Named once each, they are few: the work is bounded, where an offer may be long.
    types = list(dict.fromkeys(type for type in types if _TYPE.fullmatch(type)))
    maps = dict(value.split(" ", 1) for value in _all(lines, "rtpmap") if " " in value)
    parameters = dict(value.split(" ", 1) for value in _all(lines, "fmtp") if " " in value)
    feedback = [value.split(" ", 1) for value in _all(lines, "rtcp-fb") if " " in value]
    rtx = {}
    for type in types:
        if maps.get(type, "").lower().startswith("rtx/"):
            apt = dict(_parameters(parameters.get(type, ""))).get("apt", "")
            rtx[apt] = int(type)
    found = []
    for type in types:
        name, _, rest = maps.get(type, "").partition("/")
        rate, _, channels = rest.partition("/")
        if name.lower() not in NAMES or not _NUMBER.fullmatch(rate):
            continue
        wanted = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")
        found.append(
            Format(
                payload_type=int(type),
                codec=name.lower(),
                clock_rate=int(rate),
                channels=int(channels) if _NUMBER.fullmatch(channels) else 1,
                parameters=tuple(_parameters(parameters.get(type, ""))),
                feedback=tuple(dict.fromkeys(fb for pt, fb in feedback if pt in (type, "*") and fb in wanted)),
                rtx=rtx.get(type),
            )
        )
    return found


def _parameters(text: str) -> list[tuple[str, str]]:
    pairs = (part.strip().partition("=") for part in text.split(";") if part.strip())
    return [(name.lower(), value) for name, _, value in pairs]


def _usable(format: Format) -> bool:
    told = dict(format.parameters)
    if format.codec == "h264":
        return told.get("packetization-mode") == "1"
    return format.codec != "vp9" or told.get("profile-id", "0") == "0"


def _rank(format: Format) -> int:
    """Of several H.264 profiles the constrained baseline, which all decode."""
    level = dict(format.parameters).get("profile-level-id", "").lower()
    return 0 if level.startswith("42e0") else 1 if level.startswith("42") else 2


def _all(lines: list[str], name: str) -> list[str]:
    return [line[3 + len(name) :] for line in lines if line.startswith(f"a={name}:")]


def _one(lines: list[str], name: str) -> str:
    return next(iter(_all(lines, name)), "")


def _credential(first: list[str], session: list[str], name: str, least: int) -> str:
    value = _one(first, name) or _one(session, name)
    if len(value) < least or not _TOKEN.fullmatch(value):
        raise BadOffer(f"The offer has no a={name} that is right.")
    return value


def _fingerprints(first: list[str], session: list[str]) -> tuple[tuple[str, str], ...]:
    found = []
    for value in _all(first, "fingerprint") or _all(session, "fingerprint"):
        algorithm, _, digest = value.partition(" ")
        if algorithm.lower() in ("sha-256", "sha-384", "sha-512") and re.fullmatch(r"[0-9A-Fa-f:]{32,256}", digest):
            found.append((algorithm.lower(), digest.upper()))
    if not found:
        raise BadOffer("The offer has no fingerprint of SHA-256 or longer.")
    if (_one(first, "setup") or _one(session, "setup")) not in ("actpass", "active"):
        raise BadOffer("The offer must let the server be passive (a=setup:actpass).")
    return tuple(found)
