"""The built-in model and its variants make what prompts say; clips are judged by looking at them.

`python3 dev.py bench clip_quality` runs the whole lists; these are their fronts.
"""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import WanImageToVideoPipeline, WanPipeline
from PIL import Image

from tests.builtin_clips import (
    BUCKETS,
    IMAGE_ENCODER,
    TWO_EXPERTS,
    VARIANTS_FOLDER,
    ClipMaker,
    builtin_maker,
    grade,
    pair_asks,
    picture_asks,
    single_asks,
    true_clip,
    variant_maker,
)
from tests.shapes_judge import judge
from tools.shapes_world import FOREGROUNDS, Combination, Thing, combinations, draw_pair, single
from wan_desktop.core.catalog import GenerationMode


@pytest.fixture(scope="module")
def maker(resources: Path) -> ClipMaker:
    return builtin_maker(resources)


@pytest.fixture(scope="module")
def two_experts(resources: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    return variant_maker(resources, TWO_EXPERTS, tmp_path_factory.mktemp("two-experts"))


@pytest.fixture(scope="module")
def image_encoder(resources: Path, tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    return variant_maker(resources, IMAGE_ENCODER, tmp_path_factory.mktemp("image-encoder"))


@pytest.mark.parametrize(("size", "num_frames"), BUCKETS)
def test_that_the_judge_is_right_about_true_clips(size: tuple[int, int], num_frames: int) -> None:
    rng = random.Random(f"{size} {num_frames}")
    everything = [c for c in combinations(held_out=True) + combinations(held_out=False) if not c.is_ambiguous]
    pairs = [pair for pair in (draw_pair(rng, held_out=True) for _ in range(12)) if not pair.is_ambiguous]
    wrong = [
        wanted.caption
        for wanted in rng.sample(everything, 36) + pairs
        if not all(judge(true_clip(wanted, rng, size, num_frames)).matches(wanted).values())
    ]
    assert wrong == []


def test_that_the_judge_sees_what_is_wrong() -> None:
    rng = random.Random(0)
    clip = true_clip(single("red", "star", "spinning", "navy"), rng, (96, 64), 17)
    verdict = judge(clip)
    right = {"foreground": True, "shape": True, "motion": True, "background": True}
    assert verdict.matches(single("red", "star", "spinning", "navy")) == right
    assert verdict.matches(single("orange", "cross", "still", "teal")) == dict.fromkeys(right, False)
    two = Combination((Thing("red", "star", "spinning"), Thing("blue", "star", "spinning")), "navy")
    assert verdict.matches(two) == {**dict.fromkeys(right, False), "background": True}
    assert judge(np.full_like(clip, 8)).things == ()


def test_that_prompts_never_trained_on_are_followed(maker: ClipMaker) -> None:
    found = grade(maker, single_asks(48))
    assert found["foreground"] >= 0.95
    assert found["background"] >= 0.95
    assert found["motion"] >= 0.9
    assert found["shape"] >= 0.9
    assert found["all"] >= 0.85


def test_that_two_objects_do_what_they_are_told(maker: ClipMaker) -> None:
    assert grade(maker, pair_asks(20))["all"] >= 0.55


def test_that_a_picture_starts_the_clip_and_the_prompt_moves_it(maker: ClipMaker) -> None:
    """The same first frames with all motions: the frame cannot tell the motion."""
    found = grade(maker, picture_asks(18))
    assert found["motion"] >= 0.88
    assert found["psnr_mean_db"] >= 26


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("A red circle moving right on a black background.", single("red", "circle", "moving right", "black")),
        ("THE YELLOW SQUARE GROWING ON A NAVY BACKGROUND", single("yellow", "square", "growing", "navy")),
        ("wHiTe sTaR that mOVEs uP on GrEy", single("white", "star", "moving up", "gray")),
        ("On a teal background, a pink cross is jumping", single("pink", "cross", "bouncing", "teal")),
        ("orange triangle getting smaller, brown background", single("orange", "triangle", "shrinking", "brown")),
    ],
)
def test_that_other_wordings_in_any_case_are_followed(maker: ClipMaker, prompt: str, wanted: Combination) -> None:
    found = judge(maker.clip(prompt, seed=1)).matches(wanted)
    assert found == dict.fromkeys(found, True)


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "less"), [("Q8_0", 0.05), ("fp8", 0.05), ("Q4_0", 0.15)])
def test_that_quantized_variants_follow_prompts_too(
    maker: ClipMaker, resources: Path, variant: str, less: float
) -> None:
    quantized, asks = builtin_maker(resources, variant), single_asks(24)
    assert not np.array_equal(quantized.answer(asks[0]), maker.answer(asks[0]))  # or it would be the model itself
    assert grade(quantized, asks)["all"] >= grade(maker, asks)["all"] - less


