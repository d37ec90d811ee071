"""The commands that make a video and tell how one was made."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from wan_desktop.cli.interrupt import cancel_on_interrupt
from wan_desktop.cli.reporter import EXIT_DONE, Reporter, print_line
from wan_desktop.core.catalog import BUILTIN_MODEL_ID, Model, find_model, read_catalog
from wan_desktop.core.errors import InputError
from wan_desktop.core.generation import GenerationDraft, Sampler
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.messages import Stage
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.recipe import read_recipe
from wan_desktop.core.records import to_plain
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.render_progress import RenderProgress
from wan_desktop.core.rendering import Renderer, RenderOptions
from wan_desktop.core.runtime.program_engine import engine_client
from wan_desktop.core.settings import load_settings
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.libraries import Libraries
from wan_desktop.core.words import mark, tr

_STAGES = {
    Stage.LOAD_MODEL: mark("Load model"),
    Stage.READ_PROMPT: mark("Read prompt"),
    Stage.PREPARE_IMAGE: mark("Prepare image"),
    Stage.CREATE_FRAMES: mark("Create frames"),
    Stage.BUILD_PICTURES: mark("Build pictures"),
    Stage.SAVE_VIDEO: mark("Save video"),
}


def add_render(render: argparse.ArgumentParser) -> None:
    """The arguments of `render`."""
    render.add_argument("--prompt", default="", help=tr("what should happen; may be empty with --image"))
    render.add_argument("--negative-prompt", help=tr("what to avoid"))
    render.add_argument(
        "--model", default=BUILTIN_MODEL_ID, help=tr("id from the catalog, or a folder that holds model_index.json")
    )
    render.add_argument("--variant", default="", metavar="NAME", help=tr("smaller weights of the model, such as Q8_0"))
    render.add_argument("--image", type=Path, help=tr("start image"))
    render.add_argument("--last-image", type=Path, help=tr("last image, for models that can end on one"))
    for name in ("width", "height", "num-frames", "fps", "num-inference-steps", "seed"):
        render.add_argument(f"--{name}", type=int, metavar="N")
    render.add_argument(
        "--sampler",
        choices=[str(sampler) for sampler in Sampler],
        default=str(Sampler.MODEL),
        help=tr("how the steps are taken"),
    )
    for name in ("guidance-scale", "guidance-scale-2", "flow-shift"):
        render.add_argument(f"--{name}", type=float, metavar="X")
    render.add_argument("--png-frames", action="store_true", help=tr("also save every frame"))
    render.add_argument("--poster", action="store_true", help=tr("also save the middle frame"))
    render.add_argument("--out", type=Path, required=True, metavar="FILE", help=tr("the mp4 to write"))
    render.add_argument("--json", action="store_true", help=tr("JSON lines on standard output"))


def print_recipe(file: Path) -> int:
    """Print how a video was made."""
    print_line(json.dumps(to_plain(read_recipe(file)), indent=2), sys.stdout)
    return EXIT_DONE


def run_render(args: argparse.Namespace, paths: AppPaths, reporter: Reporter) -> int:
    """Make a video."""
    out = _check_out(args.out)
    settings = load_settings(paths.settings_file)
    client = engine_client(paths, settings)
    renderer = Renderer(client, paths, RenderPlanner(paths, settings))
    renderer.hold_model = Libraries(Disk(), settings.model_folders or [paths.models]).using
    context = JobContext("command-line", _progress_report(reporter))
    restore = cancel_on_interrupt(context.cancel_asked)
    try:
        client.start()
        model = _find_model(args, paths)
        settled = renderer.settle(_draft(args), model)
        for adjustment in settled.adjustments:
            reporter.event("adjusted", adjustment.message, field=adjustment.field, message=adjustment.message)
        reporter.event("started", tr("Seed {seed}", seed=settled.request.seed), request=settled.request)
        options = RenderOptions(png_frames=args.png_frames, poster=args.poster, live_preview=False)
        result = renderer.render(settled, model, out, context, options)
    finally:
        restore()
        client.stop()
    if result.path != out.absolute():
        reporter.event(
            "rescued",
            tr("{out} could not be written; the video was saved to {path}.", out=out, path=result.path),
            path=result.path,
        )
    if result.frames_problem:
        reporter.event("frames-missing", result.frames_problem)
    return reporter.result(str(result.path), to_plain(result))


def _find_model(args: argparse.Namespace, paths: AppPaths) -> Model:
    """One that comes with the program, one that was downloaded, or a folder."""
    metadata = read_catalog(paths.resources, paths.added_models).get(args.model)
    if metadata is None or not any(variant.parts for variant in metadata.variants):
        return find_model(args.model, paths.resources, paths.added_models)
    manager = ModelManager.open(paths, load_settings(paths.settings_file))
    try:
        return manager.model(metadata, args.variant)
    finally:
        manager.close()


def _check_out(out: Path) -> Path:
    if out.suffix.lower() != ".mp4":
        raise InputError(
            tr("--out is {out!r}; videos are saved as mp4.", out=out.name), hint=tr("Give a name that ends with .mp4.")
        )
    if out.is_dir():
        raise InputError(tr("--out is a folder: {out}.", out=out), hint=tr("Give a file name in it."))
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
        sampler=Sampler(args.sampler),
        seed=args.seed,
        variant=args.variant,
    )


def _progress_report(reporter: Reporter) -> Callable[[str, RenderProgress], None]:
    def report(_: str, progress: RenderProgress) -> None:
        name = tr(_STAGES[progress.stage])
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
