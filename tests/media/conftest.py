"""Fixtures that tests of media share with those of files, and an end for peers whose test has failed."""

from collections.abc import Iterator

import pytest

from tests.files.conftest import s3_server as s3_server
from tests.files.conftest import s3_url as s3_url
from tests.media.bare import Bare


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What a test that failed has left open would be found, and complained of, in whatever test comes next."""
    yield
    while Bare.sockets:
        Bare.sockets.pop().close()
