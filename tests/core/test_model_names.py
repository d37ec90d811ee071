"""One name for a model in one packaging."""

import pytest

from wan_desktop.core.model_names import model_name


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        ("bf16", "Wan \u00b7 full"),
        ("Q4_K_M", "Wan \u00b7 Q4_K_M"),
        ("fp8_scaled", "Wan \u00b7 FP8"),
        ("original", "Wan"),
    ],
)
def test_that_a_model_in_a_packaging_has_one_name(variant: str, name: str) -> None:
    assert model_name("Wan", variant) == name
    assert model_name("Wan", "") == "Wan"
