"""The real engine in its own process: every family to a video, and every way to disturb it."""

import contextlib
import logging
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.conftest import TinyModel
from tests.fakes.requests import make_request
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.engine_client import EngineClient, EngineReady
from wan_desktop.core.errors import (
    DiskFullError,
    EngineError,
    ImageUnreadableError,
    IntegrityError,
    JobCancelled,
    ModelFilesMissingError,
    NotAWanModelError,
    VideoNotSavedError,
)
from wan_desktop.core.generation import GenerationRequest, GenerationResult
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Generate, OutputTarget, Preview, Progress, Stage
from wan_desktop.core.recipe import read_recipe
from wan_desktop.engine.__main__ import find_compiler_libraries

FAMILIES = [
    ("t2v", False),
    ("t2v_two_experts", False),
    ("i2v_clip", True),
    ("i2v_two_experts", True),
    ("ti2v", False),
    ("ti2v", True),
]
REQUEST = make_request()


def wait_ready(client: EngineClient, limit_s: float = 60.0) -> int:
    """Wait until the engine takes work; returns its process id."""
    client.start()
    until, tick = time.monotonic() + limit_s, threading.Event()
    while not isinstance(client.state, EngineReady):
        assert time.monotonic() < until
        tick.wait(0.02)
    return client.state.ready.process_id


@pytest.fixture(scope="module")
def client() -> Iterator[EngineClient]:
    made = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    wait_ready(made)
    yield made
    made.stop()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "start.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return path


