"""The statements with which workers move jobs from state to state: `db/work.py` says what each is for."""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from typing import Final

from sqlalchemy import text

from db import fair
from db.statement import FENCE, HELD, TOUCHED, Statement, told

__all__ = ["Statement"]

_LEASE_END: Final = "clock_timestamp() + make_interval(secs => :lease_seconds)"

# The claim that follows sees what the one before has done, so the cap is exact. A worker that is stopped right here
# keeps the others waiting for five seconds at most.
ONE_CLAIM_AT_A_TIME: Final = text(
    "SELECT set_config('idle_in_transaction_session_timeout', '5s', true), pg_advisory_xact_lock(4217001)"
)
CLAIM: Final = Statement(
    f"""{fair.NEXT}, claimed AS (
        UPDATE jobs SET
            status = 'running', attempt = attempt + 1, lease_owner = :owner, lease_expires_at = {_LEASE_END},
            started_at = coalesce(started_at, clock_timestamp()), {TOUCHED}
        FROM next WHERE jobs.id = next.id
        RETURNING jobs.*, {told("'status'")}
    ), opened AS (
        INSERT INTO attempts (job_id, attempt, lease_owner, started_at)
        SELECT id, attempt, lease_owner, clock_timestamp() FROM claimed
    )
    SELECT * FROM claimed""",
    fair.NEXT_GUARDS,
)

BEAT: Final = Statement(
    f"""UPDATE jobs SET lease_expires_at = {_LEASE_END} WHERE {HELD}
    RETURNING cancel_requested_at IS NOT NULL AS cancel_requested""",
    FENCE,
)

PROGRESS: Final = Statement(
    f"""UPDATE jobs SET
        progress = CAST(:progress AS jsonb) || jsonb_build_object('value', least(1, greatest(
            (progress ->> 'value')::float8, (CAST(:progress AS jsonb) ->> 'value')::float8
        ))),
        eta_seconds = :eta_seconds, preview_key = coalesce(:preview_key, preview_key), {TOUCHED}
    WHERE {HELD} RETURNING {told("'progress'")}""",
    FENCE,
    json=("progress",),
)

KEEP_BASE: Final = Statement(
    f"UPDATE jobs SET base = CAST(:base AS jsonb), {TOUCHED} WHERE {HELD} RETURNING id", FENCE, json=("base",)
)

PUBLISH: Final = Statement(
    f"""WITH moved AS (
        UPDATE jobs SET
            status = 'succeeded', resolved = CAST(:resolved AS jsonb), warnings = CAST(:warnings AS jsonb),
            lease_owner = NULL, lease_expires_at = NULL, eta_seconds = NULL, finished_at = clock_timestamp(),
            progress = progress || '{{"value": 1}}', {TOUCHED}
        WHERE {HELD} AND <not_canceled>
        RETURNING id, attempt, {told("'status'")}
    ), closed AS (
        UPDATE attempts SET ended_at = clock_timestamp(), outcome = 'succeeded'
        FROM moved WHERE attempts.job_id = moved.id AND attempts.attempt = moved.attempt
    )
    SELECT id FROM moved""",
    {**FENCE, "not_canceled": "jobs.cancel_requested_at IS NULL"},
    json=("resolved", "warnings"),
)


def _leave(
    *, where: str, park: str, outcome: str, error: str = "NULL::jsonb", pause: str = "0", extra: str = ""
) -> str:
    """The job leaves `running` without a result: canceled if that was asked for, failed if `park`, else queued."""
    return f"""WITH held AS (
        SELECT id, lease_owner AS lost_by, {error} AS error,
            CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled'
                 WHEN {park} THEN 'failed' ELSE 'queued' END AS next,
            CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled' ELSE '{outcome}' END AS outcome
        FROM jobs WHERE {where}
    ), moved AS (
        UPDATE jobs SET
            status = held.next, lease_owner = NULL, lease_expires_at = NULL, eta_seconds = NULL,
            failures = failures + CASE held.outcome WHEN 'failed' THEN 1 ELSE 0 END,
            losses = losses + CASE held.outcome WHEN 'lost' THEN 1 ELSE 0 END,
            available_at = CASE held.next WHEN 'queued' THEN clock_timestamp() + make_interval(secs => {pause})
                           ELSE available_at END,
            error = CASE held.next WHEN 'failed' THEN held.error END,
            charged_seconds = CASE held.next WHEN 'queued' THEN charged_seconds ELSE 0 END,
            finished_at = CASE held.next WHEN 'queued' THEN NULL ELSE clock_timestamp() END,
            {extra} {TOUCHED}
        FROM held WHERE jobs.id = held.id
        RETURNING jobs.*, held.outcome, held.lost_by, held.error AS attempt_error, {told("'status'")}
    ), closed AS (
        UPDATE attempts SET ended_at = clock_timestamp(), outcome = moved.outcome, error = moved.attempt_error
        FROM moved WHERE attempts.job_id = moved.id AND attempts.attempt = moved.attempt
    )
    SELECT * FROM moved"""


def _pause(count: str) -> str:
    """Doubling from about a second to about a minute, with jitter so that a crowd does not come back as one."""
    return f"least(60, power(2, least({count}, 16))) * (0.5 + random())"


_LOST_ERROR: Final = """jsonb_build_object('code', 'worker_lost', 'stage', progress -> 'stage',
    'message', 'The worker was lost ' || losses + 1 || ' times while it ran this job.')"""

FAIL: Final = Statement(
    _leave(
        where=f"{HELD} FOR UPDATE",
        park="NOT :retry OR failures + 1 >= :max_failures",
        outcome="failed",
        error="CAST(:error AS jsonb)",
        pause=_pause("failures"),
        extra="reduced = reduced OR :reduced,",
    ),
    FENCE,
    json=("error",),
)

GIVE_BACK: Final = Statement(_leave(where=f"{HELD} FOR UPDATE", park="false", outcome="returned"), FENCE)

CANCEL: Final = Statement(
    _leave(where=f"{HELD} AND <asked> FOR UPDATE", park="false", outcome="canceled"),
    {**FENCE, "asked": "jobs.cancel_requested_at IS NOT NULL"},
)

RESCUE: Final = Statement(
    _leave(
        where="<state> AND <expired> ORDER BY lease_expires_at LIMIT :limit FOR UPDATE SKIP LOCKED",
        park="losses + 1 >= :max_losses",
        outcome="lost",
        error=_LOST_ERROR,
        pause=_pause("losses"),
    ),
    {"state": FENCE["state"], "expired": "lease_expires_at < clock_timestamp()"},
)
