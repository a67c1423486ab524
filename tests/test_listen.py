"""A port is one server's alone, and its processes share it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from classroom.listen import hold, take


@pytest.fixture
def kept() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def port_of(sockets: list[socket.socket], kept: ExitStack) -> int:
    for one in sockets:
        kept.enter_context(one)
    return int(sockets[0].getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "localhost"])
def test_processes_share_what_is_held_and_nobody_else_gets_it_even_before_any_listens(
    host: str, kept: ExitStack
) -> None:
    port = port_of(hold(host, 0), kept)
    for other in ("127.0.0.1", "0.0.0.0", "::", "localhost"):
        with pytest.raises(OSError, match=f"cannot listen at {other}, port {port}: address already in use"):
            hold(other, port)
        with pytest.raises(OSError, match="address already in use"):
            take(other, port)
    for _ in range(2):
        shared = take(host, port, shared=True)
        assert port_of(shared, kept) == port
        for one in shared:
            one.listen()
    with pytest.raises(OSError, match="address already in use"):
        hold(host, port)


def test_a_server_comes_back_at_a_port_at_which_connections_have_just_ended(kept: ExitStack) -> None:
    (one,) = take("127.0.0.1", 0)
    with one:
        one.listen()
        port = one.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            connection, _ = one.accept()
            connection.close()  # who closes first is left waiting
    port_of(hold("127.0.0.1", port), kept)
    port_of(take("127.0.0.1", port, shared=True), kept)


def test_a_name_is_all_its_addresses_at_one_port(kept: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0)),  # not this machine's
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    sockets = hold("house", 0)
    port = port_of(sockets, kept)
    assert [one.getsockname()[:2] for one in sockets] == [("::1", port), ("127.0.0.1", port)]
