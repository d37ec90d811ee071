"""What is learned from renders: close to what was measured, narrower each time, and never broken by a file."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wan_desktop.core.calibration import Calibration, CalibrationStore, MeasuredRun, Prediction, Ratio
from wan_desktop.core.load_plan import LoadPlan

PREDICTION = Prediction(
    device="GPU-1",
    family="40x5120x2-z16",
    plan_kind="blocks/bfloat16",
    size_class="t30",
    seconds={"load_model": 20.0, "create_frames": 400.0},
    vram_bytes=8_000,
    ram_bytes=16_000,
)
RUN = MeasuredRun({"load_model": 30.0, "create_frames": 500.0, "save_video": 0.1}, 9_000, 20_000)


@dataclass(frozen=True)
class Told:
    prediction: Prediction | None = PREDICTION


def test_that_a_run_is_learned_by_stage() -> None:
    entry = Calibration().learn(PREDICTION, RUN).entry(PREDICTION)
    assert entry is not None
    assert {name: ratio.factor for name, ratio in entry.seconds.items()} == {"load_model": 1.5, "create_frames": 1.25}
    assert (entry.vram.factor, entry.ram.factor) == (1.125, 1.25)
    assert entry.size_classes == ("t30",)


def test_that_a_stage_that_was_skipped_teaches_nothing() -> None:
    entry = Calibration().learn(PREDICTION, MeasuredRun({"create_frames": 500.0}, 0)).entry(PREDICTION)
    assert entry is not None
    assert set(entry.seconds) == {"create_frames"}
    assert entry.vram.runs == entry.ram.runs == 0


def test_that_a_model_that_was_in_memory_already_does_not_make_loading_fast() -> None:
    entry = Calibration().learn(PREDICTION, MeasuredRun({"load_model": 0.01}, 0)).entry(PREDICTION)
    assert entry is not None
    assert entry.seconds == {}


@pytest.mark.parametrize("ratio", [0.0001, 1e6])
def test_that_what_cannot_be_the_same_thing_is_not_learned(ratio: float) -> None:
    assert Ratio(1.2, 0.0, 3).learn(ratio) == Ratio(1.2, 0.0, 3)


@given(st.lists(st.floats(0.05, 20.0), min_size=1, max_size=30))
def test_that_the_factor_stays_within_what_was_measured(ratios: list[float]) -> None:
    learned = Ratio()
    for ratio in ratios:
        learned = learned.learn(ratio)
    assert min(ratios) * 0.999 <= learned.factor <= max(ratios) * 1.001
    assert learned.runs == len(ratios)
    assert learned.width >= 1.05


def test_that_newer_runs_count_more() -> None:
    learned = Ratio()
    for ratio in [1.0] * 50 + [2.0] * 8:
        learned = learned.learn(ratio)
    assert learned.factor == pytest.approx(2.0, rel=0.1)


def test_that_runs_that_differ_keep_the_range_wide() -> None:
    steady, restless = Ratio(), Ratio()
    for number in range(20):
        steady, restless = steady.learn(1.0), restless.learn(0.5 if number % 2 else 2.0)
    assert steady.width < 1.1
    assert restless.width > 2.0


def test_that_what_was_learned_is_there_again(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "deep" / "calibration.json")
    assert store.load() == Calibration()
    store.learn(Told(), RUN)
    learned = store.learn(Told(), RUN, LoadPlan(name="blocks"), "wan2.2-t2v-a14b", "832x480x81")
    again = CalibrationStore(tmp_path / "deep" / "calibration.json").load()
    assert again == learned
    assert again.runs == 2
    entry = again.entry(PREDICTION)
    assert entry is not None
    assert entry.last == "wan2.2-t2v-a14b blocks 832x480x81"


def test_that_an_estimate_without_numbers_teaches_nothing(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "calibration.json")
    assert store.learn(Told(None), RUN) == Calibration()
    assert not (tmp_path / "calibration.json").exists()


def test_that_all_can_be_forgotten(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path / "calibration.json")
    store.learn(Told(), RUN)
    store.forget()
    assert store.load() == CalibrationStore(tmp_path / "calibration.json").load() == Calibration()


_RUBBISH = {
    "empty": b"",
    "no-json": b"{",
    "no-text": b"\xff\xfe\x00",
    "a-list": b"[]",
    "deep": b"[" * 100_000,
    "other-format": b'{"format": 99, "entries": {}}',
    "wrong-type": b'{"format": 1, "entries": 5}',
    "no-ratio": b'{"format": 1, "entries": {"a": {"vram": {"factor": -1, "spread": 0, "runs": 1}}}}',
    "no-number": b'{"format": 1, "entries": {"a": {"seconds": {"x": {"factor": NaN}}}}}',
    "too-large": b" " * 3_000_000,
}


@pytest.mark.parametrize("content", _RUBBISH.values(), ids=_RUBBISH.keys())
def test_that_a_rubbish_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "calibration.json"
    file.write_bytes(content)
    store = CalibrationStore(file)
    assert store.load() == Calibration()
    assert (tmp_path / "calibration.json.unreadable").read_bytes() == content
    store.learn(Told(), RUN)
    assert CalibrationStore(file).load().runs == 1


def test_that_a_folder_in_the_files_place_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    (file / "inside").mkdir(parents=True)
    store = CalibrationStore(file)
    store.learn(Told(), RUN)
    assert store.load().runs == 1


def test_that_the_file_does_not_grow_without_end(tmp_path: Path) -> None:
    calibration = Calibration()
    for number in range(500):
        other = Prediction("cpu", f"family {number}", "resident", "t1", {"create_frames": 1.0})
        calibration = calibration.learn(other, MeasuredRun({"create_frames": 1.0}, 0))
    assert len(calibration.entries) == 400
    assert calibration.entry(other) is not None


def test_that_the_file_can_be_read_by_people(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    CalibrationStore(file).learn(Told(), RUN, model_id="wan2.2-t2v-a14b")
    assert json.loads(file.read_text(encoding="utf-8"))["entries"][PREDICTION.key]["last"] == "wan2.2-t2v-a14b"
