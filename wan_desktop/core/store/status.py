"""How a model stands: on this PC, and at the Hub. Two facts; the one never changes the other."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.verify import IntegrityReport
from wan_desktop.core.words import mark, tr


class ModelStatus(StrEnum):
    """How a model stands on this PC."""

    UNKNOWN = "unknown"
    """It is here, but changed since its content was last read."""
    MISSING = "missing"
    DOWNLOADING = "downloading"
    INCOMPLETE = "incomplete"
    """A download was begun and can go on."""
    VERIFYING = "verifying"
    AVAILABLE = "available"
    CORRUPTED = "corrupted"
    REPAIRING = "repairing"
    LOADING = "loading"
    LOADED = "loaded"
    IN_USE = "in-use"
    """A video is being made with it, here or by another process: it stays as it is meanwhile."""
    ERROR = "error"
    """It cannot be looked at: its drive is gone, or refuses."""

    @property
    def words(self) -> str:
        """As people read it."""
        return tr(_WORDS[self])

    @property
    def busy(self) -> bool:
        """Something is being done with it."""
        return self in _BUSY

    @property
    def usable(self) -> bool:
        """It can be rendered with."""
        return self in (ModelStatus.AVAILABLE, ModelStatus.LOADING, ModelStatus.LOADED, ModelStatus.IN_USE)


_WORDS = {
    ModelStatus.UNKNOWN: mark("unknown"),
    ModelStatus.MISSING: mark("missing"),
    ModelStatus.DOWNLOADING: mark("downloading"),
    ModelStatus.INCOMPLETE: mark("incomplete"),
    ModelStatus.VERIFYING: mark("verifying"),
    ModelStatus.AVAILABLE: mark("available"),
    ModelStatus.CORRUPTED: mark("corrupted"),
    ModelStatus.REPAIRING: mark("repairing"),
    ModelStatus.LOADING: mark("loading"),
    ModelStatus.LOADED: mark("loaded"),
    ModelStatus.IN_USE: mark("in-use"),
    ModelStatus.ERROR: mark("error"),
}
_BUSY = frozenset({ModelStatus.DOWNLOADING, ModelStatus.VERIFYING, ModelStatus.REPAIRING, ModelStatus.LOADING})


class RemoteStatus(StrEnum):
    """How a model stands at the Hub."""

    NOT_ASKED = "not-asked"
    AVAILABLE = "available"
    UPDATE_AVAILABLE = "update-available"
    """The repository has another commit than the one on this PC."""
    GONE = "gone"
    NO_ACCESS = "no-access"
    """Gated or private, and our token does not open it."""
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class ModelState:
    """How a model stands on this PC, and why."""

    key: ModelKey
    status: ModelStatus
    reason: str
    at: str
    """ISO 8601, UTC: when it was looked at."""
    folder: Path | None = None
    size_bytes: int = 0
    """On disk."""
    report: IntegrityReport | None = None


@dataclass(frozen=True, slots=True)
class RemoteState:
    """How a model stands at the Hub, and since when we know."""

    status: RemoteStatus
    text: str
    at: str
    """ISO 8601, UTC: of the Hub's last good answer, or of the question that failed."""
    revision: str = ""
    download_bytes: int = 0
