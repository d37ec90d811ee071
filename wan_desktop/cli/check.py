"""The command `check`: does a video fit this PC, with this model?"""

import argparse
import shutil
from pathlib import Path

from wan_desktop.cli.reporter import EXIT_DONE, EXIT_FAILED, Reporter
from wan_desktop.core.calibration import CalibrationStore
from wan_desktop.core.catalog import GenerationMode, ModelMetadata, read_catalog
from wan_desktop.core.compatibility import CompatibilityCheck, ModelCompatibility, check
from wan_desktop.core.estimate import Workload
from wan_desktop.core.hardware import HardwareProfile, read_profile
from wan_desktop.core.hardware_probe import probe
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.measured_speed import SpeedStore
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.records import to_plain
from wan_desktop.core.settings import Settings, load_settings
from wan_desktop.core.subjects import Subjects
from wan_desktop.core.trial import Place, Question
from wan_desktop.core.words import tr

_GIGA = 1_000_000_000


def add_check(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    parser.add_argument("model", metavar="MODEL", help=tr("a model of the list, or a folder"))
    parser.add_argument("--variant", default="", metavar="NAME", help=tr("which packaging of the model"))
    parser.add_argument("--mode", choices=[mode.value for mode in GenerationMode], default=GenerationMode.T2V.value)
    for name in ("width", "height", "num-frames", "num-inference-steps"):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=tr("as the model is used to, if left out"))
    parser.add_argument("--hardware", type=Path, metavar="FILE", help=tr("another PC, as `hardware --json` prints it"))
    parser.add_argument("--json", action="store_true", help=tr("JSON on standard output"))


def run_check(args: argparse.Namespace, paths: AppPaths, reporter: Reporter) -> int:
    """Check, and say what came of it; the exit code says whether it fits."""
    settings = load_settings(paths.settings_file)
    manager = ModelManager.open(paths, settings)
    try:
        catalog = read_catalog(paths.resources, paths.added_models)
        subject = Subjects(catalog, manager, paths.resources).subject(args.model, args.variant)
    finally:
        manager.close()
    question = Question(mode=GenerationMode(args.mode), workload=_workload(args, subject.metadata))
    found = check(subject, question, _place(args, paths, settings))
    fields = to_plain(found) | _numbers(found)
    reporter.result("\n".join(_words(found)), fields)
    return EXIT_FAILED if found.level is ModelCompatibility.INCOMPATIBLE else EXIT_DONE


def _place(args: argparse.Namespace, paths: AppPaths, settings: Settings) -> Place:
    folder = next(iter(settings.model_folders), paths.models)
    if args.hardware:
        return Place(read_profile(args.hardware))
    hardware: HardwareProfile = probe(drives=(folder,))
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    calibration = CalibrationStore(paths.calibration).load()
    free_disk_bytes = shutil.disk_usage(existing).free
    speeds = SpeedStore.of(paths).load()
    return Place(hardware, calibration=calibration, speeds=speeds, free_disk_bytes=free_disk_bytes)


def _workload(args: argparse.Namespace, metadata: ModelMetadata) -> Workload:
    size = metadata.sizes[0]
    return Workload(
        width=args.width or size.width,
        height=args.height or size.height,
        num_frames=args.num_frames or metadata.num_frames,
        num_inference_steps=args.num_inference_steps or metadata.num_inference_steps,
        has_image=args.mode != GenerationMode.T2V.value,
        guidance_scale=metadata.guidance_scale,
        guidance_scale_2=metadata.guidance_scale_2,
    )


def _numbers(found: CompatibilityCheck) -> dict[str, object]:
    cost = found.estimate
    names = ("vram_peak_bytes", "ram_peak_bytes", "disk_bytes", "seconds_low", "seconds_high")
    return {name: getattr(cost, name) if cost else None for name in names}


def _words(found: CompatibilityCheck) -> list[str]:
    name = f"{found.model_id} {found.variant}".strip()
    words = [f"{name}, {found.mode}: {found.level} ({found.fit})"]
    if found.estimate is not None:
        cost = found.estimate
        words.append(
            tr(
                "  video memory {vram_gb:.1f} GB, memory {ram_gb:.1f} GB",
                vram_gb=cost.vram_peak_bytes / _GIGA,
                ram_gb=cost.ram_peak_bytes / _GIGA,
            )
        )
        if cost.seconds_low is not None and cost.seconds_high is not None:
            words.append(
                tr(
                    "  about {low:.0f} to {high:.0f} s ({accuracy})",
                    low=cost.seconds_low,
                    high=cost.seconds_high,
                    accuracy=cost.accuracy,
                )
            )
    words += [f"  {issue.severity}: {issue.text}" for issue in found.issues]
    words += [f"  -> {change.text}" for change in found.recommendations]
    words += [
        f"  {number}. {rung.model_id} {rung.variant or tr('as it is')}, {rung.plan.name}: {rung.fit}"
        for number, rung in enumerate(found.ladder, 1)
    ]
    return words
