"""Every family from a download to a video: small models in the published layouts, pulled with the hashes of a test
catalog from a local server, and drawn by `aura generate --model` in a running system."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from db.embedded import free_port
from tests.cli.hub import serve
from tests.pipeline import small_models, small_networks

START_SECONDS = 150
ALL = os.environ.get("AURA_TEST_MODELS") == "all"
# family, native fps, extra lines of the catalog, extra options of `aura generate`
FAMILIES: dict[str, tuple[str, int, str, tuple[str, ...]]] = {
    "wan": ("wan", 16, "", ("--fps", "16")),
    "animatediff": (
        "animatediff", 8, 'preview = "rgb"\naccepts = ["small"]', ("--lora", "style:0.5", "--travel", "0.25s:a star"),
    ),
    "animatediff-sdxl": ("animatediff-sdxl", 8, 'variant = "fp16"', ("--loop",)),
    "modelscope": ("text-to-video-sd", 8, "", ("--scheduler", "euler")),
    "zeroscope": ("text-to-video-sd", 8, "", ()),
    "svd": ("stable-video-diffusion", 7, 'variant = "fp16"\nmax_frames = 14', ("--image", "IMAGE")),
    "ltx": ("ltx", 24, "", ("--fps", "24", "--image", "IMAGE")),
    "cogvideox": ("cogvideox", 8, "", ()),
}  # fmt: skip
EVERY_RUN = ("wan", "animatediff")


def build(name: str, folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "animatediff":
            small_models.stable_diffusion(folder / "base")
            small_models.published_adapter(folder / "motion-adapter")
        elif name == "animatediff-sdxl":
            small_models.animatediff_xl(folder / "base")
            (folder / "motion-adapter").mkdir()
            small_models.authors_motion_module(folder / "motion-adapter" / "motion-module.ckpt")
        else:
            small_models.build(name, folder)


def entry(name: str, folder: Path, url: str) -> str:
    """The entry of the test catalog, with the hash of every file."""
    family, fps, extra, _ = FAMILIES[name]
    files = []
    for path in sorted(file for file in folder.rglob("*") if file.is_file() and "lines.txt" not in file.name):
        place = path.relative_to(folder)
        if place.parts[0] in ("t5", "tokens"):
            continue
        convert = {".bin": "tensors", ".ckpt": "motion-module"}.get(path.suffix, "")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(f'{{path = "{place}", url = "{url}/{name}/{place}", sha256 = "{sha256}", convert = "{convert}"}}')
    return "\n".join((
        "[[model]]", f'name = "small-{name}"', f'family = "{family}"', f'title = "Small {name}"', 'licence = "none"',
        f"native_fps = {fps}", "base_area = 4096", "num_inference_steps = 2", 'interpolators = ["tiny-film"]',
        'upscalers = {2 = "tiny-realesr-x2", 4 = "tiny-realesr-x4"}', f"files = [{', '.join(files)}]", extra, "",
    ))  # fmt: skip


class System:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def aura(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cli.main", *arguments, "--data-dir", str(self.data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    site, data_dir = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("aura")
    (data_dir / "models" / "loras" / "style").mkdir(parents=True)
    names = tuple(FAMILIES) if ALL else EVERY_RUN
    with serve(site) as hub:
        for name in names:
            build(name, site / name)
        catalog = [entry(name, site / name, hub.url) for name in names]
        catalog.append('[[lora]]\nname = "style"\ntitle = "Style"\nlicence = "none"\nfits = ["small"]\n')
        (data_dir / "models" / "models.toml").write_text("\n".join(catalog))
        small_models.save_lora(small_networks.sd_unet(), data_dir / "models" / "loras" / "style" / "lora.safetensors")
        running = System(data_dir)
        for name in names:
            running.aura("models", "pull", f"small-{name}")
    with (data_dir / "up.txt").open("wb") as log:
        options = ["--data-dir", str(data_dir), "--port", str(free_port()), "--no-web"]
        process = subprocess.Popen([sys.executable, "-m", "cli.main", "up", *options], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while "ready\n" not in (data_dir / "up.txt").read_text():
            assert process.poll() is None, (data_dir / "up.txt").read_text()
            assert time.monotonic() < deadline, (data_dir / "up.txt").read_text()
            time.sleep(0.2)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_a_pulled_model_draws_a_video(name: str, system: System, tmp_path: Path) -> None:
    if not ALL and name not in EVERY_RUN:
        pytest.skip("only in `make test-models`: AURA_TEST_MODELS=all")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "first.png")
    options = [str(tmp_path / "first.png") if option == "IMAGE" else option for option in FAMILIES[name][3]]
    size = ["--width", "64", "--height", "64", "--seconds", "0.5"]
    rate = [] if "--fps" in options else ["--fps", "8"]
    file = tmp_path / "video.mp4"

    done = system.aura(
        "generate", "a red circle", "--model", f"small-{name}", *size, *rate, *options, "-o", str(file), "--json"
    )

    result: dict[str, Any] = json.loads(done.stdout)
    with av.open(str(file)) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    fps = int(options[options.index("--fps") + 1]) if "--fps" in options else 8
    assert np.stack(frames).shape == (round(0.5 * fps), 64, 64, 3)
    assert np.stack(frames).std() > 1
    assert result["frames"] == len(frames)
    system.aura("models", "verify", f"small-{name}")


@pytest.mark.skipif(not ALL, reason="only in `make test-models`: AURA_TEST_MODELS=all")
def test_a_video_goes_on_from_a_frame_of_another_one(system: System, tmp_path: Path) -> None:
    """The same request gives the same video. A video that does not exist is one line of error, with its own status."""
    size = ["--width", "64", "--height", "64", "--seconds", "0.5", "--fps", "24", "--seed", "3", "--json"]
    first = json.loads(
        system.aura("generate", "a red circle", "--model", "small-ltx", *size, "-o", str(tmp_path / "1.mp4")).stdout
    )
    listed = json.loads(system.aura("list", "--json").stdout)["data"]
    video_id = next(video["id"] for video in listed if video["job_id"] == first["job_id"])
    going_on = ["generate", "a blue star", "--model", "small-ltx", *size, "--image-from", f"{video_id}@0.3"]

    second, third = (json.loads(system.aura(*going_on, "-o", str(tmp_path / f"{n}.mp4")).stdout) for n in (2, 3))

    assert second["resolved"]["image"].startswith("sha256:")
    assert second["sha256"] == third["sha256"] != first["sha256"]
    refused = system.aura("generate", "a", "--model", "small-wan", *size, "--image-from", video_id, check=False)
    assert "does not support this" in refused.stderr
    unknown = system.aura(*going_on[:-1], "0" * 32, check=False)
    assert unknown.returncode == 4
    assert len(unknown.stderr.strip().splitlines()) == 1


def test_a_truncated_file_gives_one_clear_line(system: System, tmp_path: Path) -> None:
    """The other model is drawn first, so that the damaged one has to be loaded again."""
    folder = system.data_dir / "models" / "small-animatediff" / "base" / "unet"
    weights = folder / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    system.aura(
        "generate", "a red circle", "--model", "small-wan", "--width", "64", "--height", "64", "--seconds", "0.5",
        "--fps", "16", "-o", str(tmp_path / "other.mp4"),
    )  # fmt: skip
    weights.write_bytes(whole[: len(whole) // 2])
    try:
        failed = system.aura(
            "generate", "a red circle", "--model", "small-animatediff", "--width", "64", "--height", "64", "--seconds",
            "0.5", "--fps", "8", "-o", str(tmp_path / "video.mp4"), "--json", check=False,
        )  # fmt: skip
        verified = system.aura("models", "verify", "small-animatediff", check=False)
    finally:
        weights.write_bytes(whole)

    assert failed.returncode == 1
    assert "aura models verify small-animatediff" in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1
    assert verified.returncode == 1
    assert "diffusion_pytorch_model.safetensors: its hash is" in verified.stdout
