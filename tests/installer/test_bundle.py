"""The frozen program, where one was made (`python3 dev.py freeze`): it works, and libraries open no second window."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from installer import common, freeze

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def folder_of(kind: str) -> Path:
    """Its folder."""
    folder = freeze.OUTPUT / freeze.SPECS[kind][1]
    if not freeze.program_in(folder).exists():
        pytest.skip(f"{folder} was not made: python3 dev.py freeze {kind}")
    return folder


def run(folder: Path, *arguments: str, name: str = common.CONSOLE) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for variable in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environment.pop(variable, None)
    return subprocess.run(
        [str(freeze.program_in(folder, name)), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
        timeout=500,
    )


@pytest.fixture(params=["window", "full"])
def program(request: pytest.FixtureRequest) -> Path:
    """Each of the two, where it is."""
    return folder_of(request.param)


@pytest.mark.parametrize("name", [common.WINDOW, common.CONSOLE])
def test_that_every_part_of_it_works(program: Path, name: str, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    done = run(program, "--self-test", str(report), name=name)
    lines = report.read_text(encoding="utf-8").splitlines()
    assert done.returncode == 0, lines
    assert lines[-1] == "6 of 6 parts work."


def test_that_it_answers_as_an_interpreter(program: Path) -> None:
    done = run(program, "-I", "-c", "import sys; print('PySide6' in sys.modules, sys.argv[1:])", "a b")
    assert done.stdout.split(maxsplit=1) == ["False", "['a b']\n"]
    assert run(program, "-m", "wan_desktop.core.nvml").stdout.startswith("{")
    assert run(program, "-c", "raise SystemExit(3)").returncode == 3


def test_that_the_window_comes_without_the_engines_libraries() -> None:
    program = folder_of("window")
    names = {path.name.lower() for path in (program / common.CONTENTS).iterdir()}
    assert not names & {"torch", "diffusers", "transformers", "accelerate"}
    code = "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('diffusers'))"
    assert run(program, "-c", code).stdout.split() == ["None", "None"]


def test_that_the_engines_sources_can_be_run_by_another_interpreter(program: Path) -> None:
    """As the engine's own runtime does: from the frozen folder, and from nothing else of it."""
    sources = program / common.CONTENTS / common.SOURCES
    assert {path.name for path in sources.iterdir()} == {"wan_desktop", "resources"}
    code = "from wan_desktop.core.paths import resources_folder; import wan_desktop.engine; print(resources_folder())"
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, cwd=sources
    )
    assert found.stdout.strip() == str(sources / "resources")


def test_that_licences_of_qt_and_of_us_are_in_it(program: Path) -> None:
    licences = program / common.CONTENTS / common.LICENCES
    assert (licences / "LICENSE").is_file()
    assert (licences / "PySide6_Essentials" / "LGPL-3.0.txt").is_file()


def test_that_the_frozen_program_makes_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PNG: the same pictures do not always give the same mp4, as its encoder works in threads."""
    monkeypatch.setenv("WAN_DESKTOP_HOME", str(tmp_path / "home"))
    program = folder_of("full")
    asked = ["render", "--prompt", "a red circle on a black background", "--seed", "7", "--num-frames", "9"]
    folders = {name: tmp_path / name for name in ("frozen", "source")}
    for folder in folders.values():
        folder.mkdir()
    done = run(program, *asked, "--png-frames", "--out", str(folders["frozen"] / "a.mp4"))
    assert done.returncode == 0, done.stderr
    command = [sys.executable, str(ROOT / "main.py"), *asked, "--png-frames", "--out", str(folders["source"] / "a.mp4")]
    subprocess.run(command, check=True, timeout=500)
    frozen, source = (pictures_in(folder) for folder in folders.values())
    assert len(frozen) == 9
    assert np.array_equal(frozen, source)


def pictures_in(folder: Path) -> np.ndarray:
    """All PNGs below it, in the order of their names: frame, height, width, channel."""
    return np.stack([np.asarray(Image.open(file)) for file in sorted(folder.rglob("*.png"))])
