"""The fair order: the head job of each user, fewest running jobs first, then priority, then the longest wait.

A user's wait begins when the head job was created or when the user's last job started, whichever is later. Each start
therefore moves a user behind all others that are waiting, however short the jobs are, and a newcomer never overtakes a
user that is already waiting.

The same order, seen as rounds: the n-th waiting job of a user with r running jobs belongs to round r + n. Only the head
job of each user is read, so a claim costs the same with ten or with a hundred thousand waiting jobs per user.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from typing import Final

# The waiting users with the number of their running jobs and the time of their last start. The recursion skips from
# user to user through the partial index ix_jobs_queued.
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

# The job that a claim starts. The status is compared twice: `heads` reads a snapshot, `next` holds the row lock.
NEXT: Final = f"""WITH RECURSIVE {USERS}, heads AS (
        SELECT head.id, users_in_line.running, greatest(users_in_line.served_at, head.created_at) AS waits_since
        FROM users_in_line CROSS JOIN LATERAL (
            SELECT id, created_at FROM jobs
            WHERE jobs.owner_id = users_in_line.owner_id
                AND status = 'queued' AND available_at <= clock_timestamp()
            ORDER BY priority DESC, created_at, id LIMIT 1
        ) AS head
        WHERE users_in_line.running < :running_per_user
    ), next AS (
        SELECT jobs.id FROM heads JOIN jobs ON jobs.id = heads.id
        WHERE jobs.status = 'queued'
        ORDER BY heads.running, jobs.priority DESC, heads.waits_since, jobs.id
        LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED
    )"""

# The queue positions of the waiting jobs of some users (all of them, or those up to one job); 1 starts next. Within a
# round the user with fewer jobs ahead of this one comes first, because the others have just been served.
POSITIONS: Final = f"""WITH RECURSIVE {USERS}, watched AS (
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
