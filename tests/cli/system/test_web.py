"""The web app of `aura up`: what it needs, when it is built, and with which settings it runs."""

import os
import stat
from pathlib import Path

import pytest

from cli.system.data_dir import DataDir
from cli.system.up import System
from cli.system.web import WebApp, WebUnavailable, media_origins, node_version

NPM = """#!/bin/sh
echo "npm $*" >> "$PWD/calls"
case "$1" in
  install) mkdir -p node_modules && touch node_modules/.package-lock.json ;;
  run) mkdir -p .next/standalone .next/static && touch .next/standalone/server.js && exit ${NPM_STATUS:-0} ;;
esac
"""


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(stat.S_IRWXU)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebApp:
    """Sources, and programs in the place of Node.js and npm."""
    sources = tmp_path / "frontend"
    sources.mkdir()
    (sources / "package.json").write_text("{}")
    (sources / "package-lock.json").write_text("{}")
    (sources / "page.tsx").write_text("1")
    program(tmp_path / "bin", "node", "#!/bin/sh\necho ${NODE_SHOWN:-v22.1.0}\n")
    program(tmp_path / "bin", "npm", NPM)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return WebApp(3000, sources)


def build(app: WebApp) -> None:
    app.build(app.sources.parent / "log")
    (app.sources / "calls").rename(app.sources.parent / "calls")  # not a source
    (app.sources.parent / "calls").rename(app.sources / "node_modules" / "calls")


def test_it_is_built_once_and_again_when_a_source_changes(app: WebApp) -> None:
    assert not app.is_current
    build(app)
    installed = "npm install --no-save --no-audit --no-fund\nnpm run build\n"
    assert (app.sources / "node_modules" / "calls").read_text() == installed
    assert app.is_current
    (app.sources / "page.tsx").write_text("2")
    assert not app.is_current
    build(app)
    assert (app.sources / "node_modules" / "calls").read_text() == "npm run build\n", "the dependencies are there"


def test_what_the_build_writes_is_no_source(app: WebApp) -> None:
    build(app)
    (app.sources / ".next" / "cache").touch()
    (app.sources / "next-env.d.ts").touch()
    assert app.is_current


def test_a_failed_build_names_its_log_and_is_not_current(app: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPM_STATUS", "3")
    with pytest.raises(WebUnavailable, match=r"`npm run build` failed with status 3 \(log: .*log\)"):
        app.build(app.sources.parent / "log")
    assert not app.is_current


def test_an_old_or_missing_nodejs_is_named(app: WebApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app.require()
    assert node_version() == (22, 1, 0)
    monkeypatch.setenv("NODE_SHOWN", "v18.4.0")
    with pytest.raises(WebUnavailable, match=r"Node.js 18.4.0 is too old: 20.9 or newer is needed"):
        app.require()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WebUnavailable, match=r"Node\.js 20 or newer, with npm, is not installed"):
        app.require()
    with pytest.raises(WebUnavailable, match="does not include the sources"):
        WebApp(3000, tmp_path).require()


def test_without_nodejs_one_line_says_so_and_the_rest_runs(
    app: WebApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lines: list[str] = []
    system = System(DataDir(tmp_path / "data"), host="127.0.0.1", port=1, echo=lines.append, web=app)
    system._prepare_web()
    system._start_web()
    assert lines == ["no web app: Node.js 20 or newer, with npm, is not installed"]
    assert (system._processes, system._web_url) == ([], None)


def test_the_server_gets_its_own_settings_and_no_secret(app: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:b@c/d")
    environment = app.environment("0.0.0.0", "http://127.0.0.1:8000", {})
    assert environment["GATEWAY_URL"] == "http://127.0.0.1:8000"
    assert (environment["HOSTNAME"], environment["PORT"], environment["MEDIA_ORIGINS"]) == ("0.0.0.0", "3000", "")
    assert not {"SECRET_KEY", "DATABASE_URL"} & environment.keys()


ORIGINS = {
    "a folder": ({}, ""),
    "a store": ({"S3_ENDPOINT": "http://s3:9000"}, "http://s3:9000"),
    "a store without scheme": ({"S3_ENDPOINT": "s3:9000", "S3_SECURE": "true"}, "https://s3:9000"),
    "a public address": (
        {"S3_ENDPOINT": "s3:9000", "S3_PUBLIC_ENDPOINT": "https://cdn.example/x"},
        "https://cdn.example",
    ),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_browsers_may_load_videos_from_the_object_store(case: str) -> None:
    settings, origin = ORIGINS[case]
    assert media_origins(settings) == origin
