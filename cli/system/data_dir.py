"""The data directory: secrets, addresses, locks and logs of one embedded AuraAnim."""

import fcntl
import json
import os
import secrets
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Final

from dotenv import dotenv_values

LOCAL_EMAIL: Final = "me@localhost"
# Exit status of an `aura up` that finds the data directory locked by another one.
EXIT_ALREADY_RUNNING: Final = os.EX_TEMPFAIL
# What `status_file` contains while the system shuts down.
STOPPING: Final = "stopping"
STOP_TIMEOUT_SECONDS: Final = 90.0
# `is_locked` takes the lock for a moment, so a single failed attempt does not prove that another `aura up` runs.
LOCK_TIMEOUT_SECONDS: Final = 0.5
_SECRET_NAMES: Final = ("SECRET_KEY", "STORAGE_SIGNING_KEY", "RAY_TOKEN", "PASSWORD")


class AlreadyRunning(Exception):
    """Another `aura up` holds the lock of this data directory."""


@dataclass(frozen=True)
class DataDir:
    """Everything an embedded AuraAnim stores is under `path`; deleting it resets the installation."""

    path: Path

    def create(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._logs.mkdir(exist_ok=True)
        self._private.mkdir(mode=0o700, exist_ok=True)

    @property
    def _logs(self) -> Path:
        return self.path / "logs"

    @property
    def _private(self) -> Path:
        return self.path / "private"

    @property
    def _lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def users_file(self) -> Path:
        """Every `aura generate` that uses this data directory holds a shared lock on this file."""
        return self._private / "users.lock"

    @property
    def processes_file(self) -> Path:
        """Process ids of the running system, as a JSON object."""
        return self.path / "processes.json"

    @property
    def address_file(self) -> Path:
        """URL of the running gateway."""
        return self.path / "address"

    @property
    def status_file(self) -> Path:
        """One line: what a system that starts is waiting for, or STOPPING. There is no file while the system runs."""
        return self.path / "status"

    @property
    def status(self) -> str | None:
        return self.status_file.read_text() if self.status_file.exists() else None

    @property
    def ray_address_file(self) -> Path:
        return self.path / "ray.address"

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def ready_file(self, name: str) -> Path:
        return self.path / f"{name}.ready"

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Random secrets, generated at the first access and kept; there are no default secrets."""
        path = self._private / "secrets.json"
        if not path.exists():
            write_file(path, json.dumps({name: secrets.token_hex(32) for name in _SECRET_NAMES}))
        values: dict[str, str] = json.loads(path.read_text())
        return values

    @property
    def ray_token_file(self) -> Path:
        path = self._private / "ray.token"
        if not path.exists():
            write_file(path, self.secrets["RAY_TOKEN"])
        return path

    def lock(self) -> IO[str]:
        """Lock the data directory until the returned file is closed.

        AlreadyRunning if another process holds the lock, unless it shuts down: that is waited for. The kernel releases
        the lock when its process ends, however it ends.
        """
        file = self._lock_file.open("w")
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except BlockingIOError:
                timeout = STOP_TIMEOUT_SECONDS if self.status == STOPPING else LOCK_TIMEOUT_SECONDS
                if time.monotonic() > began + timeout:
                    file.close()
                    raise AlreadyRunning(f"another `aura up` is already running in {self.path}") from None
            time.sleep(LOCK_TIMEOUT_SECONDS / 10)

    @property
    def is_locked(self) -> bool:
        """Whether an `aura up` is running in this data directory."""
        with self._lock_file.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def environment(self, database_url: str, api_url: str) -> dict[str, str]:
        """The environment of the supervised processes. Settings of the operator override ours."""
        configured = operator_settings()
        defaults = {
            "AURA_ENV": "production" if is_public(configured.get("PUBLIC_URL", "")) else "development",
            "SECRET_KEY": self.secrets["SECRET_KEY"],
            "DATABASE_URL": database_url,
            "PUBLIC_URL": api_url,
            "MODELS_DIR": str(self.path / "models"),
            "MODELS_FILE": str(Path(configured.get("MODELS_DIR", self.path / "models")) / "models.toml"),
            "RAY_ADDRESS_FILE": str(self.ray_address_file),
            "RAY_AUTH_MODE": "token",
            "PYTHONUNBUFFERED": "1",
        }
        if "RAY_ADDRESS" not in configured:  # an existing cluster has its own token, by default where Ray looks for it
            defaults["RAY_AUTH_TOKEN_PATH"] = str(self.ray_token_file)
        if "S3_ENDPOINT" not in configured:
            defaults |= {
                "STORAGE_DIR": str(self.path / "objects"),
                "STORAGE_SIGNING_KEY": self.secrets["STORAGE_SIGNING_KEY"],
            }
        return dict(os.environ) | defaults | configured


def is_public(url: str) -> bool:
    """Whether browsers reach the gateway over TLS, through a proxy: development mode would weaken its cookies."""
    return url.startswith("https:")


def operator_settings() -> dict[str, str]:
    """The variables of the environment and of `.env` in the working directory.

    The rules are those of the settings classes: the environment overrides `.env`, and an empty value counts as unset.
    """
    variables = [*dotenv_values(".env").items(), *os.environ.items()]
    return {name: value for name, value in variables if value}


def write_file(path: Path, text: str) -> None:
    """Replace a file atomically, readable by its owner only."""
    partial = path.with_suffix(".partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
