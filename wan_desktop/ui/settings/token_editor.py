"""The access token for the Hub: written into the system's keyring, never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.store.token import read_token, write_token
from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import Button, announce

if TYPE_CHECKING:
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.ui.session import Session


class TokenEditor(QWidget):
    """Keeps and forgets the token on a lane, because a keyring may ask the user first."""

    noted = Signal(str, str)
    """What is to be said, and the role of that text."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._asked = False
        self.is_kept: bool | None = None
        """None while nobody has looked."""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.field = QLineEdit(self)
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setPlaceholderText("hf_...")
        self.field.setAccessibleName(tr("Access token"))
        self.field.returnPressed.connect(self._on_save)
        self.field.textChanged.connect(self._update)
        self.save = Button(tr("Keep"), self)
        self.save.setAccessibleName(tr("Keep the access token"))
        self.save.clicked.connect(self._on_save)
        self.remove = Button(tr("Remove"), self, icon_name="trash-2")
        self.remove.setAccessibleName(tr("Remove the access token"))
        self.remove.clicked.connect(self._on_remove)
        row.addWidget(self.field, 1)
        row.addWidget(self.save)
        row.addWidget(self.remove)
        self._update()

    def look(self) -> None:
        """See whether there is a token, once."""
        if not self._asked:
            self._asked = True
            self._session.submit(
                tr("Look for an access token"), Lane.FILES, lambda _: read_token() is not None, self._on_looked
            )

    def _on_looked(self, snapshot: JobSnapshot) -> None:
        if snapshot.state is JobState.DONE:
            self._know(bool(snapshot.result))

    def _know(self, is_kept: bool) -> None:
        self.is_kept = is_kept
        words = tr("A token is kept in the system's keyring.") if is_kept else tr("No token is kept.")
        self.noted.emit(words, "ok" if is_kept else "note")
        self._update()

    def _write(self, token: str) -> None:
        self.save.setEnabled(False)
        self.remove.setEnabled(False)
        self._session.submit(tr("Keep the access token"), Lane.FILES, lambda _: _kept(token), self._on_written)

    def _on_written(self, snapshot: JobSnapshot) -> None:
        self._update()
        if snapshot.error is not None:
            self.noted.emit(f"{snapshot.error.message} {snapshot.error.hint}".strip(), "bad")
        elif snapshot.state is JobState.DONE:
            self.field.clear()
            self._know(bool(snapshot.result))
            announce(self, tr("The token is kept") if snapshot.result else tr("The token is removed"))

    @Slot()
    def _update(self) -> None:
        self.save.setEnabled(bool(self.field.text().strip()))
        self.remove.setVisible(bool(self.is_kept))
        self.remove.setEnabled(True)

    @Slot()
    def _on_save(self) -> None:
        if self.field.text().strip():
            self._write(self.field.text())

    @Slot()
    def _on_remove(self) -> None:
        self._write("")


def _kept(token: str) -> bool:
    """Write it; says whether there is one now."""
    write_token(token)
    return bool(token.strip())
