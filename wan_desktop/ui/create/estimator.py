"""Checks what stands in the form against this PC, on the files lane, a moment after each change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import psutil
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from wan_desktop.core.engine_client import EngineReady
from wan_desktop.core.jobs import JobState, Lane
from wan_desktop.core.machine import as_torch_sees_it, card_of
from wan_desktop.core.render_wishes import RenderWishes

if TYPE_CHECKING:
    from wan_desktop.core.catalog import Model
    from wan_desktop.core.form_check import FormVerdict
    from wan_desktop.core.generation import GenerationDraft
    from wan_desktop.core.hardware import HardwareProfile
    from wan_desktop.core.jobs import JobContext, JobSnapshot
    from wan_desktop.core.ladder import Candidate
    from wan_desktop.core.messages import TorchCard
    from wan_desktop.core.paths import AppPaths
    from wan_desktop.core.recommendations import Recommendation
    from wan_desktop.core.settings import Settings
    from wan_desktop.core.subjects import Subjects
    from wan_desktop.core.trial import Place, Subject
    from wan_desktop.ui.session import Session

QUIET_MS = 150
"""After a change; dragging a slider checks once, at its end."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is checked."""

    draft: GenerationDraft
    model: Model
    has_image: bool
    wishes: RenderWishes = field(default_factory=RenderWishes)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a check needs beside what is asked, as it is when the check is submitted."""

    hardware: HardwareProfile
    paths: AppPaths
    settings: Settings
    subjects: Subjects | None
    """Finds what might take the model's place; None until the list of models was read."""
    engine_process: int | None
    engine_cards: tuple[TorchCard, ...] | None

    def place(self) -> Place:
        """This PC, as it is without what the engine holds."""
        from wan_desktop.core.form_check import without_own_engine  # noqa: PLC0415 - after the first paint
        from wan_desktop.core.model_jobs import place_of  # noqa: PLC0415 - imports the store, on the lane

        hardware = without_own_engine(self.hardware, _memory_of(self.engine_process))
        if self.engine_cards is not None:
            card = card_of(hardware, self.settings.gpu_uuid)
            if card.computes and not as_torch_sees_it(card, self.engine_cards).computes:
                hardware = replace(hardware, gpus=())  # renders will be made on the processor
        return place_of(hardware, self.paths, self.settings)

    def subject(self, asked: Asked, *, with_others: bool) -> Subject:
        """The model, alone or with what might take its place.

        Raises:
            WanError: Its files cannot be read.
        """
        from wan_desktop.core.form_check import subject_of  # noqa: PLC0415 - after the first paint

        others: tuple[Candidate, ...] = ()
        model_id = asked.model.metadata.model_id
        if with_others and self.subjects is not None:
            others = self.subjects.subject(model_id, asked.model.variant).candidates[1:]
        return subject_of(asked.model, self.paths.resources, others)


class Estimator(QObject):
    """Checks the latest form once changing pauses; those in between are skipped."""

    checked = Signal(object)
    """A FormVerdict, or None where nothing can be said."""
    offers_found = Signal(object)
    """Recommendations for what has just failed."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._asked: Asked | None = None
        self._failed: Asked | None = None
        self._busy = self._again = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(QUIET_MS)
        self._timer.timeout.connect(self._on_quiet)
        session.pc.changed.connect(self._on_changed)
        session.settings_changed.connect(self._on_changed)

    def ask(self, asked: Asked) -> None:
        """Check this one next."""
        self._asked = asked
        self._timer.start()

    def ask_after_failure(self, failed: Asked) -> None:
        """Look for what could be offered instead of what has just failed for lack of memory."""
        if self._session.pc.profile is None:
            self._failed = failed
            self._session.pc.look()
            return
        surroundings = self._surroundings(self._session.pc.profile, failed.wishes)
        work = _FindOffers(failed, surroundings)
        self._session.submit("Look for what would fit", Lane.FILES, work, self._on_offers)

    def _surroundings(self, hardware: HardwareProfile, wishes: RenderWishes) -> _Surroundings:
        session = self._session
        engine = session.engine_state
        return _Surroundings(
            hardware=hardware,
            paths=session.paths,
            settings=wishes.applied_to(session.settings),
            subjects=_subjects(session),
            engine_process=session.client.process_id,
            engine_cards=engine.ready.cards if isinstance(engine, EngineReady) else None,
        )

    @Slot()
    def _on_quiet(self) -> None:
        profile = self._session.pc.profile
        if self._asked is None or profile is None:
            return
        if self._busy:
            self._again = True
            return
        self._busy, self._again = True, False
        work = _CheckForm(self._asked, self._surroundings(profile, self._asked.wishes))
        self._session.submit("Check the form", Lane.FILES, work, self._on_checked)

    def _on_checked(self, snapshot: JobSnapshot) -> None:
        self._busy = False
        if self._timer.isActive():
            return  # the form has changed meanwhile: what was found is of no interest any more
        if self._again:
            self._on_quiet()
            return
        self.checked.emit(snapshot.result if snapshot.state is JobState.DONE else None)

    def _on_offers(self, snapshot: JobSnapshot) -> None:
        if snapshot.state is JobState.DONE and snapshot.result is not None:
            self.offers_found.emit(snapshot.result)

    @Slot(object)
    def _on_changed(self, _what: object) -> None:
        """The PC or the settings are others now."""
        self._timer.start()
        failed, self._failed = self._failed, None
        if failed is not None:
            self.ask_after_failure(failed)


class _CheckForm:
    """Work for the files lane."""

    def __init__(self, asked: Asked, surroundings: _Surroundings) -> None:
        self._asked, self._surroundings = asked, surroundings

    def __call__(self, _context: JobContext) -> FormVerdict:
        """Check it; substitutes are looked for only where they are needed, since that reads their folders.

        Raises:
            WanError: The model's files cannot be read.
        """
        from wan_desktop.core.form_check import check_form, question_of  # noqa: PLC0415 - after the first paint

        asked, place = self._asked, self._surroundings.place()
        question = question_of(asked.draft, asked.model, has_image=asked.has_image)
        found = check_form(self._surroundings.subject(asked, with_others=False), question, place)
        if found.fits:
            return found
        return check_form(self._surroundings.subject(asked, with_others=True), question, place)


class _FindOffers:
    """Work for the files lane."""

    def __init__(self, asked: Asked, surroundings: _Surroundings) -> None:
        self._asked, self._surroundings = asked, surroundings

    def __call__(self, _context: JobContext) -> tuple[Recommendation, ...]:
        """Find them.

        Raises:
            WanError: The model's files cannot be read.
        """
        from wan_desktop.core.form_check import offers_after_failure, question_of  # noqa: PLC0415 - on the lane

        asked = self._asked
        question = question_of(asked.draft, asked.model, has_image=asked.has_image)
        return offers_after_failure(
            self._surroundings.subject(asked, with_others=True), question, self._surroundings.place()
        )


def _subjects(session: Session) -> Subjects | None:
    from wan_desktop.core.subjects import Subjects  # noqa: PLC0415 - after the first paint

    models = session.models
    if models.catalog is None or models.manager is None:
        return None
    return Subjects(models.catalog, models.manager, session.paths.resources)


def _memory_of(process: int | None) -> int:
    """What a process takes of memory; 0 if it is not there."""
    if process is None:
        return 0
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0
