"""The long form: the answer takes the same time for a revoked, expired, hidden or unknown share."""

# ruff: noqa: F811  (fixtures are imported by name: those of this folder are for a gateway process)

import statistics
import time

import httpx
import pytest
from sqlalchemy import func, update

from api.dependencies import Gateway
from api.shares import visit
from db.tables import Share, Video
from tests.api.conftest import (  # noqa: F401  (fixtures)
    ApiUser,
    Worker,
    alice,
    app,
    auth,
    client,
    gateway,
    settings,
    worker,
)
from tests.api.public_videos import make_video
from tests.api.shares.test_routes import share

pytestmark = pytest.mark.long_attack
TRIES = 200


async def test_the_time_of_a_useless_link_is_the_same(
    client: httpx.AsyncClient, gateway: Gateway, alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "UNKNOWN_PER_MINUTE", 1_000_000)
    made = [await share(alice, await make_video(worker, alice, str(n).encode())) for n in range(3)]
    tokens = {"unknown": "A" * 22} | dict(
        zip(("expired", "hidden", "revoked"), [m["token"] for m in made], strict=True)
    )
    async with gateway.sessions.begin() as session:
        await session.execute(update(Share).where(Share.id == made[0]["id"]).values(expires_at=func.now()))
        hidden = update(Video).where(Video.id == made[1]["video_id"])
        await session.execute(hidden.values(moderation_state="hidden", moderated_at=func.now()))
    await alice.request("DELETE", f"/api/shares/{made[2]['id']}")
    seconds: dict[str, list[float]] = {case: [] for case in tokens}
    for _ in range(TRIES):
        for case, token in tokens.items():
            started = time.perf_counter()
            assert (await client.get(f"/api/shared/{token}")).status_code == 404
            seconds[case].append(time.perf_counter() - started)
    medians = {case: statistics.median(values) for case, values in seconds.items()}
    assert all(0.9 < median / medians["unknown"] < 1.1 for median in medians.values()), medians
