"""Every single flipped bit is found, in its block, and repaired with no more traffic than its block."""

import os
import random
import shutil
from collections.abc import Iterator

import pytest

from tests.core.store.model_world import KEY, PATIENT, World
from tests.core.store.proof_model import OLD, PLAIN, SHARDS, SHRUNK, SMALL, Model, weights
from tests.fakes.hub import FakeHub
from tests.fakes.store_process import deep_check, repair
from wan_desktop.core.store.blocks import BLOCK_BYTES, block_span

_FLIPS, _FLIPS_SLOW, _PARTS_SLOW = 200, 10_000, 10
_FLIPS_A_ROUND = 8
_PLAIN_FILES = (PLAIN, *SHARDS, SMALL)
_MOST_OF_CONVERTED = 3
"""Blocks of the original for one of a converted file: twice the bytes, which lie across blocks; and its header."""


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        yield fake


@pytest.fixture(scope="module")
def world(hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> World:
    """An installed model, whole before and after each round."""
    files = {PLAIN: weights(5300, 1), SHRUNK: weights(6100, 2), SMALL: b'{"_class_name": "WanPipeline"}'}
    shards = {path: weights(1500, seed) for seed, path in enumerate(SHARDS)}
    commit = {**files, **shards}
    made = World(tmp_path_factory.mktemp("flips") / "world", hub, Model({OLD: commit}))
    made.install()
    return made


class Flipper:
    """Flips bits of an installed model, each in a block of its own."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self._sizes = {path: (world.model_folder / path).stat().st_size for path in world.model.on_disk(world.goal)}

    def flip(self, count: int) -> dict[str, set[int]]:
        """Flip bits anywhere; returns the blocks that they are in."""
        flipped: dict[str, set[int]] = {}
        total_bytes = sum(self._sizes.values())
        while sum(map(len, flipped.values())) < count:
            offset = self._rng.randrange(total_bytes)
            for path, size_bytes in self._sizes.items():
                if offset < size_bytes:
                    blocks = flipped.setdefault(path, set())
                    if offset // BLOCK_BYTES not in blocks:
                        blocks.add(offset // BLOCK_BYTES)
                        self._flip(path, offset)
                    break
                offset -= size_bytes
        return flipped

    def _flip(self, path: str, offset: int) -> None:
        file = self._world.model_folder / path
        before = file.stat()
        with file.open("r+b") as opened:
            opened.seek(offset)
            (value,) = opened.read(1)
            opened.seek(offset)
            opened.write(bytes([value ^ 1 << self._rng.randrange(8)]))
        if self._rng.random() < 0.5:  # a disk that rots tells nobody
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip_and_repair(world: World, *, flips: int, seed: int) -> None:
    flipper, done = Flipper(world, random.Random(seed)), 0
    while done < flips:
        count = min(_FLIPS_A_ROUND, flips - done)
        flipped = flipper.flip(count)
        library = world.library()
        report = deep_check(library, KEY)
        found = {finding.path: set(finding.damaged_blocks or ()) for finding in report.bad}
        assert found == {path: blocks for path, blocks in flipped.items() if blocks}
        world.hub.forget_requests()
        repair(library, world.client, KEY, report, limits=PATIENT)
        check_traffic(world, flipped)
        assert world.files() == world.model.on_disk(world.goal)
        assert world.believed()
        shutil.rmtree(world.root / ".wan-desktop" / "quarantine")  # it would fill the drive
        done += count
    assert deep_check(world.library(), KEY).good


def check_traffic(world: World, flipped: dict[str, set[int]]) -> None:
    for path in _PLAIN_FILES:
        size_bytes = len(world.model.commits[world.goal][path])
        damaged_bytes = sum(block_span(index, size_bytes)[1] for index in flipped.get(path, ()))
        assert world.hub.bytes_sent(path) == damaged_bytes, f"{path}: blocks {flipped.get(path)}"
    blocks = len(flipped.get(SHRUNK, ()))
    assert world.hub.bytes_sent(SHRUNK) <= (_MOST_OF_CONVERTED * blocks + (blocks > 0)) * BLOCK_BYTES


def test_that_flipped_bits_are_found_and_cost_their_blocks(world: World) -> None:
    flip_and_repair(world, flips=_FLIPS, seed=7)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(_PARTS_SLOW))
def test_that_ten_thousand_flipped_bits_are_found_and_cost_their_blocks(world: World, part: int) -> None:
    flip_and_repair(world, flips=_FLIPS_SLOW // _PARTS_SLOW, seed=700 + part)
