"""A real-time live classroom: one room is one log, however many watch it."""

__version__ = "0.1.0"
