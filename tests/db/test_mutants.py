"""Each guard of the job protocol is taken away in turn, and the test that is named for it must fail."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from db import jobs, moves
from db.statement import FENCE, Statement
from tests.conftest import MakeUser, Sessions
from tests.db import test_claim, test_fair, test_fences, test_jobs, test_work
from tests.db.conftest import Life

Killer = Callable[..., Any]

FENCES: dict[str, Killer] = {
    "job": test_fences.test_a_write_touches_no_other_job,
    "attempt": test_fences.test_an_earlier_attempt_of_the_same_worker_is_fenced,
    "owner": test_fences.test_another_worker_is_fenced,
    "state": test_fences.test_a_job_that_ended_is_fenced,
}
GUARDS: dict[tuple[Any, str, str], Killer] = {
    **{(moves, name, guard): killer for name in test_fences.WRITES for guard, killer in FENCES.items()},
    (moves, "PUBLISH", "not_canceled"): test_work.test_a_job_whose_cancel_was_accepted_is_never_published,
    (moves, "CANCEL", "asked"): test_work.test_a_worker_cancels_only_what_it_was_asked_to,
    (moves, "RESCUE", "state"): test_fences.test_only_running_jobs_are_rescued,
    (moves, "RESCUE", "expired"): test_work.test_a_living_lease_is_not_rescued,
    (moves, "CLAIM", "queued"): test_claim.test_only_queued_jobs_are_claimed,
    (moves, "CLAIM", "due"): test_claim.test_a_job_is_claimed_once_its_pause_is_over,
    (moves, "CLAIM", "below_cap"): test_fair.test_the_cap_per_user,
    (moves, "CLAIM", "still_queued"): test_claim.test_a_job_canceled_while_it_is_being_claimed_is_not_started,
    (jobs, "CANCEL", "job"): test_jobs.test_cancel_touches_no_other_job,
    (jobs, "CANCEL", "owner"): test_jobs.test_a_stranger_cancels_nothing,
    (jobs, "CANCEL", "open"): test_jobs.test_an_ended_job_cannot_be_canceled,
    (jobs, "CANCEL", "first"): test_jobs.test_canceling_twice_changes_nothing_more,
}
# Not predicates, but as easily lost: (statement, what, by what, test).
PARTS: list[tuple[str, str, str, Killer]] = [
    ("CLAIM", "attempt = attempt + 1", "attempt = greatest(attempt, 1)", test_work.test_give_back_costs_nothing),
    ("CLAIM", "heads.running, ", "", test_fair.test_fewest_running_come_first),
    ("CLAIM", "jobs.priority DESC, ", "", test_fair.test_priority_comes_before_age),
    ("CLAIM", "heads.waits_since, ", "", test_fair.test_age_decides_between_equals_on_the_databases_clock),
    ("CLAIM", "greatest(users_in_line.served_at, head.created_at)", "head.created_at",
     test_fair.test_a_flood_of_short_jobs_holds_nobody_up),
    ("CLAIM", "greatest(users_in_line.served_at, head.created_at)", "coalesce(users_in_line.served_at, '-infinity')",
     test_fair.test_newcomers_do_not_overtake_who_waits),
    ("CLAIM", "ORDER BY priority DESC, ", "ORDER BY ", test_fair.test_priority_and_age_order_the_jobs_of_one_user),
    ("CLAIM", "SKIP LOCKED", "", test_claim.test_a_locked_job_does_not_hold_up_the_others),
    ("BEAT", moves.BEAT.sql[moves.BEAT.sql.index("cancel_requested_at IS") :], "false AS cancel_requested",
     test_work.test_beat_holds_the_lease_and_brings_the_cancel),
    ("PROGRESS", "greatest(\n            (progress ->> 'value')::float8,", "greatest(",
     test_work.test_progress_never_falls_within_an_attempt),
    ("PROGRESS", "least(1,", "greatest(0,", test_work.test_progress_stays_within_one),
    ("FAIL", "failures + 1 >= :max_failures", ":max_failures < 0",
     test_work.test_fail_tries_again_after_a_pause_until_it_is_too_often),
    ("GIVE_BACK", "ELSE 'returned'", "ELSE 'lost'", test_work.test_give_back_costs_nothing),
    ("RESCUE", "losses + 1 >= :max_losses", ":max_losses < 0", test_work.test_a_poison_job_is_parked),
    ("RESCUE", "SKIP LOCKED", "", test_work.test_rescuers_do_not_wait_for_each_other),
    ("RESCUE", "cancel_requested_at IS NOT NULL", "false", test_work.test_a_job_canceled_while_orphaned_ends_canceled),
    ("GIVE_BACK", "cancel_requested_at IS NOT NULL", "false",
     test_work.test_a_job_asked_to_stop_ends_canceled_whatever_happens),
    ("FAIL", "cancel_requested_at IS NOT NULL", "false",
     test_work.test_a_job_asked_to_stop_ends_canceled_whatever_happens),
]  # fmt: skip


@pytest.fixture
def must_fail(request: pytest.FixtureRequest, life: Life, sessions: Sessions, make_user: MakeUser) -> Killer:
    """Runs a test with the fixtures of this one, and sees it fail."""

    async def run(killer: Killer, **values: Any) -> None:
        wanted = inspect.signature(killer).parameters
        given = {"life": life, "sessions": sessions, "make_user": make_user, "call": life.call, **values}
        given["monkeypatch"] = pytest.MonkeyPatch()
        try:
            with pytest.raises((AssertionError, SQLAlchemyError, TimeoutError)):
                await killer(**{name: given.get(name) for name in wanted})
        finally:
            given["monkeypatch"].undo()

    return run


def test_every_guard_has_its_test() -> None:
    statements = {(module, name): value for module in (moves, jobs) for name, value in vars(module).items()}
    guards = {
        (module, name, guard)
        for (module, name), value in statements.items()
        if isinstance(value, Statement)
        for guard in value.guards
    }
    assert guards == set(GUARDS)
    assert len(FENCE) == len(FENCES) == 4


def guards(*, of_state: bool) -> pytest.MarkDecorator:
    chosen = [(place, killer) for place, killer in GUARDS.items() if (place[2] == "state") is of_state]
    names = [f"{module.__name__}.{name}.{guard}" for (module, name, guard), _ in chosen]
    return pytest.mark.parametrize(("place", "killer"), chosen, ids=names)


@guards(of_state=False)
async def test_without_a_guard_its_test_fails(
    place: tuple[Any, str, str], killer: Killer, must_fail: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name, guard = place
    monkeypatch.setattr(module, name, getattr(module, name).without(guard))
    await must_fail(killer, name=name)


@guards(of_state=True)
async def test_without_its_state_a_statement_relies_on_the_constraints_alone(
    place: tuple[Any, str, str], killer: Killer, must_fail: Killer, monkeypatch: pytest.MonkeyPatch, unguarded: None
) -> None:
    module, name, guard = place
    monkeypatch.setattr(module, name, getattr(module, name).without(guard))
    await must_fail(killer, name=name)


@pytest.mark.parametrize(("name", "part", "instead", "killer"), PARTS)
async def test_without_a_part_its_test_fails(
    name: str, part: str, instead: str, killer: Killer, must_fail: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: Statement = getattr(moves, name)
    assert part in whole.sql
    monkeypatch.setattr(moves, name, Statement(whole.sql.replace(part, instead), whole.guards, whole.json))
    await must_fail(killer, name=name)


async def test_without_the_lock_between_claims_the_cap_breaks(
    must_fail: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "ONE_CLAIM_AT_A_TIME", text("SELECT 1"))
    await must_fail(test_claim.test_the_cap_holds_between_parallel_claims)
