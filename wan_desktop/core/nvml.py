"""Asks the NVIDIA driver through NVML; runs as a child process, because a driver may hang or crash who asks it.

`python -m wan_desktop.core.nvml [--own PROCESS_ID ...]` prints one JSON line, an :class:`NvmlAnswer`. A program that
was frozen into one file must serve these arguments as it serves `-m wan_desktop.engine`: see :func:`nvml_command`.

Cards are counted and named by UUID, memory is what the driver says; no name is interpreted. A card that does not answer
one question keeps its other answers; one that does not tell its UUID, memory or compute capability is a problem.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import pynvml

from wan_desktop.core.hardware import UNKNOWN_ARCHITECTURE, Gpu, HardwareProblem, ProblemCode
from wan_desktop.core.records import to_plain

SOURCE_ROOT = Path(__file__).resolve().parents[2]
"""`python -m` finds the package from here, whatever folder the program was started in."""
_DRIVER_PAGE = "Install the driver from nvidia.com/drivers"

# (from this compute capability, architecture): for drivers that cannot name it (before 450). CUDA programming guide,
# "Compute Capabilities". 8.9 is Ada and 8.7 an Ampere; 12.x is Blackwell as 10.x and 11.x are.
_ARCHITECTURES = (
    ((10, 0), "blackwell"),
    ((9, 0), "hopper"),
    ((8, 9), "ada"),
    ((8, 0), "ampere"),
    ((7, 5), "turing"),
    ((7, 0), "volta"),
    ((6, 0), "pascal"),
    ((5, 0), "maxwell"),
    ((3, 0), "kepler"),
)

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class NvmlAnswer:
    """What NVML said."""

    gpus: tuple[Gpu, ...] = ()
    problems: tuple[HardwareProblem, ...] = ()


def nvml_command(own_processes: Collection[int] = ()) -> tuple[str, ...]:
    """How the child is started.

    In a program frozen into one file, `sys.executable` is the program itself: its main must then run the module named
    after `-m` with the arguments behind it, as it must for the engine.
    """
    own = [part for process_id in own_processes for part in ("--own", str(process_id))]
    return (sys.executable, "-m", "wan_desktop.core.nvml", *own)


def main(argv: list[str], *, nvml: Any = pynvml, output: TextIO = sys.stdout) -> int:
    """Print the answer as one line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="wan_desktop.core.nvml")
    parser.add_argument("--own", type=int, action="append", default=[], metavar="PROCESS_ID")
    answer = ask_nvml(nvml, own_processes=parser.parse_args(argv).own)
    output.write(json.dumps(to_plain(answer)) + "\n")
    output.flush()
    return 0


