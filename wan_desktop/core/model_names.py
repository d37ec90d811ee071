"""What people call a model in one packaging, the same wherever it is named."""

from wan_desktop.core.words import mark, tr

_VARIANTS = {"bf16": mark("full"), "fp16": mark("full, FP16"), "fp8_scaled": "FP8", "original": ""}


def variant_name(variant: str) -> str:
    """A packaging of a model in people's words: `FP8`, `Q4_K_M`, `full`; empty for a folder as it is."""
    known = _VARIANTS.get(variant)
    if known is None:
        return variant
    return tr(known) if known else ""


def model_name(name: str, variant: str) -> str:
    """`Wan 2.2 TI2V 5B · full`."""
    packaging = variant_name(variant)
    return f"{name} \u00b7 {packaging}" if packaging else name
