"""A model at a Hub and in a library, and an oracle that knows every byte that it must have."""

import hashlib
import json
import re
import shutil
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from tests.fakes.faulty_disk import HastyDisk
from tests.fakes.hub import FakeHub
from tests.fakes.hub.answers import Request
from tests.fakes.hub.contents import BytesContent
from tests.fakes.store_process import deep_check, download, quiet_context, repair, start_up
from wan_desktop.core.errors import WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.bf16 import convert_file
from wan_desktop.core.store.blocks import BLOCK_BYTES, DIGEST_BYTES, block_count, block_digest, block_span
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Data, Disk, DiskFile, disk_error
from wan_desktop.core.store.download import Downloader, DownloadPlan, PlannedFile
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.verify import IntegrityReport, quick_check

REPO = "wan/proof"
KEY = ModelKey("proof", "bf16")
OLD, NEW = "a" * 40, "b" * 40
PLAIN = "vae/diffusion_pytorch_model.safetensors"
SHRUNK = "transformer/diffusion_pytorch_model.safetensors"
SHARDS = ("text_encoder/model-00001-of-00002.safetensors", "text_encoder/model-00002-of-00002.safetensors")
SMALL = "model_index.json"
BOUND_S = 60.0
"""Within that, every operation must have ended, on a busy machine too."""
PATIENT = TransferLimits(connections=2, max_connections=2, stall_s=0.5, give_up_s=30.0)
HASTY = TransferLimits(connections=2, max_connections=2, stall_s=0.4, give_up_s=1.2)
"""Gives up soon, where nothing will come."""
_JOURNAL_HEADER_BYTES, _RECORD = 84, struct.Struct(f"<I{DIGEST_BYTES}sI")


# Contents ------------------------------------------------------------------------------------------------------------


def weights(kibibytes: int, seed: int) -> bytes:
    """A safetensors file of float32 numbers."""
    rows = kibibytes - 2  # a row is 1 KiB; the header and the small tensor are about one each
    values = np.random.default_rng(seed).standard_normal(rows * 256, dtype=np.float32)
    tensors = {"blocks.0.attn1.to_q.weight": values.reshape(rows, 256), "blocks.0.norm2.weight": values[:128]}
    header, end = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": (end, end + tensor.nbytes)}
        end += tensor.nbytes
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in tensors.values())


@dataclass(frozen=True)
class Model:
    """What a repository holds at each commit, and what of it must be on disk in the end."""

    commits: Mapping[str, Mapping[str, bytes]]

    @cached_property
    def contents(self) -> dict[str, dict[str, BytesContent]]:
        """For fake Hubs; digests are computed once."""
        return {
            commit: {path: BytesContent(data) for path, data in files.items()} for commit, files in self.commits.items()
        }

    def on_disk(self, commit: str) -> dict[str, str]:
        """The sha256 of every file of the revision, once installed."""
        return self._all_on_disk[commit]

    @cached_property
    def _all_on_disk(self) -> dict[str, dict[str, str]]:
        return {
            commit: {
                path: hashlib.sha256(self._converted(data) if path == SHRUNK else data).hexdigest()
                for path, data in files.items()
            }
            for commit, files in self.commits.items()
        }

    @staticmethod
    def _converted(data: bytes) -> bytes:
        """That this is right is proven where the conversion is tested."""
        disk = _MemoryDisk(data)
        convert_file(disk, Path("original"), Path("converted"), check=lambda _: None)
        return bytes(disk.made)

    def add_to(self, hub: FakeHub) -> None:
        """Let the Hub have the first commit."""
        first, *_ = self.commits
        hub.add_repo(REPO, self.contents[first], revision=first)

    def move(self, hub: FakeHub) -> None:
        """Let the Hub have the last commit."""
        *_, last = self.commits
        hub.move(REPO, self.contents[last], revision=last)


class _MemoryFile(DiskFile):
    def __init__(self, data: bytearray) -> None:
        self._data = data

    def pread_into(self, offset: int, buffer: memoryview) -> int:
        piece = self._data[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)

    def pwrite(self, offset: int, data: Data) -> None:
        self._data[offset : offset + memoryview(data).nbytes] = data

    def sync(self) -> None:
        pass

    def resize(self, size_bytes: int) -> None:
        del self._data[size_bytes:]

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    def close(self) -> None:
        pass


