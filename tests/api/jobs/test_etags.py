"""Conditional polls of the status."""

import pytest

from api.jobs import etags
from api.jobs.etags import matches
from tests.api.conftest import ApiUser, Worker


async def test_a_poll_without_a_change_has_no_body(alice: ApiUser, worker: Worker) -> None:
    path = f"/api/status/{await alice.generate()}"
    seen: list[str] = []

    async def poll(*, changed: bool) -> None:
        response = await alice.get(path, headers={"If-None-Match": seen[-1]} if seen else {})
        assert response.status_code == (200 if changed else 304)
        assert bool(response.content) == changed
        assert (not seen or response.headers["etag"] != seen[-1]) == changed
        seen.append(response.headers["etag"])

    await poll(changed=True)
    await poll(changed=False)
    lease = await worker.claim()
    await poll(changed=True)
    await poll(changed=False)
    await worker.progress(lease, 0.5)
    await poll(changed=True)
    await poll(changed=False)
    await worker.publish(lease)
    await poll(changed=True)
    await poll(changed=False)
    await alice.request("DELETE", f"/api/jobs/{lease.job_id}")
    await poll(changed=True)


async def test_the_queue_position_is_part_of_the_etag(alice: ApiUser, worker: Worker) -> None:
    first, second = await alice.generate(), await alice.generate()
    etag = (await alice.get(f"/api/status/{second}")).headers["etag"]
    await alice.post(f"/api/jobs/{first}/cancel")
    moved = await alice.get(f"/api/status/{second}", headers={"If-None-Match": etag})
    assert (moved.status_code, moved.json()["queue_position"]) == (200, 1)


async def test_the_link_of_a_preview_is_renewed(
    alice: ApiUser, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/status/{await alice.generate()}"
    await worker.progress(await worker.claim(), 0.5, preview_key="previews/x.webp")
    etag = (await alice.get(path)).headers["etag"]
    now = etags.time.time()
    monkeypatch.setattr(etags.time, "time", lambda: now + etags.PREVIEW_LINK_SECONDS / 2)
    assert (await alice.get(path, headers={"If-None-Match": etag})).status_code == 200


async def test_the_etag_of_another_job_reveals_nothing(alice: ApiUser, bob: ApiUser) -> None:
    path = f"/api/status/{await alice.generate()}"
    for header in ("*", (await alice.get(path)).headers["etag"]):
        assert (await bob.get(path, headers={"If-None-Match": header})).status_code == 404


@pytest.mark.parametrize(
    ("header", "expected"),
    [('W/"3"', True), ('"3"', True), ('"1", W/"3"', True), ("*", True), ("", False), ('W/"4"', False), ("3", False)],
)
def test_etags_are_compared_weakly(header: str, expected: bool) -> None:
    assert matches(header, 'W/"3"') is expected
