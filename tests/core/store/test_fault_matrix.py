"""Every cell of the fault matrix is survived; a sample of them in every run, all with `-m slow`."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.store.fault_matrix import LINE, Cell, Variant, line_cells
from tests.core.store.model_world import HASTY, PATIENT, Operation, Oracle, World
from tests.fakes.hub import FakeHub
from tests.fakes.hub.faults import Fault
from tests.fakes.store_process import quiet_context
from wan_desktop.core.errors import JobCancelled, OfflineError
from wan_desktop.core.jobs import JobContext

CELLS = [*line_cells()]
_PATIENCE_S = 0.3
"""So long users look at a line that drips."""


@pytest.fixture(scope="module")
def matrix_hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def template(matrix_hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with the old revision in it."""
    world = World(tmp_path_factory.mktemp("template") / "world", matrix_hub)
    world.install()
    return world.root


def run_cell(cell: Cell, hub: FakeHub, template: Path, folder: Path) -> None:
    for number, variant in enumerate(LINE[cell.fault]):
        if cell.operation in variant.operations:
            world = World(folder / f"world-{number}", hub)
            world.prepare(cell.operation, template)
            run_variant(world, cell.operation, variant)


def cancel_when_struck(fault: Fault, context: JobContext) -> None:
    while not fault.struck:
        context.cancel_asked.wait(0.01)
    context.cancel_asked.wait(_PATIENCE_S)
    context.cancel_asked.set()


def run_variant(world: World, operation: Operation, variant: Variant) -> None:
    faults = [world.hub.fault(**strike) for strike in variant.strikes]
    oracle = Oracle(world)
    if variant.error is None:
        outcome = world.run(operation, limits=PATIENT)
        assert any(fault.struck for fault in faults), "the fault had no part in it"
        oracle.check_succeeded(outcome, traffic=variant.traffic)
        if variant.knows:
            oracle.check_asked()
        return
    context = quiet_context()
    if variant.error is JobCancelled:
        threading.Thread(target=cancel_when_struck, args=(faults[0], context), daemon=True).start()
    outcome = world.run(operation, limits=HASTY if variant.error is OfflineError else PATIENT, context=context)
    assert any(fault.struck for fault in faults), "the fault had no part in it"
    oracle.check_failed(outcome, variant.error)
    world.hub.clear_faults()
    world.hub.forget_requests()
    oracle = Oracle(world)
    oracle.check_succeeded(world.run(operation), traffic=1.0 if variant.knows else 3.0)
    if variant.knows:
        oracle.check_asked()


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_that_every_cell_is_survived(cell: Cell, matrix_hub: FakeHub, template: Path, tmp_path: Path) -> None:
    run_cell(cell, matrix_hub, template, tmp_path)
