import pytest
from pydantic import ValidationError

from api.settings import DEVELOPMENT_KEY, Settings

REQUIRED = {"database_url": "postgresql://u:p@h/d", "storage_dir": "objects", "storage_signing_key": "k" * 32}


@pytest.mark.parametrize("key", ["", "short", "x" * 31])
def test_a_short_secret_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="SECRET_KEY"):
        Settings(**REQUIRED, secret_key=key)


def test_only_development_has_a_default_secret() -> None:
    assert Settings(**REQUIRED, aura_env="development").secret_key.get_secret_value() == DEVELOPMENT_KEY
    with pytest.raises(ValidationError):
        Settings(**REQUIRED, aura_env="production")


def test_repr_hides_secrets() -> None:
    settings = Settings(**REQUIRED, secret_key="very secret and very long, long enough")
    assert "very secret" not in repr(settings)


def test_origins_include_the_public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example/, https://b.example")
    settings = Settings(**REQUIRED, secret_key="x" * 32, public_url="https://aura.example/path")
    assert settings.origins == {"https://a.example", "https://b.example", "https://aura.example"}
