"""Model files that are on this PC already: found, known by their content, and put to use where they lie.

Nothing of the user's is moved or changed: a model is adopted by giving its files a second name in the library (a hard
link), or by a copy where that is impossible and allowed. No name is believed, neither a file's nor that of a blob in
the Hugging Face cache, which is its sha256: content is known once it was read. Symlinks are followed within the
Hugging Face cache only, from a snapshot to the blobs of its own repository.
"""

import contextlib
import errno
import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wan_desktop.core.errors import (
    CopyNeededError,
    DownloadSpaceError,
    IntegrityError,
    ModelNotFoundError,
    RequestError,
    UnsafeNameError,
)
from wan_desktop.core.gguf_header import GGUF_SUFFIX
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.store.content import ContentRead, read_content, real_path, shown_path
from wan_desktop.core.store.disk import Disk, Kind, Stamp
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.hf_cache import Blob, blob_behind, repo_around
from wan_desktop.core.store.hub import RemoteFile, RemoteRepo
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.manifest import (
    FileStamp,
    Manifest,
    ManifestFile,
    Origin,
    write_block_map,
    write_manifest,
    write_stamps,
)
from wan_desktop.core.store.names import check_name, is_wanted
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)

MAX_FILES = 10_000
"""Files with weights in one scan."""
_WEIGHTS = (".safetensors", GGUF_SUFFIX)
_INDEX = "model_index.json"
_COMPONENTS = frozenset(
    (
        "transformer",
        "transformer_2",
        "vae",
        "text_encoder",
        "image_encoder",
        "image_processor",
        "tokenizer",
        "scheduler",
    )
)
_PAPERS = ("LICENSE", "README")
_NO_LINK = frozenset(
    (errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK)
)
"""Another drive, a file system without hard links, a file of somebody else's, or one with too many names."""
_NO_LINK_WINDOWS = frozenset((1, 5, 17, 50, 1142))


@dataclass(frozen=True, slots=True)
class AdoptProgress:
    """How far an adoption is."""

    done_bytes: int
    total_bytes: int
    path: str
    """Of the file that is read, in the model's folder."""


def adopt_folder(
    library: Library,
    folder: Path,
    key: ModelKey,
    *,
    context: JobContext,
    remote: RemoteRepo | None = None,
    may_copy: bool = False,
) -> Manifest:
    """Make a complete model in diffusers' layout a model of the library. The model is held by the caller.

    Nothing in the folder is changed or moved; the library shares its files where the drive can.

    Args:
        library: Where it goes.
        folder: The model; a snapshot in the Hugging Face cache will do too.
        key: What it is called from now on.
        context: Told :class:`AdoptProgress`; asked for a cancel.
        remote: Where it may come from. Files that are the same there can be repaired later.
        may_copy: Copy what cannot be shared.

    Returns:
        The manifest of the published model.

    Raises:
        JobCancelled: It was asked to stop; nothing of it stays.
        RequestError: There is such a model already, or the folder and the library lie within each other.
        CopyNeededError: It cannot be shared; the message says what a copy takes.
        DownloadSpaceError: There is too little space for a copy.
        IntegrityError: The folder holds no complete, sound Wan model.
        UnsafeNameError: A file of it has a name that cannot be used.
        StoreError: A drive fails or cannot be written.
    """
    folder = folder.absolute()
    try:
        _check_apart(library, folder, key)
        chosen = choose_files(library.disk, folder)
        return _Adoption(library, key, context, remote).run(folder, chosen, may_copy=may_copy)
    except OSError as error:
        raise disk_error(error, library.root, "adopting the model") from error


def _check_apart(library: Library, folder: Path, key: ModelKey) -> None:
    real, root = real_path(folder), real_path(library.root)
    if root.is_relative_to(real) or real.is_relative_to(root):
        raise RequestError(
            tr(
                "{folder} and the model folder {library} lie within each other.",
                folder=shown_path(folder),
                library=library.root,
            ),
            hint=tr("Choose a folder that lies elsewhere."),
        )
    if library.disk.exists(library.folder(key)):
        raise RequestError(
            tr(
                "{model} ({variant}) is in {library} already.",
                model=key.model_id,
                variant=key.variant,
                library=library.root,
            ),
            hint=tr("Remove it first, or repair it."),
        )


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """A file of a model that will be adopted."""

    path: str
    real_path: Path
    size_bytes: int


