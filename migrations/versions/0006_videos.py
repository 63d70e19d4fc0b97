"""Videos: a row for each succeeded job, which outlives the job. The objects of a video belong to the video.

Gateways and dispatchers of the previous release keep working on these tables. Two triggers on `jobs` act for them: a
job that they publish gets its video, and a job that they move to or out of the trash takes its video along. Drop both
in a later release. Rows are locked in one order: those of `jobs`, then of `videos`, then of `artifacts`.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.locks import lock_tables

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NOW = sa.text("now()")
MOMENT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB(astext_type=sa.Text())

# The owner and the tags are words of their own, so that one index finds the words and tags of one owner. No word of a
# text begins with @ or #.
_WORDS = """
    CREATE FUNCTION video_words(owner_id uuid, title text, prompt text, tags text[]) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT to_tsvector('pg_catalog.simple', concat(title, ' ', prompt, ' ', array_to_string(tags, ' ')))
            || array_to_tsvector(array['@' || owner_id])
            || array_to_tsvector(array(SELECT '#' || tag FROM unnest(tags) AS tag))
    $$
"""
# One statement for both uses: the copy of the succeeded jobs, and the job of the trigger. The argument of uuidv7() is
# in seconds, because days depend on the time zone.
_INSERT = """
    INSERT INTO videos (id, owner_id, job_id, prompt, format, width, height, fps, frames, duration, spec, resolved,
        base, created_at, updated_at, trashed_at)
    SELECT named.id, {job}.owner_id, {job}.id, coalesce({job}.spec ->> 'prompt', ''),
        CASE content_type WHEN 'video/webm' THEN 'webm' WHEN 'image/gif' THEN 'gif' ELSE 'mp4' END,
        width, height, fps, frames, duration, {job}.spec, {job}.resolved,
        {job}.base, uuid_extract_timestamp(named.id), {job}.finished_at, {job}.trashed_at
    FROM {source} CROSS JOIN LATERAL (
        SELECT uuidv7(make_interval(secs => extract(epoch FROM {job}.finished_at - clock_timestamp()))) AS id OFFSET 0
    ) AS named
    WHERE {job}.status = 'succeeded' AND artifacts.job_id = {job}.id
        AND artifacts.attempt = {job}.attempt AND artifacts.kind = 'video'
    ON CONFLICT (job_id) DO NOTHING
"""
_COPY = _INSERT.format(job="jobs", source="jobs CROSS JOIN artifacts")
_MOVE_OBJECTS = """
    UPDATE artifacts SET video_id = videos.id FROM videos JOIN jobs ON jobs.id = videos.job_id
    WHERE artifacts.job_id = jobs.id AND artifacts.attempt = jobs.attempt AND artifacts.kind <> 'base'
"""
# A dispatcher of this release has inserted the video when the trigger runs, at the end of the statement.
_ADD_VIDEO = f"""
    CREATE FUNCTION add_video() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {_INSERT.format(job="NEW", source="artifacts")};
        UPDATE artifacts SET video_id = videos.id FROM videos
        WHERE videos.job_id = NEW.id AND artifacts.job_id = NEW.id AND artifacts.attempt = NEW.attempt
            AND artifacts.kind <> 'base' AND artifacts.video_id IS NULL;
        RETURN NULL;
    END $$
"""  # noqa: S608  (composed of constants)
_TRASH_VIDEO = """
    CREATE FUNCTION trash_video() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE videos SET trashed_at = NEW.trashed_at
        WHERE job_id = NEW.id AND trashed_at IS DISTINCT FROM NEW.trashed_at;
        RETURN NULL;
    END $$
