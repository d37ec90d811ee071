"""Words and numbers as the window shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wan_desktop.core.catalog import GenerationMode, ModelMetadata, VideoSize
    from wan_desktop.core.messages import Stage
    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.core.settings import Theme

APP = "Wan Desktop"
DOT = "  ·  "
TIMES = "\u00d7"  # the multiplication sign, between width and height
EMPTY_TITLE = "Your video appears here"
EMPTY_TEXT = "Write what should happen, then press Generate."
MODES = {"t2v": "Text to video", "i2v": "Image to video", "ti2v": "Image and text"}
THEMES = {"system": "Follow the system", "dark": "Dark", "light": "Light"}
STAGES = {
    "load_model": "Load model",
    "read_prompt": "Read prompt",
    "prepare_image": "Prepare image",
    "create_frames": "Create frames",
    "build_pictures": "Build pictures",
    "save_video": "Save video",
}
_DOING = {
    "load_model": "Loading the model",
    "read_prompt": "Reading the prompt",
    "prepare_image": "Preparing the image",
    "create_frames": "Creating frames",
    "build_pictures": "Building pictures",
    "save_video": "Saving the video",
}


def duration(seconds: float) -> str:
    """A length of time: `0.4 s`, `12 s`, `3 min 40 s`, `12 min`, `1 h 5 min`."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 600:
        whole = round(seconds) if seconds <= 120 else round(seconds / 10) * 10
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def duration_range(low_s: float, high_s: float) -> str:
    """`4 min to 5 min`; one length where both are told the same."""
    low, high = duration(low_s), duration(high_s)
    return low if low == high else f"{low} to {high}"


def time_left(seconds: float | None, *, slower: bool = False) -> str:
    """How long a render still takes."""
    if seconds is None:
        return "measuring"
    if seconds < 1:
        return "finishing soon"
    words = f"about {duration(max(1, round(seconds))).replace('.0 s', ' s')} left"
    return f"slower than expected, {words}" if slower else words


def data_size(count: int) -> str:
    """Bytes in decimal units, as disks and graphics cards are sold: `7.6 GB`."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def data_amounts(used_bytes: int, total_bytes: int) -> str:
    """`7.3 of 12.0 GB`."""
    return f"{used_bytes / 1e9:.1f} of {data_size(total_bytes)}"


def frames_and_seconds(num_frames: int, fps: int) -> str:
    """`2.1 s  ·  17 frames at 8 fps`."""
    return f"{num_frames / fps:.1f} s{DOT}{num_frames} frames at {fps} fps"


def frames_and_seconds_spoken(num_frames: int, fps: int) -> str:
    """The same for a screen reader."""
    return f"{num_frames / fps:.1f} seconds, {num_frames} frames"


def size_name(size: VideoSize) -> str:
    """`832 x 480`, with the model's own note where it has one."""
    pixels = f"{size.width} {TIMES} {size.height}"
    return f"{pixels}{DOT}{size.note}" if size.note else pixels


def mode_name(mode: GenerationMode) -> str:
    """What a video is made from."""
    return MODES[mode.value]


def theme_name(theme: Theme) -> str:
    """A theme, as the menu lists it."""
    return THEMES[theme.value]


def tokens_used(count: int, limit: int) -> str:
    """The counter below a prompt; the end token is not the user's."""
    return f"{max(0, count - 1)} of {limit - 1} tokens"


def tokens_too_many(count: int, limit: int) -> str:
    """What happens to a prompt that is too long."""
    return f"{count - 1} of {limit - 1} tokens. The model reads the beginning only; what is dimmed has no effect."


def stage_name(stage: Stage) -> str:
    """The stage in the row of stages."""
    return STAGES[stage.value]


def stage_doing(stage: Stage) -> str:
    """The stage as the headline of the progress card."""
    return _DOING[stage.value]


def step_of(progress: RenderProgress) -> str:
    """`step 14 of 30`, with the part for models of two experts; empty where there are no steps to count."""
    if progress.total <= 1:
        return ""
    word = "step" if progress.stage.value == "create_frames" else "part"
    steps = f"{word} {progress.done} of {progress.total}"
    return f"{steps}{DOT}part {progress.part} of {progress.parts}" if progress.parts > 1 and word == "step" else steps


def render_facts(progress: RenderProgress, elapsed_s: float) -> str:
    """The small line of the progress card."""
    facts = [f"Running for {duration(elapsed_s)}"]
    if progress.seconds_per_step is not None:
        facts.append(f"{per_step(progress.seconds_per_step)} per step")
    if progress.peak_memory_bytes > 0:
        facts.append(f"peak video memory {data_size(progress.peak_memory_bytes)}")
    return DOT.join(facts)


def per_step(seconds: float) -> str:
    """Seconds of one step, with the digits that matter."""
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def device_name(device: str) -> str:
    """Where the engine computes, in words."""
    kind = device.lower()
    return "Processor (CPU)" if kind == "cpu" else "Graphics card" if kind.startswith("cuda") else device


def threads(count: int) -> str:
    """Number of processor threads."""
    return "1 thread" if count == 1 else f"{count} threads"


def licence_line(metadata: ModelMetadata) -> str:
    """The licence of a model, where it is known."""
    return "" if metadata.licence in ("", "unknown") else f"Licence: {metadata.licence}"


def window_title(percent: int | None) -> str:
    """The title of the window: how far the render is, then the program."""
    return APP if percent is None else f"{percent} % - {APP}"


def error_number(number: int) -> str:
    """The number of an error as it is told to people."""
    return f"WAN-{number}"
