"""The manager and the real engine: models loaded, used again, forgotten, and thirty hands at once."""

import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.core.store.conftest import KEY, QUICK, REPO, plan_of
from tests.fakes.failing_engine import Shortage, command
from tests.fakes.hub import FakeHub
from tests.fakes.tiny_models import make_tiny_model
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import IntegrityError, ModelBusyError, ModelNotFoundError, WanError
from wan_desktop.core.estimate import Basis, Estimate
from wan_desktop.core.fallback import LadderError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Fit, Rung, Substitute
from wan_desktop.core.load_plan import Device, LoadPlan, Placement
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_loading import EngineModels
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.status import ModelStatus

_HANDS = 30
_SECONDS, _SECONDS_SLOW = 6.0, 60.0


@pytest.fixture(scope="module")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = make_tiny_model("t2v_two_experts", tmp_path_factory.mktemp("tiny") / "model")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, model_files: dict[str, bytes]
) -> Iterator[tuple[ModelManager, FakeHub]]:
    root = tmp_path_factory.mktemp("manager")
    with FakeHub() as hub:
        hub.add_repo(REPO, model_files)
        client = HubClient(endpoint=hub.url)
        manager = ModelManager([root / "models"], hub=client, history=History(root / "history.sqlite3"))
        manager.download(plan_of(client), JobContext("download", lambda *_: None), limits=QUICK)
        yield manager, hub
        manager.close()


@pytest.fixture
def manager(installed: tuple[ModelManager, FakeHub]) -> ModelManager:
    return installed[0]


@pytest.fixture
def engine() -> Iterator[EngineModels]:
    client = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    yield EngineModels(client)
    client.stop()


def rungs(manager: ModelManager) -> list[Rung]:
    made = []
    for number, placement in enumerate((Placement.RESIDENT, Placement.DISK)):
        ram = (8 - 4 * number) * 10**9
        cost = Estimate((), 0, ram, ram, 0, None, None, Basis.ESTIMATE)
        plan = LoadPlan(placement.value, Device.CPU, placement=placement)
        folder = str(manager.libraries.main().folder(KEY))
        made.append(Rung(KEY.model_id, KEY.variant, plan, cost, Fit.WELL, Substitute.NONE, True, False, folder))
    return made


def context() -> JobContext:
    return JobContext(f"job-{random.random()}", lambda *_: None)


def status(manager: ModelManager) -> ModelStatus:
    return manager.state(KEY).status


def test_that_a_loaded_model_shows_and_an_unloaded_one_does_not(manager: ModelManager, engine: EngineModels) -> None:
    result = manager.load(KEY, rungs(manager), engine, context())
    assert (result.used, result.cost) == (rungs(manager)[0], "")
    assert status(manager) is ModelStatus.LOADED
    manager.unload(KEY, engine)
    assert status(manager) is ModelStatus.AVAILABLE


def test_that_an_engine_that_is_gone_holds_nothing(manager: ModelManager, engine: EngineModels) -> None:
    manager.load(KEY, rungs(manager), engine, context())
    manager.engine_holds(())
    assert status(manager) is ModelStatus.AVAILABLE


def test_that_too_little_memory_leads_down_and_is_told(manager: ModelManager) -> None:
    client = EngineClient(command(Shortage("load_model", plans=("resident",))), environment={"OMP_NUM_THREADS": "1"})
    try:
        result = manager.load(KEY, rungs(manager), EngineModels(client), context())
        assert [(attempt.plan, attempt.outcome) for attempt in result.attempts] == [
            ("resident", "out-of-memory"),
            ("disk", "done"),
        ]
        assert result.cost
    finally:
        client.stop()
        manager.engine_holds(())
    entry = manager.history(KEY.model_id)[0]
    assert (entry.kind, entry.outcome) == ("load", "done")


def test_that_when_nothing_works_what_was_tried_is_told(manager: ModelManager) -> None:
    client = EngineClient(command(Shortage("load_model")), environment={"OMP_NUM_THREADS": "1"})
    try:
        with pytest.raises(LadderError) as caught:
            manager.load(KEY, rungs(manager), EngineModels(client), context())
    finally:
        client.stop()
    assert len(caught.value.result.attempts) == 2
    assert status(manager) is ModelStatus.AVAILABLE


def test_that_a_damaged_model_is_not_loaded(manager: ModelManager, engine: EngineModels) -> None:
    weights = manager.libraries.main().folder(KEY) / "vae" / "diffusion_pytorch_model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-9])
    try:
        with pytest.raises(IntegrityError):
            manager.load(KEY, rungs(manager), engine, context())
    finally:
        weights.write_bytes(good)
        manager.checks.verify(KEY, context(), deep=True)


def test_that_a_model_that_is_busy_is_not_loaded(manager: ModelManager, engine: EngineModels) -> None:
    with manager.libraries.main().hold(KEY, "repairing"), pytest.raises(ModelBusyError):
        manager.load(KEY, rungs(manager), engine, context())


