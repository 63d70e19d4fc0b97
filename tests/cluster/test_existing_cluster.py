"""`python -m pipeline.cluster` on a cluster that cannot run the stages: it ends, and one line has the reason."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import ClusterSystem
from tests.faults.process import Process

pytestmark = [pytest.mark.ray, pytest.mark.slow]

OTHER_VERSION = """
import pipeline.contract.version as version, runpy
version.VERSION = "9.9.9"
runpy.run_module("pipeline.cluster", run_name="__main__")
"""
OWN_MOUNTS = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]


def last_event(deployer: Process) -> dict[str, Any]:
    """The last line that a deployer logs before it ends without success."""
    deployer.start()
    assert deployer.wait(90) == 1, deployer.log_tail()
    event: dict[str, Any] = json.loads(deployer.log.read_text().splitlines()[-1])
    assert event["event"] == "the stages did not start"
    return event


def test_nodes_with_another_version_are_refused(cluster_system: ClusterSystem) -> None:
    command = [sys.executable, "-c", OTHER_VERSION]
    deployer = Process("other-version", command, cluster_system.environment("ray"), cluster_system.path)
    error = last_event(deployer)["error"]
    assert "auraanim 0.1.0 is installed, but 9.9.9 is required" in error
    assert all(ip in error for ip in cluster_system.cluster.ips.values())


def test_a_folder_that_the_nodes_do_not_have_is_refused(cluster_system: ClusterSystem, tmp_path: Path) -> None:
    """The deployer is on another host, as far as the folder is concerned: it has mounted something else there."""
    if subprocess.run([*OWN_MOUNTS, "true"], check=False, capture_output=True, timeout=10).returncode:
        pytest.skip("this user may not mount anything, not even in a user namespace")
    mount = f'mount -t tmpfs none {tmp_path} && exec "$@"'
    folder = {"S3_ENDPOINT": "", "STORAGE_DIR": str(tmp_path), "STORAGE_SIGNING_KEY": "k" * 32}
    deployer = cluster_system.deployer("folder", *OWN_MOUNTS, "sh", "-c", mount, "sh", **folder)
    error = last_event(deployer)["error"]
    assert f"the folder {tmp_path} of the object store is not there: set S3_ENDPOINT" in error
    assert all(ip in error for ip in cluster_system.cluster.ips.values())


def test_the_cause_of_a_failed_replica_is_reported(cluster_system: ClusterSystem) -> None:
    """The applications of a failed first deployment do not stay on the cluster."""
    few = {"UPSCALE_REPLICAS": "1", "POSTPROCESS_REPLICAS": "1"}
    deployer = cluster_system.deployer("no-stages", STAGES="tests.cluster.missing", **few)
    error = last_event(deployer)["error"]
    assert error.endswith(": ModuleNotFoundError: No module named 'tests.cluster.missing'")
    applications = cluster_system.run_driver("print(list(serve.status().applications))").splitlines()[-1]
    assert applications == "[]"
