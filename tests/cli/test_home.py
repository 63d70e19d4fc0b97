"""The data directory: secrets are random, kept, and nobody else's."""

import stat
from pathlib import Path

import pytest

from cli.home import Busy, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "aura")
    made.create()
    return made


def test_secrets_are_random_and_kept(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.create()
    assert home.secrets == Home(home.path).secrets
    assert not set(home.secrets.values()) & set(other.secrets.values())
    assert min(map(len, home.secrets.values())) >= 32


def test_secrets_can_be_read_by_their_owner_alone(home: Home) -> None:
    token, kept = home.ray_token_file, home.secrets
    assert token.read_text() == kept["RAY_TOKEN"]
    for path in (token, token.parent / "secrets.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700


def test_a_folder_that_is_made_here_is_closed_to_others_and_one_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o750)
    for path, mode in ((tmp_path / "new", 0o700), (there, 0o750)):
        Home(path).create()
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_it_is_held_as_long_as_its_lock_is(home: Home) -> None:
    assert not home.held
    lock = home.lock()
    assert home.held
    lock.close()
    assert not home.held


def test_two_cannot_run_in_one_data_directory(home: Home) -> None:
    held = home.lock()
    with pytest.raises(Busy, match="already runs"):
        home.lock()
    held.close()
    home.lock().close()


def test_what_the_operator_sets_wins(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home.environment("postgresql://a/b", "http://c")["DATABASE_URL"] == "postgresql://a/b"
    monkeypatch.setenv("DATABASE_URL", "postgresql://mine/d")
    monkeypatch.setenv("S3_ENDPOINT", "http://s3")
    environment = home.environment("postgresql://a/b", "http://c")
    assert environment["DATABASE_URL"] == "postgresql://mine/d"
    assert "STORAGE_DIR" not in environment


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.env` of the working directory, in an environment that sets nothing of it."""
    for name in ("AURA_ENV", "SECRET_KEY", "DATABASE_URL", "MODELS_DIR", "S3_ENDPOINT", "STORAGE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_what_stands_in_dotenv_is_set_by_the_operator_too(
    home: Home, dotenv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = home.environment("postgresql://a/b", "http://c")
    theirs = {"AURA_ENV": "production", "SECRET_KEY": "k" * 32, "MODELS_DIR": "/srv/models", "S3_ENDPOINT": "s3:9000"}
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in theirs.items()))
    environment = home.environment("postgresql://a/b", "http://c")
    assert theirs.items() <= environment.items()
    assert "STORAGE_DIR" in ours
    assert "STORAGE_DIR" not in environment
    monkeypatch.setenv("MODELS_DIR", "/elsewhere")
    assert home.environment("postgresql://a/b", "http://c")["MODELS_DIR"] == "/elsewhere"


def test_what_is_empty_is_not_set(home: Home, dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty SECRET_KEY in development the gateway would take a key that everyone knows."""
    dotenv.write_text("SECRET_KEY=\nS3_ENDPOINT=\nMODELS_DIR=/srv/models\n")
    for name in ("SECRET_KEY", "MODELS_DIR", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")
    environment = home.environment("postgresql://a/b", "http://c")
    assert environment["SECRET_KEY"] == home.secrets["SECRET_KEY"]
    assert environment["STORAGE_DIR"] == str(home.path / "objects")
    assert environment["MODELS_DIR"] == "/srv/models"
    assert environment["CUDA_VISIBLE_DEVICES"] == "", "no setting of ours, and empty it means something"


def test_links_into_a_folder_of_the_operators_are_signed_with_our_key(home: Home, dotenv: Path) -> None:
    dotenv.write_text("STORAGE_DIR=/srv/objects\n")
    environment = home.environment("postgresql://a/b", "http://c")
    assert environment["STORAGE_DIR"] == "/srv/objects"
    assert environment["STORAGE_SIGNING_KEY"] == home.secrets["STORAGE_SIGNING_KEY"]
