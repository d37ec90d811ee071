"""Looks at a clip of the shapes world and says what it shows; it does not know the prompt.

Background: the median colour of the border. Object: what differs from it. Shape: the template that overlaps the object
best. Motion: how centre and area of the object change from the first frames to the last.
"""

from dataclasses import dataclass

import numpy as np

from tools.shapes_world import BACKGROUNDS, DIRECTIONS, FOREGROUNDS, SHAPES, Combination

_MIN_CONTRAST = 48.0
"""Distance in RGB from which a pixel belongs to the object."""
_MIN_TRAVEL = 0.10
"""Of the frame's shorter side; the world moves by 0.25 to 0.30."""
_GROWTH = 1.25
"""Ratio of the radii; the world grows by 1.7 to 2 and shrinks to 0.4 to 0.5."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What each attribute looked like; None where nothing could be seen."""

    foreground: str | None
    shape: str | None
    motion: str | None
    background: str | None

    def matches(self, wanted: Combination) -> dict[str, bool]:
        """Each attribute: is it what was wanted?"""
        return {
            name: getattr(self, name) == getattr(wanted, name)
            for name in ("foreground", "shape", "motion", "background")
        }


def judge(clip: np.ndarray) -> Verdict:
    """Judge one clip.

    Args:
        clip: `(frames, height, width, 3)`, uint8.
    """
    pictures = clip.astype(np.float32)
    border = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1).reshape(
        -1, 3
    )
    background_colour = np.median(border, axis=0)
    masks = np.linalg.norm(pictures - background_colour, axis=-1) > _MIN_CONTRAST
    background = _nearest(background_colour, BACKGROUNDS)
    if masks[0].sum() < 9 or masks[-1].sum() < 9:
        return Verdict(None, None, None, background)
    first_colour = np.median(pictures[0][masks[0]], axis=0)
    return Verdict(_nearest(first_colour, FOREGROUNDS), _shape(masks), _motion(masks), background)


def _nearest(colour: np.ndarray, palette: dict[str, tuple[int, int, int]]) -> str:
    return min(palette, key=lambda name: float(np.linalg.norm(colour - np.array(palette[name]))))


def _shape(masks: np.ndarray) -> str:
    """The template with the best mean overlap over a few frames."""
    scores = dict.fromkeys(SHAPES, 0.0)
    for mask in masks[:: max(1, len(masks) // 5)]:
        area, center_y, center_x = _geometry(mask)
        if area < 9:
            continue
        for shape in SHAPES:
            template = _template(shape, area, center_y, center_x, mask.shape)
            scores[shape] += float((template & mask).sum() / (template | mask).sum())
    return max(scores, key=lambda shape: scores[shape])


def _template(shape: str, area: float, center_y: float, center_x: float, size: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    dy, dx = y - center_y, x - center_x
    if shape == "circle":
        return np.hypot(dx, dy) <= np.sqrt(area / np.pi)
    if shape == "square":
        return np.maximum(abs(dx), abs(dy)) <= np.sqrt(area) / 2
    # Equilateral, point up, its centre of mass at the given centre: area = 3 sqrt(3) r^2 for inner radius r.
    inner = np.sqrt(area / (3 * np.sqrt(3)))
    return np.maximum(dy, 0.866 * abs(dx) - 0.5 * dy) <= inner


def _geometry(mask: np.ndarray) -> tuple[float, float, float]:
    y, x = np.nonzero(mask)
    return float(len(y)), float(y.mean()) if len(y) else 0.0, float(x.mean()) if len(x) else 0.0


def _motion(masks: np.ndarray) -> str:
    first, last = _geometry(masks[0]), _geometry(masks[-1])
    side = min(masks.shape[1:])
    dy, dx = (last[1] - first[1]) / side, (last[2] - first[2]) / side
    growth = np.sqrt(last[0] / first[0])
    if max(abs(dx), abs(dy)) > _MIN_TRAVEL:
        return max(
            (f"moving {name}" for name in DIRECTIONS),
            key=lambda motion: (
                dx * DIRECTIONS[motion.removeprefix("moving ")][0] + dy * DIRECTIONS[motion.removeprefix("moving ")][1]
            ),
        )
    if growth > _GROWTH:
        return "growing"
    return "shrinking" if growth < 1 / _GROWTH else "still"
