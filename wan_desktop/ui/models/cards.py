"""A model in the list: picture, name, badge, one line of status, and its progress while something is done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.model_list import Deed, deeds
from wan_desktop.core.words import tr
from wan_desktop.ui.models import words
from wan_desktop.ui.models.picture import ModelPicture
from wan_desktop.ui.theme import look
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import Button, IconLabel, label, restyle
from wan_desktop.ui.widgets.meter import MeterBar, Segment

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent, QResizeEvent

    from wan_desktop.core.model_activity import Activity
    from wan_desktop.core.model_list import Standing
    from wan_desktop.core.store.library import ModelKey

_NARROW_PX = 400
"""Of the design: below it, a card has room for its words only."""


class ModelCard(QFrame):
    """Shows one packaging of a model.

    Args:
        standing: What is known of it.
        parent: Its parent.
    """

    pressed = Signal(object)
    """Its ModelKey."""
    deed_requested = Signal(object, object)
    """Its ModelKey, and a Deed."""

    def __init__(self, standing: Standing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.standing = standing
        self._shown: object = None
        row = QHBoxLayout(self)
        row.setContentsMargins(11, 11, 11, 9)
        row.setSpacing(12)
        self._picture = ModelPicture(standing.offer.metadata.model_id, self)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        row.addLayout(column, 1)
        column.addLayout(self._headline())
        column.addLayout(self._facts())
        self.bar = MeterBar(tr("Progress"), 6, self)
        column.addWidget(self.bar)
        column.addLayout(self._foot())
        self.bar.hide()

    @property
    def key(self) -> ModelKey:
        """Whose card it is."""
        return self.standing.offer.key

    def show_standing(self, standing: Standing, number: int, count: int) -> None:
        """Show how it is now.

        Args:
            standing: What is known of it.
            number: Which of the cards it is, from 1.
            count: How many cards there are.
        """
        self.standing = standing
        looks = (standing, number, count)
        if looks == self._shown:
            return
        self._shown = looks
        offer = standing.offer
        self.name.setText(words.title(offer))
        badge, kind, icon = words.BADGES[offer.badge]
        self.badge.show_state(tr(badge), kind, icon)
        self.badge.setToolTip(words.badge_tip(offer))
        self.tags.setText(words.tags(offer))
        self.size_words.setText(words.size_words(offer))
        self._show_status(standing)
        spoken = words.spoken(standing, number, count)
        if spoken != self.accessibleName():
            self.setAccessibleName(spoken)

    def set_selected(self, selected: bool) -> None:
        """Show it as the chosen one, and let Tab reach it."""
        if bool(self.property("selected")) != selected:
            self.setProperty("selected", selected)
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if selected else Qt.FocusPolicy.ClickFocus)
            restyle(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose it."""
        super().mousePressEvent(event)
        event.accept()
        self.pressed.emit(self.key)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the picture, and put the badge below the name, where there is no room beside it."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow a change of text size."""
        super().changeEvent(event)
        if hasattr(self, "_top"):
            self._fit()

    def _fit(self) -> None:
        is_narrow = self.width() < look().px(_NARROW_PX)
        direction = QBoxLayout.Direction.TopToBottom if is_narrow else QBoxLayout.Direction.LeftToRight
        if self._top.direction() != direction:
            self._top.setDirection(direction)
            self._picture.setVisible(not is_narrow)

    def _headline(self) -> QBoxLayout:
        self._top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._top.setSpacing(6)
        self.name = label("", self, role="label", wrap=True)
        self.badge = Badge(parent=self)
        self._top.addWidget(self.name, 1)
        self._top.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        return self._top

    def _facts(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.tags = label("", self, role="value", wrap=True)
        self.size_words = label("", self, role="value")
        row.addWidget(self.tags, 1)
        row.addWidget(self.size_words)
        return row

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self._icon = IconLabel("info", "text3", 14, self)
        self.status = label("", self, role="value", wrap=True)
        self.pause = Button("", self, kind="icon", icon_name="pause", name=tr("Pause"))
        self.cancel = Button("", self, kind="icon", icon_name="x", name=tr("Stop"))
        self.pause.clicked.connect(self._on_pause)
        self.cancel.clicked.connect(self._on_cancel)
        row.addWidget(self._icon)
        row.addWidget(self.status, 1)
        for button in (self.pause, self.cancel):
            button.hide()
            row.addWidget(button)
        return row

    def _show_status(self, standing: Standing) -> None:
        activity, status = standing.activity, standing.status
        _, kind, icon = words.STATUSES[status]
        self._icon.show_icon(icon, "text3" if kind == "idle" else kind)
        line = words.status_words(standing)
        more = words.progress_words(activity) if activity is not None else ""
        self.status.setText(f"{line} \u00b7 {more}" if more else line)
        self.status.setToolTip(activity.waiting if activity is not None else "")
        self._show_bar(activity)
        can = deeds(standing)
        self.pause.setVisible(Deed.PAUSE in can or Deed.RESUME in can)
        is_paused = Deed.RESUME in can
        self.pause.set_icon("play" if is_paused else "pause")
        name = tr("Go on") if is_paused else tr("Pause")
        self.pause.setAccessibleName(name)
        self.pause.setToolTip(name)
        self.cancel.setVisible(Deed.CANCEL in can or Deed.STOP in can)
        name = tr("Stop and delete what arrived") if Deed.CANCEL in can else tr("Stop")
        self.cancel.setAccessibleName(name)
        self.cancel.setToolTip(name)
        self.updateGeometry()

    def _show_bar(self, activity: Activity | None) -> None:
        shows = activity is not None and activity.kind not in (ActivityKind.REMOVE, ActivityKind.PUT_BACK)
        if activity is not None:
            token = "fill_warn" if activity.stalled or activity.waiting else "accent"
            percent = tr("{percent} %", percent=int(100 * activity.part))
            self.bar.show_parts([Segment(activity.part, token)], 1.0, spoken=percent)
        self.bar.setVisible(shows)

    @Slot()
    def _on_pause(self) -> None:
        deed = Deed.PAUSE if Deed.PAUSE in deeds(self.standing) else Deed.RESUME
        self.deed_requested.emit(self.key, deed)

    @Slot()
    def _on_cancel(self) -> None:
        deed = Deed.CANCEL if Deed.CANCEL in deeds(self.standing) else Deed.STOP
        self.deed_requested.emit(self.key, deed)
