"""The web app of `aura up`: built when its sources have changed, then served by Node.js."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

SOURCES: Final = Path(__file__).parents[2] / "frontend"
# Next.js 16 requires it.
MIN_NODE: Final = (20, 9)
# What the lock file names, without changing it. `npm ci` refuses a lock file without the optional packages of other
# platforms, which not every registry has.
INSTALL: Final = ("npm", "install", "--no-save", "--no-audit", "--no-fund")
# Folders that are not sources: what npm and Next.js write.
GENERATED: Final = frozenset({"node_modules", ".next"})
WRITTEN_BY_TOOLS: Final = (".tsbuildinfo", "next-env.d.ts")
# All that the server gets of this process's environment, besides its own settings: it needs no secret.
PASSED_ON: Final = ("PATH", "HOME", "LANG", "TZ", "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "AURA_DESIGN_PAGE")


class WebUnavailable(Exception):
    """The web app cannot be served; the message says what is missing."""


@dataclass(frozen=True)
class WebApp:
    """The sources, and the port on which they are served."""

    port: int
    sources: Path = SOURCES

    @property
    def _built(self) -> Path:
        return self.sources / ".next" / "standalone"

    @property
    def _stamp(self) -> Path:
        """The hash of the sources of the finished build."""
        return self.sources / ".next" / "sources.sha256"

    def require(self) -> None:
        """WebUnavailable if the sources or Node.js are missing."""
        if not (self.sources / "package.json").is_file():
            raise WebUnavailable("this installation does not include the sources of the web app")
        if (version := node_version()) is None or shutil.which("npm") is None:
            raise WebUnavailable(f"Node.js {MIN_NODE[0]} or newer, with npm, is not installed")
        if version < MIN_NODE:
            shown = ".".join(map(str, version))
            raise WebUnavailable(f"Node.js {shown} is too old: {MIN_NODE[0]}.{MIN_NODE[1]} or newer is needed")

    @property
    def is_current(self) -> bool:
        """Whether the sources have not changed since the last build."""
        has_build = (self._built / "server.js").is_file() and self._stamp.is_file()
        return has_build and self._stamp.read_text() == self._source_hash()

    def build(self, log: Path) -> None:
        """Install the dependencies and build. The output goes to `log`. WebUnavailable if a step fails."""
        hashed = self._source_hash()
        environment = dict(os.environ) | {"NEXT_TELEMETRY_DISABLED": "1", "AURA_BUILD_ONLY": "1"}
        with log.open("wb") as output:
            if not self._has_dependencies():
                self._run(INSTALL, environment, output.fileno(), log)
            self._run(["npm", "run", "build"], environment, output.fileno(), log)
        # Next.js leaves these beside the server for a CDN; here the server serves them.
        for source, target in ((".next/static", ".next/static"), ("public", "public")):
            if (self.sources / source).is_dir():
                shutil.copytree(self.sources / source, self._built / target, dirs_exist_ok=True)
        self._stamp.write_text(hashed)

    def command(self) -> list[str]:
        return ["node", str(self._built / "server.js")]

    def environment(self, host: str, gateway_url: str, settings: Mapping[str, str]) -> dict[str, str]:
        """The environment of the server. `settings` are the operator's."""
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return passed_on | {
            "NODE_ENV": "production",
            "HOSTNAME": host,
            "PORT": str(self.port),
            "GATEWAY_URL": gateway_url,
            "MEDIA_ORIGINS": media_origins(settings),
            # The gateway, and with it every stream, stops within seconds; idle connections of browsers need not.
            "KEEP_ALIVE_TIMEOUT": "5000",
        }

    def _run(self, command: Sequence[str], environment: dict[str, str], output: int, log: Path) -> None:
        nice = [shutil.which("nice") or "env", *command]
        status = subprocess.run(
            nice, cwd=self.sources, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        ).returncode
        if status:
            raise WebUnavailable(f"`{' '.join(command)}` failed with status {status} (log: {log})")

    def _has_dependencies(self) -> bool:
        """Whether npm has installed what the lock file names: it keeps a copy of it."""
        installed, lock = self.sources / "node_modules" / ".package-lock.json", self.sources / "package-lock.json"
        return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime

    def _source_hash(self) -> str:
        digest = hashlib.sha256()
        for path in self._source_files():
            digest.update(str(path.relative_to(self.sources)).encode() + b"\0" + path.read_bytes() + b"\0")
        digest.update(os.environ.get("NEXT_PUBLIC_SPLINE_SCENE", "").encode())
        return digest.hexdigest()

    def _source_files(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self.sources):
            folders[:] = sorted(name for name in folders if name not in GENERATED)
            yield from (Path(folder, name) for name in sorted(names) if not name.endswith(WRITTEN_BY_TOOLS))


def node_version() -> tuple[int, ...] | None:
    """The version of Node.js as numbers; None if there is no `node` that runs."""
    if (node := shutil.which("node")) is None:
        return None
    try:
        shown = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
        return tuple(int(part) for part in shown.strip().removeprefix("v").split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def media_origins(settings: Mapping[str, str]) -> str:
    """The origin from which browsers load videos, if it is an object store of its own."""
    endpoint = settings.get("S3_PUBLIC_ENDPOINT") or settings.get("S3_ENDPOINT", "")
    if not endpoint:
        return ""
    if "://" not in endpoint:
        secure = settings.get("S3_SECURE", "").lower() in ("1", "true", "yes", "on")
        endpoint = f"{'https' if secure else 'http'}://{endpoint}"
    url = urlsplit(endpoint)
    return f"{url.scheme}://{url.netloc}"
