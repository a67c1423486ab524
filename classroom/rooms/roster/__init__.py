"""The roster: who belongs to the room, raised hands, moderation of members, and the phases of the class."""
