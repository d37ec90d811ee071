"""Settings survive rubbish."""

import json
from pathlib import Path

import pytest

from wan_desktop.core.errors import SettingsError
from wan_desktop.core.settings import Settings, Theme, load_settings, save_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "settings.json"


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_that_no_file_gives_the_defaults(file: Path) -> None:
    assert load_settings(file) == Settings()


def test_that_settings_come_back(file: Path) -> None:
    settings = Settings(theme=Theme.LIGHT, text_scale=1.25, videos_folder=Path("/videos"), live_preview=False)
    save_settings(settings, file)
    assert load_settings(file) == settings


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"0" * 100_000, b'{"theme": "dark"'],
    ids=lambda c: repr(c[:8]),
)
def test_that_rubbish_gives_the_defaults_and_is_kept(file: Path, content: bytes) -> None:
    write(file, content)
    assert load_settings(file) == Settings()
    assert file.with_suffix(".json.broken").read_bytes() == content


def test_that_a_bad_value_is_replaced_and_the_good_ones_stay(file: Path) -> None:
    write(file, json.dumps({"theme": "purple", "text_scale": 9.0, "live_preview": False}).encode())
    assert load_settings(file) == Settings(live_preview=False)


def test_that_unknown_keys_of_a_newer_version_are_written_back(file: Path) -> None:
    write(file, json.dumps({"version": 7, "shiny": [1, 2]}).encode())
    save_settings(load_settings(file), file)
    assert json.loads(file.read_text(encoding="utf-8"))["shiny"] == [1, 2]


def test_that_a_broken_file_falls_back_to_the_settings_before(file: Path) -> None:
    save_settings(Settings(theme=Theme.LIGHT), file)
    save_settings(Settings(theme=Theme.DARK), file)
    write(file, b"\0\0\0")
    assert load_settings(file).theme == Theme.LIGHT


def test_that_a_folder_that_cannot_be_written_is_an_error_with_the_old_file_untouched(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="could not be written"):
        save_settings(Settings(), tmp_path / "file" / "settings.json")


def test_that_no_part_file_is_left(file: Path) -> None:
    save_settings(Settings(), file)
    assert [f.name for f in file.parent.iterdir()] == ["settings.json"]
