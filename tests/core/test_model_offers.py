"""The model list on paper: groups and badges on all PCs, what a status reads as, what filters leave."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.hardware import PROFILES, load
from wan_desktop.core.catalog import Catalog, add_entry, metadata_for_folder, read_catalog
from wan_desktop.core.errors import AccessDeniedError, DownloadSpaceError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.machine import card_of
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_activity import Activity, ActivityKind, ActivityMeter, Step
from wan_desktop.core.model_list import (
    Deed,
    Filter,
    ShownStatus,
    Standing,
    best_start,
    deeds,
    hidden_by_filter,
    list_parts,
    matches,
    passes,
)
from wan_desktop.core.model_offers import FitBadge, Group, ModelOffer, offers_of, usual_mode, usual_video
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import ModelStatus, RemoteState, RemoteStatus
from wan_desktop.core.store.verify import FileFinding, FileState, IntegrityReport
from wan_desktop.core.subjects import Subjects
from wan_desktop.core.trial import Place

Judge = Callable[[str], tuple[ModelOffer, ...]]


@pytest.fixture
def home(tmp_path: Path, resources: Path) -> AppPaths:
    return AppPaths(data=tmp_path / "data", videos=tmp_path / "videos", resources=resources)


@pytest.fixture
def catalog(resources: Path) -> Catalog:
    return read_catalog(resources)


@pytest.fixture
def manager(home: AppPaths) -> Iterator[ModelManager]:
    home.ensure()
    opened = ModelManager.open(home, Settings())
    yield opened
    opened.close()


@pytest.fixture
def judge(catalog: Catalog, manager: ModelManager, resources: Path) -> Judge:
    def on(pc: str) -> tuple[ModelOffer, ...]:
        return offers_of(catalog, manager, Subjects(catalog, manager, resources), Place(load(pc)))

    return on


@pytest.fixture
def offers(judge: Judge) -> tuple[ModelOffer, ...]:
    return judge("rtx-4070-12gb-32gb")


def find(offers: tuple[ModelOffer, ...], model_id: str, variant: str) -> ModelOffer:
    return next(offer for offer in offers if offer.key == ModelKey(model_id, variant))


def with_status(offer: ModelOffer, status: ModelStatus, report: IntegrityReport | None = None) -> ModelOffer:
    return replace(offer, state=replace(offer.state, status=status, report=report))


def report_with(*states: FileState) -> IntegrityReport:
    findings = tuple(FileFinding(f"{number}.bin", state) for number, state in enumerate(states))
    return IntegrityReport(deep=True, findings=findings, checked_at="", seconds=0.0)


# Groups and badges ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pc", PROFILES)
def test_that_every_pc_has_every_packaging_in_one_group(judge: Judge, catalog: Catalog, pc: str) -> None:
    found = judge(pc)
    wanted = {(name, each.name) for name, entry in catalog.items() for each in entry.variants if not entry.folder}
    assert {(offer.key.model_id, offer.key.variant) for offer in found} == wanted | {("shapes", "original")}
    assert len({offer.key for offer in found}) == len(found)
    for offer in found:
        if offer.group is Group.TOO_BIG:
            assert offer.badge in (FitBadge.TOO_BIG, FitBadge.NOT_SUPPORTED)
        else:
            assert offer.badge.fits


@pytest.mark.parametrize("pc", PROFILES)
def test_that_what_is_recommended_runs_on_a_card(judge: Judge, pc: str) -> None:
    found = judge(pc)
    recommended = [offer for offer in found if offer.group is Group.RECOMMENDED]
    assert len(recommended) <= 2
    assert bool(recommended) == card_of(load(pc)).computes
    assert all(offer.badge.fits and offer.can_be_downloaded for offer in recommended)


def test_that_the_list_goes_by_group_fit_size_and_name(offers: tuple[ModelOffer, ...]) -> None:
    groups, badges = list(Group), list(FitBadge)
    order = [
        (groups.index(each.group), badges.index(each.badge), each.size_bytes) for each in offers if not each.is_built_in
    ]
    assert order == sorted(order)


def test_that_a_larger_card_never_makes_a_badge_worse(judge: Judge) -> None:
    small = {offer.key: list(FitBadge).index(offer.badge) for offer in judge("rtx-4060-ti-16gb-32gb")}
    large = {offer.key: list(FitBadge).index(offer.badge) for offer in judge("rtx-5090-32gb-96gb")}
    assert all(large[key] <= small[key] for key in small)


def test_that_files_that_cannot_be_read_are_not_supported_anywhere(judge: Judge) -> None:
    refused = find(judge("rtx-5090-32gb-96gb"), "wan2.2-t2v-a14b", "nvidia-FP8")
    assert refused.badge is FitBadge.NOT_SUPPORTED
    assert refused.group is Group.TOO_BIG
    assert not deeds(Standing(refused))


def test_that_a_card_that_is_too_old_is_not_called_too_small(judge: Judge) -> None:
    assert find(judge("gtx-1080-ti-11gb-32gb"), "wan2.2-t2v-a14b", "bf16").badge is FitBadge.NOT_SUPPORTED


def test_that_nothing_is_judged_while_the_pc_is_not_known(
    catalog: Catalog, manager: ModelManager, resources: Path
) -> None:
    found = offers_of(catalog, manager, Subjects(catalog, manager, resources), None)
    assert {offer.group for offer in found} == {Group.ALSO_WORKS, Group.TOO_BIG}
    assert {offer.badge for offer in found} == {FitBadge.NOT_CHECKED, FitBadge.NOT_SUPPORTED}


def test_that_the_built_in_model_is_always_ready(offers: tuple[ModelOffer, ...]) -> None:
    shapes = find(offers, "shapes", "original")
    assert shapes.is_usable
    assert shapes.badge is FitBadge.RUNS_WELL
    assert deeds(Standing(shapes)) == (Deed.CREATE,)


def test_that_the_default_video_of_a_model_for_pictures_has_one(catalog: Catalog) -> None:
    metadata = catalog["wan2.2-i2v-a14b"]
    assert usual_video(metadata, usual_mode(metadata)).has_image
    assert not usual_video(catalog["wan2.2-ti2v-5b"], usual_mode(catalog["wan2.2-ti2v-5b"])).has_image


def test_that_an_adopted_model_is_offered_until_it_is_removed(
    home: AppPaths, manager: ModelManager, tiny_model: Callable[[str], Path], resources: Path
) -> None:
    adopted = manager.adopt(tiny_model("t2v"), home.added_models, JobContext("test", lambda *_: None), may_copy=True)
    (key,) = adopted.keys

    def offered() -> list[ModelOffer]:
        catalog = read_catalog(resources, home.added_models)
        found = offers_of(catalog, manager, Subjects(catalog, manager, resources), Place(load("rtx-4070-12gb-32gb")))
        return [offer for offer in found if offer.key == key]

    (offer,) = offered()
    assert offer.is_usable
    assert offer.badge is FitBadge.RUNS_WELL
    assert offer.group is Group.ALSO_WORKS
    manager.remove(key)
    assert not offered()


def test_that_a_model_whose_entry_is_lost_is_still_offered(
    home: AppPaths, manager: ModelManager, tiny_model: Callable[[str], Path], catalog: Catalog, resources: Path
) -> None:
    metadata = metadata_for_folder(tiny_model("t2v"))
    manager.adopt(tiny_model("t2v"), home.added_models, JobContext("test", lambda *_: None), may_copy=True)
    (home.added_models / f"{metadata.model_id}.json").unlink()
    found = offers_of(catalog, manager, Subjects(catalog, manager, resources), None)
    assert any(offer.key.model_id == metadata.model_id and offer.is_usable for offer in found)
    add_entry(metadata, home.added_models)


# Statuses and deeds --------------------------------------------------------------------------------------------------


def test_that_statuses_read_as_the_list_says_them(offers: tuple[ModelOffer, ...]) -> None:
    offer = find(offers, "wan2.1-t2v-1.3b", "bf16")
    wanted = {
        ModelStatus.MISSING: ShownStatus.NOT_DOWNLOADED,
        ModelStatus.INCOMPLETE: ShownStatus.PAUSED,
        ModelStatus.AVAILABLE: ShownStatus.READY,
        ModelStatus.UNKNOWN: ShownStatus.NEEDS_CHECK,
        ModelStatus.CORRUPTED: ShownStatus.NEEDS_REPAIR,
        ModelStatus.LOADED: ShownStatus.IN_USE,
        ModelStatus.IN_USE: ShownStatus.IN_USE,
        ModelStatus.ERROR: ShownStatus.DRIVE_MISSING,
    }
    assert {status: Standing(with_status(offer, status)).status for status in wanted} == wanted


def test_that_missing_files_and_damaged_ones_read_differently(offers: tuple[ModelOffer, ...]) -> None:
    offer = find(offers, "wan2.1-t2v-1.3b", "bf16")
    missing = with_status(offer, ModelStatus.CORRUPTED, report_with(FileState.GOOD, FileState.MISSING))
    damaged = with_status(offer, ModelStatus.CORRUPTED, report_with(FileState.DAMAGED, FileState.MISSING))
    assert Standing(missing).status is ShownStatus.INCOMPLETE
    assert Standing(damaged).status is ShownStatus.NEEDS_REPAIR


def test_that_an_error_shows_until_the_model_is_good(offers: tuple[ModelOffer, ...]) -> None:
    offer = find(offers, "wan2.1-t2v-1.3b", "bf16")
    closed, full = AccessDeniedError("closed", hint="a token"), DownloadSpaceError("full", hint="free some")
    assert Standing(offer, error=closed).status is ShownStatus.NEEDS_TOKEN
    assert Standing(offer, error=full).status is ShownStatus.FAILED
    assert Standing(with_status(offer, ModelStatus.AVAILABLE), error=full).status is ShownStatus.READY


def test_that_an_update_is_offered_only_for_a_good_model(offers: tuple[ModelOffer, ...]) -> None:
    offer = find(offers, "wan2.1-t2v-1.3b", "bf16")
    newer = RemoteState(RemoteStatus.UPDATE_AVAILABLE, "newer", "")
    good = Standing(with_status(offer, ModelStatus.AVAILABLE), remote=newer)
    assert good.status is ShownStatus.UPDATE_AVAILABLE
    assert Deed.UPDATE in deeds(good)
    assert Deed.UPDATE not in deeds(Standing(with_status(offer, ModelStatus.CORRUPTED), remote=newer))


@pytest.mark.parametrize(
    ("activity", "wanted", "can"),
    [
        (Activity(ActivityKind.DOWNLOAD, is_queued=True), ShownStatus.WAITING, (Deed.PAUSE, Deed.CANCEL)),
        (Activity(ActivityKind.DOWNLOAD), ShownStatus.DOWNLOADING, (Deed.PAUSE, Deed.CANCEL)),
        (Activity(ActivityKind.DOWNLOAD, is_checking=True), ShownStatus.CHECKING, (Deed.PAUSE, Deed.CANCEL)),
        (Activity(ActivityKind.DOWNLOAD, waiting="no"), ShownStatus.WAITING_FOR_INTERNET, (Deed.PAUSE, Deed.CANCEL)),
        (Activity(ActivityKind.DOWNLOAD, is_stopping=True), ShownStatus.DOWNLOADING, ()),
        (Activity(ActivityKind.CHECK), ShownStatus.CHECKING, (Deed.STOP,)),
        (Activity(ActivityKind.REPAIR), ShownStatus.REPAIRING, (Deed.STOP,)),
        (Activity(ActivityKind.REMOVE), ShownStatus.REMOVING, ()),
    ],
)
def test_that_work_goes_before_what_is_on_disk(
    offers: tuple[ModelOffer, ...], activity: Activity, wanted: ShownStatus, can: tuple[Deed, ...]
) -> None:
    standing = Standing(find(offers, "wan2.1-t2v-1.3b", "bf16"), activity)
    assert standing.status is wanted
    assert deeds(standing) == can


def test_that_too_big_can_be_tried_and_fitting_be_downloaded(offers: tuple[ModelOffer, ...]) -> None:
    too_big = next(offer for offer in offers if offer.badge is FitBadge.TOO_BIG)
    assert deeds(Standing(too_big)) == (Deed.TRY_ANYWAY,)
    assert deeds(Standing(find(offers, "wan2.1-t2v-1.3b", "bf16"))) == (Deed.DOWNLOAD,)


def test_that_a_lost_file_list_is_downloaded_again(offers: tuple[ModelOffer, ...]) -> None:
    offer = with_status(find(offers, "wan2.1-t2v-1.3b", "bf16"), ModelStatus.CORRUPTED)
    assert deeds(Standing(offer))[0] is Deed.DOWNLOAD_AGAIN


# Filters -------------------------------------------------------------------------------------------------------------


def test_that_each_filter_leaves_what_it_says(offers: tuple[ModelOffer, ...]) -> None:
    left = {chosen: [offer for offer in offers if passes(offer, chosen)] for chosen in Filter}
    assert left[Filter.ALL] == list(offers)
    assert all(offer.badge.fits for offer in left[Filter.FITS])
    assert [offer.key.model_id for offer in left[Filter.ON_PC]] == ["shapes"]
    assert "wan2.2-i2v-a14b" not in {offer.key.model_id for offer in left[Filter.FROM_TEXT]}
    assert "wan2.2-t2v-a14b" not in {offer.key.model_id for offer in left[Filter.FROM_IMAGE]}
    assert "wan2.2-ti2v-5b" in {offer.key.model_id for offer in left[Filter.FROM_IMAGE]}


@pytest.mark.parametrize("search", ["wan2.2 ti2v", "WAN 2.2 TI2V 5B", "ti2v-5b", "quantstack ti2v", "q8 5b"])
def test_that_a_search_takes_words_as_people_write_them(offers: tuple[ModelOffer, ...], search: str) -> None:
    found = {offer.key.model_id for offer in offers if matches(offer, search)}
    if search == "quantstack ti2v":  # stands in no text that a user sees
        assert not found
    else:
        assert found == {"wan2.2-ti2v-5b"}


def test_that_each_model_shows_its_best_packaging_and_a_search_shows_all(offers: tuple[ModelOffer, ...]) -> None:
    parts = list_parts(offers, Filter.ALL, "")
    shown = [offer for part in parts for offer in part.shown]
    assert {offer.key.model_id for offer in shown} == {offer.key.model_id for offer in offers}
    assert sum(len(part.shown) + len(part.folded) for part in parts) == len(offers)
    assert len(shown) < len(offers) / 2
    assert not any(part.folded for part in list_parts(offers, Filter.ALL, "wan"))
    unfolded = list_parts(offers, Filter.ALL, "", unfolded=[Group.ALSO_WORKS])
    assert not next(part for part in unfolded if part.group is Group.ALSO_WORKS).folded


def test_that_what_is_busy_or_here_stays_in_sight(offers: tuple[ModelOffer, ...]) -> None:
    key = ModelKey("wan2.1-t2v-14b", "Q8_0")
    hidden = [offer.key for part in list_parts(offers, Filter.ALL, "") for offer in part.folded]
    assert key in hidden
    shown = [offer.key for part in list_parts(offers, Filter.ALL, "", busy=[key]) for offer in part.shown]
    assert key in shown
    before = [offer.key for part in list_parts(offers, Filter.ALL, "") for offer in part.shown]
    pinned = [offer.key for part in list_parts(offers, Filter.ALL, "", pinned=[key]) for offer in part.shown]
    assert set(pinned) == {*before, key}


def test_that_it_is_counted_what_a_filter_hides(offers: tuple[ModelOffer, ...]) -> None:
    assert hidden_by_filter(offers, Filter.ALL, "14b") == 0
    assert hidden_by_filter(offers, Filter.ON_PC, "1.3b") == 4


def test_that_the_best_start_runs_best(offers: tuple[ModelOffer, ...]) -> None:
    start = best_start(offers)
    assert start is not None
    assert start.group is Group.RECOMMENDED
    assert start.badge is FitBadge.RUNS_WELL


# Activity ------------------------------------------------------------------------------------------------------------


class Clock:
    """Seconds as a test sets them."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_that_speed_is_an_average_of_ten_seconds() -> None:
    clock = Clock()
    meter = ActivityMeter(ActivityKind.CHECK, clock)
    for second in range(1, 31):
        clock.now_s = float(second)
        meter.report(Step(done_bytes=min(second, 20) * 1_000_000 + max(0, second - 20) * 3_000_000, total_bytes=10**8))
    activity = meter.activity()
    assert activity.bytes_per_s == pytest.approx(3_000_000, rel=0.15)
    assert activity.seconds_left == pytest.approx((10**8 - activity.done_bytes) / activity.bytes_per_s)


def test_that_it_stands_still_after_twenty_seconds_without_a_byte() -> None:
    clock = Clock()
    meter = ActivityMeter(ActivityKind.DOWNLOAD, clock)
    assert meter.activity().is_queued
    meter.report(Step(done_bytes=1000, total_bytes=10_000, bytes_per_s=500.0))
    clock.now_s = 19.0
    meter.report(Step(done_bytes=1000, total_bytes=10_000, bytes_per_s=50.0))
    assert not meter.activity().stalled
    clock.now_s = 20.0
    activity = meter.activity()
    assert activity.stalled
    assert activity.bytes_per_s == 0.0
    assert activity.seconds_left is None
    meter.report(Step(done_bytes=2000, total_bytes=10_000, bytes_per_s=100.0))
    assert not meter.activity().stalled


def test_that_a_queue_is_no_standstill() -> None:
    clock = Clock()
    meter = ActivityMeter(ActivityKind.DOWNLOAD, clock)
    clock.now_s = 1000.0
    assert not meter.activity().stalled
    meter.report(Step())
    assert not meter.activity().stalled
