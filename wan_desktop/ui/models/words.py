"""What the Models page says: badges, states, rates, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_desktop.core import model_names
from wan_desktop.core.catalog import Family, GenerationMode
from wan_desktop.core.model_activity import Activity, ActivityKind
from wan_desktop.core.model_list import Filter, ShownStatus, Standing
from wan_desktop.core.model_offers import FitBadge, Group, ModelOffer
from wan_desktop.core.store.status import ModelStatus
from wan_desktop.core.words import decimal, mark, tr, trn
from wan_desktop.ui import text

if TYPE_CHECKING:
    from collections.abc import Sequence

BADGES = {
    FitBadge.RUNS_WELL: (mark("Runs well"), "ok", "circle-check"),
    FitBadge.TIGHT: (mark("Tight"), "warn", "triangle-alert"),
    FitBadge.SLOW: (mark("Slow, saves memory"), "warn", "timer"),
    FitBadge.NOT_CHECKED: (mark("Not checked"), "idle", "info"),
    FitBadge.TOO_BIG: (mark("Too big"), "bad", "circle-x"),
    FitBadge.NOT_SUPPORTED: (mark("Not supported"), "bad", "ban"),
}
"""Words, kind and icon of each badge."""
STATUSES = {
    ShownStatus.NOT_DOWNLOADED: (mark("Not downloaded"), "idle", "download"),
    ShownStatus.WAITING: (mark("Waiting"), "idle", "hourglass"),
    ShownStatus.DOWNLOADING: (mark("Downloading"), "info", "download"),
    ShownStatus.PAUSED: (mark("Paused"), "idle", "pause"),
    ShownStatus.WAITING_FOR_INTERNET: (mark("Waiting for internet"), "warn", "wifi-off"),
    ShownStatus.CHECKING: (mark("Checking files"), "info", "shield-check"),
    ShownStatus.REPAIRING: (mark("Repairing"), "info", "wrench"),
    ShownStatus.READY: (mark("Ready"), "ok", "circle-check"),
    ShownStatus.NEEDS_REPAIR: (mark("Needs repair"), "warn", "wrench"),
    ShownStatus.NEEDS_CHECK: (mark("Changed, needs a check"), "warn", "shield-check"),
    ShownStatus.UPDATE_AVAILABLE: (mark("Update available"), "info", "refresh-cw"),
    ShownStatus.INCOMPLETE: (mark("Incomplete"), "warn", "triangle-alert"),
    ShownStatus.DRIVE_MISSING: (mark("Missing drive"), "warn", "hard-drive"),
    ShownStatus.NEEDS_TOKEN: (mark("Needs licence or token"), "warn", "key-round"),
    ShownStatus.IN_USE: (mark("In use"), "ok", "play"),
    ShownStatus.REMOVING: (mark("Removing"), "idle", "trash-2"),
    ShownStatus.FAILED: (mark("Failed"), "bad", "octagon-x"),
}
FILTERS = {
    Filter.ALL: mark("All"),
    Filter.FITS: mark("Fits this PC"),
    Filter.ON_PC: mark("On this PC"),
    Filter.FROM_TEXT: mark("Text to video"),
    Filter.FROM_IMAGE: mark("Image to video"),
}
_LINES = {720: "720p", 704: "720p", 480: "480p", 1088: "1080p"}


def badge_words(badge: FitBadge) -> str:
    """`Runs well`."""
    return tr(BADGES[badge][0])


def variant_name(offer: ModelOffer) -> str:
    """`FP8`, `Q4_K_M`, `full`; empty for a model that lies in a folder as it is."""
    return model_names.variant_name(offer.key.variant)


def title(offer: ModelOffer) -> str:
    """`Wan 2.2 TI2V 5B · Q8_0`."""
    return model_names.model_name(offer.metadata.name, offer.key.variant)


def tags(offer: ModelOffer) -> str:
    """`Text and image to video · 720p`."""
    modes = offer.metadata.modes
    from_text, from_image = GenerationMode.T2V in modes, GenerationMode.I2V in modes
    if from_text and from_image:
        task = tr("Text and image to video")
    elif from_image:
        task = tr("Image to video")
    else:
        task = tr("Text to video") if from_text else tr("Video")
    if offer.metadata.family not in (Family.WAN_2_1, Family.WAN_2_2):
        return task
    lines = max(min(size.width, size.height) for size in offer.metadata.sizes)
    return f"{task} \u00b7 {_LINES.get(lines, f'{lines}p')}"


def size_words(offer: ModelOffer) -> str:
    """`11.6 GB`; empty where nobody knows."""
    return text.data_size(offer.size_bytes) if offer.size_bytes else ""


def group_words(group: Group, card: str, offers: Sequence[ModelOffer]) -> str:
    """The headline of a group."""
    match group:
        case Group.RECOMMENDED:
            return tr("Recommended for your {card}", card=card) if card else tr("Recommended for this PC")
        case Group.ALSO_WORKS:
            is_checked = any(offer.badge is not FitBadge.NOT_CHECKED for offer in offers)
            return tr("Also works on this PC") if is_checked else tr("Not checked yet")
        case _:
            is_any_too_big = any(offer.badge is FitBadge.TOO_BIG for offer in offers)
            return tr("Too big for this PC") if is_any_too_big else tr("Not supported on this PC")


def more_words(count: int) -> str:
    """The button that unfolds a group."""
    return trn("Show {count} more version", "Show {count} more versions", count)


def status_words(standing: Standing) -> str:
    """The status line: `Needs repair (1 of 14 files)`, `Downloading 43 %`."""
    status = standing.status
    words, activity = tr(STATUSES[status][0]), standing.activity
    if status in (ShownStatus.DOWNLOADING, ShownStatus.CHECKING, ShownStatus.REPAIRING):
        if activity is not None and activity.total_bytes:
            return tr("{status} {percent} %", status=words, percent=int(100 * activity.part))
        return words
    report = standing.offer.state.report
    if status in (ShownStatus.NEEDS_REPAIR, ShownStatus.INCOMPLETE) and report is not None and report.findings:
        return tr("{status} ({bad} of {all} files)", status=words, bad=len(report.bad), all=len(report.findings))
    if standing.offer.state.status is ModelStatus.IN_USE and status is ShownStatus.IN_USE:
        return tr("{status} ({reason})", status=words, reason=standing.offer.state.reason)
    if status is ShownStatus.FAILED and standing.error is not None:
        return tr("{status} ({reason})", status=words, reason=standing.error.shown_title)
    return words


def progress_words(activity: Activity) -> str:
    """`4.2 of 24.1 GB · 38 MB/s · 9 min left`."""
    if activity.is_stopping:
        return tr("Stopping")
    if activity.is_queued:
        return tr("Waits for the downloads before it") if activity.kind is ActivityKind.DOWNLOAD else tr("Waiting")
    parts = []
    if activity.total_bytes:
        parts.append(amounts(activity.done_bytes, activity.total_bytes))
    elif activity.kind is ActivityKind.DOWNLOAD:
        parts.append(tr("asking the server"))
    if activity.is_checking:
        parts.append(tr("reading what is here already"))
    elif activity.stalled or activity.waiting:
        parts.append(tr("stalled"))
    elif activity.bytes_per_s > 0:
        parts.append(tr("{size}/s", size=text.data_size(round(activity.bytes_per_s))))
    if activity.seconds_left is not None and activity.seconds_left >= 1:
        parts.append(tr("{time} left", time=text.duration(max(1.0, activity.seconds_left)).replace(".0 s", " s")))
    return " \u00b7 ".join(parts)


def amounts(done_bytes: int, total_bytes: int) -> str:
    """`4.2 of 24.1 GB`, in the unit of the larger one."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if total_bytes >= factor:
            return tr(
                "{done} of {total} {unit}",
                done=decimal(done_bytes / factor, 1),
                total=decimal(total_bytes / factor, 1),
                unit=unit,
            )
    return tr("{done} of {total} bytes", done=done_bytes, total=total_bytes)


