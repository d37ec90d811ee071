"""Which line stands above the pages, on PCs on paper."""

from dataclasses import replace

import pytest

from tests.fakes.hardware import load
from wan_desktop.core.banner import BannerAction, BannerFacts, BannerKind, choose_banner
from wan_desktop.core.hardware import HardwareProfile

WHAT_NOW = (BannerAction.WHAT_NOW, BannerAction.CHECK_AGAIN)
NVIDIA = (BannerAction.OPEN_NVIDIA, BannerAction.CHECK_AGAIN)
SPACE = (BannerAction.FREE_SPACE, BannerAction.CHECK_AGAIN)
GOOD = "rtx-3060-12gb-32gb"


def with_free(profile: HardwareProfile, free_bytes: int) -> HardwareProfile:
    """The PC, with so much free on its first drive, and much on the others."""
    first, *others = profile.drives
    rest = tuple(replace(drive, free_bytes=500_000_000_000) for drive in others)
    return replace(profile, drives=(replace(first, free_bytes=free_bytes), *rest))


@pytest.mark.parametrize(
    ("pc", "kind", "surface", "actions"),
    [
        ("no-card-laptop-8gb", BannerKind.NO_CARD, "bad", WHAT_NOW),
        ("driver-missing-16gb", BannerKind.DRIVER, "bad", NVIDIA),
        (
            "rtx-2070-8gb-16gb-old-driver",
            BannerKind.DRIVER,
            "bad",
            (BannerAction.OPEN_NVIDIA, BannerAction.CHECK_AGAIN),
        ),
        ("driver-hangs-32gb", BannerKind.DRIVER, "bad", NVIDIA),
        ("gtx-1080-ti-11gb-32gb", BannerKind.CARD_TOO_OLD, "bad", WHAT_NOW),
        (
            "rtx-3060-12gb-32gb-full-disk",
            BannerKind.DISK_FULL,
            "bad",
            (BannerAction.FREE_SPACE, BannerAction.CHECK_AGAIN),
        ),
    ],
)
def test_that_each_pc_gets_its_banner(
    pc: str, kind: BannerKind, surface: str, actions: tuple[BannerAction, ...]
) -> None:
    banner = choose_banner(BannerFacts(load(pc)))
    assert banner is not None
    assert (banner.kind, banner.surface, banner.actions) == (kind, surface, actions)
    assert banner.title


@pytest.mark.parametrize("pc", [GOOD, "rtx-2060-6gb-16gb", "rtx-5090-32gb-96gb", "gtx-1660-super-6gb-16gb"])
def test_that_a_pc_that_works_gets_none(pc: str) -> None:
    assert choose_banner(BannerFacts(with_free(load(pc), 300_000_000_000))) is None


def test_that_nothing_is_said_of_a_pc_nobody_has_looked_at() -> None:
    assert choose_banner(BannerFacts()) is None


@pytest.mark.parametrize(
    ("free_bytes", "next_file_bytes", "kind"),
    [
        (4_999_999_999, 0, BannerKind.DISK_FULL),
        (5_000_000_000, 0, BannerKind.DISK_LOW),
        (19_999_999_999, 0, BannerKind.DISK_LOW),
        (20_000_000_000, 0, None),
        (59_000_000_000, 30_000_000_000, BannerKind.DISK_LOW),
        (60_000_000_000, 30_000_000_000, None),
    ],
)
def test_that_the_disk_is_told_by_its_limits(free_bytes: int, next_file_bytes: int, kind: BannerKind | None) -> None:
    facts = BannerFacts(with_free(load(GOOD), free_bytes), next_file_bytes=next_file_bytes)
    banner = choose_banner(facts)
    assert (banner.kind if banner else None) == kind
    if banner is not None:
        assert f"{free_bytes / 1e9:.1f} GB" in banner.title


def test_that_the_gravest_comes_first_and_each_can_be_put_away() -> None:
    facts = BannerFacts(with_free(load("no-card-laptop-8gb"), 1_000_000_000), offline=True)
    seen: list[BannerKind] = []
    while (banner := choose_banner(facts, seen)) is not None:
        seen.append(banner.kind)
    assert seen == [BannerKind.NO_CARD, BannerKind.DISK_FULL, BannerKind.OFFLINE]


def test_that_a_driver_goes_before_a_disk_that_only_gets_full() -> None:
    facts = BannerFacts(with_free(load("driver-missing-16gb"), 10_000_000_000))
    first = choose_banner(facts)
    assert first is not None
    assert first.kind is BannerKind.DRIVER
    second = choose_banner(facts, [first.kind])
    assert second is not None
    assert second.kind is BannerKind.DISK_LOW


def test_that_a_chosen_card_that_is_gone_is_told() -> None:
    banner = choose_banner(BannerFacts(with_free(load(GOOD), 300_000_000_000), gpu_uuid="GPU-elsewhere"))
    assert banner is not None
    assert (banner.kind, banner.title) == (BannerKind.NO_CARD, "The chosen graphics card is not there.")


def test_that_a_missing_connection_is_told_without_a_pc() -> None:
    banner = choose_banner(BannerFacts(offline=True))
    assert banner is not None
    assert (banner.kind, banner.surface, banner.actions) == (BannerKind.OFFLINE, "info", ())
