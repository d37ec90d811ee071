"""How fast this PC is, as the engine has measured it: asked for, kept in a small file, and given to the estimate."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from wan_desktop.core.card_uuid import plain_uuid
from wan_desktop.core.hardware import Gpu
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.json_file import JsonFile
from wan_desktop.core.load_plan import Device
from wan_desktop.core.messages import (
    MeasureSpeed,
    SpeedKind,
    SpeedPart,
    SpeedProgress,
    SpeedReport,
    SpeedStatus,
)
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.read_speed import measure_read_speed
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.words import tr

CPU = Device.CPU.value
_FILE_NAME = "measured-speed.json"
_MAX_FILE_BYTES = 1_000_000
_MOST_KEPT = 20


@dataclass(frozen=True, slots=True)
class KeptSpeed:
    """What was measured on one device, and with what."""

    report: SpeedReport
    driver_version: str = ""
    """Of the card; empty for the processor."""
    measured_at: str = ""
    """ISO 8601, UTC."""

    @property
    def key(self) -> str:
        """A newer report of the same takes its place."""
        words = (plain_uuid(self.report.device), self.driver_version, self.report.torch_version)
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class MeasuredSpeeds:
    """What was measured on this PC, by `KeptSpeed.key`; the newest at the end."""

    devices: Mapping[str, KeptSpeed] = field(default_factory=dict)

    def of(self, uuid: str = CPU, driver_version: str = "", torch_version: str | None = None) -> SpeedReport | None:
        """What counts for a device: measured with the driver and the torch that are there now, since both change speed.

        Args:
            uuid: Of the card; without it, the processor.
            driver_version: Of the card.
            torch_version: The installed one if None; empty stands for any.
        """
        wanted = installed_torch() if torch_version is None else torch_version
        for kept in reversed(list(self.devices.values())):
            same_device = plain_uuid(kept.report.device) == plain_uuid(uuid) and kept.driver_version == driver_version
            if same_device and wanted in ("", kept.report.torch_version):
                return kept.report
        return None

    def keep(self, kept: KeptSpeed) -> "MeasuredSpeeds":
        """With one more, instead of an older one of the same."""
        devices = {key: value for key, value in self.devices.items() if key != kept.key}
        devices[kept.key] = kept
        return MeasuredSpeeds(dict(list(devices.items())[-_MOST_KEPT:]))


@cache
def installed_torch() -> str:
    """Its version, without importing it; empty where that is not written down, as in some packed programs."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""


class SpeedStore:
    """Keeps it in a small JSON file. Rubbish in there is set aside, never an error. For all threads.

    Args:
        path: The file; only in memory when None.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = JsonFile(path, MeasuredSpeeds, limit_bytes=_MAX_FILE_BYTES)
        self._known: MeasuredSpeeds | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, paths: AppPaths) -> "SpeedStore":
        """The one in the data folder."""
        return cls(paths.data / _FILE_NAME)

    def load(self) -> MeasuredSpeeds:
        """What is known; empty at first."""
        with self._lock:
            return self._load()

    def keep(self, report: SpeedReport, driver_version: str = "") -> MeasuredSpeeds:
        """Remember a report."""
        with self._lock:
            self._known = self._load().keep(KeptSpeed(report, driver_version, now_utc()))
            self._file.try_write(self._known)  # else it counts until the program ends
            return self._known

    def forget(self) -> None:
        """Forget all of it."""
        with self._lock:
            self._known = MeasuredSpeeds()
            self._file.try_write(self._known)

    def _load(self) -> MeasuredSpeeds:
        if self._known is None:
            self._known = self._file.read() or MeasuredSpeeds()
        return self._known


# Measuring -----------------------------------------------------------------------------------------------------------


class SpeedEngine(Protocol):
    """What measures a device; `EngineClient` does."""

    def measure_speed(
        self, command: MeasureSpeed, *, on_event: Callable[[SpeedProgress], None], cancel_asked: threading.Event
    ) -> SpeedReport:
        """Measure it; blocks until that is done.

        Raises:
            JobCancelled: It was asked to stop.
            WanError: The device is not there, or the engine died.
        """


def measure_speed(
    engine: SpeedEngine,
    context: JobContext,
    store: SpeedStore,
    *,
    gpu: Gpu | None = None,
    folder: Path | None = None,
    part_s: float = 0.5,
) -> SpeedReport:
    """Measure a device, and how fast the models' drive reads, and remember it.

    Args:
        engine: Measures the device.
        context: Is told the progress as `SpeedProgress`.
        store: Keeps it.
        gpu: The card; the processor if None.
        folder: Somewhere on the drive whose reading is measured; it is not if None.
        part_s: So long each part of the device takes about.

    Raises:
        JobCancelled: It was asked to stop; nothing is remembered.
        WanError: As the engine says.
    """
    device, uuid = (Device.CUDA, gpu.uuid) if gpu else (Device.CPU, "")
    command = MeasureSpeed(job=context.job_id, device=device, gpu_uuid=uuid, part_s=part_s)
    report = engine.measure_speed(command, on_event=context.progress, cancel_asked=context.cancel_asked)
    if folder is not None:
        total = len(report.parts) + 1
        context.progress(
            SpeedProgress(job=context.job_id, kind=SpeedKind.DISK, name="read", done=total - 1, total=total)
        )
        begun = time.monotonic()
        disk = _disk_part(folder)
        seconds = report.seconds + time.monotonic() - begun
        report = replace(report, parts=(*report.parts, disk), seconds=seconds)
        context.check_cancelled()
    store.keep(report, gpu.driver_version if gpu else "")
    return report


def _disk_part(folder: Path) -> SpeedPart:
    """In this process: the engine's may hold the models whose files are read."""
    rate = measure_read_speed(folder)
    if rate is None:
        reason = tr("There is no large file to read on this drive, and none can be written.")
        return SpeedPart(kind=SpeedKind.DISK, name="read", status=SpeedStatus.OFF, reason=reason)
    return SpeedPart(kind=SpeedKind.DISK, name="read", status=SpeedStatus.MEASURED, per_s=rate)
