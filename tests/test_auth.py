"""Join tokens: what is let in, as whom, and what every forgery is answered with."""

import asyncio
import base64
import hashlib
import hmac
import json
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from classroom.auth import Authenticator, kept
from classroom.config import Settings, SettingsError, load
from classroom.jwks import KeySet
from classroom.kernel import Member, Rejected, Role

SECRET = "a secret that is long enough for HS256"
NOW = 1_800_000_000
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def settings(tmp_path: Path, **auth: Any) -> Settings:
    environment = {"DATA": str(tmp_path), "CLASSROOM_AUTH_SECRET": SECRET}
    environment |= {f"CLASSROOM_AUTH_{name.upper()}": str(value) for name, value in auth.items()}
    return load(environment=environment)


@pytest.fixture
def auth(tmp_path: Path) -> Authenticator:
    return Authenticator(settings(tmp_path), now=lambda: NOW)


def claims(**changes: Any) -> dict[str, Any]:
    base = {"sub": "u1", "name": "Asha", "room": "math", "role": "student", "exp": NOW + 60}
    return {name: value for name, value in (base | changes).items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} if kid else None)


def by_hand(header: dict[str, Any], payload: dict[str, Any], key: bytes) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    mac = base64.urlsafe_b64encode(hmac.new(key, b".".join(parts), hashlib.sha256).digest()).rstrip(b"=")
    return b".".join([*parts, mac if key else b""]).decode()


async def refusal(verifying: Awaitable[Any]) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await verifying
    return caught.value


def jwks(**keys: Any) -> dict[str, Any]:
    entries = []
    for kid, key in keys.items():
        maker = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        entries.append(json.loads(maker.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"})
    return {"keys": entries}


async def test_a_minted_token_lets_its_member_into_its_room(auth: Authenticator) -> None:
    found = await auth.verify(auth.mint("math", "  Asha\u202e \n Rao ", Role.INSTRUCTOR, "teacher-1", 60), "math")
    assert (found.member.id, found.member.name, found.member.role) == ("teacher-1", "Asha Rao", Role.INSTRUCTOR)
    assert found.expires_at == NOW + 60


async def test_two_tokens_without_sub_are_two_members(auth: Authenticator) -> None:
    first, second = [(await auth.verify(auth.mint("math", "Asha", "student"), "math")).member.id for _ in range(2)]
    assert first != second


async def test_a_token_ends(tmp_path: Path) -> None:
    clock = [float(NOW)]
    auth = Authenticator(settings(tmp_path), now=lambda: clock[0])
    token = auth.mint("math", "Asha", "student", "u1", ttl=60)
    clock[0] += 64
    await auth.verify(token, "math")
    clock[0] += 1
    assert (await refusal(auth.verify(token, "math"))).code == "token_expired"


async def test_a_token_is_for_one_room(auth: Authenticator) -> None:
    assert (await refusal(auth.verify(auth.mint("math", "Asha", "student"), "physics"))).code == "token_wrong_room"


async def test_no_token_is_said_to_be_missing(auth: Authenticator) -> None:
    assert (await refusal(auth.verify("", "math"))).code == "token_missing"


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "system"},
        {"role": "admin"},
        {"role": None},
        {"role": ["instructor"]},
        {"name": None},
        {"name": " \u200b\n"},
        {"name": 7},
        {"name": "\ud800"},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 65},
        {"sub": "system"},
        {"sub": " u1"},
        {"sub": "guest:0123456789abcdef"},
        {"room": None},
        {"room": "../etc"},
        {"room": "math\n"},
        {"exp": None},
        {"exp": True},
        {"exp": -1},
        {"exp": 1e300},
        {"role": "instructor", "sub": "guest:0123456789abcdef", "pass": True},
    ],
)
async def test_a_token_that_says_what_it_must_not_is_invalid(auth: Authenticator, changes: dict[str, Any]) -> None:
    token = by_hand({"alg": "HS256", "typ": "JWT"}, claims(**changes), SECRET.encode())
    refused = await refusal(auth.verify(token, "math"))
    assert refused.code == "token_invalid"


