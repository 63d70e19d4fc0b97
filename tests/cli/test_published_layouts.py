"""The file lists of the catalog, from a download to an open generator: small networks in the published layouts."""

import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.pull import pull
from pipeline.contract.catalog import MODELS
from pipeline.contract.entries import Model, Weights
from pipeline.contract.errors import StageFailed
from pipeline.generators.open import open_generator
from pipeline.models.hardware import Device
from pipeline.models.weights import find_parts
from tests.cli.hub import Hub, serve
from tests.pipeline import small_models

ALL = os.environ.get("AURA_TEST_MODELS") == "all"
EVERY_RUN = ("animatediff-v2", "wan-1.3b")
CASES = (
    *EVERY_RUN, "animatediff", "animatediff-sdxl", "modelscope", "zeroscope", "svd", "wan2.2-5b", "ltx-video",
    "cogvideox-2b",
)  # fmt: skip


class Quiet:
    def message(self, text: str) -> None: ...

    def received(self, file: str, done: int, total: int | None) -> None: ...


def clip_tokenizer(folder: Path) -> None:
    """The files of CLIP's tokenizer as they are published, in place of the one that transformers saves today."""
    bpe = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(bpe["vocab"]))
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in bpe["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    special = {"bos_token": "<|startoftext|>"} | dict.fromkeys(("eos_token", "unk_token", "pad_token"), "<|endoftext|>")
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 24, "do_lower_case": True, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").unlink()


def with_clip(build: Callable[[Path], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        build(folder)
        for path in folder.glob("tokenizer*"):
            clip_tokenizer(path)

    return write


def small(name: str) -> Callable[[Path], object]:
    return lambda folder: small_models.build(name, folder)


def authors_modules(folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in ("v3_sd15_mm.ckpt", "mm_sdxl_v10_beta.ckpt"):
        small_models.authors_motion_module(folder / file)


def corrected_vae(folder: Path) -> None:
    small_models.frame_vae().save_pretrained(folder)


# What each repository holds.
REPOSITORIES: Mapping[str, Callable[[Path], object]] = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": with_clip(small_models.stable_diffusion),
    "guoyww/animatediff-motion-adapter-v1-5-2": small_models.published_adapter,
    "guoyww/animatediff": authors_modules,
    "stabilityai/stable-diffusion-xl-base-1.0": with_clip(small("animatediff-sdxl")),
    "madebyollin/sdxl-vae-fp16-fix": corrected_vae,
    "ali-vilab/text-to-video-ms-1.7b": with_clip(small("modelscope")),
    "cerspense/zeroscope_v2_576w": with_clip(small("zeroscope")),
    "stabilityai/stable-video-diffusion-img2vid": small("svd"),
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": small("wan"),
    "Wan-AI/Wan2.2-TI2V-5B-Diffusers": small("wan2.2"),
    "Lightricks/LTX-Video": small("ltx"),
    "THUDM/CogVideoX-2b": small("cogvideox"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with serve(tmp_path_factory.mktemp("site")) as hub:
        yield hub


@pytest.fixture(autouse=True)
def _hub_and_library_warnings(site: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def without_hashes(weights: Weights, absent: str = "") -> Any:
    """The entry with its own list of files. The hashes are those of the published files; the test hub states others."""
    listed = tuple(replace(each, sha256="") for each in weights.downloads if each.file != absent)
    changes: dict[str, Any] = {"downloads": listed}
    if isinstance(weights, Model):
        changes["parts"] = {role: without_hashes(part, absent) for role, part in weights.parts.items()}
    return replace(weights, **changes)


def publish(model: Model, hub: Hub) -> None:
    for weights in (model, *model.parts.values()):
        for repository in {download.repository for download in weights.downloads}:
            if not (hub.root / repository).exists():
                REPOSITORIES[repository](hub.root / repository)


def pulled(model: Model, models_dir: Path) -> Any:
    """The pipeline of a generator that was opened on the downloaded files."""
    pull(model, models_dir, Quiet())
    parts = find_parts(model, models_dir)
    assert parts is not None
    return open_generator(model, parts, Device.of("cpu"), Path)._bare  # type: ignore[attr-defined]


def check_tokenizers(pipe: Any) -> None:
    """A word is one token, and all words can be read back, besides the marks of the start and the end."""
    for part in (part for key, part in pipe.components.items() if key.startswith("tokenizer")):
        ids = part("a red circle").input_ids
        assert len(ids) <= 5, ids
        assert part.decode(ids, skip_special_tokens=True).strip() == "a red circle"


def open_and_check(model: Model, models_dir: Path) -> None:
    check_tokenizers(pulled(model, models_dir))


@pytest.mark.parametrize("name", CASES)
def test_the_listed_files_open_a_generator(name: str, site: Hub, tmp_path: Path) -> None:
    if not ALL and name not in EVERY_RUN:
        pytest.skip("only in `make test-models`: AURA_TEST_MODELS=all")
    model = without_hashes(MODELS[name])
    publish(model, site)

    open_and_check(model, tmp_path)

    commits = {path.split("/resolve/")[1].split("/")[0] for path, _ in site.requests if model.source in path}
    assert commits == {model.revision}


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("animatediff-v2", "tokenizer/merges.txt"),
        ("animatediff-v2", "vae/diffusion_pytorch_model.safetensors"),
        ("wan-1.3b", "transformer/diffusion_pytorch_model.safetensors"),
    ],
)
def test_a_file_that_the_list_lacks_is_noticed(name: str, absent: str, site: Hub, tmp_path: Path) -> None:
    """Without this, the test above would prove nothing."""
    publish(MODELS[name], site)

    with pytest.raises((StageFailed, AssertionError)):
        open_and_check(without_hashes(MODELS[name], absent), tmp_path)


def test_a_variant_that_the_repository_lacks_is_noticed(site: Hub, tmp_path: Path) -> None:
    model = without_hashes(replace(MODELS["animatediff-v2"], variant="fp16"))
    publish(model, site)

    with pytest.raises(StageFailed, match="cannot be loaded"):
        pulled(model, tmp_path)
