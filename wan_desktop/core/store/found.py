"""What a look through a folder of the user finds, as data."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FileKind(StrEnum):
    """What a file is by its first bytes."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"


class FolderKind(StrEnum):
    """Whose layout a folder has."""

    DIFFUSERS = "diffusers"
    HF_CACHE = "hf-cache"
    """One snapshot of one repository in the Hugging Face cache."""
    COMFYUI = "comfyui"
    WANGP = "wangp"


class SkipReason(StrEnum):
    """Why something is not among the found files."""

    UNSAFE_FORMAT = "unsafe-format"
    BROKEN = "broken"
    UNSUPPORTED = "unsupported"
    """A number format that is not read."""
    LINK = "link"
    UNREADABLE = "unreadable"
    UNFINISHED = "unfinished"
    BROKEN_CACHE = "broken-cache"
    TOO_DEEP = "too-deep"
    OWN_LIBRARY = "own-library"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file with weights whose header covers it exactly; its content was not read."""

    path: Path
    """Where it was found."""
    real_path: Path
    """Where its bytes lie; another place in the Hugging Face cache only."""
    size_bytes: int
    kind: FileKind
    tensor_count: int
    guess: str
    """Like "wan 14B t2v transformer", from names and shapes of its tensors; empty when they tell nothing."""
    precision: str
    """Of most of its bytes, like "bf16", "fp8 scaled" or "Q4_K"."""
    claimed_sha256: str = ""
    """What the Hugging Face cache says of it; to be proven before it is believed."""


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """A folder of models, or one model."""

    path: Path
    kind: FolderKind
    weights_bytes: int
    """Of the found files in it; what two names share counts once for each."""
    file_count: int
    problem: str = ""
    """Why it cannot be adopted as a model; empty when it can."""
    repo_id: str = ""
    """What the Hugging Face cache says where it came from."""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is not used, and why."""

    path: Path
    reason: SkipReason
    text: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder holds."""

    root: Path
    files: tuple[FoundFile, ...]
    folders: tuple[FoundFolder, ...]
    skipped: tuple[Skipped, ...]
    more_skipped: int
    """Not among `skipped`, which would be too many."""
    looked_at: int
    """Names of files and folders."""
    complete: bool
    """False when there was more than is looked at."""
