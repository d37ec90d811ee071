"""What is on this PC already is found, known by its content, used where it lies, and never changed."""

import contextlib
import errno
import hashlib
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from tests.core.store.conftest import KEY, QUICK, REPO, plan_of
from tests.fakes import gguf_files
from tests.fakes.faulty_disk import Calls, FailingDisk, HastyDisk, RecordingDisk, crash_states
from tests.fakes.hub import FakeHub
from tests.fakes.model_folders import (
    COMMIT,
    HfCache,
    Shapes,
    comfyui,
    put,
    put_gguf,
    put_sparse,
    safetensors_bytes,
    transformer_shapes,
    vae_shapes,
    wangp,
)
from wan_desktop.core.errors import (
    CopyNeededError,
    DownloadSpaceError,
    IntegrityError,
    JobCancelled,
    ModelFilesMissingError,
    ModelNotFoundError,
    NotAWanModelError,
    OfflineError,
    RequestError,
    StoreError,
    UnsafeFormatError,
    UnsafeNameError,
    WanError,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.store import scan as scanning
from wan_desktop.core.store.adopt import AdoptProgress, adopt_folder
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Disk, Kind, Stamp
from wan_desktop.core.store.disk_file import DiskFile
from wan_desktop.core.store.download import Downloader, DownloadPlan
from wan_desktop.core.store.file_index import FileIndex
from wan_desktop.core.store.found import FileKind, FolderKind, SkipReason
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.manifest import ManifestFile, read_block_map, read_manifest
from wan_desktop.core.store.repair import Repairer
from wan_desktop.core.store.scan import scan
from wan_desktop.core.store.verify import DeepCheck, quick_check

VAE = "vae/diffusion_pytorch_model.safetensors"
ENCODER = "text_encoder/model.safetensors"
SHRUNK = "transformer/diffusion_pytorch_model.safetensors"
OTHER = ModelKey("other", "bf16")
WEIGHTS = safetensors_bytes(transformer_shapes(1536, 16))
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


class ReadingDisk(HastyDisk):
    """Notes which files are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def open_readonly(self, path: Path) -> DiskFile:
        self.read.append(path.name)
        return super().open_readonly(path)


class OtherDriveDisk(HastyDisk):
    """No file can have a second name."""

    def link(self, source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))


class FullDisk(OtherDriveDisk):
    """And there is no room either."""

    def free_bytes(self, path: Path) -> int:
        return 1000


class ForbiddenDisk(HastyDisk):
    """Folders of one name cannot be listed; root may list all."""

    def list_folder(self, path: Path) -> list[str]:
        if path.name == "secret":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return super().list_folder(path)


class CrowdedDisk(HastyDisk):
    """One folder holds half a million pictures."""

    def list_folder(self, path: Path) -> list[str]:
        return [f"{number}.png" for number in range(500_000)]

    def stat(self, path: Path) -> Stamp:
        return Stamp(1, 1, 1, 1, Kind.FILE) if path.suffix == ".png" else super().stat(path)


class ChangingDisk(HastyDisk):
    """Somebody writes to a file while it is read."""

    def open_readonly(self, path: Path) -> DiskFile:
        file = super().open_readonly(path)
        if path.suffix == ".safetensors" and path.exists():
            os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
        return file


def looks(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that can be seen of a folder: names, kinds, sizes, times, links, content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        size = 0 if path.is_dir() else status.st_size
        found[str(path.relative_to(folder))] = (status.st_mode, size, status.st_mtime_ns, status.st_ino, content)
    return found


def flip(path: Path, offset: int) -> None:
    """Change one bit, and nothing that can be seen from outside: decay."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def manifest_file(data: bytes) -> ManifestFile:
    return ManifestFile("a.safetensors", len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(HastyDisk(), tmp_path / "models", create=True)


@pytest.fixture
def model(tmp_path: Path, model_files: dict[str, bytes]) -> Path:
    """A model of the user, in a folder whose name has more than letters."""
    return put(tmp_path / "my 🦊 models" / "Wan tiny", model_files)


# Scan: whose folders -------------------------------------------------------------------------------------------------


def test_that_files_of_comfyui_are_known_by_their_tensors(tmp_path: Path) -> None:
    models = comfyui(tmp_path)
    found = scan(Disk(), tmp_path)
    assert {(file.path.name, file.kind, file.guess, file.precision) for file in found.files} == {
        (
            "wan2.2_t2v_high_noise_14B_fp16.safetensors",
            FileKind.SAFETENSORS,
            "wan 14B t2v transformer",
            "fp16",
        ),
        ("umt5_xxl_fp8_e4m3fn_scaled.safetensors", FileKind.SAFETENSORS, "t5 text encoder", "fp8 scaled"),
        ("wan_2.1_vae.safetensors", FileKind.SAFETENSORS, "wan 2.1 vae", "bf16"),
        ("Wan2.2-T2V-A14B-LowNoise-Q8_0.gguf", FileKind.GGUF, "part of a wan 64 wide transformer", "Q8_0"),
    }
    (folder,) = found.folders
    assert (folder.path, folder.kind, folder.file_count) == (models, FolderKind.COMFYUI, 4)
    assert folder.weights_bytes == sum(file.size_bytes for file in found.files)
    assert "single files" in folder.problem


def test_that_pickles_are_named_as_unsafe(tmp_path: Path) -> None:
    models = comfyui(tmp_path)
    (skipped,) = scan(Disk(), tmp_path).skipped
    assert (skipped.path, skipped.reason) == (models / "checkpoints" / "old.ckpt", SkipReason.UNSAFE_FORMAT)
    assert "program code" in skipped.text


@pytest.mark.parametrize("named", [".", "Wan2GP", "Wan2GP/ckpts"])
def test_that_checkpoints_of_wangp_are_found(tmp_path: Path, named: str) -> None:
    ckpts = wangp(tmp_path)
    found = scan(Disk(), tmp_path / named)
    assert {file.guess for file in found.files} == {"wan 14B t2v transformer", "wan 2.1 vae", "t5 text encoder"}
    assert [(folder.path, folder.kind, folder.file_count) for folder in found.folders] == [(ckpts, FolderKind.WANGP, 3)]


def test_that_a_model_in_the_layout_of_diffusers_can_be_adopted(model: Path) -> None:
    found = scan(Disk(), model.parent)
    (folder,) = found.folders
    assert (folder.path, folder.kind, folder.problem) == (model, FolderKind.DIFFUSERS, "")
    assert {file.path.relative_to(model).as_posix() for file in found.files} >= {VAE, ENCODER, SHRUNK}


def test_that_an_incomplete_model_says_what_is_missing(model: Path) -> None:
    (model / VAE).unlink()
    (folder,) = scan(Disk(), model.parent).folders
    assert "diffusion_pytorch_model.safetensors" in folder.problem


def test_that_loose_files_are_found(tmp_path: Path) -> None:
    put(tmp_path, {"a/B.SafeTensors": WEIGHTS, "notes.txt": b"", "picture.png": b""})
    put_gguf(tmp_path / "c.gguf", kind="Q4_0")
    found = scan(Disk(), tmp_path)
    assert {file.path.relative_to(tmp_path).as_posix() for file in found.files} == {"a/B.SafeTensors", "c.gguf"}
    assert not found.folders
    assert not found.skipped
    assert found.complete


@pytest.mark.parametrize(
    ("shapes", "guess"),
    [
        (transformer_shapes(1536, 16), "wan 1.3B t2v transformer"),
        (transformer_shapes(5120, 16, original=False), "wan 14B t2v transformer"),
        (transformer_shapes(5120, 36), "wan 14B i2v transformer"),
        (transformer_shapes(3072, 48), "wan 5B ti2v transformer"),
        (transformer_shapes(5120, 48), "wan 14B 48-channel transformer"),
        ({**transformer_shapes(1536, 16), "vace_blocks.0.after_proj.bias": (4,)}, "wan 1.3B vace transformer"),
        (
            {f"model.diffusion_model.{k}": v for k, v in transformer_shapes(1536, 16).items()},
            "wan 1.3B t2v transformer",
        ),
        ({"patch_embedding.weight": (64, 4, 2, 2)}, ""),
        ({"blocks.9.attn1.to_q.weight": (5120, 2)}, "part of a wan 14B transformer"),
        ({"blocks.0.self_attn.q.lora_A.weight": (4, 8)}, "lora"),
        ({"shared.weight": (256_384, 4096)}, "umt5-xxl text encoder"),
        ({"encoder.block.7.layer.1.DenseReluDense.wo.weight": (4, 4)}, "part of a t5 text encoder"),
        ({"token_embd.weight": (8, 8), "enc.blk.0.attn_q.weight": (8, 8)}, "t5 text encoder"),
        ({"token_embd.weight": (8, 8), "blk.0.attn_q.weight": (8, 8)}, ""),
        (vae_shapes(16), "wan 2.1 vae"),
        (vae_shapes(48), "wan 2.2 vae"),
        (vae_shapes(4), ""),
        ({"vision_model.embeddings.class_embedding": (1280,)}, "clip ViT-H image encoder"),
        ({"visual.cls_embedding": (1, 1, 768)}, "clip image encoder"),
        ({"something": (2, 2)}, ""),
        ({"patch_embedding.weight": (), "head.modulation": ()}, ""),
        ({}, ""),
    ],
    ids=lambda value: value.replace(" ", "-") or "unknown" if isinstance(value, str) else "",
)
def test_that_shapes_tell_what_it_is(tmp_path: Path, shapes: Shapes, guess: str) -> None:
    put_sparse(tmp_path / "a.safetensors", shapes)
    assert scan(Disk(), tmp_path).files[0].guess == guess


@pytest.mark.parametrize(
    ("shapes", "dtype", "precision"),
    [
        ({"a": (4,)}, "F32", "fp32"),
        ({"a": (4,), "a.scale_weight": (1,)}, "F8_E4M3", "fp8 scaled"),
        ({"a": (4,), "a.comfy_quant": (1,)}, "F8_E4M3", "fp8 scaled"),
        ({}, "F32", ""),
    ],
    ids=["fp32", "fp8-scaled", "fp8-comfy", "empty"],
)
def test_that_the_header_tells_the_precision(tmp_path: Path, shapes: Shapes, dtype: str, precision: str) -> None:
    put_sparse(tmp_path / "a.safetensors", shapes, dtype=dtype)
    assert scan(Disk(), tmp_path).files[0].precision == precision


# Scan: the Hugging Face cache ----------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> HfCache:
    return HfCache(tmp_path / "huggingface" / "hub")


@pytest.mark.parametrize("shared", [False, True], ids=["own-blobs", "shared-blobs"])
@pytest.mark.parametrize("named", ["huggingface", "huggingface/hub", "repo", "snapshot"])
def test_that_a_snapshot_in_the_cache_is_a_model(
    tmp_path: Path, cache: HfCache, model_files: dict[str, bytes], named: str, shared: bool
) -> None:
    snapshot = cache.add(REPO, model_files, shared=shared)
    root = {"repo": cache.repo(REPO), "snapshot": snapshot}.get(named, tmp_path / named)
    found = scan(Disk(), root)
    (folder,) = found.folders
    assert (folder.path, folder.kind, folder.problem) == (snapshot, FolderKind.HF_CACHE, "")
    assert (folder.repo_id, folder.revision) == (REPO, COMMIT)
    (vae,) = [file for file in found.files if file.path == snapshot / VAE]
    assert vae.claimed_sha256 == hashlib.sha256(model_files[VAE]).hexdigest()
    assert not vae.real_path.is_symlink()
    assert vae.real_path.samefile(vae.path)
    assert not found.skipped


def test_that_a_cache_made_by_huggingface_hub_is_read_alike(hub: FakeHub, tmp_path: Path) -> None:
    files = {"transformer/model.safetensors": WEIGHTS, "config.json": b"{}", "a/b.json": b"[]"}
    commit = hub.add_repo(REPO, files)
    real, fake = tmp_path / "real", HfCache(tmp_path / "fake")
    huggingface_hub.snapshot_download(REPO, endpoint=hub.url, token=False, cache_dir=real)
    fake.add(REPO, files, commit=commit)

    def layout(root: Path) -> dict[str, object]:
        repo = root / "models--wan--tiny"
        parts = [repo / "blobs", repo / "refs", repo / "snapshots"]
        paths = [path for part in parts for path in part.rglob("*") if not path.is_dir()]
        return {str(path.relative_to(root)): path.readlink() if path.is_symlink() else "" for path in paths}

    assert layout(real) == layout(fake.root)
    assert [replace(file, path=tmp_path, real_path=tmp_path) for file in scan(Disk(), real).files] == [
        replace(file, path=tmp_path, real_path=tmp_path) for file in scan(Disk(), fake.root).files
    ]


def test_that_single_files_in_the_cache_are_no_model(cache: HfCache) -> None:
    cache.add("city96/gguf", {"a.safetensors": WEIGHTS})
    (folder,) = scan(Disk(), cache.root).folders
    assert "single files" in folder.problem


def test_that_a_snapshot_without_models_is_not_told(cache: HfCache) -> None:
    cache.add("someone/words", {"data.json": b"{}"})
    assert not scan(Disk(), cache.root).folders


def test_that_a_cache_without_refs_is_read(cache: HfCache) -> None:
    cache.add(REPO, {"a.safetensors": WEIGHTS}, ref="")
    found = scan(Disk(), cache.root)
    assert len(found.files) == 1
    assert not found.skipped


@pytest.mark.parametrize(
    "text", [b"", b"ff" * 20, b"\xff\xfe", b"x" * 100_000], ids=["empty", "absent", "rubbish", "long"]
)
def test_that_a_wrong_ref_is_told(cache: HfCache, text: bytes) -> None:
    cache.add(REPO, {"a.safetensors": WEIGHTS})
    ref = cache.repo(REPO) / "refs" / "main"
    ref.write_bytes(text)
    found = scan(Disk(), cache.root)
    assert [(item.path, item.reason) for item in found.skipped] == [(ref, SkipReason.BROKEN_CACHE)]
    assert len(found.files) == 1


def dangle(cache: HfCache) -> Path:
    cache.blob(REPO, WEIGHTS).unlink()
    return Path("a.safetensors")


def lead_out(cache: HfCache) -> Path:
    (cache.repo(REPO) / "snapshots" / COMMIT / "b.safetensors").symlink_to(put(cache.root.parent, {"x": WEIGHTS}) / "x")
    return Path("b.safetensors")


def lead_to_another_repo(cache: HfCache) -> Path:
    other = cache.add("other/repo", {"x.safetensors": WEIGHTS[:-2] + b"xx"}).joinpath("x.safetensors").resolve()
    (cache.repo(REPO) / "snapshots" / COMMIT / "b.safetensors").symlink_to(other)
    return Path("b.safetensors")


def lead_out_twice(cache: HfCache) -> Path:
    blob = cache.blob(REPO, WEIGHTS)
    blob.rename(cache.root.parent / "moved")
    blob.symlink_to(cache.root.parent / "moved")
    return Path("a.safetensors")


def lead_to_a_folder(cache: HfCache) -> Path:
    cache.blob(REPO, WEIGHTS).unlink()
    cache.blob(REPO, WEIGHTS).mkdir()
    return Path("a.safetensors")


def lead_in_a_circle(cache: HfCache) -> Path:
    circle = cache.repo(REPO) / "snapshots" / COMMIT / "circle"
    circle.symlink_to(circle / "c.safetensors")
    return Path("circle")


@pytest.mark.parametrize(
    ("damage", "reasons"),
    [
        (dangle, {SkipReason.BROKEN_CACHE}),
        (lead_out, {SkipReason.LINK}),
        (lead_to_another_repo, {SkipReason.LINK}),
        (lead_out_twice, {SkipReason.LINK}),
        (lead_to_a_folder, {SkipReason.LINK}),
        (lead_in_a_circle, {SkipReason.LINK, SkipReason.UNREADABLE}),
    ],
)
def test_that_links_lead_to_own_blobs_only(
    cache: HfCache, damage: Callable[[HfCache], Path], reasons: set[SkipReason]
) -> None:
    snapshot = cache.add(REPO, {"a.safetensors": WEIGHTS, "good.safetensors": safetensors_bytes({"a": (1,)})})
    path = snapshot / damage(cache)
    found = scan(Disk(), cache.repo(REPO))
    (skipped,) = found.skipped
    assert skipped.path == path
    assert skipped.reason in reasons
    assert path not in {file.path for file in found.files}
    assert snapshot / "good.safetensors" in {file.path for file in found.files}


def test_that_an_unfinished_download_is_named(cache: HfCache) -> None:
    cache.add(REPO, {"a.safetensors": WEIGHTS})
    left = cache.repo(REPO) / "blobs" / f"{SHA256}.12345678.incomplete"
    left.write_bytes(WEIGHTS[:1000])
    (skipped,) = scan(Disk(), cache.root).skipped
    assert (skipped.path, skipped.reason) == (left, SkipReason.UNFINISHED)
    assert "1000 bytes" in skipped.text


# Scan: bad input -----------------------------------------------------------------------------------------------------


def make_file(path: Path) -> None:
    path.write_bytes(WEIGHTS)


def make_circle(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [lambda _: None, make_file, make_circle], ids=["absent", "file", "circle"])
def test_that_no_folder_is_told(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x.safetensors")
    with pytest.raises(WanError, match=r"x\.safetensors"):
        scan(Disk(), tmp_path / "x.safetensors")


def test_that_a_folder_in_a_file_is_told(tmp_path: Path) -> None:
    make_file(tmp_path / "x")
    with pytest.raises(ModelNotFoundError):
        scan(Disk(), tmp_path / "x" / "y")


@pytest.mark.parametrize("name", ["empty", "🦊 🐋", "a'b\"c %s {0}"])
def test_that_an_empty_folder_holds_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    found = scan(Disk(), tmp_path / name)
    assert (found.files, found.folders, found.skipped, found.complete) == ((), (), (), True)


def test_that_a_link_that_the_user_names_is_followed(tmp_path: Path) -> None:
    put(tmp_path / "real", {"a.safetensors": WEIGHTS})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(scan(Disk(), tmp_path / "link").files) == 1


@pytest.mark.parametrize("target", ["real", "real/a.safetensors", "circle", "nowhere"])
def test_that_other_links_are_told_and_not_followed(tmp_path: Path, target: str) -> None:
    put(tmp_path / "outside" / "real", {"a.safetensors": WEIGHTS})
    link = put(tmp_path / "root", {}) / "circle"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "outside" / target if target != "circle" else link.parent)
    found = scan(Disk(), link.parent)
    assert [(item.path, item.reason) for item in found.skipped] == [(link, SkipReason.LINK)]
    assert not found.files


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.safetensors", b"", "cut off"),
        ("a.safetensors", WEIGHTS[:-1], "cut off"),
        ("a.safetensors", WEIGHTS + b"x", "header says"),
        ("a.safetensors", b"<!DOCTYPE html>" * 50, "not a safetensors file"),
        ("a.safetensors", b"version https://git-lfs.github.com/spec/v1\noid", "git-lfs"),
        ("a.safetensors", b"GGUF" + bytes(50), "GGUF"),
        ("a.gguf", b"GGUF", "cut off"),
        ("a.gguf", WEIGHTS, "not a GGUF file"),
    ],
    ids=["empty", "cut", "longer", "html", "lfs", "gguf-in-disguise", "gguf-cut", "safetensors-in-disguise"],
)
def test_that_broken_headers_are_named(tmp_path: Path, name: str, data: bytes, text: str) -> None:
    put(tmp_path, {name: data, "good.safetensors": WEIGHTS})
    found = scan(Disk(), tmp_path)
    assert [(item.path.name, item.reason) for item in found.skipped] == [(name, SkipReason.BROKEN)]
    assert text in found.skipped[0].text
    assert [file.path.name for file in found.files] == ["good.safetensors"]


