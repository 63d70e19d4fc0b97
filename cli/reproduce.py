"""`aura reproduce`: make the video of a file again from the recipe that it carries, and compare every frame."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.client import Client, Json, Video
from cli.console import (
    DEFAULT_DATA_DIR,
    EXIT_FAILURE,
    EXIT_INVALID_INPUT,
    ApiOption,
    DataDirOption,
    JsonOption,
    RemoteOption,
    exit_with_error,
    plain_console,
    print_json,
)
from cli.gateway import chosen_api, reported_errors, signed_in
from cli.generate import generate, start_display

PAGE: Final = 100
# Fields of a recipe that mean the same in a request.
SAME_FIELDS: Final = (
    "seed", "model", "revision", "scheduler", "num_inference_steps", "guidance_scale", "width", "height", "fps",
    "format", "duration_seconds", "loras", "loop", "denoise_strength",
)  # fmt: skip


class NoRequest(Exception):
    """The recipe of the file is not complete; the message names what is missing."""


@dataclass(frozen=True)
class Comparison:
    """`frames` are those of the file; `different` counts the frames that are not equal or that one file lacks."""

    frames: int
    different: int
    first_different: int | None

    @property
    def same(self) -> bool:
        return self.different == 0


def reproduce(
    file: Annotated[Path, typer.Argument(help="A video that AuraAnim has made.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Keep the new video in this file.")] = None,
    video: Annotated[str | None, typer.Option(help="Id of the video; default: it is searched for.")] = None,
    prompt: Annotated[str | None, typer.Option(help="The prompt, for a file that does not contain it.")] = None,
    negative: Annotated[str, typer.Option(help="The negative prompt, beside --prompt.")] = "",
    as_json: JsonOption = False,
    api: ApiOption = None,
    remote: RemoteOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Make the video of a file again from its recipe, and compare every frame: status 1 if one differs.

    A recipe has the prompt only if the video was made with `embed_prompt`. Otherwise the prompt comes from --prompt, or
    from the video of the account with the same recipe.
    """
    data, recipe = read(file)
    console = plain_console(stderr=True, quiet=as_json)
    with reported_errors(), tempfile.TemporaryDirectory() as folder:
        api = chosen_api(api, remote=remote)
        with signed_in(api, data_dir.absolute(), console) as client:
            try:
                spec = request(client, recipe, len(data), video_id=video, prompt=prompt, negative=negative)
            except NoRequest as error:
                exit_with_error(str(error), EXIT_INVALID_INPUT)
            again = output or Path(folder) / f"again.{recipe['format']}"
            generate(client, spec, again, console, start_display(api, data_dir.absolute(), console))
        compared = compare(data, again.read_bytes())
    print_comparison(file, compared, recipe, as_json=as_json)
    if not compared.same:
        raise typer.Exit(EXIT_FAILURE)


def read(file: Path) -> tuple[bytes, Json]:
    """The bytes of a file and its recipe. Exits if it cannot be read or has none."""
    try:
        from av import FFmpegError

        from pipeline.encoders.video import read_recipe
    except ModuleNotFoundError as error:
        exit_with_error(f"{error.name} is not installed: run `make setup`, or pip install 'auraanim[pipeline]'")
    try:
        data = file.read_bytes()
        recipe = read_recipe(data)
    except OSError as error:
        exit_with_error(f"{file}: {error.strerror or 'not a video'}", EXIT_INVALID_INPUT)
    except (FFmpegError, ValueError):
        exit_with_error(f"{file}: not a video", EXIT_INVALID_INPUT)
    if "seed" not in recipe or "format" not in recipe:
        exit_with_error(f"{file}: has no recipe: AuraAnim has not made it, or it was converted", EXIT_INVALID_INPUT)
    return data, recipe


def request(
    client: Client, recipe: Json, size_bytes: int, *, video_id: str | None, prompt: str | None, negative: str
) -> Json:
    """The request that repeats a file. NoRequest if its words are not known."""
    if video_id is not None:
        return client.recipe(video_id)
    if prompt is not None:
        return written_request(recipe | {"prompt": prompt, "negative_prompt": negative, "prompt_travel": {}})
    if found := find(client, recipe, size_bytes):
        return client.recipe(found.id)
    if recipe.get("prompt"):
        return written_request(recipe)
    raise NoRequest("the file does not contain its prompt, and no video of this account is the same: use --prompt")


def find(client: Client, recipe: Json, size_bytes: int) -> Video | None:
    """The video of the account with this recipe and size; the newest, if several are the same."""
    for video in all_videos(client):
        if video.video is None or video.video.size_bytes != size_bytes:
            continue
        if all(video.resolved.get(name) == value for name, value in recipe.items()):
            return video
    return None


def all_videos(client: Client) -> Iterator[Video]:
    after, more = None, True
    while more:
        page = client.list_videos(limit=PAGE, after=after)
        yield from page.data
        after, more = page.last_id, page.has_more


def written_request(recipe: Json) -> Json:
    """The request of a recipe that contains the words. NoRequest if it has a part that is not in the file."""
    if recipe.get("image"):
        raise NoRequest("the video began with an image, which is not in the file: use --video ID")
    if recipe.get("prompt_travel"):
        raise NoRequest("the prompt of the video changes with time: use --video ID")
    spec = {name: recipe[name] for name in SAME_FIELDS if recipe.get(name) not in (None, "")}
    spec |= {"prompt": recipe.get("original_prompt") or recipe["prompt"]}
    spec |= {
        "negative_prompt": recipe.get("negative_prompt", ""),
        "enhance_prompt": bool(recipe.get("original_prompt")),
    }
    return spec | ({"upscaler": purpose} if (purpose := upscaler_purpose(recipe)) else {})


def upscaler_purpose(recipe: Json) -> str | None:
    """What the upscaler of the recipe is chosen for. None: the default, or none was used."""
    from pipeline.contract.catalog import CHOSEN_UPSCALERS

    return next((purpose for purpose, name in CHOSEN_UPSCALERS.items() if name == recipe.get("upscaler")), None)


def compare(first: bytes, second: bytes) -> Comparison:
    """Decode both files and compare frame by frame."""
    from itertools import zip_longest

    import numpy as np

    from pipeline.encoders.video import decode

    pairs: Any = zip_longest(decode(first), decode(second))
    differences, frames = [], 0
    for number, (one, other) in enumerate(pairs):
        frames += one is not None
        if one is None or other is None or not np.array_equal(one, other):
            differences.append(number)
    return Comparison(frames, len(differences), differences[0] if differences else None)


def print_comparison(file: Path, compared: Comparison, recipe: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "path": str(file), "same": compared.same, "frames": compared.frames, "different": compared.different,
                "first_different": compared.first_different, "seed": recipe["seed"],
            }
        )  # fmt: skip
        return
    number, first = compared.different, compared.first_different
    verdict = (
        f"the same, all {compared.frames} frames"
        if compared.same
        else f"not the same: {number} of {compared.frames} frames differ, the first is {first}"
    )
    plain_console(soft_wrap=True).print(f"{file}: {verdict}")
