"""`benchmarks.estimate_cuda` as far as it runs without a card: its dry run, its cases, its random models."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import estimate_cuda
from benchmarks.cuda_cases import CARD_BYTES, Case, Draw
from benchmarks.cuda_child import Measured, StepTimes
from benchmarks.estimate_cuda import NO_CARD, Bench, Contest, Row, Setting, Skipped, check_room, main
from benchmarks.random_models import ModelMaker, Packaging, RandomModel, real_models, shape_of_model, tiny_models
from wan_desktop.core.catalog import read_catalog
from wan_desktop.core.estimate import Estimate, Machine, estimate
from wan_desktop.core.ladder import Limits
from wan_desktop.core.load_plan import Placement
from wan_desktop.core.messages import Progress, Stage
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.model_shape import shape_of_entry, shape_of_folder
from wan_desktop.core.paths import resources_folder

ROOT = Path(__file__).parents[2]
_GIB = 1 << 30
MODELS = pytest.mark.parametrize("model", tiny_models(), ids=lambda model: model.model_id)


def _summary(output: str, title: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return next(line for line in lines if line["title"] == title)


# The script ----------------------------------------------------------------------------------------------------------


def test_that_without_a_card_one_line_says_that_nothing_was_measured() -> None:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}

    command = [sys.executable, "-m", "benchmarks.estimate_cuda"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)

    assert (done.returncode, done.stdout) == (0, f"{NO_CARD}\n")


def test_that_a_dry_run_prints_each_case_and_what_they_come_to(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main(["--dry-run", "--cases", "2", "--choices", "0", "--folder", str(tmp_path)])

    output = capfd.readouterr().out
    assert output.startswith("Dry run")
    rows = [line for line in output.splitlines() if line.lstrip()[:2] in ("1 ", "2 ")]
    cases = list(Draw(1, tiny=True).cases(2))
    assert {(case.name in row, case.plan.name in row) for case in cases for row in rows} >= {(True, True)}
    assert len(rows) == 2
    assert all(" fits " in row and "RAM" in row and row.endswith("done") for row in rows)
    assert "out of memory: 0 of 2 that fit on paper (goal: 0)" in output
    assert "skipped: 0" in output
    summary = _summary(output, "estimate_cuda memory")
    assert summary["run"] == summary["RAM"]["measured"] == 2
    assert summary["failed"] == summary["tensors"]["measured"] == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_that_a_dry_run_compares_the_planners_choice_with_all_that_fits(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main(["--dry-run", "--cases", "0", "--choices", "1", "--seed", "2", "--folder", str(tmp_path)])

    output = capfd.readouterr().out
    summary = _summary(output, "estimate_cuda choices")
    assert "cpu-keep" in output
    assert "cpu-cpu" in output
    assert output.count("chosen\n") == 1
    assert (summary["run"], summary["failed"]) == (1, 0)
    assert summary["largest"] >= 1
    assert not list(tmp_path.iterdir())


# What it makes of what was found -------------------------------------------------------------------------------------


@pytest.fixture
def case() -> Case:
    return next(Draw(1, tiny=True).cases(1))


@pytest.fixture
def cost(case: Case) -> Estimate:
    machine = Machine(case.card_bytes, case.card_bytes, (8, 0))
    return estimate(shape_of_model(case.model, case.packaging), case.workload, case.plan, machine)


@pytest.fixture
def summarise(
    case: Case, cost: Estimate, capsys: pytest.CaptureFixture[str]
) -> Callable[[list[tuple[bool, Measured]]], dict[str, Any]]:
    def run(found: list[tuple[bool, Measured]]) -> dict[str, Any]:
        estimate_cuda.summarise_memory([Row(case, fits, cost, measured) for fits, measured in found], ["no disk"])
        return _summary(capsys.readouterr().out, "estimate_cuda memory")

    return run


def test_that_errors_are_a_part_of_what_was_measured(case: Case, cost: Estimate) -> None:
    tensors = cost.prediction.vram_bytes if cost.prediction else 0
    found = Measured("done", 2 * tensors, cost.vram_peak_bytes - 1000, 1000, cost.ram_peak_bytes // 2)

    errors = Row(case, True, cost, found).errors

    assert errors == pytest.approx({"tensors": -0.5, "card": 0.0, "RAM": 1.0}, abs=1e-6)


def test_that_running_out_of_memory_counts_by_what_the_estimate_said(
    summarise: Callable[[list[tuple[bool, Measured]]], dict[str, Any]],
) -> None:
    out, done = Measured("out of video memory"), Measured("done", 1, 1, 1, 1)

    summary = summarise([(True, out), (True, done), (False, out), (False, Measured("out of memory"))])

    assert summary["out_of_memory_fitting"] == [1, 2]
    assert summary["out_of_memory_too_big"] == [2, 2]
    assert (summary["failed"], summary["skipped"]) == (0, 1)


def test_that_what_failed_otherwise_is_told_and_has_no_error(
    summarise: Callable[[list[tuple[bool, Measured]]], dict[str, Any]],
) -> None:
    summary = summarise([(True, Measured("too slow", 5, 5, 5, 5))])

    assert (summary["failed"], summary["card"]["measured"]) == (1, 0)


def test_that_a_choice_is_compared_with_the_fastest_plan_that_made_a_video(case: Case) -> None:
    assert Contest(case, "a", {"a": 12.0, "b": 10.0, "c": None}).ratio == pytest.approx(1.2)
    assert Contest(case, "c", {"a": 12.0, "b": 10.0, "c": None}).ratio is None


def test_that_what_this_pc_has_no_room_for_is_skipped(case: Case, cost: Estimate, tmp_path: Path) -> None:
    setting = Setting(Machine(), Limits(None, 64 * _GIB, 64 * _GIB), "", 0)
    bench = Bench(tmp_path, True, 60.0)

    check_room(case, cost, setting, bench)
    with pytest.raises(Skipped, match="disk"):
        check_room(case, replace(cost, disk_bytes=1 << 60), setting, bench)
    with pytest.raises(Skipped, match="memory"):
        check_room(case, replace(cost, ram_peak_bytes=65 * _GIB), setting, bench)


def test_that_more_steps_take_as_long_as_the_fastest() -> None:
    seconds = iter((10.0, 15.0, 17.0, 20.0))
    times = StepTimes(lambda: next(seconds))

    for done in range(4):
        times.see(Progress(job="1", stage=Stage.CREATE_FRAMES, done=done, total=3))

    assert times.seconds_more(10) == pytest.approx(20.0)


# The cases -----------------------------------------------------------------------------------------------------------


def test_that_a_seed_gives_the_same_cases_with_every_placement_and_card() -> None:
    cases = list(Draw(7, tiny=False).cases(50))

    assert cases == list(Draw(7, tiny=False).cases(50))
    assert {case.plan.placement for case in cases} == set(Placement)
    assert {case.card_bytes for case in cases} == set(CARD_BYTES)
    assert len({case.model.model_id for case in cases}) == len(real_models())
    assert {case.packaging for case in cases} == set(Packaging)


def test_that_most_cases_fit_on_paper_and_some_do_not() -> None:
    draw = Draw(7, tiny=False)

    fits = [draw.fits_card(case, case.plan) for case in draw.cases(50)]

    assert sum(fits) >= 35
    assert sum(fits) < 50


# The models ----------------------------------------------------------------------------------------------------------


@MODELS
@pytest.mark.parametrize("packaging", Packaging)
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "sparse"])
def test_that_a_random_model_is_what_its_shape_says(
    model: RandomModel, packaging: Packaging, dense: bool, tmp_path: Path
) -> None:
    made = ModelMaker(tmp_path, dense=dense).make(model, packaging)
    files = [Path(file) for file in made.transformer_files]

    found, told = shape_of_folder(inspect_model_folder(made.folder, files), files), shape_of_model(model, packaging)

    header_bytes = 20_000
    assert found.transformer.stored_bytes == pytest.approx(told.transformer.stored_bytes, abs=header_bytes)
    assert found.weights_bytes == pytest.approx(dict(told.weights_bytes), abs=header_bytes)
    assert replace(found, weights_bytes={}, transformer=told.transformer) == replace(told, weights_bytes={})


@pytest.mark.parametrize("model", real_models(), ids=lambda model: model.model_id)
def test_that_models_of_real_size_are_as_large_as_the_catalog_says(model: RandomModel) -> None:
    metadata = read_catalog(resources_folder())[model.model_id]
    listed = shape_of_entry(metadata, metadata.variants[0])
    assert listed is not None

    told = shape_of_model(model, Packaging.BFLOAT16)

    assert dict(told.weights_bytes) == pytest.approx(dict(listed.weights_bytes), rel=0.003)
    assert told.vae == listed.vae
    assert told.text_encoder == listed.text_encoder
    assert replace(told.transformer, stored_bytes=0) == replace(listed.transformer, stored_bytes=0)


def test_that_the_text_encoder_is_written_once_and_goes_with_the_last_model(tmp_path: Path) -> None:
    maker = ModelMaker(tmp_path, dense=True)
    first, second = tiny_models()[:2]
    before = maker.bytes_needed(second, Packaging.BFLOAT16)

    maker.remove(maker.make(first, Packaging.BFLOAT16))

    text_bytes = shape_of_model(second, Packaging.BFLOAT16).weights_bytes["text_encoder"]
    assert before - maker.bytes_needed(second, Packaging.BFLOAT16) == text_bytes
    assert [path.name for path in tmp_path.iterdir()] == ["text-2-32-64-8-4-128"]
