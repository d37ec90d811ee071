"""Driver and card decide which runtime is installed."""

import sys
from pathlib import Path

import pytest

from tests.core.runtime.conftest import Parts
from wan_desktop.core.hardware import Gpu
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.runtime.choice import ChoiceReason, choose_runtime
from wan_desktop.core.runtime.lock import RuntimeKind
from wan_desktop.core.runtime.program_runtimes import program_runtimes, runtime_in_use


def card(driver: str, capability: tuple[int, int] = (8, 9), cuda: tuple[int, int] = (0, 0)) -> Gpu:
    return Gpu("GPU-1", "Card", "ada", capability, 24 << 30, 20 << 30, 0, driver, cuda)


CU130, CU126, CPU = RuntimeKind.WINDOWS_CU130, RuntimeKind.WINDOWS_CU126, RuntimeKind.WINDOWS_CPU


@pytest.mark.parametrize(
    ("gpu", "kind", "reason"),
    [
        (card("581.29"), CU130, ChoiceReason.BEST),
        (card("580.00"), CU130, ChoiceReason.BEST),
        (card("580"), CU130, ChoiceReason.BEST),
        (card("579.99"), CU126, ChoiceReason.OLD_DRIVER),
        (card("528.33"), CU126, ChoiceReason.OLD_DRIVER),
        (card("528.24"), CPU, ChoiceReason.OLD_DRIVER),
        (card("472.12"), CPU, ChoiceReason.OLD_DRIVER),
        (card("", cuda=(13, 0)), CU130, ChoiceReason.BEST),
        (card("unknown", cuda=(12, 4)), CU126, ChoiceReason.OLD_DRIVER),
        (card("", cuda=(0, 0)), CPU, ChoiceReason.OLD_DRIVER),
        (card("581.29", (7, 5)), CU130, ChoiceReason.BEST),
        (card("581.29", (7, 0)), CU126, ChoiceReason.OLD_CARD),
        (card("472.12", (7, 0)), CPU, ChoiceReason.OLD_DRIVER),
        (card("581.29", (6, 1)), CPU, ChoiceReason.NO_CARD),
        (card("581.29", (12, 0)), CU130, ChoiceReason.BEST),
        (card("572.16", (12, 0)), CPU, ChoiceReason.OLD_DRIVER),  # the build for CUDA 12.6 has no code for it
        (None, CPU, ChoiceReason.NO_CARD),
    ],
)
def test_that_the_runtime_goes_with_driver_and_card(gpu: Gpu | None, kind: RuntimeKind, reason: ChoiceReason) -> None:
    choice = choose_runtime("windows", gpu)
    assert (choice.kind, choice.reason) == (kind, reason)


def test_that_linux_has_the_processors_runtime_only() -> None:
    assert choose_runtime("linux", card("581.29")).kind is RuntimeKind.LINUX_CPU


def test_that_development_uses_its_own_environment(tmp_path: Path, parts: Parts) -> None:
    paths = AppPaths(tmp_path, tmp_path / "videos", tmp_path / "resources")
    assert program_runtimes(paths) is None
    runtime = runtime_in_use(None, parts.new_lock)
    assert runtime.engine_command() == (sys.executable, "-m", "wan_desktop.engine")
    assert list(tmp_path.iterdir()) == []
