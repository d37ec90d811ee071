"""Carries out what is clicked on the Models page, asks where it may be regretted, and says what came of it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from wan_desktop.core.announcements import sentences
from wan_desktop.core.errors import CopyNeededError
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.model_list import Deed
from wan_desktop.core.recommendations import ChangeKind
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import RemoteStatus
from wan_desktop.core.words import tr, trn
from wan_desktop.ui.models import dialogs, words
from wan_desktop.ui.models.notices import removed_words
from wan_desktop.ui.models.trash_dialog import ModelTrashDialog
from wan_desktop.ui.page import SHOW_PROGRAMS, PageId
from wan_desktop.ui.shortcuts import Action, tip
from wan_desktop.ui.widgets.controls import announce

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wan_desktop.core.catalog import ModelMetadata
    from wan_desktop.core.errors import WanError
    from wan_desktop.core.manager import Adopted, Removed
    from wan_desktop.core.recommendations import Recommendation
    from wan_desktop.core.store.status import RemoteState
    from wan_desktop.core.store.verify import IntegrityReport
    from wan_desktop.ui.live.messages import Message, MessageLog
    from wan_desktop.ui.live.models import LiveModels
    from wan_desktop.ui.models.notices import NoticeBar

_NVIDIA_PAGE = "https://www.nvidia.com/Download/index.aspx"


class ModelDeeds(QObject):
    """Does it.

    Args:
        models: What is worked with.
        notices: Where it is said what came of it.
        messages: Where it is said while another page is in front, and what can be undone.
        page: Parent of dialogs.
    """

    page_requested = Signal(object, object)
    shown = Signal(object)
    """A ModelKey that is to be chosen in the list."""
    storage_requested = Signal()

    def __init__(self, models: LiveModels, notices: NoticeBar, messages: MessageLog, page: QWidget) -> None:
        super().__init__(page)
        self._models, self._notices, self._messages, self._page = models, notices, messages, page
        self._folder: Path | None = None
        self._removed: Message | None = None
        """Of what was removed last."""
        self.question: dialogs.Question | None = None
        """The newest; it may be answered already."""
        self.dialog: dialogs.AddRepositoryDialog | None = None
        self.trash: ModelTrashDialog | None = None
        notices.action_requested.connect(self._on_notice)
        notices.stop_requested.connect(self._on_stop)
        models.failed.connect(self._on_failed)
        models.finished.connect(self._on_finished)

    @Slot(object, object)
    def do(self, key: ModelKey, deed: Deed) -> None:
        """Do that with that model."""
        offer = self._models.offer(key)
        if offer is None:
            return
        match deed:
            case Deed.CREATE:
                self.page_requested.emit(PageId.CREATE, key)
            case Deed.TRY_ANYWAY:
                self._ask(dialogs.ask_try_anyway(offer, self._page), functools.partial(self._models.download, key))
            case Deed.CANCEL:
                self._ask(dialogs.ask_delete_arrived(offer, self._page), functools.partial(self._models.cancel, key))
            case _:
                self._simply(deed)(key)

    def _simply(self, deed: Deed) -> Callable[[ModelKey], None]:
        doing: dict[Deed, Callable[[ModelKey], None]] = {
            Deed.DOWNLOAD: self._models.download,
            Deed.DOWNLOAD_AGAIN: self._models.download,
            Deed.RESUME: self._models.download,
            Deed.PAUSE: self._models.pause,
            Deed.STOP: self._models.cancel,
            Deed.UPDATE: functools.partial(self._models.download, update=True),
            Deed.REPAIR: self._models.repair,
            Deed.CHECK: self._models.verify,
            Deed.ASK_HUB: functools.partial(self._models.ask_hub, show=self._say_hub),
            Deed.REMOVE: self._models.remove,
        }
        return doing[deed]

    @Slot(object)
    def change(self, change: Recommendation) -> None:
        """Do what the report recommends."""
        match change.kind:
            case ChangeKind.UPDATE_DRIVER:
                QDesktopServices.openUrl(QUrl(_NVIDIA_PAGE))
            case ChangeKind.CLOSE_PROGRAMS:
                self.page_requested.emit(PageId.THIS_PC, SHOW_PROGRAMS)
            case ChangeKind.FREE_DISK:
                self.storage_requested.emit()
            case _:
                self._show_other(change)

    def _show_other(self, change: Recommendation) -> None:
        for offer in self._models.offers():
            is_it = offer.metadata.model_id == change.model_id
            if is_it and (not change.variant or offer.key.variant == change.variant):
                self.shown.emit(offer.key)
                return

    @Slot()
    def show_trash(self) -> None:
        """List what was removed lately."""
        self.trash = ModelTrashDialog(self._models, self._page)
        self.trash.put_back_wanted.connect(self._models.put_back)
        self.trash.open()

    def _ask(self, question: dialogs.Question, yes: Callable[[], None]) -> None:
        self.question = question
        question.agreed.connect(yes)
        question.open()

    # Folders and repositories ------------------------------------------------------------------------------------

    @Slot()
    def choose_folder(self) -> None:
        """Ask for a folder that holds models."""
        dialog = QFileDialog(self._page, tr("A folder with models"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.fileSelected.connect(self._on_folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def undo(self) -> None:
        """Put back what was removed last, unless that was done."""
        if self._removed is not None:
            self._messages.act(self._removed)

    def adopt(self, folder: Path, *, may_copy: bool = False) -> None:
        """Put to use what that folder holds."""
        self._folder = folder
        self._models.adopt(folder, may_copy=may_copy)

    @Slot()
    def choose_repository(self) -> None:
        """Ask for a repository of the Hub."""
        self.dialog = dialogs.AddRepositoryDialog(self._page)
        self.dialog.named.connect(self._models.add_repository)
        self.dialog.open()

    @Slot()
    def check_all(self) -> None:
        """Read every byte of every model."""
        self._models.verify_all()

    @Slot(str)
    def _on_folder(self, folder: str) -> None:
        self.adopt(Path(folder))

    @Slot()
    def _on_stop(self) -> None:
        self._models.cancel(None)

    # What came of it ---------------------------------------------------------------------------------------------

    @Slot(object)
    def _on_notice(self, value: object) -> None:
        if isinstance(value, ModelKey):
            self.shown.emit(value)

    @Slot(object, object)
    def _on_failed(self, key: ModelKey | None, error: WanError) -> None:
        if isinstance(error, CopyNeededError) and self._folder is not None:
            yes = functools.partial(self.adopt, self._folder, may_copy=True)
            self._ask(dialogs.ask_copy(f"{error.message} {error.hint}", self._page), yes)
            return
        if key is None:
            self._say("bad", error.shown_title, f"{error.message} {error.hint}", stays=True)
        elif self._page.isVisible():  # it is seen on the model's card; elsewhere a toast tells it
            problem = tr("{model}: {problem}", model=self._name(key), problem=error.shown_title)
            announce(self._page, sentences(problem, error.hint), assertive=True)

    @Slot(object, object, object)
    def _on_finished(self, key: ModelKey | None, kind: ActivityKind, result: object) -> None:
        match kind:
            case ActivityKind.DOWNLOAD:
                if self._page.isVisible():  # else the window says it
                    self._say("ok", tr("{name} is ready", name=self._name(key)), tr("Every file was checked."))
            case ActivityKind.REMOVE:
                self._say_removed(key, result)  # type: ignore[arg-type]  # what this kind brings
            case ActivityKind.PUT_BACK:
                self._say("ok", tr("{name} is back", name=self._name(key)))
            case ActivityKind.ADOPT:
                self._say_adopted(result)  # type: ignore[arg-type]  # as above
            case ActivityKind.ADD:
                self._say_added(result)  # type: ignore[arg-type]  # as above
            case _:
                self._say_checked(key, kind, result)

    def _say(
        self, kind: str, title: str, more: str = "", actions: Sequence[tuple[str, object]] = (), *, stays: bool = False
    ) -> None:
        """On the page, or as a toast where another is in front; what is to stay is on the page too."""
        is_seen = self._page.isVisible()
        if not is_seen:
            self._messages.say(kind, title, more)
        if is_seen or stays:
            self._notices.say(kind, title, more, actions, stays=stays)

    def _say_removed(self, key: ModelKey | None, removed: Removed) -> None:
        title, more = removed_words(self._name(key), removed.freed_bytes, removed.shared_bytes)
        if not removed.item.path.name or not removed.freed_bytes + removed.shared_bytes:
            self._say("ok", title)
        else:
            undo = functools.partial(self._models.put_back, removed.item)
            self._removed = self._messages.say("ok", title, more, (tip(tr("Undo"), Action.UNDO), undo))

    def _say_adopted(self, adopted: Adopted) -> None:
        title = trn("{count} model was added", "{count} models were added", len(adopted.keys))
        more = trn(
            "{count} file with weights is known now; a download that needs it takes it from there.",
            "{count} files with weights are known now; downloads that need them take them from there.",
            adopted.files,
        )
        kind = "warn" if adopted.problems else "ok"
        self._say(kind, title, " ".join([more, *adopted.problems[:2]]), stays=bool(adopted.problems))
        if adopted.keys:
            self.shown.emit(adopted.keys[0])

    def _say_added(self, metadata: ModelMetadata) -> None:
        self._say("ok", tr("{name} was added", name=metadata.name), tr("It can be downloaded now."))
        if metadata.variants:
            self.shown.emit(ModelKey(metadata.model_id, metadata.variants[0].name))

    def _say_checked(self, key: ModelKey | None, kind: ActivityKind, result: object) -> None:
        if key is None:
            self._say_all_checked(*result)  # type: ignore[misc]  # a pair of lists
            return
        report: IntegrityReport = result  # type: ignore[assignment]  # what a check and a repair bring
        name = self._name(key)
        if report.good:
            title = (
                tr("{name} is repaired", name=name) if kind is ActivityKind.REPAIR else tr("{name} is good", name=name)
            )
            self._say("ok", title, report.summary())
        else:
            self._say("warn", tr("{name} needs repair", name=name), report.summary(), stays=True)

    def _say_hub(self, key: ModelKey, remote: RemoteState) -> None:
        name = self._name(key)
        match remote.status:
            case RemoteStatus.UPDATE_AVAILABLE:
                self._say("info", tr("There is a newer {name}", name=name), remote.text)
            case RemoteStatus.AVAILABLE:
                self._say("ok", tr("{name} is the newest there is", name=name))
            case _:
                self._say("warn", tr("It is not known whether {name} is the newest", name=name), remote.text)

    def _say_all_checked(self, bad: list[ModelKey], errors: list[WanError]) -> None:
        if not bad and not errors:
            self._say("ok", tr("All files of all models are good"))
            return
        title = trn("{count} model needs repair", "{count} models need repair", len(bad))
        more = " ".join([*(self._name(key) + "." for key in bad), *(error.message for error in errors)])
        actions = [(tr("Show it"), bad[0])] if bad else []
        self._say("warn", title, more, actions, stays=True)

    def _name(self, key: ModelKey | None) -> str:
        offer = self._models.offer(key) if key is not None else None
        return words.title(offer) if offer is not None else (key.model_id if key is not None else "")
