"""The same class seen by Locust's own `SocketIOUser`: python-socketio's client, several greenlets a user. For dozens.

`locust -f loadtest/stock.py --host http://127.0.0.1:8000 --users 30 --spawn-rate 5 --room demo`
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import gevent
from gevent.event import Event
from locust import between, events, task
from locust.contrib.socketio import SocketIOUser

WELCOME_SECONDS = 30


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    parser.add_argument("--room", default="demo", help="an open room, which a name suffices to enter")


class StockStudent(SocketIOUser):
    """Comes in by name, says something now and then, and counts what arrives."""

    wait_time = between(5, 15)
    number = 0

    def on_start(self) -> None:
        type(self).number += 1
        self.inside = Event()
        self.seq = 0
        self.sio.on("welcome", self._welcome)
        self.sio.on("events", self._events)
        room = self.environment.parsed_options.room
        auth = {"v": 1, "room": room, "name": f"Student {self.number}", "client": f"stock-{time.time_ns()}"}
        url = f"{self.host}?room={quote(room, safe='')}"
        self.sio.connect(url, auth=auth, transports=["websocket"], wait_timeout=WELCOME_SECONDS)
        if not self.inside.wait(WELCOME_SECONDS):
            raise TimeoutError("no welcome came")

    def _welcome(self, welcome: dict[str, Any]) -> None:
        self.seq = welcome["seq"]
        self.inside.set()

    def _events(self, items: list[dict[str, Any]]) -> None:
        for item in items:
            late = None if item["seq"] > self.seq else ValueError("an event came twice, or late")
            self.seq = max(self.seq, item["seq"])
            self.environment.events.request.fire(
                request_type="WSR",
                name=item["type"],
                response_time=max(0.0, time.time() * 1_000 - item["at"]),
                response_length=0,
                exception=late,
                context={},
            )

    @task
    def say(self) -> None:
        """Say something; the time until it is acknowledged is measured by Locust's client."""
        command = {"cid": f"{self.number}-{time.time_ns()}", "type": "chat.say", "text": "A word from a stock client"}
        ack = self.sio.call("command", command)
        if not ack["ok"] and ack["temporary"]:
            gevent.sleep(1)

    def on_stop(self) -> None:
        self.sio.disconnect()
