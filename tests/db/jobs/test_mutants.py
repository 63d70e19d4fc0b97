"""Mutation tests of the job protocol: each guard is removed in turn, and the test named for it must fail."""

import inspect
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.jobs import fair_queue, queries, transitions
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Life
from tests.db.jobs import test_claim, test_fair_queue, test_fences, test_leases, test_queries, test_turns
from tests.db.jobs.predicates import Predicate, predicates, without

turns_migration: Final = import_module("migrations.versions.0005_turns")
Killer = Callable[..., Any]
# Module, statement and predicate.
Guard = tuple[ModuleType, str, str]

IS_RUNNING: Final = "jobs.status = 'running'"
FENCE: Final[dict[str, Killer]] = {
    "jobs.id = :job_id": test_fences.test_a_write_changes_no_other_job,
    "jobs.attempt = :attempt": test_fences.test_an_earlier_attempt_of_the_same_worker_is_fenced,
    "jobs.lease_owner = :owner": test_fences.test_another_worker_is_fenced,
    IS_RUNNING: test_fences.test_an_ended_job_is_fenced,
}
GUARDS: Final[dict[Guard, Killer]] = {
    **{(transitions, name, guard): killer for name in test_fences.WRITES for guard, killer in FENCE.items()},
    (transitions, "PUBLISH", "jobs.cancel_requested_at IS NULL"):
        test_leases.test_a_job_whose_cancel_was_accepted_is_never_published,
    (transitions, "CANCEL", "jobs.cancel_requested_at IS NOT NULL"): test_leases.test_a_worker_cancels_only_on_request,
    (transitions, "RESCUE", IS_RUNNING): test_fences.test_only_running_jobs_are_rescued,
    (transitions, "RESCUE", "jobs.lease_expires_at < clock_timestamp()"):
        test_leases.test_a_valid_lease_is_not_rescued,
    (transitions, "RESCUE", "owner_id IN (SELECT owner_id FROM expired)"):
        test_turns.test_a_rescue_locks_no_turn_of_another_user,
    (transitions, "RESCUE",
     "(owner_id IN (SELECT owner_id FROM locked)\n"
     "            OR NOT EXISTS (SELECT FROM turns WHERE turns.owner_id = expired.owner_id))"):
        test_turns.test_a_rescue_does_not_wait_for_a_turn,
    (transitions, "CLAIM", fair_queue.SHARE_WITH_CLAIMS):
        test_claim.test_claims_and_those_of_earlier_versions_exclude_each_other,
    (transitions, "CLAIM", "turns.running < :running_per_user"): test_fair_queue.test_the_cap_per_user,
    (transitions, "CLAIM", "jobs.status = 'queued'"): test_claim.test_a_turn_that_names_an_ended_job_starts_nothing,
    (transitions, "CLAIM",
     "NOT (:unless_due AND coalesce((SELECT min(wakes_at) FROM turns) <= clock_timestamp(), false))"):
        test_fair_queue.test_a_job_takes_its_place_when_its_pause_has_ended,
    (fair_queue, "WAKE", "wakes_at <= statement_timestamp()"): test_turns.test_only_ended_pauses_are_woken,
    (fair_queue, "WAIT_FOR_TURN", "turns.head_id IS NOT NULL"):
        partial(test_claim.test_a_claim_waits_for_no_turn_without_a_job_to_start, at_the_cap=False),
    (fair_queue, "WAIT_FOR_TURN", "turns.running < :running_per_user"):
        partial(test_claim.test_a_claim_waits_for_no_turn_without_a_job_to_start, at_the_cap=True),
    (queries, "CANCEL", "id = :job_id"): test_queries.test_cancel_changes_no_other_job,
    (queries, "CANCEL", "owner_id = :owner_id"): test_queries.test_another_user_cancels_nothing,
    (queries, "CANCEL", "status IN ('queued', 'running')"): test_queries.test_an_ended_job_cannot_be_canceled,
    (queries, "CANCEL", "cancel_requested_at IS NULL"): test_queries.test_a_second_cancel_changes_nothing,
}  # fmt: skip
IF_CANCEL_REQUESTED: Final = "WHEN cancel_requested_at IS NOT NULL"
# Parts of a statement other than predicates: statement, part, replacement, test.
PARTS: Final[list[tuple[str, str, str, Killer]]] = [
    ("CLAIM", "attempt = attempt + 1", "attempt = greatest(attempt, 1)",
     test_leases.test_give_back_counts_neither_failure_nor_loss),
    ("CLAIM", "<= clock_timestamp(), false", "IS NOT NULL, false",
     test_claim.test_a_claim_is_one_statement_while_no_pause_has_ended),
    ("CLAIM", "turns.running, ", "", test_fair_queue.test_fewest_running_come_first),
    ("CLAIM", "turns.head_priority DESC, ", "", test_fair_queue.test_priority_comes_before_age),
    ("CLAIM", "turns.waits_since, ", "",
     test_fair_queue.test_age_decides_between_equals_by_the_clock_of_the_database),
    ("CLAIM", "FOR UPDATE OF jobs SKIP LOCKED", "FOR UPDATE OF jobs",
     test_claim.test_a_locked_job_does_not_block_the_others),
    ("CLAIM", "FOR UPDATE OF turns SKIP LOCKED", "FOR UPDATE OF turns",
     test_claim.test_a_locked_turn_does_not_block_the_others),
    ("CLAIM", "FOR UPDATE OF turns SKIP LOCKED", "", test_claim.test_the_cap_holds_for_a_claim_with_an_old_snapshot),
    ("BEAT", "cancel_requested_at IS NOT NULL AS cancel_requested", "false AS cancel_requested",
     test_leases.test_a_beat_renews_the_lease_and_returns_the_requested_cancel),
    ("PROGRESS", "greatest(\n            (progress ->> 'value')::float8,", "greatest(",
     test_leases.test_progress_never_falls_within_an_attempt),
    ("PROGRESS", "least(1,", "greatest(0,", test_leases.test_progress_stays_within_one),
    ("FAIL", "failures + 1 >= :max_failures", ":max_failures < 0",
     test_leases.test_fail_retries_after_a_pause_up_to_the_limit),
    ("FAIL", "reduced OR reduce", "reduced", test_leases.test_fail_retries_after_a_pause_up_to_the_limit),
    ("GIVE_BACK", "'returned' AS attempt_outcome", "'lost' AS attempt_outcome",
     test_leases.test_give_back_counts_neither_failure_nor_loss),
    ("RESCUE", "losses + 1 >= :max_losses", ":max_losses < 0", test_leases.test_a_poison_job_fails),
    ("RESCUE", "LIMIT :limit FOR UPDATE SKIP LOCKED", "LIMIT :limit FOR UPDATE",
     test_leases.test_concurrent_rescues_do_not_wait_for_each_other),
    ("RESCUE", "FROM expired) FOR UPDATE SKIP LOCKED", "FROM expired) FOR UPDATE",
     test_turns.test_a_rescue_does_not_wait_for_a_turn),
    ("RESCUE", "OR NOT EXISTS (SELECT FROM turns WHERE turns.owner_id = expired.owner_id)", "",
     test_turns.test_a_job_without_a_turn_is_rescued),
    ("RESCUE", IF_CANCEL_REQUESTED, "WHEN false", test_leases.test_a_job_canceled_while_orphaned_ends_canceled),
    ("GIVE_BACK", IF_CANCEL_REQUESTED, "WHEN false",
     test_leases.test_a_job_with_a_requested_cancel_ends_canceled),
    ("FAIL", IF_CANCEL_REQUESTED, "WHEN false", test_leases.test_a_job_with_a_requested_cancel_ends_canceled),
    ("FAIL", "CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled' ELSE attempt_outcome END", "attempt_outcome",
     test_leases.test_a_job_with_a_requested_cancel_ends_canceled),
    ("FAIL", "cancel_requested_at = decided.cancel_requested_at, ", "",
     test_leases.test_a_write_that_waits_for_a_cancel_ends_canceled),
]  # fmt: skip


