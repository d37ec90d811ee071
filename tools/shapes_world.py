"""The toy world of the built-in model: coloured shapes that move, and the captions that describe them.

A clip is a function of a :class:`Scene`; a scene is drawn from a caption's four attributes plus a little jitter. The
first frame never depends on the motion, so a picture alone does not give the motion away (image-to-video stays a fair
task).
"""

import hashlib
import itertools
import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

Rgb = tuple[int, int, int]

# Background words are disjoint from foreground words, so that a small text encoder need not learn word order to tell
# the two apart.
FOREGROUNDS: dict[str, Rgb] = {
    "red": (230, 45, 40),
    "green": (50, 205, 85),
    "blue": (55, 115, 250),
    "yellow": (245, 215, 50),
    "purple": (180, 80, 225),
    "white": (245, 245, 245),
}
# Gray is dark: at the luminance of blue and purple the outline vanished in the VAE.
BACKGROUNDS: dict[str, Rgb] = {
    "black": (8, 8, 8),
    "gray": (78, 78, 78),
    "navy": (12, 22, 82),
    "brown": (98, 58, 26),
}
SHAPES = ("circle", "square", "triangle")
DIRECTIONS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
MOTIONS = (*(f"moving {name}" for name in DIRECTIONS), "growing", "shrinking", "still")

_MOTION_WORDINGS = {
    **{f"moving {name}": (f"moving {name}", f"going {name}", f"that moves {name}") for name in DIRECTIONS},
    "growing": ("growing", "that grows", "getting bigger"),
    "shrinking": ("shrinking", "that shrinks", "getting smaller"),
    "still": ("still", "standing still", "staying still"),
}
WORDS = (
    *(
        "a",
        "an",
        "the",
        "on",
        "in",
        "front",
        "of",
        "background",
        "moving",
        "going",
        "that",
        "moves",
        "grows",
        "shrinks",
    ),
    *("growing", "shrinking", "getting", "bigger", "smaller", "still", "standing", "staying", "grey"),
    *FOREGROUNDS,
    *BACKGROUNDS,
    *SHAPES,
    *DIRECTIONS,
)


@dataclass(frozen=True, slots=True)
class Combination:
    """The four attributes that a caption names."""

    foreground: str
    shape: str
    motion: str
    background: str

    @property
    def caption(self) -> str:
        """The canonical caption."""
        return f"a {self.foreground} {self.shape} {self.motion} on a {self.background} background"

    @property
    def held_out(self) -> bool:
        """True for the sixth or so of all combinations that is never trained on."""
        digest = hashlib.md5(self.caption.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest, "big") % 20 < 3

    def wording(self, rng: random.Random) -> str:
        """One of the ways to say it; the canonical caption half of the time."""
        if rng.random() < 0.5:
            text = self.caption
        else:
            article = rng.choice(("a ", "the ", ""))
            motion = rng.choice(_MOTION_WORDINGS[self.motion])
            background = "grey" if self.background == "gray" and rng.random() < 0.5 else self.background
            place = rng.choice(
                (f"on a {background} background", f"on {background}", f"in front of a {background} background")
            )
            text = f"{article}{self.foreground} {self.shape} {motion} {place}"
        return text + rng.choice(("", "", "", "."))


