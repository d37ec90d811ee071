"""One video from a draft, over the engine; what the window and the command line both call on their engine lane."""

import logging
import re
import textwrap
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wan_desktop.core.catalog import Model, plan_for
from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.generation import GenerationDraft, GenerationResult, Settled, settle
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.messages import Generate, OutputTarget, Preview, Progress, Stage
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.prompt import prompt_tokenizer
from wan_desktop.core.render_progress import ProgressTracker

logger = logging.getLogger(__name__)
_UNSAFE = re.compile(r"[^\w ,.-]+")
_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """What is made beside the video, and how it is watched."""

    png_frames: bool = False
    poster: bool = False
    live_preview: bool = True


class Renderer:
    """Makes videos one after the other and remembers how long each stage takes."""

    def __init__(self, client: EngineClient, paths: AppPaths) -> None:
        self._client = client
        self._paths = paths
        self._known_stage_s: dict[str, dict[Stage, float]] = {}

    def settle(self, draft: GenerationDraft, model: Model) -> Settled:
        """The request the model can carry out; see `generation.settle` for what it raises."""
        return settle(draft, model, count_tokens=prompt_tokenizer(model.folder.path).count)

    def render(
        self, settled: Settled, model: Model, path: Path, context: JobContext, options: RenderOptions | None = None
    ) -> GenerationResult:
        """Make the video; blocks, and reports `RenderProgress` to the context.

        Raises:
            JobCancelled: It was asked to stop.
            WanError: It could not be made; the error says why and what to do.
        """
        options = options or RenderOptions()
        request = settled.request
        known_as = f"{request.model_id} {request.variant} {request.width}x{request.height}x{request.num_frames}"
        tracker = ProgressTracker(self._known_stage_s.get(known_as, {}))
        command = Generate(
            job=context.job_id,
            request=request,
            model_folder=model.folder.path,
            plan=plan_for(model, request.variant, self._paths.resources),
            output=OutputTarget(
                path=path.absolute(),
                rescue_folder=self._paths.rescued,
                work_folder=self._paths.work,
                png_frames=options.png_frames,
                poster=options.poster,
            ),
            live_preview=options.live_preview,
        )

        def on_event(event: Progress | Preview) -> None:
            context.progress(tracker.follow(event))

        result = self._client.generate(command, on_event=on_event, cancel_asked=context.cancel_asked)
        self._known_stage_s[known_as] = tracker.stage_seconds
        logger.info(
            "Job %s made %s x %s, %s frames in %.1f s",
            context.job_id,
            request.width,
            request.height,
            request.num_frames,
            result.seconds,
        )
        return result


def video_path(folder: Path, prompt: str, now: datetime) -> Path:
    """A new name in the folder that says when and what, safe on Windows."""
    words = textwrap.shorten(_UNSAFE.sub("", prompt), _NAME_LENGTH, placeholder="").strip(" .,-")
    stem = f"{now:%Y-%m-%d %H.%M.%S} {words}".strip()
    path = folder / f"{stem}.mp4"
    return path if not path.exists() else folder / f"{stem} {uuid.uuid4().hex[:6]}.mp4"
