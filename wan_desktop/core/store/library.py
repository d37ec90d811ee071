"""A library: a folder on some drive that holds models, each variant in a plain folder of its own.

```
<root>/wan-desktop-library.json
<root>/<model_id>/<variant>/                 a model, in diffusers' layout, with .wan-desktop/manifest.json inside
<root>/.wan-desktop/downloads/<key>/         what is on its way
<root>/.wan-desktop/quarantine/<time>/...    files that were replaced because they were damaged
<root>/.wan-desktop/trash/<time>--<key>/     models that were removed, until the trash is emptied
<root>/.wan-desktop/locks/<key>.lock
```

Nothing is moved between drives, there are no symlinks, and what is whole never goes before its replacement is whole.
"""

import contextlib
import json
import logging
import os
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.errors import DriveMissingError, ManifestError, ModelBusyError, RequestError, StoreError
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.store.disk import Disk, Kind, is_litter
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.holds import Holds
from wan_desktop.core.store.manifest import METADATA_FOLDER
from wan_desktop.core.words import mark, tr

logger = logging.getLogger(__name__)

LIBRARY_FILE = "wan-desktop-library.json"
_FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_MAX_JSON_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class ModelKey:
    """One variant of one model: what the store keeps, checks and holds."""

    model_id: str
    variant: str

    def __post_init__(self) -> None:
        for name in (self.model_id, self.variant):
            if not _NAME.fullmatch(name) or "--" in name or name.endswith("."):
                raise ValueError(f"{name!r} cannot be the name of a model or variant")

    def __str__(self) -> str:
        return f"{self.model_id}--{self.variant}"


@dataclass(frozen=True, slots=True)
class TrashItem:
    """A removed model that can still be put back."""

    key: ModelKey
    path: Path
    removed_at_s: float


@dataclass(frozen=True, slots=True)
class _LibraryRecord:
    library_id: str
    format: int = _FORMAT


