"""The Hub with a memory: what it says of models, and what a download of one is made of."""

from collections.abc import Sequence

from wan_desktop.core.catalog import ModelMetadata, Variant
from wan_desktop.core.errors import AccessDeniedError, DownloadError, RepositoryNotFoundError, RequestError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.download import DownloadPlan, PlannedFile
from wan_desktop.core.store.history import History
from wan_desktop.core.store.hub import HubClient, RemoteRepo
from wan_desktop.core.store.manifest import Manifest, Origin
from wan_desktop.core.store.status import RemoteState, RemoteStatus
from wan_desktop.core.store.times import now_utc
from wan_desktop.core.words import tr, trn

_FRESH_S = 3600.0
"""So long an answer is good enough to plan a download with."""


class Remote:
    """What the Hub says; good answers are kept, failed questions are not answers.

    Args:
        hub: Whom to ask.
        history: Where good answers are kept.
    """

    def __init__(self, hub: HubClient, history: History) -> None:
        self._hub = hub
        self._history = history

    def repo(self, repo_id: str, context: JobContext, *, max_age_s: float = _FRESH_S) -> RemoteRepo:
        """What the Hub says of a repository; an answer that is young enough is not asked for again.

        Raises:
            DownloadError: It cannot be asked, or refuses.
        """
        known = self._history.answer(repo_id)
        if known is not None and known.age_s <= max_age_s:
            return known.repo
        repo = self._hub.repo(repo_id, check_cancelled=context.check_cancelled)
        self._history.remember_answer(repo)
        return repo

    def check(self, repo_ids: Sequence[str], here: Manifest | None, context: JobContext) -> RemoteState:
        """Ask how a model stands at the Hub.

        Args:
            repo_ids: Where its files come from.
            here: What is on this PC, to tell whether the Hub has newer files.
            context: Asked for a cancel.
        """
        try:
            repos = [self.repo(repo_id, context, max_age_s=0) for repo_id in repo_ids]
            for repo in repos:
                self._hub.check_access(repo, check_cancelled=context.check_cancelled)
        except AccessDeniedError as error:
            return RemoteState(RemoteStatus.NO_ACCESS, f"{error.message} {error.hint}", now_utc())
        except RepositoryNotFoundError as error:
            return RemoteState(RemoteStatus.GONE, error.message, now_utc())
        except DownloadError as error:
            return RemoteState(RemoteStatus.UNREACHABLE, error.message, now_utc())
        revision = repos[0].revision if repos else ""
        newer = _newer_files(here, repos)
        if newer:
            text = trn(
                "{count} file is newer at the Hub than on this PC.",
                "{count} files are newer at the Hub than on this PC.",
                newer,
            )
            return RemoteState(RemoteStatus.UPDATE_AVAILABLE, text, now_utc(), revision)
        return RemoteState(RemoteStatus.AVAILABLE, tr("The Hub has it."), now_utc(), revision)

    def plan(self, metadata: ModelMetadata, variant: Variant, context: JobContext, *, update: bool) -> DownloadPlan:
        """What a variant is made of.

        Args:
            metadata: The model.
            variant: Which packaging of it.
            context: Asked for a cancel.
            update: Ask the Hub even if its last answer is young.

        Raises:
            RequestError: This variant is not to be downloaded.
            DownloadError: The Hub cannot be asked, or lacks a file.
        """
        if variant.is_refused or not variant.parts:
            reason = tr(variant.refused_because) or tr("it comes with the program")
            raise RequestError(
                tr(
                    "{name} ({variant}) is not downloaded: {reason}.",
                    name=metadata.name,
                    variant=variant.name,
                    reason=reason,
                ),
                hint=tr("Choose another."),
            )
        files: dict[str, PlannedFile] = {}
        for part in variant.parts:
            repo = self.repo(part.repo_id, context, max_age_s=0 if update else _FRESH_S)
            remote = {file.filename: file for file in repo.files}
            for name, path in part.choose(remote).items():
                file = remote[name]
                origin = Origin(repo.repo_id, repo.revision, name, file.size_bytes, file.sha256, file.git_sha1)
                conversion = part.conversion if name.endswith(".safetensors") else Conversion.NONE
                files.setdefault(path, PlannedFile(path, origin, conversion))
        return DownloadPlan(metadata.model_id, variant.name, tuple(files.values()))


def _newer_files(here: Manifest | None, repos: Sequence[RemoteRepo]) -> int:
    """How many files of this PC have other content at the Hub now."""
    there = {(repo.repo_id, file.filename): (file.sha256, file.git_sha1) for repo in repos for file in repo.files}
    count = 0
    for file in here.files if here else ():
        origin = file.origin
        if origin is not None:
            now = there.get((origin.repo_id, origin.filename))
            count += now is not None and now != (origin.sha256, origin.git_sha1)
    return count
