"""Muon: momentum whose matrix updates are orthogonalised (Jordan et al., https://kellerjordan.github.io/posts/muon/).

torch.optim.Muon takes matrices only and iterates in bfloat16, which a CPU without AMX runs 100 times slower than
float32; this one takes convolutions as matrices `(out, rest)` and stays in the parameters' dtype.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def orthogonalise(matrix: Tensor, *, iterations: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly: quintic Newton-Schulz with the post's coefficients."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, scaled to AdamW's update size (0.2 * sqrt(max side), https://arxiv.org/abs/2502.16982)."""

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, *, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    continue
                buffer = self.state[param].setdefault("momentum", torch.zeros_like(param))
                buffer.lerp_(param.grad, 1 - group["momentum"])
                update = param.grad.lerp(buffer, group["momentum"]).reshape(param.shape[0], -1)
                scale = 0.2 * max(update.shape) ** 0.5
                param.mul_(1 - group["lr"] * group["weight_decay"])
                param.add_(orthogonalise(update).reshape(param.shape), alpha=-group["lr"] * scale)


class Schedule:
    """Warm-up, a constant part, then linear to `end` times the base rate, for several optimisers at once."""

    def __init__(
        self,
        optimisers: list[torch.optim.Optimizer],
        total: int,
        *,
        warm_up: int = 20,
        constant: float = 0.35,
        end: float = 0.02,
    ):
        self._optimisers, self._total, self._warm_up, self._constant, self._end = (
            optimisers,
            total,
            warm_up,
            constant,
            end,
        )
        self._base = [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]

    def set(self, step: int) -> None:
        """Set the rates for this step."""
        falling = max(0.0, (step / self._total - self._constant) / (1 - self._constant))
        factor = min(1.0, (step + 1) / self._warm_up) * (1 - (1 - self._end) * falling)
        for optimiser, rates in zip(self._optimisers, self._base, strict=True):
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor


class Average:
    """Exponential moving average of a module's parameters."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module, self._decay, self.shadow = (
            module,
            decay,
            {k: v.detach().clone() for k, v in module.named_parameters()},
        )

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the module; young averages forget faster."""
        decay = min(self._decay, (step + 1) / (step + 10))
        for name, param in self._module.named_parameters():
            self.shadow[name].lerp_(param, 1 - decay)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Write the average into a module of the same shape."""
        for name, param in module.named_parameters():
            param.copy_(self.shadow[name])


def snapshot(step: int, module: nn.Module, average: Average, optimisers: list[torch.optim.Optimizer]) -> dict[str, Any]:
    """All of a training's state after that many steps."""
    states = [optimiser.state_dict() for optimiser in optimisers]
    return {"step": step, "model": module.state_dict(), "average": average.shadow, "optimisers": states}


def restore(state: dict[str, Any], module: nn.Module, average: Average, optimisers: list[torch.optim.Optimizer]) -> int:
    """Go back to a snapshot; returns its step."""
    module.load_state_dict(state["model"])
    average.shadow = state["average"]
    for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return int(state["step"])
