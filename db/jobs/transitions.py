"""The statements that move a job from state to state on behalf of a worker; `leases` runs them.

Each is one conditional UPDATE on the database's clock. A statement that returns no row has changed nothing.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from typing import Final

from db.jobs import fair_queue
from db.jobs.sql import TOUCHED, notify

# The fence, part of every write of a worker: this job, in the attempt that was claimed, still leased to this owner.
HELD: Final = """jobs.id = :job_id AND jobs.attempt = :attempt
        AND jobs.lease_owner = :owner AND jobs.status = 'running'"""

_LEASE_END: Final = "clock_timestamp() + make_interval(secs => :lease_seconds)"

CLAIM: Final = f"""{fair_queue.NEXT}, claimed AS (
        UPDATE jobs SET
            status = 'running', attempt = attempt + 1, lease_owner = :owner, lease_expires_at = {_LEASE_END},
            started_at = coalesce(started_at, clock_timestamp()), {TOUCHED}
        FROM next WHERE jobs.id = next.id
        RETURNING jobs.*, {notify("'status'")}
    ), opened AS (
        INSERT INTO attempts (job_id, attempt, lease_owner, started_at)
        SELECT id, attempt, lease_owner, clock_timestamp() FROM claimed
    )
    SELECT * FROM claimed"""

BEAT: Final = f"""UPDATE jobs SET lease_expires_at = {_LEASE_END}
    WHERE {HELD}
    RETURNING cancel_requested_at IS NOT NULL AS cancel_requested"""

# The published value is the highest so far, and at most 1.
PROGRESS: Final = f"""UPDATE jobs SET
        progress = CAST(:progress AS jsonb) || jsonb_build_object('value', least(1, greatest(
            (progress ->> 'value')::float8, (CAST(:progress AS jsonb) ->> 'value')::float8
        ))),
        eta_seconds = :eta_seconds, preview_key = coalesce(:preview_key, preview_key), {TOUCHED}
    WHERE {HELD}
    RETURNING {notify("'progress'")}"""

KEEP_BASE: Final = f"""UPDATE jobs SET base = CAST(:base AS jsonb), {TOUCHED}
    WHERE {HELD}
    RETURNING id"""

# The job, its attempt, the video and its objects in one statement. A job that finishes another video names it in its
# base clip; the title and the tags are taken from there.
PUBLISH: Final = f"""WITH moved AS (
        UPDATE jobs SET
            status = 'succeeded', resolved = CAST(:resolved AS jsonb), warnings = CAST(:warnings AS jsonb),
            lease_owner = NULL, lease_expires_at = NULL, eta_seconds = NULL, finished_at = clock_timestamp(),
            progress = progress || '{{"value": 1}}', {TOUCHED}
        WHERE {HELD} AND jobs.cancel_requested_at IS NULL
        RETURNING jobs.*, {notify("'status'")}
    ), closed AS (
        UPDATE attempts SET ended_at = clock_timestamp(), outcome = 'succeeded'
        FROM moved WHERE attempts.job_id = moved.id AND attempts.attempt = moved.attempt
    ), named AS MATERIALIZED (
        SELECT uuidv7() AS id FROM moved
    ), made AS (
        INSERT INTO videos (id, created_at, owner_id, job_id, finished_from, title, tags, prompt, spec, resolved, base,
            format, width, height, fps, frames, duration)
        SELECT named.id, uuid_extract_timestamp(named.id), moved.owner_id, moved.id, source.id,
            coalesce(source.title, ''), coalesce(source.tags, '{{}}'), coalesce(moved.spec ->> 'prompt', ''),
            moved.spec, moved.resolved, moved.base - 'video_id', split_part(file.content_type, '/', 2),
            file.width, file.height, file.fps, file.frames, file.duration
        FROM moved CROSS JOIN named CROSS JOIN jsonb_to_record(CAST(:video AS jsonb)) AS file(
            content_type text, width integer, height integer, fps float8, frames integer, duration float8)
        LEFT JOIN videos AS source ON source.id = CAST(moved.base ->> 'video_id' AS uuid)
        RETURNING id
    ), stored AS (
        INSERT INTO artifacts (id, job_id, attempt, video_id, kind, key, content_type, width, height, fps, frames,
            duration, size_bytes, sha256)
        SELECT artifact.id, moved.id, moved.attempt, made.id, kind, key, content_type, width, height, fps, frames,
            duration, size_bytes, sha256
        FROM moved CROSS JOIN made CROSS JOIN jsonb_to_recordset(CAST(:artifacts AS jsonb)) AS artifact(
            id uuid, kind text, key text, content_type text, width integer, height integer, fps float8,
            frames integer, duration float8, size_bytes bigint, sha256 text)
    )
    SELECT id FROM moved"""

# The common end of the four statements that take jobs out of `running` without a result. Their CTE `held` locks the
# jobs and names the outcome. A requested cancel takes precedence: such an attempt counts neither as failed nor as lost.
# `cancel_requested_at` is set to its locked value because PostgreSQL checks the constraints of an UPDATE on the version
# in the snapshot first, which may be older than the locked one.
_LEAVE_RUNNING: Final = f"""decided AS (
        SELECT id, lost_by, cancel_requested_at, attempt_error, pause_seconds, reduce,
            CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled'
                 WHEN park THEN 'failed' ELSE 'queued' END AS next_status,
            CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled' ELSE attempt_outcome END AS attempt_outcome
        FROM held
    ), moved AS (
        UPDATE jobs SET
            status = next_status, lease_owner = NULL, lease_expires_at = NULL, eta_seconds = NULL,
            failures = failures + CASE attempt_outcome WHEN 'failed' THEN 1 ELSE 0 END,
            losses = losses + CASE attempt_outcome WHEN 'lost' THEN 1 ELSE 0 END,
            available_at = CASE next_status
                WHEN 'queued' THEN clock_timestamp() + make_interval(secs => pause_seconds) ELSE available_at END,
            error = CASE next_status WHEN 'failed' THEN attempt_error END,
            charged_seconds = CASE next_status WHEN 'queued' THEN charged_seconds ELSE 0 END,
            finished_at = CASE next_status WHEN 'queued' THEN NULL ELSE clock_timestamp() END,
            reduced = reduced OR reduce, cancel_requested_at = decided.cancel_requested_at, {TOUCHED}
        FROM decided WHERE jobs.id = decided.id
        RETURNING jobs.*, lost_by, attempt_outcome, attempt_error, {notify("'status'")}
    ), closed AS (
        UPDATE attempts SET ended_at = clock_timestamp(), outcome = attempt_outcome, error = attempt_error
        FROM moved WHERE attempts.job_id = moved.id AND attempts.attempt = moved.attempt
    )
    SELECT * FROM moved"""


def _backoff(count: str) -> str:
    """Seconds before the next attempt, doubled with each one. Jitter spreads jobs that failed at the same time."""
    return f"least(:max_pause_seconds, :first_pause_seconds * power(2, least({count}, 16))) * (0.5 + random())"


FAIL: Final = f"""WITH held AS (
        SELECT id, lease_owner AS lost_by, cancel_requested_at,
            NOT :retry OR failures + 1 >= :max_failures AS park, 'failed' AS attempt_outcome,
            CAST(:error AS jsonb) AS attempt_error, CAST(:reduced AS boolean) AS reduce,
            {_backoff("failures")} AS pause_seconds
        FROM jobs WHERE {HELD} FOR UPDATE
    ), {_LEAVE_RUNNING}"""

GIVE_BACK: Final = f"""WITH held AS (
        SELECT id, lease_owner AS lost_by, cancel_requested_at,
            false AS park, 'returned' AS attempt_outcome,
            NULL::jsonb AS attempt_error, false AS reduce, 0 AS pause_seconds
        FROM jobs WHERE {HELD} FOR UPDATE
    ), {_LEAVE_RUNNING}"""

CANCEL: Final = f"""WITH held AS (
        SELECT id, lease_owner AS lost_by, cancel_requested_at,
            false AS park, 'canceled' AS attempt_outcome,
            NULL::jsonb AS attempt_error, false AS reduce, 0 AS pause_seconds
        FROM jobs WHERE {HELD} AND jobs.cancel_requested_at IS NOT NULL FOR UPDATE
    ), {_LEAVE_RUNNING}"""

# A user whose turn is locked is left to the next rescue: two rescues that waited for turns could deadlock.
RESCUE: Final = f"""WITH expired AS (
        SELECT id, owner_id, lease_owner AS lost_by, cancel_requested_at,
            losses + 1 >= :max_losses AS park, 'lost' AS attempt_outcome,
            jsonb_build_object('code', 'worker_lost', 'stage', progress -> 'stage',
                'message', 'The worker was lost ' || losses + 1 || ' times while it ran this job.') AS attempt_error,
            false AS reduce, {_backoff("losses")} AS pause_seconds
        FROM jobs WHERE jobs.status = 'running' AND jobs.lease_expires_at < clock_timestamp()
        ORDER BY lease_expires_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ), locked AS (
        SELECT owner_id FROM turns WHERE owner_id IN (SELECT owner_id FROM expired) FOR UPDATE SKIP LOCKED
    ), held AS (
        SELECT * FROM expired
        WHERE (owner_id IN (SELECT owner_id FROM locked)
            OR NOT EXISTS (SELECT FROM turns WHERE turns.owner_id = expired.owner_id))
    ), {_LEAVE_RUNNING}"""
