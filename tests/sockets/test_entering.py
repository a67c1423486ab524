"""Who may come in, and who is refused with which code."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import jwt
import msgpack
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from classroom.wire import Codec, Hello
from tests.running import Running, serving, until
from tests.sockets.peer import BINARY, Peer, frame

SECRET = "s" * 40


def claims(**changes: Any) -> dict[str, Any]:
    return {"sub": "t1", "name": "Teacher", "room": "demo", "role": "instructor", "exp": 4_000_000_000} | changes


def unsigned(body: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(body)}."


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.fixture
async def published(start: Callable[..., Any], tmp_path: Path, key: rsa.RSAPrivateKey) -> Running:
    """A server with a secret that is known here and one published RSA key."""
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "k1", "alg": "RS256", "use": "sig"}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk]}))
    running: Running = await start(auth_secret=SECRET, auth_jwks_file=tmp_path / "keys.json")
    return running


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def hs256(body: dict[str, Any], secret: bytes, header: dict[str, Any] | None = None) -> str:
    """A token signed by hand: PyJWT would not take a public key for a secret."""

    def part(value: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT"} | (header or {})) + b"." + part(body)
    mac = base64.urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + mac).decode()


@pytest.mark.parametrize("codec", list(Codec))
async def test_bad_tokens_are_refused_each_with_its_code_and_a_right_one_then_enters_on_the_same_connection(
    published: Running, key: rsa.RSAPrivateKey, codec: Codec
) -> None:
    good = jwt.encode(claims(), SECRET, algorithm="HS256")
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    bad = {
        "forged: another secret": (jwt.encode(claims(), "x" * 40, algorithm="HS256"), "token_invalid"),
        "forged: another claim under the old signature": (
            ".".join((good.split(".")[0], unsigned(claims(room="demo", sub="t2")).split(".")[1], good.split(".")[2])),
            "token_invalid",
        ),
        "forged: signed by an unknown RSA key": (
            jwt.encode(claims(), stranger, algorithm="RS256", headers={"kid": "k1"}),
            "token_invalid",
        ),
        "expired": (jwt.encode(claims(exp=1_000_000_000), SECRET, algorithm="HS256"), "token_expired"),
        "not valid yet": (jwt.encode(claims(nbf=3_900_000_000), SECRET, algorithm="HS256"), "token_invalid"),
        "another room's": (jwt.encode(claims(room="other"), SECRET, algorithm="HS256"), "token_wrong_room"),
        "unsigned": (unsigned(claims()), "token_invalid"),
        "the public key taken for the secret": (hs256(claims(), public_pem(key), {"kid": "k1"}), "token_invalid"),
        "a role that is none": (jwt.encode(claims(role="system"), SECRET, algorithm="HS256"), "token_invalid"),
        "empty": ("", "token_missing"),
        "not a token": ("Bearer x", "token_invalid"),
    }
    peer = await Peer.open(published.port, codec)

    for what, (token, code) in bad.items():
        reply = await peer.connect(token=token)
        assert (reply.type, reply.data["data"]["code"]) == (4, code), what
        assert reply.data["message"] == reply.data["data"]["message"], what
        assert reply.data["data"]["temporary"] is (what == "not valid yet"), what

    assert (await peer.connect(token=good)).type == 0
    await peer.until(lambda: peer.named("welcome"))
    assert peer.welcome["me"] == {"id": "t1", "name": "Teacher", "role": "instructor"}
    assert (await peer.command("class.start"))["ok"]


async def test_a_token_signed_with_the_published_key_enters(published: Running, key: rsa.RSAPrivateKey) -> None:
    token = jwt.encode(claims(), key, algorithm="RS256", headers={"kid": "k1"})

    peer = await Peer.join(published.port, token=token)

    assert peer.welcome["me"]["role"] == "instructor"


async def test_a_guest_is_the_same_member_by_the_same_client_and_otherwise_a_new_one(server: Running) -> None:
    first = await Peer.join(server.port, name="Asha", client="phone-of-asha")
    again = await Peer.join(server.port, Codec.MSGPACK, name="Asha", client="phone-of-asha")
    namesake = await Peer.join(server.port, name="Asha", client="phone-of-another")
    nobody = [await Peer.join(server.port, name="Asha") for _ in range(2)]

    assert first.id == again.id
    assert len({first.id, namesake.id, nobody[0].id, nobody[1].id}) == 4
    assert all(peer.welcome["me"]["name"] == "Asha" for peer in (first, namesake, *nobody))

    # Two with the same name are two members: each has their own messages.
    said = await first.command("chat.say", text="mine")
    assert (await namesake.command("chat.edit", id=said["seq"], text="yours"))["code"] == "forbidden"


async def test_no_field_of_a_hello_makes_anybody_staff(server: Running) -> None:
    tried = 0
    roles = ("instructor", "assistant", "system", "INSTRUCTOR", 1, True, None, ["instructor"], {"role": "instructor"})
    fields = ("role", "me", "sub", "id", "member", "pass", "token", "client", "name", "v", "since", "epoch", "auth")
    peer = await Peer.open(server.port)
    for field, role in product(fields, roles):
        hello = {"name": "Asha", field: role}
        reply = await peer.connect(**hello)
        tried += 1
        if reply.type == 4:
            continue
        await peer.until(partial(peer.named, "welcome"))
        assert peer.welcome["me"]["role"] == "student", hello
        assert peer.welcome["me"]["id"].startswith("guest:"), hello
        assert (await peer.command("class.start"))["code"] == "forbidden", hello
        peer.packet(1)
        await peer.close()
        peer = await Peer.open(server.port)

    assert tried == len(fields) * len(roles)


async def test_a_guests_pass_is_no_more_than_the_guest(server: Running) -> None:
    guest = await Peer.join(server.port, name="Asha", client="c1")

    by_pass = await Peer.join(server.port, token=guest.welcome["pass"])

    assert by_pass.welcome["me"] == {"id": guest.id, "name": "Asha", "role": "student"}


async def test_a_room_that_is_not_open_asks_for_a_token(start: Callable[..., Any]) -> None:
    server = await start()
    await server.classroom.journal.create("private", "Private", 0, open=False)
    closed = await start(auth_open_rooms=False)
    peer = await Peer.open(server.port)

    refused = await peer.connect(room="private", name="Asha")
    everywhere = await (await Peer.open(closed.port)).connect(name="Asha")

    assert refused.data["data"]["code"] == everywhere.data["data"]["code"] == "token_missing"
    assert server.classroom.house.halls == []  # to be refused costs no more than to look the room up
    assert (await peer.connect(room="private", token=server.token("private", "student", "Asha"))).type == 0


async def test_a_room_that_nobody_made_is_not_found_until_a_token_holder_comes_in(server: Running) -> None:
    early = await Peer.open(server.port)
    refused = await early.connect(room="algebra", name="Asha")
    assert refused.data["data"] | {"message": ""} == {"code": "room_not_found", "message": "", "temporary": True}

    teacher = await Peer.join(server.port, room="algebra", token=server.token("algebra"))

    assert teacher.welcome["room"] == {"id": "algebra", "title": "algebra"}
    assert (await early.connect(room="algebra", name="Asha")).type == 0


@pytest.mark.parametrize("room", ["", "a/b", "../demo", "x" * 65, "dém", "demo ", "demo\n"])
async def test_a_room_with_a_strange_name_is_refused(server: Running, room: str) -> None:
    peer = await Peer.open(server.port)

    refused = await peer.connect(room=room, name="Asha")

    assert refused.data["data"]["code"] == "bad_room"


@pytest.mark.parametrize("codec", list(Codec))
async def test_a_hello_that_is_wrong_is_answered_with_what_is_wrong(server: Running, codec: Codec) -> None:
    wrong = [
        ({"v": 2, "name": "Asha"}, "version"),
        ({"v": 0, "name": "Asha"}, "version"),
        ({"v": "1", "name": "Asha"}, "bad_request"),
        ({"name": 7}, "bad_request"),
        ({"name": "Asha", "since": "x"}, "bad_request"),
        ({"name": "Asha", "since": 1.5}, "bad_request"),
        ({"name": "Asha", "client": "c" * 65}, "bad_request"),
        ({"name": ""}, "empty"),
        ({"name": " \u200b\n "}, "empty"),
        ({"name": "A" * 61}, "too_long"),
        ({}, "empty"),
        ({"room": None, "name": "Asha"}, "bad_request"),
    ]
    peer = await Peer.open(server.port, codec)

    for hello, code in wrong:
        reply = await peer.connect(**hello)
        assert (reply.type, reply.data["data"]["code"]) == (4, code), hello

    assert (await peer.connect(v=1, name="Asha")).type == 0


@pytest.mark.parametrize("since", [-1, 10**12, 2**63 - 1])
async def test_a_place_in_the_log_that_cannot_be_gets_a_whole_welcome(server: Running, since: int) -> None:
    first = await Peer.join(server.port, name="Asha", client="c1")

    again = await Peer.join(server.port, name="Asha", client="c1", since=since, epoch=first.welcome["epoch"])

    assert len(again.named("welcome")) == 1
    assert not again.named("resumed")


@pytest.mark.parametrize("codec", Codec)
async def test_what_was_deleted_is_read_by_nobody_who_says_to_come_back(server: Running, codec: Codec) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    ravi = await Peer.join(server.port, name="Ravi", client="ravi")
    epoch = teacher.welcome["epoch"]
    kept = (await ravi.command("chat.say", text="a question"))["seq"]
    rude = (await ravi.command("chat.say", text="rude words"))["seq"]

    async def told(**hello: Any) -> tuple[str, list[Any]]:
        peer = await Peer.join(server.port, codec, since=0, epoch=epoch, **hello)
        assert peer.named("resumed")
        return repr(peer.events), [event["type"] for event in peer.events if event["type"].startswith("chat.")]

    assert "rude words" in (await told(name="Early"))[0]
    assert (await ravi.command("chat.edit", id=rude, text="ruder words"))["ok"]
    assert (await teacher.command("chat.pin", id=rude))["ok"]
    assert (await teacher.command("chat.react", id=rude, emoji="🤔"))["ok"]
    assert (await teacher.command("chat.delete", id=rude))["ok"]

    words, types = await told(name="Late")
    assert "rude" not in words
    assert types == ["chat.said", "chat.reacted", "chat.deleted"]
    assert str(kept) in words
    assert "rude words" in (await told(name="Ravi", client="ravi"))[0]
    assert "ruder words" in (await told(token=server.token()))[0]


async def test_a_doubt_that_was_put_aside_is_read_by_nobody_who_says_to_come_back(server: Running) -> None:
    teacher = await Peer.join(server.port, token=server.token())
    ravi = await Peer.join(server.port, name="Ravi", client="ravi")
    epoch = teacher.welcome["epoch"]
    asked = [(await ravi.command("doubt.ask", text=f"words {number}"))["seq"] for number in range(3)]
    for id in asked:
        assert (await teacher.command("doubt.approve", id=id))["ok"]
    assert (await teacher.command("doubt.dismiss", id=asked[0], reason="Rude"))["ok"]
    assert (await ravi.command("doubt.withdraw", id=asked[1]))["ok"]

    async def told(**hello: Any) -> str:
        peer = await Peer.join(server.port, since=0, epoch=epoch, **hello)
        assert peer.named("resumed")
        return repr(peer.events)

    words = await told(name="Late")
    assert [number for number in range(3) if f"words {number}" in words] == [2]
    assert "doubt.dismissed" in words
    assert "doubt.withdrawn" in words
    his = await told(name="Ravi", client="ravi")
    assert all(f"words {number}" in his for number in range(3))
    assert (await teacher.command("doubt.reopen", id=asked[0]))["ok"]
    assert "words 0" in await told(name="Later")


async def test_a_connection_that_never_says_hello_is_closed(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    # Who is to get in has the time that a busy machine takes.
    left = await Peer.open(server.port)
    assert (await left.connect(name="Asha")).type == 0
    inside = await Peer.open(server.port, Codec.MSGPACK)
    assert (await inside.connect(name="Ravi")).type == 0
    monkeypatch.setattr("classroom.sockets.link.GREETING", 1.0)
    silent = await Peer.open(server.port)
    refused = await Peer.open(server.port)
    assert (await refused.connect(v=9)).type == 4

    left.packet(1)  # who leaves the room and keeps the connection has as long again

    async with asyncio.timeout(5):
        for peer in (silent, refused, left):
            await peer.ended.wait()
    assert not inside.ended.is_set()
    assert (await inside.command("chat.say", text="still here"))["ok"]


@pytest.mark.parametrize("codec", list(Codec))
async def test_commands_before_the_hello_are_refused(server: Running, codec: Codec) -> None:
    peer = await Peer.open(server.port, codec)

    early = await peer.command("chat.say", text="too early")

    assert early | {"message": ""} == {"ok": False, "code": "not_connected", "message": "", "temporary": False}
    assert (await peer.connect(name="Asha")).type == 0
    assert (await peer.command("chat.say", text="now"))["ok"]


async def test_a_second_room_on_a_connection_needs_a_disconnect_first(server: Running) -> None:
    await server.classroom.house.found("second", "Second")
    peer = await Peer.open(server.port)
    assert (await peer.connect(name="Asha", client="c1")).type == 0
    await peer.until(lambda: peer.named("welcome"))

    peer.packet(0, {"room": "second", "name": "Asha"})  # ignored: already in a room
    assert (await peer.command("chat.say", text="in demo"))["ok"]
    assert len(peer.named("welcome")) == 1

    peer.packet(1)
    assert (await peer.connect(room="second", name="Asha", client="c1")).type == 0
    await peer.until(lambda: len(peer.named("welcome")) == 2)
    assert peer.welcome["room"]["id"] == "second"
    demo, second = await server.hall(), await server.hall("second")
    assert (len(demo.hub.sessions), len(second.hub.sessions)) == (0, 1)


@pytest.mark.parametrize("codec", list(Codec))
async def test_connecting_and_disconnecting_in_one_breath_leaves_nothing_behind(server: Running, codec: Codec) -> None:
    hall = await server.hall()
    peer = await Peer.open(server.port, codec)
    for _ in range(20):
        peer.packet(0, {"room": "demo", "name": "Asha", "client": "c1"})
        peer.packet(1)
    peer.packet(0, {"room": "demo", "name": "Asha", "client": "c1"})

    async with asyncio.timeout(5):
        while not (await peer.command("chat.say", text="in"))["ok"]:
            await asyncio.sleep(0)
    # Each welcome follows its CONNECT's answer, the last one's too, and this member is in the room once.
    opened = [packet.type == 0 for packet in peer.packets if packet.type == 0 or packet.name == "welcome"]
    assert opened[-2:] == [True, False]
    assert all(before for before, after in pairwise(opened) if not after)
    assert (len(hall.hub.sessions), hall.entering, len(server.classroom.sockets.links)) == (1, 0, 1)

    await peer.close()
    await until(lambda: not server.classroom.sockets.links)
    assert (len(hall.hub.sessions), hall.entering) == (0, 0)


@pytest.mark.parametrize("codec", list(Codec))
async def test_who_is_lost_while_they_are_let_in_is_not_welcomed(
    server: Running, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, hall = server.classroom.house, await server.hall()
    peer = await Peer.open(server.port, codec)
    found, lost, enter = asyncio.Event(), asyncio.Event(), house.enter

    async def slow(hello: Hello) -> Any:
        way = await enter(hello)
        found.set()
        await lost.wait()
        return way

    monkeypatch.setattr(house, "enter", slow)
    peer.packet(0, {"room": "demo", "name": "Asha"})
    await found.wait()
    [link] = [link for each in server.classroom.sockets._servers for link in each.outside()]
    await peer.drop()
    await until(lambda: not link.clear())
    lost.set()

    await until(lambda: not server.classroom.sockets.connections)
    assert house.metrics.joins.labels("welcome")._value.get() == 0
    assert (hall.presence.empty, hall.entering) == (True, 0)


@pytest.mark.parametrize("codec", list(Codec))
async def test_other_namespaces_are_refused_and_leave_the_room_alone(server: Running, codec: Codec) -> None:
    peer = await Peer.join(server.port, codec, name="Asha")

    for namespace in ("/admin", "/chat?x=1", "/~"):
        if codec is Codec.JSON:
            peer.text(f"40{namespace},{{}}")
        else:
            peer.raw(frame(msgpack.packb({"type": 0, "nsp": namespace, "data": {}}), BINARY))
        await peer.until(lambda namespace=namespace: any(where == namespace for where, _ in peer.refused))
        peer.text(f"41{namespace},")  # leaving it leaves no other

    assert {body["data"]["code"] for _, body in peer.refused} == {"bad_request"}
    assert (await peer.command("chat.say", text="unmoved"))["ok"]


async def test_a_full_worker_says_so_and_takes_the_next_when_one_has_left(tmp_path: Path) -> None:
    async with serving(tmp_path, server_max_connections=3) as server:
        inside = [await Peer.join(server.port, room="demo", name=f"Student {n}") for n in range(3)]
        late = await Peer.open(server.port)
        refused = await late.connect(room="demo", name="Late")
        assert refused.type == 4
        assert (refused.data["data"]["code"], refused.data["data"]["temporary"]) == ("full", True)
        await inside[0].close()
        await until(lambda: server.classroom.sockets.connections == 3)
        answer = await late.connect(room="demo", name="Late")
        assert answer.type == 0
        for peer in (*inside[1:], late):
            await peer.close()
