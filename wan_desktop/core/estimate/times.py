"""Seconds: operations over what reaches a machine's peak, bytes over what moves them; from the best to the worst."""

import math
from dataclasses import dataclass, replace

from wan_desktop.core.attention import Attention
from wan_desktop.core.estimate import coefficients as c
from wan_desktop.core.estimate.memory import (
    Setup,
    Weights,
    is_tiled,
    tiled_px,
    vae_costs,
)
from wan_desktop.core.estimate.records import Machine, Workload
from wan_desktop.core.load_plan import Placement, Precision, Storage, TextEncoderPolicy
from wan_desktop.core.messages import SpeedKind, SpeedReport, Stage
from wan_desktop.core.model_shape import ModelShape

_TERA = 1e12


@dataclass(frozen=True, slots=True)
class Seconds:
    """From the best to the worst."""

    low: float
    high: float

    def __add__(self, other: "Seconds") -> "Seconds":
        return Seconds(self.low + other.low, self.high + other.high)

    def times(self, low: float, high: float) -> "Seconds":
        """More often, or slower."""
        return Seconds(self.low * low, self.high * high)


_NOTHING = Seconds(0.0, 0.0)


def seconds_by_stage(
    shape: ModelShape, workload: Workload, setup: Setup, machine: Machine, weights: Weights
) -> dict[Stage, Seconds] | None:
    """How long each stage takes; None where nobody knows how fast the machine computes."""
    peak = _card_peak(machine) if setup.on_card else _cpu_peak(machine)
    if not peak or (setup.plan.text_encoder is TextEncoderPolicy.CPU and not _cpu_peak(machine)):
        return None
    clock = _Clock(shape, workload, setup, machine, weights, peak)
    stages = {
        Stage.LOAD_MODEL: clock.load(),
        Stage.READ_PROMPT: clock.read_prompt(),
        Stage.PREPARE_IMAGE: clock.prepare_image(),
        Stage.CREATE_FRAMES: clock.create_frames(),
        Stage.BUILD_PICTURES: clock.build_pictures(),
        Stage.SAVE_VIDEO: Seconds(c.SAVE_SECONDS.best, c.SAVE_SECONDS.worst),
    }
    overhead = Seconds(c.STAGE_SECONDS.best, c.STAGE_SECONDS.worst)
    return {stage: seconds + overhead for stage, seconds in stages.items()}


def without_speed_test(machine: Machine) -> Machine:
    """The same, as it is known without a speed test: what renders are compared with, so that their ratios stay right.

    Where nobody knows the peak, it is a fixed number, not the measured one: that changes whenever it is measured again.
    """
    return replace(
        machine,
        tflops=machine.tflops or (c.NOMINAL_TFLOPS if machine.card_speed else None),
        cpu_tflops=machine.cpu_tflops or (c.NOMINAL_CPU_TFLOPS if machine.cpu_speed else None),
        card_speed=None,
        cpu_speed=None,
    )


def computes_as_measured(setup: Setup, machine: Machine) -> bool:
    """The steps' time comes from what was measured on the device, in the number format they compute in."""
    speed = machine.card_speed if setup.on_card else machine.cpu_speed
    return _measured(speed, SpeedKind.PRODUCTS, setup.precision) is not None


def _measured(speed: SpeedReport | None, kind: SpeedKind, name: str) -> float | None:
    return speed.per_s(kind, name) if speed is not None else None


def _card_peak(machine: Machine) -> float | None:
    """Operations a second in 16 bits; where they are not known, what must be possible if so much was measured."""
    if machine.tflops:
        return machine.tflops * _TERA
    formats = (Precision.BFLOAT16, Precision.FLOAT16)
    measured = [_measured(machine.card_speed, SpeedKind.PRODUCTS, name) or 0.0 for name in formats]
    return max(measured) / c.PRODUCTS_OF_PEAK or None


