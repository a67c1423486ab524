"""Opening the journal: what a URL may say, and what is told where it cannot be opened."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import make_url

from classroom.config import SettingsError
from classroom.journal.port import Unavailable
from classroom.journal.sql import open_journal
from tests.services import Postgres, free_ports, program


async def test_no_server_and_no_such_database_are_unavailable(postgres_server: Postgres, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the database does not answer: "):
        await open_journal(f"postgresql://postgres@/test?host={tmp_path}")
    with pytest.raises(Unavailable, match=r"the database does not answer: .*Connect call failed"):
        await open_journal("postgresql://postgres@127.0.0.1:1/test")
    with pytest.raises(Unavailable, match="no_such_database"):
        await open_journal(postgres_server.url("no_such_database"))


async def test_who_may_not_make_the_tables_is_told_what_to_grant(postgres_server: Postgres, postgres_url: str) -> None:
    database = make_url(postgres_url).database or ""
    postgres_server.sql("CREATE ROLE reader LOGIN")
    postgres_server.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC", database)  # as since PostgreSQL 15
    try:
        with pytest.raises(SettingsError, match=r"\(permission denied for schema public\): grant it CREATE"):
            await open_journal(postgres_url.replace("postgres@", "reader@"))
        postgres_server.sql("GRANT CREATE ON SCHEMA public TO reader", database)
        journal = await open_journal(postgres_url.replace("postgres@", "reader@"))
        await journal.ping()
        await journal.close()
    finally:
        postgres_server.sql("DROP OWNED BY reader", database)
        postgres_server.sql("DROP ROLE reader")


class Encrypted(Postgres):
    """One that listens on the loopback too, with TLS, by a certificate of its own making (`certificate`)."""

    def __init__(self) -> None:
        super().__init__()
        self.certificate = self.folder / "certificate.pem"
        key = self.folder / "key.pem"
        made = [program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        made += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(self.as_user([*made, "-keyout", str(key), "-out", str(self.certificate)]), check=True)
        (self.port,) = free_ports(1)

    def command(self) -> list[str]:
        tls = ("ssl=on", f"ssl_cert_file={self.certificate}", f"ssl_key_file={self.folder / 'key.pem'}")
        own = ("listen_addresses=127.0.0.1", f"port={self.port}", *tls)
        return [*super().command(), *(word for setting in own for word in ("-c", setting))]

    def _sql(self, statement: str, database: str = "postgres") -> subprocess.CompletedProcess[bytes]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGPORT", str(self.port))
            return super()._sql(statement, database)


async def test_a_url_may_ask_for_encryption_as_providers_write_it() -> None:
    server = Encrypted()
    try:
        server.start()
        base = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        for query, encrypted in (
            ("sslmode=disable", False),
            ("sslmode=require&application_name=class", True),
            (f"sslmode=verify-full&sslrootcert={server.certificate}", True),
        ):
            journal = await open_journal(f"{base}?{query}")
            try:
                found = server.sql(
                    "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_port > 0"
                )
                assert found == ("t" if encrypted else "f"), query
            finally:
                await journal.close()
        with pytest.raises(Unavailable, match="the database"):
            await open_journal(f"{base}?sslmode=verify-full&sslrootcert={server.folder / 'data' / 'other.pem'}")
    finally:
        server.close()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://u@h/d?sslmode=never", "sslmode in the URL of the PostgreSQL database is 'never'"),
        ("postgresql://u@h/d?channel_binding=require", "has 'channel_binding', which is not known here; leave it out"),
        ("postgresql://u@h/d?statement_cache_size=few", "statement_cache_size in the URL"),
        ("", "cannot be read"),
        ("journal.db", "cannot be read"),
        ("mysql://root@localhost/classroom", "'mysql' is no database that the journal knows"),
        ("postgresql+psycopg2://localhost/x", "no database that the journal knows"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite://var/journal.db", "three slashes"),
        ("postgresql://localhost", "names no database"),
    ],
)
async def test_a_wrong_url_is_a_clear_error(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        await open_journal(url)


async def test_every_spelling_of_a_right_url_is_understood(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in (
        "sqlite:///var/made/journal.db",
        f"sqlite+aiosqlite:///{tmp_path}/var/made/journal.db",
        postgres_url,
        f"{postgres_url}&statement_cache_size=0&prepared_statement_cache_size=0",
        postgres_url.replace("postgresql:", "postgresql+asyncpg:"),
        postgres_url.replace("postgresql:", "postgres:"),
    ):
        journal = await open_journal(url)
        await journal.ping()
        await journal.close()

    assert os.listdir(tmp_path / "var" / "made") == ["journal.db"]
