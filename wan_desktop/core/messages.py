"""What crosses the border between window and engine: one JSON object a line, each of a known type and version."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from wan_desktop.core.generation import Attempt, GenerationRequest, GenerationResult
from wan_desktop.core.load_plan import Device, LoadPlan
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.settings import VideoQuality

VERSION = 1
MAX_LINE_BYTES = 4_000_000
"""A preview is the largest message, some 100 kB."""

MOST_PART_S = 2.0
"""Some ten parts of that length are still less than a minute."""


class MessageError(ValueError):
    """A line that is not a message of this version."""


class Stage(StrEnum):
    """What a render is doing."""

    LOAD_MODEL = "load_model"
    READ_PROMPT = "read_prompt"
    PREPARE_IMAGE = "prepare_image"
    CREATE_FRAMES = "create_frames"
    BUILD_PICTURES = "build_pictures"
    SAVE_VIDEO = "save_video"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTarget:
    """Where a video and what belongs to it go."""

    path: Path
    rescue_folder: Path
    """Takes the video when `path` cannot be written."""
    work_folder: Path
    """Takes the finished latents until the video is written."""
    png_frames: bool = False
    video_quality: VideoQuality = VideoQuality.HIGH
    poster: bool = False
    recipe_inside: bool = True
    """The video holds how it was made; else a JSON file beside it does, so that the video alone tells nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generate:
    """Command: make a video."""

    job: str
    request: GenerationRequest
    model_folder: Path
    plan: LoadPlan
    output: OutputTarget
    live_preview: bool = True
    earlier_attempts: tuple[Attempt, ...] = ()
    """What was tried before this plan, for the recipe."""
    can_step_down: bool = False
    """There is a plan that needs less memory: better to leave this one before the PC stands still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Command: read a model into memory, so that the next video with it begins at once."""

    job: str
    model_folder: Path
    plan: LoadPlan


@dataclass(frozen=True, slots=True)
class Unload:
    """Command: let go of models."""

    job: str
    model_folder: Path | None = None
    """Only of those in that folder; None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSpeed:
    """Command: measure how fast a device computes and copies."""

    job: str
    device: Device = Device.AUTO
    gpu_uuid: str = ""
    """Which graphics card, as NVML names it; empty: the first."""
    part_s: float = 0.5
    """So long each part is repeated, after it was made large enough; cancel is heard within about twice that."""

    def __post_init__(self) -> None:
        if not 0 < self.part_s <= MOST_PART_S:
            raise ValueError(f"part_s: {self.part_s} is not between 0 and {MOST_PART_S}")


@dataclass(frozen=True, slots=True)
class Cancel:
    """Command: stop that job."""

    job: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Command: let that render wait before its next step, until `Resume`; `Paused` says when it does.

    One that does not come to a step any more ends as if it had not been asked.
    """

    job: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Command: let a paused render go on; also takes back a `Pause` that has not been followed yet."""

    job: str


@dataclass(frozen=True, slots=True)
class Quit:
    """Command: end the process."""


@dataclass(frozen=True, slots=True)
class TorchCard:
    """A graphics card as torch sees it."""

    uuid: str
    """Without NVML's `GPU-`."""
    name: str
    total_bytes: int
    compute_capability: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Event: the engine has its libraries and takes work."""

    app_version: str
    torch_version: str
    diffusers_version: str
    device: str
    threads: int
    process_id: int
    cards: tuple[TorchCard, ...] = ()
    """All that torch can compute on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Event: `done` of `total` in a stage; part 2 of 2 is the low-noise expert."""

    job: str
    stage: Stage
    done: int
    total: int
    part: int = 1
    parts: int = 1
    peak_memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """Event: how the video looks so far, a base64 JPEG."""

    job: str
    step: int
    jpeg_base64: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Event: a render waits, after `step` of `total` steps."""

    job: str
    step: int
    total: int
    freed_bytes: int = 0
    """Of video memory, that others may use meanwhile; 0 on the CPU, where there is nothing to free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """Event: a paused render goes on with the step after `step`."""

    job: str
    step: int
    total: int


@dataclass(frozen=True, slots=True)
class Finished:
    """Event: the job is done."""

    job: str
    result: GenerationResult


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryReport:
    """Event: what a Load or Unload has led to."""

    job: str
    seconds: float
    loaded_folders: tuple[Path, ...]
    """Of all models in memory, the one used last at the end."""
    process_bytes: int
    """Of normal memory that the engine's process takes."""
    peak_memory_bytes: int = 0
    """Of video memory."""


