"""Settings: every value known, typed and in range before anything starts, or a sentence that says which is wrong.

`config/default.toml` holds the defaults and names all there is. Over it come a file of one's own, then the environment
(`CLASSROOM_<SECTION>_<SETTING>`, and plain `PORT`, `HOST`, `DATA`), then command-line flags. The structs below give
types and ranges; they have no defaults, so that a default stands in one place.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta
from msgspec import inspect as shapes

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Rate = Annotated[float, Meta(gt=0, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=1_024, le=1 << 30)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class SettingsError(ValueError):
    """A wrong setting: the sentence names the setting, where it came from, and what is allowed."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of `default.toml`."""


class Server(Section, frozen=True, kw_only=True):
    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=0, le=65_535)]
    public_url: str
    polling: bool
    compression: bool
    max_connections: Annotated[int, Meta(ge=0, le=10_000_000)]
    fanout: Literal["auto", "send", "python"]
    max_frame_bytes: Annotated[int, Meta(ge=4_096, le=1 << 24)]
    allowed_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]


class Storage(Section, frozen=True, kw_only=True):
    data: Annotated[str, Meta(min_length=1)]
    database: str
    files: str


class Auth(Section, frozen=True, kw_only=True):
    secret: str
    api_key: str
    open_rooms: bool
    jwks_file: str
    jwks_url: str
    issuer: str
    audience: str
    token_seconds: Annotated[int, Meta(ge=1, le=31_622_400)]


class Cluster(Section, frozen=True, kw_only=True):
    workers: Annotated[int, Meta(ge=1, le=256)]
    redis: str
    metrics_port: Annotated[int, Meta(ge=0, le=65_000)]
    drain_seconds: Seconds


class Rooms(Section, frozen=True, kw_only=True):
    tick_ms: Annotated[int, Meta(ge=1, le=1_000)]
    unload_after_seconds: Seconds
    snapshot_every: Count
    recent_events: Count
    joins_per_second: Rate
    together: Annotated[int, Meta(ge=0)]


class LimitSettings(Section, frozen=True, kw_only=True):
    command_rate: Rate
    command_burst: Count
    signal_rate: Rate
    signal_burst: Count
    connect_rate: Rate
    connect_burst: Count
    request_rate: Rate
    request_burst: Count
    upload_rate: Rate
    upload_burst: Count


class FileSettings(Section, frozen=True, kw_only=True):
    image_bytes: Bytes
    image_pixels: Annotated[int, Meta(ge=1, le=200_000_000)]
    image_side: Annotated[int, Meta(ge=100, le=16_000)]
    document_bytes: Bytes
    document_pages: Annotated[int, Meta(ge=1, le=500)]
    page_side: Annotated[int, Meta(ge=100, le=8_000)]
    unpacked_bytes: Bytes
    room_bytes: Annotated[int, Meta(ge=1_024, le=1 << 50)]
    room_files: Count
    workers: Annotated[int, Meta(ge=1, le=64)]
    worker_memory: Annotated[int, Meta(ge=1 << 26, le=1 << 40)]
    worker_seconds: Seconds
    worker_cpu_seconds: Annotated[int, Meta(ge=1, le=86_400)]
    cache_bytes: Annotated[int, Meta(ge=0, le=1 << 34)]
    office: str


class Slow(Section, frozen=True, kw_only=True):
    max_buffer_bytes: Bytes
    max_queue_packets: Count
    deadline_seconds: Seconds


class Media(Section, frozen=True, kw_only=True):
    enabled: bool
    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=0, le=65_535)]
    addresses: tuple[str, ...]
    relay: str
    viewers: Annotated[int, Meta(ge=0, le=100_000)]
    bits: Annotated[int, Meta(ge=50_000, le=100_000_000)]
    fanout: Literal["auto", "python"]
    ice_servers: tuple[str, ...]
    turn_secret: str
    turn_seconds: Annotated[int, Meta(ge=60, le=604_800)]


