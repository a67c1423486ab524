"""Benchmarks of speed and memory, on loopback, each ending by itself: `python -m loadtest.bench [NAME …]`.

What always holds: a server under test runs in a process of its own and is charged its own user and system time, so that
the members who listen cost it nothing but their frames; what it burns while idle is taken off; ratios are between
figures of one run on one machine.
"""
