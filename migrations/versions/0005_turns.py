"""Turns: a maintained row per user in the fair order, so that a claim does not read all waiting users.

Triggers maintain the rows, because dispatchers and gateways of earlier versions write `jobs` too during a rolling
upgrade. Locks are taken in one order: rows of `jobs` first, then rows of `turns`. A claim is the exception: it skips
what is locked.
"""

# ruff: noqa: S608  (composed of constants)
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A plan that was made and cached while the tables were small would read all of them after they have grown.
_INDEXES_ONLY = "SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off"

# The head job: the first waiting job of the user whose pause has ended. Both read one clock value, `moment`; with two,
# a pause that ends between them would be missed.
_HEAD = """LATERAL (
        SELECT jobs.id, jobs.priority, jobs.created_at FROM jobs
        WHERE jobs.owner_id = {owner} AND jobs.status = 'queued' AND jobs.available_at <= {moment}
        ORDER BY jobs.priority DESC, jobs.created_at, jobs.id LIMIT 1
    ) AS head ON true"""
_NEXT_PAUSE_END = """(
        SELECT min(jobs.available_at) FROM jobs
        WHERE jobs.owner_id = {owner} AND jobs.status = 'queued'
            AND jobs.available_at > jobs.created_at AND jobs.available_at > {moment}
    )"""

# Locks the row first: the statement after it sees every job that earlier holders of the lock have committed.
CHANGE_TURN = f"""
CREATE FUNCTION change_turn(owner uuid, more_queued integer, more_running integer, started timestamptz)
RETURNS void LANGUAGE plpgsql {_INDEXES_ONLY} AS $$
DECLARE
    moment timestamptz;
BEGIN
    PERFORM FROM turns WHERE turns.owner_id = owner FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM recount_turn(owner);
        RETURN;
    END IF;
    moment := clock_timestamp();
    UPDATE turns SET
        queued = turns.queued + more_queued,
        running = turns.running + more_running,
        served_at = greatest(turns.served_at, started),
        head_id = head.id,
        head_priority = head.priority,
        waits_since = CASE WHEN head.id IS NOT NULL THEN greatest(turns.served_at, started, head.created_at) END,
        wakes_at = {_NEXT_PAUSE_END.format(owner="owner", moment="moment")}
    FROM (VALUES (1)) AS one LEFT JOIN {_HEAD.format(owner="owner", moment="moment")}
    WHERE turns.owner_id = owner;
END $$"""

# Makes the row if it is missing, and computes all of it anew.
RECOUNT_TURN = f"""
CREATE FUNCTION recount_turn(owner uuid) RETURNS void LANGUAGE plpgsql {_INDEXES_ONLY} AS $$
BEGIN
    LOOP
        PERFORM FROM turns WHERE turns.owner_id = owner FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO turns (owner_id) VALUES (owner) ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
    UPDATE turns SET
        queued = (SELECT count(*) FROM jobs WHERE jobs.owner_id = owner AND jobs.status = 'queued'),
        running = (SELECT count(*) FROM jobs WHERE jobs.owner_id = owner AND jobs.status = 'running'),
        served_at = (SELECT max(jobs.started_at) FROM jobs WHERE jobs.owner_id = owner)
    WHERE turns.owner_id = owner;
    PERFORM change_turn(owner, 0, 0, NULL);
END $$"""

# The owners in one order, so that two statements that change jobs of several users do not deadlock.
FOLLOW_INSERT = """
CREATE FUNCTION turns_follow_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_turn(added.owner_id, added.queued, added.running, added.started_at) FROM (
        SELECT owner_id, max(started_at) AS started_at,
            count(*) FILTER (WHERE status = 'queued')::integer AS queued,
            count(*) FILTER (WHERE status = 'running')::integer AS running
        FROM new_jobs GROUP BY owner_id ORDER BY owner_id
    ) AS added;
    RETURN NULL;
END $$"""
FOLLOW_UPDATE = """
CREATE FUNCTION turn_follows_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more_queued integer := (NEW.status = 'queued')::integer - (OLD.status = 'queued')::integer;
    more_running integer := (NEW.status = 'running')::integer - (OLD.status = 'running')::integer;
BEGIN
    IF NEW.owner_id <> OLD.owner_id OR (
        NEW.started_at IS DISTINCT FROM OLD.started_at AND (OLD.started_at IS NOT NULL OR NEW.status <> 'running')
    ) THEN
        PERFORM recount_turn(least(OLD.owner_id, NEW.owner_id));
        PERFORM recount_turn(greatest(OLD.owner_id, NEW.owner_id));
    ELSIF 'queued' IN (OLD.status, NEW.status) THEN
        PERFORM change_turn(NEW.owner_id, more_queued, more_running, NEW.started_at);
    ELSE
        UPDATE turns SET running = turns.running + more_running WHERE turns.owner_id = NEW.owner_id;
    END IF;
    RETURN NULL;
END $$"""
# A user without open jobs needs no row: the next job makes it again.
FOLLOW_DELETE = """
CREATE FUNCTION turns_follow_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM recount_turn(owner_id) FROM (
        SELECT DISTINCT turns.owner_id FROM old_jobs JOIN turns USING (owner_id) ORDER BY turns.owner_id
    ) AS removed;
    DELETE FROM turns USING old_jobs
    WHERE turns.owner_id = old_jobs.owner_id AND turns.queued = 0 AND turns.running = 0;
    RETURN NULL;
END $$"""
FOLLOW_TRUNCATE = """
CREATE FUNCTION turns_follow_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM turns;
    RETURN NULL;
END $$"""

