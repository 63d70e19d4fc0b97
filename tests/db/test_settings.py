"""Addresses, keys and identifiers."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import ValidationError

from db.ids import uuid7
from db.settings import DatabaseSettings, StorageSettings, asyncpg_url, plain_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_any_postgres_address_will_do(scheme: str) -> None:
    settings = DatabaseSettings(_env_file=None, DATABASE_URL=f"{scheme}://u:p@h:5/d?sslmode=require")
    assert settings.DATABASE_URL == "postgresql+asyncpg://u:p@h:5/d?ssl=require"
    assert plain_url(settings.DATABASE_URL) == "postgresql://u:p@h:5/d?sslmode=require"


@pytest.mark.parametrize("url", ["", "mysql://h/d", "postgresql://", "h:5/d"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like postgresql://"):
        asyncpg_url(url)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({}, "either STORAGE_DIR or S3_ENDPOINT"),
        ({"STORAGE_DIR": "d", "S3_ENDPOINT": "h"}, "either STORAGE_DIR or S3_ENDPOINT"),
        ({"STORAGE_DIR": "d"}, "at least 32 bytes"),
        ({"STORAGE_DIR": "d", "STORAGE_SIGNING_KEY": "short"}, "at least 32 bytes"),
        ({"S3_ENDPOINT": "h:9000"}, "S3_ACCESS_KEY"),
    ],
)
def test_incomplete_storage_settings_are_refused(values: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        StorageSettings(_env_file=None, **values)


def test_settings_come_from_the_environment_and_hide_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"S3_ENDPOINT": "h:9000", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "hidden"}.items():
        monkeypatch.setenv(name, value)
    settings = StorageSettings(_env_file=None)
    assert settings.S3_ENDPOINT == "h:9000"
    assert "hidden" not in repr(settings)


def test_ids_sort_by_time() -> None:
    before = time.time_ns() // 1_000_000
    ids = [uuid7() for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5000
    assert {(i.version, i.variant) for i in ids} == {(7, "specified in RFC 4122")}
    assert before <= ids[0].int >> 80 <= time.time_ns() // 1_000_000


def test_ids_of_threads_differ() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: uuid7(), range(4000)))
    assert len(set(ids)) == 4000


def test_ids_rise_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)
    assert uuid7() > first
