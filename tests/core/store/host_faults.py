"""Block B of the fault matrix: what can go wrong at this PC."""

import collections
import copy
import errno
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.core.store.model_world import KEY, Operation, World
from tests.core.store.proof_model import REPO, SHRUNK, SMALL
from tests.core.store.state_faults import Heal, edit_json, edit_manifest
from tests.fakes.faulty_disk import FailingDisk, HastyDisk, Result, disk_full, windows_error
from tests.fakes.store_process import StoreJob, StoreProcess
from wan_desktop.core.errors import (
    DownloadSpaceError,
    DriveFaultError,
    DriveMissingError,
    FileBlockedError,
    ManifestError,
    ModelBusyError,
    StoreError,
    UnsafeNameError,
)
from wan_desktop.core.store.blocks import BLOCK_BYTES
from wan_desktop.core.store.disk import Disk

FETCHING = (Operation.INSTALL, Operation.RESUME, Operation.UPDATE, Operation.REPAIR)
ASKING = (Operation.INSTALL, Operation.UPDATE)
"""Those that ask the Hub for metadata too."""
ON_DISK = (Operation.INSTALL, Operation.RESUME, Operation.VERIFY, Operation.REPAIR, Operation.UPDATE)

Arrange = Callable[[World, Operation], Heal]
"""Puts a fault in place; what it returns ends it."""
_COLLIDING = f"T{SHRUNK[1:]}"
DATA = r"[0-9a-f]{40,64}\.(part|bf16|new)"
"""Files that hold bytes of the model on their way."""


class RefusingDisk(FailingDisk):
    """A disk that refuses the calls that a rule picks, once it has let so many of them through."""

    def __init__(self, error: OSError, rule: str, spare: int = 0) -> None:
        super().__init__()
        self.refused: list[str] = []
        self._error, self._rule, self._spare = error, re.compile(rule), spare

    def read(self, name: str, call: Callable[[], Result]) -> Result:
        self._look(f"read: {name}")
        return super().read(name, call)

    def write(self, name: str, call: Callable[[], Result], half: Callable[[], None] | None = None) -> Result:
        self._look(f"write: {name}")
        return super().write(name, call, half)

    def _look(self, name: str) -> None:
        if self._rule.search(name):
            self._spare -= 1
            if self._spare < 0:
                self.refused.append(name)
                raise copy.copy(self._error)


class ScannedDisk(HastyDisk):
    """On Windows, with a virus scanner that keeps fresh files open for the first few tries to rename them."""

    def __init__(self, times: int | None) -> None:
        super().__init__(wait=lambda _: None)
        self.refused: list[str] = []
        self._times, self._tries = times, collections.Counter[Path]()

    def _rename(self, source: Path, target: Path) -> None:
        self._tries[target] += 1
        if self._times is None or self._tries[target] <= self._times:
            self.refused.append(target.name)
            raise windows_error(32, errno.EACCES)
        super()._rename(source, target)


class PulledDisk(FailingDisk):
    """A disk whose library is gone after so many calls: its place is empty."""

    def __init__(self, root: Path, away: Path, after: int) -> None:
        super().__init__()
        self.refused: list[str] = []
        self._root, self._away, self._left = root, away, after

    def write(self, name: str, call: Callable[[], Result], half: Callable[[], None] | None = None) -> Result:
        self._left -= 1
        if self._left == 0:
            self._root.rename(self._away)
            self.refused.append(name)
        return super().write(name, call, half)


@dataclass(frozen=True, slots=True)
class HostFault:
    """One way in which a fault of this PC shows."""

    ends: Mapping[Operation, type[Exception] | None]
    """How each operation must end; None is well."""
    arrange: Arrange | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    """Of a process of its own that does it, as in `StoreJob`."""
    heals_first: bool = False
    """It must end before anything can be seen."""
    killed: bool = False
    """It is done by a process that is killed in the middle."""
    finds_damage: bool = False
    """A check must call a file bad."""
    traffic: float = 1.0
    knows: bool = True


def everywhere(error: type[Exception] | None, *operations: Operation) -> dict[Operation, type[Exception] | None]:
    """The same end for all these."""
    return dict.fromkeys(operations, error)


def refuse(error: OSError, rule: str, *, spare: int = 0) -> Arrange:
    """Calls fail for as long as the fault lasts."""

    def arrange(world: World, _operation: Operation) -> Heal:
        return with_disk(world, RefusingDisk(error, rule, spare))

    return arrange


def with_disk(world: World, disk: Disk) -> Heal:
    """The world's disk is another one for a while."""
    world.disk = disk
    return lambda: setattr(world, "disk", HastyDisk())


def scanned(times: int | None) -> Arrange:
    """Renaming is refused, the first few times or always."""
    return lambda world, _operation: with_disk(world, ScannedDisk(times))


def pull_drive(world: World, _operation: Operation) -> Heal:
    """The drive is pulled out in the middle."""
    away = world.folder.with_name(f"{world.folder.name}-pulled")
    heal = with_disk(world, PulledDisk(world.root, away, after=3 if _operation is Operation.VERIFY else 25))

    def plug_in() -> None:
        assert not world.root.exists(), "(g) something was made where the drive was"
        away.rename(world.root)
        heal()

    return plug_in


def second_instance(world: World, _operation: Operation) -> Heal:
    """Another process does something with the model."""
    process = StoreProcess()
    process.start(StoreJob("hold", world.root, KEY.model_id, KEY.variant))
    process.wait_for("holding")
    return process.close


