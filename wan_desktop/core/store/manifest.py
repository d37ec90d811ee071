"""What is written down about a model on disk: which files it has, where their bytes came from, when they were checked.

All of it lies in one folder inside the model's own. The manifest is the word on what is right, so it carries a checksum
and is held against every rule when it is read; stamps and block maps only save work, and count as absent when damaged.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from wan_desktop.core.errors import ManifestError, UnsafeNameError
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.blocks import BlockMap
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.names import check_name, check_names
from wan_desktop.core.words import mark, tr

logger = logging.getLogger(__name__)

METADATA_FOLDER = ".wan-desktop"
MANIFEST_FORMAT = 1
MAX_FILE_BYTES = 1 << 40

_MANIFEST, _STAMPS, _BLOCKS = "manifest.json", "stamps.json", "blocks"
_STAMPS_FORMAT = 1
_MAX_JSON_BYTES = 8_000_000
_MAX_REASON_CHARACTERS = 300
_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REPO_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95})?")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPAIR = mark("Repair the model, which makes the list anew.")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file's bytes came from; at least one of the two hashes is known.

    Raises:
        ValueError: A value cannot be right.
        UnsafeNameError: The name must not become a file.
    """

    repo_id: str
    revision: str
    """The commit, never a branch."""
    filename: str
    """In the repository."""
    size_bytes: int
    sha256: str = ""
    git_sha1: str = ""
    """Of `blob <size>`, a zero byte and the content: what the Hub has for small files."""

    def __post_init__(self) -> None:
        _require(_REPO_ID, self.repo_id, "repo_id")
        _require(_SHA1, self.revision, "revision")
        check_name(self.filename)
        _require_size(self.size_bytes)
        if not self.sha256 and not self.git_sha1:
            raise ValueError(f"{self.filename} has an origin without sha256 and git_sha1")
        if self.sha256:
            _require(_SHA256, self.sha256, "sha256")
        if self.git_sha1:
            _require(_SHA1, self.git_sha1, "git_sha1")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of a model, as it is on disk.

    Raises:
        ValueError: A value cannot be right.
    """

    path: str
    """Relative to the model's folder, with forward slashes."""
    size_bytes: int
    sha256: str
    origin: Origin | None = None
    """None when the file was adopted and nobody knows where it came from."""
    conversion: Conversion = Conversion.NONE

    def __post_init__(self) -> None:
        _require_size(self.size_bytes)
        _require(_SHA256, self.sha256, "sha256")
        if self.origin is None:
            if self.conversion is not Conversion.NONE:
                raise ValueError(f"{self.path!r} is said to be converted, but from nothing")
        elif self.conversion is Conversion.NONE and (
            self.size_bytes != self.origin.size_bytes or self.origin.sha256 not in ("", self.sha256)
        ):
            raise ValueError(f"{self.path!r} differs from its origin without having been converted")


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of a model on disk.

    Raises:
        ValueError: A value cannot be right.
        UnsafeNameError: A name must not become a file, or two would become the same one.
    """

    model_id: str
    variant: str
    files: tuple[ManifestFile, ...]
    created_at: str
    """ISO 8601, UTC."""
    format: int = MANIFEST_FORMAT

    def __post_init__(self) -> None:
        if self.format != MANIFEST_FORMAT:
            raise ValueError(f"format {self.format} is unknown")
        _require(_MODEL_ID, self.model_id, "model_id")
        _require(_VARIANT, self.variant, "variant")
        _require_utc(self.created_at)
        if not self.files:
            raise ValueError("it names no files")
        for name in (self.model_id, self.variant):
            check_name(name)
        check_names(file.path for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)

    def file(self, path: str) -> ManifestFile | None:
        """The file of that path, if the model has it."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What a file looked like from outside when its content was last read and found to be of that sha256.

    Raises:
        ValueError: A value cannot be right.
    """

    size_bytes: int
    mtime_ns: int
    file_id: int
    checked_at: str
    """ISO 8601, UTC."""
    sha256: str

    def __post_init__(self) -> None:
        _require_size(self.size_bytes)
        _require_utc(self.checked_at)
        _require(_SHA256, self.sha256, "sha256")

    @property
    def outside(self) -> tuple[int, int, int]:
        """As `Stamp.outside`."""
        return self.size_bytes, self.mtime_ns, self.file_id


@dataclass(frozen=True, slots=True)
class _Stamps:
    files: dict[str, FileStamp]
    format: int = _STAMPS_FORMAT

    def __post_init__(self) -> None:
        if self.format != _STAMPS_FORMAT:
            raise ValueError(f"format {self.format} is unknown")


# Manifest ------------------------------------------------------------------------------------------------------------


def read_manifest(disk: Disk, folder: Path) -> Manifest:
    """The manifest of the model in a folder.

    Raises:
        ManifestError: It is damaged, breaks a rule, or a newer version of the program wrote it.
        OSError: It is absent, or the disk fails.
    """
    try:
        data = disk.read_bytes(folder / METADATA_FOLDER / _MANIFEST, limit_bytes=_MAX_JSON_BYTES)
        return _manifest(_unseal(data, "manifest"), folder)
    except (ValueError, RecursionError, UnsafeNameError) as error:
        raise ManifestError(
            tr("The file list of the model in {folder} is damaged: {error}.", folder=folder, error=_reason(error)),
            hint=tr(_REPAIR),
        ) from error


def write_manifest(disk: Disk, folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of the model in a folder, in one step.

    Raises:
        ManifestError: The model has too many files.
        OSError: The folder is absent, or the disk fails or is full; the old manifest is untouched.
    """
    data = _seal("manifest", to_plain(manifest))
    if len(data) > _MAX_JSON_BYTES:
        raise ManifestError(
            tr(
                "The file list of {model} would have {number} bytes, for {files} files; {most} bytes are possible.",
                model=manifest.model_id,
                number=len(data),
                files=len(manifest.files),
                most=_MAX_JSON_BYTES,
            ),
            hint=tr("Choose a folder or repository that holds one model and nothing else."),
        )
    _write(disk, folder, _MANIFEST, data)


