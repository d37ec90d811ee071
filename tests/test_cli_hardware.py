"""The command `hardware`, as a user types it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.hardware import PROFILES, load, path_of
from wan_desktop.cli import main
from wan_desktop.core.hardware import read_profile
from wan_desktop.core.paths import AppPaths

Run = Callable[..., tuple[int, str, str]]
DESKTOP = "rtx-3060-12gb-32gb"


@pytest.fixture
def run(tmp_path: Path, resources: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    home = AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)

    def call(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["hardware", *argv], home)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_that_this_pc_is_told_in_words(run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "Memory: " in out
    assert " cores" in out


def test_that_the_json_of_this_pc_is_taken_back(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("--json")
    file = tmp_path / "this-pc.json"
    file.write_text(out, "utf-8")
    again_code, again, _ = run("--hardware", str(file), "--json")
    assert (code, again_code) == (0, 0)
    assert json.loads(again) == json.loads(out)
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize("name", PROFILES)
def test_that_any_pc_can_be_shown_on_paper(name: str, run: Run, tmp_path: Path) -> None:
    code, words, _ = run("--hardware", str(path_of(name)))
    profile = load(name)
    assert code == 0
    assert all(gpu.name in words and gpu.uuid in words for gpu in profile.gpus)
    assert all(problem.text in words and problem.hint in words for problem in profile.problems)
    file = tmp_path / "again.json"
    file.write_text(run("--hardware", str(path_of(name)), "--json")[1], "utf-8")
    assert read_profile(file) == profile


def test_that_a_card_is_described_with_what_decides(run: Run) -> None:
    _, words, _ = run("--hardware", str(path_of(DESKTOP)))
    assert "NVIDIA GeForce RTX 3060: 11.0 GiB of 12.0 GiB free, others use 0.8 GiB" in words
    assert "ampere, compute capability 8.6, PCIe 4 x16; driver 581.80, CUDA 13.0" in words
    assert "C:\\: nvme, NTFS, 420.0 of 1000.0 GB free, reads 2.80 GB/s" in words
    assert "page file 3.8 GiB, managed by the system" in words


def test_that_a_laptop_on_battery_says_so(run: Run) -> None:
    _, words, _ = run("--hardware", str(path_of("rtx-4060-laptop-8gb-16gb")))
    assert words.splitlines()[-1].endswith("10 cores, laptop, on battery")


def test_that_a_file_of_something_else_is_an_error_with_a_next_step(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    file.write_text("{}", "utf-8")
    code, out, err = run("--hardware", str(file))
    assert (code, out) == (1, "")
    assert "WAN-5007" in err
    assert "hardware --json" in err
    code, out, _ = run("--hardware", str(file), "--json")
    assert (code, json.loads(out)["code"]) == (1, "hardware-file")


def test_that_the_drives_are_measured_on_request(run: Run) -> None:
    code, out, _ = run("--measure", "--json")
    speeds = [drive["read_bytes_per_s"] for drive in json.loads(out)["drives"]]
    assert code == 0
    assert all(speed is None or speed > 0 for speed in speeds)


def test_that_the_program_itself_answers_without_torch_or_qt(tmp_path: Path) -> None:
    script = "import sys; from wan_desktop.app import main; code = main(['hardware', '--json']);"
    script += "sys.exit(code or any(name in sys.modules for name in ('torch', 'PySide6', 'diffusers')))"
    environment = os.environ | {"WAN_DESKTOP_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["event"] == "done"
