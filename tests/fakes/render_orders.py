"""Orders and results for tests of the queue of renders."""

import contextlib
from pathlib import Path

from wan_desktop.core.generation import Attempt, GenerationDraft, GenerationResult
from wan_desktop.core.render_queue import MemorySettings, RenderEstimate, RenderOrder
from wan_desktop.core.rendering import RenderOptions
from wan_desktop.core.settings import MemoryMode

ESTIMATE = RenderEstimate(60.0, 90.0)


def order(
    prompt: str = "a fox in the snow",
    *,
    model_id: str = "model-a",
    variant: str = "",
    seed: int | None = 7,
    image: Path | None = None,
) -> RenderOrder:
    """An order of which most fields are not what they would be by themselves."""
    return RenderOrder(
        model_id=model_id,
        draft=GenerationDraft(prompt=prompt, width=832, height=480, seed=seed, variant=variant, image=image),
        options=RenderOptions(png_frames=True),
        memory=MemorySettings(memory_mode=MemoryMode.SAVE, gpu_uuid="GPU-1"),
    )


def result(path: Path) -> GenerationResult:
    """What came of it."""
    attempt = Attempt(plan="resident", outcome="done", seconds=12.5, peak_memory_bytes=5_000_000_000)
    return GenerationResult(path=path, seconds=12.5, timings_s={"denoise": 10.0}, attempts=(attempt,))


def fill(filler: Path) -> None:
    """Write until the drive is full, whatever its error is called."""
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
