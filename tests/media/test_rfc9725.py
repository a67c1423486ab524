"""RFC 9725 (WHIP), section by section, against a whole server with its media process. What its session side says of any request
without a session is asked first, then what a session of a real peer says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.media.peers import loopback, shut
from tests.media.test_whip import FRAGMENT, SDP, Desk, desk

__all__ = ["loopback"]
pytestmark = [pytest.mark.usefixtures("loopback"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

WHIP = "/api/rooms/demo/whip"
ORIGIN = "https://class.example.org"
HEAD = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abcd\r\n"
    f"a=ice-pwd:{'p' * 22}\r\na=fingerprint:sha-256 {'AA:' * 31}AA\r\n"
)
OPUS = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
VP8 = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
ROLE = "a=setup:actpass\r\n"
OFFER = HEAD + ROLE + OPUS + VP8
THREE = OFFER.replace("BUNDLE 0 1", "BUNDLE 0 1 2 3") + VP8.replace("mid:1", "mid:2") + VP8.replace("mid:1", "mid:3")
H261 = VP8.replace("VP8", "H261")
CANDIDATE = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\n"
STRANGE = (
    CANDIDATE + "a=candidate:1 1 tcp 1518280447 nowhere.invalid 9 typ host tcptype active\r\na=end-of-candidates\r\n"
)
NEW_ICE = f"a=ice-ufrag:ysXw\r\na=ice-pwd:{'q' * 24}\r\n"


class Rule(NamedTuple):
    """What a section says. `who`: the bearer's role, or none. `told`: headers that the answer has, by pattern; an empty one:
    it has none of that name."""

    section: str
    method: str
    path: str
    body: str | None
    content: str
    who: str
    headers: dict[str, str]
    status: int
    told: dict[str, str] = {}


def rule(section: str, asked: str, status: int, body: str | None = None, **more: Any) -> Rule:
    method, _, rest = asked.partition(" ")
    return Rule(
        section,
        method,
        WHIP + rest,
        body,
        more.get("content", SDP),
        more.get("who", "instructor"),
        more.get("headers", {}),
        status,
        more.get("told", {}),
    )


WITHOUT_A_SESSION = [
    # 4.1: nothing is shown of an endpoint or a session, and that is no error.
    *[rule("4.1", f"{method}{path}", 204, who="") for method in ("GET", "HEAD") for path in ("", " /x")],
    # 4.2: what the endpoint takes, and which methods it does not.
    rule("4.2", "OPTIONS", 200, who="", told={"Accept-Post": "application/sdp", "Allow": "POST"}),
    rule("4.2", "POST", 415, OFFER, content="text/plain"),
    rule("4.2", "POST", 415, OFFER, content="application/json"),
    rule("4.2", "POST", 400, "not a description"),
    rule("4.2", "POST", 400, ""),
    *[rule("4.2", method, 405, told={"Allow": "POST"}) for method in ("PUT", "DELETE", "PATCH")],
    *[rule("4.2", f"{method} /x", 405, told={"Allow": "DELETE,.*PATCH"}) for method in ("PUT", "POST")],
    rule("4.2", "DELETE /nothing", 404),
    rule("4.3.1", "PATCH /nothing", 404, CANDIDATE, content=FRAGMENT, headers={"If-Match": '"x"'}),
    # 4.2: CORS, with the headers that a page has to read and send.
    rule(
        "4.2",
        "OPTIONS",
        204,
        who="",
        headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"},
        told={
            "Access-Control-Allow-Origin": ORIGIN,
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "(?i)authorization.*content-type|content-type.*authorization",
            "Link": "",  # 4.6: not to a preflight
        },
    ),
    rule(
        "4.2",
        "OPTIONS /x",
        204,
        who="",
        headers={"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH"},
        told={
            "Access-Control-Allow-Methods": "PATCH.*DELETE|DELETE.*PATCH",
            "Access-Control-Allow-Headers": "(?i)if-match",
        },
    ),
    rule(
        "4.2",
        "POST",
        400,
        "",
        headers={"Origin": ORIGIN},
        told={"Access-Control-Expose-Headers": "(?i)(?=.*location)(?=.*etag)(?=.*link)"},
    ),
    # 4.4: what an offer must be like.
    rule("4.4.1", "POST", 400, OFFER.replace("BUNDLE 0 1", "BUNDLE 0")),
    rule("4.4.2", "POST", 422, THREE),
    rule("4.4.3", "POST", 422, HEAD + ROLE + OPUS + H261),
    rule("4.4.3", "POST", 422, HEAD + ROLE + OPUS.replace("opus/48000/2", "PCMU/8000") + VP8),
    rule("4.4.4", "POST", 400, HEAD + "a=setup:passive\r\n" + OPUS + VP8),
    # 4.7: who asks. RFC 6750, section 3: a challenge, with the reason where a token was shown.
    rule("4.7.1", "POST", 401, OFFER, who="", told={"WWW-Authenticate": '^Bearer realm="[^"]+"$'}),
    rule(
        "4.7.1",
        "POST",
        401,
        OFFER,
        who="",
        headers={"Authorization": "Bearer nonsense"},
        told={"WWW-Authenticate": '^Bearer .*error="invalid_token"'},
    ),
    rule(
        "4.7.1",
        "POST",
        401,
        OFFER,
        who="",
        headers={"Authorization": "Basic eDp5"},
        told={"WWW-Authenticate": "^Bearer"},
    ),
    rule("4.7.1", "POST", 403, OFFER, who="student"),
    rule("4.7.1", "DELETE /x", 401, who="", told={"WWW-Authenticate": "^Bearer"}),
    rule("4.7.1", "PATCH /x", 401, CANDIDATE, content=FRAGMENT, who="", headers={"If-Match": '"x"'}),
]
TAG = "the session's"
OF_A_SESSION = [
    # 4.3.1: PATCH, its body and its conditions.
    rule("4.3.1", "PATCH", 428, CANDIDATE, content=FRAGMENT),
    rule("4.3.1", "PATCH", 412, CANDIDATE, content=FRAGMENT, headers={"If-Match": '"another"'}),
    rule("4.3.1", "PATCH", 415, CANDIDATE, content=SDP, headers={"If-Match": TAG}),
    rule("4.3.1", "PATCH", 400, "nonsense", content=FRAGMENT, headers={"If-Match": TAG}),
    # 4.3.2: candidates: no body and no ETag; what cannot be used of them is passed over.
    rule("4.3.2", "PATCH", 204, CANDIDATE, content=FRAGMENT, headers={"If-Match": TAG}, told={"ETag": ""}),
    rule("4.3.2", "PATCH", 204, STRANGE, content=FRAGMENT, headers={"If-Match": TAG}, told={"ETag": ""}),
    rule("4.3.2", "PATCH", 204, CANDIDATE, content=f"{FRAGMENT}; charset=utf-8", headers={"If-Match": TAG}),
    # 4.3.3: a restart is asked for with *, and what cannot be restarted goes on.
    rule("4.3.3", "PATCH", 412, NEW_ICE, content=FRAGMENT, headers={"If-Match": TAG}),
    rule("4.3.3", "PATCH", 400, "a=ice-ufrag:only\r\n", content=FRAGMENT, headers={"If-Match": "*"}),
    rule("4.3.2", "PATCH", 204, CANDIDATE, content=FRAGMENT, headers={"If-Match": TAG}),
    rule(
        "4.3.3",
        "PATCH",
        200,
        NEW_ICE,
        content=FRAGMENT,
        headers={"If-Match": "*"},
        told={"ETag": r'^"\w+"$', "Content-Type": FRAGMENT},
    ),
    rule("4.3.3", "PATCH", 412, CANDIDATE, content=FRAGMENT, headers={"If-Match": TAG}),  # the tag is another now
    # 4.7.1 and 4.2: nobody else ends it; then it ends once.
    rule("4.7.1", "DELETE", 403, who="other"),
    rule("4.7.1", "PATCH", 403, CANDIDATE, content=FRAGMENT, headers={"If-Match": "*"}, who="other"),
    rule("4.2", "DELETE", 200),
    rule("4.2", "DELETE", 404),
    rule("4.3.1", "PATCH", 404, CANDIDATE, content=FRAGMENT, headers={"If-Match": "*"}),
]


async def kept(at: Desk, one: Rule, path: str, tag: str = "") -> str:
    """Nothing where the server keeps the rule, what it does otherwise."""
    headers = {name: tag if value is TAG else value for name, value in one.headers.items()}
    if one.who == "other":
        headers |= at.bearer("instructor", "t2")
    elif one.who:
        headers |= at.bearer(one.who, "t1" if one.who == "instructor" else "s1")
    if one.body is not None:
        headers["Content-Type"] = one.content
    async with at.http.request(one.method, at.server.url + path, data=one.body, headers=headers) as answer:
        text = await answer.text()
        wrong = [] if answer.status == one.status else [f"{answer.status} for {one.status}"]
        for name, pattern in one.told.items():
            value = ", ".join(answer.headers.getall(name, []))
            if not re.search(pattern, value) if pattern else bool(value):
                wrong.append(f"{name}: {value or 'missing'}")
        return f"{one.section}, {one.method} {path}: {'; '.join(wrong)} ({text[:90]})" if wrong else ""


async def test_what_each_section_says_of_requests_without_a_session(tmp_path: Path) -> None:
    async with desk(tmp_path, server_allowed_origins=[ORIGIN]) as at:
        broken = [await kept(at, one, one.path) for one in WITHOUT_A_SESSION]
        assert [one for one in broken if one] == []


async def test_what_each_section_says_of_a_session(tmp_path: Path) -> None:
    servers = ["stun:stun.example.org:3478", "turn:turn.example.org:3478?transport=udp"]
    async with desk(tmp_path, media_ice_servers=servers, media_turn_secret="s3cret") as at:
        peer, made = await at.publish()
        # 4.2: 201 with the answer, where the session is, its tag, and what a PATCH may hold (RFC 5789, 3.1).
        assert made["Content-Type"].split(";")[0] == SDP
        assert made["Location"].startswith(WHIP + "/")
        assert re.fullmatch(r'"[^"]+"', made["ETag"])
        assert made["Accept-Patch"] == FRAGMENT
        # 4.6: the servers, with credentials for TURN alone.
        links = made.getall("Link")
        assert [link.split(">")[0] for link in links] == [f"<{url}" for url in servers]
        assert all('rel="ice-server"' in link for link in links)
        assert ["credential" in link for link in links] == [False, True]
        # 4.4.1, 4.4.4, 4.2: the answer is one bundle, multiplexed, passive, with all its candidates.
        answer = at.answer
        for name in ("rtcp-mux", "rtcp-mux-only"):
            assert len(re.findall(rf"a={name}\r", answer)) == len(re.findall(r"^m=", answer, re.MULTILINE)) == 2
        assert re.search(r"a=group:BUNDLE \S+ \S+\r\n", answer)
        assert re.search(r"a=candidate:\S+ 1 udp .* typ host", answer)
        broken = [await kept(at, one, made["Location"], made["ETag"]) for one in OF_A_SESSION]
        assert [one for one in broken if one] == []
        await shut(peer)
