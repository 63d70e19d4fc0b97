"""The content of a video that is in an S3 store."""

import dataclasses
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from moto.server import ThreadedMotoServer

from api.dependencies import Gateway
from db.storage.s3 import S3Storage
from tests.api.conftest import ApiUser, Worker


@pytest.fixture
def store() -> Iterator[S3Storage]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Storage(endpoint=f"{host}:{port}", access_key="access", secret_key="secret", bucket="auraanim")
    server.stop()


async def test_the_store_serves_the_bytes_and_the_gateway_the_headers(
    app: FastAPI, gateway: Gateway, store: S3Storage, alice: ApiUser
) -> None:
    app.state.gateway = dataclasses.replace(gateway, storage=store)
    worker = Worker(app.state.gateway)
    video = (await alice.post("/v1/videos", json={"prompt": "a red circle"})).json()
    await worker.publish(await worker.claim())
    path = f"/v1/videos/{video['id']}/content"
    redirect = await alice.get(path)
    assert redirect.status_code == 307
    async with httpx.AsyncClient() as http:
        part = await http.get(redirect.headers["location"], headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    head = await alice.request("HEAD", path)
    assert (head.status_code, head.headers["content-length"], head.headers["content-type"]) == (200, "10", "video/mp4")
    assert head.headers["accept-ranges"] == "bytes"
