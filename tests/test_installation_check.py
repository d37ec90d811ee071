"""`--self-test` says of every part whether it works, and never blames one for another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_CHECK = """
import sys
from pathlib import Path
for name in {absent!r}:
    sys.modules[name] = None
from wan_desktop.installation_check import run_check
raise SystemExit(run_check({arguments!r}, resources=Path({resources!r})))
"""


def check(
    tmp_path: Path, resources: Path, *, arguments: tuple[str, ...] = (), absent: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """In a process of its own: it makes Qt's application."""
    code = _CHECK.format(absent=absent, arguments=list(arguments), resources=str(resources))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "WAN_DESKTOP_HOME": str(tmp_path / "home"),
        "QT_QPA_PLATFORM": "offscreen",
    }
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=300
    )


@pytest.mark.slow
def test_that_a_whole_program_passes_and_leaves_nothing(tmp_path: Path, resources: Path) -> None:
    report = tmp_path / "report.txt"
    done = check(tmp_path, resources, arguments=(str(report),))
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[1] for line in lines[:-1]] == ["program", "resources", "catalog", "models", "window", "engine"]
    assert all(line.startswith("ok ") for line in lines[:-1])
    assert lines[-1] == "6 of 6 parts work."
    assert "this-pc" in done.stdout
    assert "torch" in done.stdout
    assert report.read_text(encoding="utf-8").splitlines() == lines
    assert list(tmp_path.iterdir()) == [report]


def test_that_missing_resources_are_named(tmp_path: Path) -> None:
    resources = tmp_path / "resources"
    resources.mkdir()
    done = check(tmp_path, resources)
    assert done.returncode == 1
    found = next(line for line in done.stdout.splitlines() if " resources " in line)
    assert found.startswith("FAILED")
    assert all(name in found for name in ("fonts", "icons", "translations", "models"))


def test_that_a_damaged_catalog_is_named_and_the_rest_is_looked_at(tmp_path: Path, resources: Path) -> None:
    own = tmp_path / "resources"
    shutil.copytree(resources, own)
    (own / "catalog" / "shapes.json").write_text("{", encoding="utf-8")
    done = check(tmp_path, own)
    verdicts = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()[:-1]}
    assert done.returncode == 1
    assert verdicts["catalog"] == "FAILED"
    assert verdicts["resources"] == verdicts["models"] == verdicts["window"] == "ok"


def test_that_an_error_in_the_window_is_a_failure(tmp_path: Path, resources: Path) -> None:
    """One page's module is broken: the window goes on, as it should, but the check must not."""
    done = check(tmp_path, resources, absent=("wan_desktop.ui.this_pc.page",))
    verdicts = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()[:-1]}
    assert done.returncode == 1
    assert verdicts["window"] == "FAILED"


def test_that_a_window_that_cannot_open_is_a_failure(tmp_path: Path, resources: Path) -> None:
    done = check(tmp_path, resources, absent=("PySide6.QtWidgets",))
    verdicts = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()[:-1]}
    assert done.returncode == 1
    assert verdicts["window"] == "FAILED"
    assert verdicts["catalog"] == "ok"
