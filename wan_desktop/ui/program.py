"""Window, session and theme, put together and taken apart."""

from __future__ import annotations

import gc
import logging
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, QTimer, Signal, Slot

from wan_desktop.core.settings import Settings, StartPage, load_settings
from wan_desktop.core.window_place import load_place, place_file, save_place
from wan_desktop.core.words import language_in_use, use_language
from wan_desktop.ui import text
from wan_desktop.ui.main_window import MainWindow
from wan_desktop.ui.theme import ThemeManager
from wan_desktop.ui.turns import next_turn
from wan_desktop.ui.widgets.controls import draw_icons, put_icons_off
from wan_desktop.ui.window_geometry import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PySide6.QtCore import QTranslator
    from PySide6.QtWidgets import QApplication

    from wan_desktop.core.catalog import Model
    from wan_desktop.core.paths import AppPaths
    from wan_desktop.core.runtime.program_engine import ProgramEngine
    from wan_desktop.core.safe_mode import NextStart, Start
    from wan_desktop.ui.reachability import Reachability
    from wan_desktop.ui.session import Session
    from wan_desktop.ui.single_instance import Instance, SingleInstance
    from wan_desktop.ui.windows_shell import Libraries

logger = logging.getLogger(__name__)
_FORM_WITHIN_MS = 2000
"""Nothing waits any longer for the form."""
_IS_FROZEN = bool(getattr(sys, "frozen", False))
"""The installed program, whose engine may lie in a runtime of its own."""


