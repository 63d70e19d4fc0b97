"""Profile, deletion and export of the caller's account."""

import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.dependencies import Gateway
from db.storage import garbage_collection
from db.tables import Base
from tests.api.accounts import PASSWORD, bearer, login
from tests.api.conftest import ApiUser, Worker


@pytest.fixture
async def owner(client: httpx.AsyncClient, account: dict[str, str], gateway: Gateway) -> ApiUser:
    """The registered account, signed in."""
    signed_in = await login(client, account)
    me = (await client.get("/api/me", headers=bearer(signed_in))).json()
    return ApiUser(me["id"], me["id"], signed_in.json()["access_token"], client)


async def test_the_profile(owner: ApiUser, account: dict[str, str]) -> None:
    me = (await owner.get("/api/me")).json()
    assert me.keys() == {
        "id", "email", "created_at", "display_name", "role", "email_verified_at", "second_factor",
    }  # fmt: skip
    assert (me["email"], me["role"], me["second_factor"]) == (account["email"], "user", False)
    changed = await owner.request("PATCH", "/api/me", json={"display_name": "  Zoe\u0308 \n von   Köln "})
    assert (changed.status_code, changed.json()["display_name"]) == (200, "Zoë von Köln")
    assert (await owner.get("/api/me")).json() == changed.json()


@pytest.mark.parametrize(
    "body", [{"display_name": "x" * 81}, {"display_name": "\x1b[31m"}, {"role": "admin"}, {"email": "a@b.org"}, {}]
)
async def test_other_changes_of_the_profile_are_refused(owner: ApiUser, body: dict[str, str]) -> None:
    assert (await owner.request("PATCH", "/api/me", json=body)).status_code == 422
    assert (await owner.get("/api/me")).json()["role"] == "user"


async def test_an_account_is_deleted_with_everything_that_belongs_to_it(
    owner: ApiUser, alice: ApiUser, worker: Worker, gateway: Gateway, account: dict[str, str]
) -> None:
    await owner.generate()
    key = await worker.publish(await worker.claim())
    kept = await alice.generate()
    await owner.post("/api/ws/ticket")
    assert (await owner.request("DELETE", "/api/me", json={"password": "a wrong password"})).status_code == 403
    assert (await owner.request("DELETE", "/api/me", json={"password": PASSWORD})).status_code == 204
    assert (await owner.get("/api/me")).status_code == 401
    assert (await login(owner.http, account)).status_code == 401
    async with gateway.sessions() as session:
        for table in Base.metadata.sorted_tables:
            rows = [str(tuple(row)) for row in await session.execute(text(f"SELECT * FROM {table.name}"))]
            assert not [row for row in rows if account["email"] in row], table.name
            if table.name == "audit_log":  # it outlives the account, and names it by its id only
                assert [row for row in rows if "account_deleted" in row and str(owner.id) in row]
                continue
            assert not [row for row in rows if str(owner.id) in row], table.name
    assert await garbage_collection.orphans(gateway.sessions, gateway.storage, grace_seconds=-1) == 1
    assert key not in [stored.key for stored in await gateway.storage.list("")]
    assert (await alice.get(f"/api/status/{kept}")).status_code == 200


async def export(user: ApiUser) -> dict[str, bytes]:
    response = await user.get("/api/me/export")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
    assert "attachment" in response.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def test_an_export_has_the_account_its_jobs_and_its_files(
    owner: ApiUser, alice: ApiUser, worker: Worker, account: dict[str, str]
) -> None:
    job = await owner.generate(prompt="a red circle")
    await worker.publish(await worker.claim(), b"the video")
    trashed = await owner.generate(prompt="a blue one")
    await worker.publish(await worker.claim(), b"another video")
    await owner.request("DELETE", f"/api/jobs/{trashed}")
    await alice.generate(prompt="of somebody else")
    video, trashed_video = [(await owner.get(f"/api/status/{each}")).json()["video_id"] for each in (job, trashed)]
    await owner.request("PATCH", f"/api/videos/{video}", json={"title": "My circle", "tags": ["round"]})
    files = await export(owner)
    (activity,) = [name for name in files if name.startswith("activity/")]
    actions = [entry["action"] for entry in json.loads(files[activity])]
    assert actions == ["account_exported", "sign_in", "registered"]
    assert files.keys() == {
        "account.json", activity, f"jobs/{job}/job.json", f"jobs/{trashed}/job.json", f"videos/{video}/video.json",
        f"videos/{video}/video.mp4", f"videos/{trashed_video}/video.json", f"videos/{trashed_video}/video.mp4",
    }  # fmt: skip
    assert files[f"videos/{video}/video.mp4"] == b"the video"
    edited: dict[str, Any] = json.loads(files[f"videos/{video}/video.json"])
    assert (edited["title"], edited["tags"], edited["job_id"]) == ("My circle", ["round"], job)
    described: dict[str, Any] = json.loads(files[f"jobs/{job}/job.json"])
    assert (described["spec"]["prompt"], described["status"]) == ("a red circle", "succeeded")
    exported = json.loads(files["account.json"])
    assert exported["email"] == account["email"]
    assert len(exported["sessions"]) == 1
    assert exported["passkeys"] == exported["api_keys"] == []
    for secret in (b"argon2", b"refresh_hash", b"somebody else", b"worker"):
        assert not [name for name, data in files.items() if secret in data], secret


async def test_an_export_holds_no_database_connection_and_survives_missing_files(
    owner: ApiUser, worker: Worker, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.me.export.PAGE", 2)
    jobs = [await owner.generate() for _ in range(5)]
    keys = [await worker.publish(await worker.claim()) for _ in jobs]
    await gateway.storage.delete(keys[:1])
    original, checked_out = gateway.storage.get, []

    async def watched(key: str) -> bytes:
        checked_out.append(gateway.engine.pool.checkedout())  # type: ignore[attr-defined]
        return await original(key)

    monkeypatch.setattr(gateway.storage, "get", watched)
    assert len(await export(owner)) == 1 + 1 + 5 + 5 + 4
    assert checked_out == [0] * 5


async def test_exports_are_limited_per_account(owner: ApiUser) -> None:
    responses = [await owner.get("/api/me/export") for _ in range(6)]
    assert [response.status_code for response in responses] == [200] * 5 + [429]
