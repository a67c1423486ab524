"""The services that tests start: they answer, are empty, and name the package that is missing."""

from __future__ import annotations

import pytest

from tests.services import Redis, ServiceFailed, program


def test_a_missing_program_fails_with_the_package_to_install() -> None:
    with pytest.raises(ServiceFailed, match="apt install no-such-package"):
        program("no-such-program-anywhere", "no-such-package")


def test_redis_answers_and_is_empty(redis_url: str, redis_server: Redis) -> None:
    assert redis_url.startswith("unix:///")
    assert redis_server.call("DBSIZE") == ":0"