def test_that_a_number_format_that_is_not_read_is_named(tmp_path: Path) -> None:
    tensor = gguf_files.entry("a", kind="IQ1_S")
    put(tmp_path, {"a.gguf": gguf_files.file_bytes([tensor])})
    (skipped,) = scan(Disk(), tmp_path).skipped
    assert skipped.reason == SkipReason.UNSUPPORTED
    assert "IQ1_S" in skipped.text


def test_that_a_name_that_is_no_text_does_no_harm(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.safetensors")
    put(tmp_path, {name: b"", f"good-{name}": WEIGHTS})
    found = scan(Disk(), tmp_path)
    assert len(found.files) == 1
    found.skipped[0].text.encode()


def test_that_unreadable_folders_are_told(tmp_path: Path) -> None:
    put(tmp_path, {"secret/a.safetensors": WEIGHTS, "open/a.safetensors": WEIGHTS})
    found = scan(ForbiddenDisk(), tmp_path)
    assert [(item.path.name, item.reason) for item in found.skipped] == [("secret", SkipReason.UNREADABLE)]
    assert len(found.files) == 1


def test_that_an_unreadable_folder_of_the_user_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(StoreError, match="permission"):
        scan(ForbiddenDisk(), tmp_path / "secret")


def test_that_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    put(tmp_path, {"a.safetensors": WEIGHTS})
    for number in range(1, 12):
        with contextlib.suppress(WanError):
            found = scan(FailingDisk(number, of=Calls.READS), tmp_path)
            told = [file.path.name for file in found.files] + [item.path.name for item in found.skipped]
            assert told == ["a.safetensors"]


def test_that_half_a_million_files_are_bounded(tmp_path: Path) -> None:
    found = scan(CrowdedDisk(), tmp_path)
    assert not found.complete
    assert found.looked_at <= scanning.MAX_LOOKED_AT + 1


def test_that_what_lies_too_deep_is_told(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*(str(level) for level in range(scanning.MAX_DEPTH + 1)))
    put(deep, {"a.safetensors": WEIGHTS})
    put(deep.parent, {"a.safetensors": WEIGHTS})
    found = scan(Disk(), tmp_path)
    assert [(item.path, item.reason) for item in found.skipped] == [(deep, SkipReason.TOO_DEEP)]
    assert [file.path.parent for file in found.files] == [deep.parent]


def test_that_many_skipped_things_are_counted(tmp_path: Path) -> None:
    for number in range(scanning.MAX_SKIPPED + 5):
        (tmp_path / f"{number}.ckpt").touch()
    found = scan(Disk(), tmp_path)
    assert (len(found.skipped), found.more_skipped) == (scanning.MAX_SKIPPED, 5)


def test_that_a_scan_can_be_stopped(tmp_path: Path) -> None:
    def check(_: int) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        scan(CrowdedDisk(), tmp_path, check=check)


@pytest.mark.parametrize("named", ["", "models", "models/tiny", "models/tiny/bf16", "models/.wan-desktop"])
def test_that_our_own_libraries_are_left_out(
    tmp_path: Path, library: Library, model: Path, context: JobContext, named: str
) -> None:
    adopt_folder(library, model, KEY, context=context)
    shutil.rmtree(model)
    put(library.root / ".wan-desktop" / "quarantine", {"a.safetensors": WEIGHTS})
    found = scan(Disk(), tmp_path / named)
    assert not found.files
    assert {item.reason for item in found.skipped} == {SkipReason.OWN_LIBRARY}


def test_that_a_scan_changes_nothing(tmp_path: Path, model_files: dict[str, bytes]) -> None:
    HfCache(tmp_path / "hub").add(REPO, model_files, shared=True)
    comfyui(tmp_path)
    wangp(tmp_path)
    before = looks(tmp_path)
    scan(Disk(), tmp_path)
    assert looks(tmp_path) == before


# The index -----------------------------------------------------------------------------------------------------------


def index_of(disk: Disk, root: Path, memory: Path | None = None) -> FileIndex:
    index = FileIndex(disk, memory)
    index.add_scan(scan(disk, root))
    return index


def test_that_a_file_is_found_by_its_content(tmp_path: Path) -> None:
    put(tmp_path, {"wrong name.safetensors": WEIGHTS, "vae.safetensors": safetensors_bytes(vae_shapes(16))})
    assert index_of(Disk(), tmp_path).find(len(WEIGHTS), SHA256) == tmp_path / "wrong name.safetensors"


def test_that_a_name_is_not_believed(tmp_path: Path) -> None:
    other = safetensors_bytes(transformer_shapes(1536, 16), seed=9)
    put(tmp_path, {f"{SHA256}.safetensors": other})
    assert len(other) == len(WEIGHTS)
    assert index_of(Disk(), tmp_path).find(len(WEIGHTS), SHA256) is None


def test_that_the_claim_of_the_cache_is_not_believed(cache: HfCache) -> None:
    cache.add(REPO, {"a.safetensors": WEIGHTS})
    flip(cache.blob(REPO, WEIGHTS), 100_000)
    found = scan(Disk(), cache.root)
    assert found.files[0].claimed_sha256 == SHA256
    assert index_of(Disk(), cache.root).find(len(WEIGHTS), SHA256) is None


def test_that_the_claim_saves_reading_other_files(cache: HfCache) -> None:
    shards = {f"{n}.safetensors": safetensors_bytes(transformer_shapes(1536, 16), seed=n) for n in range(4)}
    cache.add(REPO, shards)
    disk = ReadingDisk()
    index = index_of(disk, cache.root)
    disk.read.clear()
    sha256 = hashlib.sha256(shards["2.safetensors"]).hexdigest()
    assert index.find(len(shards["2.safetensors"]), sha256) == cache.blob(REPO, shards["2.safetensors"])
    assert disk.read == [sha256]
    disk.read.clear()
    assert index.find(len(shards["2.safetensors"]), SHA256.replace("a", "b")) is None
    assert not disk.read


def test_that_files_of_another_size_are_not_read(tmp_path: Path) -> None:
    put(tmp_path, {"a.safetensors": WEIGHTS})
    disk = ReadingDisk()
    index = index_of(disk, tmp_path)
    disk.read.clear()
    assert index.find(len(WEIGHTS) + 1, SHA256) is None
    assert not disk.read


def test_that_a_file_is_read_once(tmp_path: Path) -> None:
    put(tmp_path / "files", {"a.safetensors": WEIGHTS})
    disk = ReadingDisk()
    index = index_of(disk, tmp_path / "files", tmp_path / "memory" / "known.json")
    index.find(len(WEIGHTS), SHA256)
    disk.read.clear()
    assert index.find(len(WEIGHTS), SHA256)
    assert FileIndex(disk, tmp_path / "memory" / "known.json").find(len(WEIGHTS), SHA256)
    assert "a.safetensors" not in disk.read


def test_that_a_scan_is_remembered(tmp_path: Path, cache: HfCache) -> None:
    cache.add(REPO, {"a.safetensors": WEIGHTS})
    index_of(Disk(), cache.root, tmp_path / "known.json")
    disk = ReadingDisk()
    index = FileIndex(disk, tmp_path / "known.json")
    disk.read.clear()
    assert index.find(len(WEIGHTS), SHA256.replace("a", "b")) is None
    assert not disk.read  # what the cache claims is remembered too
    assert index.find(len(WEIGHTS), SHA256) == cache.blob(REPO, WEIGHTS)
    assert disk.read == [SHA256]


def test_that_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = put(tmp_path, {"a.safetensors": WEIGHTS}) / "a.safetensors"
    index = index_of(Disk(), tmp_path)
    assert index.find(len(WEIGHTS), SHA256)
    changed = WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])
    file.write_bytes(changed)
    os.utime(file, ns=(1, 1))
    assert index.find(len(WEIGHTS), SHA256) is None
    assert index.find(len(WEIGHTS), hashlib.sha256(changed).hexdigest()) == file


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "a-folder-now"])
def test_that_a_file_that_is_gone_is_not_found(tmp_path: Path, gone: bool) -> None:
    file = put(tmp_path, {"a.safetensors": WEIGHTS}) / "a.safetensors"
    index = index_of(Disk(), tmp_path)
    assert index.find(len(WEIGHTS), SHA256)
    file.unlink()
    if not gone:
        file.mkdir()
    assert index.find(len(WEIGHTS), SHA256) is None


