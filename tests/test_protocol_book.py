"""PROTOCOL.md is true: what it lists is what the server speaks, and what it shows has run.

How: its tables are read as they stand. The fields of every message and shape are written in one notation, which is made
here out of the structs: `name: type`, `?` where it may be left out, `= value` where that stands for something else than
nothing. The programs and the recorded session are run against a real server.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shutil
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
import pytest
from msgspec import inspect

from classroom import wire
from classroom.chat.model import Said
from classroom.config import default_toml
from classroom.doubts.model import DoubtState
from classroom.http.problems import STATUS
from classroom.http.table import TABLE
from classroom.kernel import Phase, Role
from classroom.media.stage import Source
from classroom.polls.model import PollKind, PollState, Results
from classroom.rooms import room, signals
from classroom.typescript import CONSTANTS
from classroom.whiteboard.model import BackgroundKind, OpenTo
from tests.examples import members
from tests.running import ROOT, Running, serving, until
from tests.sockets.peer import Peer

BOOK = (ROOT / "PROTOCOL.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "classroom"
WORDS = (Role, Phase, DoubtState, PollKind, PollState, Results, BackgroundKind, OpenTo, Source)
SECRET = "for-the-recorded-session-only-0123456789"


# --- reading the book -------------------------------------------------------------------------------------------------


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of every table under the heading: the name in the first cell (in backticks) to the other cells."""
    level = heading.split(" ")[0]
    start = re.search(rf"^{re.escape(heading)}$", BOOK, re.MULTILINE)
    assert start, f"PROTOCOL.md has no heading {heading!r}"
    end = re.search(rf"^#{{1,{len(level)}}} ", BOOK[start.end() :], re.MULTILINE)
    text = BOOK[start.end() :][: end.start() if end else None]
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells and (name := re.fullmatch(r"`([^`]+)`", cells[0])):
            assert name[1] not in found, f"{name[1]} stands twice under {heading!r}"
            found[name[1]] = cells[1:]
    return found


def block(language: str) -> str:
    """The one code block in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", BOOK, re.MULTILINE | re.DOTALL)
    return str(found)


# --- the notation -----------------------------------------------------------------------------------------------------


def fields(cls: type[Any], *, sent: bool) -> str:
    """The cell that tells a struct's fields. `sent`: a client writes it and may leave out whatever has a default."""
    kind = inspect.type_info(cls)
    assert isinstance(kind, inspect.StructType)
    own = [field for field in kind.fields if field.encode_name != "cid"]
    omits = sent or bool(cls.__struct_config__.omit_defaults)
    told = ", ".join(f"`{_field(cls, field, omits and not field.required)}`" for field in own)
    if kind.array_like:
        return f"`[{', '.join(_field(cls, field, False) for field in own)}]`"
    return told or "none"


def _field(cls: type[Any], field: inspect.Field, optional: bool) -> str:
    name, kind = field.encode_name, _type(cls, field)
    if not optional:
        return f"{name}: {kind}"
    default = field.default
    if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    if default in (msgspec.NODEFAULT, None, (), [], {}, ""):
        return f"{name}?: {kind.removesuffix(' or null')}"
    return f"{name}?: {kind} = {json.dumps(msgspec.to_builtins(default))}"


def _type(cls: type[Any], field: inspect.Field) -> str:
    if cls is wire.Resumed and field.name == "events":  # joined from what is encoded already
        return "[Event]"
    return _told(field.type)


