"""Rooms: the log's owner, its replicas, the fan-out, who is here."""
