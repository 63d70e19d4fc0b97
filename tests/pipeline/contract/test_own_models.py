from pathlib import Path

import pytest

from pipeline.contract import catalog, own_models
from pipeline.contract.catalog import LORAS, MODELS
from pipeline.contract.own_models import OwnModelsInvalid
from pipeline.contract.published.animatediff import BASES

MODEL = """
[[model]]
name = "my-anime"
family = "animatediff"
title = "My anime"
licence = "own"
base = "my-anime"
adapter = "v1-5-3"
"""


@pytest.fixture(autouse=True)
def _restored_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "MODELS", dict(MODELS))
    monkeypatch.setattr(catalog, "LORAS", dict(LORAS))


def write(folder: Path, text: str) -> Path:
    (folder / "models.toml").write_text(text)
    return folder / "models.toml"


def test_without_a_file_nothing_is_added(tmp_path: Path) -> None:
    own_models.load(tmp_path / "models.toml")
    own_models.load(None)

    assert catalog.MODELS == MODELS


def test_an_own_checkpoint_uses_a_published_adapter(tmp_path: Path) -> None:
    own_models.load(write(tmp_path, MODEL))
    own_models.load(tmp_path / "models.toml")  # the same entries again are no conflict

    model = catalog.MODELS["my-anime"]
    assert model.parts["base"].folders == ("bases/my-anime",)
    assert model.parts["motion-adapter"] == MODELS["animatediff"].parts["motion-adapter"]
    assert model.scheduler_config == MODELS["animatediff"].scheduler_config
    assert not model.commercial


def test_a_published_base_can_be_combined_with_another_adapter(tmp_path: Path) -> None:
    text = MODEL.replace('"my-anime"\nadapter = "v1-5-3"', '"dreamshaper"\nadapter = "lightning-4"')
    own_models.load(write(tmp_path, text + 'steps = [4]\nscheduler = "euler"\nguidance_scale = 1.0\n'))

    model = catalog.MODELS["my-anime"]
    assert model.parts["base"] == BASES["dreamshaper"]
    assert model.scheduler_config["timestep_spacing"] == "trailing"
    assert [scheduler.value for scheduler in model.schedulers] == ["euler"]


def test_a_lora_is_added(tmp_path: Path) -> None:
    own_models.load(write(tmp_path, '[[lora]]\nname = "mine"\ntitle = "Mine"\nlicence = "own"\nfits = ["sd15"]\n'))

    assert catalog.LORAS["mine"].files == ("lora.safetensors",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[model]\n", "Expected"),
        (MODEL.replace("animatediff", "sora"), "model.0.family"),
        (MODEL.replace("v1-5-3", "v9"), "there is no motion adapter 'v9'"),
        (MODEL.replace('name = "my-anime"', 'name = "animatediff"'), "already contains animatediff"),
        (MODEL.replace('name = "my-anime"', 'name = "../evil"'), "model.0.name"),
        (MODEL + 'files = [{path = "../evil"}]\n', "model.0.files.0.path"),
        (MODEL + 'files = [{path = "a", sha256 = "short"}]\n', "model.0.files.0.sha256"),
        (MODEL + "colour = 3\n", "model.0.colour"),
    ],
)
def test_an_invalid_entry_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OwnModelsInvalid) as error:
        own_models.load(write(tmp_path, text))

    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)
