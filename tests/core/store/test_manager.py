"""The manager's word on a model is true, whatever is done with it, by whomever, at the same time."""

import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.core.store.conftest import KEY, QUICK, REPO, plan_of
from tests.fakes.hub import FakeHub
from wan_desktop.core.errors import JobCancelled, ModelBusyError, ModelNotFoundError, RequestError, WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.scrub import Scrub, ScrubLimits
from wan_desktop.core.store.download import DownloadPlan
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.remote import Remote
from wan_desktop.core.store.status import ModelStatus, RemoteStatus

WEIGHTS = "vae/diffusion_pytorch_model.safetensors"


@pytest.fixture
def manager(hub: FakeHub, client: HubClient, tmp_path: Path, model_files: dict[str, bytes]) -> Iterator[ModelManager]:
    hub.add_repo(REPO, model_files)
    opened = ModelManager([tmp_path / "models"], hub=client, history=History(tmp_path / "history.sqlite3"))
    yield opened
    opened.close()


@pytest.fixture
def installed(manager: ModelManager, client: HubClient, context: JobContext) -> ModelManager:
    manager.download(plan_of(client), context, limits=QUICK)
    return manager


def folder(manager: ModelManager) -> Path:
    found = manager.state(KEY).folder
    assert found is not None
    return found


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def status(manager: ModelManager) -> ModelStatus:
    return manager.state(KEY).status


# Status -----------------------------------------------------------------------------------------------------------


def test_that_a_model_that_was_never_here_is_missing(manager: ModelManager) -> None:
    assert status(manager) == ModelStatus.MISSING


def test_that_a_downloaded_model_is_available(installed: ModelManager) -> None:
    state = installed.state(KEY)
    assert (state.status, state.reason) == (
        ModelStatus.AVAILABLE,
        f"All {len(state.report.findings)} files are as they should be.",
    )  # type: ignore[union-attr]


def test_that_a_download_that_failed_can_go_on(
    manager: ModelManager, hub: FakeHub, client: HubClient, context: JobContext
) -> None:
    plan = plan_of(client)
    fault = hub.fault("status_503", match="vae/.*safetensors", times=None)
    with pytest.raises(WanError):
        manager.download(plan, context, limits=QUICK)
    assert status(manager) == ModelStatus.INCOMPLETE
    fault.times = 0
    manager.download(plan, context, limits=QUICK)
    assert status(manager) == ModelStatus.AVAILABLE


def test_that_what_is_done_shows_while_it_is_done(
    manager: ModelManager, client: HubClient, context: JobContext
) -> None:
    seen: list[ModelStatus] = []
    manager.subscribe(lambda key: seen.append(manager.state(key).status))
    manager.download(plan_of(client), context, limits=QUICK)
    manager.checks.verify(KEY, context, deep=True)
    assert seen == [
        ModelStatus.DOWNLOADING,
        ModelStatus.AVAILABLE,
        ModelStatus.VERIFYING,
        ModelStatus.AVAILABLE,
    ]


def test_that_damage_shows_and_stays_until_it_is_repaired(installed: ModelManager, context: JobContext) -> None:
    flip(folder(installed) / WEIGHTS, 5000)
    assert status(installed) == ModelStatus.UNKNOWN
    report = installed.checks.verify(KEY, context, deep=True)
    assert status(installed) == ModelStatus.CORRUPTED
    installed.checks.repair(KEY, report, context, limits=QUICK)
    assert status(installed) == ModelStatus.AVAILABLE


def test_that_a_missing_file_shows_at_once(installed: ModelManager) -> None:
    (folder(installed) / WEIGHTS).unlink()
    assert status(installed) == ModelStatus.CORRUPTED


def test_that_a_lost_file_list_shows(installed: ModelManager) -> None:
    (folder(installed) / ".wan-desktop" / "manifest.json").unlink()
    assert status(installed) == ModelStatus.CORRUPTED


def test_that_a_drive_that_is_gone_is_no_missing_model(installed: ModelManager, tmp_path: Path) -> None:
    (tmp_path / "models").rename(tmp_path / "unplugged")
    state = installed.state(KEY)
    assert state.status == ModelStatus.ERROR
    assert "not connected" in state.reason


def test_that_a_drive_that_comes_back_brings_its_models(installed: ModelManager, tmp_path: Path) -> None:
    (tmp_path / "models").rename(tmp_path / "unplugged")
    status(installed)
    shutil.rmtree(tmp_path / "models", ignore_errors=True)
    (tmp_path / "unplugged").rename(tmp_path / "models")
    assert status(installed) == ModelStatus.AVAILABLE


