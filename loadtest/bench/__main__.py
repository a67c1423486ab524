"""`python -m loadtest.bench [NAME …] [--json PATH]`: run the benchmarks named (all of them by default), print a table.

The exit code is 0 even where a limit is passed: figures depend on the machine, so they are for people to judge.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from loadtest.bench import (
    begin,
    board,
    classes,
    command,
    deflate,
    edge,
    editors,
    evening,
    fanout,
    hls,
    join,
    late,
    memory,
    micro,
    opening,
    pen,
    quiet,
    reopen,
    webrtc,
    workers,
)
from loadtest.bench.stage import Say
from loadtest.bench.table import Row, render

BENCHMARKS: dict[str, Callable[[Say], Iterator[Row]]] = {
    "fanout": fanout.run,
    "deflate": deflate.run,
    "workers": workers.run,
    "classes": classes.run,
    "quiet": quiet.run,
    "memory": memory.run,
    "command": command.run,
    "join": join.run,
    "begin": begin.run,
    "reopen": reopen.run,
    "codec": micro.codec,
    "owner": micro.owner,
    "board": board.run,
    "pen": pen.run,
    "opening": opening.run,
    "evening": evening.run,
    "late": late.run,
    "editors": editors.run,
    "hls": hls.run,
    "edge": edge.run,
    "webrtc": webrtc.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there as well")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    begun = time.monotonic()
    for name in options.names or BENCHMARKS:
        rows += BENCHMARKS[name](
            lambda line, name=name: _progress(f"{time.monotonic() - begun:5.0f} s  {name}: {line}")
        )
    over = [row.name for row in rows if row.verdict == "OVER"]
    print(f"\n{_machine()}\n\n{render(rows)}\n")
    limited = sum(row.limit is not None for row in rows)
    if limited:
        print(f"OVER the limit: {'; '.join(over)}." if over else f"All {limited} figures with a limit are within it.")
    if options.json is not None:
        figures = {"machine": _machine(), "rows": [row.as_json() for row in rows]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, Linux {platform.release()}"


if __name__ == "__main__":
    main()