def _told(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "integer"
        case inspect.FloatType():
            return "number"
        case inspect.BytesType():
            return "bytes"
        case inspect.AnyType():
            return "any"
        case inspect.StrType():
            return "string"
        case inspect.EnumType(cls=cls) | inspect.StructType(cls=cls):
            return cls.__name__
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"[{_told(item)}]"
        case inspect.TupleType(item_types=items):
            return f"[{', '.join(map(_told, items))}]"
        case inspect.DictType(key_type=key, value_type=value):
            return f"{{{_told(key)}: {_told(value)}}}"
        case inspect.UnionType(types=kinds):
            told = [_told(each) for each in kinds if not isinstance(each, inspect.NoneType)]
            return " or ".join(told + ["null"] * any(isinstance(each, inspect.NoneType) for each in kinds))
    raise NotImplementedError(f"no words for {kind}")


def tagged(union: Any) -> dict[str, type[Any]]:
    return {str(cls.__struct_config__.tag): cls for cls in members(union)}


def shapes() -> dict[str, type[Any]]:
    """Every struct that is part of a message and not itself a command, an event or a signal."""
    found: dict[str, type[Any]] = {}

    def look(kind: inspect.Type) -> None:
        if isinstance(kind, inspect.StructType):
            if kind.cls.__name__ in found:
                return
            if not kind.tag_field:
                found[kind.cls.__name__] = kind.cls
            for field in kind.fields:
                look(field.type)
        for name in ("item_type", "key_type", "value_type"):
            if hasattr(kind, name):
                look(getattr(kind, name))
        for name in ("types", "item_types"):
            for each in getattr(kind, name, ()):
                look(each)

    unions = (room.AnyCommand, room.AnyEvent, signals.SignalIn, signals.SignalOut)
    roots = (wire.Hello, wire.Welcome, wire.Waiting, wire.Resumed, wire.Ack, wire.Bye)
    for cls in (*(cls for union in unions for cls in members(union)), *roots):
        look(inspect.type_info(cls))
    return found


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "union", "sent"),
    [
        ("## Commands", room.AnyCommand, True),
        ("## Events", room.AnyEvent, False),
        ("### From the client", signals.SignalIn, True),
        ("### From the server", signals.SignalOut, False),
    ],
)
def test_every_message_is_told_with_all_its_fields_and_no_other_is(heading: str, union: Any, sent: bool) -> None:
    told = {name: cells[0] for name, cells in rows(heading).items()}

    assert told == {tag: fields(cls, sent=sent) for tag, cls in tagged(union).items()}


def test_every_shape_is_told_with_all_its_fields_and_no_other_is() -> None:
    told = {name: cells[0] for name, cells in rows("## Shapes").items()}

    assert told == {name: fields(cls, sent=cls is wire.Hello) for name, cls in shapes().items()}


def test_every_word_is_told_and_no_other_is() -> None:
    told = {name: cells[0] for name, cells in rows("### Words").items()}

    assert told == {cls.__name__: ", ".join(f"`{word.value}`" for word in cls if _travels(word)) for cls in WORDS}


def _travels(word: Enum) -> bool:
    return word is not Role.SYSTEM  # no token and no socket ever carries it


def test_every_limit_is_told_as_it_is() -> None:
    there = {
        f"{prefix}_{name}": value
        for prefix, module in CONSTANTS
        for name, value in vars(module).items()
        if name.isupper() and type(value) is int and (module is not wire or name in ("VERSION", "CID_LIMIT"))
    }
    told = {name: int(cells[0].replace(",", "")) for name, cells in rows("### Sizes and numbers").items()}

    assert told == there


def test_every_setting_that_is_told_has_that_default() -> None:
    settings = tomllib.loads(default_toml())
    told = rows("### Rates and times")

    assert told
    for name, cells in told.items():
        section, _, setting = name.partition(".")
        assert json.loads(cells[0].strip("`")) == settings[section][setting], name


def test_every_operation_of_the_http_api_is_told_and_no_other_is() -> None:
    told = {name: cells[0] for name, cells in rows("## The HTTP API").items()}

    assert told == {f"{row.method} /api{row.path}": str(row.access) for row in TABLE}


def test_every_name_that_is_sent_is_told_and_no_other_is() -> None:
    """The names of Socket.IO's events: the server's are where messages are made, the client's where they are read."""
    sent = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) == "message" and len(node.args) == 3:
                assert isinstance(node.args[1], ast.Constant), f"{path.name}:{node.lineno}"
                sent.add(node.args[1].value)
    start = BOOK.index("## In short")
    told = re.findall(r"^\| (\w+) → \w+ \| `(\w+)` \|", BOOK[start : BOOK.index("\n## ", start)], re.MULTILINE)

    assert {name for side, name in told if side == "server"} == sent
    assert {name for side, name in told if side == "client"} == {"command", "signal"}


# --- refusals ---------------------------------------------------------------------------------------------------------


class Refusal(NamedTuple):
    code: str
    temporary: bool


