"""The command line: the same core without a window. Its arguments, JSON lines and exit codes are a stable contract."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from wan_desktop import __version__
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, find_model
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import JobCancelled, RequestError, WanError
from wan_desktop.core.generation import GenerationDraft, GenerationResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.log import start_logging
from wan_desktop.core.messages import Stage
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.recipe import read_recipe
from wan_desktop.core.records import to_plain
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.rendering import Renderer, RenderOptions

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 0, 1, 2, 130
_EPILOG = """examples:
  python main.py render --prompt "a red circle moving right on a black background" --out red.mp4
  python main.py render --prompt "a white square growing on a navy background" --seed 7 --num-frames 9 --out square.mp4
  --json python main.py render --image first.png --prompt "a red circle moving up on a black background" --out up.mp4
  python main.py render --model D:\\Models\\Wan2.2-TI2V-5B-Diffusers --prompt "a fox in the snow" --width 832 --height
  480 --out fox.mp4 python main.py recipe red.mp4

Without arguments the window opens. WAN_DESKTOP_HOME moves all data of the program to another folder.
"""


class _Reporter:
    """Says what happens: JSON lines on standard output; or words on standard error, and the path on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._last_words = ""

    def event(self, name: str, words: str = "", **fields: Any) -> None:
        if self.as_json:
            _print(json.dumps({"event": name, **to_plain(fields)}), sys.stdout)
        elif words and words != self._last_words:
            self._last_words = words
            _print(words, sys.stderr)

    def done(self, result: GenerationResult) -> int:
        fields = to_plain(result)
        self.event("done", **fields)
        if not self.as_json:
            _print(str(result.path), sys.stdout)
        return EXIT_DONE

    def failed(self, error: WanError) -> int:
        words = "\n".join(part for part in (f"{error.title} (WAN-{error.number}): {error.message}", error.hint) if part)
        self.event("error", words, code=error.code, number=error.number, message=error.message, hint=error.hint)
        return EXIT_FAILED

    def cancelled(self) -> int:
        self.event("error", "Stopped.", code="cancelled", number=3007, message="Stopped.", hint="Start it again.")
        return EXIT_CANCELLED


def _print(text: str, stream: Any) -> None:
    print(text, file=stream, flush=True)


class _JsonParser(argparse.ArgumentParser):
    """Says a wrong argument as JSON too."""

    def error(self, message: str) -> NoReturn:
        hint = f"{self.prog} --help lists the arguments."
        _Reporter(as_json=True).event("error", code="usage", number=5005, message=message, hint=hint)
        self.exit(EXIT_USAGE)