class SpeedKind(StrEnum):
    """What a part of the speed test measures."""

    PRODUCTS = "products"
    """Large matrix products, in operations a second; its name is the number format."""
    ATTENTION = "attention"
    """In operations a second, in the number format that renders compute with; its name is that of the kernel."""
    COPY = "copy"
    """From normal memory to the card, in bytes a second; `pinned` or `pageable`."""
    DISK = "disk"
    """Reading a file past the system's cache, in bytes a second; `read`."""


class SpeedStatus(StrEnum):
    """What came of a part."""

    MEASURED = "measured"
    OFF = "off"
    """It cannot be used here, or failed; the reason says why, and the rest goes on."""
    WRONG = "wrong"
    """Off, because it computes something else than it should: nothing may be rendered with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedPart:
    """One number of the speed test, or why there is none."""

    kind: SpeedKind
    name: str
    status: SpeedStatus
    per_s: float = 0.0
    """Operations or bytes a second, as the kind says; 0 if it was not measured."""
    reason: str = ""
    """Why it was not, in a sentence."""

    def __post_init__(self) -> None:
        if (self.status is SpeedStatus.MEASURED) != (0 < self.per_s < math.inf):
            raise ValueError(f"{self.kind} {self.name}: {self.per_s} a second is not {self.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedProgress:
    """Event: the speed test begins with a part, after `done` of `total`."""

    job: str
    kind: SpeedKind
    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedReport:
    """Event: what the speed test has measured."""

    job: str
    device: str
    """UUID of the card with NVML's `GPU-`, or `cpu`."""
    device_name: str
    torch_version: str
    parts: tuple[SpeedPart, ...]
    seconds: float
    """So long it took."""

    def per_s(self, kind: SpeedKind, name: str) -> float | None:
        """What was measured; None if nothing was."""
        for part in self.parts:  # asked some ten thousand times in a check: no generator, no tuples
            if part.kind is kind and part.name == name:
                return part.per_s or None
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Event: the job ended with an error (`error_from_code`)."""

    job: str
    code: str
    message: str
    hint: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Event: the job was stopped as asked."""

    job: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Event: a line was not a command."""

    reason: str


Job = Generate | Load | Unload | MeasureSpeed
Command = Job | Cancel | Pause | Resume | Quit
Event = (
    Ready
    | Progress
    | Preview
    | Paused
    | Resumed
    | Finished
    | MemoryReport
    | SpeedProgress
    | SpeedReport
    | Failed
    | Cancelled
    | Rejected
)
_COMMANDS: dict[str, type[Command]] = {
    "generate": Generate,
    "load": Load,
    "unload": Unload,
    "measure_speed": MeasureSpeed,
    "cancel": Cancel,
    "pause": Pause,
    "resume": Resume,
    "quit": Quit,
}
_EVENTS: dict[str, type[Event]] = {
    "ready": Ready,
    "progress": Progress,
    "preview": Preview,
    "paused": Paused,
    "resumed": Resumed,
    "finished": Finished,
    "memory_report": MemoryReport,
    "speed_progress": SpeedProgress,
    "speed_report": SpeedReport,
    "failed": Failed,
    "cancelled": Cancelled,
    "rejected": Rejected,
}
_NAMES = {kind: name for name, kind in (_COMMANDS | _EVENTS).items()}


def encode(message: Command | Event) -> bytes:
    """The message as a line."""
    plain = {"v": VERSION, "type": _NAMES[type(message)], **to_plain(message)}
    return json.dumps(plain, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode_command(line: bytes) -> Command:
    """The command of a line.

    Raises:
        MessageError: It is none, or of another version.
    """
    return _decode(line, _COMMANDS)


def decode_event(line: bytes) -> Event:
    """The event of a line.

    Raises:
        MessageError: It is none, or of another version.
    """
    return _decode(line, _EVENTS)


Kind = TypeVar("Kind")


def _decode(line: bytes, kinds: dict[str, type[Kind]]) -> Kind:
    if len(line) > MAX_LINE_BYTES:
        raise MessageError(f"line of more than {MAX_LINE_BYTES} bytes")
    try:
        data: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not JSON: {line[:60]!r}") from error
    if not isinstance(data, dict) or data.get("v") != VERSION:
        raise MessageError(f"not a message of version {VERSION}: {line[:60]!r}")
    name = data.get("type")
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise MessageError(f"unknown type {name!r}")
    try:
        return from_plain(kind, data)
    except RecordError as error:
        raise MessageError(str(error)) from error
