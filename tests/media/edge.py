"""Debian's nginx and Varnish as `config/deploy/` sets them up, but for addresses and certificates."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.running import ROOT

DEPLOY = ROOT / "config" / "deploy"
EDGES = ("nginx", "varnish")
MAIN = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
worker_rlimit_nofile 20000; user root;
events {{ worker_connections 10000; }}
http {{ client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; include {folder}/edge.conf; }}
"""


@contextmanager
def edge(kind: str, folder: Path, origin: int) -> Iterator[tuple[str, psutil.Process]]:
    """An edge before the origin at port `origin`: its address, and its process."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    command = {"nginx": _nginx, "varnish": _varnish}[kind](folder, origin, port)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _listening(port, process)
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            process.terminate()


def _nginx(folder: Path, origin: int, port: int) -> list[str]:
    text = (DEPLOY / "edge.conf").read_text()
    for theirs, ours in (
        ("server classroom:8000;", f"server 127.0.0.1:{origin};"),
        ("listen 443 ssl http2", f"listen 127.0.0.1:{port}"),
        ("/var/cache/nginx/live", f"{folder}/cache"),
    ):
        assert theirs in text
        text = text.replace(theirs, ours)
    (folder / "edge.conf").write_text("\n".join(line for line in text.splitlines() if "ssl_certificate" not in line))
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def _varnish(folder: Path, origin: int, port: int) -> list[str]:
    text = (DEPLOY / "edge.vcl").read_text()
    for theirs, ours in (('"classroom"', '"127.0.0.1"'), ('"8000"', f'"{origin}"')):
        assert theirs in text
        text = text.replace(theirs, ours)
    (folder / "edge.vcl").write_text(text)
    words = ["-F", "-j", "none", "-n", str(folder / "work"), "-f", str(folder / "edge.vcl"), "-s", "malloc,256m"]
    return ["/usr/sbin/varnishd", *words, "-a", f"127.0.0.1:{port}", "-l", "2m"]


def _listening(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the edge does not start"
        assert time.monotonic() < until, "the edge does not listen"
        time.sleep(0.02)
