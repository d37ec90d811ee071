"""The first step: language, licence, and whether the program itself is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from wan_desktop.core.words import ENGLISH, languages, mark, tr
from wan_desktop.ui.widgets.controls import IconLabel, label, set_help
from wan_desktop.ui.widgets.fields import ComboBox
from wan_desktop.ui.widgets.form import FormField
from wan_desktop.ui.widgets.setup_row import info_card
from wan_desktop.ui.wizard.step import WizardStep

if TYPE_CHECKING:
    from wan_desktop.core.engine_client import EngineState
    from wan_desktop.ui.runtime.panel import RuntimePanel
    from wan_desktop.ui.session import Session

LANGUAGE_NAMES = {ENGLISH: "English", "de": "Deutsch"}


class _Check(QWidget):
    """One line: what is checked, and how it stands."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(10)
        self._name = name
        self.icon = IconLabel("hourglass", "text3", 18, self)
        row.addWidget(self.icon)
        row.addWidget(label(name, self), 1)
        self.words = label(tr("checking"), self, role="soft")
        row.addWidget(self.words)

    def show_state(self, words: str, *, good: bool) -> None:
        self.icon.show_icon("circle-check" if good else "circle-x", "ok" if good else "bad")
        self.words.setText(words)
        self.setAccessibleName(f"{self._name}: {words}")


class WelcomeStep(WizardStep):
    """Says what the program is, and checks it."""

    name = mark("Welcome")
    help_id = "wizard.welcome"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("Welcome to Wan Desktop"),
            tr("Videos from words and pictures, made on this PC. A few steps, and you can begin."),
            session,
            parent,
        )
        known = languages(session.paths.resources / "translations")
        self.language = ComboBox(tr("Language"), self)
        for code in known:
            self.language.addItem(LANGUAGE_NAMES.get(code, code), code)
        self.language.setCurrentIndex(max(0, self.language.findData(session.settings.language or ENGLISH)))
        set_help(self.language, "wizard.language")
        self.language.currentIndexChanged.connect(self._on_language)
        self._field = FormField(tr("Language"), self.language, self)
        self.body.addWidget(self._field)
        card, inner = info_card(tr("Good to know"), self)
        for sentence in (
            tr("Nothing is sent anywhere. The network is used only for downloads that you start."),
            tr("The program is free, also for work. Each model has its own licence; it is shown before the download."),
            tr("You are responsible for what you make with it."),
        ):
            inner.addWidget(label(sentence, card, role="soft", wrap=True))
        self.body.addWidget(card)
        card, inner = info_card(tr("The program itself"), self)
        self.files = _Check(tr("Program files"), card)
        self.folder = _Check(tr("Its folder can be written to"), card)
        self.engine = _Check(tr("Render engine"), card)
        for line in (self.files, self.folder, self.engine):
            inner.addWidget(line)
        self.runtime: RuntimePanel | None = None
        """Where the engine is installed by the program; it says more than a line."""
        if session.runtime.is_managed:
            from wan_desktop.ui.runtime.panel import RuntimePanel  # noqa: PLC0415 - only in an installed program

            self.engine.hide()
            self.runtime = RuntimePanel(session, card)
            inner.addWidget(self.runtime)
        self.body.addWidget(card)
        self.body.addStretch(1)
        self._check()
        session.engine_changed.connect(self._on_engine)
        self._on_engine(session.engine_state)

    def _check(self) -> None:
        paths = self.session.paths
        missing = [name for name in ("catalog", "fonts", "icons", "models") if not (paths.resources / name).is_dir()]
        words = (
            tr("{names} are missing: install the program again", names=", ".join(missing))
            if missing
            else tr("complete")
        )
        self.files.show_state(words, good=not missing)
        try:
            probe = paths.data / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            self.folder.show_state(tr("no: {reason}", reason=error.strerror or str(error)), good=False)
        else:
            self.folder.show_state(tr("yes"), good=True)

    @Slot(object)
    def _on_engine(self, state: EngineState) -> None:
        from wan_desktop.core.engine_client import EngineReady, EngineStopped  # noqa: PLC0415 - after the first paint

        match state:
            case EngineReady():
                self.engine.show_state(tr("ready"), good=True)
            case EngineStopped(reason):
                self.engine.show_state(tr("stopped: {reason}", reason=reason), good=False)

    @Slot(int)
    def _on_language(self, _index: int) -> None:
        self.session.change_settings(self.session.settings.with_changes(language=self.language.currentData()))
        self._field.say(tr("The other language is used from the next start on."))
