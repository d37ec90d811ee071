"""The command `hardware`: what this PC is and how fast, or what a file says another one is."""

import argparse
from collections.abc import Callable
from pathlib import Path

from wan_desktop.cli.interrupt import cancel_on_interrupt
from wan_desktop.cli.reporter import Reporter
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import IncompatibleError, InputError
from wan_desktop.core.hardware import Drive, Gpu, HardwareProfile, MemoryInfo, SystemInfo, read_profile
from wan_desktop.core.hardware_probe import probe, with_read_speeds
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.machine import card_of
from wan_desktop.core.measured_speed import SpeedStore, measure_speed
from wan_desktop.core.messages import SpeedKind, SpeedProgress, SpeedReport, SpeedStatus
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.records import to_plain
from wan_desktop.core.settings import load_settings

_TERA, _GIGA, _GIBI = 1e12, 1_000_000_000, 1 << 30
_PART_S = 0.5
_NAME_WIDTH = 34


def add_hardware(parser: argparse.ArgumentParser) -> None:
    """The arguments of `hardware`."""
    parser.add_argument("--hardware", type=Path, metavar="FILE", help="another PC, as `hardware --json` prints it")
    parser.add_argument(
        "--measure", action="store_true", help="measure how fast the drives read, some seconds for each"
    )
    parser.add_argument(
        "--measure-speed",
        action="store_true",
        help="measure how fast card, processor and drive are, and remember it for estimates; half a minute",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON, which --hardware takes")


def run_hardware(args: argparse.Namespace, paths: AppPaths, reporter: Reporter) -> int:
    """Say what the PC is; problems of it are part of the answer, not a failure."""
    if args.measure_speed:
        if args.hardware:
            raise InputError("Another PC's speed cannot be measured here.", hint="Leave out --hardware.")
        return _measure_speed(paths, reporter)
    profile = read_profile(args.hardware) if args.hardware else _look(paths, measure=args.measure)
    return reporter.result("\n".join(_words(profile)), to_plain(profile))


def _look(paths: AppPaths, *, measure: bool) -> HardwareProfile:
    profile = probe(drives=None)
    if not measure:
        return profile
    folders = [*load_settings(paths.settings_file).model_folders, paths.models, paths.data]
    return with_read_speeds(profile, [folder for folder in folders if folder.is_dir()])


def _measure_speed(paths: AppPaths, reporter: Reporter) -> int:
    """Of the card, if one computes, and of the processor, on which prompts may be read."""
    profile, settings = probe(drives=()), load_settings(paths.settings_file)
    card = card_of(profile, settings.gpu_uuid)
    devices = [card.gpu, None] if card.computes else [None]
    folders = (*settings.model_folders, paths.models, paths.data)
    folder = next((folder for folder in folders if folder.is_dir()), None)
    store, client = SpeedStore.of(paths), EngineClient()
    context = JobContext("command-line", _progress_report(reporter))
    restore = cancel_on_interrupt(context.cancel_asked)
    reports = []
    try:
        for gpu in devices:
            try:
                reports.append(measure_speed(client, context, store, gpu=gpu, folder=folder, part_s=_PART_S))
            except IncompatibleError as error:  # the driver names a card that torch cannot compute on
                reporter.event("problem", f"{card.name}: {error.message}", code=error.code, message=error.message)
            folder = None if reports else folder
    finally:
        restore()
        client.stop()
    words = [line for report in reports for line in _speed_words(report)]
    return reporter.result("\n".join(words), {"reports": to_plain(reports)})


def _progress_report(reporter: Reporter) -> Callable[[str, SpeedProgress], None]:
    def report(_: str, progress: SpeedProgress) -> None:
        reporter.event(
            "progress",
            f"{progress.done + 1}/{progress.total} {_part_words(progress.kind, progress.name)}",
            kind=progress.kind,
            name=progress.name,
            done=progress.done,
            total=progress.total,
        )

    return report


def _speed_words(report: SpeedReport) -> list[str]:
    """A table: what, and how much a second."""
    lines = [f"{report.device_name}, torch {report.torch_version}, measured in {report.seconds:.0f} s"]
    for part in report.parts:
        is_bytes = part.kind in (SpeedKind.COPY, SpeedKind.DISK)
        per_s = f"{part.per_s / _GIGA:.3g} GB/s" if is_bytes else f"{part.per_s / _TERA:.3g} TFLOP/s"
        found = per_s if part.status is SpeedStatus.MEASURED else f"{part.status}: {part.reason}"
        lines.append(f"  {_part_words(part.kind, part.name):<{_NAME_WIDTH}}{found}")
    return lines


def _part_words(kind: SpeedKind, name: str) -> str:
    match kind:
        case SpeedKind.PRODUCTS:
            return f"matrix products, {name}"
        case SpeedKind.ATTENTION:
            return f"attention, {name.removeprefix('_native_')} kernel"
        case SpeedKind.COPY:
            return f"copies to the card, {name}"
        case SpeedKind.DISK:
            return "reading model files"


def _words(profile: HardwareProfile) -> list[str]:
    words = [line for gpu in profile.gpus for line in _gpu_words(gpu)]
    words += [_memory_words(profile.memory)]
    words += [_drive_words(drive) for drive in profile.drives]
    words += [_system_words(profile.system)]
    for problem in profile.problems:
        words += [f"Problem: {problem.text}", f"  {problem.hint}"]
    return words


def _gpu_words(gpu: Gpu) -> list[str]:
    capability, cuda = (f"{pair[0]}.{pair[1]}" for pair in (gpu.compute_capability, gpu.cuda_version))
    used = f"{_gibi(gpu.free_bytes)} of {_gibi(gpu.total_bytes)} free, others use {_gibi(gpu.used_by_others_bytes)}"
    link = f", PCIe {gpu.pcie_generation} x{gpu.pcie_lanes}" if gpu.pcie_generation and gpu.pcie_lanes else ""
    return [
        f"{gpu.name}: {used}",
        f"  {gpu.architecture}, compute capability {capability}{link}; driver {gpu.driver_version}, CUDA {cuda}",
        f"  {gpu.uuid}",
    ]


def _memory_words(memory: MemoryInfo) -> str:
    commit = f"{_gibi(memory.commit_free_bytes)} of {_gibi(memory.commit_limit_bytes)} can be committed"
    automatic = {True: ", managed by the system", False: ", of a set size", None: ""}[memory.page_file_is_automatic]
    page_file = f"page file {_gibi(memory.page_file_bytes)}{automatic}"
    return f"Memory: {_gibi(memory.available_bytes)} of {_gibi(memory.total_bytes)} free; {commit}; {page_file}"


def _drive_words(drive: Drive) -> str:
    speed = f", reads {drive.read_bytes_per_s / _GIGA:.2f} GB/s" if drive.read_bytes_per_s else ""
    size = f"{drive.free_bytes / _GIGA:.1f} of {drive.total_bytes / _GIGA:.1f} GB free"
    return f"{drive.path}: {drive.kind}, {drive.file_system or 'file system unknown'}, {size}{speed}"


def _system_words(system: SystemInfo) -> str:
    words = [system.os_version, system.cpu or "CPU unknown", f"{system.physical_cores} cores"]
    words += ["laptop"] if system.is_laptop else []
    words += ["on battery"] if system.on_battery else []
    words += ["remote session"] if system.is_remote_session else []
    return ", ".join(word for word in words if word)


def _gibi(size_bytes: int) -> str:
    """As cards and memory are sold: 12 GB of them are 12 GiB."""
    return f"{size_bytes / _GIBI:.1f} GiB"
