"""Start images: opened with care, turned upright, cropped to the video's shape.

Pillow is imported where a picture is opened: the window imports this module when it opens, and would pause for it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wan_desktop.core.errors import ImageSizeError, ImageUnreadableError
from wan_desktop.core.words import mark, tr

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000
MIN_SIDE_PX = 16
_CHOOSE = mark("Choose a PNG, JPEG, WebP, TIFF or BMP picture.")


@dataclass(frozen=True, slots=True)
class PictureSize:
    """Size of an upright picture, pixels."""

    width: int
    height: int


def check_image(path: Path) -> PictureSize:
    """Decode the picture once and return its upright size.

    Raises:
        ImageUnreadableError: It is missing, damaged, or of another kind.
        ImageSizeError: It is too small or too large.
    """
    picture = open_image(path)
    return PictureSize(picture.width, picture.height)


def open_image(path: Path) -> Image.Image:
    """The picture, upright, as RGB; transparent parts become black.

    Raises:
        ImageUnreadableError: It is missing, damaged, or of another kind.
        ImageSizeError: It is too small or too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - see above

    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise ImageUnreadableError(tr("There is no picture at {path}.", path=path), hint=tr(_CHOOSE)) from error
    if size_bytes > MAX_BYTES:
        raise ImageSizeError(
            tr(
                "The picture has {size_bytes:,} bytes; at most {most:,} are read.",
                size_bytes=size_bytes,
                most=MAX_BYTES,
            ),
            hint=tr("Save it smaller."),
        )
    try:
        # Pillow only warns at its own limit; ours is checked on the header, before any pixel is decoded.
        with warnings.catch_warnings(), Image.open(path, formats=FORMATS) as picture:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            _check_pixels(picture.width, picture.height)
            upright = ImageOps.exif_transpose(picture)
            if upright.has_transparency_data:
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright.convert("RGBA"))
            return upright.convert("RGB")
    except UnidentifiedImageError as error:
        raise ImageUnreadableError(
            tr("{name} is not a picture of a kind that can be read.", name=path.name), hint=tr(_CHOOSE)
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageSizeError(
            tr("{name} has far too many pixels.", name=path.name), hint=tr("Choose a smaller picture.")
        ) from error
    except (OSError, ValueError, SyntaxError, MemoryError) as error:
        raise ImageUnreadableError(
            tr("{name} is damaged: {error}.", name=path.name, error=error), hint=tr(_CHOOSE)
        ) from error


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageSizeError(
            tr(
                "The picture has {width} x {height} pixels; at most {most} million are read.",
                width=width,
                height=height,
                most=MAX_PIXELS // 1_000_000,
            ),
            hint=tr("Choose a smaller picture."),
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ImageSizeError(
            tr(
                "The picture has {width} x {height} pixels; each side needs at least {least}.",
                width=width,
                height=height,
                least=MIN_SIDE_PX,
            ),
            hint=tr("Choose a larger picture."),
        )


def crop_box(width: int, height: int, target_width: int, target_height: int) -> tuple[int, int, int, int]:
    """The middle part of a picture that has the target's shape: left, top, right, bottom."""
    if width * target_height > height * target_width:
        part = max(1, round(height * target_width / target_height))
        left = (width - part) // 2
        return left, 0, left + part, height
    part = max(1, round(width * target_height / target_width))
    top = (height - part) // 2
    return 0, top, width, top + part


def fit_image(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Crop to the shape and resize; the pipelines would squeeze instead."""
    from PIL import Image  # noqa: PLC0415 - see above

    box = crop_box(picture.width, picture.height, width, height)
    return picture.resize((width, height), Image.Resampling.LANCZOS, box=box)
