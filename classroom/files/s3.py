"""Files in a bucket of Amazon S3 or of what speaks like it: `{prefix}{room}/{name}`.

What always holds: an object is whole or not there (S3 is so by itself); every call ends within `SECONDS` for each thing it
waits for; what goes wrong outside is `StoreUnavailable`, in words that tell no credentials. Those come from where Amazon's
own tools look for them: the environment, the profile, the machine's role.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from classroom.files.port import Kept, NotStored, StoreUnavailable, checked

SECONDS = 10
PART = 8 << 20  # bytes of a part: a file is never in memory whole beyond this
CHUNK = 1 << 18
MISSING = ("NoSuchKey", "404")


class Bucket(NamedTuple):
    """`s3://bucket/prefix?endpoint=https://…&region=…`, taken apart. `prefix` is empty or ends in a slash."""

    name: str
    prefix: str
    endpoint: str | None
    region: str | None

    @classmethod
    def of(cls, url: str) -> Bucket:
        """Raises `ValueError`."""
        parts = urlsplit(url)
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        if parts.scheme != "s3" or not parts.hostname or set(query) - {"endpoint", "region"} or "@" in parts.netloc:
            raise ValueError("a bucket is named s3://bucket/prefix?endpoint=https://…&region=…")
        prefix = parts.path.strip("/")
        endpoint, region = query.get("endpoint", [None])[0], query.get("region", [None])[0]
        if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
            raise ValueError("the bucket's endpoint must be an http:// or https:// address")
        return cls(parts.hostname, f"{prefix}/" if prefix else "", endpoint, region)


class S3Store:
    """A `Store` in `bucket`, which must be there."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def open(self) -> None:
        """Connect. Raises `StoreUnavailable`, also where the bucket is not there."""
        style = (
            {"addressing_style": "path"} if self._bucket.endpoint else {}
        )  # what speaks like S3 knows no names of hosts
        config = AioConfig(
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            retries={"max_attempts": 3, "mode": "standard"},
            s3=style,
            max_pool_connections=32,
        )
        async with _said():
            self._client = await self._stack.enter_async_context(
                get_session().create_client(
                    "s3", region_name=self._bucket.region, endpoint_url=self._bucket.endpoint, config=config
                )
            )
            try:
                await self._client.head_bucket(Bucket=self._bucket.name)
            except BaseException:
                await self._stack.aclose()
                raise

    async def put(self, name: str, content: bytes | Path) -> None:
        key = self._key(name)
        async with _said():
            if isinstance(content, bytes):
                await self._client.put_object(Bucket=self._bucket.name, Key=key, Body=content)
            elif (await asyncio.to_thread(content.stat)).st_size <= PART:
                data = await asyncio.to_thread(content.read_bytes)
                await self._client.put_object(Bucket=self._bucket.name, Key=key, Body=data)
            else:
                await self._put_in_parts(key, content)

    async def _put_in_parts(self, key: str, content: Path) -> None:
        where = {"Bucket": self._bucket.name, "Key": key}
        upload = (await self._client.create_multipart_upload(**where))["UploadId"]
        parts: list[dict[str, Any]] = []
        try:
            with await asyncio.to_thread(content.open, "rb") as file:
                while data := await asyncio.to_thread(file.read, PART):
                    number = len(parts) + 1
                    answer = await self._client.upload_part(**where, UploadId=upload, PartNumber=number, Body=data)
                    parts.append({"ETag": answer["ETag"], "PartNumber": number})
            await self._client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            # Parts that belong to nothing would be kept, and paid for, for ever.
            await self._client.abort_multipart_upload(**where, UploadId=upload)
            raise

    async def get(self, name: str) -> bytes:
        async with _said():
            answer = await self._client.get_object(Bucket=self._bucket.name, Key=self._key(name))
            async with answer["Body"] as body:
                data: bytes = await body.read()
                return data

    async def fetch(self, name: str, target: Path) -> None:
        async with _said():
            answer = await self._client.get_object(Bucket=self._bucket.name, Key=self._key(name))
            async with answer["Body"] as body:
                with await asyncio.to_thread(target.open, "wb") as file:
                    async for chunk in body.iter_chunks(CHUNK):
                        await asyncio.to_thread(file.write, chunk)

    async def list(self, room: str) -> list[Kept]:
        prefix = self._key(f"{room}/0")[:-1]
        found = []
        async with _said():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket.name, Prefix=prefix)
            async for page in pages:
                for each in page.get("Contents", ()):
                    name = each["Key"].removeprefix(self._bucket.prefix)
                    found.append(Kept(name, each["Size"], int(each["LastModified"].timestamp() * 1_000)))
        return sorted(found)

    async def delete(self, name: str) -> None:
        async with _said():
            await self._client.delete_object(Bucket=self._bucket.name, Key=self._key(name))

    async def close(self) -> None:
        await self._stack.aclose()

    def _key(self, name: str) -> str:
        return self._bucket.prefix + checked(name)


@asynccontextmanager
async def _said() -> AsyncIterator[None]:
    """Tell what goes wrong in the port's words."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in MISSING and error.operation_name == "GetObject":
            raise NotStored(code) from error
        raise StoreUnavailable(f"{error.operation_name}: {code}") from error
    except (BotoCoreError, OSError, TimeoutError) as error:
        raise StoreUnavailable(str(error) or type(error).__name__) from error
