"""All that is used of what aiortc and pylibsrtp do not promise to keep: DTLS contexts, SRTP profiles, libsrtp itself.

What always holds: names that begin with an underscore, there, stand in this file and nowhere else; `tests/media/test_sfu.py`
fails when an upgrade moves them, and `check` refuses to start with a version that nobody has looked at.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import aiortc
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80, SRTP_PROFILES, RTCCertificate, certificate_digest
from OpenSSL import SSL
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi as ffi  # type: ignore[import-not-found]
from pylibsrtp._binding import lib as lib

LOOKED_AT = ((1, 14), (1, 16))  # from the first to the last version, both included
BIGGEST = 1_400  # bytes of a packet that is forwarded, so that it fits into libsrtp's and the network's bounds
TRAILER = 148  # bytes that libsrtp may add (SRTP_MAX_TRAILER_LEN, and the index of SRTCP)


def check() -> None:
    """Raises `RuntimeError` for a version of aiortc that is not known to fit."""
    major, minor, *_ = (int(part) for part in aiortc.__version__.split("."))
    if not LOOKED_AT[0] <= (major, minor) <= LOOKED_AT[1]:
        raise RuntimeError(f"aiortc {aiortc.__version__} has not been looked at; see {__name__}")


class Certificate:
    """This process's own. `fingerprint`: its SHA-256 as SDP says it."""

    def __init__(self) -> None:
        self._certificate = RTCCertificate.generateCertificate()
        self.fingerprint = next(one.value for one in self._certificate.getFingerprints() if one.algorithm == "sha-256")
        # AES-CM first: in libsrtp it costs a third of AES-256-GCM, and browsers choose it anyway.
        profiles = [SRTP_AES128_CM_SHA1_80, *(one for one in SRTP_PROFILES if one is not SRTP_AES128_CM_SHA1_80)]
        self._context: Any = self._certificate._create_ssl_context(profiles)

    def accept(self) -> Dtls:
        """The server's side of a new association."""
        return Dtls(SSL.Connection(self._context))

    def connect(self) -> Dtls:
        """The client's side, as a peer has it: for tests and measurements."""
        return Dtls(SSL.Connection(self._context), client=True)


class Dtls:
    """One association, without input or output of its own: datagrams in by `feed`, out by what that returns."""

    def __init__(self, connection: Any, *, client: bool = False) -> None:
        self._ssl = connection
        self._client = client
        if client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self.done = self.closed = self.failed = False

    def feed(self, datagram: bytes) -> list[bytes]:
        """Take a datagram; what there is to send."""
        self._ssl.bio_write(datagram)
        return self._step()

    def begin(self) -> list[bytes]:
        """A client's first flight."""
        return self._step()

    def timeout(self) -> float | None:
        """Seconds until `again` should be called."""
        wait: float | None = self._ssl.DTLSv1_get_timeout()
        return wait

    def again(self) -> list[bytes]:
        """Send anew what got lost; what there is to send."""
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error:
            self.failed = True
        return self._out()

    def close(self) -> list[bytes]:
        """Say goodbye; what there is to send."""
        with suppress(SSL.Error):
            self._ssl.shutdown()
        return self._out()

    def is_peer(self, fingerprints: tuple[tuple[str, str], ...]) -> bool:
        """Whether the other side's certificate has all of these fingerprints."""
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        return certificate is not None and all(
            certificate_digest(certificate, algorithm) == value for algorithm, value in fingerprints
        )

    def keys(self) -> tuple[Inbound, Outbound] | None:
        """The SRTP sessions, or None where no profile was agreed on."""
        name = self._ssl.get_selected_srtp_profile()
        profile = next((one for one in SRTP_PROFILES if one.openssl_profile == name), None)
        if profile is None:
            return None
        material = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
        )
        theirs = 1 if self._client else 0
        return (
            Inbound(_session(profile, profile.get_key_and_salt(material, theirs), Policy.SSRC_ANY_INBOUND)),
            Outbound(_session(profile, profile.get_key_and_salt(material, 1 - theirs), Policy.SSRC_ANY_OUTBOUND)),
        )

    def _step(self) -> list[bytes]:
        try:
            if not self.done:
                self._ssl.do_handshake()
                self.done = True
            else:
                self._ssl.recv(1_500)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.closed = True
        except SSL.Error:
            self.failed = not self.done
        return self._out()

    def _out(self) -> list[bytes]:
        flights: list[bytes] = []
        while True:
            try:
                data = self._ssl.bio_read(65_536)
            except SSL.Error:
                return flights
            flights += _records(data)


def _records(data: bytes) -> list[bytes]:
    """A read of OpenSSL's memory may hold several datagrams' records; each goes alone."""
    found, at = [], 0
    while at + 13 <= len(data):
        end = at + 13 + int.from_bytes(data[at + 11 : at + 13], "big")
        found.append(data[at:end])
        at = end
    return found


def _session(profile: Any, key: bytes, ssrc_type: int) -> Session:
    policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile.libsrtp_profile)
    policy.allow_repeat_tx = True
    policy.window_size = 1_024
    return Session(policy)


_buffer: Any = ffi.new("char[]", 2_048)
_view = ffi.buffer(_buffer)
_length: Any = ffi.new("int *")
_protect, _protect_rtcp = lib.srtp_protect, lib.srtp_protect_rtcp
# Where these two are in memory, for code that is not Python: the very libsrtp that pylibsrtp brings along.
PROTECT = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect")))
PROTECT_RTCP = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect_rtcp")))
_unprotect, _unprotect_rtcp = lib.srtp_unprotect, lib.srtp_unprotect_rtcp


class Inbound:
    """What comes from a peer. Methods give None for what is not authentic, or has come before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._srtp = session._srtp[0]

    def rtp(self, data: bytes) -> bytes | None:
        return self._open(data, _unprotect)

    def rtcp(self, data: bytes) -> bytes | None:
        return self._open(data, _unprotect_rtcp)

    def _open(self, data: bytes, how: Any) -> bytes | None:
        size = len(data)
        if size > 2_048:
            return None
        _view[0:size] = data
        _length[0] = size
        return _view[0 : _length[0]] if how(self._srtp, _buffer, _length) == 0 else None


class Outbound:
    """What goes to a peer. `rtp` leaves the packet in a buffer that the next call uses again: send it at once. `pointer`: where
    the session is in memory, as long as this is there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.srtp = session._srtp[0]
        self.pointer = int(ffi.cast("uintptr_t", self.srtp))

    def rtp(self, data: bytes) -> bytes:
        return self._seal(data, _protect)

    def rtcp(self, data: bytes) -> bytes:
        return self._seal(data, _protect_rtcp)

    def _seal(self, data: bytes, how: Any) -> bytes:
        size = len(data)
        if size > BIGGEST + 100:
            return b""
        _view[0:size] = data
        _length[0] = size
        sealed: bytes = _view[0 : _length[0]] if how(self.srtp, _buffer, _length) == 0 else b""
        return sealed
