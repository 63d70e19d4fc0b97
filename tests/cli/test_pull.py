"""Downloading and checking the files of a model from a local server."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cli.pull import PullFailed, pull, verify
from pipeline.contract.catalog import INTERPOLATORS, UPSCALERS
from pipeline.contract.entries import Download, Weights
from pipeline.contract.published import frames
from pipeline.models.weights import find_file, is_available
from tests.cli.hub import Hub, Recorded, repository


def upscaler(hub: Hub, data: bytes = b"weights", sha256: str | None = None, name: str = "x4plus.pth") -> Weights:
    """A Real-ESRGAN entry whose file is served by the hub outside of a repository."""
    (hub.root / name).write_bytes(data)
    expected = hashlib.sha256(data).hexdigest() if sha256 is None else sha256
    return replace(
        UPSCALERS["realesrgan-x4plus"], files=(name,), downloads=(Download(name, f"{hub.url}/{name}", sha256=expected),)
    )


def test_a_file_is_downloaded_once_to_where_the_loader_finds_it(hub: Hub, tmp_path: Path) -> None:
    weights, progress = upscaler(hub), Recorded()
    for _ in range(2):
        pull(weights, tmp_path / "models", progress)
    assert find_file(weights, tmp_path / "models").read_bytes() == b"weights"
    assert len(hub.requests) == 1
    assert (progress.files, progress.last) == (["x4plus.pth"], (7, 7))


def test_a_failed_download_leaves_no_file(hub: Hub, tmp_path: Path) -> None:
    weights = upscaler(hub)
    (hub.root / "x4plus.pth").unlink()
    with pytest.raises(PullFailed, match="does not exist"):
        pull(weights, tmp_path / "models", Recorded())
    assert [path for path in (tmp_path / "models").rglob("*") if path.is_file()] == []


def test_a_wrong_hash_is_refused_and_the_file_removed(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match="is not the expected file: its hash is"):
        pull(upscaler(hub, sha256="0" * 64), tmp_path / "models", Recorded())
    assert [path for path in (tmp_path / "models").rglob("*") if path.is_file()] == []


def test_a_release_that_is_known_to_be_wrong_is_refused_with_the_reason(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(frames.REFUSED_HASHES, hashlib.sha256(b"old").hexdigest(), "it ignores the requested time")
    with pytest.raises(PullFailed, match="it ignores the requested time"):
        pull(upscaler(hub, b"old", sha256=""), tmp_path / "models", Recorded())


def test_an_interrupted_download_is_resumed(hub: Hub, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40
    weights, hub.cut = upscaler(hub, data), {"x4plus.pth": 1000}
    with pytest.raises(PullFailed, match="cannot download"):
        pull(weights, tmp_path / "models", Recorded())
    progress = Recorded()
    pull(weights, tmp_path / "models", progress)
    assert find_file(weights, tmp_path / "models").read_bytes() == data
    assert hub.requests[-1][1] == "bytes=1000-"
    assert progress.last == (len(data), len(data))


def test_downloads_can_be_forbidden(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PullFailed, match="HF_HUB_OFFLINE"):
        pull(upscaler(hub), tmp_path / "models", Recorded())
    assert hub.requests == []


def test_a_repository_is_pinned_and_its_stated_hashes_are_checked(hub: Hub, tmp_path: Path) -> None:
    repository(hub, {"config.json": b"{}", "unet/model.safetensors": b"abc"})
    files = tuple(
        Download(path, "", "owner/model", "c0ffee", path, sharded="model" in path)
        for path in ("config.json", "unet/model.safetensors")
    )
    weights = Weights("m", "M", ("m",), ("config.json",), "owner/model", "MIT", 3, "c0ffee", downloads=files)
    hub.wrong_hash = {"model.safetensors"}
    with pytest.raises(PullFailed, match="is not the expected file"):
        pull(weights, tmp_path, Recorded())
    assert not is_available(weights, tmp_path)
    hub.wrong_hash = set()

    pull(weights, tmp_path, Recorded())

    assert {path for path, _ in hub.requests} == {
        "/owner/model/resolve/c0ffee/config.json", "/owner/model/resolve/c0ffee/unet/model.safetensors"
    }  # fmt: skip
    assert list(verify(weights, tmp_path)) == [
        (tmp_path / "m" / file, "") for file in ("config.json", "unet/model.safetensors")
    ]
    (tmp_path / "m" / "unet" / "model.safetensors").write_bytes(b"abd")
    assert [problem[:11] for _, problem in verify(weights, tmp_path)] == ["", "its hash is"]


def one_file(data_hash: str = "") -> Weights:
    """A model of one file of a repository."""
    download = Download("config.json", "", "owner/model", "c0ffee", "config.json", data_hash)
    return Weights("m", "M", ("m",), ("config.json",), "s", "MIT", 2, downloads=(download,))


def partial_file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "m" / ".config.json.partial"
    path.parent.mkdir()
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("left", [b"{}", b"[]", b"{} and more"], ids=["complete", "damaged", "too long"])
def test_a_file_that_was_received_before_is_checked(hub: Hub, tmp_path: Path, left: bytes) -> None:
    """The answer to a range after the end has no hash: without one in the catalog, the file is downloaded again."""
    repository(hub, {"config.json": b"{}"})
    partial = partial_file(tmp_path, left)

    pull(one_file(), tmp_path, Recorded())

    assert (tmp_path / "m" / "config.json").read_bytes() == b"{}"
    assert not partial.exists()
    assert [wanted for _, wanted in hub.requests] == [f"bytes={len(left)}-", ""]


def test_a_file_that_was_received_before_is_not_downloaded_again_if_its_hash_is_known(hub: Hub, tmp_path: Path) -> None:
    repository(hub, {"config.json": b"{}"})
    partial_file(tmp_path, b"{}")

    pull(one_file(hashlib.sha256(b"{}").hexdigest()), tmp_path, Recorded())

    assert (tmp_path / "m" / "config.json").read_bytes() == b"{}"
    assert len(hub.requests) == 1


def test_the_id_of_the_git_blob_is_checked_for_small_files(hub: Hub, tmp_path: Path) -> None:
    """The hub states a SHA-256 for large files only; the ETag of a small one is the id of its git blob."""
    repository(hub, {"config.json": b"{}"})
    hub.small, hub.wrong_hash = {"config.json"}, {"config.json"}
    with pytest.raises(PullFailed, match=r"is not the expected file: its hash is [0-9a-f]{40}, not [0-9a-f]{40}"):
        pull(one_file(), tmp_path, Recorded())
    hub.wrong_hash = set()

    pull(one_file(), tmp_path, Recorded())

    assert is_available(one_file(), tmp_path)


def test_a_file_whose_hash_nothing_states_is_refused(hub: Hub, tmp_path: Path) -> None:
    """For example by a mirror. With the hash in the catalog, the same answer is enough."""
    repository(hub, {"config.json": b"{}"})
    hub.silent = {"config.json"}
    with pytest.raises(PullFailed, match=r"^cannot check .* neither the catalog nor the source states its hash$"):
        pull(one_file(), tmp_path, Recorded())
    assert [path for path in tmp_path.rglob("*config.json*") if hub.root not in path.parents] == []

    pull(one_file(hashlib.sha256(b"{}").hexdigest()), tmp_path, Recorded())

    assert is_available(one_file(), tmp_path)


def test_shards_are_found_by_their_index(hub: Hub, tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"a": "w-1.safetensors", "b": "w-2.safetensors"}}).encode()
    repository(hub, {"t/w.safetensors.index.json": index, "t/w-1.safetensors": b"1", "t/w-2.safetensors": b"2"})
    download = Download("t/w.safetensors", "", "owner/model", "c0ffee", "t/w.safetensors", sharded=True)
    weights = Weights("m", "M", ("m",), ("t/w.safetensors.index.json",), "s", "MIT", 2, downloads=(download,))

    pull(weights, tmp_path, Recorded())

    assert sorted(path.name for path in (tmp_path / "m" / "t").iterdir()) == [
        "w-1.safetensors", "w-2.safetensors", "w.safetensors.index.json"
    ]  # fmt: skip
    assert {problem for _, problem in verify(weights, tmp_path)} == {""}


def test_an_index_cannot_name_files_elsewhere(hub: Hub, tmp_path: Path) -> None:
    repository(hub, {"w.safetensors.index.json": json.dumps({"weight_map": {"a": "../../evil.safetensors"}}).encode()})
    download = Download("w.safetensors", "", "owner/model", "c0ffee", "w.safetensors", sharded=True)
    with pytest.raises(PullFailed, match="which is not a shard"):
        pull(Weights("m", "M", ("m",), ("w",), "s", "MIT", 2, downloads=(download,)), tmp_path, Recorded())


def test_pickled_weights_are_converted_once(hub: Hub, tmp_path: Path) -> None:
    tensors = {"layer.weight": torch.arange(6.0).reshape(2, 3)}
    (hub.root / "owner" / "model" / "text_encoder").mkdir(parents=True)
    torch.save(tensors, hub.root / "owner" / "model" / "text_encoder" / "pytorch_model.bin")
    path = "text_encoder/pytorch_model.bin"
    download = Download(path, "", "owner/model", "c0ffee", path, convert="tensors")
    weights = Weights("m", "M", ("m",), ("text_encoder/model.safetensors",), "s", "MIT", 2, downloads=(download,))

    for _ in range(2):
        pull(weights, tmp_path, Recorded())

    assert torch.equal(
        load_file(tmp_path / "m/text_encoder/model.safetensors")["layer.weight"], tensors["layer.weight"]
    )
    assert len(hub.requests) == 1
    assert [path.name for path in (tmp_path / "m" / "text_encoder").iterdir()] == ["model.safetensors"]
    assert {problem for _, problem in verify(weights, tmp_path)} == {""}


def test_gated_files_need_a_token_that_other_hosts_do_not_get(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository(hub, {"config.json": b"{}"})
    hub.gated = {"config.json"}
    download = Download("config.json", "", "owner/model", "c0ffee", "config.json")
    weights = Weights("m", "M", ("m",), ("config.json",), "s", "MIT", 2, downloads=(download,))
    with pytest.raises(PullFailed, match="accept its licence on the hub and set HF_TOKEN"):
        pull(weights, tmp_path, Recorded())

    monkeypatch.setenv("HF_TOKEN", "secret")
    pull(weights, tmp_path, Recorded())
    assert is_available(weights, tmp_path)


def test_a_model_that_must_be_downloaded_by_hand_is_an_error_with_instructions(tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match="put it into"):
        pull(INTERPOLATORS["film-tf"], tmp_path, Recorded())
