"""The toy world of the built-in model: coloured shapes that move, and the captions that describe them.

A clip is a function of a :class:`Scene`; a scene is drawn from what a caption names plus a little jitter. The first
frame never depends on the motion, so a picture alone does not give the motion away (image-to-video stays a fair task).
"""

import hashlib
import itertools
import math
import random
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

Rgb = tuple[int, int, int]

# Background words are disjoint from foreground words, so that a small text encoder need not learn word order to tell
# the two apart, and every background is dark, so that no foreground vanishes before it.
FOREGROUNDS: dict[str, Rgb] = {
    "red": (230, 40, 40),
    "orange": (245, 140, 25),
    "yellow": (245, 222, 50),
    "green": (50, 205, 85),
    "blue": (55, 115, 250),
    "purple": (165, 70, 225),
    "pink": (255, 140, 195),
    "white": (245, 245, 245),
}
BACKGROUNDS: dict[str, Rgb] = {
    "black": (8, 8, 8),
    "gray": (78, 78, 78),
    "navy": (12, 22, 82),
    "brown": (104, 64, 24),
    "maroon": (88, 6, 38),
    "teal": (5, 84, 84),
}
SHAPES = ("circle", "square", "triangle", "star", "cross")
DIRECTIONS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
MOTIONS = (*(f"moving {name}" for name in DIRECTIONS), "growing", "shrinking", "spinning", "bouncing", "still")
SIZES = ((64, 64), (96, 64), (96, 96), (128, 96))
"""Width and height of the frames that the model is trained on."""
FRAME_COUNTS = (9, 17, 25)

TURN = math.pi / 2
"""A spinning object turns clockwise by a quarter in one clip."""