def choose_files(disk: Disk, folder: Path) -> list[ChosenFile]:
    """The files that make the model: its weights, its small files, its papers; all else stays out.

    Raises:
        IntegrityError: It is no complete, sound Wan model, or parts of it are links to other places.
        UnsafeNameError: A file has a name that cannot be used.
        OSError: The drive fails.
    """
    folder = real_path(folder)  # the user named it
    if not folder.is_dir():
        raise ModelNotFoundError(
            tr("There is no folder {folder}.", folder=shown_path(folder)),
            hint=tr("Choose the folder that holds {index}.", index=_INDEX),
        )
    files = dict(_model_files(disk, folder, repo_around(folder)))
    model = inspect_model_folder(folder)
    weights = {file.relative_to(folder).as_posix() for part in model.weight_files.values() for file in part}
    absent = sorted(weights - files.keys())
    if absent:
        raise UnsafeNameError(
            tr(
                "{folder} holds {absent}, whose name cannot be used.",
                folder=shown_path(folder),
                absent=shown_path(absent[0]),
            ),
            hint=tr("Choose another source of the model."),
        )
    chosen = [file for path, file in files.items() if path in weights or not path.endswith(_WEIGHTS)]
    for file in chosen:
        check_name(file.path)
    return chosen


def _model_files(disk: Disk, folder: Path, repo: Path | None) -> Iterator[tuple[str, ChosenFile]]:
    """What may belong to a model in that folder."""
    for path, stamp in _entries(disk, folder):
        is_part = stamp.kind in (Kind.FILE, Kind.LINK) and is_wanted(path.as_posix())
        if not is_part and not (stamp.kind == Kind.LINK and path.name in _COMPONENTS):
            continue
        real_path, size_bytes = folder / path, stamp.size_bytes
        if stamp.kind == Kind.LINK:
            blob = blob_behind(disk, real_path, repo) if repo else None
            if not isinstance(blob, Blob):
                why = blob.text if blob else tr("It is a link; links are not followed.")
                raise IntegrityError(
                    tr(
                        "{path} in {folder} cannot be used: {why}",
                        path=shown_path(path),
                        folder=shown_path(folder),
                        why=why,
                    ),
                    hint=tr("Choose a folder that holds the files themselves."),
                )
            real_path, size_bytes = blob.path, blob.stamp.size_bytes
        yield path.as_posix(), ChosenFile(path.as_posix(), real_path, size_bytes)


def _entries(disk: Disk, folder: Path) -> Iterator[tuple[PurePosixPath, Stamp]]:
    """The folder's components with all that is in them, its index and its papers."""
    for name in disk.list_folder(folder):
        if name not in _COMPONENTS and name != _INDEX and not name.startswith(_PAPERS):
            continue
        stamp = disk.stat(folder / name)
        if stamp.kind != Kind.FOLDER:
            yield PurePosixPath(name), stamp
        elif name in _COMPONENTS:
            inner = itertools.islice(disk.walk(folder / name), MAX_FILES)
            yield from ((PurePosixPath(name) / path, found) for path, found in inner)