class Library:
    """One library; for all threads.

    Raises:
        DriveMissingError: Its folder is not there, and was to exist already.
        ManifestError: Its folder is marked by a newer version of this program, or the mark cannot be read.
        OSError: It cannot be made.
    """

    def __init__(self, disk: Disk, root: Path, *, create: bool = False) -> None:
        self.disk = disk
        self.root = root
        if create and not disk.exists(root / LIBRARY_FILE):
            disk.make_folder(root)
            record = json.dumps(to_plain(_LibraryRecord(uuid.uuid4().hex)))
            disk.write_atomically(root / LIBRARY_FILE, record.encode())
        self.library_id = self._read_id()
        self._holds = Holds(self)

    def _read_id(self) -> str:
        file = self.root / LIBRARY_FILE
        try:
            data = self.disk.read_bytes(file, limit_bytes=_MAX_JSON_BYTES)
            record = from_plain(_LibraryRecord, json.loads(data))
        except FileNotFoundError as error:
            raise DriveMissingError(
                tr("The model folder {folder} is not there.", folder=self.root),
                hint=tr("Connect its drive, or choose another model folder."),
            ) from error
        except (ValueError, RecordError) as error:
            raise ManifestError(
                tr("{file} cannot be read: {error}.", file=file, error=error),
                hint=tr("Add the folder again as a new one."),
            ) from error
        if record.format > _FORMAT:
            raise ManifestError(
                tr("The model folder {folder} was made by a newer version of this program.", folder=self.root),
                hint=tr("Update the program."),
            )
        return record.library_id

    # Places --------------------------------------------------------------------------------------------------------

    def folder(self, key: ModelKey) -> Path:
        """Where the model is or will be."""
        return self.root / key.model_id / key.variant

    def downloads(self, key: ModelKey) -> Path:
        """Where what is on its way lies."""
        return self.root / METADATA_FOLDER / "downloads" / str(key)

    def whole_files(self, key: ModelKey) -> Path:
        """Where what is on its way becomes the model's folder, file by file."""
        return self.downloads(key) / "files"

    @property
    def trash(self) -> Path:
        """Removed models."""
        return self.root / METADATA_FOLDER / "trash"

    def new_quarantine(self) -> Path:
        """A fresh folder for replaced files."""
        return self.root / METADATA_FOLDER / "quarantine" / _time_name()

    def keys(self) -> list[ModelKey]:
        """All models that are published here, whole or not."""
        found = []
        for model_id in self.disk.list_folder(self.root):
            folder = self.root / model_id
            if not _NAME.fullmatch(model_id) or self.disk.stat(folder).kind != Kind.FOLDER:
                continue
            for variant in self.disk.list_folder(folder):
                with contextlib.suppress(ValueError):
                    key = ModelKey(model_id, variant)
                    if self.disk.exists(self.folder(key) / METADATA_FOLDER):
                        found.append(key)
        return found

    def downloading(self) -> list[ModelKey]:
        """All models of which something is on its way."""
        return self._keys_in("downloads")

    def interrupted(self) -> list[ModelKey]:
        """All models that a crash may have left out of their place."""
        return self._keys_in("outgoing")

    def _keys_in(self, folder: str) -> list[ModelKey]:
        found = []
        for name in self.disk.list_folder(self.root / METADATA_FOLDER / folder):
            model_id, _, variant = name.partition("--")
            with contextlib.suppress(ValueError):
                found.append(ModelKey(model_id, variant))
        return found

    # Holds ---------------------------------------------------------------------------------------------------------

    def hold(self, key: ModelKey, purpose: str) -> contextlib.AbstractContextManager[None]:
        """Claim a model against all other threads and processes; never waits. See `Holds.hold`."""
        return self._holds.hold(key, purpose)

    def use(self, key: ModelKey) -> contextlib.AbstractContextManager[None]:
        """Claim a model while a video is made with it; see `Holds.use`."""
        return self._holds.use(key)

    def held_elsewhere(self, key: ModelKey) -> str:
        """What another process does with the model; empty for nothing."""
        return self._holds.held_elsewhere(key)

    def refuse_links(self, key: ModelKey) -> None:
        """What lies behind a link is not ours, so nothing is put there or deleted.

        Raises:
            StoreError: A link is in the model's place, or in that of its download.
        """
        downloads, folder = self.downloads(key), self.folder(key)
        for place in (self.root / METADATA_FOLDER, downloads.parent, downloads, folder.parent, folder):
            if self.disk.exists(place) and self.disk.stat(place).kind == Kind.LINK:
                raise StoreError(
                    tr("{place} is a link to another folder, which the program does not follow.", place=place),
                    hint=tr("Put the folder itself there, or choose another model folder."),
                )

    # Publish, remove, put back -------------------------------------------------------------------------------------

    def publish(self, ready: Path, key: ModelKey) -> None:
        """Make a whole folder the model; the revision before it goes only then. The model is held.

        A crash leaves either the old revision or the new one in place, or neither with `settle` to finish it. A folder
        that is no model and lies in its place goes to quarantine.

        Raises:
            OSError: It could not be done, and the old revision is in its place, unless the drive is gone: then `settle`
                finishes it.
        """
        target = self.folder(key)
        self.make_folder(target.parent)
        if self.disk.exists(target):
            ours = self.disk.exists(target / METADATA_FOLDER)
            self._exchange(ready, target, self._outgoing(key) if ours else self.new_quarantine() / str(key))
        else:
            self.disk.replace(ready, target)
        self.disk.sync_folder(ready.parent)
        self.disk.sync_folder(target.parent)
        self.disk.sync_folder(self.root)
        self._drop_outgoing(key)

    def _exchange(self, ready: Path, target: Path, old: Path) -> None:
        """Move the folder in the target's place to `old` and the ready one to its place, or leave all as it was."""
        self.make_folder(old.parent)
        self.disk.replace(target, old)
        try:
            self.disk.sync_folder(old.parent)
            self.disk.replace(ready, target)
        except OSError:
            with contextlib.suppress(OSError):
                self.disk.replace(old, target)
            raise

    def _outgoing(self, key: ModelKey) -> Path:
        return self.root / METADATA_FOLDER / "outgoing" / str(key)

    def _drop_outgoing(self, key: ModelKey) -> None:
        try:
            self.disk.remove_tree(self._outgoing(key))
        except OSError as error:  # the new revision is in place; `recover` does it later
            logger.warning("%s cannot be removed: %s", self._outgoing(key), error)

    def settle(self, key: ModelKey) -> None:
        """Bring the model back into its place if a crash came while revisions changed; else take a millisecond.

        Raises:
            StoreError: The drive cannot be written; trying again later is safe.
        """
        if self.disk.exists(self.folder(key)) or not self.disk.exists(self._outgoing(key)):
            return
        with contextlib.suppress(ModelBusyError), self.hold(key, mark("finishing what was interrupted")):
            self.recover(key)

    def recover(self, key: ModelKey) -> None:
        """Finish what `publish` began before a crash, and clear away what else it left. The model is held.

        Raises:
            StoreError: The drive cannot be written; trying again later is safe.
        """
        try:
            self._finish_publish(key, self.whole_files(key))
            self._sweep(key)
        except OSError as error:
            raise disk_error(error, self.root, "finishing what was interrupted") from error

    def _sweep(self, key: ModelKey) -> None:
        """Remove what was being written when a process died."""
        metadata, locks = self.folder(key) / METADATA_FOLDER, self.root / METADATA_FOLDER / "locks"
        litter = [metadata / path for path, _ in self.disk.walk(metadata) if is_litter(path.name)]
        litter += [locks / name for name in self.disk.list_folder(locks) if name.startswith(f".{key}.holder.")]
        for path in litter:
            self.disk.unlink(path)

    def _finish_publish(self, key: ModelKey, ready: Path) -> None:
        old = self._outgoing(key)
        if not self.disk.exists(old):
            return
        if self.disk.exists(self.folder(key)):
            self.disk.remove_tree(old)
        elif self.disk.exists(ready):
            self.publish(ready, key)
            self.disk.remove_tree(old)
        else:
            self.disk.replace(old, self.folder(key))
            self.disk.sync_folder(self.folder(key).parent)

    def remove(self, key: ModelKey) -> TrashItem:
        """Put the model into the trash. The model is held.

        Raises:
            RequestError: It is not here.
            OSError: A file of it is in use.
        """
        folder = self.folder(key)
        if not self.disk.exists(folder):
            raise RequestError(
                tr(
                    "{model} ({variant}) is not in {folder}.", model=key.model_id, variant=key.variant, folder=self.root
                ),
                hint=tr("It may be gone already."),
            )
        self.make_folder(self.trash)
        name = _time_name()
        target = self.trash / f"{name}--{key}"
        self.disk.replace(folder, target)
        self.disk.sync_folder(self.trash)
        with contextlib.suppress(OSError):  # other variants may be left
            self.disk.remove_folder(folder.parent)
        return TrashItem(key, target, float(name.split("-")[0]))

    def trash_items(self) -> list[TrashItem]:
        """What can be put back, the latest first."""
        items = []
        for name in self.disk.list_folder(self.trash):
            when, _, key = name.partition("--")
            model_id, _, variant = key.partition("--")
            with contextlib.suppress(ValueError):
                items.append(TrashItem(ModelKey(model_id, variant), self.trash / name, float(when.split("-")[0])))
        return sorted(items, key=lambda item: item.removed_at_s, reverse=True)

    def put_back(self, item: TrashItem) -> None:
        """Undo a removal. The model is held.

        Raises:
            RequestError: The model is there again, or the trash was emptied.
            StoreError: The drive cannot be written; the model stays in the trash.
        """
        try:
            self._put_back(item)
        except OSError as error:
            raise disk_error(error, self.root, "putting the model back") from error

    def _put_back(self, item: TrashItem) -> None:
        folder = self.folder(item.key)
        if self.disk.exists(folder):
            raise RequestError(
                tr("{model} ({variant}) is there again.", model=item.key.model_id, variant=item.key.variant),
                hint=tr("Remove that one first."),
            )
        if not self.disk.exists(item.path):
            raise RequestError(tr("It is not in the trash any more."), hint=tr("Download it again."))
        self.make_folder(folder.parent)
        self.disk.replace(item.path, folder)
        self.disk.sync_folder(folder.parent)

    def delete_trashed(self, item: TrashItem) -> int:
        """Delete a removed model for good; returns the bytes freed.

        Raises:
            StoreError: A file of it is in use; what is left stays in the trash.
        """
        try:
            freed_bytes = self.own_bytes(item.path)
            self.disk.remove_tree(item.path)
        except OSError as error:
            raise disk_error(error, self.root, "deleting") from error
        return freed_bytes

    def empty_trash(self, *, older_than_s: float = 0.0) -> int:
        """Delete what was removed at least so long ago; returns the bytes freed."""
        freed_bytes = 0
        for item in self.trash_items():
            if time.time() - item.removed_at_s >= older_than_s:
                freed_bytes += self.own_bytes(item.path)
                self.disk.remove_tree(item.path)
        return freed_bytes

    def empty_quarantine(self, *, older_than_s: float = 0.0) -> int:
        """Delete damaged files that were replaced at least so long ago; returns the bytes freed."""
        freed_bytes = 0
        place = self.root / METADATA_FOLDER / "quarantine"
        for name in self.disk.list_folder(place):
            with contextlib.suppress(ValueError):
                if time.time() - float(name.split("-")[0]) >= older_than_s:
                    freed_bytes += self.own_bytes(place / name)
                    self.disk.remove_tree(place / name)
        return freed_bytes

    def own_bytes(self, folder: Path) -> int:
        """Bytes that deleting the folder frees: files that no other folder shares."""
        seen: dict[int, int] = {}
        sizes: dict[int, tuple[int, int]] = {}
        for _, stamp in self.disk.walk(folder):
            seen[stamp.file_id] = seen.get(stamp.file_id, 0) + 1
            sizes[stamp.file_id] = (stamp.size_bytes, stamp.links)
        return sum(size_bytes for file_id, (size_bytes, links) in sizes.items() if seen[file_id] >= links)

    # Files ---------------------------------------------------------------------------------------------------------

    def make_folder(self, path: Path) -> None:
        """Make a folder of the library and those above it; when the drive is gone, none is made where it was.

        Raises:
            OSError: It cannot be made, or the library is not there.
        """
        above = [self.root / parent for parent in path.relative_to(self.root).parents[:-1]]
        for folder in (*reversed(above), path):
            if self.disk.create_folder(folder):
                self.disk.sync_folder(folder.parent)

    def place(self, source: Path, target: Path) -> bool:
        """Put a file of a model into another folder too: shared where the drive can, else copied.

        Returns:
            True when it is shared and takes no space.

        Raises:
            OSError: It can be neither.
        """
        self.make_folder(target.parent)
        try:
            self.disk.link(source, target)
        except OSError:
            self._copy(source, target)
            return False
        return True

    def _copy(self, source: Path, target: Path) -> None:
        beside = target.with_name(f".{target.name}.{os.getpid()}.part")
        buffer = memoryview(bytearray(8 * 1024 * 1024))
        try:
            with self.disk.open_readonly(source) as reading, self.disk.open(beside, create=True) as writing:
                offset = 0
                while count := reading.pread_into(offset, buffer):
                    writing.pwrite(offset, buffer[:count])
                    offset += count
                writing.sync()
            self.disk.replace(beside, target)
        except BaseException:
            with contextlib.suppress(OSError):
                self.disk.unlink(beside)
            raise


def _time_name() -> str:
    return f"{int(time.time())}-{uuid.uuid4().hex[:6]}"
