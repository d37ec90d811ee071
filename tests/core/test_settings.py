"""Settings survive rubbish."""

import dataclasses
import json
from pathlib import Path

import pytest

from wan_desktop.core.attention import Attention
from wan_desktop.core.errors import SettingsError
from wan_desktop.core.settings import (
    LogLevel,
    MemoryMode,
    Settings,
    StartPage,
    Theme,
    VideoQuality,
    check_address,
    check_name_pattern,
    load_settings,
    save_settings,
)

EVERYTHING = Settings(
    language="de",
    start_page=StartPage.LIBRARY,
    theme=Theme.DARK,
    text_scale=1.2,
    videos_folder=Path("/videos"),
    live_preview=False,
    model_folders=(Path("/models"), Path("/more")),
    download_limit_bytes_per_s=5_000_000,
    pause_while_rendering=True,
    endpoint="https://mirror.example",
    proxy="http://proxy.example:8080",
    package_index="https://index.example/simple",
    torch_index="https://torch.example/whl",
    memory_mode=MemoryMode.SAVE,
    may_use_smaller_variant=True,
    may_use_other_model=True,
    gpu_uuid="GPU-1",
    attention=Attention.FLASH,
    name_pattern="{prompt} ({date})",
    write_recipes_into_files=False,
    save_png_frames=True,
    video_quality=VideoQuality.STANDARD,
    notify_done=False,
    notify_problems=False,
    notify_downloads=False,
    notify_with_sound=True,
    update_check=True,
    log_level=LogLevel.DETAILED,
)
"""Every field that a person sets has another value than its default."""


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


def test_that_every_setting_comes_back(file: Path) -> None:
    names = {field.name for field in dataclasses.fields(Settings)} - {"version", "wizard_done", "unknown"}
    assert EVERYTHING.changed() == names
    save_settings(EVERYTHING, file)
    assert load_settings(file) == EVERYTHING


def test_that_settings_can_be_reset_one_by_one_and_all_together() -> None:
    assert EVERYTHING.reset("theme", "proxy").changed() == EVERYTHING.changed() - {"theme", "proxy"}
    after = EVERYTHING.with_changes(unknown={"shiny": 1}, wizard_done=True).reset()
    assert after == Settings(unknown={"shiny": 1}, wizard_done=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("language", "German"),
        ("language", "../de"),
        ("start_page", "shop"),
        ("text_scale", 0.5),
        ("download_limit_bytes_per_s", 1),
        ("endpoint", "mirror"),
        ("endpoint", "ftp://mirror.example"),
        ("proxy", "http://user:word@proxy.example"),
        ("proxy", "proxy.example:8080"),
        ("proxy", "http://proxy.example:99999"),
        ("attention", "telepathy"),
        ("name_pattern", ""),
        ("name_pattern", "always the same"),
        ("name_pattern", "{prompt"),
        ("name_pattern", "{prompt.__class__}"),
        ("name_pattern", "{date!r}"),
        ("name_pattern", "../{prompt}"),
        ("name_pattern", "{prompt}" + "x" * 100),
        ("log_level", "loud"),
        ("save_png_frames", "yes"),
    ],
)
def test_that_a_value_that_cannot_be_is_replaced_by_its_default(file: Path, name: str, value: object) -> None:
    write(file, json.dumps({name: value, "theme": "dark"}).encode())
    assert load_settings(file) == Settings(theme=Theme.DARK)


@pytest.mark.parametrize("address", ["https://hub.example", "http://10.0.0.1:3128", "http://[::1]:8080"])
def test_that_addresses_of_servers_are_taken(address: str) -> None:
    check_address("proxy", address)


@pytest.mark.parametrize("pattern", ["{date} {time} {prompt}", "{prompt}", "Wan {date}-{time}", "a {{b}} {time}"])
def test_that_patterns_of_names_are_taken(pattern: str) -> None:
    check_name_pattern(pattern)


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
