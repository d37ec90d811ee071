"""A model at a Hub and in a library: what users do with it, and what is there then."""

import hashlib
import json
import re
import shutil
import struct
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from tests.core.store.proof_model import NEW, OLD, PLAIN, REPO, SHRUNK, Model, content_id, large_model
from tests.fakes.faulty_disk import HastyDisk, WrappedFile
from tests.fakes.hub import FakeHub
from tests.fakes.store_process import deep_check, download, put_back, quiet_context, remove, repair, start_up
from wan_desktop.core.catalog import metadata_for_repo
from wan_desktop.core.errors import WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.store.blocks import BLOCK_BYTES, DIGEST_BYTES, block_count, block_digest, block_span
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.disk_file import Data, DiskFile
from wan_desktop.core.store.download import Downloader, DownloadPlan, PlannedFile
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library, ModelKey, TrashItem
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.verify import IntegrityReport, quick_check

KEY = ModelKey("proof", "bf16")
PATIENT = TransferLimits(connections=2, max_connections=2, stall_s=0.5, give_up_s=30.0)
HASTY = TransferLimits(connections=2, max_connections=2, stall_s=0.4, give_up_s=1.2)
"""Gives up soon, where nothing will come."""
_JOURNAL_HEADER_BYTES, _RECORD = 84, struct.Struct(f"<I{DIGEST_BYTES}sI")


