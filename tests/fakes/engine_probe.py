"""Sees which tensors of an attempt are still there, and what the engine's process occupies; works inside the engine.

What counts as alive is what the system has to keep: a storage with bytes that anybody holds, from Python or from C++,
and a tensor object that still has numbers.
"""

import gc
import json
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from wan_desktop.engine import loader, memory, model_shelf, placement, render, sampler, service, weights


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the process."""

    when: str
    """start of an attempt; load, when it begins to read its model; fault; end."""
    attempt: int
    """From 0: each command that the engine works on is one."""
    plan: str
    weights: tuple[int, ...]
    """How many tensors that held weights of each attempt so far are alive."""
    others: tuple[int, ...]
    """How many latents, embeddings and tensors of a scheduler."""
    seen: tuple[int, ...]
    """How many were seen, of both."""
    tensor_bytes: int
    """Of all tensors in the process that the garbage collector knows."""
    rss_bytes: int


def read_looks(report: Path) -> list[Look]:
    """What a probe wrote."""
    plain = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    return [Look(**{name: tuple(v) if isinstance(v, list) else v for name, v in each.items()}) for each in plain]


class _Seen:
    """Tensors that were seen, held by none of the references here."""

    def __init__(self) -> None:
        self._tensors: list[tuple[weakref.ref[Tensor], StorageWeakRef]] = []

    def __len__(self) -> int:
        return len(self._tensors)

    def add(self, tensor: Tensor) -> None:
        """Remember it, weakly."""
        if not tensor.is_meta and tensor.numel():
            self._tensors.append((weakref.ref(tensor), StorageWeakRef(tensor.untyped_storage())))

    @property
    def alive(self) -> int:
        """How many hold numbers."""
        return sum(_has_numbers(tensor()) or not storage.expired() for tensor, storage in self._tensors)


def _has_numbers(tensor: Tensor | None) -> bool:
    return tensor is not None and not tensor.is_meta and tensor.numel() > 0


class Probe:
    """Looks when told to, and writes what it saw.

    Args:
        report: A JSON object a line.
    """

    def __init__(self, report: Path) -> None:
        self._report = report
        self._weights: list[_Seen] = []
        self._others: list[_Seen] = []
        self._plan = ""
        self._lock = threading.Lock()

    def begin(self, plan: str) -> None:
        """An attempt begins."""
        self._plan = plan
        self._weights.append(_Seen())
        self._others.append(_Seen())
        self.look("start")

    def look(self, when: str) -> None:
        """Write how it is now. Collects no garbage: that is the engine's business."""
        rss_bytes = memory.process_bytes()
        look = Look(
            when,
            len(self._weights) - 1,
            self._plan,
            tuple(seen.alive for seen in self._weights),
            tuple(seen.alive for seen in self._others),
            tuple(len(ours) + len(others) for ours, others in zip(self._weights, self._others, strict=True)),
            sum(tensor.nbytes for tensor in _all_tensors()),
            rss_bytes,
        )
        with self._lock, self._report.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(look)) + "\n")

    def weight(self, tensor: Tensor) -> None:
        """A tensor that holds weights."""
        self._weights[-1].add(tensor)

    def module(self, module: nn.Module) -> None:
        """All that a module has."""
        for tensor in chain(module.parameters(), module.buffers()):
            self.weight(tensor)

    def other(self, value: Any) -> None:
        """Tensors, in whatever they lie."""
        if isinstance(value, Tensor):
            self._others[-1].add(value)
        elif isinstance(value, list | tuple):
            for item in value:
                self.other(item)


def _all_tensors() -> Iterator[Tensor]:
    # Not isinstance: it would wake lazy modules.
    return (each for each in gc.get_objects() if type(each) in (Tensor, nn.Parameter) and not each.is_meta)


def install(probe: Probe) -> None:
    """Put the probe where tensors come from, and where attempts begin and end."""
    _see_attempts(probe)
    _see_weights(probe)
    _see_others(probe)


def _see_attempts(probe: Probe) -> None:
    answer, load = service._answer, model_shelf.load_model

    def answer_and_look(studio: Any, command: Any, *rest: Any) -> Any:
        plan = getattr(command, "plan", None)
        probe.begin("" if plan is None else plan.name)
        event = answer(studio, command, *rest)
        probe.look("end")
        return event

    def look_and_load(*args: Any, **kwargs: Any) -> Any:
        probe.look("load")
        return load(*args, **kwargs)

    service._answer = answer_and_look
    model_shelf.load_model = look_and_load


def _see_weights(probe: Probe) -> None:
    after(weights, "read_tensor", lambda tensor, *_, **__: probe.weight(tensor))
    after(loader, "load_text_encoder", lambda encoder, *_, **__: probe.module(encoder))
    after(loader, "stream_text_encoder", lambda encoder, *_, **__: probe.module(encoder))
    keep = placement.Placer.keep

    def keep_and_see(self: Any, module: nn.Module, name: str) -> None:
        probe.weight(module.get_parameter(name))
        for buffer in module.buffers():
            probe.weight(buffer)
        keep(self, module, name)

    placement.Placer.keep = keep_and_see  # type: ignore[method-assign]


def _see_others(probe: Probe) -> None:
    after(sampler, "_beginning", lambda state, *_, **__: probe.other([state.latents, *vars(state.scheduler).values()]))
    after(sampler, "_predict", lambda velocity, *_, **__: probe.other(velocity))
    after(render, "denoise", lambda latents, *_, **__: probe.other(latents))
    after(render, "embed_prompts", lambda embeds, *_, **__: probe.other([embeds.positive, embeds.negative]))
    make = sampler.SamplingState.after.__func__  # type: ignore[attr-defined]

    def make_and_see(cls: type, steps_done: int, latents: Tensor, scheduler: Any) -> Any:
        state = make(cls, steps_done, latents, scheduler)
        probe.other([state.latents, *vars(state.scheduler).values()])
        return state

    sampler.SamplingState.after = classmethod(make_and_see)  # type: ignore[method-assign, assignment]


def after(module: Any, name: str, look: Callable[..., object]) -> None:
    """Show what a function returned, and what it was given."""
    real = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        look(made, *args, **kwargs)
        return made

    setattr(module, name, wrapped)
