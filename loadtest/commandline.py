"""The words of `python -m loadtest.run`.

What always holds: a number that makes no sense is refused in one line, with exit code 2, before anything is started.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import Any, NoReturn

from loadtest.scenarios import SCENARIOS


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message} (--help tells more)\n")


def parser(about: str | None) -> argparse.ArgumentParser:
    """The command line. `about`: what the program is, as `--help` says it."""
    made = _Parser(prog="python -m loadtest.run", description=about)
    made.add_argument("--scenario", default="lesson", choices=list(SCENARIOS))
    made.add_argument("--users", type=_count, default=0, help="students (0: as the scenario says)")
    made.add_argument("--duration", type=_seconds, default=0, help="seconds of class (0: as the scenario says)")
    made.add_argument("--ramp", type=_seconds, default=0, help="seconds in which all arrive (0: as the scenario says)")
    made.add_argument("--rooms", type=_count, default=0, help="how many classes (0: as the scenario says)")
    made.add_argument("--pace", type=_pace, default=1, help="times as much talk as the scenario says")
    made.add_argument("--codec", default="json", choices=["json", "msgpack"])
    made.add_argument("--deflate", action="store_true", help="members offer permessage-deflate")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--workers", type=_count, default=0, help="server workers (0: one for every 17,000 users)")
    made.add_argument("--processes", type=_count, default=0, help="load processes here (0: one for every 12,500 users)")
    made.add_argument("--python", default=sys.executable, help="the interpreter that runs a server started here")
    made.add_argument("--folder", default="", help="where to write (default: var/loadtest/<time>)")
    made.add_argument("--against", default="", metavar="FIGURES.JSON", help="another run's figures, to compare with")
    made.add_argument("--host", action="append", default=[], help="address of a deployment; several: one --host each")
    made.add_argument(
        "--api-key", default=os.environ.get("CLASSROOM_AUTH_API_KEY", ""), help="the deployment's API key"
    )
    made.add_argument(
        "--elsewhere", type=_count, default=0, metavar="N", help="wait for N load processes of other machines"
    )
    made.add_argument(
        "--master-port", type=_port, default=0, help="where they find us (default: 5557 with --elsewhere)"
    )
    made.add_argument(
        "--join", type=_master, default=None, metavar="HOST[:PORT]", help="carry load for the run on that machine"
    )
    made.add_argument("--program", default="classroom", help=argparse.SUPPRESS)
    return made


def _number(kind: Any, text: str, least: float, most: float, what: str) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return number


def _count(text: str) -> int:
    return int(_number(int, text, 0, 1e9, "a number from 0 on"))


def _seconds(text: str) -> float:
    return float(_number(float, text, 0, 1e7, "a number of seconds from 0 on"))


def _pace(text: str) -> float:
    return float(_number(float, text, 1e-3, 1e6, "a number above 0"))


def _port(text: str) -> int:
    return int(_number(int, text, 0, 65_535, "a port, from 0 to 65535"))


def _master(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    if not host:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST or HOST:PORT")
    return host, _port(port) if port else 5557
