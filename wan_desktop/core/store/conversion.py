"""What is done to a file between the Hub and the disk."""

from enum import StrEnum


class Conversion(StrEnum):
    """What is done to the origin's bytes before they are stored."""

    NONE = "none"
    BF16 = "bf16"
    """Safetensors: 32-bit numbers become 16-bit ones."""
