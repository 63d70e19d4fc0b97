"""docker-compose.dev.yaml gives each service what the code reads, and no more."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from api.settings import Settings
from db.settings import DatabaseSettings, StorageSettings
from pipeline.settings import PipelineSettings
from tests.docker.conftest import ROOT, VARIABLE, Example, read_by_hand

Compose = dict[str, Any]
Environment = Callable[[str], dict[str, str]]

READS: dict[str, tuple[type[BaseSettings], ...]] = {
    "migrate": (DatabaseSettings,),
    "gateway": (Settings,),
    "ray": (PipelineSettings, StorageSettings),
    "ray-gpu": (PipelineSettings, StorageSettings),
    "dispatcher": (PipelineSettings, StorageSettings, DatabaseSettings),
    "dispatcher-gpu": (PipelineSettings, StorageSettings, DatabaseSettings),
}
NOT_WITH_A_BUCKET = {"STORAGE_DIR", "STORAGE_SIGNING_KEY", "S3_SECURE"}
NOT_THE_PIPELINES = NOT_WITH_A_BUCKET | {"PUBLIC_URL", "RAY_ADDRESS"}


def names(classes: tuple[type[BaseSettings], ...]) -> set[str]:
    return {name.upper() for of in classes for name in of.model_fields}


def test_only_settings_that_exist(ours: Compose, known: set[str]) -> None:
    given = {name for service in ours.values() for name in service.get("environment", {})}
    assert given - known == set()


@pytest.mark.parametrize("service", READS)
def test_a_service_starts_with_what_it_is_given(
    service: str, environment: Environment, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(service).items():
        monkeypatch.setenv(name, value)
    for of in READS[service]:
        of()


def test_whatever_a_service_reads_can_be_set(compose: Compose) -> None:
    for service, classes in READS.items():
        optional = NOT_WITH_A_BUCKET if service == "gateway" else NOT_THE_PIPELINES
        assert names(classes) - optional - compose["services"][service]["environment"].keys() == set(), service


def test_what_the_gateway_reads_by_hand_can_be_set(compose: Compose) -> None:
    by_hand = read_by_hand("api")
    assert "FORWARDED_ALLOW_IPS" in by_hand
    assert by_hand - compose["services"]["gateway"]["environment"].keys() == set()


def test_secrets_go_only_where_they_are_used(ours: Compose) -> None:
    def holders(name: str) -> set[str]:
        return {service for service, what in ours.items() if name in what.get("environment", {})}

    assert holders("SECRET_KEY") == {"gateway"}
    assert holders("DATABASE_URL") == {"gateway", "migrate", "dispatcher", "dispatcher-gpu"}
    assert holders("RAY_AUTH_TOKEN") == {"ray", "ray-gpu", "dispatcher", "dispatcher-gpu"}


def test_a_head_is_never_told_to_join_another(ours: Compose) -> None:
    assert not [service for service, what in ours.items() if "RAY_ADDRESS" in what.get("environment", {})]


def test_variables_come_from_the_example(compose_text: str, example: dict[str, Example]) -> None:
    assert {found["name"] for found in VARIABLE.finditer(compose_text)} - example.keys() == set()


def test_every_secret_is_required(compose_text: str, example: dict[str, Example]) -> None:
    required = {found["name"] for found in VARIABLE.finditer(compose_text) if found["how"] == "?"}
    assert required == {name for name, line in example.items() if line.active and not line.value}
    secret = {found["name"] for found in VARIABLE.finditer(compose_text) if re.search("PASSWORD|KEY|TOKEN", found[0])}
    assert secret == required


def test_images_are_pinned(compose: Compose) -> None:
    for name, service in compose["services"].items():
        _, _, tag = service["image"].rpartition(":")
        assert tag != "latest", name
        assert "build" in service or re.search(r"\d+\.\d+|\d{4}-\d\d-\d\d", tag), name


def test_ports_are_open_on_the_loopback_address_only(compose: Compose) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


def test_what_is_waited_for_can_come(compose: Compose) -> None:
    services = compose["services"]
    for name, service in services.items():
        profiles = set(service.get("profiles", []))
        for needed, how in service.get("depends_on", {}).items():
            there = services[needed].get("profiles")
            assert there is None or (profiles and profiles <= set(there)), f"{name} needs {needed}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], needed
            if how["condition"] == "service_completed_successfully":
                assert services[needed]["restart"] == "no", needed


def test_whoever_runs_for_long_has_a_health_check(compose: Compose) -> None:
    """Its own, or that of our image."""
    for name, service in compose["services"].items():
        assert service["restart"] == "no" or "healthcheck" in service or "build" in service, name


def test_each_profile_is_a_whole_pipeline(compose: Compose, example: dict[str, Example]) -> None:
    services = compose["services"]
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    assert example["COMPOSE_PROFILES"].value in profiles
    for profile in profiles:
        members = {name: what for name, what in services.items() if profile in what.get("profiles", [])}
        (head,) = (name for name, what in members.items() if what["command"] == ["pipeline.cluster"])
        (dispatcher,) = (what for what in members.values() if what["command"] == ["pipeline.dispatch"])
        assert dispatcher["pid"] == dispatcher["network_mode"] == f"service:{head}"
        assert {volume for volume in dispatcher["volumes"] if "/tmp/ray" in volume} <= set(services[head]["volumes"])


def test_commands_are_programs(ours: Compose) -> None:
    for command in {what["command"][0] for what in ours.values() if "command" in what}:
        found = importlib.util.find_spec(command)
        assert found is not None, command
        assert found.origin is not None, command
        assert 'if __name__ == "__main__":' in Path(found.origin).read_text(encoding="utf-8"), command


def test_volumes_are_declared(compose: Compose) -> None:
    used = {volume.partition(":")[0] for what in compose["services"].values() for volume in what.get("volumes", [])}
    assert used == compose["volumes"].keys()


def test_builds_name_dockerfiles(ours: Compose) -> None:
    for service in ours.values():
        assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
