from tests.api.conftest import ApiUser


async def test_the_list_contains_the_vocabulary_and_the_defaults(alice: ApiUser) -> None:
    models = {model["name"]: model for model in (await alice.get("/api/models")).json()["data"]}
    assert models["tiny"]["knows"] == "one coloured shape that moves on a plain background"
    assert {"red", "blue"} <= set(models["tiny"]["words"]["colours"])
    assert "star" in models["tiny"]["words"]["shapes"]
    assert models["tiny"]["num_inference_steps"] > 0
    assert models["animatediff"]["words"] is None
