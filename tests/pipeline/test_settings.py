"""Settings of the pipeline that depend on each other, and the environment of a replica."""

import os

import pytest

from pipeline.settings import PipelineSettings, prepare_libraries


@pytest.mark.parametrize(
    ("values", "node"),
    [
        ({}, None),
        ({"ray_address": "10.0.0.1:6379"}, None),
        ({"ray_node_ip": "10.0.0.2"}, None),
        ({"ray_address": "10.0.0.1:6379", "ray_node_ip": "10.0.0.2"}, "10.0.0.2"),
    ],
)
def test_a_node_is_chosen_on_an_existing_cluster_only(values: dict[str, str], node: str | None) -> None:
    assert PipelineSettings.model_validate(values).ray_node == node


@pytest.mark.parametrize(
    ("before", "threads"),
    [
        ({"OMP_NUM_THREADS": "1"}, str(os.cpu_count())),  # set by Ray on a node of an existing cluster
        ({"OMP_NUM_THREADS": "3"}, "3"),  # set by the operator of the node
        ({"OMP_NUM_THREADS": "1", "AURA_LOCAL_HEAD": "1"}, "1"),  # a head of ours, started with this value
        ({}, str(os.cpu_count())),
    ],
)
def test_a_replica_uses_the_cpus_of_its_node(
    before: dict[str, str], threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "AURA_LOCAL_HEAD", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")  # restored after the test
        monkeypatch.delenv(name)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    prepare_libraries()
    assert os.environ["OMP_NUM_THREADS"] == threads
    assert os.environ["HF_HUB_OFFLINE"] == "1"
