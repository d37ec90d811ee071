"""What crosses the border between window and engine: one JSON object a line, each of a known type and version."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from wan_desktop.core.generation import Attempt, GenerationRequest, GenerationResult
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.records import RecordError, from_plain, to_plain

VERSION = 1
MAX_LINE_BYTES = 4_000_000
"""A preview is the largest message, some 100 kB."""


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
    poster: bool = False


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


@dataclass(frozen=True, slots=True)
class Cancel:
    """Command: stop that job."""

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


Job = Generate | Load | Unload
Command = Job | Cancel | Quit
Event = Ready | Progress | Preview | Finished | MemoryReport | Failed | Cancelled | Rejected
_COMMANDS: dict[str, type[Command]] = {
    "generate": Generate,
    "load": Load,
    "unload": Unload,
    "cancel": Cancel,
    "quit": Quit,
}
_EVENTS: dict[str, type[Event]] = {
    "ready": Ready,
    "progress": Progress,
    "preview": Preview,
    "finished": Finished,
    "memory_report": MemoryReport,
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