def make_parser(*, as_json: bool = False) -> argparse.ArgumentParser:
    """The parser of all commands."""
    kind = _JsonParser if as_json else argparse.ArgumentParser
    as_written = argparse.RawDescriptionHelpFormatter
    parser = kind(
        prog="main.py",
        description="Wan Desktop makes videos with Wan models on this PC.",
        epilog=_EPILOG,
        formatter_class=as_written,
    )
    parser.add_argument("--version", action="version", version=f"Wan Desktop {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=kind)
    _add_render(commands.add_parser("render", help="make a video", epilog=_EPILOG, formatter_class=as_written))
    recipe = commands.add_parser("recipe", help="print how a video was made, as JSON")
    recipe.add_argument("file", type=Path)
    recipe.add_argument("--json", action="store_true", help="errors as JSON too")
    return parser


def _add_render(render: argparse.ArgumentParser) -> None:
    render.add_argument("--prompt", default="", help="what should happen; may be empty with --image")
    render.add_argument("--negative-prompt", help="what to avoid")
    render.add_argument(
        "--model", default=BUILTIN_MODEL_ID, help="id from the catalog, or a folder that holds model_index.json"
    )
    render.add_argument("--variant", default="", metavar="NAME", help="smaller weights of the model, such as Q8_0")
    render.add_argument("--image", type=Path, help="start image")
    render.add_argument("--last-image", type=Path, help="last image, for models that can end on one")
    for name in ("width", "height", "num-frames", "fps", "num-inference-steps", "seed"):
        render.add_argument(f"--{name}", type=int, metavar="N")
    for name in ("guidance-scale", "guidance-scale-2", "flow-shift"):
        render.add_argument(f"--{name}", type=float, metavar="X")
    render.add_argument("--png-frames", action="store_true", help="also save every frame")
    render.add_argument("--poster", action="store_true", help="also save the middle frame")
    render.add_argument("--out", type=Path, required=True, metavar="FILE", help="the mp4 to write")
    render.add_argument("--json", action="store_true", help="JSON lines on standard output")


def main(argv: list[str], paths: AppPaths) -> int:
    """Run one command; returns the exit code, 0 only when it is done."""
    args = make_parser(as_json="--json" in argv).parse_args(argv)
    reporter = _Reporter(as_json=args.json)
    try:
        paths.ensure()
        start_logging(paths.log_file)
        return _recipe(args.file) if args.command == "recipe" else _render(args, paths, reporter)
    except JobCancelled:
        return reporter.cancelled()
    except WanError as error:
        return reporter.failed(error)


def _recipe(file: Path) -> int:
    _print(json.dumps(to_plain(read_recipe(file)), indent=2), sys.stdout)
    return EXIT_DONE


def _render(args: argparse.Namespace, paths: AppPaths, reporter: _Reporter) -> int:
    out = _check_out(args.out)
    client = EngineClient()
    renderer = Renderer(client, paths)
    context = JobContext("command-line", _progress_report(reporter))
    restore = _cancel_on_interrupt(context.cancel_asked)
    try:
        client.start()
        model = find_model(args.model, paths.resources)
        settled = renderer.settle(_draft(args), model)
        for adjustment in settled.adjustments:
            reporter.event("adjusted", adjustment.message, field=adjustment.field, message=adjustment.message)
        reporter.event("started", f"Seed {settled.request.seed}", request=settled.request)
        options = RenderOptions(png_frames=args.png_frames, poster=args.poster, live_preview=False)
        result = renderer.render(settled, model, out, context, options)
    finally:
        restore()
        client.stop()
    if result.path != out.absolute():
        reporter.event(
            "rescued", f"{out} could not be written; the video was saved to {result.path}.", path=result.path
        )
    return reporter.done(result)


def _check_out(out: Path) -> Path:
    if out.suffix.lower() != ".mp4":
        raise RequestError(f"--out is {out.name!r}; videos are saved as mp4.", hint="Give a name that ends with .mp4.")
    if out.is_dir():
        raise RequestError(f"--out is a folder: {out}.", hint="Give a file name in it.")
    return out


def _draft(args: argparse.Namespace) -> GenerationDraft:
    return GenerationDraft(
        prompt=args.prompt,
        negative_prompt=args.negative_prompt,
        image=args.image,
        last_image=args.last_image,
        width=args.width,
        height=args.height,
        num_frames=args.num_frames,
        fps=args.fps,
        num_inference_steps=args.num_inference_steps,
        guidance_scale=args.guidance_scale,
        guidance_scale_2=args.guidance_scale_2,
        flow_shift=args.flow_shift,
        seed=args.seed,
        variant=args.variant,
    )


def _progress_report(reporter: _Reporter) -> Callable[[str, RenderProgress], None]:
    def report(_: str, progress: RenderProgress) -> None:
        name = progress.stage.replace("_", " ").capitalize()
        reporter.event(
            "progress",
            f"{name} {_part(progress)}" if progress.total > 1 else name,
            stage=progress.stage,
            done=progress.done,
            total=progress.total,
            part=progress.part,
            parts=progress.parts,
            seconds_left=progress.seconds_left,
        )

    return report


def _part(progress: RenderProgress) -> str:
    if progress.stage == Stage.LOAD_MODEL:  # counted in bytes
        return f"{100 * progress.done // progress.total} %"
    return f"{progress.done}/{progress.total}"


def _cancel_on_interrupt(asked: threading.Event) -> Callable[[], None]:
    """Make Ctrl+C ask the job to stop, a second one end the program; returns what undoes it."""

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, ask)

    def restore() -> None:
        signal.signal(signal.SIGINT, before)

    return restore
