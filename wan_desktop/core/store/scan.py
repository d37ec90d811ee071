"""Look through a folder of the user for models and model files; only headers and small files are read."""

import contextlib
import itertools
import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wan_desktop.core.errors import (
    IntegrityError,
    ModelNotFoundError,
    NotAWanModelError,
    WanError,
)
from wan_desktop.core.gguf_header import GGUF_SUFFIX
from wan_desktop.core.store.adopt import choose_files
from wan_desktop.core.store.content import Check, go_on, real_path, shown_path
from wan_desktop.core.store.disk import Disk, Kind, Stamp
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.found import FolderKind, FoundFile, FoundFolder, Scan, Skipped, SkipReason
from wan_desktop.core.store.hf_cache import Blob, blob_behind, is_repo, repo_around, repo_of_snapshot
from wan_desktop.core.store.library import LIBRARY_FILE
from wan_desktop.core.store.manifest import (
    METADATA_FOLDER,
)
from wan_desktop.core.store.weights_header import read_weights_header
from wan_desktop.core.words import mark, tr

MAX_LOOKED_AT = 200_000
"""Names in one scan."""
MAX_FILES = 10_000
"""Files with weights in one scan."""
MAX_DEPTH = 10
"""Folders below the one that is scanned; a model in the Hugging Face cache of a user lies six below `.cache`."""
MAX_SKIPPED = 1_000
"""Told one by one; the others are counted."""
_WEIGHTS = (".safetensors", GGUF_SUFFIX)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_UNFINISHED = (".incomplete", ".crdownload", ".aria2")
_INDEX = "model_index.json"
_COMFYUI = frozenset(("diffusion_models", "unet", "text_encoders", "clip", "vae"))
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHECK_EVERY = 100
_SINGLE_FILES = mark("It holds single files, not a whole model in diffusers' layout.")


def scan(disk: Disk, root: Path, *, check: Check = go_on) -> Scan:
    """Find model files and model folders; only headers and small files are read.

    Args:
        disk: Where to look.
        root: A folder that the user names.
        check: Told how many names were looked at; may raise to stop.

    Raises:
        ModelNotFoundError: There is no such folder.
        StoreError: The folder itself cannot be read.
    """
    root = root.absolute()
    try:
        if disk.stat(root).kind == Kind.LINK:
            root = real_path(root)  # the user named it: this one link is followed
        kind = disk.stat(root).kind
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelNotFoundError(
            tr("There is no folder {root}.", root=shown_path(root)), hint=tr("Choose the folder that holds the models.")
        ) from error
    except OSError as error:
        raise disk_error(error, root, "looking for models") from error
    if kind != Kind.FOLDER:
        raise ModelNotFoundError(
            tr("{root} is not a folder.", root=shown_path(root)), hint=tr("Choose the folder that holds it.")
        )
    return _Scanner(disk, root, check).run()


