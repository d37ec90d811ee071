"""One video from a draft, over the engine; what the window and the command line both call on their engine lane."""

import logging
import re
import textwrap
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from wan_desktop.core.catalog import Model
from wan_desktop.core.drive_space import check_room_for_video, free_bytes_at
from wan_desktop.core.engine_client import EngineClient, EngineReady, RenderEvent
from wan_desktop.core.errors import CardBusyError, OutOfMemoryError
from wan_desktop.core.fallback import Descent, LadderError, Outcome, with_attempts
from wan_desktop.core.generation import (
    Attempt,
    GenerationDraft,
    GenerationRequest,
    GenerationResult,
    Settled,
    settle,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Candidate, Rung, Substitute
from wan_desktop.core.messages import Generate, OutputTarget, Stage, Unload
from wan_desktop.core.model_names import variant_name
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.prompt import prompt_tokenizer
from wan_desktop.core.render_planner import RenderPlanner
from wan_desktop.core.render_progress import ProgressTracker, RenderProgress
from wan_desktop.core.settings import DEFAULT_NAME_PATTERN, VideoQuality
from wan_desktop.core.subjects import Subjects
from wan_desktop.core.words import tr, trn

logger = logging.getLogger(__name__)

_UNSAFE = re.compile(r"[^\w ,.-]+")
_NAME_LENGTH = 40
_BUSY_WAIT_S, _LOOK_S = 30.0, 2.0
"""So long other programs are waited for before the user is asked, and between two looks."""
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{name}{number}" for name in ("COM", "LPT") for number in range(10))}
"""Names that Windows keeps for devices, whatever their ending (Microsoft, "Naming Files, Paths, and Namespaces")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """What is made beside the video, and how it is watched."""

    png_frames: bool = False
    video_quality: VideoQuality = VideoQuality.HIGH
    poster: bool = False
    live_preview: bool = True
    recipe_inside: bool = True
    """As `OutputTarget.recipe_inside`."""


class Renderer:
    """Makes videos one after the other and remembers how long each stage takes.

    Args:
        client: The engine.
        paths: Where everything lies.
        planner: Knows in which ways a video can be made here.
        free_bytes: Says how much is free on the drive of a folder; None where nobody can say.
    """

    def __init__(
        self,
        client: EngineClient,
        paths: AppPaths,
        planner: RenderPlanner | None = None,
        *,
        free_bytes: Callable[[Path], int | None] = free_bytes_at,
    ) -> None:
        self._client = client
        self._paths = paths
        self.planner = planner or RenderPlanner(paths)
        self.find_subjects: Callable[[], Subjects | None] = lambda: None
        """Who knows the store sets it: what may take a model's place, where the settings allow it, is found there."""
        self.free_bytes = free_bytes
        self.busy_wait_s = _BUSY_WAIT_S
        """So long it is waited for a card that other programs hold."""
        self.busy_look_s = _LOOK_S
        """Between two looks meanwhile."""
        self.hold_model: Callable[[Path], AbstractContextManager[None]] = lambda _: nullcontext()
        """Claims the model in a folder while a video is made with it; who knows the store sets it."""
        self._known_stage_s: dict[str, dict[Stage, float]] = {}

    def settle(self, draft: GenerationDraft, model: Model) -> Settled:
        """The request the model can carry out; see `generation.settle` for what it raises."""
        return settle(draft, model, count_tokens=prompt_tokenizer(model.folder.path).count)

    def render(
        self, settled: Settled, model: Model, path: Path, context: JobContext, options: RenderOptions | None = None
    ) -> GenerationResult:
        """Make the video, on the first way of the ladder that works; blocks, and reports `RenderProgress`.

        Raises:
            JobCancelled: It was asked to stop.
            WanError: It could not be made; the error says why and what to do. DiskFullError: it was not begun.
        """
        check_room_for_video(path.absolute().parent, self.free_bytes)
        request = settled.request
        engine = self._client.state
        if isinstance(engine, EngineReady):
            self.planner.engine_sees(engine.ready.cards)
        subjects = self.find_subjects()
        others = subjects.substitutes(model, request.variant, other_models=True) if subjects else ()
        rungs = self._rungs(model, request, others, context)
        known_as = f"{request.model_id} {request.variant} {request.width}x{request.height}x{request.num_frames}"
        tried: list[Attempt] = []

        def attempt(rung: Rung) -> GenerationResult:
            own = _for_rung(request, model, rung, subjects)
            tracker = ProgressTracker(self._known_stage_s.get(known_as, {}), notice=_notice(tried, rung, request, own))
            command = Generate(
                job=context.job_id,
                request=own,
                model_folder=Path(rung.folder),
                plan=rung.plan,
                output=self._output(path, options or RenderOptions()),
                live_preview=options is None or options.live_preview,
                earlier_attempts=tuple(tried),
                can_step_down=rung is not rungs[-1],
            )

            def on_event(event: RenderEvent) -> None:
                context.progress(tracker.follow(event))

            with self.hold_model(command.model_folder):
                result = self._client.generate(
                    command, on_event=on_event, cancel_asked=context.cancel_asked, pause_asked=context.pause_asked
                )
            self._known_stage_s[known_as] = tracker.stage_seconds
            return result

        try:
            result, loading = Descent(rungs, attempt, context, announce=tried.append).run()
        except LadderError as error:
            if isinstance(error.error, OutOfMemoryError):
                self._say_if_busy(error, lambda: self.planner.rungs(model, request, others))
            raise with_attempts(error) from error
        if loading.used is not None:
            self.planner.learn(loading.used, request, result)
        logger.info("Job %s made %s x %s in %.1f s", context.job_id, request.width, request.height, result.seconds)
        return result

    def _rungs(
        self, model: Model, request: GenerationRequest, others: Sequence[Candidate], context: JobContext
    ) -> tuple[Rung, ...]:
        """The ways to make it; while other programs hold the card, wait a little and look again.

        Raises:
            CardBusyError: They still hold it.
        """
        end_s = monotonic() + self.busy_wait_s
        has_unloaded = False
        while True:
            self.planner.engine_process = self._client.process_id
            try:
                return self.planner.rungs(model, request, others)
            except CardBusyError as error:
                if has_unloaded and monotonic() >= end_s:
                    raise
                logger.info("The card is busy: %s", error.message)
                context.progress(RenderProgress(stage=Stage.LOAD_MODEL, notice=error.message))
            if has_unloaded:
                context.cancel_asked.wait(min(self.busy_look_s, max(0.0, end_s - monotonic())))
                context.check_cancelled()
            else:
                has_unloaded = True
                self._client.unload(Unload(job=context.job_id))

    def _say_if_busy(self, error: LadderError, plan: Callable[[], object]) -> None:
        """Say that the card is busy instead, where that is why the memory was too little.

        Raises:
            CardBusyError: It is.
        """
        try:
            plan()
        except CardBusyError as busy:
            raise busy from error

    def _output(self, path: Path, options: RenderOptions) -> OutputTarget:
        return OutputTarget(
            path=path.absolute(),
            rescue_folder=self._paths.rescued,
            work_folder=self._paths.work,
            png_frames=options.png_frames,
            video_quality=options.video_quality,
            poster=options.poster,
            recipe_inside=options.recipe_inside,
        )


def _for_rung(request: GenerationRequest, model: Model, rung: Rung, subjects: Subjects | None) -> GenerationRequest:
    """The request, for the weights that this rung has.

    With another model, words, sampler, size and length are kept, the last two as far as it can; its steps and guidance
    are its own, since those of the first would spoil its pictures.

    Raises:
        WanError: The other model is not there any more, or cannot make it.
    """
    if rung.substitute is Substitute.VARIANT:
        return replace(request, variant=rung.variant)
    if rung.substitute is Substitute.NONE or subjects is None:
        return request
    other = subjects.model(rung.model_id, rung.variant)
    is_usual = request.negative_prompt == model.metadata.negative_prompt
    draft = GenerationDraft(
        prompt=request.prompt,
        negative_prompt=None if is_usual else request.negative_prompt,
        image=request.image,
        last_image=request.last_image,
        width=request.width,
        height=request.height,
        num_frames=request.num_frames,
        sampler=request.sampler,
        seed=request.seed,
        variant="" if other.variant else rung.variant,
    )
    return settle(draft, other, count_tokens=prompt_tokenizer(other.folder.path).count).request


def _notice(tried: Sequence[Attempt], rung: Rung, asked: GenerationRequest, made: GenerationRequest) -> str:
    if not tried:
        return ""
    if rung.substitute is Substitute.VARIANT:
        return tr("With its smaller weights, {variant}, since memory is short.", variant=variant_name(rung.variant))
    if rung.substitute is Substitute.MODEL:
        words = tr("With another model, {name}, since memory is short.", name=rung.model_id)
        changes = ", ".join(_changes(asked, made))
        return words + (" " + tr("Other than asked for: {changes}.", changes=changes) if changes else "")
    memory = tried[-1].outcome == Outcome.OUT_OF_MEMORY
    return tr("Saving memory, this will be slower.") if memory else tr("Trying it another way.")


def _changes(asked: GenerationRequest, made: GenerationRequest) -> Iterator[str]:
    """What another model makes otherwise than it was asked for."""
    if (made.width, made.height) != (asked.width, asked.height):
        yield f"{made.width} x {made.height}"
    if (made.num_frames, made.fps) != (asked.num_frames, asked.fps):
        yield tr("{frames} frames at {fps} fps", frames=made.num_frames, fps=made.fps)
    if made.num_inference_steps != asked.num_inference_steps:
        yield trn("{count} step", "{count} steps", made.num_inference_steps)
    guidance = ("guidance_scale", "guidance_scale_2", "flow_shift")
    if any(getattr(made, name) != getattr(asked, name) for name in guidance):
        yield tr("its own guidance")


def video_path(folder: Path, prompt: str, now: datetime, pattern: str = DEFAULT_NAME_PATTERN) -> Path:
    """A new name in the folder, safe on Windows.

    Args:
        folder: Where the video goes.
        prompt: Its first words stand for `{prompt}`.
        now: When it was asked for.
        pattern: As `Settings.name_pattern`.
    """
    words = textwrap.shorten(_UNSAFE.sub("", prompt), _NAME_LENGTH, placeholder="").strip(" .,-")
    parts = {"date": f"{now:%Y-%m-%d}", "time": f"{now:%H.%M.%S}", "prompt": words}
    stem = pattern.format(**parts).strip(" .") or f"{parts['date']} {parts['time']}"
    if stem.split(".")[0].strip().upper() in _DEVICES:
        stem = f"video {stem}"
    path = folder / f"{stem}.mp4"
    return path if not path.exists() else folder / f"{stem} {uuid.uuid4().hex[:6]}.mp4"
