"""The models in memory, the one used last at the end; those not used for longest go when there is no room."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import psutil

from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.model_folder import ModelFolder
from wan_desktop.engine import memory
from wan_desktop.engine.kept_latents import weights_stamp
from wan_desktop.engine.loader import LoadedModel, load_model
from wan_desktop.engine.preview import Previewer

_MOST = 3
_GROWTH = 2.2
"""Memory of a loaded model as a part of its files: 16 bits become 32 on the CPU, and rendering takes some more."""
_RESERVE_BYTES = 2_000_000_000

_Key = tuple[Path, LoadPlan, str]


class ModelShelf:
    """For one thread."""

    def __init__(self) -> None:
        self._models: OrderedDict[_Key, LoadedModel] = OrderedDict()
        self._previewers: dict[_Key, Previewer] = {}

    @property
    def folders(self) -> tuple[Path, ...]:
        """Of all models in memory."""
        return tuple(folder for folder, _, _ in self._models)

    @property
    def previewer(self) -> Previewer | None:
        """Of the model used last."""
        last = next(reversed(self._models), None)
        return None if last is None else self._previewers[last]

    def get(
        self,
        folder: ModelFolder,
        plan: LoadPlan,
        work_folder: Path | None,
        progress: Callable[[int, int], None],
        check_cancelled: Callable[[], None],
    ) -> LoadedModel:
        """The model, loaded if it is not here as the plan wants it.

        Raises:
            JobCancelled: As `check_cancelled` says; nothing of the model is left.
            WanError: It cannot be loaded; nothing of it is left.
        """
        key = (folder.path, plan, repr(weights_stamp(folder)))
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key]
        self.remove(folder.path)  # another plan, or older files
        self._make_room(folder, plan)
        model = load_model(folder, plan, progress=progress, check_cancelled=check_cancelled, work_folder=work_folder)
        self._models[key], self._previewers[key] = model, Previewer(model)
        return model

    def remove(self, folder: Path | None = None) -> None:
        """Let go of the models in that folder, or of all."""
        for key in [key for key in self._models if folder in (None, key[0])]:
            self._drop(key)

    def _make_room(self, folder: ModelFolder, plan: LoadPlan) -> None:
        """On a card there is room for one; in normal memory for as many as fit."""
        needed_bytes = _GROWTH * folder.weights_bytes + _RESERVE_BYTES
        is_on_card = memory.choose_device(plan).type == "cuda"
        while self._models:
            if not is_on_card and len(self._models) < _MOST and psutil.virtual_memory().available >= needed_bytes:
                return
            self._drop(next(iter(self._models)))

    def _drop(self, key: _Key) -> None:
        self._previewers.pop(key)
        self._models.pop(key).close()
