"""The bus: tells edges that there is news, and carries commands to a room's owner. A hint, never the truth."""
