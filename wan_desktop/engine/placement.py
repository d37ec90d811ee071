"""Where the weights of one model's modules lie, and how they come to the device that computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import psutil
import torch
from diffusers import WanTransformer3DModel
from diffusers.hooks import HookRegistry, apply_group_offloading
from torch import Tensor, nn

from wan_desktop.core.load_plan import LoadPlan, Placement
from wan_desktop.engine.disk_weights import BLOCKS, DiskWeights
from wan_desktop.engine.memory import free_cached_memory, reserved_bytes, return_freed_memory

CPU = torch.device("cpu")
_GROUP_TYPES = {Placement.BLOCKS: "block_level", Placement.LEAVES: "leaf_level"}
_GROUP_HOOK = "group_offloading"
_GROUP_HOOKS = ("lazy_prefetch_group_offloading", "layer_execution_tracker", _GROUP_HOOK)
"""As diffusers 0.42 names them in its hook registries."""
_SPARE_RAM_BYTES = 1_000_000_000
"""So much of normal memory stays free when weights move there from a card only to make room on it."""
_PINNED_PART = 0.4
"""Of the PC's memory may be pinned at once: Windows allows graphics about half of it."""


class Placer:
    """Brings modules to the device that computes and away from it, as a plan says.

    On the CPU the same is done with the CPU as the card, where a move is nothing.
    """

    def __init__(self, plan: LoadPlan, device: torch.device, work_folder: Path | None) -> None:
        """Nothing is placed yet.

        Args:
            plan: Says how.
            device: Where modules compute.
            work_folder: For files with weights; the system's folder for temporary files if None.
        """
        self._placement = plan.placement
        self._device = device
        self._work_folder = work_folder
        self._disks: dict[nn.Module, DiskWeights] = {}
        self._resident: set[nn.Module] = set()
        self._away: set[nn.Module] = set()
        """Of the resident ones, those that `leave_card` has moved and nobody has visited since."""
        self._unfinished: set[nn.Module] = set()
        self._grouped: nn.Module | None = None

    def keep(self, module: nn.Module, name: str) -> None:
        """Put the parameter of that name where it belongs, as soon as it is loaded.

        Raises:
            OSError: The disk is full, or fails.
        """
        self._unfinished.add(module)
        parameter = module.get_parameter(name)
        if self._placement == Placement.RESIDENT:
            parameter.data = parameter.data.to(self._device)
        elif self._lies_on_disk(module) and name.startswith(BLOCKS):
            if module not in self._disks:
                self._disks[module] = DiskWeights(self._work_folder, self._device)
            self._disks[module].put(parameter)

    def settle(self, module: nn.Module) -> None:
        """Make a loaded module ready for visits.

        Raises:
            OSError: The disk is full, or fails.
        """
        for name, _ in module.named_parameters():
            self.keep(module, name)
        if self._placement == Placement.RESIDENT:
            module.to(self._device)
            self._resident.add(module)
        elif module in self._disks:
            self._disks[module].attach(module)
            return_freed_memory()
        self._unfinished.discard(module)

    @contextmanager
    def visit(self, module: nn.Module) -> Iterator[None]:
        """The module computes on the device while the block runs."""
        if module in self._resident:
            if module in self._away:
                module.to(self._device)
                self._away.discard(module)
            yield
        elif isinstance(module, WanTransformer3DModel) and self._placement in _GROUP_TYPES:
            with self._in_groups(module):
                yield
        else:
            tensors = _without_blocks(module) if self._lies_on_disk(module) else None
            _move(module, tensors, self._device)
            try:
                yield
            finally:
                _move(module, tensors, CPU)
                if self._device != CPU:
                    free_cached_memory(self._device)

    def leave_card(self) -> int:
        """Move what stays on a card to normal memory; each module comes back, the same to the bit, at its next visit.

        Only outside of visits. With other placements than RESIDENT nothing is on the card then. On the CPU there is
        nothing to free, and a module for which normal memory has no room stays where it is.

        Returns:
            How many bytes torch has given back to the card's driver.
        """
        if self._device.type == "cpu":
            return 0
        before_bytes = reserved_bytes(self._device)
        for module in self._resident - self._away:
            if _weight_bytes(module) + _SPARE_RAM_BYTES <= psutil.virtual_memory().available:
                self._away.add(module)  # first: where the move fails in part, the next visit brings all of it back
                module.to(CPU)
        free_cached_memory(self._device)
        return max(0, before_bytes - reserved_bytes(self._device))

    def forget(self, module: nn.Module) -> None:
        """Drop hooks, files and numbers of a module: their memory is free whoever still holds the module."""
        if module is self._grouped:
            self._leave_groups()
        disk = self._disks.pop(module, None)
        if disk is not None:
            disk.close()
        self._resident.discard(module)
        self._away.discard(module)
        self._unfinished.discard(module)
        free_numbers(module)
        return_freed_memory()

    def forget_unfinished(self) -> None:
        """Drop modules whose loading failed."""
        for module in self._unfinished.copy():
            self.forget(module)

    def close(self) -> None:
        """Drop what is still placed, also what was loaded in part only."""
        self.forget_unfinished()
        for module in {*self._disks, *self._resident, *([] if self._grouped is None else [self._grouped])}:
            self.forget(module)

    def _lies_on_disk(self, module: nn.Module) -> bool:
        return self._placement == Placement.DISK and isinstance(module, WanTransformer3DModel)

    @contextmanager
    def _in_groups(self, module: nn.Module) -> Iterator[None]:
        """With diffusers' hooks, which stay after the block, until another transformer needs the pinned memory."""
        if self._grouped is not module:
            self._leave_groups()
            uses_streams = self._device.type == "cuda"
            apply_group_offloading(
                module,
                onload_device=self._device,
                offload_device=CPU,
                offload_type=_GROUP_TYPES[self._placement],
                num_blocks_per_group=1,
                use_stream=uses_streams,  # the next block comes while one computes; the CPU has no streams
                low_cpu_mem_usage=uses_streams and not may_pin(_weight_bytes(module), psutil.virtual_memory().total),
            )
            self._grouped = module
        try:
            yield
        except BaseException:
            # In the midst of a forward a group is left on the card, and the order of groups is half learned.
            self._leave_groups()
            raise

    def _leave_groups(self) -> None:
        module, self._grouped = self._grouped, None
        if module is None:
            return
        for group in _groups(module):
            group.offload_()
        for name in _GROUP_HOOKS:
            HookRegistry.check_if_exists_or_initialize(module).remove_hook(name)
        if self._device.type == "cuda":  # not run: no card where this was written
            for tensor in chain(module.parameters(), module.buffers()):
                if tensor.data.is_pinned():
                    tensor.data = torch.empty_like(tensor.data, pin_memory=False).copy_(tensor.data)
            free_cached_memory(self._device)