class Hls(Section, frozen=True, kw_only=True):
    part_ms: Annotated[int, Meta(ge=100, le=2_000)]
    segment_seconds: Annotated[float, Meta(ge=1, le=10)]
    target_seconds: Annotated[int, Meta(ge=2, le=20)]
    window_seconds: Annotated[float, Meta(ge=30, le=14_400)]
    audio_bitrate: Annotated[int, Meta(ge=16_000, le=320_000)]
    aac: bool
    encoders: Annotated[int, Meta(ge=0, le=64)]
    public_url: str


class Recording(Section, frozen=True, kw_only=True):
    enabled: bool
    retention_days: Annotated[int, Meta(ge=0, le=36_500)]


class Traces(Section, frozen=True, kw_only=True):
    endpoint: str
    share: Annotated[float, Meta(ge=0, le=1)]


class Log(Section, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["auto", "console", "json"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    server: Server
    storage: Storage
    auth: Auth
    cluster: Cluster
    rooms: Rooms
    limits: LimitSettings
    files: FileSettings
    slow: Slow
    media: Media
    hls: Hls
    recording: Recording
    traces: Traces
    log: Log

    @property
    def data(self) -> Path:
        """The directory of everything that is kept; absolute, since who reads a file there works in another folder."""
        return Path(self.storage.data).absolute()

    @property
    def database_url(self) -> str:
        """The journal's database: as set, or the embedded one in the data directory."""
        return self.storage.database or f"sqlite:///{Path(self.storage.data) / 'classroom.db'}"

    @property
    def base_url(self) -> str:
        """How people reach this server, without a slash at the end."""
        host = self.server.host
        if host in ("0.0.0.0", "::"):
            host = "localhost"
        shown = f"[{host}]" if ":" in host else host
        return (self.server.public_url or f"http://{shown}:{self.server.port}").rstrip("/")


PLAIN = {"PORT": ("server", "port"), "HOST": ("server", "host"), "DATA": ("storage", "data")}
FLAGS = {
    "host": ("server", "host"),
    "port": ("server", "port"),
    "data": ("storage", "data"),
    "database": ("storage", "database"),
    "workers": ("cluster", "workers"),
    "redis": ("cluster", "redis"),
}
PREFIX = "CLASSROOM_"
FILE_VARIABLE = "CLASSROOM_CONFIG"
TYPES: dict[tuple[str, str], Any] = {
    (section.name, field.name): field.type
    for section in msgspec.structs.fields(Settings)
    for field in msgspec.structs.fields(section.type)
}

SECRETS = frozenset({("auth", "secret"), ("auth", "api_key"), ("media", "turn_secret")})  # never shown in a message

Key = tuple[str, str]


class Sourced(NamedTuple):
    """A value, where it came from as a person would say it, and whether it is text still to be read as its type."""

    value: Any
    source: str
    text: bool = True


def load(
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[Key, str | int] | None = None,
) -> Settings:
    """The settings in force. `flags` are those given on the command line, by (section, setting).

    Raises `SettingsError` for the first thing that is wrong.
    """
    environment = environment or {}
    config = config or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    found: dict[Key, Sourced] = _from_toml(default_toml(), "default.toml")
    if config is not None:
        try:
            found |= _from_toml(config.read_text("utf-8"), str(config))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"The settings file {config} cannot be read: {error}.") from error
    found |= _from_environment(environment)
    found |= {key: Sourced(value, f"flag --{key[1]}") for key, value in (flags or {}).items()}
    return _build(found)


def handed_on(settings: Settings) -> dict[str, str]:
    """What flags may have said to this process, for the environment of its children: by the names that are strongest there."""
    return {
        f"{PREFIX}{section}_{name}".upper(): str(getattr(getattr(settings, section), name))
        for section, name in FLAGS.values()
    }


def default_toml() -> str:
    """The text of `default.toml`: inside the installed package, or in the repository's `config/`."""
    packaged = resources.files("classroom").joinpath("default.toml")
    if packaged.is_file():
        return packaged.read_text("utf-8")
    return (Path(__file__).parent.parent / "config" / "default.toml").read_text("utf-8")


def _from_toml(text: str, source: str) -> dict[Key, Sourced]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source} is not valid TOML: {error}.") from error
    found: dict[Key, Sourced] = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise SettingsError(f"{source}: {section} stands outside a section such as [server].")
        for name, value in table.items():
            found[_known((section, name), source)] = Sourced(value, source, text=False)
    return found