async def test_a_token_that_begins_later_says_when(auth: Authenticator) -> None:
    refused = await refusal(auth.verify(signed(nbf=NOW + 60), "math"))
    assert (refused.code, refused.temporary, refused.until) == ("token_invalid", True, (NOW + 60) * 1000)


async def test_a_long_name_in_a_token_is_shortened(auth: Authenticator) -> None:
    assert (await auth.verify(signed(name="x" * 100), "math")).member.name == "x" * 60


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "\ud800.\ud800.\ud800",
        "." * 20,
        "e30.e30.e30",
        "x" * 9_000,
        jwt.encode(claims(), "another secret that is long enough!", "HS256"),
        jwt.encode(claims(), SECRET * 2, "HS512"),
        by_hand({"alg": "none"}, claims(role="instructor"), b""),
        by_hand({"alg": "None"}, claims(role="instructor"), b""),
        by_hand({"alg": ["HS256"]}, claims(role="instructor"), SECRET.encode()),
        by_hand({"alg": "RS256"}, claims(role="instructor"), SECRET.encode()),
        by_hand({"alg": "HS256"}, claims(role="instructor"), b""),
        base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=") + ".e30.e30",
    ],
)
async def test_a_forged_token_is_invalid(auth: Authenticator, token: str) -> None:
    assert (await refusal(auth.verify(token, "math"))).code == "token_invalid"


async def test_changing_the_role_breaks_the_signature(auth: Authenticator) -> None:
    head, _, mac = auth.mint("math", "Asha", "student", "u1").split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims(role="instructor")).encode()).rstrip(b"=").decode()
    assert (await refusal(auth.verify(f"{head}.{body}.{mac}", "math"))).code == "token_invalid"


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256")])
async def test_published_keys_let_in(tmp_path: Path, key: Any, algorithm: str) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(jwks(a=RSA_KEY, b=EC_KEY)))
    auth = Authenticator(settings(tmp_path, jwks_file=tmp_path / "keys.json"), now=lambda: NOW)
    kid = "a" if algorithm == "RS256" else "b"
    for token in (signed(key, algorithm, kid, role="assistant"), signed(key, algorithm, role="assistant")):
        assert (await auth.verify(token, "math")).member.role is Role.ASSISTANT
    assert (await refusal(auth.verify(signed(OTHER_RSA_KEY, "RS256", "a"), "math"))).code == "token_invalid"
    assert (await refusal(auth.verify(signed(key, algorithm, "c"), "math"))).code == "token_invalid"


async def test_a_published_key_is_never_taken_for_the_secret(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(jwks(a=RSA_KEY)))
    auth = Authenticator(settings(tmp_path, jwks_file=tmp_path / "keys.json"), now=lambda: NOW)
    public = RSA_KEY.public_key()
    for encoding, form in (
        (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
    ):
        forged = by_hand({"alg": "HS256", "kid": "a"}, claims(role="instructor"), public.public_bytes(encoding, form))
        assert (await refusal(auth.verify(forged, "math"))).code == "token_invalid"


async def test_a_published_key_may_not_speak_for_guests(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(jwks(a=RSA_KEY)))
    auth = Authenticator(settings(tmp_path, jwks_file=tmp_path / "keys.json"), now=lambda: NOW)
    forged = signed(RSA_KEY, "RS256", "a", sub="guest:0123456789abcdef", **{"pass": True})
    assert (await refusal(auth.verify(forged, "math"))).code == "token_invalid"


async def test_issuer_and_audience_must_fit_where_they_are_set(tmp_path: Path) -> None:
    auth = Authenticator(settings(tmp_path, issuer="school", audience="class"), now=lambda: NOW)
    await auth.verify(auth.mint("math", "Asha", "student"), "math")
    await auth.verify(signed(iss="school", aud=["class", "other"]), "math")
    for wrong in ({}, {"iss": "school"}, {"aud": "class"}, {"iss": "x", "aud": "class"}, {"iss": "school", "aud": "x"}):
        assert (await refusal(auth.verify(signed(**wrong), "math"))).code == "token_invalid"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "nonsense",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}, 7, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "EC"}]}',
    ],
)
def test_a_file_without_a_usable_key_is_a_settings_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(SettingsError, match=r"auth\.jwks_file"):
        Authenticator(settings(tmp_path, jwks_file=tmp_path / "keys.json"))