def test_that_a_file_that_is_written_to_meanwhile_is_not_believed(tmp_path: Path) -> None:
    put(tmp_path, {"a.safetensors": WEIGHTS})
    index = FileIndex(ChangingDisk())
    index.add_scan(scan(Disk(), tmp_path))
    assert index.find(len(WEIGHTS), SHA256) is None


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"{", b"[]", b'{"files": {"x": {}}}', b'{"files": {"x": 7}}', b"[" * 100_000, b"\xff" * 50],
    ids=["empty", "cut", "list", "no-values", "number", "nested", "bytes"],
)
def test_that_rubbish_in_the_memory_costs_reading_only(tmp_path: Path, rubbish: bytes) -> None:
    put(tmp_path / "files", {"a.safetensors": WEIGHTS})
    memory = tmp_path / "known.json"
    memory.write_bytes(rubbish)
    assert index_of(Disk(), tmp_path / "files", memory).find(len(WEIGHTS), SHA256)
    assert FileIndex(Disk(), memory).find(len(WEIGHTS), SHA256)


def test_that_a_memory_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    put(tmp_path, {"a.safetensors": WEIGHTS, "file": b""})
    assert index_of(Disk(), tmp_path, tmp_path / "file" / "known.json").find(len(WEIGHTS), SHA256)


