"""The key of the object store: what its policy allows, and the requests to the server of MinIO."""

import asyncio
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from minio.crypto import decrypt
from moto.core import set_initial_no_auth_action_count
from moto.server import ThreadedMotoServer
from urllib3 import HTTPResponse

from db.settings import RootStorageSettings, StorageSettings
from db.storage.provision import policy, provision
from db.storage.s3 import S3Storage

ROOT = RootStorageSettings(s3_root_user="the-root", s3_root_password="root-password")


def settings(endpoint: str, **values: str) -> StorageSettings:
    keys = {"s3_access_key": "app", "s3_secret_key": "app-secret", "s3_bucket": "videos"}
    return StorageSettings.model_validate({"s3_endpoint": endpoint, **keys, **values})


@pytest.fixture(scope="module")
def key() -> Iterator[dict[str, str]]:
    """A key with our policy, of a store that refuses what the policy does not allow, with the buckets of two owners."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    buckets, iam = (
        boto3.client(name, "us-east-1", endpoint_url=endpoint, aws_access_key_id="root", aws_secret_access_key="root")
        for name in ("s3", "iam")
    )
    for name in ("videos", "secrets"):
        buckets.create_bucket(Bucket=name)
    buckets.put_object(Bucket="secrets", Key="jobs/a", Body=b"x")
    document = policy("videos")
    # moto checks these two actions of the bucket, where S3 checks s3:ListBucket and the action of each object.
    quirks = {"Effect": "Allow", "Action": ["s3:HeadBucket", "s3:DeleteObject"], "Resource": ["arn:aws:s3:::videos"]}
    document["Statement"].append(quirks)
    iam.create_user(UserName="app")
    iam.put_user_policy(UserName="app", PolicyName="objects", PolicyDocument=json.dumps(document))
    made = iam.create_access_key(UserName="app")["AccessKey"]
    yield {"endpoint": endpoint, "access_key": made["AccessKeyId"], "secret_key": made["SecretAccessKey"]}
    server.stop()


def test_the_policy_allows_what_the_storage_does(key: dict[str, str]) -> None:
    set_initial_no_auth_action_count(0)(lambda: asyncio.run(use(key)))()


async def use(key: dict[str, str]) -> None:
    store = S3Storage(bucket="videos", **key)
    await store.check()
    await store.put("jobs/a/video.mp4", b"data", "video/mp4")
    assert await store.get("jobs/a/video.mp4") == b"data"
    assert await store.size("jobs/a/video.mp4") == 4
    assert [stored.key for stored in await store.list("jobs/")] == ["jobs/a/video.mp4"]
    await store.delete(["jobs/a/video.mp4"])


FORBIDDEN: dict[str, dict[str, object]] = {
    "get_object": {"Bucket": "secrets", "Key": "jobs/a"},
    "put_object": {"Bucket": "secrets", "Key": "jobs/b", "Body": b""},
    "delete_object": {"Bucket": "secrets", "Key": "jobs/a"},
    "list_objects_v2": {"Bucket": "secrets"},
    "head_bucket": {"Bucket": "secrets"},
    "create_bucket": {"Bucket": "new-bucket"},
    "delete_bucket": {"Bucket": "videos"},
    "list_buckets": {},
    "put_bucket_policy": {"Bucket": "videos", "Policy": "{}"},
    "get_bucket_policy": {"Bucket": "videos"},
}


@pytest.mark.parametrize("action", FORBIDDEN)
def test_the_policy_forbids(action: str, key: dict[str, str]) -> None:
    names = {"aws_access_key_id": key["access_key"], "aws_secret_access_key": key["secret_key"]}
    limited = boto3.client("s3", "us-east-1", endpoint_url=key["endpoint"], **names)

    def act() -> None:
        with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
            getattr(limited, action)(**FORBIDDEN[action])

    set_initial_no_auth_action_count(0)(act)()


class Admin(BaseHTTPRequestHandler):
    """Records requests like a MinIO server would get, and accepts all."""

    requests: ClassVar[list[tuple[str, str, dict[str, list[str]], bytes]]] = []

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.requests.append((self.command, url.path, parse_qs(url.query), body))
        self.send_response(404 if self.command == "HEAD" and len(self.requests) == 1 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_PUT = do_GET = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def admin() -> Iterator[str]:
    Admin.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Admin) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_bucket_policy_and_user_are_created_as_root(admin: str) -> None:
    provision(settings(admin), ROOT)
    made = [(method, path, query) for method, path, query, _ in Admin.requests]
    prefix = "/minio/admin/v3"
    assert made == [
        ("HEAD", "/videos", {}),
        ("PUT", "/videos", {}),
        ("PUT", f"{prefix}/add-canned-policy", {"name": ["videos-objects"]}),
        ("PUT", f"{prefix}/add-user", {"accessKey": ["app"]}),
        ("PUT", f"{prefix}/set-user-or-group-policy",
         {"policyName": ["videos-objects"], "userOrGroup": ["app"], "isGroup": ["false"]}),
    ]  # fmt: skip
    bodies = [body for *_, body in Admin.requests]
    assert json.loads(bodies[2]) == policy("videos")
    assert b"app-secret" not in bodies[3], "the secret is encrypted with the root password"
    user = json.loads(decrypt(HTTPResponse(body=io.BytesIO(bodies[3]), preload_content=False), "root-password"))
    assert user == {"status": "enabled", "secretKey": "app-secret"}


def test_it_can_be_repeated(admin: str) -> None:
    Admin.requests.append(("HEAD", "/", {}, b""))  # the bucket exists
    provision(settings(admin), ROOT)
    assert ("PUT", "/videos") not in [(method, path) for method, path, *_ in Admin.requests]


def test_the_root_user_is_not_the_application(admin: str) -> None:
    with pytest.raises(ValueError, match="must not be S3_ROOT_USER"):
        provision(settings(admin, s3_access_key="the-root"), ROOT)
    assert Admin.requests == []