class KeyServer:
    """Publishes a key set, counts how often it was asked, and can be made to fail."""

    def __init__(self) -> None:
        self.document: Any = jwks(a=RSA_KEY)
        self.asked = 0
        self.status = 200

    async def handle(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response(self.document, status=self.status)


@pytest.fixture
async def published() -> AsyncIterator[tuple[KeyServer, str]]:
    publisher = KeyServer()
    app = web.Application()
    app.router.add_get("/keys", publisher.handle)
    async with TestServer(app) as server:
        yield publisher, str(server.make_url("/keys"))


async def test_keys_are_fetched_once_and_again_for_an_unknown_one_at_most_every_30_seconds(
    published: tuple[KeyServer, str],
) -> None:
    publisher, url = published
    clock = [0.0]
    keys = KeySet("", url, clock=lambda: clock[0])
    found = await asyncio.gather(*(keys.find("RS256", "a") for _ in range(20)))
    assert all(len(each) == 1 for each in found)
    assert publisher.asked == 1
    publisher.document = jwks(b=OTHER_RSA_KEY)
    clock[0] = 29.9
    assert await keys.find("RS256", "b") == []
    clock[0] = 30.0
    assert len(await keys.find("RS256", "b")) == 1
    assert await keys.find("RS256", "a") == []
    assert publisher.asked == 2


async def test_keys_from_where_anybody_on_the_way_could_have_made_them_are_not_taken(
    published: tuple[KeyServer, str],
) -> None:
    publisher, url = published

    async def lead_away(_: web.Request) -> web.Response:
        raise web.HTTPFound(target)

    app, elsewhere = web.Application(), web.Application()
    app.router.add_get("/away", lead_away)
    elsewhere.router.add_get("/keys", publisher.handle)
    async with TestServer(app) as ours, TestServer(elsewhere, host="127.0.0.2") as other:
        target = url
        assert len(await KeySet("", str(ours.make_url("/away"))).find("RS256", "a")) == 1
        target = str(other.make_url("/keys"))  # not of this machine, as far as its address tells
        with pytest.raises(Rejected) as refused:
            await KeySet("", str(ours.make_url("/away"))).find("RS256", "a")
    assert (refused.value.code, refused.value.temporary) == ("unavailable", True)


async def test_withdrawn_keys_go_within_an_hour_and_known_ones_outlive_an_outage(
    published: tuple[KeyServer, str],
) -> None:
    publisher, url = published
    clock = [0.0]
    keys = KeySet("", url, clock=lambda: clock[0])
    await keys.find("RS256", "a")
    publisher.status = 500
    clock[0] = 3_601.0
    assert len(await keys.find("RS256", "a")) == 1
    publisher.status, publisher.document = 200, jwks(b=OTHER_RSA_KEY)
    clock[0] += 30
    assert await keys.find("RS256", "a") == []


async def test_keys_that_never_came_are_a_temporary_refusal(published: tuple[KeyServer, str], tmp_path: Path) -> None:
    publisher, url = published
    publisher.status = 500
    auth = Authenticator(settings(tmp_path, jwks_url=url), now=lambda: NOW)
    refused = await refusal(auth.verify(signed(RSA_KEY, "RS256", "a"), "math"))
    assert (refused.code, refused.temporary) == ("unavailable", True)
    await auth.verify(auth.mint("math", "Asha", "student"), "math")


def test_a_guest_is_a_student_who_stays_the_same_on_one_device(auth: Authenticator) -> None:
    first, again, other = (auth.guest("math", "Ravi", client) for client in ("device-1", "device-1", "device-2"))
    assert first == again
    assert first.id != other.id
    assert first.role is Role.STUDENT
    assert first.id.startswith("guest:")
    assert len(first.id) == len("guest:") + 16


def test_guests_without_a_device_id_are_new_each_time(auth: Authenticator) -> None:
    assert auth.guest("math", "Ravi").id != auth.guest("math", "Ravi").id


@pytest.mark.parametrize(
    ("name", "client", "code"),
    [
        ("", "d", "empty"),
        (" \u200b ", "d", "empty"),
        ("x" * 61, "d", "too_long"),
        ("Ravi", "d" * 65, "bad_request"),
    ],
)
def test_a_guest_needs_a_name_and_a_short_device_id(auth: Authenticator, name: str, client: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        auth.guest("math", name, client)
    assert caught.value.code == code


def test_names_keep_the_joiners_that_hindi_needs(auth: Authenticator) -> None:
    assert auth.guest("math", "क्\u200dष").name == "क्\u200dष"


def test_there_are_no_guests_where_open_rooms_are_off(tmp_path: Path) -> None:
    auth = Authenticator(settings(tmp_path, open_rooms=False))
    with pytest.raises(Rejected) as caught:
        auth.guest("math", "Ravi", "d")
    assert caught.value.code == "token_missing"


async def test_a_pass_names_the_same_member_and_a_guests_is_a_students(auth: Authenticator) -> None:
    guest = auth.guest("math", "Ravi", "device-1")
    teacher = Member("t1", "Asha", Role.INSTRUCTOR)
    assert (await auth.verify(auth.mint_pass("math", guest), "math")).member == guest
    assert (await auth.verify(auth.mint_pass("math", teacher), "math")).member == teacher
    promoted = Member(guest.id, guest.name, Role.INSTRUCTOR)
    assert (await auth.verify(auth.mint_pass("math", promoted), "math")).member.role is Role.STUDENT
    with pytest.raises(Rejected):
        auth.mint("math", "Ravi", "student", guest.id)


@pytest.mark.parametrize("room", ["", "-a", "a/b", "a b", "ä", "x" * 65, "a\n"])
def test_a_room_must_have_a_plain_id(auth: Authenticator, room: str) -> None:
    for attempt in (lambda: auth.guest(room, "Ravi"), lambda: auth.mint(room, "Ravi", "student")):
        with pytest.raises(Rejected) as caught:
            attempt()
        assert caught.value.code == "bad_room"


def test_secrets_are_drawn_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "var"
    made = load(environment={"DATA": str(data)})
    first, second = Authenticator(made), Authenticator(made)
    assert first.guest("math", "Ravi", "d") == second.guest("math", "Ravi", "d")
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("secret", "api-key"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in data.iterdir()) == ["api-key", "secret"]
    assert first.is_api_key((data / "api-key").read_text().strip())
    assert not first.is_api_key("")
    assert not first.is_api_key("\ud800")


def test_workers_that_start_at_once_draw_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        drawn = set(pool.map(lambda _: kept(tmp_path / "secret"), range(64)))
    assert len(drawn) == 1


@pytest.mark.parametrize(
    "make", [lambda path: path.write_text("short"), lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff")]
)
def test_an_unusable_secret_file_is_a_settings_error(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    make(tmp_path / "secret")
    with pytest.raises(SettingsError, match="secret"):
        kept(tmp_path / "secret")


async def test_the_real_clock_is_the_default(tmp_path: Path) -> None:
    auth = Authenticator(settings(tmp_path))
    expires = (await auth.verify(auth.mint("math", "Asha", "student", ttl=60), "math")).expires_at
    assert abs(expires - time.time() - 60) < 5
