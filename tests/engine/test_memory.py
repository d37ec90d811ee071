"""What a failure means, and where a plan leads."""

import errno

import pytest
import torch

from wan_desktop.core.errors import DiskFullError, EngineError, IncompatibleError, OutOfMemoryError
from wan_desktop.core.load_plan import Device, LoadPlan, Precision
from wan_desktop.engine.memory import choose_device, choose_dtype, classify, usable_threads

CPU = torch.device("cpu")


def too_much_memory() -> BaseException:
    """What torch really raises for an allocation that cannot be."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemoryError),
        (MemoryError(), OutOfMemoryError),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (EngineError("as it is"), EngineError),
    ],
    ids=["cuda", "python", "disk", "ours"],
)
def test_that_known_failures_become_errors_a_user_can_act_on(error: BaseException, kind: type[Exception]) -> None:
    found = classify(error)
    assert type(found) is kind


def test_that_an_impossible_allocation_of_torch_is_out_of_memory() -> None:
    assert isinstance(classify(too_much_memory()), OutOfMemoryError)


@pytest.mark.parametrize(
    "error", [ValueError("x"), RuntimeError("shape mismatch"), OSError(errno.EACCES, "no")], ids=repr
)
def test_that_a_bug_stays_a_bug(error: BaseException) -> None:
    assert classify(error) is None


def test_that_the_cpu_computes_in_float32_unless_told() -> None:
    assert choose_dtype(LoadPlan(), CPU) == torch.float32
    assert choose_dtype(LoadPlan("half", Device.CPU, Precision.BFLOAT16), CPU) == torch.bfloat16


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_that_a_plan_for_a_card_without_one_is_said() -> None:
    assert choose_device(LoadPlan()) == CPU
    with pytest.raises(IncompatibleError, match="No NVIDIA card"):
        choose_device(LoadPlan("card", Device.CUDA))


def test_that_a_core_is_left_for_the_window() -> None:
    assert usable_threads() >= 1