class Operation(StrEnum):
    """What users do."""

    INSTALL = "install"
    RESUME = "resume"
    UPDATE = "update"
    REPAIR = "repair"
    VERIFY = "verify"
    LOAD = "load"
    START = "start-up"
    REMOVE = "remove"
    PUT_BACK = "put-back"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended."""

    error: Exception | None
    report: IntegrityReport | None
    seconds: float


class StoppingDisk(HastyDisk):
    """Lets the job be cancelled when so many writes to `.part`s are done."""

    def __init__(self, context: JobContext, writes: int) -> None:
        super().__init__()
        self._context, self._left = context, writes

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        file = super().open(path, create=create)
        is_part = path.suffix == ".part" and not path.name.startswith(".")
        return _StoppingFile(file, self) if is_part else file

    def written(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._context.cancel_asked.set()


class _StoppingFile(WrappedFile):
    def __init__(self, file: DiskFile, disk: StoppingDisk) -> None:
        super().__init__(file)
        self._disk = disk

    def pwrite(self, offset: int, data: Data) -> None:
        super().pwrite(offset, data)
        self._disk.written()


@dataclass
class World:
    """A Hub, a folder with a library in it, and who works with both."""

    folder: Path
    hub: FakeHub
    model: Model = field(default_factory=large_model)
    disk: Disk = field(default_factory=HastyDisk)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "neighbour.txt").write_text("not ours", encoding="utf-8")
        self.hub.clear_faults()
        self.model.add_to(self.hub)
        token = self.hub.token
        self.client = HubClient(endpoint=self.hub.url, token=lambda: token, timeout_s=1.0, waits_s=(0.02, 0.05))
        self._removed: TrashItem | None = None
        self.goal = OLD
        """The commit that the operation is to end with."""

    @property
    def root(self) -> Path:
        """The library's folder."""
        return self.folder / "library"

    @property
    def model_folder(self) -> Path:
        """The model's."""
        return self.root / KEY.model_id / KEY.variant

    @property
    def staging(self) -> Path:
        """Where what is on its way lies."""
        return self.root / ".wan-desktop" / "downloads" / str(KEY)

    def library(self) -> Library:
        """The library as a start of the program opens it."""
        return Library(self.disk, self.root, create=True)

    def plan(self) -> DownloadPlan:
        """All files that the Hub has now; its transformer becomes smaller."""
        repo = self.client.repo(REPO)
        planned = []
        for file in repo.files:
            origin = Origin(repo.repo_id, repo.revision, file.filename, file.size_bytes, file.sha256, file.git_sha1)
            shrinks = Conversion.BF16 if file.filename == SHRUNK else Conversion.NONE
            planned.append(PlannedFile(file.filename, origin, shrinks))
        return DownloadPlan(KEY.model_id, KEY.variant, tuple(planned))

    @property
    def history(self) -> Path:
        """The memory of what was done, which lies elsewhere."""
        return self.folder.with_name(f"{self.folder.name}-history.sqlite")

    # Operations ----------------------------------------------------------------------------------------------------

    def prepare(self, operation: Operation, template: Path | None = None) -> None:
        """Bring about what the operation starts from, without any fault; a template is a library with the model."""
        match operation:
            case Operation.INSTALL:
                self.library()
            case Operation.RESUME:
                self.stop_half_way()
            case _:
                self.install(template)
        if operation is Operation.UPDATE:
            self.model.move(self.hub)
            self.goal = NEW
        if operation is Operation.PUT_BACK:
            self._removed = remove(self.library(), KEY)
        if operation is Operation.REPAIR:
            self.damage(PLAIN, 2 * BLOCK_BYTES + 5)
            self.damage(SHRUNK, BLOCK_BYTES + 77)
        self.hub.forget_requests()

    def install(self, template: Path | None = None) -> None:
        """Install the old revision."""
        if template is None:
            download(self.library(), self.client, self.plan(), limits=PATIENT)
            return
        shutil.copytree(template, self.root)
        assert deep_check(Library(HastyDisk(), self.root), KEY).good  # copies have other stamps

    def stop_half_way(self) -> None:
        """Stop a download in the middle."""
        context = quiet_context()
        writes = 3 * sum(block_count(len(data)) for data in self.model.commits[self.goal].values()) // 5
        self.library()
        library = Library(StoppingDisk(context, writes), self.root)
        try:
            download(library, self.client, self.plan(), limits=PATIENT, context=context)
        except Exception:  # noqa: BLE001 - whatever the stop looks like in the middle of a call
            assert context.cancel_asked.is_set()
            return
        raise AssertionError("it was not stopped")

    def damage(self, path: str, offset: int, length: int = 1) -> None:
        """Change bytes of a file."""
        with (self.model_folder / path).open("r+b") as file:
            file.seek(min(offset, file.seek(0, 2) - length))
            place, data = file.tell(), file.read(length)
            file.seek(place)
            file.write(bytes(byte ^ 0x10 for byte in data))

    def run(
        self, operation: Operation, *, limits: TransferLimits = PATIENT, context: JobContext | None = None
    ) -> Outcome:
        """Do it, and see how it ends."""
        start_s = time.monotonic()
        error: Exception | None = None
        report: IntegrityReport | None = None
        try:
            report = self._run(operation, limits, context)
        except Exception as caught:  # noqa: BLE001 - the oracle says which ones may be
            error = caught
        return Outcome(error, report, time.monotonic() - start_s)

    def _run(self, operation: Operation, limits: TransferLimits, context: JobContext | None) -> IntegrityReport | None:
        try:
            library = self.library()
        except OSError as error:
            raise disk_error(error, self.root, "opening the model folder") from error
        match operation:
            case Operation.VERIFY:
                return deep_check(library, KEY)
            case Operation.LOAD:
                self._load()
            case Operation.START:
                History(self.history).close()
                return start_up(library, self.client, KEY).report
            case Operation.REPAIR:
                repair(library, self.client, KEY, deep_check(library, KEY), limits=limits, context=context)
            case Operation.REMOVE:
                self._removed = remove(library, KEY)
            case Operation.PUT_BACK:
                put_back(library, self._removed or library.trash_items()[0])
            case Operation.RESUME:
                plan = Downloader(library, self.client).unfinished(KEY) or self.plan()
                download(library, self.client, plan, limits=limits, context=context)
            case _:
                download(library, self.client, self.plan(), limits=limits, context=context)
        return None

    def _load(self) -> None:
        """Take the model for rendering; whoever has it from there reads its files without looking again."""
        metadata = metadata_for_repo(REPO)
        variants = (replace(metadata.variants[0], name=KEY.variant),)
        history = History(self.history)
        try:
            manager = ModelManager([self.root], hub=self.client, history=history, disk=self.disk)
            manager.ready(replace(metadata, model_id=KEY.model_id, variants=variants))
        finally:
            history.close()

    # What is there -------------------------------------------------------------------------------------------------

    def files(self) -> dict[str, str]:
        """The sha256 of every file of the published model; nothing when there is none."""
        return {
            path.relative_to(self.model_folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.model_folder.rglob("*")
            if path.is_file() and path.relative_to(self.model_folder).parts[0] != ".wan-desktop"
        }

    def outside(self) -> dict[str, tuple[int, int]]:
        """All that lies beside the library."""
        return {
            path.relative_to(self.folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_relative_to(self.root)
        }

    def strangers(self) -> dict[str, int]:
        """What lies in the library and is none of its own."""
        ours = (".wan-desktop/", f"{KEY.model_id}/", "wan-desktop-library.json")
        paths = [path for path in self._all_files() if not path.startswith(ours)]
        return {path: (self.root / path).stat().st_mtime_ns for path in paths}

    def believed(self) -> bool:
        """The program takes the model for whole, without reading it."""
        try:
            return quick_check(Disk(), self.model_folder).good
        except (OSError, WanError):
            return False

    def committed(self) -> dict[str, set[int]]:
        """By file of the repository: blocks that are acknowledged, and are on disk as they must be."""
        found: dict[str, set[int]] = {}
        finished = self._finished()
        for path, data in self.model.commits[self.goal].items():
            is_finished = content_id(data, path) in finished.get(path, ())
            blocks = set(range(block_count(len(data)))) if is_finished else set()
            for folder in (self.staging / "repair", self.staging / "parts"):
                stem = folder / content_id(data, path)
                # A kill may come between the move of a `.part` to its place and the record of that.
                parts = (stem.with_suffix(".part"), self.staging / "files" / path)
                blocks |= set().union(*(_claimed(stem.with_suffix(".journal"), part, data) for part in parts))
            if path != SHRUNK:
                blocks |= _right_blocks(self.model_folder / path, data)
            found[path] = blocks
        return found

    def _finished(self) -> dict[str, tuple[str, str]]:
        """By path: the two digests of what is said to lie whole in its place, and does."""
        plain = [json.loads(path.read_bytes()) for path in (self.staging / "finished").glob("*.json")]
        there = [record for record in plain if (self.staging / "files" / record["path"]).exists()]
        return {record["path"]: (record["origin"]["sha256"], record["origin"]["git_sha1"]) for record in there}

    def missing_bytes(self) -> int:
        """What must come over the network at least, by what is committed."""
        committed = self.committed()
        on_disk, wanted = self.files(), self.model.on_disk(self.goal)
        return sum(
            sum(block_span(index, len(data))[1] for index in range(block_count(len(data))) if index not in have)
            for path, data in self.model.commits[self.goal].items()
            for have in [committed[path]]
            if on_disk.get(path) != wanted[path]
        )

    def litter(self) -> list[str]:
        """What a library with nothing but the model in it would not have; what is staged is another matter."""
        metadata = rf"{KEY.model_id}/{KEY.variant}/\.wan-desktop"
        maps = "|".join(sha256[:32] for sha256 in self.files().values())
        known = [
            r"wan-desktop-library\.json",
            r"\.wan-desktop/locks/[^/]+\.(lock|holder)",
            r"\.wan-desktop/(quarantine|trash|downloads)/.+",
            rf"{KEY.model_id}/{KEY.variant}/(?!\.wan-desktop).+",
            rf"{metadata}/((manifest|stamps|damage)\.json|blocks/({maps})\.blocks)",
        ]
        paths = self._all_files() - self.strangers().keys()
        litter = [path for path in sorted(paths) if not any(re.fullmatch(rule, path) for rule in known)]
        return litter + sorted(self.files().keys() - self.model.commits[self.goal].keys())

    def staged(self) -> list[str]:
        """Whose downloads are on their way."""
        return sorted(path.name for path in self.staging.parent.glob("*"))

    def _all_files(self) -> set[str]:
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if not path.is_dir()}


def _claimed(journal: Path, part: Path, data: bytes) -> set[int]:
    """Blocks that a journal claims and that are as they must be."""
    if not journal.exists() or not part.exists():
        return set()
    records = journal.read_bytes()[_JOURNAL_HEADER_BYTES:]
    whole = records[: len(records) // _RECORD.size * _RECORD.size]
    claims = {index: digest for index, digest, _ in _RECORD.iter_unpack(whole)}
    return {index for index in _right_blocks(part, data) if claims.get(index) == block_digest(_block(data, index))}


def _right_blocks(file: Path, data: bytes) -> set[int]:
    if not file.is_file():
        return set()
    found = file.read_bytes()
    return {index for index in range(block_count(len(data))) if _block(found, index) == _block(data, index)}


def _block(data: bytes, index: int) -> bytes:
    return data[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES]
