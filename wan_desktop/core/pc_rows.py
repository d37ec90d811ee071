"""What was found out about a PC as rows: what, value, what it means, and what to do where it is not as it should be.

For the page This PC, the first start and a report that people copy. What a PC can make with all that is said by
`pc_reach`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from wan_desktop.core.card_programs import CardProgram, named_sizes
from wan_desktop.core.hardware import Drive, DriveKind, Gpu, HardwareProblem, HardwareProfile, ProblemCode
from wan_desktop.core.machine import MIN_COMPUTE_CAPABILITY, Card, CardKind, as_torch_sees_it, card_of, limits_of
from wan_desktop.core.messages import SpeedKind, SpeedPart, SpeedReport, SpeedStatus, TorchCard
from wan_desktop.core.model_names import variant_name
from wan_desktop.core.pc_reach import ModelReach
from wan_desktop.core.settings import Settings
from wan_desktop.core.words import decimal, mark, tr

_GB = 1e9
_DOT = "  \u00b7  "
_OTHERS_MUCH_PART, _OTHERS_MUCH_BYTES = 0.15, 1_500_000_000
"""Other programs are worth closing when they hold more than both; the desktop alone holds some hundred megabytes."""
_LITTLE_VIDEO_MEMORY_BYTES = 5_500_000_000
"""Below what cards of 6 GB can use, only the smallest model runs, and with memory saving (the catalog's checks)."""
_MUCH_MEMORY_BYTES, _LEAST_MEMORY_BYTES = 30_000_000_000, 14_000_000_000
"""PCs that are sold with 32 GB, and with 16 GB."""
_LITTLE_DISK_BYTES, _LEAST_DISK_BYTES = 20_000_000_000, 5_000_000_000
"""From where on downloads pause and renders refuse (ux.md 3.2: low disk)."""
_FAST_DISK_BYTES_PER_S, _SLOW_DISK_BYTES_PER_S = 1.5e9, 0.25e9
_NO_LARGE_FILES = ("fat", "fat16", "fat32", "vfat", "msdos")
"""File systems that hold no file above 4 GiB; models have such."""


class RowKind(StrEnum):
    """What a row is about, in the order in which rows are shown."""

    CARD = "card"
    VIDEO_MEMORY = "video-memory"
    OTHER_PROGRAMS = "other-programs"
    DRIVER = "driver"
    COMPUTE_LEVEL = "compute-level"
    ATTENTION = "attention"
    NUMBER_FORMAT = "number-format"
    MEMORY = "memory"
    PAGE_FILE = "page-file"
    DRIVE = "drive"
    SYSTEM = "system"
    MEMORY_SPILL = "memory-spill"


class RowState(StrEnum):
    """How it stands."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    NOT_CHECKED = "not-checked"


class Fix(StrEnum):
    """What a button beside a row does; carried out by the window."""

    NONE = ""
    OPEN_DRIVER_PAGE = "open-driver-page"
    CHECK_AGAIN = "check-again"
    CHOOSE_CARD = "choose-card"
    SHOW_PROGRAMS = "show-programs"
    """What holds the card's memory, by name; where that is not known, the system's list of running programs."""
    OPEN_PAGE_FILE = "open-page-file"
    """The system's dialog for virtual memory."""
    FREE_DISK = "free-disk"
    MEASURE_SPEED = "measure-speed"
    POWER = "power"
    """The system's settings for power."""


_WINDOWS_FIXES = (Fix.SHOW_PROGRAMS, Fix.OPEN_PAGE_FILE, Fix.FREE_DISK, Fix.POWER)
DRIVER_PAGE = "https://www.nvidia.com/drivers"


@dataclass(frozen=True, slots=True, kw_only=True)
class PcRow:
    """One row; all texts in the language in use."""

    kind: RowKind
    name: str
    value: str
    meaning: str
    """What the value decides, in a few words."""
    state: RowState = RowState.OK
    fix: Fix = Fix.NONE
    hint: str = ""
    """What to do, or why it is as it is, in a sentence or two."""
    subject: str = ""
    """Which of several rows of a kind: a drive's path."""
    programs: tuple[CardProgram, ...] = ()
    """Of the row about other programs: what holds the card's memory, the largest first. Names of programs are private:
    they stand in no report."""


def pc_rows(
    profile: HardwareProfile,
    settings: Settings | None = None,
    torch_cards: Sequence[TorchCard] | None = None,
    speed: SpeedReport | None = None,
    can_make: Sequence[ModelReach] = (),
) -> tuple[PcRow, ...]:
    """The rows of a PC.

    Args:
        profile: What was found.
        settings: Which card is chosen.
        torch_cards: What the engine can compute on; None while it has not said so.
        speed: What the speed test has found on the card that is used; None if it was not run.
        can_make: What `pc_reach.reach` has found; empty while it is not known.
    """
    wishes = settings or Settings()
    card = card_of(profile, wishes.gpu_uuid)
    if torch_cards is not None:
        card = as_torch_sees_it(card, torch_cards)
    rows = [_card_row(profile, card, wishes)]
    if card.gpu is not None:
        rows += [_video_memory_row(profile, card), _others_row(card.gpu), _driver_row(profile, card)]
        rows.append(_compute_row(card.gpu))
    if card.computes:
        rows.append(_attention_row(speed))
    rows += _format_rows(can_make)
    rows += [_memory_row(profile), _page_file_row(profile)]
    rows += [_drive_row(drive) for drive in profile.drives]
    rows += list(_drive_problems(profile))
    rows.append(_system_row(profile))
    if card.gpu is not None and profile.system.os == "windows":
        rows.append(_spill_row())
    if profile.system.os != "windows":
        rows = [row if row.fix not in _WINDOWS_FIXES or row.programs else replace(row, fix=Fix.NONE) for row in rows]
    return tuple(rows)


def rows_in_words(rows: Sequence[PcRow]) -> str:
    """The rows as plain text, for a report."""
    return "\n".join(
        f"[{row.state.value}] {row.name}: {row.value} - {row.meaning}".replace(_DOT, ", ").removesuffix(" - ")
        for row in rows
    )


# The card ------------------------------------------------------------------------------------------------------------

_NO_CARD = {
    ProblemCode.NO_CARD: (mark("None found"), RowState.BAD, Fix.CHECK_AGAIN),
    ProblemCode.DRIVER_MISSING: (mark("The NVIDIA driver is not installed"), RowState.BAD, Fix.OPEN_DRIVER_PAGE),
    ProblemCode.DRIVER_NOT_ANSWERING: (mark("The NVIDIA driver does not answer"), RowState.BAD, Fix.CHECK_AGAIN),
    ProblemCode.DRIVER_FAULT: (mark("The NVIDIA driver reports a fault"), RowState.BAD, Fix.CHECK_AGAIN),
    ProblemCode.CARD_UNREADABLE: (mark("It cannot be read"), RowState.BAD, Fix.CHECK_AGAIN),
    ProblemCode.PROBE_FAILED: (mark("Not checked"), RowState.NOT_CHECKED, Fix.CHECK_AGAIN),
}


def _problem(profile: HardwareProfile, *codes: ProblemCode) -> HardwareProblem | None:
    return next((problem for problem in profile.problems if problem.code in codes), None)


def _says(problem: HardwareProblem) -> str:
    return f"{problem.text} {problem.hint}".strip()


def _card_row(profile: HardwareProfile, card: Card, settings: Settings) -> PcRow:
    if card.gpu is None:
        return _missing_card_row(profile, settings)
    row = partial(PcRow, kind=RowKind.CARD, name=tr("Graphics card"), value=card.gpu.name)
    count = len(profile.gpus)
    unreadable = _problem(profile, ProblemCode.CARD_UNREADABLE, ProblemCode.DRIVER_FAULT)
    if not card.computes:
        fix = Fix.OPEN_DRIVER_PAGE if card.kind is CardKind.DRIVER_TOO_OLD else Fix.NONE
        fix = Fix.CHOOSE_CARD if count > 1 and fix is Fix.NONE else fix
        meaning = tr("videos cannot be made on it")
        return row(meaning=meaning, state=RowState.BAD, fix=fix, hint=card.text)
    if unreadable is not None:
        return row(meaning=tr("used for rendering"), state=RowState.WARN, hint=_says(unreadable))
    if count == 1:
        return row(meaning=tr("used for rendering"))
    chosen = tr("chosen by you") if settings.gpu_uuid else tr("it has the most free memory")
    meaning = tr("one of {count} cards, {why}", count=count, why=chosen)
    return row(meaning=meaning, fix=Fix.CHOOSE_CARD)


def _missing_card_row(profile: HardwareProfile, settings: Settings) -> PcRow:
    name, meaning = tr("Graphics card"), tr("large models need one from NVIDIA")
    if settings.gpu_uuid and profile.gpus:
        value, hint = tr("The chosen card is not there"), tr("Choose another card, or let the program choose.")
        return PcRow(
            kind=RowKind.CARD,
            name=name,
            value=value,
            meaning=tr("nothing can be rendered on it"),
            state=RowState.BAD,
            fix=Fix.CHOOSE_CARD,
            hint=hint,
        )
    problem = _problem(profile, *_NO_CARD)
    if problem is None:
        value, hint = tr("None found"), tr("Nothing on this PC says why.")
        return PcRow(kind=RowKind.CARD, name=name, value=value, meaning=meaning, state=RowState.NOT_CHECKED, hint=hint)
    found, state, fix = _NO_CARD[problem.code]
    value = tr(found)
    hint = problem.hint if problem.text.rstrip(".") == value else _says(problem)
    return PcRow(kind=RowKind.CARD, name=name, value=value, meaning=meaning, state=state, fix=fix, hint=hint)


def _video_memory_row(profile: HardwareProfile, card: Card) -> PcRow:
    assert card.gpu is not None
    value = tr("{free} of {total} free", free=_gb(card.gpu.free_bytes), total=_gb(card.gpu.total_bytes))
    row = partial(PcRow, kind=RowKind.VIDEO_MEMORY, name=tr("Video memory"), value=value)
    usable, most = limits_of(profile, card).vram_bytes, limits_of(profile, card, alone=True).vram_bytes
    if usable is None or most is None:
        return row(meaning=tr("not used"), state=RowState.NOT_CHECKED)
    meaning = tr("{size} can be used", size=_gb(usable))
    hint = tr("Some stays free for the desktop and the driver: at least 0.8 GB, on large cards 6 %.")
    if most < _LITTLE_VIDEO_MEMORY_BYTES:
        little = tr("This is little: only small models run, with memory saving.")
        return row(meaning=meaning, state=RowState.WARN, hint=f"{little} {hint}")
    return row(meaning=meaning, hint=hint)


def _others_row(gpu: Gpu) -> PcRow:
    row = partial(
        PcRow,
        kind=RowKind.OTHER_PROGRAMS,
        name=tr("Other programs"),
        value=_gb(gpu.used_by_others_bytes),
        programs=gpu.programs,
    )
    names = named_sizes(gpu.programs)
    largest = tr("The largest: {programs}.", programs=names) if names else ""
    if gpu.programs:
        row = partial(row, fix=Fix.SHOW_PROGRAMS, hint=largest or tr("Nothing that could be closed."))
    if gpu.used_by_others_bytes < max(_OTHERS_MUCH_BYTES, _OTHERS_MUCH_PART * gpu.total_bytes):
        return row(meaning=tr("of video memory, as usual"))
    advice = tr("Games, browsers and video programs take video memory. Close them before large videos.")
    return row(
        meaning=tr("of video memory: close some"),
        state=RowState.WARN,
        fix=Fix.SHOW_PROGRAMS,
        hint=f"{largest} {advice}".strip(),
    )


def _driver_row(profile: HardwareProfile, card: Card) -> PcRow:
    assert card.gpu is not None
    version, cuda = card.gpu.driver_version or tr("unknown"), _version(card.gpu.cuda_version)
    row = partial(PcRow, kind=RowKind.DRIVER, name=tr("Driver"), value=f"{version}{_DOT}CUDA {cuda}")
    if problem := _problem(profile, ProblemCode.DRIVER_TOO_OLD):
        fix, hint = Fix.OPEN_DRIVER_PAGE, _says(problem)
        return row(meaning=tr("too old"), state=RowState.BAD, fix=fix, hint=hint)
    if problem := _problem(profile, ProblemCode.DRIVER_OLD):
        fix, hint = Fix.OPEN_DRIVER_PAGE, _says(problem)
        return row(meaning=tr("old, but it works"), state=RowState.WARN, fix=fix, hint=hint)
    return row(meaning=tr("new enough"))


def _compute_row(gpu: Gpu) -> PcRow:
    level, architecture = _version(gpu.compute_capability), gpu.architecture.capitalize()
    value = level if gpu.architecture == "unknown" else f"{level} ({architecture})"
    row = partial(PcRow, kind=RowKind.COMPUTE_LEVEL, name=tr("Compute level"), value=value)
    if gpu.compute_capability < MIN_COMPUTE_CAPABILITY:
        hint = tr("The program needs 7.0 or more: a GeForce RTX, or a Titan V.")
        return row(meaning=tr("too old"), state=RowState.BAD, hint=hint)
    if not gpu.has_bfloat16:
        hint = tr("The card lacks BF16. FP16 is used; where its numbers overflow, the program takes safer ones.")
        return row(meaning=tr("FP16 only"), state=RowState.WARN, hint=hint)
    if gpu.has_float4_math:
        return row(meaning=tr("BF16, FP8 and FP4 work"))
    return row(meaning=tr("BF16 and FP8 work") if gpu.has_float8_math else tr("BF16 works"))


_KERNELS = {
    "native": mark("torch's choice"),
    "_native_flash": mark("Flash"),
    "_native_efficient": mark("memory-efficient"),
    "_native_cudnn": mark("cuDNN"),
    "_native_math": mark("plain"),
}


def kernel_name(name: str) -> str:
    """An attention kernel, for people."""
    return tr(_KERNELS[name]) if name in _KERNELS else name


def _attention_row(speed: SpeedReport | None) -> PcRow:
    row = partial(PcRow, kind=RowKind.ATTENTION, name=tr("Attention"))
    kernels = [part for part in speed.parts if part.kind is SpeedKind.ATTENTION] if speed else []
    if not kernels:
        value, hint = tr("Chosen by torch"), tr("The speed test compares the kernels, and their results.")
        state, fix = RowState.NOT_CHECKED, Fix.MEASURE_SPEED
        return row(value=value, meaning=tr("not measured"), state=state, fix=fix, hint=hint)
    right = [part for part in kernels if part.status is SpeedStatus.MEASURED]
    wrong = [part for part in kernels if part.status is SpeedStatus.WRONG]
    value = _fastest(right)
    if wrong:
        names = ", ".join(kernel_name(part.name) for part in wrong)
        hint = tr("Switched off, because the results differ: {names}.", names=names)
        meaning = tr("{count} switched off", count=len(wrong))
        return row(value=value, meaning=meaning, state=RowState.WARN, hint=hint)
    return row(value=value, meaning=tr("the same results with all {count} kernels", count=len(right)))


def _fastest(kernels: Sequence[SpeedPart]) -> str:
    if not kernels:
        return tr("None works")
    best = max(kernels, key=lambda part: part.per_s)
    return tr("{name} is the fastest", name=kernel_name(best.name))


def _format_rows(can_make: Sequence[ModelReach]) -> Iterator[PcRow]:
    """Which weights suit the PC, for each size of models that a card runs."""
    on_card = [each for each in can_make if each.on_card and each.size_class]
    formats = {each.size_class: each.variant for each in reversed(on_card)}
    if not formats:
        return
    parts = [f"{name}: {variant_name(variant) or variant}" for name, variant in sorted(formats.items())]
    yield PcRow(
        kind=RowKind.NUMBER_FORMAT,
        name=tr("Number formats"),
        value=_DOT.join(parts),
        meaning=tr("suit this PC best"),
        hint=tr("Smaller formats need less memory and show slightly less detail."),
    )


def _spill_row() -> PcRow:
    # What the driver does, and where it is switched off: NVIDIA's support page "System Memory Fallback for Stable
    # Diffusion" (nvidia.custhelp.com, answer 5490).
    return PcRow(
        kind=RowKind.MEMORY_SPILL,
        name=tr("NVIDIA memory spill"),
        value=tr("Cannot be read"),
        meaning=tr("kept in mind by estimates"),
        state=RowState.NOT_CHECKED,
        hint=tr(
            "When video memory is full, the NVIDIA driver may go on in normal memory, which is very slow. The program "
            "plans each video with room to spare. To switch it off: NVIDIA Control Panel, Manage 3D settings, CUDA - "
            "Sysmem Fallback Policy, Prefer No Sysmem Fallback."
        ),
    )


# The rest of the PC --------------------------------------------------------------------------------------------------


def _memory_row(profile: HardwareProfile) -> PcRow:
    memory = profile.memory
    value = tr("{total}, {free} free", total=_gb(memory.total_bytes), free=_gb(memory.available_bytes))
    row = partial(PcRow, kind=RowKind.MEMORY, name=tr("Memory"), value=value)
    if memory.total_bytes >= _MUCH_MEMORY_BYTES:
        return row(meaning=tr("enough to keep a model ready"))
    if memory.total_bytes >= _LEAST_MEMORY_BYTES:
        hint = tr("The part of a model that reads prompts is loaded for each prompt anew, or computes from the disk.")
        return row(meaning=tr("enough with memory saving"), state=RowState.WARN, hint=hint)
    hint = tr("Large models need 16 GB or more. Small ones work.")
    return row(meaning=tr("little"), state=RowState.BAD, hint=hint)


def _page_file_row(profile: HardwareProfile) -> PcRow:
    memory, is_windows = profile.memory, profile.system.os == "windows"
    row = partial(PcRow, kind=RowKind.PAGE_FILE, name=tr("Page file") if is_windows else tr("Swap space"))
    value = _gb(memory.page_file_bytes) if memory.page_file_bytes else tr("None")
    if problem := _problem(profile, ProblemCode.PAGE_FILE_SMALL):
        fix, hint = Fix.OPEN_PAGE_FILE, _says(problem)
        return row(value=value, meaning=tr("small"), state=RowState.WARN, fix=fix, hint=hint)
    if not is_windows:
        return row(value=value, meaning=tr("{size} can be promised", size=_gb(memory.commit_free_bytes)))
    if memory.page_file_is_automatic is None:
        return row(value=value, meaning=tr("its limit is not known"), state=RowState.NOT_CHECKED)
    if memory.page_file_is_automatic:
        return row(value=value, meaning=tr("Windows makes it larger when needed"))
    return row(value=value, meaning=tr("set by you, large enough"))


_DRIVE_KINDS = {
    DriveKind.NVME: "NVMe",
    DriveKind.SSD: "SSD",
    DriveKind.HDD: mark("Hard disk"),
    DriveKind.USB: "USB",
    DriveKind.NETWORK: mark("Network"),
    DriveKind.UNKNOWN: mark("Drive"),
}


def drive_kind_name(kind: DriveKind) -> str:
    """How a drive is built, for people."""
    return tr(_DRIVE_KINDS[kind])


def _drive_row(drive: Drive) -> PcRow:
    free = tr("{size} free", size=_gb(drive.free_bytes)) if drive.is_readable else tr("free space unknown")
    parts = [drive_kind_name(drive.kind), free]
    if drive.read_bytes_per_s:
        parts.append(tr("reads {rate}/s", rate=_gb(round(drive.read_bytes_per_s))))
    row = partial(
        PcRow, kind=RowKind.DRIVE, name=tr("Drive {path}", path=drive.path), value=_DOT.join(parts), subject=drive.path
    )
    if drive.file_system.casefold() in _NO_LARGE_FILES:
        hint = tr("This file system holds no file above 4 GB, and models have such. Choose another drive, or NTFS.")
        return row(meaning=tr("not for models"), state=RowState.BAD, hint=hint)
    if not drive.is_readable:
        hint = tr("Connect the drive, or choose another folder.")
        return row(meaning=tr("does not answer"), state=RowState.NOT_CHECKED, hint=hint)
    if drive.free_bytes < _LITTLE_DISK_BYTES:
        state = RowState.BAD if drive.free_bytes < _LEAST_DISK_BYTES else RowState.WARN
        hint = tr("Models have 5 to 60 GB. Free some space, or choose a folder on another drive.")
        return row(meaning=tr("nearly full"), state=state, fix=Fix.FREE_DISK, hint=hint)
    slow_hint = tr("Loading a model from here takes minutes. An SSD inside the PC is better.")
    rate = drive.read_bytes_per_s
    is_slow = drive.kind in (DriveKind.HDD, DriveKind.USB, DriveKind.NETWORK)
    if (rate is not None and rate < _SLOW_DISK_BYTES_PER_S) or (rate is None and is_slow):
        return row(meaning=tr("slow"), state=RowState.WARN, hint=slow_hint)
    if rate is None and drive.kind is DriveKind.UNKNOWN:
        return row(meaning=tr("speed not measured"), state=RowState.NOT_CHECKED)
    is_fast = rate >= _FAST_DISK_BYTES_PER_S if rate is not None else drive.kind is DriveKind.NVME
    return row(meaning=tr("fast") if is_fast else tr("fast enough"))


def _drive_problems(profile: HardwareProfile) -> Iterator[PcRow]:
    for problem in profile.problems:
        if problem.code is ProblemCode.DRIVE_NOT_ANSWERING:
            yield PcRow(
                kind=RowKind.DRIVE,
                name=tr("Drive"),
                value=tr("Not reached"),
                meaning=tr("models there cannot be used"),
                state=RowState.BAD,
                fix=Fix.CHECK_AGAIN,
                hint=_says(problem),
                subject=problem.text,
            )


def _system_row(profile: HardwareProfile) -> PcRow:
    system = profile.system
    name = {"windows": "Windows", "linux": "Linux"}.get(system.os, tr("System"))
    parts = [system.os_version.removeprefix("Windows ") if name == "Windows" else system.os_version, system.cpu]
    value = _DOT.join(part for part in parts if part) or tr("unknown")
    row = partial(PcRow, kind=RowKind.SYSTEM, name=name, value=f"Windows {value}" if name == "Windows" else value)
    if system.on_battery:
        hint = tr("On battery the graphics card is slowed down. Plug in the power supply.")
        return row(meaning=tr("on battery"), state=RowState.WARN, fix=Fix.POWER, hint=hint)
    if system.is_remote_session:
        hint = tr("Rendering works; playing videos over the connection may stutter.")
        return row(meaning=tr("remote session"), state=RowState.WARN, hint=hint)
    return row(meaning=tr("laptop, plugged in") if system.is_laptop else tr("as needed"))


def _gb(size_bytes: int) -> str:
    """In decimal units, as everywhere in the program: 12 GB of a card are 12.9 of these."""
    if size_bytes < 950_000_000:
        return f"{size_bytes / 1e6:.0f} MB"
    return f"{decimal(size_bytes / _GB, 1)} GB"


def _version(pair: tuple[int, int]) -> str:
    return f"{pair[0]}.{pair[1]}"
