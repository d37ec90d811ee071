"""The model list without its window: how a model's status reads, and which models a search and a filter leave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.errors import AccessDeniedError
from wan_desktop.core.model_activity import Activity, ActivityKind
from wan_desktop.core.model_offers import FitBadge, Group, ModelOffer
from wan_desktop.core.store.status import ModelStatus, RemoteState, RemoteStatus
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.core.store.verify import IntegrityReport


class ShownStatus(StrEnum):
    """How a model stands, in the words of the list."""

    NOT_DOWNLOADED = "not-downloaded"
    WAITING = "waiting"
    DOWNLOADING = "downloading"
    PAUSED = "paused"
    WAITING_FOR_INTERNET = "waiting-for-internet"
    CHECKING = "checking"
    REPAIRING = "repairing"
    READY = "ready"
    NEEDS_REPAIR = "needs-repair"
    NEEDS_CHECK = "needs-check"
    """Its files were changed from outside since they were last read."""
    UPDATE_AVAILABLE = "update-available"
    INCOMPLETE = "incomplete"
    """Files are missing."""
    DRIVE_MISSING = "drive-missing"
    NEEDS_TOKEN = "needs-token"
    IN_USE = "in-use"
    REMOVING = "removing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is known of a model now."""

    offer: ModelOffer
    activity: Activity | None = None
    error: WanError | None = None
    remote: RemoteState | None = None

    @property
    def status(self) -> ShownStatus:
        """What the list says."""
        if self.activity is not None:
            return _status_of_activity(self.activity)
        status = self.offer.state.status
        if self.error is not None and not status.usable:
            if isinstance(self.error, AccessDeniedError):
                return ShownStatus.NEEDS_TOKEN
            if status in (ModelStatus.MISSING, ModelStatus.INCOMPLETE):
                return ShownStatus.FAILED
        if status is ModelStatus.AVAILABLE and _has_update(self.remote):
            return ShownStatus.UPDATE_AVAILABLE
        if status is ModelStatus.CORRUPTED and _only_lacks_files(self.offer.state.report):
            return ShownStatus.INCOMPLETE
        return _STATUSES[status]


def _status_of_activity(activity: Activity) -> ShownStatus:
    if activity.is_queued:
        return ShownStatus.WAITING
    if activity.kind is ActivityKind.DOWNLOAD:
        if activity.waiting:
            return ShownStatus.WAITING_FOR_INTERNET
        return ShownStatus.CHECKING if activity.is_checking else ShownStatus.DOWNLOADING
    return {ActivityKind.REPAIR: ShownStatus.REPAIRING, ActivityKind.REMOVE: ShownStatus.REMOVING}.get(
        activity.kind, ShownStatus.CHECKING
    )


_STATUSES = {
    ModelStatus.UNKNOWN: ShownStatus.NEEDS_CHECK,
    ModelStatus.MISSING: ShownStatus.NOT_DOWNLOADED,
    ModelStatus.DOWNLOADING: ShownStatus.DOWNLOADING,
    ModelStatus.INCOMPLETE: ShownStatus.PAUSED,
    ModelStatus.VERIFYING: ShownStatus.CHECKING,
    ModelStatus.AVAILABLE: ShownStatus.READY,
    ModelStatus.CORRUPTED: ShownStatus.NEEDS_REPAIR,
    ModelStatus.REPAIRING: ShownStatus.REPAIRING,
    ModelStatus.LOADING: ShownStatus.IN_USE,
    ModelStatus.LOADED: ShownStatus.IN_USE,
    ModelStatus.IN_USE: ShownStatus.IN_USE,
    ModelStatus.ERROR: ShownStatus.DRIVE_MISSING,
}


def _has_update(remote: RemoteState | None) -> bool:
    return remote is not None and remote.status is RemoteStatus.UPDATE_AVAILABLE


def _only_lacks_files(report: IntegrityReport | None) -> bool:
    return report is not None and bool(report.bad) and all(finding.state == "missing" for finding in report.bad)


# Filters -------------------------------------------------------------------------------------------------------------


class Filter(StrEnum):
    """The chips above the list."""

    ALL = "all"
    FITS = "fits"
    ON_PC = "on-pc"
    FROM_TEXT = "from-text"
    FROM_IMAGE = "from-image"


def passes(offer: ModelOffer, chosen: Filter) -> bool:
    """The filter leaves it."""
    modes = offer.metadata.modes
    match chosen:
        case Filter.FITS:
            return offer.badge.fits
        case Filter.ON_PC:
            return offer.is_on_pc
        case Filter.FROM_TEXT:
            return not modes or GenerationMode.T2V in modes
        case Filter.FROM_IMAGE:
            return not modes or GenerationMode.I2V in modes
        case _:
            return True


def matches(offer: ModelOffer, search: str) -> bool:
    """Every word of the search stands somewhere in its name, id, variant, description or repository."""
    variant = offer.variant
    texts = [offer.metadata.name, offer.metadata.model_id, tr(offer.metadata.description), offer.metadata.repo_id]
    texts += [variant.name, tr(variant.description)] if variant else []
    haystack = " ".join(texts).casefold()
    squeezed = haystack.replace(" ", "").replace("-", "")
    return all(word in haystack or word.replace("-", "") in squeezed for word in search.casefold().split())


