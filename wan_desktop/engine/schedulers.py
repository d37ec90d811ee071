"""The scheduler of a render: the model's own, or another of diffusers' for models that predict a flow."""

from typing import Any

import diffusers

from wan_desktop.core.generation import Sampler
from wan_desktop.core.model_folder import ModelFolder

_CLASSES = {
    Sampler.UNIPC: diffusers.UniPCMultistepScheduler,
    Sampler.EULER: diffusers.FlowMatchEulerDiscreteScheduler,
    Sampler.DPM_2M: diffusers.DPMSolverMultistepScheduler,
}


def make_scheduler(folder: ModelFolder, flow_shift: float | None, sampler: Sampler) -> Any:
    """A fresh scheduler.

    Another one than the model's own takes over the length of its training and its shift, nothing else: what the
    folder says of one solver means nothing to another.

    Args:
        folder: Of the model.
        flow_shift: In place of the folder's own, where it is given.
        sampler: Which one.
    """
    # The class is on the list of inspect_model_folder.
    own = getattr(diffusers, folder.scheduler)
    config = own.load_config(folder.path / "scheduler", local_files_only=True)
    if sampler is Sampler.MODEL:
        return own.from_config(config) if flow_shift is None else own.from_config(config, **_shift(own, flow_shift))
    if flow_shift is None:
        flow_shift = config.get("shift" if own is diffusers.FlowMatchEulerDiscreteScheduler else "flow_shift", 1.0)
    kind = _CLASSES[sampler]
    flow = {} if sampler is Sampler.EULER else {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
    return kind(num_train_timesteps=config.get("num_train_timesteps", 1000), **_shift(kind, flow_shift), **flow)


def _shift(kind: type, flow_shift: float) -> dict[str, float]:
    """The classes name it differently."""
    return {"shift" if kind is diffusers.FlowMatchEulerDiscreteScheduler else "flow_shift": flow_shift}
