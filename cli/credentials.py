"""The API keys that `aura login` has stored: one per gateway, in a file that only its owner can read."""

from pathlib import Path
from typing import Final

import typer
from pydantic import BaseModel, Field, ValidationError

from cli.system.data_dir import write_file

FILE_NAME: Final = "credentials.json"


class StoredKey(BaseModel):
    url: str
    email: str
    key_id: str
    key: str


class _File(BaseModel):
    # The gateway of the last `aura login`.
    default: str | None = None
    keys: list[StoredKey] = Field(default_factory=list)


def path() -> Path:
    """In XDG_CONFIG_HOME, ~/.config by default."""
    return Path(typer.get_app_dir("aura")) / FILE_NAME


def default() -> StoredKey | None:
    """The key of the last `aura login`."""
    stored = _read()
    return next((key for key in stored.keys if key.url == stored.default), None)


def of(url: str) -> StoredKey | None:
    return next((key for key in _read().keys if key.url == url.rstrip("/")), None)


def store(key: StoredKey) -> None:
    """Keep the key, in place of an earlier one of the same gateway, as the default."""
    others = [other for other in _read().keys if other.url != key.url]
    _write(_File(default=key.url, keys=[key, *others]))


def forget(url: str) -> None:
    """Delete the key of a gateway. If it was the default, the newest of the others becomes that."""
    stored = _read()
    left = [key for key in stored.keys if key.url != url]
    default = stored.default if stored.default != url else next((key.url for key in left), None)
    _write(_File(default=default, keys=left))


def _read() -> _File:
    """ValueError if the file was damaged."""
    try:
        return _File.model_validate_json(path().read_text())
    except FileNotFoundError:
        return _File()
    except ValidationError:
        raise ValueError(f"{path()} is damaged: delete it and run `aura login` again") from None


def _write(stored: _File) -> None:
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path(), stored.model_dump_json(indent=2))
