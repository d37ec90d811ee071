"""Every way to load a model against the plain one, on tiny models of every family.

On the CPU the "card" is the CPU: a move is nothing, but diffusers' hooks, the files with blocks and the switch of
experts really happen.
"""

import gc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.hooks import HookRegistry
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from torch import Tensor, nn

from tests.conftest import TinyModel
from tests.engine.test_sampler import nothing, picture, request, watch
from tests.fakes.tiny_models import FAMILIES
from wan_desktop.core.attention import Attention
from wan_desktop.core.errors import IncompatibleError, JobCancelled
from wan_desktop.core.load_plan import (
    Device,
    LoadPlan,
    Placement,
    Precision,
    Storage,
    TextEncoderPolicy,
    VaePolicy,
)
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.decoder import decode_groups
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.memory import card_index, process_bytes, video_memory
from wan_desktop.engine.placement import may_pin
from wan_desktop.engine.sampler import denoise, embed_prompts, prepare_condition

PLAIN = LoadPlan("plain", Device.CPU, placement=Placement.RESIDENT)
WANTED = request(num_inference_steps=4, num_frames=5)
EXACT = {
    "component": replace(PLAIN, placement=Placement.COMPONENT),
    "blocks": replace(PLAIN, placement=Placement.BLOCKS),
    "leaves": replace(PLAIN, placement=Placement.LEAVES),
    "disk": replace(PLAIN, placement=Placement.DISK),
    "one-expert": replace(PLAIN, one_expert=True),
    "one-expert-blocks": replace(PLAIN, one_expert=True, placement=Placement.BLOCKS),
    "one-expert-disk": replace(PLAIN, one_expert=True, placement=Placement.DISK),
    "text-dropped": replace(PLAIN, text_encoder=TextEncoderPolicy.DROP),
}
FP8 = replace(PLAIN, storage=Storage.FP8)
TWO_EXPERTS = ("t2v_two_experts", "i2v_two_experts")


def load(folder: Path, plan: LoadPlan, work_folder: Path | None = None) -> LoadedModel:
    """Load as the engine does."""
    return load_model(
        inspect_model_folder(folder),
        plan,
        progress=lambda *_: None,
        check_cancelled=nothing,
        work_folder=work_folder,
    )


def sample(model: LoadedModel, **looks: Any) -> Tensor:
    """Latents of one render."""
    prompts = embed_prompts(model, WANTED, nothing)
    last = picture(1) if model.folder.takes_last_image and model.folder.pos_embed_seq_len else None
    condition = prepare_condition(model, WANTED, picture(), last, nothing) if model.folder.takes_image else None
    return denoise(model, WANTED, prompts, condition, watch(**looks))


def frames(model: LoadedModel, latents: Tensor) -> Tensor:
    """All frames, float32."""
    return torch.cat(list(decode_groups(model, latents, nothing)), dim=2)


@cache
def plain_render(folder: Path) -> tuple[Tensor, Tensor]:
    """Latents and frames of the resident plan."""
    model = load(folder, PLAIN)
    latents = sample(model)
    return latents, frames(model, latents)


@pytest.mark.parametrize(
    ("family", "name"),
    [(family, name) for name in EXACT for family in FAMILIES if family in TWO_EXPERTS or not name.startswith("one")],
)
def test_that_a_lossless_plan_gives_the_same_latents_and_frames_to_the_bit(
    tiny_model: TinyModel, tmp_path: Path, family: str, name: str
) -> None:
    model = load(tiny_model(family), EXACT[name], tmp_path)
    expected_latents, expected_frames = plain_render(tiny_model(family))
    latents = sample(model)
    assert torch.equal(latents, expected_latents)
    assert torch.equal(frames(model, latents), expected_frames)
    model.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("placement", [Placement.RESIDENT, Placement.BLOCKS, Placement.LEAVES, Placement.DISK])
def test_that_storage_in_8_bits_changes_the_latents_a_little_and_the_same_everywhere(
    tiny_model: TinyModel, family: str, placement: Placement
) -> None:
    model = load(tiny_model(family), replace(FP8, placement=placement))
    latents, (expected, _) = sample(model), plain_render(tiny_model(family))
    relative = float((latents - expected).norm() / expected.norm())
    assert 1e-5 < relative < 0.1
    if placement != Placement.RESIDENT:
        assert torch.equal(latents, sample(load(tiny_model(family), FP8)))


