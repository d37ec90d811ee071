"""The Hugging Face cache: its snapshots are links to blobs, which are followed to its own blobs only."""

import re
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.store.content import real_path
from wan_desktop.core.store.disk import Disk, Kind, Stamp
from wan_desktop.core.store.found import Skipped, SkipReason
from wan_desktop.core.words import tr

_HF_REPO = re.compile(r"models--.+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Blob:
    """Where a snapshot's link ends."""

    path: Path
    stamp: Stamp
    claimed_sha256: str


def is_repo(folder: Path) -> bool:
    """Whether the folder is named like a repository in the cache."""
    return _HF_REPO.fullmatch(folder.name) is not None


def repo_of_snapshot(folder: Path) -> Path | None:
    """The repository when the folder is one of its snapshots."""
    repo = folder.parent.parent
    is_snapshot = _COMMIT.fullmatch(folder.name) and folder.parent.name == "snapshots" and is_repo(repo)
    return repo if is_snapshot else None


def repo_around(folder: Path) -> Path | None:
    """The repository when the folder is, or lies in, one of its snapshots."""
    return next(filter(None, map(repo_of_snapshot, (folder, *folder.parents))), None)


def blob_behind(disk: Disk, link: Path, repo: Path) -> Blob | Skipped:
    """The file that a name of a snapshot stands for; only one of the repository's own blobs.

    Raises:
        OSError: The drive fails.
    """
    outside = Skipped(link, SkipReason.LINK, tr("It is a link out of its repository; such links are not followed."))
    target = link.parent / link.readlink()
    if real_path(target.parent) != real_path(repo / "blobs"):
        return outside
    path = repo / "blobs" / target.name
    try:
        stamp = disk.stat(path)
        if stamp.kind == Kind.LINK:  # huggingface_hub 2 keeps what repositories share beside them: blobs/<2 hex>/<hash>
            shared = path.parent / path.readlink()
            store = repo.parent / "blobs"
            if real_path(shared.parent.parent) != real_path(store):
                return outside
            path = store / shared.parent.name / shared.name
            stamp = disk.stat(path)
    except FileNotFoundError:
        return Skipped(link, SkipReason.BROKEN_CACHE, tr("Its content is not in the cache."))
    if stamp.kind != Kind.FILE:
        return outside
    return Blob(path, stamp, target.name if _SHA256.fullmatch(target.name) else "")