def _cpu_peak(machine: Machine) -> float | None:
    """The same of the processor in float32."""
    if machine.cpu_tflops:
        return machine.cpu_tflops * _TERA
    measured = _measured(machine.cpu_speed, SpeedKind.PRODUCTS, Precision.FLOAT32) or 0.0
    return measured / c.PRODUCTS_OF_PEAK or None


def _disk_bytes_per_s(machine: Machine) -> float:
    """As measured, as told, or as the slowest drive."""
    tested = [_measured(speed, SpeedKind.DISK, "read") for speed in (machine.card_speed, machine.cpu_speed)]
    return next((rate for rate in (*tested, machine.disk_read_bytes_per_s) if rate), c.DISK_BYTES_PER_S.worst)


# Operations ----------------------------------------------------------------------------------------------------------


def forward_flops(shape: ModelShape, workload: Workload) -> tuple[float, float]:
    """One forward of a transformer: its linear layers, and its attention.

    Two for each weight and token that meet, four for each channel and pair of tokens. Agrees with torch's FlopCounter
    within 1 %: 1.68 PFLOP for 14B at 832 x 480 x 81.
    """
    inner, tokens = shape.transformer, shape.tokens(workload.width, workload.height, workload.num_frames)
    square, wide = inner.dim**2, inner.dim * inner.ffn_dim
    of_video = inner.num_layers * (6 * square + 2 * wide) + 4 * inner.dim * (inner.in_channels + inner.out_channels)
    of_text = inner.num_layers * 2 * square + inner.text_dim * inner.dim + square
    linear = 2.0 * (tokens * of_video + c.TEXT_TOKENS * of_text)
    attention = 4.0 * inner.dim * inner.num_layers * tokens * (tokens + c.TEXT_TOKENS)
    return linear, attention


def decode_flops(shape: ModelShape, workload: Workload, pixels: int) -> float:
    """Latents of so many pixels a frame into frames."""
    vae, groups = shape.vae, shape.latent_frames(workload.num_frames) - 1
    return pixels * (vae.decode_first_flops + groups * vae.decode_flops)


def encode_flops(shape: ModelShape, workload: Workload) -> float:
    """A start image into latents, with blank frames after it unless its frame is kept."""
    vae, costs = shape.vae, vae_costs(shape.vae)
    groups = 0 if shape.expand_timesteps else shape.latent_frames(workload.num_frames) - 1
    flops = costs.encode_first_flops + groups * costs.encode_flops
    return flops * workload.width * workload.height * vae.base_dim**2 / vae.patch**2


