"""How a model is loaded, as data."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


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
    transformer_files: tuple[str, ...] = ()
    """Absolute paths of files to load instead of the folder's own: one for the transformer, then one for
    `transformer_2` where there is one; GGUF, or safetensors in 8, 16 or 32 bits. Empty: the folder's own."""

    def __post_init__(self) -> None:
        for name in self.transformer_files:
            if not Path(name).is_absolute():
                # The engine works in another folder than who wrote the plan.
                raise ValueError(f"transformer_files: {name!r} is not an absolute path")
