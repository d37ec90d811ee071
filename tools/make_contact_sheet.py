"""Draw the built-in model's contact sheet, frames under their prompts: `python -m tools.make_contact_sheet`."""

import argparse
import os
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter

from tests.builtin_clips import BUCKETS, builtin_maker, single_asks
from wan_desktop.core.paths import resources_folder

ROOT = Path(__file__).resolve().parent.parent
_SCALE, _MARGIN, _GAP, _TEXT, _FRAMES = 1.5, 16, 2, 22, 5


def _picture(frame: np.ndarray) -> QImage:
    height, width, _ = frame.shape
    return QImage(np.ascontiguousarray(frame).tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _draw(rows: list[tuple[str, np.ndarray]], columns: int) -> QImage:
    """Prompts over five frames each."""
    cell_width = _FRAMES * (int(max(clip.shape[2] for _, clip in rows) * _SCALE) + _GAP) - _GAP + _MARGIN
    cell_height = int(max(clip.shape[1] for _, clip in rows) * _SCALE) + _TEXT + _MARGIN
    lines = -(-len(rows) // columns)
    sheet = QImage(columns * cell_width + _MARGIN, lines * cell_height + _MARGIN, QImage.Format.Format_RGB888)
    sheet.fill(QColor(24, 24, 27))
    painter = QPainter(sheet)
    painter.setPen(QColor(228, 228, 231))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    for index, (prompt, clip) in enumerate(rows):
        left, top = _MARGIN + index % columns * cell_width, _MARGIN + index // columns * cell_height
        painter.drawText(QRect(left, top, cell_width, _TEXT), Qt.AlignmentFlag.AlignLeft, prompt)
        for number, frame in enumerate(np.linspace(0, len(clip) - 1, _FRAMES).round().astype(int)):
            width, height = int(clip.shape[2] * _SCALE), int(clip.shape[1] * _SCALE)
            painter.drawImage(QRect(left + number * (width + _GAP), top + _TEXT, width, height), _picture(clip[frame]))
    painter.end()
    return sheet


def main() -> None:
    """Sample prompts first, then held-out ones; sizes and lengths in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "shapes_contact_sheet.png")
    parser.add_argument("--clips", type=int, default=24)
    args = parser.parse_args()
    application = QGuiApplication([])
    maker = builtin_maker(resources_folder())
    rows = []
    for seed, prompt in enumerate(maker.model.metadata.sample_prompts):
        (width, height), num_frames = BUCKETS[(5 * seed + 1) % len(BUCKETS)]
        rows.append((prompt, maker.clip(prompt, seed=seed, width=width, height=height, num_frames=num_frames)))
    rows += [(ask.wanted.caption, maker.answer(ask)) for ask in single_asks(args.clips - len(rows))]
    sheet = _draw(rows, columns=2)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(str(args.out))
    print(f"{args.out}: {sheet.width()} x {sheet.height()}")
    application.quit()


if __name__ == "__main__":
    main()
