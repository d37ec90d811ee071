"""A model into the engine's memory, down the ladder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from wan_desktop.core.engine_client import EngineClient
from wan_desktop.core.errors import ModelNotFoundError
from wan_desktop.core.fallback import Descent, ModelLoadingResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.ladder import Rung
from wan_desktop.core.load_plan import LoadPlan
from wan_desktop.core.messages import Load, Preview, Progress, Unload
from wan_desktop.core.words import tr


class ModelEngine(Protocol):
    """What loads models."""

    def load_model(self, folder: Path, plan: LoadPlan, context: JobContext) -> tuple[Path, ...]:
        """Read it into memory; the folders of all models that are there now, the last one used at the end.

        Raises:
            JobCancelled: It was asked to stop; nothing of it is in memory.
            WanError: It cannot be loaded so; nothing of it is in memory.
        """

    def unload_model(self, folder: Path | None) -> tuple[Path, ...]:
        """Forget that model, or all; the folders of those that are still there.

        Raises:
            EngineError: It does not answer.
        """


class EngineModels:
    """The engine process as one that loads models.

    Args:
        client: Talks to it.
    """

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._number = 0

    def load_model(self, folder: Path, plan: LoadPlan, context: JobContext) -> tuple[Path, ...]:
        """See `ModelEngine`."""

        def on_event(event: Progress | Preview) -> None:
            context.progress(event)

        command = Load(job=context.job_id, model_folder=folder, plan=plan)
        report = self._client.load(command, on_event=on_event, cancel_asked=context.cancel_asked)
        return report.loaded_folders

    def unload_model(self, folder: Path | None) -> tuple[Path, ...]:
        """See `ModelEngine`."""
        self._number += 1
        report = self._client.unload(Unload(f"unload-{self._number}", folder))
        return report.loaded_folders if report else ()


def load_down_the_ladder(rungs: Sequence[Rung], engine: ModelEngine, context: JobContext) -> ModelLoadingResult:
    """Try rungs until the engine has loaded one.

    Raises:
        JobCancelled: It was asked to stop.
        LadderError: None works.
    """

    def attempt(rung: Rung) -> None:
        if not rung.folder:
            raise ModelNotFoundError(
                tr("{model} ({variant}) is not on this PC.", model=rung.model_id, variant=rung.variant),
                hint=tr("Download it first."),
            )
        engine.load_model(Path(rung.folder), rung.plan, context)

    return Descent(rungs, attempt, context).run()[1]
