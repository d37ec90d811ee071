"""The engine of the installed program as it is shown: a state in words, what is known of it, and what can be done.

A pure function of how it stands and of what is being done.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wan_desktop.core.runtime.choice import ChoiceReason
from wan_desktop.core.runtime.lock import RuntimeKind
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.runtime.runtimes import RuntimeProgress
from wan_desktop.core.words import decimal, mark, tr

if TYPE_CHECKING:
    from typing import Any

    from wan_desktop.core.errors import WanError
    from wan_desktop.core.runtime.program_engine import Standing


class WorkKind(StrEnum):
    """What is being done with it."""

    INSTALL = "install"
    FROM_FILE = "from-file"
    """Installed from an engine package."""
    REPAIR = "repair"
    CHECK = "check"
    ROLL_BACK = "roll-back"


class RuntimeDeed(StrEnum):
    """What a button does."""

    INSTALL = "install"
    RESUME = "resume"
    PAUSE = "pause"
    """What was fetched is kept."""
    DISCARD = "discard"
    """Give the installation up; what was fetched is deleted."""
    REPAIR = "repair"
    CHECK = "check"
    ROLL_BACK = "roll-back"
    FROM_FILE = "from-file"


DEED_WORDS = {
    RuntimeDeed.INSTALL: mark("Install"),
    RuntimeDeed.RESUME: mark("Resume"),
    RuntimeDeed.PAUSE: mark("Pause"),
    RuntimeDeed.DISCARD: mark("Cancel"),
    RuntimeDeed.REPAIR: mark("Repair"),
    RuntimeDeed.CHECK: mark("Check files"),
    RuntimeDeed.ROLL_BACK: mark("Roll back"),
    RuntimeDeed.FROM_FILE: mark("Install from a file"),
}
DEED_HELP = {
    RuntimeDeed.INSTALL: mark("Downloads its parts, puts them together and tests them."),
    RuntimeDeed.RESUME: mark("Goes on with what is here already."),
    RuntimeDeed.PAUSE: mark("Stops, and keeps what was downloaded."),
    RuntimeDeed.DISCARD: mark("Stops, and deletes what was downloaded."),
    RuntimeDeed.REPAIR: mark("Puts it together anew from its parts; only what is damaged or missing is downloaded."),
    RuntimeDeed.CHECK: mark("Reads every file of it."),
    RuntimeDeed.ROLL_BACK: mark("Uses the one from before again."),
    RuntimeDeed.FROM_FILE: mark("For a PC without internet: takes an engine package that was got elsewhere."),
}


class Mood(StrEnum):
    """How its state is to be seen."""

    GOOD = "ok"
    NOTE = "warn"
    BAD = "bad"
    BUSY = "info"
    UNKNOWN = "idle"


@dataclass(frozen=True, slots=True)
class RuntimeWork:
    """What this program does with it just now."""

    kind: WorkKind
    progress: Any = None
    """A `RuntimeProgress`, or two counts: bytes of a package, or files."""
    is_stopping: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """How far work is."""

    done: int
    total: int
    words: str

    @property
    def percent(self) -> int:
        """From 0 to 100."""
        return min(100, 100 * self.done // self.total) if self.total else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeCard:
    """All that is shown, as one record."""

    mood: Mood
    state: str
    """In a few words."""
    sentences: tuple[str, ...] = ()
    bar: Bar | None = None
    """While something is being done."""
    deeds: tuple[RuntimeDeed, ...] = ()
    """The first is what is to be done next."""
    error: WanError | None = None
    """What the last try came to, or what is wrong with it."""


def card_of(standing: Standing | None, work: RuntimeWork | None, error: WanError | None = None) -> RuntimeCard:
    """What is shown.

    Args:
        standing: How it stands; None while nobody has looked.
        work: What is being done; None for nothing.
        error: What the last work of this program came to.
    """
    if work is not None:
        return _working(work, standing)
    if standing is None:
        return RuntimeCard(mood=Mood.UNKNOWN, state=tr("not checked") if error else tr("checking"), error=error)
    snapshot = standing.snapshot
    shown = error or snapshot.error
    if not standing.is_pc_known and snapshot.state is not RuntimeState.DAMAGED:
        mood, state = (Mood.GOOD, tr("ready")) if standing.is_usable else (Mood.UNKNOWN, tr("looking at this PC"))
        return RuntimeCard(mood=mood, state=state, sentences=_facts(standing))
    match snapshot.state:
        case RuntimeState.FETCHING | RuntimeState.BUILDING | RuntimeState.TESTING:
            return RuntimeCard(
                mood=Mood.BUSY,
                state=tr("being installed"),
                sentences=(tr("Another window of this program is at work on it."), *_facts(standing)),
            )
        case RuntimeState.READY:
            return _ready(standing, shown)
        case RuntimeState.DAMAGED:
            return RuntimeCard(
                mood=Mood.BAD,
                state=tr("damaged"),
                sentences=_facts(standing),
                deeds=_with_roll_back(standing, RuntimeDeed.REPAIR, RuntimeDeed.FROM_FILE),
                error=shown,
            )
        case _:
            return _absent(standing, shown)


def need_of(standing: Standing | None) -> str:
    """Why an engine is to be installed, for a line across the window: `absent`, `damaged`, `outdated` or nothing."""
    if standing is None or standing.snapshot.state in (
        RuntimeState.FETCHING,
        RuntimeState.BUILDING,
        RuntimeState.TESTING,
    ):
        return ""
    if standing.snapshot.state is RuntimeState.DAMAGED:
        return "damaged"
    if standing.snapshot.current is None:
        return "absent" if standing.is_pc_known else ""
    return "outdated" if standing.is_outdated else ""


def size_words(standing: Standing) -> str:
    """`2.3 GB to download`, or about so much."""
    left = max(0, standing.download_bytes - standing.here_bytes)
    if standing.is_size_known:
        return tr("{size} to download", size=_size(left))
    return tr("about {size} to download", size=_size(left))


def progress_words(work: RuntimeWork) -> str:
    """What is being done, in a few words with a number where there is one."""
    card = _working(work, None)
    return f"{card.state}, {card.bar.percent} %" if card.bar is not None and card.bar.total else card.state


# States --------------------------------------------------------------------------------------------------------------


def _absent(standing: Standing, error: WanError | None) -> RuntimeCard:
    begun = standing.is_begun
    state = tr("not installed")
    if begun:
        here, total = _size(standing.here_bytes), _size(standing.download_bytes)
        state = tr("not installed, {here} of {total} are here", here=here, total=total)
    first = (RuntimeDeed.RESUME,) if begun else (RuntimeDeed.INSTALL,)
    rest = (RuntimeDeed.FROM_FILE, RuntimeDeed.DISCARD) if begun else (RuntimeDeed.FROM_FILE,)
    mood = Mood.BAD if error else Mood.NOTE
    deeds = (*first, *rest)
    return RuntimeCard(mood=mood, state=state, sentences=_plan(standing), deeds=deeds, error=error)


def _ready(standing: Standing, error: WanError | None) -> RuntimeCard:
    snapshot = standing.snapshot
    if snapshot.is_wanted:
        deeds = _with_roll_back(standing, RuntimeDeed.CHECK, RuntimeDeed.REPAIR, RuntimeDeed.FROM_FILE)
        return RuntimeCard(mood=Mood.GOOD, state=tr("ready"), sentences=_facts(standing), deeds=deeds, error=error)
    begun = standing.is_begun
    deeds = _with_roll_back(
        standing,
        RuntimeDeed.RESUME if begun else RuntimeDeed.INSTALL,
        RuntimeDeed.FROM_FILE,
        *((RuntimeDeed.DISCARD,) if begun else ()),
    )
    if snapshot.was_refused:
        why = tr("You went back from the newest one. It can be installed again at any time.")
        if standing.has_wanted_before:
            why = tr("You went back from the newest one. It is still here, and is used again when you install it.")
    else:
        why = tr(
            "A newer one belongs to this program and this PC. The old one is used until the new one has made a video."
        )
    sentences = (*_facts(standing), why, *(() if standing.has_wanted_before else _plan(standing)))
    mood = Mood.GOOD if snapshot.was_refused else Mood.NOTE
    state = tr("ready") if snapshot.was_refused else tr("ready, a newer one is there")
    return RuntimeCard(mood=mood, state=state, sentences=sentences, deeds=deeds, error=error)


def _with_roll_back(standing: Standing, *deeds: RuntimeDeed) -> tuple[RuntimeDeed, ...]:
    snapshot = standing.snapshot
    is_older = snapshot.is_wanted or not standing.has_wanted_before  # else Install leads to it
    return (*deeds, RuntimeDeed.ROLL_BACK) if snapshot.previous is not None and is_older else deeds


_BUILDS = {
    RuntimeKind.WINDOWS_CU130: mark("for NVIDIA cards (CUDA 13)"),
    RuntimeKind.WINDOWS_CU126: mark("for NVIDIA cards (CUDA 12.6)"),
    RuntimeKind.WINDOWS_CPU: mark("for the processor alone"),
    RuntimeKind.LINUX_CPU: mark("for the processor alone"),
}
_REASONS = {
    ChoiceReason.BEST: mark("It is the best for your graphics card and its driver."),
    ChoiceReason.OLD_CARD: mark("Your graphics card is older than what the newest one serves."),
    ChoiceReason.OLD_DRIVER: mark("With a newer NVIDIA driver, a better one can be used."),
    ChoiceReason.NO_CARD: mark("No NVIDIA card that can be used is seen just now."),
    ChoiceReason.SYSTEM: mark("It is the one for this system."),
}


def _plan(standing: Standing) -> tuple[str, ...]:
    """What would be installed, and what it takes."""
    build = tr(_BUILDS[standing.choice.kind])
    what = tr("torch {version} {build}.", version=standing.version, build=build) if standing.version else f"{build}."
    room = tr("{room} are needed on the drive until it is done.", room=_size(standing.room_bytes))
    if standing.free_bytes is not None:
        values = {"room": _size(standing.room_bytes), "free": _size(standing.free_bytes)}
        room = tr("{room} are needed on the drive until it is done, {free} are free.", **values)
    size = size_words(standing)
    return (
        f"{what[0].upper()}{what[1:]} {tr(_REASONS[standing.choice.reason])}",
        f"{size[0].upper()}{size[1:]}. {room}",
    )


def _facts(standing: Standing) -> tuple[str, ...]:
    """What is in use."""
    kind, current = standing.kind_in_use, standing.snapshot.current
    if kind is None or current is None:
        return ()
    build, name = tr(_BUILDS[kind]), current.name
    if standing.version_in_use:
        name = f"torch {standing.version_in_use}"
    return (
        tr(
            "In use: {name} {build}, {size} on the drive.",
            name=name,
            build=build,
            size=_size(standing.size_in_use_bytes),
        ),
    )


# Work ----------------------------------------------------------------------------------------------------------------

_STOPPABLE = (RuntimeDeed.PAUSE, RuntimeDeed.DISCARD)


def _working(work: RuntimeWork, standing: Standing | None) -> RuntimeCard:
    facts = _facts(standing) if standing is not None else ()
    if work.is_stopping:
        return RuntimeCard(mood=Mood.BUSY, state=tr("stopping"), sentences=facts)
    progress = work.progress
    if isinstance(progress, RuntimeProgress):
        return _installing(progress, facts)
    done, total = progress if isinstance(progress, tuple) else (0, 0)
    deeds: tuple[RuntimeDeed, ...]
    match work.kind:
        case WorkKind.FROM_FILE:
            words = tr("{done} of {total}", done=_size(done), total=_size(total)) if total else ""
            state, deeds = tr("taking the package"), (RuntimeDeed.PAUSE,)
        case WorkKind.CHECK:
            words = tr("{done} of {total} files", done=done, total=total) if total else ""
            state, deeds = tr("being checked"), (RuntimeDeed.PAUSE,)
        case WorkKind.ROLL_BACK:
            words, state, deeds = "", tr("going back"), ()
        case _:
            words, state, deeds = "", tr("waiting to begin"), _STOPPABLE
    return RuntimeCard(mood=Mood.BUSY, state=state, sentences=facts, bar=Bar(done, total, words), deeds=deeds)


def _installing(progress: RuntimeProgress, facts: tuple[str, ...]) -> RuntimeCard:
    deeds: tuple[RuntimeDeed, ...] = (RuntimeDeed.PAUSE,)
    match progress.state:
        case RuntimeState.BUILDING:
            done, total = progress.parts_done, progress.parts_total
            bar = Bar(done, total, tr("{done} of {total} parts", done=done, total=total))
            state = tr("being put together")
        case RuntimeState.TESTING:
            bar = Bar(0, 0, tr("It makes a short video, which must succeed before it is used."))
            state = tr("being tested")
        case _:
            bar, state, deeds = _fetching(progress), tr("being downloaded"), _STOPPABLE
            if progress.transfer is None:
                state = tr("asking where its parts are")
            elif progress.transfer.checking:
                state = tr("looking at what is here")
    return RuntimeCard(mood=Mood.BUSY, state=state, sentences=facts, bar=bar, deeds=deeds)


def _fetching(progress: RuntimeProgress) -> Bar:
    transfer = progress.transfer
    if transfer is None:
        return Bar(0, 0, "")
    words = tr("{done} of {total}", done=_size(transfer.done_bytes), total=_size(transfer.total_bytes))
    if transfer.waiting:
        words = f"{words}. {transfer.waiting}"
    elif transfer.bytes_per_s and not transfer.checking:
        words = tr("{amount}, {speed} per second", amount=words, speed=_size(int(transfer.bytes_per_s)))
        if transfer.seconds_left is not None:
            words = tr("{amount}, {time} left", amount=words, time=_time(transfer.seconds_left))
    return Bar(transfer.done_bytes, transfer.total_bytes, words)


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return tr("about {count} min", count=minutes) if minutes >= 1 else tr("less than a minute")


def _size(count: int) -> str:
    return f"{decimal(count / 1e9, 1)} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
