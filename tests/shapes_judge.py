"""Looks at a clip of the shapes world and says what it shows; it does not know the prompt.

Background: the median colour of the border. Objects: the connected regions of the first frame that differ from it,
followed from frame to frame. Shape: the template that overlaps the object best, at any angle. Motion: how an object's
centre, area and angle change.
"""

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch

from tools.shapes_world import BACKGROUNDS, DIRECTIONS, FOREGROUNDS, SHAPES, Combination, Thing, shape_distance

_MIN_CONTRAST = 48.0
"""Distance in RGB from which a pixel belongs to an object."""
_MIN_AREA, _MIN_SPECK = 0.015, 0.004
"""Of an object in the first frame, and of a region that is not dirt, in squares of the frame's shorter side.

The smallest object of the world has 0.045 in the first frame and shrinks to 0.007.
"""
_MIN_TRAVEL, _MIN_HOP = 0.10, 0.07
"""Of the frame's shorter side; the world moves objects by at least 0.143, and lets them hop by at least 0.136."""
_GROWTH = 1.18
"""Ratio of the radii; the world grows them by at least 1.35 (less where the frame cuts them), and shrinks to 0.5."""
_MIN_TURN_DEGREES, _TURNED_FRAMES = 15.0, 0.3
"""A spinning object turns by 90 degrees; a star looks the same after 72, so that fewer frames show it turned."""
_PERIOD_DEGREES = {"circle": 1, "square": 90, "triangle": 120, "star": 72, "cross": 90}
_AREA = {
    "circle": math.pi,
    "square": 1.8**2,
    "triangle": 3 * math.sqrt(3) * 0.65**2,
    "star": 5 * 1.4 * 0.62 * math.sin(math.pi / 5),
    "cross": 2 * 2.3 * 0.8 - 0.8**2,
}
"""Of a shape of radius 1, from the outlines in `shape_distance`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the clip shows."""

    things: tuple[Thing, ...]
    """The objects, in no particular order."""
    background: str

    def matches(self, wanted: Combination) -> dict[str, bool]:
        """Each attribute: is it what was wanted, of every object?

        With another number of objects, nothing about them is right.
        """
        found = {"background": self.background == wanted.background}
        names = ("foreground", "shape", "motion")
        if len(self.things) != len(wanted.things):
            return found | dict.fromkeys(names, False)
        orders = [list(zip(order, wanted.things, strict=True)) for order in itertools.permutations(self.things)]
        best = max(orders, key=lambda pairs: sum(getattr(a, n) == getattr(b, n) for a, b in pairs for n in names))
        return found | {name: all(getattr(a, name) == getattr(b, name) for a, b in best) for name in names}


def judge(clip: np.ndarray) -> Verdict:
    """Judge one clip.

    Args:
        clip: `(frames, height, width, 3)`, uint8.
    """
    pictures = clip.astype(np.float32)
    edges = [pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]]
    background = np.median(np.concatenate(edges, axis=1).reshape(-1, 3), axis=0)
    regions = _regions(np.linalg.norm(pictures - background, axis=-1) > _MIN_CONTRAST)
    things = []
    for masks in _objects(regions):
        colour = np.median(pictures[0][masks[0]], axis=0)
        shape = _shape(masks)
        things.append(Thing(_nearest(colour, FOREGROUNDS), shape, _motion(masks, shape)))
    return Verdict(tuple(things), _nearest(background, BACKGROUNDS))


def _nearest(colour: np.ndarray, palette: dict[str, tuple[int, int, int]]) -> str:
    return min(palette, key=lambda name: float(np.linalg.norm(colour - np.array(palette[name]))))


def _regions(masks: np.ndarray) -> np.ndarray:
    """Number of the connected region of each pixel, 0 outside; equal numbers of different frames mean nothing."""
    _, height, width = masks.shape
    numbers = np.arange(1, height * width + 1, dtype=np.int32).reshape(1, height, width) * masks
    while True:
        spread = _spread_in_rows(_spread_in_rows(numbers).swapaxes(1, 2)).swapaxes(1, 2)
        if np.array_equal(spread, numbers):
            return numbers
        numbers = spread


def _spread_in_rows(numbers: np.ndarray) -> np.ndarray:
    """The highest number of each run of pixels that are not 0, in all of the run."""
    # A column of zeros ends the runs of one row before the next.
    padded = np.pad(numbers, ((0, 0), (0, 0), (0, 1)))
    flat = padded.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat > 0)) + 1])
    lengths = np.diff(np.append(starts, flat.size))
    return np.repeat(np.maximum.reduceat(flat, starts), lengths).reshape(padded.shape)[:, :, :-1]


