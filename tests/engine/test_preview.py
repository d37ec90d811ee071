"""Previews show what the video is going to show, roughly."""

import base64
import io
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import TinyModel
from tools.shapes_world import BACKGROUNDS, FOREGROUNDS, Combination, draw_scene, render, single
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, find_model
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.preview import Previewer
from wan_desktop.engine.sampler import latent_statistics


def load(folder: Path) -> LoadedModel:
    return load_model(inspect_model_folder(folder), LoadPlan(), progress=lambda *_: None, check_cancelled=lambda: None)


@pytest.fixture(scope="module")
def builtin(resources: Path) -> LoadedModel:
    return load(find_model(BUILTIN_MODEL_ID, resources).folder.path)


def picture(jpeg_base64: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(jpeg_base64)))).astype(float)


def encode(model: LoadedModel, combination: Combination, num_frames: int) -> torch.Tensor:
    """Normalised latents of a true clip."""
    clip = render([draw_scene(combination, random.Random(1))], width=64, height=64, num_frames=num_frames)
    with torch.no_grad():
        latents = model.vae.encode(clip).latent_dist.mode()
    mean, inverse_std = latent_statistics(model, latents)
    return (latents - mean) * inverse_std


@pytest.mark.parametrize("num_frames", [1, 17], ids=["first-frame", "later-frames"])
@pytest.mark.parametrize(
    ("foreground", "background"), [("red", "black"), ("yellow", "navy"), ("white", "brown"), ("green", "gray")]
)
def test_that_object_and_background_have_about_their_colours(
    builtin: LoadedModel, foreground: str, background: str, num_frames: int
) -> None:
    latents = encode(builtin, single(foreground, "circle", "still", background), num_frames)
    shown = picture(Previewer(builtin).jpeg_base64(latents))
    assert shown.shape == (16, 16, 3)
    middle, border = shown[7:9, 7:9].mean(axis=(0, 1)), shown[[0, -1]].mean(axis=(0, 1))
    assert np.linalg.norm(middle - FOREGROUNDS[foreground]) < 130
    assert np.linalg.norm(border - BACKGROUNDS[background]) < 60
    assert np.linalg.norm(middle - FOREGROUNDS[foreground]) < np.linalg.norm(middle - BACKGROUNDS[background])


def test_that_a_preview_is_the_same_each_time(builtin: LoadedModel) -> None:
    latents = encode(builtin, single("red", "square", "still", "navy"), 9)
    assert Previewer(builtin).jpeg_base64(latents) == Previewer(builtin).jpeg_base64(latents)


@pytest.mark.parametrize(("family", "size"), [("t2v", (32, 24)), ("ti2v", (16, 12))])
def test_that_every_kind_of_latents_gives_a_picture_four_times_their_size(
    tiny_model: TinyModel, family: str, size: tuple[int, int]
) -> None:
    model = load(tiny_model(family))
    latents = torch.randn(1, model.vae.config.z_dim, 3, size[1] // 4, size[0] // 4)
    assert picture(Previewer(model).jpeg_base64(latents)).shape == (size[1], size[0], 3)


def test_that_making_a_preview_leaves_nothing_in_the_vae(builtin: LoadedModel) -> None:
    Previewer(builtin).jpeg_base64(encode(builtin, single("red", "square", "still", "navy"), 9))
    assert all(feature is None for feature in builtin.vae._enc_feat_map)
