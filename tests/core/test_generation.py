"""Requests that cannot be wrong."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import TinyModel
from wan_desktop.core.catalog import GenerationMode, Model, find_model
from wan_desktop.core.errors import ImageUnreadableError, PromptEmptyError, RequestError
from wan_desktop.core.generation import (
    FPS_RANGE,
    GUIDANCE_RANGE,
    SEED_RANGE,
    STEPS_RANGE,
    GenerationDraft,
    Settled,
    settle,
    snap_num_frames,
    snap_size,
)


def settle_words(draft: GenerationDraft, model: Model) -> Settled:
    """Settle with a tokenizer that counts words."""
    return settle(draft, model, count_tokens=lambda text: len(text.split()) + 1)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "start.png"
    Image.new("RGB", (600, 400), "red").save(path)
    return path


@pytest.fixture(scope="module")
def models(tiny_model: TinyModel, resources: Path) -> dict[str, Model]:
    names = ("t2v", "t2v_two_experts", "i2v_clip", "i2v_two_experts", "ti2v", "flf2v_clip")
    return {name: find_model(str(tiny_model(name)), resources) for name in names}


@pytest.mark.parametrize(
    ("family", "asked", "given"),
    [
        ("t2v", (832, 480), (832, 480)),
        ("t2v", (850, 475), (848, 480)),
        ("t2v", (1280, 720), (1024, 720)),  # the tiny model's position table ends at 64 positions of 16
        ("ti2v", (1280, 720), (1280, 704)),
        ("ti2v", (80, 48), (64, 32)),
        ("t2v", (1, 1), (16, 16)),
        ("t2v", (-5, 10**9), (16, 1024)),
    ],
)
def test_that_sizes_snap_and_the_change_is_said(
    models: dict[str, Model], family: str, asked: tuple[int, int], given: tuple[int, int]
) -> None:
    settled = settle_words(GenerationDraft(prompt="x", width=asked[0], height=asked[1]), models[family])
    assert (settled.request.width, settled.request.height) == given
    assert [a.field for a in settled.adjustments] == ([] if asked == given else ["size"])


@pytest.mark.parametrize(("asked", "given"), [(17, 17), (2, 1), (4, 5), (16, 17), (0, 1), (-3, 1), (19, 17), (20, 21)])
def test_that_frames_snap_to_4k_plus_1_and_the_change_is_said(models: dict[str, Model], asked: int, given: int) -> None:
    settled = settle_words(GenerationDraft(prompt="x", num_frames=asked), models["t2v"])
    assert settled.request.num_frames == given
    assert [a.field for a in settled.adjustments] == ([] if asked == given else ["num_frames"])


@given(width=st.integers(-(2**70), 2**70), height=st.integers(1, 8192), frames=st.integers(-(2**70), 2**70))
def test_that_any_size_and_length_becomes_one_the_model_makes(
    models: dict[str, Model], width: int, height: int, frames: int
) -> None:
    model = models["ti2v"]
    snapped = snap_size(width, height, model)
    assert all(side % 32 == 0 and 32 <= side <= model.folder.max_side_px for side in snapped)
    count = snap_num_frames(frames, model)
    assert count % 4 == 1
    assert 1 <= count <= model.folder.max_frames


@pytest.mark.parametrize(
    ("field", "limits"),
    [
        ("num_inference_steps", STEPS_RANGE),
        ("guidance_scale", GUIDANCE_RANGE),
        ("seed", SEED_RANGE),
        ("fps", FPS_RANGE),
    ],
)
def test_that_values_out_of_range_are_limited_and_said(
    models: dict[str, Model], field: str, limits: tuple[float, float]
) -> None:
    for value, kept in ((limits[0] - 1, limits[0]), (limits[1] + 1, limits[1])):
        settled = settle_words(GenerationDraft(prompt="x", **{field: value}), models["t2v"])
        assert getattr(settled.request, field) == kept
        assert [a.field for a in settled.adjustments] == [field]


@pytest.mark.parametrize("value", [math.nan, math.inf, "7", True], ids=repr)
@pytest.mark.parametrize("field", ["width", "num_frames", "guidance_scale", "num_inference_steps", "seed"])
def test_that_what_is_no_number_is_refused_by_name(models: dict[str, Model], field: str, value: Any) -> None:
    with pytest.raises(RequestError, match=field) as caught:
        settle_words(GenerationDraft(prompt="x", **{field: value}), models["t2v"])
    assert caught.value.hint


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t", "\x00\x01", "\ud800"], ids=repr)
def test_that_an_empty_prompt_is_refused(models: dict[str, Model], prompt: str) -> None:
    with pytest.raises(PromptEmptyError):
        settle_words(GenerationDraft(prompt=prompt), models["t2v"])


def test_that_a_picture_alone_is_image_to_video(models: dict[str, Model], picture: Path) -> None:
    draft = GenerationDraft(image=picture, width=64, height=64)
    assert settle_words(draft, models["ti2v"]).request.mode == GenerationMode.I2V


def test_that_a_picture_and_a_prompt_are_text_and_image_to_video(models: dict[str, Model], picture: Path) -> None:
    draft = GenerationDraft(prompt="a fox", image=picture, width=64, height=64)
    assert settle_words(draft, models["ti2v"]).request.mode == GenerationMode.TI2V


def test_that_a_long_prompt_is_said_before_the_run(models: dict[str, Model]) -> None:
    settled = settle_words(GenerationDraft(prompt="fox " * 600), models["t2v"])
    assert settled.adjustments[0].field == "prompt"
    assert "601 tokens" in settled.adjustments[0].message


def test_that_a_small_picture_is_said(models: dict[str, Model], picture: Path) -> None:
    settled = settle_words(GenerationDraft(image=picture, width=640, height=640), models["ti2v"])
    assert [a.field for a in settled.adjustments] == ["image"]


@pytest.mark.parametrize(
    ("family", "given", "words"),
    [
        ("t2v", {"image"}, "from text only"),
        ("i2v_clip", set(), "from a start image"),
        ("t2v", {"last_image"}, "no start image"),
        ("i2v_clip", {"image", "last_image"}, "cannot end on"),
        ("ti2v", {"image", "last_image"}, "cannot end on"),
    ],
)
def test_that_what_the_model_cannot_do_is_refused(
    models: dict[str, Model], picture: Path, family: str, given: set[str], words: str
) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        settle_words(GenerationDraft(prompt="x", **dict.fromkeys(given, picture)), models[family])
    assert caught.value.hint


@pytest.mark.parametrize("family", ["i2v_two_experts", "flf2v_clip"])
def test_that_first_and_last_image_are_taken_where_the_model_can(
    models: dict[str, Model], picture: Path, family: str
) -> None:
    draft = GenerationDraft(prompt="x", image=picture, last_image=picture, width=64, height=64)
    assert settle_words(draft, models[family]).request.last_image == picture


def test_that_a_second_guidance_for_one_expert_is_dropped_and_said(models: dict[str, Model]) -> None:
    settled = settle_words(GenerationDraft(prompt="x", guidance_scale_2=3.0), models["t2v"])
    assert settled.request.guidance_scale_2 is None
    assert [a.field for a in settled.adjustments] == ["guidance_scale_2"]


def test_that_a_missing_picture_is_refused(models: dict[str, Model], tmp_path: Path) -> None:
    with pytest.raises(ImageUnreadableError, match="no picture"):
        settle_words(GenerationDraft(prompt="x", image=tmp_path / "none.png"), models["ti2v"])


def test_that_a_random_seed_is_chosen_and_kept(models: dict[str, Model]) -> None:
    seeds = {settle_words(GenerationDraft(prompt="x"), models["t2v"]).request.seed for _ in range(5)}
    assert len(seeds) == 5
    assert settle_words(GenerationDraft(prompt="x", seed=7), models["t2v"]).request.seed == 7


def test_that_a_variant_is_found_in_any_case_and_gets_its_own_name(resources: Path) -> None:
    model = find_model("shapes", resources)
    assert settle_words(GenerationDraft(prompt="x", variant="q8_0"), model).request.variant == "Q8_0"
    assert settle_words(GenerationDraft(prompt="x"), model).request.variant == ""


def test_that_an_unknown_variant_is_refused_with_the_known_ones(models: dict[str, Model], resources: Path) -> None:
    with pytest.raises(RequestError, match="no variant 'Q9'") as caught:
        settle_words(GenerationDraft(prompt="x", variant="Q9"), find_model("shapes", resources))
    assert "Q8_0, Q4_0, fp8" in caught.value.hint
    with pytest.raises(RequestError) as caught:
        settle_words(GenerationDraft(prompt="x", variant="Q8_0"), models["t2v"])
    assert caught.value.hint == "Leave the variant out."
