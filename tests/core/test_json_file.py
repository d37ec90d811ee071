"""A small file of one record: what is damaged is set aside and told, what is whole comes back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wan_desktop.core.json_file import JsonFile, read_json


@dataclass(frozen=True, slots=True)
class Kept:
    """What the file holds."""

    name: str
    numbers: Mapping[str, int] = field(default_factory=dict)


KEPT = Kept("a fox", {"one": 1})


def test_that_a_record_comes_back(tmp_path: Path) -> None:
    file = JsonFile(tmp_path / "new" / "kept.json", Kept)
    assert file.read() is None
    file.write(KEPT)
    assert file.read() == KEPT
    assert read_json(tmp_path / "new" / "kept.json", limit_bytes=1000)["format"] == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["kept.json"]


def test_that_a_file_without_a_format_takes_one_of_any(tmp_path: Path) -> None:
    JsonFile(tmp_path / "kept.json", Kept, file_format=None).write(KEPT)
    assert "format" not in read_json(tmp_path / "kept.json", limit_bytes=1000)
    assert JsonFile(tmp_path / "kept.json", Kept, file_format=None).read() == KEPT
    assert JsonFile(tmp_path / "kept.json", Kept).read() is None


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 100_000, b" " * 300_000),
        *(b'{"format": 2, "name": "x"}', b'{"format": 1}', b'{"format": 1, "name": 5}'),
        b'{"format": 1, "name": "x", "numbers": {"a": "b"}}',
    ],
    ids=lambda content: repr(content[:40]),
)
def test_that_a_damaged_file_is_set_aside_and_told(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(content)
    file = JsonFile(path, Kept, limit_bytes=200_000)
    with caplog.at_level(logging.WARNING):
        assert file.read() is None
    assert (tmp_path / "kept.json.unreadable").read_bytes() == content
    assert "set aside as kept.json.unreadable" in caplog.text
    assert file.read() is None
    file.write(KEPT)
    assert file.read() == KEPT


def test_that_a_folder_in_its_place_is_told_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "kept.json" / "inside").mkdir(parents=True)
    file = JsonFile(tmp_path / "kept.json", Kept)
    assert file.read() is None
    assert file.try_write(KEPT)
    assert file.read() == KEPT


def test_that_a_refused_write_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    file = JsonFile(tmp_path / "file" / "kept.json", Kept)
    assert not file.try_write(KEPT)
    with pytest.raises(OSError, match="file"):
        file.write(KEPT)


def test_that_without_a_path_nothing_is_kept() -> None:
    file = JsonFile(None, Kept)
    assert file.try_write(KEPT)
    assert file.read() is None
