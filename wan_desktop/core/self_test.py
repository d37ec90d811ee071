"""A short video from the built-in model, made as any other: engine, model, encoder and folders work together."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.catalog import BUILTIN_MODEL_ID, find_model
from wan_desktop.core.errors import BrokenPictureError, CatalogError, VideoUnreadableError
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.rendering import Renderer, RenderOptions
from wan_desktop.core.thumbnails import first_frame
from wan_desktop.core.words import decimal, tr

logger = logging.getLogger(__name__)
_SECONDS = 2
_STEPS = 8
_SEED = 1


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """The video that was made, and how long it took."""

    width: int
    height: int
    num_frames: int
    seconds: float

    @property
    def words(self) -> str:
        """In one sentence."""
        return tr(
            "A video of {width} x {height} with {frames} frames was made and saved in {seconds} s.",
            width=self.width,
            height=self.height,
            frames=self.num_frames,
            seconds=decimal(self.seconds, 1),
        )


def run_self_test(renderer: Renderer, paths: AppPaths, context: JobContext) -> SelfTestResult:
    """Make the built-in model's first sample, some two seconds long, look at the file, and delete it.

    Reports what `Renderer.render` reports.

    Raises:
        JobCancelled: It was asked to stop.
        WanError: Something of it does not work; the error says what.
    """
    model = find_model(BUILTIN_MODEL_ID, paths.resources)
    metadata = model.metadata
    if not metadata.sample_prompts:
        raise CatalogError(tr("The built-in model has no sample."), hint=tr("Repair the installation."))
    size = metadata.sizes[0]
    num_frames = min(metadata.num_frames_choices, key=lambda count: abs(count - _SECONDS * metadata.fps))
    draft = GenerationDraft(
        prompt=metadata.sample_prompts[0],
        width=size.width,
        height=size.height,
        num_frames=num_frames,
        num_inference_steps=_STEPS,
        seed=_SEED,
    )
    settled = renderer.settle(draft, model)
    # Within the program's folder, so that its rights and its space are tried too.
    paths.ensure()
    with tempfile.TemporaryDirectory(dir=paths.work, prefix="self-test-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "self-test.mp4"
        result = renderer.render(settled, model, path, context, RenderOptions(live_preview=False))
        _check(result.path)
        if result.path != path:
            result.path.unlink(missing_ok=True)
    request = settled.request
    logger.info("The self test made %s frames in %.1f s", request.num_frames, result.seconds)
    return SelfTestResult(request.width, request.height, request.num_frames, result.seconds)


def _check(path: Path) -> None:
    """The file is a video, and its first picture shows something.

    Raises:
        VideoUnreadableError: It is not.
        BrokenPictureError: All pixels are the same.
    """
    try:
        picture = first_frame(path)
    except (OSError, ValueError) as error:
        raise VideoUnreadableError(
            tr("The video of the self test cannot be read: {error}.", error=error),
            hint=tr("Allow the program's folder in the virus scanner, or repair the installation."),
        ) from error
    if picture.getcolors(1) is not None:  # None: there are more than one
        raise BrokenPictureError(tr("The video of the self test shows nothing."), hint=tr("Install the newest driver."))
