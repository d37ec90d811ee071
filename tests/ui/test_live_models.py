"""The models of a session, without a page: opened on a lane, downloaded, stopped, gone on with, judged anew."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.fakes.hardware import load
from tests.fakes.hub import FakeHub
from tests.ui.conftest import WAIT_MS, fake_engine
from tests.ui.models_kit import KEY, REPO, WEIGHTS, add_repositories, flip, folder_of, model_files, slow_hub
from wan_desktop.core.errors import ModelBusyError
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.model_jobs import repository_name
from wan_desktop.core.model_offers import FitBadge, usual_mode, usual_video
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import MemoryMode, Settings
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.status import ModelStatus
from wan_desktop.core.wanted_downloads import WantedDownloads
from wan_desktop.ui.live import pc as live_pc
from wan_desktop.ui.live.models import LiveModels
from wan_desktop.ui.live.pc_change import PcChange
from wan_desktop.ui.session import Session

if TYPE_CHECKING:
    from wan_desktop.core.compatibility import CompatibilityCheck

GB = 1_000_000_000
PC = "rtx-4070-12gb-32gb"


@pytest.fixture(scope="module")
def files(tiny_model: Callable[[str], Path]) -> dict[str, bytes]:
    return model_files(tiny_model("t2v"))


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.add_repo(REPO, files)
        monkeypatch.setenv("HF_ENDPOINT", fake.url)
        monkeypatch.setattr(live_pc, "probe", lambda **_: load(PC))
        yield fake


@pytest.fixture
def models(hub: FakeHub, paths: AppPaths, qtbot: QtBot, qapp: QApplication) -> Iterator[LiveModels]:
    paths.ensure()
    add_repositories(paths)
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    qtbot.waitUntil(lambda: bool(session.models.offers()), timeout=WAIT_MS)
    yield session.models
    session.shutdown()


def wait_for(qtbot: QtBot, models: LiveModels, status: ModelStatus, key: ModelKey = KEY) -> None:
    def check() -> None:
        state = models.state(key)
        assert state is not None
        assert state.status is status

    qtbot.waitUntil(check, timeout=WAIT_MS)


def test_that_making_a_session_opens_nothing_on_its_thread(
    hub: FakeHub, paths: AppPaths, qtbot: QtBot, qapp: QApplication
) -> None:
    paths.ensure()
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    assert session.models.manager is None
    assert session.models.catalog is None
    assert session.models.offers() == ()
    qtbot.waitUntil(lambda: session.models.manager is not None, timeout=WAIT_MS)
    session.shutdown()


def test_that_only_the_built_in_model_is_ready_at_first(models: LiveModels) -> None:
    assert [offer.key.model_id for offer in models.ready()] == ["shapes"]


def test_that_a_download_reports_itself_and_ends_ready(
    qtbot: QtBot, models: LiveModels, hub: FakeHub, paths: AppPaths
) -> None:
    slow_hub(hub, 100_000)
    seen: list[tuple[int, int]] = []

    def note(key: ModelKey | None) -> None:
        activity = models.activity(KEY)
        if key == KEY and activity is not None:
            seen.append((activity.done_bytes, activity.total_bytes))

    models.changed.connect(note)
    with qtbot.waitSignal(models.finished, timeout=WAIT_MS) as ended:
        models.download(KEY)
        activity = models.activity(KEY)
        assert activity is not None
        assert activity.kind is ActivityKind.DOWNLOAD
    models.changed.disconnect(note)
    assert ended.args[:2] == [KEY, ActivityKind.DOWNLOAD]
    wait_for(qtbot, models, ModelStatus.AVAILABLE)
    assert KEY in [offer.key for offer in models.ready()]
    assert models.activity(KEY) is None
    assert len({done for done, _ in seen}) > 2
    assert seen == sorted(seen)
    wanted = WantedDownloads(paths.data / "wanted-downloads.json")
    qtbot.waitUntil(lambda: not wanted.keys(), timeout=WAIT_MS)


def test_that_a_pause_keeps_what_arrived(qtbot: QtBot, models: LiveModels, hub: FakeHub, paths: AppPaths) -> None:
    slow_hub(hub)
    models.download(KEY)
    qtbot.waitUntil(lambda: hub.bytes_sent() > 100_000, timeout=WAIT_MS)
    models.pause(KEY)
    wait_for(qtbot, models, ModelStatus.INCOMPLETE)
    qtbot.waitUntil(lambda: models.activity(KEY) is None, timeout=WAIT_MS)
    assert models.is_paused(KEY)
    assert models.error(KEY) is None
    hub.rate_limit(1e9)
    hub.forget_requests()
    models.download(KEY)
    wait_for(qtbot, models, ModelStatus.AVAILABLE)
    assert folder_of(paths).is_dir()


def test_that_a_cancel_deletes_what_arrived(qtbot: QtBot, models: LiveModels, hub: FakeHub, paths: AppPaths) -> None:
    slow_hub(hub)
    models.download(KEY)
    qtbot.waitUntil(lambda: hub.bytes_sent() > 50_000, timeout=WAIT_MS)
    models.cancel(KEY)
    wait_for(qtbot, models, ModelStatus.MISSING)
    wanted = WantedDownloads(paths.data / "wanted-downloads.json")
    qtbot.waitUntil(lambda: not wanted.keys(), timeout=WAIT_MS)


def test_that_only_one_thing_is_done_with_a_model_at_a_time(qtbot: QtBot, models: LiveModels, hub: FakeHub) -> None:
    slow_hub(hub)
    models.download(KEY)
    models.download(KEY)
    models.verify(KEY)
    models.remove(KEY)
    activity = models.activity(KEY)
    assert activity is not None
    assert activity.kind is ActivityKind.DOWNLOAD
    models.pause(KEY)
    qtbot.waitUntil(lambda: models.activity(KEY) is None, timeout=WAIT_MS)


def test_that_what_another_part_of_the_program_does_is_seen(qtbot: QtBot, models: LiveModels, paths: AppPaths) -> None:
    models.download(KEY)
    wait_for(qtbot, models, ModelStatus.AVAILABLE)
    flip(folder_of(paths) / WEIGHTS, 5000)
    assert models.manager is not None
    models.manager.checks.verify(KEY, JobContext("other", lambda *_: None), deep=True)
    wait_for(qtbot, models, ModelStatus.CORRUPTED)
    models.repair(KEY)
    wait_for(qtbot, models, ModelStatus.AVAILABLE)


def test_that_an_error_is_kept_until_the_next_try(qtbot: QtBot, models: LiveModels) -> None:
    models.download(KEY)
    wait_for(qtbot, models, ModelStatus.AVAILABLE)
    qtbot.waitUntil(lambda: models.activity(KEY) is None, timeout=WAIT_MS)
    assert models.manager is not None
    library = models.manager.libraries.main()
    with library.hold(KEY, "a test"), qtbot.waitSignal(models.failed, timeout=WAIT_MS) as failed:
        models.verify(KEY)
    assert failed.args[0] == KEY
    assert isinstance(models.error(KEY), ModelBusyError)
    with qtbot.waitSignal(models.finished, timeout=WAIT_MS):
        models.verify(KEY)
    assert models.error(KEY) is None


def test_that_a_check_waits_for_the_pc_and_names_what_would_help(qtbot: QtBot, models: LiveModels) -> None:
    assert models.catalog is not None
    metadata = models.catalog["wan2.1-i2v-14b-720p"]
    mode = usual_mode(metadata)
    found: list[CompatibilityCheck] = []
    models.check(metadata, metadata.variant("bf16"), mode, usual_video(metadata, mode), found.append)
    qtbot.waitUntil(lambda: bool(found), timeout=WAIT_MS)
    assert not found[0].fit.fits
    assert found[0].recommendations


def test_that_another_memory_mode_judges_anew(qtbot: QtBot, models: LiveModels) -> None:
    session = models.parent()
    assert isinstance(session, Session)
    session.pc.look()
    qtbot.waitUntil(lambda: any(offer.check for offer in models.offers()) and models.is_settled, timeout=WAIT_MS)
    slow = [offer for offer in models.offers() if offer.badge is FitBadge.SLOW]
    assert slow
    with qtbot.waitSignal(models.catalog_changed, timeout=WAIT_MS):
        session.change_settings(session.settings.with_changes(memory_mode=MemoryMode.FASTEST))
    assert len([offer for offer in models.offers() if offer.badge is FitBadge.SLOW]) < len(slow)


def test_that_another_folder_opens_other_models(qtbot: QtBot, models: LiveModels, tmp_path: Path) -> None:
    models.download(KEY)
    wait_for(qtbot, models, ModelStatus.AVAILABLE)
    qtbot.waitUntil(lambda: models.activity(KEY) is None, timeout=WAIT_MS)
    session = models.parent()
    assert isinstance(session, Session)
    before = models.manager
    session.change_settings(session.settings.with_changes(model_folders=(tmp_path / "elsewhere",)))
    qtbot.waitUntil(lambda: models.manager is not before, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: models.is_settled, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: models.storage()[0].folders[0].root == tmp_path / "elsewhere", timeout=WAIT_MS)
    assert KEY not in [offer.key for offer in models.ready()]


# Pieces --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("wan/tiny", "wan/tiny"),
        (" https://huggingface.co/wan/tiny ", "wan/tiny"),
        ("https://huggingface.co/wan/tiny/tree/main/vae", "wan/tiny"),
        ("huggingface.co/wan/tiny?library=diffusers", "wan/tiny"),
        ("https://hf.co/wan/tiny#files", "wan/tiny"),
    ],
)
def test_that_names_and_addresses_mean_the_same_repository(typed: str, name: str) -> None:
    assert repository_name(typed) == name


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'[["a"]]', b'[["..", "x"]]', b"\xff", b'[["a", "b"], null]'])
def test_that_rubbish_in_the_list_of_downloads_does_no_harm(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "wanted.json"
    file.write_bytes(content)
    wanted = WantedDownloads(file)
    assert wanted.keys() == []
    wanted.add(KEY)
    assert WantedDownloads(file).keys() == [KEY]
    wanted.discard(KEY)
    assert WantedDownloads(file).keys() == []


def test_that_small_changes_of_free_memory_judge_nothing_anew() -> None:
    now = [0.0]
    change = PcChange(lambda: now[0])
    profile = load(PC)
    assert change.matters(profile)
    change.use(profile)
    now[0] = 60.0
    assert not change.matters(_with_free(profile, -GB // 4))
    assert change.matters(_with_free(profile, -2 * GB))
    now[0] = 5.0
    assert not change.matters(_with_free(profile, -2 * GB))
    assert change.matters(load("rtx-4090-24gb-64gb"))


def _with_free(profile: HardwareProfile, more_bytes: int) -> HardwareProfile:
    gpus: tuple[Any, ...] = tuple(replace(gpu, free_bytes=gpu.free_bytes + more_bytes) for gpu in profile.gpus)
    return replace(profile, gpus=gpus)
