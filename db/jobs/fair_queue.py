"""The fair order: the head job of each user, fewest running jobs first, then priority, then the longest wait.

A user's wait begins when the head job was created or when the user's last job started, whichever is later. Each start
therefore moves a user behind all others that are waiting, however short the jobs are, and a newcomer never overtakes a
user that is already waiting.

The same order, seen as rounds: the n-th waiting job of a user with r running jobs belongs to round r + n.

The table `turns` has a row per user with open jobs, and the index ix_turns_order is the fair order. A claim therefore
costs the same with ten or with a hundred thousand waiting users, and with any number of waiting jobs per user.
"""

# ruff: noqa: S608  (composed of constants; every value is a bind parameter)
from typing import Final

ORDER: Final = "turns.running, turns.head_priority DESC, turns.waits_since, turns.head_id"

# Claims of dispatchers before migration 0005 hold this advisory lock alone, later ones share it: the two kinds exclude
# each other, which keeps the cap per user exact during a rolling upgrade.
_LOCK_KEY: Final = 4217001
SHARE_WITH_CLAIMS: Final = f"(SELECT true FROM pg_advisory_xact_lock_shared({_LOCK_KEY}))"
# Waits until every claim that the server is still executing has ended. A process that stops while it holds the lock
# delays the claims by five seconds at most.
WAIT_FOR_CLAIMS: Final = (
    f"SELECT set_config('idle_in_transaction_session_timeout', '5s', true), pg_advisory_xact_lock({_LOCK_KEY})"
)

# The job that a claim starts. The lock on the turn makes the cap exact; concurrent claims skip the user. With
# `:unless_due` no job is found while pauses have ended that are not in the order yet. The status is compared because
# a turn may be wrong after a restore without triggers.
NEXT: Final = f"""WITH next AS (
        SELECT jobs.id FROM turns JOIN jobs ON jobs.id = turns.head_id
        WHERE {SHARE_WITH_CLAIMS} AND turns.running < :running_per_user AND jobs.status = 'queued'
            AND NOT (:unless_due AND coalesce((SELECT min(wakes_at) FROM turns) <= clock_timestamp(), false))
        ORDER BY {ORDER}
        LIMIT 1 FOR UPDATE OF turns SKIP LOCKED FOR UPDATE OF jobs SKIP LOCKED
    )"""

# Put jobs whose pause has ended into the order. After an outage many pauses end at once, so the number is bounded.
# An index cannot be searched for clock_timestamp().
WAKE: Final = """SELECT count(change_turn(owner_id, 0, 0, NULL)::text) FROM (
        SELECT owner_id FROM turns WHERE wakes_at <= statement_timestamp()
        ORDER BY wakes_at LIMIT 100 FOR UPDATE SKIP LOCKED
    ) AS due"""

# Lock the first turn, after waiting for the statement that holds it: a claim that finds all waiting users locked
# follows, and must not conclude that none waits.
WAIT_FOR_TURN: Final = f"""SELECT turns.owner_id FROM turns
    WHERE turns.head_id IS NOT NULL AND turns.running < :running_per_user
    ORDER BY {ORDER} LIMIT 1 FOR UPDATE"""