def refusals() -> Iterator[Refusal]:
    """Every refusal made anywhere in the package, as it is written down there."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in ("Rejected", "Bye", "Reply"):
                for code in _codes(node, tree, functions):
                    yield Refusal(code, _temporary(node))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _codes(call: ast.Call, tree: ast.Module, functions: list[Any]) -> list[str]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    code = given.get("code", call.args[0] if call.args and _name(call.func) != "Reply" else None)
    match code:
        case None:
            return []  # the answer to a command that was kept
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Attribute(attr="code"):
            return []  # handed on from another refusal
        case ast.Name(id=name):
            # A parameter: what the callers, who are in the same module, give for it.
            around = [f for f in functions if f.lineno <= call.lineno <= (f.end_lineno or 0)]
            function = max(around, key=lambda f: f.lineno)
            place = [argument.arg for argument in function.args.args if argument.arg != "self"].index(name)
            calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _name(n.func) == function.name]
            return [n.args[place].value for n in calls]  # type: ignore[attr-defined]
    raise AssertionError(f"line {call.lineno}: this test cannot tell which code {ast.unparse(call)} has")


def _temporary(call: ast.Call) -> bool:
    value = next((keyword.value for keyword in call.keywords if keyword.arg == "temporary"), None)
    return isinstance(value, ast.Constant) and value.value is True


def test_every_refusal_is_told_and_no_other_is() -> None:
    known: dict[str, set[bool]] = {}
    for code, temporary in refusals():
        known.setdefault(code, set()).add(temporary)
    said = {False: "no", True: "yes"}

    told = {code: (cells[0], cells[1]) for code, cells in rows("## Refusals").items()}

    assert told == {
        code: ("either" if len(both) == 2 else said[both.pop()], str(STATUS.get(code, 400)))
        for code, both in known.items()
    }


def test_every_goodbye_is_one_of_the_refusals() -> None:
    known: dict[str, set[bool]] = {}
    for code, temporary in refusals():
        known.setdefault(code, set()).add(temporary)
    for code, cells in rows("### Goodbye").items():
        assert (cells[0] == "yes") in known[code], code


def test_a_command_is_refused_only_with_codes_that_there_are() -> None:
    known = {code for code, _ in refusals()}
    for name, cells in rows("## Commands").items():
        assert set(re.findall(r"`(\w+)`", cells[2])) <= known, name


# --- what has run -----------------------------------------------------------------------------------------------------

VOLATILE = {"sid", "at", "now", "epoch", "pass", "key"}


def looks_like(told: Any, came: Any, name: str = "") -> bool:
    """Whether what came is what the book tells, but for times, and for what is drawn anew each time."""
    if name in VOLATILE:
        return type(told) is type(came)
    if isinstance(told, dict) and isinstance(came, dict):
        return told.keys() == came.keys() and all(looks_like(told[key], came[key], key) for key in told)
    if isinstance(told, list) and isinstance(came, list):
        return len(told) == len(came) and all(looks_like(a, b) for a, b in zip(told, came, strict=True))
    return bool(told == came)


def parsed(packet: str) -> tuple[str, Any]:
    """An Engine.IO packet: what stands before its JSON, and the JSON."""
    head = re.match(r"\d*", packet)
    assert head
    return head[0], json.loads(packet[head.end() :] or "null")


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as ws:
        yield ws


async def test_the_recorded_session_is_how_it_goes(tmp_path: Path) -> None:
    sessions = block("text").split("\n\n")
    assert len(sessions) == 3
    epoch = ""
    async with serving(tmp_path, auth_secret=SECRET) as server:
        for session in sessions:
            async with connection(server.url) as ws, asyncio.timeout(20):
                for side, packets in turns(session):
                    if side == "→":
                        for packet in packets:
                            await ws.send_str(re.sub(r'"epoch":"\w+"', f'"epoch":"{epoch}"', packet))
                        continue
                    # An acknowledgement and the event may come in either order.
                    came = [parsed(await ws.receive_str()) for _ in packets]
                    for packet in packets:
                        head, told = parsed(packet)
                        fitting = [each for each in came if each[0] == head and looks_like(told, each[1])]
                        assert fitting, (packet, came)
                        came.remove(fitting[0])
                        if '"welcome"' in packet:
                            epoch = fitting[0][1][1]["epoch"]


def turns(session: str) -> list[tuple[str, list[str]]]:
    """The lines of a session, by turns: what one side says before the other does."""
    found: list[tuple[str, list[str]]] = []
    for line in session.splitlines():
        side, _, packet = line.partition(" ")
        assert side in "→←", line
        if not found or found[-1][0] != side:
            found.append((side, []))
        found[-1][1].append(packet)
    return found


class Program:
    """A program of the book, at work."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            line = (await self._process.stdout.readline()).decode().rstrip("\n")
        if not line:
            assert self._process.stderr is not None
            raise AssertionError((await self._process.stderr.read()).decode())
        return line

    async def end(self) -> int:
        async with asyncio.timeout(20):
            return await self._process.wait()


