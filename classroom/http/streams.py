"""WHIP (RFC 9725) and WHEP: SDP comes and goes here; media do not.

What always holds: a session's address is known to its member alone and opens with their token alone; its `ETag` changes with each
ICE restart. What the RFC calls an endpoint is `/api/rooms/R/whip` (to publish) and `/api/rooms/R/whep` (to watch).
"""

from __future__ import annotations

import base64
import hmac
import time

from aiohttp import web

from classroom.auth import check_room_id
from classroom.config import Media as MediaSettings
from classroom.http import bodies
from classroom.http.calls import Access, authorise
from classroom.http.services import Media, Services
from classroom.kernel import STAFF, Member, Rejected, Role

OFFER_LIMIT = 65_536  # bytes
SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
SOURCES = ("camera", "microphone", "screen", "screen_audio")


class Streams:
    """The handlers. `media` is None where the media process is switched off."""

    def __init__(self, services: Services, media: Media | None) -> None:
        self._services = services
        self._media = media

    def routes(self) -> list[web.RouteDef]:
        """All routes, below `/api/`."""
        made: list[web.RouteDef] = [web.get("/rooms/{room}/live", self.live)]
        for name, make in (("whip", self.publish), ("whep", self.watch)):
            endpoint, session = f"/rooms/{{room}}/{name}", f"/rooms/{{room}}/{name}/{{session}}"
            made += [web.post(endpoint, make), web.options(endpoint, self.options)]
            made += [web.patch(session, self.patch), web.delete(session, self.end)]
            made += [web.get(endpoint, self.nothing), web.get(session, self.nothing)]
        return made

    async def options(self, _: web.Request) -> web.Response:
        """What the endpoint takes (RFC 9725, 4.2)."""
        return web.Response(status=200, headers={"Accept-Post": SDP, "Allow": "POST, GET, HEAD, OPTIONS"})

    async def nothing(self, _: web.Request) -> web.Response:
        """GET: endpoints and sessions have no content (RFC 9725, 4.1), and nobody learns which there are."""
        return web.Response(status=204)

    async def publish(self, request: web.Request) -> web.Response:
        """POST to the WHIP endpoint: an offer for an answer."""
        room, member = await self._who(request)
        offer = await self._body(request, SDP)
        await self._services.may_publish(room, member)
        named = [part for part in request.query.get("sources", "").split(",") if part]
        if set(named) - set(SOURCES):
            raise Rejected("bad_request", f"The sources are some of {', '.join(SOURCES)}.")
        return self._made(room, "whip", await self._there().make(room, member, offer, None, tuple(named)))

    async def watch(self, request: web.Request) -> web.Response:
        """POST to the WHEP endpoint. `publisher` in the query says whom; without, whoever teaches."""
        await self._who(request)
        offer = await self._body(request, SDP)
        room, member = await self._who(request)  # an offer may be long in coming, and they be banned by then
        publisher = request.query.get("publisher") or await self._teacher(room)
        return self._made(room, "whep", await self._there().make(room, member, offer, publisher))

    async def patch(self, request: web.Request) -> web.Response:
        """Candidates (204), or an ICE restart (200 with our new credentials); RFC 9725, 4.3."""
        room, member = await self._who(request)
        fragment = await self._body(request, FRAGMENT)
        match = request.headers.get("If-Match")
        if match is None:
            raise Rejected("precondition_missing", "A PATCH needs If-Match: the session's ETag, or * to restart ICE.")
        tag = match.strip().removeprefix("W/").strip('"')
        session = request.match_info["session"]
        tag, answer = await self._there().patch(room, member.id, session, tag, fragment)
        if not answer:
            return web.Response(status=204)
        return web.Response(text=answer, content_type=FRAGMENT, headers={"ETag": f'"{tag}"'})

    async def end(self, request: web.Request) -> web.Response:
        """DELETE: the session is over."""
        room, member = await self._who(request)
        await self._there().end(room, member.id, request.match_info["session"])
        return web.Response(status=200)

    async def live(self, request: web.Request) -> web.Response:
        """What a client needs to choose how to watch."""
        room, member = await self._who(request)
        address, places = await self._there().live(room)
        servers = ice_servers(self._services.settings.media, member.id, int(time.time()))
        return web.json_response({"hls": address, "webrtc": places, "ice_servers": servers})

    # --- parts ------------------------------------------------------------------------------------------------------

    async def _who(self, request: web.Request) -> tuple[str, Member]:
        room = request.match_info["room"]
        check_room_id(room)
        member = await authorise(Access.MEMBER, self._services, request, room)
        if member is None:
            raise Rejected("token_missing", "This needs a join token, in the header Authorization: Bearer ….")
        return room, member

    async def _body(self, request: web.Request, content_type: str) -> str:
        if request.content_type != content_type:
            raise Rejected("unsupported_media_type", f"The body must be {content_type}.")
        try:
            return (await bodies.read(request, OFFER_LIMIT)).decode()
        except UnicodeDecodeError as error:
            raise Rejected("sdp_invalid", "The body is not UTF-8.") from error

    async def _teacher(self, room: str) -> str:
        people = (await self._services.state(room, STAFF)).stage.people
        live = [one for one in people if one.live]
        found = next((one for one in live if one.role is Role.INSTRUCTOR), live[0] if live else None)
        if found is None:
            raise Rejected("not_live", "Nobody publishes anything now.", temporary=True)
        return found.id

    def _there(self) -> Media:
        if self._media is None:
            raise Rejected("not_found", "This server has no media process.")
        return self._media

    def _made(self, room: str, name: str, made: tuple[str, str, str, str]) -> web.Response:
        id, tag, answer, stream = made
        response = web.Response(status=201, text=answer, content_type=SDP)
        response.headers["Location"] = f"/api/rooms/{room}/{name}/{id}"
        response.headers["ETag"] = f'"{tag}"'
        response.headers["Accept-Patch"] = FRAGMENT
        if stream:
            response.headers["Classroom-Stream"] = stream
        for server in ice_servers(self._services.settings.media, id, int(time.time())):
            link = f'<{server["urls"]}>; rel="ice-server"'
            if "username" in server:
                link += f'; username="{server["username"]}"; credential="{server["credential"]}"; credential-type="password"'
            response.headers.add("Link", link)
        return response


def live_routes(media: Media) -> list[web.RouteDef]:
    """LL-HLS as the media process serves it. A proxy that can read its socket may serve `/live/` from there at once."""

    async def fetch(request: web.Request) -> web.Response:
        try:
            status, headers, body = await media.fetch(request.path_qs)
        except Rejected as refused:
            return web.Response(status=503, text=refused.message, headers={"Retry-After": "1"})
        return web.Response(status=status, headers=headers, body=body)

    return [web.get("/live/{tail:.+}", fetch)]


def ice_servers(settings: MediaSettings, name: str, now: int) -> list[dict[str, str]]:
    """The servers to tell a browser of; those of TURN with credentials that end, as coturn's `use-auth-secret` takes them
    (draft-uberti-behave-turn-rest-00)."""
    told = []
    for url in settings.ice_servers:
        server = {"urls": url}
        if url.startswith("turn") and settings.turn_secret:
            readable = "".join(c for c in name if c.isascii() and c.isalnum())[:32]
            server["username"] = f"{now + settings.turn_seconds}:{readable}"
            digest = hmac.digest(settings.turn_secret.encode(), server["username"].encode(), "sha1")
            server["credential"] = base64.b64encode(digest).decode()
        told.append(server)
    return told