def _from_environment(environment: Mapping[str, str]) -> dict[Key, Sourced]:
    found: dict[Key, Sourced] = {
        key: Sourced(environment[name], f"environment variable {name}")
        for name, key in PLAIN.items()
        if environment.get(name)
    }
    for name in sorted(environment):
        if name.startswith(PREFIX) and name != FILE_VARIABLE:
            section, _, setting = name.removeprefix(PREFIX).lower().partition("_")
            source = f"environment variable {name}"
            found[_known((section, setting), source)] = Sourced(environment[name], source)
    return found


def _known(key: Key, source: str) -> Key:
    if key in TYPES:
        return key
    section, name = key
    names = [known for part, known in TYPES if part == section]
    if not names:
        sections = ", ".join(dict.fromkeys(part for part, _ in TYPES))
        raise SettingsError(f"{source}: there is no section {section!r}; there are {sections}.")
    raise SettingsError(f"{source}: there is no setting {section}.{name}; [{section}] has {', '.join(names)}.")


def _build(found: Mapping[Key, Sourced]) -> Settings:
    found = dict(found)
    database, opened = found["storage", "database"].value, found["auth", "open_rooms"]
    if opened.value == "auto":
        embedded = not database or str(database).startswith("sqlite")
        found["auth", "open_rooms"] = Sourced(embedded, opened.source, text=False)
    values = {key: _convert(key, sourced) for key, sourced in found.items()}
    for key, value in values.items():
        reason = _objection(key, value)
        if reason:
            raise SettingsError(f"{key[0]}.{key[1]} (from {found[key].source}) {reason}")
    shorter, longer = ("hls", "segment_seconds"), ("hls", "target_seconds")
    if values[longer] <= values[shorter]:
        raise SettingsError(
            f"hls.target_seconds is {values[longer]} (from {found[longer].source}); it must be more than hls.segment_seconds, "
            f"which is {values[shorter]:g} (from {found[shorter].source})."
        )
    sections = {
        section.name: section.type(**{name: value for (part, name), value in values.items() if part == section.name})
        for section in msgspec.structs.fields(Settings)
    }
    return Settings(**sections)


def _convert(key: Key, sourced: Sourced) -> Any:
    value, kind = sourced.value, TYPES[key]
    if sourced.text and isinstance(shapes.type_info(kind), shapes.VarTupleType):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        converted = msgspec.convert(value, kind, strict=not sourced.text)
        if isinstance(converted, float) and not math.isfinite(converted):
            raise msgspec.ValidationError("not a finite number")
    except msgspec.ValidationError as error:
        shown = "a secret" if key in SECRETS else repr(value)
        allowed = _allowed(key, shapes.type_info(kind))
        raise SettingsError(f"{key[0]}.{key[1]} is {shown} (from {sourced.source}); it must be {allowed}.") from error
    return converted


def _allowed(key: Key, kind: shapes.Type) -> str:
    """What a setting may be, to complete "it must be …"."""
    if isinstance(kind, shapes.IntType | shapes.FloatType):
        noun = "a whole number" if isinstance(kind, shapes.IntType) else "a number"
        if kind.ge is None:
            return f"{noun} above {kind.gt} and up to {kind.le}"
        return f"{noun} from {kind.ge} up" if kind.le is None else f"{noun} from {kind.ge} to {kind.le}"
    if isinstance(kind, shapes.BoolType):
        return "true, false or auto" if key == ("auth", "open_rooms") else "true or false"
    if isinstance(kind, shapes.LiteralType):
        return "one of " + ", ".join(map(repr, kind.values))
    if isinstance(kind, shapes.VarTupleType):
        return "a list of texts"
    return "a text that is not empty" if isinstance(kind, shapes.StrType) and kind.min_length else "a text"


