"""Who comes in: a signed join token, or a name where rooms are open.

What always holds: a role above student comes out of a valid token and out of nothing else. A token is good for one
room and ends. Its key decides how it is checked: our own secret only HS256, a published RSA key only RS256, a published
P-256 key only ES256; what the token says about itself picks among those and never widens them, so a public key is never
taken for a secret and `none` never for a signature. A member id that starts with `guest:` stands only in passes.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import msgspec

from classroom.config import Settings, SettingsError
from classroom.jwks import KeySet
from classroom.kernel import Member, Rejected, Role
from classroom.texts import NAME_LIMIT, clean_name, shortened_name

ID_LIMIT = 64
TOKEN_LIMIT = 8_192  # characters
GUEST = "guest:"
ROLES = {role.value: role for role in (Role.INSTRUCTOR, Role.ASSISTANT, Role.STUDENT)}
LEEWAY = 5  # seconds that clocks may differ
ROOM_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

_ROOM = re.compile(ROOM_PATTERN)

_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


class Claims(msgspec.Struct, frozen=True):
    """What a valid token says: who, in which room, until when (seconds since 1970)."""

    member: Member
    room: str
    expires_at: int


class Authenticator:
    """Makes and checks join tokens. `now` gives seconds since 1970.

    Raises `SettingsError` when the secret, the API key or the key file cannot be had.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        auth = settings.auth
        self._secret = (auth.secret or kept(settings.data / "secret")).encode()
        self._signing = hmac.new(self._secret, digestmod=sha256)
        self._api_key = (auth.api_key or kept(settings.data / "api-key")).encode()
        self._keys = KeySet(auth.jwks_file, auth.jwks_url)
        self._issuer = auth.issuer or None
        self._audience = auth.audience or None
        self._default_ttl = auth.token_seconds
        self._now = now
        self.open_rooms = auth.open_rooms

    def mint(self, room: str, name: str, role: Role | str, sub: str | None = None, ttl: int | None = None) -> str:
        """A token for one member of one room, good for `ttl` seconds. Without `sub` the member is a new one.

        Raises `Rejected` ("bad_request", "empty", "too_long") for what no valid token may say.
        """
        sub = sub or f"member:{secrets.token_hex(8)}"
        if sub.startswith(GUEST):
            raise Rejected("bad_request", f"A member's id may not start with {GUEST!r}.")
        return self._sign(room, _member(sub, name, role), ttl or self._default_ttl, is_pass=False)

    def mint_pass(self, room: str, member: Member, ttl: int | None = None) -> str:
        """A token for somebody who is in the room already, guests too, with which to call the HTTP API.

        A guest's says student whatever they were appointed to since: that is for the room to know.
        """
        if member.id.startswith(GUEST):
            member = Member(member.id, member.name, Role.STUDENT)
        return self._sign(room, member, ttl or self._default_ttl, is_pass=True)

    def guest(self, room: str, name: str, client: str = "") -> Member:
        """A student who comes into an open room by name alone. The same `client` (at most 64 characters, kept secret by
        the device) is the same member; without one, each time is a new member.

        Whether this one room is open is for the caller to know. Raises `Rejected` ("token_missing" where open rooms are
        off, "empty", "too_long", "bad_request").
        """
        check_room_id(room)
        if not self.open_rooms:
            raise Rejected("token_missing", "Entering here needs a link with a token.")
        if len(client) > ID_LIMIT:
            raise Rejected("bad_request", f"The client id is longer than {ID_LIMIT} characters.")
        digest = hmac.new(self._secret, b"classroom guest\0" + client.encode(errors="replace"), sha256).hexdigest()
        return Member(GUEST + (digest[:16] if client else secrets.token_hex(8)), clean_name(name), Role.STUDENT)

    def content_key(self, room: str, epoch: str) -> str:
        """What opens those contents of a room that never change at their address (a page of the board as of some place, a
        file), for everybody who has been let in. It stands in the address, so that a cache in between may keep them."""
        named = b"classroom content\0" + room.encode() + b"\0" + epoch.encode()
        return hmac.new(self._secret, named, sha256).hexdigest()[:32]

    def is_content_key(self, key: str, room: str, epoch: str) -> bool:
        """Whether `key` is the room's content key."""
        return hmac.compare_digest(key.encode(errors="replace"), self.content_key(room, epoch).encode())

    async def verify(self, token: str, room: str) -> Claims:
        """Who the bearer of `token` is in `room`.

        Raises `Rejected`: "token_missing", "token_invalid", "token_expired", "token_wrong_room"; "unavailable"
        (temporary) when the published keys cannot be fetched.
        """
        if not token:
            raise Rejected("token_missing", "Entering here needs a link with a token.")
        claims, ours = await self._decode(token)
        held = claims.get("room")
        if not isinstance(held, str) or not _ROOM.fullmatch(held):
            raise _invalid("it names no room")
        if held != room:
            raise Rejected("token_wrong_room", "This token is for another room.")
        name, role = claims.get("name"), claims.get("role")
        if not isinstance(name, str) or not isinstance(role, str):
            raise _invalid("it names no person or no role")
        try:
            member = _member(claims["sub"], name[: NAME_LIMIT * 2], role, shorten=True)
        except Rejected as refusal:
            raise _invalid(refusal.message) from refusal
        if member.id.startswith(GUEST) and not (ours and claims.get("pass") is True and member.role is Role.STUDENT):
            raise _invalid("its member id is one of a guest")
        return Claims(member, held, int(claims["exp"]))

    def is_api_key(self, offered: str) -> bool:
        """Whether this is the API key, in a time that tells nothing of how much of it is right."""
        return hmac.compare_digest(offered.encode(errors="replace"), self._api_key)

    def _sign(self, room: str, member: Member, ttl: int, *, is_pass: bool) -> str:
        check_room_id(room)
        now = int(self._now())
        claims: dict[str, Any] = {"sub": member.id, "name": member.name, "room": room, "role": member.role.value}
        claims |= {"iat": now, "exp": now + ttl}
        if is_pass:
            claims["pass"] = True
        if self._issuer:
            claims["iss"] = self._issuer
        if self._audience:
            claims["aud"] = self._audience
        return self._hs256(claims)

    def _hs256(self, claims: dict[str, Any]) -> str:
        """A JSON Web Token (RFC 7519) signed with our secret. Everybody who comes in is given one: PyJWT, which reads them all,
        looks at the key anew each time, and so takes a ninth of what letting somebody in costs."""
        said = _HEADER + b"." + _base64url(msgspec.json.encode(claims))
        signature = self._signing.copy()
        signature.update(said)
        return (said + b"." + _base64url(signature.digest())).decode()

    async def _decode(self, token: str) -> tuple[dict[str, Any], bool]:
        """The claims of a token whose signature and times are right, and whether it was signed with our own secret."""
        if len(token) > TOKEN_LIMIT or not token.isascii():
            raise _invalid("it is too long or has strange characters")
        try:
            with suppress(jwt.InvalidAlgorithmError):  # it says that it is signed in another way
                return self._checked(token, self._secret, "HS256"), True
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ("RS256", "ES256") or not self._keys.configured:
                raise _invalid("it is signed in a way that is not accepted here")
            for key in await self._keys.find(algorithm, header.get("kid")):
                with suppress(jwt.InvalidSignatureError):
                    return self._checked(token, key, algorithm), False
        except (jwt.PyJWTError, RecursionError) as error:  # the latter from JSON nested without end
            raise _invalid("it cannot be read") from error
        raise _invalid("it is signed by nobody known here")

    def _checked(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        required = ["exp", "sub"] + ["iss"] * bool(self._issuer) + ["aud"] * bool(self._audience)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            options={
                "require": required,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": self._audience is not None,
            },
        )
        self._check_times(claims)
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        expires, begins = claims["exp"], claims.get("nbf", 0)
        for moment in (expires, begins):
            if isinstance(moment, bool) or not isinstance(moment, int | float) or not 0 <= moment < 1e12:
                raise _invalid("its times are not times")
        if self._now() >= expires + LEEWAY:
            raise Rejected("token_expired", "This link has expired. Ask for a new one.")
        if self._now() + LEEWAY < begins:
            raise Rejected("token_invalid", "This link is not valid yet.", temporary=True, until=int(begins * 1000))


