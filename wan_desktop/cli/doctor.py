"""The command `doctor`: is the program as it should be, and a report for somebody who helps."""

import argparse
import logging
import threading
import time
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
from wan_desktop.core.errors import WanError
from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.records import to_plain
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.rendering import Renderer
from wan_desktop.core.runtime.program_engine import engine_client
from wan_desktop.core.runtime.program_runtimes import program_runtimes
from wan_desktop.core.self_test import run_self_test
from wan_desktop.core.settings import Settings, load_settings
from wan_desktop.core.store.status import ModelState
from wan_desktop.core.words import tr

logger = logging.getLogger(__name__)
_LOOK_S = 0.2


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """The arguments of `doctor`."""
    parser.add_argument("--report", action="store_true", help=tr("print a report without anything private"))
    parser.add_argument("--zip", type=Path, metavar="FILE", help=tr("save that report with all logs as a zip file"))
    parser.add_argument("--self-test", action="store_true", help=tr("make a short video with the built-in model too"))
    parser.add_argument(
        "--no-engine", action="store_true", help=tr("do not start the engine, which takes some seconds")
    )
    parser.add_argument("--json", action="store_true", help=tr("one line of JSON"))


@dataclass(frozen=True, slots=True)
class _SelfTest:
    """What came of it."""

    words: str
    error: WanError | None = None


def run_doctor(args: argparse.Namespace, paths: AppPaths, reporter: Reporter) -> int:
    """Look at everything and say it; the exit code is 1 if something is red or the self test failed."""
    settings = load_settings(paths.settings_file)
    # Opening the models puts a damaged history aside, so that is looked at first.
    models = _models(paths, settings) if database_trouble(paths.model_history) is None else None
    changed = threading.Event()
    client = engine_client(paths, settings, on_change=changed.set)
    context = JobContext("command-line", lambda *_: None)
    restore = cancel_on_interrupt(context.cancel_asked)
    try:
        if not args.no_engine:
            _start(client, changed, context)
        engine = None if args.no_engine else client.state
        hardware = probe(drives=(settings.videos_folder or paths.videos,))
        facts = Facts(
            paths=paths,
            settings=settings,
            hardware=hardware,
            engine=engine,
            models=models,
            has_runtime=program_runtimes(paths) is not None,
        )
        items = examine(facts)
        test = _self_test(client, facts, context) if args.self_test else None
    finally:
        restore()
        client.stop()
    private = Private.of(paths, settings, known_prompts(paths))
    note = tr("Self test: {words}", words=test.words) if test else ""
    text = report(facts, items, private, error=test.error if test else None, note=note)
    if args.zip:
        save_report_zip(args.zip, text, facts, items, private)
        reporter.event("saved", tr("The report was saved: {path}", path=args.zip), path=args.zip.absolute())
    fields = {"state": worst(items), "items": items, "self_test": test.words if test else None}
    words = "\n".join(part for part in (health_in_words(items), note) if part)
    reporter.result(text if args.report else words, to_plain(fields) | ({"report": text} if args.report else {}))
    is_bad = worst(items) is HealthState.RED or (test is not None and test.error is not None)
    return EXIT_FAILED if is_bad else EXIT_DONE


def _start(client: EngineClient, changed: threading.Event, context: JobContext) -> None:
    """Start the engine, and wait until it says that it is ready or has ended."""
    try:
        client.start()
    except WanError:  # its state says that it does not run
        return
    deadline_s = time.monotonic() + START_LIMIT_S
    while isinstance(client.state, EngineStarting) and time.monotonic() < deadline_s:
        context.check_cancelled()
        changed.wait(_LOOK_S)
        changed.clear()


def _models(paths: AppPaths, settings: Settings) -> list[ModelState] | None:
    """How all models stand; None if their store cannot be opened."""
    try:
        manager = ModelManager.open(paths, settings)
    except WanError as error:
        logger.warning("The models cannot be looked at: %s", error)
        return None
    try:
        return [manager.state(key) for key in manager.installed()]
    finally:
        manager.close()


def _self_test(client: EngineClient, facts: Facts, context: JobContext) -> _SelfTest:
    renderer = Renderer(client, facts.paths, RenderPlanner(facts.paths, facts.settings))
    try:
        return _SelfTest(run_self_test(renderer, facts.paths, context).words)
    except WanError as error:
        return _SelfTest(f"{error.shown_title} (WAN-{error.number}): {error.message}", error)
