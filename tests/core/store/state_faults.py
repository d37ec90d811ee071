"""Block C of the fault matrix: what can be wrong with what is on disk."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.core.store.model_world import KEY, Operation, World
from tests.core.store.proof_model import NEW, PLAIN, SHARDS, SHRUNK
from wan_desktop.core.errors import ManifestError
from wan_desktop.core.store.blocks import BLOCK_BYTES
from wan_desktop.core.store.history import History, HistoryEntry

Heal = Callable[[], None]
"""Ends a fault."""


@dataclass(frozen=True, slots=True)
class StateFault:
    """Something is wrong with what is on disk, from whatever cause."""

    do: Callable[[World], object]
    bad: Mapping[str, tuple[int, ...] | None] = field(default_factory=dict)
    """Files that a deep check must find, with their damaged blocks; None where those cannot be known."""
    error: type[Exception] | None = None
    """How everything must fail while it is so."""
    believed: bool = False
    """A start may take the model for whole, because it is."""
    staged: Operation | None = None
    """It is about what lies there of this operation, which was stopped half-way."""
    why_not: Mapping[Operation, str] = field(default_factory=dict)
    """What is struck out, and why."""


def edit_json(file: Path, change: Callable[[Any], object]) -> Heal:
    """Change what a JSON file says."""
    before = file.read_bytes()
    plain = json.loads(before)
    change(plain)
    file.write_text(json.dumps(plain), encoding="utf-8")

    def put_back() -> None:
        if file.exists():
            file.write_bytes(before)

    return put_back


def edit_manifest(world: World, change: Callable[[Any], object]) -> Heal:
    """Change the manifest as somebody would who can make its checksum."""

    def reseal(sealed: Any) -> None:
        change(sealed["manifest"])
        text = json.dumps(sealed["manifest"], sort_keys=True, separators=(",", ":"))
        sealed["sha256"] = hashlib.sha256(text.encode()).hexdigest()

    return edit_json(world.model_folder / ".wan-desktop" / "manifest.json", reseal)


def _damage(path: str, offset: int) -> Callable[[World], None]:
    return lambda world: world.damage(path, offset)


def _zero_run(world: World) -> None:
    with (world.model_folder / PLAIN).open("r+b") as file:
        file.seek(BLOCK_BYTES - 30_000)
        file.write(bytes(64_000))


def _swap_shards(world: World) -> None:
    first, second = (world.model_folder / shard for shard in SHARDS)
    aside = first.with_suffix(".aside")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)


def _rewrite(path: str, data: bytes) -> Callable[[World], object]:
    return lambda world: (world.model_folder / path).write_bytes(data)


def _flip_in(pattern: str, offset: int) -> Callable[[World], None]:
    def flip(world: World) -> None:
        for path in world.model_folder.glob(pattern):
            data = bytearray(path.read_bytes())
            data[offset] ^= 1
            path.write_bytes(data)

    return flip


def _both(*deeds: Callable[[World], object]) -> Callable[[World], None]:
    def do(world: World) -> None:
        for deed in deeds:
            deed(world)

    return do


def _parts_behind_journal(world: World) -> None:
    """As after a power failure: blocks are claimed that never arrived."""
    for part in world.staging.rglob("*.part"):
        with part.open("r+b") as file:
            file.write(bytes(min(BLOCK_BYTES, part.stat().st_size)))


def _journal_behind_parts(world: World) -> None:
    """Blocks arrived whose claims are lost; the last one is torn."""
    for journal in world.staging.rglob("*.journal"):
        os.truncate(journal, min(journal.stat().st_size, 84 + 24 + 11))


def _lose_wal(world: World) -> None:
    """As of a database that was copied while it was in use: what was last written lay beside it."""
    history = History(world.history)
    entry = HistoryEntry(KEY, "library", "download", "done", "it came", "2026-01-01T00:00:00+00:00")
    history.add(entry)
    without = world.history.read_bytes()
    history.close()
    world.history.write_bytes(without)


def _foreign_folder(world: World) -> None:
    (world.root / "holiday" / "2024").mkdir(parents=True)
    (world.root / "holiday" / "2024" / "beach.jpg").write_bytes(b"jpg")


def _orphans(world: World) -> None:
    """As a kill at the wrong moment leaves them."""
    metadata = world.model_folder / ".wan-desktop"
    for file in (metadata / "manifest.json", metadata / "stamps.json", *sorted((metadata / "blocks").glob("*.blocks"))):
        file.with_name(f".{file.name}.12345.part").write_bytes(b"half")
    lock = world.root / ".wan-desktop" / "locks" / f".{KEY}.holder.12345.part"
    lock.write_bytes(b"half")


def _touch(world: World) -> None:
    os.utime(world.model_folder / PLAIN, ns=(1, 1))


_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 3582667\n"
_ALL = (0, 1, 2, 3)
_NOT_ASKED = {Operation.VERIFY: "does not look there", Operation.REPAIR: "does not look there"}
STATE: dict[str, StateFault] = {
    "flip": StateFault(
        _both(_damage(PLAIN, 2 * BLOCK_BYTES + 5), _damage(SHRUNK, BLOCK_BYTES + 77)),
        {PLAIN: (2,), SHRUNK: (1,)},
    ),
    "zero-run": StateFault(_zero_run, {PLAIN: (0, 1)}),
    "cut": StateFault(lambda world: os.truncate(world.model_folder / PLAIN, 3 * BLOCK_BYTES - 100), {PLAIN: (2, 3)}),
    "extended": StateFault(
        lambda world: (world.model_folder / PLAIN).write_bytes((world.model_folder / PLAIN).read_bytes() + b"x"),
        {PLAIN: ()},
    ),
    "deleted": StateFault(lambda world: (world.model_folder / PLAIN).unlink(), {PLAIN: None}),
    "shards-swapped": StateFault(_swap_shards, dict.fromkeys(SHARDS, (0, 1))),
    "other-revision": StateFault(
        lambda world: (world.model_folder / PLAIN).write_bytes(world.model.commits[NEW][PLAIN]), {PLAIN: _ALL}
    ),
    "lfs-pointer": StateFault(_rewrite(PLAIN, _POINTER), {PLAIN: _ALL}),
    "html": StateFault(_rewrite(PLAIN, b"<!DOCTYPE html><html>Please log in</html>"), {PLAIN: _ALL}),
    "manifest-bad": StateFault(_flip_in(".wan-desktop/manifest.json", 300), error=ManifestError),
    "block-map-bad": StateFault(_both(_flip_in(".wan-desktop/blocks/*.blocks", 30), _damage(PLAIN, 99)), {PLAIN: None}),
    "journal-ahead": StateFault(
        _parts_behind_journal, staged=Operation.RESUME, why_not={Operation.VERIFY: "reads no journal"}
    ),
    "journal-behind": StateFault(
        _journal_behind_parts, staged=Operation.RESUME, why_not={Operation.VERIFY: "reads no journal"}
    ),
    "history-bad": StateFault(
        lambda world: world.history.write_bytes(b"no database at all" * 1000), believed=True, why_not=_NOT_ASKED
    ),
    "history-wal-lost": StateFault(_lose_wal, believed=True, why_not=_NOT_ASKED),
    "stamps-bad": StateFault(_flip_in(".wan-desktop/stamps.json", 200)),
    "future-schema": StateFault(
        lambda world: edit_manifest(world, lambda manifest: manifest.update(format=2)), error=ManifestError
    ),
    "foreign-folder": StateFault(_foreign_folder, believed=True),
    "orphan-temp": StateFault(_orphans, believed=True),
    "touched": StateFault(_touch),
}
