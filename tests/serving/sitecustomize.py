"""Loaded by every Python that has this folder in PYTHONPATH: a server of the tests has what an operator's has.

Libraries that the tests brought with them are not there for it. Others would find them, and load them for nothing.
"""

import sys

sys.modules.update(dict.fromkeys(("opentelemetry", "requests", "rich", "websocket")))
