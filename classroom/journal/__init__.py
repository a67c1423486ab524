"""The journal: where every room's log is kept. `port` says what it promises, the adapters keep it."""
