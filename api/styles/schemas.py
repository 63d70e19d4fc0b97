"""Response models of the style routes."""

from pydantic import BaseModel

from pipeline.contract.catalog import MODELS
from pipeline.contract.styles import Style, styles_for


class StyleView(BaseModel):
    """`prompt` is added to the prompt and `negative_prompt` to the negative prompt, for the models in `models`."""

    name: str
    title: str
    example: str
    prompt: str
    negative_prompt: str
    models: list[str]


class StyleList(BaseModel):
    data: list[StyleView]


def style_view(style: Style) -> StyleView:
    return StyleView(
        name=style.name,
        title=style.title,
        example=style.example,
        prompt=style.prompt,
        negative_prompt=style.negative,
        models=[model.name for model in MODELS.values() if style in styles_for(model)],
    )