# Parts of the functions that maintain the turns: function, part, replacement, test.
FUNCTION_PARTS: Final[list[tuple[str, str, str, Killer]]] = [
    ("change_turn", "jobs.owner_id = owner AND jobs.status = 'queued' AND jobs.available_at <= moment",
     "jobs.status = 'queued' AND jobs.available_at <= moment", test_fair_queue.test_the_cap_per_user),
    ("change_turn", "jobs.status = 'queued' AND jobs.available_at <= moment", "jobs.available_at <= moment",
     test_claim.test_only_queued_jobs_are_claimed),
    ("change_turn", " AND jobs.available_at <= moment", "", test_claim.test_a_job_is_claimed_after_its_pause),
    ("change_turn", "jobs.priority DESC, jobs.created_at", "jobs.created_at",
     test_fair_queue.test_priority_and_age_order_the_jobs_of_one_user),
    ("change_turn", "greatest(turns.served_at, started, head.created_at) END", "head.created_at END",
     test_fair_queue.test_a_flood_of_short_jobs_does_not_delay_other_users),
    ("change_turn", "greatest(turns.served_at, started, head.created_at) END",
     "coalesce(started, turns.served_at, '-infinity') END",
     test_fair_queue.test_newcomers_do_not_overtake_waiting_users),
    ("change_turn", "running = turns.running + more_running,", "", test_fair_queue.test_the_cap_per_user),
    ("change_turn", "queued = turns.queued + more_queued,", "", test_turns.test_a_turn_counts_the_jobs_of_its_user),
    ("change_turn", "PERFORM FROM turns WHERE turns.owner_id = owner FOR UPDATE;",
     "PERFORM FROM turns WHERE turns.owner_id = owner;", test_turns.test_a_change_that_waits_sees_the_one_before),
    ("change_turn", "jobs.available_at > moment\n    )", "false\n    )",
     test_fair_queue.test_a_job_takes_its_place_when_its_pause_has_ended),
    ("recount_turn", "jobs.owner_id = owner AND jobs.status = 'running'", "false",
     test_turns.test_a_turn_that_was_lost_is_made_again),
    ("recount_turn", "served_at = (SELECT max(jobs.started_at) FROM jobs WHERE jobs.owner_id = owner)",
     "served_at = NULL", test_turns.test_a_turn_that_was_lost_is_made_again),
    ("turn_follows_update", "SET running = turns.running + more_running", "SET running = turns.running",
     test_turns.test_a_turn_counts_the_jobs_of_its_user),
    ("turns_follow_delete", "PERFORM recount_turn(owner_id)", "PERFORM owner_id",
     test_turns.test_a_turn_counts_the_jobs_of_its_user),
    ("turns_follow_delete", "turns.queued = 0 AND turns.running = 0", "false",
     test_turns.test_a_turn_ends_with_the_jobs_of_its_user),
    ("turns_follow_insert", "PERFORM change_turn(", "PERFORM concat(", test_claim.test_claim),
]  # fmt: skip