def test_that_the_variant_with_two_experts_follows_prompts(two_experts: ClipMaker) -> None:
    assert two_experts.model.folder.boundary_ratio == 0.875
    found = grade(two_experts, single_asks(24))
    assert found["all"] >= 0.8


@pytest.mark.slow
def test_that_each_expert_can_do_its_own_part_only(two_experts: ClipMaker) -> None:
    """So that a program which takes the wrong one, or one for all, is found out by looking."""
    asks, loaded = single_asks(12), two_experts.loaded
    right = grade(two_experts, asks)["all"]
    high, low = loaded.transformer, loaded.transformer_2
    try:
        loaded.transformer, loaded.transformer_2 = low, high
        assert grade(two_experts, asks)["all"] <= right - 0.4
    finally:
        loaded.transformer, loaded.transformer_2 = high, low


def test_that_the_variant_with_an_image_encoder_moves_pictures(image_encoder: ClipMaker) -> None:
    assert image_encoder.model.modes == (GenerationMode.I2V, GenerationMode.TI2V)
    found = grade(image_encoder, picture_asks(18))
    assert found["motion"] >= 0.85
    assert found["psnr_mean_db"] >= 24


def test_that_the_negative_prompt_keeps_a_colour_out(maker: ClipMaker) -> None:
    """Which colour an unsaid one gets is chance; a colour named as negative comes less often."""
    seeds, prompt = range(16), "a square on a black background"

    def colours(negative: str) -> list[str]:
        clips = [maker.clip(prompt, negative_prompt=negative, seed=seed, num_frames=9) for seed in seeds]
        return [thing.foreground for clip in clips for thing in judge(clip).things]

    plain = colours("")
    common = max(FOREGROUNDS, key=plain.count)
    assert plain.count(common) >= 3
    assert colours(f"a {common} square on a black background").count(common) <= plain.count(common) / 2


def test_that_guidance_makes_the_clip_follow_the_prompt(maker: ClipMaker) -> None:
    """Without guidance fewer clips are right, and the same seed gives another clip."""
    prompt = "a green star moving left on a maroon background"
    weak, strong = (maker.clip(prompt, seed=3, guidance_scale=scale) for scale in (1.0, 3.0))
    assert np.abs(weak.astype(int) - strong).mean() > 1


def test_that_the_seed_decides_the_clip(maker: ClipMaker) -> None:
    prompt = "a red circle moving right on a black background"
    plain, again = (maker.clip(prompt, seed=4) for _ in range(2))
    other_seed = maker.clip(prompt, seed=5)
    assert np.array_equal(plain, again)
    assert np.abs(plain.astype(int) - other_seed).mean() > 0.5


def test_that_the_sample_prompts_come_out_right(maker: ClipMaker) -> None:
    for prompt in maker.model.metadata.sample_prompts:
        verdict = judge(maker.clip(prompt, seed=0))
        said = " and ".join(thing.words for thing in verdict.things)
        shown = {f"{said} on a {verdict.background} background"}
        if len(verdict.things) == 2:
            said = " and ".join(thing.words for thing in reversed(verdict.things))
            shown.add(f"{said} on a {verdict.background} background")
        assert prompt in shown


@pytest.mark.parametrize("kind", [WanPipeline, WanImageToVideoPipeline], ids=lambda kind: kind.__name__)
def test_that_diffusers_loads_the_folder_as_it_is(maker: ClipMaker, kind: type[WanPipeline]) -> None:
    pipeline = kind.from_pretrained(maker.model.folder.path, dtype=torch.float32, local_files_only=True)
    assert pipeline.config.expand_timesteps
    image = {"image": Image.new("RGB", (64, 64), (8, 8, 8))} if kind is WanImageToVideoPipeline else {}
    frames = pipeline(
        prompt="a red circle still on a black background",
        width=64,
        height=64,
        num_frames=9,
        num_inference_steps=2,
        **image,
    ).frames
    assert frames.shape == (1, 9, 64, 64, 3)


def _size_bytes(*folders: Path) -> int:
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def test_that_all_of_them_are_small_and_say_what_they_are(maker: ClipMaker, resources: Path) -> None:
    folder = maker.model.folder.path
    assert _size_bytes(folder) < 20_000_000
    assert _size_bytes(resources / "models", VARIANTS_FOLDER) < 60_000_000
    assert {file.suffix for file in folder.rglob("*") if file.is_file()} <= {".json", ".safetensors", ".md", ""}
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    assert "is not" in card


def test_that_modes_follow_from_the_folder(maker: ClipMaker) -> None:
    assert maker.model.modes == (GenerationMode.T2V, GenerationMode.I2V, GenerationMode.TI2V)
