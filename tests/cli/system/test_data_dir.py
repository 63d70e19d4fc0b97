"""The data directory: random secrets, file modes, the lock, and the environment of the supervised processes."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli.system.data_dir import LOCK_TIMEOUT_SECONDS, STOPPING, AlreadyRunning, DataDir


def test_secrets_are_random_and_kept(data_dir: DataDir, tmp_path: Path) -> None:
    other = DataDir(tmp_path / "other")
    other.create()
    assert data_dir.secrets == DataDir(data_dir.path).secrets
    assert not set(data_dir.secrets.values()) & set(other.secrets.values())
    assert min(map(len, data_dir.secrets.values())) >= 32


def test_secrets_are_readable_by_their_owner_only(data_dir: DataDir) -> None:
    token, secrets = data_dir.ray_token_file, data_dir.secrets
    assert token.read_text() == secrets["RAY_TOKEN"]
    for path in (token, token.parent / "secrets.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700


def test_a_new_folder_is_private_and_an_existing_one_keeps_its_mode(tmp_path: Path) -> None:
    existing = tmp_path / "existing"
    existing.mkdir()
    existing.chmod(0o750)
    for path, mode in ((tmp_path / "new", 0o700), (existing, 0o750)):
        DataDir(path).create()
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_it_is_locked_until_the_lock_file_is_closed(data_dir: DataDir) -> None:
    assert not data_dir.is_locked
    lock = data_dir.lock()
    assert data_dir.is_locked
    lock.close()
    assert not data_dir.is_locked


def test_a_locked_data_directory_cannot_be_locked_again(data_dir: DataDir) -> None:
    lock = data_dir.lock()
    with pytest.raises(AlreadyRunning, match="already running"):
        data_dir.lock()
    lock.close()
    data_dir.lock().close()


def test_the_environment_overrides_our_settings(data_dir: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_dir.environment("postgresql://a/b", "http://c")["DATABASE_URL"] == "postgresql://a/b"
    monkeypatch.setenv("DATABASE_URL", "postgresql://mine/d")
    monkeypatch.setenv("S3_ENDPOINT", "http://s3")
    environment = data_dir.environment("postgresql://a/b", "http://c")
    assert environment["DATABASE_URL"] == "postgresql://mine/d"
    assert "STORAGE_DIR" not in environment


def test_the_end_of_a_shutdown_is_waited_for(data_dir: DataDir) -> None:
    """`make video && make up`: the temporary system may still be stopping."""
    lock = data_dir.lock()
    data_dir.status_file.write_text(STOPPING)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(data_dir.lock)
        time.sleep(2 * LOCK_TIMEOUT_SECONDS)
        assert not waiting.done()
        lock.close()
        waiting.result(5).close()


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of `.env` in the working directory, with none of its variables in the environment."""
    for name in ("AURA_ENV", "SECRET_KEY", "DATABASE_URL", "MODELS_DIR", "S3_ENDPOINT", "STORAGE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_dotenv_overrides_our_settings_and_the_environment_overrides_dotenv(
    data_dir: DataDir, dotenv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = data_dir.environment("postgresql://a/b", "http://c")
    configured = {
        "AURA_ENV": "production",
        "SECRET_KEY": "k" * 32,
        "MODELS_DIR": "/srv/models",
        "S3_ENDPOINT": "s3:9000",
    }
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in configured.items()))
    environment = data_dir.environment("postgresql://a/b", "http://c")
    assert configured.items() <= environment.items()
    assert "STORAGE_DIR" in defaults
    assert "STORAGE_DIR" not in environment
    monkeypatch.setenv("MODELS_DIR", "/elsewhere")
    assert data_dir.environment("postgresql://a/b", "http://c")["MODELS_DIR"] == "/elsewhere"


def test_an_empty_variable_counts_as_unset(data_dir: DataDir, dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty SECRET_KEY and AURA_ENV=development, the gateway would use a publicly known key."""
    dotenv.write_text("SECRET_KEY=\nS3_ENDPOINT=\nMODELS_DIR=/srv/models\n")
    for name in ("SECRET_KEY", "MODELS_DIR", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")
    environment = data_dir.environment("postgresql://a/b", "http://c")
    assert environment["SECRET_KEY"] == data_dir.secrets["SECRET_KEY"]
    assert environment["STORAGE_DIR"] == str(data_dir.path / "objects")
    assert environment["MODELS_DIR"] == "/srv/models"
    assert environment["CUDA_VISIBLE_DEVICES"] == "", "not a setting of AuraAnim; an empty value is meaningful"


def test_a_storage_dir_of_the_operator_is_used_with_our_signing_key(data_dir: DataDir, dotenv: Path) -> None:
    dotenv.write_text("STORAGE_DIR=/srv/objects\n")
    environment = data_dir.environment("postgresql://a/b", "http://c")
    assert environment["STORAGE_DIR"] == "/srv/objects"
    assert environment["STORAGE_SIGNING_KEY"] == data_dir.secrets["STORAGE_SIGNING_KEY"]


@pytest.mark.parametrize(
    ("public_url", "mode"), [("https://aura.example", "production"), ("http://127.0.0.1:8000", "development")]
)
def test_a_gateway_behind_tls_runs_in_production_mode(
    data_dir: DataDir, dotenv: Path, public_url: str, mode: str
) -> None:
    dotenv.write_text(f"PUBLIC_URL={public_url}\n")
    assert data_dir.environment("postgresql://a/b", "http://c")["AURA_ENV"] == mode
    dotenv.write_text(f"PUBLIC_URL={public_url}\nAURA_ENV=development\n")
    assert data_dir.environment("postgresql://a/b", "http://c")["AURA_ENV"] == "development"


def test_the_token_of_an_existing_cluster_is_not_replaced_by_ours(
    data_dir: DataDir, dotenv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RAY_ADDRESS", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    ours = data_dir.environment("postgresql://a/b", "http://c")
    assert ours["RAY_AUTH_TOKEN_PATH"] == str(data_dir.ray_token_file)
    dotenv.write_text("RAY_ADDRESS=10.0.0.1:6379\n")
    assert "RAY_AUTH_TOKEN_PATH" not in data_dir.environment("postgresql://a/b", "http://c")
