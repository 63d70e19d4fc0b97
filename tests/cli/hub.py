"""A small hub on the loopback address: pinned files, hashes in the answers, ranges, gates and interrupted downloads."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Hub:
    """Serves `<root>/<owner>/<name>/<path>` at `/<owner>/<name>/resolve/<revision>/<path>`, other paths unchanged.

    `requests` are (path, range) in order. A path in `cut` is sent only that far once; `gated` needs a token. Files in
    `small` are stated by the id of their git blob, those in `silent` by nothing, all others by their SHA-256.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.url = root, ""
        self.requests: list[tuple[str, str]] = []
        self.cut: dict[str, int] = {}
        self.gated: set[str] = set()
        self.wrong_hash: set[str] = set()
        self.small: set[str] = set()
        self.silent: set[str] = set()

    def file(self, path: str) -> Path:
        parts = path.strip("/").split("/")
        if "resolve" in parts:
            at = parts.index("resolve")
            parts = [*parts[:at], *parts[at + 2 :]]
        return self.root.joinpath(*parts)


@contextmanager
def serve(root: Path) -> Iterator[Hub]:
    hub = Hub(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            hub.requests.append((self.path, wanted))
            file = hub.file(self.path)
            name = file.name
            if name in hub.gated and self.headers.get("Authorization") != "Bearer secret":
                return self._answer(401, b"")
            if not file.is_file():
                return self._answer(404, b"")
            data = file.read_bytes()
            stated = data + (b"!" if name in hub.wrong_hash else b"")
            headers = {"X-Linked-Etag": f'"{hashlib.sha256(stated).hexdigest()}"', "ETag": '"0123456789abcdef"'}
            if name in hub.small:
                blob = b"blob %d\0%b" % (len(stated), stated)
                headers = {"ETag": f'W/"{hashlib.sha1(blob).hexdigest()}"'}
            if name in hub.silent or "/resolve/" not in self.path:
                headers = {"ETag": '"0123456789abcdef"'}
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if start >= len(data) > 0:
                return self._answer(416, b"")
            self._answer(206 if start else 200, data[start:], headers, hub.cut.pop(name, None))
            return None

        def _answer(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None
        ) -> None:
            self.send_response(status)
            for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body[:cut])
            if cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()


class Recorded:
    """The progress of a download."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.files: list[str] = []
        self.last: tuple[int, int | None] = (0, None)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def received(self, file: str, done: int, total: int | None) -> None:
        if file not in self.files:
            self.files.append(file)
        self.last = done, total


def repository(hub: Hub, files: dict[str, bytes], name: str = "owner/model") -> None:
    for path, data in files.items():
        (hub.root / name / path).parent.mkdir(parents=True, exist_ok=True)
        (hub.root / name / path).write_bytes(data)
