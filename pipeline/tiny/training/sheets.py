"""Draw contact sheets: forty held-out prompts, every second frame, and the wrong verdicts.

python -m pipeline.tiny.training.sheets [--out docs/tiny] [--prompts 40] [--side 64]
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.models.weights import SHIPPED
from pipeline.tiny import clips, evaluate
from pipeline.tiny.judge import judge

ROWS = 20
_TEXT_HEIGHT, _GAP = 14, 4


def row(frames: NDArray[np.uint8], text: str) -> Image.Image:
    """One prompt: its text above every second frame of frames (16, H, W, 3)."""
    shown = frames[::2]
    _, height, width, _ = shown.shape
    image = Image.new("RGB", (len(shown) * (width + _GAP), height + _TEXT_HEIGHT + _GAP), "white")
    ImageDraw.Draw(image).text((2, 1), text, fill="black")
    for i, frame in enumerate(shown):
        image.paste(Image.fromarray(frame), (i * (width + _GAP), _TEXT_HEIGHT))
    return image


def sheet(rows: list[Image.Image]) -> Image.Image:
    """The rows from top to bottom."""
    image = Image.new("RGB", (rows[0].width, sum(r.height for r in rows)), "white")
    top = 0
    for each in rows:
        image.paste(each, (0, top))
        top += each.height
    return image


def main(argv: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=Path("docs/tiny"))
    options.add_argument("--folder", type=Path, default=SHIPPED)
    options.add_argument("--prompts", type=int, default=40)
    options.add_argument("--width", type=int, default=clips.SIDE)
    options.add_argument("--height", type=int, default=clips.SIDE)
    options.add_argument("--name", default="sheet")
    chosen = options.parse_args(argv)
    chosen.out.mkdir(parents=True, exist_ok=True)
    pipe = evaluate.generator(chosen.folder)
    rows = []
    for i, scene in enumerate(evaluate.held_out_scenes(chosen.prompts)):
        text = clips.prompt(scene)
        frames = evaluate.generate(pipe, text, evaluate.SEED + i, size=(chosen.width, chosen.height))
        verdict = judge(frames)
        wrong = [
            f"{name}: {getattr(verdict, name)}"
            for name in evaluate.ATTRIBUTES
            if getattr(verdict, name) != getattr(scene, name)
        ]
        rows.append(row(frames, text + (f"   [judged {', '.join(wrong)}]" if wrong else "")))
    for start in range(0, len(rows), ROWS):
        path = chosen.out / f"{chosen.name}-{start // ROWS + 1}.png"
        sheet(rows[start : start + ROWS]).quantize(128).save(path, optimize=True)
        print(path)


if __name__ == "__main__":
    main()
