"""Objects in a private bucket of any S3 store."""

import asyncio
import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, TypeVar
from urllib.parse import quote

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error

from db.errors import ObjectMissing, StorageUnavailable
from db.storage import Listing, Stored, check_key

_OURS_ALREADY: Final = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
_MISSING: Final = {"NoSuchKey", "NoSuchObject", "ResourceNotFound"}
_CONNECTIONS: Final = 10
T = TypeVar("T")


class S3Storage:
    """A bucket behind the minio SDK; links are signed for the address the browser sees.

    It has threads of its own: those of asyncio also look up host names, and a store that hangs must not take them all.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        public_endpoint: str | None = None,
        access_key: str,
        secret_key: str,
        bucket: str,
        region: str = "us-east-1",
        secure: bool = False,
    ) -> None:
        def client(address: str) -> Minio:
            scheme, _, host = address.rpartition("://")
            tls = scheme == "https" if scheme else secure
            return Minio(
                host, access_key, secret_key, secure=tls, region=region, http_client=_connections(verify=tls)
            )  # fmt: skip

        self.bucket = bucket
        self._region = region
        self._client = client(endpoint)
        self._signer = client(public_endpoint or endpoint)
        self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="s3")
        self._bucket_is_there: bool | None = None  # not asked for yet
        self._checking: asyncio.Future[None] | None = None

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        check_key(key)
        await self._call(
            lambda: self._client.put_object(self.bucket, key, io.BytesIO(data), len(data), content_type=content_type)
        )

    async def get(self, key: str) -> bytes:
        check_key(key)
        return await self._call(lambda: self._read(key))

    async def size(self, key: str) -> int:
        check_key(key)
        return await self._call(lambda: self._client.stat_object(self.bucket, key).size or 0)

    async def delete(self, keys: Iterable[str]) -> None:
        doomed = [DeleteObject(check_key(key)) for key in keys]
        failed = await self._call(lambda: [*self._client.remove_objects(self.bucket, doomed)])
        if failed:
            raise StorageUnavailable(f"{len(failed)} objects could not be removed: {failed[0].message}")

    async def list(self, prefix: str) -> Listing:
        return await self._call(lambda: self._list(prefix))

    def url(self, key: str, *, expires_seconds: int, filename: str | None = None) -> str:
        headers: dict[str, str | list[str] | tuple[str]] = {}
        if filename is not None:
            headers["response-content-disposition"] = f"attachment; filename*=UTF-8''{quote(filename)}"
        return self._signer.presigned_get_object(
            self.bucket, check_key(key), timedelta(seconds=expires_seconds), response_headers=headers
        )

    async def check(self) -> None:
        """One at a time: who asks while the store is silent waits for the same answer.

        Like any first use it makes the bucket; one that was there before and is not any more is told.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self._check())
        await asyncio.shield(self._checking)

    async def _check(self) -> None:
        first = self._bucket_is_there is None
        if not await self._call(lambda: self._client.bucket_exists(self.bucket), make_bucket=first):
            raise StorageUnavailable(f"The bucket {self.bucket} is gone.")

    def _make_bucket(self) -> None:
        if self._bucket_is_there:
            return
        if not self._client.bucket_exists(self.bucket):
            try:
                self._client.make_bucket(self.bucket, self._region)
            except S3Error as error:
                if error.code not in _OURS_ALREADY:  # by another process, just now
                    raise
        self._bucket_is_there = True

    def _read(self, key: str) -> bytes:
        answer = self._client.get_object(self.bucket, key)
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    def _list(self, prefix: str) -> Listing:
        return [
            Stored(found.object_name, found.last_modified, found.size or 0)
            for found in self._client.list_objects(self.bucket, prefix, recursive=True)
            if found.object_name and found.last_modified
        ]

    async def _call(self, function: Callable[[], T], *, make_bucket: bool = True) -> T:
        loop = asyncio.get_running_loop()
        try:
            if make_bucket:
                await loop.run_in_executor(self._threads, self._make_bucket)
            return await loop.run_in_executor(self._threads, function)
        except S3Error as error:
            self._bucket_is_there = self._bucket_is_there and error.code != "NoSuchBucket"
            if error.code in _MISSING:
                raise ObjectMissing from error
            raise StorageUnavailable(f"The object store answered {error.code}.") from error
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
            raise StorageUnavailable(f"The object store cannot be reached: {type(error).__name__}.") from error


def _connections(*, verify: bool) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=3, read=30),
        maxsize=_CONNECTIONS,
        cert_reqs="CERT_REQUIRED" if verify else "CERT_NONE",
        retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
    )