def _objects(regions: np.ndarray) -> list[np.ndarray]:
    """The masks of each object, `(frames, height, width)`: every pixel goes to the object that was nearest to it."""
    unit = min(regions.shape[1:]) ** 2
    sizes = [dict(zip(*np.unique(frame, return_counts=True), strict=True)) for frame in regions]
    first = [number for number, count in sizes[0].items() if number and count >= _MIN_AREA * unit]
    if not first:
        return []
    centers = np.array([_geometry(regions[0] == number)[1:] for number in first])
    rows, columns = np.mgrid[: regions.shape[1], : regions.shape[2]]
    objects = np.zeros((len(first), *regions.shape), dtype=bool)
    for index, frame in enumerate(regions):
        large = [number for number, count in sizes[index].items() if number and count >= _MIN_SPECK * unit]
        solid = np.isin(frame, large)
        distances = [np.hypot(rows - y, columns - x) for y, x in centers]
        nearest = np.argmin(distances, axis=0)
        for number in range(len(first)):
            objects[number, index] = solid & (nearest == number)
            if objects[number, index].any():
                centers[number] = _geometry(objects[number, index])[1:]
    return list(objects)


def _geometry(mask: np.ndarray) -> tuple[float, float, float]:
    """Area, and row and column of the centre."""
    y, x = np.nonzero(mask)
    return float(len(y)), float(y.mean()) if len(y) else 0.0, float(x.mean()) if len(x) else 0.0


def _overlaps(mask: np.ndarray, shape: str) -> np.ndarray:
    """Intersection over union with the shape of the mask's area and centre, at each of `_angles`."""
    mask = _cut_out(mask)
    area, center_y, center_x = _geometry(mask)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    angles = np.radians(_angles(shape)).astype(np.float32)[:, None, None]
    dy, dx = y - center_y, x - center_x
    turned_x = torch.from_numpy(np.cos(angles) * dx + np.sin(angles) * dy)
    turned_y = torch.from_numpy(np.cos(angles) * dy - np.sin(angles) * dx)
    radius = torch.tensor(math.sqrt(area / _AREA[shape]))
    template = (shape_distance(shape, turned_x, turned_y, radius) <= 0).numpy()
    return (template & mask).sum((1, 2)) / (template | mask).sum((1, 2))


def _cut_out(mask: np.ndarray) -> np.ndarray:
    """The part of the mask that the object lies in, with half its size around it."""
    y, x = np.nonzero(mask)
    margin = (max(int(np.ptp(y)), int(np.ptp(x))) + 1) // 2
    return np.pad(mask[y.min() : y.max() + 1, x.min() : x.max() + 1], margin)


@functools.cache
def _angles(shape: str) -> np.ndarray:
    period = _PERIOD_DEGREES[shape]
    return np.arange(0, period, 6) - (period // 12) * 6


def _is_whole(mask: np.ndarray) -> bool:
    """The object is there and does not touch the frame's edge."""
    return bool(mask.any()) and not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def _shape(masks: np.ndarray) -> str:
    """The shape with the best mean overlap over a few frames that show the object whole."""
    whole = [mask for mask in masks[:: max(1, len(masks) // 5)] if _is_whole(mask)] or [masks[0]]
    scores = {shape: float(np.mean([_overlaps(mask, shape).max() for mask in whole])) for shape in SHAPES}
    return max(scores, key=lambda shape: scores[shape])


def _motion(masks: np.ndarray, shape: str) -> str:
    side = min(masks.shape[1:])
    seen = np.array([_geometry(mask) for mask in masks if mask.any()])
    dy, dx = (seen[-1, 1:] - seen[0, 1:]) / side
    if max(abs(dx), abs(dy)) > _MIN_TRAVEL:
        along = {name: dx * x + dy * y for name, (x, y) in DIRECTIONS.items()}
        return f"moving {max(along, key=lambda name: along[name])}"
    if (seen[0, 1] - seen[:, 1].min()) / side > _MIN_HOP:
        return "bouncing"
    growth = math.sqrt(seen[-1, 0] / seen[0, 0])
    if growth > _GROWTH:
        return "growing"
    if growth < 1 / _GROWTH:
        return "shrinking"
    return "spinning" if _turned_frames(masks, shape) >= _TURNED_FRAMES else "still"


def _turned_frames(masks: np.ndarray, shape: str) -> float:
    """Part of the frames in which the object does not stand upright."""
    if shape == "circle":
        return 0.0
    turns = [_angles(shape)[int(np.argmax(_overlaps(mask, shape)))] for mask in masks if mask.any()]
    return float(np.mean(np.abs(turns) >= _MIN_TURN_DEGREES))
