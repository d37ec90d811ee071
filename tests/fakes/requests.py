"""Requests to make videos with, where a test does not care what is in them."""

from typing import Any

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import GenerationRequest


def make_request(**changes: Any) -> GenerationRequest:
    """A small text-to-video request for the tiny models."""
    values: dict[str, Any] = {
        "model_id": "tiny",
        "mode": GenerationMode.T2V,
        "prompt": "a red fox in the snow",
        "negative_prompt": "bad ugly",
        "width": 64,
        "height": 64,
        "num_frames": 17,
        "fps": 8,
        "num_inference_steps": 4,
        "guidance_scale": 3.0,
        "seed": 11,
    }
    return GenerationRequest(**{**values, **changes})
