"""The browser's types, written out of the structs that travel: `python -m classroom.typescript` prints them.

What always holds: whatever is on the wire is told here once, by the Python structs; the client's `generated.ts` is this
module's output and nothing else, and a test fails when it is stale.

How: the types are walked from a few roots with `msgspec.inspect`. A tagged struct becomes an interface named after its
tag (`chat.said` → `ChatSaid`) and a member of its discriminated union; an enumeration becomes a union of strings; an
`array_like` struct becomes a labelled tuple; a mapping becomes a `Record` whose keys are strings, as they are in a
browser. A field that may be missing on the wire is optional, with its default told: in commands every field that has a
default, elsewhere those of structs that leave defaults out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from inspect import cleandoc
from json import dumps
from types import ModuleType
from typing import Any, get_args

import msgspec
from msgspec import inspect

from classroom import wire
from classroom.chat import model as chat
from classroom.doubts import model as doubts
from classroom.media import captions, stage
from classroom.polls import model as polls
from classroom.rooms import room, signals
from classroom.rooms.roster import model as roster
from classroom.whiteboard import model as board

HEADER = """\
// Written by `python -m classroom.typescript` out of the server's structs. Do not edit: change the structs and run it.
//
// A field marked `?` may be missing; its comment tells what it then is.

/** Bytes: text in base64 where they come as JSON, binary where they come as MessagePack. */
export type Packed = string | ArrayBuffer | Uint8Array;
"""

SERVER_ONLY: tuple[type, ...] = (roster.Attend, stage.Publish, stage.Unpublish)  # no socket may send these

UNIONS: tuple[tuple[str, str, Any], ...] = (
    ("ClientCommand", "All that a member can want. `cid` is added when it is sent.", room.AnyCommand),
    ("RoomEvent", "All that can happen in a room.", room.AnyEvent),
    ("SignalIn", "Client → server, passing by.", signals.SignalIn),
    ("SignalOut", "Server → client, passing by.", signals.SignalOut),
)

ROOTS: tuple[tuple[type, bool], ...] = (
    (wire.Hello, True),
    (wire.Welcome, False),
    (wire.Waiting, False),
    (wire.Bye, False),
)

CONSTANTS: tuple[tuple[str, ModuleType], ...] = (
    ("CHAT", chat),
    ("DOUBT", doubts),
    ("POLL", polls),
    ("ROSTER", roster),
    ("BOARD", board),
    ("STAGE", stage),
    ("CAPTION", captions),
    ("WIRE", wire),
)

SCALARS: tuple[tuple[type, str], ...] = (
    (inspect.AnyType, "unknown"),
    (inspect.NoneType, "null"),
    (inspect.BoolType, "boolean"),
    (inspect.IntType, "number"),
    (inspect.FloatType, "number"),
    (inspect.StrType, "string"),
    (inspect.BytesType, "Packed"),
)


def pascal(tag: str) -> str:
    """`roster.hand_raised` → `RosterHandRaised`."""
    return "".join(part[:1].upper() + part[1:] for part in tag.replace(".", "_").split("_"))


def comment(text: str | None, indent: str = "") -> str:
    """`text` as JSDoc, or nothing."""
    if not text:
        return ""
    lines = cleandoc(text).replace("*/", "*\\/").splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} *{' ' + line if line else ''}\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def own_doc(cls: type) -> str | None:
    """The docstring written at `cls` itself: an inherited one would say too little."""
    return cls.__dict__.get("__doc__")


class Writer:
    """Collects declarations by name, each once, in the order in which they are first needed."""

    def __init__(self) -> None:
        self.declared: dict[str, str] = {}
        self.owners: dict[str, type] = {}

    def claim(self, name: str, cls: type) -> bool:
        """Whether `name` is still to be declared. Raises `ValueError` when another type already has it."""
        owner = self.owners.setdefault(name, cls)
        if owner is not cls:
            raise ValueError(f"{name} would be both {owner} and {cls}")
        if name in self.declared:
            return False
        self.declared[name] = ""
        return True

    def render(self, kind: inspect.Type, *, sent: bool) -> str:
        """TypeScript for `kind`, declaring what it needs. `sent`: the client writes it and may leave defaults out."""
        for scalar, text in SCALARS:
            if isinstance(kind, scalar):
                return text
        match kind:
            case inspect.EnumType(cls=cls):
                return self.enumeration(cls)
            case inspect.StructType():
                return self.struct(kind, sent=sent)
            case inspect.LiteralType(values=values):
                return " | ".join(dumps(value) for value in values)
            case inspect.TupleType(item_types=items):
                return f"readonly [{', '.join(self.render(item, sent=sent) for item in items)}]"
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                text = self.render(item, sent=sent)
                return f"readonly ({text})[]" if " | " in text or text.startswith("readonly") else f"readonly {text}[]"
            case inspect.DictType(value_type=value):
                return f"Readonly<Record<string, {self.render(value, sent=sent)}>>"
            case inspect.UnionType(types=types):
                return " | ".join(dict.fromkeys(self.render(item, sent=sent) for item in types))
        raise TypeError(f"no TypeScript for {kind!r}")

    def enumeration(self, cls: type[Enum]) -> str:
        if self.claim(cls.__name__, cls):
            values = " | ".join(dumps(item.value) for item in cls)
            self.declared[cls.__name__] = f"{comment(own_doc(cls))}export type {cls.__name__} = {values};\n"
        return cls.__name__

    def struct(self, kind: inspect.StructType, *, sent: bool) -> str:
        cls = kind.cls
        name = pascal(kind.tag) if isinstance(kind.tag, str) else cls.__name__
        if not self.claim(name, cls):
            return name
        fields = [field for field in kind.fields if field.encode_name != "cid"]
        if kind.array_like:
            inner = ", ".join(f"{field.encode_name}: {self.render(field.type, sent=sent)}" for field in fields)
            self.declared[name] = f"{comment(own_doc(cls))}export type {name} = readonly [{inner}];\n"
            return name
        may_omit = sent or bool(cls.__struct_config__.omit_defaults)
        lines = [f"  readonly {kind.tag_field}: {dumps(kind.tag)};\n"] if kind.tag_field else []
        lines += [self.field(field, optional=may_omit and not field.required, sent=sent) for field in fields]
        self.declared[name] = f"{comment(own_doc(cls))}export interface {name} {{\n{''.join(lines)}}}\n"
        return name

    def field(self, field: inspect.Field, *, optional: bool, sent: bool) -> str:
        text = self.render(field.type, sent=sent)
        if not optional:
            return f"  readonly {field.encode_name}: {text};\n"
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        told = "null" if default is None else dumps(msgspec.to_builtins(default), ensure_ascii=False)
        return f"  /** Missing: {told}. */\n  readonly {field.encode_name}?: {text};\n"

    def union(self, name: str, doc: str, members: Sequence[type], *, sent: bool) -> None:
        names = [self.render(inspect.type_info(member), sent=sent) for member in members]
        body = "".join(f"\n  | {member}" for member in names)
        self.declared[name] = f"{comment(doc)}export type {name} ={body};\n"


def constants() -> Iterable[str]:
    """The numbers and lists that a form needs to know before it asks."""
    for prefix, module in CONSTANTS:
        for name, value in vars(module).items():
            if not name.isupper():
                continue
            if type(value) is int:
                yield f"export const {prefix}_{name} = {value};\n"
            elif isinstance(value, tuple) and all(isinstance(item, str) for item in value):
                yield f"export const {prefix}_{name} = {dumps(value, ensure_ascii=False)} as const;\n"
    public = [state.value for state in doubts.DoubtState if state.public]
    yield comment("The states in which every student sees a doubt.")
    yield f"export const DOUBT_PUBLIC: readonly DoubtState[] = {dumps(public)};\n"


def generate() -> str:
    """The whole of `client/src/protocol/generated.ts`."""
    writer = Writer()
    for name, doc, union in UNIONS:
        members = [member for member in get_args(union) if member not in SERVER_ONLY]
        writer.union(name, doc, members, sent=name in ("ClientCommand", "SignalIn"))
    for root, sent in ROOTS:
        writer.render(inspect.type_info(root), sent=sent)
    return "\n".join([HEADER, *writer.declared.values(), "".join(constants())])


if __name__ == "__main__":
    sys.stdout.write(generate())
