"""Doubts: students' questions, moderated, supported by others ("me too"), answered."""
