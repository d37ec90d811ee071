"""Jobs that wait until other programs let go of the graphics card."""

from pathlib import Path

import pytest

from tests.fakes.render_orders import order
from wan_desktop.core.errors import CardBusyError
from wan_desktop.core.render_queue import OfferedChange, QueueSnapshot, RenderQueue, RenderState
from wan_desktop.core.render_queue.job import Trouble

WAIT = OfferedChange(text="Wait and start when free", waits_for_card=True, vram_peak_bytes=7_000_000_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "render-queue.sqlite3"


def failed(queue: RenderQueue) -> str:
    """A job that the busy card has ended."""
    queue.add(order())
    job = queue.next_job()
    assert job is not None
    queue.fail(job.job_id, Trouble.of(CardBusyError("Other programs use 25.5 of 25.8 GB."), (WAIT,)))
    return job.job_id


def states(now: QueueSnapshot) -> list[RenderState]:
    return [job.state for job in now.waiting]


def test_that_a_job_waits_for_the_card_while_others_go_first(file: Path) -> None:
    with RenderQueue(file) as queue:
        job_id = failed(queue)
        assert queue.fix_and_retry(job_id, WAIT)
        (other,) = queue.add(order())
        assert states(queue.snapshot()) == [RenderState.WAITING_FOR_CARD, RenderState.WAITING]
        assert queue.job(job_id).needs_vram_bytes == 7_000_000_000
        claimed = queue.next_job()
        assert claimed is not None
        assert claimed.job_id == other
        assert queue.next_job() is None
        assert queue.card_free(job_id)
        assert not queue.card_free(job_id)
        claimed = queue.next_job()
        assert claimed is not None
        assert (claimed.job_id, claimed.needs_vram_bytes, claimed.trouble) == (job_id, 0, None)


def test_that_it_waits_on_after_a_restart(file: Path) -> None:
    with RenderQueue(file) as queue:
        job_id = failed(queue)
        queue.fix_and_retry(job_id, WAIT)
        order_before = queue.job(job_id).order
    with RenderQueue(file) as queue:
        assert states(queue.snapshot()) == [RenderState.WAITING_FOR_CARD]
        assert queue.job(job_id).needs_vram_bytes == 7_000_000_000
        assert queue.job(job_id).order == order_before


@pytest.mark.parametrize("deed", [RenderQueue.stop, RenderQueue.delete], ids=["stop", "delete"])
def test_that_waiting_can_be_given_up(file: Path, deed: object) -> None:
    with RenderQueue(file) as queue:
        job_id = failed(queue)
        queue.fix_and_retry(job_id, WAIT)
        assert deed(queue, job_id)  # type: ignore[operator]
        assert not queue.snapshot().waiting
        assert not queue.card_free(job_id)


def test_that_nobody_knows_when_it_is_done(file: Path) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415 - only here

    with RenderQueue(file) as queue:
        queue.fix_and_retry(failed(queue), WAIT)
        now = datetime.now(UTC)
        assert queue.snapshot().finish_time(now) is None
        assert queue.snapshot().time_left(now).unknown == 1