_MOTION_WORDINGS = {
    **{f"moving {name}": (f"moving {name}", f"going {name}", f"that moves {name}") for name in DIRECTIONS},
    "growing": ("growing", "that grows", "getting bigger"),
    "shrinking": ("shrinking", "that shrinks", "getting smaller"),
    "spinning": ("spinning", "that spins", "turning around"),
    "bouncing": ("bouncing", "that bounces", "jumping"),
    "still": ("still", "standing still", "staying still"),
}
_SENTENCES = (
    "{things} on a {background} background",
    "{things} on {background}",
    "{things} in front of a {background} background",
    "{things}, {background} background",
    "on a {background} background, {things}",
    "a {background} background with {things}",
)
WORDS = tuple(
    sorted(
        {word for wordings in _MOTION_WORDINGS.values() for wording in wordings for word in wording.split()}
        | {
            "a",
            "an",
            "the",
            "on",
            "in",
            "front",
            "of",
            "background",
            "with",
            "and",
            "is",
            "grey",
            *FOREGROUNDS,
            *BACKGROUNDS,
            *SHAPES,
        }
    )
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One object, as a caption names it."""

    foreground: str
    shape: str
    motion: str

    @property
    def words(self) -> str:
        """Its canonical words."""
        return f"{self.article} {self.foreground} {self.shape} {self.motion}"

    @property
    def article(self) -> str:
        """That of its colour."""
        return "an" if self.foreground == "orange" else "a"

    def wording(self, rng: random.Random) -> str:
        """One of the ways to say it."""
        return (
            f"{rng.choice((f'{self.article} ', f'{self.article} ', 'the ', ''))}{self.foreground} {self.shape} "
            f"{rng.choice(('', '', '', 'is '))}{rng.choice(_MOTION_WORDINGS[self.motion])}"
        )


@dataclass(frozen=True)
class Combination:
    """What a caption names: one object or two, and the background."""

    things: tuple[Thing, ...]
    background: str

    @property
    def caption(self) -> str:
        """The canonical caption."""
        return f"{' and '.join(thing.words for thing in self.things)} on a {self.background} background"

    @cached_property
    def held_out(self) -> bool:
        """True where it is never trained on: a seventh of the ones with one object, and all pairs with such a one."""
        if len(self.things) > 1 and any(Combination((thing,), self.background).held_out for thing in self.things):
            return True
        things = " and ".join(f"a {thing.foreground} {thing.shape} {thing.motion}" for thing in self.things)
        key = f"{things} on a {self.background} background"
        digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest, "big") % 20 < 3

    @property
    def is_ambiguous(self) -> bool:
        """True where two captions name the same picture: a circle that spins looks like one that is still."""
        return any(thing.shape == "circle" and thing.motion == "spinning" for thing in self.things)

    def wording(self, rng: random.Random) -> str:
        """One of the ways to say it; the canonical caption four times in ten."""
        if rng.random() < 0.4:
            return self.caption + rng.choice(("", "", "."))
        background = "grey" if self.background == "gray" and rng.random() < 0.5 else self.background
        things = " and ".join(thing.wording(rng) for thing in self.things)
        return rng.choice(_SENTENCES).format(things=things, background=background) + rng.choice(("", "", "."))

    def partial_wording(self, rng: random.Random) -> str:
        """The canonical caption with about half of its attributes unsaid."""

        def half(text: str) -> str:
            return text if rng.random() < 0.5 else ""

        things = []
        for thing in self.things:
            coloured = half(f"{thing.article} {thing.foreground} ") or "a "
            things.append(f"{coloured}{thing.shape}{half(f' {thing.motion}')}")
        return " and ".join(things) + half(f" on a {self.background} background")


def single(foreground: str, shape: str, motion: str, background: str) -> Combination:
    """The combination of one object before a background."""
    return Combination((Thing(foreground, shape, motion),), background)


def combinations(*, held_out: bool) -> list[Combination]:
    """All combinations of one object that are (or are not) kept out of training, in a fixed order."""
    every = (single(*parts) for parts in itertools.product(FOREGROUNDS, SHAPES, MOTIONS, BACKGROUNDS))
    return [combination for combination in every if combination.held_out == held_out]


def draw_pair(rng: random.Random, *, held_out: bool) -> Combination:
    """A combination of two objects of different colours that is (or is not) kept out of training."""
    while True:
        colours = rng.sample(list(FOREGROUNDS), 2)
        things = tuple(Thing(colour, rng.choice(SHAPES), rng.choice(MOTIONS)) for colour in colours)
        pair = Combination(things, rng.choice(list(BACKGROUNDS)))
        if pair.held_out == held_out:
            return pair


@dataclass(frozen=True, slots=True)
class Body:
    """One object: places as parts of the frame, lengths in units of the frame's shorter side, colour 0-255."""

    shape: str
    center: tuple[float, float]
    radius: float
    colour: tuple[float, float, float]
    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    turn: float = 0.0
    hop: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip: its objects and the colour of its background (0-255)."""

    bodies: tuple[Body, ...]
    background: tuple[float, float, float]


def draw_scene(combination: Combination, rng: random.Random) -> Scene:
    """A scene that shows the combination, with small jitter in place, size, speed and colour.

    One object starts in the middle. Of two, the first starts at the upper left and the second at the lower right, so
    that their ways do not meet.
    """
    if len(combination.things) == 1:
        places, size = [(0.5, 0.5)], 1.0
    else:
        places, size = [(0.28, 0.28), (0.72, 0.72)], 0.68
    bodies = tuple(_draw_body(thing, place, size, rng) for thing, place in zip(combination.things, places, strict=True))
    return Scene(bodies, _jitter(BACKGROUNDS[combination.background], rng))


def _draw_body(thing: Thing, place: tuple[float, float], size: float, rng: random.Random) -> Body:
    dx, dy = DIRECTIONS.get(thing.motion.removeprefix("moving "), (0.0, 0.0))
    travel = size * rng.uniform(0.21, 0.25)
    growth = rng.uniform(1.5, 1.7) if size == 1 else rng.uniform(1.35, 1.45)
    return Body(
        shape=thing.shape,
        center=(place[0] + rng.uniform(-0.04, 0.04) * size, place[1] + rng.uniform(-0.04, 0.04) * size),
        radius=size * rng.uniform(0.21, 0.25),
        colour=_jitter(FOREGROUNDS[thing.foreground], rng),
        shift=(dx * travel, dy * travel),
        scale={"growing": growth, "shrinking": rng.uniform(0.4, 0.5)}.get(thing.motion, 1.0),
        turn=TURN if thing.motion == "spinning" else 0.0,
        hop=size * rng.uniform(0.20, 0.24) if thing.motion == "bouncing" else 0.0,
    )


def draw_wild_scene(rng: random.Random) -> Scene:
    """A scene of no caption (any place, size, colour), so that the VAE does not only know the world's own pictures."""
    bodies = []
    for _ in range(rng.choice((1, 1, 2))):
        angle, travel = rng.uniform(0, math.tau), rng.uniform(0, 0.4)
        bodies.append(
            Body(
                shape=rng.choice(SHAPES),
                center=(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)),
                radius=rng.uniform(0.08, 0.35),
                colour=_any_colour(rng) if rng.random() < 0.5 else _jitter(rng.choice(list(FOREGROUNDS.values())), rng),
                shift=(travel * math.cos(angle), travel * math.sin(angle)),
                scale=rng.uniform(0.4, 2.0),
                turn=rng.choice((0.0, rng.uniform(-TURN, TURN))),
            )
        )
    background = _any_colour(rng) if rng.random() < 0.5 else _jitter(rng.choice(list(BACKGROUNDS.values())), rng)
    return Scene(tuple(bodies), background)


