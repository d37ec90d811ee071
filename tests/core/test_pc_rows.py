"""Rows about all PCs on paper, and what is said of what they can make."""

from dataclasses import replace
from functools import cache

import pytest

from tests.fakes.hardware.profiles import PROFILES, load
from wan_desktop.core.calibration import Calibration, Entry, Ratio
from wan_desktop.core.catalog import Catalog, read_catalog
from wan_desktop.core.hardware import DriveKind, HardwareProfile, ProblemCode
from wan_desktop.core.ladder import Fit
from wan_desktop.core.machine import card_of, limits_of
from wan_desktop.core.messages import SpeedKind, SpeedPart, SpeedReport, SpeedStatus, Stage, TorchCard
from wan_desktop.core.model_names import variant_name
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.pc_measured import learned_in_words, speed_lines
from wan_desktop.core.pc_reach import ModelReach, reach, reach_in_words
from wan_desktop.core.pc_report import pc_report
from wan_desktop.core.pc_rows import Fix, PcRow, RowKind, RowState, pc_rows, rows_in_words
from wan_desktop.core.settings import MemoryMode, Settings

_ORDER = list(RowKind)


@cache
def catalog() -> Catalog:
    return read_catalog(resources_folder())


@cache
def made_by(name: str) -> tuple[ModelReach, ...]:
    return reach(load(name), catalog())


def row(rows: tuple[PcRow, ...], kind: RowKind) -> PcRow:
    return next(each for each in rows if each.kind is kind)


def speed(*kernels: tuple[str, SpeedStatus]) -> SpeedReport:
    parts = tuple(
        SpeedPart(
            kind=SpeedKind.ATTENTION,
            name=name,
            status=status,
            per_s=(number + 1) * 1e12 if status is SpeedStatus.MEASURED else 0.0,
            reason="" if status is SpeedStatus.MEASURED else "It is off by 3 %.",
        )
        for number, (name, status) in enumerate(kernels)
    )
    return SpeedReport(job="1", device="GPU-1", device_name="A card", torch_version="2.9", parts=parts, seconds=3.0)


# All PCs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_that_every_pc_gets_rows_in_order_with_all_texts(name: str) -> None:
    rows = pc_rows(load(name), can_make=made_by(name))
    assert [_ORDER.index(each.kind) for each in rows] == sorted(_ORDER.index(each.kind) for each in rows)
    assert all(each.name and each.value and each.meaning for each in rows)
    assert {RowKind.CARD, RowKind.MEMORY, RowKind.PAGE_FILE, RowKind.SYSTEM} <= {each.kind for each in rows}
    assert len({(each.kind, each.subject) for each in rows}) == len(rows)


@pytest.mark.parametrize("name", PROFILES)
def test_that_what_is_not_well_comes_with_a_reason(name: str) -> None:
    for each in pc_rows(load(name)):
        if each.state in (RowState.WARN, RowState.BAD):
            assert each.hint, each
        if each.fix is not Fix.NONE:
            assert each.hint or each.kind is RowKind.CARD, each


@pytest.mark.parametrize("name", PROFILES)
def test_that_every_problem_of_a_pc_stands_in_a_row(name: str) -> None:
    profile = load(name)
    rows = pc_rows(profile)
    for problem in profile.problems:
        assert any(problem.text.rstrip(".") in each.value + each.hint and problem.hint in each.hint for each in rows), (
            problem
        )


@pytest.mark.parametrize("name", PROFILES)
def test_that_the_card_row_is_good_exactly_where_the_card_computes(name: str) -> None:
    profile = load(name)
    card, found = card_of(profile), row(pc_rows(profile), RowKind.CARD)
    assert (found.state in (RowState.OK, RowState.WARN)) == card.computes
    if card.gpu is not None:
        assert found.value == card.gpu.name


@pytest.mark.parametrize("name", PROFILES)
def test_that_usable_video_memory_is_what_renders_may_use(name: str) -> None:
    profile = load(name)
    card = card_of(profile)
    usable = limits_of(profile, card).vram_bytes
    if usable is not None:
        assert row(pc_rows(profile), RowKind.VIDEO_MEMORY).meaning.startswith(f"{usable / 1e9:.1f} GB")