def test_that_reading_can_be_stopped_and_is_told(tmp_path: Path) -> None:
    put(tmp_path, {"a.safetensors": WEIGHTS})
    told: list[int] = []
    index_of(Disk(), tmp_path).find(len(WEIGHTS), SHA256, check=told.append)
    assert sum(told) == len(WEIGHTS)

    def stop(_: int) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        index_of(Disk(), tmp_path).find(len(WEIGHTS), SHA256, check=stop)


# The index and downloads ---------------------------------------------------------------------------------------------


def rename(plan: DownloadPlan, key: ModelKey = OTHER) -> DownloadPlan:
    return replace(plan, model_id=key.model_id, variant=key.variant)


@pytest.fixture
def installed(
    hub: FakeHub, client: HubClient, library: Library, context: JobContext, model_files: dict[str, bytes]
) -> Path:
    """A model that was downloaded; its transformers were made smaller."""
    hub.add_repo(REPO, model_files)
    Downloader(library, client, QUICK).run(plan_of(client), context)
    hub.forget_requests()
    return library.folder(KEY)


def library_index(*libraries: Library, disk: Disk | None = None) -> FileIndex:
    index = FileIndex(disk or Disk())
    index.add_libraries(libraries)
    return index


def test_that_a_model_that_is_here_is_not_downloaded_again(
    installed: Path, hub: FakeHub, client: HubClient, library: Library, context: JobContext
) -> None:
    plan = rename(plan_of(client))
    hub.forget_requests()
    Downloader(library, client, QUICK, library_index(library).same_for_download).run(plan, context)
    assert hub.bytes_sent(".safetensors") == 0
    assert sum(hub.bytes_sent(file.path) for file in plan.files) == 0
    assert (library.folder(OTHER) / SHRUNK).samefile(installed / SHRUNK)
    assert DeepCheck(Disk(), library.folder(OTHER)).run(lambda *_: None).good
    assert all(
        read_block_map(Disk(), library.folder(OTHER), file)
        for file in read_manifest(Disk(), library.folder(OTHER)).files
    )


