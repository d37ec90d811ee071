"""What is asked for when a repository is closed to strangers: a licence to agree to, and a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import Button, label

if TYPE_CHECKING:
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.model_offers import ModelOffer

_TOKENS_PAGE = "https://huggingface.co/settings/tokens"


class TokenForm(QFrame):
    """Explains what is missing and takes a token."""

    token_given = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "warn")
        self._page = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(6)
        layout.addWidget(label(tr("This model needs your permission"), self, role="label", wrap=True))
        self.reason = label("", self, wrap=True)
        layout.addWidget(self.reason)
        layout.addWidget(
            label(
                tr(
                    "1. Open the model's page and agree to its licence. 2. Make a token that may read. 3. Paste it "
                    "here; it is kept in the system's keyring only."
                ),
                self,
                wrap=True,
            )
        )
        self.field = QLineEdit(self)
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setPlaceholderText(tr("Access token"))
        self.field.setAccessibleName(tr("Access token of huggingface.co"))
        self.field.setMaxLength(1000)
        self.use = Button(tr("Download with it"), self, kind="primary")
        self.use.setEnabled(False)
        self.field.textChanged.connect(self._on_text_changed)
        self.field.returnPressed.connect(self._on_use)
        self.use.clicked.connect(self._on_use)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        row.addWidget(self.use)
        layout.addLayout(row)
        links = QHBoxLayout()
        self.open_page = Button(tr("Open the model's page"), self, kind="link", icon_name="external-link")
        self.open_tokens = Button(tr("Make a token"), self, kind="link", icon_name="key-round")
        self.open_page.clicked.connect(self._on_open_page)
        self.open_tokens.clicked.connect(self._on_open_tokens)
        links.addWidget(self.open_page)
        links.addWidget(self.open_tokens)
        links.addStretch(1)
        layout.addLayout(links)

    def show_error(self, offer: ModelOffer, error: WanError) -> None:
        """Say what is missing of which model."""
        self._page = offer.metadata.source
        self.reason.setText(f"{error.message} {error.hint}")
        self.open_page.setVisible(bool(self._page))

    @Slot(str)
    def _on_text_changed(self, typed: str) -> None:
        self.use.setEnabled(bool(typed.strip()))

    @Slot()
    def _on_use(self) -> None:
        token = self.field.text().strip()
        if token:
            self.field.clear()
            self.token_given.emit(token)

    @Slot()
    def _on_open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._page))

    @Slot()
    def _on_open_tokens(self) -> None:
        QDesktopServices.openUrl(QUrl(_TOKENS_PAGE))
