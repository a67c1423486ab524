"""An example of every message type, made from the type itself, so that a new type is covered the day it is added."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec
from msgspec import inspect


def members(union: Any) -> list[type[Any]]:
    """The structs of a tagged union, however it is nested."""
    if typing.get_origin(union) in (typing.Union, types.UnionType):
        return [found for part in typing.get_args(union) for found in members(part)]
    return [union]


def example(cls: type[Any]) -> Any:
    """One value of the struct with every field filled in, none left at its default where another value is possible."""
    return _value(inspect.type_info(cls))


def _value(kind: inspect.Type) -> Any:
    match kind:
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 2_000_000_000_017
        case inspect.FloatType():
            return -1234.625
        case inspect.BytesType():
            return bytes(range(256))
        case inspect.AnyType():
            return {"numbers": [1, -2.5, None], "text": "नमस्ते", "on": True}
        case inspect.StrType():
            return 'नमस्ते 👩🏽‍🏫 "quoted" \\ \n line'
        case inspect.LiteralType(values=values):
            return values[-1]
        case inspect.EnumType(cls=cls):
            return list(cls)[-1]
        case inspect.UnionType(types=kinds):
            return _value(next(kind for kind in kinds if not isinstance(kind, inspect.NoneType)))
        case inspect.TupleType(item_types=kinds):
            return tuple(_value(kind) for kind in kinds)
        case inspect.VarTupleType(item_type=kind):
            return (_value(kind), _value(kind))
        case inspect.ListType(item_type=kind):
            return [_value(kind)]
        case inspect.DictType(key_type=key, value_type=value):
            return {_value(key): _value(value)}
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: _value(field.type) for field in fields})
        case _:
            raise NotImplementedError(f"no example of {kind}")


def examples(union: Any) -> list[Any]:
    """An example of every struct of a tagged union."""
    return [example(cls) for cls in members(union)]


def name_of(value: msgspec.Struct) -> str:
    """A short name for a test's parameters."""
    return str(value.__struct_config__.tag or type(value).__name__)
