"""The third step: where models and videos go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QButtonGroup, QFileDialog, QHBoxLayout, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from wan_desktop.core.hardware import DriveKind
from wan_desktop.core.model_places import ModelPlace, PlaceState, best_place, drive_of, judge, places_of
from wan_desktop.core.words import mark, tr
from wan_desktop.ui import text
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import Button, label, set_help, surface
from wan_desktop.ui.widgets.form import FormField
from wan_desktop.ui.wizard.step import WizardStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from wan_desktop.ui.session import Session

_KINDS = {
    DriveKind.NVME: mark("NVMe drive"),
    DriveKind.SSD: mark("SSD"),
    DriveKind.HDD: mark("Hard disk"),
    DriveKind.USB: mark("USB drive"),
    DriveKind.NETWORK: mark("Network drive"),
    DriveKind.UNKNOWN: mark("Drive"),
}
_BADGES = {
    PlaceState.GOOD: ("ok", "circle-check", mark("Good")),
    PlaceState.WARN: ("warn", "triangle-alert", mark("Possible")),
    PlaceState.UNKNOWN: ("idle", "info", mark("Not known")),
    PlaceState.REFUSED: ("bad", "ban", mark("Not possible")),
}
_PROGRAM = Path(__file__).resolve().parents[3]


class PlaceRow(QWidget):
    """A drive that can be chosen."""

    def __init__(self, place: ModelPlace, group: QButtonGroup, parent: QWidget) -> None:
        super().__init__(parent)
        self.place = place
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 8, 14, 8)
        layout.setSpacing(2)
        row = QHBoxLayout()
        kind = tr(_KINDS[place.drive.kind]) if place.drive else tr("Folder")
        free = free_words(place)
        self.button = QRadioButton(str(place.folder), self)
        self.button.setAccessibleName(tr("{folder}, {kind}, {free}", folder=place.folder, kind=kind, free=free))
        self.button.setEnabled(place.state is not PlaceState.REFUSED)
        group.addButton(self.button)
        row.addWidget(self.button, 1)
        color, icon_name, words = _BADGES[place.state]
        row.addWidget(Badge(tr(words), color, icon_name, self))
        layout.addLayout(row)
        facts = [kind, free]
        if place.drive and place.drive.read_bytes_per_s:
            facts.append(tr("reads {rate}/s", rate=text.data_size(round(place.drive.read_bytes_per_s))))
        layout.addWidget(label(text.DOT.join(facts), self, role="value", wrap=True))
        for reason in place.reasons:
            layout.addWidget(
                label(reason, self, role="bad" if place.state is PlaceState.REFUSED else "warn", wrap=True)
            )


def free_words(place: ModelPlace) -> str:
    """How much is free on its drive, if that is known."""
    if place.free_bytes is None:
        return tr("free space unknown")
    return tr("{free} free", free=text.data_size(place.free_bytes))


class StoringStep(WizardStep):
    """Chooses the drive for models, and the folder for videos."""

    name = mark("Where to store models")
    help_id = "wizard.models-folder"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("Where to store models"),
            tr("A model takes 5 to 60 GB. A fast drive with much room is best; you can change it later."),
            session,
            parent,
        )
        self._group = QButtonGroup(self)
        self._card = surface("card", self)
        self._list = QVBoxLayout(self._card)
        self._list.setContentsMargins(0, 4, 0, 4)
        self._list.setSpacing(0)
        self.body.addWidget(self._card)
        self.rows: list[PlaceRow] = []
        self._own: tuple[ModelPlace, ...] = ()
        """Folders that the user has chosen himself."""
        buttons = QHBoxLayout()
        self.other = Button(tr("Another folder"), self, icon_name="folder-open")
        self.other.clicked.connect(self._on_other)
        self.adopt = Button(tr("I already have model files"), self, kind="link", icon_name="search")
        self.adopt.clicked.connect(self._on_adopt)
        buttons.addWidget(self.other)
        buttons.addWidget(self.adopt)
        buttons.addStretch(1)
        self.body.addLayout(buttons)
        self.note = label("", self, role="note", wrap=True)
        self.note.hide()
        self.body.addWidget(self.note)
        self.videos = QLineEdit(str(session.settings.videos_folder or session.paths.videos), self)
        self.videos.setReadOnly(True)
        self.videos.setAccessibleName(tr("Videos folder"))
        choose = Button(tr("Change"), self)
        choose.setAccessibleName(tr("Change the videos folder"))
        choose.clicked.connect(self._on_videos)
        line = QWidget(self)
        set_help(line, "wizard.videos-folder")
        inner = QHBoxLayout(line)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.videos, 1)
        inner.addWidget(choose)
        self.body.addWidget(FormField(tr("Videos go to"), line, self))
        self.body.addStretch(1)
        session.pc.changed.connect(self._on_pc)
        self._on_pc(session.pc.profile)

    @property
    def chosen(self) -> ModelPlace | None:
        """The place whose button is down."""
        return next((row.place for row in self.rows if row.button.isChecked()), None)

    def finish(self) -> bool:
        """Keep what was chosen; what the user has set up before stays if it is chosen again."""
        place = self.chosen
        if place is not None:
            settings = self.session.settings
            usual = next(iter(settings.model_folders), self.session.paths.models)
            if place.folder != usual:
                others = tuple(folder for folder in settings.model_folders if folder != place.folder)
                self.session.change_settings(settings.with_changes(model_folders=(place.folder, *others)))
        return True

    def take_folder(self, folder: Path) -> None:
        """Offer a folder of the user's, and choose it if it can be."""
        profile = self.session.pc.profile
        drive = drive_of(folder, profile.drives) if profile is not None else None
        self._own = (*self._own, judge(folder, drive, program=_PROGRAM, can_write=_can_write(folder)))
        self._show(folder)

    def take_videos_folder(self, folder: Path) -> None:
        """Let videos go there."""
        if _can_write(folder):
            self.videos.setText(str(folder))
            self.session.change_settings(self.session.settings.with_changes(videos_folder=folder))
        else:
            self._say(tr("Nothing can be written to {folder}.", folder=folder))

    def _show(self, choose: Path | None) -> None:
        profile = self.session.pc.profile
        if profile is None:
            return
        usual = next(iter(self.session.settings.model_folders), self.session.paths.models)
        places = (*self._own, *places_of(profile, usual, program=_PROGRAM, can_write=_can_use))
        has_chosen_before = bool(self.session.settings.model_folders)
        best = best_place(places)
        wanted = choose or (usual if has_chosen_before else best.folder if best else usual)
        for row in self.rows:
            self._list.removeWidget(row)
            self._group.removeButton(row.button)
            row.hide()
            row.deleteLater()
        self.rows = [PlaceRow(place, self._group, self._card) for place in places]
        for row in self.rows:
            self._list.addWidget(row)
            row.button.setChecked(row.place.folder == wanted and row.button.isEnabled())

    def _say(self, words: str) -> None:
        self.note.setText(words)
        self.note.setVisible(bool(words))

    @Slot(object)
    def _on_pc(self, _profile: object) -> None:
        places = [row.place.folder for row in self.rows]
        if not places:
            self._show(None)

    @Slot()
    def _on_other(self) -> None:
        self._ask(tr("A folder for models"), self.take_folder)

    @Slot()
    def _on_videos(self) -> None:
        self._ask(tr("A folder for videos"), self.take_videos_folder)

    @Slot()
    def _on_adopt(self) -> None:
        self._ask(tr("A folder with model files"), self.adopt_folder)

    def adopt_folder(self, folder: Path) -> None:
        """Look through a folder of the user's; what is found there is used in place."""
        self.session.models.adopt(folder)
        self._say(tr("{folder} is being looked through. What is found is used where it is.", folder=folder))

    def _ask(self, title: str, take: Callable[[Path], None]) -> None:
        dialog = QFileDialog(self, title)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda name: take(Path(name)))
        dialog.open()


def _can_use(folder: Path) -> bool:
    """The drive is not there, as on a PC on paper, or something can be written to it."""
    return not folder.parent.is_dir() or _can_write(folder)


def _can_write(folder: Path) -> bool:
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    return existing is not None and os.access(existing, os.W_OK)
