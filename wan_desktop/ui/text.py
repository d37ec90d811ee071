"""Words and numbers as the window shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wan_desktop.core.words import decimal, mark, tr, trn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wan_desktop.core.catalog import GenerationMode, ModelMetadata, VideoSize
    from wan_desktop.core.generation import Sampler
    from wan_desktop.core.messages import Stage
    from wan_desktop.core.render_progress import RenderProgress

APP = "Wan Desktop"
DOT = "  ·  "
NO_BREAK = "\u00a0"  # a space at which no line ends
TIMES = "\u00d7"  # the multiplication sign, between width and height
EMPTY_TITLE = mark("Your video appears here")
EMPTY_TEXT = mark("Write what should happen, then press Generate.")
MODES = {"t2v": mark("Text to video"), "i2v": mark("Image to video"), "ti2v": mark("Image and text")}
SAMPLERS = {"model": mark("Model's own"), "unipc": mark("UniPC"), "euler": mark("Euler"), "dpm++2m": mark("DPM++ 2M")}
STAGES = {
    "load_model": mark("Load model"),
    "read_prompt": mark("Read prompt"),
    "prepare_image": mark("Prepare image"),
    "create_frames": mark("Create frames"),
    "build_pictures": mark("Build pictures"),
    "save_video": mark("Save video"),
}
_DOING = {
    "load_model": mark("Loading the model"),
    "read_prompt": mark("Reading the prompt"),
    "prepare_image": mark("Preparing the image"),
    "create_frames": mark("Creating frames"),
    "build_pictures": mark("Building pictures"),
    "save_video": mark("Saving the video"),
}


def duration(seconds: float) -> str:
    """A length of time: `0.4 s`, `12 s`, `3 min 40 s`, `12 min`, `1 h 5 min`."""
    if seconds < 10:
        return f"{decimal(max(0.0, seconds), 1)} s"
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
    return low if low == high else tr("{low} to {high}", low=low, high=high)


def time_left(seconds: float | None, *, slower: bool = False) -> str:
    """How long a render still takes."""
    if seconds is None:
        return tr("measuring")
    if seconds < 1:
        return tr("finishing soon")
    words = tr("about {time} left", time=duration(max(1, round(seconds))).replace(".0 s", " s"))
    return tr("slower than expected, {words}", words=words) if slower else words


def data_size(count: int) -> str:
    """Bytes in decimal units, as disks and graphics cards are sold: `7.6 GB`."""
    if count < 1000:
        return trn("{count} byte", "{count} bytes", count)
    value = count / 1000
    for unit in ("kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{decimal(value, 1)} GB"


def dotted(parts: Iterable[str]) -> str:
    """Short facts in one line, which breaks only between them."""
    return DOT.join(part.replace(" ", NO_BREAK) for part in parts)


def data_amounts(used_bytes: int, total_bytes: int) -> str:
    """`7.3 of 12.0 GB`."""
    return tr("{used} of {total}", used=decimal(used_bytes / 1e9, 1), total=data_size(total_bytes))


def data_part(used_bytes: int, total_bytes: int) -> str:
    """The same where there is little room: `7.3 / 12.0 GB`."""
    return f"{decimal(used_bytes / 1e9, 1)} / {data_size(total_bytes)}"


def frames_and_seconds(num_frames: int, fps: int) -> str:
    """`2.1 s  ·  17 frames at 8 fps`."""
    frames = tr("{frames} frames at {fps} fps", frames=num_frames, fps=fps)
    return f"{decimal(num_frames / fps, 1)} s{DOT}{frames}"


def frames_and_seconds_spoken(num_frames: int, fps: int) -> str:
    """The same for a screen reader."""
    return tr("{seconds} seconds, {frames} frames", seconds=decimal(num_frames / fps, 1), frames=num_frames)


def size_name(size: VideoSize) -> str:
    """`832 x 480`, with the model's own note where it has one."""
    pixels = f"{size.width} {TIMES} {size.height}"
    return f"{pixels}{DOT}{tr(size.note)}" if size.note else pixels


def mode_name(mode: GenerationMode) -> str:
    """What a video is made from."""
    return tr(MODES[mode.value])


def sampler_name(sampler: Sampler) -> str:
    """By which rule noise becomes pictures."""
    return tr(SAMPLERS[sampler.value])


def tokens_used(count: int, limit: int) -> str:
    """The counter below a prompt; the end token is not the user's."""
    return tr("{count} of {limit} tokens", count=max(0, count - 1), limit=limit - 1)


def tokens_too_many(count: int, limit: int) -> str:
    """What happens to a prompt that is too long."""
    return tr(
        "{count} of {limit} tokens. The model reads the beginning only; what is dimmed has no effect.",
        count=count - 1,
        limit=limit - 1,
    )


def prompt_is_full() -> str:
    """Why no more fits into a field for a prompt."""
    from wan_desktop.core.prompt import MAX_TYPED_CHARACTERS  # noqa: PLC0415 - after the first paint

    return tr("A prompt holds up to {count} characters; models read far less.", count=f"{MAX_TYPED_CHARACTERS:,}")


def stage_name(stage: Stage) -> str:
    """The stage in the row of stages."""
    return tr(STAGES[stage.value])


def stage_doing(stage: Stage) -> str:
    """The stage as the headline of the progress card."""
    return tr(_DOING[stage.value])


def step_of(progress: RenderProgress) -> str:
    """`step 14 of 30`, with the part for models of two experts; empty where there are no steps to count."""
    if progress.total <= 1:
        return ""
    part = tr("part {done} of {total}", done=progress.part, total=progress.parts)
    if progress.stage.value != "create_frames":
        return tr("part {done} of {total}", done=progress.done, total=progress.total)
    steps = tr("step {done} of {total}", done=progress.done, total=progress.total)
    return f"{steps}{DOT}{part}" if progress.parts > 1 else steps


def render_facts(progress: RenderProgress, elapsed_s: float) -> str:
    """The small line of the progress card."""
    facts = [tr("Running for {time}", time=duration(elapsed_s))]
    if progress.seconds_per_step is not None:
        facts.append(tr("{time} per step", time=per_step(progress.seconds_per_step)))
    if progress.peak_memory_bytes > 0:
        facts.append(tr("peak video memory {size}", size=data_size(progress.peak_memory_bytes)))
    return DOT.join(facts)


def per_step(seconds: float) -> str:
    """Seconds of one step, with the digits that matter."""
    return f"{decimal(seconds, 2)} s" if seconds < 1 else f"{decimal(seconds, 1)} s"


def device_name(device: str) -> str:
    """Where the engine computes, in words."""
    kind = device.lower()
    return tr("Processor (CPU)") if kind == "cpu" else tr("Graphics card") if kind.startswith("cuda") else device


def work_words(*, paused: bool) -> str:
    """What the engine does while a video is made."""
    return tr("Paused") if paused else tr("Rendering")


def threads(count: int) -> str:
    """Number of processor threads."""
    return trn("{count} thread", "{count} threads", count)


def licence_line(metadata: ModelMetadata) -> str:
    """The licence of a model, where it is known."""
    return "" if metadata.licence in ("", "unknown") else tr("Licence: {name}", name=metadata.licence)


def window_title(percent: int | None, *, paused: bool = False) -> str:
    """The title of the window: how far the render is, then the program."""
    if percent is None:
        return APP
    return tr("{percent} % (paused) - {app}", percent=percent, app=APP) if paused else f"{percent} % - {APP}"


def error_number(number: int) -> str:
    """The number of an error as it is told to people."""
    return f"WAN-{number}"
