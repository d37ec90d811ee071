"""How a model is loaded, as data: which numbers, where its weights lie, and what is done to need less memory.

Plans differ in memory and time. Whether the picture stays the same to the bit, nearly, or visibly not is said by each
choice's docstring.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wan_desktop.core.attention import Attention


class Device(StrEnum):
    """Where the model computes."""

    AUTO = "auto"
    """The graphics card where there is one, else the CPU."""
    CUDA = "cuda"
    CPU = "cpu"


class Precision(StrEnum):
    """A number format."""

    AUTO = "auto"
    """bfloat16 on a graphics card that has it, float32 on the CPU."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Placement(StrEnum):
    """Where the weights lie while the model computes on a graphics card. The picture is the same to the bit.

    On the CPU all of them lie in memory, except with DISK.
    """

    RESIDENT = "resident"
    """All components stay on the card."""
    COMPONENT = "component"
    """Each component visits the card whole while it computes."""
    BLOCKS = "blocks"
    """The transformer visits the card block by block; the others as with COMPONENT."""
    LEAVES = "leaves"
    """The transformer visits the card layer by layer: the least memory, the most copies."""
    DISK = "disk"
    """As BLOCKS, but the blocks lie in files and not in memory."""


class Storage(StrEnum):
    """How the transformers' weights lie in memory."""

    SAME = "same"
    """As they are computed with, or quantised as their file has them."""
    FP8 = "fp8"
    """In float8_e4m3fn, made larger layer by layer while it computes: half the memory, a visible loss."""


class TextEncoderPolicy(StrEnum):
    """How prompts are read. The picture is the same to the bit, except with CPU, where numbers differ in rounding."""

    KEEP = "keep"
    """Placed as the plan says, and kept for the next prompt."""
    DROP = "drop"
    """Read from disk when a new prompt comes, and dropped after it."""
    CPU = "cpu"
    """On the CPU in float32, layer by layer from disk: it takes next to no memory, and seconds for each new prompt."""


class VaePolicy(StrEnum):
    """How latents become frames."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    """Half the memory; hardly visible."""
    TILED = "tiled"
    """In bfloat16 on a card, and in overlapping tiles of 256 pixels: the least memory; seams are possible."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One way to load a model."""

    name: str = "primary"
    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    """Of transformer and text encoder."""
    transformer_files: tuple[str, ...] = ()
    """Absolute paths of files to load instead of the folder's own: one for the transformer, then one for
    `transformer_2` where there is one; GGUF, or safetensors in 8, 16 or 32 bits. Empty: the folder's own."""
    placement: Placement = Placement.COMPONENT
    one_expert: bool = False
    """Of two experts only the one that works lies in memory; the other is read from disk when its turn comes."""
    storage: Storage = Storage.SAME
    text_encoder: TextEncoderPolicy = TextEncoderPolicy.KEEP
    vae: VaePolicy = VaePolicy.FLOAT32
    attention: Attention = Attention.NATIVE
    gpu_uuid: str = ""
    """Which graphics card, as NVML names it; empty: the first."""

    def __post_init__(self) -> None:
        for name in self.transformer_files:
            if not Path(name).is_absolute():
                # The engine works in another folder than who wrote the plan.
                raise ValueError(f"transformer_files: {name!r} is not an absolute path")

    @property
    def numbers(self) -> tuple[str, ...]:
        """What of the plan changes the latents, up to rounding: plans that agree in it can go on with each other's."""
        on_cpu = str(self.text_encoder is TextEncoderPolicy.CPU)
        return (self.precision, self.storage, on_cpu, *self.transformer_files)
