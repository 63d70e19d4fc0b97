"""The five Serve applications on a cluster: their names, their status, and their removal.

The cluster and its Serve instance may belong to others: only applications with our names are read or removed.
"""

import re
import time
from collections import Counter
from typing import Any, Final

from ray import serve
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus, ReplicaState, ServeStatus

from pipeline.contract.progress import Stage

# Length of a cause in a log line.
MAX_CAUSE_CHARS: Final = 400
# How long `remove` waits until the replicas are gone. Serve goes on removing them after that.
REMOVE_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.2

# Serve's message about a deployment: what a replica requires and what the cluster has, or a sentence and the traceback.
RESOURCES: Final = re.compile(r"Resources required for each replica: .*, total resources available: \{.*?\}")
ERROR: Final = "Error:\n"
FRAME: Final = re.compile(r'^\s*File "')
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


def application_name(stage: Stage) -> str:
    """The name of a stage's application. The prefix separates it from the applications of others on the cluster."""
    return f"aura-{stage}"


def get_handles() -> dict[Stage, DeploymentHandle[Any]]:
    """The handle of each stage; the process must be connected."""
    return {stage: serve.get_deployment_handle(stage.value, app_name=application_name(stage)) for stage in Stage}


def stages_running(status: ServeStatus) -> bool:
    """Whether all five applications run."""
    return with_status(ApplicationStatus.RUNNING, status) == list(Stage)


def stages_deployed(status: ServeStatus) -> bool:
    """Whether all five applications are deployed, healthy or not: none is missing, being deployed or being removed."""
    deployed = (ApplicationStatus.RUNNING, ApplicationStatus.UNHEALTHY, ApplicationStatus.DEPLOY_FAILED)
    found = {name for name, application in status.applications.items() if application.status in deployed}
    return found >= {application_name(stage) for stage in Stage}


def with_status(wanted: ApplicationStatus, status: ServeStatus) -> list[Stage]:
    """The stages whose application has this status."""
    found = {stage: status.applications.get(application_name(stage)) for stage in Stage}
    return [stage for stage, application in found.items() if application and application.status == wanted]


def count_replicas(status: ServeStatus) -> dict[str, dict[str, int]]:
    """How many replicas each stage has in which state, such as `{"generate": {"running": 2}}`."""
    counts: dict[str, dict[str, int]] = {}
    for stage in Stage:
        application = status.applications.get(application_name(stage))
        states: Counter[str] = Counter()
        for deployment in application.deployments.values() if application else ():
            # Serve answers with the names of the states, not with the members that its types promise.
            states.update({ReplicaState(state).value.lower(): n for state, n in deployment.replica_states.items()})
        counts[stage.value] = {state: number for state, number in states.items() if number}
    return counts


def start_problems(status: ServeStatus) -> dict[Stage, str]:
    """Why replicas do not start, by stage, as one line each. Stages without a problem are left out."""
    problems = {}
    for stage in Stage:
        application = status.applications.get(application_name(stage))
        for deployment in application.deployments.values() if application else ():
            if cause := cause_of(deployment.message):
                problems[stage] = cause
    return problems


def cause_of(message: str) -> str:
    """The reason why a replica does not start in one line, from Serve's message about its deployment; empty if it does.

    It is the exception at the end of the last traceback, or what the cluster lacks.
    """
    if found := RESOURCES.search(message):
        return f"no node has the resources of a replica. {found[0]}"[:MAX_CAUSE_CHARS]
    lines = COLOUR.sub("", message.partition(ERROR)[2]).splitlines()
    frames = [number for number, line in enumerate(lines) if FRAME.match(line)]
    # The source line of the last frame, and its underline, are indented; the exception is not.
    after = lines[frames[-1] + 1 :] if frames else lines
    start = next((number for number, line in enumerate(after) if line and not line[0].isspace()), 0)
    return " ".join(" ".join(after[start:]).split())[:MAX_CAUSE_CHARS]


def found_on_cluster() -> dict[str, float]:
    """Our applications on this cluster, and when each was deployed last, in Unix seconds."""
    ours = {application_name(stage) for stage in Stage}
    found = serve.status().applications
    return {name: application.last_deployed_time_s for name, application in found.items() if name in ours}


def remove(deployed: dict[str, float]) -> None:
    """Remove the applications of `deployed`, an earlier result of `found_on_cluster`.

    An application that another process has deployed since, such as a newer version of this one, is left alone.
    """
    names = {name for name, when in found_on_cluster().items() if deployed.get(name) == when}
    for name in names:
        serve.delete(name, _blocking=False)
    deadline = time.monotonic() + REMOVE_SECONDS
    while names & found_on_cluster().keys() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
