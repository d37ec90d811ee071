"""The questions of the page: a repository's name, and whether something is really wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMessageBox, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.models import words
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.controls import Button, label
from wan_desktop.ui.widgets.tab_order import Dialog

if TYPE_CHECKING:
    from wan_desktop.core.model_offers import ModelOffer

_WIDTH_PX = 460


class AddRepositoryDialog(Dialog):
    """Asks for a repository of the Hub, by name or by the address of its page."""

    named = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Add a repository"))
        self.setMinimumWidth(look().px(_WIDTH_PX))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 16)
        layout.setSpacing(10)
        words_of = tr(
            "Any repository of huggingface.co in diffusers' layout can be added. Give its name or the address of its "
            "page. Only files that cannot run anything are downloaded, and only when you ask for it."
        )
        layout.addWidget(label(words_of, self, role="soft", wrap=True))
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Wan-AI/Wan2.2-TI2V-5B-Diffusers")
        self.field.setAccessibleName(tr("Name or address of the repository"))
        self.field.setMaxLength(400)
        self.field.textChanged.connect(self._on_text_changed)
        self.field.returnPressed.connect(self._on_add)
        layout.addWidget(self.field)
        row = QHBoxLayout()
        row.addStretch(1)
        self.stop = Button(tr("Cancel"), self)
        self.stop.setAutoDefault(False)
        self.stop.clicked.connect(self.reject)
        self.add = Button(tr("Add"), self, kind="primary")
        self.add.setDefault(True)
        self.add.setEnabled(False)
        self.add.clicked.connect(self._on_add)
        row.addWidget(self.stop)
        row.addWidget(self.add)
        layout.addLayout(row)

    @Slot(str)
    def _on_text_changed(self, typed: str) -> None:
        self.add.setEnabled(bool(typed.strip()))

    @Slot()
    def _on_add(self) -> None:
        typed = self.field.text().strip()
        if typed:
            self.named.emit(typed)
            self.accept()


class Question(QMessageBox):
    """Asks whether something is to be done that may be regretted; the safe answer is the default.

    Args:
        title: What it is about.
        more: What will happen.
        yes: What the button says that does it.
        parent: Its parent.
    """

    agreed = Signal()

    def __init__(self, title: str, more: str, yes: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(text.APP)
        self.setText(title)
        self.setInformativeText(more)
        self.yes = self.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
        self.no = self.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        self.setDefaultButton(self.no)
        self.setEscapeButton(self.no)
        self.finished.connect(self._on_finished)

    @Slot(int)
    def _on_finished(self, _code: int) -> None:
        if self.clickedButton() is self.yes:
            self.agreed.emit()


def ask_try_anyway(offer: ModelOffer, parent: QWidget) -> Question:
    """Whether a model is to be downloaded that is too big for this PC."""
    size = text.data_size(offer.download_bytes) if offer.download_bytes else tr("an unknown amount")
    more = tr(
        "{why} Videos will probably stop with too little memory, or take very long. It is {size} to download.",
        why=words.badge_tip(offer),
        size=size,
    )
    title = tr("{name} is too big for this PC", name=words.title(offer))
    return Question(title, more, tr("Download anyway"), parent)


def ask_copy(message: str, parent: QWidget) -> Question:
    """Whether files are to be copied that lie on another drive."""
    return Question(tr("Copy these files?"), message, tr("Copy"), parent)


def ask_delete_arrived(offer: ModelOffer, parent: QWidget) -> Question:
    """Whether what a download has brought is to be deleted."""
    more = tr("What has arrived so far is deleted. To keep it and go on later, pause instead.")
    title = tr("Stop the download of {name}?", name=words.title(offer))
    return Question(title, more, tr("Delete it"), parent)