@pytest.fixture
def must_fail(request: pytest.FixtureRequest, life: Life, sessions: Sessions, make_user: MakeUser) -> Killer:
    """Runs a test with the fixtures of this one, and requires that it fails."""

    async def run(killer: Killer, **values: Any) -> None:
        parameters = inspect.signature(killer).parameters.values()
        given = {"life": life, "sessions": sessions, "make_user": make_user, "call": life.call, **values}
        given["monkeypatch"] = pytest.MonkeyPatch()
        try:
            with pytest.raises((AssertionError, SQLAlchemyError, TimeoutError)) as failure:
                await killer(**{p.name: given.get(p.name) for p in parameters if p.default is p.empty})
            assert not isinstance(failure.value, ProgrammingError), "the mutant is not valid SQL"
        finally:
            given["monkeypatch"].undo()

    return run


def statement_guards(module: ModuleType, name: str) -> dict[str, Predicate]:
    """The predicates of a statement by their text."""
    found = predicates(getattr(module, name))
    by_text = {predicate.text: predicate for predicate in found}
    assert len(by_text) == len(found), "two predicates with the same text"
    return by_text


def test_every_predicate_has_its_test() -> None:
    statements = [
        (module, name)
        for module in (transitions, queries, fair_queue)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and "WHERE" in value and not name.startswith("_")
        # CLAIM contains NEXT.
        if name != "NEXT"
    ]
    found = {(module, name, guard) for module, name in statements for guard in statement_guards(module, name)}
    assert found == set(GUARDS)
    assert len(FENCE) == 4


