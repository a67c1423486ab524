"""The command `classroom`: serve, and what an operator does besides.

Exit codes: 0 done, 1 failed, 2 used or set up wrongly. What a program may want to read goes to standard output alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from classroom import __version__
from classroom.auth import Authenticator
from classroom.config import FLAGS, Settings, SettingsError, load
from classroom.export import CONTENT_TYPES, export
from classroom.files.port import StoreUnavailable
from classroom.folder import Taken, held
from classroom.journal.port import Journal, Unavailable
from classroom.kernel import Rejected, Role
from classroom.logs import set_up
from classroom.nursery import keep_forking
from classroom.processes import READY
from classroom.rooms.replay import Replayed, replay

DEMO = "demo"
LINKS_SECONDS = 24 * 3_600  # that the printed links are good for: a day of teaching, whatever a token is good for
BOARD_FORMATS = ("pdf", "svg", "png", "excalidraw")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code."""
    options = parser().parse_args(arguments)
    try:
        flags = {key: value for name, key in FLAGS.items() if (value := getattr(options, name, None)) is not None}
        settings = load(options.config, os.environ, flags)
        run: Callable[[Settings, argparse.Namespace], int] = options.run
        return run(settings, options)
    except Rejected as refused:
        return _fail(2, refused.message)
    except (SettingsError, StoreUnavailable) as error:
        return _fail(2, str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains while it exits
        return 1
    except (Unavailable, OSError) as error:
        return _fail(1, str(error) or type(error).__name__)
    except KeyError as error:
        return _fail(1, f"there is no room {error.args[0]!r} in this journal")
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="classroom", description="A real-time live classroom.")
    top.add_argument("--version", action="version", version=f"classroom {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="settings that override the defaults (TOML)")
    common.add_argument("--data", metavar="DIR", help="where everything is kept (default: var)")
    common.add_argument("--database", metavar="URL", help="sqlite:///… or postgresql://… (default: SQLite in --data)")

    def command(name: str, run: Callable[[Settings, argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help, parents=[common])
        made.set_defaults(run=run)
        return made

    serving = command("serve", _serve, "Serve classes until stopped.")
    serving.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    serving.add_argument("--port", help="port to listen on (default: 8000)")
    serving.add_argument("--workers", help="processes that share the port (default: 1)")
    serving.add_argument("--redis", metavar="URL", help="what the workers talk over (default: a private redis-server)")

    working = command("worker", _worker, "One of several workers; `serve --workers N` starts them.")
    working.add_argument("--number", type=int, required=True, help="which of them this is, from 0")

    command("forkserver", _fork, "What workers are forked from; `serve --workers N` starts it.")

    command("media", _media, "The process of the live stream; `serve` starts it.")

    token = command("token", _token, "Print a join token; the link with it goes to standard error.")
    token.add_argument("--room", required=True)
    token.add_argument("--role", required=True, choices=[role.value for role in Role if role is not Role.SYSTEM])
    token.add_argument("--name", required=True, help="the name shown to the class")
    token.add_argument("--sub", help="the member's id, the same for the same person (default: a new member)")
    token.add_argument("--ttl", type=_seconds, metavar="SECONDS", help="how long it is good for")

    exporting = command("export", _export, "Write a room's record, or its whiteboard, to standard output.")
    exporting.add_argument("room")
    exporting.add_argument(
        "--format",
        choices=[*CONTENT_TYPES, *BOARD_FORMATS],
        default="jsonl",
        help="jsonl, csv: the record (default: jsonl); pdf: the whole board; svg, png, excalidraw: a page of it",
    )
    exporting.add_argument(
        "--page", type=int, metavar="ID", help="the board's page (default: the one that the class looks at)"
    )

    replaying = command("replay", _replay, "Fold a room's log and print the state and its digest.")
    replaying.add_argument("room")

    command("openapi", _openapi, "Print the HTTP API's description (OpenAPI 3.1).")
    return top


def links(settings: Settings, auth: Authenticator, port: int | None = None) -> tuple[str, str]:
    """The demo room's links: the instructor's, with a token inside, and the students'. `port`: the one listened on, where
    the settings leave it to the system."""
    base = _base(settings, port)
    token = auth.mint(DEMO, "Instructor", Role.INSTRUCTOR, "demo-instructor", LINKS_SECONDS)
    student = f"{base}/r/{DEMO}"
    if not auth.open_rooms:
        student += "#token=" + auth.mint(DEMO, "Student", Role.STUDENT, ttl=LINKS_SECONDS)
    return f"{base}/r/{DEMO}#token={token}", student


def _base(settings: Settings, port: int | None) -> str:
    if port is None or settings.server.public_url:
        return settings.base_url
    return f"{settings.base_url.rpartition(':')[0]}:{port}"


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    try:
        with nullcontext() if settings.cluster.redis else held(settings.data):
            return _serve_alone(settings, options)
    except Taken as taken:
        return _fail(1, str(taken))


def _serve_alone(settings: Settings, options: argparse.Namespace) -> int:
    if settings.cluster.workers > 1:
        from classroom.supervisor import supervise  # loads what speaks to Redis

        return supervise(settings, options.config, lambda port: _say_links(settings, Authenticator(settings), port))
    with _loading():  # the whole server, which no other command needs
        from classroom.app import Classroom, run

    def started(port: int, classroom: Classroom) -> None:
        _say_links(settings, classroom.auth, port)

    run(settings, started, config=options.config)
    return 0


@contextmanager
def _loading() -> Iterator[None]:
    """Load modules without looking for garbage, of which that makes none: a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    with _loading():
        from classroom.app import run

    run(settings, lambda port, classroom: _say(f"{READY} {port} {classroom.house.edge}"), options.number)
    return 0


def _fork(settings: Settings, options: argparse.Namespace) -> int:
    with _loading():
        from classroom import forkserver
        from classroom.app import prepare

        prepare(settings)
    config = [] if options.config is None else ["--config", str(options.config)]
    return forkserver.serve(lambda number: main(["worker", "--number", str(number), *config]))


def _media(settings: Settings, _: argparse.Namespace) -> int:
    with _loading():
        from classroom.media.link import socket_path
        from classroom.media.process import run

    set_up(settings.log)
    return keep_forking(lambda: run(settings, socket_path(settings.data), lambda: _say(READY)))


def _say_links(settings: Settings, auth: Authenticator, port: int) -> None:
    if not auth.open_rooms and not sys.stdout.isatty():
        # Nobody comes in without a token, and what a service prints is kept: whoever reads its log would be an instructor.
        return _say(f"At {_base(settings, port)}\nLinks are made by `classroom token`. Stop with Ctrl-C.")
    instructor, student = links(settings, auth, port)
    _say(f"Instructor: {instructor}\nStudent:    {student}\nGood for {LINKS_SECONDS // 3_600} hours. Stop with Ctrl-C.")


def _token(settings: Settings, options: argparse.Namespace) -> int:
    token = Authenticator(settings).mint(options.room, options.name, options.role, options.sub, options.ttl)
    _say(token)
    sys.stderr.write(f"{settings.base_url}/r/{options.room}#token={token}\n")
    return 0


def _export(settings: Settings, options: argparse.Namespace) -> int:
    if options.format in BOARD_FORMATS:
        return _export_board(settings, options)

    async def write() -> None:
        journal = await _journal(settings)
        try:
            async for piece in export(journal, options.room, options.format):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        finally:
            await journal.close()

    asyncio.run(write())
    return 0


def _export_board(settings: Settings, options: argparse.Namespace) -> int:
    from classroom.files.desk import open_desk

    async def write() -> None:
        journal = await _journal(settings)
        try:
            board = (await replay(journal, options.room)).state.board
        finally:
            await journal.close()
        desk = await open_desk(settings, lambda: int(time.time() * 1_000))
        try:
            async with desk.borrowed() as folder:
                made = await desk.export(board, options.room, options.format, options.page, folder)
                with await asyncio.to_thread(made.open, "rb") as file:
                    await asyncio.to_thread(shutil.copyfileobj, file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        finally:
            await desk.close()

    try:
        asyncio.run(write())
    except StoreUnavailable as error:
        return _fail(1, f"the files cannot be read: {error}")
    return 0


def _replay(settings: Settings, options: argparse.Namespace) -> int:
    async def fold() -> Replayed:
        journal = await _journal(settings)
        try:
            return await replay(journal, options.room)
        finally:
            await journal.close()

    replayed = asyncio.run(fold())
    _say(replayed.json())
    if replayed.snapshot is not None and not replayed.snapshot.agrees:
        return _fail(1, f"the snapshot at {replayed.snapshot.seq} is not what the log says")
    return 0


async def _journal(settings: Settings) -> Journal:
    from classroom.journal.sql import open_journal  # loads SQLAlchemy, half a second that other commands do without

    return await open_journal(settings.database_url)


def _openapi(_: Settings, __: argparse.Namespace) -> int:
    from classroom.http.openapi import document

    _say(json.dumps(json.loads(document()), indent=2, ensure_ascii=False))
    return 0


def _seconds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 366 * 86_400:
        raise argparse.ArgumentTypeError("must be a whole number of seconds from 1 to a year")
    return int(text)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fail(code: int, message: str) -> int:
    sys.stderr.write(f"classroom: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
