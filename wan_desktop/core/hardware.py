"""What a PC is: its graphics cards, memory, drives and system, as data that can be written down and read back.

`python main.py hardware --json` prints a profile as it is written here; a file of it stands for that PC wherever
`--hardware FILE` is taken. All sizes are in bytes.
"""

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.card_programs import CardProgram
from wan_desktop.core.errors import HardwareFileError
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.words import mark, tr

UNKNOWN_ARCHITECTURE = "unknown"
_MAX_FILE_BYTES = 4_000_000
"""A profile is some 2 kB; this only keeps a video that was named by mistake out of memory."""
_HINT = mark("Make it with `python main.py hardware --json` on the PC that it is about.")


class DriveKind(StrEnum):
    """How a drive is built, as far as that decides how fast it reads."""

    NVME = "nvme"
    SSD = "ssd"
    HDD = "hdd"
    USB = "usb"
    NETWORK = "network"
    UNKNOWN = "unknown"


class ProblemCode(StrEnum):
    """What can be wrong with a PC, or with asking it."""

    NO_CARD = "no-card"
    DRIVER_MISSING = "driver-missing"
    DRIVER_NOT_ANSWERING = "driver-not-answering"
    DRIVER_FAULT = "driver-fault"
    DRIVER_TOO_OLD = "driver-too-old"
    """No build of torch that the program uses runs with it."""
    DRIVER_OLD = "driver-old"
    """It serves the builds for CUDA 12, not those for CUDA 13."""
    CARD_UNREADABLE = "card-unreadable"
    PAGE_FILE_SMALL = "page-file-small"
    DRIVE_NOT_ANSWERING = "drive-not-answering"
    PROBE_FAILED = "probe-failed"


@dataclass(frozen=True, slots=True)
class HardwareProblem:
    """Something that is wrong, and what to do about it."""

    code: ProblemCode
    text: str
    hint: str
    details: str = ""
    """Technical text, for the log and a report."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA card, as its driver describes it."""

    uuid: str
    """Stays the same when cards are added or change places, as an index does not."""
    name: str
    """Only to be shown: nothing is decided by it."""
    architecture: str
    """NVML's name in lower case, such as "turing", "ampere", "ada", "hopper", "blackwell"; else "unknown"."""
    compute_capability: tuple[int, int]
    total_bytes: int
    free_bytes: int
    used_by_others_bytes: int
    """What programs and the desktop hold, without what the driver keeps for itself."""
    driver_version: str
    cuda_version: tuple[int, int]
    """The newest CUDA that the driver supports; (0, 0) if it does not say."""
    pcie_generation: int = 0
    """The most that card and slot allow, not what the idle link runs at; 0: unknown."""
    pcie_lanes: int = 0
    cuda_cores: int = 0
    """0: unknown."""
    max_clock_mhz: int = 0
    """The highest clock of the multiprocessors that the card can be set to, above its rated boost; 0: unknown."""
    driver_model: str = ""
    """On Windows "wddm", "tcc" or "mcdm"; else empty."""
    temperature_c: int = 0
    """0: unknown."""
    slowed_by_heat: bool = False
    """Its driver has lowered the clock, because it is too hot."""
    programs: tuple[CardProgram, ...] = ()
    """What holds its memory, the largest first, this program among it; empty where the system does not tell."""

    @property
    def has_bfloat16(self) -> bool:
        """It computes in bfloat16 (PTX ISA, `mma` with `.bf16`: from sm_80)."""
        return self.compute_capability >= (8, 0)

    @property
    def has_float8_math(self) -> bool:
        """Its tensor cores multiply 8-bit floats (PTX ISA, `mma` with `.e4m3`: from sm_89)."""
        return self.compute_capability >= (8, 9)

    @property
    def has_float4_math(self) -> bool:
        """Its tensor cores multiply 4-bit floats (PTX ISA, `.e2m1`: Blackwell, from sm_100)."""
        return self.compute_capability >= (10, 0)


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """The PC's memory, and what may be committed: promised to programs, in memory or in the page file."""

    total_bytes: int
    available_bytes: int
    commit_limit_bytes: int
    """As things are; a page file that Windows manages may still grow."""
    commit_used_bytes: int
    page_file_bytes: int
    """Its present size; the swap space on Linux."""
    page_file_is_automatic: bool | None = None
    """Windows chooses its size; None where that is unknown, or not Windows."""

    @property
    def commit_free_bytes(self) -> int:
        """What programs can still ask for."""
        return max(0, self.commit_limit_bytes - self.commit_used_bytes)


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive that can hold models."""

    path: str
    """Its root, such as `D:\\` or `/home`."""
    kind: DriveKind
    file_system: str
    """As the system names it: "NTFS", "exFAT", "ext4"; empty if unknown."""
    total_bytes: int
    free_bytes: int
    """What this user can still write."""
    read_bytes_per_s: float | None = None
    """None: not measured."""

    @property
    def is_readable(self) -> bool:
        """The system says how large it is; an empty reader, or a share that is away, has no size."""
        return self.total_bytes > 0


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """The rest of the PC."""

    os: str
    """`windows`, `linux` or another of Python's platform names."""
    os_version: str
    cpu: str
    physical_cores: int
    logical_cores: int
    is_laptop: bool
    on_battery: bool | None
    """None: there is no battery."""
    is_remote_session: bool


