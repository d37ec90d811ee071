"""The client against real processes that behave well, badly, and not at all."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.fakes.requests import make_request
from wan_desktop.core import engine_client
from wan_desktop.core.engine_client import (
    EngineAbsent,
    EngineClient,
    EngineProgram,
    EngineReady,
    EngineStarting,
    EngineStopped,
)
from wan_desktop.core.errors import EngineError, EngineRuntimeError, JobCancelled, OutOfMemoryError
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Generate, OutputTarget, Paused, Preview, Progress, Resumed

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "fakes" / "fake_engine.py"


class Session:
    """A client and what it said."""

    def __init__(self, scenario: str, folder: Path) -> None:
        self.changes = 0
        self.events: list[Progress | Preview] = []
        self.folder = folder
        self.client = EngineClient(
            (sys.executable, str(FAKE), scenario), environment={"PYTHONPATH": str(ROOT)}, on_change=self._changed
        )

    def _changed(self) -> None:
        self.changes += 1

    def generate(
        self,
        cancel: threading.Event | None = None,
        on_event: Callable[..., None] | None = None,
        pause: threading.Event | None = None,
    ) -> GenerationResult:
        """One job."""
        target = OutputTarget(path=self.folder / "out.mp4", rescue_folder=self.folder, work_folder=self.folder)
        command = Generate(job="job", request=make_request(), model_folder=self.folder, plan=LoadPlan(), output=target)
        return self.client.generate(
            command,
            on_event=on_event or self.events.append,
            cancel_asked=cancel or threading.Event(),
            pause_asked=pause,
        )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Session]]:
    sessions: list[Session] = []

    def make(scenario: str) -> Session:
        sessions.append(Session(scenario, tmp_path))
        return sessions[-1]

    yield make
    for session in sessions:
        session.client.stop()


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait for something that another thread does."""
    until, tick = time.monotonic() + limit_s, threading.Event()
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        tick.wait(0.01)


def test_that_a_job_gives_progress_previews_and_a_result(start: Callable[[str], Session]) -> None:
    session = start("ok")
    result = session.generate()
    assert result.path.stat().st_size > 0
    assert any(isinstance(event, Preview) for event in session.events)
    done = [e.done for e in session.events if isinstance(e, Progress) and e.stage == "create_frames"]
    assert done == sorted(done)


def test_that_the_state_goes_from_starting_to_ready_to_stopped(start: Callable[[str], Session]) -> None:
    session = start("ok")
    assert isinstance(session.client.state, EngineStopped)
    session.client.start()
    assert isinstance(session.client.state, EngineStarting)
    wait_until(lambda: isinstance(session.client.state, EngineReady))
    session.client.stop()
    wait_until(lambda: isinstance(session.client.state, EngineStopped))
    assert session.changes >= 3


def test_that_cancel_stops_the_job_and_keeps_the_process(start: Callable[[str], Session]) -> None:
    session, cancel = start("slow"), threading.Event()
    session.client.start()
    process = session.client.process_id
    threading.Timer(0.5, cancel.set).start()
    with pytest.raises(JobCancelled):
        session.generate(cancel)
    assert session.client.process_id == process


def test_that_an_observer_that_raises_cancelled_stops_the_job(start: Callable[[str], Session]) -> None:
    def refuse(_: object) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        start("slow").generate(on_event=refuse)


def test_that_a_deaf_engine_is_ended(start: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "CANCEL_LIMIT_S", 0.3)
    session, cancel = start("deaf"), threading.Event()
    session.client.start()
    process = session.client.process_id
    cancel.set()
    with pytest.raises(JobCancelled):
        session.generate(cancel)
    wait_until(lambda: session.client.process_id != process)


@pytest.mark.parametrize(
    ("scenario", "words", "details"),
    [("dies", "exit code 9", "told to die"), ("rubbish", "no message", ""), ("huge", "no message", "")],
)
def test_that_a_broken_engine_fails_the_job_and_is_replaced(
    start: Callable[[str], Session], scenario: str, words: str, details: str
) -> None:
    session = start(scenario)
    session.client.start()
    first = session.client.process_id
    with pytest.raises(EngineError, match=words) as caught:
        session.generate()
    assert details in caught.value.details
    assert "Try again" in caught.value.hint
    wait_until(lambda: isinstance(session.client.state, EngineReady) and session.client.process_id != first)


def test_that_an_error_of_the_engine_keeps_its_kind_and_texts(start: Callable[[str], Session]) -> None:
    with pytest.raises(OutOfMemoryError, match=r"10\.6 GB") as caught:
        start("oom").generate()
    assert caught.value.hint == "Make it smaller or shorter."
    assert caught.value.number == 3001


def test_that_an_engine_that_cannot_start_says_why(start: Callable[[str], Session]) -> None:
    session = start("crash-start")
    with pytest.raises(EngineError) as caught:
        session.generate()
    assert "no libraries" in caught.value.details or "not running" in caught.value.message
    wait_until(lambda: isinstance(session.client.state, EngineStopped))


def test_that_an_engine_that_never_gets_ready_is_given_up(
    start: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_client, "START_LIMIT_S", 0.5)
    session = start("silent-start")
    session.client.start()
    wait_until(lambda: isinstance(session.client.state, EngineStopped))