class _MemoryDisk(Disk):
    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._original, self.made = bytearray(data), bytearray()

    def open(self, path: Path, *, create: bool = False) -> DiskFile:
        return _MemoryFile(self.made)

    def open_readonly(self, path: Path) -> DiskFile:
        return _MemoryFile(self._original)


@cache
def large_model() -> Model:
    """Files of several blocks, two shards of one size; the update changes all but the shards."""
    shards = {path: weights(1500, seed) for seed, path in enumerate(SHARDS)}
    return Model(
        {
            OLD: {PLAIN: weights(3500, 11), SHRUNK: weights(4200, 12), SMALL: b'{"_class_name": "Old"}', **shards},
            NEW: {PLAIN: weights(3500, 21), SHRUNK: weights(4200, 22), SMALL: b'{"_class_name": "New"}', **shards},
        }
    )


@cache
def small_model() -> Model:
    """The same in few blocks, for proofs that need many runs."""
    shards = {SHARDS[0]: weights(40, 0)}
    return Model(
        {
            OLD: {PLAIN: weights(1100, 11), SHRUNK: weights(1300, 12), SMALL: b'{"_class_name": "Old"}', **shards},
            NEW: {PLAIN: weights(1100, 21), SHRUNK: weights(1300, 22), SMALL: b'{"_class_name": "New"}', **shards},
        }
    )


# The world -----------------------------------------------------------------------------------------------------------


class Operation(StrEnum):
    """What users do."""

    INSTALL = "install"
    RESUME = "resume"
    UPDATE = "update"
    REPAIR = "repair"
    VERIFY = "verify"
    START = "start-up"


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


class _StoppingFile(DiskFile):
    def __init__(self, file: DiskFile, disk: StoppingDisk) -> None:
        self._file, self._disk = file, disk

    def pread_into(self, offset: int, buffer: memoryview) -> int:
        return self._file.pread_into(offset, buffer)

    def pwrite(self, offset: int, data: Data) -> None:
        self._file.pwrite(offset, data)
        self._disk.written()

    def sync(self) -> None:
        self._file.sync()

    def resize(self, size_bytes: int) -> None:
        self._file.resize(size_bytes)

    @property
    def size_bytes(self) -> int:
        return self._file.size_bytes

    def close(self) -> None:
        self._file.close()


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

    def stop_half_way(self, writes: int = 8) -> None:
        """Stop a download in the middle."""
        context = quiet_context()
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
            case Operation.START:
                History(self.history).close()
                return start_up(library, self.client, KEY).report
            case Operation.REPAIR:
                repair(library, self.client, KEY, deep_check(library, KEY), limits=limits, context=context)
            case Operation.RESUME:
                plan = Downloader(library, self.client).unfinished(KEY) or self.plan()
                download(library, self.client, plan, limits=limits, context=context)
            case _:
                download(library, self.client, self.plan(), limits=limits, context=context)
        return None

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
            blocks = set(range(block_count(len(data)))) if path in finished else set()
            for folder in (self.staging / "repair", self.staging / "parts"):
                blocks |= _claimed(folder / content_id(data, path), data)
            if path != SHRUNK:
                blocks |= _right_blocks(self.model_folder / path, data)
            found[path] = blocks
        return found

    def _finished(self) -> set[str]:
        plain = [json.loads(path.read_bytes()) for path in (self.staging / "finished").glob("*.json")]
        return {record["path"] for record in plain if (self.staging / "files" / record["path"]).exists()}

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
        """What a library with nothing but the model in it would not have."""
        shas = {sha256[:32] for sha256 in self.files().values()}
        known = ["wan-desktop-library.json", r"\.wan-desktop/locks/[^/]+\.(lock|holder)"]
        known += [r"\.wan-desktop/quarantine/.+", rf"{KEY.model_id}/{KEY.variant}/(?!\.wan-desktop).+"]
        known += [
            rf"{KEY.model_id}/{KEY.variant}/\.wan-desktop/((manifest|stamps|damage)\.json|blocks/({'|'.join(shas)})\.blocks)"
        ]
        paths = self._all_files() - self.strangers().keys()
        litter = [path for path in sorted(paths) if not any(re.fullmatch(rule, path) for rule in known)]
        staged = [path.name for path in (self.root / ".wan-desktop" / "downloads").glob("*")]
        return litter + staged + sorted(self.files().keys() - self.model.commits[self.goal].keys())

    def _all_files(self) -> set[str]:
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if not path.is_dir()}


