import json
from typing import Any

import httpx
import pytest

from api import openapi
from api.keys.schemas import NewKey
from api.openapi_examples import EXAMPLES
from api.problems import MEDIA_TYPE
from db.tables import Scope, Status
from pipeline.contract.spec import Spec


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
    statuses = {"201", "400", "401", "403", "404", "409", "413", "415", "421", "422", "429", "503"}
    assert statuses == generate["responses"].keys()
    assert {parameter["name"].lower() for parameter in generate["parameters"]} == {"idempotency-key", "prefer"}
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


# Operations that an API key must not call, and those that need no authentication. Every other operation names a scope.
SESSION_ONLY = ("/api/me", "/api/keys")
PUBLIC = ("/api/auth/", "/api/files/", "/api/gallery", "/api/shared/", "/api/reports", "/healthz", "/readyz", "/test")


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, one) for path, of_path in document["paths"].items() for method, one in of_path.items()]


def scopes_of(operation: dict[str, Any]) -> list[str] | None:
    """The scopes that the operation names; None if it needs no authentication."""
    schemes = operation.get("security")
    return None if schemes is None else [scope for scheme in schemes for scopes in scheme.values() for scope in scopes]


async def test_every_operation_names_the_scope_that_it_needs(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        scopes = scopes_of(operation)
        if path.startswith(SESSION_ONLY):
            assert scopes == [], f"{method} {path} must need a session"
        elif path.startswith(PUBLIC):
            assert scopes is None, f"{method} {path} must be public"
        else:
            assert scopes, f"{method} {path} names no scope: use JobsReader, VideosWriter … of api.auth.dependencies"
            assert set(scopes) <= set(Scope)


async def test_an_operation_that_only_reads_needs_no_scope_for_writing(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for scope in scopes_of(operation) or []:
            if method == "get":
                assert not scope.endswith(":write"), path
            elif path not in READING_POSTS:
                assert not scope.endswith(":read") or len(scopes_of(operation) or []) > 1, (method, path)


# A ticket opens a stream of events; a preview and an estimate submit nothing.
READING_POSTS = {"/api/ws/ticket", "/api/styles/preview", "/api/generate/estimate"}


async def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"jobs_generate", "jobs_status", "keys_create_key"} <= set(ids)


async def test_the_document_is_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")


async def test_every_problem_lists_its_codes_with_examples(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400":
                content = response["content"][MEDIA_TYPE]
                codes = content["schema"]["properties"]["code"]["enum"]
                assert codes, (method, path, status)
                names = [
                    example["$ref"].removeprefix("#/components/examples/") for example in content["examples"].values()
                ]
                values = [document["components"]["examples"][name]["value"] for name in names]
                assert {(str(value["status"]), value["code"]) for value in values} == {(status, code) for code in codes}
                assert all(value["title"] for value in values), (path, codes)


async def test_the_codes_of_an_operation_are_its_own(document: dict[str, Any]) -> None:
    generate = document["paths"]["/api/generate"]["post"]["responses"]

    def codes(status: str) -> set[str]:
        return set(generate[status]["content"][MEDIA_TYPE]["schema"]["properties"]["code"]["enum"])

    assert codes("401") == {"unauthenticated", "token_refused"}
    assert codes("403") == {"scope_required"}
    assert codes("422") == {"invalid_request", "idempotency_key_reuse"}
    assert codes("429") == {"too_many_requests", "queue_full", "quota_exceeded"}


async def test_every_json_body_has_a_valid_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for method, path, operation in operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            assert schemas[name].get("examples"), f"{method} {path}: add {name} to api/openapi_examples.py"
    Spec.model_validate_json(json.dumps(EXAMPLES["Spec"]), strict=True)
    NewKey.model_validate(EXAMPLES["NewKey"])
