"""The start image: given in any of three ways, read on a lane, shown with the part that is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget
from shiboken6 import isValid

from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.words import mark, tr
from wan_desktop.ui.create.pictures import ReadPicture, StartPicture
from wan_desktop.ui.shortcuts import Action, listen
from wan_desktop.ui.widgets.controls import announce
from wan_desktop.ui.widgets.drop_zone import DropZone, picture_in
from wan_desktop.ui.widgets.form import FormField, value_label

if TYPE_CHECKING:
    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.ui.session import Session

_FILTER = mark("Pictures (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp);;All files (*)")


class ImageField(QWidget):
    """Takes a start image and says what is wrong with one that cannot be used."""

    picture_changed = Signal(object)
    """Path of a picture that can be used, or None."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._job = ""
        self._picture: StartPicture | None = None
        self._target = (16, 9)
        self.zone = DropZone(tr("Start image"), self)
        self._words = value_label(self)
        self.field = FormField(tr("Start image"), self.zone, self, right=self._words)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field)
        self.zone.picture_given.connect(self.take)
        self.zone.choose_requested.connect(self.choose)
        self.zone.remove_requested.connect(self._on_remove)
        listen(self.zone, Action.PASTE_IMAGE, self._on_paste)

    def set_target(self, width: int, height: int) -> None:
        """Shape of the video, for the crop."""
        if (width, height) != self._target:
            self._target = (width, height)
            if self._picture is not None:
                self._show()

    @Slot(object)
    def take(self, given: object) -> None:
        """Use that file or those pixels; None removes the picture."""
        if not isinstance(given, (Path, QImage)):
            self._on_remove()
            return
        if self._picture is not None and given == self._picture.path:
            return
        self.field.say("")
        self.zone.show_waiting()
        work = ReadPicture(given, self._session.paths.data / "pasted")
        self._job = self._session.submit("Read the start image", Lane.FILES, work, self._on_read)

    def _on_read(self, snapshot: JobSnapshot) -> None:
        if snapshot.job_id != self._job or not isValid(self):
            return  # another picture was given in the meantime, or the form gave way to another model's
        if snapshot.state == JobState.DONE and isinstance(snapshot.result, StartPicture):
            self._picture = snapshot.result
            self.picture_changed.emit(self._picture.path)
            size = {"width": self._picture.width, "height": self._picture.height}
            announce(self, tr("The start image has {width} by {height} pixels.", **size))
        elif snapshot.error is not None:
            self._picture = None
            self.field.say(f"{snapshot.error.message} {snapshot.error.hint}".strip(), "bad")
            self.picture_changed.emit(None)
        self._show()

    def _show(self) -> None:
        picture = self._picture
        if picture is None:
            self._words.setText("")
            self.zone.show_picture(QImage(), QRectF())
            return
        from wan_desktop.core.start_image import crop_box  # noqa: PLC0415 - imported by then: the lane has read a picture

        left, top, right, bottom = crop_box(picture.width, picture.height, *self._target)
        crop = QRectF(
            left / picture.width, top / picture.height, (right - left) / picture.width, (bottom - top) / picture.height
        )
        self.zone.show_picture(picture.shown, crop)
        self._words.setText(f"{picture.width} \u00d7 {picture.height}")
        width, height = self._target
        too_small = picture.width < width or picture.height < height
        self.field.say(tr("The picture is smaller than the video; it is enlarged.") if too_small else "")

    @Slot()
    def _on_remove(self) -> None:
        self._job = ""
        self._picture = None
        self.field.say("")
        self._show()
        self.picture_changed.emit(None)

    @Slot()
    def choose(self) -> None:
        """Ask for a file."""
        dialog = QFileDialog(self, tr("Choose a start image"), "", tr(_FILTER))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    @Slot(str)
    def _on_chosen(self, path: str) -> None:
        self.take(Path(path))

    @Slot()
    def _on_paste(self) -> None:
        picture = picture_in(QGuiApplication.clipboard().mimeData())
        if picture is not None:
            self.take(picture)
        else:
            self.field.say(tr("The clipboard holds no picture. Copy one, or drop a file here."), "warn")