def colliding_names(world: World, operation: Operation) -> Heal:
    """Two names are one where capitals do not count."""
    if operation in ASKING:
        contents = world.model.contents[world.goal]
        world.hub.move(REPO, {**contents, _COLLIDING: contents[SMALL]})

        def rename() -> None:
            world.hub.move(REPO, contents, revision=world.goal)

        return rename
    if operation is Operation.RESUME:
        return edit_json(world.staging / "plan.json", lambda plan: plan["files"][0].update(path=_COLLIDING))
    return edit_manifest(world, lambda manifest: manifest["files"][0].update(path=_COLLIDING))


def link_in_tree(world: World, operation: Operation) -> Heal:
    """A folder of the library is a link to one that is none of ours."""
    elsewhere = world.folder / "elsewhere"
    place = {
        Operation.INSTALL: world.model_folder.parent,
        Operation.UPDATE: world.model_folder.parent,
        Operation.RESUME: world.staging / "files" / "vae",
    }.get(operation, world.model_folder / "vae")
    if place.exists():
        shutil.move(place, elsewhere)
    else:
        elsewhere.mkdir()
    place.symlink_to(elsewhere, target_is_directory=True)

    def put_right() -> None:
        if place.is_symlink():
            place.unlink()
            shutil.move(elsewhere, place)

    return put_right


NO_LARGE_FILES = {Operation.VERIFY: "writes no large file"}
HOST: dict[str, tuple[HostFault, ...]] = {
    "disk-full": (
        HostFault(everywhere(DownloadSpaceError, *FETCHING), refuse(disk_full(), "write: pwrite")),
        HostFault(everywhere(DownloadSpaceError, *FETCHING), refuse(disk_full(), f"pwrite {DATA}", spare=2)),
        HostFault(everywhere(None, Operation.VERIFY), refuse(disk_full(), "write: pwrite")),
    ),
    "read-error": (
        HostFault(
            everywhere(DriveFaultError, Operation.INSTALL, Operation.RESUME, Operation.UPDATE),
            refuse(OSError(errno.EIO, "I/O error"), f"pread {DATA}", spare=1),
        ),
        # What cannot be read of a damaged file is fetched.
        HostFault(
            everywhere(None, Operation.REPAIR),
            refuse(OSError(errno.EIO, "I/O error"), "pread diffusion_pytorch_model"),
            traffic=5.0,
            knows=False,
        ),
        HostFault(
            everywhere(None, Operation.VERIFY),
            refuse(OSError(errno.EIO, "I/O error"), "pread diffusion_pytorch_model"),
            finds_damage=True,
        ),
    ),
    "write-error": (
        HostFault(
            everywhere(DriveFaultError, *FETCHING),
            refuse(OSError(errno.EIO, "I/O error"), f"pwrite {DATA}", spare=2),
        ),
        HostFault(everywhere(None, Operation.VERIFY), refuse(OSError(errno.EIO, "I/O error"), "pwrite .*stamps")),
    ),
    "no-permission": (
        HostFault(
            everywhere(FileBlockedError, *FETCHING),
            refuse(PermissionError(errno.EACCES, "Permission denied"), f"open {DATA}"),
        ),
        HostFault(
            everywhere(FileBlockedError, Operation.VERIFY),
            refuse(PermissionError(errno.EACCES, "Permission denied"), "open diffusion_pytorch_model"),
        ),
    ),
    "file-in-use": (
        HostFault(everywhere(None, *ON_DISK), scanned(3)),
        HostFault(everywhere(FileBlockedError, *FETCHING), scanned(None)),
        HostFault(everywhere(None, Operation.VERIFY), scanned(None)),
    ),
    "read-only": (
        HostFault(everywhere(FileBlockedError, *ON_DISK), refuse(OSError(errno.EROFS, "Read-only"), "^write: ")),
    ),
    "file-too-large": (HostFault(everywhere(StoreError, *FETCHING), limits={"max_file_bytes": 3 * BLOCK_BYTES // 2}),),
    "drive-gone": (
        HostFault(everywhere(DriveMissingError, *FETCHING), refuse(OSError(errno.ENODEV, "No device"), ".", spare=90)),
        HostFault(
            everywhere(DriveMissingError, Operation.VERIFY), refuse(OSError(errno.ENODEV, "No device"), ".", spare=40)
        ),
        HostFault(everywhere(DriveMissingError, *ON_DISK), pull_drive, heals_first=True),
    ),
    "second-instance": (HostFault(everywhere(ModelBusyError, *ON_DISK), second_instance),),
    "killed": (HostFault(everywhere(None, *ON_DISK), killed=True),),
    "sync-error": (
        HostFault(
            everywhere(DriveFaultError, *FETCHING), refuse(OSError(errno.EIO, "I/O error"), f"write: sync {DATA}")
        ),
        HostFault(everywhere(None, Operation.VERIFY), refuse(OSError(errno.EIO, "I/O error"), "write: sync")),
    ),
    "no-handles": (
        HostFault(everywhere(StoreError, *FETCHING), limits={"max_handles": 7}),
        HostFault(everywhere(StoreError, Operation.VERIFY), limits={"max_handles": 5}),
    ),
    "names-collide": (
        HostFault(everywhere(UnsafeNameError, *ASKING), colliding_names),
        HostFault(everywhere(None, Operation.RESUME), colliding_names),
        HostFault(everywhere(ManifestError, Operation.VERIFY, Operation.REPAIR), colliding_names),
    ),
    "link-in-tree": (
        HostFault(everywhere(StoreError, *ASKING), link_in_tree),
        HostFault(everywhere(None, Operation.RESUME), link_in_tree),
        HostFault(everywhere(None, Operation.REPAIR), link_in_tree, traffic=5.0, knows=False),
        HostFault(everywhere(None, Operation.VERIFY), link_in_tree, finds_damage=True),
    ),
}
