"""A small hub on the loopback address: pinned files, hashes in the answers, ranges, gates and interrupted downloads."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Hub:
    """Serves `<root>/<owner>/<name>/<path>` at `/<owner>/<name>/resolve/<revision>/<path>`, other paths unchanged.

    `requests` are (path, range) in order. A path in `cut` is sent only that far once; `gated` needs a token.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.url = root, ""
        self.requests: list[tuple[str, str]] = []
        self.cut: dict[str, int] = {}
        self.gated: set[str] = set()
        self.wrong_hash: set[str] = set()

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
            stated = hashlib.sha256(data + (b"!" if name in hub.wrong_hash else b"")).hexdigest()
            headers = {"X-Linked-Etag": f'"{stated}"'} if "/resolve/" in self.path else {}
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
