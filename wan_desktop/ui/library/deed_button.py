"""A button that asks for a deed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSizePolicy

from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.controls import Button

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from wan_desktop.ui.library.deeds import Deed


def deed_button(deed: Deed, parent: QWidget, *, icon: str, kind: str = "secondary", tip: str = "") -> Button:
    """A button no wider than its words; its property `deed` says which deed it is."""
    button = Button(tr(deed.words), parent, kind=kind, icon_name=icon)
    button.setToolTip(tip)
    button.setProperty("deed", deed.value)
    button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    return button
