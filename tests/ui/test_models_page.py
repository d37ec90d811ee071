"""The Models page as a user works with it, against a Hub on this machine and PCs on paper."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from tests.fakes.hardware import load
from tests.fakes.hub import FakeHub
from tests.fakes.keyrings import MemoryKeyring
from tests.ui.conftest import WAIT_MS, fake_engine
from tests.ui.models_kit import (
    GATED,
    GATED_KEY,
    KEY,
    REPO,
    WEIGHTS,
    OpenPage,
    add_repositories,
    click,
    flip,
    folder_of,
    model_files,
    select,
    slow_hub,
    status,
    wait_for_models,
    wait_for_status,
)
from wan_desktop.core.announcements import Announcement
from wan_desktop.core.catalog import add_entry, metadata_for_repo
from wan_desktop.core.errors import ModelBusyError
from wan_desktop.core.model_list import Deed, Filter, ShownStatus
from wan_desktop.core.model_offers import FitBadge, Group
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.manifest import METADATA_FOLDER
from wan_desktop.ui.live import pc as live_pc
from wan_desktop.ui.models.cards import ModelCard
from wan_desktop.ui.models.page import ModelsPage
from wan_desktop.ui.page import PageId
from wan_desktop.ui.session import Session
from wan_desktop.ui.text import DOT, NO_BREAK
from wan_desktop.ui.widgets.form import Fold

SMALL = ModelKey("wan2.1-t2v-1.3b", "bf16")


@pytest.fixture(scope="module")
def files(tiny_model: Callable[[str], Path]) -> dict[str, bytes]:
    return model_files(tiny_model("t2v"))


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.add_repo(REPO, files)
        fake.add_repo(GATED, files, gated=True)
        monkeypatch.setenv("HF_ENDPOINT", fake.url)
        yield fake


@pytest.fixture
def open_models(
    qtbot: QtBot, qapp: QApplication, paths: AppPaths, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenPage]:
    """Opens the page on a PC on paper; closing it and opening it again is what a restart is."""
    sessions: list[Session] = []
    paths.ensure()
    add_repositories(paths)

    def start(pc: str = "rtx-4070-12gb-32gb") -> ModelsPage:
        close()
        monkeypatch.setattr(live_pc, "probe", lambda **_: load(pc))
        session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
        sessions.append(session)
        page = ModelsPage(session)
        qtbot.addWidget(page)
        page.resize(1180, 820)
        page.show()
        wait_for_models(qtbot, session)
        return page

    def close() -> None:
        while sessions:
            sessions.pop().shutdown()

    yield start
    close()


@pytest.fixture
def page(open_models: OpenPage) -> ModelsPage:
    return open_models()


@pytest.fixture
def downloaded(qtbot: QtBot, page: ModelsPage) -> ModelsPage:
    """With the tiny model, chosen in the list."""
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    wait_for_status(qtbot, page, ShownStatus.READY)
    return page


def said(page: ModelsPage) -> str:
    return page.notices.notice.title.text() if page.notices.notice is not None else ""


def wait_until_said(qtbot: QtBot, page: ModelsPage, words: str) -> None:
    qtbot.waitUntil(lambda: words in said(page), timeout=WAIT_MS)


# Downloads -----------------------------------------------------------------------------------------------------------


def test_that_a_model_is_downloaded_by_a_click(
    qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths, files: dict[str, bytes]
) -> None:
    assert all((folder_of(paths) / name).read_bytes() == data for name, data in files.items())
    wait_until_said(qtbot, downloaded, "is ready")
    ready = "1 ready on this PC".replace(" ", NO_BREAK)
    qtbot.waitUntil(lambda: downloaded.subtitle.text().startswith(ready), timeout=WAIT_MS)
    assert downloaded.details.button(Deed.CREATE).isVisible()


def test_that_a_second_click_does_nothing_bad(qtbot: QtBot, page: ModelsPage, hub: FakeHub) -> None:
    slow_hub(hub)
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    page.deeds.do(KEY, Deed.DOWNLOAD)
    page.deeds.do(KEY, Deed.DOWNLOAD)
    hub.rate_limit(1e9)
    wait_for_status(qtbot, page, ShownStatus.READY)
    assert page.session.models.error(KEY) is None


def test_that_a_download_shows_how_far_it_is_and_can_be_paused(
    qtbot: QtBot, page: ModelsPage, hub: FakeHub, paths: AppPaths
) -> None:
    slow_hub(hub)
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    card = page.list.card(KEY)
    assert card is not None
    qtbot.waitUntil(lambda: "%" in card.status.text() and "/s" in card.status.text(), timeout=WAIT_MS)
    assert card.bar.isVisible()
    assert page.details.progress.isVisible()
    qtbot.mouseClick(card.pause, Qt.MouseButton.LeftButton)
    wait_for_status(qtbot, page, ShownStatus.PAUSED)
    assert not folder_of(paths).exists()
    assert card.pause.accessibleName() == "Go on"
    hub.rate_limit(1e9)
    qtbot.mouseClick(card.pause, Qt.MouseButton.LeftButton)
    wait_for_status(qtbot, page, ShownStatus.READY)


def test_that_a_download_goes_on_when_the_window_is_opened_again(
    qtbot: QtBot, open_models: OpenPage, hub: FakeHub, files: dict[str, bytes], paths: AppPaths
) -> None:
    page = open_models()
    slow_hub(hub)
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    wait_for_status(qtbot, page, ShownStatus.DOWNLOADING)
    qtbot.waitUntil(lambda: hub.bytes_sent() > 50_000, timeout=WAIT_MS)
    page = open_models()
    hub.rate_limit(1e9)
    wait_for_status(qtbot, page, ShownStatus.READY)
    assert (folder_of(paths) / WEIGHTS).read_bytes() == files[WEIGHTS]


def test_that_a_paused_download_stays_paused_when_the_window_is_opened_again(
    qtbot: QtBot, open_models: OpenPage, hub: FakeHub
) -> None:
    page = open_models()
    slow_hub(hub)
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    qtbot.waitUntil(lambda: hub.bytes_sent() > 50_000, timeout=WAIT_MS)
    click(qtbot, page, Deed.PAUSE)
    wait_for_status(qtbot, page, ShownStatus.PAUSED)
    page = open_models()
    assert status(page) is ShownStatus.PAUSED
    hub.rate_limit(1e9)
    select(page, KEY)
    click(qtbot, page, Deed.RESUME)
    wait_for_status(qtbot, page, ShownStatus.READY)


def test_that_what_arrived_is_deleted_only_after_a_question(
    qtbot: QtBot, page: ModelsPage, hub: FakeHub, paths: AppPaths
) -> None:
    slow_hub(hub)
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    wait_for_status(qtbot, page, ShownStatus.DOWNLOADING)
    click(qtbot, page, Deed.CANCEL)
    assert page.deeds.question is not None
    page.deeds.question.no.click()
    assert status(page) is ShownStatus.DOWNLOADING
    click(qtbot, page, Deed.CANCEL)
    page.deeds.question.yes.click()
    wait_for_status(qtbot, page, ShownStatus.NOT_DOWNLOADED)
    assert not list(paths.models.rglob("*.part"))


def test_that_a_download_waits_for_the_internet(
    qtbot: QtBot, page: ModelsPage, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.fault("status_500", times=None)
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    wait_for_status(qtbot, page, ShownStatus.WAITING_FOR_INTERNET)
    click(qtbot, page, Deed.PAUSE)
    wait_for_status(qtbot, page, ShownStatus.NOT_DOWNLOADED)


def test_that_a_closed_repository_asks_for_a_token(
    qtbot: QtBot, page: ModelsPage, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    try:
        select(page, GATED_KEY)
        click(qtbot, page, Deed.DOWNLOAD)
        wait_for_status(qtbot, page, ShownStatus.NEEDS_TOKEN, GATED_KEY)
        form = page.details.token
        assert form.isVisible()
        assert not form.use.isEnabled()
        qtbot.keyClicks(form.field, hub.token)
        qtbot.mouseClick(form.use, Qt.MouseButton.LeftButton)
        wait_for_status(qtbot, page, ShownStatus.READY, GATED_KEY)
        assert not form.isVisible()
    finally:
        keyring.set_keyring(before)


# Checks and repair ---------------------------------------------------------------------------------------------------


def test_that_a_flipped_byte_is_found_and_repaired(
    qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths, files: dict[str, bytes]
) -> None:
    page = downloaded
    flip(folder_of(paths) / WEIGHTS, 5000)
    click(qtbot, page, Deed.CHECK)
    wait_for_status(qtbot, page, ShownStatus.NEEDS_REPAIR)
    card = page.list.card(KEY)
    assert card is not None
    assert card.status.text() == f"Needs repair (1 of {len(files)} files)"
    repair = page.details.button(Deed.REPAIR)
    assert repair.text() == f"Repair (1 of {len(files)} files)"
    click(qtbot, page, Deed.REPAIR)
    wait_for_status(qtbot, page, ShownStatus.READY)
    assert (folder_of(paths) / WEIGHTS).read_bytes() == files[WEIGHTS]


def test_that_all_files_can_be_checked_at_once(qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths) -> None:
    page = downloaded
    qtbot.waitUntil(page.check_all.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(page.check_all, Qt.MouseButton.LeftButton)
    wait_until_said(qtbot, page, "All files of all models are good")
    flip(folder_of(paths) / WEIGHTS, 5000)
    qtbot.waitUntil(page.check_all.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(page.check_all, Qt.MouseButton.LeftButton)
    wait_until_said(qtbot, page, "1 model needs repair")
    wait_for_status(qtbot, page, ShownStatus.NEEDS_REPAIR)


def test_that_a_missing_file_reads_as_incomplete(qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths) -> None:
    (folder_of(paths) / WEIGHTS).unlink()
    click(qtbot, downloaded, Deed.CHECK)
    wait_for_status(qtbot, downloaded, ShownStatus.INCOMPLETE)
    click(qtbot, downloaded, Deed.REPAIR)
    wait_for_status(qtbot, downloaded, ShownStatus.READY)


def test_that_a_model_whose_file_list_is_lost_is_downloaded_again(
    qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths
) -> None:
    (folder_of(paths) / METADATA_FOLDER / "manifest.json").unlink()
    click(qtbot, downloaded, Deed.CHECK)
    wait_for_status(qtbot, downloaded, ShownStatus.NEEDS_REPAIR)
    qtbot.waitUntil(downloaded.details.button(Deed.DOWNLOAD_AGAIN).isVisible, timeout=WAIT_MS)
    click(qtbot, downloaded, Deed.DOWNLOAD_AGAIN)
    wait_for_status(qtbot, downloaded, ShownStatus.READY)


def test_that_an_update_is_found_and_brought(
    qtbot: QtBot, downloaded: ModelsPage, hub: FakeHub, paths: AppPaths, files: dict[str, bytes]
) -> None:
    page = downloaded
    click(qtbot, page, Deed.ASK_HUB)
    wait_until_said(qtbot, page, "is the newest there is")
    newer = files | {"scheduler/scheduler_config.json": files["scheduler/scheduler_config.json"] + b"\n"}
    hub.move(REPO, newer)
    click(qtbot, page, Deed.ASK_HUB)
    wait_for_status(qtbot, page, ShownStatus.UPDATE_AVAILABLE)
    click(qtbot, page, Deed.UPDATE)
    wait_for_status(qtbot, page, ShownStatus.READY)
    assert (folder_of(paths) / "scheduler/scheduler_config.json").read_bytes().endswith(b"\n")


# Remove, adopt, add --------------------------------------------------------------------------------------------------


def test_that_a_removal_can_be_undone(qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths) -> None:
    page = downloaded
    click(qtbot, page, Deed.REMOVE)
    wait_for_status(qtbot, page, ShownStatus.NOT_DOWNLOADED)
    assert not folder_of(paths).exists()
    messages = page.session.messages
    qtbot.waitUntil(lambda: bool(messages.messages), timeout=WAIT_MS)
    said = messages.messages[0]
    assert said.title.endswith("was removed")
    assert said.action[0] == "Undo (Ctrl+Z)"
    messages.act(said)
    wait_for_status(qtbot, page, ShownStatus.READY)


def test_that_what_ends_while_another_page_is_in_front_becomes_a_toast(qtbot: QtBot, downloaded: ModelsPage) -> None:
    page = downloaded
    before = said(page)
    page.hide()
    page.session.models.verify(KEY)
    messages = page.session.messages
    qtbot.waitUntil(lambda: bool(messages.messages), timeout=WAIT_MS)
    assert messages.messages[0].title.endswith("is good")
    assert said(page) == before


def test_that_del_removes_and_ctrl_z_brings_back(qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths) -> None:
    page = downloaded
    page.activateWindow()
    card = page.list.card(KEY)
    card.setFocus()
    qtbot.waitUntil(card.hasFocus, timeout=WAIT_MS)
    qtbot.keyClick(card, Qt.Key.Key_Delete)
    wait_for_status(qtbot, page, ShownStatus.NOT_DOWNLOADED)
    qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    wait_for_status(qtbot, page, ShownStatus.READY)
    assert folder_of(paths).is_dir()


def test_that_a_download_is_told_to_its_end(
    qtbot: QtBot, page: ModelsPage, heard: list[Announcement], hub: FakeHub
) -> None:
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    wait_for_status(qtbot, page, ShownStatus.READY)
    qtbot.waitUntil(lambda: any("is ready. Every file was checked." in each.text for each in heard), timeout=WAIT_MS)
    percents = [each.text for each in heard if each.text.endswith(" %")]
    assert percents == list(dict.fromkeys(percents))


def test_that_a_download_that_fails_is_told_at_once(
    qtbot: QtBot, page: ModelsPage, heard: list[Announcement], hub: FakeHub
) -> None:
    select(page, GATED_KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    qtbot.waitUntil(lambda: any(each.assertive for each in heard), timeout=WAIT_MS)
    (told,) = [each.text for each in heard if each.assertive]
    assert page.list.card(GATED_KEY).standing.error.shown_title in told


def test_that_a_removed_model_is_listed_and_can_be_put_back_or_deleted(
    qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths
) -> None:
    page = downloaded
    assert page.removed.isHidden()
    click(qtbot, page, Deed.REMOVE)
    qtbot.waitUntil(page.removed.isVisible, timeout=WAIT_MS)
    assert page.removed.text().startswith("Recently removed (1, ")
    qtbot.mouseClick(page.removed, Qt.MouseButton.LeftButton)
    dialog = page.deeds.trash
    assert "deleted in 7 days" in dialog.items.item(0).text()
    qtbot.mouseClick(dialog.put_back, Qt.MouseButton.LeftButton)
    wait_for_status(qtbot, page, ShownStatus.READY)
    qtbot.waitUntil(lambda: dialog.items.count() == 0, timeout=WAIT_MS)
    assert not dialog.put_back.isEnabled()
    dialog.reject()
    click(qtbot, page, Deed.REMOVE)
    qtbot.waitUntil(page.removed.isVisible, timeout=WAIT_MS)
    qtbot.mouseClick(page.removed, Qt.MouseButton.LeftButton)
    dialog = page.deeds.trash
    qtbot.mouseClick(dialog.delete, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dialog.question.yes, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.removed.isHidden, timeout=WAIT_MS)
    assert not list((paths.models / ".wan-desktop" / "trash").iterdir())
    assert not folder_of(paths).exists()
    dialog.reject()


def test_that_a_model_in_use_says_so_and_is_neither_removed_nor_checked(
    qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths
) -> None:
    page, models = downloaded, downloaded.session.models
    with models.manager.using(folder_of(paths)):
        wait_for_status(qtbot, page, ShownStatus.IN_USE)
        assert page.list.card(KEY).status.text() == "In use (a video is being made with it)"
        assert page.details.button(Deed.REMOVE).isHidden()
        assert page.details.button(Deed.CHECK).isHidden()
        assert KEY in [offer.key for offer in models.ready()]
        models.remove(KEY)  # as a shortcut or another page might
        qtbot.waitUntil(lambda: models.error(KEY) is not None, timeout=WAIT_MS)
        assert "making a video" in models.error(KEY).message
        models.repair(KEY)
        qtbot.waitUntil(lambda: models.activity(KEY) is None, timeout=WAIT_MS)
        assert isinstance(models.error(KEY), ModelBusyError)
    wait_for_status(qtbot, page, ShownStatus.READY)
    assert folder_of(paths).is_dir()


def test_that_a_model_that_another_program_uses_is_in_use_until_it_is_done(
    qtbot: QtBot, downloaded: ModelsPage, paths: AppPaths
) -> None:
    page = downloaded
    code = (
        "import sys; from pathlib import Path; from wan_desktop.core.store.disk import Disk\n"
        "from wan_desktop.core.store.libraries import Libraries\n"
        "root, folder = map(Path, sys.argv[1:])\n"
        "with Libraries(Disk(), [root]).using(folder):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(paths.models), str(folder_of(paths))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline().strip() == b"held"
        page.refresh()
        wait_for_status(qtbot, page, ShownStatus.IN_USE)
        with pytest.raises(ModelBusyError, match=f"making a video.*process {other.pid}"):
            page.session.models.manager.remove(KEY)
        with page.session.models.manager.using(folder_of(paths)):
            pass  # a second video at the same time is no harm
        other.stdin.close()
    wait_for_status(qtbot, page, ShownStatus.READY)


def test_that_a_folder_of_the_user_joins_the_library(
    qtbot: QtBot, page: ModelsPage, tiny_model: Callable[[str], Path], tmp_path: Path, files: dict[str, bytes]
) -> None:
    own = tmp_path / "my models" / "mine"
    for name, data in files.items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(data)
    page.deeds.adopt(own.parent)
    wait_until_said(qtbot, page, "1 model was added")
    qtbot.waitUntil(
        lambda: any(offer.metadata.name == "mine" and offer.is_usable for offer in page.session.models.offers()),
        timeout=WAIT_MS,
    )
    qtbot.waitUntil(lambda: page.details.name.text() == "mine", timeout=WAIT_MS)
    assert (own / WEIGHTS).read_bytes() == files[WEIGHTS]


def test_that_a_repository_is_added_by_the_address_of_its_page(
    qtbot: QtBot, page: ModelsPage, hub: FakeHub, files: dict[str, bytes]
) -> None:
    hub.add_repo("other/new-Diffusers", files)
    qtbot.mouseClick(page.add_repository, Qt.MouseButton.LeftButton)
    dialog = page.deeds.dialog
    assert dialog is not None
    qtbot.waitUntil(dialog.isVisible, timeout=WAIT_MS)
    qtbot.keyClicks(dialog.field, "https://huggingface.co/other/new-Diffusers/tree/main")
    qtbot.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    wait_until_said(qtbot, page, "other/new-Diffusers was added")
    qtbot.waitUntil(lambda: "other/new-Diffusers" in page.details.name.text(), timeout=WAIT_MS)
    assert page.details.button(Deed.DOWNLOAD).isVisible()


def test_that_a_repository_that_does_not_exist_is_told(qtbot: QtBot, page: ModelsPage) -> None:
    page.session.models.add_repository("nobody/nothing")
    wait_until_said(qtbot, page, "moved or removed")


# The list ------------------------------------------------------------------------------------------------------------


def groups(page: ModelsPage) -> dict[Group, set[FitBadge]]:
    found: dict[Group, set[FitBadge]] = {}
    for card in page.list.cards:
        found.setdefault(card.standing.offer.group, set()).add(card.standing.offer.badge)
    return found


@pytest.mark.parametrize("pc", ["rtx-2060-6gb-16gb", "rtx-4070-12gb-32gb", "rtx-5090-32gb-96gb"])
def test_that_models_stand_in_the_group_that_fits_the_pc(open_models: OpenPage, pc: str) -> None:
    page = open_models(pc)
    found = groups(page)
    assert all(badge.fits for badge in found[Group.RECOMMENDED])
    assert all(not badge.fits for badge in found.get(Group.TOO_BIG, set()))
    card = page.list.cards[0]
    assert card.badge.text in ("Runs well", "Tight", "Slow, saves memory")
    assert page.first.notice is not None


def test_that_a_pc_without_a_card_recommends_nothing(open_models: OpenPage) -> None:
    page = open_models("no-card-laptop-8gb")
    assert Group.RECOMMENDED not in groups(page)
    assert page.first.notice is None
    shapes = page.list.card(ModelKey("shapes", "original"))
    assert shapes is not None
    assert shapes.badge.text == "Runs well"


def test_that_a_search_leaves_what_matches(qtbot: QtBot, page: ModelsPage) -> None:
    qtbot.keyClicks(page.search.field, "ti2v q8")
    qtbot.waitUntil(lambda: [str(card.key) for card in page.list.cards] == ["wan2.2-ti2v-5b--Q8_0"], timeout=WAIT_MS)
    qtbot.keyClicks(page.search.field, " nonsense")
    qtbot.waitUntil(page.empty.isVisible, timeout=WAIT_MS)
    assert page.empty.page is not None
    qtbot.mouseClick(page.empty.page.buttons[0], Qt.MouseButton.LeftButton)
    assert page.search.text == ""
    assert page.list.cards


def test_that_of_hundreds_of_models_only_cards_that_are_looked_at_are_made(
    qtbot: QtBot, open_models: OpenPage, paths: AppPaths
) -> None:
    for number in range(200):
        add_entry(metadata_for_repo(f"bench/model-{number:03}-Diffusers"), paths.added_models)
    page = open_models()
    qtbot.waitUntil(lambda: page.list.count >= 200, timeout=WAIT_MS)
    assert len(page.list.cards) < 60
    bar = page.list_area.verticalScrollBar()
    seen = page.list.cards
    for part in range(1, 21):
        bar.setValue(bar.maximum() * part // 20)
        qtbot.waitUntil(lambda: bool(_cards_in_sight(page)), timeout=WAIT_MS)
    last = _cards_in_sight(page)[-1]
    assert last not in seen
    qtbot.waitUntil(lambda: len(page.list.cards) <= 70, timeout=WAIT_MS)
    qtbot.mouseClick(last, Qt.MouseButton.LeftButton)
    assert page.selected == last.key
    qtbot.keyClick(last, Qt.Key.Key_Home)
    assert page.selected == page.list.cards[0].key
    qtbot.keyClick(page.list.cards[0], Qt.Key.Key_End)
    assert page.list.card(page.selected).accessibleName().endswith(f"{page.list.count} of {page.list.count}.")


def _cards_in_sight(page: ModelsPage) -> list[ModelCard]:
    return [card for card in page.list.cards if not card.visibleRegion().isEmpty()]


def test_that_a_filter_says_what_it_hides(qtbot: QtBot, open_models: OpenPage) -> None:
    page = open_models("no-card-laptop-8gb")
    qtbot.mouseClick(page.search.chips[Filter.FITS], Qt.MouseButton.LeftButton)
    assert {str(card.key) for card in page.list.cards} == {"shapes--original"}
    page.search.set_text("14b")
    assert page.empty.isVisible()
    assert page.empty.page is not None
    assert "hidden by 'Fits this PC'" in page.empty.page.words.text()


def test_that_more_versions_are_unfolded(qtbot: QtBot, page: ModelsPage) -> None:
    before, made = page.list.count, len(page.list.cards)
    page.list.unfold_requested.emit(Group.ALSO_WORKS)
    assert page.list.count > before
    qtbot.waitUntil(lambda: len(page.list.cards) > made, timeout=WAIT_MS)


def test_that_what_is_looked_at_stays_in_sight(qtbot: QtBot, page: ModelsPage) -> None:
    folded = ModelKey("wan2.1-t2v-14b", "Q8_0")
    assert page.list.card(folded) is None
    select(page, folded)
    page.refresh()
    with qtbot.waitSignal(page.session.pc.changed, timeout=WAIT_MS):
        page.session.pc.look()
    qtbot.waitUntil(lambda: page.session.models.is_settled, timeout=WAIT_MS)
    page._show_all()
    assert page.selected == folded
    card = page.list.card(folded)
    assert card is not None
    qtbot.waitUntil(lambda: not card.visibleRegion().isEmpty(), timeout=WAIT_MS)


def test_that_the_keyboard_walks_through_the_list(qtbot: QtBot, page: ModelsPage) -> None:
    page.list.cards[0].setFocus()
    qtbot.keyClick(page.list.cards[0], Qt.Key.Key_Down)
    assert page.selected == page.list.cards[1].key
    qtbot.keyClick(page.list.cards[1], Qt.Key.Key_End)
    assert page.selected == page.list.cards[-1].key
    qtbot.keyClick(page.list.cards[-1], Qt.Key.Key_Home)
    assert page.selected == page.list.cards[0].key
    assert page.details.key == page.selected
    page.focus_search()
    assert page.search.field is page.focusWidget()


def test_that_a_card_says_all_to_a_screen_reader(page: ModelsPage) -> None:
    select(page, SMALL)
    card = page.list.card(SMALL)
    assert card is not None
    assert re.fullmatch(
        r"Wan 2\.1 T2V 1\.3B, full\. Runs well on this PC\. Not downloaded\. 14\.7 gigabytes\. \d+ of \d+\.",
        card.accessibleName(),
    )


# The report ----------------------------------------------------------------------------------------------------------


def wait_for_report(qtbot: QtBot, page: ModelsPage, key: ModelKey) -> None:
    select(page, key)
    qtbot.waitUntil(
        lambda: page.details.report.report is not None and page.details.report.report.check.model_id == key.model_id,
        timeout=WAIT_MS,
    )


def test_that_the_report_tells_what_a_video_needs(qtbot: QtBot, page: ModelsPage) -> None:
    wait_for_report(qtbot, page, SMALL)
    report = page.details.report
    assert report.verdict.text() == "Runs well on this PC"
    assert report.sentence.text().startswith("5 s at 832 \u00d7 480 in about")
    assert report.video_memory.isVisible()
    assert re.fullmatch(
        r"Video memory: [\d.]+ gigabytes needed, [\d.]+ free, fits", report.video_memory.bar.accessibleName()
    )
    assert report.accuracy.text().startswith("Estimate")


def test_that_the_report_can_be_copied(qtbot: QtBot, page: ModelsPage) -> None:
    wait_for_report(qtbot, page, SMALL)
    qtbot.mouseClick(page.details.report.copy, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().text()
    assert "Wan 2.1 T2V 1.3B" in copied
    assert "Video memory:" in copied
    assert "Licence: Apache-2.0" in copied


def test_that_another_length_is_asked_for(qtbot: QtBot, page: ModelsPage) -> None:
    wait_for_report(qtbot, page, SMALL)
    report = page.details.report
    box = report.length_box
    box.setCurrentIndex(0)
    box.activated.emit(0)
    qtbot.waitUntil(
        lambda: report.report is not None and report.report.workload.num_frames == box.itemData(0), timeout=WAIT_MS
    )
    assert report.sentence.text().startswith("1 s at")


def test_that_a_recommended_change_is_tried_by_a_click(qtbot: QtBot, page: ModelsPage) -> None:
    big = ModelKey("wan2.1-i2v-14b-720p", "bf16")
    wait_for_report(qtbot, page, big)
    report = page.details.report
    buttons = {button.text(): button for notice in report.notices for button in notice.buttons}
    assert "Try it" in buttons
    before = report.report
    qtbot.mouseClick(buttons["Try it"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: report.report is not before, timeout=WAIT_MS)
    assert report.report is not None
    assert report.report.check.fit.fits


def test_that_too_big_is_downloaded_only_after_a_question(qtbot: QtBot, page: ModelsPage) -> None:
    big = ModelKey("wan2.1-i2v-14b-720p", "Q4_K_M")
    select(page, big)
    assert not page.details.button(Deed.DOWNLOAD).isVisible()
    click(qtbot, page, Deed.TRY_ANYWAY)
    assert page.deeds.question is not None
    page.deeds.question.no.click()
    assert page.session.models.activity(big) is None


def test_that_not_supported_offers_nothing(page: ModelsPage) -> None:
    select(page, ModelKey("wan2.2-t2v-a14b", "nvidia-FP8"))
    assert not any(page.details.button(deed).isVisible() for deed in Deed)


def test_that_create_is_asked_for_with_the_model(qtbot: QtBot, downloaded: ModelsPage) -> None:
    with qtbot.waitSignal(downloaded.page_requested) as asked:
        click(qtbot, downloaded, Deed.CREATE)
    assert asked.args == [PageId.CREATE, KEY]


def test_that_history_files_and_storage_are_shown(qtbot: QtBot, downloaded: ModelsPage) -> None:
    facts = downloaded.details.facts

    def shown(fold: Fold) -> str:
        assert isinstance(fold.content, QPlainTextEdit)
        return fold.content.toPlainText()

    for fold in (facts.history, facts.files, facts.storage):
        fold.set_open(True)
    qtbot.waitUntil(lambda: "Download, done" in shown(facts.history), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: WEIGHTS in shown(facts.files), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "1 model" in shown(facts.storage), timeout=WAIT_MS)
    assert "all bytes read" in facts.checked.text()


def test_that_storage_is_told_by_drive(qtbot: QtBot, downloaded: ModelsPage, tmp_path: Path) -> None:
    session, facts = downloaded.session, downloaded.details.facts
    first = downloaded._models.storage()[0].folders[0].root
    second = tmp_path / "second folder"
    second.mkdir()
    session.change_settings(session.settings.with_changes(model_folders=(first, second)))
    models = downloaded._models
    qtbot.waitUntil(lambda: sum(len(drive.folders) for drive in models.storage()) == 2, timeout=WAIT_MS)
    facts.storage.set_open(True)
    content = facts.storage.content
    assert isinstance(content, QPlainTextEdit)
    qtbot.waitUntil(lambda: str(second) in content.toPlainText(), timeout=WAIT_MS)
    lines = content.toPlainText().splitlines()
    assert [line.count(" free") for line in lines] == [1, 0, 0]  # both are on one drive
    assert lines[0].startswith(f"{models.storage()[0].name}: 1 model, ")
    assert lines[1].startswith(f"    {first}: 1 model, ")
    assert lines[2] == f"    {second}: 0 models, 0 bytes"
    facts_of_head = downloaded.subtitle.text().split(DOT)
    assert len(facts_of_head) == 3
    assert not any(" " in fact for fact in facts_of_head)  # a line breaks only between them


def test_that_a_card_grows_with_what_it_shows(qtbot: QtBot, page: ModelsPage, hub: FakeHub) -> None:
    slow_hub(hub)
    select(page, KEY)
    click(qtbot, page, Deed.DOWNLOAD)
    wait_for_status(qtbot, page, ShownStatus.DOWNLOADING)
    card = page.list.card(KEY)
    assert card is not None
    qtbot.waitUntil(card.pause.isVisible, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: card.height() >= card.minimumSizeHint().height(), timeout=3000)
