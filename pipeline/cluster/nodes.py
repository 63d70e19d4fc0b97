"""What a node of an existing cluster must have to run a replica: this version of the project, and the object store.

The deploying process checks all nodes, so that the message is there before a replica fails. Each replica checks its own
node again: nodes may join later.
"""

import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import ray
import structlog
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipeline.cluster.errors import UnfitNode

log = structlog.get_logger()

# The object in a folder of objects that identifies the folder.
FOLDER_ID: Final = "store-id"
# How long all nodes together may take to answer. A node that does not answer is left to Serve.
ANSWER_SECONDS: Final = 60.0


def identify_folder(folder: str) -> str:
    """The id of a folder of objects. It is created at the first call. Raises UnfitNode if it cannot be."""
    path = Path(folder, FOLDER_ID)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), path.open("x") as file:
            file.write(uuid.uuid4().hex)
        return path.read_text()
    except OSError as error:
        raise UnfitNode(f"the folder {folder} of the object store cannot be used: {error.strerror}") from error


def has_folder(folder: str, folder_id: str) -> bool:
    """Whether this host has the folder of objects with this id, and not an own folder at the same path."""
    try:
        return Path(folder, FOLDER_ID).read_text() == folder_id
    except OSError:
        return False


def check_node(version: str, folder: str | None = None, folder_id: str | None = None) -> None:
    """Check the node of this process. Raises UnfitNode.

    `version` is the version of the deploying process; `folder` is its STORAGE_DIR, and None with an S3 store.
    """
    if problem := make_probe()(version, folder, folder_id):
        raise UnfitNode(problem)


def check_nodes(version: str, folder: str | None, folder_id: str | None) -> None:
    """Check every node that can run replicas. Raises UnfitNode with a line that names the nodes and the reason."""
    probe = ray.remote(num_cpus=0, max_retries=0)(make_probe())
    probes = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU"):  # a replica reserves a part of a CPU
            where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            probes[probe.options(scheduling_strategy=where).remote(version, folder, folder_id)] = node_name(node)
    if not probes:
        raise UnfitNode("no node of the cluster has a CPU for a replica")
    answered, late = ray.wait(list(probes), num_returns=len(probes), timeout=ANSWER_SECONDS)
    for reference in late:
        log.warning("node not checked: it does not answer", node=probes[reference])
    if problems := find_problems({probes[reference]: reference for reference in answered}):
        raise UnfitNode(describe(problems))


def find_problems(answers: dict[str, Any]) -> dict[str, str]:
    """What each node lacks, by its name. Nodes that lack nothing, or have left the cluster, are left out."""
    problems = {}
    for name, reference in answers.items():
        try:
            problem = ray.get(reference)
        except RayError as error:
            log.warning("node not checked", node=name, error=type(error).__name__)
            continue
        if problem:
            problems[name] = problem
    return problems


def describe(problems: dict[str, str]) -> str:
    """One line: each problem, after the names of the nodes that have it."""
    nodes: dict[str, list[str]] = {}
    for name, problem in problems.items():
        nodes.setdefault(problem, []).append(name)
    return "; ".join(f"{', '.join(sorted(names))}: {problem}" for problem, names in nodes.items())


def node_name(node: dict[str, Any]) -> str:
    return f"node {node['NodeManagerAddress']} ({node['NodeManagerHostname']})"


def make_probe() -> Callable[[str, str | None, str | None], str]:
    """The function that runs on each node: an empty string, or what the node lacks.

    It is nested so that it is pickled by value: a node without this project can run it.
    """

    def probe(version: str, folder: str | None, folder_id: str | None) -> str:
        import sys

        try:
            from pipeline.contract import version as installed
        except ImportError as error:
            return f"auraanim {version} is not installed for {sys.executable}: {error}"
        if version != installed.VERSION:
            return f"auraanim {installed.VERSION} is installed, but {version} is required"

        from pipeline.cluster.nodes import has_folder

        if folder and folder_id and not has_folder(folder, folder_id):
            return (
                f"the folder {folder} of the object store is not there: "
                "set S3_ENDPOINT, or mount that folder at the same path on every node"
            )
        return ""

    return probe