def check_room_id(room: str) -> None:
    """Refuse what no room is called: 1 to 64 letters, digits, `_` and `-`, beginning with a letter or digit."""
    if not _ROOM.fullmatch(room):
        raise Rejected(
            "bad_room", "A room's id is 1 to 64 letters, digits, _ or -, and begins with a letter or a digit."
        )


def kept(path: Path) -> str:
    """The secret in the file `path`, drawn (256 bits) and written for the owner's eyes alone if there is none.

    Workers that start at once get the same one. Raises `SettingsError` when the file cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _draw(path)
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The secret in {path} cannot be read or written: {error}.") from error
    if len(text) < 32:
        raise SettingsError(f"The secret in {path} is too short; remove the file to have one drawn.")
    return text


def _draw(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)  # whole or not at all, and never over another worker's
    finally:
        draft.unlink()


def _member(sub: str, name: str, role: Role | str, *, shorten: bool = False) -> Member:
    known = ROLES.get(str(role))
    if known is None:
        raise Rejected("bad_request", f"The role must be one of {', '.join(ROLES)}.")
    if not 1 <= len(sub) <= ID_LIMIT or not sub.isprintable() or sub != sub.strip() or sub == "system":
        raise Rejected("bad_request", f"The member id must have 1 to {ID_LIMIT} printable characters.")
    return Member(sub, shortened_name(name) if shorten else clean_name(name), known)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _invalid(why: str) -> Rejected:
    return Rejected("token_invalid", f"This link's token is not valid: {why.rstrip('.')}.")
