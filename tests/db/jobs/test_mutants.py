"""Mutation tests of the job protocol: each guard is removed in turn, and the test named for it must fail."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import pytest
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from db.jobs import fair_queue, queries, transitions
from tests.conftest import MakeUser, Sessions
from tests.db.conftest import Life
from tests.db.jobs import test_claim, test_fair_queue, test_fences, test_leases, test_queries
from tests.db.jobs.predicates import Predicate, predicates, without

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
    (transitions, "CLAIM", "status = 'queued'"): test_claim.test_only_queued_jobs_are_claimed,
    (transitions, "CLAIM", "available_at <= clock_timestamp()"): test_claim.test_a_job_is_claimed_after_its_pause,
    (transitions, "CLAIM", "users_in_line.running < :running_per_user"): test_fair_queue.test_the_cap_per_user,
    (transitions, "CLAIM", "jobs.status = 'queued'"): test_claim.test_a_job_canceled_during_its_claim_does_not_start,
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
    ("CLAIM", "heads.running, ", "", test_fair_queue.test_fewest_running_come_first),
    ("CLAIM", "jobs.priority DESC, ", "", test_fair_queue.test_priority_comes_before_age),
    ("CLAIM", "heads.waits_since, ", "",
     test_fair_queue.test_age_decides_between_equals_by_the_clock_of_the_database),
    ("CLAIM", "greatest(users_in_line.served_at, head.created_at)", "head.created_at",
     test_fair_queue.test_a_flood_of_short_jobs_does_not_delay_other_users),
    ("CLAIM", "greatest(users_in_line.served_at, head.created_at)", "coalesce(users_in_line.served_at, '-infinity')",
     test_fair_queue.test_newcomers_do_not_overtake_waiting_users),
    ("CLAIM", "ORDER BY priority DESC, ", "ORDER BY ",
     test_fair_queue.test_priority_and_age_order_the_jobs_of_one_user),
    ("CLAIM", "SKIP LOCKED", "", test_claim.test_a_locked_job_does_not_block_the_others),
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
    ("RESCUE", "SKIP LOCKED", "", test_leases.test_concurrent_rescues_do_not_wait_for_each_other),
    ("RESCUE", IF_CANCEL_REQUESTED, "WHEN false", test_leases.test_a_job_canceled_while_orphaned_ends_canceled),
    ("GIVE_BACK", IF_CANCEL_REQUESTED, "WHEN false",
     test_leases.test_a_job_with_a_requested_cancel_ends_canceled),
    ("FAIL", IF_CANCEL_REQUESTED, "WHEN false", test_leases.test_a_job_with_a_requested_cancel_ends_canceled),
    ("FAIL", "CASE WHEN cancel_requested_at IS NOT NULL THEN 'canceled' ELSE attempt_outcome END", "attempt_outcome",
     test_leases.test_a_job_with_a_requested_cancel_ends_canceled),
    ("FAIL", "cancel_requested_at = decided.cancel_requested_at, ", "",
     test_leases.test_a_write_that_waits_for_a_cancel_ends_canceled),
]  # fmt: skip


@pytest.fixture
def must_fail(request: pytest.FixtureRequest, life: Life, sessions: Sessions, make_user: MakeUser) -> Killer:
    """Runs a test with the fixtures of this one, and requires that it fails."""

    async def run(killer: Killer, **values: Any) -> None:
        parameters = inspect.signature(killer).parameters
        given = {"life": life, "sessions": sessions, "make_user": make_user, "call": life.call, **values}
        given["monkeypatch"] = pytest.MonkeyPatch()
        try:
            with pytest.raises((AssertionError, SQLAlchemyError, TimeoutError)) as failure:
                await killer(**{name: given.get(name) for name in parameters})
            assert not isinstance(failure.value, ProgrammingError), "the mutant is not valid SQL"
        finally:
            given["monkeypatch"].undo()

    return run


def statement_guards(module: ModuleType, name: str) -> dict[str, Predicate]:
    """The predicates of a statement by their text. USERS only lists the waiting users and guards nothing."""
    sql: str = getattr(module, name)
    begin = sql.index(fair_queue.USERS) + len(fair_queue.USERS) if fair_queue.USERS in sql else 0
    found = predicates(sql, begin=begin)
    by_text = {predicate.text: predicate for predicate in found}
    assert len(by_text) == len(found), "two predicates with the same text"
    return by_text


def test_every_predicate_has_its_test() -> None:
    statements = [
        (module, name)
        for module in (transitions, queries)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and "WHERE" in value and not name.startswith("_")
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


async def test_without_the_lock_between_claims_the_cap_breaks(
    must_fail: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "SERIALIZE_CLAIMS", "SELECT 1")
    await must_fail(test_claim.test_the_cap_holds_between_concurrent_claims)
