"""Reads strokes in shorthand, from nothing but what a client is sent: the reference for other clients."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from classroom.rooms.shorthand import LETTERS, MOST, NEAR, SLOTS
from classroom.whiteboard import arithmetic
from classroom.whiteboard.arithmetic import Heard, Stroke
from classroom.whiteboard.model import POINTS_LIMIT

Fields = dict[str, Any]


class Reader:
    """Takes signals, events and frames in their order. Raises `LookupError` where something was missed."""

    def __init__(self) -> None:
        self.strokes: dict[str, Fields] = {}  # id to page, by, look, ink
        self.slots: list[Fields | None] = [None] * SLOTS

    def signals(self, signals: list[Fields]) -> None:
        for signal in signals:
            if signal["type"] == "board.ink_slot":
                told = {name: signal.get(name) for name in ("page", "by", "look", "last", "id")}
                self.slots[signal["slot"]] = {**told, "running": False}
            if signal["type"] != "board.ink_by":
                continue
            id, after, ink = signal["id"], signal["after"], signal["ink"]
            if after == 0 and "look" in signal:
                self.strokes[id] = {name: signal[name] for name in ("page", "by", "look", "ink")}
            elif id in self.strokes and after <= len(self.strokes[id]["ink"]) < after + len(ink):
                self.strokes[id]["ink"] = self.strokes[id]["ink"][:after] + ink
            if "slot" in signal and id in self.strokes:
                last = (self.slots[signal["slot"]] or {}).get("last")
                self.slots[signal["slot"]] = {**self.strokes[id], "id": id, "last": last, "running": True}
                self.slots[signal["slot"]]["stroke"] = stroke = Stroke(self.strokes[id]["ink"][0])  # type: ignore[index]
                stroke.take(self.strokes[id]["ink"][1:], Heard(), POINTS_LIMIT)

    def events(self, events: list[Fields]) -> None:
        for event in (each for each in events if each["type"] == "board.drawn"):
            for change in event["changes"]:
                self.strokes.pop(change["id"], None)
                for slot in self.slots:
                    if slot is not None and (slot["id"], slot["page"], slot["running"]) == (
                        change["id"],
                        event["page"],
                        True,
                    ):
                        slot["running"] = False
                        if len(event["changes"]) == 1:
                            slot["last"] = (event["seq"], event["at"], event.get("step", 0))

    def read(self, frame: bytes) -> Fields:
        """The signal or the event that the frame stands for."""
        slot = self.slots[frame[0] >> 4 & 3]
        if slot is None:
            raise LookupError("nothing is known of that slot")
        if frame[0] & 0x48 == 0x40:
            return self._begin(slot, frame)
        if not slot["running"]:
            raise LookupError("no stroke is under way there")
        stroke = self.strokes[slot["id"]]
        if frame[0] & 0x40:
            return self._lift(slot, stroke, frame)
        ink = slot["stroke"].read(arithmetic.Reader(frame, half=True), MOST)
        told = {"type": "board.ink_by", "page": stroke["page"], "id": slot["id"], "by": stroke["by"]}
        told |= {"after": len(stroke["ink"]), "ink": ink}
        stroke["ink"] += ink
        return told

    def _begin(self, slot: Fields, frame: bytes) -> Fields:
        if frame[0] & 1:
            more, at = _leb(frame, 1)
            id = slot["id"][:-NEAR] + _id(_number(slot["id"][-NEAR:]) + more, NEAR)
        else:
            id, at = _id(int.from_bytes(frame[1:17], "big") >> 2, 21), 17
        keep, more = frame[at] >> 4, frame[at] & 15
        index = slot["look"]["index"][:keep] + frame[at + 1 : at + 1 + more].decode()
        at += 1 + more
        seed = int.from_bytes(frame[at : at + 4], "big")
        across, at = _zigzag(frame, at + 4)
        down, at = _zigzag(frame, at)
        stroke = Stroke(frame[at])
        ink = frame[at : at + 1] + stroke.read(arithmetic.Reader(frame[at + 1 :]), MOST)
        look = slot["look"] | {"x": slot["look"]["x"] + across / 4, "y": slot["look"]["y"] + down / 4}
        look |= {"seed": seed, "index": index, **_box(stroke)}
        self.strokes[id] = {"page": slot["page"], "by": slot["by"], "look": look, "ink": ink}
        slot |= {"id": id, "look": look, "stroke": stroke, "running": True}
        told = {"type": "board.ink_by", "page": slot["page"], "id": id, "by": slot["by"], "after": 0}
        return told | {"ink": ink, "look": look}

    def _lift(self, slot: Fields, stroke: Fields, frame: bytes) -> Fields:
        if slot["last"] is None:
            raise LookupError("nothing is known of that slot's last event")
        last, id = slot["last"], slot["id"]
        seq, at = _leb(frame, 1)
        since, at = _leb(frame, at)
        version, at = _leb(frame, at)
        step, at = _zigzag(frame, at)
        nonce, total = int.from_bytes(frame[at : at + 4], "big"), int.from_bytes(frame[at + 4 : at + 6], "big")
        points = stroke["ink"]
        if frame[0] & 4:
            points += slot["stroke"].read(arithmetic.Reader(frame[at + 6 :]), MOST)
        if crc32(points) & 0xFFFF != total:
            raise LookupError("the ink is not what was sent")
        set = stroke["look"] | _box(slot["stroke"])
        if frame[0] & 1:
            set["lastCommittedPoint"] = [units / 2 ** slot["stroke"].precision for units in slot["stroke"].points[-1]]
        slot |= {"running": False, "last": (last[0] + seq, last[1] + since, last[2] + step)}
        del self.strokes[id]
        change = {"id": id, "version": version, "nonce": nonce, "set": set, "points": points}
        told = {"seq": last[0] + seq, "at": last[1] + since, "type": "board.drawn", "page": slot["page"]}
        told |= {"by": slot["by"], "changes": [change], "added": 1}
        return told | ({"step": last[2] + step} if last[2] + step else {})


def _box(stroke: Stroke) -> Fields:
    xs, ys = [x for x, _ in stroke.points], [y for _, y in stroke.points]
    unit = 2**stroke.precision
    return {"width": (max(xs) - min(xs)) / unit, "height": (max(ys) - min(ys)) / unit}


def _id(number: int, letters: int) -> str:
    return "".join(LETTERS[number >> 6 * place & 63] for place in reversed(range(letters)))


def _number(letters: str) -> int:
    return sum(LETTERS.index(letter) << 6 * place for place, letter in enumerate(reversed(letters)))


def _leb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    value, at = _leb(data, at)
    return (-(value + 1) >> 1 if value & 1 else value >> 1), at