@pytest.mark.parametrize("name", PROFILES)
def test_that_the_sentence_is_what_the_checks_say(name: str) -> None:
    found = made_by(name)
    words = reach_in_words(found)
    fitting = {each.size_class for each in found if each.fit.fits}
    for size_class in {each.size_class for each in found}:
        assert (f"the {size_class} model" in words) == (size_class in fitting), words
    for each in found:
        assert (each.name in words.partition("Too big")[2]) == (not each.fit.fits and bool(fitting)), words
    on_card = any(each.on_card for each in found)
    assert ("seconds" in words) == on_card
    assert on_card == (card_of(load(name)).computes and bool(fitting))
    assert {"{", "}"}.isdisjoint(words)


@pytest.mark.parametrize("name", PROFILES)
def test_that_no_class_is_promised_more_than_its_slowest_model(name: str) -> None:
    found = made_by(name)
    well = reach_in_words(found).partition("Your PC runs ")[2].partition(" well")
    if well[1]:
        for each in found:
            if each.fit.fits and f"the {each.size_class} model" in well[0]:
                assert each.fit is Fit.WELL


# Single rows ---------------------------------------------------------------------------------------------------------


def test_that_of_two_cards_the_chosen_one_is_shown_and_can_be_changed() -> None:
    profile = load("rtx-4090-and-3060-64gb")
    small = min(profile.gpus, key=lambda gpu: gpu.total_bytes)
    automatic = row(pc_rows(profile), RowKind.CARD)
    chosen = row(pc_rows(profile, Settings(gpu_uuid=small.uuid)), RowKind.CARD)
    assert automatic.fix is chosen.fix is Fix.CHOOSE_CARD
    assert automatic.value != chosen.value == small.name
    assert "chosen by you" in chosen.meaning


def test_that_a_chosen_card_that_is_gone_is_told() -> None:
    found = pc_rows(load("rtx-3060-12gb-32gb"), Settings(gpu_uuid="GPU-of-another-pc"))
    card = row(found, RowKind.CARD)
    assert (card.state, card.fix) == (RowState.BAD, Fix.CHOOSE_CARD)
    assert RowKind.VIDEO_MEMORY not in {each.kind for each in found}


def test_that_a_card_that_the_engine_does_not_see_is_a_problem() -> None:
    profile = load("rtx-3060-12gb-32gb")
    gpu = profile.gpus[0]
    seen = TorchCard(gpu.uuid.removeprefix("GPU-"), gpu.name, gpu.total_bytes, gpu.compute_capability)
    assert row(pc_rows(profile, torch_cards=(seen,)), RowKind.CARD).state is RowState.OK
    unseen = pc_rows(profile, torch_cards=())
    assert row(unseen, RowKind.CARD).state is RowState.BAD
    assert "engine" in row(unseen, RowKind.CARD).hint
    assert RowKind.ATTENTION not in {each.kind for each in unseen}


@pytest.mark.parametrize(
    ("name", "fix", "state"),
    [
        ("no-card-laptop-8gb", Fix.CHECK_AGAIN, RowState.BAD),
        ("driver-missing-16gb", Fix.OPEN_DRIVER_PAGE, RowState.BAD),
        ("driver-hangs-32gb", Fix.CHECK_AGAIN, RowState.BAD),
        ("rtx-2070-8gb-16gb-old-driver", Fix.OPEN_DRIVER_PAGE, RowState.BAD),
        ("gtx-1080-ti-11gb-32gb", Fix.NONE, RowState.BAD),
    ],
)
def test_that_a_missing_card_has_the_right_button(name: str, fix: Fix, state: RowState) -> None:
    card = row(pc_rows(load(name)), RowKind.CARD)
    assert (card.fix, card.state) == (fix, state)


