"""Bodies and response models of the style routes."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from pipeline.contract import prompt_help
from pipeline.contract.catalog import MODELS, choose_model
from pipeline.contract.prompt_help import PromptPart
from pipeline.contract.spec import Name, Spec, Text, visible
from pipeline.contract.styles import Style, choose_style, styles_for


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


class PromptPreviewRequest(BaseModel):
    """The fields of `POST /api/generate` that decide the prompts of the model."""

    model_config = ConfigDict(extra="forbid")

    prompt: Annotated[Text, AfterValidator(visible)]
    negative_prompt: Text = ""
    model: Name | None = Field(None, description="null: the model of the deployment")
    style: Name | None = None
    enhance_prompt: StrictBool = False

    def spec(self) -> Spec:
        return Spec(**self.model_dump(exclude_none=True))


class PromptPreview(BaseModel):
    """The prompts that the model would get. The texts of the parts, one after the other, are the prompt."""

    prompt: str
    negative_prompt: str
    prompt_parts: list[PromptPart]
    negative_prompt_parts: list[PromptPart]


def prompt_preview(spec: Spec) -> PromptPreview:
    """`spec` names a model of the catalog and a style that fits it."""
    model, _ = choose_model(spec)
    style = choose_style(spec.style, model)
    prompt, negative = prompt_help.apply(spec.prompt, spec.negative_prompt, model, style, enhance=spec.enhance_prompt)
    return PromptPreview(
        prompt=prompt,
        negative_prompt=negative,
        prompt_parts=prompt_help.parts(spec.prompt, prompt),
        negative_prompt_parts=prompt_help.parts(spec.negative_prompt, negative),
    )


def style_view(style: Style) -> StyleView:
    return StyleView(
        name=style.name,
        title=style.title,
        example=style.example,
        prompt=style.prompt,
        negative_prompt=style.negative,
        models=[model.name for model in MODELS.values() if style in styles_for(model)],
    )
