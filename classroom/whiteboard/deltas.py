"""Changes to elements: judged, applied, and told apart.

What always holds: an element's body is its whole JSON, whatever it was put together from; equal changes in equal order give
equal bytes. A delta is applied only to the very version that it was made from, so that no mixture of two writers' wishes
ever stands on a page; whoever is told `stale` sends the element whole, and then the last writer wins.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import a2b_base64
from typing import Any

import msgspec

from classroom.kernel import Rejected
from classroom.whiteboard.elements import PATHS, RESERVED, check_fields, check_id, check_whole
from classroom.whiteboard.model import (
    ELEMENT_BYTES,
    GRAVES_LIMIT,
    INK_BYTES,
    POINTS_LIMIT,
    Change,
    Changed,
    Element,
    Ink,
    Page,
)
from classroom.whiteboard.quantise import Unreadable, unpack

NONCE_LIMIT = 1 << 32
VERSION_STEP = 1_000_000  # that a version may be ahead: nobody can write a last word

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def wins(version: int, nonce: int, current: tuple[int, int] | None) -> bool:
    """Whether an element with this version and nonce takes the place of the current one (Excalidraw's reconciliation)."""
    return current is None or version > current[0] or (version == current[0] and nonce < current[1])


def standing(page: Page, id: str) -> tuple[int, int] | None:
    """Version and nonce of what there is, or was, of an element."""
    element = page.elements.get(id)
    return (element.version, element.nonce) if element is not None else page.graves.get(id)


def judge(page: Page, change: Change) -> Changed | None:
    """What becomes of a wish; None: it loses against what is there. Raises `Rejected`: "stale", "bad_request", "too_long"."""
    check_id(change.id)
    current = standing(page, change.id)
    _check_version(change.version, change.nonce, current)
    if not wins(change.version, change.nonce, current):
        return None
    element = page.elements.get(change.id)
    if change.base is not None and (element is None or element.nonce != change.base):
        raise Rejected(
            "stale", "That was made from a version that is not here; send the element whole.", temporary=True
        )
    check_fields(change.set)
    changed = Changed(
        id=change.id,
        version=change.version,
        nonce=change.nonce,
        base=change.base,
        set=change.set,
        unset=change.unset,
        points=_packed(change.points),
        append=_packed(change.append),
    )
    _check_paths(changed, element)
    body = merged(element, changed)
    if len(body) > ELEMENT_BYTES:
        raise Rejected("too_large", f"An element has at most {ELEMENT_BYTES} bytes.")
    return changed


def check_gone(id: str, version: int, nonce: int, page: Page) -> bool:
    """Whether a deletion wins, and there is something to delete. Raises `Rejected`."""
    check_id(id)
    current = standing(page, id)
    _check_version(version, nonce, current)
    return id in page.elements and wins(version, nonce, current)


def merged(element: Element | None, changed: Changed) -> bytes:
    """The body of the element after the change."""
    fields: dict[str, Any]
    if changed.base is None or element is None:
        fields = {"id": changed.id, "version": 0, "versionNonce": 0, "isDeleted": False}
    else:
        fields = _decode(element.body)
    fields["version"], fields["versionNonce"] = changed.version, changed.nonce
    for name in changed.unset:
        if name not in RESERVED:
            fields.pop(name, None)
    fields.update(changed.set)
    if changed.points is not None:
        fields["points"] = b64encode(changed.points).decode()
        fields.pop("pressures", None)
    elif changed.append is not None:
        before = fields.get("points")
        data = b64decode(before) if isinstance(before, str) else b""
        fields["points"] = b64encode(data + changed.append).decode()
    return _encode(fields)


def put(page: Page, changed: Changed) -> None:
    """Make it so. Does nothing where a delta is for an element that is not there."""
    id = changed.id
    element = page.elements.get(id)
    if changed.gone:
        if element is not None:
            page.size -= len(element.body)
            del page.elements[id]
        bury(page, id, changed.version, changed.nonce)
        return
    if element is None and changed.base is not None:
        return
    body = merged(element, changed)
    page.size += len(body) - (len(element.body) if element is not None else 0)
    page.elements[id] = Element(changed.version, changed.nonce, body)
    page.graves.pop(id, None)


def bury(page: Page, id: str, version: int, nonce: int) -> None:
    """Remember a deleted element, as long as there is room: the one deleted longest ago is forgotten."""
    page.graves.pop(id, None)
    page.graves[id] = (version, nonce)
    while len(page.graves) > GRAVES_LIMIT:
        del page.graves[next(iter(page.graves))]


def difference(element: Element | None, id: str, body: bytes, version: int, nonce: int) -> Changed:
    """The change that makes an element what `body` says, as version `version`; from nothing where there is none."""
    wanted = _decode(body)
    if element is None:
        points, fields = _apart({name: value for name, value in wanted.items() if name not in RESERVED})
        return Changed(id=id, version=version, nonce=nonce, set=fields, points=points)
    there = _decode(element.body)
    unset = tuple(name for name in there if name not in wanted)
    changes = {
        name: value
        for name, value in wanted.items()
        if name not in RESERVED and not (name in there and _same(there[name], value))
    }
    points, fields = _apart(changes)
    return Changed(id=id, version=version, nonce=nonce, base=element.nonce, set=fields, unset=unset, points=points)


def plain(body: bytes) -> dict[str, Any]:
    """An element as it stands in an `.excalidraw` file: points and pressures as lists of numbers."""
    fields = _decode(body)
    if isinstance(fields.get("points"), str):
        unpacked = unpack(b64decode(fields["points"]), POINTS_LIMIT)
        fields["points"], pressures = unpacked.plain()
        if fields.get("type") == "freedraw":
            fields["pressures"] = pressures
    return fields


def _apart(fields: dict[str, Any]) -> tuple[bytes | None, dict[str, Any]]:
    """Packed points by themselves."""
    points = fields.get("points")
    if not isinstance(points, str):
        return None, fields
    return b64decode(points), {name: value for name, value in fields.items() if name != "points"}


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and type(one) is type(other)


def _check_version(version: int, nonce: int, current: tuple[int, int] | None) -> None:
    ahead = version - (current[0] if current else 0)
    if not version >= 1 or ahead > VERSION_STEP or not 0 <= nonce < NONCE_LIMIT:
        raise Rejected("bad_request", "A version counts from 1, step by step; a nonce has 32 bits.")


def check_ink(ink: Ink) -> bytes:
    """The piece's bytes; ink that is none is refused. What its bits say is looked at when the stroke is put."""
    check_id(ink.id)
    if not 0 <= ink.after <= ELEMENT_BYTES:
        raise Rejected("bad_request", "There are no strokes that long.")
    piece = _decoded(ink.ink)
    if not 0 < len(piece) <= INK_BYTES:
        raise Rejected("bad_request", f"A piece of ink has 1 to {INK_BYTES} bytes.")
    if (ink.look is not None) != (ink.after == 0):
        raise Rejected("bad_request", "The look of a stroke comes with its first ink, and then no more.")
    if ink.look is not None:
        check_fields(ink.look)
        check_whole(ink.look)
        if len(_encode(ink.look)) > INK_BYTES or ink.look["type"] not in PATHS:
            raise Rejected("bad_request", "That is not the look of a stroke.")
    return piece


def _packed(text: str | None) -> bytes | None:
    return None if text is None else _decoded(text)


def _decoded(text: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)  # as `b64decode(validate=True)`, without the calls around it
    except ValueError as error:
        raise Rejected("bad_request", "Packed points are text in base64.") from error


def _check_paths(changed: Changed, element: Element | None) -> None:
    """A path has points, packed or listed; what has none has none."""
    before: dict[str, Any] = {}
    if changed.base is None:
        check_whole(changed.set)
    elif element is not None:
        if changed.append is None and changed.points is None and "type" not in changed.set and not changed.unset:
            return
        before = _decode(element.body)
    if any(name in (*RESERVED, *("type", "x", "y", "width", "height")) for name in changed.unset):
        raise Rejected("bad_request", "An element cannot be without that field.")
    if changed.append is not None and (changed.points is not None or not isinstance(before.get("points"), str)):
        raise Rejected("bad_request", "Only packed points can be added to.")
    if changed.points is not None and "points" in changed.set:
        raise Rejected("bad_request", "Points are packed or listed, not both.")
    kept = {name: value for name, value in before.items() if name not in changed.unset} | changed.set
    has = changed.points is not None or "points" in kept
    if has != (kept["type"] in PATHS):
        raise Rejected("bad_request", "A line, an arrow and a stroke have points, and nothing else has.")
    packed = changed.points
    if changed.append is not None:
        packed = b64decode(before["points"]) + changed.append
    if packed is not None:
        check_packed(packed)


def check_packed(data: bytes) -> None:
    """Refuse what cannot be unpacked."""
    try:
        unpack(data, POINTS_LIMIT)
    except Unreadable as error:
        raise Rejected("bad_request", f"Those are not packed points: {error}.") from error