"""
_TRIGGERS = (
    """CREATE TRIGGER add_video AFTER UPDATE OF status ON jobs
       FOR EACH ROW WHEN (OLD.status <> 'succeeded' AND NEW.status = 'succeeded') EXECUTE FUNCTION add_video()""",
    """CREATE TRIGGER trash_video AFTER UPDATE OF trashed_at ON jobs
       FOR EACH ROW WHEN (OLD.trashed_at IS DISTINCT FROM NEW.trashed_at AND NEW.status = 'succeeded')
       EXECUTE FUNCTION trash_video()""",
)
_IN_GALLERY = "visibility = 'public' AND moderation_state = 'visible' AND trashed_at IS NULL"


def upgrade() -> None:
    # Held to the commit: a job that is published between the copy and the triggers would be without a video.
    lock_tables(share_row_exclusive="users, jobs", access_exclusive="attempts, artifacts")
    op.execute(_WORDS)
    _create_videos()
    op.execute(_COPY)
    # After the copy: a table is filled faster without indexes.
    _create_indexes()
    _change_artifacts()
    for statement in (_ADD_VIDEO, _TRASH_VIDEO, *_TRIGGERS):
        op.execute(statement)


def _create_videos() -> None:
    op.create_table(
        "videos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("finished_from", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(), server_default="", nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.String()), server_default="{}", nullable=False),
        sa.Column("favourite", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("visibility", sa.String(), server_default="private", nullable=False),
        sa.Column("show_prompt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("published_at", MOMENT, nullable=True),
        sa.Column("moderation_state", sa.String(), server_default="visible", nullable=False),
        sa.Column("moderation_reason", sa.String(), nullable=True),
        sa.Column("moderation_statement", sa.String(), nullable=True),
        sa.Column("moderated_at", MOMENT, nullable=True),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("fps", sa.Double(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("duration", sa.Double(), nullable=False),
        sa.Column("spec", JSONB, nullable=False),
        sa.Column("resolved", JSONB, nullable=False),
        sa.Column("base", JSONB, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("trashed_at", MOMENT, nullable=True),
        sa.Column(
            "words",
            postgresql.TSVECTOR(),
            sa.Computed("video_words(owner_id, title, prompt, tags)", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint("visibility IN ('private', 'public')", name=op.f("ck_videos_visibility")),
        sa.CheckConstraint(
            "moderation_state IN ('visible', 'hidden', 'rejected')", name=op.f("ck_videos_moderation_state")
        ),
        sa.CheckConstraint(
            "(visibility = 'public') = (published_at IS NOT NULL)", name=op.f("ck_videos_public_is_published")
        ),
        sa.CheckConstraint(
            "moderation_state = 'visible' OR moderated_at IS NOT NULL", name=op.f("ck_videos_moderated")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_videos_owner_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_videos_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["finished_from"], ["videos.id"], name=op.f("fk_videos_finished_from"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_videos")),
    )
    op.create_index("uq_videos_job_id", "videos", ["job_id"], unique=True)


def _create_indexes() -> None:
    for name, columns, where in (
        ("ix_videos_favourite", ["owner_id", "id"], "favourite AND trashed_at IS NULL"),
        ("ix_videos_format", ["owner_id", "format", "id"], "trashed_at IS NULL"),
        ("ix_videos_public", ["owner_id", "id"], "visibility = 'public' AND trashed_at IS NULL"),
        ("ix_videos_trashed", ["owner_id", "id"], "trashed_at IS NOT NULL"),
        ("ix_videos_gallery", ["published_at", "id"], _IN_GALLERY),
        ("ix_videos_trashed_at", ["trashed_at"], "trashed_at IS NOT NULL"),
        ("ix_videos_base", [sa.literal_column("(base ->> 'key')")], "base IS NOT NULL"),
        ("ix_videos_tags", ["owner_id", "tags"], "tags <> '{}' AND trashed_at IS NULL"),
        ("ix_videos_finished_from", ["finished_from"], "finished_from IS NOT NULL"),
    ):
        op.create_index(name, "videos", columns, postgresql_where=sa.text(where))
    op.create_index("ix_videos_owner_id_id", "videos", ["owner_id", "id"])
    op.create_index("ix_videos_words", "videos", ["words"], postgresql_using="gin")


def _change_artifacts() -> None:
    """A purged job leaves its objects; those that no video needs are then garbage."""
    op.add_column("artifacts", sa.Column("video_id", sa.Uuid(), nullable=True))
    op.execute(_MOVE_OBJECTS)
    op.create_unique_constraint(op.f("uq_artifacts_video_id_kind"), "artifacts", ["video_id", "kind"])
    op.create_foreign_key(
        op.f("fk_artifacts_video_id"), "artifacts", "videos", ["video_id"], ["id"], ondelete="CASCADE"
    )
    op.alter_column("artifacts", "job_id", nullable=True)
    op.alter_column("artifacts", "attempt", nullable=True)
    op.drop_constraint(op.f("fk_artifacts_job_id_attempt"), "artifacts")
    op.create_foreign_key(
        op.f("fk_artifacts_job_id_attempt"),
        "artifacts",
        "attempts",
        ["job_id", "attempt"],
        ["job_id", "attempt"],
        ondelete="SET NULL",
    )
    op.create_index(
        "ix_artifacts_without_owner",
        "artifacts",
        ["id"],
        postgresql_where=sa.text("job_id IS NULL AND video_id IS NULL"),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER trash_video ON jobs")
    op.execute("DROP TRIGGER add_video ON jobs")
    op.execute("DROP FUNCTION trash_video, add_video")
    op.drop_index("ix_artifacts_without_owner", table_name="artifacts")
    op.drop_constraint(op.f("fk_artifacts_video_id"), "artifacts")
    op.drop_constraint(op.f("fk_artifacts_job_id_attempt"), "artifacts")
    op.execute("DELETE FROM artifacts WHERE job_id IS NULL")
    op.drop_constraint(op.f("uq_artifacts_video_id_kind"), "artifacts")
    op.drop_column("artifacts", "video_id")
    op.alter_column("artifacts", "job_id", nullable=False)
    op.alter_column("artifacts", "attempt", nullable=False)
    op.create_foreign_key(
        op.f("fk_artifacts_job_id_attempt"),
        "artifacts",
        "attempts",
        ["job_id", "attempt"],
        ["job_id", "attempt"],
        ondelete="CASCADE",
    )
    op.drop_table("videos")
    op.execute("DROP FUNCTION video_words")