class Studio:
    """Makes videos with one client in one folder."""

    def __init__(self, client: EngineClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.events: list[Progress | Preview] = []

    def make(
        self,
        model: Path,
        request: GenerationRequest = REQUEST,
        *,
        cancel: threading.Event | None = None,
        on_event: Callable[[Progress | Preview], None] | None = None,
        **target: Any,
    ) -> GenerationResult:
        """One video."""
        places = {
            "path": self.folder / "videos" / "out.mp4",
            "rescue_folder": self.folder / "rescued",
            "work_folder": self.folder / "work",
        }
        command = Generate(
            job=f"job-{random.random()}",
            request=request,
            model_folder=model,
            plan=LoadPlan(),
            output=OutputTarget(**{**places, **target}),
        )
        self.events = []
        return self.client.generate(
            command, on_event=on_event or self.events.append, cancel_asked=cancel or threading.Event()
        )

    @property
    def stages(self) -> list[Stage]:
        """The stages in the order they came."""
        return list(dict.fromkeys(event.stage for event in self.events if isinstance(event, Progress)))


@pytest.fixture
def studio(client: EngineClient, tmp_path: Path) -> Studio:
    return Studio(client, tmp_path)


def fill(disk: Path) -> Path:
    """A file that takes all the space there is."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return filler


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize(("family", "with_image"), FAMILIES, ids=lambda value: str(value))
def test_that_every_family_makes_a_video_with_its_recipe(
    studio: Studio, tiny_model: TinyModel, picture: Path, family: str, with_image: bool
) -> None:
    request = replace(REQUEST, mode=GenerationMode.TI2V, image=picture) if with_image else REQUEST
    result = studio.make(tiny_model(family), request)
    assert decode(result.path).shape == (17, 64, 64, 3)
    recipe = read_recipe(result.path)
    assert recipe.request == request
    assert recipe.versions["torch"].startswith("2.13.0")
    assert recipe.attempts[0].outcome == "done"
    assert recipe.timings_s.keys() >= {"load_model", "read_prompt", "create_frames", "build_pictures"}
    assert (Stage.PREPARE_IMAGE in studio.stages) == with_image
    assert any(isinstance(event, Preview) for event in studio.events)
    assert list((studio.folder / "work").iterdir()) == []


def test_that_other_weights_have_another_revision(studio: Studio, tiny_model: TinyModel, own_model: TinyModel) -> None:
    folder = own_model("t2v")
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(file.read_bytes())
    data[-4:] = b"\x00\x00\x80\x3f"  # 1.0, little-endian
    file.write_bytes(data)
    revisions = [
        read_recipe(studio.make(model).path).revision for model in (tiny_model("t2v"), tiny_model("t2v"), folder)
    ]
    assert revisions[0] == revisions[1] != revisions[2]


def test_that_a_poster_that_cannot_be_written_does_not_cost_the_video(studio: Studio, tiny_model: TinyModel) -> None:
    (studio.folder / "videos" / "out.png").mkdir(parents=True)
    result = studio.make(tiny_model("t2v"), poster=True)
    assert result.poster is None
    assert result.path == studio.folder / "videos" / "out.mp4"
    assert len(decode(result.path)) == 17


def test_that_poster_and_frames_come_on_request(studio: Studio, tiny_model: TinyModel) -> None:
    result = studio.make(tiny_model("t2v"), png_frames=True, poster=True)
    assert result.poster
    assert result.poster.is_file()
    assert result.frames_folder
    assert len(list(result.frames_folder.iterdir())) == 17


def test_that_a_full_disk_costs_the_frames_and_not_the_video(
    studio: Studio, tiny_model: TinyModel, small_disk: Path
) -> None:
    (small_disk / "filler").write_bytes(bytes(512 * 1024 - 170_000))
    result = studio.make(tiny_model("t2v"), path=small_disk / "out.mp4", png_frames=True)
    assert result.path == small_disk / "out.mp4"
    assert len(decode(result.path)) == 17
    assert result.frames_folder is None
    assert "could not be written: there is no space left" in result.frames_problem
    assert sorted(file.name for file in small_disk.iterdir()) == ["filler", "out.mp4"]


def test_that_the_model_stays_loaded_and_changed_files_are_loaded_anew(studio: Studio, own_model: TinyModel) -> None:
    folder = own_model("t2v")
    first = studio.make(folder)
    second = studio.make(folder, replace(REQUEST, seed=12))
    assert second.timings_s["load_model"] < 0.5 * first.timings_s["load_model"]
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    os.utime(file, (1, 1))
    assert studio.make(folder, replace(REQUEST, seed=13)).timings_s["load_model"] > second.timings_s["load_model"]


def test_that_the_same_seed_gives_the_same_pixels_in_another_process(
    studio: Studio, tiny_model: TinyModel, tmp_path: Path
) -> None:
    first = decode(studio.make(tiny_model("t2v")).path)
    other = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    try:
        second = decode(Studio(other, tmp_path / "other").make(tiny_model("t2v")).path)
    finally:
        other.stop()
    assert np.array_equal(first, second)


def remove_config(folder: Path) -> None:
    (folder / "vae" / "config.json").unlink()


def cut(folder: Path) -> None:
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def other_kind(folder: Path) -> None:
    index = folder / "model_index.json"
    index.write_text(index.read_text(encoding="utf-8").replace("WanPipeline", "FluxPipeline"), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "error"),
    [(remove_config, ModelFilesMissingError), (cut, IntegrityError), (other_kind, NotAWanModelError)],
    ids=["missing", "cut", "other-kind"],
)
def test_that_a_damaged_model_is_said_and_the_engine_lives(
    studio: Studio, own_model: TinyModel, damage: Callable[[Path], None], error: type[Exception]
) -> None:
    folder, process = own_model("t2v"), studio.client.process_id
    damage(folder)
    with pytest.raises(error):
        studio.make(folder)
    assert studio.client.process_id == process


def test_that_a_picture_that_vanished_is_said(studio: Studio, tiny_model: TinyModel, tmp_path: Path) -> None:
    with pytest.raises(ImageUnreadableError, match="no picture"):
        studio.make(tiny_model("ti2v"), replace(REQUEST, mode=GenerationMode.I2V, image=tmp_path / "gone.png"))


@pytest.mark.parametrize("stage", [Stage.LOAD_MODEL, Stage.READ_PROMPT, Stage.CREATE_FRAMES, Stage.BUILD_PICTURES])
def test_that_cancel_in_any_stage_ends_the_job_there_and_leaves_no_video(
    studio: Studio, own_model: TinyModel, stage: Stage
) -> None:
    cancel, seen = threading.Event(), []

    def cancel_at_the_stage(event: Progress | Preview) -> None:
        if isinstance(event, Progress):
            seen.append(event.stage)
            if event.stage == stage:
                cancel.set()

    request = replace(REQUEST, num_inference_steps=60, num_frames=61)
    if stage in (Stage.BUILD_PICTURES,):
        request = replace(REQUEST, num_inference_steps=1, num_frames=201)
    process = studio.client.process_id
    with pytest.raises(JobCancelled):
        studio.make(own_model("t2v"), request, cancel=cancel, on_event=cancel_at_the_stage)
    assert seen[-1] == stage
    assert not list((studio.folder).glob("videos/*"))
    assert studio.client.process_id == process


def test_that_a_full_disk_rescues_the_video(studio: Studio, tiny_model: TinyModel, small_disk: Path) -> None:
    fill(small_disk)
    result = studio.make(tiny_model("t2v"), path=small_disk / "out.mp4")
    assert result.path == studio.folder / "rescued" / "out.mp4"
    assert len(decode(result.path)) == 17


def test_that_a_disk_full_everywhere_keeps_the_work_for_the_next_try(
    studio: Studio, tiny_model: TinyModel, small_disk: Path
) -> None:
    filler = fill(small_disk)
    with pytest.raises(DiskFullError):
        studio.make(tiny_model("t2v"), path=small_disk / "out.mp4", rescue_folder=small_disk)
    filler.unlink()
    studio.make(tiny_model("t2v"), path=small_disk / "out.mp4", rescue_folder=small_disk)
    assert Stage.CREATE_FRAMES not in studio.stages


def test_that_work_that_no_disk_can_keep_is_kept_in_memory(
    studio: Studio, tiny_model: TinyModel, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    nowhere = tmp_path / "file" / "out.mp4"
    with pytest.raises(VideoNotSavedError):
        studio.make(tiny_model("t2v"), path=nowhere, rescue_folder=nowhere, work_folder=nowhere)
    studio.make(tiny_model("t2v"), work_folder=nowhere)
    assert Stage.CREATE_FRAMES not in studio.stages
    studio.make(tiny_model("t2v"), work_folder=nowhere)
    assert Stage.CREATE_FRAMES in studio.stages


def test_that_another_request_never_gets_kept_latents(studio: Studio, tiny_model: TinyModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    nowhere = tmp_path / "file" / "out.mp4"
    with pytest.raises(Exception, match="could not be written"):
        studio.make(tiny_model("t2v"), path=nowhere, rescue_folder=nowhere)
    studio.make(tiny_model("t2v"), replace(REQUEST, seed=99))
    assert Stage.CREATE_FRAMES in studio.stages


def test_that_damaged_kept_latents_are_made_again(studio: Studio, tiny_model: TinyModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    nowhere = tmp_path / "file" / "out.mp4"
    with pytest.raises(Exception, match="could not be written"):
        studio.make(tiny_model("t2v"), path=nowhere, rescue_folder=nowhere)
    kept = next((studio.folder / "work").iterdir())
    assert "fox" not in kept.read_bytes().decode("latin-1") + kept.name
    kept.write_bytes(kept.read_bytes()[:200])
    studio.make(tiny_model("t2v"))
    assert Stage.CREATE_FRAMES in studio.stages


def test_that_rubbish_in_the_command_pipe_is_rejected_and_the_next_job_works(
    studio: Studio, tiny_model: TinyModel, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = studio.client._process.stdin
    with caplog.at_level(logging.ERROR):
        pipe.write(b"rubbish\n\xff\xfe\n{}\n" + b'{"v":1,"type":"generate"}\n' + b"x" * 5_000_000 + b"\n")
        pipe.flush()
        assert studio.make(tiny_model("t2v")).path.exists()
    assert sum("rejected" in message for message in caplog.messages) == 5


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX priorities")
def test_that_the_engine_runs_below_the_windows_priority(client: EngineClient) -> None:
    assert psutil.Process(wait_ready(client)).nice() > psutil.Process().nice()


NOISY = """
import os, sys, ctypes
import wan_desktop.engine.__main__ as engine
quiet = engine.take_pipes
def noisy():
    pipes = quiet()
    print("chatter of Python")
    os.write(1, b"chatter of the system\\n")
    ctypes.CDLL(None).puts(b"chatter of C")
    ctypes.CDLL(None).fflush(None)
    assert sys.stdin.read() == ""
    return pipes
engine.take_pipes = noisy
engine.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="libc by ctypes")
def test_that_library_chatter_never_gets_between_the_messages(tiny_model: TinyModel, tmp_path: Path) -> None:
    client = EngineClient((sys.executable, "-c", NOISY))
    try:
        assert Studio(client, tmp_path).make(tiny_model("t2v")).path.exists()
    finally:
        client.stop()


