"""Polls and quizzes: prepared, opened, voted, closed by hand or by the server's clock, counted exactly."""
