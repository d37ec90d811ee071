"""Jobs that start by themselves: when the card is free, and when their model is there."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from wan_desktop.core.model_activity import ActivityKind
from wan_desktop.core.render_queue import RenderQueue, RenderState, Trouble

if TYPE_CHECKING:
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.store.library import ModelKey
    from wan_desktop.ui.live.models import LiveModels
    from wan_desktop.ui.live.render_queue import LiveQueue
    from wan_desktop.ui.session import Session

_LOOK_AT_CARD_MS = 5000
"""So often, while a job waits for the card."""


class CardWait(QObject):
    """Lets jobs go on when other programs leave enough of the card's memory.

    Args:
        renders: The queue whose jobs wait.
        session: Whose PC is looked at.
    """

    def __init__(self, renders: LiveQueue, session: Session) -> None:
        super().__init__(renders)
        self._renders, self._pc = renders, session.pc
        self._watches = False
        session.pc.changed.connect(self._on_pc_changed)

    def watch(self) -> None:
        """The queue changed: look at the PC again and again while jobs wait for its card."""
        waits = any(job.state is RenderState.WAITING_FOR_CARD for job in self._renders.snapshot.waiting)
        if waits and not self._watches:
            self._pc.watch(self, _LOOK_AT_CARD_MS)
        elif not waits and self._watches:
            self._pc.unwatch(self)
        self._watches = waits

    @Slot(object)
    def _on_pc_changed(self, hardware: HardwareProfile) -> None:
        """Let the first job go on for which enough is free; it takes that from those behind it."""
        for job in self._renders.snapshot.waiting:
            if job.state is RenderState.WAITING_FOR_CARD and not self._renders.running:
                from wan_desktop.core.busy_card import is_free  # noqa: PLC0415 - when something waits

                if is_free(hardware, job.order.memory.gpu_uuid, job.needs_vram_bytes):
                    self._renders.do(functools.partial(_start, job_id=job.job_id))
                    return


class ModelWait(QObject):
    """Lets jobs wait for models whose download runs.

    Args:
        renders: The queue whose jobs wait.
        models: What is known of the models.
    """

    def __init__(self, renders: LiveQueue, models: LiveModels) -> None:
        super().__init__(renders)
        self._renders, self._models = renders, models
        models.changed.connect(self._on_models_changed)

    def comes(self, model_id: str, variant: str) -> bool:
        """Its download runs, and it cannot be used before that is done."""
        key = self._key(model_id, variant)
        if key is None:
            return False
        activity, offer = self._models.activity(key), self._models.offer(key)
        usable = offer is not None and offer.is_usable
        return activity is not None and activity.kind is ActivityKind.DOWNLOAD and not usable

    def match(self) -> None:
        """Let jobs wait for models that come, and let them go on when those are here or do not come."""
        for (model_id, variant), waits in {
            (job.order.loads, job.state is RenderState.WAITING_FOR_MODEL) for job in self._renders.snapshot.waiting
        }:
            comes = self.comes(model_id, variant)
            if comes and not waits:
                self._renders.do(functools.partial(_wait_for, model_id=model_id, variant=variant))
            elif waits and not comes:
                self._go_on_without(model_id, variant)

    def _go_on_without(self, model_id: str, variant: str) -> None:
        """A download that jobs wait for does not run any more."""
        key = self._key(model_id, variant)
        error = self._models.error(key) if key is not None else None
        if error is not None:
            trouble = Trouble.of(error)
            self._renders.do(lambda queue: queue.model_failed(model_id, variant, trouble))
        elif key is None or not self._models.is_paused(key):  # it is here; else the render says that it is not
            self._renders.do(lambda queue: queue.model_ready(model_id, variant))

    def _key(self, model_id: str, variant: str) -> ModelKey | None:
        keys = (offer.key for offer in self._models.offers())
        return next((key for key in keys if key.model_id == model_id and key.variant == variant), None)

    @Slot(object)
    def _on_models_changed(self, _key: object) -> None:
        self.match()


def _wait_for(queue: RenderQueue, *, model_id: str, variant: str) -> None:
    queue.wait_for_model(model_id, variant)


def _start(queue: RenderQueue, *, job_id: str) -> None:
    queue.card_free(job_id)