@dataclass(frozen=True, slots=True)
class ListPart:
    """A group as it is shown."""

    group: Group
    shown: tuple[ModelOffer, ...]
    folded: tuple[ModelOffer, ...]
    """More packagings of models, behind a button."""


def list_parts(
    offers: Sequence[ModelOffer],
    chosen: Filter,
    search: str,
    *,
    busy: Iterable[ModelKey] = (),
    pinned: Iterable[ModelKey] = (),
    unfolded: Iterable[Group] = (),
) -> tuple[ListPart, ...]:
    """What the list shows; groups without a model are left out.

    A search shows all that match. Else each model shows what is recommended of it, what is on this PC, and where that
    is nothing, its best packaging; the others are folded away.

    Args:
        offers: All, in their order.
        chosen: The chip.
        search: What was typed.
        busy: Something is done with them, so they stay in sight.
        pinned: They are looked at, so they stay in sight, beside what would be shown without them.
        unfolded: Groups of which everything is to be shown.
    """
    left = [offer for offer in offers if passes(offer, chosen) and matches(offer, search)]
    keep = {*busy, *(offer.key for offer in left if offer.is_on_pc or offer.group is Group.RECOMMENDED)}
    seen = {offer.metadata.model_id for offer in left if offer.key in keep}
    pins = set(pinned)
    open_groups = set(Group) if search.strip() else set(unfolded)
    parts = []
    for group in Group:
        shown: list[ModelOffer] = []
        folded: list[ModelOffer] = []
        for offer in (offer for offer in left if offer.group is group):
            is_first = offer.metadata.model_id not in seen
            seen.add(offer.metadata.model_id)
            is_shown = group in open_groups or offer.key in keep | pins or is_first
            (shown if is_shown else folded).append(offer)
        if shown or folded:
            parts.append(ListPart(group, tuple(shown), tuple(folded)))
    return tuple(parts)


def hidden_by_filter(offers: Sequence[ModelOffer], chosen: Filter, search: str) -> int:
    """How many that match the search the filter hides."""
    return sum(1 for offer in offers if matches(offer, search) and not passes(offer, chosen))


def best_start(offers: Iterable[ModelOffer]) -> ModelOffer | None:
    """What a PC without models should download first."""
    able = [offer for offer in offers if offer.group is Group.RECOMMENDED and offer.can_be_downloaded]
    return min(able, key=lambda offer: (list(FitBadge).index(offer.badge), offer.size_bytes), default=None)


# What can be done ----------------------------------------------------------------------------------------------------


class Deed(StrEnum):
    """What the user can do with a model."""

    CREATE = "create"
    DOWNLOAD = "download"
    DOWNLOAD_AGAIN = "download-again"
    """Its file list is lost, so there is nothing to repair by."""
    TRY_ANYWAY = "try-anyway"
    """Download it although it is too big."""
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    """Stop the download and delete what arrived."""
    STOP = "stop"
    UPDATE = "update"
    REPAIR = "repair"
    CHECK = "check"
    ASK_HUB = "ask-hub"
    REMOVE = "remove"


def deeds(standing: Standing) -> tuple[Deed, ...]:
    """What can be done now; the first is what is likely wanted."""
    offer, activity = standing.offer, standing.activity
    if activity is not None:
        return _deeds_meanwhile(activity)
    if offer.is_built_in:
        return (Deed.CREATE,)
    match offer.state.status:
        case ModelStatus.MISSING:
            return _deeds_when_missing(offer)
        case ModelStatus.INCOMPLETE:
            return (Deed.RESUME, Deed.CANCEL)
        case ModelStatus.CORRUPTED:
            return _deeds_when_damaged(offer)
        case ModelStatus.UNKNOWN:
            return (Deed.CHECK, Deed.REMOVE)
        case ModelStatus.AVAILABLE:
            update = (Deed.UPDATE,) if _has_update(standing.remote) else ()
            hub = (Deed.ASK_HUB,) if offer.can_be_downloaded and not update else ()
            return (Deed.CREATE, *update, Deed.CHECK, Deed.REMOVE, *hub)
        case ModelStatus.LOADED | ModelStatus.LOADING:
            return (Deed.CREATE, Deed.CHECK)
        case ModelStatus.IN_USE:
            return (Deed.CREATE,)  # its files must stay as they are
        case _:
            return ()


def _deeds_meanwhile(activity: Activity) -> tuple[Deed, ...]:
    if activity.is_stopping or activity.kind in (ActivityKind.REMOVE, ActivityKind.PUT_BACK):
        return ()
    return (Deed.PAUSE, Deed.CANCEL) if activity.kind is ActivityKind.DOWNLOAD else (Deed.STOP,)


def _deeds_when_missing(offer: ModelOffer) -> tuple[Deed, ...]:
    if not offer.can_be_downloaded or offer.badge is FitBadge.NOT_SUPPORTED:
        return ()
    return (Deed.TRY_ANYWAY,) if offer.badge is FitBadge.TOO_BIG else (Deed.DOWNLOAD,)


def _deeds_when_damaged(offer: ModelOffer) -> tuple[Deed, ...]:
    if offer.state.report is not None:
        return (Deed.REPAIR, Deed.CHECK, Deed.REMOVE)
    return (Deed.DOWNLOAD_AGAIN, Deed.REMOVE) if offer.can_be_downloaded else (Deed.REMOVE,)
