"""The parts of the training programs that can be tested without training."""

import random

import numpy as np
import torch

from pipeline.tiny import clips
from pipeline.tiny.training import loop, networks, train_generator, train_text, train_vae


def test_muon_directions_are_orthogonal() -> None:
    torch.manual_seed(0)
    for shape in ((16, 40), (40, 16)):
        spread = torch.linalg.svdvals(loop.orthogonal(torch.randn(shape)))
        assert spread.min() > 0.4
        assert spread.max() < 1.4


def test_whitening_changes_the_latents_and_not_the_frames() -> None:
    torch.manual_seed(0)
    vae = networks.autoencoder().eval()
    frames = np.concatenate([clips.clip(clips.random_scene(random.Random(i)), i) for i in range(4)])
    pixels = networks.as_pixels(torch.from_numpy(frames))
    with torch.no_grad():
        before = vae.decode(vae.encode(pixels).latent_dist.mean).sample
    train_vae.whiten(vae, frames)
    with torch.no_grad():
        latents = vae.encode(pixels).latent_dist.mean
        after = vae.decode(latents).sample
    flat = latents.permute(0, 2, 3, 1).reshape(-1, networks.LATENT_CHANNELS)
    assert torch.allclose(torch.cov(flat.T), torch.eye(networks.LATENT_CHANNELS), atol=0.02)
    assert flat.mean(0).abs().max() < 0.01
    assert (after - before).abs().max() < 0.02 * before.abs().max()


def test_a_new_unet_passes_its_input_to_the_last_resnet() -> None:
    torch.manual_seed(0)
    model = networks.unet()
    inputs: list[torch.Tensor] = []
    model.conv_out.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    model.conv_norm_out.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    latents = torch.randn(2, networks.LATENT_CHANNELS, 8, 8)
    with torch.no_grad():
        model(latents, 500, torch.randn(2, 24, networks.TEXT_WIDTH))
    copied = inputs[0][:, : networks.LATENT_CHANNELS]
    assert np.corrcoef(copied.flatten().numpy(), latents.flatten().numpy())[0, 1] > 0.5


def test_motion_unet_and_split_are_inverse() -> None:
    torch.manual_seed(0)
    base, adapter = networks.unet(), networks.motion_adapter()
    again, other = networks.split(networks.motion_unet(base, adapter))
    assert all(torch.equal(a, b) for a, b in zip(base.state_dict().values(), again.state_dict().values(), strict=True))
    for key, value in adapter.state_dict().items():
        assert torch.equal(value, other.state_dict()[key])


def test_chosen_frames_keep_their_true_positions() -> None:
    position = train_generator.TruePositions(8, 32)
    # Two clips of three cells each.
    x = torch.zeros(6, 2, 8)
    position.chosen = torch.tensor([[0, 5], [3, 15]])
    added = position(x)
    assert torch.equal(added[2, 1], position.pe[0, 5])
    assert torch.equal(added[3, 0], position.pe[0, 3])


def test_timesteps_and_weights_are_in_range() -> None:
    noise, generator = train_generator.Noise(), torch.Generator().manual_seed(0)
    for early in (True, False):
        times = noise.times(1000, early, generator)
        assert times.min() >= 0
        assert times.max() == 999
    # The input of the first step of the pipeline is pure noise.
    assert noise.alphas[999] == 0


def test_the_target_of_a_caption_is_the_sum_of_its_attributes() -> None:
    book = train_text.codes()
    assert train_text.target(clips.Caption(""), book).abs().max() == 0
    rng = random.Random(0)
    caption = clips.caption(clips.Scene("star", "red", "white", "spin"), rng)
    target = train_text.target(caption, book)
    assert int((book["shape"] @ target).argmax()) == clips.SHAPES.index("star")
    assert int((book["colour"] @ target).argmax()) == list(clips.PALETTE).index("red")
