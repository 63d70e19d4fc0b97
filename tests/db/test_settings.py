"""Settings and identifiers."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from db.ids import uuid7
from db.settings import DatabaseSettings, MigrationSettings, StorageSettings, asyncpg_url, plain_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_postgres_urls_are_normalised(scheme: str) -> None:
    settings = DatabaseSettings(_env_file=None, database_url=f"{scheme}://u:p@h:5/d?sslmode=require")
    assert settings.database_url == "postgresql+asyncpg://u:p@h:5/d?ssl=require"
    assert plain_url(settings.database_url) == "postgresql://u:p@h:5/d?sslmode=require"


@pytest.mark.parametrize("url", ["", "mysql://h/d", "postgresql://", "h:5/d"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like postgresql://"):
        asyncpg_url(url)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either STORAGE_DIR or S3_ENDPOINT"),
        ({"storage_dir": "d", "s3_endpoint": "h"}, "either STORAGE_DIR or S3_ENDPOINT"),
        ({"storage_dir": "d"}, "at least 32 bytes"),
        ({"storage_dir": "d", "storage_signing_key": "short"}, "at least 32 bytes"),
        ({"s3_endpoint": "h:9000"}, "S3_ACCESS_KEY"),
    ],
)
def test_incomplete_storage_settings_are_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StorageSettings(_env_file=None, **values)


def test_settings_are_read_from_the_environment_and_hide_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"S3_ENDPOINT": "h:9000", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "hidden"}.items():
        monkeypatch.setenv(name, value)
    settings = StorageSettings(_env_file=None)
    assert settings.s3_endpoint == "h:9000"
    assert "hidden" not in repr(settings)


def test_ids_sort_by_creation_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [uuid7() for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5000
    assert {(i.version, i.variant) for i in ids} == {(7, "specified in RFC 4122")}
    assert before <= ids[0].int >> 80 <= time.time_ns() // 1_000_000


def test_ids_of_concurrent_threads_are_unique() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: uuid7(), range(4000)))
    assert len(set(ids)) == 4000


def test_ids_increase_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)
    assert uuid7() > first


def test_the_migrations_need_no_role_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`python -m db.migrate` uses DATABASE_URL then."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OWNER_DATABASE_URL", raising=False)
    assert (MigrationSettings().owner_database_url, MigrationSettings().audit_days) == (None, 365)
    monkeypatch.setenv("OWNER_DATABASE_URL", "postgres://o:p@host/db")
    assert MigrationSettings().owner_database_url == "postgresql+asyncpg://o:p@host/db"
