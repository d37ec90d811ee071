"""What the queue needs to know of models: which one a job is for, how long it takes, what helps when it failed."""

from collections.abc import Collection
from dataclasses import dataclass

from wan_desktop.core.catalog import Model, find_model, read_catalog
from wan_desktop.core.errors import CardBusyError, EngineError, IncompatibleError, OutOfMemoryError, WanError
from wan_desktop.core.form_check import check_form, offers_after_failure, question_of, subject_of
from wan_desktop.core.generation import GenerationDraft
from wan_desktop.core.hardware import HardwareProfile
from wan_desktop.core.manager import ModelManager
from wan_desktop.core.model_jobs import place_of
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.recommendations import ChangeKind, Recommendation
from wan_desktop.core.render_queue import OfferedChange, RenderEstimate
from wan_desktop.core.settings import Settings
from wan_desktop.core.subjects import Subjects
from wan_desktop.core.trial import Place
from wan_desktop.core.words import tr

OF_MEMORY = (OutOfMemoryError, IncompatibleError, EngineError)
"""After these something smaller may work; an engine that died most often died of memory."""


@dataclass(frozen=True, slots=True)
class Help:
    """This installation, as renders are judged by it.

    Args:
        paths: Where everything lies.
        settings: As they are.
        hardware: The PC without what the engine holds; None if it was not looked at.
        manager: The store.
    """

    paths: AppPaths
    settings: Settings
    hardware: HardwareProfile | None
    manager: ModelManager | None

    def estimate(self, draft: GenerationDraft, model: Model) -> RenderEstimate | None:
        """How long it takes; None where nobody knows."""
        place = self._place()
        if place is None:
            return None
        try:
            question = question_of(draft, model, has_image=draft.image is not None)
            found = check_form(subject_of(model, self.paths.resources), question, place)
        except WanError:  # the render itself will say what is wrong
            return None
        if found.seconds_low is None or found.seconds_high is None:
            return None
        return RenderEstimate(found.seconds_low, found.seconds_high)

    def offers(
        self, error: WanError, draft: GenerationDraft, model: Model, ready: Collection[tuple[str, str]]
    ) -> tuple[OfferedChange, ...]:
        """What may help after a failure, the best first; nothing where it did not fail for lack of memory.

        Where other programs hold the card, that is to wait.

        Args:
            error: What it failed with.
            draft: What was asked for.
            model: What was to make it.
            ready: Id and variant of each model that can be used now; no other is offered.

        Raises:
            WanError: The model's files cannot be read.
        """
        if isinstance(error, CardBusyError):
            words = tr("Wait and start when free")
            return (OfferedChange(text=words, waits_for_card=True, vram_peak_bytes=error.needed_bytes),)
        place = self._place()
        if place is None or not isinstance(error, OF_MEMORY):
            return ()
        resources = self.paths.resources
        subject = subject_of(model, resources)
        if self.manager is not None:
            catalog = read_catalog(resources, self.paths.added_models)
            others = Subjects(catalog, self.manager, resources).subject(model.metadata.model_id, model.variant)
            subject = subject_of(model, resources, others.candidates[1:])
        question = question_of(draft, model, has_image=draft.image is not None)
        found = offers_after_failure(subject, question, place)
        changes = (OfferedChange.from_recommendation(each) for each in found if _is_possible(each, ready))
        return tuple(change for change in changes if change is not None)

    def _place(self) -> Place | None:
        return place_of(self.hardware, self.paths, self.settings) if self.hardware is not None else None


def _is_possible(found: Recommendation, ready: Collection[tuple[str, str]]) -> bool:
    if found.kind not in (ChangeKind.VARIANT, ChangeKind.MODEL):
        return True
    return any(model_id == found.model_id and found.variant in (None, "", variant) for model_id, variant in ready)


def model_of(name: str, variant: str, paths: AppPaths, settings: Settings, manager: ModelManager | None) -> Model:
    """The model that a job names.

    Args:
        name: Its id, or the path of a folder.
        variant: Which packaging of it; empty for a folder as it is.
        paths: Where everything lies.
        settings: Say where models are kept.
        manager: The store; opened for this if None.

    Raises:
        WanError: It is not here, or damaged; see `find_model` and `ModelManager.model`.
    """
    metadata = read_catalog(paths.resources, paths.added_models).get(name)
    if metadata is None or metadata.folder:
        return find_model(name, paths.resources, paths.added_models)
    if manager is not None:
        return manager.model(metadata, variant)
    opened = ModelManager.open(paths, settings)
    try:
        return opened.model(metadata, variant)
    finally:
        opened.close()
