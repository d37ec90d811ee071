"""Small pictures of jobs: the start image, the first frame of a finished video, or a sign where there is neither."""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QSizePolicy, QWidget

from wan_desktop.core.errors import WanError
from wan_desktop.core.jobs import JobContext, JobSnapshot, Lane
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.ui.create.pictures import read_picture
from wan_desktop.ui.icons import icon_pixmap
from wan_desktop.ui.theme import look

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QPaintEvent

    from wan_desktop.core.render_queue import RenderJob
    from wan_desktop.ui.session import Session

_WIDTH_PX, _HEIGHT_PX, _RADIUS = 112, 64, 6
_SIGN_PX = 24


class JobPicture(QWidget):
    """Shows one, filled and cut to its shape."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._sign = "clapperboard"
        self.image = QImage()
        """What is shown; null for the sign."""

    def set_image(self, image: QImage) -> None:
        """Show that picture."""
        self.image = image
        self.update()

    def set_sign(self, icon_name: str) -> None:
        """What stands where there is no picture."""
        self._sign = icon_name
        self.update()

    def sizeHint(self) -> QSize:
        """Its size, which grows with the text."""
        return QSize(look().px(_WIDTH_PX), look().px(_HEIGHT_PX))

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect = QRectF(self.rect())
        path = QPainterPath()
        path.addRoundedRect(rect, _RADIUS, _RADIUS)
        painter.fillPath(path, look().color("raised"))
        if self.image.isNull():
            size = look().px(_SIGN_PX)
            sign = icon_pixmap(self._sign, look().color("text3"), size)
            painter.drawPixmap(round((rect.width() - size) / 2), round((rect.height() - size) / 2), sign)
        else:
            painter.setClipPath(path)
            painter.drawImage(rect, self.image, _cut(self.image.size(), rect))
        painter.end()


def _cut(picture: QSize, place: QRectF) -> QRectF:
    """The middle part of a picture that has the place's shape."""
    shape = place.width() / place.height()
    width, height = float(picture.width()), float(picture.height())
    if width / height > shape:
        part = height * shape
        return QRectF((width - part) / 2, 0, part, height)
    part = width / shape
    return QRectF(0, (height - part) / 2, width, part)


def image_of_jpeg(content_base64: str) -> QImage:
    """A preview; null if it is none."""
    return QImage.fromData(base64.b64decode(content_base64))


class JobPictures(QObject):
    """Reads them on the files lane, each once.

    Args:
        session: Whose lanes.
        parent: Its parent.
    """

    found = Signal(str)
    """The id of a job whose picture is there now."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._images: dict[Path, QImage] = {}
        self._asked: dict[Path, set[str]] = {}

    def image(self, job: RenderJob) -> QImage | None:
        """It, if it is there already; else it is read, and `found` says when."""
        source = _source(job)
        if source is None:
            return None
        if source in self._images:
            return self._images[source]
        waiting = self._asked.setdefault(source, set())
        if not waiting:
            read = _read_video if job.result is not None else _read_start_image
            work = functools.partial(read, source, self._session.paths.thumbnails)
            self._session.submit("Read a small picture", Lane.FILES, work, functools.partial(self._on_read, source))
        waiting.add(job.job_id)
        return None

    def _on_read(self, source: Path, snapshot: JobSnapshot) -> None:
        self._images[source] = snapshot.result if isinstance(snapshot.result, QImage) else QImage()
        for job_id in self._asked.pop(source, ()):
            self.found.emit(job_id)


def _source(job: RenderJob) -> Path | None:
    return job.result.path if job.result is not None else job.order.draft.image


def _read_start_image(source: Path, _folder: Path, _context: JobContext) -> QImage:
    try:
        shown = read_picture(source).shown
    except WanError:  # the render will say what is wrong with it
        return QImage()
    return shown.scaledToHeight(2 * _HEIGHT_PX, Qt.TransformationMode.SmoothTransformation)


def _read_video(source: Path, folder: Path, _context: JobContext) -> QImage:
    place = Thumbnails(folder).get(source).path
    return QImage(str(place)) if place is not None else QImage()
