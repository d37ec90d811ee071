"""Names of new videos."""

from datetime import datetime
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.rendering import video_path

NOW = datetime(2026, 11, 24, 4, 39, 25)  # noqa: DTZ001 - a clock on the wall


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a red fox", "2026-11-24 04.39.25 a red fox.mp4"),
        (
            "a red circle moving right on a black background",
            "2026-11-24 04.39.25 a red circle moving right on a black.mp4",
        ),
        ('what? "a/b" <c>: d|e*', "2026-11-24 04.39.25 what ab c de.mp4"),
        ("", "2026-11-24 04.39.25.mp4"),
        ("...", "2026-11-24 04.39.25.mp4"),
        ("ein Fuchs im Schnee, 狐", "2026-11-24 04.39.25 ein Fuchs im Schnee, 狐.mp4"),
    ],
)
def test_that_the_name_says_when_and_what(tmp_path: Path, prompt: str, name: str) -> None:
    assert video_path(tmp_path, prompt, NOW).name == name


@pytest.mark.parametrize(
    ("pattern", "prompt", "name"),
    [
        ("{prompt} ({date})", "a red fox", "a red fox (2026-11-24).mp4"),
        ("Wan {time}", "a red fox", "Wan 04.39.25.mp4"),
        ("{prompt}", "...", "2026-11-24 04.39.25.mp4"),
        ("{prompt}", "nul", "video nul.mp4"),
        ("{prompt}.", "COM1", "video COM1.mp4"),
    ],
)
def test_that_the_pattern_of_the_settings_is_used(tmp_path: Path, pattern: str, prompt: str, name: str) -> None:
    assert video_path(tmp_path, prompt, NOW, pattern).name == name


def test_that_no_video_is_overwritten(tmp_path: Path) -> None:
    first = video_path(tmp_path, "a fox", NOW)
    first.write_bytes(b"")
    assert not video_path(tmp_path, "a fox", NOW).exists()


@given(st.text(max_size=300))
def test_that_any_prompt_gives_a_name_windows_takes(prompt: str) -> None:
    name = video_path(Path("videos"), prompt, NOW).name
    assert PureWindowsPath(name).name == name
    assert not set(name) & set('<>:"/\\|?*')
    assert all(ord(character) >= 32 for character in name)
    assert not name.removesuffix(".mp4").endswith((" ", "."))
