"""Models that consist of parts, which other models share."""

from pathlib import Path

import pytest
import torch

from cli.pull import PullFailed, pull
from pipeline.contract.catalog import MODELS
from pipeline.contract.entries import Model
from pipeline.contract.published.animatediff import ADAPTERS, BASES
from pipeline.models.weights import find_parts
from tests.cli.hub import Hub, Recorded, repository


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


def test_a_model_of_shared_parts_needs_no_download_when_all_are_there(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MODELS["animatediff-v2"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for part in model.parts.values():
        for file in part.files:
            (tmp_path / part.folders[0] / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / part.folders[0] / file).touch()

    pull(model, tmp_path, Recorded())

    next((tmp_path / model.parts["motion-adapter"].folders[0]).iterdir()).unlink()
    with pytest.raises(PullFailed, match="HF_HUB_OFFLINE"):
        pull(model, tmp_path, Recorded())