def test_that_good_files_of_a_library_are_not_read(installed: Path, client: HubClient, library: Library) -> None:
    disk = ReadingDisk()
    index = library_index(library, disk=disk)
    told: list[int] = []
    assert all(index.same_for_download(file, check=told.append) for file in plan_of(client).files)
    assert not told


def test_that_another_conversion_is_another_file(installed: Path, client: HubClient, library: Library) -> None:
    index = library_index(library)
    whole = {file.path: index.same_for_download(file) for file in plan_of(client, convert=False).files}
    assert whole[SHRUNK] is None
    assert whole[VAE] is not None


def test_that_an_original_is_not_taken_for_what_is_made_of_it(
    hub: FakeHub, client: HubClient, tmp_path: Path, model_files: dict[str, bytes]
) -> None:
    hub.add_repo(REPO, model_files)
    index = index_of(Disk(), put(tmp_path / "mine", {"a.safetensors": model_files[SHRUNK]}))
    (shrunk,) = [file for file in plan_of(client).files if file.path == SHRUNK]
    (whole,) = [file for file in plan_of(client, convert=False).files if file.path == SHRUNK]
    assert index.same_for_download(shrunk) is None
    assert index.same_for_download(whole) is not None


def test_that_files_of_libraries_are_not_remembered(
    installed: Path, client: HubClient, library: Library, tmp_path: Path
) -> None:
    memory = tmp_path / "known.json"
    index = index_of(Disk(), put(tmp_path / "mine", {"a.safetensors": WEIGHTS}), memory)
    (installed / VAE).touch()
    index.add_libraries([library])
    assert all(index.same_for_download(file) for file in plan_of(client).files)
    assert "a.safetensors" in memory.read_text(encoding="utf-8")
    assert str(library.root) not in memory.read_text(encoding="utf-8")


