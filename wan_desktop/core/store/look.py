"""How a model on this PC stands, seen in milliseconds and without asking anybody."""

from pathlib import Path

from wan_desktop.core.errors import ManifestError
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.history import History
from wan_desktop.core.store.libraries import Libraries
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.manifest import read_manifest, read_stamps
from wan_desktop.core.store.status import ModelState, ModelStatus
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.store.verify import quick_check
from wan_desktop.core.words import tr


class Look:
    """Looks at models; for all threads.

    Args:
        disk: Where they lie.
        libraries: Where they may be.
        history: Says whether a model that is not here has ever been.
    """

    def __init__(self, disk: Disk, libraries: Libraries, history: History) -> None:
        self._disk = disk
        self._libraries = libraries
        self._history = history

    def folder(self, key: ModelKey) -> Path | None:
        """Where the model lies or comes to lie; None when nothing of it is here."""
        library = self._libraries.where(key)
        return None if library is None else library.folder(key)

    def state(self, key: ModelKey) -> ModelState:
        """How the model stands on disk."""
        folder = self.folder(key)
        if folder is None:
            return self._absent(key)
        if not self._disk.exists(folder):
            return ModelState(key, ModelStatus.INCOMPLETE, tr("a download was begun and can go on"), now_utc())
        try:
            report = quick_check(self._disk, folder)
        except FileNotFoundError:
            return ModelState(key, ModelStatus.CORRUPTED, tr("its file list is missing"), now_utc(), folder)
        except ManifestError as error:
            return ModelState(key, ModelStatus.CORRUPTED, error.message, now_utc(), folder)
        except OSError as error:
            return ModelState(key, ModelStatus.ERROR, disk_error(error, folder, "reading").message, now_utc(), folder)
        status = ModelStatus.AVAILABLE
        if report.bad:
            status = ModelStatus.CORRUPTED
        elif report.unchecked:
            status = ModelStatus.UNKNOWN
        return ModelState(key, status, report.summary(), report.checked_at, folder, self.size_bytes(folder), report)

    def size_bytes(self, folder: Path | None) -> int:
        """How large a model is by its file list; 0 when there is none to be read."""
        if folder is None:
            return 0
        try:
            return read_manifest(self._disk, folder).size_bytes
        except (OSError, ManifestError):
            return 0

    def unread(self, key: ModelKey, since: str) -> list[str]:
        """Files of the model whose content was last read before that time (ISO 8601, UTC)."""
        folder = self.folder(key)
        if folder is None:
            return []
        try:
            manifest = read_manifest(self._disk, folder)
        except (OSError, ManifestError):
            return []
        stamps = read_stamps(self._disk, folder)
        return [file.path for file in manifest.files if file.path not in stamps or stamps[file.path].checked_at < since]

    def _absent(self, key: ModelKey) -> ModelState:
        missing = self._libraries.missing
        if missing and self._was_here(key):
            names = ", ".join(str(root) for root in missing)
            return ModelState(
                key, ModelStatus.ERROR, tr("its drive is not connected ({names})", names=names), now_utc()
            )
        return ModelState(key, ModelStatus.MISSING, tr("it is not on this PC"), now_utc())

    def _was_here(self, key: ModelKey) -> bool:
        entries = self._history.entries(key.model_id, key.variant, limit=20)
        last = next((entry for entry in entries if entry.kind in ("download", "adopt", "remove")), None)
        return last is not None and last.kind != "remove" and last.outcome == "done"
