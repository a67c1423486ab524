"""The addresses that a server listens at.

What always holds: a port is one server's alone, also among the programs of one user; the processes of one server share it, once
its supervisor holds it. "::" is all addresses of this machine, those of IPv4 too, where the system can do that.
"""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # of one of a name's addresses: the others may do


def take(host: str, port: int, *, shared: bool = False) -> list[socket.socket]:
    """A socket for each address that `host` stands for, bound and not yet listening; port 0: one that the system chooses, the
    same for all. `shared`: with other processes of this server, for which somebody holds it. Raises `OSError`."""
    options = (socket.SO_REUSEADDR, socket.SO_REUSEPORT) if shared else (socket.SO_REUSEADDR,)
    return _bound(host, port, options)


def hold(host: str, port: int) -> list[socket.socket]:
    """The same for who only keeps the port, while processes share it: nothing comes in here, and no other server gets it. Raises
    `OSError`."""
    try:
        held = _bound(host, port, ())
    except OSError:
        # Taken by a server, or only by what is left of connections to one that has ended.
        held = _bound(host, port, (socket.SO_REUSEADDR,))
    for one in held:
        # Only now: before, it would have let this server in beside any other of this user that shares a port.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return held


def _bound(host: str, port: int, options: tuple[int, ...]) -> list[socket.socket]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"cannot listen at {host!r}: it is no address, and no name that this machine knows") from error
    bound: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, _, _, _, (address, _, *rest) in dict.fromkeys(found):
            try:
                bound.append(_bind(family, (address, port, *rest), options))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
            else:
                port = port or bound[0].getsockname()[1]
        if not bound and missing is not None:
            raise missing
    except OSError as error:
        for one in bound:
            one.close()
        why = os.strerror(error.errno or 0).lower()
        raise OSError(f"cannot listen at {host}, port {port}: {why}") from error
    return bound


def _bind(family: int, address: tuple[str | int, ...], options: tuple[int, ...]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in options:
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        if family == socket.AF_INET6:
            # A name has its addresses of IPv4 beside this one; "::" would be without them.
            with suppress(OSError):
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address[0] != "::"))
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound
