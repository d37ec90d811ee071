"""The health of the program and of its PC, as a list: what, how it stands, one sentence, and which button helps."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from wan_desktop.core.doctor.files import (
    database_trouble,
    existing_part,
    folder_trouble,
    missing_packages,
    model_trouble,
    program_trouble,
    settings_trouble,
)
from wan_desktop.core.engine_client import EngineAbsent, EngineReady, EngineStarting, EngineState
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.pc_rows import Fix, PcRow, RowKind, RowState, pc_rows
from wan_desktop.core.settings import Settings
from wan_desktop.core.store.status import ModelState, ModelStatus
from wan_desktop.core.words import decimal, mark, tr, trn

_GB = 1e9
LITTLE_DISK_BYTES, LEAST_DISK_BYTES = 20_000_000_000, 5_000_000_000
"""Below the first a drive is low, below the second downloads pause and renders refuse, as on the page This PC."""


class HealthKind(StrEnum):
    """What is looked at, in the order in which it is shown."""

    PROGRAM = "program"
    BUILTIN_MODEL = "builtin-model"
    ENGINE = "engine"
    CARD = "card"
    DRIVER = "driver"
    COMPUTE_LEVEL = "compute-level"
    MEMORY = "memory"
    PAGE_FILE = "page-file"
    FOLDER = "folder"
    DISK_SPACE = "disk-space"
    SETTINGS = "settings"
    MODELS = "models"
    DATABASE = "database"


class HealthState(StrEnum):
    """How it stands."""

    GREEN = "green"
    YELLOW = "yellow"
    """It works, but something could be better."""
    RED = "red"
    NOT_CHECKED = "not-checked"


class HealthFix(StrEnum):
    """What a button beside an item does; carried out by the window."""

    NONE = ""
    CHECK_AGAIN = "check-again"
    OPEN_DRIVER_PAGE = "open-driver-page"
    SHOW_PC = "show-pc"
    """The page This PC, which says more and has buttons of its own."""
    SHOW_MODELS = "show-models"
    SHOW_SETTINGS = "show-settings"
    FREE_DISK = "free-disk"
    START_ENGINE = "start-engine"
    SHOW_ENGINE = "show-engine"
    """Where the engine is installed and repaired."""
    SHOW_HELP = "show-help"
    """The help text of the item's error number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthItem:
    """One thing that was looked at; all texts in the language in use."""

    kind: HealthKind
    name: str
    state: HealthState
    sentence: str
    fix: HealthFix = HealthFix.NONE
    error_number: int = 0
    """Whose help text says more; 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the examination begins with; None is for what is not known, and gives "not checked"."""

    paths: AppPaths
    settings: Settings
    hardware: HardwareProfile | None = None
    engine: EngineState | None = None
    models: Sequence[ModelState] | None = None
    has_runtime: bool = False
    """The engine has an environment of its own: its libraries are not among this program's."""


def examine(facts: Facts) -> tuple[HealthItem, ...]:
    """Look at everything. Reads some 15 MB and writes one byte into each folder; a second at most on a local drive."""
    return (
        *_program(facts.paths, has_runtime=facts.has_runtime),
        _engine(facts.engine),
        *_pc(facts),
        *_folders(facts),
        *_disk_space(facts),
        _settings(facts.paths),
        _models(facts.models),
        *_databases(facts.paths),
    )


def worst(items: Sequence[HealthItem]) -> HealthState:
    """The state of all together; what was not checked counts only if nothing was."""
    states = {item.state for item in items}
    order = (HealthState.RED, HealthState.YELLOW, HealthState.GREEN)
    return next((state for state in order if state in states), HealthState.NOT_CHECKED)


# The program ---------------------------------------------------------------------------------------------------------


def _program(paths: AppPaths, *, has_runtime: bool) -> Iterator[HealthItem]:
    item = partial(HealthItem, kind=HealthKind.PROGRAM, name=tr("Program files"))
    bad = partial(item, state=HealthState.RED, fix=HealthFix.SHOW_HELP, error_number=6001)
    trouble, packages = program_trouble(paths.resources), [] if has_runtime else missing_packages()
    if trouble is not None:
        yield bad(sentence=trouble.sentence)
    elif packages:
        yield bad(sentence=tr("Libraries are missing: {names}.", names=", ".join(packages)))
    else:
        yield item(state=HealthState.GREEN, sentence=tr("All parts of the program are there."))
    item = partial(HealthItem, kind=HealthKind.BUILTIN_MODEL, name=tr("Built-in model"))
    damage = model_trouble(paths.resources)
    if damage is None:
        yield item(state=HealthState.GREEN, sentence=tr("Every file is as it was delivered."))
    else:
        bad = partial(item, state=HealthState.RED, fix=HealthFix.SHOW_HELP, error_number=6001)
        yield bad(sentence=damage.sentence)


