"""A driver made from a profile, which answers as the module pynvml does: its functions, constants and error classes."""

import os
import threading
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml

from wan_desktop.core.card_programs import CardProgram
from wan_desktop.core.hardware import Gpu, HardwareProfile, ProblemCode


class Behaviour(StrEnum):
    """What the driver does."""

    ANSWERS = "answers"
    HANGS = "hangs"
    """It takes the question and never comes back."""
    CRASHES = "crashes"
    """It takes the process down with it."""
    NO_DETAILS = "no-details"
    """Card and driver know only what every one knows: everything else is not supported."""
    LOST_CARD = "lost-card"
    """The first card has fallen off the bus."""
    NO_MEMORY_INFO = "no-memory-info"
    """The first card does not tell its memory, as one that shares the PC's."""
    OLD_LIBRARY = "old-library"
    """It has no second form of the memory question."""
    MISMATCH = "mismatch"
    """Library and driver are of different versions: updated, not restarted."""
    FAULT = "fault"
    """Starting fails for no reason that is told."""
    NOISY = "noisy"
    """Something prints into the answer's pipe first."""


OWN_PROCESS = 4242
"""The engine, in tests that start none."""
_BASIC = {"nvmlDeviceGetUUID", "nvmlDeviceGetCudaComputeCapability", "nvmlDeviceGetMemoryInfo", "nvmlInit"}
_BASIC |= {"nvmlShutdown", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"}
_RESERVED_BYTES = 200_000_000
_ARCHITECTURES = {
    name.removeprefix("NVML_DEVICE_ARCH_").lower(): value
    for name, value in vars(pynvml).items()
    if name.startswith("NVML_DEVICE_ARCH_") and name != "NVML_DEVICE_ARCH_COUNT"
}


class FakeNvml:
    """Answers as pynvml; what is not faked is pynvml's own."""

    def __init__(self, profile: HardwareProfile, behaviour: Behaviour = Behaviour.ANSWERS) -> None:
        self._profile = profile
        self._behaviour = behaviour
        # The program looks constants up by name, as they are in the module.
        self.__dict__.update({name: value for name, value in vars(pynvml).items() if not name.startswith("nvmlDevice")})
        if behaviour == Behaviour.NO_DETAILS:
            self._forget_details()
        self.nvmlInit = self._init
        self.nvmlShutdown = lambda: None
        self.nvmlSystemGetCudaDriverVersion_v2 = self._cuda
        self.nvmlSystemGetDriverVersion = self._driver

    def _init(self) -> None:
        codes = {problem.code for problem in self._profile.problems}
        if self._behaviour == Behaviour.HANGS or ProblemCode.DRIVER_NOT_ANSWERING in codes:
            threading.Event().wait()
        if self._behaviour == Behaviour.CRASHES:
            os.abort()
        if self._behaviour == Behaviour.NOISY:
            print("something from a library")
        if self._behaviour == Behaviour.MISMATCH:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)
        if self._behaviour == Behaviour.FAULT:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)
        if codes & {ProblemCode.NO_CARD, ProblemCode.DRIVER_MISSING}:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    def _forget_details(self) -> None:
        for name in dir(type(self)):
            if name.startswith("nvmlDevice") and name not in _BASIC:
                setattr(self, name, _not_supported)

    def _cuda(self) -> int:
        major, minor = self._profile.gpus[0].cuda_version if self._profile.gpus else (13, 0)
        return major * 1000 + minor * 10

    def _driver(self) -> str:
        return self._profile.gpus[0].driver_version if self._profile.gpus else "581.80"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - pynvml's name, as all below
        return len(self._profile.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Gpu:  # noqa: N802
        if index == 0 and self._behaviour == Behaviour.LOST_CARD:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return self._profile.gpus[index]

    def nvmlDeviceGetUUID(self, handle: Gpu) -> str:  # noqa: N802
        return handle.uuid

    def nvmlDeviceGetName(self, handle: Gpu) -> str:  # noqa: N802
        return handle.name

    def nvmlDeviceGetArchitecture(self, handle: Gpu) -> int:  # noqa: N802
        return int(_ARCHITECTURES[handle.architecture])

    def nvmlDeviceGetCudaComputeCapability(self, handle: Gpu) -> tuple[int, int]:  # noqa: N802
        return handle.compute_capability

    def nvmlDeviceGetMemoryInfo(self, handle: Gpu, version: int | None = None) -> Any:  # noqa: N802
        if handle is self._profile.gpus[0] and self._behaviour == Behaviour.NO_MEMORY_INFO:
            _not_supported()
        if version and self._behaviour in (Behaviour.OLD_LIBRARY, Behaviour.NO_DETAILS):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        used_bytes = handle.used_by_others_bytes + (0 if version else _RESERVED_BYTES)
        return SimpleNamespace(total=handle.total_bytes, free=handle.free_bytes, used=used_bytes)

    def nvmlDeviceGetMaxPcieLinkGeneration(self, handle: Gpu) -> int:  # noqa: N802
        return handle.pcie_generation

    def nvmlDeviceGetMaxPcieLinkWidth(self, handle: Gpu) -> int:  # noqa: N802
        return handle.pcie_lanes

    def nvmlDeviceGetNumGpuCores(self, handle: Gpu) -> int:  # noqa: N802
        return handle.cuda_cores

    def nvmlDeviceGetMaxClockInfo(self, handle: Gpu, kind: int) -> int:  # noqa: N802
        return handle.max_clock_mhz if kind == pynvml.NVML_CLOCK_SM else 1

    def nvmlDeviceGetTemperature(self, handle: Gpu, kind: int) -> int:  # noqa: N802
        return handle.temperature_c if kind == pynvml.NVML_TEMPERATURE_GPU else 1

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: Gpu) -> int:  # noqa: N802
        power = int(pynvml.nvmlClocksEventReasonSwPowerCap)  # usual while it computes, and no reason to worry
        return power | int(pynvml.nvmlClocksThrottleReasonSwThermalSlowdown) if handle.slowed_by_heat else power

    def nvmlDeviceGetCurrentDriverModel(self, handle: Gpu) -> int:  # noqa: N802
        models = {"wddm": pynvml.NVML_DRIVER_WDDM, "tcc": pynvml.NVML_DRIVER_WDM, "mcdm": pynvml.NVML_DRIVER_MCDM}
        return int(models[handle.driver_model]) if handle.driver_model else _not_supported()

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Gpu) -> list[Any]:  # noqa: N802
        """On Windows' display driver the bytes are not told. Nobody computes but this program."""
        return _running(handle, own=True)

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Gpu) -> list[Any]:  # noqa: N802
        """All others draw."""
        return _running(handle, own=False)

    def counters(self) -> list[tuple[str, int]]:
        """As Windows counts what its display driver hides; the first adapter is one within the processor."""
        found = [("pid_4_luid_0x00000000_0x00009999_phys_0", 40_000_000), ("_Total", 1), ("", 0)]
        for index, gpu in enumerate(self._profile.gpus):
            if gpu.driver_model == "wddm":
                for program in gpu.programs:
                    size_bytes = (program.vram_bytes or 0) // max(1, len(program.processes))
                    luid = f"luid_0x00000000_0x0000{0xC48E + index:04X}"
                    found += [(f"pid_{number}_{luid}_phys_0", size_bytes) for number in program.processes]
        return found


class FakeProcesses:
    """Answers as psutil about the programs of a PC on paper."""

    def __init__(self, profile: HardwareProfile) -> None:
        self._names = {
            number: program.name for gpu in profile.gpus for program in gpu.programs for number in program.processes
        }
        self._is_windows = profile.system.os == "windows"

    def Process(self, process_id: int) -> Any:  # noqa: N802 - psutil's name
        """One of them."""
        if not self._names.get(process_id):
            raise psutil.AccessDenied(process_id)
        name = self._names[process_id] + (".exe" if self._is_windows else "")
        return SimpleNamespace(name=lambda: name, ppid=lambda: 1)


def _running(gpu: Gpu, *, own: bool) -> list[Any]:
    is_told = gpu.driver_model != "wddm"
    return [
        SimpleNamespace(pid=number, usedGpuMemory=_share(program) if is_told else None)
        for program in gpu.programs
        if program.is_own == own
        for number in program.processes
    ]


def _share(program: CardProgram) -> int | None:
    """Of each process."""
    return None if program.vram_bytes is None else program.vram_bytes // max(1, len(program.processes))


def _not_supported(*_: Any) -> Any:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