def _is_in_library(disk: Disk, folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return any(disk.exists(parent / LIBRARY_FILE) for parent in folder.parents)
    return False


@dataclass(frozen=True, slots=True)
class _Place:
    folder: Path
    depth: int
    repo: Path | None
    """The repository of the Hugging Face cache whose snapshot this is or lies in."""


class _Scanner:
    """One scan, the folders near the root first."""

    def __init__(self, disk: Disk, root: Path, check: Check) -> None:
        self._disk = disk
        self._root = root
        self._check = check
        self._pending: deque[_Place] = deque([_Place(root, 0, repo_around(root))])
        self._files: list[FoundFile] = []
        self._kinds: dict[Path, FolderKind] = {}
        self._skipped: list[Skipped] = []
        self._skipped_count = 0
        self._looked_at = 0
        self._complete = True
        self._bytes: Counter[Path] = Counter()
        self._counts: Counter[Path] = Counter()
        self._headers: dict[Path, FoundFile] = {}
        """By where the bytes lie: several snapshots share them."""

    def run(self) -> Scan:
        """Look at everything."""
        while self._pending and self._complete:
            self._visit(self._pending.popleft())
        folders = [self._folder(path, kind) for path, kind in self._kinds.items()]
        return Scan(
            self._root,
            tuple(self._files),
            tuple(folder for folder in folders if folder is not None),
            tuple(self._skipped),
            self._skipped_count - len(self._skipped),
            self._looked_at,
            self._complete,
        )

    def _skip(self, path: Path, reason: SkipReason, text: str) -> None:
        self._skipped_count += 1
        if len(self._skipped) < MAX_SKIPPED:
            self._skipped.append(Skipped(path, reason, text))

    def _visit(self, place: _Place) -> None:
        folder = place.folder
        try:
            names = self._disk.list_folder(folder)
        except OSError as error:
            if folder == self._root:
                raise disk_error(error, folder, "looking for models") from error
            self._skip(folder, SkipReason.UNREADABLE, tr("The folder cannot be read: {reason}.", reason=error.strerror))
            return
        is_ours = LIBRARY_FILE in names or METADATA_FOLDER in names
        if is_ours or (folder == self._root and _is_in_library(self._disk, folder)):
            self._skip(folder, SkipReason.OWN_LIBRARY, tr("This program has it already."))
            return
        repo = place.repo or repo_of_snapshot(folder)
        if is_repo(folder) and "snapshots" in names:
            self._check_refs(folder)
        kind = _folder_kind(folder, names)
        if kind is not None:
            self._kinds[folder] = kind
        for name in names:
            self._looked_at += 1
            if self._looked_at > MAX_LOOKED_AT or len(self._files) >= MAX_FILES:
                self._complete = False
                return
            if self._looked_at % _CHECK_EVERY == 0:
                self._check(self._looked_at)
            self._look(_Place(folder / name, place.depth + 1, repo))

    def _check_refs(self, repo: Path) -> None:
        """The snapshots are listed whatever the refs say; a wrong one tells of a cache that was interrupted."""
        ref = repo / "refs" / "main"
        try:
            commit = self._disk.read_bytes(ref, limit_bytes=1000).decode("utf-8", "replace").strip()
            is_there = _COMMIT.fullmatch(commit) is not None and self._disk.exists(repo / "snapshots" / commit)
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            is_there = False
        if not is_there:
            self._skip(ref, SkipReason.BROKEN_CACHE, tr("It names a revision that is not in the cache."))

    def _look(self, place: _Place) -> None:
        path, suffix = place.folder, place.folder.suffix.lower()
        try:
            stamp = self._disk.stat(path)
            if stamp.kind == Kind.FOLDER:
                self._enter(place)
            elif stamp.kind == Kind.LINK:
                self._look_at_link(place, suffix)
            elif stamp.kind == Kind.FILE:
                self._look_at_file(path, suffix, stamp)
        except OSError as error:
            self._skip(path, SkipReason.UNREADABLE, tr("It cannot be read: {reason}.", reason=error.strerror or error))

    def _enter(self, place: _Place) -> None:
        if place.depth > MAX_DEPTH:
            self._skip(
                place.folder,
                SkipReason.TOO_DEEP,
                tr("It lies more than {most} folders deep.", most=MAX_DEPTH),
            )
        else:
            self._pending.append(place)

    def _look_at_link(self, place: _Place, suffix: str) -> None:
        path = place.folder
        if is_repo(path.parent.parent) and path.parent.name == "blobs":
            return  # to what repositories share; taken by the name that a snapshot gives it
        if place.repo is None:
            self._skip(path, SkipReason.LINK, tr("It is a link; links are not followed."))
            return
        blob = blob_behind(self._disk, path, place.repo)
        if isinstance(blob, Skipped):
            self._skip(path, blob.reason, blob.text)
        else:
            self._look_at_file(path, suffix, blob.stamp, blob)

    def _look_at_file(self, path: Path, suffix: str, stamp: Stamp, blob: "Blob | None" = None) -> None:
        if suffix in _PICKLES:
            self._skip(path, SkipReason.UNSAFE_FORMAT, tr("The format can contain program code; it is never loaded."))
        elif suffix in _UNFINISHED:
            text = tr(
                "A download by another program that was not finished ({size_bytes} bytes).", size_bytes=stamp.size_bytes
            )
            self._skip(path, SkipReason.UNFINISHED, text)
        elif suffix in _WEIGHTS:
            self._add(path, stamp, blob)

    def _add(self, path: Path, stamp: Stamp, blob: "Blob | None") -> None:
        real_path = blob.path if blob else path
        try:
            found = self._headers.get(real_path) or read_weights_header(self._disk, path, stamp)
        except IntegrityError as error:
            is_unknown = isinstance(error, NotAWanModelError)
            self._skip(path, SkipReason.UNSUPPORTED if is_unknown else SkipReason.BROKEN, shown_path(error.message))
            return
        self._headers[real_path] = found
        claim = blob.claimed_sha256 if blob else ""
        self._files.append(replace(found, path=path, real_path=real_path, claimed_sha256=claim))
        for folder in itertools.takewhile(lambda folder: folder != self._root.parent, path.parents):
            self._bytes[folder] += stamp.size_bytes
            self._counts[folder] += 1

    def _folder(self, path: Path, kind: FolderKind) -> FoundFolder | None:
        """The folder, now that all in it is known; None when it holds no models."""
        self._check(self._looked_at)
        has_index = kind == FolderKind.DIFFUSERS or self._disk.exists(path / _INDEX)
        if not has_index and not self._counts[path]:
            return None
        problem = tr(_SINGLE_FILES)
        if has_index:
            problem = ""
            try:
                choose_files(self._disk, path)
            except WanError as error:
                problem = shown_path(error.message)
            except OSError as error:
                problem = shown_path(disk_error(error, path, "looking for models").message)
        repo = repo_of_snapshot(path)
        repo_id = "/".join(repo.name.split("--")[1:]) if repo else ""
        revision = path.name if repo else ""
        return FoundFolder(path, kind, self._bytes[path], self._counts[path], problem, repo_id, revision)


def _folder_kind(folder: Path, names: Sequence[str]) -> FolderKind | None:
    if repo_of_snapshot(folder):
        return FolderKind.HF_CACHE
    if _INDEX in names:
        return FolderKind.DIFFUSERS
    if len(_COMFYUI.intersection(names)) >= (1 if folder.name == "models" else 2):
        return FolderKind.COMFYUI
    return FolderKind.WANGP if folder.name.lower() == "ckpts" else None