def _objection(key: Key, value: Any) -> str:
    """Why a value of the right type will not do, as the rest of a sentence; empty: it will."""
    match key:
        case ("auth", "secret") if value and len(value) < 32:
            return f"has {len(value)} characters; at least 32 are needed, or none to have one drawn."
        case ("auth", "api_key") if value and len(value) < 16:
            return f"has {len(value)} characters; at least 16 are needed, or none to have one drawn."
        case ("storage", "database") if value and not _is_database(value):
            shown = _without_password(value)
            return f"is {shown!r}; it must look like sqlite:///path or postgresql://user:password@host/database."
        case ("cluster", "redis") if value and not _is_redis(value):
            return (
                f"is {_without_password(value)!r}; it must look like redis://host:6379/0, rediss://… or unix:///path."
            )
        case ("storage", "files") if value.startswith("s3:") and not _is_bucket(value):
            return f"is {_without_password(value)!r}; it must look like s3://bucket/prefix?endpoint=https://…&region=…"
        case ("server", "public_url") if value and not _is_url(value, ("http", "https")):
            return f"is {value!r}; it must be an http:// or https:// address."
        case ("hls", "public_url") if value and not _is_url(value, ("http", "https")):
            return f"is {value!r}; it must be an http:// or https:// address."
        case ("media", "host") if not _is_network(value):
            return f"is {value!r}; it must be an address such as 0.0.0.0."
        case ("media", "addresses"):
            bad = next((address for address in value if not _is_network(address)), None)
            return f"has {bad!r}; it must list addresses such as 203.0.113.7." if bad is not None else ""
        case ("media", "relay") if value and not _is_place(value):
            return f"is {value!r}; it must be an address and a port such as 10.0.0.5:8190."
        case ("media", "ice_servers"):
            bad = next((url for url in value if not re.fullmatch(r"(stun|turn)s?:[^\s<>\"]+", url)), None)
            return f"has {bad!r}; it must list addresses such as turn:turn.example.org:3478." if bad is not None else ""
        case ("auth", "jwks_url") if value and not is_trustworthy(value):
            return f"is {value!r}; it must be an https:// address (http:// only on this machine)."
        case ("server", "trusted_proxies"):
            bad = next((network for network in value if not _is_network(network)), None)
            return f"has {bad!r}; it must list addresses or networks such as 10.0.0.0/8." if bad is not None else ""
        case ("server", "allowed_origins"):
            bad = next((origin for origin in value if origin != "*" and not _is_origin(origin)), None)
            return f"has {bad!r}; it must list origins such as https://class.example.org." if bad is not None else ""
    return ""


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_place(value: str) -> bool:
    host, _, port = value.rpartition(":")
    return _is_network(host.strip("[]")) and port.isdigit() and 0 < int(port) < 65_536


def is_trustworthy(value: str) -> bool:
    """Whether what is fetched from this address is what was published there: https, or this machine itself."""
    here = _is_url(value, ("http",)) and urlsplit(value).hostname in ("127.0.0.1", "::1", "localhost")
    return here or _is_url(value, ("https",))


def _is_origin(value: str) -> bool:
    return _is_url(value, ("http", "https")) and not urlsplit(value).path and not urlsplit(value).query


def _is_database(value: str) -> bool:
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite":
        return len(rest) > 1 and rest.startswith("/") and rest != "/:memory:"
    found = re.fullmatch(r"(?:[^:/]*(?::[^@]*)?@)?(?:\[[^]]*\]|[^/:?]*)(?::(\d+))?/[^?].*", rest)
    return scheme == "postgresql" and found is not None and 0 < int(found[1] or 1) < 65_536


def _is_redis(value: str) -> bool:
    scheme = value.partition("://")[0].removesuffix("+cluster")
    try:
        parts = urlsplit(value)
        here = scheme == "unix" and bool(parts.path)
        return here or (scheme in ("redis", "rediss") and (parts.port is None or parts.port > 0))
    except ValueError:
        return False


def _is_bucket(value: str) -> bool:
    try:
        parts, query = urlsplit(value), parse_qs(urlsplit(value).query, strict_parsing="?" in value)
        known = not set(query) - {"endpoint", "region"} and "@" not in parts.netloc
        return (
            known
            and _is_url(value, ("s3",))
            and all(_is_url(one, ("http", "https")) for one in query.get("endpoint", ()))
        )
    except ValueError:
        return False


def _is_network(value: str) -> bool:
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


def _without_password(url: str) -> str:
    return re.sub(r"(password=)[^&]*", r"\1…", re.sub(r"//.*@", "//…@", url))
