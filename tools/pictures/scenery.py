"""Painted pictures in place of what a model makes: hills below a sun that moves."""

import base64
import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

PALETTES: tuple[tuple[Colour, Colour, Colour, Colour], ...] = (
    ((38, 52, 110), (244, 166, 108), (255, 224, 160), (24, 30, 58)),
    ((90, 160, 214), (214, 236, 246), (255, 250, 214), (38, 92, 64)),
    ((14, 18, 42), (52, 70, 132), (226, 230, 244), (8, 12, 26)),
    ((176, 84, 70), (250, 200, 140), (255, 244, 200), (76, 34, 44)),
    ((104, 138, 160), (226, 226, 220), (255, 255, 246), (128, 144, 158)),
    ((32, 100, 110), (170, 220, 190), (250, 250, 190), (18, 58, 60)),
)
"""Sky above, sky below, sun, ground."""


def paint(width: int, height: int, part: float, kind: int = 0) -> Pixels:
    """A picture of that many pixels, at `part` (0 to 1) of the video; height x width x 3."""
    above, below, sun, ground = (np.array(each, np.float32) for each in PALETTES[kind % len(PALETTES)])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    fade = np.clip(y / 0.7, 0, 1)[..., None]
    pixels = above * (1 - fade) + below * fade
    far = np.hypot((x - 0.25 - 0.5 * part) * width / height, y - 0.42 + 0.12 * np.sin(np.pi * part))
    glow = np.clip(1 - (far - 0.07) / 0.25, 0, 1)[..., None] ** 2
    pixels = pixels * (1 - glow) + sun * glow
    for number in range(4):
        depth = number / 3
        line = 0.56 + 0.11 * number + 0.06 * np.sin((5 + 2 * number) * x + 2 * number + kind + part * (0.3 + depth))
        shade = ground * (0.35 + 0.65 * depth) + below * 0.65 * (1 - depth)
        edge = np.clip((y - line) * height / 2, 0, 1)[..., None]
        pixels = pixels * (1 - edge) + shade * edge
    return pixels.clip(0, 255).astype(np.uint8)


def paint_clip(width: int, height: int, frames: int, kind: int = 0) -> Iterator[Pixels]:
    """The pictures of a video, one after the other."""
    for index in range(frames):
        yield paint(width, height, index / max(1, frames - 1), kind)


def preview(width: int, height: int, part: float, kind: int = 0) -> str:
    """What a live preview shows after `part` (0 to 1) of the steps: noise that becomes a picture; base64 JPEG."""
    small = paint(width, height, 0.4, kind).astype(np.float32)
    noise = np.random.default_rng(7).normal(128, 60, small.shape)
    mixed = noise * (1 - part) ** 1.5 + small * (1 - (1 - part) ** 1.5)
    buffer = io.BytesIO()
    Image.fromarray(mixed.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()
