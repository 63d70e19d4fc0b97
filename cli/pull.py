"""`aura models pull` and `verify`: the files of published weights, from their pinned sources and with their hashes."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import httpx

from db.logs import first_line
from pipeline.contract.catalog import Model, Weights
from pipeline.contract.entries import HUB, Download
from pipeline.contract.published.frames import REFUSED_HASHES
from pipeline.models.weights import OPTIONAL_PARTS, find_folder, is_available

MANIFEST: Final = "manifest.json"
TIMEOUT_SECONDS: Final = 60.0
CHUNK_BYTES: Final = 4 * 1024 * 1024
# Where a hub states the hash of a file: the SHA-256 of a large one, else the id of its git blob. The store that it
# redirects to has ETags of other kinds.
HUB_HASHES: Final = {"x-linked-etag": re.compile("[0-9a-f]{40}|[0-9a-f]{64}"), "etag": re.compile("[0-9a-f]{40}")}


class PullFailed(Exception):
    """The files could not be downloaded, or have to be downloaded by hand; the message names them and their source."""


class Progress(Protocol):
    """Receives messages, and the bytes of the file that is being downloaded."""

    def message(self, text: str) -> None: ...

    def received(self, file: str, done: int, total: int | None) -> None: ...


class _Missing(Exception):
    """The source has no such file."""


def pull(weights: Weights, models_dir: Path, progress: Progress) -> None:
    """Download what is missing of the weights and their parts. Complete files are not downloaded again."""
    if _is_complete(weights, models_dir):
        return
    parts = weights.parts if isinstance(weights, Model) else {}
    if not weights.downloads and not parts:
        place = models_dir / weights.folders[0]
        raise PullFailed(f"download {weights.files[0]} from {weights.source} and put it into {place}")
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        raise PullFailed(f"{weights.name} is not complete, and HF_HUB_OFFLINE forbids downloads")
    for part in parts.values():
        pull(part, models_dir, progress)
    if weights.downloads:
        use = "" if weights.commercial else ", no commercial use"
        progress.message(f"{weights.title}: about {weights.size_bytes / 1e9:.2f} GB, licence {weights.licence}{use}")
        _pull_files(weights, models_dir / weights.folders[0], progress)


def _is_complete(weights: Weights, models_dir: Path) -> bool:
    """Whether nothing is left to download. A model that consists of shared parts only has no files of its own."""
    return is_available(weights, models_dir) and (not weights.downloads or find_folder(weights, models_dir) is not None)


def _pull_files(weights: Weights, folder: Path, progress: Progress) -> None:
    """The files that make the folder count as complete are downloaded last."""
    manifest = read_manifest(folder)
    ordered = sorted(weights.downloads, key=lambda download: download.stored_path in weights.files)
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT_SECONDS, headers=_authorization()) as client:
        for download in ordered:
            for path, recorded in _fetch(client, download, folder, manifest, progress):
                manifest[path] = recorded
                _write_manifest(folder, manifest)
    if find_folder(replace(weights, folders=("",)), folder) is None:
        raise PullFailed(f"{weights.source} does not contain {' and '.join(weights.files)}")


def _authorization() -> dict[str, str]:
    """The token of the hub, for repositories whose licence must be accepted. It is not sent to other hosts."""
    token = os.environ.get("HF_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _hub() -> str:
    return os.environ.get("HF_ENDPOINT", HUB).rstrip("/")


def _fetch(
    client: httpx.Client, download: Download, folder: Path, manifest: Mapping[str, str], progress: Progress
) -> Iterator[tuple[str, str]]:
    """Download one entry; (path, SHA-256) of every file that it left. Weights may be in shards."""
    if (folder / download.stored_path).exists() and download.stored_path in manifest:
        return
    try:
        yield _fetch_file(client, download, folder, progress)
        return
    except _Missing as missing:
        if not download.sharded:
            raise PullFailed(f"{download.address(_hub())} does not exist") from missing
    index = f"{download.file}.index.json"
    index_download = replace(download, path=f"{download.path}.index.json", file=index, sharded=False)
    try:
        found = [_fetch_file(client, index_download, folder, progress)]
    except _Missing as missing:
        raise PullFailed(f"neither {download.address(_hub())} nor its index exists") from missing
    under, source = download.path.rpartition("/")[0], download.file.rpartition("/")[0]
    shards = json.loads((folder / index_download.path).read_text(encoding="utf-8"))["weight_map"].values()
    for shard in sorted(set(shards)):
        if "/" in shard or not shard.endswith(".safetensors"):
            raise PullFailed(f"{index_download.address(_hub())} names {shard!r}, which is not a shard")
        place = replace(download, path=f"{under}/{shard}", file=f"{source}/{shard}", sharded=False)
        if not (folder / place.path).exists() or place.path not in manifest:
            found.append(_fetch_file(client, place, folder, progress))
    yield from found


def _fetch_file(client: httpx.Client, download: Download, folder: Path, progress: Progress) -> tuple[str, str]:
    """Download, check and convert one file. An interrupted download is resumed."""
    target = folder / download.path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    address = download.address(_hub())
    try:
        stated = _receive(client, address, partial, download, progress)
    except httpx.HTTPStatusError as error:
        raise PullFailed(_refusal(error.response.status_code, address)) from error
    except httpx.HTTPError as error:
        raise PullFailed(f"cannot download {address}: {first_line(error) or type(error).__name__}") from error
    sha256 = _check(partial, download.sha256, stated, address)
    if not download.convert:
        partial.replace(target)
        return download.path, sha256
    from pipeline.models.convert import ConversionFailed, convert

    try:
        convert(partial, folder / download.stored_path, download.convert)
    except ConversionFailed as error:
        raise PullFailed(f"{address}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return download.stored_path, hash_file(folder / download.stored_path)


def _receive(client: httpx.Client, address: str, partial: Path, download: Download, progress: Progress) -> str:
    """Append the rest of the file to `partial`; the hash that the source states for it, or an empty string."""
    done = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    with client.stream("GET", address, headers=headers) as response:
        if response.status_code == httpx.codes.NOT_FOUND:
            raise _Missing(address)
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            # Nothing is left to receive. Without a hash to compare with, the file is downloaded again.
            stated = _stated_hash((*response.history, response))
            if stated or download.sha256:
                return stated
            partial.unlink()
            return _receive(client, address, partial, download, progress)
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        done = done if resumed else 0
        length = response.headers.get("content-length")
        total = done + int(length) if length and "content-encoding" not in response.headers else None
        with partial.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                done += len(chunk)
                progress.received(download.path, done, total)
        answers = (*response.history, response)
    return _stated_hash(answers)


def _stated_hash(answers: Sequence[httpx.Response]) -> str:
    """The hash in the answer of the hub, which may have redirected to a store; empty: none of them states one."""
    stated = (
        (kind, answer.headers.get(name, "").strip('W/"')) for name, kind in HUB_HASHES.items() for answer in answers
    )
    return next((value for kind, value in stated if kind.fullmatch(value)), "")


def _refusal(status: int, address: str) -> str:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return f"{address} needs an account: accept its licence on the hub and set HF_TOKEN"
    return f"cannot download {address}: {status}"


def _check(partial: Path, expected: str, stated: str, address: str) -> str:
    """The SHA-256 of the file. Deletes it and raises if nothing states its hash, or another one is stated."""
    sha256 = hash_file(partial)
    found, wanted = sha256, expected or stated
    if not wanted and sha256 not in REFUSED_HASHES:
        partial.unlink()
        raise PullFailed(f"cannot check {address}: neither the catalog nor the source states its hash")
    if len(wanted) == 40:
        found = _git_blob_id(partial)
    if sha256 in REFUSED_HASHES or (wanted and found != wanted):
        reason = REFUSED_HASHES.get(sha256, f"its hash is {found}, not {wanted}")
        partial.unlink()
        raise PullFailed(f"{address} is not the expected file: {reason}")
    return sha256


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git_blob_id(path: Path) -> str:
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read_manifest(folder: Path) -> dict[str, str]:
    """The SHA-256 of each downloaded file by its path."""
    path = folder / MANIFEST
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _write_manifest(folder: Path, manifest: Mapping[str, str]) -> None:
    partial = folder / f".{MANIFEST}.partial"
    partial.write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    partial.replace(folder / MANIFEST)


def verify(weights: Weights, models_dir: Path) -> Iterator[tuple[Path, str]]:
    """(path, problem) of every file of the weights and their parts; the problem is empty for a good file."""
    folder = find_folder(weights, models_dir)
    parts = weights.parts.items() if isinstance(weights, Model) and folder is None else ()
    for role, part in parts:
        if role not in OPTIONAL_PARTS or find_folder(part, models_dir) is not None:
            yield from verify(part, models_dir)
    if folder is None and not parts:
        yield models_dir / weights.folders[0], f"missing: run `aura models pull {weights.name}`"
    if folder is not None:
        pinned = {download.path: download.sha256 for download in weights.downloads if not download.convert}
        known = {**read_manifest(folder), **{path: sha256 for path, sha256 in pinned.items() if sha256}}
        for file in sorted({*known, *weights.files}):
            yield folder / file, _problem(folder / file, known.get(file, ""))


def _problem(path: Path, expected: str) -> str:
    if not path.exists():
        return "missing"
    if path.is_dir():
        return ""
    found = hash_file(path)
    if found in REFUSED_HASHES:
        return REFUSED_HASHES[found]
    return f"its hash is {found}, not {expected}" if expected and found != expected else ""