@dataclass(frozen=True, slots=True)
class HardwareProfile:
    """One PC at one moment."""

    gpus: tuple[Gpu, ...]
    memory: MemoryInfo
    drives: tuple[Drive, ...]
    system: SystemInfo
    problems: tuple[HardwareProblem, ...] = ()
    probed_at: str = ""
    """ISO 8601, UTC."""
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    """Of whoever wrote it by hand: where its numbers are from."""

    def gpu(self, uuid: str = "") -> Gpu | None:
        """The card of that UUID; without one, the card with the most free memory; None if there is none."""
        if uuid:
            return next((gpu for gpu in self.gpus if gpu.uuid.lower() == uuid.lower()), None)
        return max(self.gpus, key=lambda gpu: gpu.free_bytes, default=None)

    def without_measurements(self) -> "HardwareProfile":
        """The same PC, with nothing in it that was measured."""
        return replace(self, drives=tuple(replace(drive, read_bytes_per_s=None) for drive in self.drives))

    def without_programs(self) -> "HardwareProfile":
        """The same PC, without the names of what runs on it: for reports that are given away."""
        return replace(self, gpus=tuple(replace(gpu, programs=()) for gpu in self.gpus))


def profile_to_json(profile: HardwareProfile) -> str:
    """The profile as JSON that :func:`read_profile` takes."""
    return json.dumps(to_plain(profile), indent=2, ensure_ascii=False)


def read_profile(path: Path) -> HardwareProfile:
    """Read a profile from a file of :func:`profile_to_json`.

    Raises:
        HardwareFileError: It cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise HardwareFileError(
            tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror or error), hint=tr(_HINT)
        ) from error
    if len(data) > _MAX_FILE_BYTES:
        raise HardwareFileError(tr("{path} is far too large to describe a PC.", path=path), hint=tr(_HINT))
    try:
        # PowerShell's `>` writes UTF-16 with a mark, and some editors put a mark before UTF-8.
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        profile = from_plain(HardwareProfile, json.loads(text))
        _check(profile)
    except (ValueError, RecursionError) as error:  # RecordError, JSON and characters among them
        reason = str(error) if isinstance(error, RecordError) else tr("it is not JSON")
        raise HardwareFileError(
            tr("{path} does not describe a PC: {reason}.", path=path, reason=reason),
            hint=tr(_HINT),
            details=repr(error),
        ) from error
    return profile


def _check(profile: HardwareProfile) -> None:
    """What the types cannot say.

    Raises:
        RecordError: A number cannot be.
    """
    memory = profile.memory
    sizes = {"memory.total_bytes": memory.total_bytes, "memory.available_bytes": memory.available_bytes}
    sizes |= {"memory.commit_limit_bytes": memory.commit_limit_bytes}
    sizes |= {"memory.commit_used_bytes": memory.commit_used_bytes, "memory.page_file_bytes": memory.page_file_bytes}
    for number, gpu in enumerate(profile.gpus):
        name = f"gpus[{number}]"
        sizes |= {f"{name}.total_bytes": gpu.total_bytes, f"{name}.free_bytes": gpu.free_bytes}
        sizes |= {f"{name}.used_by_others_bytes": gpu.used_by_others_bytes}
        if gpu.free_bytes > gpu.total_bytes:
            raise RecordError(f"{name}.free_bytes is more than the card has")
    for number, drive in enumerate(profile.drives):
        sizes |= {f"drives[{number}].{name}": getattr(drive, name) for name in ("total_bytes", "free_bytes")}
        if drive.read_bytes_per_s is not None and drive.read_bytes_per_s <= 0:
            raise RecordError(f"drives[{number}].read_bytes_per_s is not above zero")
    for name, size in sizes.items():
        if size < 0:
            raise RecordError(f"{name} is below zero")
    uuids = [gpu.uuid.lower() for gpu in profile.gpus]
    if len(set(uuids)) < len(uuids) or "" in uuids:
        raise RecordError("each card needs a uuid of its own")
