"""Memory that is almost gone between two steps."""

from collections.abc import Iterator

import pytest
import torch

from wan_desktop.core.errors import OutOfMemoryError
from wan_desktop.engine.memory_watch import FreeMemory, MemoryWatch, free_memory

CPU = torch.device("cpu")
PLENTY = FreeMemory(8 << 30, 16 << 30)
GONE = FreeMemory(50_000_000, 16 << 30)
FULL_CARD = FreeMemory(8 << 30, 16 << 30, vram_bytes=10_000_000, vram_total_bytes=12 << 30)


def watch(free: FreeMemory | Iterator[FreeMemory], *steps_s: float, can_step_down: bool = True) -> MemoryWatch:
    """A watch that sees that memory, and steps that take so long."""
    looks = free if isinstance(free, Iterator) else None
    times = [0.0]
    for seconds in steps_s or (1.0,) * 10:
        times.append(times[-1] + seconds)
    clock = iter(times)
    return MemoryWatch(
        CPU,
        can_step_down=can_step_down,
        look=lambda _: next(looks) if looks is not None else free,  # type: ignore[arg-type, return-value]
        clock=lambda: next(clock),
    )


def test_that_with_enough_memory_nothing_happens() -> None:
    made = watch(PLENTY)
    for _ in range(5):
        made.step()


def test_that_memory_that_is_gone_ends_the_plan() -> None:
    with pytest.raises(OutOfMemoryError, match="PC's memory"):
        watch(GONE).step()


def test_that_without_another_plan_it_goes_on() -> None:
    watch(GONE, can_step_down=False).step()


def test_that_memory_that_comes_back_when_freed_is_enough() -> None:
    watch(iter([GONE, PLENTY, PLENTY])).step()


def test_that_a_full_card_alone_is_no_reason() -> None:
    made = watch(FULL_CARD)
    for _ in range(5):
        made.step()


def test_that_a_full_card_and_a_slow_step_end_the_plan() -> None:
    made = watch(FULL_CARD, 1.0, 1.1, 9.0)
    made.step()
    made.step()
    with pytest.raises(OutOfMemoryError, match="several times as long"):
        made.step()


def test_that_a_slow_step_alone_is_no_reason() -> None:
    made = watch(PLENTY, 1.0, 1.1, 9.0)
    for _ in range(3):
        made.step()


def test_that_free_memory_is_that_of_this_pc() -> None:
    free = free_memory(CPU)
    assert 0 < free.ram_bytes <= free.ram_total_bytes
    assert free.vram_bytes is None