@asynccontextmanager
async def program(folder: Path, language: str, *arguments: str) -> AsyncIterator[Program]:
    """The client of the book in `language`, run with `arguments`."""
    folder.mkdir()
    if language == "python":
        file = folder / "client.py"
        command = [sys.executable]
    else:
        file = folder / "client.mjs"
        node = shutil.which("node")
        assert node, "these tests need node"
        command = [node]
        (folder / "node_modules").symlink_to(ROOT / "client" / "node_modules")
    file.write_text(block(language), encoding="utf-8")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, str(file), *arguments, stdout=pipe, stderr=pipe)
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(tmp_path / "data") as running:
        yield running
        for peer in Peer.opened:
            await peer.close()
        Peer.opened.clear()


LANGUAGES = pytest.mark.parametrize("language", ["python", "javascript"])


@LANGUAGES
async def test_the_client_of_the_book_says_hears_and_misses_nothing_while_it_was_cut_off(
    tmp_path: Path, server: Running, language: str
) -> None:
    teacher = await Peer.join(server.port, token=server.token(), room="demo")
    await teacher.command(type="chat.say", cid="0", text="Before you came")
    async with program(tmp_path / "program", language, server.url, "demo", "Asha", "Hello!") as client:
        assert await client.line() == "Teacher: Before you came"
        assert await client.line() == "Asha: Hello!"

        await teacher.command(type="chat.say", cid="1", text="Good morning")
        assert await client.line() == "Teacher: Good morning"

        links = [link for link in server.classroom.sockets.links if link.session.member.name == "Asha"]  # type: ignore[union-attr]
        for link in links:
            link._transport.abort()  # type: ignore[attr-defined]
        for cid in ("2", "3"):
            await teacher.command(type="chat.say", cid=cid, text=f"While you were away, {cid}")
        assert await client.line() == "Teacher: While you were away, 2"
        assert await client.line() == "Teacher: While you were away, 3"

        me = next(said.by for said in await sayings(server) if said.text == "Hello!")
        hall = await server.hall()
        await until(lambda: me in hall.replica.state.roster.members)
        await teacher.command(type="roster.ban", cid="4", member=me, reason="enough")
        assert await client.line() == "bye: You have been banned from the room: enough"
        assert await client.end() == 0

    assert [said.text for said in await sayings(server)].count("Hello!") == 1


async def sayings(server: Running) -> list[Said]:
    return [stored.event for stored in await server.log() if isinstance(stored.event, Said)]


@LANGUAGES
async def test_the_client_of_the_book_ends_when_it_is_refused(tmp_path: Path, language: str) -> None:
    async with (
        serving(tmp_path / "data", auth_open_rooms=False) as server,
        program(tmp_path / "program", language, server.url, "demo", "Asha", "Hello!") as client,
    ):
        assert await client.line() == "refused: token_missing"
        assert await client.end() == 0


def test_every_link_in_the_books_leads_somewhere() -> None:
    for name in ("PROTOCOL.md", "CONTRIBUTING.md", "CHANGES.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            assert target.startswith("https://") or (ROOT / target).exists(), f"{name}: {target}"
        headings = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)]
        for anchor in re.findall(r"\]\(#([^)]+)\)", text):
            assert anchor in headings, f"{name}: #{anchor}"


def test_the_paths_that_contributors_are_told_of_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:classroom|tests|client|config|loadtest|docs)/[\w./-]+)`", text)
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", text)) <= targets
