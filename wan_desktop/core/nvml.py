"""Asks the NVIDIA driver through NVML; runs as a child process, because a driver may hang or crash who asks it.

`python -m wan_desktop.core.nvml [--own PROCESS_ID ...]` prints one JSON line, an :class:`NvmlAnswer`. A program that
was frozen into one file must serve these arguments as it serves `-m wan_desktop.engine`: see :func:`nvml_command`.

Cards are counted and named by UUID, memory is what the driver says; no name is interpreted. A card that does not answer
one question keeps its other answers; one that does not tell its UUID, memory or compute capability is a problem.
"""

import argparse
import json
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO, TypeVar

import pynvml

from wan_desktop.core.card_programs import Processes, Usage, luid_of, programs_of, usages_of
from wan_desktop.core.hardware import UNKNOWN_ARCHITECTURE, Gpu, HardwareProblem, ProblemCode
from wan_desktop.core.paths import resources_folder
from wan_desktop.core.records import to_plain
from wan_desktop.core.words import tr, use_told_language

SOURCE_ROOT = Path(__file__).resolve().parents[2]
"""`python -m` finds the package from here, whatever folder the program was started in."""
_WDDM = "wddm"
_COUNTERS_LIMIT_S = 2.0
"""Windows' counters take a fraction of a second; where they hang, the card is shown without them."""

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
Counters = Callable[[], list[tuple[str, int]]]
"""Gives name and bytes of each instance of Windows' counter of card memory; may raise OSError."""


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


