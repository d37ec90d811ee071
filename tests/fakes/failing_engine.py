"""The real engine on a machine that has less memory than it needs, or whose files are held by other programs.

Run as `python -m tests.fakes.failing_engine FAULTS`, FAULTS being what :func:`command` writes. What fails is an
allocation, with the very error that torch raises for it, or the opening of a file; everything else is the engine. With
a report, an `engine_probe` looks at what is left of each attempt.
"""

import errno
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wan_desktop.engine import __main__ as engine

_READ_BEFORE_EXPERT_FAILS = 8
"""Tensors of the second expert that are in memory by then."""
_IMPOSSIBLE_BYTES = 2**46


@dataclass(frozen=True, slots=True)
class Shortage:
    """Too little memory in one place.

    `stage` is load_model, read_prompt, create_frames (`call` counts the predictions), build_pictures, read_expert_2
    (when some of its tensors are in memory), place_expert_2 (when it is brought to the device), or between_steps (the
    engine's own look finds no free memory from then on, as long as it is the first plan); `call` is which call of it
    fails, from 1; `plans` are those that fail, all if empty; `kind` is oom (a card's), ram (the PC's: an
    allocation that no PC can grant), or limit (only load_model: from its begin the process gets no more than
    `room_bytes`).
    """

    stage: str
    call: int = 1
    plans: tuple[str, ...] = ()
    kind: str = "oom"
    room_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """A file that cannot be opened the first `times` times.

    `file` is how its path ends; `winerror` is what Windows says with it (32 is a sharing violation), `errno` what every
    system says; `since` is the stage of :class:`Shortage` that must have begun, from the start if empty.
    """

    file: str
    times: int
    errno: int = errno.EACCES
    winerror: int = 0
    since: str = ""


def command(*faults: Shortage | Blocked, report: Path | None = None) -> tuple[str, ...]:
    """How to start it.

    Args:
        faults: What fails.
        report: Where the probe writes; no probe if None.
    """
    plain = {
        "shortages": [asdict(each) for each in faults if isinstance(each, Shortage)],
        "blocked": [asdict(each) for each in faults if isinstance(each, Blocked)],
        "report": str(report or ""),
    }
    return sys.executable, "-m", "tests.fakes.failing_engine", json.dumps(plain)


class Memory:
    """Counts the calls of each stage, and lets some of them fail."""

    def __init__(self, shortages: Sequence[Shortage], on_fault: Callable[[], None]) -> None:
        self._shortages = shortages
        self._on_fault = on_fault
        self._calls: dict[tuple[str, str], int] = {}
        self.begun: set[str] = set()
        self._lock = threading.Lock()

    def ask(self, stage: str, plan: str) -> None:
        """A stage of a plan wants memory."""
        import torch  # noqa: PLC0415 - the engine takes its pipes before anything is imported

        with self._lock:
            self.begun.add(stage)
            call = self._calls[stage, plan] = self._calls.get((stage, plan), 0) + 1
        for shortage in self._shortages:
            is_here = shortage.kind != "limit" and shortage.stage == stage and shortage.call == call
            if is_here and (not shortage.plans or plan in shortage.plans):
                self._on_fault()
                if shortage.kind == "ram":
                    torch.empty(_IMPOSSIBLE_BYTES, dtype=torch.uint8)
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    def is_gone(self, watch: int) -> bool:
        """A look between steps, of the watch of that number from 1."""
        with self._lock:
            call = self._calls["between_steps", str(watch)] = self._calls.get(("between_steps", str(watch)), 0) + 1
        return watch == 1 and any(each.stage == "between_steps" and call >= each.call for each in self._shortages)

    def room_bytes(self, plan: str) -> int:
        """How much the process may grow while it loads with that plan; 0 means as much as it wants."""
        wanted = [each for each in self._shortages if each.kind == "limit" and plan in each.plans]
        return wanted[0].room_bytes if wanted else 0


