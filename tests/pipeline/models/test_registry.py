import json
from pathlib import Path

import pytest

from pipeline.models import registry
from pipeline.models.registry import INTERPOLATORS, MODELS, UPSCALERS, Weights

EVERY = (*MODELS.values(), *INTERPOLATORS.values(), *UPSCALERS.values())


def files(folder: Path, weights: Weights) -> Path:
    for file in weights.files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


@pytest.mark.parametrize("weights", EVERY, ids=lambda weights: weights.name)
def test_every_set_states_its_source_and_licence(weights: Weights) -> None:
    assert weights.source
    assert weights.licence
    assert weights.size_bytes > 0
    assert weights.files


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_a_model_names_parts_that_exist(model: registry.Model) -> None:
    assert set(model.interpolators) <= set(INTERPOLATORS)
    assert {scale: UPSCALERS[name].scale for scale, name in model.upscalers.items()} == {2: 2, 4: 4}
    assert model.scheduler in model.schedulers


def test_the_saved_model_is_taken_where_the_torchscript_is_missing(tmp_path: Path) -> None:
    model = MODELS["animatediff"]
    assert registry.interpolator(model, tmp_path).name == "film"

    files(tmp_path / "film-tf", INTERPOLATORS["film-tf"])
    assert registry.interpolator(model, tmp_path).name == "film-tf"

    files(tmp_path / "film", INTERPOLATORS["film"])
    assert registry.interpolator(model, tmp_path).name == "film"


def test_missing_files_are_named_with_the_place_and_the_source(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        MODELS["animatediff"].path(tmp_path)

    for part in (str(tmp_path / "animatediff"), "base/model_index.json", "stable-diffusion-v1-5/stable-diffusion-v1-5"):
        assert part in str(error.value)


def test_a_folder_with_half_the_files_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "nowhere")
    model = MODELS["tiny"]
    files(tmp_path / "tiny", model)
    (tmp_path / "tiny" / model.files[-1]).unlink()

    assert model.folder(tmp_path) is None


def test_own_files_go_before_shipped_ones_and_random_ones_come_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "shipped")
    model = MODELS["tiny"]
    assert model.folder(tmp_path) is None

    for name in ("tiny-random", "shipped", "tiny"):
        files(tmp_path / name, model)
        assert model.folder(tmp_path) == tmp_path / name


def test_a_set_is_trained_unless_its_card_denies_it(tmp_path: Path) -> None:
    model = MODELS["tiny"]
    folder = files(tmp_path / "tiny", model)
    assert model.trained(tmp_path)

    (folder / "card.json").write_text(json.dumps({"trained": False}))

    assert not model.trained(tmp_path)


def test_the_revision_follows_the_card(tmp_path: Path) -> None:
    model = MODELS["tiny"]
    folder = files(tmp_path / "tiny", model)
    seen = {model.exact_revision(tmp_path)}

    for card in ({"figures": 1}, {"figures": 2}, {"revision": "v7"}):
        (folder / "card.json").write_text(json.dumps(card))
        seen.add(model.exact_revision(tmp_path))

    assert len(seen) == 4
    assert "v7" in seen
