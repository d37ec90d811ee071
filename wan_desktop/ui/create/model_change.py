"""What becomes of the form when another model is chosen: prompt and shape stay, the rest becomes the new model's."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.generation import snap_size
from wan_desktop.core.words import tr
from wan_desktop.ui import text
from wan_desktop.ui.create.form_state import FormState, default_state, fitted, named_size

if TYPE_CHECKING:
    from wan_desktop.core.catalog import Model, VideoSize
    from wan_desktop.core.generation import GenerationDraft


def moved(state: FormState, old: Model, new: Model) -> tuple[FormState, str]:
    """The form for another model, and one note that says what changed; an empty one if nothing did."""
    default = default_state(new)
    changes: dict[str, Any] = _size(state, old, new) | {
        "num_frames": _num_frames(state, new),
        "num_inference_steps": _steps(state, old, new),
        "fps": default.fps,
        "guidance_scale": default.guidance_scale,
        "guidance_scale_2": default.guidance_scale_2,
        "flow_shift": default.flow_shift,
        "mode": state.mode if state.mode in new.modes else default.mode,
    }
    after = fitted(state.with_changes(**changes), new)
    return after, _note(state, after, new)


def _size(state: FormState, old: Model, new: Model) -> dict[str, Any]:
    """The new model's size of the same shape that is nearest in pixels; a custom one is rounded to what it can."""
    if state.custom_size:
        width, height = snap_size(state.width, state.height, new)
        return {"width": width, "height": height}
    now = named_size(old.metadata, state.width, state.height)
    sizes = new.metadata.sizes
    same_shape = [size for size in sizes if now is not None and size.shape == now.shape]
    shape = state.width / max(1, state.height)
    alike = [size for size in sizes if abs(size.width / size.height / shape - 1) < 0.1] if state.width else []
    nearest = min(same_shape or alike or sizes[:1], key=lambda size: _distance(size, state))
    return {"width": nearest.width, "height": nearest.height}


def _distance(size: VideoSize, state: FormState) -> int:
    return abs(size.width * size.height - state.width * state.height)


def _num_frames(state: FormState, new: Model) -> int:
    """The choice that is nearest in seconds."""
    data = new.metadata
    seconds = state.num_frames / max(1, state.fps)
    return min(data.num_frames_choices, key=lambda frames: abs(frames / data.fps - seconds))


def _steps(state: FormState, old: Model, new: Model) -> int:
    """The quality of the same name; the model's own number of steps where another number was chosen."""
    name = next((q.name for q in old.metadata.qualities if q.num_inference_steps == state.num_inference_steps), "")
    same = [q.num_inference_steps for q in new.metadata.qualities if q.name == name]
    return same[0] if same else new.metadata.num_inference_steps


def _note(before: FormState, after: FormState, new: Model) -> str:
    words = []
    if (before.width, before.height) != (after.width, after.height):
        words.append(f"{after.width} {text.TIMES} {after.height}")
    if (before.num_frames, before.fps) != (after.num_frames, after.fps):
        words.append(tr("{frames} frames at {fps} fps", frames=after.num_frames, fps=after.fps))
    if before.num_inference_steps != after.num_inference_steps:
        words.append(tr("{count} steps", count=after.num_inference_steps))
    if before.mode != after.mode:
        words.append(text.mode_name(after.mode))
    guidance = ("guidance_scale", "guidance_scale_2", "flow_shift")
    if any(getattr(before, name) != getattr(after, name) for name in guidance):
        words.append(tr("its own guidance"))
    if not words:
        return ""
    return tr("Now for {model}: {changes}.", model=new.metadata.name, changes=", ".join(words))


def draft_test(state: FormState, model: Model) -> FormState:
    """A quick look at the same video: about a second long, with the fewest steps that the model's qualities know."""
    data = model.metadata
    fps = state.fps or data.fps
    return state.with_changes(
        num_frames=min(data.num_frames_choices, key=lambda frames: abs(frames / fps - 1)),
        num_inference_steps=min(quality.num_inference_steps for quality in data.qualities),
        count=1,
    )


def with_settings(state: FormState, draft: GenerationDraft, model: Model) -> FormState:
    """The form with the settings of a preset; its prompt and start image stay."""
    kept = {field.name for field in dataclasses.fields(draft)} - {"prompt", "image", "last_image", "variant"}
    given = {name: getattr(draft, name) for name in kept}
    changes = {name: value for name, value in given.items() if value is not None or name in _MAY_BE_NONE}
    width, height = changes.get("width", state.width), changes.get("height", state.height)
    changes["custom_size"] = named_size(model.metadata, width, height) is None
    return fitted(state.with_changes(**changes), model)


def with_draft(state: FormState, draft: GenerationDraft, model: Model) -> FormState:
    """The form with everything a draft says, its prompt and start image too."""
    after = with_settings(state, draft, model)
    mode = GenerationMode.T2V
    if draft.image is not None:
        both = GenerationMode.TI2V in model.modes and bool(draft.prompt)
        mode = GenerationMode.TI2V if both else GenerationMode.I2V
    negative = None if draft.negative_prompt == model.metadata.negative_prompt else draft.negative_prompt
    changes = {"prompt": draft.prompt, "negative_prompt": negative, "image": draft.image, "mode": mode, "count": 1}
    return fitted(after.with_changes(**changes), model)


_MAY_BE_NONE = ("negative_prompt", "seed", "guidance_scale_2", "flow_shift")
