"""Every cell of the fault matrix is survived; a sample of them in every run, all with `-m slow`."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.store.fault_matrix import LINE, Cell, Variant, cells
from tests.core.store.host_faults import HOST, HostFault
from tests.core.store.model_world import HASTY, KEY, PATIENT, Operation, Outcome, World
from tests.core.store.oracle import Oracle
from tests.core.store.proof_model import SHRUNK
from tests.core.store.state_faults import STATE, StateFault
from tests.fakes.hub import FakeHub
from tests.fakes.hub.faults import Fault
from tests.fakes.store_process import StoreJob, StoreProcess, quiet_context
from wan_desktop.core.errors import IntegrityError, JobCancelled, ModelNotFoundError, OfflineError, error_from_code
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.records import to_plain
from wan_desktop.core.store.blocks import BLOCK_BYTES, block_count, block_span

CELLS = [*cells()]
_SAMPLES = {"A": 8, "B": 12, "C": 12}
_SAMPLE = [
    cell
    for block, count in _SAMPLES.items()
    for cell in random.Random(4).sample([cell for cell in CELLS if cell.block == block], count)
]
_PATIENCE_S = 0.3
"""So long users look at a line that drips."""
_KILL_AT_BYTES = 2 * BLOCK_BYTES + 300_000
_RATE_BYTES_PER_S = 8_000_000


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
    if cell.block == "C":
        run_state(World(folder / "world", hub), cell.operation, STATE[cell.fault], template)
    for number, variant in enumerate(LINE[cell.fault] if cell.block == "A" else ()):
        if cell.operation in variant.operations:
            run_line(World(folder / f"world-{number}", hub), cell.operation, variant, template)
    for number, fault in enumerate(HOST[cell.fault] if cell.block == "B" else ()):
        if cell.operation in fault.ends:
            run_host(World(folder / f"world-{number}", hub), cell.operation, fault, template)


# A -------------------------------------------------------------------------------------------------------------------


def run_line(world: World, operation: Operation, variant: Variant, template: Path) -> None:
    world.prepare(operation, template)
    faults = [world.hub.fault(**strike) for strike in variant.strikes]
    oracle = Oracle(world)
    context = quiet_context()
    if variant.error is JobCancelled:
        threading.Thread(target=cancel_when_struck, args=(faults[0], context), daemon=True).start()
    outcome = world.run(operation, limits=HASTY if variant.error is OfflineError else PATIENT, context=context)
    assert any(fault.struck for fault in faults), "the fault had no part in it"
    if variant.error is not None:
        oracle.check_failed(outcome, variant.error)
        world.hub.clear_faults()
        oracle, outcome = run_again(world, operation)
    oracle.check_succeeded(outcome, traffic=variant.traffic if variant.knows else max(3.0, variant.traffic))
    if variant.knows:
        oracle.check_asked()


def cancel_when_struck(fault: Fault, context: JobContext) -> None:
    while not fault.struck:
        context.cancel_asked.wait(0.01)
    context.cancel_asked.wait(_PATIENCE_S)
    context.cancel_asked.set()


def run_again(world: World, operation: Operation) -> tuple[Oracle, Outcome]:
    """Once more, now that the fault is over."""
    world.hub.forget_requests()
    return Oracle(world), world.run(operation)


# B -------------------------------------------------------------------------------------------------------------------


def run_host(world: World, operation: Operation, fault: HostFault, template: Path) -> None:
    world.prepare(operation, template)
    oracle = Oracle(world)
    heal = fault.arrange(world, operation) if fault.arrange else lambda: None
    if fault.arrange and fault.arrange.__name__ == "link_in_tree":
        oracle = Oracle(world)  # the link is no deed of the program
    in_process = fault.limits or fault.killed
    outcome = run_in_process(world, operation, fault) if in_process else world.run(operation)
    assert getattr(world.disk, "refused", True), "the fault had no part in it"
    error = fault.ends[operation]
    if fault.heals_first:
        heal()
    check_host(oracle, outcome, operation, fault)
    if not fault.heals_first:
        heal()
    if error is not None or fault.killed:
        oracle, outcome = run_again(world, operation)
        check_host(oracle, outcome, operation, HostFault({operation: None}))


def check_host(oracle: Oracle, outcome: Outcome, operation: Operation, fault: HostFault) -> None:
    error = fault.ends[operation]
    if fault.killed:
        oracle.check_always(outcome)
    elif operation is Operation.VERIFY:
        check_verified(oracle, outcome, error, finds_damage=fault.finds_damage)
    elif error is not None:
        oracle.check_failed(outcome, error)
    else:
        oracle.check_succeeded(outcome, traffic=fault.traffic)
        if fault.knows:
            oracle.check_asked()


def check_verified(
    oracle: Oracle, outcome: Outcome, error: type[Exception] | None, *, finds_damage: bool = False
) -> None:
    if error is not None:
        oracle.check_failed(outcome, error)
        return
    oracle.check_always(outcome)
    assert outcome.error is None
    assert outcome.report
    assert bool(outcome.report.bad) == finds_damage, outcome.report
    assert finds_damage or outcome.report.good


def run_in_process(world: World, operation: Operation, fault: HostFault) -> Outcome:
    names = {Operation.VERIFY: "deep-check", Operation.REPAIR: "repair"}
    job = StoreJob(
        names.get(operation, "download"),
        world.root,
        KEY.model_id,
        KEY.variant,
        endpoint=world.hub.url,
        plan=world.plan(),
        limits=to_plain(PATIENT),
        max_file_bytes=fault.limits.get("max_file_bytes", 0),
        max_handles=fault.limits.get("max_handles", 0),
    )
    world.hub.forget_requests()
    with StoreProcess() as process:
        process.start(job)
        if not fault.killed:
            told = process.finish()
            assert told["event"] == "failed", told
            return Outcome(error_from_code(told["code"], told["message"], hint=told["hint"]), None, 0.0)
        process.wait_for("began")
        world.hub.rate_limit(_RATE_BYTES_PER_S)
        at_bytes = 0 if operation is Operation.VERIFY else min(_KILL_AT_BYTES, Oracle(world).missing_bytes // 2)
        while world.hub.bytes_sent() < at_bytes:
            threading.Event().wait(0.005)
        process.kill()
        world.hub.rate_limit(0)
        return Outcome(None, None, 0.0)


# C -------------------------------------------------------------------------------------------------------------------


def run_state(world: World, operation: Operation, fault: StateFault, template: Path) -> None:
    if fault.staged is None:
        world.install(template)
    elif operation is Operation.REPAIR:
        world.prepare(Operation.REPAIR, template)
        world.hub.fault("status_503", match=SHRUNK, times=None, skip=3)
        assert isinstance(world.run(Operation.REPAIR, limits=HASTY).error, OfflineError)
        world.hub.clear_faults()
    else:
        world.prepare(fault.staged)
    fault.do(world)
    if operation is Operation.REPAIR:
        world.run(Operation.START)  # what is wrong is found after a new start
    world.hub.forget_requests()
    oracle = Oracle(world)
    outcome = world.run(operation)
    if operation is Operation.LOAD:
        check_loaded(oracle, outcome, fault)
    elif fault.error is not None:
        oracle.check_failed(outcome, fault.error)
    elif operation is Operation.REPAIR:
        check_repaired(world, oracle, outcome, fault)
    else:
        check_looked(world, oracle, outcome, fault, operation)
    assert operation is Operation.REPAIR or world.files() == oracle.before, "looking changed something"
    make_whole(world, fault)


def check_repaired(world: World, oracle: Oracle, outcome: Outcome, fault: StateFault) -> None:
    oracle.check_succeeded(outcome, traffic=1.0)
    if fault.staged is None and SHRUNK not in fault.bad:
        assert world.hub.bytes_sent() == damaged_bytes(world, fault), "(f) more was fetched than was damaged"


def damaged_bytes(world: World, fault: StateFault) -> int:
    total = 0
    for path, blocks in fault.bad.items():
        size_bytes = len(world.model.commits[world.goal][path])
        total += sum(
            block_span(index, size_bytes)[1] for index in (range(block_count(size_bytes)) if blocks is None else blocks)
        )
    return total


def check_looked(world: World, oracle: Oracle, outcome: Outcome, fault: StateFault, operation: Operation) -> None:
    oracle.check_always(outcome)
    assert outcome.error is None, repr(outcome.error)
    if operation is Operation.VERIFY:
        assert outcome.report
        assert {finding.path: finding.damaged_blocks for finding in outcome.report.bad} == fault.bad
        assert world.believed() == (not fault.bad), "what was found is not remembered"
    elif fault.staged is None:
        assert world.believed() == fault.believed


def check_loaded(oracle: Oracle, outcome: Outcome, fault: StateFault) -> None:
    """What is not known to be whole is not rendered with, and the user is told why."""
    if fault.staged is not None:
        oracle.check_failed(outcome, ModelNotFoundError)
    elif not fault.believed:
        oracle.check_failed(outcome, IntegrityError)
    else:
        oracle.check_always(outcome)
        assert outcome.error is None, repr(outcome.error)


def make_whole(world: World, fault: StateFault) -> None:
    """The user does what he is told to, and all is well again."""
    world.hub.forget_requests()
    world.run(Operation.START)
    oracle = Oracle(world)
    if fault.error is not None:  # without its list, nothing of the model is believed
        oracle.missing_bytes = world.plan().download_bytes
    outcome = world.run(Operation.RESUME if fault.error or fault.staged else Operation.REPAIR)
    oracle.check_succeeded(outcome, traffic=1.0)


# The tests -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", _SAMPLE, ids=str)
def test_that_a_sampled_cell_is_survived(cell: Cell, matrix_hub: FakeHub, template: Path, tmp_path: Path) -> None:
    run_cell(cell, matrix_hub, template, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_that_every_cell_is_survived(cell: Cell, matrix_hub: FakeHub, template: Path, tmp_path: Path) -> None:
    run_cell(cell, matrix_hub, template, tmp_path)
