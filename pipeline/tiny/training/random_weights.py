"""Write random weights with the architectures and files of the trained ones.

python -m pipeline.tiny.training.random_weights OUT_DIR
"""

import argparse
import tempfile
from pathlib import Path

import torch

from pipeline.models.realesrgan import SRVGGNetCompact
from pipeline.tiny import layout
from pipeline.tiny.training import export, networks, tokens
from pipeline.tiny.training.film import TinyFilm
from pipeline.tiny.training.train_upscaler import NUM_CONV, NUM_FEAT


def build(folder: Path, seed: int = 0) -> None:
    """Write the set to `folder`."""
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = tokens.tokenizer(Path(scratch))
        text = networks.text_encoder(len(tokenizer), tokenizer.eos_token_id, tokenizer.bos_token_id)
        export.write_base(folder, networks.autoencoder(), networks.unet(), text, tokenizer)
    export.write_adapter(folder, networks.motion_adapter())
    export.write_film(folder, TinyFilm())
    for scale in layout.UPSCALERS:
        export.write_upscaler(folder, SRVGGNetCompact(NUM_FEAT, NUM_CONV, scale), NUM_FEAT, NUM_CONV)
    export.write_card(folder, trained=False, figures={})
    export.make_readable(folder)


def main(argv: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args(argv)
    build(chosen.folder, chosen.seed)
    print(f"{chosen.folder}: {layout.total_bytes(chosen.folder) / 1e6:.1f} MB of random weights")


if __name__ == "__main__":
    main()