def test_that_8_bit_weights_lie_in_8_bits_before_and_after_a_render_and_equal_diffusers(tiny_model: TinyModel) -> None:
    plain, model = load(tiny_model("t2v"), PLAIN).transformer, load(tiny_model("t2v"), FP8)
    plain.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    for _ in range(2):
        found = dict(model.transformer.named_parameters())
        assert found["blocks.0.attn1.to_q.weight"].dtype == torch.float8_e4m3fn
        assert found["condition_embedder.time_proj.weight"].dtype == torch.float32
        for name, parameter in plain.named_parameters():
            assert found[name].dtype == parameter.dtype
            assert torch.equal(found[name].float(), parameter.float())
        sample(model)


@pytest.mark.parametrize("family", ["t2v", "i2v_clip", "ti2v"])
def test_that_decoding_in_bfloat16_changes_frames_a_little_and_encoding_not_at_all(
    tiny_model: TinyModel, family: str
) -> None:
    model = load(tiny_model(family), replace(PLAIN, vae=VaePolicy.BFLOAT16))
    latents, (expected_latents, expected) = sample(model), plain_render(tiny_model(family))
    assert torch.equal(latents, expected_latents)
    found = frames(model, latents)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    assert float((found - expected).abs().max()) < 0.15
    assert float((found - expected).abs().mean()) < 0.005
    assert next(model.vae.encoder.parameters()).dtype == torch.float32
    assert {p.dtype for p in model.vae.decoder.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(("family", "size"), [("t2v", (34, 40)), ("ti2v", (17, 20))])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)], ids=str)
def test_that_tiles_equal_diffusers_own_tiled_decode_and_differ_from_the_whole(
    tiny_model: TinyModel, family: str, size: tuple[int, int], dtype: torch.dtype, rounding: float
) -> None:
    model, whole = load(tiny_model(family), replace(PLAIN, vae=VaePolicy.TILED)), load(tiny_model(family), PLAIN)
    model.vae.decoder.to(dtype)
    model.vae.post_quant_conv.to(dtype)
    latents = torch.randn(1, model.vae.config.z_dim, 3, *size, generator=torch.Generator().manual_seed(3))
    seen: list[tuple[int, int]] = []
    groups = list(decode_groups(model, latents, nothing, lambda done, total: seen.append((done, total))))
    assert [group.shape[2] for group in groups] == [1, 4, 4]
    tiles = -(-size[0] * model.vae.config.scale_factor_spatial // 192) * -(
        -size[1] * model.vae.config.scale_factor_spatial // 192
    )
    assert seen == [(done + 1, 3 * tiles) for done in range(3 * tiles)]
    shape = (1, model.vae.config.z_dim, 1, 1, 1)
    mean, std = (torch.tensor(model.vae.config[f"latents_{name}"]).view(shape) for name in ("mean", "std"))
    model.vae.enable_tiling()
    with torch.no_grad():
        expected = model.vae.decode((latents / (1.0 / std) + mean).to(dtype)).sample
    # Not to the bit: where a tensor lies in memory decides how the CPU's bfloat16 kernels round.
    expected = (expected * 0.5 + 0.5).clamp(0, 1).float()
    torch.testing.assert_close(torch.cat(groups, dim=2), expected, rtol=0, atol=rounding)
    assert float((torch.cat(groups, dim=2) - expected).abs().mean()) < rounding / 30
    difference = (torch.cat(groups, dim=2) - frames(whole, latents)).abs()
    assert 0 < float(difference.mean()) < 0.05


def test_that_a_picture_no_larger_than_a_tile_is_decoded_whole(tiny_model: TinyModel) -> None:
    latents, expected = plain_render(tiny_model("t2v"))
    assert torch.equal(frames(load(tiny_model("t2v"), replace(PLAIN, vae=VaePolicy.TILED)), latents), expected)


def test_that_decoding_in_tiles_stops_between_frames_and_leaves_nothing_behind(tiny_model: TinyModel) -> None:
    model, calls = load(tiny_model("t2v"), replace(PLAIN, vae=VaePolicy.TILED)), 0

    def cancel_at_the_fourth() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        list(decode_groups(model, torch.zeros(1, 16, 2, 36, 36), cancel_at_the_fourth))
    assert calls == 4
    assert all(feature is None for feature in model.vae._feat_map)


