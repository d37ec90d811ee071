"""The built-in model makes what prompts say; clips are judged by looking at them."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import WanImageToVideoPipeline, WanPipeline
from PIL import Image

from tests.shapes_judge import judge
from tools.shapes_world import MOTIONS, Combination, combinations, draw_scene, render
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, GenerationMode, Model, find_model
from wan_desktop.core.generation import GenerationDraft, settle
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.prompt import PromptTokenizer
from wan_desktop.engine.decoder import decode_groups, to_pictures
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.sampler import Watch, denoise, embed_prompts, prepare_condition

PROMPTS = 40


@pytest.fixture(scope="module")
def model(resources: Path) -> Model:
    return find_model(BUILTIN_MODEL_ID, resources)


@pytest.fixture(scope="module")
def loaded(model: Model) -> LoadedModel:
    return load_model(model.folder, LoadPlan(), progress=lambda *_: None, check_cancelled=lambda: None)


def make_clip(
    model: Model, loaded: LoadedModel, prompt: str, image: Image.Image | None = None, **changes: int
) -> np.ndarray:
    """`(frames, height, width, 3)`, uint8, with the app's defaults."""
    draft = GenerationDraft(prompt=prompt, **changes)
    request = settle(draft, model, count_tokens=PromptTokenizer(model.folder.path).count).request
    watch = Watch(check_cancelled=lambda: None, step=lambda *_: None, preview=lambda *_: None)
    condition = None if image is None else prepare_condition(loaded, request, image, None, lambda: None)
    latents = denoise(loaded, request, embed_prompts(loaded, request, lambda: None), condition, watch)
    return np.concatenate([to_pictures(group) for group in decode_groups(loaded, latents, lambda: None)])


def truth(combination: Combination, rng: random.Random, num_frames: int) -> np.ndarray:
    clip = render([draw_scene(combination, rng)], width=64, height=64, num_frames=num_frames)[0]
    return ((clip * 0.5 + 0.5) * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0).numpy()


@pytest.mark.parametrize("num_frames", [9, 17])
def test_that_the_judge_is_right_about_every_true_clip(num_frames: int) -> None:
    rng = random.Random(3)
    everything = combinations(held_out=True) + combinations(held_out=False)
    wrong = [c.caption for c in everything if not all(judge(truth(c, rng, num_frames)).matches(c).values())]
    assert wrong == []


def test_that_nine_of_ten_prompts_never_trained_on_come_out_right(model: Model, loaded: LoadedModel) -> None:
    """Both colours and the motion; seeds are the prompts' numbers, not chosen by what they give."""
    held_out = combinations(held_out=True)
    chosen = random.Random(0).sample(held_out, PROMPTS)
    right = 0
    for seed, combination in enumerate(chosen):
        found = judge(make_clip(model, loaded, combination.caption, seed=seed)).matches(combination)
        right += found["foreground"] and found["background"] and found["motion"]
    assert right >= 0.9 * PROMPTS


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("A red circle moving right on a black background.", Combination("red", "circle", "moving right", "black")),
        ("THE YELLOW SQUARE GROWING ON A NAVY BACKGROUND", Combination("yellow", "square", "growing", "navy")),
        ("a white square that moves up on a grey background", Combination("white", "square", "moving up", "gray")),
    ],
)
def test_that_plain_english_in_any_case_is_followed(
    model: Model, loaded: LoadedModel, prompt: str, wanted: Combination
) -> None:
    found = judge(make_clip(model, loaded, prompt, seed=1)).matches(wanted)
    assert found["foreground"]
    assert found["background"]
    assert found["motion"]


def test_that_a_picture_starts_the_clip_and_the_prompt_moves_it(model: Model, loaded: LoadedModel) -> None:
    """One first frame, seven prompts: the frame cannot tell the motion."""
    rng = random.Random(8)
    first = truth(Combination("red", "circle", "still", "black"), rng, 1)[0]
    right = 0
    for motion in MOTIONS:
        wanted = Combination("red", "circle", motion, "black")
        clip = make_clip(model, loaded, wanted.caption, Image.fromarray(first), seed=2)
        error = np.square(clip[0].astype(float) - first).mean()
        assert 10 * np.log10(255**2 / error) > 24  # the VAE's own loss on that frame
        right += judge(clip).motion == motion
    assert right >= 6


def test_that_the_negative_prompt_and_the_seed_matter(model: Model, loaded: LoadedModel) -> None:
    prompt = "a red circle moving right on a black background"
    plain, again = (make_clip(model, loaded, prompt, seed=4) for _ in range(2))
    other_seed = make_clip(model, loaded, prompt, seed=5)
    assert np.array_equal(plain, again)
    assert not np.array_equal(plain, other_seed)


@pytest.mark.parametrize("kind", [WanPipeline, WanImageToVideoPipeline], ids=lambda kind: kind.__name__)
def test_that_diffusers_loads_the_folder_as_it_is(model: Model, kind: type[WanPipeline]) -> None:
    pipeline = kind.from_pretrained(model.folder.path, dtype=torch.float32, local_files_only=True)
    assert pipeline.config.expand_timesteps


def test_that_the_folder_is_small_and_says_what_it_is(model: Model) -> None:
    files = [file for file in model.folder.path.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 20_000_000
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".md", ""}
    card = (model.folder.path / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    assert "is not" in card


def test_that_modes_follow_from_the_folder(model: Model) -> None:
    assert model.modes == (GenerationMode.T2V, GenerationMode.I2V, GenerationMode.TI2V)
