"""Why a render may stand still, read from PCs on paper."""

from dataclasses import replace

import pytest

from tests.core.test_compatibility import GB, gpu, pc
from tests.fakes.hardware.profiles import load
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.messages import Stage
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.render_queue import RenderEstimate
from wan_desktop.core.stall_reasons import is_much_slower, stall_reason

ROOMY = replace(load("rtx-4090-24gb-64gb"), drives=())
ON_BATTERY = replace(ROOMY, system=replace(ROOMY.system, on_battery=True))
FULL_CARD = pc(replace(gpu(12), free_bytes=GB // 10, used_by_others_bytes=3 * GB), ram_gb=32, free_ram_gb=20)
HOT = replace(ROOMY, gpus=(replace(ROOMY.gpus[0], slowed_by_heat=True, temperature_c=91),))
HOT_UNKNOWN = replace(ROOMY, gpus=(replace(ROOMY.gpus[0], slowed_by_heat=True),))
WARM = replace(ROOMY, gpus=(replace(ROOMY.gpus[0], temperature_c=91),))
BORROWS = pc(
    replace(gpu(12), free_bytes=GB // 10, used_by_others_bytes=0, driver_model="wddm"), ram_gb=32, free_ram_gb=20
)
FULL_BY_US = pc(replace(gpu(12), free_bytes=GB // 10, used_by_others_bytes=0), ram_gb=32, free_ram_gb=20)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (ROOMY, ""),
        (FULL_BY_US, ""),
        (pc(ram_gb=16, free_ram_gb=0.3), "memory is full, so that"),
        (FULL_CARD, "other programs hold 3.0 GB"),
        (ON_BATTERY, "battery"),
        (HOT, "too hot (91 \u00b0C)"),
        (HOT_UNKNOWN, "too hot and slows"),
        (WARM, ""),
        (BORROWS, "borrows from the PC's"),
        (load("rtx-3060-12gb-32gb-full-disk"), ""),
    ],
    ids=[
        "nothing",
        "our own",
        "memory",
        "card",
        "battery",
        "hot",
        "hot, how much is not told",
        "warm",
        "borrows",
        "disk",
    ],
)
def test_that_the_likeliest_reason_is_told(profile: HardwareProfile, words: str) -> None:
    found = stall_reason(profile)
    assert words in found
    assert bool(found) is bool(words)


def test_that_a_full_drive_is_named() -> None:
    profile = load("rtx-3060-12gb-32gb-full-disk")
    drives = tuple(replace(drive, free_bytes=10_000_000) for drive in profile.drives)
    assert profile.drives[0].path in stall_reason(replace(profile, drives=drives))


STEP = RenderProgress(stage=Stage.CREATE_FRAMES, done=5, total=30, elapsed_s=200.0, seconds_left=300.0)


@pytest.mark.parametrize(
    ("changes", "slow"),
    [
        ({}, False),
        ({"last_step_s": 31.0, "usual_step_s": 10.0}, True),
        ({"last_step_s": 29.0, "usual_step_s": 10.0}, False),
        ({"last_step_s": 2.0, "usual_step_s": 0.1}, False),
        ({"last_step_s": 31.0}, False),
    ],
    ids=["unknown", "slow", "nearly", "short", "nothing to compare"],
)
def test_that_a_step_of_three_times_the_usual_time_is_much_slower(changes: dict[str, float], slow: bool) -> None:
    assert is_much_slower(replace(STEP, **changes)) is slow


def test_that_a_render_of_three_times_the_estimated_time_is_much_slower() -> None:
    assert is_much_slower(STEP, RenderEstimate(100.0, 160.0))
    assert not is_much_slower(STEP, RenderEstimate(100.0, 170.0))
    assert not is_much_slower(replace(STEP, elapsed_s=30.0, seconds_left=600.0), RenderEstimate(100.0, 160.0))
    assert not is_much_slower(replace(STEP, seconds_left=None), RenderEstimate(1.0, 1.0))
