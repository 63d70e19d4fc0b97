import json
from typing import Any

import httpx
import pytest

from api import openapi
from api.problems import MEDIA_TYPE
from db.tables import Status


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    document: dict[str, Any] = (await client.get("/api/openapi.json")).json()
    return document


async def test_every_reference_resolves(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert (
        {"ProblemBody", "FieldError", "Spec", "JobView", "ResultView"}
        <= names
        <= document["components"]["schemas"].keys()
    )
    assert "HTTPValidationError" not in text


async def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == [MEDIA_TYPE], (path, status)


async def test_generate_describes_its_request(document: dict[str, Any]) -> None:
    generate = document["paths"]["/api/generate"]["post"]
    assert {"201", "400", "401", "413", "415", "421", "422", "429", "503"} == generate["responses"].keys()
    assert [parameter["name"].lower() for parameter in generate["parameters"]] == ["idempotency-key"]
    assert generate["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Spec"}


async def test_the_command_prints_the_document(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    openapi.main()
    assert json.loads(capsys.readouterr().out) == document


async def test_the_statuses_are_those_of_the_database(document: dict[str, Any]) -> None:
    schemas, parameters = document["components"]["schemas"], document["paths"]["/api/jobs"]["get"]["parameters"]
    (status,) = [parameter for parameter in parameters if parameter["name"] == "status"]
    assert status["schema"]["anyOf"][0]["enum"] == [*Status]
    for model in ("JobView", "JobAccepted"):
        assert schemas[model]["properties"]["status"]["enum"] == [*Status, "canceling"]


async def test_every_operation_documents_the_problems_of_every_operation(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            expected = {"413", "421", "429", "503"} | ({"400", "415", "422"} if "requestBody" in operation else set())
            assert expected <= operation["responses"].keys(), path


async def test_the_document_is_built_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = []
    build = openapi.build_document
    monkeypatch.setattr(openapi, "build_document", lambda app: builds.append(app) or build(app))
    first, second = [await client.get("/api/openapi.json") for _ in range(2)]
    assert first.json() == second.json()
    assert len(builds) == 1
