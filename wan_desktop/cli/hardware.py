"""The command `hardware`: what this PC is and how fast, or what a file says another one is."""

import argparse
from collections.abc import Callable
from pathlib import Path

from wan_desktop.cli.interrupt import cancel_on_interrupt
from wan_desktop.cli.reporter import Reporter
from wan_desktop.core.errors import IncompatibleError, InputError
from wan_desktop.core.hardware import Drive, Gpu, HardwareProfile, MemoryInfo, SystemInfo, read_profile
from wan_desktop.core.hardware_probe import probe, with_read_speeds
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.machine import card_of
from wan_desktop.core.measured_speed import SpeedStore, measure_speed
from wan_desktop.core.messages import SpeedKind, SpeedProgress, SpeedReport, SpeedStatus
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.records import to_plain
from wan_desktop.core.runtime.program_engine import engine_client
from wan_desktop.core.settings import load_settings
from wan_desktop.core.words import tr, trn

_TERA, _GIGA, _GIBI = 1e12, 1_000_000_000, 1 << 30
_PART_S = 0.5
_NAME_WIDTH = 34


def add_hardware(parser: argparse.ArgumentParser) -> None:
    """The arguments of `hardware`."""
    parser.add_argument("--hardware", type=Path, metavar="FILE", help=tr("another PC, as `hardware --json` prints it"))
    parser.add_argument(
        "--measure", action="store_true", help=tr("measure how fast the drives read, some seconds for each")
    )
    parser.add_argument(
        "--measure-speed",
        action="store_true",
        help=tr("measure how fast card, processor and drive are, and remember it for estimates; half a minute"),
    )
    parser.add_argument("--json", action="store_true", help=tr("one line of JSON, which --hardware takes"))


def run_hardware(args: argparse.Namespace, paths: AppPaths, reporter: Reporter) -> int:
    """Say what the PC is; problems of it are part of the answer, not a failure."""
    if args.measure_speed:
        if args.hardware:
            raise InputError(tr("Another PC's speed cannot be measured here."), hint=tr("Leave out --hardware."))
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
    store, client = SpeedStore.of(paths), engine_client(paths, settings)
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
    lines = [
        tr(
            "{device}, torch {version}, measured in {seconds:.0f} s",
            device=report.device_name,
            version=report.torch_version,
            seconds=report.seconds,
        )
    ]
    for part in report.parts:
        is_bytes = part.kind in (SpeedKind.COPY, SpeedKind.DISK)
        per_s = f"{part.per_s / _GIGA:.3g} GB/s" if is_bytes else f"{part.per_s / _TERA:.3g} TFLOP/s"
        found = per_s if part.status is SpeedStatus.MEASURED else f"{part.status}: {part.reason}"
        lines.append(f"  {_part_words(part.kind, part.name):<{_NAME_WIDTH}}{found}")
    return lines


def _part_words(kind: SpeedKind, name: str) -> str:
    match kind:
        case SpeedKind.PRODUCTS:
            return tr("matrix products, {name}", name=name)
        case SpeedKind.ATTENTION:
            return tr("attention, {kernel} kernel", kernel=name.removeprefix("_native_"))
        case SpeedKind.COPY:
            return tr("copies to the card, {name}", name=name)
        case SpeedKind.DISK:
            return tr("reading model files")


def _words(profile: HardwareProfile) -> list[str]:
    words = [line for gpu in profile.gpus for line in _gpu_words(gpu)]
    words += [_memory_words(profile.memory)]
    words += [_drive_words(drive) for drive in profile.drives]
    words += [_system_words(profile.system)]
    for problem in profile.problems:
        words += [tr("Problem: {problem}", problem=problem.text), f"  {problem.hint}"]
    return words


def _gpu_words(gpu: Gpu) -> list[str]:
    capability, cuda = (f"{pair[0]}.{pair[1]}" for pair in (gpu.compute_capability, gpu.cuda_version))
    used = tr(
        "{free} of {total} free, others use {others}",
        free=_gibi(gpu.free_bytes),
        total=_gibi(gpu.total_bytes),
        others=_gibi(gpu.used_by_others_bytes),
    )
    link = f", PCIe {gpu.pcie_generation} x{gpu.pcie_lanes}" if gpu.pcie_generation and gpu.pcie_lanes else ""
    more = tr(
        "{architecture}, compute capability {capability}{link}; driver {driver}, CUDA {cuda}",
        architecture=gpu.architecture,
        capability=capability,
        link=link,
        driver=gpu.driver_version,
        cuda=cuda,
    )
    return [
        f"{gpu.name}: {used}",
        f"  {more}",
        f"  {gpu.uuid}",
    ]


def _memory_words(memory: MemoryInfo) -> str:
    commit = tr(
        "{free} of {total} can be committed",
        free=_gibi(memory.commit_free_bytes),
        total=_gibi(memory.commit_limit_bytes),
    )
    automatic = {True: tr(", managed by the system"), False: tr(", of a set size"), None: ""}[
        memory.page_file_is_automatic
    ]
    page_file = tr("page file {size}{automatic}", size=_gibi(memory.page_file_bytes), automatic=automatic)
    return tr(
        "Memory: {free} of {total} free; {commit}; {page_file}",
        free=_gibi(memory.available_bytes),
        total=_gibi(memory.total_bytes),
        commit=commit,
        page_file=page_file,
    )


def _drive_words(drive: Drive) -> str:
    speed = tr(", reads {speed:.2f} GB/s", speed=drive.read_bytes_per_s / _GIGA) if drive.read_bytes_per_s else ""
    size = tr("{free:.1f} of {total:.1f} GB free", free=drive.free_bytes / _GIGA, total=drive.total_bytes / _GIGA)
    if not drive.is_readable:
        size = tr("free space unknown")
    return f"{drive.path}: {drive.kind}, {drive.file_system or tr('file system unknown')}, {size}{speed}"


def _system_words(system: SystemInfo) -> str:
    words = [
        system.os_version,
        system.cpu or tr("CPU unknown"),
        trn("{count} core", "{count} cores", system.physical_cores),
    ]
    words += [tr("laptop")] if system.is_laptop else []
    words += [tr("on battery")] if system.on_battery else []
    words += [tr("remote session")] if system.is_remote_session else []
    return ", ".join(word for word in words if word)


def _gibi(size_bytes: int) -> str:
    """As cards and memory are sold: 12 GB of them are 12 GiB."""
    return f"{size_bytes / _GIBI:.1f} GiB"