def test_that_what_other_programs_have_is_not_downloaded(
    hub: FakeHub,
    client: HubClient,
    library: Library,
    context: JobContext,
    cache: HfCache,
    model_files: dict[str, bytes],
) -> None:
    hub.add_repo(REPO, model_files)
    cache.add(
        "any/where",
        {f"{number}.safetensors": data for number, data in enumerate(model_files.values()) if data[8:9] == b"{"},
    )
    before = looks(cache.root)
    index = index_of(Disk(), cache.root)
    plan = plan_of(client, convert=False)
    hub.forget_requests()
    Downloader(library, client, QUICK, index.same_for_download).run(plan, context)
    assert sum(hub.bytes_sent(file.path) for file in plan.files if file.path.endswith(".safetensors")) == 0
    assert (library.folder(KEY) / VAE).samefile(cache.blob("any/where", model_files[VAE]))
    assert not any(path.is_symlink() for path in library.root.rglob("*"))
    assert DeepCheck(Disk(), library.folder(KEY)).run(lambda *_: None).good
    assert {name: seen[:4] for name, seen in looks(cache.root).items()} == {
        name: seen[:4] for name, seen in before.items()
    }


def test_that_a_file_that_decayed_is_not_offered(
    installed: Path, client: HubClient, library: Library, tmp_path: Path
) -> None:
    second_name = tmp_path / "mine" / "vae.safetensors"
    second_name.parent.mkdir()
    os.link(installed / VAE, second_name)
    index = index_of(Disk(), second_name.parent)
    (planned,) = [file for file in plan_of(client).files if file.path == VAE]
    assert index.find(planned.origin.size_bytes, planned.origin.sha256) == second_name
    flip(installed / VAE, 40_000)
    DeepCheck(Disk(), installed).run(lambda *_: None)
    index.add_libraries([library])
    assert index.same_for_download(planned) is None
    assert index.find(planned.origin.size_bytes, planned.origin.sha256) is None


def test_that_a_file_that_is_known_to_be_damaged_is_not_read_again(installed: Path, library: Library) -> None:
    file = read_manifest(Disk(), installed).file(VAE)
    assert file is not None
    flip(installed / VAE, 40_000)
    DeepCheck(Disk(), installed).run(lambda *_: None)
    told: list[int] = []
    assert not library_index(library).same_for_repair(file, check=told.append)
    assert not told


def test_that_a_file_that_was_touched_is_read_before_it_is_offered(
    installed: Path, client: HubClient, library: Library
) -> None:
    (planned,) = [file for file in plan_of(client).files if file.path == VAE]
    (installed / VAE).touch()
    told: list[int] = []
    index = library_index(library)
    assert index.find(planned.origin.size_bytes, SHA256, check=told.append) is None
    assert not told  # it is said to be something else
    assert index.same_for_download(planned, check=told.append)
    assert sum(told) == planned.origin.size_bytes
    flip(installed / VAE, 40_000)
    (installed / VAE).touch()
    index.add_libraries([library])
    assert index.same_for_download(planned) is None


def test_that_a_library_that_is_gone_is_forgotten(installed: Path, client: HubClient, library: Library) -> None:
    index = library_index(library)
    index.add_libraries([])
    assert not any(index.same_for_download(file) for file in plan_of(client).files)


def test_that_a_model_with_a_damaged_manifest_is_left_out(installed: Path, client: HubClient, library: Library) -> None:
    (installed / ".wan-desktop" / "manifest.json").write_bytes(b"rubbish")
    index = library_index(library)
    assert not any(index.same_for_download(file) for file in plan_of(client).files)


def test_that_a_repair_takes_what_is_here(
    installed: Path, hub: FakeHub, client: HubClient, library: Library, context: JobContext, tmp_path: Path
) -> None:
    mine = put(tmp_path / "mine", {"x.safetensors": (installed / SHRUNK).read_bytes()})
    before, mine_before = (installed / SHRUNK).read_bytes(), looks(mine)
    flip(installed / SHRUNK, 40_000)
    report = DeepCheck(Disk(), installed).run(lambda *_: None)
    index = index_of(Disk(), mine)
    index.add_libraries([library])
    Repairer(library, client, QUICK, index.same_for_repair).run(KEY, report, context)
    assert (installed / SHRUNK).read_bytes() == before
    assert not hub.requests
    assert looks(mine) == mine_before


