"""Objects in a private bucket of an S3 store."""

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
from db.storage.base import Listing, Stored, check_key

_BUCKET_EXISTS: Final = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
_MISSING: Final = {"NoSuchKey", "NoSuchObject", "ResourceNotFound"}
_CONNECTIONS: Final = 10
T = TypeVar("T")


class S3Storage:
    """A bucket, accessed through the minio SDK. Links are signed for the address that the browser sees.

    The thread pool is its own: asyncio's default pool also resolves host names, and a store that does not answer would
    occupy all of its threads.
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
        # None: not known yet.
        self._bucket_exists: bool | None = None
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
        objects = [DeleteObject(check_key(key)) for key in keys]
        failed = await self._call(lambda: [*self._client.remove_objects(self.bucket, objects)])
        if failed:
            raise StorageUnavailable(f"{len(failed)} objects could not be deleted: {failed[0].message}")

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
        """Concurrent calls share one request. The first use creates the bucket; later a missing bucket is an error."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.ensure_future(self._check())
        await asyncio.shield(self._checking)

    async def _check(self) -> None:
        first = self._bucket_exists is None
        if not await self._call(lambda: self._client.bucket_exists(self.bucket), make_bucket=first):
            raise StorageUnavailable(f"The bucket {self.bucket} no longer exists.")

    def _make_bucket(self) -> None:
        if self._bucket_exists:
            return
        if not self._client.bucket_exists(self.bucket):
            try:
                self._client.make_bucket(self.bucket, self._region)
            except S3Error as error:
                if error.code not in _BUCKET_EXISTS:  # created by another process just now
                    raise
        self._bucket_exists = True

    def _read(self, key: str) -> bytes:
        response = self._client.get_object(self.bucket, key)
        try:
            return response.read()
        finally:
            response.close()
            response.release_conn()

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
            self._bucket_exists = self._bucket_exists and error.code != "NoSuchBucket"
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