def combinations(*, held_out: bool) -> list[Combination]:
    """All combinations that are (or are not) kept out of training, in a fixed order."""
    every = (Combination(*parts) for parts in itertools.product(FOREGROUNDS, SHAPES, MOTIONS, BACKGROUNDS))
    return [combination for combination in every if combination.held_out == held_out]


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip's geometry in units of the frame's shorter side, and its colours (0-255)."""

    shape: str
    center: tuple[float, float]
    radius: float
    shift: tuple[float, float]
    scale: float
    foreground: tuple[float, float, float]
    background: tuple[float, float, float]


def draw_scene(combination: Combination, rng: random.Random) -> Scene:
    """A scene that shows the combination, with small jitter in place, size, speed and colour."""
    dx, dy = DIRECTIONS.get(combination.motion.removeprefix("moving "), (0.0, 0.0))
    travel = rng.uniform(0.25, 0.30)
    scale = {"growing": rng.uniform(1.7, 2.0), "shrinking": rng.uniform(0.4, 0.5)}.get(combination.motion, 1.0)
    return Scene(
        shape=combination.shape,
        center=(rng.uniform(0.46, 0.54), rng.uniform(0.46, 0.54)),
        radius=rng.uniform(0.17, 0.21),
        shift=(dx * travel, dy * travel),
        scale=scale,
        foreground=_jitter(FOREGROUNDS[combination.foreground], rng),
        background=_jitter(BACKGROUNDS[combination.background], rng),
    )


def draw_wild_scene(rng: random.Random) -> Scene:
    """A scene of no caption (any place, size, colour), so that the VAE does not only know the world's own pictures."""
    angle, travel = rng.uniform(0, math.tau), rng.uniform(0, 0.4)
    return Scene(
        shape=rng.choice(SHAPES),
        center=(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)),
        radius=rng.uniform(0.08, 0.35),
        shift=(travel * math.cos(angle), travel * math.sin(angle)),
        scale=rng.uniform(0.4, 2.0),
        foreground=_any_colour(rng) if rng.random() < 0.5 else _jitter(rng.choice(list(FOREGROUNDS.values())), rng),
        background=_any_colour(rng) if rng.random() < 0.5 else _jitter(rng.choice(list(BACKGROUNDS.values())), rng),
    )


def _jitter(rgb: Rgb, rng: random.Random) -> tuple[float, float, float]:
    red, green, blue = (min(255.0, max(0.0, value + rng.uniform(-6, 6))) for value in rgb)
    return red, green, blue


def _any_colour(rng: random.Random) -> tuple[float, float, float]:
    return rng.uniform(0, 255), rng.uniform(0, 255), rng.uniform(0, 255)


def render(scenes: list[Scene], *, width: int, height: int, num_frames: int) -> Tensor:
    """Draw the scenes from signed distances.

    Returns:
        `(len(scenes), 3, num_frames, height, width)`, float32, in [-1, 1].
    """
    side = min(width, height)
    time = torch.linspace(0, 1, num_frames).view(1, -1, 1, 1)

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)

    x = (torch.arange(width) + 0.5).view(1, 1, 1, -1) / side
    y = (torch.arange(height) + 0.5).view(1, 1, -1, 1) / side
    center_x = column([s.center[0] * width / side for s in scenes]) + column([s.shift[0] for s in scenes]) * time
    center_y = column([s.center[1] * height / side for s in scenes]) + column([s.shift[1] for s in scenes]) * time
    radius = column([s.radius for s in scenes]) * (1 + (column([s.scale for s in scenes]) - 1) * time)
    dx, dy = x - center_x, y - center_y
    distances = {
        "circle": (dx.square() + dy.square()).sqrt() - radius,
        "square": torch.maximum(dx.abs(), dy.abs()) - 0.9 * radius,
        "triangle": torch.maximum(dy - 0.65 * radius, 0.866 * dx.abs() - 0.5 * dy - 0.65 * radius),
    }
    which = torch.tensor([SHAPES.index(s.shape) for s in scenes]).view(-1, 1, 1, 1)
    distance = torch.zeros(())
    for index, shape in enumerate(SHAPES):
        distance = torch.where(which == index, distances[shape], distance)
    alpha = (0.5 - distance * side).clamp(0, 1).unsqueeze(1)
    foreground = torch.tensor([s.foreground for s in scenes]).view(-1, 3, 1, 1, 1) / 127.5 - 1
    background = torch.tensor([s.background for s in scenes]).view(-1, 3, 1, 1, 1) / 127.5 - 1
    return background + (foreground - background) * alpha
