"""Where a run of steps is: enough to go on with the very same numbers when its model is placed otherwise."""

import copy
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

_STAYS_ON_CPU = ("sigmas",)
"""diffusers keeps them there, to save copies."""


@dataclass(frozen=True, slots=True)
class SamplingState:
    """After the last good step."""

    steps_done: int
    latents: Tensor
    """`latent_shape`, float32."""
    scheduler: Any
    """With its memory of the steps before."""

    @classmethod
    def after(cls, steps_done: int, latents: Tensor, scheduler: Any) -> Self:
        """As it is now; the scheduler's next step changes nothing of it."""
        kept = copy.copy(scheduler)
        for name, value in vars(scheduler).items():
            if isinstance(value, list):
                setattr(kept, name, list(value))
        return cls(steps_done, latents, kept)

    def on(self, device: torch.device) -> Self:
        """The same on another device."""

        def moved(value: Any) -> Any:
            if isinstance(value, list):
                return [moved(item) for item in value]
            return value.to(device) if isinstance(value, Tensor) else value

        state = type(self).after(self.steps_done, self.latents.to(device), self.scheduler)
        for name, value in vars(state.scheduler).items():
            if name not in _STAYS_ON_CPU:
                setattr(state.scheduler, name, moved(value))
        return state