class Program(QObject):
    """One run of the window.

    Args:
        application: Qt's.
        paths: Where everything lies.
        sample: Make a sample video and end.
        engine_command: How the engine is started, if not as usual.
        load_model: Finds the model, if not the built-in one.
        on_first_paint: Told when the window has been painted, before anything else is made.
        instance: The right to be the only window of that data folder; None: nobody asks.
        file: May bring the settings of a video; it was named at the start.
        libraries: Windows'; None elsewhere.
        may_set_up: Open the wizard if it was never gone through.
        program_engine: The engine that the program installs; that of this copy, if it has one, where it is None and
            no `engine_command` is given.
        start: Says whether to leave out what could break, and is told how this start went; None: nobody counts.
    """

    pages_imported = Signal()
    """Nothing more is imported until somebody asks for something."""

    def __init__(
        self,
        application: QApplication,
        paths: AppPaths,
        *,
        sample: bool = False,
        engine_command: Sequence[str] | None = None,
        load_model: Callable[[], Model] | None = None,
        on_first_paint: Callable[[], None] | None = None,
        instance: Instance | None = None,
        file: Path | None = None,
        libraries: Libraries | None = None,
        may_set_up: bool = False,
        start: Start | None = None,
        program_engine: ProgramEngine | None = None,
    ) -> None:
        super().__init__(application)
        self._start = start
        self._safe_reason = start.reason if start is not None else None
        self._may_set_up = may_set_up and self._safe_reason is None
        application.setApplicationName(text.APP)
        application.setApplicationDisplayName(text.APP)
        self._application = application
        self._paths = paths
        self._sample = sample
        self._engine_command = engine_command
        self._program_engine = program_engine
        self._load_model = load_model or self._load_builtin
        self._instance = instance
        self._file = file
        self._calls: SingleInstance | None = None
        self._is_over = self._is_ready = self._has_begun = False
        self.next_start: NextStart | None = None
        """How the program is to start again when it has ended; None: not at all."""
        self.reachability: Reachability | None = None
        self._qt_texts: QTranslator | None = None
        self._broken_settings: list[str] = []
        self._settings = load_settings(paths.settings_file, self._broken_settings.append)
        _write_numbers_as(use_language(paths.resources / "translations", self._settings.language))
        looks = Settings() if self._safe_reason else self._settings
        self.theme = ThemeManager(application, looks.theme, looks.text_scale)
        self.session: Session | None = None
        self._remembers = not sample and self._safe_reason is None
        put_icons_off()
        place = load_place(place_file(paths.data)) if self._remembers else None
        libraries = None if self._safe_reason else libraries
        self.window = MainWindow(self.theme, remember_form=self._remembers, place=place, libraries=libraries)
        self.window.closed.connect(self._on_closed)
        if on_first_paint is not None:
            self.window.first_painted.connect(on_first_paint)
        self.window.first_painted.connect(self._on_first_painted)
        application.aboutToQuit.connect(self.shutdown)

    def show(self) -> None:
        """Show the window."""
        self.window.show_first()

    @Slot()
    def shutdown(self) -> None:
        """End everything that runs; safe to call again."""
        self._is_over = True
        draw_icons()  # had it never been shown, the next window's would wait for its first paint
        if self._qt_texts is not None:
            self._application.removeTranslator(self._qt_texts)
        if self._calls is not None:
            self._calls.close()
        self.window.close_down()
        if self.session is not None:
            self.session.shutdown()
        if self._is_ready:  # else it ends because it never came to work
            self._on_went_well()

    def start_again(self) -> None:
        """Start the program anew, if that was asked for; after `shutdown`, when another one may be the first."""
        if self._start is None or self.next_start is None:
            return
        try:
            self._start.again(self.next_start)
        except OSError as error:
            logger.error("The program cannot be started again: %s", error)

    def _installed_engine(self) -> ProgramEngine | None:
        if self._engine_command is not None or not _IS_FROZEN:
            return None
        from wan_desktop.core.runtime.program_engine import installed_engine  # noqa: PLC0415 - after the first paint

        return installed_engine(self._paths, self._settings)

    def _load_builtin(self) -> Model:
        from wan_desktop.core.catalog import BUILTIN_MODEL_ID, find_model  # noqa: PLC0415 - on the lane

        return find_model(BUILTIN_MODEL_ID, self._paths.resources)

    @Slot()
    def _on_first_painted(self) -> None:
        gc.enable()
        from wan_desktop.ui import imports  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.qt_texts import speak  # noqa: PLC0415 - after the first paint

        self._qt_texts = speak(self._application, language_in_use())
        modules = imports.BEFORE_SESSION + imports.BEFORE_INSTALLED_ENGINE * _IS_FROZEN
        imports.import_in_turns(self, modules, self._on_ready_for_session)

    @Slot()
    def _on_ready_for_session(self) -> None:
        if self._is_over:
            return
        from wan_desktop.core.engine_client import ENGINE_COMMAND  # noqa: PLC0415 - after the first paint
        from wan_desktop.core.log import start_logging  # noqa: PLC0415 - after the first paint
        from wan_desktop.core.settings_effects import apply_settings  # noqa: PLC0415 - after the first paint
        from wan_desktop.ui.session import Session  # noqa: PLC0415 - after the first paint

        start_logging(self._paths.log_file)
        apply_settings(self._settings)
        self.session = Session(
            self._paths,
            self._settings,
            self,
            engine_command=self._engine_command or ENGINE_COMMAND,
            # Else the sample would wait behind what is left over, and the usual queue may be another window's.
            queue_file=self._paths.work / "sample-queue.sqlite3" if self._sample else None,
            safe_reason=self._safe_reason,
            program_engine=self._program_engine or self._installed_engine(),
            waits=True,
        )
        self.session.settings_changed.connect(self._on_settings_changed)
        self.session.restart_requested.connect(self._on_restart_requested)
        self.session.updates.close_requested.connect(self._on_update_started)
        self.window.attach(self.session, self._load_model)
        if self._broken_settings and self.window.telling is not None:
            self.window.telling.say_settings_damaged(tuple(self._broken_settings))
        if self._safe_reason is not None:
            logger.warning("Safe mode: %s", self._safe_reason)
            self.session.engine_changed.emit(self.session.engine_state)  # it is not started, and that is shown
        self.window.create.settled.connect(self._begin_the_rest)
        QTimer.singleShot(_FORM_WITHIN_MS, self, self._begin_the_rest)
        if self._remembers and self._settings.start_page is not StartPage.CREATE:
            from wan_desktop.ui.page import PageId  # noqa: PLC0415 - only where it is wanted

            self.window.show_page(PageId(self._settings.start_page.value))
        if self._sample:
            from wan_desktop.ui.sample_run import SampleRun  # noqa: PLC0415 - only without a screen

            SampleRun(self._application, self.window.create, self)
        self._is_ready = True
        if self._start is not None:
            QTimer.singleShot(round(1000 * self._start.healthy_s), self, self._on_went_well)
        if self._may_set_up and not self._settings.wizard_done:
            from wan_desktop.ui.imports import BEFORE_WIZARD, import_in_turns  # noqa: PLC0415 - after the first paint

            import_in_turns(self, BEFORE_WIZARD, self._on_ready_for_wizard)
        else:
            next_turn(self, self._on_ready_for_network)

    @Slot()
    def _begin_the_rest(self) -> None:
        """The form is there, which needs a core for itself until then: the engine takes one for its import, too."""
        if self.session is None or self._is_over or self._has_begun:
            return
        self._has_begun = True
        self.session.begin()
        if self._safe_reason is None:
            self.session.start_engine()
        from wan_desktop.ui.imports import import_in_turns, of_pages  # noqa: PLC0415 - after the first paint

        import_in_turns(self, of_pages(), self.pages_imported.emit)

    @Slot()
    def _on_ready_for_wizard(self) -> None:
        if self._is_over:
            return
        self.window.open_wizard()
        next_turn(self, self._on_ready_for_network)

    @Slot()
    def _on_ready_for_network(self) -> None:
        # Last, in a turn of its own: it imports QtNetwork.
        if self._is_over:
            return
        if self._instance is not None:
            from wan_desktop.ui.single_instance import SingleInstance  # noqa: PLC0415 - after the first paint

            self._calls = SingleInstance(self._instance, self)
            self._calls.called.connect(self.window.take_call)
            self._calls.listen()
        if self._safe_reason is not None:
            return
        if self._file is not None:
            self.window.recipe_dropped.emit(self._file)
        if self.window.banners is not None and not self._sample:
            from wan_desktop.ui.reachability import Reachability  # noqa: PLC0415 - after the first paint

            self.reachability = Reachability(self)
            self.reachability.offline_changed.connect(self.window.banners.set_offline)
            self.window.banners.set_offline(self.reachability.offline)

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        from wan_desktop.core.settings_effects import apply_settings  # noqa: PLC0415 - after the first paint

        # What is no other now stays as it is shown: in safe mode that is not what the settings say.
        before, self._settings = self._settings, settings
        if settings.theme is not before.theme:
            self.theme.set_theme(settings.theme)
        if settings.text_scale != before.text_scale:
            self.theme.set_scale(settings.text_scale)
        apply_settings(settings)

    @Slot()
    def _on_went_well(self) -> None:
        if self._start is not None:
            self._start.went_well()

    @Slot(object)
    def _on_restart_requested(self, how: NextStart) -> None:
        self.next_start = how
        self.window.close()
        question = self.window.question
        if self._is_over:
            self._application.quit()
        elif question is not None and question.box is not None:
            question.box.finished.connect(self._on_close_question_over)

    @Slot()
    def _on_update_started(self) -> None:
        self.window.close_now()
        self._application.quit()  # a hidden window that closes is not the last one for Qt

    @Slot()
    def _on_close_question_over(self) -> None:
        if not self._is_over:  # a later end is an end
            self.next_start = None

    @Slot()
    def _on_closed(self) -> None:
        self._is_over = True  # what was to come in the next turns does not: a wizard would hold the program open
        if self._remembers:
            save_place(place_of(self.window), place_file(self._paths.data))


def _write_numbers_as(language: str) -> None:
    """Dates, and numbers in fields: as the user's system is set, if it is set to the language that is shown."""
    system = QLocale.system()
    QLocale.setDefault(system if system.name().startswith(language) else QLocale(language))
