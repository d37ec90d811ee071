"""Each operation of the queue, and that it is there again when the queue is opened again."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.render_orders import ESTIMATE, order, result
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.errors import (
    DriveFaultError,
    ImageSizeError,
    ImageUnreadableError,
    InputError,
    OutOfMemoryError,
    QueueError,
)
from wan_desktop.core.generation import SEED_RANGE, GenerationDraft
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.recommendations import ChangeKind, Recommendation
from wan_desktop.core.render_queue import (
    HISTORY_KEPT,
    MAX_VERSIONS,
    MemorySettings,
    OfferedChange,
    QueueSnapshot,
    RenderEstimate,
    RenderJob,
    RenderOrder,
    RenderQueue,
    RenderState,
    Trouble,
    WhenDone,
)
from wan_desktop.core.settings import MemoryMode, Settings
from wan_desktop.core.start_image import MAX_BYTES

TROUBLE = Trouble.of(
    OutOfMemoryError("It needs 20 GB, 12 are free.", hint="Make it smaller.", details="allocator"),
    (OfferedChange(text="Make it 480 x 272", width=480, height=272, estimate=RenderEstimate(20.0, 30.0)),),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "render-queue.sqlite3"


@pytest.fixture
def queue(file: Path) -> Iterator[RenderQueue]:
    with RenderQueue(file) as opened:
        yield opened


def reopened(queue: RenderQueue, file: Path) -> QueueSnapshot:
    """How the queue looks after a start of the program."""
    queue.close()
    with RenderQueue(file) as again:
        return again.snapshot()


def ids(jobs: tuple[RenderJob, ...]) -> list[str]:
    return [job.job_id for job in jobs]


def added(queue: RenderQueue, *orders: RenderOrder) -> list[str]:
    return [queue.add(each, estimate=ESTIMATE)[0] for each in orders]


def running(queue: RenderQueue, each: RenderOrder | None = None) -> str:
    """A job that runs."""
    queue.add(each or order())
    job = queue.next_job()
    assert job is not None
    return job.job_id


def test_that_the_queue_lies_in_the_data_folder(tmp_path: Path) -> None:
    paths = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path)})
    assert paths.render_queue_file == tmp_path / "render-queue.sqlite3"


def test_that_an_added_job_is_there_again_with_all_it_was_added_with(queue: RenderQueue, file: Path) -> None:
    (job_id,) = queue.add(order(), estimate=ESTIMATE)
    before = queue.job(job_id)
    (after,) = reopened(queue, file).waiting
    assert after == before
    assert after.order == order()
    assert after.estimate == ESTIMATE
    assert after.state is RenderState.WAITING
    assert datetime.fromisoformat(after.created_at).tzinfo is UTC


def test_that_versions_have_seeds_that_follow_each_other(queue: RenderQueue) -> None:
    queue.add(order(seed=7), versions=3)
    assert [job.order.draft.seed for job in queue.snapshot().waiting] == [7, 8, 9]


def test_that_after_the_last_seed_comes_the_first(queue: RenderQueue) -> None:
    queue.add(order(seed=SEED_RANGE[1]), versions=2)
    assert [job.order.draft.seed for job in queue.snapshot().waiting] == [SEED_RANGE[1], 0]


def test_that_a_seed_is_drawn_when_a_job_is_added(queue: RenderQueue, file: Path) -> None:
    queue.add(order(seed=None), versions=2)
    first, second = (job.order.draft.seed for job in queue.snapshot().waiting)
    assert first is not None
    assert second == (first + 1) % (SEED_RANGE[1] + 1)
    assert [job.order.draft.seed for job in reopened(queue, file).waiting] == [first, second]


@pytest.mark.parametrize("versions", [0, -1, MAX_VERSIONS + 1])
def test_that_too_many_versions_or_none_are_refused(queue: RenderQueue, versions: int) -> None:
    with pytest.raises(InputError):
        queue.add(order(), versions=versions)
    assert queue.snapshot().waiting == ()


@pytest.mark.parametrize(
    "draft",
    [
        GenerationDraft(seed=-1),
        GenerationDraft(seed=2**32),
        GenerationDraft(guidance_scale=float("nan")),
        GenerationDraft(flow_shift=float("inf")),
        GenerationDraft(width="wide"),  # type: ignore[arg-type]  # a form may be wrong
    ],
    ids=["seed below", "seed above", "nan", "infinite", "text"],
)
def test_that_what_cannot_be_written_down_is_refused(queue: RenderQueue, draft: GenerationDraft) -> None:
    with pytest.raises(InputError):
        queue.add(RenderOrder(model_id="m", draft=draft))
    assert queue.snapshot().waiting == ()


def test_that_a_prompt_of_any_letters_is_kept(queue: RenderQueue, file: Path) -> None:
    prompt = "雪の中の狐 🦊 \x00 \ud800 'quoted\"; DROP TABLE entries; --\n" * 500
    queue.add(order(prompt))
    assert reopened(queue, file).waiting[0].order.draft.prompt == prompt


# Pictures ------------------------------------------------------------------------------------------------------------


def test_that_a_start_image_is_copied_and_its_own_file_does_not_matter(
    queue: RenderQueue, file: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "Fox.PNG"
    picture.write_bytes(b"the picture")
    queue.add(order(image=picture))
    picture.write_bytes(b"another picture")
    picture.unlink()
    (job,) = reopened(queue, file).waiting
    copy = job.order.draft.image
    assert copy is not None
    assert copy.parent == file.parent / "render-queue-pictures"
    assert copy.suffix == ".png"
    assert copy.read_bytes() == b"the picture"
    assert job.image_from == picture


def test_that_the_data_folder_can_be_moved(queue: RenderQueue, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.webp"
    picture.write_bytes(b"the picture")
    queue.add(order(image=picture))
    queue.close()
    elsewhere = file.parent.rename(tmp_path / "elsewhere")
    with RenderQueue(elsewhere / file.name) as moved:
        (copy,) = moved.snapshot().waiting[0].pictures
    assert copy.read_bytes() == b"the picture"


def test_that_versions_share_one_copy_which_goes_when_the_last_cannot_come_back(
    queue: RenderQueue, file: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    first, second = queue.add(order(image=picture), versions=2)
    (copy,) = queue.job(first).pictures
    assert queue.job(second).pictures == (copy,)
    queue.delete(first)
    assert copy.exists()
    queue.delete(second)
    assert copy.exists()  # the deletion can be undone
    reopened(queue, file)
    assert not copy.exists()
    assert picture.exists()


def test_that_a_deleted_job_comes_back_at_its_place_with_its_picture(
    queue: RenderQueue, file: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    ids = [queue.add(order(name, image=picture))[0] for name in ("a", "b", "c")]
    picture.unlink()
    before = queue.snapshot()
    assert queue.undo_delete() == ""
    for job_id in (ids[1], ids[0]):
        queue.delete(job_id)
    queue.delete(ids[2])
    assert [queue.undo_delete() for _ in range(4)] == [ids[2], ids[0], ids[1], ""]
    assert queue.snapshot() == before
    queue.delete(ids[0])
    queue.delete(ids[2])
    assert [queue.undo_delete(ids[0]), queue.undo_delete(ids[0])] == [ids[0], ""]
    assert queue.undo_delete() == ids[2]
    assert queue.snapshot() == before
    (copy,) = reopened(queue, file).waiting[0].pictures
    assert copy.read_bytes() == b"the picture"


@pytest.mark.parametrize("deleted", list(itertools.permutations(range(4), 3)), ids=str)
@pytest.mark.parametrize("back", list(itertools.permutations(range(3))), ids=str)
def test_that_jobs_stand_as_before_in_whatever_order_they_went_and_came_back(
    queue: RenderQueue, deleted: tuple[int, ...], back: tuple[int, ...]
) -> None:
    ids = [queue.add(order(name))[0] for name in "abcd"]
    for number in deleted:
        queue.delete(ids[number])
    for number in back:
        assert queue.undo_delete(ids[deleted[number]]) == ids[deleted[number]]
    assert [job.job_id for job in queue.snapshot().waiting] == ids


def test_that_a_job_that_was_not_deleted_is_not_brought_back_twice(queue: RenderQueue) -> None:
    job_id = running(queue, order("a"))
    assert not queue.delete(job_id)
    assert queue.undo_delete() == ""


def test_that_only_so_many_deletions_can_be_undone(queue: RenderQueue) -> None:
    ids = [queue.add(order(str(number)))[0] for number in range(25)]
    for job_id in ids:
        queue.delete(job_id)
    assert queue.undo_delete(ids[4]) == ""
    assert [queue.undo_delete() for _ in range(21)] == [*reversed(ids[5:]), ""]


def test_that_a_last_image_is_copied_too(queue: RenderQueue, tmp_path: Path) -> None:
    first, last = tmp_path / "first.jpg", tmp_path / "last.strange"
    first.write_bytes(b"1")
    last.write_bytes(b"2")
    queue.add(RenderOrder(model_id="m", draft=GenerationDraft(image=first, last_image=last)))
    (job,) = queue.snapshot().waiting
    assert [copy.read_bytes() for copy in job.pictures] == [b"1", b"2"]
    assert (job.image_from, job.last_image_from) == (first, last)


def test_that_a_picture_that_is_not_there_is_refused(queue: RenderQueue, tmp_path: Path) -> None:
    with pytest.raises(ImageUnreadableError):
        queue.add(order(image=tmp_path / "nothing.png"))
    assert queue.snapshot().waiting == ()


def test_that_a_picture_that_is_too_large_is_refused(queue: RenderQueue, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    with picture.open("wb") as opened:
        opened.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageSizeError):
        queue.add(order(image=picture))


def test_that_an_order_that_is_refused_leaves_no_picture(queue: RenderQueue, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    draft = GenerationDraft(image=picture, guidance_scale=float("nan"))
    with pytest.raises(InputError):
        queue.add(RenderOrder(model_id="m", draft=draft))
    assert list((file.parent / "render-queue-pictures").iterdir()) == []


def test_that_a_picture_no_job_needs_goes_at_the_next_start(queue: RenderQueue, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    queue.add(order(image=picture))
    folder = file.parent / "render-queue-pictures"
    (folder / "of-a-job-that-was-never-saved.png").write_bytes(b"x")
    reopened(queue, file)
    assert len(list(folder.iterdir())) == 1


def test_that_a_damaged_copy_is_written_again(queue: RenderQueue, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    queue.add(order(image=picture))
    (copy,) = queue.snapshot().waiting[0].pictures
    copy.write_bytes(b"damaged")
    queue.add(order(image=picture))
    assert copy.read_bytes() == b"the picture"


# A job's life --------------------------------------------------------------------------------------------------------


def test_that_jobs_are_taken_in_their_order_and_once(queue: RenderQueue) -> None:
    expected = added(queue, order("1"), order("2"))
    taken = [queue.next_job(), queue.next_job(), queue.next_job()]
    assert [job and job.job_id for job in taken] == [*expected, None]
    assert ids(queue.snapshot().running) == expected
    assert all(job.state is RenderState.RUNNING and job.started_at for job in queue.snapshot().running)


def test_that_threads_never_take_the_same_job(queue: RenderQueue) -> None:
    expected = sorted(queue.add(order(), versions=20) + queue.add(order(), versions=20))
    taken: list[str] = []

    def take() -> None:
        while (job := queue.next_job()) is not None:
            taken.append(job.job_id)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == expected


def test_that_a_finished_job_keeps_its_result(queue: RenderQueue, file: Path, tmp_path: Path) -> None:
    job_id = running(queue)
    assert queue.finish(job_id, result(tmp_path / "fox.mp4"))
    (job,) = reopened(queue, file).finished
    assert (job.job_id, job.state, job.result) == (job_id, RenderState.DONE, result(tmp_path / "fox.mp4"))
    assert job.ended_at >= job.started_at


def test_that_a_failed_job_needs_the_user_and_the_queue_goes_on(queue: RenderQueue, file: Path) -> None:
    first = running(queue)
    (second,) = queue.add(order())
    assert queue.fail(first, TROUBLE)
    following = queue.next_job()
    assert following is not None
    assert following.job_id == second
    (job,) = reopened(queue, file).needs_you
    assert (job.job_id, job.trouble) == (first, TROUBLE)


@pytest.mark.parametrize("takes", [False, True], ids=["waiting", "running"])
def test_that_a_stopped_job_is_over(queue: RenderQueue, file: Path, takes: bool) -> None:
    (job_id,) = queue.add(order())
    if takes:
        queue.next_job()
    assert queue.stop(job_id)
    (job,) = reopened(queue, file).finished
    assert (job.job_id, job.state) == (job_id, RenderState.STOPPED)


def test_that_what_comes_too_late_changes_nothing(queue: RenderQueue, tmp_path: Path) -> None:
    job_id = running(queue)
    queue.stop(job_id)
    before = queue.snapshot()
    assert not queue.finish(job_id, result(tmp_path / "x.mp4"))
    assert not queue.fail(job_id, TROUBLE)
    assert not queue.stop(job_id)
    assert not queue.put_back(job_id)
    assert not queue.move_up(job_id)
    assert not queue.stop("nobody")
    assert not queue.delete("nobody")
    assert queue.snapshot() == before


def test_that_a_job_that_waits_is_neither_finished_nor_tried_again(queue: RenderQueue, tmp_path: Path) -> None:
    (job_id,) = queue.add(order())
    assert not queue.finish(job_id, result(tmp_path / "x.mp4"))
    assert not queue.fail(job_id, TROUBLE)
    assert not queue.retry(job_id)
    assert queue.job(job_id).state is RenderState.WAITING


@pytest.mark.parametrize("fails", [True, False], ids=["failed", "stopped"])
def test_that_a_retry_waits_before_all_others_as_it_was(queue: RenderQueue, fails: bool) -> None:
    job_id = running(queue)
    before = queue.job(job_id)
    (other,) = queue.add(order())
    assert queue.fail(job_id, TROUBLE) if fails else queue.stop(job_id)
    assert queue.retry(job_id)
    assert ids(queue.snapshot().waiting) == [job_id, other]
    assert queue.job(job_id) == replace(before, state=RenderState.WAITING, started_at="")


def test_that_a_done_job_is_not_tried_again(queue: RenderQueue, tmp_path: Path) -> None:
    job_id = running(queue)
    queue.finish(job_id, result(tmp_path / "x.mp4"))
    assert not queue.retry(job_id)


def test_that_a_fix_changes_the_order_and_its_estimate(queue: RenderQueue, file: Path) -> None:
    job_id = running(queue)
    queue.fail(job_id, TROUBLE)
    assert queue.fix_and_retry(job_id, TROUBLE.changes[0])
    (job,) = reopened(queue, file).waiting
    expected = replace(order(), draft=replace(order().draft, width=480, height=272))
    assert (job.order, job.estimate, job.trouble) == (expected, RenderEstimate(20.0, 30.0), None)


def test_that_a_fix_can_choose_another_model_and_more_frugal_memory(queue: RenderQueue) -> None:
    job_id = running(queue, order(variant="fp8"))
    queue.fail(job_id, TROUBLE)
    queue.fix_and_retry(job_id, OfferedChange(text="x", model_id="model-b", memory_mode=MemoryMode.SAVE_MOST))
    now = queue.job(job_id).order
    assert (now.model_id, now.draft.variant, now.memory.memory_mode) == ("model-b", "", MemoryMode.SAVE_MOST)
    assert now.memory.gpu_uuid == "GPU-1"


def test_that_a_fix_can_do_without_the_start_image(queue: RenderQueue, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    job_id = running(queue, order(image=picture))
    (copy,) = queue.job(job_id).pictures
    queue.fail(job_id, TROUBLE)
    queue.fix_and_retry(job_id, OfferedChange(text="x", without_image=True))
    assert queue.job(job_id).pictures == ()
    assert queue.job(job_id).image_from is None
    assert not copy.exists()


def test_that_recommendations_become_changes_where_the_order_can_change() -> None:
    smaller = Recommendation(
        kind=ChangeKind.REQUEST, text="Smaller", width=480, height=272, seconds_low=1.0, seconds_high=2.0
    )
    found = OfferedChange.from_recommendation(smaller)
    assert found == OfferedChange(text="Smaller", width=480, height=272, estimate=RenderEstimate(1.0, 2.0))
    text_only = Recommendation(kind=ChangeKind.REQUEST, text="Text", mode=GenerationMode.T2V)
    assert OfferedChange.from_recommendation(text_only) == OfferedChange(text="Text", without_image=True)
    for kind, mode in ((ChangeKind.CLOSE_PROGRAMS, None), (ChangeKind.REQUEST, GenerationMode.I2V)):
        assert OfferedChange.from_recommendation(Recommendation(kind=kind, text="x", mode=mode)) is None


def test_that_memory_settings_are_those_of_the_moment() -> None:
    settings = Settings(memory_mode=MemoryMode.SAVE, may_use_smaller_variant=True, gpu_uuid="GPU-2", text_scale=1.2)
    frozen = MemorySettings.of(settings)
    assert frozen.applied_to(Settings(text_scale=1.5)) == replace(settings, text_scale=1.5)


# Order ---------------------------------------------------------------------------------------------------------------


def test_that_jobs_can_be_moved_and_stay_there(queue: RenderQueue, file: Path) -> None:
    a, b, c, d = added(queue, order("a"), order("b"), order("c"), order("d"))
    assert queue.move_up(c)
    assert ids(queue.snapshot().waiting) == [a, c, b, d]
    assert queue.move_down(a)
    assert ids(queue.snapshot().waiting) == [c, a, b, d]
    assert queue.move_to(d, 0)
    assert queue.move_to(c, 99)
    assert ids(reopened(queue, file).waiting) == [d, a, b, c]


def test_that_the_first_does_not_move_up_and_the_last_not_down(queue: RenderQueue) -> None:
    a, b = added(queue, order("a"), order("b"))
    assert not queue.move_up(a)
    assert not queue.move_down(b)
    assert not queue.move_to(b, 1)


def test_that_grouping_keeps_the_order_in_which_models_come_first(queue: RenderQueue, file: Path) -> None:
    models = ["b", "a", "b", "c", "a"]
    jobs = added(queue, *(order(model_id=model) for model in models))
    assert queue.snapshot().loads_saved_by_grouping == 2
    assert queue.group_by_model() == 2
    assert queue.snapshot().loads_saved_by_grouping == 0
    assert ids(reopened(queue, file).waiting) == [jobs[i] for i in (0, 2, 1, 4, 3)]


def test_that_the_model_that_runs_is_grouped_first(queue: RenderQueue) -> None:
    running(queue, order(model_id="a"))
    jobs = added(queue, order(model_id="b"), order(model_id="a", variant="fp8"), order(model_id="a"))
    assert queue.group_by_model() == 1  # of three loads, since what runs is loaded already
    assert ids(queue.snapshot().waiting) == [jobs[2], jobs[0], jobs[1]]


# Models --------------------------------------------------------------------------------------------------------------


def test_that_jobs_wait_for_their_model_while_others_go_first(queue: RenderQueue, file: Path) -> None:
    (first,) = queue.add(order(model_id="a"), waits_for_model=True)
    (second,) = queue.add(order(model_id="b"))
    job = queue.next_job()
    assert job is not None
    assert job.job_id == second
    assert queue.next_job() is None
    assert queue.model_ready("a")
    assert queue.job(first).state is RenderState.WAITING
    assert queue.wait_for_model("a")
    assert not queue.wait_for_model("a")
    assert not queue.model_ready("a", "fp8")
    assert [job.state for job in reopened(queue, file).waiting][1] is RenderState.WAITING_FOR_MODEL


def test_that_jobs_need_the_user_when_their_model_does_not_come(queue: RenderQueue) -> None:
    (first,) = queue.add(order(model_id="a"), waits_for_model=True)
    (second,) = queue.add(order(model_id="b"))
    assert queue.model_failed("a", "", TROUBLE)
    assert ids(queue.snapshot().needs_you) == [first]
    assert queue.job(first).trouble == TROUBLE
    assert ids(queue.snapshot().waiting) == [second]


# Removing ------------------------------------------------------------------------------------------------------------


def test_that_deleting_forgets_a_job_and_keeps_its_video(queue: RenderQueue, file: Path, tmp_path: Path) -> None:
    video = tmp_path / "fox.mp4"
    video.write_bytes(b"a video")
    job_id = running(queue)
    queue.finish(job_id, result(video))
    assert queue.delete(job_id)
    with pytest.raises(KeyError):
        queue.job(job_id)
    assert reopened(queue, file).finished == ()
    assert video.read_bytes() == b"a video"


def test_that_a_running_job_is_not_deleted(queue: RenderQueue) -> None:
    job_id = running(queue)
    assert not queue.delete(job_id)
    assert queue.job(job_id).state is RenderState.RUNNING


def test_that_clearing_forgets_only_what_is_over(queue: RenderQueue, tmp_path: Path) -> None:
    failed, stopped, done = running(queue), running(queue), running(queue)
    runs = running(queue)
    (waits,) = queue.add(order())
    queue.fail(failed, TROUBLE)
    queue.stop(stopped)
    queue.finish(done, result(tmp_path / "x.mp4"))
    assert queue.clear_finished() == 2
    now = queue.snapshot()
    assert (ids(now.needs_you), ids(now.running), ids(now.waiting)) == ([failed], [runs], [waits])
    assert now.finished == ()
    assert queue.clear_finished() == 0


def test_that_only_the_last_of_the_history_are_kept(queue: RenderQueue, file: Path) -> None:
    jobs = [job_id for _ in range(26) for job_id in queue.add(order(), versions=20)]
    for job_id in jobs:
        queue.stop(job_id)
    kept = jobs[-HISTORY_KEPT:][::-1]
    assert ids(queue.snapshot().finished) == kept
    assert ids(reopened(queue, file).finished) == kept


# The queue as a whole ------------------------------------------------------------------------------------------------


def test_that_a_paused_queue_starts_nothing_and_stays_paused(queue: RenderQueue, file: Path) -> None:
    queue.add(order())
    queue.pause()
    assert queue.next_job() is None
    queue.close()
    with RenderQueue(file) as again:
        again.continue_()
        assert again.snapshot().paused
        assert again.next_job() is None
        again.resume()
        assert again.next_job() is not None


def test_that_nothing_starts_by_itself_after_a_start(queue: RenderQueue, file: Path) -> None:
    queue.add(order())
    queue.close()
    with RenderQueue(file) as again:
        assert again.snapshot().needs_ok
        assert again.next_job() is None
        again.continue_()
        assert not again.snapshot().needs_ok
        assert again.next_job() is not None


def test_that_nobody_is_asked_where_nothing_waits(queue: RenderQueue, file: Path) -> None:
    (job_id,) = queue.add(order())
    queue.close()
    with RenderQueue(file) as again:
        assert again.delete(job_id)
        assert not again.snapshot().needs_ok
        again.add(order())
        assert again.next_job() is not None


def test_that_what_ran_waits_first_and_is_told_as_interrupted(queue: RenderQueue, file: Path) -> None:
    first, second = added(queue, order("1"), order("2"))
    queue.next_job()
    after = reopened(queue, file)
    assert ids(after.waiting) == [first, second]
    assert [job.interrupted for job in after.waiting] == [True, False]
    assert after.needs_ok


def test_that_a_job_that_twice_ran_when_the_program_ended_is_parked(queue: RenderQueue, file: Path) -> None:
    job_id = running(queue)
    (other,) = queue.add(order())
    queue.close()
    with RenderQueue(file) as again:
        again.continue_()
        again.next_job()
    with RenderQueue(file) as again:
        assert ids(again.snapshot().waiting) == [other]
        (parked,) = again.snapshot().needs_you
        assert parked.job_id == job_id
        assert parked.trouble is not None
        assert parked.trouble.code == "render-interrupted"
        assert again.retry(job_id)
        assert again.job(job_id).crashes == 0


def test_that_a_job_put_back_with_the_program_waits_first_and_counts_no_crash(queue: RenderQueue) -> None:
    job_id = running(queue)
    queue.add(order())
    assert queue.put_back(job_id)
    first = queue.snapshot().waiting[0]
    assert (first.job_id, first.interrupted, first.crashes) == (job_id, True, 0)


def test_that_what_follows_the_last_job_is_kept(queue: RenderQueue, file: Path) -> None:
    queue.set_when_done(WhenDone.SHUT_DOWN)
    assert reopened(queue, file).when_done is WhenDone.SHUT_DOWN


# Time ----------------------------------------------------------------------------------------------------------------


def test_that_the_time_left_is_what_runs_and_all_that_waits(queue: RenderQueue) -> None:
    queue.add(order(), versions=3, estimate=ESTIMATE)
    job = queue.next_job()
    assert job is not None
    now = datetime.fromisoformat(job.started_at) + timedelta(seconds=20)
    left = queue.snapshot().time_left(now)
    assert (left.low_s, left.high_s, left.jobs, left.unknown) == (40.0 + 2 * 60.0, 70.0 + 2 * 90.0, 3, 0)
    assert queue.snapshot().finish_time(now) == now + timedelta(seconds=205)


def test_that_what_a_running_job_says_of_itself_counts_until_it_is_over(queue: RenderQueue, tmp_path: Path) -> None:
    job_id = running(queue)
    queue.note_time_left(job_id, 33.0)
    now = datetime.now(UTC)
    assert queue.snapshot().time_left(now).middle_s == 33.0
    queue.finish(job_id, result(tmp_path / "x.mp4"))
    assert queue.snapshot().seconds_left == ()
    assert queue.snapshot().finish_time(now) is None


def test_that_no_time_is_told_where_one_is_not_known(queue: RenderQueue) -> None:
    queue.add(order(), estimate=ESTIMATE)
    queue.add(order())
    queue.add(order(), estimate=ESTIMATE, waits_for_model=True)
    now = datetime.now(UTC)
    left = queue.snapshot().time_left(now)
    assert (left.low_s, left.jobs, left.unknown) == (60.0, 3, 2)
    assert queue.snapshot().finish_time(now) is None


# Listeners -----------------------------------------------------------------------------------------------------------


def test_that_listeners_are_told_which_jobs_changed(queue: RenderQueue) -> None:
    told: list[str] = []
    queue.listen(told.append)
    a, b, c = queue.add(order(), versions=3)
    assert told == [a, b, c]
    told.clear()
    queue.move_down(a)
    assert sorted(told) == sorted([a, b])
    told.clear()
    queue.delete(c)
    queue.pause()
    queue.pause()
    assert told == [c, ""]
    queue.unlisten(told.append)
    queue.resume()
    assert told == [c, ""]


def test_that_a_listener_may_ask_the_queue(queue: RenderQueue) -> None:
    seen: list[RenderState] = []
    queue.listen(lambda job_id: seen.append(queue.job(job_id).state))
    running(queue)
    assert seen == [RenderState.WAITING, RenderState.RUNNING]


def test_that_a_listener_that_fails_harms_nobody(queue: RenderQueue, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_job_id: str) -> None:
        raise RuntimeError("a bug of the window")

    told: list[str] = []
    queue.listen(fail)
    queue.listen(told.append)
    (job_id,) = queue.add(order())
    assert told == [job_id]
    assert "a bug of the window" in caplog.text


# The end -------------------------------------------------------------------------------------------------------------


def test_that_a_closed_queue_says_so(queue: RenderQueue) -> None:
    queue.close()
    queue.close()
    with pytest.raises(QueueError, match="closed"):
        queue.add(order())


def test_that_logs_tell_no_prompts(queue: RenderQueue, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    job_id = running(queue, order("a secret fox"))
    queue.fail(job_id, Trouble.of(DriveFaultError("x")))
    assert "secret" not in caplog.text


# A program that ended between a video's last byte and the note of it --------------------------------------------------


def test_that_a_video_that_is_there_is_not_made_a_second_time(queue: RenderQueue, file: Path, tmp_path: Path) -> None:
    queue.add(order("made"))
    queue.add(order("not begun"))
    job = queue.next_job()
    video = tmp_path / "made.mp4"
    assert queue.note_target(job.job_id, video)
    video.write_bytes(b"whole")
    now = reopened(queue, file)
    (done,) = now.finished
    assert (done.job_id, done.state) == (job.job_id, RenderState.DONE)
    assert done.result.path == video
    assert [other.order.draft.prompt for other in now.waiting] == ["not begun"]


def test_that_a_video_that_is_not_there_is_made_again(queue: RenderQueue, file: Path, tmp_path: Path) -> None:
    queue.add(order())
    job = queue.next_job()
    queue.note_target(job.job_id, tmp_path / "missing.mp4")
    now = reopened(queue, file)
    assert [(again.job_id, again.target, again.interrupted) for again in now.waiting] == [(job.job_id, None, True)]


def test_that_only_a_running_job_has_a_target(queue: RenderQueue, tmp_path: Path) -> None:
    (job_id,) = queue.add(order())
    assert not queue.note_target(job_id, tmp_path / "a.mp4")
    queue.next_job()
    assert queue.note_target(job_id, tmp_path / "a.mp4")
    assert queue.put_back(job_id)
    assert queue.job(job_id).target is None