def test_that_all_good_copies_are_named_for_a_repair(tmp_path: Path) -> None:
    put(tmp_path, {"a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS, "c.safetensors": WEIGHTS[:-1] + b"?"})
    found = index_of(Disk(), tmp_path).same_for_repair(manifest_file(WEIGHTS))
    assert {path.name for path in found} == {"a.safetensors", "b.safetensors"}


# Adoption ------------------------------------------------------------------------------------------------------------


def test_that_a_folder_becomes_a_model(library: Library, model: Path, context: JobContext) -> None:
    manifest = adopt_folder(library, model, KEY, context=context)
    folder = library.folder(KEY)
    assert library.keys() == [KEY]
    assert read_manifest(Disk(), folder) == manifest
    assert all(file.origin is None and file.conversion == Conversion.NONE for file in manifest.files)
    assert inspect_model_folder(folder).has_two_experts
    assert quick_check(Disk(), folder).good
    assert DeepCheck(Disk(), folder).run(lambda *_: None).good
    assert all(read_block_map(Disk(), folder, file) is not None for file in manifest.files)
    assert not library.downloading()


def test_that_an_adopted_model_takes_no_space(library: Library, model: Path, context: JobContext) -> None:
    manifest = adopt_folder(library, model, KEY, context=context)
    assert all((library.folder(KEY) / file.path).samefile(model / file.path) for file in manifest.files)
    assert library.own_bytes(library.folder(KEY)) < 200_000


def test_that_the_folder_of_the_user_stays_as_it_is(
    library: Library, model: Path, context: JobContext, client: HubClient
) -> None:
    before = looks(model)
    adopt_folder(library, model, KEY, context=context)
    assert looks(model) == before
    library.remove(KEY)
    library.empty_trash()
    assert looks(model) == before


@pytest.mark.parametrize("shared", [False, True], ids=["own-blobs", "shared-blobs"])
def test_that_a_snapshot_of_the_cache_becomes_a_model_of_plain_files(
    library: Library, cache: HfCache, context: JobContext, model_files: dict[str, bytes], shared: bool
) -> None:
    snapshot = cache.add(REPO, model_files, shared=shared)
    before = looks(cache.root)
    adopt_folder(library, snapshot, KEY, context=context)
    folder = library.folder(KEY)
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert (folder / VAE).samefile(snapshot / VAE)
    assert DeepCheck(Disk(), folder).run(lambda *_: None).good
    assert looks(cache.root) == before


def test_that_only_what_the_model_needs_is_taken(
    library: Library, model: Path, context: JobContext, model_files: dict[str, bytes]
) -> None:
    extra = {
        "wan2.2_14B_original.safetensors": WEIGHTS,
        "transformer/diffusion_pytorch_model.fp16.safetensors": WEIGHTS,
        "transformer/pytorch_model.bin": b"\x80\x02",
        ".git/config": b"x",
        "assets/film.json": b"{}",
        "notes.json": b"{}",
        "README.md": b"# Wan",
        "vae/.hidden.json": b"{}",
    }
    put(model, extra)
    manifest = adopt_folder(library, model, KEY, context=context)
    assert {file.path for file in manifest.files} == {*model_files, "README.md"}


def test_that_progress_is_told_to_the_end(library: Library, model: Path) -> None:
    told: list[AdoptProgress] = []
    manifest = adopt_folder(library, model, KEY, context=JobContext("x", lambda _, progress: told.append(progress)))
    assert told[-1].done_bytes == told[-1].total_bytes == manifest.size_bytes
    assert [each.done_bytes for each in told] == sorted(each.done_bytes for each in told)


@pytest.mark.parametrize("change", [False, True], ids=["equal", "one-file-differs"])
def test_that_files_that_the_hub_has_too_get_their_origin(
    hub: FakeHub,
    client: HubClient,
    library: Library,
    model: Path,
    context: JobContext,
    model_files: dict[str, bytes],
    change: bool,
) -> None:
    hub.add_repo(REPO, model_files)
    if change:
        flip(model / VAE, 40_000)
    manifest = adopt_folder(library, model, KEY, context=context, remote=client.repo(REPO))
    unknown = {file.path for file in manifest.files if file.origin is None}
    assert unknown == ({VAE} if change else set())
    assert hub.bytes_sent(VAE) == 0


def test_that_an_adopted_model_is_repaired_and_the_file_of_the_user_is_not_touched(
    hub: FakeHub, client: HubClient, library: Library, model: Path, context: JobContext, model_files: dict[str, bytes]
) -> None:
    hub.add_repo(REPO, model_files)
    adopt_folder(library, model, KEY, context=context, remote=client.repo(REPO))
    folder = library.folder(KEY)
    flip(model / VAE, 40_000)
    before = looks(model)
    report = DeepCheck(Disk(), folder).run(lambda *_: None)
    assert [finding.damaged_blocks for finding in report.bad] == [(0,)]
    Repairer(library, client, QUICK).run(KEY, report, context)
    assert (folder / VAE).read_bytes() == model_files[VAE]
    assert quick_check(Disk(), folder).good
    assert looks(model) == before


def test_that_an_update_by_download_does_not_touch_the_file_of_the_user(
    hub: FakeHub, client: HubClient, library: Library, model: Path, context: JobContext, model_files: dict[str, bytes]
) -> None:
    hub.add_repo(REPO, {**model_files, VAE: safetensors_bytes(vae_shapes(16))})
    adopt_folder(library, model, KEY, context=context)
    before = looks(model)
    index = library_index(library)
    Downloader(library, client, QUICK, index.same_for_download).run(plan_of(client), context)
    assert looks(model) == before
    assert not (library.folder(KEY) / VAE).samefile(model / VAE)


def test_that_a_download_that_was_stopped_after_sharing_does_not_touch_the_file_of_the_user(
    hub: FakeHub, client: HubClient, library: Library, model: Path, context: JobContext, model_files: dict[str, bytes]
) -> None:
    hub.add_repo(REPO, model_files)
    fault = hub.fault("status_503", match="config.json", times=None)
    index = index_of(Disk(), model)
    before = looks(model)
    plan = plan_of(client, convert=False)
    with pytest.raises(OfflineError):
        Downloader(library, client, QUICK, index.same_for_download).run(plan, context)
    for record in (library.downloads(KEY) / "finished").iterdir():
        record.unlink()
    fault.times = 0
    Downloader(library, client, QUICK).run(plan, context)
    assert looks(model) == before


# Adoption: what cannot be --------------------------------------------------------------------------------------------


def nothing_is_left(library: Library) -> bool:
    left = [path for path in library.root.rglob("*") if path.is_file() and path.name != "wan-desktop-library.json"]
    return not left and not library.keys() and not library.downloading()


def test_that_a_copy_is_made_only_when_it_is_allowed(tmp_path: Path, model: Path, context: JobContext) -> None:
    library = Library(OtherDriveDisk(), tmp_path / "far", create=True)
    with pytest.raises(CopyNeededError, match=r"0\.0 GB") as caught:
        adopt_folder(library, model, KEY, context=context)
    assert caught.value.copy_bytes == sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    assert nothing_is_left(library)


def test_that_a_copy_is_whole_and_a_file_of_its_own(tmp_path: Path, model: Path, context: JobContext) -> None:
    library = Library(OtherDriveDisk(), tmp_path / "far", create=True)
    before = looks(model)
    manifest = adopt_folder(library, model, KEY, context=context, may_copy=True)
    folder = library.folder(KEY)
    assert quick_check(Disk(), folder).good
    assert DeepCheck(Disk(), folder).run(lambda *_: None).good
    assert not any((folder / file.path).samefile(model / file.path) for file in manifest.files)
    assert looks(model) == before


def test_that_a_copy_without_room_is_refused_with_both_numbers(
    tmp_path: Path, model: Path, context: JobContext
) -> None:
    library = Library(FullDisk(), tmp_path / "full", create=True)
    with pytest.raises(DownloadSpaceError, match=r"needs .* GB .* are free"):
        adopt_folder(library, model, KEY, context=context, may_copy=True)
    assert nothing_is_left(library)


def test_that_a_stop_leaves_nothing(library: Library, model: Path) -> None:
    before = looks(model)
    context = JobContext("x", lambda *_: context.cancel_asked.set())
    with pytest.raises(JobCancelled):
        adopt_folder(library, model, KEY, context=context)
    assert nothing_is_left(library)
    assert looks(model) == before


def test_that_a_download_that_was_begun_is_kept(library: Library, model: Path, context: JobContext) -> None:
    begun = put(library.downloads(KEY), {"parts/x.part": b"bytes"})
    adopt_folder(library, model, KEY, context=context)
    assert [path.name for path in begun.rglob("*")] == ["parts", "x.part"]
    assert library.keys() == [KEY]


def test_that_what_a_crash_left_is_swept(library: Library, model: Path, context: JobContext) -> None:
    put(library.downloads(KEY) / "adopt", {"vae/old.json": b"{}", "model_index.json": b"rubbish"})
    manifest = adopt_folder(library, model, KEY, context=context)
    assert manifest.file("vae/old.json") is None
    assert not (library.folder(KEY) / "vae" / "old.json").exists()
    assert not library.downloading()


def test_that_a_model_that_is_there_is_not_replaced(library: Library, model: Path, context: JobContext) -> None:
    adopt_folder(library, model, KEY, context=context)
    before = looks(library.root)
    with pytest.raises(RequestError, match="already"):
        adopt_folder(library, model, KEY, context=context)
    assert looks(library.root) == before


@pytest.mark.parametrize("place", ["models/inside", "models", "."])
def test_that_folder_and_library_must_lie_apart(
    tmp_path: Path, library: Library, context: JobContext, model_files: dict[str, bytes], place: str
) -> None:
    folder = put(tmp_path / place, model_files)
    with pytest.raises(RequestError, match="within each other"):
        adopt_folder(library, folder, KEY, context=context)


def break_all(folder: Path) -> None:
    shutil.rmtree(folder)


def break_to_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"")


def break_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def break_vae(folder: Path) -> None:
    (folder / VAE).unlink()


def break_to_a_pickle(folder: Path) -> None:
    (folder / VAE).rename(folder / "vae" / "diffusion_pytorch_model.bin")


def break_header(folder: Path) -> None:
    (folder / VAE).write_bytes(b"<html>")


def break_to_a_link(folder: Path) -> None:
    (folder / VAE).rename(folder.parent / "vae.safetensors")
    (folder / VAE).symlink_to(folder.parent / "vae.safetensors")


def break_to_a_folder_link(folder: Path) -> None:
    (folder / "vae").rename(folder.parent / "vae")
    (folder / "vae").symlink_to(folder.parent / "vae")


def break_to_a_pipe(folder: Path) -> None:
    (folder / VAE).unlink()
    os.mkfifo(folder / VAE)


def break_capitals(folder: Path) -> None:
    put(folder, {"vae/CONFIG.json": b"{}"})


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (break_all, ModelNotFoundError),
        (break_to_a_file, ModelNotFoundError),
        (break_index, NotAWanModelError),
        (break_vae, ModelFilesMissingError),
        (break_to_a_pickle, UnsafeFormatError),
        (break_header, IntegrityError),
        (break_to_a_link, IntegrityError),
        (break_to_a_folder_link, IntegrityError),
        (break_to_a_pipe, ModelFilesMissingError),
        (break_capitals, UnsafeNameError),
    ],
)
def test_that_a_folder_that_is_no_sound_model_is_refused(
    library: Library, model: Path, context: JobContext, damage: Callable[[Path], None], error: type[WanError]
) -> None:
    damage(model)
    with pytest.raises(error):
        adopt_folder(library, model, KEY, context=context)
    assert nothing_is_left(library)