# The Hub ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("status_500", RemoteStatus.UNREACHABLE),
        ("captive", RemoteStatus.UNREACHABLE),
        ("reset", RemoteStatus.UNREACHABLE),
        ("gated", RemoteStatus.NO_ACCESS),
        ("revision_gone", RemoteStatus.GONE),
    ],
)
def test_that_no_answer_of_the_hub_changes_what_is_here(
    installed: ModelManager, hub: FakeHub, context: JobContext, kind: str, expected: RemoteStatus
) -> None:
    hub.fault(kind, times=None)
    assert installed.check_remote(KEY, [REPO], context).status == expected
    assert status(installed) == ModelStatus.AVAILABLE


def test_that_a_failed_question_is_asked_again(installed: ModelManager, hub: FakeHub, context: JobContext) -> None:
    fault = hub.fault("status_500", times=None)
    assert installed.check_remote(KEY, [REPO], context).status == RemoteStatus.UNREACHABLE
    fault.times = 0
    assert installed.check_remote(KEY, [REPO], context).status == RemoteStatus.AVAILABLE


def test_that_a_young_answer_is_not_asked_for_again(
    manager: ModelManager, hub: FakeHub, client: HubClient, context: JobContext, tmp_path: Path
) -> None:
    manager.repo(REPO, context)
    hub.forget_requests()
    remembering = History(tmp_path / "history.sqlite3")
    assert Remote(client, remembering).repo(REPO, context).repo_id == REPO
    remembering.close()
    assert not hub.requests


# Holds ------------------------------------------------------------------------------------------------------------


def test_that_a_held_model_is_busy_for_others(installed: ModelManager, context: JobContext) -> None:
    with installed.libraries.main().hold(KEY, "rendering"), pytest.raises(ModelBusyError, match="rendering"):
        installed.checks.verify(KEY, context)


