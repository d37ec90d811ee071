"""The page Queue."""

from tools.pictures.acts import FORM_MODEL, Act, Scene, View
from tools.pictures.props import PROMPTS, Props
from wan_desktop.core.errors import OutOfMemoryError
from wan_desktop.core.generation import Attempt, GenerationDraft, GenerationResult
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.render_queue import (
    MemorySettings,
    OfferedChange,
    RenderEstimate,
    RenderOrder,
    RenderQueue,
    Trouble,
)
from wan_desktop.core.rendering import RenderOptions
from wan_desktop.core.settings import MemoryMode
from wan_desktop.ui.page import PageId

_ESTIMATE = RenderEstimate(420.0, 520.0)
_SMALLER = OfferedChange(
    text="Make it 832 x 480",
    width=832,
    height=480,
    estimate=RenderEstimate(160.0, 200.0),
    vram_peak_bytes=7_900_000_000,
)


def _order(prompt: str) -> RenderOrder:
    draft = GenerationDraft(
        prompt=prompt, width=1280, height=704, num_frames=121, fps=24, num_inference_steps=30, seed=4
    )
    return RenderOrder(
        model_id=FORM_MODEL,
        draft=draft,
        options=RenderOptions(),
        memory=MemorySettings(memory_mode=MemoryMode.AUTOMATIC),
    )


def _fill(paths: AppPaths, props: Props) -> None:
    videos = props.put_videos(paths.videos, 3)
    with RenderQueue(paths.render_queue_file) as queue:
        for prompt in PROMPTS[:7]:
            queue.add(_order(prompt), estimate=_ESTIMATE)
        for video in videos[:2]:
            job = queue.next_job()
            assert job is not None
            attempts = (Attempt("resident", "done", 424.4, peak_memory_bytes=9_400_000_000),)
            result = GenerationResult(path=video, seconds=424.4, timings_s={"create_frames": 354.0}, attempts=attempts)
            queue.finish(job.job_id, result)
        job = queue.next_job()
        assert job is not None
        error = OutOfMemoryError(
            "The video needs 12.4 GB of video memory; 10.9 GB are free.",
            hint="Make the video smaller or shorter.",
            details="torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.40 GiB.",
        )
        queue.fail(job.job_id, Trouble.of(error, (_SMALLER,)))


def _interrupt(paths: AppPaths, props: Props) -> None:
    """As after a crash: one was being made."""
    _fill(paths, props)
    with RenderQueue(paths.render_queue_file) as queue:
        queue.next_job()


def _empty(view: View) -> None:
    view.open(PageId.QUEUE)
    view.rest(150)


def _left_over(view: View) -> None:
    view.until(lambda: view.window.queue is not None and view.window.queue.notice is not None)
    view.rest(200)


def _look_first(view: View) -> None:
    page = view.open(PageId.QUEUE)
    view.until(lambda: bool(page.waiting.rows))
    view.rest(300)


def _running(view: View) -> None:
    view.cue("create_frames 14")
    page = view.open(PageId.QUEUE)
    view.session.renders.do(lambda queue: queue.continue_())
    view.until(lambda: bool(page.running.rows) and not page.running.rows[0].picture.image.isNull())
    view.rest(500)


def _on_create(view: View) -> None:
    view.open(PageId.CREATE)
    view.rest(200)


ACTS = (
    Act("queue empty", "rtx-4070-12gb-32gb", (Scene("queue_empty", _empty),)),
    Act(
        "queue",
        "rtx-4070-12gb-32gb",
        (
            Scene("queue_left_over", _left_over),
            Scene("queue_look_first", _look_first),
            Scene("queue_running", _running),
            Scene("queue_running_on_create", _on_create),
        ),
        prepare=_interrupt,
    ),
)
