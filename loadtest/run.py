"""`python -m loadtest.run`: servers, Locust master and load processes on this machine; or load against a deployment.

What always holds: everything started here has ended when this ends, by the ids of the processes and nothing else; a run
leaves `figures.json` and `report.html` in its folder, whatever the verdict. Exit codes: 0 passed, 1 fell short, 2 could not
run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from loadtest import herd, report, wire
from loadtest.figures import Figures, quantile
from loadtest.scenarios import SCENARIOS
from loadtest.server import ROOT, Server, look_at, replayed
from loadtest.verdict import Line, judge, summary

USERS_A_PROCESS = 12_500
USERS_A_WORKER = 17_000
STEP = 5.0  # seconds between two lines of progress
LAST = 240.0  # seconds that a run may take longer than its ramp and duration say


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.join:
        return _join(options)
    scenario = SCENARIOS[options.scenario]
    options.users = options.users or scenario.users
    folder = Path(options.folder or ROOT / "var" / "loadtest" / time.strftime("%Y-%m-%d-%H%M%S"))
    folder.mkdir(parents=True, exist_ok=True)
    server = None
    try:
        if not options.host:
            workers = options.workers or max(1, math.ceil(options.users / USERS_A_WORKER))
            print(f"Starting {workers} server worker{'s' * (workers > 1)} …", flush=True)
            server = Server(folder, workers, options.program, options.python)
            options.api_key = server.api_key
        run = Run(options, folder, server)
        lines = run.go()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        if server is not None:
            server.close()
    return _tell(lines, folder)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m loadtest.run", description=__doc__)
    made.add_argument("--scenario", default="lesson", choices=list(SCENARIOS))
    made.add_argument("--users", type=int, default=0, help="students (0: as the scenario says)")
    made.add_argument("--duration", type=float, default=0, help="seconds of class (0: as the scenario says)")
    made.add_argument("--ramp", type=float, default=0, help="seconds in which all arrive (0: as the scenario says)")
    made.add_argument("--rooms", type=int, default=0, help="how many classes (0: as the scenario says)")
    made.add_argument("--pace", type=float, default=1, help="times as much talk as the scenario says")
    made.add_argument("--codec", default="json", choices=["json", "msgpack"])
    made.add_argument("--deflate", action="store_true", help="members offer permessage-deflate")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--workers", type=int, default=0, help="server workers (0: one for every 17,000 users)")
    made.add_argument("--processes", type=int, default=0, help="load processes here (0: one for every 12,500 users)")
    made.add_argument("--python", default=sys.executable, help="the interpreter that runs a server started here")
    made.add_argument("--folder", default="", help="where to write (default: var/loadtest/<time>)")
    made.add_argument("--against", default="", metavar="FIGURES.JSON", help="another run's figures, to compare with")
    made.add_argument("--host", action="append", default=[], help="address of a deployment; several: one --host each")
    made.add_argument(
        "--api-key", default=os.environ.get("CLASSROOM_AUTH_API_KEY", ""), help="the deployment's API key"
    )
    made.add_argument(
        "--elsewhere", type=int, default=0, metavar="N", help="wait for N load processes of other machines"
    )
    made.add_argument("--master-port", type=int, default=0, help="where they find us (default: 5557 with --elsewhere)")
    made.add_argument("--join", default="", metavar="HOST[:PORT]", help="carry load for the run on that machine")
    made.add_argument("--program", default="classroom", help=argparse.SUPPRESS)
    return made


class Run:
    """One run. `server`: ours; None: the deployment at `--host`."""

    def __init__(self, options: argparse.Namespace, folder: Path, server: Server | None) -> None:
        scenario = SCENARIOS[options.scenario]
        self._options = options
        self._folder = folder
        self._server = server
        self._hosts = options.host or ([server.url] if server else [])
        self._ramp = options.ramp or scenario.ramp
        self._patience = self._ramp + (options.duration or scenario.duration) + len(scenario.polls) * 90 + LAST
        self._samples: list[dict[str, Any]] = []
        self._children: list[subprocess.Popen[bytes]] = []
        self._began = time.time()
        self._log = (folder / "load.log").open("ab")

    def go(self) -> list[Line]:
        """The whole run; its verdict."""
        self._sample(0)
        try:
            self._start()
            self._follow()
        finally:
            self._end()
        load = self._load()
        if load is None:
            raise RuntimeError(f"the load did not start:\n{(self._folder / 'load.log').read_text()[-3_000:]}")
        replays = None
        if self._server is not None:
            self._server.close()
            folded = replayed(self._server.database, list(load.get("over", {})))
            replays = {room: msgspec.to_builtins(each, str_keys=True) for room, each in folded.items()}
        against = json.loads(Path(self._options.against).read_text())["figures"] if self._options.against else None
        found = summary(load, self._samples)
        if not load["complete"]:
            load["errors"].append("the run was ended before everything was told")
        lines = judge(load, found, replays, against)
        report.write(self._folder, load, self._samples, found, lines, _about(self._options, self._server))
        return lines

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
        self._children = [_locust(words, options.api_key, self._log)]
        self._children += [_locust(_worker("127.0.0.1", port), options.api_key, self._log) for _ in range(here)]

    def _follow(self) -> None:
        """Show progress until the master ends."""
        until, shown = time.time() + self._patience + (600 if self._options.elsewhere else 0), 0.0
        while self._children[0].poll() is None and time.time() < until:
            time.sleep(1)
            load = self._load() if time.time() - shown >= STEP else None
            if load is None:
                continue
            shown = time.time()
            self._sample(load["inside"])
            print(self._progress(load), flush=True)

    def _end(self) -> None:
        for child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        until = time.time() + 20
        for child in self._children:
            try:
                child.wait(max(0.1, until - time.time()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._log.close()

    # --- what is seen -----------------------------------------------------------------------------------------------

    def _load(self) -> dict[str, Any] | None:
        try:
            load: dict[str, Any] = msgspec.json.decode((self._folder / "load.json").read_bytes())
        except FileNotFoundError:
            return None
        return load

    def _sample(self, inside: int) -> None:
        if self._server is not None:
            processes = {name: msgspec.to_builtins(each) for name, each in self._server.sample().items()}
            if processes:
                load = {f"load {child.pid}": msgspec.to_builtins(look_at(child.pid)) for child in self._children}
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


def _locust(words: list[str], api_key: str, log: Any) -> subprocess.Popen[bytes]:
    # Locust warns of any process over 90 % of a core; the report shows what the cores did.
    child = subprocess.Popen(
        [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py"), *words],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
        env={**os.environ, "CLASSROOM_AUTH_API_KEY": api_key, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if hasattr(os, "SCHED_BATCH"):
        # A member who has been written to must not take the core from a server that is still writing to the others.
        with suppress(OSError):
            os.sched_setscheduler(child.pid, os.SCHED_BATCH, os.sched_param(0))
    return child


def _worker(host: str, port: int) -> list[str]:
    return ["--worker", "--master-host", host, "--master-port", str(port)]


def _join(options: argparse.Namespace) -> int:
    """Carry load for a run whose master is on another machine, until it ends."""
    host, _, port = options.join.partition(":")
    processes = options.processes or os.cpu_count() or 1
    children = [_locust(_worker(host, int(port or 5557)), options.api_key, sys.stderr) for _ in range(processes)]
    try:
        return max(child.wait() for child in children)
    finally:
        for child in children:
            if child.poll() is None:
                child.terminate()
                child.wait()


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


def _tell(lines: list[Line], folder: Path) -> int:
    print()
    for line in lines:
        print(f"{'  ok  ' if line.passed else 'SHORT '} {line.what}: {line.found} (wanted: {line.limit})")
    passed = all(line.passed for line in lines)
    print(f"\n{'PASSED' if passed else 'FELL SHORT'}. {folder / 'report.html'}")
    return 0 if passed else 1


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
