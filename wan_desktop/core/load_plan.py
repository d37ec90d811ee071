"""How a model is loaded, as data."""

from dataclasses import dataclass
from enum import StrEnum


class Device(StrEnum):
    """Where the model computes."""

    AUTO = "auto"
    """The graphics card where there is one, else the CPU."""
    CUDA = "cuda"
    CPU = "cpu"


class Precision(StrEnum):
    """Number format of transformer and text encoder; the VAE always computes in float32."""

    AUTO = "auto"
    """bfloat16 on a graphics card that has it, float32 on the CPU."""
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One way to load a model."""

    name: str = "primary"
    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
