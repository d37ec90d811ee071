"""What the window imports after its first paint, a module at a turn, so that no import is a pause."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from wan_desktop.ui.turns import next_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from PySide6.QtCore import QObject

BEFORE_SESSION = (
    "wan_desktop.core.catalog",
    "wan_desktop.core.messages",
    "wan_desktop.core.engine_client",
    "wan_desktop.core.calibration",
    "wan_desktop.core.estimate",
    "wan_desktop.core.model_shape",
    "wan_desktop.core.ladder",
    "wan_desktop.core.fallback",
    "wan_desktop.core.card_programs",
    "wan_desktop.core.hardware",
    "wan_desktop.core.nvml",
    "wan_desktop.core.hardware_probe",
    "importlib.metadata",
    "wan_desktop.core.measured_speed",
    "wan_desktop.core.machine",
    "wan_desktop.core.compatibility",
    "wan_desktop.core.form_check",
    "wan_desktop.core.render_planner",
    "wan_desktop.core.render_progress",
    "wan_desktop.core.store.hub_request",
    "wan_desktop.core.store.hub",
    "wan_desktop.core.store.disk",
    "wan_desktop.core.store.manifest",
    "wan_desktop.core.store.library",
    "wan_desktop.core.store.history",
    "wan_desktop.core.store.status",
    "wan_desktop.core.store.bf16",
    "wan_desktop.core.store.ranges",
    "wan_desktop.core.store.fetcher",
    "wan_desktop.core.store.download",
    "wan_desktop.core.store.file_index",
    "wan_desktop.core.store.repair",
    "wan_desktop.core.manager",
    "wan_desktop.core.rendering",
    "wan_desktop.core.settings_effects",
    "wan_desktop.core.video_library.entry",
    "wan_desktop.core.video_library",
    "wan_desktop.core.render_queue.job",
    "wan_desktop.core.render_queue.database",
    "wan_desktop.core.render_queue",
    "wan_desktop.core.model_report",
    "wan_desktop.core.model_jobs",
    "wan_desktop.ui.live.models",
    "wan_desktop.ui.session",
    "wan_desktop.core.doctor.files",
    "wan_desktop.core.pc_rows",
    "wan_desktop.core.doctor.health",
    "wan_desktop.core.log",
    "wan_desktop.core.doctor.private",
    "wan_desktop.core.announcements",
    "wan_desktop.ui.announcer",
    "wan_desktop.ui.banner",
    "wan_desktop.ui.queue.link",
    "wan_desktop.ui.shell",
    "wan_desktop.ui.closing",
    "wan_desktop.ui.help_links",
    "wan_desktop.ui.telling",
    "wan_desktop.ui.update_question",
    "wan_desktop.ui.widgets.toast",
    "wan_desktop.ui.library.recent_strip",
    "wan_desktop.ui.create.finished_deeds",
    "wan_desktop.ui.create.form_keeper",
    "wan_desktop.ui.create.progress_view",
    "wan_desktop.ui.widgets.frame_reader",
    "wan_desktop.ui.create.render_desk",
    "wan_desktop.ui.create.form_tools",
    "wan_desktop.ui.widgets.elided_button",
    "wan_desktop.ui.widgets.fields",
    "wan_desktop.ui.create.advanced",
    "wan_desktop.ui.create.image_field",
    "wan_desktop.ui.create.model_field",
    "wan_desktop.ui.create.form",
)
BEFORE_INSTALLED_ENGINE = (
    "wan_desktop.core.runtime.runtimes",
    "wan_desktop.core.runtime.program_engine",
    "wan_desktop.core.runtime.runtime_card",
)
BEFORE_WIZARD = (
    "wan_desktop.core.store.hub",
    "wan_desktop.core.store.verify",
    "wan_desktop.core.model_offers",
    "wan_desktop.ui.wizard.first_model",
    "wan_desktop.ui.wizard.wizard",
)
"""What session and wizard need, cut into parts of 30 ms at most; whoever needs one still imports it."""
_PAGES = ("queue", "library", "models", "this_pc", "settings", "help")


def of_pages() -> Iterator[str]:
    """What the pages are made of that nobody has looked at yet, so that the first look takes less."""
    for name in _PAGES:
        package = f"wan_desktop.ui.{name}"
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            yield module.name


def import_in_turns(owner: QObject, modules: Iterable[str], then: Callable[[], object] | None = None) -> None:
    """Import them, each in a turn of its own, then call that; no more once the owner is gone."""
    left = iter(modules)

    def step() -> None:
        name = next(left, None)
        if name is not None:
            importlib.import_module(name)
            next_turn(owner, step)
        elif then is not None:
            then()

    next_turn(owner, step)
