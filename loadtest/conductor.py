"""The master's part: adds figures up, passes cues on, and ends the run when everything has been told.

What always holds: `load.json` in the run's folder is whole at any time (it is replaced, not written over); a run ends even
where a process never answers.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec
from gevent.event import Event

from loadtest.figures import Figures
from loadtest.scenarios import Scenario

GRACE = 60.0  # seconds after the latest possible end of a class until the run is ended all the same
SETTLE = 2.0  # seconds from the last class's end until probes are asked
RESULTS_PATIENCE = 180.0


class Conductor:
    """`runner`: Locust's. `processes`: how many carry members."""

    def __init__(
        self, runner: Any, processes: int, rooms: list[str], users: int, folder: str, scenario: Scenario
    ) -> None:
        self.figures = Figures()
        self._runner = runner
        self._processes = processes
        self._rooms = rooms
        self._folder = Path(folder) if folder else None
        self._taught: set[str] = set()
        self._all_taught = Event()
        self._inside: dict[str, int] = {}
        self._over: dict[str, int] = {}
        self._answered: set[str] = set()
        self._step = Event()
        self._done: dict[str, Any] = {
            "users": users,
            "rooms": len(rooms),
            "processes": processes,
            "scenario": msgspec.to_builtins(scenario),
            "began": time.time(),
            "cues": [],
            "errors": [],
            "results": [],
            "complete": False,
        }
        self._longest = scenario.ramp + scenario.duration + GRACE + len(scenario.polls) * 90 + 60
        gevent.spawn(self._conduct)
        if self._folder is not None:
            gevent.spawn(self._keep)

    def told(self, kind: str, data: Any, node: str) -> None:
        """A process says something."""
        match kind:
            case "figures":
                self._inside[node] = data.pop("inside")
                self.figures.add(data)
            case "taught":
                self._taught.add(data["room"])
                if data["wrong"]:
                    self._done["errors"].append(data["wrong"])
                if len(self._taught) == len(self._rooms):
                    self._all_taught.set()
            case "cue":
                self._done["cues"].append(data)
                self._runner.send_message("everybody", data)
            case "results":
                self._take(data, node)
            case _:
                pass

    def give_up(self, why: str) -> None:
        """The run cannot go on, and ends."""
        self._done["gave_up"] = why
        self.write()
        self._runner.quit()

    def _take(self, data: dict[str, Any], node: str) -> None:
        if "over" in data:
            self._over.update(data["over"])
        elif "error" in data:
            self._done["errors"].append(f"{node}: {data['error']}")
        else:
            self.figures.add(data.pop("figures"))
            self._done["results"].append(data)
        self._answered.add(node)
        if len(self._answered) == self._processes:
            self._step.set()

    def _conduct(self) -> None:
        if not self._all_taught.wait(self._longest):
            self._done["errors"].append("not every class came to its end in time")
        gevent.sleep(SETTLE)
        self._ask(None)
        self._ask(self._over)
        self._done["over"] = self._over
        self._done["complete"] = True
        self.write()
        self._runner.quit()

    def _ask(self, what: Any) -> None:
        self._answered.clear()
        self._step.clear()
        self._runner.send_message("collect", what)
        if not self._step.wait(RESULTS_PATIENCE):
            self._done["errors"].append(f"{self._processes - len(self._answered)} load processes did not answer")

    def _keep(self) -> None:
        while not self._done["complete"]:
            gevent.sleep(2)
            self.write()

    def write(self) -> None:
        """Write `load.json`."""
        if self._folder is None:
            return
        figures = {"counts": self.figures.counts, "times": self.figures.times}
        whole = self._done | {"figures": figures, "inside": sum(self._inside.values())}
        beside = self._folder / "load.json.new"
        beside.write_bytes(msgspec.json.encode(whole))
        os.replace(beside, self._folder / "load.json")
