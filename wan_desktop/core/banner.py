"""The one line above the pages: the gravest thing that is the matter with this PC, and what can be done about it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from wan_desktop.core.drive_space import LEAST_FREE_BYTES
from wan_desktop.core.hardware import Drive, HardwareProfile, ProblemCode
from wan_desktop.core.machine import Card, CardKind, card_of
from wan_desktop.core.safe_mode import MOST_BAD_ENDS, SafeReason
from wan_desktop.core.words import decimal, mark, tr

DISK_FULL_BYTES = LEAST_FREE_BYTES
DISK_LOW_BYTES = 20_000_000_000
_NEXT_FILES = 2
"""So many times the file that comes next should be free."""
_DRIVER_PROBLEMS = (
    ProblemCode.DRIVER_MISSING,
    ProblemCode.DRIVER_NOT_ANSWERING,
    ProblemCode.DRIVER_FAULT,
    ProblemCode.DRIVER_TOO_OLD,
)


class BannerKind(StrEnum):
    """What it is about, the gravest first."""

    SAFE_MODE = "safe-mode"
    """Explains all the others, and what is missing."""
    NO_CARD = "no-card"
    DISK_FULL = "disk-full"
    DRIVER = "driver"
    CARD_TOO_OLD = "card-too-old"
    ENGINE = "engine"
    """Nothing can be made: it is not installed, or damaged."""
    DISK_LOW = "disk-low"
    OFFLINE = "offline"
    ENGINE_OUTDATED = "engine-outdated"
    """The one from before goes on working."""
    UPDATE = "update"


class BannerAction(StrEnum):
    """What its buttons do."""

    WHAT_NOW = "what-now"
    OPEN_NVIDIA = "open-nvidia"
    CHECK_AGAIN = "check-again"
    FREE_SPACE = "free-space"
    RESTART_NORMALLY = "restart-normally"
    INSTALL_ENGINE = "install-engine"
    SHOW_ENGINE = "show-engine"
    WHAT_IS_NEW = "what-is-new"
    UPDATE = "update"
    LATER = "later"
    """Not before the next start."""


ACTION_NAMES = {
    BannerAction.WHAT_NOW: mark("What now"),
    BannerAction.OPEN_NVIDIA: mark("Open NVIDIA page"),
    BannerAction.CHECK_AGAIN: mark("Check again"),
    BannerAction.FREE_SPACE: mark("Free space"),
    BannerAction.RESTART_NORMALLY: mark("Restart normally"),
    BannerAction.INSTALL_ENGINE: mark("Install"),
    BannerAction.SHOW_ENGINE: mark("Details"),
    BannerAction.WHAT_IS_NEW: mark("What is new"),
    BannerAction.UPDATE: mark("Download and install"),
    BannerAction.LATER: mark("Later"),
}


@dataclass(frozen=True, slots=True)
class Banner:
    """What is shown."""

    kind: BannerKind
    surface: str
    """`bad`, `warn` or `info`."""
    title: str
    words: str
    actions: tuple[BannerAction, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateOffer:
    """A newer program that could be installed."""

    version: str
    has_page: bool
    """There is one that says what is new."""
    is_coming: bool = False
    """It is being downloaded."""


@dataclass(frozen=True, slots=True)
class BannerFacts:
    """What is known."""

    profile: HardwareProfile | None = None
    """None until the PC was looked at. All its drives count: those that the program writes to."""
    gpu_uuid: str = ""
    """The card that was chosen in the settings."""
    offline: bool = False
    next_file_bytes: int = 0
    """Of the next download; 0 if there is none."""
    safe_reason: SafeReason | None = None
    """Why the window is in safe mode; None if it is not."""
    engine_need: str = ""
    """Why a render engine is to be installed: `absent`, `damaged`, `outdated`; empty: none is."""
    engine_size: str = ""
    """How much there is to download for that, in words."""
    update: UpdateOffer | None = None
    """A newer program."""


def choose_banner(facts: BannerFacts, dismissed: Collection[BannerKind] = ()) -> Banner | None:
    """The gravest that was not put away; None if there is none."""
    found: list[Banner | None] = [_offline()] if facts.offline else []
    if facts.safe_reason is not None:
        found.append(_safe_mode(facts.safe_reason))
    if facts.profile is not None:
        card = card_of(facts.profile, facts.gpu_uuid)
        found += [_card_banner(facts.profile, card), _disk_banner(facts.profile.drives, facts.next_file_bytes)]
    if facts.engine_need:
        found.append(_engine(facts.engine_need, facts.engine_size))
    if facts.update is not None:
        found.append(_update(facts.update))
    order = list(BannerKind)
    open_ones = [banner for banner in found if banner is not None and banner.kind not in dismissed]
    return min(open_ones, key=lambda banner: order.index(banner.kind), default=None)


def _safe_mode(reason: SafeReason) -> Banner:
    words = tr(
        "Engine, downloads and library wait for you, and the window has its default look and an empty form. Your "
        "settings are kept."
    )
    actions = (BannerAction.RESTART_NORMALLY,)
    if reason is SafeReason.ASKED:
        return Banner(BannerKind.SAFE_MODE, "info", tr("Safe mode, as you asked"), words, actions)
    title = tr("Safe mode, because the last {count} starts ended badly", count=MOST_BAD_ENDS)
    return Banner(BannerKind.SAFE_MODE, "warn", title, words, actions)


def _card_banner(profile: HardwareProfile, card: Card) -> Banner | None:
    if card.computes:
        return None
    check = (BannerAction.CHECK_AGAIN,)
    if card.kind is CardKind.TOO_OLD:
        words = tr("Videos need a newer NVIDIA card: GTX 16, RTX 20 or later.")
        return Banner(BannerKind.CARD_TOO_OLD, "bad", card.text, words, (BannerAction.WHAT_NOW, *check))
    problem = next((problem for problem in profile.problems if problem.code in _DRIVER_PROBLEMS), None)
    if problem is not None:
        actions = (BannerAction.OPEN_NVIDIA, *check)
        return Banner(BannerKind.DRIVER, "bad", problem.text, problem.hint, actions)
    if profile.gpus:  # there are cards, but not the chosen one
        return Banner(BannerKind.NO_CARD, "bad", card.text, "", (BannerAction.WHAT_NOW, *check))
    title = tr("This PC has no NVIDIA card we can use")
    words = tr("You can manage models and look at videos. New ones can be made with the small built-in model only.")
    return Banner(BannerKind.NO_CARD, "bad", title, words, (BannerAction.WHAT_NOW, *check))


def _disk_banner(drives: Collection[Drive], next_file_bytes: int) -> Banner | None:
    known = (drive for drive in drives if drive.is_readable)
    drive = min(known, key=lambda drive: drive.free_bytes, default=None)
    if drive is None or drive.free_bytes >= max(DISK_LOW_BYTES, _NEXT_FILES * next_file_bytes):
        return None
    values = {"drive": drive.path, "free": f"{decimal(drive.free_bytes / 1e9, 1)} GB"}
    actions = (BannerAction.FREE_SPACE, BannerAction.CHECK_AGAIN)
    if drive.free_bytes < DISK_FULL_BYTES:
        title = tr("{drive} is almost full: {free} left", **values)
        words = tr("Downloads wait, and no new video is begun. Remove models or videos that you do not need.")
        return Banner(BannerKind.DISK_FULL, "bad", title, words, actions)
    title = tr("{drive} gets full: {free} left", **values)
    words = tr("A model takes 5 to 60 GB. Remove models or videos that you do not need.")
    return Banner(BannerKind.DISK_LOW, "warn", title, words, actions)


def _engine(need: str, size: str) -> Banner:
    show = (BannerAction.SHOW_ENGINE,)
    if need == "damaged":
        words = tr("No video can be made until it is repaired. Models, videos and settings are as they were.")
        return Banner(BannerKind.ENGINE, "bad", tr("The render engine is damaged"), words, show)
    actions = (BannerAction.INSTALL_ENGINE, *show)
    if need == "absent":
        words = tr("It makes the videos, and is made for your graphics card: {size}.", size=size)
        return Banner(BannerKind.ENGINE, "warn", tr("The render engine is not installed"), words, actions)
    words = tr("{size}. The old one is used until the new one has been tested.", size=f"{size[0].upper()}{size[1:]}")
    title = tr("A newer render engine belongs to this program")
    return Banner(BannerKind.ENGINE_OUTDATED, "info", title, words, actions)


def _update(offer: UpdateOffer) -> Banner:
    title = tr("Version {version} is there", version=offer.version)
    news = (BannerAction.WHAT_IS_NEW,) if offer.has_page else ()
    if offer.is_coming:
        return Banner(BannerKind.UPDATE, "info", title, tr("It is being downloaded."), news)
    words = tr("Models, videos, settings and the queue stay as they are.")
    return Banner(BannerKind.UPDATE, "info", title, words, (*news, BannerAction.UPDATE, BannerAction.LATER))


def _offline() -> Banner:
    words = tr("Downloads continue by themselves when it is back. Everything on this PC works.")
    return Banner(BannerKind.OFFLINE, "info", tr("No internet connection"), words)