def test_that_windows_is_shown_the_libraries_of_the_compiler_that_came_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[str] = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "add_dll_directory", added.append, raising=False)
    find_compiler_libraries(tmp_path)
    assert added == []
    (tmp_path / "msvcp140.dll").write_bytes(b"MZ")
    find_compiler_libraries(tmp_path)
    assert added == [str(tmp_path)]


OFFLINE = """
import socket
def refuse(*args, **kwargs):
    raise RuntimeError(f"the engine wants the network: {args[1:]}")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *args, **kwargs: refuse(None, *args)
from wan_desktop.engine.__main__ import main
main()
"""


def test_that_the_engine_needs_no_network(tiny_model: TinyModel, picture: Path, tmp_path: Path) -> None:
    client = EngineClient((sys.executable, "-c", OFFLINE))
    try:
        request = replace(REQUEST, mode=GenerationMode.I2V, image=picture)
        assert Studio(client, tmp_path).make(tiny_model("i2v_clip"), request).path.exists()
    finally:
        client.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="kill by signal")
def test_that_kills_at_random_points_lose_nothing(tiny_model: TinyModel, tmp_path: Path) -> None:
    """Each kill fails its render with a clear error; the next render works and gives the same pixels."""
    rng = random.Random(5)
    client = EngineClient(environment={"OMP_NUM_THREADS": "1"})
    studio = Studio(client, tmp_path)
    try:
        expected = decode(studio.make(tiny_model("t2v")).path)
        for _ in range(2):
            moment, count = rng.randint(1, 12), 0

            def kill_at_the_moment(
                _: Progress | Preview, process: int = wait_ready(client), moment: int = moment
            ) -> None:
                nonlocal count
                count += 1
                if count == moment:
                    os.kill(process, signal.SIGKILL)

            shutil.rmtree(tmp_path / "videos")
            with pytest.raises(EngineError, match="exit code -9") as caught:
                studio.make(tiny_model("t2v"), on_event=kill_at_the_moment)
            assert "Try again" in caught.value.hint
            wait_ready(client)
            assert np.array_equal(decode(studio.make(tiny_model("t2v")).path), expected)
    finally:
        client.stop()
