"""Train all small models from fixed seeds, export them and print their figures.

    python -m pipeline.tiny.training.build [--work .tiny-train] [--out pipeline/tiny/weights] [--export-only]

Every program writes checkpoints to --work. An interrupted build resumes from them.
"""

import json
from dataclasses import asdict
from pathlib import Path

from pipeline.models.weights import SHIPPED
from pipeline.tiny import evaluate, layout
from pipeline.tiny.training import (
    export,
    loop,
    networks,
    train_generator,
    train_interpolator,
    train_text,
    train_upscaler,
    train_vae,
)
from pipeline.tiny.training.loop import log


def train(work: Path, threads: int) -> None:
    """Run all five programs in the order of their dependencies."""
    common = ["--work", str(work), "--threads", str(threads)]
    for program in (train_text, train_vae, train_generator, train_interpolator, train_upscaler):
        program.main(common)


def write(work: Path, out: Path) -> None:
    """Export the latest checkpoints as a set of weights. The evaluation adds its figures to the card later."""
    model = networks.motion_unet(networks.unet(), networks.motion_adapter())
    state = loop.load(train_generator.checkpoint(work))
    if state is None:
        raise FileNotFoundError(f"no trained generator in {work}: run pipeline.tiny.training.train_generator first")
    model.load_state_dict(state["average"]["weights"])
    unet, adapter = networks.split(model)
    words = train_text.tokenizer(work)
    export.write_base(out, train_vae.trained(work), unet, train_text.trained(work, words), words)
    export.write_adapter(out, adapter)
    export.write_film(out, train_interpolator.trained(work))
    for scale in layout.UPSCALERS:
        upscaler = train_upscaler.trained(work, scale)
        export.write_upscaler(out, upscaler, train_upscaler.NUM_FEAT, train_upscaler.NUM_CONV)
    export.write_card(out, trained=True, figures={"generator_steps": state["step"]})
    export.make_readable(out)


def main(argv: list[str] | None = None) -> None:
    options = loop.parser(__doc__)
    options.add_argument("--out", type=Path, default=SHIPPED)
    options.add_argument("--export-only", action="store_true", help="export the checkpoints without training")
    options.add_argument("--prompts", type=int, default=100, help="held-out prompts of the evaluation; 0 skips it")
    chosen = options.parse_args(argv)
    loop.start(chosen.work, chosen.threads, 0)
    if not chosen.export_only:
        train(chosen.work, chosen.threads)
    write(chosen.work, chosen.out)
    log.info("%s: %.1f MB", chosen.out, layout.total_bytes(chosen.out) / 1e6)
    if chosen.prompts:
        figures = evaluate.evaluate(chosen.out, chosen.prompts)
        card = json.loads((chosen.out / layout.CARD).read_text())
        export.write_card(chosen.out, trained=True, figures=card["figures"] | asdict(figures))
        print(evaluate.report(figures))


if __name__ == "__main__":
    main()
