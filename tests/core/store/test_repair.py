"""Damage is found, located and repaired, and no more is fetched than was damaged."""

import hashlib
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from tests.core.store.conftest import KEY, QUICK, REPO, plan_of
from tests.fakes.hub import FakeHub
from wan_desktop.core.errors import DownloadError, IntegrityError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.blocks import BLOCK_BYTES
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.download import Downloader
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library
from wan_desktop.core.store.manifest import read_manifest, write_manifest
from wan_desktop.core.store.repair import Repairer
from wan_desktop.core.store.verify import DeepCheck, FileState, IntegrityReport, quick_check

PLAIN = "vae/diffusion_pytorch_model.safetensors"
SHRUNK = "transformer/diffusion_pytorch_model.safetensors"


def weights(mebibytes: int, seed: int) -> bytes:
    values = np.random.default_rng(seed).standard_normal(mebibytes * BLOCK_BYTES // 4, dtype=np.float32)
    return save({"blocks.0.attn1.to_q.weight": values.reshape(-1, 256), "blocks.0.norm2.weight": values[:300]})


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {PLAIN: weights(5, 1), SHRUNK: weights(8, 2), "model_index.json": b'{"_class_name": "WanPipeline"}'}


@pytest.fixture
def folder(hub: FakeHub, client: HubClient, library: Library, context: JobContext, files: dict[str, bytes]) -> Path:
    hub.add_repo(REPO, files)
    Downloader(library, client, QUICK).run(plan_of(client), context)
    hub.forget_requests()
    return library.folder(KEY)


def deep(folder: Path) -> IntegrityReport:
    return DeepCheck(Disk(), folder).run(lambda *_: None)


def flip(path: Path, offset: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ 1 << bit]))


def truth(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".wan-desktop" not in path.parts
    }


@pytest.mark.parametrize("name", [PLAIN, SHRUNK])
def test_that_a_flipped_bit_is_located(folder: Path, name: str) -> None:
    flip(folder / name, 2 * BLOCK_BYTES + 5)
    (finding,) = deep(folder).bad
    assert (finding.path, finding.state, finding.damaged_blocks) == (name, FileState.DAMAGED, (2,))


def test_that_a_flip_that_was_found_is_remembered_by_the_quick_check(folder: Path) -> None:
    flip(folder / PLAIN, 2 * BLOCK_BYTES + 5)
    assert quick_check(Disk(), folder).unchecked
    report = deep(folder)
    assert quick_check(Disk(), folder).bad == report.bad


def test_that_a_file_that_was_only_touched_is_good_again_after_reading(folder: Path) -> None:
    (folder / PLAIN).touch()
    assert [finding.path for finding in quick_check(Disk(), folder).unchecked] == [PLAIN]
    assert deep(folder).good
    assert quick_check(Disk(), folder).good


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(3 * BLOCK_BYTES + 100)


def extend(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def zeros(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(BLOCK_BYTES - 30_000)
        file.write(bytes(64_000))


def html(path: Path) -> None:
    path.write_bytes(b"<html>Please log in</html>")


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "flip": lambda path: flip(path, 3 * BLOCK_BYTES),
    "flip in the header": lambda path: flip(path, 20),
    "cut": cut,
    "extended": extend,
    "zeros": zeros,
    "html": html,
    "empty": empty,
    "gone": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [PLAIN, SHRUNK])
def test_that_every_damage_is_repaired(
    folder: Path, client: HubClient, library: Library, context: JobContext, name: str, damage: str
) -> None:
    before = truth(folder)
    DAMAGES[damage](folder / name)
    Repairer(library, client, QUICK).run(KEY, deep(folder), context)
    assert truth(folder) == before
    assert quick_check(Disk(), folder).good
    assert deep(folder).good


def test_that_repair_fetches_the_damaged_block_and_no_more(
    folder: Path, hub: FakeHub, client: HubClient, library: Library, context: JobContext
) -> None:
    flip(folder / PLAIN, 2 * BLOCK_BYTES + 5)
    Repairer(library, client, QUICK).run(KEY, deep(folder), context)
    assert hub.bytes_sent(PLAIN) == BLOCK_BYTES


def test_that_repair_of_a_converted_block_fetches_what_it_came_from(
    folder: Path, hub: FakeHub, client: HubClient, library: Library, context: JobContext
) -> None:
    flip(folder / SHRUNK, 2 * BLOCK_BYTES + 5)
    plan = Repairer(library, client, QUICK).plan(KEY, deep(folder))
    Repairer(library, client, QUICK).run(KEY, deep(folder), context)
    assert hub.bytes_sent(SHRUNK) <= plan.download_bytes <= 4 * BLOCK_BYTES  # the header, and three around two


def test_that_the_damaged_file_is_kept_in_quarantine(
    folder: Path, client: HubClient, library: Library, context: JobContext
) -> None:
    flip(folder / PLAIN, 2 * BLOCK_BYTES + 5)
    damaged = (folder / PLAIN).read_bytes()
    Repairer(library, client, QUICK).run(KEY, deep(folder), context)
    kept = list((library.root / ".wan-desktop" / "quarantine").rglob("*.safetensors"))
    assert [path.read_bytes() for path in kept] == [damaged]


def test_that_a_repair_that_fails_leaves_the_model_as_it_was(
    folder: Path, hub: FakeHub, client: HubClient, library: Library, context: JobContext
) -> None:
    flip(folder / PLAIN, 2 * BLOCK_BYTES + 5)
    before = truth(folder)
    hub.fault("status_404", match="resolve", times=None)
    with pytest.raises(DownloadError):
        Repairer(library, client, QUICK).run(KEY, deep(folder), context)
    assert truth(folder) == before


def test_that_another_copy_on_this_pc_costs_no_traffic(
    folder: Path, hub: FakeHub, client: HubClient, library: Library, context: JobContext, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copy(folder / PLAIN, copy)
    before = truth(folder)
    flip(folder / PLAIN, 2 * BLOCK_BYTES + 5)
    Repairer(library, client, QUICK, lambda file: [copy] if file.path == PLAIN else []).run(KEY, deep(folder), context)
    assert truth(folder) == before
    assert not hub.requests


def test_that_a_damaged_copy_is_not_taken(
    folder: Path, client: HubClient, library: Library, context: JobContext, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copy(folder / PLAIN, copy)
    flip(copy, 77)
    before = truth(folder)
    flip(folder / PLAIN, 2 * BLOCK_BYTES + 5)
    Repairer(library, client, QUICK, lambda _: [copy]).run(KEY, deep(folder), context)
    assert truth(folder) == before


def test_that_random_flips_are_all_found(folder: Path) -> None:
    rng = random.Random(4)
    name = PLAIN
    size = (folder / name).stat().st_size
    for _ in range(20):
        offset, bit = rng.randrange(size), rng.randrange(8)
        flip(folder / name, offset, bit)
        (finding,) = deep(folder).bad
        assert finding.damaged_blocks == (offset // BLOCK_BYTES,)
        flip(folder / name, offset, bit)
    assert deep(folder).good


def test_that_a_file_of_unknown_origin_is_named(
    folder: Path, client: HubClient, library: Library, context: JobContext
) -> None:
    manifest = read_manifest(Disk(), folder)
    files = tuple(replace(file, origin=None) if file.path == PLAIN else file for file in manifest.files)
    write_manifest(Disk(), folder, replace(manifest, files=files))
    flip(folder / PLAIN, 2 * BLOCK_BYTES + 5)
    with pytest.raises(IntegrityError, match=PLAIN):
        Repairer(library, client, QUICK).run(KEY, deep(folder), context)