def _manifest(plain: Any, folder: Path) -> Manifest:
    found = plain.get("format") if isinstance(plain, Mapping) else None
    if type(found) is int and found > MANIFEST_FORMAT:
        raise ManifestError(
            tr(
                "The model in {folder} was made by a newer version of this program: its file list has format "
                "{found}, this version reads format {known}.",
                folder=folder,
                found=found,
                known=MANIFEST_FORMAT,
            ),
            hint=tr("Update the program."),
        )
    return from_plain(Manifest, plain)


# Stamps and block maps -----------------------------------------------------------------------------------------------


def read_stamps(disk: Disk, folder: Path) -> dict[str, FileStamp]:
    """Stamps by path; empty when absent or damaged, which costs no more than a check."""
    file = folder / METADATA_FOLDER / _STAMPS
    try:
        data = disk.read_bytes(file, limit_bytes=_MAX_JSON_BYTES)
        return from_plain(_Stamps, _unseal(data, "stamps")).files
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("%s is left aside, its files count as unchecked: %s", file, _reason(error))
        return {}


def write_stamps(disk: Disk, folder: Path, stamps: Mapping[str, FileStamp]) -> None:
    """Replace the stamps of the model in a folder, in one step.

    Raises:
        OSError: The folder is absent, or the disk fails or is full; the old stamps are untouched.
    """
    _write(disk, folder, _STAMPS, _seal("stamps", to_plain(_Stamps(dict(stamps)))))


def read_block_map(disk: Disk, folder: Path, file: ManifestFile) -> BlockMap | None:
    """The block map of a file of the model; None when absent, damaged, or of a file of another size."""
    path = folder / METADATA_FOLDER / _BLOCKS / _block_map_name(file)
    try:
        data = disk.read_bytes(path, limit_bytes=BlockMap.file_bytes(file.size_bytes))
        block_map = BlockMap.from_bytes(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ManifestError) as error:
        logger.warning("The block map of %s in %s is left aside: %s", file.path, folder, error)
        return None
    return block_map if block_map.size_bytes == file.size_bytes else None


def write_block_map(disk: Disk, folder: Path, file: ManifestFile, block_map: BlockMap) -> None:
    """Replace the block map of a file of the model, in one step.

    Raises:
        OSError: The folder is absent, or the disk fails or is full; the old map is untouched.
        ValueError: The map is of a file of another size.
    """
    if block_map.size_bytes != file.size_bytes:
        raise ValueError(f"{file.path} has {file.size_bytes} bytes, its block map is of {block_map.size_bytes}")
    _write(disk, folder, f"{_BLOCKS}/{_block_map_name(file)}", block_map.to_bytes())


def metadata_paths(manifest: Manifest) -> set[str]:
    """All that may be written down beside the files of a model, relative to its folder."""
    names = (_MANIFEST, _STAMPS, *(f"{_BLOCKS}/{_block_map_name(file)}" for file in manifest.files))
    return {f"{METADATA_FOLDER}/{name}" for name in names}


def _block_map_name(file: ManifestFile) -> str:
    # By content, so that a map cannot end up beside another file when the manifest changes.
    return f"{file.sha256[:32]}.blocks"


# Files ---------------------------------------------------------------------------------------------------------------


def _write(disk: Disk, folder: Path, name: str, data: bytes) -> None:
    path = folder / METADATA_FOLDER / name
    # Not those above: when the drive is gone, no folder must be made where it was.
    for place in reversed(path.relative_to(folder).parents[:-1]):
        if disk.create_folder(folder / place):
            disk.sync_folder((folder / place).parent)
    disk.write_atomically(path, data)


def _seal(key: str, plain: Any) -> bytes:
    return json.dumps({key: plain, "sha256": _checksum(plain)}, indent=1).encode("ascii")


def _unseal(data: bytes, key: str) -> Any:
    """What was sealed.

    Raises:
        ValueError: It is not what was written.
        RecursionError: It is nested too deeply.
    """
    sealed = json.loads(data)
    if not isinstance(sealed, dict) or key not in sealed:
        raise ValueError(f"it is not the object that it should be ({len(data)} bytes)")
    if sealed.get("sha256") != _checksum(sealed[key]):
        raise ValueError("its checksum is wrong, so something in it was changed")
    return sealed[key]


def _reason(error: Exception) -> str:
    """What is wrong, fit to be shown: rubbish may be long, and hold what no screen and no log takes."""
    return str(error)[:_MAX_REASON_CHARACTERS].rstrip(".").encode(errors="backslashreplace").decode()


def _checksum(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()


# Values --------------------------------------------------------------------------------------------------------------


def _require(pattern: re.Pattern[str], value: str, name: str) -> None:
    if not pattern.fullmatch(value):
        raise ValueError(f"{name}: {value[:80]!r} has not the form it must have")


def _require_size(size_bytes: int) -> None:
    if not 0 <= size_bytes <= MAX_FILE_BYTES:
        raise ValueError(f"size_bytes: a file cannot have {size_bytes} bytes")


def _require_utc(value: str) -> None:
    if datetime.fromisoformat(value).utcoffset() != timedelta(0):
        raise ValueError(f"{value[:80]!r} is not a time in UTC")
