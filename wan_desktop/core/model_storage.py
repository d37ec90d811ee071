"""How much room models take, drive by drive: folders on one drive are told together, and its free space once."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Storage:
    """One folder of models."""

    root: Path
    is_here: bool
    models: int = 0
    used_bytes: int = 0
    """Of all that lies in it, what several models share counted once."""


@dataclass(frozen=True, slots=True)
class DriveStorage:
    """The folders of models on one drive."""

    name: str
    """`D:` or `/data`: where the drive begins; the folder itself where its drive is away."""
    folders: tuple[Storage, ...]
    is_here: bool
    used_bytes: int = 0
    """Of all folders together, what they share counted once."""
    free_bytes: int | None = None
    """None if that is not known."""

    @property
    def models(self) -> int:
        """In all its folders."""
        return sum(folder.models for folder in self.folders)


def storage_by_drive(
    roots: Iterable[Path], models: Mapping[Path, int], *, usual: Path | None = None
) -> tuple[DriveStorage, ...]:
    """What lies in folders of models, by drive, in the order of the folders.

    Args:
        roots: The folders, the one for new models first.
        models: How many models are in those that were opened.
        usual: A folder that is made when it is first needed, so that nothing is missing while it is not there.
    """
    groups: dict[int | Path, list[Path]] = {}  # by volume; those whose drive is away stand alone
    for root in dict.fromkeys(roots):
        is_here = root in models or root == usual or root.parent.exists()
        device = _device(existing_folder(root)) if is_here else None
        groups.setdefault(root if device is None else device, []).append(root)
    return tuple(_drive(group, models) if isinstance(key, int) else _away(key) for key, group in groups.items())


def disk_usage(folder: Path) -> tuple[int, int] | None:
    """Size of a folder's drive, and what is free on it, in bytes; None if it is not there."""
    existing = existing_folder(folder)
    if existing is None:
        return None
    try:
        usage = shutil.disk_usage(existing)
    except OSError:
        return None
    return usage.total, usage.free


def existing_folder(folder: Path) -> Path | None:
    """The folder, or the nearest above it that is there."""
    return next((parent for parent in (folder, *folder.parents) if parent.exists()), None)


def _drive(roots: list[Path], models: Mapping[Path, int]) -> DriveStorage:
    seen: dict[tuple[int, int], int] = {}
    folders = []
    for root in roots:
        own = _files(root)
        seen |= own
        folders.append(Storage(root, True, models.get(root, 0), sum(own.values())))
    usage = disk_usage(roots[0])
    free_bytes = usage[1] if usage is not None and usage[0] > 0 else None
    return DriveStorage(_begin(roots[0]), tuple(folders), True, sum(seen.values()), free_bytes)


def _away(root: Path) -> DriveStorage:
    return DriveStorage(str(root), (Storage(root, False),), False)


def _device(folder: Path | None) -> int | None:
    """The volume it is on, by its number, which is the same for every folder of it; None if it cannot be asked."""
    try:
        return folder.stat().st_dev if folder is not None else None
    except OSError:
        return None


def _begin(folder: Path) -> str:
    """The topmost folder on the same volume: a letter, or where it was mounted."""
    top = existing_folder(folder) or folder
    device = _device(top)
    for parent in top.parents:
        if _device(parent) != device:
            break
        top = parent
    return top.drive if top.drive and top == Path(top.anchor) else str(top)


def _files(root: Path) -> dict[tuple[int, int], int]:
    """All files below with their sizes, each once however many names it has."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(OSError):
                found = os.stat(os.path.join(folder, name), follow_symlinks=False)  # noqa: PTH116, PTH118 - many files
                seen[found.st_dev, found.st_ino] = found.st_size
    return seen
