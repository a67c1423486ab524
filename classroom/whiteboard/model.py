"""The whiteboard's types, all of them: what they are made of (`shapes`), commands, events and signals (`messages`), and the
state (`state`).
"""

from __future__ import annotations

from classroom.whiteboard.messages import *  # noqa: F403
from classroom.whiteboard.shapes import *  # noqa: F403
from classroom.whiteboard.state import *  # noqa: F403
