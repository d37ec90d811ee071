"""Looks at program and PC on a lane, and makes the report of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from wan_desktop.core.doctor import Facts, HealthItem, Private, examine, known_prompts, report, save_report_zip
from wan_desktop.core.engine_client import EngineStarting
from wan_desktop.core.jobs import JobContext, JobState, Lane
from wan_desktop.core.words import tr

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wan_desktop.core.jobs import JobSnapshot
    from wan_desktop.core.store.status import ModelState
    from wan_desktop.ui.session import Session


@dataclass(frozen=True, slots=True)
class Report:
    """A report, and what it was made of."""

    text: str
    facts: Facts
    items: tuple[HealthItem, ...]
    private: Private


class Examination(QObject):
    """What is known of the health, for all parts of the page.

    Args:
        session: What the window works with.
        parent: Its parent.
    """

    changed = Signal(object)
    """The HealthItems."""
    failed = Signal(object)
    """A WanError: it could not be looked at."""
    report_made = Signal(object)
    """A Report."""
    report_saved = Signal(object)
    """The path of the zip file."""
    report_failed = Signal(object)
    """A WanError."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.items: tuple[HealthItem, ...] = ()
        """What was found last."""
        self.note = ""
        """More for the report: what the self test found."""
        self._looking = self._again = False
        self._waits_for_pc = session.pc.profile is None
        self._waits_for_engine = False
        session.pc.changed.connect(self._on_pc_looked)
        session.pc.failed.connect(self._on_pc_looked)
        session.models.catalog_changed.connect(self._on_models_known)
        session.engine_changed.connect(self._on_engine_changed)
        session.runtime.installed.connect(self.look_when_engine_answers)

    def look(self, *, pc_too: bool = False) -> None:
        """Look now.

        Args:
            pc_too: Let the PC be looked at first.
        """
        self._waits_for_engine = self._waits_for_engine or isinstance(self._session.engine_state, EngineStarting)
        if pc_too or self._session.pc.profile is None:
            self._waits_for_pc = True
            self._session.pc.look()
        if not pc_too:
            self._examine()

    def look_when_engine_answers(self) -> None:
        """Look again when the engine's state has changed."""
        self._waits_for_engine = True

    def make_report(self) -> None:
        """Look at everything and write the report; `report_made` brings it."""
        facts, error, note = self._facts(), self._session.messages.last_error, self.note
        queued = tuple(self._queued_prompts())  # its file cannot be read while the window has it

        def work(_: JobContext) -> Report:
            items = examine(facts)
            private = Private.of(facts.paths, facts.settings, (*queued, *known_prompts(facts.paths)))
            return Report(report(facts, items, private, error=error, note=note), facts, items, private)

        self._session.submit(tr("Write a report"), Lane.PC, work, self._on_report)

    def save(self, made: Report, path: Path) -> None:
        """Save the report with all logs as a zip file; `report_saved` says when."""

        def work(_: JobContext) -> Path:
            save_report_zip(path, made.text, made.facts, made.items, made.private)
            return path

        self._session.submit(tr("Save a report"), Lane.FILES, work, self._on_saved)

    def _facts(self) -> Facts:
        session = self._session
        return Facts(
            paths=session.paths,
            settings=session.settings,
            hardware=session.pc.profile,
            engine=session.engine_state,
            models=self._model_states(),
            has_runtime=session.runtime.is_managed,
        )

    def _queued_prompts(self) -> Iterator[str]:
        queue = self._session.renders.snapshot
        for job in (*queue.running, *queue.needs_you, *queue.waiting, *queue.finished):
            draft = job.order.draft
            yield from (text for text in (draft.prompt, draft.negative_prompt) if text)

    def _model_states(self) -> tuple[ModelState, ...] | None:
        """Of all models on this PC; None while nobody has looked."""
        models = self._session.models
        if models.catalog is None or models.manager is None:
            return None
        return tuple(offer.state for offer in models.offers() if offer.is_on_pc)

    def _examine(self) -> None:
        """Begin, or begin anew when the examination that runs is over: it knows less."""
        if self._looking:
            self._again = True
            return
        self._looking, self._again = True, False
        facts = self._facts()
        self._session.submit(tr("Check the program"), Lane.PC, lambda _: examine(facts), self._on_examined)

    def _on_examined(self, snapshot: JobSnapshot) -> None:
        self._looking = False
        if snapshot.state is JobState.DONE:
            self.items = snapshot.result
            self.changed.emit(self.items)
        elif snapshot.error is not None:
            self.failed.emit(snapshot.error)
        if self._again:
            self._examine()

    def _on_report(self, snapshot: JobSnapshot) -> None:
        if snapshot.state is JobState.DONE:
            self.report_made.emit(snapshot.result)
        elif snapshot.error is not None:
            self.report_failed.emit(snapshot.error)

    def _on_saved(self, snapshot: JobSnapshot) -> None:
        if snapshot.state is JobState.DONE:
            self.report_saved.emit(snapshot.result)
        elif snapshot.error is not None:
            self.report_failed.emit(snapshot.error)

    @Slot(object)
    def _on_pc_looked(self, _found: object) -> None:
        if self._waits_for_pc:
            self._waits_for_pc = False
            self._examine()

    @Slot()
    def _on_models_known(self) -> None:
        if self.items:
            self._examine()

    @Slot(object)
    def _on_engine_changed(self, state: object) -> None:
        if self._waits_for_engine and not isinstance(state, EngineStarting):
            self._waits_for_engine = False
            self._examine()