FUNCTIONS = (CHANGE_TURN, RECOUNT_TURN, FOLLOW_INSERT, FOLLOW_UPDATE, FOLLOW_DELETE, FOLLOW_TRUNCATE)

# Heartbeats and progress call no function. Only a change of the order does.
TRIGGERS = (
    """CREATE TRIGGER turns_follow_insert AFTER INSERT ON jobs REFERENCING NEW TABLE AS new_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION turns_follow_insert()""",
    """CREATE TRIGGER turn_follows_update AFTER UPDATE ON jobs FOR EACH ROW WHEN (
        OLD.status <> NEW.status OR OLD.owner_id <> NEW.owner_id OR OLD.started_at IS DISTINCT FROM NEW.started_at
        OR (NEW.status = 'queued' AND (OLD.priority, OLD.created_at, OLD.available_at)
            IS DISTINCT FROM (NEW.priority, NEW.created_at, NEW.available_at))
    ) EXECUTE FUNCTION turn_follows_update()""",
    """CREATE TRIGGER turns_follow_delete AFTER DELETE ON jobs REFERENCING OLD TABLE AS old_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION turns_follow_delete()""",
    """CREATE TRIGGER turns_follow_truncate AFTER TRUNCATE ON jobs
    FOR EACH STATEMENT EXECUTE FUNCTION turns_follow_truncate()""",
)

FILL = f"""
INSERT INTO turns (owner_id, queued, running, served_at, head_id, head_priority, waits_since, wakes_at)
SELECT owners.owner_id, owners.queued, owners.running, served.at, head.id, head.priority,
    CASE WHEN head.id IS NOT NULL THEN greatest(served.at, head.created_at) END,
    {_NEXT_PAUSE_END.format(owner="owners.owner_id", moment="statement_timestamp()")}
FROM (
    SELECT owner_id, sum(queued)::integer AS queued, sum(running)::integer AS running
    FROM (
        SELECT owner_id, 1 AS queued, 0 AS running FROM jobs WHERE status = 'queued'
        UNION ALL SELECT owner_id, 0, 1 FROM jobs WHERE status = 'running'
    ) AS open GROUP BY owner_id
) AS owners
CROSS JOIN LATERAL (SELECT max(started_at) AS at FROM jobs WHERE jobs.owner_id = owners.owner_id) AS served
LEFT JOIN {_HEAD.format(owner="owners.owner_id", moment="statement_timestamp()")}"""


def upgrade() -> None:
    # Writers of earlier versions wait for the commit, so no change is missed between the fill and the triggers.
    op.execute("LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE")
    op.create_table(
        "turns",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("queued", sa.Integer(), server_default="0", nullable=False),
        sa.Column("running", sa.Integer(), server_default="0", nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("head_id", sa.Uuid(), nullable=True),
        sa.Column("head_priority", sa.Integer(), nullable=True),
        sa.Column("waits_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wakes_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("queued >= 0 AND running >= 0", name=op.f("ck_turns_counts")),
        sa.CheckConstraint(
            "(head_id IS NULL) = (head_priority IS NULL) AND (head_id IS NULL) = (waits_since IS NULL)",
            name=op.f("ck_turns_head"),
        ),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_turns")),
        postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.02},
    )
    op.create_index(
        "ix_turns_order",
        "turns",
        ["running", sa.literal_column("head_priority DESC"), "waits_since", "head_id"],
        postgresql_where=sa.text("head_id IS NOT NULL"),
    )
    op.create_index("ix_turns_wakes_at", "turns", ["wakes_at"], postgresql_where=sa.text("wakes_at IS NOT NULL"))
    op.create_index(
        "ix_jobs_paused",
        "jobs",
        ["owner_id", "available_at"],
        postgresql_where=sa.text("status = 'queued' AND available_at > created_at"),
    )
    for statement in (*FUNCTIONS, *TRIGGERS, FILL):
        op.execute(statement)


def downgrade() -> None:
    for name in ("turns_follow_insert", "turn_follows_update", "turns_follow_delete", "turns_follow_truncate"):
        op.execute(f"DROP TRIGGER {name} ON jobs")
        op.execute(f"DROP FUNCTION {name}()")
    op.execute("DROP FUNCTION recount_turn(uuid)")
    op.execute("DROP FUNCTION change_turn(uuid, integer, integer, timestamptz)")
    op.drop_index("ix_jobs_paused", table_name="jobs")
    op.drop_table("turns")
