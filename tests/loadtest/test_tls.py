"""Load over TLS: everybody comes in and hears all of it, and a certificate that nobody trusts is told of at once."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.secured import Secured, reason
from loadtest.server import Server
from tests.loadtest.front import certificate, front
from tests.running import ROOT

SECONDS = 240  # a busy machine takes its time to start everything


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path]:
    return certificate(tmp_path)


def run(url: str, key: str, folder: Path, trusted: Path | None) -> subprocess.CompletedProcess[str]:
    words = [
        "--host",
        url,
        "--api-key",
        key,
        "--users",
        "60",
        "--ramp",
        "1",
        "--duration",
        "6",
        "--folder",
        str(folder),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    if trusted is not None:
        environment["SSL_CERT_FILE"] = str(trusted)
    return subprocess.run(
        [sys.executable, "-m", "loadtest.run", "--scenario", "storm", "--pace", "20", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, text=True, env=environment,
    )  # fmt: skip


@pytest.mark.timeout(SECONDS + 60)
def test_a_deployment_behind_tls_is_tested_like_any_other(tmp_path: Path, signed: tuple[Path, Path]) -> None:
    server = Server(tmp_path, 1, CLASSROOM_SERVER_ALLOWED_ORIGINS="*")
    try:
        with front(server.port, signed) as port:
            done = run(f"https://localhost:{port}", server.api_key, tmp_path / "run", signed[0])
    finally:
        server.close()
    assert done.returncode == 0, done.stdout + (tmp_path / "run" / "load.log").read_text()[-3_000:]
    whole = json.loads((tmp_path / "run" / "figures.json").read_text())
    assert whole["passed"]
    assert whole["figures"]["joined"] == 60
    assert whole["figures"]["failed"] == whole["figures"]["unexpected"] == {}
    assert "one by one in Python" in whole["about"]["members are read for"]


@pytest.fixture
def pair(signed: tuple[Path, Path]) -> Iterator[tuple[Secured, ssl.SSLSocket]]:
    """A member's end of a connection, the handshake done, and the server's."""
    near, far = socket.socketpair()
    near.setblocking(False)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*signed)
    accepted: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: accepted.append(serving.wrap_socket(far, server_side=True)))
    thread.start()
    secured = Secured(ssl.create_default_context(cafile=str(signed[0])), near, "localhost")
    while True:
        try:
            secured.do_handshake()
            break
        except ssl.SSLWantReadError:
            pass
    thread.join()
    yield secured, accepted[0]
    secured.close()
    accepted[0].close()


def test_what_is_deciphered_already_is_read_without_waiting_for_more(pair: tuple[Secured, ssl.SSLSocket]) -> None:
    near, far = pair
    said = os.urandom(100_000)
    threading.Thread(target=far.sendall, args=(said,)).start()
    came, small = b"", bytearray(1_000)
    while len(came) < len(said):
        try:
            came += small[: near.recv_into(small)]
        except ssl.SSLWantReadError:
            assert not near.pending()
    assert came == said
    with pytest.raises(ssl.SSLWantReadError):
        near.recv_into(small)


def test_what_there_is_no_room_for_is_sent_later_and_in_order(pair: tuple[Secured, ssl.SSLSocket]) -> None:
    near, far = pair
    said = os.urandom(4_000_000)
    left, waited = said, 0
    far.setblocking(False)
    came = b""
    while len(came) < len(said):
        try:
            left = left[near.send(left) :] if left else left
        except ssl.SSLWantWriteError:
            waited += 1
        try:
            while True:
                came += far.recv(1 << 20)
        except ssl.SSLWantReadError:
            pass
    assert came == said
    assert waited


def test_an_end_is_an_end_with_or_without_a_word(pair: tuple[Secured, ssl.SSLSocket]) -> None:
    near, far = pair
    far.sendall(b"last words")
    far.close()
    small = bytearray(1_000)
    assert near.recv_into(small) == 10
    assert near.recv_into(small) == 0


def test_a_certificate_of_another_name_is_refused_with_the_reason(signed: tuple[Path, Path]) -> None:
    near, far = socket.socketpair()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(*signed)

    def serve() -> None:
        with pytest.raises(ssl.SSLError):
            serving.wrap_socket(far, server_side=True)

    thread = threading.Thread(target=serve)
    thread.start()
    secured = Secured(ssl.create_default_context(cafile=str(signed[0])), near, "elsewhere.example")
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        secured.do_handshake()
    thread.join()
    near.close()
    far.close()
    assert "elsewhere.example" in reason(raised.value)
