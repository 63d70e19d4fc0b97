import json
from typing import Any

import httpx
import pytest

from api import openapi
from api.problems import MEDIA_TYPE


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    made: dict[str, Any] = (await client.get("/api/openapi.json")).json()
    return made


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    whole = json.dumps(document)
    names = {part.partition('"')[0] for part in whole.split("#/components/schemas/")[1:]}
    assert (
        {"ProblemBody", "FieldError", "Spec", "JobView", "ResultView"}
        <= names
        <= document["components"]["schemas"].keys()
    )
    assert "HTTPValidationError" not in whole


async def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == [MEDIA_TYPE], (path, status)


async def test_generate_says_what_it_takes(document: dict[str, Any]) -> None:
    generate = document["paths"]["/api/generate"]["post"]
    assert {"201", "400", "401", "413", "415", "422", "429"} == generate["responses"].keys()
    assert [parameter["name"].lower() for parameter in generate["parameters"]] == ["idempotency-key"]
    assert generate["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Spec"}


async def test_it_can_be_printed(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    openapi.main()
    assert json.loads(capsys.readouterr().out) == document
