"""Why a render may stand still, read from PCs on paper."""

from dataclasses import replace

import pytest

from tests.core.test_compatibility import GB, gpu, pc
from tests.fakes.hardware.profiles import load
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.stall_reasons import stall_reason

ROOMY = replace(load("rtx-4090-24gb-64gb"), drives=())
ON_BATTERY = replace(ROOMY, system=replace(ROOMY.system, on_battery=True))
FULL_CARD = pc(replace(gpu(12), free_bytes=GB // 10, used_by_others_bytes=3 * GB), ram_gb=32, free_ram_gb=20)
FULL_BY_US = pc(replace(gpu(12), free_bytes=GB // 10, used_by_others_bytes=0), ram_gb=32, free_ram_gb=20)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (ROOMY, ""),
        (FULL_BY_US, ""),
        (pc(ram_gb=16, free_ram_gb=0.3), "memory is full, so that"),
        (FULL_CARD, "other programs hold 3.0 GB"),
        (ON_BATTERY, "battery"),
        (load("rtx-3060-12gb-32gb-full-disk"), ""),
    ],
    ids=["nothing", "our own", "memory", "card", "battery", "disk"],
)
def test_that_the_likeliest_reason_is_told(profile: HardwareProfile, words: str) -> None:
    found = stall_reason(profile)
    assert words in found
    assert bool(found) is bool(words)


def test_that_a_full_drive_is_named() -> None:
    profile = load("rtx-3060-12gb-32gb-full-disk")
    drives = tuple(replace(drive, free_bytes=10_000_000) for drive in profile.drives)
    assert profile.drives[0].path in stall_reason(replace(profile, drives=drives))
