"""A job as a row of the queue's file, with a digest that tells whether it is still what was written.

SQLite notices damage to its own structure, but not a changed letter within a text.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from wan_desktop.core.records import Record, from_plain, to_plain
from wan_desktop.core.render_queue.job import RenderJob, WhenDone
from wan_desktop.core.render_queue.state import QueueState

QUEUE_ROW = "queue"
"""The id of the row that is no job, but what holds for the queue as a whole."""
_DIGEST_LENGTH = 32


class RowError(ValueError):
    """A row is not what was written."""


class Row(NamedTuple):
    """One row as it is stored."""

    entry_id: str
    position: int
    """Rows of jobs are in its order."""
    revision: int
    """Grows with each saving: of two rows of one id, the higher is the later."""
    content: str
    """JSON, ASCII only."""
    digest: str

    @property
    def good(self) -> bool:
        """It is what was written."""
        return self.digest == _digest(self)


@dataclass(frozen=True, slots=True)
class _QueueRow:
    paused: bool = False
    when_done: WhenDone = WhenDone.NOTHING


def _digest(row: Row) -> str:
    text = "\n".join((row.entry_id, str(row.position), str(row.revision), row.content))
    return hashlib.sha256(text.encode("ascii", errors="replace")).hexdigest()[:_DIGEST_LENGTH]


def _row(entry_id: str, position: int, revision: int, record: Any) -> Row:
    row = Row(entry_id, position, revision, json.dumps(to_plain(record), allow_nan=False), "")
    return row._replace(digest=_digest(row))


def job_row(job: RenderJob, position: int, revision: int) -> Row:
    """The row of a job; its pictures are kept by name, so that the data folder can be moved.

    Raises:
        ValueError: A number of it is none.
    """
    draft = job.order.draft
    draft = replace(
        draft,
        image=draft.image and Path(draft.image.name),
        last_image=draft.last_image and Path(draft.last_image.name),
    )
    return _row(job.job_id, position, revision, replace(job, order=replace(job.order, draft=draft)))


def queue_row(state: QueueState, revision: int) -> Row:
    """The row of what holds for the queue as a whole."""
    return _row(QUEUE_ROW, -1, revision, _QueueRow(state.paused, state.when_done))


def job_of(row: Row, pictures: Path) -> RenderJob:
    """The job of a row.

    Args:
        row: As it was read.
        pictures: The folder of the queue's pictures.

    Raises:
        RowError: The row is damaged.
    """
    job = _record(row, RenderJob)
    if job.job_id != row.entry_id:
        raise RowError("the row is another job's")
    draft = job.order.draft
    draft = replace(
        draft,
        image=draft.image and pictures / draft.image.name,
        last_image=draft.last_image and pictures / draft.last_image.name,
    )
    return replace(job, order=replace(job.order, draft=draft))


def with_queue_row(state: QueueState, row: Row) -> QueueState:
    """The state with what a row says of the queue as a whole.

    Raises:
        RowError: The row is damaged.
    """
    found = _record(row, _QueueRow)
    return replace(state, paused=found.paused, when_done=found.when_done)


def _record(row: Row, kind: type[Record]) -> Record:
    if not row.good:
        raise RowError("its digest is another")
    try:
        return from_plain(kind, json.loads(row.content))
    except (ValueError, RecursionError) as error:
        raise RowError(str(error)) from error
