"""The scenes of which pictures are taken: their names, and that three of them come about."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SCENES = ("settings_general", "help_shortcuts", "queue_empty")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as somebody would give it."""
    command = [sys.executable, str(ROOT / "tools" / "take_pictures.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


def test_that_every_scene_has_a_name_of_its_own() -> None:
    listed = run("--list")
    assert listed.returncode == 0, listed.stderr
    names = [line.strip() for line in listed.stdout.splitlines() if line.startswith("  ")]
    assert len(names) == len(set(names))
    assert set(SCENES) <= set(names)


def test_that_an_unknown_scene_is_refused(tmp_path: Path) -> None:
    refused = run("--only", "nothing", "--out", str(tmp_path))
    assert refused.returncode == 2
    assert "nothing" in refused.stderr


@pytest.mark.slow
def test_that_three_scenes_are_taken_in_one_look(tmp_path: Path) -> None:
    only = [word for scene in SCENES for word in ("--only", scene)]
    taken = run("--look", "minimum", "--out", str(tmp_path), *only)
    assert taken.returncode == 0, taken.stderr
    for scene in SCENES:
        with Image.open(tmp_path / "minimum" / f"{scene}.png") as picture:
            assert picture.size == (1100, 640)
            assert len(picture.convert("RGB").getcolors(1100 * 640) or ()) > 10
