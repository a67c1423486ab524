"""A Redis at the end of a network link of its own, which can be cut: a network namespace, and a pair of veth devices.

What always holds: nothing of it is left when `close` has run. The link is taken down at Redis's end, so that packets vanish
and nobody is told: that is what a broken switch looks like, other than a server that has ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.services import Redis, ServiceFailed, program

PORT = 6379


def missing() -> str:
    """Why there can be no such link here; empty: there can."""
    if os.geteuid() != 0:
        return "network namespaces are made by root alone"
    if shutil.which("ip", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") is None:
        return "ip is not installed (Debian package iproute2)"
    name = f"classroom-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode == 0:
        subprocess.run(["ip", "netns", "del", name], check=True)
    return "" if made.returncode == 0 else f"network namespaces cannot be made here: {made.stderr.strip()}"


class FarRedis(Redis):
    """Redis in a network namespace: workers of this one reach it over the link. Also by a Unix socket, which is not cut."""

    def __init__(self) -> None:
        self._ip = program("ip", "iproute2")
        number = os.getpid() % 16_000
        self._space, self._here, self._there = (f"{word}{number}" for word in ("classroom-", "clsrm-a", "clsrm-b"))
        network = (
            f"198.18.{number // 64}.{number % 64 * 4}"  # of the addresses set apart for trying networks (RFC 2544)
        )
        base = network.rpartition(".")[0]
        last = int(network.rpartition(".")[2])
        self._near, self.address = f"{base}.{last + 1}", f"{base}.{last + 2}"
        super().__init__()
        try:
            self._link()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return f"redis://{self.address}:{PORT}"

    def command(self) -> list[str]:
        inside = [self._ip, "netns", "exec", self._space]
        return [*inside, *super().command(), "--port", str(PORT), "--bind", self.address, "--protected-mode", "no"]

    def cut(self) -> None:
        """Let nothing through any more, and tell nobody."""
        self._run("-n", self._space, "link", "set", self._there, "down")

    def mend(self) -> None:
        """Let everything through again."""
        self._run("-n", self._space, "link", "set", self._there, "up")

    def close(self) -> None:
        super().close()
        subprocess.run([self._ip, "link", "del", self._here], capture_output=True)
        subprocess.run([self._ip, "netns", "del", self._space], capture_output=True)

    def _link(self) -> None:
        self._run("netns", "add", self._space)
        self._run("link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self._space)
        self._run("addr", "add", f"{self._near}/30", "dev", self._here)
        self._run("link", "set", self._here, "up")
        self._run("-n", self._space, "addr", "add", f"{self.address}/30", "dev", self._there)
        self._run("-n", self._space, "link", "set", "lo", "up")
        self.mend()

    def _run(self, *words: str) -> None:
        done = subprocess.run([self._ip, *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise ServiceFailed(f"ip {' '.join(words)}: {done.stderr.strip()}")