def test_predicates_are_found_in_subqueries_and_lists() -> None:
    sql = "WITH a AS (SELECT x FROM t WHERE t.id = u.id AND (y = 'a AND b' OR z > 1) ORDER BY x) UPDATE t WHERE b = 2"
    found = predicates(sql)
    assert [predicate.text for predicate in found] == ["(y = 'a AND b' OR z > 1)", "b = 2"]
    assert without(sql, found[0]) == sql.replace("(y = 'a AND b' OR z > 1)", "true")
    assert [predicate.text for predicate in predicates(sql, begin=50)] == ["b = 2"]


def guards(*, of_state: bool) -> pytest.MarkDecorator:
    chosen = [(guard, killer) for guard, killer in GUARDS.items() if (guard[2] == IS_RUNNING) is of_state]
    names = [f"{module.__name__}.{name}: {predicate}" for (module, name, predicate), _ in chosen]
    return pytest.mark.parametrize(("guard", "killer"), chosen, ids=names)


async def assert_killed(guard: Guard, killer: Killer, must_fail: Killer, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, predicate = guard
    sql = getattr(module, name)
    monkeypatch.setattr(module, name, without(sql, statement_guards(module, name)[predicate]))
    await must_fail(killer, name=name)


@guards(of_state=False)
async def test_without_a_guard_its_test_fails(
    guard: Guard, killer: Killer, must_fail: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assert_killed(guard, killer, must_fail, monkeypatch)


@guards(of_state=True)
async def test_without_the_state_and_its_constraints_the_test_fails(
    guard: Guard, killer: Killer, must_fail: Killer, monkeypatch: pytest.MonkeyPatch, unguarded: None
) -> None:
    await assert_killed(guard, killer, must_fail, monkeypatch)


@pytest.mark.parametrize(("name", "part", "replacement", "killer"), PARTS)
async def test_without_a_part_its_test_fails(
    name: str, part: str, replacement: str, killer: Killer, must_fail: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql: str = getattr(transitions, name)
    assert sql.count(part) == (2 if part == IF_CANCEL_REQUESTED else 1)
    monkeypatch.setattr(transitions, name, sql.replace(part, replacement))
    await must_fail(killer, name=name)


@pytest.mark.parametrize(("name", "part", "replacement", "killer"), FUNCTION_PARTS)
async def test_without_a_part_of_a_function_its_test_fails(
    name: str, part: str, replacement: str, killer: Killer, must_fail: Killer, owner_engine: AsyncEngine
) -> None:
    definition = next(sql for sql in turns_migration.FUNCTIONS if f"CREATE FUNCTION {name}(" in sql)
    assert definition.count(part) == 1
    try:
        await _create(owner_engine, definition.replace(part, replacement))
        await must_fail(killer)
    finally:
        await _create(owner_engine, definition)


async def _create(engine: AsyncEngine, definition: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(definition.replace("CREATE", "CREATE OR REPLACE", 1)))
