import pytest
from pydantic import ValidationError

from api.settings import DEVELOPMENT_KEY, Settings

PLACES = {"DATABASE_URL": "postgresql://u:p@h/d", "STORAGE_DIR": "objects", "STORAGE_SIGNING_KEY": "k" * 32}


@pytest.mark.parametrize("key", ["", "short", "x" * 31])
def test_a_short_secret_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="SECRET_KEY"):
        Settings(**PLACES, SECRET_KEY=key)


def test_only_development_has_a_default_secret() -> None:
    assert Settings(**PLACES, AURA_ENV="development").SECRET_KEY.get_secret_value() == DEVELOPMENT_KEY
    with pytest.raises(ValidationError):
        Settings(**PLACES, AURA_ENV="production")


def test_secrets_are_not_shown() -> None:
    settings = Settings(**PLACES, SECRET_KEY="very secret and very long, long enough")
    assert "very secret" not in repr(settings)


def test_origins_are_those_allowed_and_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example/, https://b.example")
    settings = Settings(**PLACES, SECRET_KEY="x" * 32, PUBLIC_URL="https://aura.example/path")
    assert settings.origins == {"https://a.example", "https://b.example", "https://aura.example"}