def content_id(data: bytes, path: str) -> str:
    """By what the Hub knows it."""
    if path.endswith(".safetensors"):
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _claimed(stem: Path, data: bytes) -> set[int]:
    """Blocks that a journal claims and that are as they must be."""
    journal, part = stem.with_suffix(".journal"), stem.with_suffix(".part")
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


def asked_again(requests: Iterable[Request], committed: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """Committed blocks of which a byte was asked for."""
    again: dict[str, set[int]] = {}
    for request in requests:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.range)
        for path in [path for path in committed if request.method == "GET" and request.path.endswith(f"/{path}")]:
            assert found, f"{request} asks for a whole file"
            asked = set(range(int(found[1]) // BLOCK_BYTES, int(found[2]) // BLOCK_BYTES + 1))
            if asked & committed[path]:
                again.setdefault(path, set()).update(asked & committed[path])
    return again


# The oracle ----------------------------------------------------------------------------------------------------------


class Oracle:
    """Knows what was there before an operation and what may be there after it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.before = world.files()
        self._goal = world.model.on_disk(world.goal)
        self._committed = world.committed()
        self.missing_bytes = world.missing_bytes()
        self._outside = world.outside()
        self._strangers = world.strangers()

    def check_always(self, outcome: Outcome) -> None:
        """What must hold however the operation ended."""
        world = self._world
        assert outcome.seconds < BOUND_S, "(a) it takes too long"
        files = world.files()
        if world.goal == NEW or not self.before:
            assert files in (self.before, self._goal), "(b) neither the old nor the new revision"
        else:
            for path in files.keys() | self._goal.keys():
                assert files.get(path) in (self.before.get(path), self._goal.get(path)), f"(b) {path} is neither"
        assert not world.believed() or files in self._revisions(), "(d) wrong bytes are believed"
        assert world.outside() == self._outside, "(g) written beside the library"
        assert world.strangers() == self._strangers, "(c) a file that is not ours was touched"
        self._check_secrets()

    def _revisions(self) -> list[dict[str, str]]:
        return [self._world.model.on_disk(commit) for commit in self._world.model.commits]

    def _check_secrets(self) -> None:
        token = self._world.hub.token
        for request in self._world.hub.requests:
            if request.host == "cdn":
                assert token not in str(request), "(g) the token goes to another host"
        for path in self._world.root.rglob("*.json"):
            assert token not in path.read_text(encoding="utf-8", errors="replace"), "(g) the token is on disk"

    def check_failed(self, outcome: Outcome, error: type[Exception], *, keeps: bool = True) -> None:
        """It had to fail like that, and what was committed is kept."""
        self.check_always(outcome)
        assert type(outcome.error) is error, f"(e) {outcome.error!r}"
        if isinstance(outcome.error, WanError):
            texts = (outcome.error.code, outcome.error.message, outcome.error.hint)
            assert all(texts), f"(e) {texts}"
        if keeps:
            now = self._world.committed()
            for path, blocks in self._committed.items():
                assert blocks <= now[path] or self._is_done(path), f"(c) blocks of {path} are lost"

    def _is_done(self, path: str) -> bool:
        return self._world.files().get(path) == self._goal[path]

    def check_succeeded(self, outcome: Outcome, *, traffic: float = 1.0) -> None:
        """It had to succeed, for that many times the missing bytes and one block for each connection and file."""
        if outcome.error is not None:
            raise AssertionError(f"it failed: {outcome.error!r}") from outcome.error
        self.check_always(outcome)
        assert self._world.files() == self._goal, "it ended without the goal"
        assert self._world.believed(), "what is right is not believed"
        assert not self._world.litter(), f"(f) litter: {self._world.litter()}"
        most_bytes = traffic * self.missing_bytes + 4 * BLOCK_BYTES
        assert self._world.hub.bytes_sent() <= most_bytes, "(f) it costs too much"

    def check_asked(self) -> None:
        """Nothing was asked for that was committed before."""
        again = asked_again(self._world.hub.requests, self._committed)
        assert not again, f"(c) asked again: {again}"
