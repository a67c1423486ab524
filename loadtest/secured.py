"""TLS over a member's own socket.

What always holds: it reads and writes as that socket would, and waits for nothing; the server's certificate is checked, against
what the machine trusts or what `SSL_CERT_FILE` names. What has been deciphered and was not asked for is told by `pending`, since
a look at the socket does not show it.

Why not `SSLContext.wrap_socket`: in a process of gevent's it makes sockets that wait, which members' do not.
"""

from __future__ import annotations

import ssl
from typing import Any


def trusting() -> ssl.SSLContext:
    """What all connections of a process have in common."""
    return ssl.create_default_context()


class Secured:
    """`sock`: connected, and not blocking. What it raises: `OSError`, also where TLS has to read or write first."""

    __slots__ = ("_sock", "_tls")

    def __init__(self, context: ssl.SSLContext, sock: Any, host: str) -> None:
        self._sock = sock
        # As gevent's and Python's own SSLSocket do.
        self._tls: Any = context._wrap_socket(sock, False, host)  # type: ignore[attr-defined]

    def do_handshake(self) -> None:
        self._tls.do_handshake()

    def recv_into(self, into: bytearray | memoryview) -> int:
        """Read until there is nothing more, or no room for it."""
        view, got = memoryview(into), 0
        while got < len(view):
            try:
                more: int = self._tls.read(len(view) - got, view[got:])
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return got
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if not got:
                    raise
                return got
            if not more:
                return got
            got += more
        return got

    def send(self, data: bytes) -> int:
        """Where not all of it was taken, the same bytes have to come first the next time."""
        sent: int = self._tls.write(data)
        return sent

    def pending(self) -> int:
        """How many bytes can be read although nothing comes."""
        waiting: int = self._tls.pending()
        return waiting

    def fileno(self) -> int:
        number: int = self._sock.fileno()
        return number

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        self._sock.setsockopt(level, name, value)

    def close(self) -> None:
        self._sock.close()


def reason(error: OSError) -> str:
    """Why a connection failed, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS: {error.reason.lower().replace('_', ' ')}"
    return type(error).__name__
