import httpx
import pytest

from pipeline.contract import prompt_help
from pipeline.contract.catalog import MODELS
from pipeline.contract.styles import STYLES
from tests.api.conftest import ApiUser


async def test_each_style_has_an_example_and_names_its_models(alice: ApiUser) -> None:
    styles = {style["name"]: style for style in (await alice.get("/api/styles")).json()["data"]}

    assert all(style["example"] and style["prompt"] and style["models"] for style in styles.values())
    assert styles["night"]["models"] == ["tiny"]
    assert set(styles["anime"]["models"]) == MODELS.keys() - {"tiny"}


async def test_the_small_model_has_its_own_styles(alice: ApiUser) -> None:
    refused = await alice.post("/api/generate", json={"prompt": "a red circle", "model": "tiny", "style": "anime"})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/style"
    assert "night" in refused.json()["errors"][0]["detail"]


async def preview(user: ApiUser, **body: object) -> httpx.Response:
    return await user.post("/api/styles/preview", json=body)


def added(parts: list[dict[str, object]]) -> list[object]:
    return [part["text"] for part in parts if part["added"]]


async def test_a_preview_marks_what_the_style_and_the_help_add(alice: ApiUser) -> None:
    answer = (await preview(alice, prompt="a  star", negative_prompt="blur", style="night", enhance_prompt=True)).json()

    assert answer["prompt"] == "a red star on a black background moving right"
    assert added(answer["prompt_parts"]) == ["red ", " on a black background moving right"]
    assert answer["negative_prompt"] == "blur"
    assert answer["negative_prompt_parts"] == [{"text": "blur", "added": False}]


async def test_a_preview_is_what_the_job_gets(alice: ApiUser) -> None:
    body = {"prompt": "a fox, running", "negative_prompt": "rain", "style": "anime", "model": "animatediff"}
    answer = (await preview(alice, **body, enhance_prompt=True)).json()

    model = MODELS["animatediff"]
    used = prompt_help.apply("a fox, running", "rain", model, STYLES["anime"], enhance=True)
    assert (answer["prompt"], answer["negative_prompt"]) == used
    assert "".join(part["text"] for part in answer["negative_prompt_parts"]) == used[1]
    assert answer["prompt_parts"][0] == {"text": "a fox, running", "added": False}


async def test_without_style_and_help_nothing_is_added(alice: ApiUser) -> None:
    answer = (await preview(alice, prompt="a star")).json()

    assert answer["prompt_parts"] == [{"text": "a star", "added": False}]
    assert (answer["negative_prompt"], answer["negative_prompt_parts"]) == ("", [])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"prompt": " "}, "/prompt"),
        ({"prompt": "a star", "style": "anime"}, "/style"),
        ({"prompt": "a star", "model": "no-such-model"}, "/model"),
        ({"prompt": "a star", "enhance_prompt": 1}, "/enhance_prompt"),
        ({"prompt": "a star", "seed": 1}, "/seed"),
        ({"prompt": "a" * 2001}, "/prompt"),
    ],
)
async def test_a_preview_refuses_what_a_request_refuses(alice: ApiUser, body: dict[str, object], pointer: str) -> None:
    refused = await preview(alice, **body)

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