class _Clock:
    """The stages of one render, peak in FLOP/s."""

    def __init__(
        self,
        shape: ModelShape,
        workload: Workload,
        setup: Setup,
        machine: Machine,
        weights: Weights,
        peak: float,
    ) -> None:
        self._shape, self._workload, self._setup, self._machine = shape, workload, setup, machine
        self._plan = setup.plan
        self._peak = peak
        self._speed = machine.card_speed if setup.on_card else machine.cpu_speed
        self._weights = weights
        self._disk_bytes_per_s = _disk_bytes_per_s(machine)

    def load(self) -> Seconds:
        """What the plan reads before it begins."""
        names = ["vae", "image_encoder"]
        names += ["text_encoder"] if self._plan.text_encoder is TextEncoderPolicy.KEEP else []
        late = self._comes_late
        names += [] if late else ["transformer", "transformer_2"]
        seconds = self._read(sum(self._on_disk(name) for name in names))
        if self._plan.placement is Placement.RESIDENT:
            weights = self._weights
            experts = 0 if late else self._shape.experts * weights.expert
            seconds += self._copy(weights.vae + weights.image + experts, pinned=False)
        return seconds

    def read_prompt(self) -> Seconds:
        """One prompt, or two."""
        text = self._shape.text_encoder
        prompts = 2 if max(self._workload.guidances) > 1 else 1
        flops = 2.0 * c.TEXT_TOKENS * (text.parameters - text.vocab * text.d_model) * prompts
        policy = self._plan.text_encoder
        seconds = _NOTHING if policy is TextEncoderPolicy.KEEP else self._read(self._on_disk("text_encoder"))
        if policy is TextEncoderPolicy.CPU:
            precision = Precision.FLOAT32 if self._setup.itemsize == 4 else Precision.BFLOAT16
            return seconds + self._on_cpu(flops, precision)
        if policy is TextEncoderPolicy.DROP or self._plan.placement is not Placement.RESIDENT:
            seconds += self._copy(2 * self._weights.text, pinned=False)
        return seconds + self._products(flops)

    def prepare_image(self) -> Seconds:
        """VAE and image encoder."""
        if not self._workload.has_image:
            return _NOTHING
        seconds = _over(encode_flops(self._shape, self._workload), self._peak, self._part_of_vae)
        # CLIP sees 257 places of 14 pixels a side.
        seconds += _over(2.0 * 257 * self._shape.image_encoder_parameters, self._peak, self._part_of_vae)
        if self._plan.placement is not Placement.RESIDENT:
            seconds += self._copy(2 * (self._weights.vae + self._weights.image), pinned=False)
        return seconds

    def create_frames(self) -> Seconds:
        """All steps, with the copies that the plan makes between and within them."""
        linear, attention = forward_flops(self._shape, self._workload)
        forward = self._products(linear)
        if self._shape.transformer.quantised or self._plan.storage is Storage.FP8:
            forward = forward.times(c.UNPACKING.best, c.UNPACKING.worst)
        scores = self._attention(attention)
        layers = self._shape.transformer.num_layers
        started = Seconds(c.BLOCK_SECONDS.best, c.BLOCK_SECONDS.worst).times(layers, layers)
        forward = self._with_copies(forward + scores + started)
        guided = [2 if guidance > 1 else 1 for guidance in self._workload.guidances]
        steps = self._workload.num_inference_steps
        # How many steps each expert has depends on the shift; both ends are possible.
        low, high = (min(guided), max(guided)) if self._shape.experts == 2 else (guided[0], guided[0])
        return forward.times(low * steps, high * steps) + self._switches()

    def build_pictures(self) -> Seconds:
        """Decoding, and the video's encoding in between."""
        workload = self._workload
        pixels = workload.width * workload.height
        if is_tiled(workload, self._setup):
            pixels = tiled_px(workload.width) * tiled_px(workload.height)
        seconds = _over(decode_flops(self._shape, workload, pixels), self._peak, self._part_of_vae)
        video_px = workload.width * workload.height * workload.num_frames
        seconds += Seconds(c.ENCODE_SECONDS_PER_PX.best * video_px, c.ENCODE_SECONDS_PER_PX.worst * video_px)
        if self._plan.placement is not Placement.RESIDENT:
            seconds += self._copy(2 * self._weights.vae, pinned=False)
        return seconds

    def _products(self, flops: float) -> Seconds:
        """Of linear layers on the device."""
        measured = _measured(self._speed, SpeedKind.PRODUCTS, self._setup.precision)
        return _over(flops, measured, self._part_of_measured) if measured else _over(flops, self._peak, self._part)

    def _attention(self, flops: float) -> Seconds:
        """It was measured in the number format that the device computes in unless the plan names another."""
        measured = _measured(self._speed, SpeedKind.ATTENTION, self._plan.attention)
        if measured and self._setup.on_card is not (self._setup.precision is Precision.FLOAT32):
            return _over(flops, measured, self._part_of_measured)
        scores = _over(flops, self._peak, self._part)
        if self._plan.attention is Attention.MATH:
            scores = scores.times(c.MATH_ATTENTION.best, c.MATH_ATTENTION.worst)
        return scores

    def _on_cpu(self, flops: float, precision: Precision) -> Seconds:
        """Of linear layers on the processor, whatever computes the rest."""
        machine = self._machine
        measured = _measured(machine.cpu_speed, SpeedKind.PRODUCTS, precision)
        if measured:
            return _over(flops, measured, c.CPU_PART_OF_MEASURED)
        part = c.CPU_PART if precision is Precision.FLOAT32 else c.CPU_PART_BFLOAT16
        return _over(flops, _cpu_peak(machine) or math.inf, part)

    def _with_copies(self, forward: Seconds) -> Seconds:
        """A forward whose weights come while it runs: at the same time at best, before it at worst."""
        blocks = self._shape.transformer.num_layers * self._weights.block
        if self._plan.placement in (Placement.BLOCKS, Placement.LEAVES):
            copies = self._copy(blocks, pinned=True)
            return Seconds(max(forward.low, copies.low), forward.high + copies.high)
        if self._plan.placement is Placement.DISK:
            # Each block is read when its turn comes; the system may have it in its cache.
            rate = self._disk_bytes_per_s
            low, high = blocks / c.LOADER_BYTES_PER_S.best, blocks / min(rate, c.DISK_BYTES_PER_S.best)
            return forward + Seconds(low, max(low, high)) + self._copy(blocks, pinned=False)
        return forward

    def _switches(self) -> Seconds:
        """Bringing each expert to its place."""
        experts, weights = self._shape.experts, self._weights
        seconds = _NOTHING
        if self._comes_late:
            seconds += self._read(self._on_disk("transformer") + self._on_disk("transformer_2"))
        if self._plan.placement is Placement.COMPONENT:
            seconds += self._copy(2 * experts * weights.expert, pinned=False)
        elif self._plan.placement is Placement.RESIDENT and self._comes_late:
            seconds += self._copy(experts * weights.expert, pinned=False)
        elif self._plan.placement in (Placement.BLOCKS, Placement.LEAVES) and self._setup.on_card:
            # Into pinned memory, which takes about a second for four gigabytes.
            seconds += self._read(0) + Seconds(experts * weights.expert / 8e9, experts * weights.expert / 1e9)
        return seconds

    @property
    def _comes_late(self) -> bool:
        return self._plan.one_expert and self._shape.experts == 2

    def _on_disk(self, name: str) -> int:
        return self._shape.weights_bytes.get(name, 0)

    def _read(self, size_bytes: int) -> Seconds:
        """From disk into memory, checked and converted."""
        slow = size_bytes / self._disk_bytes_per_s + size_bytes / c.LOADER_BYTES_PER_S.worst
        return Seconds(size_bytes / c.LOADER_BYTES_PER_S.best, slow)

    def _copy(self, size_bytes: int, *, pinned: bool) -> Seconds:
        """Between normal memory and the card; nothing where there is none."""
        if not self._setup.on_card:
            return _NOTHING
        measured = _measured(self._speed, SpeedKind.COPY, "pinned" if pinned else "pageable")
        if measured:
            part = c.COPY_PART_OF_MEASURED if pinned else c.PAGEABLE_PART_OF_MEASURED
            return _over(size_bytes, measured, part)
        known = self._machine.pcie_bytes_per_s
        best, worst = known or c.PCIE_BYTES_PER_S.best, known or c.PCIE_BYTES_PER_S.worst
        return Seconds(size_bytes / best, size_bytes / (worst * (0.7 if pinned else c.UNPINNED_PART)))

    @property
    def _part(self) -> c.Range:
        """Of the peak that transformers reach."""
        precision = self._setup.precision
        if self._setup.on_card:
            return c.CARD_PART_FLOAT32 if precision is Precision.FLOAT32 else c.CARD_PART
        return c.CPU_PART if precision is Precision.FLOAT32 else c.CPU_PART_BFLOAT16

    @property
    def _part_of_measured(self) -> c.Range:
        """Of the speed test's numbers that the layers of a transformer reach."""
        return c.CARD_PART_OF_MEASURED if self._setup.on_card else c.CPU_PART_OF_MEASURED

    @property
    def _part_of_vae(self) -> c.Range:
        return c.CARD_PART_VAE if self._setup.on_card else c.CPU_PART


def _over(flops: float, peak: float, part: c.Range) -> Seconds:
    return Seconds(flops / (peak * part.best), flops / (peak * part.worst))