class _Adoption:
    """One adoption: all files get a second name or a copy beside the library's models, are read, and published."""

    def __init__(self, library: Library, key: ModelKey, context: JobContext, remote: RemoteRepo | None) -> None:
        self._library = library
        self._disk = library.disk
        self._key = key
        self._context = context
        self._remote = remote
        self._place = library.downloads(key) / "adopt"
        self._done_bytes = 0
        self._there: dict[tuple[int, str], RemoteFile] = {}
        for file in remote.files if remote else ():
            self._there |= {(file.size_bytes, name): file for name in (file.sha256, file.git_sha1) if name}

    def run(self, folder: Path, chosen: Sequence[ChosenFile], *, may_copy: bool) -> Manifest:
        self._draft(chosen)
        self._disk.remove_tree(self._place)
        try:
            copied = [file for file in chosen if not self._share(file)]
            self._check_copy(folder, copied, may_copy=may_copy)
            total_bytes = sum(file.size_bytes for file in chosen)
            files = [self._take(file, total_bytes, copy=file in copied) for file in chosen]
            manifest = self._complete(files)
            self._library.publish(self._place, self._key)
        finally:
            with contextlib.suppress(OSError):
                self._disk.remove_tree(self._place)
                self._disk.remove_folder(self._place.parent)  # unless a download was begun there
        logger.info("%s is adopted from a folder: %d files, %d bytes", self._key, len(files), manifest.size_bytes)
        return manifest

    def _draft(self, chosen: Sequence[ChosenFile]) -> None:
        """See whether there can be such a manifest, before much is read."""
        try:
            files = tuple(ManifestFile(file.path, file.size_bytes, "0" * 64) for file in chosen)
            Manifest(self._key.model_id, self._key.variant, files, now_utc())
        except ValueError as error:
            raise RequestError(
                tr(
                    "The model cannot be adopted as {model} ({variant}): {error}.",
                    model=self._key.model_id,
                    variant=self._key.variant,
                    error=error,
                ),
                hint=tr("Give it a name of small letters, digits, dots and hyphens."),
            ) from error

    def _share(self, file: ChosenFile) -> bool:
        """Give the file a second name in the library's folder; False when it can have none there."""
        target = self._place / file.path
        self._disk.make_folder(target.parent)
        try:
            self._disk.link(file.real_path, target)
        except OSError as error:
            if error.errno in _NO_LINK or getattr(error, "winerror", None) in _NO_LINK_WINDOWS:
                return False
            raise
        return True

    def _check_copy(self, folder: Path, copied: Sequence[ChosenFile], *, may_copy: bool) -> None:
        copy_bytes = sum(file.size_bytes for file in copied)
        if copied and not may_copy:
            raise CopyNeededError(
                tr(
                    "{folder} lies on another drive than the model folder {library}, or its files cannot be shared "
                    "there; a copy would take {copy_gb:.1f} GB.",
                    folder=shown_path(folder),
                    library=self._library.root,
                    copy_gb=copy_bytes / 1e9,
                ),
                hint=tr("Allow the copy, or use a model folder on the same drive."),
                copy_bytes=copy_bytes,
            )
        free_bytes = self._disk.free_bytes(self._library.root)
        if copy_bytes * 1.02 > free_bytes:
            raise DownloadSpaceError(
                tr(
                    "A copy of {folder} needs {copy_gb:.1f} GB on the drive of {library}; {free_gb:.1f} GB are free.",
                    folder=shown_path(folder),
                    copy_gb=copy_bytes / 1e9,
                    library=self._library.root,
                    free_gb=free_bytes / 1e9,
                ),
                hint=tr("Free up space, or use a model folder on another drive."),
            )

    def _take(self, file: ChosenFile, total_bytes: int, *, copy: bool) -> tuple[ManifestFile, FileStamp]:
        """Read the file, and copy it meanwhile if need be."""

        def check(count: int) -> None:
            self._done_bytes += count
            self._context.progress(AdoptProgress(self._done_bytes, total_bytes, file.path))

        target = self._place / file.path
        source = file.real_path if copy else target
        before = self._disk.stat(source)
        read = read_content(self._disk, source, check, target if copy else None)
        if before.size_bytes != file.size_bytes or self._disk.stat(source).outside != before.outside:
            raise IntegrityError(
                tr("{file} changed while it was read.", file=shown_path(file.real_path)),
                hint=tr("Close the program that writes to it, then try again."),
            )
        origin = self._origin(file.size_bytes, read)
        adopted = ManifestFile(file.path, file.size_bytes, read.sha256, origin)
        write_block_map(self._disk, self._place, adopted, read.block_map)
        return adopted, FileStamp(*self._disk.stat(target).outside, now_utc(), read.sha256)

    def _origin(self, size_bytes: int, read: "ContentRead") -> Origin | None:
        there = self._there.get((size_bytes, read.sha256)) or self._there.get((size_bytes, read.git_sha1))
        if there is None or self._remote is None:
            return None
        remote = self._remote
        return Origin(remote.repo_id, remote.revision, there.filename, size_bytes, there.sha256, there.git_sha1)

    def _complete(self, files: Sequence[tuple[ManifestFile, FileStamp]]) -> Manifest:
        inspect_model_folder(self._place)  # as it was taken, should somebody have changed it meanwhile
        manifest = Manifest(self._key.model_id, self._key.variant, tuple(file for file, _ in files), now_utc())
        write_stamps(self._disk, self._place, {file.path: stamp for file, stamp in files})
        write_manifest(self._disk, self._place, manifest)
        for folder in {(self._place / file.path).parent for file in manifest.files} | {self._place}:
            self._disk.sync_folder(folder)
        return manifest
