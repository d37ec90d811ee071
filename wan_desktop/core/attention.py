"""How attention is computed: a setting, and a part of each load plan; the settings are read before the first paint."""

from enum import StrEnum


class Attention(StrEnum):
    """Which kernel; names as diffusers has them. They differ in rounding."""

    NATIVE = "native"
    """torch chooses."""
    FLASH = "_native_flash"
    EFFICIENT = "_native_efficient"
    CUDNN = "_native_cudnn"
    MATH = "_native_math"
