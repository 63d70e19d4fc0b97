from pathlib import Path

import pytest

from api.app import create_app
from api.dependencies import Gateway
from api.models.schemas import model_view
from api.settings import Settings
from pipeline.contract import catalog
from pipeline.contract.catalog import Lora, Model
from pipeline.contract.vocabulary import unknown_words
from tests.api.conftest import ApiUser


async def test_the_list_contains_the_vocabulary_and_the_defaults(alice: ApiUser) -> None:
    models = {model["name"]: model for model in (await alice.get("/api/models")).json()["data"]}
    assert models["tiny"]["knows"] == "one coloured shape that moves on a plain background"
    assert {"red", "blue"} <= set(models["tiny"]["words"]["colours"])
    assert "star" in models["tiny"]["words"]["shapes"]
    assert models["tiny"]["num_inference_steps"] > 0
    phrases = models["tiny"]["phrases"]
    assert phrases["colours"][0] == "red"
    assert "moving left" in phrases["motions"]
    assert [phrase for group in phrases.values() for phrase in group if unknown_words(phrase)] == []
    assert models["animatediff"]["words"] is models["animatediff"]["phrases"] is None


async def test_the_list_states_what_a_request_may_set(alice: ApiUser) -> None:
    listed = {model["name"]: model for model in (await alice.get("/api/models")).json()["data"]}
    own = model_view(
        Model("own", "", (), (), "", "", 1, family="stable-video-diffusion", steps=(4, 8), accepts=("sd15",)), "tiny"
    )

    assert (listed["tiny"]["steps"], listed["animatediff-lightning"]["steps"], own.steps) == (None, [4], [4, 8])
    assert (listed["svd"]["image"], listed["svd"]["draws_first_frame"]) == ("required", True)
    assert (own.image, own.draws_first_frame) == ("required", False)
    assert [name for name, model in listed.items() if not model["negative_prompt"]] == ["svd", "svd-xt"]


async def test_a_lora_is_listed_only_if_the_family_takes_loras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog.LORAS, "mine", Lora("mine", "", (), (), "", "", 1, fits=("sd15",)))

    names = [
        model_view(Model("own", "", (), (), "", "", 1, family=family, accepts=("sd15",)), "tiny").loras
        for family in ("animatediff", "stable-video-diffusion")
    ]

    assert names == [["mine"], []]


async def test_a_request_without_a_model_gets_that_of_the_deployment(alice: ApiUser, gateway: Gateway) -> None:
    gateway.settings.model_variant = "animatediff"

    named, unnamed = [
        (await alice.get(f"/api/status/{await alice.generate(**spec)}")).json()["spec"]["model"]
        for spec in ({"model": "tiny"}, {})
    ]

    assert (named, unnamed) == ("tiny", "animatediff")


async def test_an_own_model_is_offered_and_an_unknown_default_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "MODELS", dict(catalog.MODELS))
    (tmp_path / "models.toml").write_text('[[model]]\nname = "mine"\nfamily = "wan"\ntitle = "Mine"\nlicence = "own"\n')
    settings.models_file = tmp_path / "models.toml"
    settings.model_variant = "mine"
    create_app(settings)

    settings.model_variant = "yours"
    with pytest.raises(ValueError, match="MODEL_VARIANT: there is no model 'yours'"):
        create_app(settings)
