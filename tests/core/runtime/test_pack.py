"""An engine package is taken whole or not at all, and never believed."""

import dataclasses
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.core.runtime.conftest import Parts, engine_version, lock_of, quiet, runtimes_in, works
from tests.fakes.wheel_server import WheelServer
from tests.fakes.wheels import build_wheel
from wan_desktop.core.errors import EnginePackError, JobCancelled
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.records import to_plain
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.pack import (
    LARGEST_PART_BYTES,
    MANIFEST,
    PackManifest,
    make_pack,
    parse_manifest,
    part_name,
)
from wan_desktop.core.runtime.pack_import import import_pack
from wan_desktop.core.runtime.runtimes import Runtimes
from wan_desktop.core.runtime.wheel_index import Wheel, WheelPlan

NOWHERE = "http://127.0.0.1:9"
PART_BYTES = 2_000_000


@pytest.fixture
def wheels(tmp_path: Path, parts: Parts) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for wheel in parts.everything:
        (folder / wheel.filename).write_bytes(wheel.content)
    return folder


def plan_of(parts: Parts) -> WheelPlan:
    wheels = sorted(parts.new, key=lambda wheel: wheel.name)
    files = tuple(
        Wheel(wheel.filename, f"{NOWHERE}/{wheel.filename}", len(wheel.content), wheel.sha256) for wheel in wheels
    )
    return WheelPlan(parts.new_lock.digest, files)


@pytest.fixture
def pack(tmp_path: Path, parts: Parts, wheels: Path) -> list[Path]:
    """Three parts, over which the large wheel is spread."""
    folder = tmp_path / "pack"
    folder.mkdir()
    return make_pack(parts.new_lock, plan_of(parts), wheels, folder, part_bytes=PART_BYTES)


@pytest.fixture
def offline(tmp_path: Path, tools: BuildTools) -> Runtimes:
    return runtimes_in(tmp_path / "rt", tools, NOWHERE)


def test_that_a_package_is_split_and_every_part_is_small_enough(pack: list[Path]) -> None:
    assert [path.name.rpartition("-")[2] for path in pack] == ["part1of3.zip", "part2of3.zip", "part3of3.zip"]
    assert all(path.stat().st_size < PART_BYTES + 20_000 for path in pack)
    assert LARGEST_PART_BYTES + 16_000_000 < 2 << 30


def test_that_the_same_files_make_the_same_package(
    tmp_path: Path, parts: Parts, wheels: Path, pack: list[Path]
) -> None:
    (tmp_path / "again").mkdir()
    again = make_pack(parts.new_lock, plan_of(parts), wheels, tmp_path / "again", part_bytes=PART_BYTES)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in pack]


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_that_a_runtime_is_installed_from_a_package_without_a_net(
    offline: Runtimes, parts: Parts, pack: list[Path], chosen: int
) -> None:
    told: list[tuple[int, int]] = []
    context = JobContext("test", lambda _, counts: told.append(counts))
    import_pack(offline, pack[chosen], parts.new_lock, context)
    assert told == sorted(told)
    assert told[-1] == (plan_of(parts).size_bytes,) * 2
    assert engine_version(offline.install(parts.new_lock, quiet(), works)) == "2.0"


def test_that_a_repair_after_a_package_needs_no_net(offline: Runtimes, parts: Parts, pack: list[Path]) -> None:
    import_pack(offline, pack[0], parts.new_lock, quiet())
    first = offline.install(parts.new_lock, quiet(), works)
    shutil.rmtree(first.folder / "lib")
    assert engine_version(offline.repair(parts.new_lock, quiet(), works)) == "2.0"