HOLD = """
import sys
from pathlib import Path
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.library import Library, ModelKey
with Library(Disk(), Path(sys.argv[1])).hold(ModelKey("tiny", "bf16"), "repairing"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_that_two_processes_cannot_hold_one_model(installed: ModelManager, context: JobContext, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "models")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ModelBusyError, match=f"repairing, by another window .*{other.pid}"):
            installed.checks.verify(KEY, context)
        other.kill()
    installed.checks.verify(KEY, context)


def any_deed(manager: ModelManager, plan: DownloadPlan, rng: random.Random, context: JobContext) -> None:
    match rng.randrange(5):
        case 0:
            manager.download(plan, context, limits=QUICK)
        case 1:
            report = manager.checks.verify(KEY, context, deep=True)
            if report.bad:
                manager.checks.repair(KEY, report, context, limits=QUICK)
        case 2:
            manager.put_back(manager.remove(KEY).item)
        case 3:
            manager.checks.verify(KEY, context)
        case _:
            manager.state(KEY)


def test_that_many_hands_leave_the_truth(installed: ModelManager, client: HubClient, context: JobContext) -> None:
    plan = plan_of(client)
    problems: list[Exception] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(6):
            try:
                any_deed(installed, plan, rng, JobContext(f"{seed}", lambda *_: None))
            except (ModelBusyError, ModelNotFoundError, RequestError):
                continue  # others have it, have removed it, or have downloaded it again
            except Exception as error:  # noqa: BLE001 - told below
                problems.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not problems
    installed.download(plan, context, limits=QUICK)
    assert installed.checks.verify(KEY, context, deep=True).good
    assert status(installed) == ModelStatus.AVAILABLE


# Trash, history, scrub --------------------------------------------------------------------------------------------


def test_that_a_removal_can_be_undone(installed: ModelManager) -> None:
    removed = installed.remove(KEY)
    assert status(installed) == ModelStatus.MISSING
    installed.put_back(removed.item)
    assert status(installed) == ModelStatus.AVAILABLE


def test_that_shared_files_are_not_counted_as_freed(
    installed: ModelManager, client: HubClient, context: JobContext
) -> None:
    plan = plan_of(client, convert=False)
    other = type(plan)("tiny", "plain", plan.files)
    installed.download(other, context, limits=QUICK)
    removed = installed.remove(ModelKey("tiny", "plain"))
    assert removed.shared_bytes > 0
    assert removed.freed_bytes < sum(file.origin.size_bytes for file in plan.files)
    assert status(installed) == ModelStatus.AVAILABLE


def test_that_history_tells_what_was_cancelled(manager: ModelManager, client: HubClient) -> None:
    context = JobContext("test", lambda *_: None)
    context.cancel_asked.set()
    with pytest.raises(JobCancelled):
        manager.download(plan_of(client), context, limits=QUICK)
    assert [(entry.kind, entry.outcome) for entry in manager.history("tiny")] == [("download", "cancelled")]


def test_that_a_deep_check_that_was_stopped_goes_on(installed: ModelManager) -> None:
    stopping = JobContext("test", lambda *_: stopping.cancel_asked.set())
    with pytest.raises(JobCancelled):
        installed.checks.verify(KEY, stopping, deep=True)
    total = installed.checks.verify(KEY, JobContext("test", lambda *_: None), deep=True)
    again = installed.checks.verify(KEY, JobContext("test", lambda *_: None), deep=True)
    assert total.good
    assert total.read_bytes <= again.read_bytes


def test_that_old_trash_and_quarantine_are_deleted(installed: ModelManager, context: JobContext) -> None:
    library = installed.libraries.main()
    flip(folder(installed) / WEIGHTS, 5000)
    installed.checks.repair(KEY, installed.checks.verify(KEY, context, deep=True), context, limits=QUICK)
    installed.remove(KEY)
    assert installed.tidy() == 0
    assert library.empty_trash() > 100_000
    assert library.empty_quarantine() > 10_000
    assert not library.trash_items()


def interrupt_publish(manager: ModelManager) -> None:
    """As a power failure leaves it when the old revision has left its place and the new one has not come."""
    library = manager.libraries.main()
    outgoing = library.root / ".wan-desktop" / "outgoing" / str(KEY)
    outgoing.parent.mkdir(exist_ok=True)
    library.folder(KEY).rename(outgoing)


@pytest.mark.parametrize(
    "look",
    [
        lambda manager, _: manager.state(KEY),
        lambda manager, _: manager.tidy(),
        lambda manager, context: manager.checks.verify(KEY, context),
    ],
    ids=["state", "tidy", "verify"],
)
def test_that_a_revision_that_a_crash_left_aside_comes_back(
    installed: ModelManager, context: JobContext, look: Callable[[ModelManager, JobContext], object]
) -> None:
    interrupt_publish(installed)
    look(installed, context)
    assert (installed.libraries.main().folder(KEY) / WEIGHTS).is_file()
    assert status(installed) == ModelStatus.AVAILABLE


def test_that_a_publish_of_another_process_is_left_alone(installed: ModelManager) -> None:
    interrupt_publish(installed)
    with installed.libraries.main().hold(KEY, "downloading"):
        assert status(installed) == ModelStatus.MISSING
    assert status(installed) == ModelStatus.AVAILABLE


def test_that_the_background_check_tidies_up_once_a_day(installed: ModelManager) -> None:
    litter = folder(installed) / ".wan-desktop" / ".stamps.json.12345.part"
    scrub = Scrub(installed, lambda: True)
    litter.write_bytes(b"half")
    scrub.check_one(threading.Event())
    assert not litter.exists()
    litter.write_bytes(b"half")
    scrub.check_one(threading.Event())
    assert litter.exists()


def test_that_damage_that_comes_again_is_advised_on(installed: ModelManager, context: JobContext) -> None:
    for expected in ("", "check this drive"):
        flip(folder(installed) / WEIGHTS, 5000)
        report = installed.checks.verify(KEY, context, deep=True)
        assert expected in installed.checks.damage_advice(KEY)
        assert bool(expected) == bool(installed.checks.damage_advice(KEY))
        installed.checks.repair(KEY, report, context, limits=QUICK)


def test_that_the_background_check_reads_what_is_due(installed: ModelManager) -> None:
    found: list[ModelKey] = []
    scrub = Scrub(installed, lambda: True, lambda key, _: found.append(key), ScrubLimits(every_days=0))
    flip(folder(installed) / WEIGHTS, 5000)
    assert scrub.check_one(threading.Event())
    assert found == [KEY]


def test_that_the_background_check_rests_when_all_was_read(installed: ModelManager) -> None:
    assert not Scrub(installed, lambda: True).check_one(threading.Event())


def test_that_the_background_check_gives_way(installed: ModelManager) -> None:
    flip(folder(installed) / WEIGHTS, 5000)
    Scrub(installed, lambda: False, limits=ScrubLimits(every_days=0)).check_one(threading.Event())
    assert status(installed) == ModelStatus.UNKNOWN
