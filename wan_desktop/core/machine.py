"""A hardware profile as the estimate and the ladder need it: which card computes, how fast, and what may be used."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from wan_desktop.core.card_uuid import plain_uuid
from wan_desktop.core.estimate import Machine
from wan_desktop.core.hardware import Gpu, HardwareProfile
from wan_desktop.core.hardware_probe import OLDEST_CUDA
from wan_desktop.core.ladder import Limits
from wan_desktop.core.measured_speed import MeasuredSpeeds
from wan_desktop.core.messages import TorchCard
from wan_desktop.core.words import tr

MIN_COMPUTE_CAPABILITY = (7, 0)
"""Of the oldest cards that today's CUDA 12 builds of torch have kernels for (Volta); CUDA 13 builds begin at 7.5."""
_BFLOAT16_CAPABILITY = (8, 0)

logger = logging.getLogger(__name__)

_SAME_SIZE = 0.05
_VRAM_RESERVE_BYTES, _VRAM_RESERVE_PART = 800_000_000, 0.06
"""Of a card's memory, the larger of both stays free for the desktop and what the driver itself takes."""
_RAM_RESERVE_BYTES, _RAM_RESERVE_PART = 1_000_000_000, 0.05
_COMMIT_RESERVE_BYTES = 1_000_000_000

# Dense matrix products in 16 bits with float32 sums, in operations a clock and core, from the vendor's tables: RTX 3060
# 25.5 TFLOP/s of 3584 cores at 1.78 GHz, RTX 4090 165 of 16384 at 2.52, RTX 5090 209.5 of 21760 at 2.41, RTX 2080 Ti
# 53.8 of 4352 at 1.55 (float16); A100 312 of 6912 at 1.41, H100 989 of 16896 at 1.98.
_OPERATIONS = {"volta": 16.0, "turing": 8.0, "ampere": 4.0, "ada": 4.0, "hopper": 29.6, "blackwell": 4.0}
_OPERATIONS_A100, _A100_CAPABILITY = 32.0, (8, 0)
_BOOST_PART = 0.8
"""Of the highest clock that a card can be set to, which is what NVML tells, its rated boost is some 0.74 to 0.85."""
_PCIE_BYTES_PER_S = {3: 0.8e9, 4: 1.6e9, 5: 3.1e9}
"""For each lane, as copies from pinned memory reach it (25 GB/s over 16 lanes of PCIe 4)."""
_CPU_OPERATIONS = 16.0
"""Of a core in a clock, float32, 8 lanes and multiply-add; half of it is reached."""
_CPU_CLOCK_HZ = 3e9


class CardKind(StrEnum):
    """What the card is good for."""

    GOOD = "good"
    NO_BFLOAT16 = "no-bfloat16"
    """It computes in float16, which is less safe."""
    NONE = "none"
    TOO_OLD = "too-old"
    DRIVER_TOO_OLD = "driver-too-old"


@dataclass(frozen=True, slots=True)
class Card:
    """The card that computes, or why none does."""

    kind: CardKind
    gpu: Gpu | None = None
    text: str = ""
    """What is wrong, in a sentence."""
    needed: float | None = None
    """As a version: 7.5 is compute capability 7.5, or CUDA 7.5."""
    found: float | None = None

    @property
    def computes(self) -> bool:
        """It can be rendered on."""
        return self.kind in (CardKind.GOOD, CardKind.NO_BFLOAT16)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.gpu.name if self.gpu else tr("no card")


def card_of(profile: HardwareProfile, uuid: str = "") -> Card:
    """The card of that UUID, or the one with the most free memory of those that can compute."""
    if uuid:
        gpu = profile.gpu(uuid)
        return _judged(gpu) if gpu else Card(CardKind.NONE, text=tr("The chosen graphics card is not there."))
    judged = [_judged(gpu) for gpu in sorted(profile.gpus, key=lambda gpu: -gpu.free_bytes)]
    fallback = Card(CardKind.NONE, text=tr("There is no NVIDIA graphics card that answers."))
    return next((card for card in judged if card.computes), judged[0] if judged else fallback)


def as_torch_sees_it(card: Card, cards: Sequence[TorchCard]) -> Card:
    """The card, unless torch cannot compute on it: then why not.

    The driver may name a card that the installed build of torch has no kernels for, or that its libraries do not find.
    """
    if card.gpu is None or not card.computes:
        return card
    wanted = plain_uuid(card.gpu.uuid)
    seen = next((each for each in cards if plain_uuid(each.uuid) == wanted), None)
    if seen is None:
        text = tr("The driver names {card}, but the engine cannot compute on it.", card=card.name)
        return Card(CardKind.NONE, card.gpu, text)
    if abs(seen.total_bytes - card.gpu.total_bytes) > _SAME_SIZE * card.gpu.total_bytes:
        logger.warning(
            "%s has %d bytes for the driver, %d for torch", card.name, card.gpu.total_bytes, seen.total_bytes
        )
    return card


