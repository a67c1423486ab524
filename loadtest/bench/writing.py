"""What a minute of handwriting costs a viewer: played through a hub, frame by frame, beside whole elements as JSON.

The minute is `tests/vectors/board/handwriting.json`: 60 strokes, 6,000 points. While the pen is down the points since the last
go out as ink with every second animation frame; when it is lifted the element goes out as an event. Every byte of every
WebSocket frame to one viewer counts, with its header. The peer sends, as Excalidraw's own collaboration does, the whole
element as JSON whenever it has changed: once an animation frame while the pen is down.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

from classroom import wire
from classroom.kernel import Context, Member, Meta, Role, Stored
from classroom.metrics import Metrics
from classroom.packets import PLAIN, Packet, Pair
from classroom.rooms import room as rooms
from classroom.rooms.groups import COMPANY
from classroom.rooms.hub import Bounds, Hub
from classroom.rooms.places import PLACES
from classroom.rooms.replica import Replica
from classroom.rooms.session import Session, Way
from classroom.whiteboard import model as board
from classroom.whiteboard import rules
from classroom.whiteboard.quantise import Packer, quantised
from classroom.wire import Codec
from loadtest import pen

HANDWRITING = Path(__file__).parents[2] / "tests" / "vectors" / "board" / "handwriting.json"
FRAME = 1_000 / 60  # ms
PHASE = FRAME / 4  # ms since the last frame when the pen comes down
EVERY = 2  # frames between two pieces of ink, as the browser's client has it
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TEACHER = Member("teacher-7Qk2", "Teacher", Role.INSTRUCTOR)


Deflates = Literal["plain", "deflated", "with context"]


class Stroke(NamedTuple):
    """One stroke as its client sends it: pieces of ink, and the command in the end."""

    at: float
    look: dict[str, Any]
    id: str
    pieces: list[bytes]
    put: board.Put
    points: int


class Viewer:
    """A member's connection that counts what it is sent, as a link would write it."""

    def __init__(self, codec: Codec, deflates: Deflates) -> None:
        self.codec, self._deflates = codec, deflates
        self.way: Way = "kept" if deflates == "with context" else "plain"
        self.descriptor = -1
        self.slot = PLACES.take(PLAIN)
        self.frames = self.bytes = self._place = 0

    def write(self, packet: Packet | Pair) -> None:
        self.frames += packet.frames
        if self._deflates == "with context":
            data, self._place = packet.after(self._place)
            self.bytes += len(data)
        else:
            self.bytes += len(packet.deflated if self._deflates == "deflated" else packet.frame)

    def clear(self) -> bool:
        return False

    def offer(self, packet: Packet | Pair, bound: int) -> bool:
        self.write(packet)
        return True

    def buffered(self) -> int:
        return 0

    def end(self, bye: wire.Bye) -> None:
        raise AssertionError(bye)


def strokes() -> list[Stroke]:
    """The minute, as the browser's client sends it."""
    dice = Random(60)
    begun = "".join(dice.choice(LETTERS) for _ in range(17))
    found = []
    for number, stroke in enumerate(json.loads(HANDWRITING.read_text("utf-8"))["strokes"]):
        id = begun + "".join(LETTERS[number >> 6 * place & 63] for place in (3, 2, 1, 0))  # as the editor counts them
        _, left, top, _ = stroke["points"][0]
        left, top = round(left * 4) / 4, round(top * 4) / 4
        path = quantised([(x - left, y - top) for _, x, y, _ in stroke["points"]])
        pressures = [round(p * 32) for *_, p in stroke["points"]]
        packer = Packer(pressures=True)
        pieces, due, start = [], 0, 0  # the first leaves at once
        for index in range(len(path)):
            last = index == len(path) - 1
            # The page is told of a point with the next frame; it leaves with the last frame before another piece.
            if last or (stroke["points"][index + 1][0] + PHASE) // FRAME > due:
                pieces.append(packer.block(path[start : index + 1], pressures[start : index + 1]))
                start, due = index + 1, due + EVERY
        first = pieces[0][0]  # points
        pieces[0] = packer.header + pieces[0]
        seed = dice.randrange(1 << 31)
        look = _look(left, top, path[:first], f"a{number:03d}", seed)
        whole = _look(left, top, path, f"a{number:03d}", seed)
        whole["lastCommittedPoint"] = [path[-1][0] / 4, path[-1][1] / 4]
        packed = b"".join(pieces)
        change = board.Change(
            id=id, version=len(path) + 2, nonce=dice.randrange(1 << 31), set=whole, points=b64encode(packed).decode()
        )
        command = board.Put(page=0, changes=(change,), step=1_790_000_000_000 + stroke["at"])
        found.append(Stroke(stroke["at"], look, id, pieces, command, len(path)))
    return found


