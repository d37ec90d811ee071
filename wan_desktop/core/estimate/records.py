"""What goes into an estimate, and what comes out of it."""

from dataclasses import dataclass
from enum import StrEnum

from wan_desktop.core.calibration import Prediction
from wan_desktop.core.messages import SpeedReport, Stage
from wan_desktop.core.words import tr, trn


@dataclass(frozen=True, slots=True)
class Workload:
    """The video."""

    width: int
    height: int
    num_frames: int
    num_inference_steps: int
    has_image: bool
    guidance_scale: float
    guidance_scale_2: float | None = None

    @property
    def guidances(self) -> tuple[float, float]:
        """For high noise and for low noise."""
        second = self.guidance_scale_2
        return self.guidance_scale, self.guidance_scale if second is None else second


@dataclass(frozen=True, slots=True)
class Machine:
    """What it is made on; None where that is not known."""

    vram_total_bytes: int | None = None
    vram_free_bytes: int | None = None
    compute_capability: tuple[int, int] | None = None
    tflops: float | None = None
    """Peak of the card in 16-bit matrix products with float32 sums."""
    ram_total_bytes: int | None = None
    ram_available_bytes: int | None = None
    pcie_bytes_per_s: float | None = None
    """From pinned memory."""
    disk_read_bytes_per_s: float | None = None
    cpu_tflops: float | None = None
    """Peak of the processor in float32."""
    card_speed: SpeedReport | None = None
    """What the speed test measured on the card with this driver and this torch; it goes before the numbers above."""
    cpu_speed: SpeedReport | None = None
    """The same of the processor."""


class Basis(StrEnum):
    """Where the numbers come from."""

    ESTIMATE = "estimate"
    """From formulas, and from what other sizes or models took on this PC."""
    SPEED_MEASURED = "speed-measured"
    """The same, with the speeds that were measured on this PC instead of those that its parts are said to have."""
    MEASURED = "measured"
    """This model was rendered in about this size on this PC, in the same way."""


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage takes."""

    stage: Stage
    vram_bytes: int
    ram_bytes: int
    seconds_low: float | None
    seconds_high: float | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a render takes."""

    stages: tuple[StageEstimate, ...]
    """In their order; without PREPARE_IMAGE where there is no image."""
    vram_peak_bytes: int
    """What must be free on the card: tensors, what splitting them loses, and what CUDA itself takes. 0 on a CPU."""
    ram_peak_bytes: int
    """Of the engine's process."""
    commit_peak_bytes: int
    """What Windows must be able to promise the engine's process."""
    disk_bytes: int
    """Of files that are there while it runs, and of the video."""
    seconds_low: float | None
    """None where the speed of what computes is not known."""
    seconds_high: float | None
    basis: Basis
    prediction: Prediction | None = None
    """The bare formulas' numbers, to compare a measurement with."""
    runs: int = 0
    """How many renders of this kind were measured, where that is the basis."""

    @property
    def accuracy(self) -> str:
        """Where the numbers come from, in words."""
        if self.basis is Basis.MEASURED:
            return trn("measured on this PC, {count} run", "measured on this PC, {count} runs", self.runs)
        return tr("speed measured on this PC") if self.basis is Basis.SPEED_MEASURED else tr("estimate")