class Files:
    """Lets the opening of some files fail, for some time."""

    def __init__(self, blocked: Sequence[Blocked], memory: Memory) -> None:
        self._left = {each: each.times for each in blocked}
        self._memory = memory
        self._lock = threading.Lock()

    def ask(self, path: Path) -> None:
        """A file is opened."""
        with self._lock:
            for each, left in self._left.items():
                has_begun = not each.since or each.since in self._memory.begun
                if left and has_begun and path.as_posix().endswith(each.file):
                    self._left[each] = left - 1
                    error = OSError(each.errno, os.strerror(each.errno), str(path))
                    if each.winerror:
                        error.winerror = each.winerror  # only Windows has it
                    raise error


def install(memory: Memory, files: Files) -> None:
    """Put the shortage where the engine asks for memory, and the blocks where it opens files."""
    from wan_desktop.engine import loader, render, sampler  # noqa: PLC0415 - as above

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
    _install_in_experts(memory)
    _install_limit(memory)
    _install_between_steps(memory)
    real_open = Path.open

    def open_or_not(self: Path, *args: Any, **kwargs: Any) -> Any:
        files.ask(self)
        return real_open(self, *args, **kwargs)

    Path.open = open_or_not  # type: ignore[method-assign, assignment]


def _install_in_experts(memory: Memory) -> None:
    from wan_desktop.engine import loader  # noqa: PLC0415 - as above

    load, on_device = loader.load_transformer, loader.LoadedModel.on_device

    def load_or_not(folder: Any, plan: Any, name: str, dtype: Any, placer: Any, report: Any) -> Any:
        done = 0

        def report_or_not(count: int) -> None:
            nonlocal done
            done += 1
            if name == "transformer_2" and done == _READ_BEFORE_EXPERT_FAILS:
                memory.ask("read_expert_2", plan.name)
            report(count)

        return load(folder, plan, name, dtype, placer, report_or_not)

    @contextmanager
    def place_or_not(self: Any, module: Any) -> Iterator[None]:
        if module is self.transformer_2:
            memory.ask("place_expert_2", self.plan.name)
        with on_device(self, module):
            yield

    loader.load_transformer = load_or_not
    loader.LoadedModel.on_device = place_or_not  # type: ignore[method-assign, assignment]


def _install_between_steps(memory: Memory) -> None:
    from wan_desktop.engine import render  # noqa: PLC0415 - as above
    from wan_desktop.engine.memory_watch import FreeMemory, MemoryWatch, free_memory  # noqa: PLC0415 - as above

    watches = 0

    def watch(device: Any, *, can_step_down: bool) -> Any:
        nonlocal watches
        watches += 1
        number = watches

        def look(device: Any) -> Any:
            return FreeMemory(0, 1 << 34) if memory.is_gone(number) else free_memory(device)

        return MemoryWatch(device, can_step_down=can_step_down, look=look)

    render.MemoryWatch = watch  # type: ignore[assignment, misc]


def _install_limit(memory: Memory) -> None:
    """Let the system itself refuse memory; Linux only, elsewhere the process has what it wants."""
    from wan_desktop.engine import model_shelf  # noqa: PLC0415 - as above

    load = model_shelf.load_model

    def load_in_limit(folder: Any, plan: Any, **kwargs: Any) -> Any:
        room_bytes = memory.room_bytes(plan.name)
        if not room_bytes:
            return load(folder, plan, **kwargs)
        import resource  # noqa: PLC0415 - Windows has none

        import psutil  # noqa: PLC0415 - as above

        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + room_bytes, before[1]))
        try:
            return load(folder, plan, **kwargs)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    model_shelf.load_model = load_in_limit


def _install_all(plain: dict[str, Any]) -> None:
    looks: list[Callable[[str], None]] = []
    shortages = [Shortage(**{**each, "plans": tuple(each["plans"])}) for each in plain["shortages"]]
    memory = Memory(shortages, lambda: [look("fault") for look in looks] and None)
    install(memory, Files([Blocked(**each) for each in plain["blocked"]], memory))
    if plain["report"]:
        from tests.fakes import engine_probe  # noqa: PLC0415 - as above

        probe = engine_probe.Probe(Path(plain["report"]))
        engine_probe.install(probe)
        looks.append(probe.look)


def main() -> None:
    """Run the engine."""
    plain = json.loads(sys.argv[1])
    take = engine.take_pipes

    def take_and_install() -> Any:
        pipes = take()
        _install_all(plain)
        return pipes

    engine.take_pipes = take_and_install
    engine.main()


if __name__ == "__main__":
    main()