def spoken(standing: Standing, number: int, count: int) -> str:
    """`Wan 2.2 TI2V 5B, Q8_0. Runs well on this PC. Ready. 11.6 gigabytes. 1 of 5`."""
    offer = standing.offer
    parts = [title(offer).replace(" \u00b7", ",")]
    if offer.badge in (FitBadge.NOT_CHECKED, FitBadge.NOT_SUPPORTED):
        parts.append(badge_words(offer.badge))
    elif offer.badge is FitBadge.TOO_BIG:
        parts.append(tr("Too big for this PC"))
    else:
        parts.append(tr("{badge} on this PC", badge=badge_words(offer.badge)))
    parts.append(status_words(standing))
    if offer.size_bytes:
        parts.append(tr("{size} gigabytes", size=decimal(offer.size_bytes / 1e9, 1)))
    parts.append(tr("{number} of {count}", number=number, count=count))
    return ". ".join(parts) + "."


def badge_tip(offer: ModelOffer) -> str:
    """The two numbers that the badge is about."""
    check = offer.check
    if offer.variant is not None and offer.variant.refused_because:
        return tr(offer.variant.refused_because)
    if check is None or check.estimate is None:
        return badge_words(offer.badge)
    for issue in check.issues:
        if issue.needed is not None and issue.severity == "blocks":
            return issue.text
    vram, ram = check.estimate.vram_peak_bytes, check.estimate.ram_peak_bytes
    if vram:
        return tr(
            "Its usual video needs {vram} of video memory and {ram} of memory.",
            vram=text.data_size(vram),
            ram=text.data_size(ram),
        )
    return tr("Its usual video needs {ram} of memory.", ram=text.data_size(ram))