def test_that_what_is_here_already_is_not_copied_again(offline: Runtimes, parts: Parts, pack: list[Path]) -> None:
    import_pack(offline, pack[0], parts.new_lock, quiet())
    before = {path.name: path.stat().st_mtime_ns for path in offline.wheelhouse.folder.glob("*.whl")}
    damaged = offline.wheelhouse.folder / parts.new[0].filename
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    import_pack(offline, pack[0], parts.new_lock, quiet())
    after = {path.name: path.stat().st_mtime_ns for path in offline.wheelhouse.folder.glob("*.whl")}
    assert {name for name in before if after[name] != before[name]} == {damaged.name}
    assert damaged.read_bytes() == parts.new[0].content


def test_that_an_import_can_be_cancelled_and_leaves_nothing_half(
    offline: Runtimes, parts: Parts, pack: list[Path]
) -> None:
    context = JobContext("test", lambda _, counts: context.cancel_asked.set() if counts[0] > 3_000_000 else None)
    with pytest.raises(JobCancelled):
        import_pack(offline, pack[0], parts.new_lock, context)
    left = [path for path in offline.wheelhouse.folder.rglob("*") if path.is_file()]
    assert {path.name for path in left} <= {wheel.filename for wheel in parts.new}
    assert all(path.read_bytes() in [wheel.content for wheel in parts.new] for path in left)


# What is refused --------------------------------------------------------------------------------------------

Change = Callable[[list[Path]], None]


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    """The same zip with other entries."""
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def with_manifest(path: Path, change: Callable[[PackManifest], PackManifest]) -> None:
    def changed(entries: dict[str, bytes]) -> None:
        entries[MANIFEST] = json.dumps(to_plain(change(parse_manifest(entries[MANIFEST])))).encode()

    rewritten(path, changed)


