"""The training of the built-in model computes what the pipelines compute, and goes on where it stopped."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanAttnProcessor

from tools.shapes_latents import BUCKETS, Bucket, Latents, draw_shown, from_state, make_latents, to_state
from tools.shapes_text import TEXT_LENGTH, make_text_encoder, make_tokenizer
from tools.shapes_transformer import (
    Kind,
    Trainee,
    make_i2v_transformer,
    make_image_encoder,
    make_transformer,
    train_transformer,
)
from tools.shapes_vae import VAE_CONFIG, decode_clip, encode_clip, make_vae, whole_clip
from tools.shapes_world import combinations, draw_pair, draw_scene, render

CAPTIONS = [
    "a red circle moving left on a black background",
    "a pink star still and an orange cross growing on teal",
    "",
]
BUCKET = Bucket(64, 64, 9)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def make_trainee(kind: Kind) -> Trainee:
    tokenizer = make_tokenizer()
    base = make_transformer()
    torch.nn.init.normal_(base.proj_out.weight, std=0.1)  # fresh ones say 0 to everything
    if kind != Kind.I2V:
        return Trainee(tokenizer, make_text_encoder(tokenizer), base)
    transformer = make_i2v_transformer(base)
    for block in transformer.blocks:
        torch.nn.init.normal_(block.attn2.add_v_proj.weight, std=0.1)
    return Trainee(tokenizer, make_text_encoder(tokenizer), transformer, make_image_encoder())


@pytest.mark.parametrize("kind", [Kind.TI2V, Kind.I2V])
@torch.no_grad()
def test_that_it_computes_what_the_pipelines_compute(kind: Kind) -> None:
    trainee = make_trainee(kind).eval()
    noisy = torch.randn(len(CAPTIONS), trainee.transformer.config.in_channels, 3, 4, 4)
    timestep = torch.tensor([900.0, 500.0, 20.0])
    pictures = torch.randint(0, 256, (len(CAPTIONS), 3, 64, 64), dtype=torch.uint8) if kind == Kind.I2V else None
    ours = trainee(noisy, timestep, CAPTIONS, pictures)
    trainee.transformer.set_attn_processor(WanAttnProcessor())
    tokens = trainee.tokenizer(CAPTIONS, padding="max_length", max_length=TEXT_LENGTH, return_tensors="pt")
    text = trainee.text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
    text = text * tokens.attention_mask.unsqueeze(-1)
    image = None if pictures is None else trainee._look_at(pictures)
    theirs = trainee.transformer(noisy, timestep, text, image, return_dict=False)[0]
    assert theirs.std() > 0.05
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


@torch.no_grad()
def test_that_the_vae_in_one_go_equals_the_vae_group_by_group() -> None:
    vae = make_vae().eval()
    for module in vae.modules():  # zero residual branches would hide differences
        if hasattr(module, "conv2"):
            torch.nn.init.normal_(module.conv2.weight, std=0.02)
    rng = random.Random(0)
    clip = render([draw_scene(rng.choice(combinations(held_out=True)), rng)], width=64, height=64, num_frames=17)
    latents = vae.encode(clip).latent_dist.mean
    decoded = vae.decode(latents).sample
    whole_clip(vae)
    torch.testing.assert_close(encode_clip(vae, clip), latents, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(decode_clip(vae, latents).clamp(-1, 1), decoded, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_that_a_fresh_text_encoder_tells_whose_words_they_are() -> None:
    """A line fitted on pairs of colours says of other pairs whether a colour is the first object's or the second's."""
    tokenizer = make_tokenizer()
    text_encoder = make_text_encoder(tokenizer).eval()
    rng = random.Random(0)

    def read(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows, sides = [], []
        for pair in (draw_pair(rng, held_out=False) for _ in range(count)):
            tokens = tokenizer([pair.caption], return_tensors="pt")
            states = text_encoder(**tokens).last_hidden_state[0]
            for side, thing in zip((-1.0, 1.0), pair.things, strict=True):
                place = tokens.input_ids[0].tolist().index(tokenizer.convert_tokens_to_ids(f"▁{thing.foreground}"))
                rows.append(torch.cat([states[place], torch.ones(1)]))
                sides.append(side)
        return torch.stack(rows), torch.tensor(sides)

    (rows, sides), (other_rows, other_sides) = read(200), read(50)
    line = torch.linalg.lstsq(rows, sides.unsqueeze(1)).solution
    assert ((other_rows @ line).squeeze(1).sign() == other_sides).float().mean() > 0.98


def test_that_nothing_held_out_is_trained_on() -> None:
    shown = draw_shown(4000, random.Random(0))
    assert not any(combination.held_out for combination in shown)
    singles = {combination for combination in shown if len(combination.things) == 1}
    assert len(singles) > 1300
    assert 0.3 < sum(len(combination.things) == 2 for combination in shown) / len(shown) < 0.4


def few_latents(bucket: Bucket = BUCKET) -> Latents:
    rng = random.Random(0)
    size = (int(VAE_CONFIG["z_dim"]), (bucket.num_frames - 1) // 4 + 1, bucket.height // 16, bucket.width // 16)
    return Latents(torch.randn(40, *size).half(), draw_shown(40, rng))


@pytest.mark.slow
def test_that_training_lowers_the_loss_and_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped by a crash after the first checkpoint; the rest gives the weights of a run without a stop."""
    monkeypatch.setattr("tools.shapes_transformer.TOKENS", 120)

    def keep(state: dict[str, Any]) -> None:
        torch.save(state, tmp_path / f"{state['step']}.ckpt")

    caches = {BUCKET: few_latents()}
    straight = make_trainee(Kind.TI2V)
    arguments: dict[str, Any] = {"steps": 90, "rate": 1.0, "seed": 0, "checkpoint": keep}
    train_transformer(straight, Kind.TI2V, caches, state={}, **arguments)
    lines = capsys.readouterr().out.splitlines()
    losses = [float(line.split("text ")[1].split(",")[0]) for line in lines]
    assert losses[-1] < losses[0]
    torch.manual_seed(5)
    resumed = make_trainee(Kind.TI2V)
    state = torch.load(tmp_path / "60.ckpt", weights_only=True)
    train_transformer(resumed, Kind.TI2V, caches, state=state, **arguments)
    # Not bit for bit: the same weights at another place in memory are multiplied in another order.
    for (name, value), (_, other) in zip(straight.named_parameters(), resumed.named_parameters(), strict=True):
        assert (value - other).norm() <= 1e-3 * value.norm(), (name, (value - other).norm() / value.norm())


def test_that_latents_survive_a_checkpoint(tmp_path: Path) -> None:
    latents = make_latents(make_vae(), BUCKETS[0], seed=0, part=0.002, picture=True)
    torch.save(to_state(latents), tmp_path / "latents.ckpt")
    again = from_state(torch.load(tmp_path / "latents.ckpt", weights_only=True))
    assert again.shown == latents.shown
    for name in ("clips", "conditions", "pictures"):
        assert torch.equal(getattr(again, name), getattr(latents, name))
    assert latents.clips.shape == (6, 48, 3, 4, 4)
    # All I2V models are given is the first frame, whatever follows.
    assert torch.equal(latents.conditions[:, :, 0], latents.clips[:, :, 0])
