"""Clips of the built-in model and its variants, made as the program makes them, and true clips to compare with."""

import itertools
import random
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.shapes_judge import judge
from tools.shapes_world import (
    FRAME_COUNTS,
    MOTIONS,
    SIZES,
    Combination,
    combinations,
    draw_pair,
    draw_scene,
    render,
    single,
)
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, Model, find_model, plan_for
from wan_desktop.core.generation import GenerationDraft, settle
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.prompt import PromptTokenizer
from wan_desktop.core.start_image import open_image
from wan_desktop.engine.decoder import decode_groups, to_pictures
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.sampler import Watch, denoise, embed_prompts, prepare_condition

VARIANTS_FOLDER = Path(__file__).with_name("models")
TWO_EXPERTS, IMAGE_ENCODER = "shapes-two-experts", "shapes-image-encoder"
BUCKETS = tuple(itertools.product(SIZES, FRAME_COUNTS))
"""Every size with every length."""
FIRST_FRAMES = (
    ("red", "circle", "black"),
    ("green", "star", "navy"),
    ("white", "square", "maroon"),
    ("orange", "triangle", "teal"),
    ("blue", "cross", "gray"),
    ("pink", "star", "brown"),
    ("yellow", "square", "black"),
    ("purple", "triangle", "navy"),
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A clip that is asked for, and what it should show."""

    wanted: Combination
    size: tuple[int, int]
    num_frames: int
    seed: int
    first_frame: np.ndarray | None = None
    """`(height, width, 3)`, uint8."""


class ClipMaker:
    """One loaded model that makes clips with the program's own parts and the model's defaults."""

    def __init__(self, model: Model, plan: LoadPlan) -> None:
        self.model = model
        folder = inspect_model_folder(model.folder.path, [Path(file) for file in plan.transformer_files])
        self.loaded: LoadedModel = load_model(folder, plan, progress=lambda *_: None, check_cancelled=lambda: None)
        self._count = PromptTokenizer(model.folder.path).count

    def clip(self, prompt: str, image: Path | None = None, **changes: Any) -> np.ndarray:
        """`(frames, height, width, 3)`, uint8."""
        draft = GenerationDraft(prompt=prompt, image=image, **changes)
        request = settle(draft, self.model, count_tokens=self._count).request
        watch = Watch(check_cancelled=lambda: None, step=lambda *_: None, preview=lambda *_: None)
        picture = None if image is None else open_image(image)
        condition = None if picture is None else prepare_condition(self.loaded, request, picture, None, lambda: None)
        latents = denoise(self.loaded, request, embed_prompts(self.loaded, request, lambda: None), condition, watch)
        return np.concatenate([to_pictures(group) for group in decode_groups(self.loaded, latents, lambda: None)])

    def answer(self, ask: Ask) -> np.ndarray:
        """The clip that was asked for."""
        width, height = ask.size
        with tempfile.TemporaryDirectory() as folder:
            image = None
            if ask.first_frame is not None:
                image = Path(folder) / "first.png"
                Image.fromarray(ask.first_frame).save(image)
            return self.clip(
                ask.wanted.caption, image, width=width, height=height, num_frames=ask.num_frames, seed=ask.seed
            )


def builtin_maker(resources: Path, variant: str = "") -> ClipMaker:
    """The built-in model, in one of its catalog variants."""
    model = find_model(BUILTIN_MODEL_ID, resources)
    return ClipMaker(model, plan_for(model, variant, resources))


def variant_maker(resources: Path, name: str, folder: Path) -> ClipMaker:
    """A variant that only tests use, put together in an empty folder with what it shares with the built-in model."""
    base = find_model(BUILTIN_MODEL_ID, resources)
    for source in (base.folder.path, VARIANTS_FOLDER / name):
        for part in source.iterdir():
            if part.is_dir():
                shutil.rmtree(folder / part.name, ignore_errors=True)
                shutil.copytree(part, folder / part.name)
            else:
                shutil.copyfile(part, folder / part.name)
    return ClipMaker(Model(replace(base.metadata, variants=()), inspect_model_folder(folder)), LoadPlan())


def true_clip(wanted: Combination, rng: random.Random, size: tuple[int, int], num_frames: int) -> np.ndarray:
    """What the prompt should give, drawn: `(frames, height, width, 3)`, uint8."""
    clip = render([draw_scene(wanted, rng)], width=size[0], height=size[1], num_frames=num_frames)[0]
    return ((clip * 0.5 + 0.5) * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 3, 0).numpy()


def single_asks(count: int) -> list[Ask]:
    """One object, combinations never trained on, sizes and lengths in turn; the seed is the number in the list."""
    known = [combination for combination in combinations(held_out=True) if not combination.is_ambiguous]
    chosen = random.Random(0).sample(known, count)
    return [Ask(wanted, *BUCKETS[i % len(BUCKETS)], seed=i) for i, wanted in enumerate(chosen)]


def pair_asks(count: int) -> list[Ask]:
    """Two objects, else as `single_asks`."""
    rng, asks = random.Random(1), list[Ask]()
    while len(asks) < count:
        wanted = draw_pair(rng, held_out=True)
        if not wanted.is_ambiguous:
            asks.append(Ask(wanted, *BUCKETS[len(asks) % len(BUCKETS)], seed=len(asks)))
    return asks


def picture_asks(count: int) -> list[Ask]:
    """Image to video: the same first frames with every motion, one seed for each frame."""
    asks = []
    for number, (foreground, shape, background) in enumerate(FIRST_FRAMES):
        size, num_frames = BUCKETS[(5 * number) % len(BUCKETS)]
        still = single(foreground, shape, "still", background)
        frame = true_clip(still, random.Random(number), size, 1)[0]
        for motion in MOTIONS:
            wanted = single(foreground, shape, motion, background)
            if not wanted.is_ambiguous:
                asks.append(Ask(wanted, size, num_frames, seed=number, first_frame=frame))
    return asks[:count]


def grade(maker: ClipMaker, asks: list[Ask]) -> dict[str, float]:
    """Parts of the clips that are right, by attribute, and `all`; with given first frames also their PSNR in dB."""
    right: dict[str, int] = {}
    decibels = []
    for ask in asks:
        clip = maker.answer(ask)
        found = judge(clip).matches(ask.wanted)
        for name, is_right in {**found, "all": all(found.values())}.items():
            right[name] = right.get(name, 0) + is_right
        if ask.first_frame is not None:
            error = np.square(clip[0].astype(float) - ask.first_frame).mean()
            decibels.append(10 * np.log10(255**2 / error))
    parts = {name: count / len(asks) for name, count in right.items()}
    return (
        parts | {"psnr_min_db": float(min(decibels)), "psnr_mean_db": float(np.mean(decibels))} if decibels else parts
    )
