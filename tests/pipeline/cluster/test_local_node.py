"""A local node is started with further parameters and without an API server; what was replaced is put back."""

import os
import sys
from typing import Any

import pytest
import ray
from ray._private import parameter, services

from pipeline.cluster.local_node import fork_server, start_node


@pytest.mark.parametrize("fails", [False, True])
def test_the_parameters_apply_to_this_node_only(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    originals = (parameter.RayParams, services.start_api_server)
    seen: dict[str, Any] = {}

    def init(**options: Any) -> str:
        made = parameter.RayParams(num_cpus=options["num_cpus"])
        seen.update(vars(made), api_server=services.start_api_server(False, raise_on_failure=False))
        if fails:
            raise RuntimeError
        return "context"

    monkeypatch.setattr(ray, "init", init)
    if fails:
        with pytest.raises(RuntimeError):
            start_node({"worker_path": "worker.py"}, num_cpus=2)
    else:
        assert start_node({"worker_path": "worker.py"}, num_cpus=2) == "context"
    # As Ray's own function answers when the server does not start.
    assert seen.pop("api_server") == (None, None)
    expected = {"num_cpus": 2, "worker_path": "worker.py", "no_monitor": True, "include_log_monitor": False}
    assert expected.items() <= seen.items()
    assert (parameter.RayParams, services.start_api_server) == originals


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_the_server_ends_with_the_node() -> None:
    with fork_server("no.such.package") as parameters:
        folder = os.path.dirname(os.environ["AURA_FORK_SERVER"])
        assert os.path.exists(parameters["worker_path"])
        assert os.path.exists(os.environ["AURA_RAY_WORKER"])
        assert os.path.exists(folder)
    assert not os.path.exists(folder)


def test_elsewhere_workers_start_as_ray_starts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with fork_server("no.such.package") as parameters:
        assert parameters == {}
