"""Fixtures that tests of media share with those of files."""

from tests.files.conftest import s3_server as s3_server
from tests.files.conftest import s3_url as s3_url