def cut(pack: list[Path]) -> None:
    data = pack[1].read_bytes()
    pack[1].write_bytes(data[: len(data) // 2])


def cut_at_the_end(pack: list[Path]) -> None:
    pack[2].write_bytes(pack[2].read_bytes()[:-1])


def lose(pack: list[Path]) -> None:
    pack[1].unlink()


def make_empty(pack: list[Path]) -> None:
    pack[0].write_bytes(b"")


def flip_a_byte(pack: list[Path]) -> None:
    data = bytearray(pack[1].read_bytes())
    data[len(data) // 2] ^= 1
    pack[1].write_bytes(data)


def swap_parts(pack: list[Path]) -> None:
    shutil.copyfile(pack[0], pack[1])


def leave_the_folder(pack: list[Path]) -> None:
    rewritten(pack[1], lambda entries: entries.update({"../../evil.py": b"import os"}))


def name_a_place(pack: list[Path]) -> None:
    rewritten(pack[1], lambda entries: entries.update({"C:/evil.py": b"import os"}))


def add_a_piece(pack: list[Path]) -> None:
    rewritten(pack[1], lambda entries: entries.update({"pieces/9999-0000000000000000": b"more"}))


def compress(pack: list[Path]) -> None:
    """All but the manifest: a little zip must not become a large one."""
    with zipfile.ZipFile(pack[1]) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(pack[1], "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data, zipfile.ZIP_STORED if name == MANIFEST else zipfile.ZIP_DEFLATED)


def double_a_piece(pack: list[Path]) -> None:
    with zipfile.ZipFile(pack[1], "a") as archive:
        info = archive.infolist()[-1]
        data = archive.read(info)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(info.filename, data)


def drop_the_manifest(pack: list[Path]) -> None:
    rewritten(pack[0], lambda entries: entries.pop(MANIFEST))


def other_names(pack: list[Path]) -> None:
    def renamed(manifest: PackManifest) -> PackManifest:
        first = dataclasses.replace(manifest.wheels[0], filename="../../" + manifest.wheels[0].filename)
        return dataclasses.replace(manifest, wheels=(first, *manifest.wheels[1:]))

    for path in pack:
        with_manifest(path, renamed)


def other_hash(pack: list[Path]) -> None:
    def changed(manifest: PackManifest) -> PackManifest:
        first = dataclasses.replace(manifest.wheels[0], sha256="0" * 64)
        return dataclasses.replace(manifest, wheels=(first, *manifest.wheels[1:]))

    for path in pack:
        with_manifest(path, changed)


def lie_about_the_parts(pack: list[Path]) -> None:
    rewritten(
        pack[0], lambda entries: entries.update({MANIFEST: entries[MANIFEST].replace(b'"parts": 3', b'"parts": 1')})
    )


def lie_about_a_size(pack: list[Path]) -> None:
    size = f'"size_bytes": {PART_BYTES}'.encode()

    def changed(entries: dict[str, bytes]) -> None:
        assert size in entries[MANIFEST]
        entries[MANIFEST] = entries[MANIFEST].replace(size, b'"size_bytes": 1')

    rewritten(pack[0], changed)


DAMAGES = [
    *(cut, cut_at_the_end, lose, make_empty, flip_a_byte, swap_parts, leave_the_folder, name_a_place, add_a_piece),
    *(compress, double_a_piece, drop_the_manifest, other_names, other_hash, lie_about_the_parts, lie_about_a_size),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_that_a_package_that_is_not_right_is_refused(
    offline: Runtimes, parts: Parts, pack: list[Path], tmp_path: Path, damage: Change
) -> None:
    damage(pack)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(EnginePackError) as caught:
        import_pack(offline, pack[0], parts.new_lock, quiet())
    assert caught.value.hint
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    right = {wheel.filename: wheel.content for wheel in parts.new}
    for path in new - {offline.folder / "install.lock"}:
        assert path.parent == offline.wheelhouse.folder
        assert path.read_bytes() == right[path.name]


def test_that_a_missing_part_is_named(offline: Runtimes, parts: Parts, pack: list[Path]) -> None:
    lose(pack)
    with pytest.raises(EnginePackError) as caught:
        import_pack(offline, pack[0], parts.new_lock, quiet())
    assert pack[1].name in caught.value.message


def test_that_parts_of_two_packages_are_not_mixed(
    offline: Runtimes, parts: Parts, pack: list[Path], wheels: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_pack(parts.new_lock, plan_of(parts), wheels, tmp_path / "other", part_bytes=PART_BYTES + 1)
    assert len(other) == len(pack)
    shutil.copyfile(other[2], pack[2])
    with pytest.raises(EnginePackError) as caught:
        import_pack(offline, pack[0], parts.new_lock, quiet())
    assert "another" in caught.value.message


def test_that_a_package_of_another_version_is_refused(
    offline: Runtimes, parts: Parts, pack: list[Path], tmp_path: Path
) -> None:
    newer = lock_of([build_wheel(tmp_path, "engine", "9.0", {"engine/__init__.py": b""}), parts.new[1]])
    with pytest.raises(EnginePackError) as caught:
        import_pack(offline, pack[0], newer, quiet())
    assert part_name(newer.kind, newer.digest, 1, 3) in caught.value.hint


@pytest.mark.parametrize("name", ["absent.zip", "folder"])
def test_that_what_is_no_file_is_refused(offline: Runtimes, parts: Parts, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(EnginePackError):
        import_pack(offline, tmp_path / name, parts.new_lock, quiet())


def test_that_a_package_is_made_again_where_a_wheel_is_short(tmp_path: Path, parts: Parts, wheels: Path) -> None:
    (tmp_path / "out").mkdir()
    os.truncate(wheels / parts.new[2].filename, 1_000)
    with pytest.raises(OSError, match="shorter"):
        make_pack(parts.new_lock, plan_of(parts), wheels, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_that_addresses_that_are_known_are_kept(
    tmp_path: Path, tools: BuildTools, server: WheelServer, parts: Parts, pack: list[Path]
) -> None:
    server.add(*parts.everything)
    online = runtimes_in(tmp_path / "rt", tools, server.url)
    online.install(parts.new_lock, quiet(), works)
    import_pack(online, pack[0], parts.new_lock, quiet())
    plan = online.wheelhouse.plan_of(parts.new_lock)
    assert plan is not None
    assert all(wheel.url.startswith(server.url) for wheel in plan.wheels)
