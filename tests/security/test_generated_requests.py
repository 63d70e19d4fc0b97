"""schemathesis with all checks, as three kinds of callers: every answer is documented, none is a server error."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from db.embedded import Postgres
from db.settings import plain_url
from db.tables import Role
from tests.api.conftest import Worker, make_settings
from tests.security.conftest import PASSWORD, GatewayProcess, StartGateway
from tests.security.generated_requests import Person, Plan, run

# Of the long form, for each role: 5,000 in all.
CASES = 1_700
SEED = 20_261_121
SECONDS = 900.0
ALL_PHASES = ("examples", "coverage", "fuzzing", "stateful")
LIMITS = (
    "NEW_CONNECTIONS_PER_MINUTE", "SUBMISSIONS_PER_MINUTE", "QUEUED_PER_USER", "FAILED_LOGINS_PER_MINUTE",
    "REGISTRATIONS_PER_MINUTE", "SOCKETS_PER_USER",
)  # fmt: skip
UNLIMITED = dict.fromkeys(LIMITS, "1000000")


@pytest.fixture(scope="module")
def settings(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_settings(postgres.url, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def unlimited_gateway(start_gateway: StartGateway, settings: Settings) -> GatewayProcess:
    # An https host name: passkeys are enabled.
    values = {
        "PUBLIC_URL": "https://auraanim.example",
        "STORAGE_DIR": str(settings.storage_dir),
        "STORAGE_SIGNING_KEY": settings.signing_key.decode(),
    }
    return start_gateway(**values, **UNLIMITED)


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    ("role", "examples", "short_phases"),
    [
        pytest.param(Role.USER, 5, ("fuzzing", "stateful"), id="user"),
        pytest.param(None, 2, ("fuzzing",), id="visitor"),
        pytest.param(Role.ADMIN, 0, (), id="administrator", marks=pytest.mark.long_attack),
    ],
)
@pytest.mark.usefixtures("database_url")
async def test_every_answer_is_documented_and_none_is_a_server_error(
    unlimited_gateway: GatewayProcess,
    settings: Settings,
    postgres: Postgres,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    generated: dict[str, str],
    role: Role | None,
    examples: int,
    short_phases: Sequence[str],
) -> None:
    is_long = pytestconfig.getoption("security", default="short") == "all"
    async with httpx.AsyncClient(base_url=unlimited_gateway.url) as client:
        people = [await register(client, name) for name in ("caller", "peer", "third")]
        known = await known_values(client, people[0], await make_jobs(settings, people[0]))
    if role is Role.ADMIN:
        await set_role(postgres, people[0], role)
    plan = Plan(
        people=people[:2] if role else [],
        known={**known, "path.user_id": [people[2].id]},
        phases=ALL_PHASES if is_long else short_phases,
        examples=30 if is_long else examples,
        seed=SEED,
        seconds=SECONDS,
    )
    report = await asyncio.to_thread(run, unlimited_gateway, tmp_path, plan)
    generated[role or "visitor"] = f"{report.cases} requests, {report.operations} operations"
    assert not report.problems, report.text
    assert report.untested_operations == 0, report.text
    assert report.cases >= (CASES if is_long else 1), report.text
    assert "Traceback" not in unlimited_gateway.log()


async def register(client: httpx.AsyncClient, name: str) -> Person:
    credentials = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    response = (await client.post("/api/auth/register", json=credentials)).raise_for_status()
    return Person(name, response.json()["id"], **credentials)


async def set_role(postgres: Postgres, person: Person, role: Role) -> None:
    connection = await asyncpg.connect(plain_url(postgres.owner_url))
    await connection.execute("UPDATE users SET role = $1 WHERE id = $2", role, UUID(person.id))
    await connection.close()


async def make_jobs(settings: Settings, owner: Person) -> list[str]:
    """The ids of a succeeded, a failed and a queued job."""
    app = create_app(settings)
    worker, owner_id = Worker(app.state.gateway), UUID(owner.id)
    succeeded = await worker.enqueue(owner_id)
    await worker.publish(await worker.claim())
    failed = await worker.enqueue(owner_id)
    await worker.fail(await worker.claim())
    queued = await worker.enqueue(owner_id)
    await app.state.gateway.close()
    return [str(job.id) for job in (succeeded, failed, queued)]


async def known_values(client: httpx.AsyncClient, owner: Person, jobs: list[str]) -> Mapping[str, Sequence[str]]:
    """Of parameters: what belongs to the jobs of `owner`, the first of which has succeeded. Its video is public."""
    credentials = {"email": owner.email, "password": owner.password}
    signed_in = (await client.post("/api/auth/login", json=credentials)).raise_for_status()
    client.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
    link = urlsplit((await client.get(f"/api/result/{jobs[0]}")).headers["location"])
    video = (await client.get("/api/videos")).raise_for_status().json()["data"][0]["id"]
    (await client.patch(f"/api/videos/{video}", json={"visibility": "public"})).raise_for_status()
    share = (await client.post(f"/api/videos/{video}/shares", json={})).raise_for_status().json()
    endpoint = {"url": "https://hooks.example.org/", "events": ["job.failed"]}
    hook = (await client.post("/api/webhooks", json=endpoint)).raise_for_status().json()["id"]
    delivery = (await client.post(f"/api/webhooks/{hook}/test")).raise_for_status().json()["id"]
    return {
        "path.job_id": jobs,
        "path.webhook_id": [hook],
        "path.delivery_id": [delivery],
        "path.video_id": [video, jobs[0]],
        "path.share_id": [share["id"]],
        "path.token": [share["token"]],
        "path.model": ["tiny"],
        "path.key": [link.path.removeprefix("/api/files/")],
        **{f"query.{name}": [value] for name, value in parse_qsl(link.query)},
        "body.model": ["tiny"],
        "body.video_id": [video],
        "body.ids[*]": [video],
    }
