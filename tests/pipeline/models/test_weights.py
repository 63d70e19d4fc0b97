import json
from pathlib import Path

import pytest

from pipeline.contract.catalog import INTERPOLATORS, MODELS, Weights
from pipeline.models import weights as module
from pipeline.models.weights import choose_interpolator, exact_revision, find_file, find_folder, is_trained


def create_files(folder: Path, weights: Weights) -> Path:
    for file in weights.files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


def test_the_saved_model_is_used_if_the_torchscript_file_is_missing(tmp_path: Path) -> None:
    model = MODELS["animatediff"]
    assert choose_interpolator(model, tmp_path).name == "film"

    create_files(tmp_path / "film-tf", INTERPOLATORS["film-tf"])
    assert choose_interpolator(model, tmp_path).name == "film-tf"

    create_files(tmp_path / "film", INTERPOLATORS["film"])
    assert choose_interpolator(model, tmp_path).name == "film"


def test_the_error_for_missing_files_names_folder_files_and_source(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        find_file(MODELS["animatediff"], tmp_path)

    for part in (str(tmp_path / "animatediff"), "base/model_index.json", "stable-diffusion-v1-5/stable-diffusion-v1-5"):
        assert part in str(error.value)


def test_an_incomplete_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHIPPED", tmp_path / "nowhere")
    model = MODELS["tiny"]
    create_files(tmp_path / "tiny", model)
    (tmp_path / "tiny" / model.files[-1]).unlink()

    assert find_folder(model, tmp_path) is None


def test_own_files_precede_shipped_ones_and_random_weights_come_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    model = MODELS["tiny"]
    assert find_folder(model, tmp_path) is None

    for name in ("tiny-random", "shipped", "tiny"):
        create_files(tmp_path / name, model)
        assert find_folder(model, tmp_path) == tmp_path / name


def test_weights_are_trained_unless_the_card_denies_it(tmp_path: Path) -> None:
    model = MODELS["tiny"]
    folder = create_files(tmp_path / "tiny", model)
    assert is_trained(model, tmp_path)

    (folder / "card.json").write_text(json.dumps({"trained": False}))

    assert not is_trained(model, tmp_path)


def test_the_revision_depends_on_the_card(tmp_path: Path) -> None:
    model = MODELS["tiny"]
    folder = create_files(tmp_path / "tiny", model)
    revisions = {exact_revision(model, tmp_path)}

    for card in ({"figures": 1}, {"figures": 2}, {"revision": "v7"}):
        (folder / "card.json").write_text(json.dumps(card))
        revisions.add(exact_revision(model, tmp_path))

    assert len(revisions) == 4
    assert "v7" in revisions
