"""Contact sheets: all pictures of a look, small, with their names."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

_COLUMNS = 4
_WIDTH_PX = 640
_TITLE_PX = 18
_ROWS = 5
"""Of one sheet, so that it can be opened everywhere."""


def make_sheets(pictures: Sequence[Path], out: Path, name: str) -> list[Path]:
    """Write `sheet NAME 1.png` and so on into a folder; returns the files."""
    per_sheet = _COLUMNS * _ROWS
    sheets = []
    for number, first in enumerate(range(0, len(pictures), per_sheet), 1):
        sheet = out / f"sheet {name} {number}.png"
        _sheet(pictures[first : first + per_sheet]).save(sheet)
        sheets.append(sheet)
    return sheets


def _sheet(pictures: Sequence[Path]) -> Image.Image:
    small = [_small(file) for file in pictures]
    height = max(image.height for image in small) + _TITLE_PX
    rows = -(-len(small) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_WIDTH_PX + 6), rows * (height + 6)), (110, 110, 110))
    draw = ImageDraw.Draw(sheet)
    for number, (file, image) in enumerate(zip(pictures, small, strict=True)):
        left, top = number % _COLUMNS * (_WIDTH_PX + 6), number // _COLUMNS * (height + 6)
        draw.text((left + 3, top + 3), file.stem, fill=(255, 255, 255))
        sheet.paste(image, (left, top + _TITLE_PX))
    return sheet


def _small(file: Path) -> Image.Image:
    with Image.open(file) as image:
        height = round(_WIDTH_PX * image.height / image.width)
        return image.convert("RGB").resize((_WIDTH_PX, height), Image.Resampling.LANCZOS)