def test_that_a_check_that_crashed_is_not_checked() -> None:
    profile = load("no-card-laptop-8gb")
    problem = replace(profile.problems[0], code=ProblemCode.PROBE_FAILED, text="The check ended with code 9.")
    card = row(pc_rows(replace(profile, problems=(problem,))), RowKind.CARD)
    assert (card.state, card.fix) == (RowState.NOT_CHECKED, Fix.CHECK_AGAIN)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rtx-2060-6gb-16gb", "FP16 only"),
        ("rtx-3060-12gb-32gb", "BF16 works"),
        ("rtx-4070-12gb-32gb", "BF16 and FP8 work"),
        ("rtx-5090-32gb-96gb", "BF16, FP8 and FP4 work"),
        ("gtx-1080-ti-11gb-32gb", "too old"),
    ],
)
def test_that_the_compute_level_says_which_numbers_work(name: str, words: str) -> None:
    assert row(pc_rows(load(name)), RowKind.COMPUTE_LEVEL).meaning == words


def test_that_busy_video_memory_is_a_warning_with_a_way_out() -> None:
    others = row(pc_rows(load("rtx-4080-16gb-32gb-busy")), RowKind.OTHER_PROGRAMS)
    assert (others.state, others.fix) == (RowState.WARN, Fix.SHOW_PROGRAMS)


def test_that_a_small_page_file_can_be_mended() -> None:
    found = row(pc_rows(load("rtx-3060-12gb-16gb-small-page-file")), RowKind.PAGE_FILE)
    assert (found.state, found.fix) == (RowState.WARN, Fix.OPEN_PAGE_FILE)


def test_that_only_windows_has_buttons_for_its_dialogs() -> None:
    profile = load("rtx-4080-16gb-32gb-busy")
    linux = replace(profile, system=replace(profile.system, os="linux"))
    unnamed = replace(linux, gpus=(replace(linux.gpus[0], programs=()),))
    assert row(pc_rows(linux), RowKind.OTHER_PROGRAMS).fix is Fix.SHOW_PROGRAMS  # a list of our own
    assert row(pc_rows(unnamed), RowKind.OTHER_PROGRAMS).fix is Fix.NONE
    assert RowKind.MEMORY_SPILL not in {each.kind for each in pc_rows(linux)}
    assert RowKind.MEMORY_SPILL in {each.kind for each in pc_rows(profile)}


def test_that_battery_and_remote_sessions_are_hints() -> None:
    assert row(pc_rows(load("rtx-4060-laptop-8gb-16gb")), RowKind.SYSTEM).fix is Fix.POWER
    assert "remote" in row(pc_rows(load("rtx-3080-10gb-32gb-remote-desktop")), RowKind.SYSTEM).meaning


def drive_row(profile: HardwareProfile, **changes: object) -> PcRow:
    drive = replace(profile.drives[0], **changes)
    return row(pc_rows(replace(profile, drives=(drive,))), RowKind.DRIVE)


def test_that_drives_are_judged() -> None:
    profile = load("rtx-3060-12gb-32gb")
    assert drive_row(profile, kind=DriveKind.HDD, read_bytes_per_s=None).state is RowState.WARN
    assert drive_row(profile, read_bytes_per_s=0.1e9).meaning == "slow"
    assert drive_row(profile, read_bytes_per_s=3e9).meaning == "fast"
    assert drive_row(profile, file_system="FAT32").state is RowState.BAD
    assert drive_row(profile, free_bytes=10**10).state is RowState.WARN
    full = drive_row(profile, free_bytes=10**9)
    assert (full.state, full.fix) == (RowState.BAD, Fix.FREE_DISK)
    assert drive_row(profile, kind=DriveKind.UNKNOWN, read_bytes_per_s=None).state is RowState.NOT_CHECKED


def test_that_a_drive_that_does_not_answer_has_a_row() -> None:
    profile = load("rtx-3060-12gb-32gb")
    text = "E:\\models cannot be looked at: no answer in time."
    problem = replace(load("no-card-laptop-8gb").problems[0], code=ProblemCode.DRIVE_NOT_ANSWERING, text=text)
    rows = pc_rows(replace(profile, problems=(problem,)))
    assert any(each.kind is RowKind.DRIVE and each.state is RowState.BAD and text in each.hint for each in rows)


