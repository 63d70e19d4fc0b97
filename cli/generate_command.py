"""The command `aura generate`: its options, and the checks that need no system."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli.console import (
    DEFAULT_DATA_DIR,
    EXIT_INVALID_INPUT,
    ApiOption,
    DataDirOption,
    JsonOption,
    RemoteOption,
    exit_with_error,
    plain_console,
)
from pipeline.contract.spec import CameraMotion, Format, Spec, Upscaler


def generate(
    prompt: Annotated[str, typer.Argument(help="Description of the video.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")] = Path("video.mp4"),
    seconds: Annotated[float, typer.Option(help="Duration in seconds.")] = 2,
    fps: Annotated[int, typer.Option(help="Frames per second.")] = 24,
    width: Annotated[int, typer.Option(help="Width in pixels.")] = 512,
    height: Annotated[int, typer.Option(help="Height in pixels.")] = 512,
    steps: Annotated[int | None, typer.Option(help="Number of denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed: the same request and seed produce the same video.")] = None,
    negative: Annotated[str, typer.Option(help="Negative prompt: what the video should not show.")] = "",
    format_: Annotated[
        Format | None, typer.Option("--format", help="Video format; default: from the extension of the file.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model, see `aura models list`.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Scheduler: own, ddim, euler, heun, dpm++ or lcm.")] = None,
    style: Annotated[str | None, typer.Option(help="Name of a style, see `aura models styles`.")] = None,
    enhance: Annotated[bool, typer.Option("--enhance", help="Complete the prompt for the model.")] = False,
    lora: Annotated[list[str] | None, typer.Option(help="LoRA, as NAME or NAME:WEIGHT. Can be repeated.")] = None,
    motion: Annotated[CameraMotion | None, typer.Option(help="Camera motion.")] = None,
    travel: Annotated[
        list[str] | None, typer.Option(help="Prompt from a time on, as 2.5s:PROMPT. Can be repeated.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="The last frame is followed by the first one.")] = False,
    image: Annotated[Path | None, typer.Option(help="First frame: an image file.")] = None,
    image_from: Annotated[
        str | None, typer.Option(help="First frame: a frame of a video of yours, as ID or ID@SECONDS.")
    ] = None,
    upscaler: Annotated[Upscaler | None, typer.Option(help="What the upscaler is chosen for.")] = None,
    denoise: Annotated[float | None, typer.Option(help="How much grain the fast upscaler removes, 0 to 1.")] = None,
    embed_prompt: Annotated[
        bool, typer.Option(help="Write the prompt into the file, where everybody who gets the file can read it.")
    ] = True,
    as_json: JsonOption = False,
    api: ApiOption = None,
    remote: RemoteOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Generate one video and write it to a file."""
    fields = {
        "prompt": prompt, "negative_prompt": negative, "duration_seconds": seconds, "fps": fps, "width": width,
        "height": height, "num_inference_steps": steps, "guidance_scale": guidance, "seed": seed, "model": model,
        "scheduler": scheduler, "format": format_ or guess_format(output), "style": style,
        "enhance_prompt": enhance or None, "loras": [parse_lora(text) for text in lora] if lora else None,
        "motion": motion,
        "prompt_travel": dict(map(parse_travel, travel)) if travel else None, "loop": loop or None,
        "image": encode_image(image) if image else None,
        "image_from": parse_frame(image_from) if image_from else None, "upscaler": upscaler,
        "denoise_strength": denoise, "embed_prompt": embed_prompt,
    }  # fmt: skip
    spec = {name: value for name, value in fields.items() if value is not None}
    validate_spec(spec)
    validate_output(output)
    run_generate(spec, output, api, data_dir.absolute(), remote=remote, as_json=as_json)


def parse_lora(text: str) -> dict[str, Any]:
    """`name` or `name:weight`."""
    name, _, weight = text.partition(":")
    try:
        return {"name": name, "weight": float(weight or 1)}
    except ValueError:
        exit_with_error(f"--lora {text}: the weight is not a number", EXIT_INVALID_INPUT)


def parse_travel(text: str) -> tuple[str, str]:
    """`2.5s:prompt` or `12:prompt`."""
    moment, _, prompt = text.partition(":")
    return moment.strip(), prompt.strip()


def parse_frame(text: str) -> dict[str, Any]:
    """`video id` or `video id@seconds`."""
    video_id, _, seconds = text.partition("@")
    try:
        return {"video_id": video_id.strip(), "at": float(seconds or 0)}
    except ValueError:
        exit_with_error(f"--image-from {text}: the time is not a number of seconds", EXIT_INVALID_INPUT)


def encode_image(path: Path) -> str:
    """The image in base64, made small enough for a request."""
    from cli.images import ImageUnreadable, encode

    try:
        return encode(path)
    except ImageUnreadable as error:
        exit_with_error(str(error), EXIT_INVALID_INPUT)


def run_generate(
    spec: dict[str, Any], output: Path, api: str | None, data_dir: Path, *, remote: bool, as_json: bool
) -> None:
    from cli import generate as command
    from cli.gateway import chosen_api, reported_errors, signed_in

    console = plain_console(stderr=True, quiet=as_json)
    with reported_errors():
        api = chosen_api(api, remote=remote)
        with signed_in(api, data_dir, console) as client:
            display = command.start_display(api, data_dir, console)
            outcome = command.generate(client, spec, output, console, display)
            command.print_outcome(outcome, console, as_json=as_json)


def validate_spec(spec: dict[str, Any]) -> None:
    """Exit with an error for an invalid request, before a system is started for it."""
    try:
        Spec.model_validate(spec)
    except ValidationError as invalid:
        lines = [
            f"{'.'.join(map(str, error['loc'])) or 'request'}: {error['msg'].removeprefix('Value error, ')}"
            for error in invalid.errors()
        ]
        exit_with_error("; ".join(lines), EXIT_INVALID_INPUT)


def validate_output(output: Path) -> None:
    """Exit with an error if the file cannot be written, before the video is generated."""
    folder = output.absolute().parent
    if not folder.is_dir():
        exit_with_error(f"{output}: no such folder", EXIT_INVALID_INPUT)
    try:
        if output.exists() and not output.is_file():
            exit_with_error(f"{output}: not a file", EXIT_INVALID_INPUT)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        exit_with_error(f"{output}: {error.strerror}", EXIT_INVALID_INPUT)


def guess_format(output: Path) -> Format:
    """The format that the extension of the file names; MP4 for any other extension."""
    extension = output.suffix.lstrip(".").lower()
    return next((format_ for format_ in Format if format_ == extension), Format.MP4)
