"""The body of POST /v1/videos, as JSON or as a form, and the Spec that it becomes."""

import base64
import re
from typing import Annotated, Any, Final, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from api.dependencies import GatewayDep
from api.jobs.specs import with_model
from api.settings import Settings
from pipeline.contract.spec import Spec

M = TypeVar("M", bound=BaseModel)
FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
MAX_FIELDS: Final = 50
DATA_URL: Final = re.compile(r"data:image/[a-z]+;base64,(?P<data>.*)", re.DOTALL)
# The fields here that make up a field of Spec, for the pointer of an error.
NAMES: Final = {"duration_seconds": ("num_frames", "seconds"), "width": ("width", "size"), "height": ("height", "size")}


def _size(value: str) -> str:
    if not re.fullmatch(r"\d{1,5}x\d{1,5}", value):
        raise ValueError("must be width x height in pixels, such as 512x512")
    return value


class VideoRequest(BaseModel):
    """Fields of OpenAI and the extensions of vLLM-Omni. Unknown fields are ignored; forms send numbers as text."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    prompt: str
    model: str | None = None
    seconds: float | None = Field(None, description="a number, or a number as text", examples=["2"])
    size: Annotated[str, AfterValidator(_size)] | None = Field(None, description="width x height", examples=["512x512"])
    input_reference: str | None = Field(
        None, description="the first frame: a file in a form; in JSON base64, or a data URL", examples=[None]
    )
    width: int | None = None
    height: int | None = None
    num_frames: int | None = Field(None, description="instead of `seconds`: the length is num_frames / fps")
    fps: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    negative_prompt: str | None = None


class RemixRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    prompt: str


async def read_body(request: Request) -> dict[str, Any]:
    """The fields of a form or of a JSON object. Files become base64."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in FORMS:
        request.state.body_is_read = True
        async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
            return {name: await _text(value) for name, value in form.multi_items()}
    if content_type != "application/json":
        raise _invalid((), "the Content-Type must be application/json or multipart/form-data", "missing")
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise _invalid((), str(error), "json_invalid") from error
    if not isinstance(body, dict):
        raise _invalid((), "must be an object", "object_type")
    reference = body.get("input_reference")
    return body | {"input_reference": reference.get("image_url")} if isinstance(reference, dict) else body


async def video_spec(request: Request, gateway: GatewayDep) -> Spec:
    """The Spec of a request."""
    fields = _validated(VideoRequest, await read_body(request))
    return checked_spec(spec_values(fields), gateway.settings, fields)


def checked_spec(values: dict[str, Any], settings: Settings, fields: VideoRequest | None = None) -> Spec:
    """A Spec within the limits of POST /api/generate. Errors point to the field of the request that was set."""
    try:
        spec = Spec.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError([e | {"loc": _location(fields, e["loc"])} for e in error.errors()]) from error
    return with_model(spec, settings)


async def remix_prompt(request: Request) -> str:
    return _validated(RemixRequest, await read_body(request)).prompt


def spec_values(fields: VideoRequest) -> dict[str, Any]:
    """The fields of Spec that the request sets. `size` gives way to `width` and `height`, `seconds` to `num_frames`."""
    same = ("prompt", "model", "width", "height", "fps", "num_inference_steps", "guidance_scale", "seed")
    values = {name: getattr(fields, name) for name in (*same, "negative_prompt")}
    if fields.size:
        width, height = map(int, fields.size.split("x"))
        values |= {"width": fields.width or width, "height": fields.height or height}
    if fields.num_frames is not None:
        values["duration_seconds"] = fields.num_frames / (fields.fps or Spec.model_fields["fps"].default)
    else:
        values["duration_seconds"] = fields.seconds
    if fields.input_reference:
        data_url = DATA_URL.fullmatch(fields.input_reference)
        values["image"] = data_url["data"] if data_url else fields.input_reference
    return {name: value for name, value in values.items() if value is not None}


async def _text(value: str | UploadFile) -> str:
    return value if isinstance(value, str) else base64.b64encode(await value.read()).decode()


def _validated(model: type[M], body: dict[str, Any]) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError([e | {"loc": ("body", *e["loc"])} for e in error.errors()]) from error


def _location(fields: VideoRequest | None, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place in this body of an error in the Spec."""
    if location and location[0] == "image":
        return ("body", "input_reference")
    names = NAMES.get(str(location[0]), ()) if location else ()
    set_name = next((name for name in names if getattr(fields, name) is not None), None)
    return ("body", set_name) if set_name else ("body", *location)


def _invalid(location: tuple[str, ...], message: str, kind: str) -> RequestValidationError:
    return RequestValidationError(
        [{"loc": ("body", *location), "msg": message, "type": kind, "ctx": {"error": message}}]
    )
