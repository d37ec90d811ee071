"""Model files that are on this PC already: found, known by their content, and put to use where they lie.

Nothing of the user's is moved or changed: a model is adopted by giving its files a second name in the library (a hard
link), or by a copy where that is impossible and allowed. No name is believed, neither a file's nor that of a blob in
the Hugging Face cache, which is its sha256: content is known once it was read. Symlinks are followed within the
Hugging Face cache only, from a snapshot to the blobs of its own repository.
"""

import contextlib
import datetime
import errno
import hashlib
import itertools
import json
import logging
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod
from pathlib import Path, PurePosixPath

from wan_desktop.core.errors import (
    DownloadSpaceError,
    IntegrityError,
    ManifestError,
    ModelNotFoundError,
    NotAWanModelError,
    RequestError,
    UnsafeNameError,
    WanError,
)
from wan_desktop.core.gguf_header import GGUF_SUFFIX, read_gguf_header
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.model_folder import inspect_model_folder, read_safetensors_header
from wan_desktop.core.records import from_plain, to_plain
from wan_desktop.core.store.blocks import BLOCK_BYTES, BlockMap, BlockMapBuilder
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Disk, Kind, Stamp, disk_error
from wan_desktop.core.store.download import PlannedFile, SameFile
from wan_desktop.core.store.hub import RemoteFile, RemoteRepo
from wan_desktop.core.store.library import LIBRARY_FILE, Library, ModelKey
from wan_desktop.core.store.manifest import (
    METADATA_FOLDER,
    FileStamp,
    Manifest,
    ManifestFile,
    Origin,
    read_block_map,
    read_manifest,
    read_stamps,
    write_block_map,
    write_manifest,
    write_stamps,
)
from wan_desktop.core.store.names import check_name, is_wanted
from wan_desktop.core.store.verify import FileState, quick_check