def may_pin(weight_bytes: int, ram_bytes: int) -> bool:
    """Whether all weights of a module may lie in pinned memory; else only what is on its way."""
    return weight_bytes <= _PINNED_PART * ram_bytes


def free_numbers(module: nn.Module) -> None:
    """Free the memory of all tensors of a module, whoever still holds it."""
    for tensor in chain(module.parameters(), module.buffers()):
        if not tensor.is_meta:
            tensor.data = torch.empty(0, dtype=tensor.dtype)


def _weight_bytes(module: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in module.parameters())


def _groups(module: nn.Module) -> list[Any]:
    """The groups of a module that has diffusers' hooks."""
    registries = [part._diffusers_hook for part in module.modules() if hasattr(part, "_diffusers_hook")]
    hooks = [registry.get_hook(_GROUP_HOOK) for registry in registries if isinstance(registry, HookRegistry)]
    return [hook.group for hook in hooks if hook is not None]


def _without_blocks(module: nn.Module) -> list[Tensor]:
    named = chain(module.named_parameters(), module.named_buffers())
    return [tensor for name, tensor in named if not name.startswith(BLOCKS)]


def _move(module: nn.Module, tensors: list[Tensor] | None, device: torch.device) -> None:
    """The whole module, or these of its tensors."""
    if tensors is None:
        module.to(device)
        return
    for tensor in tensors:
        tensor.data = tensor.data.to(device)
