"""What the gateway says of the models."""

from tests.api.conftest import Person


async def test_the_small_model_says_what_it_knows_and_lists_its_words(alice: Person) -> None:
    models = {model["name"]: model for model in (await alice.get("/api/models")).json()["data"]}
    assert models["tiny"]["knows"] == "one coloured shape that moves on a plain background"
    assert {"red", "blue"} <= set(models["tiny"]["words"]["colours"])
    assert "star" in models["tiny"]["words"]["shapes"]
    assert models["tiny"]["num_inference_steps"] > 0
    assert models["animatediff"]["words"] is None
