"""What must hold after every run, whatever was done to the processes: asserted in SQL and on the objects."""

import asyncio
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import sweep
from db.errors import ObjectMissing
from db.storage import Storage
from pipeline.spec import Spec
from pipeline.stages import video

Sessions = async_sessionmaker[AsyncSession]
SHADE_TOLERANCE: Final = 4  # of 255: what a lossy encoder may change about an even picture

# Each query finds what must not be; a row it returns is a broken promise.
FORBIDDEN: Final = {
    "ended, but an attempt is open": """
        SELECT job_id FROM attempts JOIN jobs ON jobs.id = job_id WHERE outcome IS NULL AND status <> 'running'""",
    "attempts are missing or too many": """
        SELECT id FROM jobs WHERE attempt <> (SELECT count(*) FROM attempts WHERE job_id = jobs.id)""",
    "succeeded without its attempt having succeeded": """
        SELECT id FROM jobs WHERE status = 'succeeded' AND 'succeeded' IS DISTINCT FROM (
            SELECT outcome FROM attempts WHERE job_id = jobs.id AND attempts.attempt = jobs.attempt)""",
    "an attempt succeeded, the job did not, or two did": """
        SELECT job_id FROM attempts JOIN jobs ON jobs.id = job_id WHERE outcome = 'succeeded'
        GROUP BY job_id, status HAVING count(*) > 1 OR status <> 'succeeded'""",
    "failures are miscounted": """
        SELECT id FROM jobs WHERE failures <>
            (SELECT count(*) FROM attempts WHERE job_id = jobs.id AND outcome = 'failed')""",
    "losses are miscounted": """
        SELECT id FROM jobs WHERE losses <>
            (SELECT count(*) FROM attempts WHERE job_id = jobs.id AND outcome = 'lost')""",
    "ended more or less often than once": """
        SELECT id FROM jobs WHERE status IN ('succeeded', 'failed', 'canceled') AND 1 <> (
            SELECT count(*) FROM audit.moves WHERE job_id = jobs.id AND now IN ('succeeded', 'failed', 'canceled'))""",
    "went on after its end": """
        SELECT job_id FROM audit.moves WHERE was IN ('succeeded', 'failed', 'canceled')""",
    "progress, revision or attempt fell": "SELECT job_id FROM audit.falls",
    "charged for what was not delivered, or not for what was": """
        SELECT id FROM jobs WHERE charged_seconds <> CASE status WHEN 'succeeded' THEN seconds ELSE 0 END
            AND status NOT IN ('queued', 'running')""",
    "a result of an attempt that did not succeed": """
        SELECT jobs.id FROM jobs JOIN artifacts ON job_id = jobs.id
        WHERE kind <> 'base' AND (status <> 'succeeded' OR artifacts.attempt <> jobs.attempt)""",
    "succeeded without video, poster or preview": """
        SELECT id FROM jobs WHERE status = 'succeeded' AND 3 <> (
            SELECT count(DISTINCT kind) FROM artifacts WHERE job_id = jobs.id AND kind <> 'base')""",
}


async def problems(sessions: Sessions, storage: Storage, accepted: Iterable[UUID]) -> list[str]:
    """Every broken promise in words; empty when all were kept."""
    found = []
    async with sessions() as session:
        there = set(await session.scalars(text("SELECT id FROM jobs")))
        found += [f"accepted, but gone: {job_id}" for job_id in accepted if job_id not in there]
        for what, query in FORBIDDEN.items():
            found += [f"{what}: {job_id}" for job_id in await session.scalars(text(query))]
        results = list(await session.execute(text(_RESULTS)))
    for result in results:
        try:
            data = await storage.get(result.key)
        except ObjectMissing:
            found.append(f"its object is gone: {result.key}")
            continue
        found += [f"{what}: {result.key}" for what in await asyncio.to_thread(wrong, result, data)]
    return found + await _left_behind(sessions, storage)


_RESULTS: Final = """
    SELECT spec, key, kind, artifacts.size_bytes, sha256 FROM artifacts JOIN jobs ON job_id = jobs.id
    WHERE status = 'succeeded' OR kind = 'base'
"""


def wrong(result: Any, data: bytes) -> list[str]:
    return list(_wrong(result, data))


def _wrong(result: Any, data: bytes) -> Iterator[str]:
    if len(data) != result.size_bytes or sha256(data).hexdigest() != result.sha256:
        yield "not the bytes that were published"
    elif result.kind == "video":
        spec = Spec.model_validate(result.spec)
        facts = video.probe(data)
        if (facts.width, facts.height, facts.frames) != (spec.width, spec.height, spec.frames):
            yield f"asked for {spec.width}x{spec.height}, {spec.frames} frames, got {facts}"
        shades = np.array([picture.mean() for picture in video.decode(data)])
        if abs(shades - shade(spec)).max() > SHADE_TOLERANCE:
            yield f"the picture of another job: {shades.min():.0f} to {shades.max():.0f}, not {shade(spec)}"


def shade(spec: Spec) -> int:
    """How bright the sleeping generator draws this job."""
    return 16 + (spec.seed or 0) % 200


async def _left_behind(sessions: Sessions, storage: Storage) -> list[str]:
    """What lies in the store after a sweep, and belongs to nothing."""
    await sweep.ended_previews(sessions, storage, grace_seconds=0, limit=10_000)
    await sweep.orphans(sessions, storage, grace_seconds=0, limit=10_000)
    keys = {stored.key for prefix in ("jobs/", "previews/") for stored in await storage.list(prefix)}
    async with sessions() as session:
        named = set(await session.scalars(text("SELECT key FROM artifacts")))
    return [f"nobody's object: {key}" for key in sorted(keys - named)]
