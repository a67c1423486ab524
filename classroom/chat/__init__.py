"""Chat: messages, replies, reactions, pins, slow mode."""
