"""Small models of every family, built once per module."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.models.convert import convert
from tests.pipeline import small_models
from tests.pipeline.generators.families import FOLDERS, Parts


@pytest.fixture
def library_warnings() -> Iterator[None]:
    """Ignore the warnings of diffusers and transformers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def parts(root: Path) -> Parts:
    """The parts of a small model in the published layout of `name`."""

    def find(name: str) -> dict[str, Path]:
        folder = root / FOLDERS[name]
        if not folder.exists():
            small_models.build(FOLDERS[name], folder)
            for path in list(folder.glob("*/*.bin")):
                stored = "model" if path.stem == "pytorch_model" else path.stem
                convert(path, path.with_name(f"{stored}.safetensors"), "tensors")
                path.unlink()
        found = {"base": folder}
        if name == "animatediff-sdxl":
            module = root / "sdxl-module" / "motion-module.safetensors"
            if not module.exists():
                module.parent.mkdir()
                small_models.authors_motion_module(module.with_suffix(".ckpt"))
                convert(module.with_suffix(".ckpt"), module, "motion-module")
            found["motion-adapter"] = module.parent
        return found

    return find
