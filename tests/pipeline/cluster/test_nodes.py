"""What a node must have. The same checks on a real cluster: tests/cluster/test_existing_cluster.py."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from ray import cloudpickle

from db.settings import StorageSettings
from pipeline.cluster import nodes
from pipeline.cluster.deployments import PostprocessDeployment, UpscaleDeployment
from pipeline.cluster.errors import UnfitNode
from pipeline.cluster.nodes import check_nodes, describe, has_folder, identify_folder, make_probe
from pipeline.contract.version import VERSION
from pipeline.settings import PipelineSettings

SETTINGS = PipelineSettings(stages="tests.pipeline.odd_stages")


def test_a_folder_keeps_its_id(tmp_path: Path) -> None:
    folder = str(tmp_path / "objects")
    folder_id = identify_folder(folder)
    assert identify_folder(folder) == folder_id
    assert has_folder(folder, folder_id)


def test_another_folder_at_the_same_path_is_recognized(tmp_path: Path) -> None:
    """Another host that has stored objects once has such a folder too."""
    folder_id = identify_folder(str(tmp_path / "here"))
    identify_folder(str(tmp_path / "there"))
    assert not has_folder(str(tmp_path / "there"), folder_id)
    assert not has_folder(str(tmp_path / "missing"), folder_id)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnfitNode, match=r"the folder .*/file/objects of the object store cannot be used"):
        identify_folder(str(tmp_path / "file" / "objects"))


def test_a_node_without_the_project_runs_the_check() -> None:
    """The function is pickled by value, so a Python that has neither this project nor Ray can load it."""
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer)('1.2.3', None, None))"
    library = Path(sys.modules["ray.cloudpickle"].__file__ or "").parents[1]
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; {STUB_RAY.format(library)}; {program}"],
        input=cloudpickle.dumps(make_probe()), capture_output=True, check=True, timeout=30,
    ).stdout.decode()  # fmt: skip
    assert answer == f"auraanim 1.2.3 is not installed for {sys.executable}: No module named 'pipeline'\n"


# `ray.cloudpickle` without the rest of Ray, which needs its dependencies.
STUB_RAY = "import types; ray = sys.modules['ray'] = types.ModuleType('ray'); ray.__path__ = ['{}']"


def test_a_replica_refuses_to_run_with_another_version() -> None:
    """A node that joins after the deployment is not checked by the deploying process."""
    with pytest.raises(UnfitNode, match=f"auraanim {VERSION} is installed, but 9.9.9 is required"):
        UpscaleDeployment(SETTINGS, "9.9.9")


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorageSettings:
    """Settings of the deploying process; the environment has none."""
    for name in [name for name in os.environ if name.startswith(("STORAGE_", "S3_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return StorageSettings.model_validate({"storage_dir": str(tmp_path / "objects"), "storage_signing_key": "k" * 32})


def test_a_replica_needs_no_environment(storage: StorageSettings) -> None:
    passed = pickle.loads(pickle.dumps(storage))
    replica = PostprocessDeployment(PipelineSettings(), VERSION, storage=passed)
    assert replica._storage.root == Path(storage.storage_dir or "")  # type: ignore[attr-defined]


def test_a_replica_refuses_to_store_videos_in_another_folder(storage: StorageSettings) -> None:
    with pytest.raises(UnfitNode, match=r"the folder .*/objects of the object store is not there: set S3_ENDPOINT"):
        PostprocessDeployment(PipelineSettings(), VERSION, storage=storage, folder_id="of another host")


def test_no_secret_is_in_the_text_of_the_settings(storage: StorageSettings) -> None:
    assert "k" * 32 not in f"{storage!r} {storage}"


def test_a_cluster_without_cpus_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a head that only coordinates, before its first worker node has joined."""
    monkeypatch.setattr(nodes.ray, "nodes", lambda: [{"Alive": True, "Resources": {"memory": 1.0}}])
    with pytest.raises(UnfitNode, match="no node of the cluster has a CPU for a replica"):
        check_nodes(VERSION, None, None)


def test_nodes_with_the_same_problem_share_a_line() -> None:
    problems = {"node b": "no folder", "node a": "no folder", "node c": "no package"}
    assert describe(problems) == "node a, node b: no folder; node c: no package"
