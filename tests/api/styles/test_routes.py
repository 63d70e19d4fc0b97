from pipeline.contract.catalog import MODELS
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
