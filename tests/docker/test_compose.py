"""docker-compose.dev.yaml passes each service the settings that its code reads, and no others."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from api.settings import Settings
from db.settings import DatabaseSettings, MigrationSettings, RoleSettings, RootStorageSettings, StorageSettings
from pipeline.settings import PipelineSettings
from tests.docker.conftest import ROOT, VARIABLE, Example, direct_reads

Compose = dict[str, Any]
Environment = Callable[[str], dict[str, str]]

READS: dict[str, tuple[type[BaseSettings], ...]] = {
    "roles": (RoleSettings,),
    "bucket": (StorageSettings, RootStorageSettings),
    "migrate": (MigrationSettings, DatabaseSettings),
    "gateway": (Settings,),
    "ray": (PipelineSettings, StorageSettings),
    "ray-gpu": (PipelineSettings, StorageSettings),
    "dispatcher": (PipelineSettings, StorageSettings, DatabaseSettings),
    "dispatcher-gpu": (PipelineSettings, StorageSettings, DatabaseSettings),
}
# Settings that the compose file does not need: objects are stored in a bucket, and the stack has its own Ray head.
UNUSED_BY_THE_GATEWAY = {"STORAGE_DIR", "STORAGE_SIGNING_KEY", "S3_SECURE"}
UNUSED_BY_THE_PIPELINE = UNUSED_BY_THE_GATEWAY | {"PUBLIC_URL", "RAY_ADDRESS"}


def names(classes: tuple[type[BaseSettings], ...]) -> set[str]:
    return {name.upper() for of in classes for name in of.model_fields}


def test_only_existing_settings_are_passed(built_services: Compose, known: set[str]) -> None:
    passed = {name for service in built_services.values() for name in service.get("environment", {})}
    assert passed - known == set()


@pytest.mark.parametrize("service", READS)
def test_the_environment_of_a_service_is_sufficient(
    service: str, environment: Environment, empty_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(service).items():
        monkeypatch.setenv(name, value)
    for of in READS[service]:
        of()


def test_every_setting_of_a_service_can_be_set(compose: Compose) -> None:
    for service, classes in READS.items():
        optional = UNUSED_BY_THE_GATEWAY if service == "gateway" else UNUSED_BY_THE_PIPELINE
        assert names(classes) - optional - compose["services"][service]["environment"].keys() == set(), service


def test_every_direct_read_of_the_gateway_can_be_set(compose: Compose) -> None:
    variables = direct_reads("api")
    assert "FORWARDED_ALLOW_IPS" in variables
    assert variables - compose["services"]["gateway"]["environment"].keys() == set()


def test_secrets_are_passed_only_to_services_that_use_them(built_services: Compose) -> None:
    def holders(name: str) -> set[str]:
        return {service for service, what in built_services.items() if name in what.get("environment", {})}

    assert holders("SECRET_KEY") == {"gateway"}
    assert holders("DATABASE_URL") == {"gateway", "roles", "migrate", "dispatcher", "dispatcher-gpu"}
    assert holders("OWNER_DATABASE_URL") == {"roles", "migrate"}
    assert holders("ADMIN_DATABASE_URL") == {"roles"}
    assert holders("S3_ROOT_PASSWORD") == {"bucket"}
    assert holders("RAY_AUTH_TOKEN") == {"ray", "ray-gpu", "dispatcher", "dispatcher-gpu"}


def test_services_use_neither_the_superuser_nor_the_root_key(compose: Compose, environment: Environment) -> None:
    """Only the services that run once, and end, have more rights than the application."""
    root = compose["services"]["s3"]["environment"].values()
    superuser = compose["services"]["postgres"]["environment"]["POSTGRES_USER"]
    for name in ("gateway", "ray", "ray-gpu", "dispatcher", "dispatcher-gpu"):
        values = environment(name)
        assert not set(compose["services"][name]["environment"].values()) & set(root), name
        assert "S3_ROOT_PASSWORD" not in values
        url = values.get("DATABASE_URL", "postgresql://aura:")
        assert url.startswith("postgresql://aura:"), name
    assert superuser == "postgres"


def test_the_head_does_not_join_another_cluster(built_services: Compose) -> None:
    assert not [service for service, what in built_services.items() if "RAY_ADDRESS" in what.get("environment", {})]


def test_all_variables_are_in_the_example(compose_text: str, example: dict[str, Example]) -> None:
    assert {found["name"] for found in VARIABLE.finditer(compose_text)} - example.keys() == set()


def test_every_secret_is_required(compose_text: str, example: dict[str, Example]) -> None:
    required = {found["name"] for found in VARIABLE.finditer(compose_text) if found["operator"] == "?"}
    assert required == {name for name, line in example.items() if line.active and not line.value}
    secret = {found["name"] for found in VARIABLE.finditer(compose_text) if re.search("PASSWORD|KEY|TOKEN", found[0])}
    assert secret == required


def test_images_are_pinned(compose: Compose) -> None:
    for name, service in compose["services"].items():
        _, _, tag = service["image"].rpartition(":")
        assert tag != "latest", name
        assert "build" in service or re.search(r"\d+\.\d+|\d{4}-\d\d-\d\d", tag), name


def test_ports_are_published_on_the_loopback_address_only(compose: Compose) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


def test_dependencies_can_be_met(compose: Compose) -> None:
    services = compose["services"]
    for name, service in services.items():
        profiles = set(service.get("profiles", []))
        for needed, dependency in service.get("depends_on", {}).items():
            available = services[needed].get("profiles")
            assert available is None or (profiles and profiles <= set(available)), f"{name} needs {needed}"
            if dependency["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], needed
            if dependency["condition"] == "service_completed_successfully":
                assert services[needed]["restart"] == "no", needed


def test_every_long_running_service_has_a_health_check(compose: Compose) -> None:
    """In the compose file, or in the Dockerfile."""
    for name, service in compose["services"].items():
        assert service["restart"] == "no" or "healthcheck" in service or "build" in service, name


def test_each_profile_has_one_head_and_one_dispatcher(compose: Compose, example: dict[str, Example]) -> None:
    services = compose["services"]
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    assert example["COMPOSE_PROFILES"].value in profiles
    for profile in profiles:
        members = {name: what for name, what in services.items() if profile in what.get("profiles", [])}
        (head,) = (name for name, what in members.items() if what["command"] == ["pipeline.cluster"])
        (dispatcher,) = (what for what in members.values() if what["command"] == ["pipeline.dispatch"])
        assert dispatcher["pid"] == dispatcher["network_mode"] == f"service:{head}"
        assert {volume for volume in dispatcher["volumes"] if "/tmp/ray" in volume} <= set(services[head]["volumes"])


def test_commands_are_runnable_modules(built_services: Compose) -> None:
    for command in {service["command"][0] for service in built_services.values() if "command" in service}:
        package = importlib.util.find_spec(command)
        assert package is not None, command
        found = importlib.util.find_spec(f"{command}.__main__") if package.submodule_search_locations else package
        assert found is not None, command
        assert found.origin is not None, command
        assert 'if __name__ == "__main__":' in Path(found.origin).read_text(encoding="utf-8"), command


def test_volumes_are_declared(compose: Compose) -> None:
    used = {volume.partition(":")[0] for what in compose["services"].values() for volume in what.get("volumes", [])}
    assert used == compose["volumes"].keys()


def test_dockerfiles_exist(built_services: Compose) -> None:
    for service in built_services.values():
        assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
