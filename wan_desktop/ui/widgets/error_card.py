"""What went wrong, why, and what to do: a card in the page, never a box in the way."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QGuiApplication, QWhatsThisClickedEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from wan_desktop.core.words import tr
from wan_desktop.ui.widgets.breaking import breakable
from wan_desktop.ui.widgets.controls import Button, IconLabel, announce, label, rule, surface
from wan_desktop.ui.widgets.flow import FlowLayout
from wan_desktop.ui.widgets.form import Fold


@dataclass(frozen=True, slots=True)
class ErrorOffer:
    """A change that is offered, as a button."""

    text: str
    result: str
    """What it leads to: `7.9 GB, about 3 min`; empty if nobody knows."""
    value: object
    """What `offer_requested` says when it is pressed."""
    icon_name: str = "rotate-ccw"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """What the card says."""

    title: str
    number: str
    message: str
    hint: str = ""
    details: str = ""
    report: str = ""
    """What Copy report copies; without secrets."""
    retry: str = "Try again"
    """The main button; empty for none."""
    tried: tuple[str, ...] = ()
    """What was tried already, a line each."""
    offers: tuple[ErrorOffer, ...] = ()
    """What would help, the best first; more can be shown later with `show_offers`."""


class ErrorCard(QFrame):
    """Shows one error."""

    retry_requested = Signal()
    offer_requested = Signal(object)
    """The value of an ErrorOffer."""
    help_requested = Signal(str)
    """The error's number; the window is told too, with Qt's own event, which goes up from card to window."""

    def __init__(self, text: ErrorText, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = text
        self._offered = text.offers
        self.offers: tuple[Button, ...] = ()
        self.setProperty("surface", "card")
        self.setAccessibleName(f"{text.title}. {text.message} {text.hint}".strip())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 16, 18, 12)
        layout.setSpacing(10)
        layout.addLayout(self._headline())
        layout.addWidget(self._selectable(text.message))
        if text.tried:
            layout.addWidget(self._tried())
        if text.hint:
            layout.addWidget(label(tr("What you can do now"), self, role="label"))
            layout.addWidget(self._selectable(text.hint))
        self._offer_rows = QVBoxLayout()
        self._offer_rows.setSpacing(6)
        layout.addLayout(self._offer_rows)
        layout.addLayout(self._actions())
        self.show_offers(text.offers)
        line = rule(self)
        line.setVisible(bool(text.details))
        layout.addWidget(line)
        self.details = Fold(tr("Show technical details"), self._build_details, self)
        self.details.setVisible(bool(text.details))
        layout.addWidget(self.details)

    def show_offers(self, offers: tuple[ErrorOffer, ...]) -> None:
        """Offer these; the first becomes the main button in place of trying the same again."""
        if not offers:
            return
        buttons = []
        for row, offer in enumerate(offers):
            button = Button(offer.text, self, kind="secondary" if row else "primary", icon_name=offer.icon_name)
            button.setAccessibleName(f"{offer.text}: {offer.result}" if offer.result else offer.text)
            button.setProperty("row", row)
            button.clicked.connect(self._on_offer)
            line = FlowLayout(spacing=10)
            line.addWidget(button)
            line.addWidget(label(offer.result, self, role="value"))
            self._offer_rows.addLayout(line)
            buttons.append(button)
        self.offers = tuple(buttons)
        self._offered = offers
        self._even_out()
        self.retry.set_kind("secondary")

    def event(self, event: QEvent) -> bool:
        """Follow a change of text size: it is followed by this when all that is in it has changed."""
        if event.type() is QEvent.Type.LayoutRequest:
            self._even_out()
        return super().event(event)

    def _even_out(self) -> None:
        """All offers as wide as the widest, so that what comes of them stands in a column."""
        for button in self.offers:
            button.ensurePolished()
        widest = max((button.sizeHint().width() for button in self.offers), default=0)
        for button in self.offers:
            if button.minimumWidth() != widest:  # else it would be asked for again
                button.setMinimumWidth(widest)

    def _tried(self) -> QWidget:
        box = surface("inset", self)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(6)
        layout.addWidget(label(tr("What the app already tried"), box, role="label"))
        for words in self.text.tried:
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addWidget(IconLabel("check", "ok", 16, box))
            row.addWidget(label(words, box, role="soft", wrap=True), 1)
            layout.addLayout(row)
        return box

    def _headline(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(IconLabel("octagon-x", "bad", 20, self))
        row.addWidget(label(self.text.title, self, role="section", wrap=True), 1)
        row.addWidget(label(self.text.number, self, role="caption"))
        return row

    def _selectable(self, text: str) -> QWidget:
        made = label(breakable(text), self, role="soft", wrap=True)
        made.setAccessibleName(text)
        return made

    def _actions(self) -> FlowLayout:
        row = FlowLayout(spacing=8)
        self.retry = Button(self.text.retry, self, kind="primary", icon_name="rotate-ccw")
        self.retry.clicked.connect(self.retry_requested)
        self.retry.setVisible(bool(self.text.retry))
        row.addWidget(self.retry)
        self.help = Button(tr("What does this mean?"), self, kind="link", icon_name="circle-help")
        self.help.setAccessibleName(tr("What does {number} mean?", number=self.text.number))
        self.help.clicked.connect(self._on_help)
        row.addWidget(self.help)
        self.copy = Button(tr("Copy report"), self, kind="link", icon_name="copy")
        self.copy.clicked.connect(self._on_copy)
        row.addWidget(self.copy)
        return row

    def _build_details(self, parent: QWidget) -> QWidget:
        view = QPlainTextEdit(self.text.details, parent)
        view.setReadOnly(True)
        view.setAccessibleName(tr("Technical details"))
        view.setTabChangesFocus(True)
        view.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        view.setFixedHeight(150)
        return view

    def _on_offer(self) -> None:
        row = self.sender().property("row")
        if isinstance(row, int):
            self.offer_requested.emit(self._offered[row].value)

    def _on_help(self) -> None:
        self.help_requested.emit(self.text.number)
        QGuiApplication.sendEvent(self, QWhatsThisClickedEvent(self.text.number))

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.report)
        self.copy.setText(tr("Copied"))
        announce(self, tr("The report is copied."))
