"""Public keys of others whose tokens are accepted (RFC 7517), from a file or an address.

What always holds: a key here is public and asymmetric, and is good for one algorithm: RSA of 2,048 bits or more for
RS256, P-256 for ES256; anything else in the set is passed over. A stranger's token makes us fetch at most every 30 s. A
set that was fetched once stays in use while its source does not answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from classroom.config import SettingsError, is_trustworthy
from classroom.kernel import Rejected

REFETCH_SECONDS = 30.0  # at the earliest, when a token names a key that is not known
STALE_SECONDS = 3_600.0  # then keys are fetched anew, so that withdrawn ones go
TIMEOUT_SECONDS = 5.0
SIZE_LIMIT = 1 << 20  # bytes
RSA_BITS = 2_048

log = structlog.get_logger(__name__)

Key = RSAPublicKey | EllipticCurvePublicKey


class Held(msgspec.Struct, frozen=True):
    """One usable key: its id ("" where it has none) and the one algorithm that it is for."""

    kid: str
    algorithm: str
    key: Any


class KeySet:
    """The keys from `file` or, where that is empty, `url`; none where both are. `clock` gives monotonic seconds.

    Raises `SettingsError` when the file cannot be read.
    """

    def __init__(self, file: str, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._url, self._clock = file, url, clock
        self._held: list[Held] = []
        self._tried_at = self._loaded_at = float("-inf")
        self._lock = asyncio.Lock()
        if file:
            try:
                self._held = read_keys(Path(file).read_bytes())
            except (OSError, ValueError) as error:
                raise SettingsError(f"auth.jwks_file: {file} does not hold a key set: {error}.") from error
            self._tried_at = self._loaded_at = clock()

    @property
    def configured(self) -> bool:
        return bool(self._file or self._url)

    async def find(self, algorithm: str, kid: str | None) -> list[Any]:
        """The keys that may have signed a token with this header: those of that id, or all where it names none.

        Raises `Rejected` ("unavailable", temporary) when no key could ever be fetched.
        """
        matches = self._matches(algorithm, kid)
        if (not matches or self._clock() - self._loaded_at > STALE_SECONDS) and self._may_try():
            async with self._lock:
                if self._may_try():
                    await self._load()
            matches = self._matches(algorithm, kid)
        if not self._held:
            raise Rejected("unavailable", "Tokens cannot be checked just now.", temporary=True)
        return matches

    def _matches(self, algorithm: str, kid: str | None) -> list[Any]:
        return [held.key for held in self._held if held.algorithm == algorithm and kid in (None, held.kid)]

    def _may_try(self) -> bool:
        return self._clock() - self._tried_at >= REFETCH_SECONDS

    async def _load(self) -> None:
        try:
            data = await asyncio.to_thread(Path(self._file).read_bytes) if self._file else await self._fetch()
            self._held = read_keys(data)
            self._loaded_at = self._clock()
        except (OSError, ValueError, TimeoutError) as error:
            log.warning("keys_not_loaded", source=self._file or self._url, error=str(error) or type(error).__name__)
        finally:
            self._tried_at = self._clock()

    async def _fetch(self) -> bytes:
        """The set at the address. Raises `OSError`, `ValueError` when it is too long or anybody on the way could have made it,
        `TimeoutError`."""
        import aiohttp  # not loaded by whoever only makes tokens

        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        data = bytearray()
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.get(self._url, raise_for_status=True, max_redirects=3) as response,
            ):
                for each in (*response.history, response):
                    if not is_trustworthy(str(each.url)):
                        raise ValueError(f"it is led to {each.url}, which is not https")
                async for chunk in response.content.iter_any():
                    data += chunk
                    if len(data) > SIZE_LIMIT:
                        raise ValueError(f"the key set has more than {SIZE_LIMIT} bytes")
        except aiohttp.ClientError as error:
            raise OSError(str(error) or type(error).__name__) from error
        return bytes(data)


def read_keys(data: bytes) -> list[Held]:
    """The usable keys of a JSON Web Key Set. Raises `ValueError` when it is not one, or has no usable key."""
    document = msgspec.json.decode(data)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("it is not a JSON Web Key Set")
    held = [found for entry in entries if isinstance(entry, dict) and (found := _held(entry))]
    if not held:
        raise ValueError("it has no RSA key of 2,048 bits or more and no P-256 key")
    return held


def _held(entry: dict[str, Any]) -> Held | None:
    algorithm = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}.get((entry.get("kty", ""), entry.get("crv")))
    if algorithm is None or entry.get("alg", algorithm) != algorithm or entry.get("use", "sig") != "sig":
        return None
    public = {name: value for name, value in entry.items() if name in ("kty", "crv", "n", "e", "x", "y")}
    try:
        key = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS:
        return None
    kid = entry.get("kid", "")
    return Held(kid, algorithm, key) if isinstance(kid, str) and isinstance(key, Key) else None