def _engine(state: EngineState | None) -> HealthItem:
    item = partial(HealthItem, kind=HealthKind.ENGINE, name=tr("Render engine"))
    match state:
        case EngineReady(ready):
            words = tr(
                "It runs: torch {torch}, diffusers {diffusers}, on {device}.",
                torch=ready.torch_version,
                diffusers=ready.diffusers_version,
                device=ready.device,
            )
            return item(state=HealthState.GREEN, sentence=words)
        case EngineStarting():
            words = tr("It is starting.")
            return item(state=HealthState.NOT_CHECKED, sentence=words, fix=HealthFix.CHECK_AGAIN)
        case EngineAbsent(error):
            fix, number = HealthFix.SHOW_ENGINE, error.number
            return item(state=HealthState.RED, sentence=error.message, fix=fix, error_number=number)
        case None:
            return item(state=HealthState.NOT_CHECKED, sentence=tr("It was not started."))
        case _ if state.reason:
            words = tr("It stopped: {reason}", reason=state.reason)
            return item(state=HealthState.RED, sentence=words, fix=HealthFix.START_ENGINE, error_number=3005)
        case _:
            words = tr("It does not run now. The next video starts it.")
            return item(state=HealthState.NOT_CHECKED, sentence=words, fix=HealthFix.START_ENGINE)


# The PC --------------------------------------------------------------------------------------------------------------

_ROWS = {
    RowKind.CARD: HealthKind.CARD,
    RowKind.DRIVER: HealthKind.DRIVER,
    RowKind.COMPUTE_LEVEL: HealthKind.COMPUTE_LEVEL,
    RowKind.MEMORY: HealthKind.MEMORY,
    RowKind.PAGE_FILE: HealthKind.PAGE_FILE,
}
_STATES = {
    RowState.OK: HealthState.GREEN,
    RowState.WARN: HealthState.YELLOW,
    RowState.BAD: HealthState.RED,
    RowState.NOT_CHECKED: HealthState.NOT_CHECKED,
}
_FIXES = {
    Fix.OPEN_DRIVER_PAGE: HealthFix.OPEN_DRIVER_PAGE,
    Fix.CHECK_AGAIN: HealthFix.CHECK_AGAIN,
    Fix.FREE_DISK: HealthFix.FREE_DISK,
}
_NUMBERS = {
    HealthKind.CARD: 1001,
    HealthKind.DRIVER: 1002,
    HealthKind.COMPUTE_LEVEL: 1004,
    HealthKind.MEMORY: 3002,
    HealthKind.PAGE_FILE: 3002,
}


def _pc(facts: Facts) -> Iterator[HealthItem]:
    if facts.hardware is None:
        yield HealthItem(
            kind=HealthKind.CARD,
            name=tr("This PC"),
            state=HealthState.NOT_CHECKED,
            sentence=tr("It was not looked at yet."),
            fix=HealthFix.CHECK_AGAIN,
        )
        return
    cards = facts.engine.ready.cards if isinstance(facts.engine, EngineReady) else None
    for row in pc_rows(facts.hardware, facts.settings, cards):
        if row.kind in _ROWS:
            yield _from_row(row)


def _from_row(row: PcRow) -> HealthItem:
    kind, state = _ROWS[row.kind], _STATES[row.state]
    sentence = f"{row.value}: {row.meaning}." if row.meaning else f"{row.value}."
    if row.hint and state is not HealthState.GREEN:
        sentence = f"{sentence} {row.hint}"
    is_fine = state is HealthState.GREEN
    fix = HealthFix.NONE if is_fine else _FIXES.get(row.fix, HealthFix.SHOW_PC)
    number = _NUMBERS[kind] if state is HealthState.RED else 0
    return HealthItem(kind=kind, name=row.name, state=state, sentence=sentence, fix=fix, error_number=number)


# Folders and drives --------------------------------------------------------------------------------------------------

_DATA, _VIDEOS, _MODELS = mark("Program folder"), mark("Folder of videos"), mark("Folder of models")


def _places(facts: Facts) -> list[tuple[str, Path, int]]:
    """Name, folder, and the error that a render or a download would meet there."""
    paths, settings = facts.paths, facts.settings
    places = [(_DATA, paths.data, 6007), (_VIDEOS, settings.videos_folder or paths.videos, 4002)]
    return places + [(_MODELS, folder, 6008) for folder in settings.model_folders or (paths.models,)]


