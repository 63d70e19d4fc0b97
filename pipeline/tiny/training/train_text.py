"""Train the text encoder separately: every end and pad position predicts the attributes of the caption.

    python -m pipeline.tiny.training.train_text [--work .tiny-train] [--steps 1200]

Each value of each attribute has a random orthonormal code, minus the mean of its attribute. The target of a caption is
the scaled sum of the codes of the attributes it states; the target of the empty caption is zero. With this encoder, the
UNet receives five separable attributes from its first training step.
"""

import math
import random
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.tiny import clips
from pipeline.tiny.training import loop, networks, tokens
from pipeline.tiny.training.loop import log

SEED = 21
BATCH = 128
LEARNING_RATE = 2e-3
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "shape": clips.SHAPES,
    "colour": tuple(clips.PALETTE),
    "background": tuple(clips.PALETTE),
    "motion": clips.MOTIONS,
    "size": tuple(clips.RADII),
}


def checkpoint(work: Path) -> Path:
    return work / "text.pt"


def tokenizer(work: Path) -> CLIPTokenizer:
    return tokens.tokenizer(work / "tokenizer")


def encoder(words: CLIPTokenizer) -> CLIPTextModel:
    return networks.text_encoder(len(words), words.eos_token_id, words.bos_token_id)


def trained(work: Path, words: CLIPTokenizer) -> CLIPTextModel:
    """The trained encoder, frozen."""
    state = loop.load(checkpoint(work))
    if state is None:
        raise FileNotFoundError(f"no trained text encoder in {work}: run pipeline.tiny.training.train_text first")
    model = encoder(words)
    model.load_state_dict(state["model"])
    return model.eval().requires_grad_(False)


def token_ids(words: CLIPTokenizer, texts: list[str]) -> Tensor:
    """int64 (B, 24), tokenized like in the pipeline."""
    return words(texts, padding="max_length", max_length=tokens.LENGTH, truncation=True, return_tensors="pt").input_ids


def codes() -> dict[str, Tensor]:
    """For each attribute float (values, 128): orthonormal rows minus their mean."""
    generator = torch.Generator().manual_seed(SEED)
    count = sum(len(values) for values in ATTRIBUTES.values())
    basis = torch.linalg.qr(torch.randn(networks.TEXT_WIDTH, count, generator=generator)).Q.T
    parts = basis.split([len(values) for values in ATTRIBUTES.values()])
    return {name: part - part.mean(0) for name, part in zip(ATTRIBUTES, parts, strict=True)}


def target(caption: clips.Caption, book: dict[str, Tensor]) -> Tensor:
    """float (128,): the encoded attributes of the caption."""
    total = torch.zeros(networks.TEXT_WIDTH)
    for name, values in ATTRIBUTES.items():
        value = getattr(caption, name)
        if value is not None:
            total += book[name][values.index(value)]
    return total * math.sqrt(networks.TEXT_WIDTH / len(ATTRIBUTES))


def random_caption(rng: random.Random) -> clips.Caption:
    """Usually a sentence about a scene, sometimes an empty caption or random letters."""
    kind = rng.random()
    if kind < 0.05:
        return clips.Caption("")
    if kind < 0.12:
        letters = "abcdefghijklmnopqrstuvwxyz"
        nonsense = ("".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(rng.randint(1, 7)))
        return clips.Caption(", ".join(nonsense) if rng.random() < 0.5 else " ".join(nonsense))
    return clips.caption(clips.random_scene(rng, held_out=rng.random() < 0.1), rng)


def loss(model: nn.Module, ids: Tensor, targets: Tensor) -> Tensor:
    """MSE at every position from the end mark on, because cross-attention uses all of them."""
    hidden = model(ids).last_hidden_state
    at_end = (ids == ids[:, -1:]).cumsum(1).gt(0).float()
    error = (hidden - targets[:, None]).square().mean(-1)
    return (error * at_end).sum() / at_end.sum()


@torch.no_grad()
def accuracy(model: CLIPTextModel, words: CLIPTokenizer, count: int = 1000) -> dict[str, float]:
    """Share of new captions whose last position decodes to the correct value, for each attribute."""
    rng, book = random.Random(SEED + 1), codes()
    captions = [clips.caption(clips.random_scene(rng, held_out=True), rng) for _ in range(count)]
    hidden = model(token_ids(words, [c.text for c in captions])).last_hidden_state[:, -1]
    result = {}
    for name, values in ATTRIBUTES.items():
        stated = [i for i, c in enumerate(captions) if getattr(c, name) is not None]
        guesses = (hidden[stated] @ book[name].T).argmax(1).tolist()
        correct = sum(values[g] == getattr(captions[i], name) for g, i in zip(guesses, stated, strict=True))
        result[name] = correct / len(stated)
    return result


def train(work: Path, steps: int) -> None:
    words = tokenizer(work)
    model, book = encoder(words), codes()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.99))
    state = loop.load(checkpoint(work))
    step = 0
    if state is not None:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    pace = loop.Pace()
    while step < steps:
        rng = random.Random(SEED * 1_000_003 + step)
        captions = [random_caption(rng) for _ in range(BATCH)]
        targets = torch.stack([target(c, book) for c in captions])
        value = loss(model, token_ids(words, [c.text for c in captions]), targets)
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * (1 - step / steps))
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % 100 == 0 or step == steps:
            log.info("text %d/%d loss %.4f, %.1f steps/s", step, steps, value.item(), pace(step))
            loop.save(checkpoint(work), step=step, model=model.state_dict(), optimiser=optimiser.state_dict())
    log.info("text decodes: %s", {k: f"{v:.1%}" for k, v in accuracy(model.eval(), words).items()})


def main(argv: list[str] | None = None) -> None:
    options = loop.parser(__doc__)
    options.add_argument("--steps", type=int, default=1200)
    chosen = options.parse_args(argv)
    loop.start(chosen.work, chosen.threads, SEED)
    train(chosen.work, chosen.steps)


if __name__ == "__main__":
    main()
