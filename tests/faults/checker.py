"""The invariants that must hold after every run: checked with SQL and by reading the objects."""

import asyncio
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db.errors import ObjectMissing
from db.storage import garbage_collection
from db.storage.base import Storage
from pipeline.contract.spec import Spec
from pipeline.encoders import video

Sessions = async_sessionmaker[AsyncSession]
# Of 255: how much a lossy encoder may change a uniform picture.
BRIGHTNESS_TOLERANCE: Final = 4

# Each row that a query returns is a violation.
VIOLATIONS: Final = {
    "not running, but has an open attempt": """
        SELECT job_id FROM attempts JOIN jobs ON jobs.id = job_id WHERE outcome IS NULL AND status <> 'running'""",
    "attempts are missing or too many": """
        SELECT id FROM jobs WHERE attempt <> (SELECT count(*) FROM attempts WHERE job_id = jobs.id)""",
    "succeeded, but its last attempt did not": """
        SELECT id FROM jobs WHERE status = 'succeeded' AND 'succeeded' IS DISTINCT FROM (
            SELECT outcome FROM attempts WHERE job_id = jobs.id AND attempts.attempt = jobs.attempt)""",
    "an attempt succeeded but not the job, or two attempts succeeded": """
        SELECT job_id FROM attempts JOIN jobs ON jobs.id = job_id WHERE outcome = 'succeeded'
        GROUP BY job_id, status HAVING count(*) > 1 OR status <> 'succeeded'""",
    "wrong number of failures": """
        SELECT id FROM jobs WHERE failures <>
            (SELECT count(*) FROM attempts WHERE job_id = jobs.id AND outcome = 'failed')""",
    "wrong number of losses": """
        SELECT id FROM jobs WHERE losses <>
            (SELECT count(*) FROM attempts WHERE job_id = jobs.id AND outcome = 'lost')""",
    "entered a terminal state not exactly once": """
        SELECT id FROM jobs WHERE status IN ('succeeded', 'failed', 'canceled') AND 1 <> (
            SELECT count(*) FROM audit.transitions
            WHERE job_id = jobs.id AND new IN ('succeeded', 'failed', 'canceled'))""",
    "left a terminal state": """
        SELECT job_id FROM audit.transitions WHERE old IN ('succeeded', 'failed', 'canceled')""",
    "progress, revision or attempt decreased": "SELECT job_id FROM audit.decreases",
    "charged without a result, or not charged for a result": """
        SELECT id FROM jobs WHERE charged_seconds <> CASE status WHEN 'succeeded' THEN seconds ELSE 0 END
            AND status NOT IN ('queued', 'running')""",
    "has a result of an attempt that did not succeed": """
        SELECT jobs.id FROM jobs JOIN artifacts ON job_id = jobs.id
        WHERE kind <> 'base' AND (status <> 'succeeded' OR artifacts.attempt <> jobs.attempt)""",
    "succeeded, but has not exactly one video": """
        SELECT id FROM jobs WHERE status = 'succeeded' AND 1 <> (SELECT count(*) FROM videos WHERE job_id = jobs.id)""",
    "has a video, but did not succeed": """
        SELECT jobs.id FROM jobs JOIN videos ON job_id = jobs.id WHERE status <> 'succeeded'""",
    "has an object that does not belong to its video": """
        SELECT job_id FROM artifacts WHERE kind <> 'base'
            AND video_id IS DISTINCT FROM (SELECT id FROM videos WHERE videos.job_id = artifacts.job_id)""",
    "succeeded without video, poster or preview": """
        SELECT id FROM jobs WHERE status = 'succeeded' AND 3 <> (
            SELECT count(DISTINCT kind) FROM artifacts
            WHERE job_id = jobs.id AND kind IN ('video', 'poster', 'preview'))""",
}
_RESULTS: Final = """
    SELECT spec, key, kind, artifacts.size_bytes, sha256 FROM artifacts JOIN jobs ON job_id = jobs.id
    WHERE status = 'succeeded' OR kind = 'base'
"""


async def find_violations(sessions: Sessions, storage: Storage, accepted: Iterable[UUID]) -> list[str]:
    """A message for each violated invariant."""
    found = []
    async with sessions() as session:
        existing = set(await session.scalars(text("SELECT id FROM jobs")))
        found += [f"accepted, but has no row: {job_id}" for job_id in accepted if job_id not in existing]
        for violation, query in VIOLATIONS.items():
            found += [f"{violation}: {job_id}" for job_id in await session.scalars(text(query))]
        results = list(await session.execute(text(_RESULTS)))
    for result in results:
        try:
            data = await storage.get(result.key)
        except ObjectMissing:
            found.append(f"object missing: {result.key}")
            continue
        found += [f"{problem}: {result.key}" for problem in await asyncio.to_thread(_check_result, result, data)]
    return found + await _find_orphans(sessions, storage)


def _check_result(result: Any, data: bytes) -> list[str]:
    return list(_result_violations(result, data))


def _result_violations(result: Any, data: bytes) -> Iterator[str]:
    if len(data) != result.size_bytes or sha256(data).hexdigest() != result.sha256:
        yield "differs from the published bytes"
    elif result.kind == "video":
        spec = Spec.from_row(result.spec)
        facts = video.probe(data)
        if (facts.width, facts.height, facts.frames) != (spec.width, spec.height, spec.frames):
            yield f"requested {spec.width}x{spec.height} and {spec.frames} frames, got {facts}"
        brightness = np.array([frame.mean() for frame in video.decode(data)])
        if abs(brightness - expected_brightness(spec)).max() > BRIGHTNESS_TOLERANCE:
            found = f"{brightness.min():.0f} to {brightness.max():.0f}"
            yield f"picture of another job: brightness {found}, not {expected_brightness(spec)}"


def expected_brightness(spec: Spec) -> int:
    """The brightness that `tests.faults.stages.generate` gives this job."""
    return 16 + (spec.seed or 0) % 200


async def _find_orphans(sessions: Sessions, storage: Storage) -> list[str]:
    """Objects without a row that are left after a garbage collection."""
    await garbage_collection.ended_previews(sessions, storage, grace_seconds=0, limit=10_000)
    await garbage_collection.orphans(sessions, storage, grace_seconds=0, limit=10_000)
    keys = {stored.key for prefix in ("jobs/", "previews/") for stored in await storage.list(prefix)}
    async with sessions() as session:
        referenced = set(await session.scalars(text("SELECT key FROM artifacts")))
    return [f"object without a row: {key}" for key in sorted(keys - referenced)]
