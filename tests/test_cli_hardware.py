"""The command `hardware`, as a user types it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.hardware import PROFILES, load, path_of
from wan_desktop.cli import hardware as command
from wan_desktop.cli import main
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.hardware import read_profile
from wan_desktop.core.measured_speed import SpeedStore
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


# The speed test ------------------------------------------------------------------------------------------------------

FAKE_ENGINE = (sys.executable, "-m", "tests.fakes.fake_engine")


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """An engine of round numbers, in a PC that is on paper."""

    def use(scenario: str, pc: str) -> None:
        monkeypatch.setattr(command, "engine_client", lambda *_: EngineClient((*FAKE_ENGINE, scenario)))
        monkeypatch.setattr(command, "probe", lambda **_: load(pc))
        monkeypatch.setattr(command, "_PART_S", 0.01)

    return use


def test_that_the_real_engine_measures_this_pc(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_PART_S", 0.01)
    code, out, _ = run("--measure-speed", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [event["event"] for event in events[:-1]] == ["progress"] * (len(events) - 1)
    processor = events[-1]["reports"][-1]
    found = {(part["kind"], part["name"]): part for part in processor["parts"]}
    assert processor["device"] == "cpu"
    assert found["products", "float32"]["per_s"] > 1e8
    assert ("disk", "read") in found or len(events[-1]["reports"]) > 1
    kept = SpeedStore(tmp_path / "data" / "measured-speed.json").load().of(torch_version="")
    assert kept is not None
    assert kept.torch_version == processor["torch_version"]


def test_that_speeds_are_told_as_a_table(run: Run, fake_engine: Callable[[str, str], None], tmp_path: Path) -> None:
    fake_engine("ok", DESKTOP)
    code, out, err = run("--measure-speed")
    assert code == 0
    assert "  matrix products, bfloat16         50 TFLOP/s" in out
    assert "  matrix products, float8           off: Not on this card." in out
    assert "  attention, cudnn kernel           wrong: It differs by 0.7." in out
    assert "  copies to the card, pinned        20 GB/s" in out
    assert out.count("reading model files") == 1
    assert "1/6 matrix products, bfloat16" in err
    gpu = load(DESKTOP).gpus[0]
    speeds = SpeedStore(tmp_path / "data" / "measured-speed.json").load()
    assert speeds.of(gpu.uuid, gpu.driver_version, "none") is not None
    assert speeds.of(torch_version="none") is not None


def test_that_an_engine_that_dies_is_an_error_and_nothing_is_kept(
    run: Run, fake_engine: Callable[[str, str], None], tmp_path: Path
) -> None:
    fake_engine("dies", DESKTOP)
    code, _, err = run("--measure-speed")
    assert code == 1
    assert "engine" in err
    assert not (tmp_path / "data" / "measured-speed.json").exists()


def test_that_another_pc_cannot_be_measured(run: Run) -> None:
    code, _, err = run("--measure-speed", "--hardware", str(path_of(DESKTOP)))
    assert code == 1
    assert "--hardware" in err
