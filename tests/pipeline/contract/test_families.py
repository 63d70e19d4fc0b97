from dataclasses import replace
from typing import Any

import pytest

from pipeline.contract.catalog import CHOSEN_UPSCALERS, MODELS, UPSCALERS, choose_loras, choose_model, choose_upscaler
from pipeline.contract.errors import Refused
from pipeline.contract.families import FAMILIES
from pipeline.contract.spec import Scheduler, Spec


def spec(**changes: Any) -> Spec:
    return Spec.model_validate({"prompt": "a fox", **changes})


@pytest.mark.parametrize(
    ("family", "wanted", "drawn"),
    [
        ("animatediff", 16, 16), ("animatediff", 47, 47), ("wan", 32, 33), ("wan", 33, 33), ("wan", 34, 37),
        ("ltx", 48, 49), ("ltx", 49, 49), ("ltx", 50, 57), ("cogvideox", 16, 49), ("wan", 2, 5),
    ],
)  # fmt: skip
def test_the_frames_that_a_family_can_draw(family: str, wanted: int, drawn: int) -> None:
    assert FAMILIES[family].drawable_frames(wanted) == drawn


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_a_model_agrees_with_its_family(model: Any) -> None:
    family = FAMILIES[model.family]
    assert model.scheduler in model.schedulers
    assert set(model.schedulers) <= set(family.schedulers) | set(Scheduler if model.name == "tiny" else ())
    for width, height in model.sizes:
        multiple = model.size_multiple or family.size_multiple
        assert width % multiple == height % multiple == 0 or model.only_sizes or model.name.startswith("svd")
    assert (Scheduler.LCM in model.schedulers) == (model.name in ("tiny", "animate-lcm"))


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"model": "wan-1.3b", "scheduler": "ddim"}, "/scheduler"),
        ({"model": "animatediff", "scheduler": "lcm"}, "/scheduler"),
        ({"model": "animatediff-lightning", "num_inference_steps": 8}, "/num_inference_steps"),
        ({"model": "wan-1.3b", "loop": True}, "/loop"),
        ({"model": "svd", "prompt_travel": {"1s": "a cat"}}, "/prompt_travel"),
        ({"model": "animatediff", "image": "AAAA"}, "/image"),
        ({"model": "animatediff", "image_from": {"video_id": "0" * 32}}, "/image_from"),
        ({"model": "svd", "image": "AAAA"}, "/image"),
        ({"model": "svd", "image": "not base64"}, "/image"),
        ({"model": "svd", "duration_seconds": 4.0}, "/duration_seconds"),
        ({"model": "animatediff", "motion": "zoom-in"}, "/motion"),
        ({"model": "animatediff-v2", "loras": [{"name": "nothing"}]}, "/loras/0/name"),
        ({"model": "animatediff", "loop": True, "scheduler": "heun"}, "/scheduler"),
        ({"model": "animatediff", "loop": True, "scheduler": "own"}, "/scheduler"),
        ({"model": "animatediff", "style": "night"}, "/style"),
    ],
)
def test_what_a_model_cannot_do_is_refused(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Refused) as refused:
        choose_model(spec(**changes))

    assert refused.value.pointer == pointer


def test_a_camera_motion_is_a_lora_for_the_adapter_it_was_trained_with() -> None:
    requested = spec(model="animatediff-v2", motion="zoom-in", loras=[{"name": "motion-pan-left", "weight": 0.5}])

    uses = choose_loras(requested, MODELS["animatediff-v2"])

    assert [(use.name, use.weight) for use in uses] == [("motion-pan-left", 0.5), ("motion-zoom-in", 1.0)]
    with pytest.raises(Refused, match="does not fit animatediff, but: animatediff-v2"):
        choose_loras(spec(motion="zoom-in"), MODELS["animatediff"])


def test_the_distilled_number_of_steps_may_be_named() -> None:
    assert choose_model(spec(model="animatediff-lightning", num_inference_steps=4))[1] is Scheduler.EULER


def test_upscalers_are_chosen_by_purpose_and_factor() -> None:
    model = MODELS["animatediff"]
    assert choose_upscaler(spec(), model, 2).name == "realesrgan-x2plus"
    assert choose_upscaler(spec(), model, 4).name == "realesrgan-x4plus"
    assert choose_upscaler(spec(upscaler="fast"), model, 2).scale == 4
    assert set(CHOSEN_UPSCALERS.values()) <= set(UPSCALERS)


def test_a_loop_is_refused_if_the_models_own_default_sampler_keeps_state(monkeypatch: pytest.MonkeyPatch) -> None:
    own = replace(MODELS["animatediff"], name="mine", scheduler=Scheduler.OWN)
    monkeypatch.setitem(MODELS, "mine", own)

    with pytest.raises(Refused, match="ddim, euler or lcm"):
        choose_model(spec(model="mine", loop=True))

    assert choose_model(spec(model="mine", loop=True, scheduler="euler")) == (own, Scheduler.EULER)