logger = logging.getLogger(__name__)

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
_COMFYUI = frozenset(("diffusion_models", "unet", "text_encoders", "clip", "vae"))
_HF_REPO = re.compile(r"models--.+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 8 * BLOCK_BYTES
_MAX_GIT_BYTES = 64 << 20  # the Hub has the git id of small files only, and sha256 of the others
_MAX_CACHE_BYTES = 16_000_000
_MAX_CACHED = 20_000
_CHECK_EVERY = 100
_SINGLE_FILES = "It holds single files, not a whole model in diffusers' layout."
_NO_LINK = frozenset(
    (errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK)
)
"""Another drive, a file system without hard links, a file of somebody else's, or one with too many names."""
_NO_LINK_WINDOWS = frozenset((1, 5, 17, 50, 1142))

Check = Callable[[int], None]


def _go_on(_: int) -> None:
    """Go on."""


# What is found -------------------------------------------------------------------------------------------------------


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


def scan(disk: Disk, root: Path, *, check: Check = _go_on) -> Scan:
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
            root = _real(root)  # the user named it: this one link is followed
        kind = disk.stat(root).kind
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelNotFoundError(
            f"There is no folder {_plain(root)}.", hint="Choose the folder that holds the models."
        ) from error
    except OSError as error:
        raise disk_error(error, root, "looking for models") from error
    if kind != Kind.FOLDER:
        raise ModelNotFoundError(f"{_plain(root)} is not a folder.", hint="Choose the folder that holds it.")
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
        self._pending: deque[_Place] = deque([_Place(root, 0, _repo_around(root))])
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
            self._skip(folder, SkipReason.UNREADABLE, f"The folder cannot be read: {error.strerror}.")
            return
        is_ours = LIBRARY_FILE in names or METADATA_FOLDER in names
        if is_ours or (folder == self._root and _is_in_library(self._disk, folder)):
            self._skip(folder, SkipReason.OWN_LIBRARY, "This program has it already.")
            return
        repo = place.repo or _repo_of_snapshot(folder)
        if _is_repo(folder) and "snapshots" in names:
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
            self._skip(ref, SkipReason.BROKEN_CACHE, "It names a revision that is not in the cache.")

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
            self._skip(path, SkipReason.UNREADABLE, f"It cannot be read: {error.strerror or error}.")

    def _enter(self, place: _Place) -> None:
        if place.depth > MAX_DEPTH:
            self._skip(place.folder, SkipReason.TOO_DEEP, f"It lies more than {MAX_DEPTH} folders deep.")
        else:
            self._pending.append(place)

    def _look_at_link(self, place: _Place, suffix: str) -> None:
        path = place.folder
        if _is_repo(path.parent.parent) and path.parent.name == "blobs":
            return  # to what repositories share; taken by the name that a snapshot gives it
        if place.repo is None:
            self._skip(path, SkipReason.LINK, "It is a link; links are not followed.")
            return
        blob = _blob_behind(self._disk, path, place.repo)
        if isinstance(blob, Skipped):
            self._skip(path, blob.reason, blob.text)
        else:
            self._look_at_file(path, suffix, blob.stamp, blob)

    def _look_at_file(self, path: Path, suffix: str, stamp: Stamp, blob: "_Blob | None" = None) -> None:
        if suffix in _PICKLES:
            self._skip(path, SkipReason.UNSAFE_FORMAT, "The format can contain program code; it is never loaded.")
        elif suffix in _UNFINISHED:
            text = f"A download by another program that was not finished ({stamp.size_bytes} bytes)."
            self._skip(path, SkipReason.UNFINISHED, text)
        elif suffix in _WEIGHTS:
            self._add(path, stamp, blob)

    def _add(self, path: Path, stamp: Stamp, blob: "_Blob | None") -> None:
        real_path = blob.path if blob else path
        try:
            found = self._headers.get(real_path) or _read_header(self._disk, path, stamp)
        except IntegrityError as error:
            is_unknown = isinstance(error, NotAWanModelError)
            self._skip(path, SkipReason.UNSUPPORTED if is_unknown else SkipReason.BROKEN, _plain(error.message))
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
        problem = _SINGLE_FILES
        if has_index:
            problem = ""
            try:
                _choose(self._disk, path)
            except WanError as error:
                problem = _plain(error.message)
            except OSError as error:
                problem = _plain(disk_error(error, path, "looking for models").message)
        repo = _repo_of_snapshot(path)
        repo_id = "/".join(repo.name.split("--")[1:]) if repo else ""
        revision = path.name if repo else ""
        return FoundFolder(path, kind, self._bytes[path], self._counts[path], problem, repo_id, revision)


def _folder_kind(folder: Path, names: Sequence[str]) -> FolderKind | None:
    if _repo_of_snapshot(folder):
        return FolderKind.HF_CACHE
    if _INDEX in names:
        return FolderKind.DIFFUSERS
    if len(_COMFYUI.intersection(names)) >= (1 if folder.name == "models" else 2):
        return FolderKind.COMFYUI
    return FolderKind.WANGP if folder.name.lower() == "ckpts" else None


# The Hugging Face cache ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Blob:
    path: Path
    stamp: Stamp
    claimed_sha256: str


def _is_repo(folder: Path) -> bool:
    return _HF_REPO.fullmatch(folder.name) is not None


def _repo_of_snapshot(folder: Path) -> Path | None:
    """The repository when the folder is one of its snapshots."""
    repo = folder.parent.parent
    is_snapshot = _COMMIT.fullmatch(folder.name) and folder.parent.name == "snapshots" and _is_repo(repo)
    return repo if is_snapshot else None


def _repo_around(folder: Path) -> Path | None:
    """The repository when the folder is, or lies in, one of its snapshots."""
    return next(filter(None, map(_repo_of_snapshot, (folder, *folder.parents))), None)


def _blob_behind(disk: Disk, link: Path, repo: Path) -> _Blob | Skipped:
    """The file that a name of a snapshot stands for; only one of the repository's own blobs.

    Raises:
        OSError: The drive fails.
    """
    outside = Skipped(link, SkipReason.LINK, "It is a link out of its repository; such links are not followed.")
    target = link.parent / link.readlink()
    if _real(target.parent) != _real(repo / "blobs"):
        return outside
    path = repo / "blobs" / target.name
    try:
        stamp = disk.stat(path)
        if stamp.kind == Kind.LINK:  # huggingface_hub 2 keeps what repositories share beside them: blobs/<2 hex>/<hash>
            shared = path.parent / path.readlink()
            store = repo.parent / "blobs"
            if _real(shared.parent.parent) != _real(store):
                return outside
            path = store / shared.parent.name / shared.name
            stamp = disk.stat(path)
    except FileNotFoundError:
        return Skipped(link, SkipReason.BROKEN_CACHE, "Its content is not in the cache.")
    if stamp.kind != Kind.FILE:
        return outside
    return _Blob(path, stamp, target.name if _SHA256.fullmatch(target.name) else "")


# Headers -------------------------------------------------------------------------------------------------------------

_WIDTHS = {1536: "1.3B", 3072: "5B", 5120: "14B"}
_UMT5_XXL = (256_384, 4096)
_PRECISIONS = {"F32": "fp32", "F16": "fp16", "BF16": "bf16", "F8_E4M3": "fp8", "F8_E5M2": "fp8"}
_SCALES = (".scale_weight", ".weight_scale", "scaled_fp8", ".comfy_quant")
_QUERY = re.compile(r"blocks\.\d+\.(self_attn\.q|attn1\.to_q)\.weight")
_T5 = re.compile(r"encoder\.block\.\d+\.layer\.\d+\.(SelfAttention|DenseReluDense)\..+|enc\.blk\.\d+\.attn_q\.weight")
_EMBEDDINGS = ("shared.weight", "encoder.embed_tokens.weight", "token_embedding.weight", "token_embd.weight")

_Shapes = Mapping[str, tuple[int, ...]]


def _read_header(disk: Disk, path: Path, stamp: Stamp) -> FoundFile:
    """What the file is by its header.

    Raises:
        IntegrityError: It is damaged, cut off, or of another kind.
        OSError: It cannot be read.
    """
    magic = bytearray(4)
    with disk.open_readonly(path) as file:
        file.pread_into(0, memoryview(magic))
    shapes: dict[str, tuple[int, ...]] = {}
    bytes_of: Counter[str] = Counter()
    kind = FileKind.GGUF if magic == b"GGUF" or path.suffix.lower() == GGUF_SUFFIX else FileKind.SAFETENSORS
    if kind == FileKind.GGUF:
        for tensor in read_gguf_header(path).tensors:
            shapes[tensor.name] = tensor.shape
            bytes_of[tensor.kind] += tensor.size_bytes
    else:
        for name, entry in read_safetensors_header(path).items():
            shapes[name] = tuple(entry["shape"])
            begin, end = entry["data_offsets"]
            bytes_of[_PRECISIONS.get(entry["dtype"], "other")] += end - begin
    (precision, _), *_ = bytes_of.most_common(1) or [("", 0)]
    if any(name.endswith(_SCALES) for name in shapes):
        precision += " scaled"
    return FoundFile(path, path, stamp.size_bytes, kind, len(shapes), _guess(shapes), precision)


def _guess(shapes: _Shapes) -> str:
    """What the tensors make together, as far as their names and shapes tell."""
    shapes = {name.removeprefix("model.").removeprefix("diffusion_model."): shape for name, shape in shapes.items()}
    if any(".lora_" in name for name in shapes):
        return "lora"
    guesses = (_guess_transformer, _guess_text_encoder, _guess_vae, _guess_image_encoder)
    return next(filter(None, (guess(shapes) for guess in guesses)), "")


def _guess_transformer(shapes: _Shapes) -> str:
    patch = shapes.get("patch_embedding.weight", ())
    query = next((shape for name, shape in shapes.items() if _QUERY.fullmatch(name)), ())
    width = (shapes.get("patch_embedding.bias") or patch or query or (0,))[0]
    if not width or not (query or "head.modulation" in shapes or "scale_shift_table" in shapes):
        return ""
    size = _WIDTHS.get(width, f"{width} wide")
    if not patch:
        return f"part of a wan {size} transformer"
    channels = prod(patch) // (width * 4)  # patches are 1 x 2 x 2, however many dimensions the file gives them
    task = {16: "t2v", 36: "i2v"}.get(channels, f"{channels}-channel")
    if channels == 48 and size == "5B":
        task = "ti2v"
    if any(name.startswith("vace_blocks.") for name in shapes):
        task = "vace"
    elif any(name.startswith("motion_encoder.") for name in shapes):
        task = "animate"
    return f"wan {size} {task} transformer"


def _guess_text_encoder(shapes: _Shapes) -> str:
    embedding = next((shapes[name] for name in _EMBEDDINGS if name in shapes), None)
    if embedding == _UMT5_XXL:
        return "umt5-xxl text encoder"
    if not any(_T5.fullmatch(name) for name in shapes):
        return ""
    return "t5 text encoder" if embedding else "part of a t5 text encoder"


def _guess_vae(shapes: _Shapes) -> str:
    for first, marker in (
        ("decoder.conv_in.weight", "decoder.norm_out.gamma"),
        ("decoder.conv1.weight", "decoder.head.0.gamma"),  # as the authors named them
    ):
        shape = shapes.get(first, ())
        if len(shape) == 5 and marker in shapes:
            return {16: "wan 2.1 vae", 48: "wan 2.2 vae"}.get(shape[1], "")
    return ""


def _guess_image_encoder(shapes: _Shapes) -> str:
    embedding = shapes.get("vision_model.embeddings.class_embedding") or shapes.get("visual.cls_embedding")
    if not embedding:
        return ""
    return "clip ViT-H image encoder" if embedding[-1] == 1280 else "clip image encoder"


# Known by content ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Candidate:
    path: Path
    claimed_sha256: str = ""
    """Somebody's word; a file that is said to be something else is not worth reading."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file was found to hold."""

    stamp: FileStamp
    block_map: BlockMap | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file of a model in a library."""

    folder: Path
    file: ManifestFile
    stamp: FileStamp | None
    """None unless it is known to be good."""
    is_damaged: bool

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.file.path


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file of a scan, as it is remembered."""

    size_bytes: int
    claimed_sha256: str = ""
    content: FileStamp | None = None


@dataclass(frozen=True, slots=True)
class _Cache:
    files: dict[str, _Seen]


class FileIndex:
    """Files on this PC by their content; for all threads.

    A file is read once: what it was found to be holds as long as its size, time and file id stay.

    Args:
        disk: Where they lie.
        cache: A JSON file that remembers scans and what was read; they are forgotten with the object when None.
    """

    def __init__(self, disk: Disk, cache: Path | None = None) -> None:
        self._disk = disk
        self._cache = cache
        self._lock = threading.Lock()
        self._contents: dict[Path, _Content] = {}
        self._found: dict[int, dict[Path, _Candidate]] = {}
        self._in_libraries: dict[int, dict[Path, _Candidate]] = {}
        self._stored: dict[tuple[str, Conversion], list[_Stored]] = {}
        self._recall()

    # What is known -------------------------------------------------------------------------------------------------

    def add_scan(self, found: Scan) -> None:
        """Know the files of a scan; none is read now."""
        with self._lock:
            for file in found.files:
                candidate = _Candidate(file.real_path, file.claimed_sha256)
                self._found.setdefault(file.size_bytes, {})[file.real_path] = candidate
        self._remember()

    def add_libraries(self, libraries: Iterable[Library]) -> None:
        """Know the files of all these libraries, and no longer those of others; takes milliseconds for each model.

        Files that are known to be damaged are left out; those that changed since they were read are read when it
        matters.
        """
        by_size: dict[int, dict[Path, _Candidate]] = {}
        stored: dict[tuple[str, Conversion], list[_Stored]] = {}
        good: dict[Path, _Content] = {}
        doubted: set[tuple[int, int, int]] = set()
        for item in self._files_of(libraries):
            file, path = item.file, item.path
            if item.stamp is not None:
                good[path] = _Content(item.stamp)
            else:
                with contextlib.suppress(OSError):
                    doubted.add(_outside(self._disk.stat(path)))
            if item.is_damaged:
                continue
            by_size.setdefault(file.size_bytes, {})[path] = _Candidate(path, file.sha256)
            if file.origin is not None:
                name = file.origin.sha256 or file.origin.git_sha1
                stored.setdefault((name, file.conversion), []).append(item)
        with self._lock:
            self._in_libraries, self._stored = by_size, stored
            # Decay shows in neither size nor time, and a file may have other names outside the library.
            for path in [path for path, known in self._contents.items() if _outside(known.stamp) in doubted]:
                del self._contents[path]
            self._contents |= good

    def _files_of(self, libraries: Iterable[Library]) -> Iterator[_Stored]:
        for library in libraries:
            try:
                for key in library.keys():  # noqa: SIM118 - a library is no mapping
                    yield from self._files_of_model(library.folder(key))
            except OSError as error:
                logger.warning("The models in %s are left aside: %s", library.root, error)

    def _files_of_model(self, folder: Path) -> Iterator[_Stored]:
        try:
            manifest = read_manifest(self._disk, folder)
            states = {finding.path: finding.state for finding in quick_check(self._disk, folder).findings}
        except (OSError, ManifestError) as error:
            logger.warning("The model in %s is left aside: %s", folder, error)
            return
        stamps = read_stamps(self._disk, folder)
        for file in manifest.files:
            state = states.get(file.path, FileState.MISSING)
            stamp = stamps.get(file.path) if state == FileState.GOOD else None
            yield _Stored(folder, file, stamp, is_damaged=state.bad)

    # Questions -----------------------------------------------------------------------------------------------------

    def find(self, size_bytes: int, sha256: str, *, check: Check = _go_on) -> Path | None:
        """A file that holds exactly this.

        Args:
            size_bytes: Of the file.
            sha256: Of its content.
            check: Told the bytes of each piece that is read; may raise to stop.
        """
        return next(self._find(size_bytes, sha256, check), None)

    def same_for_download(self, planned: PlannedFile, *, check: Check = _go_on) -> SameFile | None:
        """A file that need not be downloaded, for :class:`Downloader`.

        Args:
            planned: What would be downloaded; when it would be converted too, only a file that was made of the same
                original in the same way will do.
            check: Told the bytes of each piece that is read; may raise to stop.
        """
        origin = planned.origin
        with self._lock:
            stored = list(self._stored.get((origin.sha256 or origin.git_sha1, planned.conversion), ()))
        for item in stored:
            if self._sha256(item.path, item.file.size_bytes, check) == item.file.sha256:
                return SameFile(item.path, item.file.sha256, read_block_map(self._disk, item.folder, item.file))
        if planned.conversion != Conversion.NONE or not origin.sha256:
            return None
        found = self.find(origin.size_bytes, origin.sha256, check=check)
        if found is None:
            return None
        with self._lock:
            content = self._contents.get(found)
        return SameFile(found, origin.sha256, content.block_map if content else None)

    def same_for_repair(self, file: ManifestFile, *, check: Check = _go_on) -> Sequence[Path]:
        """All files that hold what a damaged one should, for :class:`Repairer`, which reads them once more.

        Args:
            file: As it should be on disk.
            check: Told the bytes of each piece that is read; may raise to stop.
        """
        return list(self._find(file.size_bytes, file.sha256, check))

    def _find(self, size_bytes: int, sha256: str, check: Check) -> Iterator[Path]:
        """Those that were read already come first, then those that are said to be it."""
        with self._lock:
            known = {**self._in_libraries.get(size_bytes, {}), **self._found.get(size_bytes, {})}
            contents = {path: self._contents[path].stamp.sha256 for path in known if path in self._contents}

        def likelihood(candidate: _Candidate) -> int:
            return (contents.get(candidate.path) == sha256) * 2 + (candidate.claimed_sha256 == sha256)

        for candidate in sorted(known.values(), key=likelihood, reverse=True):
            if candidate.claimed_sha256 in ("", sha256) and self._sha256(candidate.path, size_bytes, check) == sha256:
                yield candidate.path

    def _sha256(self, path: Path, size_bytes: int, check: Check) -> str:
        """Of the file's content, read if need be; empty when it is gone, changed, or cannot be read."""
        try:
            before = self._disk.stat(path)
            if before.kind != Kind.FILE or before.size_bytes != size_bytes:
                return ""
            with self._lock:
                content = self._contents.get(path)
            if content is not None and _outside(content.stamp) == _outside(before):
                return content.stamp.sha256
            read = _read(self._disk, path, check)
            if _outside(self._disk.stat(path)) != _outside(before):
                return ""  # somebody wrote to it while it was read
        except OSError as error:
            logger.warning("%s is left aside: %s", path, error)
            return ""
        with self._lock:
            self._contents[path] = _Content(FileStamp(*_outside(before), _now(), read.sha256), read.block_map)
        self._remember()
        return read.sha256

    # Memory --------------------------------------------------------------------------------------------------------

    def _remember(self) -> None:
        """Files of scans only; what lies in libraries has its stamps there."""
        if self._cache is None:
            return
        with self._lock:
            candidates = [(size_bytes, each) for size_bytes, found in self._found.items() for each in found.values()]
            contents = dict(self._contents)
        files = {}
        for size_bytes, candidate in candidates[-_MAX_CACHED:]:
            known = contents.get(candidate.path)
            files[str(candidate.path)] = _Seen(size_bytes, candidate.claimed_sha256, known.stamp if known else None)
        try:
            self._disk.make_folder(self._cache.parent)
            self._disk.write_atomically(self._cache, json.dumps(to_plain(_Cache(files))).encode("ascii"))
        except OSError as error:
            logger.warning("What was found is not remembered in %s: %s", self._cache, error)

    def _recall(self) -> None:
        """Nothing when the memory is absent or damaged: folders are then to be scanned and files read again."""
        if self._cache is None:
            return
        try:
            data = self._disk.read_bytes(self._cache, limit_bytes=_MAX_CACHE_BYTES)
            files = from_plain(_Cache, json.loads(data)).files
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as error:
            logger.warning("%s is left aside, its files are to be found again: %s", self._cache, _plain(error))
            return
        for name, seen in files.items():
            path = Path(name)
            self._found.setdefault(seen.size_bytes, {})[path] = _Candidate(path, seen.claimed_sha256)
            if seen.content is not None:
                self._contents[path] = _Content(seen.content)


# Adoption ------------------------------------------------------------------------------------------------------------


class CopyNeededError(RequestError):
    """A model can be adopted only by copying it, and that was not allowed."""

    code = "copy-needed"
    number = 2111
    title = "The model would have to be copied"

    def __init__(self, message: str, *, hint: str = "", details: str = "", copy_bytes: int = 0) -> None:
        super().__init__(message, hint=hint, details=details)
        self.copy_bytes = copy_bytes


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
        chosen = _choose(library.disk, folder)
        return _Adoption(library, key, context, remote).run(folder, chosen, may_copy=may_copy)
    except OSError as error:
        raise disk_error(error, library.root, "adopting the model") from error


def _check_apart(library: Library, folder: Path, key: ModelKey) -> None:
    real, root = _real(folder), _real(library.root)
    if root.is_relative_to(real) or real.is_relative_to(root):
        raise RequestError(
            f"{_plain(folder)} and the model folder {library.root} lie within each other.",
            hint="Choose a folder that lies elsewhere.",
        )
    if library.disk.exists(library.folder(key)):
        raise RequestError(
            f"{key.model_id} ({key.variant}) is in {library.root} already.", hint="Remove it first, or repair it."
        )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A file of a model that will be adopted."""

    path: str
    real_path: Path
    size_bytes: int


def _choose(disk: Disk, folder: Path) -> list[_Chosen]:
    """The files that make the model: its weights, its small files, its papers; all else stays out.

    Raises:
        IntegrityError: It is no complete, sound Wan model, or parts of it are links to other places.
        UnsafeNameError: A file has a name that cannot be used.
        OSError: The drive fails.
    """
    folder = _real(folder)  # the user named it
    if not folder.is_dir():
        raise ModelNotFoundError(
            f"There is no folder {_plain(folder)}.", hint=f"Choose the folder that holds {_INDEX}."
        )
    files = dict(_model_files(disk, folder, _repo_around(folder)))
    model = inspect_model_folder(folder)
    weights = {file.relative_to(folder).as_posix() for part in model.weight_files.values() for file in part}
    absent = sorted(weights - files.keys())
    if absent:
        raise UnsafeNameError(
            f"{_plain(folder)} holds {_plain(absent[0])}, whose name cannot be used.",
            hint="Choose another source of the model.",
        )
    chosen = [file for path, file in files.items() if path in weights or not path.endswith(_WEIGHTS)]
    for file in chosen:
        check_name(file.path)
    return chosen


def _model_files(disk: Disk, folder: Path, repo: Path | None) -> Iterator[tuple[str, _Chosen]]:
    """What may belong to a model in that folder."""
    for path, stamp in _entries(disk, folder):
        is_part = stamp.kind in (Kind.FILE, Kind.LINK) and is_wanted(path.as_posix())
        if not is_part and not (stamp.kind == Kind.LINK and path.name in _COMPONENTS):
            continue
        real_path, size_bytes = folder / path, stamp.size_bytes
        if stamp.kind == Kind.LINK:
            blob = _blob_behind(disk, real_path, repo) if repo else None
            if not isinstance(blob, _Blob):
                why = blob.text if blob else "It is a link; links are not followed."
                raise IntegrityError(
                    f"{_plain(path)} in {_plain(folder)} cannot be used: {why}",
                    hint="Choose a folder that holds the files themselves.",
                )
            real_path, size_bytes = blob.path, blob.stamp.size_bytes
        yield path.as_posix(), _Chosen(path.as_posix(), real_path, size_bytes)


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

    def run(self, folder: Path, chosen: Sequence[_Chosen], *, may_copy: bool) -> Manifest:
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

    def _draft(self, chosen: Sequence[_Chosen]) -> None:
        """See whether there can be such a manifest, before much is read."""
        try:
            files = tuple(ManifestFile(file.path, file.size_bytes, "0" * 64) for file in chosen)
            Manifest(self._key.model_id, self._key.variant, files, _now())
        except ValueError as error:
            raise RequestError(
                f"The model cannot be adopted as {self._key.model_id} ({self._key.variant}): {error}.",
                hint="Give it a name of small letters, digits, dots and hyphens.",
            ) from error

    def _share(self, file: _Chosen) -> bool:
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

    def _check_copy(self, folder: Path, copied: Sequence[_Chosen], *, may_copy: bool) -> None:
        copy_bytes = sum(file.size_bytes for file in copied)
        if copied and not may_copy:
            raise CopyNeededError(
                f"{_plain(folder)} lies on another drive than the model folder {self._library.root}, or its files "
                f"cannot be shared there; a copy would take {copy_bytes / 1e9:.1f} GB.",
                hint="Allow the copy, or use a model folder on the same drive.",
                copy_bytes=copy_bytes,
            )
        free_bytes = self._disk.free_bytes(self._library.root)
        if copy_bytes * 1.02 > free_bytes:
            raise DownloadSpaceError(
                f"A copy of {_plain(folder)} needs {copy_bytes / 1e9:.1f} GB on the drive of {self._library.root}; "
                f"{free_bytes / 1e9:.1f} GB are free.",
                hint="Free up space, or use a model folder on another drive.",
            )

    def _take(self, file: _Chosen, total_bytes: int, *, copy: bool) -> tuple[ManifestFile, FileStamp]:
        """Read the file, and copy it meanwhile if need be."""

        def check(count: int) -> None:
            self._done_bytes += count
            self._context.progress(AdoptProgress(self._done_bytes, total_bytes, file.path))

        target = self._place / file.path
        source = file.real_path if copy else target
        before = self._disk.stat(source)
        read = _read(self._disk, source, check, target if copy else None)
        if before.size_bytes != file.size_bytes or _outside(self._disk.stat(source)) != _outside(before):
            raise IntegrityError(
                f"{_plain(file.real_path)} changed while it was read.",
                hint="Close the program that writes to it, then try again.",
            )
        origin = self._origin(file.size_bytes, read)
        adopted = ManifestFile(file.path, file.size_bytes, read.sha256, origin)
        write_block_map(self._disk, self._place, adopted, read.block_map)
        return adopted, FileStamp(*_outside(self._disk.stat(target)), _now(), read.sha256)

    def _origin(self, size_bytes: int, read: "_Read") -> Origin | None:
        there = self._there.get((size_bytes, read.sha256)) or self._there.get((size_bytes, read.git_sha1))
        if there is None or self._remote is None:
            return None
        remote = self._remote
        return Origin(remote.repo_id, remote.revision, there.filename, size_bytes, there.sha256, there.git_sha1)

    def _complete(self, files: Sequence[tuple[ManifestFile, FileStamp]]) -> Manifest:
        inspect_model_folder(self._place)  # as it was taken, should somebody have changed it meanwhile
        manifest = Manifest(self._key.model_id, self._key.variant, tuple(file for file, _ in files), _now())
        write_stamps(self._disk, self._place, {file.path: stamp for file, stamp in files})
        write_manifest(self._disk, self._place, manifest)
        for folder in {(self._place / file.path).parent for file in manifest.files} | {self._place}:
            self._disk.sync_folder(folder)
        return manifest


# Reading -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    """All that reading a file tells."""

    sha256: str
    git_sha1: str
    """Empty for large files."""
    block_map: BlockMap


def _read(disk: Disk, path: Path, check: Check, copy_to: Path | None = None) -> _Read:
    """Read a whole file, and copy it meanwhile if a new path is given.

    Raises:
        OSError: It cannot be read, or the copy not written.
    """
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(disk.open_readonly(path))
        copy = stack.enter_context(disk.open(copy_to, create=True)) if copy_to else None
        sha256, blocks = hashlib.sha256(), BlockMapBuilder()
        git_sha1 = hashlib.sha1(b"blob %d\0" % source.size_bytes, usedforsecurity=False)
        has_git_id = source.size_bytes <= _MAX_GIT_BYTES
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        offset = 0
        while count := source.pread_into(offset, buffer):
            check(count)
            sha256.update(buffer[:count])
            blocks.update(buffer[:count])
            if has_git_id:
                git_sha1.update(buffer[:count])
            if copy:
                copy.pwrite(offset, buffer[:count])
            offset += count
        if copy:
            copy.sync()
    return _Read(sha256.hexdigest(), git_sha1.hexdigest() if has_git_id else "", blocks.finish())


def _outside(stamp: Stamp | FileStamp) -> tuple[int, int, int]:
    return stamp.size_bytes, stamp.mtime_ns, stamp.file_id


def _real(path: Path) -> Path:
    """The path without links.

    Raises:
        OSError: Links lead in a circle.
    """
    try:
        return path.resolve()
    except RuntimeError as error:  # Python before 3.13
        raise OSError(errno.ELOOP, "links lead in a circle", str(path)) from error


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _plain(text: object) -> str:
    """Fit to be shown: a name on disk may hold bytes that are no text."""
    return str(text)[:500].encode(errors="backslashreplace").decode()