def _jitter(rgb: Rgb, rng: random.Random) -> tuple[float, float, float]:
    red, green, blue = (min(255.0, max(0.0, value + rng.uniform(-6, 6))) for value in rgb)
    return red, green, blue


def _any_colour(rng: random.Random) -> tuple[float, float, float]:
    return rng.uniform(0, 255), rng.uniform(0, 255), rng.uniform(0, 255)


def render(scenes: list[Scene], *, width: int, height: int, num_frames: int) -> Tensor:
    """Draw the scenes from signed distances.

    A bouncing object hops once in 9 frames, twice in more.

    Returns:
        `(len(scenes), 3, num_frames, height, width)`, float32, in [-1, 1].
    """
    time = torch.linspace(0, 1, num_frames) if num_frames > 1 else torch.zeros(1)
    picture = torch.tensor([s.background for s in scenes]).view(-1, 3, 1, 1, 1) / 127.5 - 1
    for layer in range(max(len(s.bodies) for s in scenes)):
        drawn = [s.bodies[layer] if layer < len(s.bodies) else None for s in scenes]
        alpha = _cover(drawn, time.view(1, -1, 1, 1), width=width, height=height).unsqueeze(1)
        colours = [(0.0, 0.0, 0.0) if body is None else body.colour for body in drawn]
        picture = torch.lerp(picture, torch.tensor(colours).view(-1, 3, 1, 1, 1) / 127.5 - 1, alpha)
    return picture.expand(-1, -1, num_frames, height, width)


_NOBODY = Body("circle", (-9.0, -9.0), 0.01, (0.0, 0.0, 0.0))


def _cover(bodies: list[Body | None], time: Tensor, *, width: int, height: int) -> Tensor:
    """How much of each pixel the objects cover: `(objects, frames, height, width)`, 0 to 1."""
    some, side = [body or _NOBODY for body in bodies], min(width, height)

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)

    hops = 1 if time.numel() < 17 else 2
    phase = (time * hops) % 1
    center_x = column([b.center[0] * width / side for b in some]) + column([b.shift[0] for b in some]) * time
    center_y = column([b.center[1] * height / side for b in some]) + column([b.shift[1] for b in some]) * time
    center_y = center_y - column([b.hop for b in some]) * 4 * phase * (1 - phase)
    radius = column([b.radius for b in some]) * (1 + (column([b.scale for b in some]) - 1) * time)
    dx = (torch.arange(width) + 0.5).view(1, 1, 1, -1) / side - center_x
    dy = (torch.arange(height) + 0.5).view(1, 1, -1, 1) / side - center_y
    angle = column([b.turn for b in some]) * time
    dx, dy = angle.cos() * dx + angle.sin() * dy, angle.cos() * dy - angle.sin() * dx
    which = [SHAPES.index(b.shape) for b in some]
    distance = torch.empty(torch.broadcast_shapes(dx.shape, dy.shape))
    for index, shape in enumerate(SHAPES):
        rows = [row for row, kind in enumerate(which) if kind == index]
        if rows:
            distance[rows] = shape_distance(shape, dx[rows], dy[rows], radius[rows])
    return (0.5 - distance * side).clamp(0, 1)


def shape_distance(shape: str, dx: Tensor, dy: Tensor, radius: Tensor) -> Tensor:
    """Signed distance to a shape's outline (negative inside), upright, about its centre; `dy` points down."""
    if shape == "circle":
        return (dx.square() + dy.square()).sqrt() - radius
    if shape == "square":
        return torch.maximum(dx.abs(), dy.abs()) - 0.9 * radius
    if shape == "triangle":
        return torch.maximum(dy - 0.65 * radius, 0.866 * dx.abs() - 0.5 * dy - 0.65 * radius)
    if shape == "cross":
        long, wide = 1.15 * radius, 0.4 * radius
        return torch.minimum(
            torch.maximum(dx.abs() - long, dy.abs() - wide), torch.maximum(dx.abs() - wide, dy.abs() - long)
        )
    # A star's outline, folded into one tenth, is a straight line from its tip to its notch.
    tip, notch, tenth = 1.4 * radius, 0.62 * radius, math.pi / 5
    folded = (torch.remainder(torch.atan2(dx, -dy), 2 * tenth) - tenth).abs()
    from_tip = tenth - folded
    length = (dx.square() + dy.square()).sqrt()
    along, across = length * from_tip.cos(), length * from_tip.sin()
    edge_x, edge_y = notch * math.cos(tenth) - tip, notch * math.sin(tenth)
    return ((tip - along) * -edge_y - (0 - across) * -edge_x) / (edge_x.square() + edge_y.square()).sqrt()
