"""Settings: what wins over what, and what is said of a wrong one."""

from pathlib import Path

import msgspec
import pytest

from classroom.config import TYPES, Settings, SettingsError, default_toml, load


def test_the_defaults_alone_make_settings_for_one_embedded_server() -> None:
    settings = load()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)
    assert settings.database_url == "sqlite:///var/classroom.db"
    assert settings.auth.open_rooms is True
    assert settings.base_url == "http://127.0.0.1:8000"


def test_every_setting_has_a_default_and_a_comment() -> None:
    lines = {line.split(" = ")[0]: line for line in default_toml().splitlines() if " = " in line and line[0] != "#"}
    for _, name in TYPES:
        assert " # " in lines[name], name


def test_a_file_yields_to_the_environment_and_that_to_flags(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[server]\nport = 1001\nhost = "::1"\n[rooms]\ntick_ms = 20\nunload_after_seconds = 5\n')
    environment = {"PORT": "1002", "CLASSROOM_ROOMS_TICK_MS": "30", "DATA": "/srv/class", "UNRELATED": "x"}
    settings = load(file, environment, {("server", "port"): 1003})
    assert settings.server.port == 1003
    assert settings.server.host == "::1"
    assert settings.rooms.tick_ms == 30
    assert settings.rooms.unload_after_seconds == 5.0
    assert settings.database_url == "sqlite:////srv/class/classroom.db"
    assert settings.base_url == "http://[::1]:1003"


def test_the_named_variable_is_stronger_than_the_plain_one() -> None:
    assert load(environment={"PORT": "1", "CLASSROOM_SERVER_PORT": "2"}).server.port == 2


def test_an_empty_plain_variable_counts_as_not_given() -> None:
    assert load(environment={"PORT": "", "HOST": ""}).server.port == 8000


def test_the_settings_file_may_be_named_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[log]\nlevel = "debug"\n')
    assert load(environment={"CLASSROOM_CONFIG": str(file)}).log.level == "debug"


def test_lists_in_the_environment_are_written_with_commas() -> None:
    settings = load(environment={"CLASSROOM_SERVER_ALLOWED_ORIGINS": "https://a.example, https://b.example:8443"})
    assert settings.server.allowed_origins == ("https://a.example", "https://b.example:8443")


@pytest.mark.parametrize(
    ("database", "said", "expected"),
    [
        ("", None, True),
        ("sqlite:///x.db", None, True),
        ("postgresql://db/class", None, False),
        ("postgresql://db/class", "true", True),
        ("", "false", False),
    ],
)
def test_open_rooms_are_on_with_the_embedded_database_and_off_otherwise(
    database: str, said: str | None, expected: bool
) -> None:
    environment = {"CLASSROOM_STORAGE_DATABASE": database}
    if said is not None:
        environment["CLASSROOM_AUTH_OPEN_ROOMS"] = said
    assert load(environment=environment).auth.open_rooms is expected


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "eight", ["server.port", "'eight'", "PORT", "from 0 to 65535"]),
        ("PORT", "65536", ["server.port", "from 0 to 65535"]),
        ("CLASSROOM_ROOMS_TICK_MS", "0", ["rooms.tick_ms", "from 1 to 1000"]),
        ("CLASSROOM_ROOMS_TICK_MS", "1.5", ["whole number"]),
        ("CLASSROOM_ROOMS_TOGETHER", "-1", ["rooms.together", "a whole number from 0 up."]),
        ("CLASSROOM_HLS_TARGET_SECONDS", "2", ["hls.target_seconds is 2", "more than hls.segment_seconds, which is 2"]),
        ("CLASSROOM_HLS_SEGMENT_SECONDS", "4.5", ["hls.target_seconds is 4 (from default.toml)", "which is 4.5"]),
        ("CLASSROOM_LIMITS_COMMAND_RATE", "nan", ["limits.command_rate", "above 0"]),
        ("CLASSROOM_LIMITS_COMMAND_RATE", "inf", ["limits.command_rate", "above 0"]),
        ("CLASSROOM_SERVER_POLLING", "perhaps", ["server.polling", "true or false"]),
        ("CLASSROOM_AUTH_OPEN_ROOMS", "perhaps", ["true, false or auto"]),
        ("CLASSROOM_LOG_LEVEL", "loud", ["log.level", "'warning'"]),
        ("CLASSROOM_LOG_COLOUR", "red", ["no setting log.colour", "level, format"]),
        ("CLASSROOM_NOISE_LEVEL", "1", ["no section 'noise'", "server, storage"]),
        ("CLASSROOM_SERVER_HOST", "", ["server.host", "not empty"]),
        ("CLASSROOM_STORAGE_DATABASE", "mysql://u:hunter2@h/d", ["sqlite:///", "//…@h/d"]),
        ("CLASSROOM_STORAGE_DATABASE", "sqlite://relative.db", ["sqlite:///path"]),
        ("CLASSROOM_STORAGE_DATABASE", "sqlite:///:memory:", ["sqlite:///path"]),
        ("CLASSROOM_STORAGE_DATABASE", "postgresql://host", ["host/database"]),
        ("CLASSROOM_STORAGE_DATABASE", "postgresql://u:hunter2@h:abc/d", ["//…@h:abc/d"]),
        ("CLASSROOM_STORAGE_DATABASE", "postgresql://u:hunter2@h:99999/d", ["//…@h:99999/d"]),
        ("CLASSROOM_CLUSTER_REDIS", "foo", ["cluster.redis", "'foo'", "redis://host"]),
        ("CLASSROOM_CLUSTER_REDIS", "http://localhost", ["cluster.redis", "redis://host"]),
        ("CLASSROOM_CLUSTER_REDIS", "redis://:hunter2@localhost:abc", ["cluster.redis", "//…@localhost:abc"]),
        ("CLASSROOM_CLUSTER_REDIS", "redis://:hunter2/x@localhost", ["cluster.redis", "//…@localhost"]),
        ("CLASSROOM_CLUSTER_REDIS", "unix://", ["cluster.redis", "unix:///path"]),
        ("CLASSROOM_STORAGE_FILES", "s3://", ["storage.files", "s3://bucket"]),
        ("CLASSROOM_STORAGE_FILES", "s3://key:hunter2@bucket", ["storage.files", "s3://bucket"]),
        ("CLASSROOM_STORAGE_FILES", "s3://bucket?endpoint=ftp://h", ["storage.files", "s3://bucket"]),
        ("CLASSROOM_STORAGE_FILES", "s3://bucket?endpiont=https://h", ["storage.files", "s3://bucket"]),
        ("CLASSROOM_FILES_WORKERS", "0", ["files.workers", "from 1 to 64"]),
        ("CLASSROOM_SERVER_PUBLIC_URL", "class.example.org", ["server.public_url", "https://"]),
        ("CLASSROOM_AUTH_JWKS_URL", "http://example.org/keys", ["auth.jwks_url", "https://"]),
        ("CLASSROOM_SERVER_TRUSTED_PROXIES", "10.0.0.1/8", ["trusted_proxies", "'10.0.0.1/8'"]),
        ("CLASSROOM_SERVER_ALLOWED_ORIGINS", "https://a.example/x", ["allowed_origins", "'https://a.example/x'"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_source_and_what_is_allowed(name: str, value: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environment={name: value})
    message = str(caught.value)
    assert name in message
    for word in words:
        assert word in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLASSROOM_STORAGE_DATABASE", "postgresql://u:a:b/c?d@[::1]:5432/d?sslmode=require"),
        ("CLASSROOM_STORAGE_DATABASE", "postgresql://u@/d?host=/run/postgresql"),
        ("CLASSROOM_CLUSTER_REDIS", "redis://localhost"),
        ("CLASSROOM_CLUSTER_REDIS", "rediss+cluster://u:p@h:6380/0?ssl_cert_reqs=none"),
        ("CLASSROOM_CLUSTER_REDIS", "unix:///run/redis.sock?db=1"),
    ],
)
def test_an_address_of_any_form_that_its_program_knows_is_taken(name: str, value: str) -> None:
    load(environment={name: value})


@pytest.mark.parametrize("name", ["CLASSROOM_AUTH_SECRET", "CLASSROOM_AUTH_API_KEY"])
def test_a_weak_secret_is_refused_without_being_shown(name: str) -> None:
    with pytest.raises(SettingsError, match="at least") as caught:
        load(environment={name: "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_wrong_type_of_a_secret_in_a_file_is_not_shown_either(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[auth]\nsecret = 987654321\n")
    with pytest.raises(SettingsError, match=r"auth\.secret is a secret") as caught:
        load(file)
    assert "987654321" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 1", "outside a section"),
        ("[server]\nport = '1'", "server.port is '1'"),
        ("[server", "not valid TOML"),
        ("[server]\nprot = 1", "no setting server.prot"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        load(file)
    assert "mine.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_settings_cannot_be_changed_once_loaded() -> None:
    with pytest.raises(AttributeError):
        load().server.port = 1  # type: ignore[misc]
    assert isinstance(load(), Settings)
    assert issubclass(Settings, msgspec.Struct)