def ask_nvml(nvml: Any = pynvml, *, own_processes: Collection[int] = ()) -> NvmlAnswer:
    """All cards of this PC; blocks for as long as the driver does.

    Args:
        nvml: The module `pynvml`, or one that answers like it.
        own_processes: What these hold is not counted as used by others, where the driver tells (on Windows' usual
            display driver it does not).
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return NvmlAnswer(problems=(_why_no_start(nvml, error),))
    try:
        gpus, problems = _cards(nvml, own_processes)
    except nvml.NVMLError as error:
        return NvmlAnswer(problems=(_fault(error),))
    finally:
        _ask(nvml, None, nvml.nvmlShutdown)
    return NvmlAnswer(tuple(gpus), tuple(problems))


def _why_no_start(nvml: Any, error: Exception) -> HardwareProblem:
    if isinstance(error, (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded)):
        what = "is not installed" if isinstance(error, nvml.NVMLError_LibraryNotFound) else "is not running"
        hint = f"{_DRIVER_PAGE}, then restart the PC."
        return HardwareProblem(ProblemCode.DRIVER_MISSING, f"The NVIDIA driver {what}.", hint, str(error))
    if isinstance(error, nvml.NVMLError_LibRmVersionMismatch):
        text = "The NVIDIA driver was replaced, and the new one is not running yet."
        return HardwareProblem(ProblemCode.DRIVER_FAULT, text, "Restart the PC.", str(error))
    return _fault(error)


def _fault(error: Exception) -> HardwareProblem:
    text = f"The NVIDIA driver reports a fault: {error}."
    hint = "Restart the PC. If that does not help, install the driver anew."
    return HardwareProblem(ProblemCode.DRIVER_FAULT, text, hint, repr(error))


def _cards(nvml: Any, own_processes: Collection[int]) -> tuple[list[Gpu], list[HardwareProblem]]:
    """The cards that answer, and a problem for each that does not.

    Raises:
        NVMLError: Not even their number is known.
    """
    gpus, problems = [], []
    cuda = _ask(nvml, 0, nvml.nvmlSystemGetCudaDriverVersion_v2)
    driver = _ask(nvml, "", nvml.nvmlSystemGetDriverVersion)
    # NVML says 12080 for CUDA 12.8 (NVML reference, nvmlSystemGetCudaDriverVersion_v2).
    versions = driver, (cuda // 1000, cuda % 1000 // 10)
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            gpus.append(_card(nvml, handle, versions, own_processes))
        except nvml.NVMLError as error:
            problems.append(_card_problem(nvml, index, error))
    return gpus, problems


def _card_problem(nvml: Any, index: int, error: Exception) -> HardwareProblem:
    name = f"Graphics card {index + 1}"
    hint = "Restart the PC. If it stays, the card's power cables and seat are worth a look."
    if isinstance(error, nvml.NVMLError_NotSupported):
        hint = "Cards without memory of their own, and some virtual ones, cannot be used."
    return HardwareProblem(ProblemCode.CARD_UNREADABLE, f"{name} does not answer: {error}.", hint, repr(error))


def _card(nvml: Any, handle: Any, versions: tuple[str, tuple[int, int]], own_processes: Collection[int]) -> Gpu:
    """One card.

    Raises:
        NVMLError: It does not tell its UUID, its memory, or its compute capability.
    """
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    memory = _memory(nvml, handle)
    own_bytes = _held_by(nvml, handle, own_processes) if own_processes else 0
    return Gpu(
        uuid=nvml.nvmlDeviceGetUUID(handle),
        name=_ask(nvml, "NVIDIA graphics card", nvml.nvmlDeviceGetName, handle),
        architecture=_architecture(nvml, handle, (major, minor)),
        compute_capability=(major, minor),
        total_bytes=memory.total,
        free_bytes=memory.free,
        used_by_others_bytes=max(0, memory.used - own_bytes),
        driver_version=versions[0],
        cuda_version=versions[1],
        pcie_generation=_ask(nvml, 0, nvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
        pcie_lanes=_ask(nvml, 0, nvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
        cuda_cores=_ask(nvml, 0, nvml.nvmlDeviceGetNumGpuCores, handle),
        max_clock_mhz=_ask(nvml, 0, nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM),
        driver_model=_driver_model(nvml, handle),
    )


def _memory(nvml: Any, handle: Any) -> Any:
    """`total`, `free` and `used` in bytes; `used` without what the driver reserves, where the driver is new enough."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError:  # before driver 510
        return nvml.nvmlDeviceGetMemoryInfo(handle)


def _held_by(nvml: Any, handle: Any, process_ids: Collection[int]) -> int:
    """What these processes hold of the card, as far as it is told; `usedGpuMemory` is None where it is not."""
    running: Iterable[Any] = _ask(nvml, [], nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    return sum(process.usedGpuMemory or 0 for process in running if process.pid in process_ids)


def _architecture(nvml: Any, handle: Any, capability: tuple[int, int]) -> str:
    number = _ask(nvml, nvml.NVML_DEVICE_ARCH_UNKNOWN, nvml.nvmlDeviceGetArchitecture, handle)
    prefix = "NVML_DEVICE_ARCH_"
    names = {value: name for name, value in vars(nvml).items() if name.startswith(prefix) and isinstance(value, int)}
    if number in names and number != nvml.NVML_DEVICE_ARCH_UNKNOWN:
        return str(names[number]).removeprefix(prefix).lower()
    return next((name for lowest, name in _ARCHITECTURES if capability >= lowest), UNKNOWN_ARCHITECTURE)


def _driver_model(nvml: Any, handle: Any) -> str:
    # WDM is what NVML's header calls the model that everybody else calls TCC.
    names = {nvml.NVML_DRIVER_WDDM: "wddm", nvml.NVML_DRIVER_WDM: "tcc", nvml.NVML_DRIVER_MCDM: "mcdm"}
    return names.get(_ask(nvml, -1, nvml.nvmlDeviceGetCurrentDriverModel, handle), "")


def _ask(nvml: Any, default: _Value, question: Callable[..., _Value], *arguments: Any) -> _Value:
    """The answer, or the default where card or driver does not know the question."""
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return default


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
