"""SQL whose guards have names, so that a test can take each of them away and see something break."""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

# Part of every write of a worker: this job, in the attempt that I claimed, held by me, and not ended yet.
FENCE: Final = {
    "job": "jobs.id = :job_id",
    "attempt": "jobs.attempt = :attempt",
    "owner": "jobs.lease_owner = :owner",
    "state": "jobs.status = 'running'",
}
HELD: Final = " AND ".join(f"<{name}>" for name in FENCE)
TOUCHED: Final = "revision = jobs.revision + 1, updated_at = clock_timestamp()"


def told(event: str) -> str:
    """The expression that tells all listeners of a job's change (an SQL text), for a RETURNING clause."""
    return (
        "pg_notify('jobs', json_build_object('type', " + event + ", 'job_id', jobs.id, 'owner_id', jobs.owner_id, "
        "'revision', jobs.revision)::text)"
    )


@dataclass(frozen=True)
class Statement:
    """SQL in which `<name>` stands for a guard: a predicate."""

    sql: str
    guards: dict[str, str]
    json: tuple[str, ...] = field(default=())  # bind parameters that are JSON

    def without(self, name: str) -> Self:
        """The same statement with one guard always true."""
        return replace(self, guards={**self.guards, name: "true"})

    @property
    def text(self) -> TextClause:
        sql = self.sql
        for name, predicate in self.guards.items():
            sql = sql.replace(f"<{name}>", predicate)
        return text(sql).bindparams(*(bindparam(name, type_=JSONB(none_as_null=True)) for name in self.json))
