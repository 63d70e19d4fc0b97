import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.secret_key import kept_key
from api.settings import DEVELOPMENT_KEY_FILE, Settings, load

KEY = "very secret and very long, long enough"
REQUIRED = {"database_url": "postgresql://u:p@h/d", "storage_dir": "objects", "storage_signing_key": "k" * 32}


@pytest.mark.parametrize(
    "key",
    [
        "", "short", "x" * 31, "x" * 64, "changeme" * 4, "0123456" * 8,
        "development only: everyone knows this key",
    ],
)  # fmt: skip
def test_a_short_or_default_secret_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="SECRET_KEY"):
        Settings(**REQUIRED, secret_key=key)
    if key:
        with pytest.raises(ValidationError, match="SECRET_KEY_PREVIOUS"):
            Settings(**REQUIRED, secret_key=KEY, secret_key_previous=key)


@pytest.mark.parametrize("environment", ["production", "development"])
def test_a_random_key_is_accepted(environment: str) -> None:
    for _ in range(1000):
        Settings(**REQUIRED, aura_env=environment, secret_key=secrets.token_hex(16))


def test_development_makes_a_random_secret_and_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    keys = {Settings(**REQUIRED, aura_env="development").secret_key.get_secret_value() for _ in range(3)}
    file = tmp_path / DEVELOPMENT_KEY_FILE
    assert keys == {file.read_text()}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    with pytest.raises(ValidationError):
        Settings(**REQUIRED, aura_env="production")
    file.unlink()
    assert Settings(**REQUIRED, aura_env="development").secret_key.get_secret_value() not in keys


def test_processes_that_start_at_once_have_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: kept_key(tmp_path / "private" / "key"), range(8)))
    assert len(keys) == 1


def test_a_key_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValidationError, match="SECRET_KEY must be set"):
        Settings(**REQUIRED, aura_env="development", secret_key_file=str(tmp_path / "file" / "key"))


def test_the_key_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    settings = Settings(**REQUIRED, aura_env="production", secret_key_file=str(tmp_path / "key"))
    assert settings.secret_key.get_secret_value() == KEY


def test_an_invalid_setting_ends_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("SECRET_KEY", "too short, and secret")
    with pytest.raises(SystemExit) as ended:
        load()
    printed = capsys.readouterr().err
    assert ended.value.code == 2
    assert printed == "api: SECRET_KEY must be set and have at least 32 bytes (openssl rand -hex 32)\n"


@pytest.mark.parametrize(
    ("environment", "public_url", "secure", "loopback"),
    [
        ("production", "", True, False),
        ("production", "http://127.0.0.1:8000", True, False),
        ("development", "", False, True),
        ("development", "http://127.0.0.1:8000", False, True),
        ("development", "http://localhost:8000", False, True),
        ("development", "https://aura.example", True, False),
        ("development", "http://aura.example", False, False),
        ("development", "https://127.0.0.1:8000", True, True),
    ],
)
def test_what_development_allows_depends_on_the_public_url(
    environment: str, public_url: str, secure: bool, loopback: bool
) -> None:
    settings = Settings(**REQUIRED, aura_env=environment, secret_key=KEY, public_url=public_url)
    assert (settings.secure_cookies, settings.trusts_loopback) == (secure, loopback)


def test_mail_needs_a_sender_and_links() -> None:
    for missing in ({}, {"smtp_from": "a@b.org"}, {"public_url": "https://aura.example"}):
        with pytest.raises(ValidationError, match="SMTP_HOST needs"):
            Settings(**REQUIRED, secret_key=KEY, smtp_host="mail", **missing)


def test_repr_hides_secrets() -> None:
    settings = Settings(**REQUIRED, secret_key="very secret and very long, long enough")
    assert "very secret" not in repr(settings)


def test_origins_include_the_public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example/, https://b.example")
    settings = Settings(**REQUIRED, secret_key=KEY, public_url="https://aura.example/path")
    assert settings.origins == {"https://a.example", "https://b.example", "https://aura.example"}