def test_that_attention_is_what_the_speed_test_has_found() -> None:
    profile = load("rtx-4070-12gb-32gb")
    unknown = row(pc_rows(profile), RowKind.ATTENTION)
    assert (unknown.state, unknown.fix) == (RowState.NOT_CHECKED, Fix.MEASURE_SPEED)
    right = speed(("native", SpeedStatus.MEASURED), ("_native_flash", SpeedStatus.MEASURED))
    assert row(pc_rows(profile, speed=right), RowKind.ATTENTION).value == "Flash is the fastest"
    wrong = speed(("native", SpeedStatus.MEASURED), ("_native_cudnn", SpeedStatus.WRONG))
    found = row(pc_rows(profile, speed=wrong), RowKind.ATTENTION)
    assert found.state is RowState.WARN
    assert "cuDNN" in found.hint


def test_that_number_formats_are_those_that_the_checks_prefer() -> None:
    name = "rtx-4070-ti-super-16gb-64gb"
    found = row(pc_rows(load(name), can_make=made_by(name)), RowKind.NUMBER_FORMAT)
    variants = {each.size_class: each.variant for each in reversed(made_by(name)) if each.on_card}
    assert variants
    assert all(f"{model}: {variant_name(variant)}" in found.value for model, variant in variants.items())
    assert not any(raw in found.value for raw in ("fp8_scaled", "bf16"))


# Reach ---------------------------------------------------------------------------------------------------------------


def test_that_memory_saving_is_allowed_only_in_the_mode_that_allows_it() -> None:
    profile = load("rtx-4070-12gb-32gb")
    fast = {each.model_id: each.fit for each in reach(profile, catalog(), Settings(memory_mode=MemoryMode.FASTEST))}
    usual = {each.model_id: each.fit for each in made_by("rtx-4070-12gb-32gb")}
    assert fast != usual
    assert Fit.SLOW in usual.values()


def test_that_nothing_is_said_without_a_catalog() -> None:
    assert reach_in_words(()) == ""


# In words ------------------------------------------------------------------------------------------------------------


def learned(factor: float, runs: int, device: str = "GPU-1") -> Calibration:
    entry = Entry(seconds={Stage.CREATE_FRAMES: Ratio(factor, 0.01, runs)})
    return Calibration({f"{device} family plan": entry})


def test_that_learned_factors_are_told_as_percent() -> None:
    assert "8 % less time" in learned_in_words(learned(0.92, 4), "gpu-1")
    assert "4 videos" in learned_in_words(learned(0.92, 4), "GPU-1")
    assert "25 % longer" in learned_in_words(learned(1.25, 1), "GPU-1")
    assert "as long as" in learned_in_words(learned(1.01, 9), "GPU-1")
    assert learned_in_words(learned(1.25, 1), "GPU-2") == ""
    assert learned_in_words(Calibration()) == ""


def test_that_the_speed_test_is_told_with_units_and_reasons() -> None:
    report = speed(("native", SpeedStatus.MEASURED), ("_native_cudnn", SpeedStatus.WRONG))
    copy = SpeedPart(kind=SpeedKind.COPY, name="pinned", status=SpeedStatus.MEASURED, per_s=25e9)
    disk = SpeedPart(kind=SpeedKind.DISK, name="read", status=SpeedStatus.OFF, reason="No large file.")
    lines = speed_lines(replace(report, parts=(*report.parts, copy, disk)))
    assert [line.value for line in lines] == ["1 TFLOP/s", "wrong results, not used", "25 GB/s", "not available"]
    assert lines[1].state is RowState.WARN
    assert lines[3].hint == "No large file."


@pytest.mark.parametrize("name", PROFILES)
def test_that_the_report_names_no_card_by_its_number(name: str) -> None:
    profile = load(name)
    text = pc_report(pc_rows(profile, can_make=made_by(name)), made_by(name), (speed(),), "Learned.")
    assert not any(gpu.uuid.lower() in text.lower() for gpu in profile.gpus)
    assert rows_in_words(pc_rows(profile)).splitlines()[0] in text
    assert "Learned." in text
