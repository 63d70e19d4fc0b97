"""The data directory: secrets, addresses and logs of one embedded AuraAnim, readable by its owner alone."""

import fcntl
import json
import os
import secrets
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

from dotenv import dotenv_values

LOCAL_EMAIL: Final = "me@localhost"
BUSY: Final = os.EX_TEMPFAIL
"""The exit status of an `aura up` that found the data directory busy."""
LOOK_SECONDS: Final = 0.5
"""Who only looks whether the lock is held has it for a moment (`held`)."""


class Busy(Exception):
    """Another `aura up` already runs in this data directory."""


@dataclass(frozen=True)
class Home:
    """`path` holds everything: remove it and a fresh start is what is left."""

    path: Path

    def create(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        self._private.mkdir(mode=0o700, exist_ok=True)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def _private(self) -> Path:
        return self.path / "private"

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def users_file(self) -> Path:
        """Locked, shared, by every `aura generate` that uses this data directory."""
        return self._private / "users.lock"

    @property
    def processes_file(self) -> Path:
        return self.path / "processes.json"

    @property
    def address_file(self) -> Path:
        return self.path / "address"

    @property
    def ray_address_file(self) -> Path:
        return self.path / "ray.address"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def ready_file(self, name: str) -> Path:
        return self.path / f"{name}.ready"

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Made once at random and kept: there are no default secrets."""
        path = self._private / "secrets.json"
        if not path.exists():
            names = ("SECRET_KEY", "STORAGE_SIGNING_KEY", "RAY_TOKEN", "PASSWORD")
            write_private(path, json.dumps({name: secrets.token_hex(32) for name in names}))
        values: dict[str, str] = json.loads(path.read_text())
        return values

    @property
    def ray_token_file(self) -> Path:
        path = self._private / "ray.token"
        if not path.exists():
            write_private(path, self.secrets["RAY_TOKEN"])
        return path

    def lock(self) -> IO[str]:
        """Hold the returned file open as long as this data directory is yours; Busy when it is somebody else's."""
        file = self._lock_file.open("w")
        end = time.monotonic() + LOOK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except BlockingIOError:
                if time.monotonic() > end:
                    file.close()
                    raise Busy(f"another `aura up` already runs in {self.path}") from None
            time.sleep(LOOK_SECONDS / 10)

    @property
    def held(self) -> bool:
        """Whether an `aura up` runs in this data directory; one that was killed does not."""
        with self._lock_file.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def environment(self, database_url: str, api_url: str) -> dict[str, str]:
        """What the processes of this data directory are told; what the operator has set wins."""
        given = set_by_operator()
        own = {
            "AURA_ENV": "development",
            "SECRET_KEY": self.secrets["SECRET_KEY"],
            "DATABASE_URL": database_url,
            "PUBLIC_URL": api_url,
            "MODELS_DIR": str(self.path / "models"),
            "RAY_ADDRESS_FILE": str(self.ray_address_file),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.ray_token_file),
            "PYTHONUNBUFFERED": "1",
        }
        if "S3_ENDPOINT" not in given:
            own |= {
                "STORAGE_DIR": str(self.path / "objects"),
                "STORAGE_SIGNING_KEY": self.secrets["STORAGE_SIGNING_KEY"],
            }
        return dict(os.environ) | own | given


def set_by_operator() -> dict[str, str]:
    """What the environment says, and what stands in `.env` of the working directory; as for the settings classes the
    environment wins, and what is empty is not set."""
    said = [*dotenv_values(".env").items(), *os.environ.items()]
    return {name: value for name, value in said if value}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value) + "\n")
    partial.replace(path)
