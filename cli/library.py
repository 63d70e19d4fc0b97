"""`aura list`, `get`, `cancel` and `finish`: the jobs and videos of an account."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.client import ApiError, Client, Job, Video
from cli.console import (
    DEFAULT_DATA_DIR,
    EXIT_INVALID_INPUT,
    ApiOption,
    DataDirOption,
    JsonOption,
    RemoteOption,
    echo,
    exit_with_error,
    plain_console,
    print_json,
)
from cli.gateway import CommandFailed, chosen_api, reported_errors, signed_in
from cli.generate import download, finished, print_outcome, require_success, wait
from cli.generate_command import guess_format, validate_output
from cli.progress_bars import status_line
from pipeline.contract.spec import Format

OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", help="File to write; default: the id, in this folder.")
]


def list_videos(
    search: Annotated[str, typer.Argument(help="Words of the title, the prompt or the tags.")] = "",
    jobs: Annotated[bool, typer.Option("--jobs", help="List jobs instead of videos.")] = False,
    tag: Annotated[str | None, typer.Option(help="Only videos with this tag.")] = None,
    favourites: Annotated[bool, typer.Option("--favourites", help="Only favourites.")] = False,
    trashed: Annotated[bool, typer.Option("--trashed", help="What is in the trash.")] = False,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=100)] = 20,
    after: Annotated[str | None, typer.Option(help="The id after which the list goes on.")] = None,
    as_json: JsonOption = False,
    api: ApiOption = None,
    remote: RemoteOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """List videos, or jobs, the newest first."""
    if jobs and (search or tag or favourites):
        exit_with_error("--jobs can be combined with --trashed, --limit and --after only", EXIT_INVALID_INPUT)
    page: Any
    with (
        reported_errors(),
        signed_in(chosen_api(api, remote=remote), data_dir.absolute(), progress_console(as_json)) as client,
    ):
        if jobs:
            page = client.list_jobs(limit=limit, after=after, trashed=trashed)
        else:
            page = client.list_videos(
                limit=limit, after=after, q=search or None, tag=tag, favourite=favourites or None, trashed=trashed
            )
    if as_json:
        print_json(page.json_fields())
        return
    for line in job_lines(page.data) if jobs else video_lines(page.data):
        echo(line)
    if page.has_more:
        echo(f"more: --after {page.last_id}")


def get(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a job or of a video.")],
    output: OutputOption = None,
    wait_: Annotated[bool, typer.Option("--wait", help="Wait for a job that has not ended.")] = False,
    as_json: JsonOption = False,
    api: ApiOption = None,
    remote: RemoteOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Download the file of a video, or of the job that makes it."""
    console = progress_console(as_json)
    if output is not None:
        validate_output(output)
    with reported_errors(), signed_in(chosen_api(api, remote=remote), data_dir.absolute(), console) as client:
        job = find_job(client, id_)
        if job is None:
            print_video(client, client.video(id_), output, as_json=as_json)
            return
        if not job.is_terminal and not wait_:
            raise CommandFailed(f"the job has not ended ({status_line(job)}): use --wait")
        job = require_success(job) if job.is_terminal else wait(client, id_, console)
        extension = (job.resolved or {}).get("format", Format.MP4)
        print_outcome(download(client, id_, output or Path(f"{id_}.{extension}")), console, as_json=as_json)


def find_job(client: Client, job_id: str) -> Job | None:
    try:
        return client.status(job_id)
    except ApiError as error:
        if error.code != "not_found":
            raise
        return None


def print_video(client: Client, video: Video, output: Path | None, *, as_json: bool) -> None:
    """Download a video whose job may have been purged."""
    if video.video is None:
        raise CommandFailed("a moderator has rejected this video: it has no file")
    file = output or Path(f"{video.id}.{video.format}")
    client.download(video.video.url, file)
    if as_json:
        print_json({"path": str(file), **video.json_fields()})
    else:
        media = video.video
        plain_console(stderr=True, soft_wrap=True).print(
            f"{file}: {media.width}x{media.height}, {media.frames} frames at {media.fps:g} fps, "
            f"{media.size_bytes / 1000:.0f} kB"
        )


def cancel(
    job_id: Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")],
    as_json: JsonOption = False,
    api: ApiOption = None,
    remote: RemoteOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Cancel a job. A job that has ended stays as it is."""
    console = progress_console(as_json)
    with reported_errors(), signed_in(chosen_api(api, remote=remote), data_dir.absolute(), console) as client:
        job = client.cancel(job_id)
    if as_json:
        print_json(job.json_fields())
    else:
        echo(f"{job.job_id}: {job.status}")


def finish(
    video_id: Annotated[str, typer.Argument(metavar="VIDEO", help="Id of the video.")],
    output: OutputOption = None,
    width: Annotated[int | None, typer.Option(help="Width in pixels.")] = None,
    height: Annotated[int | None, typer.Option(help="Height in pixels.")] = None,
    fps: Annotated[int | None, typer.Option(help="Frames per second.")] = None,
    format_: Annotated[
        Format | None, typer.Option("--format", help="Video format; default: from the extension of the file.")
    ] = None,
    as_json: JsonOption = False,
    api: ApiOption = None,
    remote: RemoteOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Make a video again from its kept base clip, in another size, frame rate or format, without drawing it."""
    console = progress_console(as_json)
    if output is not None:
        validate_output(output)
    chosen = format_ or (guess_format(output) if output else None)
    values = {"width": width, "height": height, "fps": fps, "format": chosen}
    changes = {name: value for name, value in values.items() if value is not None}
    with reported_errors(), signed_in(chosen_api(api, remote=remote), data_dir.absolute(), console) as client:
        job = client.finish(video_id, **changes)
        file = output or Path(f"{job.job_id}.{job.spec.get('format', Format.MP4)}")
        print_outcome(finished(client, job.job_id, file, console), console, as_json=as_json)


def progress_console(as_json: bool) -> Console:
    """Where progress is shown: nowhere if the result is JSON."""
    return plain_console(stderr=True, quiet=as_json)


def video_lines(videos: list[Video]) -> Iterator[str]:
    """The id first, for `cut -d" " -f1`; the title last, because it is of any length."""
    for video in videos:
        size = f"{video.video.width}x{video.video.height}" if video.video else "rejected"
        title = ("* " if video.favourite else "") + (video.title or video.prompt)
        yield f"{video.id}  {video.created_at:%Y-%m-%d %H:%M}  {size:<9}  {title}"


def job_lines(jobs: list[Job]) -> Iterator[str]:
    for job in jobs:
        created = f"{job.created_at:%Y-%m-%d %H:%M}" if job.created_at else ""
        yield f"{job.job_id}  {created:<16}  {job.status:<9}  {job.spec.get('prompt', '')}"
