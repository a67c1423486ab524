"""The built client, served from memory.

What always holds: only files that were in `classroom/static` at start are served, so no path leads elsewhere; what has a
hash in its name (`assets/`) may be kept for ever, the page itself is asked for each time; a file is sent as the build
compressed it (`.br`, `.gz`), never compressed here. Any room's address gets the one page, which then looks at its own.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from classroom.config import Settings

FOLDER = Path(__file__).parent.parent / "static"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # best first
FOR_EVER = "public, max-age=31536000, immutable"
PAGE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Classroom</title>
<h1>The server runs, but the client is not built</h1>
<p>Build it with <code>make client</code> (or <code>npm ci &amp;&amp; npm run build</code> in <code>client/</code>), then
start the server again.</p></html>
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("application/wasm", ".wasm")


class Asset(msgspec.Struct, frozen=True):
    """A file of the build: `bodies` by content encoding ("" is the file itself)."""

    content_type: str
    etag: str
    bodies: dict[str, bytes]


def routes(settings: Settings, folder: Path | None = None) -> list[web.RouteDef]:
    """The page at `/`, `/r/{room}` and `/r/{room}/recording`, and every file of the build at its own path. `folder`: of another
    build than the package's own."""
    assets = built() if folder is None else load(folder)
    page = assets.get("index.html") or Asset("text/html", '"none"', {"": NOT_BUILT})
    headers = PAGE_HEADERS | {
        "Content-Security-Policy": policy(page.bodies[""], settings.server.allowed_origins, settings.hls.public_url),
        "Cache-Control": "no-cache",
    }
    index = _serve(page, headers)
    found = [web.get(path, index) for path in ("/", "/r/{room}", "/r/{room}/recording")]
    for path, asset in assets.items():
        if asset is page:
            continue
        kept = FOR_EVER if path.startswith("assets/") else "no-cache"
        found.append(web.get("/" + path, _serve(asset, {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"})))
    return found


@cache
def built() -> dict[str, Asset]:
    """The package's own build, as it was when this was called first: ten megabytes, which workers that are forked then share."""
    return load(FOLDER)


def load(folder: Path) -> dict[str, Asset]:
    """The build's files by path, without the compressed ones, which stand beside what they are of."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    suffixes = tuple(suffix for _, suffix in ENCODINGS)
    return {path.relative_to(folder).as_posix(): _asset(path) for path in paths if not path.name.endswith(suffixes)}


def policy(page: bytes, embedders: tuple[str, ...] = (), cdn: str = "") -> str:
    """The content security policy of `page`. Scripts are ours, or stand in the page itself (by their hash); styles may
    be inline, since the component library sets them so. `embedders` may show the page in a frame; the live stream
    may come from `cdn`, an address."""
    origin = (urlsplit(cdn)._replace(path="", query="", fragment="").geturl(),) if cdn else ()
    inline = re.findall(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in inline]
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            " ".join(("media-src 'self' blob:", *origin)),
            "worker-src 'self' blob:",
            " ".join(("connect-src 'self' ws: wss:", *origin)),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            " ".join(("frame-ancestors 'self'", *embedders)),
        )
    )


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    bodies = {"": body}
    for name, suffix in ENCODINGS:
        packed = path.with_name(path.name + suffix)
        if packed.is_file():
            bodies[name] = packed.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"', bodies)


def _serve(asset: Asset, headers: dict[str, str]) -> Handler:
    text = asset.content_type.startswith("text/") or asset.content_type.endswith(("json", "javascript", "xml"))
    fixed = headers | {"ETag": asset.etag, "Vary": "Accept-Encoding"}
    fixed["Content-Type"] = f"{asset.content_type}; charset=utf-8" if text else asset.content_type

    async def serve(request: web.Request) -> web.StreamResponse:
        if asset.etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=fixed)
        encoding = _chosen(asset, request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        encoded = {"Content-Encoding": encoding} if encoding else {}
        return web.Response(body=asset.bodies[encoding], headers=fixed | encoded)

    return serve


def _chosen(asset: Asset, accepted: str) -> str:
    """The best of the asset's encodings that the header `accepted` names and does not refuse (q=0)."""
    wanted = {}
    for entry in accepted.lower().split(","):
        name, _, weight = entry.partition(";")
        wanted[name.strip()] = re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return next(
        (name for name, _ in ENCODINGS if name in asset.bodies and wanted.get(name, wanted.get("*", False))), ""
    )
