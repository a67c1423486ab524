"""The browser's types: written out of the structs, and never stale."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import inspect

from classroom.rooms import room
from classroom.typescript import SERVER_ONLY, Writer, comment, generate

GENERATED = Path(__file__).parents[1] / "client" / "src" / "protocol" / "generated.ts"


class Fruit(StrEnum):
    APPLE = "apple"
    FIG = "fig"


class Pair(msgspec.Struct, array_like=True):
    left: str
    right: tuple[int, ...]


class Basket(msgspec.Struct, omit_defaults=True, tag="basket.filled"):
    """A basket."""

    fruit: Fruit
    pairs: dict[int, Pair]
    words: tuple[tuple[str, int], ...]
    note: str | None = None
    tags: list[str] = []


class Strict(msgspec.Struct):
    size: int = 3


def declared(cls: type, *, sent: bool = False) -> dict[str, str]:
    writer = Writer()
    writer.render(inspect.type_info(cls), sent=sent)
    return writer.declared


def test_the_types_in_the_client_are_those_of_the_structs() -> None:
    assert GENERATED.read_text(encoding="utf-8") == generate(), (
        "stale: python -m classroom.typescript > client/src/protocol/generated.ts"
    )


def test_every_command_and_event_has_its_interface() -> None:
    text = generate()
    for member in (*get_args(room.AnyCommand), *get_args(room.AnyEvent)):
        tag = member.__struct_config__.tag
        assert (f'readonly type: "{tag}";' in text) is (member not in SERVER_ONLY), tag


def test_a_tagged_struct_is_an_interface_named_after_its_tag() -> None:
    text = declared(Basket)["BasketFilled"]
    assert text.startswith('/** A basket. */\nexport interface BasketFilled {\n  readonly type: "basket.filled";\n')


def test_enumerations_mappings_and_tuples_are_told_in_their_own_terms() -> None:
    found = declared(Basket)
    assert found["Fruit"] == 'export type Fruit = "apple" | "fig";\n'
    assert found["Pair"] == "export type Pair = readonly [left: string, right: readonly number[]];\n"
    assert "readonly pairs: Readonly<Record<string, Pair>>;" in found["BasketFilled"]
    assert "readonly words: readonly (readonly [string, number])[];" in found["BasketFilled"]


def test_a_default_left_out_on_the_wire_makes_a_field_optional() -> None:
    text = declared(Basket)["BasketFilled"]
    assert "  /** Missing: null. */\n  readonly note?: string | null;\n" in text
    assert "  /** Missing: []. */\n  readonly tags?: readonly string[];\n" in text


def test_a_default_that_is_always_sent_is_not_optional() -> None:
    assert "  readonly size: number;\n" in declared(Strict)["Strict"]


def test_what_the_client_sends_may_leave_out_any_default() -> None:
    assert "  /** Missing: 3. */\n  readonly size?: number;\n" in declared(Strict, sent=True)["Strict"]


def test_two_types_of_one_name_are_refused() -> None:
    writer = Writer()
    writer.claim("Strict", Strict)
    with pytest.raises(ValueError, match="Strict would be both"):
        writer.claim("Strict", Basket)


def test_a_docstring_cannot_end_its_comment() -> None:
    assert comment("a */ b") == "/** a *\\/ b */\n"
