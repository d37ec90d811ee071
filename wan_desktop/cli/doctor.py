"""The command `doctor`: is the program as it should be, and a report for somebody who helps."""

import argparse
import threading
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.cli.interrupt import cancel_on_interrupt
from wan_desktop.cli.reporter import EXIT_DONE, EXIT_FAILED, Reporter
from wan_desktop.core.doctor import (
    Facts,
    HealthState,
    Private,
    examine,
    health_in_words,
    known_prompts,
    report,
    save_report_zip,
    worst,
)
from wan_desktop.core.doctor.files import database_trouble
from wan_desktop.core.engine_client import START_LIMIT_S, EngineClient, EngineStarting
from wan_desktop.core.errors import JobCancelled, WanError
from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.records import to_plain
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.rendering import Renderer
from wan_desktop.core.self_test import run_self_test
from wan_desktop.core.settings import Settings, load_settings
from wan_desktop.core.store.status import ModelState

_LOOK_S = 0.2


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """The arguments of `doctor`."""
    parser.add_argument("--report", action="store_true", help="print a report without anything private")
    parser.add_argument("--zip", type=Path, metavar="FILE", help="save that report with all logs as a zip file")
    parser.add_argument("--self-test", action="store_true", help="make a short video with the built-in model too")
    parser.add_argument("--no-engine", action="store_true", help="do not start the engine, which takes some seconds")
    parser.add_argument("--json", action="store_true", help="one line of JSON")


@dataclass(frozen=True, slots=True)
class _SelfTest:
    """What came of it."""

    passed: bool
    words: str
    error: WanError | None = None


def run_doctor(args: argparse.Namespace, paths: AppPaths, reporter: Reporter) -> int:
    """Look at everything and say it; the exit code is 1 if something is red or the self test failed."""
    # Before anything puts damaged files aside, as reading the settings and opening the models do.
    database_was_sound = database_trouble(paths.model_history) is None
    settings_before = examine_settings_first(paths)
    settings = load_settings(paths.settings_file)
    facts = Facts(
        paths=paths,
        settings=settings,
        hardware=probe(drives=(settings.videos_folder or paths.videos,)),
        models=_models(paths, settings) if database_was_sound else None,
    )
    return EXIT_DONE if settings_before else EXIT_FAILED