def _look(x: float, y: float, path: list[tuple[int, int]], index: str, seed: int) -> dict[str, Any]:
    """The fields of a stroke, as Excalidraw makes them."""
    xs, ys = [px / 4 for px, _ in path], [py / 4 for _, py in path]
    return pen.look(x, y, max(xs) - min(xs), max(ys) - min(ys), index, seed)


class _NoJournal:
    """The replica is told everything here."""


async def play(
    minute: list[Stroke], codec: Codec, deflates: Deflates, shorthand: bool = False, coming: bool = False
) -> Viewer:
    """The minute as one of a class's viewers is sent it. `coming`: in the middle of each stroke somebody else comes."""
    replica = Replica("room", _NoJournal(), lambda events: hub.events(events))  # type: ignore[arg-type]
    hub = Hub(replica, Metrics(), Bounds(tick=1_000.0), lambda session: None)
    viewers = [Viewer(codec, deflates) for _ in range(COMPANY)]
    for number, each in enumerate(viewers):
        hub.add(Session(Member(f"viewer-{number}", "Viewer", Role.STUDENT), each, shorthand=shorthand), 0)
    for stroke in minute:
        after = 0
        for number, piece in enumerate(stroke.pieces):
            if coming and number == 1:
                late = Member(f"late-{stroke.id}", "Late", Role.STUDENT)
                hub.add(Session(late, Viewer(codec, deflates), shorthand=shorthand), replica.seq)
            look = stroke.look if after == 0 else None
            hub.signal(board.InkBy(page=0, id=stroke.id, by=TEACHER.id, after=after, ink=piece, look=look))
            after += len(piece)
            if piece is not stroke.pieces[-1]:  # the pen is lifted with the last of them
                hub.flush()
        context = Context(actor=TEACHER, now=1_790_000_000_000 + round(stroke.at), seq=replica.seq + 1)
        for event in rules.decide(replica.state.board, stroke.put, context):
            stored = Stored(Meta(replica.seq + 1, context.now, TEACHER.id), event)
            rooms.apply(replica.state, stored)
            hub.events([stored])
        hub.flush()
    hub.close()
    await asyncio.sleep(0)
    return viewers[0]


def whole_elements() -> int:
    """Bytes of the element as JSON in each frame in which it has changed."""
    total = 0
    for number, stroke in enumerate(json.loads(HANDWRITING.read_text("utf-8"))["strokes"]):
        points = stroke["points"]
        _, left, top, _ = points[0]
        look = _look(left, top, [(0, 0)], f"a{number:03d}", Random(number).randrange(1 << 31))
        due, path, pressures = 0.0, [], []
        for t, x, y, p in points:
            path.append([x - left, y - top])
            pressures.append(p)
            if t >= due:
                due += FRAME
                element = look | {
                    "id": "x" * 21,
                    "version": len(path),
                    "versionNonce": 1_968_410_350,
                    "isDeleted": False,
                }
                element |= {"points": path, "pressures": pressures, "updated": 1_790_000_000_000}
                total += len(
                    json.dumps({"type": "SCENE_UPDATE", "payload": {"elements": [element]}}, separators=(",", ":"))
                )
    return total
