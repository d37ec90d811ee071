"""The page Help & diagnostics: is all well, what was logged and said, what errors mean, and a report for helpers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QWidget

from wan_desktop.core.error_help import help_of, number_in
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.help.about import AboutPart
from wan_desktop.ui.help.error_codes import ErrorsPart
from wan_desktop.ui.help.examination import Examination, Report
from wan_desktop.ui.help.health import HealthPart
from wan_desktop.ui.help.log_view import LogPart
from wan_desktop.ui.help.messages import MessagesPart
from wan_desktop.ui.help.part import HelpPart, PartId
from wan_desktop.ui.help.report_dialog import ReportDialog
from wan_desktop.ui.help.shortcuts_table import ShortcutsPart
from wan_desktop.ui.page import COPY_REPORT, SHOW_ENGINE, Page
from wan_desktop.ui.shortcuts import Action, tip
from wan_desktop.ui.widgets.controls import Button
from wan_desktop.ui.widgets.segmented import Segmented

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wan_desktop.core.errors import WanError
    from wan_desktop.ui.session import Session

_PARTS = (
    (PartId.HEALTH, mark("Health")),
    (PartId.LOG, mark("Log")),
    (PartId.MESSAGES, mark("Messages")),
    (PartId.ERRORS, mark("Error codes")),
    (PartId.SHORTCUTS, mark("Shortcuts")),
    (PartId.ABOUT, mark("About")),
)


class HelpPage(Page):
    """Parts, of which one is seen.

    `show_target` takes a PartId, or the number of an error as a number or as people write it.

    Args:
        session: What the window works with.
        parent: Its parent.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Help & diagnostics"), session, parent)
        self.examination = Examination(session, self)
        self.parts: dict[PartId, HelpPart] = {}
        """Those that were made."""
        self.dialog: ReportDialog | None = None
        """The report that is shown."""
        self._after_report: Callable[[Report], None] = self._show_report
        self._made: Report | None = None
        self._build_ui()
        self._connect()
        self.show_part(PartId.HEALTH)

    def show_part(self, part_id: PartId) -> HelpPart:
        """Bring a part to the front."""
        part = self.parts.get(part_id) or self._make(part_id)
        before = self.stack.currentWidget()
        self.choice.set_value(part_id)
        if before is not part:
            self.stack.setCurrentWidget(part)
            if self.isVisible():
                if isinstance(before, HelpPart):
                    before.part_hidden()
                part.part_shown()
        return part

    @property
    def part_id(self) -> PartId:
        """Which part is in front."""
        current = self.stack.currentWidget()
        return next(part_id for part_id, part in self.parts.items() if part is current)

    def show_help(self, number: int) -> None:
        """Open the help text of an error."""
        if help_of(number) is not None:
            part = self.show_part(PartId.ERRORS)
            if isinstance(part, ErrorsPart):
                part.show_number(number)
                part.focus_first()

    def show_target(self, target: object) -> None:
        """Show a part, or the help text of an error."""
        number = number_in(target) if isinstance(target, str) else target
        match target:
            case PartId():
                self.show_part(target)
            case int() | str() if isinstance(number, int):
                self.show_help(number)
            case str() if target == COPY_REPORT:
                self.copy_report()
            case str() if target == SHOW_ENGINE:
                part = self.show_part(PartId.HEALTH)
                if isinstance(part, HealthPart):
                    part.show_engine()
            case str() if target in list(PartId):
                self.show_part(PartId(target))
            case _:
                return

    def focus_first(self) -> None:
        """Where work begins in the part that is seen."""
        self.parts[self.part_id].focus_first()

    def refresh(self) -> None:
        """Look again."""
        self.parts[self.part_id].look_again()

    def focus_search(self) -> None:
        """The search of the part that is seen, or that of the help texts."""
        if not self.parts[self.part_id].focus_search():
            self.show_part(PartId.ERRORS).focus_search()

    def areas(self) -> Sequence[QWidget]:
        """Choice of the part, and the part."""
        return (self.choice, self.stack)

    def page_shown(self) -> None:
        """The part in front begins to watch."""
        self.parts[self.part_id].part_shown()

    def page_hidden(self) -> None:
        """The part in front stops watching."""
        self.parts[self.part_id].part_hidden()

    @Slot()
    def copy_report(self) -> None:
        """Make a report and show it; it is copied from there (Ctrl+Shift+C)."""
        self._after_report = self._show_report
        self._make_report()

    @Slot()
    def save_report(self) -> None:
        """Make a report and ask where to save it."""
        self._after_report = self._ask_where
        self._make_report()

    def _make_report(self) -> None:
        for button in (self.copy, self.save):
            button.setEnabled(False)
        self.examination.make_report()

    def _build_ui(self) -> None:
        self.copy = Button(tr("Copy report"), self, icon_name="copy")
        self.copy.setToolTip(tip(tr("What a helper needs to know, without anything private"), Action.COPY_REPORT))
        self.save = Button(tr("Save report zip"), self, icon_name="save")
        self.folder = Button(tr("Open log folder"), self, icon_name="folder-open")
        for button in (self.copy, self.save, self.folder):
            self.head.addWidget(button)
        row = QHBoxLayout()
        self.choice = Segmented(tr("Part"), [(tr(name), part_id) for part_id, name in _PARTS], self)
        row.addWidget(self.choice)
        row.addStretch(1)
        self.page_layout.addLayout(row)
        self.stack = QStackedWidget(self)
        self.page_layout.addWidget(self.stack, 1)

    def _connect(self) -> None:
        self.choice.chosen.connect(self.show_part)
        self.copy.clicked.connect(self.copy_report)
        self.save.clicked.connect(self.save_report)
        self.folder.clicked.connect(self._on_folder)
        self.examination.report_made.connect(self._on_report)
        self.examination.report_failed.connect(self._on_report_failed)
        self.examination.report_saved.connect(self._on_saved)

    def _make(self, part_id: PartId) -> HelpPart:
        match part_id:
            case PartId.HEALTH:
                part: HelpPart = HealthPart(self.session, self.examination, self.stack)
            case PartId.LOG:
                part = LogPart(self.session, self.stack)
            case PartId.MESSAGES:
                part = MessagesPart(self.session, self.stack)
            case PartId.ERRORS:
                part = ErrorsPart(self.stack)
            case PartId.SHORTCUTS:
                part = ShortcutsPart(self.stack)
            case PartId.ABOUT:
                part = AboutPart(self.session, self.stack)
        part.page_requested.connect(self.page_requested)
        part.help_requested.connect(self.show_help)
        self.parts[part_id] = part
        self.stack.addWidget(part)
        return part

    def _show_report(self, made: Report) -> None:
        self.dialog = ReportDialog(made, self)
        self.dialog.save_requested.connect(self._ask_where)
        self.dialog.finished.connect(self._on_dialog_closed)
        self.dialog.open()

    @Slot(object)
    def _ask_where(self, made: Report) -> None:
        name = f"wan-desktop-report-{datetime.now().astimezone():%Y-%m-%d-%H%M}.zip"
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DesktopLocation)
        dialog = QFileDialog(self.dialog or self, tr("Save the report"), str(Path(folder) / name), "ZIP (*.zip)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        self._made = made
        dialog.fileSelected.connect(self._on_place_chosen)
        dialog.open()

    @Slot(str)
    def _on_place_chosen(self, path: str) -> None:
        if self._made is not None:
            self.examination.save(self._made, Path(path))

    @Slot(object)
    def _on_report(self, made: Report) -> None:
        for button in (self.copy, self.save):
            button.setEnabled(True)
        self._after_report(made)

    @Slot(object)
    def _on_report_failed(self, error: WanError) -> None:
        for button in (self.copy, self.save):
            button.setEnabled(True)
        self.session.messages.say_error(error)

    @Slot(object)
    def _on_saved(self, path: Path) -> None:
        show = QUrl.fromLocalFile(str(path.parent))
        action = (tr("Open folder"), lambda: QDesktopServices.openUrl(show))
        self.session.messages.say("ok", tr("The report is saved."), path.name, action)

    @Slot(int)
    def _on_dialog_closed(self, _code: int) -> None:
        self.dialog = None

    @Slot()
    def _on_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.session.paths.log_file.parent)))