def test_that_a_broken_snapshot_is_refused(
    library: Library, cache: HfCache, context: JobContext, model_files: dict[str, bytes]
) -> None:
    snapshot = cache.add(REPO, model_files)
    cache.blob(REPO, model_files[VAE]).unlink()
    with pytest.raises(IntegrityError, match="not in the cache"):
        adopt_folder(library, snapshot, KEY, context=context)
    assert nothing_is_left(library)
    (folder,) = scan(Disk(), cache.root).folders
    assert "not in the cache" in folder.problem


def test_that_a_name_that_cannot_be_is_refused_before_anything_is_read(
    library: Library, model: Path, context: JobContext
) -> None:
    with pytest.raises(RequestError, match="Upper"):
        adopt_folder(library, model, ModelKey("Upper", "bf16"), context=context)
    assert nothing_is_left(library)


def test_that_a_file_that_changes_meanwhile_is_refused(tmp_path: Path, model: Path, context: JobContext) -> None:
    library = Library(ChangingDisk(), tmp_path / "models", create=True)
    with pytest.raises(IntegrityError, match="changed while it was read"):
        adopt_folder(library, model, KEY, context=context)
    assert nothing_is_left(library)


class RewritingDisk(HastyDisk):
    """Somebody writes something else into a file just before it is shared."""

    def link(self, source: Path, target: Path) -> None:
        if source.name == Path(VAE).name and source.parent.name == "vae":
            source.write_bytes(b"<" * source.stat().st_size)
        super().link(source, target)


def test_that_a_file_that_was_replaced_meanwhile_is_refused(tmp_path: Path, model: Path, context: JobContext) -> None:
    library = Library(RewritingDisk(), tmp_path / "models", create=True)
    with pytest.raises(IntegrityError, match="not a safetensors file"):
        adopt_folder(library, model, KEY, context=context)
    assert nothing_is_left(library)


# Adoption: drives that fail ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [False, True], ids=["shared", "copied"])
def test_that_no_failing_call_does_harm(tmp_path: Path, model: Path, context: JobContext, copies: bool) -> None:
    inner = OtherDriveDisk() if copies else HastyDisk()
    before = looks(model)

    def attempt(number: int) -> tuple[int, int]:
        """The calls that opening the library took, and all calls."""
        root = tmp_path / f"library-{number}"
        Library(HastyDisk(), root, create=True)
        disk = FailingDisk(number, disk=inner)
        library = Library(disk, root)
        opening = disk.calls
        with contextlib.suppress(WanError):
            adopt_folder(library, model, KEY, context=context, may_copy=True)
        sound = Library(HastyDisk(), root)
        assert all(quick_check(Disk(), sound.folder(key)).good for key in sound.keys()), disk.failed  # noqa: SIM118
        shutil.rmtree(root)
        return opening, disk.calls

    opening, calls = attempt(0)
    for number in range(opening + 1, calls + 1, 6):
        attempt(number)
    assert looks(model) == before


@pytest.mark.parametrize("copies", [False, True], ids=["shared", "copied"])
def test_that_a_power_failure_leaves_a_whole_model_or_none(
    tmp_path: Path, model: Path, context: JobContext, copies: bool
) -> None:
    root = tmp_path / "models"
    Library(Disk(), root, create=True)
    disk = RecordingDisk(root)
    if copies:
        vars(disk)["link"] = OtherDriveDisk().link
    adopt_folder(Library(disk, root), model, KEY, context=context, may_copy=copies)
    whole = 0
    for number, state in enumerate(crash_states(disk.log, random.Random(5), 60)):
        after = tmp_path / f"after-{number}"
        after.mkdir()
        state.write(after)
        library = Library(Disk(), after)
        for key in library.keys():  # noqa: SIM118
            assert DeepCheck(Disk(), library.folder(key)).run(lambda *_: None).good, state
            whole += 1
        shutil.rmtree(after)
    assert whole
