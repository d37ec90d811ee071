"""The real engine on a machine that has less memory than it needs: allocations fail where a test says so.

Run as `python -m tests.fakes.failing_engine FAULTS`, FAULTS being JSON of :class:`Shortage`. What fails is an
allocation, with the very error that torch raises for it; everything else is the engine.
"""

import json
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wan_desktop.engine import __main__ as engine


@dataclass(frozen=True, slots=True)
class Shortage:
    """Too little memory in one place.

    `stage` is load_model, read_prompt, create_frames or build_pictures; `call` is which call of it fails, from 1;
    `plans` are those that fail, all if empty; `kind` is oom (a card's) or ram (the PC's).
    """

    stage: str
    call: int = 1
    plans: tuple[str, ...] = ()
    kind: str = "oom"


def command(*shortages: Shortage) -> tuple[str, ...]:
    """How to start it."""
    return sys.executable, "-m", "tests.fakes.failing_engine", json.dumps([asdict(each) for each in shortages])


class Memory:
    """Counts the calls of each stage, and lets some of them fail."""

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        self._shortages = shortages
        self._calls: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def ask(self, stage: str, plan: str) -> None:
        """A stage of a plan wants memory."""
        import torch  # noqa: PLC0415 - the engine takes its pipes before anything is imported

        with self._lock:
            call = self._calls[stage, plan] = self._calls.get((stage, plan), 0) + 1
        for shortage in self._shortages:
            if shortage.stage == stage and shortage.call == call and (not shortage.plans or plan in shortage.plans):
                if shortage.kind == "ram":
                    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


def install(memory: Memory) -> None:
    """Put the shortage where the engine asks for memory."""
    from wan_desktop.engine import loader, model_shelf, render, sampler  # noqa: PLC0415 - as above

    def at(module: Any, name: str, stage: str, plan_of: Callable[..., str]) -> None:
        real = getattr(module, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            memory.ask(stage, plan_of(*args, **kwargs))
            return real(*args, **kwargs)

        setattr(module, name, wrapped)

    at(loader, "load_vae", "load_model", lambda _, plan, *__: plan.name)  # when most of the model is in memory
    at(render, "embed_prompts", "read_prompt", lambda model, *_: model.plan.name)
    at(sampler, "_predict", "create_frames", lambda model, *_: model.plan.name)
    at(render, "decode_groups", "build_pictures", lambda model, *_: model.plan.name)
    assert model_shelf.load_model is loader.load_model


def main() -> None:
    """Run the engine."""
    shortages = [Shortage(**{**plain, "plans": tuple(plain["plans"])}) for plain in json.loads(sys.argv[1])]
    take = engine.take_pipes

    def take_and_install() -> Any:
        pipes = take()
        install(Memory(shortages))
        return pipes

    engine.take_pipes = take_and_install
    engine.main()


if __name__ == "__main__":
    main()