def test_that_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EngineError, match="could not be started"):
        EngineClient(("/no/such/program",)).start()


@pytest.mark.skipif(sys.platform == "win32", reason="kill by signal")
def test_that_a_killed_engine_is_replaced_and_the_next_job_works(start: Callable[[str], Session]) -> None:
    session = start("ok")
    session.client.start()
    wait_until(lambda: isinstance(session.client.state, EngineReady))
    first = session.client.process_id
    assert first
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: isinstance(session.client.state, EngineReady) and session.client.process_id != first)
    assert session.generate().path.exists()


def test_that_a_crash_loop_rests(start: Callable[[str], Session]) -> None:
    session = start("dies")
    for _ in range(3):
        with pytest.raises(EngineError):
            session.generate()
    wait_until(lambda: isinstance(session.client.state, EngineStopped))
    assert session.client.process_id is None


def test_that_no_token_reaches_the_engine(start: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    session = start("slow")
    session.client.start()
    wait_until(lambda: isinstance(session.client.state, EngineReady))
    environment = psutil.Process(session.client.process_id).environ()
    assert "HF_TOKEN" not in environment
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_that_the_engine_ends_when_its_pipe_closes(tmp_path: Path) -> None:
    """As when the window is killed: nobody can ask the engine to quit."""
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from wan_desktop.core.engine_client import EngineClient
client = EngineClient((sys.executable, {str(FAKE)!r}, "slow"), environment={{"PYTHONPATH": {str(ROOT)!r}}})
client.start()
print(client.process_id, flush=True)
import os, signal
os.kill(os.getpid(), signal.SIGTERM)
"""
    import subprocess  # noqa: PLC0415

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    engine = int(run.stdout)
    wait_until(lambda: not psutil.pid_exists(engine) or psutil.Process(engine).status() == psutil.STATUS_ZOMBIE)


def test_that_a_render_waits_while_it_is_paused_and_goes_on_afterwards(start: Callable[[str], Session]) -> None:
    session, pause = start("ok"), threading.Event()

    def on_event(event: object) -> None:
        session.events.append(event)
        if isinstance(event, Progress) and event.done == 5 and event.total > 5:
            pause.set()
        if isinstance(event, Paused):
            pause.clear()

    assert session.generate(on_event=on_event, pause=pause).path.exists()
    kinds = [type(event) for event in session.events if isinstance(event, Paused | Resumed)]
    assert kinds == [Paused, Resumed]
    steps = [event.step for event in session.events if isinstance(event, Paused | Resumed)]
    assert steps[0] == steps[1] >= 5


def test_that_a_paused_render_can_be_stopped(start: Callable[[str], Session]) -> None:
    session, pause, cancel = start("slow"), threading.Event(), threading.Event()
    pause.set()

    def on_event(event: object) -> None:
        session.events.append(event)
        if isinstance(event, Paused):
            cancel.set()

    with pytest.raises(JobCancelled):
        session.generate(cancel, on_event, pause)
    assert any(isinstance(event, Paused) for event in session.events)
    assert isinstance(session.client.state, EngineReady), "it ended by itself and needed no kill"


def test_that_an_engine_that_dies_while_a_render_is_paused_is_told(start: Callable[[str], Session]) -> None:
    session, pause = start("slow"), threading.Event()
    pause.set()

    def on_event(event: object) -> None:
        if isinstance(event, Paused):
            session.client.kill()

    with pytest.raises(EngineError):
        session.generate(None, on_event, pause)


def test_that_a_renewed_engine_is_another_process_that_is_started_as_is_said_now() -> None:
    programs = [EngineProgram((sys.executable, str(FAKE), name), {"PYTHONPATH": str(ROOT)}) for name in ("ok", "slow")]
    states: list[object] = []
    client = EngineClient(find_program=lambda: programs[0], on_change=lambda: states.append(client.state))
    try:
        client.start()
        wait_until(lambda: isinstance(client.state, EngineReady))
        first = client.process_id
        del programs[0]
        client.renew()
        wait_until(lambda: isinstance(client.state, EngineReady) and client.process_id != first)
        assert psutil.Process(client.process_id).cmdline()[-1] == "slow"
        assert not any(isinstance(state, EngineStopped) and state.reason for state in states)
    finally:
        client.stop()


def test_that_renewing_again_and_again_is_no_crash_that_needs_a_rest() -> None:
    client = EngineClient((sys.executable, str(FAKE), "ok"), environment={"PYTHONPATH": str(ROOT)})
    try:
        client.start()
        for _ in range(4):
            wait_until(lambda: isinstance(client.state, EngineReady))
            client.renew()
        wait_until(lambda: isinstance(client.state, EngineReady))
    finally:
        client.stop()


def test_that_an_engine_that_is_found_later_is_started_then() -> None:
    found: list[EngineProgram] = []

    def find() -> EngineProgram:
        if not found:
            raise EngineRuntimeError("There is none.", hint="Install it.")
        return found[0]

    client = EngineClient(find_program=find)
    try:
        with pytest.raises(EngineRuntimeError):
            client.start()
        assert isinstance(client.state, EngineAbsent)
        found.append(EngineProgram((sys.executable, str(FAKE), "ok"), {"PYTHONPATH": str(ROOT)}))
        client.renew()
        wait_until(lambda: isinstance(client.state, EngineReady))
    finally:
        client.stop()
