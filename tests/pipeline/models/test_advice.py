"""The table of docs/MODELS.md for a card with 12 GB: each row fits with the shares of the card that it names."""

import re
from pathlib import Path

import pytest

from pipeline.contract.catalog import MODELS
from pipeline.contract.progress import Stage
from pipeline.models.fit import judge
from pipeline.settings import PipelineSettings
from pipeline.stages.generate import warm_up_plan

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "MODELS.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Which model for a card with 12 GB")[1].split("\n## ")[0]
STAGES = (Stage.GENERATE, Stage.INTERPOLATE, Stage.UPSCALE)


def shares(text: str) -> dict[str, float]:
    return {
        name.lower(): float(share)
        for name, share in re.findall(r"((?:GENERATE|INTERPOLATE|UPSCALE)_GPUS)=([\d.]+)", text)
    }


NAMED = re.findall(r"^(Shared card|Whole card): (.*?)\.(?:\s|$)", SECTION, re.MULTILINE | re.DOTALL)
SETTINGS = {name.lower(): shares(values) for name, values in NAMED}
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in SECTION.splitlines() if line.startswith("| ")][1:]
ADVICE = [
    (name, memory, settings)
    for _, models, memory, settings, _, _ in ROWS
    for name in re.findall(r"`([\w.-]+)`", models)
    if name in MODELS
]


def settings_for(name: str) -> PipelineSettings:
    return PipelineSettings(_env_file=None, gpu_memory_gb=12, device="cuda", **SETTINGS[name])  # type: ignore[call-arg, arg-type]


def test_the_table_is_read() -> None:
    assert {settings for _, _, settings in ADVICE} == SETTINGS.keys() == {"shared card", "whole card"}
    assert len(ADVICE) >= len(ROWS) == 6
    assert all(len(values) == len(STAGES) and sum(values.values()) == 1 for values in SETTINGS.values())


@pytest.mark.parametrize(("name", "memory", "settings"), ADVICE, ids=[name for name, _, _ in ADVICE])
def test_each_row_fits_its_share_of_the_card(name: str, memory: str, settings: str) -> None:
    """A clip of the model's own size and length, offloaded where the row says so."""
    verdict = judge(MODELS[name], warm_up_plan(MODELS[name]), settings_for(settings).generate_budget)

    assert verdict.kind in ("fits", "measures")
    assert verdict.fit.offload == ("with offload" in memory)


@pytest.mark.parametrize("name", ["svd", "wan-1.3b", "ltx-video", "cogvideox-2b"])
def test_half_a_card_is_not_enough_for_the_models_of_a_whole_one(name: str) -> None:
    plan = warm_up_plan(MODELS[name])

    verdicts = {
        settings: judge(MODELS[name], plan, settings_for(settings).generate_budget).kind for settings in SETTINGS
    }

    assert verdicts["shared card"] == "impossible"
    assert verdicts["whole card"] != "impossible"


def test_the_shares_of_docker_compose_are_those_of_the_page() -> None:
    compose = (ROOT / "docker-compose.dev.yaml").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"^  ([A-Z]+_GPUS): \$\{\1:-([\d.]+)\}$", compose, re.M))

    assert {name.lower(): float(share) for name, share in defaults.items()} == SETTINGS["shared card"]


def test_a_stage_without_a_share_runs_on_the_cpu_beside_stages_that_have_one() -> None:
    """`DEVICE=cuda`, which the profile `gpu` sets, would look for a card that Ray hides from it."""
    whole, shared = (settings_for(f"{part} card") for part in ("whole", "shared"))

    assert [whole.hardware(stage).device for stage in STAGES] == ["cuda", "cpu", "cpu"]
    assert [shared.hardware(stage).device for stage in STAGES] == ["cuda", "cuda", "cuda"]
    assert PipelineSettings(_env_file=None, device="cuda").hardware(Stage.UPSCALE).device == "cuda"  # type: ignore[call-arg]