def group_hooks(module: nn.Module) -> int:
    """How many parts of the module have a hook of diffusers' group offload."""
    registries = [part._diffusers_hook for part in module.modules() if hasattr(part, "_diffusers_hook")]
    return sum(
        isinstance(registry, HookRegistry) and registry.get_hook("group_offloading") is not None
        for registry in registries
    )


def test_that_blocks_and_leaves_are_really_hooked_and_only_for_the_expert_at_work(tiny_model: TinyModel) -> None:
    counts = {}
    for placement in (Placement.BLOCKS, Placement.LEAVES):
        model = load(tiny_model("t2v_two_experts"), replace(PLAIN, placement=placement))
        seen: list[tuple[int, int]] = []
        sample(model, step=lambda *_: seen.append((group_hooks(model.transformer), group_hooks(model.transformer_2))))  # noqa: B023 - called in the loop
        assert all((first > 0) != (second > 0) for first, second in seen)
        assert seen[0][0] == seen[-1][1]
        counts[placement] = seen[0][0]
    assert counts[Placement.BLOCKS] == 3  # two blocks, and the rest
    assert counts[Placement.LEAVES] > 20


@pytest.mark.parametrize("placement", [Placement.BLOCKS, Placement.LEAVES, Placement.DISK])
def test_that_a_render_after_a_cancelled_one_is_the_same(tiny_model: TinyModel, placement: Placement) -> None:
    model, calls = load(tiny_model("t2v_two_experts"), replace(PLAIN, placement=placement)), 0

    def cancel_in_the_midst() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        sample(model, check_cancelled=cancel_in_the_midst)
    assert group_hooks(model.transformer) == 0
    assert torch.equal(sample(model), plain_render(tiny_model("t2v_two_experts"))[0])


def live_numbers(model: LoadedModel) -> tuple[int, int]:
    """Numbers in memory of each expert."""
    modules = (model.transformer, model.transformer_2)
    return tuple(0 if part is None else sum(p.numel() for p in part.parameters()) for part in modules)  # type: ignore[return-value]


@pytest.mark.parametrize("family", TWO_EXPERTS)
def test_that_one_expert_is_read_when_its_turn_comes_and_is_told_of(tiny_model: TinyModel, family: str) -> None:
    model = load(tiny_model(family), replace(PLAIN, one_expert=True))
    assert live_numbers(model) == (0, 0)
    at_steps: list[tuple[int, int]] = []
    loads: list[tuple[int, int]] = []
    sample(
        model,
        step=lambda *_: at_steps.append(live_numbers(model)),
        loading=lambda done, total: loads.append((done, total)),
    )
    whole = sum(p.numel() for p in load(tiny_model(family), PLAIN).transformer.parameters())
    assert set(at_steps) == {(whole, 0), (0, whole)}
    assert [done for done, _ in loads].count(0) == 2
    assert loads[-1][0] > 0.9 * loads[-1][1]


def test_that_with_one_expert_the_other_is_gone_before_it_is_read(
    tiny_model: TinyModel, tensors_alive: Callable[[], int]
) -> None:
    model = load(tiny_model("t2v_two_experts"), replace(PLAIN, one_expert=True))
    before, counts = tensors_alive(), []
    sample(model, loading=lambda done, _: counts.append(tensors_alive()) if not done else None)
    assert len(counts) == 2
    # Latents, prompts and scheduler state come between; an expert alone has 90 parameters.
    assert counts[1] - before < 40