def main(
    argv: list[str],
    *,
    nvml: Any = pynvml,
    output: TextIO = sys.stdout,
    counters: Counters | None = None,
    processes: Processes | None = None,
) -> int:
    """Print the answer as one line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="wan_desktop.core.nvml")
    parser.add_argument("--own", type=int, action="append", default=[], metavar="PROCESS_ID")
    own = parser.parse_args(argv).own
    asked = _Counted(counters or windows_counters)
    answer = ask_nvml(nvml, own_processes=own, usages=asked.usages, processes=processes)
    output.write(json.dumps(to_plain(answer)) + "\n")
    output.flush()
    return 0


def windows_counters() -> list[tuple[str, int]]:
    """Of this PC; nothing where it is none with Windows.

    Raises:
        OSError: They cannot be read.
    """
    if sys.platform == "win32":
        from wan_desktop.core.windows_calls import gpu_process_memory  # noqa: PLC0415 - only there

        return gpu_process_memory()
    else:  # noqa: RET505 - or mypy, reading it for Windows, finds the rest unreachable
        return []


class _Counted:
    """Reads the counters while the driver is asked, and does not wait for them for long.

    Args:
        counters: Reads them; may hang.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._found: list[tuple[str, int]] = []
        self._thread = threading.Thread(target=self._run, name="card-counters", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found = self._counters()
        except OSError as error:  # they may be damaged or switched off; without them no program is named
            print(f"The counters of card memory cannot be read: {error}", file=sys.stderr)  # noqa: T201 - of a child

    def usages(self) -> list[Usage]:
        """What they say; nothing if they cannot be read in time."""
        self._thread.join(_COUNTERS_LIMIT_S)
        return usages_of(self._found)


def ask_nvml(
    nvml: Any = pynvml,
    *,
    own_processes: Collection[int] = (),
    usages: Callable[[], Collection[Usage]] = list,
    processes: Processes | None = None,
) -> NvmlAnswer:
    """All cards of this PC; blocks for as long as the driver does.

    Args:
        nvml: The module `pynvml`, or one that answers like it.
        own_processes: What these hold is not counted as used by others, where driver or Windows tell.
        usages: What Windows counts, where its display driver keeps NVML from telling it.
        processes: Names them; those of this PC if None.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return NvmlAnswer(problems=(_why_no_start(nvml, error),))
    held: list[dict[int, int | None]] = []
    try:
        gpus, problems = _cards(nvml, held)
    except nvml.NVMLError as error:
        return NvmlAnswer(problems=(_fault(error),))
    finally:
        _ask(nvml, None, nvml.nvmlShutdown)
    if any(gpu.driver_model == _WDDM for gpu in gpus):
        held = _as_windows_counts(gpus, held, usages())
    known = processes or Processes()
    named = [_with_programs(gpu, each, known, own_processes) for gpu, each in zip(gpus, held, strict=True)]
    return NvmlAnswer(tuple(named), tuple(problems))


def _as_windows_counts(
    gpus: Sequence[Gpu], told: Sequence[dict[int, int | None]], usages: Collection[Usage]
) -> list[dict[int, int | None]]:
    """Bytes by process for each card: Windows' where its display driver has the card, else NVML's."""
    held, taken = list(told), set[str]()
    order = sorted(range(len(gpus)), key=lambda index: -gpus[index].used_by_others_bytes)
    for index in order:
        gpu = gpus[index]
        if gpu.driver_model == _WDDM and (luid := luid_of(usages, gpu.used_by_others_bytes, told[index], taken)):
            taken.add(luid)
            held[index] = {usage.process_id: usage.size_bytes for usage in usages if usage.luid == luid}
    return held


def _with_programs(gpu: Gpu, held: dict[int, int | None], processes: Processes, own_processes: Collection[int]) -> Gpu:
    """The card with its programs; what this program holds is not counted as used by others."""
    own = processes.own(held, own_processes)
    own_bytes = sum(size_bytes or 0 for process_id, size_bytes in held.items() if process_id in own)
    used_bytes = max(0, gpu.used_by_others_bytes - own_bytes)
    return replace(gpu, used_by_others_bytes=used_bytes, programs=programs_of(held, own, processes.name))


def _why_no_start(nvml: Any, error: Exception) -> HardwareProblem:
    if isinstance(error, (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded)):
        is_absent = isinstance(error, nvml.NVMLError_LibraryNotFound)
        text = tr("The NVIDIA driver is not installed.") if is_absent else tr("The NVIDIA driver is not running.")
        hint = tr("Install the driver from nvidia.com/drivers, then restart the PC.")
        return HardwareProblem(ProblemCode.DRIVER_MISSING, text, hint, str(error))
    if isinstance(error, nvml.NVMLError_LibRmVersionMismatch):
        text = tr("The NVIDIA driver was replaced, and the new one is not running yet.")
        return HardwareProblem(ProblemCode.DRIVER_FAULT, text, tr("Restart the PC."), str(error))
    return _fault(error)


def _fault(error: Exception) -> HardwareProblem:
    text = tr("The NVIDIA driver reports a fault: {error}.", error=error)
    hint = tr("Restart the PC. If that does not help, install the driver anew.")
    return HardwareProblem(ProblemCode.DRIVER_FAULT, text, hint, repr(error))


def _cards(nvml: Any, held: list[dict[int, int | None]]) -> tuple[list[Gpu], list[HardwareProblem]]:
    """The cards that answer, and a problem for each that does not.

    Args:
        nvml: Is asked.
        held: Takes what processes hold of each of the cards.

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
            gpus.append(_card(nvml, handle, versions))
            held.append(_held(nvml, handle))
        except nvml.NVMLError as error:
            problems.append(_card_problem(nvml, index, error))
    return gpus, problems


def _card_problem(nvml: Any, index: int, error: Exception) -> HardwareProblem:
    text = tr("Graphics card {number} does not answer: {error}.", number=index + 1, error=error)
    hint = tr("Restart the PC. If it stays, the card's power cables and seat are worth a look.")
    if isinstance(error, nvml.NVMLError_NotSupported):
        hint = tr("Cards without memory of their own, and some virtual ones, cannot be used.")
    return HardwareProblem(ProblemCode.CARD_UNREADABLE, text, hint, repr(error))


def _card(nvml: Any, handle: Any, versions: tuple[str, tuple[int, int]]) -> Gpu:
    """One card.

    Raises:
        NVMLError: It does not tell its UUID, its memory, or its compute capability.
    """
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    memory = _memory(nvml, handle)
    return Gpu(
        uuid=nvml.nvmlDeviceGetUUID(handle),
        name=_ask(nvml, "NVIDIA graphics card", nvml.nvmlDeviceGetName, handle),
        architecture=_architecture(nvml, handle, (major, minor)),
        compute_capability=(major, minor),
        total_bytes=memory.total,
        free_bytes=memory.free,
        used_by_others_bytes=memory.used,
        driver_version=versions[0],
        cuda_version=versions[1],
        pcie_generation=_ask(nvml, 0, nvml.nvmlDeviceGetMaxPcieLinkGeneration, handle),
        pcie_lanes=_ask(nvml, 0, nvml.nvmlDeviceGetMaxPcieLinkWidth, handle),
        cuda_cores=_ask(nvml, 0, nvml.nvmlDeviceGetNumGpuCores, handle),
        max_clock_mhz=_ask(nvml, 0, nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM),
        driver_model=_driver_model(nvml, handle),
        temperature_c=_ask(nvml, 0, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        slowed_by_heat=_slowed_by_heat(nvml, handle),
    )


def _memory(nvml: Any, handle: Any) -> Any:
    """`total`, `free` and `used` in bytes; `used` without what the driver reserves, where the driver is new enough."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError:  # before driver 510
        return nvml.nvmlDeviceGetMemoryInfo(handle)


def _held(nvml: Any, handle: Any) -> dict[int, int | None]:
    """What each process holds of the card; None where it is not told. One that computes and draws is in both lists."""
    held: dict[int, int | None] = {}
    for question in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        running: Iterable[Any] = _ask(nvml, [], question, handle)
        for process in running:
            before = held.get(process.pid)
            told = process.usedGpuMemory
            held[process.pid] = before if told is None else max(told, before or 0)
    return held


def _architecture(nvml: Any, handle: Any, capability: tuple[int, int]) -> str:
    number = _ask(nvml, nvml.NVML_DEVICE_ARCH_UNKNOWN, nvml.nvmlDeviceGetArchitecture, handle)
    prefix = "NVML_DEVICE_ARCH_"
    names = {value: name for name, value in vars(nvml).items() if name.startswith(prefix) and isinstance(value, int)}
    if number in names and number != nvml.NVML_DEVICE_ARCH_UNKNOWN:
        return str(names[number]).removeprefix(prefix).lower()
    return next((name for lowest, name in _ARCHITECTURES if capability >= lowest), UNKNOWN_ARCHITECTURE)


def _driver_model(nvml: Any, handle: Any) -> str:
    # WDM is what NVML's header calls the model that everybody else calls TCC.
    names = {nvml.NVML_DRIVER_WDDM: _WDDM, nvml.NVML_DRIVER_WDM: "tcc", nvml.NVML_DRIVER_MCDM: "mcdm"}
    return names.get(_ask(nvml, -1, nvml.nvmlDeviceGetCurrentDriverModel, handle), "")


def _slowed_by_heat(nvml: Any, handle: Any) -> bool:
    # By the driver or by the card itself (NVML reference, nvmlClocksEventReasons). The old name of the question is the
    # one that all drivers know.
    heat = nvml.nvmlClocksThrottleReasonSwThermalSlowdown | nvml.nvmlClocksThrottleReasonHwThermalSlowdown
    return bool(_ask(nvml, 0, nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) & heat)


def _ask(nvml: Any, default: _Value, question: Callable[..., _Value], *arguments: Any) -> _Value:
    """The answer, or the default where card or driver does not know the question."""
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return default


if __name__ == "__main__":
    use_told_language(resources_folder() / "translations")
    sys.exit(main(sys.argv[1:]))
