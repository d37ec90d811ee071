"""What the program is, what it is made of, and under which licences."""

from __future__ import annotations

from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QVBoxLayout, QWidget

from wan_desktop import __version__
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.help.part import HelpPart, plain_label, scrolled
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import label, surface
from wan_desktop.ui.widgets.form import Fold

if TYPE_CHECKING:
    from pathlib import Path

    from wan_desktop.ui.session import Session

LIBRARIES = (
    ("PySide6-Essentials", "Qt for Python", "LGPL-3.0"),
    ("torch", "PyTorch", "BSD-3-Clause"),
    ("diffusers", "Diffusers", "Apache-2.0"),
    ("transformers", "Transformers", "Apache-2.0"),
    ("accelerate", "Accelerate", "Apache-2.0"),
    ("huggingface_hub", "Hugging Face Hub", "Apache-2.0"),
    ("safetensors", "Safetensors", "Apache-2.0"),
    ("tokenizers", "Tokenizers", "Apache-2.0"),
    ("gguf", "GGUF", "MIT"),
    ("av", "PyAV", "BSD-3-Clause"),
    ("pillow", "Pillow", "MIT-CMU"),
    ("numpy", "NumPy", "BSD-3-Clause"),
    ("nvidia-ml-py", "NVIDIA Management Library for Python", "BSD-3-Clause"),
    ("psutil", "psutil", "BSD-3-Clause"),
    ("ftfy", "ftfy", "Apache-2.0"),
    ("platformdirs", "platformdirs", "MIT"),
    ("xxhash", "xxhash", "BSD-2-Clause"),
    ("keyring", "keyring", "MIT"),
)
"""Package, its name, and its licence, as the package's own metadata say; PyAV brings FFmpeg's libraries."""
_TEXTS = ("models/shapes/LICENSE", "fonts/OFL.txt", "icons/LICENSE")
_TEXT_PX = 220


class AboutPart(HelpPart):
    """Version, libraries and licence texts.

    Args:
        session: Where the resources lie.
        parent: Its parent.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        area, self._inner, self._cards = scrolled(self, tr("About"), takes_focus=True)
        layout.addWidget(area)
        self._add_program()
        self._add_libraries()
        self._add_texts(session.paths.resources)
        self._cards.addStretch(1)

    def focus_first(self) -> None:
        """The text, so that the keys scroll it."""
        self._inner.setFocus(Qt.FocusReason.OtherFocusReason)

    def _new_card(self, title: str) -> QVBoxLayout:
        card = surface("card", self._inner)
        layout = QVBoxLayout(card)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(8)
        layout.addWidget(label(title, card, role="section"))
        self._cards.addWidget(card)
        return layout

    def _add_program(self) -> None:
        card = self._new_card(f"{text.APP} {__version__}")
        lines = (
            tr("Makes videos with Wan models on this PC."),
            tr("Nothing is sent anywhere. The network is used for downloads that you start, and for nothing else."),
            tr("Licence: Apache-2.0"),
        )
        for line in lines:
            card.addWidget(plain_label(line, self._inner, "soft"))

    def _add_libraries(self) -> None:
        card = self._new_card(tr("Made with"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        for row, (package, name, licence) in enumerate(LIBRARIES):
            grid.addWidget(plain_label(name, self._inner), row, 0)
            grid.addWidget(label(_version(package), self._inner, role="soft"), row, 1)
            grid.addWidget(label(licence, self._inner, role="soft"), row, 2)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        card.addLayout(grid)

    def _add_texts(self, resources: Path) -> None:
        card = self._new_card(tr("Licence texts"))
        names = (tr("Built-in model: Apache-2.0"), tr("Inter, the font: OFL-1.1"), tr("Lucide, the icons: ISC"))
        for name, file in zip(names, _TEXTS, strict=True):
            card.addWidget(Fold(name, partial(_licence, name, resources / file), self._inner))


def _licence(name: str, file: Path, parent: QWidget) -> QWidget:
    try:
        words = file.read_text("utf-8", errors="replace")
    except OSError as error:
        words = tr("The text is missing: {reason}", reason=error.strerror or str(error))
    view = QPlainTextEdit(words, parent)
    view.setReadOnly(True)
    view.setTabChangesFocus(True)
    view.setAccessibleName(name)
    view.setFixedHeight(look().px(_TEXT_PX))
    return view


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