# Thirty hands ---------------------------------------------------------------------------------------------------------


class Hands:
    """Threads that do anything with one model, at random, and must never wait for each other for ever."""

    def __init__(self, manager: ModelManager, engine: EngineModels, seconds: float) -> None:
        self._manager, self._engine = manager, engine
        self._until_s = time.monotonic() + seconds
        self.unexpected: list[BaseException] = []
        self.done = 0

    def work(self, seed: int) -> None:
        rng = random.Random(seed)
        deeds: list[Callable[[], object]] = [
            lambda: self._manager.load(KEY, rungs(self._manager), self._engine, context()),
            lambda: self._manager.unload(KEY, self._engine),
            lambda: self._manager.checks.verify(KEY, context(), deep=rng.random() < 0.5),
            lambda: self._repair(),
            lambda: self._manager.state(KEY),
            lambda: self._damage(rng),
        ]
        while time.monotonic() < self._until_s:
            try:
                rng.choice(deeds)()
            except (ModelBusyError, IntegrityError, ModelNotFoundError):
                pass  # what another hand does, or has done
            except (WanError, LadderError, OSError, RuntimeError) as error:
                self.unexpected.append(error)
            self.done += 1
            time.sleep(rng.uniform(0, 0.02))

    def _repair(self) -> None:
        report = self._manager.checks.verify(KEY, context(), deep=True)
        if report.bad:
            self._manager.checks.repair(KEY, report, context(), limits=QUICK)

    def _damage(self, rng: random.Random) -> None:
        """As a failing drive; only while nobody reads it, or the engine may rightly find what the store has not yet."""
        library = self._manager.libraries.main()
        with library.hold(KEY, "damaging"):
            file = library.folder(KEY) / "transformer" / "diffusion_pytorch_model.safetensors"
            beside = file.with_name(".flipped")
            shutil.copyfile(file, beside)
            with beside.open("r+b") as opened:
                opened.seek(rng.randrange(3000, 9000))
                opened.write(b"\x01")
            beside.replace(file)


def thirty_hands(manager: ModelManager, engine: EngineModels, seconds: float) -> None:
    hands = Hands(manager, engine, seconds)
    threads = [threading.Thread(target=hands.work, args=(seed,), daemon=True) for seed in range(_HANDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
    assert not [thread for thread in threads if thread.is_alive()], "a deadlock"
    assert not hands.unexpected, hands.unexpected[:3]
    assert hands.done > _HANDS


def whole_and_true(manager: ModelManager, engine: EngineModels) -> None:
    """When nobody works on it any more, it can be made whole, and its status says so."""
    report = manager.checks.verify(KEY, context(), deep=True)
    if report.bad:
        manager.checks.repair(KEY, report, context(), limits=QUICK)
    assert status(manager) in (ModelStatus.AVAILABLE, ModelStatus.LOADED)
    assert manager.checks.verify(KEY, context(), deep=True).good
    manager.unload(KEY, engine)
    assert status(manager) is ModelStatus.AVAILABLE


def test_that_thirty_hands_leave_the_truth(manager: ModelManager, engine: EngineModels) -> None:
    thirty_hands(manager, engine, _SECONDS)
    whole_and_true(manager, engine)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_that_thirty_hands_leave_the_truth_for_a_minute(manager: ModelManager, engine: EngineModels) -> None:
    thirty_hands(manager, engine, _SECONDS_SLOW)
    whole_and_true(manager, engine)


_OTHER_PROGRAM = """
import sys
from pathlib import Path
from tests.engine.test_manager_load import Hands
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_loading import EngineModels
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient

root, url, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
manager = ModelManager([root / "models"], hub=HubClient(endpoint=url), history=History(root / "history.sqlite3"))
client = EngineClient(environment={"OMP_NUM_THREADS": "1"})
hands = Hands(manager, EngineModels(client), seconds)
hands.work(99)
client.stop()
print(hands.done, hands.unexpected)
sys.exit(bool(hands.unexpected))
"""


def test_that_two_programs_leave_the_truth(installed: tuple[ModelManager, FakeHub], engine: EngineModels) -> None:
    manager, hub = installed
    root = manager.libraries.main().root.parent
    arguments = [str(root), hub.url, str(_SECONDS)]
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER_PROGRAM, *arguments], stdout=subprocess.PIPE, text=True
    ) as other:
        thirty_hands(manager, engine, _SECONDS)
        said, _ = other.communicate(timeout=120)
    assert other.returncode == 0, said
    whole_and_true(manager, engine)


def test_that_the_folder_of_the_model_is_what_the_engine_holds(manager: ModelManager, engine: EngineModels) -> None:
    manager.load(KEY, rungs(manager), engine, context())
    held: tuple[Path, ...] = engine.unload_model(Path("nowhere"))
    assert held == (manager.libraries.main().folder(KEY),)
