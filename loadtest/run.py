"""`python -m loadtest.run`: servers, Locust master and load processes on this machine; or load against a deployment.

What always holds: everything started here has ended when this ends, by the ids of the processes and nothing else; a run that
has begun leaves `figures.json` and `report.html` in its folder, whatever the verdict, also one that is ended early. Exit codes:
0 passed, 1 fell short or was too short to tell, 2 could not run, 130 ended early by Ctrl-C or a signal.
"""

from __future__ import annotations

import argparse
import math
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from loadtest import ahead, commandline, herd, report, wire
from loadtest.ahead import CannotRun
from loadtest.ending import CODE, EndedEarly, Ending
from loadtest.figures import Figures, quantile
from loadtest.load import Load, worker
from loadtest.scenarios import SCENARIOS
from loadtest.server import ROOT, Server, look_at, replayed
from loadtest.verdict import Line, judge, summary, word
from loadtest.watch import Watch

USERS_A_PROCESS = 12_500
USERS_A_WORKER = 17_000
STEP = 5.0  # seconds between two lines of progress
LAST = 240.0  # seconds that a run may take longer than its ramp and duration say


def main(arguments: Sequence[str] | None = None) -> int:
    options = commandline.parser(__doc__).parse_args(arguments)
    started: list[Server | Load] = []
    ending = Ending(lambda: [each.kill() for each in started])
    try:
        return _join(options, started, ending) if options.join else _run(options, started, ending)
    except (CannotRun, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    except EndedEarly as error:
        print(f"Ended early by {error}, before there was anything to tell.", file=sys.stderr)
        return CODE
    finally:
        ending.settle()
        for each in reversed(started):
            each.close()


def _run(options: argparse.Namespace, started: list[Server | Load], ending: Ending) -> int:
    against = ahead.compared_with(options.against)
    ahead.free(options.master_port)
    ahead.ask(options.host, options.api_key)
    scenario = SCENARIOS[options.scenario]
    options.users = options.users or scenario.users
    folder = Path(options.folder or ROOT / "var" / "loadtest" / time.strftime("%Y-%m-%d-%H%M%S"))
    ahead.prepared(folder)
    server = None
    if not options.host:
        workers = options.workers or max(1, math.ceil(options.users / USERS_A_WORKER))
        print(f"Starting {workers} server worker{'s' * (workers > 1)} …", flush=True)
        with ending.waiting():
            server = Server(folder, workers, options.program, options.python, wait=False)
            started.append(server)
        server.wait_until_ready()
        options.api_key = server.api_key
    return Run(options, folder, server, against).go(started, ending)


class Run:
    """One run. `server`: ours; None: the deployment at `--host`."""

    def __init__(
        self, options: argparse.Namespace, folder: Path, server: Server | None, against: dict[str, Any] | None
    ) -> None:
        scenario = SCENARIOS[options.scenario]
        self._options = options
        self._folder = folder
        self._server = server
        self._against = against
        self._hosts = options.host or ([server.url] if server else [])
        self._ramp = options.ramp or scenario.ramp
        self._patience = self._ramp + (options.duration or scenario.duration) + len(scenario.polls) * 90 + LAST
        self._samples: list[dict[str, Any]] = []
        self._watch = Watch(server, options.host, options.api_key, self._ramp)
        self._load = Load(folder)
        self._began = time.time()

    def go(self, started: list[Server | Load], ending: Ending) -> int:
        """The whole run; its exit code."""
        self._sample(0)
        started.append(self._load)
        why, early = "", False
        try:
            with ending.waiting():
                self._start()
            why = self._follow()
            ending.settle()
        except EndedEarly as error:
            why, early = f"ended early by {error}", True
            ending.settle()
        self._load.close()
        load = self._load.told()
        if load is None or load.get("gave_up"):
            if early:
                raise EndedEarly(ending.wanted)
            raise RuntimeError(self._not_begun(why, load))
        if not load["complete"]:
            load["ended"] = why or "the load ended by itself; load.log may tell why"
        cut = early and not load["complete"]
        code = self._tell(load, cut)
        return CODE if cut else code

    def _not_begun(self, why: str, load: dict[str, Any] | None) -> str:
        if load is not None:
            return f"The load did not start: {load['gave_up']}"
        if why:
            return f"The load did not start: {why}"
        return f"The load did not start; the end of {self._folder / 'load.log'}:\n{self._load.said()}"

    def _tell(self, load: dict[str, Any], early: bool) -> int:
        """Write the report, as far as things went, and say the verdict."""
        replays = None
        if self._server is not None:
            self._server.close()
            folded = replayed(self._server.database, list(load.get("over", {})))
            replays = {room: msgspec.to_builtins(each, str_keys=True) for room, each in folded.items()}
        found = summary(load, self._samples)
        lines = judge(load, found, replays, self._against)
        verdict = word(lines, early=early)
        report.write(self._folder, load, self._samples, found, lines, verdict, _about(self._options, self._server))
        return _tell(lines, verdict, self._folder)

    # --- processes --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        options = self._options
        port = options.master_port or (5557 if options.elsewhere else _free_port())
        here = options.processes or (0 if options.elsewhere else max(1, math.ceil(options.users / USERS_A_PROCESS)))
        address = "0.0.0.0" if options.elsewhere else "127.0.0.1"
        words = ["--headless", "--master", "--master-bind-host", address, "--master-bind-port", str(port)]
        words += ["--expect-workers", str(here + options.elsewhere), "--expect-workers-max-wait", "600"]
        words += ["--users", str(options.users), "--spawn-rate", f"{max(1.0, options.users / self._ramp):.3f}"]
        words += ["--host", self._hosts[0], "--hosts", ",".join(self._hosts), "--folder", str(self._folder)]
        for name in ("scenario", "rooms", "duration", "ramp", "pace", "codec", "seed"):
            words += [f"--{name}", str(getattr(options, name))]
        words += ["--deflate", str(int(options.deflate)), "--reset-stats", "--only-summary"]
        if options.elsewhere:
            print(f"Waiting for {options.elsewhere} load processes at port {port} …", flush=True)
        self._load.start(words, options.api_key)
        for _ in range(here):
            self._load.start(worker("127.0.0.1", port), options.api_key)

    def _follow(self) -> str:
        """Show progress until the master ends; why it should not go on any longer, where it should not."""
        until, shown = time.time() + self._patience + (600 if self._options.elsewhere else 0), 0.0
        while self._load.runs and time.time() < until:
            time.sleep(1)
            load = self._load.told()
            over = load is not None and load["complete"]
            why = "" if over else self._load.broken or self._watch.trouble(load)
            if why:
                return why
            if load is None or time.time() - shown < STEP:
                continue
            shown = time.time()
            self._sample(load["inside"])
            print(self._progress(load), flush=True)
        return f"it was not over after {self._patience:.0f} s" if self._load.runs else ""

    # --- what is seen -----------------------------------------------------------------------------------------------

    def _sample(self, inside: int) -> None:
        if self._server is not None:
            processes = {name: msgspec.to_builtins(each) for name, each in self._server.sample().items()}
            if processes:
                load = {f"load {pid}": msgspec.to_builtins(look_at(pid)) for pid in self._load.pids}
                self._samples.append(
                    {
                        "at": time.time(),
                        "inside": inside,
                        "processes": processes,
                        "load": {name: each for name, each in load.items() if each},
                    }
                )

    def _progress(self, load: dict[str, Any]) -> str:
        counts, times = load["figures"]["counts"], load["figures"]["times"]
        last = max(map(int, counts), default=0)
        recent = range(last - int(STEP), last)
        figures = Figures()
        figures.add({"counts": counts, "times": {second: times.get(str(second), {}) for second in recent}})
        delivery, ack = figures.spread("delivery", recent), figures.spread("ack", recent)
        frames = sum(figures.at(s)["frames"] for s in recent) / STEP
        wrong = Counter[str]()
        for what in ("dropped", "failed", "refused", "unexpected"):
            wrong.update(figures.named(f"{what}:"))
        words = [
            f"{time.time() - self._began:5.0f} s",
            f"joined {figures.total('joined'):,}/{load['users']:,}, in {load['inside']:,}",
            f"{frames:,.0f} frames/s",
            f"delivery {_ms(delivery, 0.5)}/{_ms(delivery, 0.99)}",
            f"ack {_ms(ack, 0.5)}/{_ms(ack, 0.99)} ms",
        ]
        if len(self._samples) > 1:
            before, now = self._samples[-2:]
            used = sum(p["cpu"] - before["processes"].get(n, p)["cpu"] for n, p in now["processes"].items())
            each = [p["uss"] / 2**20 for n, p in now["processes"].items() if n.startswith("worker")]
            share = used / max(0.1, now["at"] - before["at"])
            words.append(f"server {share:.0%} CPU, {' + '.join(f'{mib:.0f}' for mib in each)} MiB")
            used = sum(p["cpu"] - before["load"].get(name, p)["cpu"] for name, p in now["load"].items())
            words.append(f"load {used / max(0.1, now['at'] - before['at']):.0%}")
        most = f" (most of them: {wrong.most_common(1)[0][0]})" if wrong else ""
        return "  ".join([*words, f"errors {wrong.total():,}{most}"])


def _ms(spread: Any, share: float) -> str:
    found = quantile(spread, share)
    return "–" if found is None else f"{found:.0f}"


def _join(options: argparse.Namespace, started: list[Server | Load], ending: Ending) -> int:
    """Carry load for a run whose master is on another machine, until it ends."""
    load = Load(None)
    started.append(load)
    with ending.waiting():
        for _ in range(options.processes or os.cpu_count() or 1):
            load.start(worker(*options.join), options.api_key)
    return load.wait()


def _about(options: argparse.Namespace, server: Server | None) -> dict[str, Any]:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GiB, {cpu.partition(':')[2].strip()}",
        "server": "on the same machine as the load" if server is not None else ", ".join(options.host),
        "members are read for": _reader(options),
        "codec": options.codec + (", deflated" if options.deflate else ""),
        "seed": options.seed,
    }


def _reader(options: argparse.Namespace) -> str:
    if any(wire.Target(host).tls for host in options.host):
        return "one by one in Python, since the loop in C does not speak TLS"
    return herd.reader()


def _tell(lines: list[Line], verdict: str, folder: Path) -> int:
    print()
    for line in lines:
        mark = "  ok  " if line.passed else "SHORT " if line.measured else "  ?   "
        print(f"{mark} {line.what}: {line.found} (wanted: {line.limit})")
    print(f"\n{verdict.upper()}. {folder / 'report.html'}")
    return 0 if verdict == "passed" else 1


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
