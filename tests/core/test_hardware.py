"""Profiles as data: written down, read back, and rubbish refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hardware import PROFILES, load, path_of
from wan_desktop.core.errors import HardwareFileError
from wan_desktop.core.hardware import HardwareProfile, MemoryInfo, profile_to_json, read_profile

BIG_AND_SMALL = "rtx-4090-and-3060-64gb"


@pytest.mark.parametrize("name", PROFILES)
def test_that_a_profile_survives_json(name: str, tmp_path: Path) -> None:
    profile = load(name)
    file = tmp_path / "pc.json"
    file.write_text(profile_to_json(profile), "utf-8")
    assert read_profile(file) == profile


def test_that_there_are_enough_pcs_and_all_are_told_apart() -> None:
    profiles = [load(name) for name in PROFILES]
    uuids = [gpu.uuid for profile in profiles for gpu in profile.gpus]
    assert len(profiles) >= 16
    assert len({profile_to_json(profile) for profile in profiles}) == len(profiles)
    assert len({gpu.compute_capability for profile in profiles for gpu in profile.gpus}) >= 4
    assert all(uuid.startswith("GPU-") for uuid in uuids)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_that_what_a_windows_console_wrote_is_read(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "pc.json"
    file.write_text(path_of(BIG_AND_SMALL).read_text("utf-8"), encoding)
    assert read_profile(file) == load(BIG_AND_SMALL)


def test_that_unknown_fields_and_an_event_name_do_no_harm(tmp_path: Path) -> None:
    data = plain(BIG_AND_SMALL) | {"event": "done", "of_a_later_version": 1}
    assert read_profile(written(tmp_path, data)) == load(BIG_AND_SMALL)


def plain(name: str) -> dict[str, Any]:
    return dict(json.loads(path_of(name).read_text("utf-8")))


def written(folder: Path, data: Any) -> Path:
    file = folder / "pc.json"
    file.write_text(json.dumps(data), "utf-8")
    return file


def with_value(data: Any, *keys: Any, value: Any) -> Any:
    if not keys:
        return value
    changed = list(data) if isinstance(data, list) else dict(data)
    changed[keys[0]] = with_value(changed[keys[0]], *keys[1:], value=value)
    return changed


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("gpus", 0, "total_bytes"), "12 GB", "total_bytes"),
        (("gpus", 0, "compute_capability"), [8], "compute_capability"),
        (("gpus", 1, "free_bytes"), 10**15, r"gpus\[1\].free_bytes is more than the card has"),
        (("gpus", 0, "free_bytes"), -1, r"gpus\[0\].free_bytes is below zero"),
        (("memory", "commit_limit_bytes"), -1, "commit_limit_bytes is below zero"),
        (("memory",), None, "memory"),
        (("drives", 0, "kind"), "floppy", "floppy"),
        (("drives", 0, "read_bytes_per_s"), 0, "above zero"),
        (("gpus", 1, "uuid"), "", "uuid"),
        (("problems",), [{"code": "too-loud", "text": "", "hint": ""}], "too-loud"),
    ],
)
def test_that_a_value_that_cannot_be_is_named(keys: tuple[Any, ...], value: Any, words: str, tmp_path: Path) -> None:
    file = written(tmp_path, with_value(plain(BIG_AND_SMALL), *keys, value=value))
    with pytest.raises(HardwareFileError, match=words):
        read_profile(file)


def test_that_two_cards_cannot_share_a_uuid(tmp_path: Path) -> None:
    data = plain(BIG_AND_SMALL)
    data["gpus"][1]["uuid"] = data["gpus"][0]["uuid"].upper()
    with pytest.raises(HardwareFileError, match="uuid of its own"):
        read_profile(written(tmp_path, data))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe\x00",
        b"\x89PNG\r\n\x1a\n",
        b"[" * 100_000,
        b'{"gpus": [], "memory": NaN}',
        b" " * 5_000_000,
    ],
    ids=["empty", "cut", "list", "object", "null", "half-utf-16", "png", "deep", "nan", "large"],
)
def test_that_rubbish_is_refused_with_a_next_step(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "pc.json"
    file.write_bytes(content)
    with pytest.raises(HardwareFileError) as caught:
        read_profile(file)
    assert "hardware --json" in caught.value.hint
    assert str(file) in caught.value.message


def test_that_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HardwareFileError, match="cannot be read"):
        read_profile(tmp_path / "absent.json")
    with pytest.raises(HardwareFileError, match="cannot be read"):
        read_profile(tmp_path)


def test_that_a_card_is_found_by_uuid_and_else_by_free_memory() -> None:
    profile = load(BIG_AND_SMALL)
    small, big = profile.gpus
    assert profile.gpu(small.uuid) == small
    assert profile.gpu(small.uuid.upper()) == small
    assert profile.gpu() == big
    assert profile.gpu("GPU-of-another-pc") is None
    assert load("no-card-laptop-8gb").gpu() is None


@pytest.mark.parametrize(
    ("name", "can"),
    [
        ("gtx-1660-super-6gb-16gb", (False, False, False)),
        ("rtx-3090-24gb-64gb-linux", (True, False, False)),
        ("rtx-4090-24gb-64gb", (True, True, False)),
        ("rtx-5090-32gb-96gb", (True, True, True)),
    ],
)
def test_that_number_formats_follow_the_compute_capability(name: str, can: tuple[bool, bool, bool]) -> None:
    gpu = load(name).gpus[0]
    assert (gpu.has_bfloat16, gpu.has_float8_math, gpu.has_float4_math) == can


def test_that_commit_headroom_is_never_below_zero() -> None:
    assert MemoryInfo(8, 4, 10, 7, 2).commit_free_bytes == 3
    assert MemoryInfo(8, 4, 10, 12, 2).commit_free_bytes == 0


def test_that_measurements_can_be_left_out() -> None:
    profile = load(BIG_AND_SMALL)
    without = profile.without_measurements()
    assert [drive.read_bytes_per_s for drive in without.drives] == [None] * len(profile.drives)
    assert isinstance(without, HardwareProfile)
    assert replace(without, drives=profile.drives) == profile
