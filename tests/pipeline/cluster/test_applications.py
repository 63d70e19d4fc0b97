"""Serve's message about a deployment, as the one line that an operator needs."""

from typing import Any

import pytest
from ray.serve.schema import (
    ApplicationStatus,
    ApplicationStatusOverview,
    DeploymentStatusOverview,
    ReplicaState,
    ServeStatus,
)

from pipeline.cluster.applications import (
    application_name,
    cause_of,
    count_replicas,
    stages_deployed,
    stages_running,
    start_problems,
    with_status,
)
from pipeline.contract.progress import Stage

# Shortened from the messages of Serve 2.60.
FAILED = """The deployment failed to start 2 times in a row. This may be due to a problem with its constructor or \
initial health check failing. See controller logs for details. Error:
\x1b[36mray::ServeReplica:aura-generate:generate.initialize_and_get_metadata()\x1b[39m (pid=1, ip=127.0.0.2)
  File "/venv/ray/serve/_private/replica.py", line 1928, in initialize
    raise RuntimeError(traceback.format_exc()) from None
RuntimeError: Traceback (most recent call last):
  File "/venv/pipeline/cluster/replica.py", line 58, in _stage_class
    return getattr(importlib.import_module(f"{self._settings.stages}.{self.stage}"), self.stage.capitalize())
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "<frozen importlib._bootstrap>", line 1140, in _find_and_load_unlocked
"""
DIED = """A replica failed to start with exception. Retrying 1 more time(s). Error:
The actor died unexpectedly before finishing this task.
\tclass_name: ServeReplica:aura-generate:generate
The process was killed by the OOM killer."""
NO_GPU = (
    "Deployment 'generate' in application 'aura-generate' has 1 replicas that have taken more than 30s to be "
    "scheduled. This may be due to waiting for the cluster to auto-scale or for a runtime environment to be installed. "
    'Resources required for each replica: {"CPU": 0.1, "GPU": 1.0}, total resources available: {"CPU": 1.9}. Use '
    "`ray status` for more details."
)


def status(**changes: Any) -> ServeStatus:
    """All stages run, apart from `changes`; another application has failed."""
    applications = {
        application_name(stage): overview(**{"status": ApplicationStatus.RUNNING, **changes.get(stage, {})})
        for stage in Stage
    }
    return ServeStatus(applications={"other": overview(ApplicationStatus.DEPLOY_FAILED, FAILED + "X"), **applications})


def overview(
    status: ApplicationStatus, message: str = "", replicas: dict[Any, int] | None = None
) -> ApplicationStatusOverview:
    deployment = DeploymentStatusOverview(
        status="UPDATING", status_trigger="UNSPECIFIED", replica_states=replicas or {}, message=message
    )
    return ApplicationStatusOverview(
        status=status, message="", last_deployed_time_s=0, deployments={"deployment": deployment}
    )


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            FAILED + "ModuleNotFoundError: No module named 'pipeline'\n",
            "ModuleNotFoundError: No module named 'pipeline'",
        ),
        (
            FAILED + "pydantic_core.ValidationError: 1 validation error\n  Value error, set STORAGE_DIR\n",
            "pydantic_core.ValidationError: 1 validation error Value error, set STORAGE_DIR",
        ),
        (
            DIED,
            "The actor died unexpectedly before finishing this task. class_name: ServeReplica:aura-generate:generate "
            "The process was killed by the OOM killer.",
        ),
        (
            NO_GPU,
            'no node has the resources of a replica. Resources required for each replica: {"CPU": 0.1, "GPU": 1.0}, '
            'total resources available: {"CPU": 1.9}',
        ),
        ("Upscaling from 1 to 2 replicas.", ""),
        ("", ""),
    ],
    ids=["exception", "of several lines", "died", "resources", "scaling", "healthy"],
)
def test_the_cause_is_one_line(message: str, cause: str) -> None:
    assert cause_of(message) == cause


def test_a_long_cause_is_cut() -> None:
    assert len(cause_of(f"{FAILED}ValueError: {'x' * 10_000}")) == 400


def test_problems_are_named_by_stage_and_those_of_other_applications_ignored() -> None:
    failing = {"status": ApplicationStatus.UNHEALTHY, "message": FAILED + "ValueError: no"}
    found = status(generate=failing)
    assert start_problems(found) == {Stage.GENERATE: "ValueError: no"}
    assert with_status(ApplicationStatus.UNHEALTHY, found) == [Stage.GENERATE]
    assert not stages_running(found)
    assert stages_deployed(found)


def test_replicas_are_counted_by_stage_and_state() -> None:
    found = status(generate={"replicas": {"RUNNING": 2, ReplicaState.STARTING: 1, ReplicaState.STOPPING: 0}})
    del found.applications[application_name(Stage.UPSCALE)]
    counts = count_replicas(found)
    assert counts["generate"] == {"running": 2, "starting": 1}
    assert counts == {stage.value: counts["generate"] if stage is Stage.GENERATE else {} for stage in Stage}


def test_all_stages_run() -> None:
    assert stages_running(status())
    assert start_problems(status()) == {}


@pytest.mark.parametrize(
    ("found", "deployed"),
    [
        (ApplicationStatus.RUNNING, True),
        (ApplicationStatus.UNHEALTHY, True),  # a replica has died: that may be the fault of a job
        (ApplicationStatus.DEPLOY_FAILED, True),
        (ApplicationStatus.DEPLOYING, False),
        (ApplicationStatus.DELETING, False),
    ],
)
def test_stages_are_deployed_unless_one_is_being_deployed_or_removed(found: ApplicationStatus, deployed: bool) -> None:
    assert stages_deployed(status(upscale={"status": found})) is deployed


def test_missing_stages_are_not_deployed() -> None:
    assert not stages_deployed(ServeStatus())