def _folders(facts: Facts) -> Iterator[HealthItem]:
    for name, folder, number in _places(facts):
        item = partial(HealthItem, kind=HealthKind.FOLDER, name=tr(name))
        trouble = folder_trouble(folder)
        if trouble is None:
            yield item(state=HealthState.GREEN, sentence=tr("{folder} can be written.", folder=folder))
            continue
        words = tr("{folder} cannot be written. {reason}", folder=folder, reason=trouble.sentence)
        fix = HealthFix.SHOW_HELP if number == 6007 else HealthFix.SHOW_SETTINGS
        yield item(state=HealthState.RED, sentence=words, fix=fix, error_number=number)


def _disk_space(facts: Facts) -> Iterator[HealthItem]:
    """One item a drive, named after what lies there."""
    drives: dict[int, list[tuple[str, Path]]] = {}
    for name, folder, _ in _places(facts):
        place = existing_part(folder)
        try:
            drives.setdefault(place.stat().st_dev, []).append((name, place))
        except OSError:
            continue  # the item of the folder says it
    for places in drives.values():
        named = ", ".join(dict.fromkeys(tr(name) for name, _ in places))
        yield _space_of(places[0][1], named)


def _space_of(place: Path, named: str) -> HealthItem:
    item = partial(HealthItem, kind=HealthKind.DISK_SPACE, name=tr("Space for: {names}", names=named))
    try:
        free_bytes = shutil.disk_usage(place).free
    except OSError as error:
        words = tr("The system does not say: {reason}.", reason=error.strerror or str(error))
        return item(state=HealthState.NOT_CHECKED, sentence=words)
    free = f"{decimal(free_bytes / _GB, 1)} GB"
    if free_bytes < LEAST_DISK_BYTES:
        words = tr("Only {free} are free. Downloads pause, and videos may not be saved.", free=free)
        return item(state=HealthState.RED, sentence=words, fix=HealthFix.FREE_DISK, error_number=4001)
    if free_bytes < LITTLE_DISK_BYTES:
        words = tr("{free} are free. Models have 5 to 60 GB.", free=free)
        return item(state=HealthState.YELLOW, sentence=words, fix=HealthFix.FREE_DISK)
    return item(state=HealthState.GREEN, sentence=tr("{free} are free.", free=free))


# What is kept --------------------------------------------------------------------------------------------------------


def _settings(paths: AppPaths) -> HealthItem:
    item = partial(HealthItem, kind=HealthKind.SETTINGS, name=tr("Settings"))
    trouble = settings_trouble(paths.settings_file)
    if trouble is None:
        return item(state=HealthState.GREEN, sentence=tr("They can be read."))
    state = HealthState.RED if trouble.damaged else HealthState.YELLOW
    return item(state=state, sentence=trouble.sentence, fix=HealthFix.SHOW_SETTINGS, error_number=6002)


_BROKEN = (ModelStatus.CORRUPTED, ModelStatus.ERROR)
_UNFINISHED = (ModelStatus.INCOMPLETE, ModelStatus.UNKNOWN)


def _models(states: Sequence[ModelState] | None) -> HealthItem:
    item = partial(HealthItem, kind=HealthKind.MODELS, name=tr("Models"))
    if states is None:
        words = tr("They were not looked at yet.")
        return item(state=HealthState.NOT_CHECKED, sentence=words, fix=HealthFix.CHECK_AGAIN)
    broken = [state for state in states if state.status in _BROKEN]
    if broken:
        names = ", ".join(f"{state.key.model_id} {state.key.variant}" for state in broken)
        words = trn(
            "{count} model needs repair: {names}.", "{count} models need repair: {names}.", len(broken), names=names
        )
        return item(state=HealthState.RED, sentence=words, fix=HealthFix.SHOW_MODELS, error_number=2105)
    unfinished = [state for state in states if state.status in _UNFINISHED]
    if unfinished:
        words = trn(
            "{count} model is not complete, or changed since it was read.",
            "{count} models are not complete, or changed since they were read.",
            len(unfinished),
        )
        return item(state=HealthState.YELLOW, sentence=words, fix=HealthFix.SHOW_MODELS)
    usable = sum(state.status.usable for state in states)
    words = trn("{count} model can be used.", "{count} models can be used.", usable)
    return item(state=HealthState.GREEN, sentence=words)


def _databases(paths: AppPaths) -> Iterator[HealthItem]:
    files = (
        (tr("Queue"), paths.render_queue_file, 6011),
        (tr("List of videos"), paths.video_library_file, 4007),
        (tr("History of models"), paths.model_history, 6008),
    )
    for name, file, number in files:
        item = partial(HealthItem, kind=HealthKind.DATABASE, name=name)
        trouble = database_trouble(file)
        if trouble is None:
            words = tr("It can be read.") if file.exists() else tr("There is none yet.")
            yield item(state=HealthState.GREEN, sentence=words)
        else:
            bad = partial(item, state=HealthState.RED, fix=HealthFix.SHOW_HELP, error_number=number)
            yield bad(sentence=trouble.sentence)
