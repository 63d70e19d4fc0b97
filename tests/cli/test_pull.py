"""Downloading and checking the files of a model from a local server."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from cli.main import app
from cli.pull import PullFailed, pull, verify
from pipeline.contract import catalog
from pipeline.contract.catalog import INTERPOLATORS, MODELS, UPSCALERS
from pipeline.contract.entries import Download, Model, Weights
from pipeline.contract.published import frames
from pipeline.contract.published.animatediff import ADAPTERS, BASES
from pipeline.models.weights import find_file, find_parts, is_available
from tests.cli.hub import Hub, serve


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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    (tmp_path / "site").mkdir()
    with serve(tmp_path / "site") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield hub


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


def repository(hub: Hub, files: dict[str, bytes], name: str = "owner/model") -> None:
    for path, data in files.items():
        (hub.root / name / path).parent.mkdir(parents=True, exist_ok=True)
        (hub.root / name / path).write_bytes(data)


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


def test_a_generator_consists_of_its_base_and_its_adapter(hub: Hub, tmp_path: Path) -> None:
    """The published combination, with files of a few bytes under the published names."""
    model = MODELS["animatediff-v2"]
    assert isinstance(model, Model)
    for part in model.parts.values():
        repository(hub, {download.file: download.file.encode() for download in part.downloads}, part.source)

    pull(model, tmp_path, Recorded())

    assert find_parts(model, tmp_path) == {
        "base": tmp_path / "bases" / "sd15", "motion-adapter": tmp_path / "adapters" / "v1-5-2"
    }  # fmt: skip
    commits = {path.split("/resolve/")[1].split("/")[0] for path, _ in hub.requests}
    assert commits == {BASES["sd15"].revision, ADAPTERS["v1-5-2"].revision}
    assert not any(path.endswith((".bin", ".ckpt")) for path, _ in hub.requests)


def test_parts_are_shared_between_models(hub: Hub, tmp_path: Path) -> None:
    for part in (*MODELS["animatediff-v2"].parts.values(), BASES["sd15"]):
        repository(hub, {download.file: download.file.encode() for download in part.downloads}, part.source)
    pull(MODELS["animatediff-v2"], tmp_path, Recorded())
    requests = len(hub.requests)
    module = MODELS["animatediff"].parts["motion-adapter"].downloads[0]
    (hub.root / module.repository).mkdir(parents=True)
    save = {"module.down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": torch.ones(4)}
    torch.save({"state_dict": save}, hub.root / module.repository / module.file)

    pull(MODELS["animatediff"], tmp_path, Recorded())

    assert [path.rpartition("/")[2] for path, _ in hub.requests[requests:]] == ["v3_sd15_mm.ckpt"]


def test_a_model_that_must_be_downloaded_by_hand_is_an_error_with_instructions(tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match="put it into"):
        pull(INTERPOLATORS["film-tf"], tmp_path, Recorded())


def test_an_unknown_model_is_an_error_with_the_known_names(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "pull", "nonsense", "--data-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert "animatediff" in result.stderr


def test_a_missing_model_names_the_command_that_gets_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "path", "wan-1.3b", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "aura models pull wan-1.3b" in result.stderr


def test_the_list_as_json_has_pinned_revisions_for_every_family(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--json", "--data-dir", str(tmp_path)])
    entries = json.loads(result.stdout)
    published = [entry for entry in entries if entry["stage"] in ("generate", "lora") and entry["name"] != "tiny"]
    assert {entry["family"] for entry in entries if entry["stage"] == "generate"} == set(catalog.FAMILIES)
    for entry in published:
        assert entry["revisions"], entry["name"]
        assert all(len(revision) == 40 for revision in entry["revisions"].values()), entry["name"]
        assert entry["sha256"], entry["name"]


def test_the_list_has_the_published_hashes_and_pins_every_other_file_to_a_commit(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "list", "--json", "--data-dir", str(tmp_path)])
    hashes = {address: sha256 for entry in json.loads(result.stdout) for address, sha256 in entry["sha256"].items()}
    stated = {address.rpartition("/")[2]: sha256 for address, sha256 in hashes.items() if sha256}
    assert {name: sha256[:12] for name, sha256 in stated.items()} == {
        "RealESRGAN_x4plus.pth": "4fa0d38905f7", "RealESRGAN_x2plus.pth": "49fafd45f8fd",
        "realesr-general-x4v3.pth": "8dc7edb9ac80", "realesr-general-wdn-x4v3.pth": "1641f8c4464b",
        "realesr-animevideov3.pth": "b8a837681107", "film_net_fp32.pt": "f810cada26d0",
        "AnimateLCM_sd15_t2v.ckpt": "b46c3de62e56", "AnimateLCM_sd15_t2v_lora.safetensors": "8f90d840e075",
        "DreamShaper_8_pruned.safetensors": "879db523c30d", "AbsoluteReality_1.8.1_pruned.safetensors": "463d6a9fe8a4",
        "mm_sdxl_v10_beta.ckpt": "fa4950a062e8",
    }  # fmt: skip
    for address, sha256 in hashes.items():
        assert sha256 or re.search("/resolve/[0-9a-f]{40}/", address), address


def test_own_models_are_pulled_verified_and_found(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "LORAS", dict(catalog.LORAS))
    monkeypatch.setattr("pipeline.models.weights.LORAS", catalog.LORAS)
    save_file({"unet.x.lora_A.weight": torch.zeros(1, 1)}, hub.root / "style.safetensors")
    sha256 = hashlib.sha256((hub.root / "style.safetensors").read_bytes()).hexdigest()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "models.toml").write_text(
        f'[[lora]]\nname = "my-style"\ntitle = "Mine"\nlicence = "own"\nfits = ["sd15"]\n'
        f'files = [{{path = "lora.safetensors", url = "{hub.url}/style.safetensors", sha256 = "{sha256}"}}]\n'
    )
    run = CliRunner().invoke
    options = ["my-style", "--data-dir", str(tmp_path)]

    assert run(app, ["models", "pull", *options]).exit_code == 0
    assert run(app, ["models", "verify", *options]).exit_code == 0
    assert run(app, ["models", "path", *options]).stdout.strip() == str(tmp_path / "models" / "loras" / "my-style")
    (tmp_path / "models" / "loras" / "my-style" / "lora.safetensors").write_bytes(b"broken")
    broken = run(app, ["models", "verify", *options])
    assert broken.exit_code == 1
    assert "its hash is" in broken.stdout
    shutil.rmtree(tmp_path / "models" / "loras")
    assert "missing: run `aura models pull my-style`" in run(app, ["models", "verify", *options]).stdout
