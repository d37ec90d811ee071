"""The command line: the same core without a window. Its arguments, JSON lines and exit codes are a stable contract.

Sentences, also those inside JSON, are in the language of the settings; programs go by codes and numbers.
"""

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from wan_desktop import __version__
from wan_desktop.cli.check import add_check, run_check
from wan_desktop.cli.doctor import add_doctor, run_doctor
from wan_desktop.cli.hardware import add_hardware, run_hardware
from wan_desktop.cli.models import add_models, run_models
from wan_desktop.cli.render import add_render, print_recipe, run_render
from wan_desktop.cli.reporter import EXIT_USAGE, Reporter
from wan_desktop.core.errors import InputError, JobCancelled, WanError
from wan_desktop.core.log import start_logging
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import language_setting
from wan_desktop.core.words import tr, use_language

_EXAMPLES = """
  python main.py render --prompt "a red circle moving right on a black background" --out red.mp4
  python main.py render --prompt "a white square growing on a navy background" --seed 7 --num-frames 9 --out square.mp4
  python main.py render --image first.png --prompt "a red circle moving up on a black background" --out up.mp4 --json
  python main.py render --model D:\\Models\\Wan2.2-TI2V-5B-Diffusers --prompt "a fox in the snow" --out fox.mp4
  python main.py recipe red.mp4
  python main.py hardware
  python main.py check wan2.2-t2v-a14b --width 832 --height 480 --num-frames 81
  python main.py doctor --zip report.zip
  python main.py models list
  python main.py models download wan2.2-ti2v-5b --variant Q4_K_M
"""

_FROM_SOURCE, _FROZEN = "main.py", "wan-desktop"
"""What the program for a console is called."""


class _JsonParser(argparse.ArgumentParser):
    """Says a wrong argument as JSON too."""

    def error(self, message: str) -> NoReturn:
        hint = tr("{prog} --help lists the arguments.", prog=self.prog)
        Reporter(as_json=True).event("error", code="usage", number=InputError.number, message=message, hint=hint)
        self.exit(EXIT_USAGE)


def make_parser(*, as_json: bool = False) -> argparse.ArgumentParser:
    """The parser of all commands."""
    program, examples = _FROM_SOURCE, _EXAMPLES
    if getattr(sys, "frozen", False):
        program, examples = _FROZEN, _EXAMPLES.replace(f"python {_FROM_SOURCE}", _FROZEN)
    epilog = tr("examples:") + examples + "\n"
    epilog += tr(
        "Without arguments the window opens; with --safe-mode it opens without what could keep it from that. "
        "WAN_DESKTOP_HOME moves all data of the program to another folder."
    )
    kind = _JsonParser if as_json else argparse.ArgumentParser
    as_written = argparse.RawDescriptionHelpFormatter
    parser = kind(
        prog=program,
        description=tr("Wan Desktop makes videos with Wan models on this PC."),
        epilog=epilog,
        formatter_class=as_written,
    )
    parser.add_argument("--version", action="version", version=f"Wan Desktop {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=kind)
    add_render(commands.add_parser("render", help=tr("make a video"), epilog=epilog, formatter_class=as_written))
    recipe = commands.add_parser("recipe", help=tr("print how a video was made, as JSON"))
    recipe.add_argument("file", type=Path)
    recipe.add_argument("--json", action="store_true", help=tr("errors as JSON too"))
    add_models(commands.add_parser("models", help=tr("download, check, repair and remove models")), kind)
    add_check(commands.add_parser("check", help=tr("does a video fit this PC, with this model?")))
    add_hardware(commands.add_parser("hardware", help=tr("what this PC is: cards, driver, memory, drives")))
    add_doctor(
        commands.add_parser("doctor", help=tr("is the program as it should be; a report for somebody who helps"))
    )
    return parser


def main(argv: list[str], paths: AppPaths) -> int:
    """Run one command; returns the exit code, 0 only when it is done."""
    use_language(paths.resources / "translations", language_setting(paths.settings_file))
    args = make_parser(as_json="--json" in argv).parse_args(argv)
    reporter = Reporter(as_json=args.json)
    try:
        paths.ensure()
        start_logging(paths.log_file)
        if args.command == "recipe":
            return print_recipe(args.file)
        if args.command == "models":
            return run_models(args, paths, reporter)
        if args.command == "check":
            return run_check(args, paths, reporter)
        if args.command == "hardware":
            return run_hardware(args, paths, reporter)
        if args.command == "doctor":
            return run_doctor(args, paths, reporter)
        return run_render(args, paths, reporter)
    except JobCancelled:
        return reporter.cancelled()
    except WanError as error:
        return reporter.failed(error)
