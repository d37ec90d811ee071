"""Controls that show one value each and say when the user has given another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.fields import CheckBox, ComboBox, DoubleSpinBox
from wan_desktop.ui.widgets.segmented import Segmented

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_MEGABYTES = 10_000.0
_LEAST_MEGABYTES = 0.1
_USUAL_MEGABYTES = 5.0


class Editor(QWidget):
    """A control for one value."""

    edited = Signal(object)
    """The value that the user gave; not sent for `show_value`."""
    refused = Signal(str)
    """Why what the user wrote cannot be; empty when it can."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)

    def show_value(self, value: Any) -> None:
        """Show a value."""
        raise NotImplementedError


class Choice(Editor):
    """A combo box.

    Args:
        name: For screen readers.
        choices: Text and value of each.
        parent: Its parent.
    """

    def __init__(self, name: str, choices: Sequence[tuple[str, object]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = ComboBox(name, self)
        self.box.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(12)
        self._row.addWidget(self.box, 1)
        self._values: list[object] = []
        self.offer(choices)
        self.box.activated.connect(self._on_activated)

    def offer(self, choices: Sequence[tuple[str, object]]) -> None:
        """Offer other choices; the shown value stays if it is among them."""
        shown = self.value()
        blocker = QSignalBlocker(self.box)
        self.box.clear()
        self._values = [value for _, value in choices]
        for text, _ in choices:
            self.box.addItem(text)
        del blocker
        if shown in self._values:
            self.show_value(shown)

    def value(self) -> object:
        """The value that is shown; None if there is none."""
        index = self.box.currentIndex()
        return self._values[index] if 0 <= index < len(self._values) else None

    def show_value(self, value: Any) -> None:
        """Show a value; one that is no choice is added as it is."""
        if value not in self._values:
            self._values.append(value)
            self.box.addItem(str(value))
        self.box.setCurrentIndex(self._values.index(value))

    @Slot(int)
    def _on_activated(self, index: int) -> None:
        self.edited.emit(self._values[index])


class Few(Editor):
    """Choices side by side."""

    def __init__(self, name: str, choices: Sequence[tuple[str, object]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.segments = Segmented(name, choices, self)
        self._row.addWidget(self.segments, 1)
        self.segments.chosen.connect(self.edited)

    def show_value(self, value: Any) -> None:
        """Show a value."""
        self.segments.set_value(value)


class Switch(Editor):
    """Yes or no."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = CheckBox(tr("On"), self)
        self.box.setAccessibleName(name)
        self._row.addWidget(self.box)
        self._row.addStretch(1)
        self.box.clicked.connect(self._on_clicked)

    def show_value(self, value: Any) -> None:
        """Show a value."""
        self.box.setChecked(bool(value))

    @Slot(bool)
    def _on_clicked(self, checked: bool) -> None:
        self.edited.emit(checked)


class Words(Editor):
    """A line of text, taken when the field is left or Enter is pressed.

    Args:
        name: For screen readers.
        check: Raises ValueError for what cannot be.
        why_not: What is said then.
        placeholder: Shown while the field is empty.
        parent: Its parent.
    """

    def __init__(
        self,
        name: str,
        check: Callable[[str], object],
        why_not: str,
        *,
        placeholder: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._check, self._why_not = check, why_not
        self._shown = ""
        self.field = QLineEdit(self)
        self.field.setAccessibleName(name)
        self.field.setPlaceholderText(placeholder)
        self.field.setToolTip(placeholder)  # which may be an address that is longer than the field
        self._row.addWidget(self.field, 1)
        self.field.editingFinished.connect(self._on_finished)

    def show_value(self, value: Any) -> None:
        """Show a value, unless the user is writing."""
        self._shown = str(value)
        if not (self.field.hasFocus() and self.field.isModified()):
            self.field.setText(self._shown)
            self.refused.emit("")

    @Slot()
    def _on_finished(self) -> None:
        written = self.field.text().strip()
        self.field.setModified(False)
        if written == self._shown:
            self.refused.emit("")
            return
        try:
            self._check(written)
        except ValueError:
            self.refused.emit(self._why_not)
        else:
            self._shown = written
            self.refused.emit("")
            self.edited.emit(written)


class Rate(Editor):
    """A limit in megabytes a second, or none. The value is bytes a second, or None."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = CheckBox(tr("Limit"), self)
        self.box.setAccessibleName(tr("{name}: limit", name=name))
        self.number = DoubleSpinBox(name, (_LEAST_MEGABYTES, _MOST_MEGABYTES), self)
        self.number.setSuffix(tr(" MB/s"))
        self.number.setValue(_USUAL_MEGABYTES)
        self.number.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.number.setMinimumWidth(look().px(110))
        self._row.addWidget(self.box)
        self._row.addWidget(self.number, 1)
        self.box.clicked.connect(self._on_changed)
        self.number.valueChanged.connect(self._on_changed)

    def show_value(self, value: Any) -> None:
        """Show a limit."""
        self.box.setChecked(value is not None)
        self.number.setEnabled(value is not None)
        if value is not None:
            blocker = QSignalBlocker(self.number)
            self.number.setValue(value / 1e6)
            del blocker

    @Slot()
    def _on_changed(self) -> None:
        self.number.setEnabled(self.box.isChecked())
        self.edited.emit(round(self.number.value() * 1e6) if self.box.isChecked() else None)
