"""What is agreed with a peer: which of an offer's sections are taken, as what, in which format, and how each is answered.

What always holds: these are functions of the offer and of what is published; nothing is opened or remembered here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from classroom.media.sfu import sdp
from classroom.media.sfu.layers import Layers
from classroom.media.sfu.sdp import Format, Offer, Reply, Section, Sending, Unacceptable
from classroom.media.tap import Source

SOURCES: dict[str, tuple[Source, ...]] = {"video": ("camera", "screen"), "audio": ("microphone", "screen_audio")}
EVERY = (*SOURCES["video"], *SOURCES["audio"])
EXTENSIONS = (sdp.MID, sdp.TRANSPORT_CC, sdp.ABS_SEND_TIME)  # header extensions that are of use from a publisher


def choose(offer: Offer, wanted: tuple[Source, ...]) -> dict[str, tuple[Source, Format]]:
    """By mid, what each section that sends is, and in which format. `wanted`: what they are, in order; without, the first picture
    is the camera. Raises `Unacceptable` where there is none, or one cannot be taken, since half a publication misleads whoever
    made it (RFC 9725, 4.4.3)."""
    chosen: dict[str, tuple[Source, Format]] = {}
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
    if not chosen:
        raise Unacceptable("The offer sends nothing.")
    return chosen


def receiving(section: Section, format: Format, bits: int) -> Reply:
    """How a section is answered that is taken. `bits`: what its publisher may send, in bits a second."""
    rids = section.rids if format.codec in sdp.SIMULCAST else ()
    useful = (*EXTENSIONS, sdp.RID, sdp.REPAIRED_RID) if rids else EXTENSIONS
    kept = tuple(one for one in section.extensions if one[1] in useful)
    start = bits // 2_000 if section.kind == "video" else 0
    return Reply(format, "recvonly", kept, None, start, rids)


def match(section: Section, left: Sequence[Source], formats: Mapping[Source, Format]) -> tuple[Source, Format] | None:
    """What a viewer's section is sent of what is `left`, and in which of the formats that it offers."""
    if section.rejected or section.direction in ("sendonly", "inactive"):
        return None
    for source in left:
        if source not in SOURCES.get(section.kind, ()):
            continue
        format = sdp.pick(section, (formats[source].codec,))
        if format is not None:
            return source, format
    return None


def sending(section: Section, format: Format, layers: Layers, publisher: str, source: Source) -> Reply:
    """How a viewer's section is answered that is sent something."""
    kept = tuple(one for one in section.extensions if one[1] == sdp.ABS_SEND_TIME)
    rtx = layers.rtx_ssrc if format.rtx is not None else None
    name = _name(publisher)
    return Reply(format, "sendonly", kept, Sending(layers.ssrc, rtx, f"m-{name}", name, source))


def _name(member: str) -> str:
    """A member's id as SDP can say it."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in member)[:64] or "-"