def test_that_with_one_expert_a_new_prompt_is_read_without_any(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v_two_experts"), replace(PLAIN, one_expert=True, text_encoder=TextEncoderPolicy.DROP))
    sample(model)
    counts: list[tuple[int, int]] = []
    assert sum(live_numbers(model)) > 0
    embed_prompts(model, replace(WANTED, prompt="a whale"), nothing, lambda *_: counts.append(live_numbers(model)))
    assert set(counts) == {(0, 0)}


def test_that_reading_an_expert_at_its_turn_can_be_cancelled(tiny_model: TinyModel) -> None:
    model, steps = load(tiny_model("t2v_two_experts"), replace(PLAIN, one_expert=True)), []
    stopping = False

    def check() -> None:
        if stopping:
            raise JobCancelled

    def stop(done: int, total: int) -> None:
        nonlocal stopping
        stopping = bool(steps) and done > total // 2

    with pytest.raises(JobCancelled):
        sample(model, step=lambda done, *_: steps.append(done), loading=stop, check_cancelled=check)
    assert live_numbers(model) == (0, 0)
    assert torch.equal(sample(model), plain_render(tiny_model("t2v_two_experts"))[0])


@pytest.mark.parametrize("policy", [TextEncoderPolicy.DROP, TextEncoderPolicy.CPU])
def test_that_a_text_encoder_that_is_not_kept_is_read_for_new_prompts_only(
    tiny_model: TinyModel, policy: TextEncoderPolicy
) -> None:
    model, seen = load(tiny_model("t2v"), replace(PLAIN, text_encoder=policy)), []
    assert model.text_encoder is None
    embed_prompts(model, WANTED, nothing, lambda done, total: seen.append((done, total)))
    assert model.text_encoder is None
    assert seen[0][0] == 0
    assert seen[-1][0] > 0.9 * seen[-1][1]
    count = len(seen)
    embed_prompts(model, WANTED, nothing, lambda done, total: seen.append((done, total)))
    assert len(seen) == count


def test_that_loading_a_text_encoder_stops_between_tensors(tiny_model: TinyModel) -> None:
    model, calls = load(tiny_model("t2v"), replace(PLAIN, text_encoder=TextEncoderPolicy.DROP)), 0

    def cancel_at_the_third() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        embed_prompts(model, WANTED, cancel_at_the_third)
    assert calls == 3


@pytest.mark.parametrize("attention", [Attention.MATH, Attention.FLASH])
def test_that_an_attention_kernel_acts_on_its_model_alone(tiny_model: TinyModel, attention: Attention) -> None:
    process_wide = _AttentionBackendRegistry._active_backend
    model, other = (
        load(tiny_model("i2v_clip"), replace(PLAIN, attention=attention)),
        load(tiny_model("i2v_clip"), PLAIN),
    )
    backends = {processor._attention_backend for processor in model.transformer.attn_processors.values()}
    others = {processor._attention_backend for processor in other.transformer.attn_processors.values()}
    assert {backend.value for backend in backends} == {attention.value}
    assert {backend.value for backend in others} == {"native"}
    assert _AttentionBackendRegistry._active_backend == process_wide
    latents, expected = sample(model), plain_render(tiny_model("i2v_clip"))[0]
    assert torch.equal(sample(other), expected)
    torch.testing.assert_close(latents, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
@pytest.mark.parametrize("attention", [Attention.CUDNN, Attention.EFFICIENT])
def test_that_an_attention_kernel_that_is_not_here_is_said_before_anything_is_loaded(
    tiny_model: TinyModel, attention: Attention
) -> None:
    with pytest.raises(IncompatibleError, match=attention.value):
        load(tiny_model("t2v"), replace(PLAIN, attention=attention))


def test_that_a_card_is_found_by_its_uuid() -> None:
    cards = ["1d2e3f40-0000-1111-2222-333344445555", "AB2e3f40-0000-1111-2222-333344445555"]
    assert card_index("", cards) == 0
    assert card_index("GPU-1d2e3f40-0000-1111-2222-333344445555", cards) == 0
    assert card_index("GPU-ab2e3f40-0000-1111-2222-333344445555", cards) == 1
    with pytest.raises(IncompatibleError, match="not there"):
        card_index("GPU-ff2e3f40-0000-1111-2222-333344445555", cards)


def test_that_memory_is_pinned_only_where_the_pc_has_enough() -> None:
    assert may_pin(10, 100)
    assert not may_pin(41, 100)


def test_that_memory_in_use_can_be_read() -> None:
    assert process_bytes() > 10_000_000
    assert video_memory(torch.device("cpu")) is None


def test_that_half_precision_and_8_bits_go_together(tiny_model: TinyModel) -> None:
    model = load(tiny_model("t2v"), replace(FP8, precision=Precision.BFLOAT16))
    latents, (expected, _) = sample(model), plain_render(tiny_model("t2v"))
    assert 1e-4 < float((latents - expected).norm() / expected.norm()) < 0.2


@pytest.fixture
def tensors_alive() -> Callable[[], int]:
    """Counts all parameters of modules that hold numbers."""

    def count() -> int:
        gc.collect()
        return sum(type(thing) is nn.Parameter and thing.numel() > 0 for thing in gc.get_objects())

    return count
