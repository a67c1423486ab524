"""Locust's way in: `Student`, and the messages between the master and the processes that carry the members.

What always holds: the master makes the rooms, gathers figures each second, and ends the run when every class has ended and
every process has told what it found; it writes `load.json` into `--folder` as it goes, and for the last time at the end.

Run it through `python -m loadtest.run`, which also starts servers and writes the report; or by itself:
`locust -f loadtest/locustfile.py --host https://class.example.org --api-key … --scenario lesson`. `stock.py` next to this
file has a user on Locust's own `SocketIOUser`, for dozens.
"""

from __future__ import annotations

import functools
import logging
import sys
import time
from pathlib import Path
from typing import Any

import gevent
import msgspec
from gevent.event import Event
from locust import User, argument_parser, events, runners, task
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

if str(Path(__file__).parent.parent) not in sys.path:  # Locust puts this folder there, not the repository
    sys.path.append(str(Path(__file__).parent.parent))

from loadtest import api
from loadtest.conductor import Conductor
from loadtest.crowd import Crowd
from loadtest.party import Options
from loadtest.scenarios import SCENARIOS, Scenario
from loadtest.student import Seat
from loadtest.wire import Target

# A process full of members on a busy machine may be late with its heartbeat; Locust would give its members to the others.
runners.HEARTBEAT_LIVENESS = 60
runners.WORKER_REPORT_INTERVAL = 10.0  # each time it counts all its members anew
# Locust builds its whole command line anew for every argument of every spawn message: two thirds of a load process's time.
argument_parser.default_args_dict = functools.cache(argument_parser.default_args_dict)

SOON = 0.5  # seconds

crowd: Crowd | None = None
conductor: Conductor | None = None
never = Event()


class Student(User):
    """A member of the class. What it does is up to the process's `Crowd`; this one only comes and goes."""

    seat: Seat | None = None

    def on_start(self) -> None:
        if crowd is not None:
            self.seat = crowd.member()
        never.wait()

    @task
    def attend(self) -> None:
        """Nothing is left to do: whatever a member does happens in callbacks."""
        never.wait()

    def on_stop(self) -> None:
        if self.seat is not None:
            self.seat.leave()


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    parser.add_argument("--scenario", default="lesson", choices=list(SCENARIOS), help="how the class goes")
    parser.add_argument("--api-key", default="", env_var="CLASSROOM_AUTH_API_KEY", help="the deployment's API key")
    parser.add_argument("--hosts", default="", help="several addresses of one deployment, with commas; else --host")
    parser.add_argument("--rooms", type=int, default=0, help="how many classes (0: as the scenario says)")
    parser.add_argument("--duration", type=float, default=0, help="seconds of class (0: as the scenario says)")
    parser.add_argument("--ramp", type=float, default=0, help="seconds in which all arrive (0: as the scenario says)")
    parser.add_argument("--pace", type=float, default=1, help="how many times as much talk as the scenario says")
    parser.add_argument("--codec", default="json", choices=["json", "msgpack"], help="the parser that members use")
    parser.add_argument("--deflate", type=int, default=0, help="1: members offer permessage-deflate")
    parser.add_argument("--seed", type=int, default=1, help="what is random comes from it")
    parser.add_argument("--folder", default="", help="where load.json is written", include_in_web_ui=False)
    parser.add_argument(
        "--run-name", default="", help="begins the rooms' ids (default: the time)", include_in_web_ui=False
    )
    parser.add_argument("--load-users", type=int, default=0, help="set by the master", include_in_web_ui=False)
    parser.add_argument("--load-processes", type=int, default=1, help="set by the master", include_in_web_ui=False)


@events.init.add_listener
def set_up(environment: Any, **_: Any) -> None:
    runner = environment.runner
    # A runner in one process hands its own messages to its own listeners.
    if isinstance(runner, WorkerRunner | LocalRunner):
        runner.register_message("collect", on_collect, concurrent=True)
        runner.register_message("everybody", on_everybody)
    if isinstance(runner, MasterRunner | LocalRunner):
        for kind in ("figures", "taught", "cue", "results"):
            runner.register_message(kind, on_told)


