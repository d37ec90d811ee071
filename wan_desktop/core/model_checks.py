"""Checking models byte by byte, and mending what is damaged."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from wan_desktop.core.deeds import Deeds
from wan_desktop.core.errors import ManifestError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.disk_error import disk_error
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.file_index import FileIndex
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.libraries import Libraries
from wan_desktop.core.store.library import ModelKey
from wan_desktop.core.store.look import Look
from wan_desktop.core.store.repair import Repairer, RepairPlan
from wan_desktop.core.store.status import ModelStatus
from wan_desktop.core.store.times import days_ago, now_utc
from wan_desktop.core.store.verify import DeepCheck, IntegrityReport, quick_check
from wan_desktop.core.words import tr

_STOPPED_CHECK_DAYS = 7


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far a deep check is."""

    done_bytes: int
    total_bytes: int


class ModelChecks:
    """Checks and repairs the models of all libraries; for all threads.

    Args:
        disk: Where they lie.
        hub: Where lost bytes come from.
        history: What happened before.
        libraries: All that are known.
        deeds: Holds a model and writes down what is done.
        look: Sees what was read when.
        index: Knows the same bytes elsewhere on this PC.
    """

    def __init__(
        self,
        disk: Disk,
        hub: HubClient,
        history: History,
        libraries: Libraries,
        deeds: Deeds,
        look: Look,
        index: FileIndex,
    ) -> None:
        self._disk, self._hub, self._history, self._libraries = disk, hub, history, libraries
        self._deeds, self._look, self._index = deeds, look, index

    def verify(self, key: ModelKey, context: JobContext, *, deep: bool = False, since: str = "") -> IntegrityReport:
        """Check a model on disk; nothing is asked of the Hub. A deep check that was stopped goes on where it was.

        Args:
            key: The model.
            context: Told :class:`VerifyProgress`; asked for a cancel.
            deep: Read every byte.
            since: ISO time; files that were read after it are not read again.

        Raises:
            JobCancelled: It was asked to stop; what was read stays read.
            ModelNotFoundError: It is not on this PC.
            ModelBusyError: Something else is done with it.
            ManifestError: Its file list is damaged or missing.
        """
        library = self._libraries.holding(key)
        kind = "deep-check" if deep else "quick-check"
        since = since or (self._stopped_check(key) if deep else "")
        with self._deeds.begin(library, key, ModelStatus.VERIFYING, kind) as note:
            note["details"] = {"since": since or now_utc()}
            try:
                if deep:
                    report = DeepCheck(self._disk, library.folder(key), since=since).run(
                        lambda done, total: context.progress(VerifyProgress(done, total))
                    )
                else:
                    report = quick_check(self._disk, library.folder(key))
            except FileNotFoundError as error:
                raise ManifestError(
                    tr("The file list of {model} ({variant}) is missing.", model=key.model_id, variant=key.variant),
                    hint=tr("Download the model again."),
                ) from error
            except OSError as error:
                raise disk_error(error, library.folder(key), "checking") from error
            note |= {"outcome": "good" if report.good else "bad", "text": report.summary(), "details": report.bad}
        return report

    def _stopped_check(self, key: ModelKey) -> str:
        """Since when a deep check that was stopped lately had been reading; empty when the last one came to its end."""
        entries = self._history.entries(key.model_id, key.variant, kind="deep-check", limit=1)
        if not entries or entries[0].outcome != "cancelled" or not isinstance(entries[0].details, dict):
            return ""
        since = str(entries[0].details.get("since", ""))
        return since if since > days_ago(_STOPPED_CHECK_DAYS) else ""

    def unread(self, key: ModelKey, since: str) -> list[str]:
        """Files of the model whose content was last read before that time."""
        return self._look.unread(key, since)

    def repair_plan(self, key: ModelKey, report: IntegrityReport) -> RepairPlan:
        """What a repair would fetch.

        Raises:
            ModelNotFoundError, ManifestError: It is not here, or its file list is damaged.
        """
        library = self._libraries.holding(key)
        return Repairer(library, self._hub).plan(key, report)

    def repair(
        self, key: ModelKey, report: IntegrityReport, context: JobContext, *, limits: TransferLimits | None = None
    ) -> IntegrityReport:
        """Repair what a check found; returns how the model looks afterwards.

        Raises:
            JobCancelled: It was asked to stop; what is repaired stays so.
            ModelBusyError: Something else is done with it.
            WanError: As `Repairer.run` says.
        """
        library = self._libraries.holding(key)
        self._index.add_libraries(self._libraries.here)
        with self._deeds.begin(library, key, ModelStatus.REPAIRING, "repair") as note:
            find_same = functools.partial(self._index.same_for_repair, check=cancel_check(context))
            repairer = Repairer(library, self._hub, limits, find_same)
            repairer.run(key, report, context)
            after = quick_check(self._disk, library.folder(key))
            note["text"] = tr("files repaired: {number}", number=len(report.bad))
        return after

    def damage_advice(self, key: ModelKey) -> str:
        """What to tell when damage comes again on the same drive; empty at the first time."""
        library = self._libraries.where(key)
        if library is None or self._history.damage_count(library.library_id) < 2:
            return ""
        return tr(
            "This is not the first damage on the drive of {library}: check this drive and the PC's memory.",
            library=library.root,
        )


def cancel_check(context: JobContext) -> Callable[[int], None]:
    """For what tells how far it is but not how long it takes."""
    return lambda _: context.check_cancelled()
