"""What the queue's page says of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from wan_desktop.core import model_names
from wan_desktop.core.render_queue import RenderJob, RenderState, WhenDone
from wan_desktop.core.words import decimal, mark, tr, trn
from wan_desktop.ui import text
from wan_desktop.ui.create.estimate_texts import time_words

if TYPE_CHECKING:
    from wan_desktop.core.catalog import Catalog
    from wan_desktop.core.render_progress import RenderProgress
    from wan_desktop.core.render_queue import OfferedChange, QueueSnapshot, RenderEstimate

WHEN_DONE = {
    WhenDone.NOTHING: mark("Do nothing"),
    WhenDone.SLEEP: mark("Sleep"),
    WhenDone.SHUT_DOWN: mark("Shut down"),
}
_TITLE_LENGTH = 120


def title_of(job: RenderJob) -> str:
    """The beginning of its prompt, in one line."""
    words = " ".join(job.order.draft.prompt.split())
    if not words:
        return tr("A picture that moves")
    return words if len(words) <= _TITLE_LENGTH else words[: _TITLE_LENGTH - 1].rstrip() + "\u2026"


def model_name(job: RenderJob, catalog: Catalog | None) -> str:
    """The model's name and packaging."""
    model_id, variant = job.order.loads
    metadata = catalog.get(model_id) if catalog is not None else None
    if metadata is None:
        return model_names.model_name(model_id, variant)
    return model_names.model_name(metadata.name, variant)


def facts_of(job: RenderJob, catalog: Catalog | None) -> list[str]:
    """`Wan2.2 TI2V 5B FP8`, `832 x 480`, `5.0 s`."""
    draft = job.order.draft
    facts = [model_name(job, catalog)]
    if draft.width and draft.height:
        facts.append(f"{draft.width} {text.TIMES} {draft.height}")
    if draft.num_frames and draft.fps:
        facts.append(tr("{seconds} s", seconds=decimal(draft.num_frames / draft.fps, 1)))
    return facts


def state_words(job: RenderJob) -> str:
    """What is to be added to the facts of a job that does not run; empty for nothing."""
    match job.state:
        case RenderState.WAITING_FOR_MODEL:
            return tr("starts when the download is finished")
        case RenderState.WAITING_FOR_CARD:
            return tr("starts when {size} of video memory are free", size=text.data_size(job.needs_vram_bytes))
        case RenderState.WAITING if job.interrupted:
            return tr("was interrupted, begins anew")
        case RenderState.DONE if job.result is not None and job.result.seconds > 0:
            made = tr("made in {time}", time=text.duration(job.result.seconds))
            return text.DOT.join(part for part in (made, job.result.frames_problem) if part)
        case _:
            return ""


def estimate_words(estimate: RenderEstimate | None) -> str:
    """`about 4-5 min`; empty where nobody knows."""
    return time_words(estimate.seconds_low, estimate.seconds_high) if estimate is not None else ""


def running_words(progress: RenderProgress | None) -> str:
    """`step 14 of 30`, or the stage."""
    if progress is None:
        return tr("being prepared")
    return text.step_of(progress) or text.stage_doing(progress.stage)


def left_words(progress: RenderProgress | None) -> str:
    """`3 min 40 s left`."""
    if progress is None:
        return tr("measuring")
    return text.time_left(progress.seconds_left, slower=progress.slower_than_expected)


def trouble_words(job: RenderJob) -> str:
    """What happened."""
    return tr("Stopped: {reason}", reason=job.trouble.message) if job.trouble is not None else ""


def advice_words(job: RenderJob) -> str:
    """What is suggested for a job that failed, with its numbers."""
    told = job.trouble
    if told is None:
        return ""
    return tr("Suggested: {change}", change=change_words(told.changes[0], job)) if told.changes else told.hint


def change_words(change: OfferedChange, job: RenderJob) -> str:
    """`832 x 480, 7.9 GB of video memory, about 5 min`."""
    draft = job.order.draft
    words = []
    if change.width and change.height and (change.width, change.height) != (draft.width, draft.height):
        words.append(f"{change.width} {text.TIMES} {change.height}")
    if change.num_frames and change.num_frames != draft.num_frames:
        fps = draft.fps or 0
        seconds = tr("{seconds} s long", seconds=decimal(change.num_frames / fps, 1)) if fps else ""
        words.append(seconds or tr("{frames} frames", frames=change.num_frames))
    if not words:
        words.append(change.text.rstrip("."))
    if change.vram_peak_bytes:
        words.append(tr("{size} of video memory", size=text.data_size(change.vram_peak_bytes)))
    elif change.ram_peak_bytes:
        words.append(tr("{size} of memory", size=text.data_size(change.ram_peak_bytes)))
    if change.estimate is not None:
        words.append(estimate_words(change.estimate))
    return ", ".join(words)


def counts(now: QueueSnapshot) -> str:
    """`1 running, 2 waiting, 1 needs you`; empty where there is nothing."""
    words = []
    paused = len(now.paused_jobs)
    if paused:
        words.append(tr("{count} paused", count=paused))
    if len(now.running) > paused:
        words.append(tr("{count} running", count=len(now.running) - paused))
    if now.waiting:
        words.append(tr("{count} waiting", count=len(now.waiting)))
    if now.needs_you:
        words.append(trn("{count} needs you", "{count} need you", len(now.needs_you)))
    return ", ".join(words)


def headline(now: QueueSnapshot, at: datetime) -> str:
    """The line below the page's name: how many, and until when."""
    parts = [words for words in (counts(now), finish_words(now, at)) if words]
    return text.DOT.join(parts)


def finish_words(now: QueueSnapshot, at: datetime) -> str:
    """`all done at about 15:42`; how much is known where not everything is."""
    if now.needs_ok or now.paused:
        return tr("paused") if now.paused else tr("nothing starts before you say so")
    if now.paused_jobs:
        return ""  # nobody knows when it goes on
    finish = now.finish_time(at)
    if finish is not None:
        clock = f"{finish:%H:%M}"
        days = (finish.date() - at.date()).days
        if days == 0:
            return tr("all done at about {time}", time=clock)
        if days == 1:
            return tr("all done tomorrow at about {time}", time=clock)
        return tr("all done in {count} days, at about {time}", count=days, time=clock)
    left = now.time_left(at)
    if left.jobs > left.unknown:
        known = tr("{time} left", time=time_words(left.low_s, left.high_s))
        unknown = trn("{count} of unknown length", "{count} of unknown length", left.unknown)
        return f"{known}, {unknown}"
    return ""


def group_words(loads_saved: int) -> str:
    """For the button that groups by model."""
    return trn("Group by model (saves {count} load)", "Group by model (saves {count} loads)", loads_saved)


def ended_words(job: RenderJob, at: datetime) -> str:
    """When it ended, in the user's time: `15:42`, with the date where it was not today."""
    if not job.ended_at:
        return ""
    ended = datetime.fromisoformat(job.ended_at).astimezone(at.tzinfo)
    return f"{ended:%H:%M}" if ended.date() == at.date() else f"{ended:%Y-%m-%d %H:%M}"
