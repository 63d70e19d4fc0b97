"""A remote gateway for the commands, with a configuration folder of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import credentials
from cli.client import Client
from cli.credentials import StoredKey
from cli.login import SCOPES
from cli.main import app
from db.embedded import Postgres
from tests.cli.hub import Hub, serve
from tests.live import running

EMAIL = "someone@example.org"
PASSWORD = "correct horse battery"
SMALL = {"prompt": "a red circle", "width": 64, "height": 64, "fps": 8, "duration_seconds": 1.0, "seed": 7}


@dataclass
class Remote:
    url: str
    client: Client

    def make_video(self, **spec: object) -> str:
        """The id of a succeeded job."""
        job_id = self.client.generate(SMALL | spec)
        assert [job.status for job in self.client.follow(job_id)][-1] == "succeeded"
        return job_id


@pytest.fixture(scope="module")
def remote_url(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(postgres, tmp_path_factory.mktemp("live")) as url:
        with Client(url) as client:
            client.sign_in(EMAIL, PASSWORD, register=True)
        yield url


@pytest.fixture(scope="module")
def remote(remote_url: str) -> Iterator[Remote]:
    """A system, and a client that is signed in to it."""
    with Client(remote_url) as client:
        client.sign_in(EMAIL, PASSWORD)
        yield Remote(remote_url, client)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the configuration; no credentials in the environment."""
    for name in ("AURA_API", "AURA_API_URL", "AURA_API_KEY", "AURA_EMAIL", "AURA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


Aura = Callable[..., Result]


@pytest.fixture
def aura(home: Path) -> Aura:
    """Run a command of the CLI in this process."""
    return lambda *arguments, input=None: CliRunner().invoke(app, [*map(str, arguments)], input=input)


@pytest.fixture(scope="module")
def stored_key(remote: Remote) -> StoredKey:
    key = remote.client.create_key("tests", SCOPES)
    return StoredKey(url=remote.url, email=EMAIL, key_id=key.id, key=key.key)


@pytest.fixture
def signed_in(stored_key: StoredKey, aura: Aura) -> Aura:
    """Run commands as after `aura login`."""
    credentials.store(stored_key)
    return aura


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    (tmp_path / "site").mkdir()
    with serve(tmp_path / "site") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield hub
