"""The fair order: the head job of each user, fewest running first, then priority, then who waits longest for a turn.

A user waits for a turn since the head job came or since the last job started, whichever is later: however fast the jobs
of a flood end, each start puts its user behind everybody who was there, and nobody who waits is overtaken by newcomers.

Seen as rounds: the n-th waiting job of a user who has r jobs running belongs to round r + n. With a hundred thousand
waiting jobs only the heads of the users are looked at.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from typing import Final

# The users who wait, found by skipping through the partial index ix_jobs_queued; how many jobs each has running, and
# when one was last started.
USERS: Final = """
    waiting AS (
        (SELECT owner_id FROM jobs WHERE status = 'queued' ORDER BY owner_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT jobs.owner_id FROM jobs
            WHERE status = 'queued' AND jobs.owner_id > waiting.owner_id ORDER BY owner_id LIMIT 1
        ) FROM waiting WHERE owner_id IS NOT NULL
    ), busy AS (
        SELECT owner_id, count(*) AS running FROM jobs WHERE status = 'running' GROUP BY owner_id
    ), users_in_line AS (
        SELECT waiting.owner_id, coalesce(busy.running, 0) AS running,
            (SELECT max(started_at) FROM jobs WHERE jobs.owner_id = waiting.owner_id) AS served_at
        FROM waiting LEFT JOIN busy USING (owner_id) WHERE waiting.owner_id IS NOT NULL
    )"""

NEXT: Final = (
    "WITH RECURSIVE"
    + USERS
    + """, heads AS (
        SELECT head.id, users_in_line.running, greatest(users_in_line.served_at, head.created_at) AS waits_since
        FROM users_in_line CROSS JOIN LATERAL (
            SELECT id, created_at FROM jobs
            WHERE jobs.owner_id = users_in_line.owner_id AND <queued> AND <due>
            ORDER BY priority DESC, created_at, id LIMIT 1
        ) AS head
        WHERE <below_cap>
    ), next AS (
        SELECT jobs.id FROM heads JOIN jobs ON jobs.id = heads.id
        WHERE <still_queued>
        ORDER BY heads.running, jobs.priority DESC, heads.waits_since, jobs.id
        LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED
    )"""
)
NEXT_GUARDS: Final = {
    "queued": "status = 'queued'",
    "due": "available_at <= clock_timestamp()",
    "below_cap": "users_in_line.running < :running_per_user",
    "still_queued": "jobs.status = 'queued'",  # seen again under the row lock
}

# Where the waiting jobs of some users stand (all, or down to one job), 1 being the next to start. Within a round the
# user with the fewer jobs before this one goes first: the others have just been served.
POSITIONS: Final = (
    "WITH RECURSIVE"
    + USERS
    + """, watched AS (
        SELECT id, users_in_line.running + row_number() OVER (
            PARTITION BY owner_id ORDER BY priority DESC, created_at, id
        ) AS round
        FROM jobs JOIN users_in_line USING (owner_id)
        WHERE owner_id = ANY(:owner_ids) AND status = 'queued'
    ), depth AS (
        SELECT max(round) AS rounds FROM watched WHERE id = :job_id OR CAST(:job_id AS uuid) IS NULL
    ), line AS (
        SELECT ahead.id, users_in_line.owner_id, row_number() OVER (
            ORDER BY users_in_line.running + ahead.place, ahead.priority DESC, ahead.place,
                greatest(users_in_line.served_at, ahead.head_created_at), ahead.head_id
        ) AS position
        FROM depth CROSS JOIN users_in_line CROSS JOIN LATERAL (
            SELECT id, priority, row_number() OVER own AS place,
                first_value(created_at) OVER own AS head_created_at, first_value(id) OVER own AS head_id
            FROM jobs WHERE jobs.owner_id = users_in_line.owner_id AND status = 'queued'
            WINDOW own AS (ORDER BY priority DESC, created_at, id)
            LIMIT greatest(0, depth.rounds - users_in_line.running)
        ) AS ahead
    )
    SELECT id, owner_id, position FROM line WHERE owner_id = ANY(:owner_ids)"""
)