@events.test_start.add_listener
def start(environment: Any, **_: Any) -> None:
    global crowd, conductor
    runner, options = environment.runner, environment.parsed_options
    if isinstance(runner, MasterRunner | LocalRunner):
        options.run_name = options.run_name or f"load-{int(time.time())}"
        options.load_processes = runner.worker_count or 1
        options.load_users = options.num_users or runner.target_user_count or 1
        conductor = Conductor(
            runner, options.load_processes, rooms_of(options), options.load_users, options.folder, _scenario(options)
        )
        try:
            make_rooms(options, environment.host)
        except (api.Failed, OSError) as error:
            why = f"the rooms could not be made: {error}"
            logging.getLogger(__name__).error(why)
            environment.process_exit_code = 1
            gevent.spawn_later(SOON, conductor.give_up, why)  # Locust does not end while it begins
            return
    if isinstance(runner, WorkerRunner | LocalRunner):
        crowd = Crowd(
            _options(environment),
            rooms_of(options),
            options.api_key,
            runner.send_message,
            lambda what, took: environment.stats.log_request("WS", what, took, 0),
            lambda what, why: _log_failure(environment, what, why),
        )
        crowd.start()


@events.quitting.add_listener
def last_words(environment: Any, **_: Any) -> None:
    """Whoever ends the run early finds what there is until now."""
    if conductor is not None:
        conductor.write()


@events.test_stop.add_listener
def stop(environment: Any, **_: Any) -> None:
    global crowd
    if crowd is not None:
        crowd.stop()
        crowd = None


def _log_failure(environment: Any, what: str, why: str) -> None:
    environment.stats.log_request("WS", what, None, 0)
    environment.stats.log_error("WS", what, why)


def _scenario(options: Any) -> Scenario:
    scenario = SCENARIOS[options.scenario]
    return msgspec.structs.replace(
        scenario,
        rooms=options.rooms or scenario.rooms,
        duration=options.duration or scenario.duration,
        vote_seconds=min(scenario.vote_seconds, (options.duration or scenario.duration) / 4),
        ramp=options.ramp or scenario.ramp,
    )


def _hosts(options: Any, host: str | None) -> list[str]:
    return [each for each in options.hosts.split(",") if each] or [host or "http://127.0.0.1:8000"]


def _options(environment: Any) -> Options:
    options = environment.parsed_options
    return Options(
        run=options.run_name,
        hosts=_hosts(options, environment.host),
        users=options.load_users,
        seed=options.seed,
        codec=options.codec,
        deflate=bool(options.deflate),
        scenario=_scenario(options),
        pace=options.pace,
        worker=max(0, environment.runner.worker_index),
        workers=options.load_processes,
    )


def rooms_of(options: Any) -> list[str]:
    """The ids of all rooms."""
    return [f"{options.run_name}-{n}" for n in range(_scenario(options).rooms)]


def make_rooms(options: Any, host: str | None) -> None:
    """Make the rooms, each open to whoever has a name."""
    target = Target(_hosts(options, host)[0])
    for room in rooms_of(options):
        api.call(target, "POST", "/api/rooms", options.api_key, {"id": room, "title": "Load test", "open": True})


def on_told(environment: Any, msg: Any, **_: Any) -> None:
    """Something from one of the processes."""
    if conductor is not None:
        conductor.told(msg.type, msg.data, msg.node_id)


def on_everybody(environment: Any, msg: Any, **_: Any) -> None:
    """Something for all the processes."""
    if crowd is None:
        return
    what, room = msg.data["what"], msg.data["room"]
    known = crowd.party.rooms.get(room)
    if what == "begun":
        crowd.begun()
    elif what == "quiet" and known is not None:
        known.quiet = True
    elif what == "drop" and known is not None:
        crowd.drop(room)


def on_collect(environment: Any, msg: Any, **_: Any) -> None:
    """The master wants to know what was found: in two steps, since the places of the ends come from all."""
    if crowd is None:
        return
    if msg.data is None:
        environment.runner.send_message("results", {"over": crowd.over()})
        return
    try:
        found = crowd.results(msg.data)
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    environment.runner.send_message("results", found)
    gevent.sleep(0)
