"""The engine's installation in the window: real wheels, real environments, and buttons that are really pressed."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from tests.core.runtime.conftest import Parts, fails, lock_of, parts, quiet, runtimes_in, server, tools, works  # noqa: F401
from tests.fakes.hardware import load
from tests.fakes.runtime_process import InstallOrder, KillPoint
from tests.fakes.runtime_process import start as start_process
from tests.fakes.wheel_server import WheelServer
from tests.ui.conftest import WAIT_MS, OpenProgram
from tests.ui.runtime_kit import EngineShop
from wan_desktop.core.banner import BannerKind
from wan_desktop.core.engine_client import EngineAbsent, EngineReady
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.render_queue import RenderState
from wan_desktop.core.runtime.builder import BuildTools
from wan_desktop.core.runtime.pack import make_pack
from wan_desktop.core.runtime.runtime_card import RuntimeDeed
from wan_desktop.core.runtime.runtime_folder import InstalledRuntime
from wan_desktop.core.runtime.runtime_records import RuntimeState
from wan_desktop.core.settings import Settings, save_settings
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.ui.help.part import PartId
from wan_desktop.ui.page import SHOW_ENGINE, PageId
from wan_desktop.ui.program import Program
from wan_desktop.ui.runtime.panel import RuntimePanel
from wan_desktop.ui.session import Session
from wan_desktop.ui.wizard.wizard import Wizard

INSTALL_MS = 60_000
OpenInstalled = Callable[..., Program]


@pytest.fixture
def shop(tmp_path: Path, tools: BuildTools, server: WheelServer, parts: Parts) -> EngineShop:  # noqa: F811
    return EngineShop(tmp_path / "shop", tools, server, parts)


@pytest.fixture
def open_installed(open_program: OpenProgram, shop: EngineShop, paths: object) -> OpenInstalled:
    """Opens the installed program, whose engine comes from the shop."""

    def start(settings: Settings | None = None, *, bytes_per_s: int | None = None, **options: object) -> Program:
        chosen = settings or shop.settings()
        paths.ensure()  # type: ignore[attr-defined]
        save_settings(chosen, paths.settings_file)  # type: ignore[attr-defined]
        engine = shop.engine()
        engine.use(chosen)
        if bytes_per_s is not None:  # one after the other, so that what has come can be seen
            shop.runtimes.wheelhouse.use(TransferLimits(connections=1, max_connections=1, bytes_per_s=bytes_per_s))
        return open_program(engine_command=None, program_engine=engine, **options)

    return start


@pytest.fixture
def wizard(qtbot: QtBot, qapp: QApplication, paths: object, shop: EngineShop) -> Iterator[Wizard]:
    paths.ensure()  # type: ignore[attr-defined]
    profile = load("rtx-4070-12gb-32gb")
    session = Session(
        paths,  # type: ignore[arg-type]
        shop.settings(),
        qapp,
        look_at_pc=lambda: profile,
        program_engine=shop.engine(),
    )
    session.start_engine()
    made = Wizard(session)
    made.show()
    yield made
    if isValid(made):
        made.close()
    session.shutdown()


def press(qtbot: QtBot, panel: RuntimePanel, deed: RuntimeDeed) -> None:
    qtbot.mouseClick(panel.buttons[deed], Qt.MouseButton.LeftButton)


def panel_of(qtbot: QtBot, program: Program) -> RuntimePanel:
    """That of the page Help, when it has looked."""
    program.window.show_page(PageId.HELP, SHOW_ENGINE)
    page = program.window.pages[PageId.HELP]
    panel = page.parts[PartId.HEALTH].runtime
    qtbot.waitUntil(lambda: program.session.runtime.standing is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: program.session.runtime.standing.is_pc_known, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: panel.state.text not in ("", "checking", "looking at this PC"), timeout=WAIT_MS)
    return panel


def arrived(program: Program) -> int:
    """How many bytes of the engine have come, as the window knows."""
    work = program.session.runtime.work
    transfer = getattr(work.progress, "transfer", None) if work is not None else None
    return transfer.done_bytes if transfer is not None else 0


def offers_from_now(program: Program, panel: RuntimePanel) -> set[RuntimeDeed]:
    """A set of all that the panel offers from now on, be it for a moment."""
    offered: set[RuntimeDeed] = set()
    program.session.runtime.changed.connect(lambda: offered.update(panel.buttons))
    return offered


def until_ready(qtbot: QtBot, program: Program) -> None:
    qtbot.waitUntil(lambda: isinstance(program.session.engine_state, EngineReady), timeout=INSTALL_MS)


# The first one -------------------------------------------------------------------------------------------------------


def test_that_the_wizards_button_leads_to_an_engine_that_is_ready(
    qtbot: QtBot, wizard: Wizard, shop: EngineShop
) -> None:
    session, step = wizard._session, wizard.step
    panel = step.runtime
    assert not step.engine.isVisible()
    qtbot.waitUntil(lambda: RuntimeDeed.INSTALL in panel.buttons, timeout=WAIT_MS)
    assert panel.state.text == "not installed"
    said = " ".join(line.text() for line in panel.lines)
    assert "For the processor alone" in said
    assert "to download" in said
    assert "are free" in said
    assert isinstance(session.engine_state, EngineAbsent)
    assert not shop.server.asked  # nothing is asked before the button is pressed
    seen: list[str] = []
    is_seen = threading.Event()

    def note() -> None:
        seen.append(panel.state.text)
        if panel.state.text == "being tested":
            is_seen.set()

    def test(runtime: InstalledRuntime, context: JobContext) -> None:
        assert is_seen.wait(WAIT_MS / 1000)
        works(runtime, context)

    shop.self_test = test
    session.runtime.changed.connect(note)
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: panel.state.text == "ready", timeout=INSTALL_MS)
    qtbot.waitUntil(lambda: isinstance(session.engine_state, EngineReady), timeout=WAIT_MS)
    current = shop.runtimes.look(lock_of(shop.parts.old)).current
    assert shop.started == [current.folder]
    assert "being tested" in seen
    assert panel.error_card is None
    assert wizard.next.isEnabled()


def test_that_progress_is_shown_ten_times_a_second_at_most(qtbot: QtBot, wizard: Wizard, shop: EngineShop) -> None:
    shop.want(shop.parts.new)
    session, panel = wizard._session, wizard.step.runtime
    session.change_settings(session.settings.with_changes(download_limit_bytes_per_s=3_000_000))
    qtbot.waitUntil(lambda: RuntimeDeed.INSTALL in panel.buttons, timeout=WAIT_MS)
    told: list[float] = []
    session.runtime.changed.connect(lambda: told.append(time.monotonic()))
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: panel.state.text == "being put together", timeout=INSTALL_MS)
    fetching = told[2:-3]  # without the button's own, and without the next state
    assert len(fetching) >= 3
    assert len(fetching) <= 10 * (fetching[-1] - fetching[0]) + 2


def test_that_the_window_says_everywhere_that_there_is_no_engine(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    program = open_installed()
    window = program.window
    qtbot.waitUntil(lambda: isinstance(program.session.engine_state, EngineAbsent), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.sidebar.pc.state.text() == "Not ready", timeout=WAIT_MS)
    assert "not installed" in window.sidebar.pc.more.text()
    page = window.create
    qtbot.waitUntil(lambda: page.form is not None and page.footer.remedy is not None, timeout=WAIT_MS)
    assert "not installed" in page.footer.line.text()
    assert page.footer.remedy.text().startswith("Install: about ")
    page.form.write_prompt("a fox")
    assert not page.footer.generate.isEnabled()
    assert not page.is_ready
    panel = panel_of(qtbot, program)
    health = window.pages[PageId.HELP].parts[PartId.HEALTH]
    qtbot.waitUntil(lambda: any(row.item.error_number == 6030 for row in health.rows), timeout=WAIT_MS)
    assert panel.buttons[RuntimeDeed.INSTALL].isVisible()
    assert not any("torch" in row.item.sentence for row in health.rows)
    assert not shop.server.asked


def test_that_set_up_on_the_pcs_card_leads_to_the_engine(qtbot: QtBot, open_installed: OpenInstalled) -> None:
    program = open_installed()
    card = program.window.sidebar.pc
    qtbot.waitUntil(lambda: card.state.text() == "Not ready", timeout=WAIT_MS)
    qtbot.mouseClick(card.start, Qt.MouseButton.LeftButton)
    assert program.window.page_id is PageId.HELP


def test_that_create_installs_it_and_what_waits_in_the_queue_is_made_then(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    program = open_installed()
    page = program.window.create
    qtbot.waitUntil(lambda: page.form is not None and page.footer.remedy is not None, timeout=WAIT_MS)
    renders = program.session.renders
    qtbot.waitUntil(lambda: renders.is_open, timeout=WAIT_MS)
    page.form.write_prompt("a fox")
    renders.add(page.model, (page.form.state.draft(),))
    qtbot.waitUntil(lambda: len(renders.snapshot.waiting) == 1, timeout=WAIT_MS)
    assert not renders.running
    with qtbot.waitSignal(renders.job_ended, timeout=INSTALL_MS) as ended:
        qtbot.mouseClick(page.footer.remedy, Qt.MouseButton.LeftButton)
    assert type(ended.args[1]).__name__ == "RenderDone"
    assert shop.started
    qtbot.waitUntil(page.footer.generate.isEnabled, timeout=WAIT_MS)
    assert not page.footer.remedy.isVisible()


def test_that_a_video_waits_for_the_engine_when_the_queue_is_asked_to_try_again(
    qtbot: QtBot, open_installed: OpenInstalled
) -> None:
    program = open_installed()
    page, renders = program.window.create, program.session.renders
    qtbot.waitUntil(lambda: page.form is not None and renders.is_open, timeout=WAIT_MS)
    troubles: list[object] = []
    renders.trouble.connect(troubles.append)
    page.form.write_prompt("a fox")
    renders.add(page.model, (page.form.state.draft(),))
    qtbot.waitUntil(lambda: len(renders.snapshot.waiting) == 1, timeout=WAIT_MS)
    renders.try_again()
    assert renders.running
    qtbot.waitUntil(lambda: not renders.running, timeout=WAIT_MS)
    assert [job.state for job in renders.snapshot.waiting] == [RenderState.WAITING]
    assert not renders.snapshot.needs_you
    assert not troubles


def test_that_the_banner_installs_it_and_is_gone_afterwards(
    qtbot: QtBot, open_installed: OpenInstalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wan_desktop.ui.live.pc.probe", lambda **_: load("rtx-4070-12gb-32gb"))
    program = open_installed()
    banners = program.window.banners
    qtbot.waitUntil(lambda: banners.banner is not None, timeout=WAIT_MS)
    assert banners.banner.kind is BannerKind.ENGINE
    qtbot.mouseClick(banners.notice.buttons[0], Qt.MouseButton.LeftButton)
    assert program.window.page_id is PageId.HELP
    until_ready(qtbot, program)
    assert banners.banner is None


# Stopping and going on -----------------------------------------------------------------------------------------------


def test_that_a_pause_keeps_what_came_and_resume_goes_on(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    shop.want(shop.parts.new)
    program = open_installed(bytes_per_s=2_000_000)
    panel = panel_of(qtbot, program)
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: panel.bar.isVisible() and arrived(program) > 2_000_000, timeout=INSTALL_MS)
    offered = offers_from_now(program, panel)
    press(qtbot, panel, RuntimeDeed.PAUSE)
    qtbot.waitUntil(lambda: RuntimeDeed.RESUME in panel.buttons, timeout=WAIT_MS)
    assert RuntimeDeed.INSTALL not in offered
    assert "are here" in panel.state.text
    assert panel.error_card is None
    shop.server.sent_bytes.clear()
    program.session.change_settings(shop.settings())
    press(qtbot, panel, RuntimeDeed.RESUME)
    until_ready(qtbot, program)
    assert 0 < shop.server.all_sent_bytes < 4_500_000


def test_that_cancel_deletes_what_came(qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop) -> None:
    shop.want(shop.parts.new)
    program = open_installed(bytes_per_s=2_000_000)
    panel = panel_of(qtbot, program)
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: panel.bar.isVisible() and arrived(program) > 1_000_000, timeout=INSTALL_MS)
    offered = offers_from_now(program, panel)
    press(qtbot, panel, RuntimeDeed.DISCARD)
    qtbot.waitUntil(lambda: RuntimeDeed.INSTALL in panel.buttons, timeout=WAIT_MS)
    assert RuntimeDeed.RESUME not in offered
    assert panel.state.text == "not installed"
    assert shop.runtimes.wheelhouse.size_bytes() == 0


def test_that_who_installs_again_at_once_sees_that_go_on(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    """What was paused is removed while the next installation waits for that."""
    shop.want(shop.parts.new)
    program = open_installed(bytes_per_s=2_000_000)
    panel = panel_of(qtbot, program)
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: panel.bar.isVisible() and arrived(program) > 1_000_000, timeout=INSTALL_MS)
    press(qtbot, panel, RuntimeDeed.PAUSE)
    qtbot.waitUntil(lambda: RuntimeDeed.RESUME in panel.buttons, timeout=WAIT_MS)
    runtime = program.session.runtime
    runtime.do(RuntimeDeed.DISCARD)
    runtime.do(RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: arrived(program) > 0, timeout=INSTALL_MS)
    assert runtime.is_working
    assert RuntimeDeed.PAUSE in panel.buttons
    press(qtbot, panel, RuntimeDeed.DISCARD)
    qtbot.waitUntil(lambda: not runtime.is_working, timeout=WAIT_MS)


def test_that_after_a_kill_the_next_start_offers_to_go_on(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    shop.want(shop.parts.new)
    lines = "\n".join(wheel.line for wheel in shop.parts.new)
    order = InstallOrder(
        shop.runtimes.folder, shop.tools.uv, shop.tools.python, shop.server.url, lines, KillPoint("progress")
    )
    killed = start_process(order)
    killed.communicate(timeout=60)
    assert killed.returncode < 0
    program = open_installed()
    panel = panel_of(qtbot, program)
    qtbot.waitUntil(lambda: RuntimeDeed.RESUME in panel.buttons, timeout=WAIT_MS)
    shop.server.sent_bytes.clear()
    press(qtbot, panel, RuntimeDeed.RESUME)
    until_ready(qtbot, program)
    assert shop.server.all_sent_bytes < 4_500_000


def test_that_what_a_kill_left_half_made_is_removed_at_the_start(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    lines = "\n".join(wheel.line for wheel in shop.parts.old)
    order = InstallOrder(
        shop.runtimes.folder, shop.tools.uv, shop.tools.python, shop.server.url, lines, KillPoint("test")
    )
    start_process(order).communicate(timeout=60)
    half_made = [path for path in shop.runtimes.folder.iterdir() if (path / "pyvenv.cfg").exists()]
    assert half_made
    program = open_installed()
    panel_of(qtbot, program)
    qtbot.waitUntil(lambda: not any(path.exists() for path in half_made), timeout=WAIT_MS)
    assert isinstance(program.session.engine_state, EngineAbsent)


# What goes wrong -----------------------------------------------------------------------------------------------------


def test_that_an_index_that_does_not_answer_is_an_error_with_its_number(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    shop.server.gone.add("helper")
    program = open_installed()
    panel = panel_of(qtbot, program)
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: panel.error_card is not None, timeout=INSTALL_MS)
    assert panel.error_card.text.number == "WAN-2112"
    assert RuntimeDeed.INSTALL in panel.buttons
    shop.server.gone.clear()
    press(qtbot, panel, RuntimeDeed.INSTALL)
    until_ready(qtbot, program)
    qtbot.waitUntil(lambda: panel.error_card is None, timeout=WAIT_MS)


def test_that_a_damaged_engine_is_repaired_by_its_button(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    installed = shop.runtimes.install(lock_of(shop.parts.old), quiet(), works)
    installed.python.unlink()
    program = open_installed()
    panel = panel_of(qtbot, program)
    assert panel.state.text == "damaged"
    assert panel.error_card.text.number == "WAN-6035"
    assert program.window.create.footer.remedy.text() == "Repair"
    press(qtbot, panel, RuntimeDeed.REPAIR)
    until_ready(qtbot, program)
    qtbot.waitUntil(lambda: panel.state.text == "ready", timeout=WAIT_MS)
    assert panel.error_card is None
    assert shop.started[-1] != installed.folder


def test_that_a_check_finds_a_changed_file(qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop) -> None:
    installed = shop.runtimes.install(lock_of(shop.parts.old), quiet(), works)
    next(installed.folder.rglob("helper.py")).write_text("def help():\n    return 'other'\n")
    program = open_installed()
    panel = panel_of(qtbot, program)
    press(qtbot, panel, RuntimeDeed.CHECK)
    qtbot.waitUntil(lambda: panel.state.text == "damaged", timeout=WAIT_MS)
    assert "helper.py" in panel.error_card.text.message
    assert RuntimeDeed.REPAIR in panel.buttons


def test_that_a_new_engine_that_fails_its_test_leaves_the_old_one_in_use(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop
) -> None:
    old = shop.runtimes.install(lock_of(shop.parts.old), quiet(), works)
    shop.want(shop.parts.new)
    shop.self_test = fails
    program = open_installed()
    until_ready(qtbot, program)
    panel = panel_of(qtbot, program)
    assert panel.state.text == "ready, a newer one is there"
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: panel.error_card is not None, timeout=INSTALL_MS)
    assert panel.error_card.text.number == "WAN-6033"
    assert "The card refuses" in panel.error_card.text.message
    assert shop.runtimes.look(lock_of(shop.parts.new)).current == old
    assert shop.started == [old.folder]
    assert isinstance(program.session.engine_state, EngineReady)
    assert program.window.create.footer.remedy is None or not program.window.create.footer.remedy.isVisible()


# Newer and older ones ------------------------------------------------------------------------------------------------


def test_that_another_lock_is_told_and_installed_beside_the_old_one_then_rolled_back(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wan_desktop.ui.live.pc.probe", lambda **_: load("rtx-4070-12gb-32gb"))
    old = shop.runtimes.install(lock_of(shop.parts.old), quiet(), works)
    shop.want(shop.parts.new)
    in_use: list[Path] = []

    def test(runtime: InstalledRuntime, context: JobContext) -> None:
        in_use.extend(shop.started[-1:])
        works(runtime, context)

    shop.self_test = test
    program = open_installed()
    until_ready(qtbot, program)
    banners = program.window.banners
    qtbot.waitUntil(lambda: banners.banner is not None, timeout=WAIT_MS)
    assert banners.banner.kind is BannerKind.ENGINE_OUTDATED
    assert shop.started == [old.folder]
    panel = panel_of(qtbot, program)
    press(qtbot, panel, RuntimeDeed.INSTALL)
    qtbot.waitUntil(lambda: len(shop.started) == 2, timeout=INSTALL_MS)
    assert in_use == [old.folder]  # the old one is used until the new one has passed
    until_ready(qtbot, program)
    assert banners.banner is None
    qtbot.waitUntil(lambda: RuntimeDeed.ROLL_BACK in panel.buttons, timeout=WAIT_MS)
    press(qtbot, panel, RuntimeDeed.ROLL_BACK)
    qtbot.waitUntil(lambda: shop.started[-1:] == [old.folder] and len(shop.started) == 3, timeout=INSTALL_MS)
    qtbot.waitUntil(lambda: RuntimeDeed.INSTALL in panel.buttons, timeout=WAIT_MS)
    assert panel.state.text == "ready"
    assert banners.banner is None  # who went back is not asked again


def test_that_a_package_from_a_file_needs_no_internet(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop, tmp_path: Path
) -> None:
    other = runtimes_in(tmp_path / "elsewhere", shop.tools, shop.server.url)
    lock = lock_of(shop.parts.old)
    other.install(lock, quiet(), works)
    (tmp_path / "pack").mkdir()
    pack = make_pack(lock, other.wheelhouse.plan_of(lock), other.wheelhouse.folder, tmp_path / "pack")
    nowhere = {"package_index": "http://127.0.0.1:9/simple", "torch_index": "http://127.0.0.1:9/whl"}
    program = open_installed(shop.settings(**nowhere))
    panel = panel_of(qtbot, program)
    press(qtbot, panel, RuntimeDeed.FROM_FILE)
    dialog = panel.dialog
    dialog.setDirectory(str(pack[0].parent))
    dialog.selectFile(str(pack[0]))
    dialog.accept()
    until_ready(qtbot, program)
    assert shop.runtimes.look(lock).state is RuntimeState.READY


def test_that_a_file_that_is_no_package_is_refused(
    qtbot: QtBot, open_installed: OpenInstalled, shop: EngineShop, tmp_path: Path
) -> None:
    file = tmp_path / "holiday.zip"
    shutil.copy(Path(__file__), file)
    program = open_installed()
    panel = panel_of(qtbot, program)
    program.session.runtime.do(RuntimeDeed.FROM_FILE, file)
    qtbot.waitUntil(lambda: panel.error_card is not None, timeout=WAIT_MS)
    assert panel.error_card.text.number == "WAN-6036"
    assert RuntimeDeed.INSTALL in panel.buttons


def test_that_safe_mode_touches_nothing_and_shows_how_it_stands(
    qtbot: QtBot, qapp: QApplication, paths: object, shop: EngineShop
) -> None:
    from wan_desktop.core.safe_mode import SafeReason  # noqa: PLC0415 - only here

    folder = shop.runtimes.folder / "abcd1234xyz"
    folder.mkdir(parents=True)
    paths.ensure()  # type: ignore[attr-defined]
    session = Session(
        paths,  # type: ignore[arg-type]
        shop.settings(),
        qapp,
        look_at_pc=lambda: load("rtx-4070-12gb-32gb"),
        safe_reason=SafeReason.ASKED,
        program_engine=shop.engine(),
    )
    try:
        qtbot.waitUntil(lambda: session.runtime.standing is not None, timeout=WAIT_MS)
        assert session.runtime.need == ""  # nobody knows yet which one this PC needs
        assert session.runtime.card().deeds == ()
        session.pc.look()
        qtbot.waitUntil(lambda: session.runtime.need == "absent", timeout=WAIT_MS)
        assert folder.exists()
    finally:
        session.shutdown()