def _judged(gpu: Gpu) -> Card:
    if gpu.compute_capability < MIN_COMPUTE_CAPABILITY:
        version = _version(gpu.compute_capability)
        text = tr("{card} is too old: its compute capability is {version}.", card=gpu.name, version=version)
        return Card(CardKind.TOO_OLD, gpu, text, _number(MIN_COMPUTE_CAPABILITY), _number(gpu.compute_capability))
    if gpu.cuda_version < OLDEST_CUDA:
        text = tr(
            "The driver {driver} is too old: it supports CUDA {cuda}.",
            driver=gpu.driver_version,
            cuda=_version(gpu.cuda_version),
        )
        return Card(CardKind.DRIVER_TOO_OLD, gpu, text, _number(OLDEST_CUDA), _number(gpu.cuda_version))
    if gpu.compute_capability < _BFLOAT16_CAPABILITY:
        text = tr("{card} has no bfloat16; float16 is used, which overflows more easily.", card=gpu.name)
        return Card(CardKind.NO_BFLOAT16, gpu, text, _number(_BFLOAT16_CAPABILITY), _number(gpu.compute_capability))
    return Card(CardKind.GOOD, gpu)


def _version(pair: tuple[int, int]) -> str:
    return f"{pair[0]}.{pair[1]}"


def _number(pair: tuple[int, int]) -> float:
    return pair[0] + pair[1] / 10


def safe_vram_bytes(total_bytes: int) -> int:
    """How much of a card renders may take at most."""
    return total_bytes - max(_VRAM_RESERVE_BYTES, round(_VRAM_RESERVE_PART * total_bytes))


def limits_of(profile: HardwareProfile, card: Card, *, alone: bool = False) -> Limits:
    """What a render may use.

    Args:
        profile: The PC.
        card: Its card.
        alone: As if no other program used the card.
    """
    vram_bytes = None
    if card.computes and card.gpu is not None:
        total_bytes = card.gpu.total_bytes
        safe_bytes = safe_vram_bytes(total_bytes)
        vram_bytes = max(0, safe_bytes if alone else min(safe_bytes, card.gpu.free_bytes))
    memory = profile.memory
    ram_reserve_bytes = max(_RAM_RESERVE_BYTES, round(_RAM_RESERVE_PART * memory.total_bytes))
    return Limits(
        vram_bytes=vram_bytes,
        ram_bytes=max(0, memory.available_bytes - ram_reserve_bytes),
        commit_bytes=max(0, memory.commit_free_bytes - _COMMIT_RESERVE_BYTES),
    )


def machine_of(profile: HardwareProfile, card: Card, speeds: MeasuredSpeeds | None = None) -> Machine:
    """What the estimate needs to know; None where it is not known.

    Args:
        profile: The PC.
        card: Its card.
        speeds: What was measured on this PC. It stands beside what the parts are said to reach, and does not replace
            it: what renders have shown is kept as a ratio to the latter.
    """
    gpu = card.gpu if card.computes else None
    read = [drive.read_bytes_per_s for drive in profile.drives if drive.read_bytes_per_s]
    return Machine(
        vram_total_bytes=gpu.total_bytes if gpu else None,
        vram_free_bytes=gpu.free_bytes if gpu else None,
        compute_capability=gpu.compute_capability if gpu else None,
        tflops=tflops_of(gpu) if gpu else None,
        ram_total_bytes=profile.memory.total_bytes,
        ram_available_bytes=profile.memory.available_bytes,
        pcie_bytes_per_s=_pcie_bytes_per_s(gpu) if gpu else None,
        disk_read_bytes_per_s=min(read) if read else None,
        cpu_tflops=profile.system.physical_cores * _CPU_OPERATIONS * _CPU_CLOCK_HZ / 1e12 or None,
        card_speed=speeds.of(gpu.uuid, gpu.driver_version) if speeds and gpu else None,
        cpu_speed=speeds.of() if speeds else None,
    )


def tflops_of(gpu: Gpu) -> float | None:
    """Peak TFLOP/s of dense 16-bit matrix products; None where NVML does not tell cores and clock."""
    operations = _OPERATIONS.get(gpu.architecture)
    if operations is None or not gpu.cuda_cores or not gpu.max_clock_mhz:
        return None
    if gpu.compute_capability == _A100_CAPABILITY:
        operations = _OPERATIONS_A100
    return gpu.cuda_cores * _BOOST_PART * gpu.max_clock_mhz * 1e6 * operations / 1e12


def _pcie_bytes_per_s(gpu: Gpu) -> float | None:
    lane = _PCIE_BYTES_PER_S.get(gpu.pcie_generation)
    return lane * gpu.pcie_lanes if lane and gpu.pcie_lanes else None
