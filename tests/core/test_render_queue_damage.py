"""What a damaged, foreign, old, newer or unwritable queue file leads to: never a crash, never a wrong job."""

import contextlib
import errno
import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.faulty_disk import Calls, FailingDisk, disk_full
from tests.fakes.render_orders import ESTIMATE, fill, order, result
from wan_desktop.core.errors import QueueBusyError, QueueError, QueueSpaceError, RequestError, WanError
from wan_desktop.core.render_queue import QueueSnapshot, RenderJob, RenderQueue, RenderState, Trouble, WhenDone
from wan_desktop.core.render_queue.database import QueueDatabase
from wan_desktop.core.render_queue.rows import RowError, job_of, job_row
from wan_desktop.core.render_queue.salvage import PAGE_BYTES, salvaged_rows
from wan_desktop.core.render_queue.schema import MIGRATIONS, Migration
from wan_desktop.core.store.disk import Disk

_JOBS = 24
_FLIPS, _FLIPS_SLOW = 60, 3000
_SLOW = (pytest.mark.slow, pytest.mark.timeout(900))


def _jobs(snapshot: QueueSnapshot) -> dict[str, RenderJob]:
    groups = (snapshot.running, snapshot.needs_you, snapshot.waiting, snapshot.finished)
    return {job.job_id: job for group in groups for job in group}


class Filled:
    """A folder with a queue of jobs in all states, closed or as a kill leaves it."""

    def __init__(self, folder: Path) -> None:
        self.closed, self.killed = folder / "closed", folder / "killed"
        file = self.closed / "render-queue.sqlite3"
        with RenderQueue(file) as queue:
            for number in range(_JOBS):
                prompt = "a fox " * (1500 if number % 6 == 0 else number + 1)
                (job_id,) = queue.add(order(prompt, seed=number), estimate=ESTIMATE)
                if number < 9:
                    queue.move_to(job_id, 0)
                    queue.next_job()
                    self._end(queue, job_id, number)
            queue.set_when_done(WhenDone.SLEEP)
            queue.pause()
            self.jobs = _jobs(queue.snapshot())
            self.order = [job.job_id for job in queue.snapshot().waiting]
            shutil.copytree(self.closed, self.killed)

    def _end(self, queue: RenderQueue, job_id: str, number: int) -> None:
        if number % 3 == 0:
            queue.finish(job_id, result(Path("fox.mp4")))
        elif number % 3 == 1:
            queue.fail(job_id, Trouble.of(RequestError("It is too large.")))
        else:
            queue.stop(job_id)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return Filled(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def file(tmp_path: Path, filled: Filled) -> Path:
    """A queue of its own, closed in good order."""
    shutil.copytree(filled.closed, tmp_path / "own")
    return tmp_path / "own" / "render-queue.sqlite3"


def _set_aside(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{file.name}.damaged-*"))


def _check_opened(file: Path, filled: Filled) -> tuple[int, bool]:
    """Open a damaged queue: how many jobs it has, and whether damage was told. What it has is as it was."""
    with RenderQueue(file) as queue:
        found = _jobs(queue.snapshot())
        damage = queue.snapshot().damage
        assert all(filled.jobs[job_id] == job for job_id, job in found.items())
        waiting = [job.job_id for job in queue.snapshot().waiting]
        assert waiting == [job_id for job_id in filled.order if job_id in found]
        assert bool(damage) == bool(_set_aside(file))
        queue.add(order())
    with RenderQueue(file) as again:  # what was begun anew is sound
        assert again.snapshot().damage is None
        assert len(_jobs(again.snapshot())) == len(found) + 1
    return len(found), damage is not None


# Damage --------------------------------------------------------------------------------------------------------------


def test_that_a_sound_queue_is_not_damaged(file: Path, filled: Filled) -> None:
    assert _check_opened(file, filled) == (_JOBS, False)


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, b"\0" * 8192], ids=["empty", "foreign", "zeros"])
def test_that_a_file_that_is_no_queue_is_set_aside(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with RenderQueue(file) as queue:
        damage = queue.snapshot().damage
        assert damage is not None
        assert (damage.code, damage.number) == ("queue-damaged", 6011)
        assert "0 jobs could be saved" in damage.message
        assert damage.hint
        queue.add(order())
    (aside,) = _set_aside(file)
    assert aside.read_bytes() == content
    assert aside.name in damage.message


def test_that_all_jobs_are_saved_when_only_the_header_is_gone(file: Path, filled: Filled) -> None:
    content = bytearray(file.read_bytes())
    content[:100] = b"\xff" * 100
    file.write_bytes(content)
    with RenderQueue(file) as queue:
        now = queue.snapshot()
    assert _jobs(now) == filled.jobs
    assert [job.job_id for job in now.waiting] == filled.order
    assert (now.paused, now.when_done) == (True, WhenDone.SLEEP)
    assert now.damage is not None
    assert f"{_JOBS} jobs could be saved" in now.damage.message


def test_that_a_changed_letter_costs_its_job_and_no_other(file: Path, filled: Filled) -> None:
    content = file.read_bytes()
    at = content.index(b'"seed": 17')
    file.write_bytes(content[:at] + b'"seed": 18' + content[at + 10 :])
    with RenderQueue(file) as queue:
        found = _jobs(queue.snapshot())
        assert queue.snapshot().damage is not None
    lost = filled.jobs.keys() - found.keys()
    assert [filled.jobs[job_id].order.draft.seed for job_id in lost] == [17]
    assert all(filled.jobs[job_id] == job for job_id, job in found.items())


def test_that_a_page_of_zeros_costs_the_jobs_in_it_at_most(file: Path, filled: Filled) -> None:
    content = file.read_bytes()
    for page in range(len(content) // PAGE_BYTES):
        damaged = bytearray(content)
        damaged[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)
        rows = salvaged_rows(bytes(damaged), b"")
        assert len(rows) >= _JOBS + 1 - 8
        assert {row.entry_id for row in rows} <= {*filled.jobs, "queue"}


@pytest.mark.parametrize("state", ["closed", "killed"])
@pytest.mark.parametrize("flips", [_FLIPS, pytest.param(_FLIPS_SLOW, marks=_SLOW)])
def test_that_flipped_bits_make_no_wrong_job(tmp_path: Path, filled: Filled, state: str, flips: int) -> None:
    source, rng = getattr(filled, state), random.Random(state)
    told = 0
    for number in range(flips):
        folder = tmp_path / str(number)
        shutil.copytree(source, folder)
        damaged = _flip(folder, rng)
        count, was_told = _open_flipped(folder / "render-queue.sqlite3", filled)
        told += was_told
        # What SQLite finds wrong in its log it takes as never written: it was on its way when the PC went down.
        assert count == _JOBS or was_told or damaged.name.endswith("-wal")
        shutil.rmtree(folder)
    assert told or state == "killed"


def _flip(folder: Path, rng: random.Random) -> Path:
    damaged = rng.choice(sorted(path for path in folder.glob("render-queue.sqlite3*") if path.stat().st_size))
    content = bytearray(damaged.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    damaged.write_bytes(content)
    return damaged


def _open_flipped(file: Path, filled: Filled) -> tuple[int, bool]:
    """Whether each job is one that was there at some time; the log may have lost its end."""
    with RenderQueue(file) as queue:
        found = _jobs(queue.snapshot())
        assert found.keys() <= filled.jobs.keys()
        assert all(filled.jobs[job_id].order == job.order for job_id, job in found.items())
        return len(found), queue.snapshot().damage is not None


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.97])
def test_that_a_file_that_was_cut_off_keeps_what_is_left(file: Path, filled: Filled, part: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])
    count, told = _check_opened(file, filled)
    assert told
    assert count > part * _JOBS / 3 - 2


def test_that_a_lost_file_is_saved_from_its_log(tmp_path: Path, filled: Filled) -> None:
    shutil.copytree(filled.killed, tmp_path / "own")
    file = tmp_path / "own" / "render-queue.sqlite3"
    file.unlink()
    count, told = _check_opened(file, filled)
    assert (count, told) == (_JOBS, True)


def test_that_a_queue_that_nobody_touched_after_a_kill_has_all(tmp_path: Path, filled: Filled) -> None:
    shutil.copytree(filled.killed, tmp_path / "own")
    assert _check_opened(tmp_path / "own" / "render-queue.sqlite3", filled) == (_JOBS, False)


def test_that_what_was_deleted_is_not_saved_again(file: Path, filled: Filled) -> None:
    with RenderQueue(file) as queue:
        deleted = [job_id for job_id in filled.order[::2] if queue.delete(job_id)]
    assert b"a fox" in file.read_bytes()
    file.write_bytes(b"\xff" * 100 + file.read_bytes()[100:])
    with RenderQueue(file) as queue:
        found = _jobs(queue.snapshot())
    assert found.keys() == filled.jobs.keys() - set(deleted)


def test_that_pictures_stay_when_jobs_were_lost(tmp_path: Path) -> None:
    file, picture = tmp_path / "own" / "render-queue.sqlite3", tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    with RenderQueue(file) as queue:
        queue.add(order(image=picture))
    file.write_bytes(b"")
    with RenderQueue(file):
        assert len(list((file.parent / "render-queue-pictures").iterdir())) == 1


def test_that_a_start_that_ended_while_the_queue_was_begun_anew_loses_nothing(tmp_path: Path, filled: Filled) -> None:
    """One call of the drive after the other fails, and at the next start everything is there."""
    calls = fail_at = 1
    while fail_at <= calls:
        folder = tmp_path / str(fail_at)
        shutil.copytree(filled.closed, folder)
        file = folder / "render-queue.sqlite3"
        file.write_bytes(b"\xff" * 100 + file.read_bytes()[100:])
        disk = FailingDisk(fail_at, OSError(errno.EIO, "the drive is unwell"), of=Calls.WRITES, ever_after=True)
        with contextlib.suppress(WanError):
            RenderQueue(file, disk).close()
        calls = disk.calls if not disk.failed else max(calls, fail_at + 1)
        with RenderQueue(file) as queue:
            assert _jobs(queue.snapshot()) == filled.jobs
        shutil.rmtree(folder)
        fail_at += 1
    assert fail_at > 5


def test_that_the_drive_is_told_apart_from_a_damaged_file(file: Path, filled: Filled) -> None:
    file.unlink()
    file.mkdir()
    with pytest.raises(QueueError, match="cannot be used") as caught:
        RenderQueue(file)
    assert caught.value.hint
    file.rmdir()
    with RenderQueue(file) as queue:
        assert _jobs(queue.snapshot()) == {}


def test_that_a_program_that_has_the_file_without_the_lock_is_told(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE entries SET position = position")
    try:
        with pytest.raises(QueueBusyError):
            RenderQueue(file)
    finally:
        other.close()
    assert not _set_aside(file)


def test_that_a_row_of_another_job_is_not_believed(filled: Filled) -> None:
    job = next(iter(filled.jobs.values()))
    row = job_row(job, 1, 1)
    assert job_of(row, Path("pictures")) == job
    for wrong in (row._replace(entry_id="x"), row._replace(position=2), row._replace(content="{}")):
        with pytest.raises(RowError):
            job_of(wrong, Path("pictures"))


# Formats -------------------------------------------------------------------------------------------------------------

_FORMAT_1 = """
PRAGMA page_size=4096;
CREATE TABLE entries (
    entry_id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    content TEXT NOT NULL,
    digest TEXT NOT NULL
);
PRAGMA user_version=131070;
"""
_FORMAT_1_ROWS = (
    ("queue", -1, 2, '{"paused": true, "when_done": "sleep"}', "0df5d9f6d8c163b26d9a6fa03d6f3466"),
    (
        "0123456789abcdef0123456789abcdef",
        1,
        1,
        '{"job_id": "0123456789abcdef0123456789abcdef", "order": {"model_id": "model-a", "draft": {"prompt": '
        '"a fox in the snow", "image": "aa.png", "width": 832, "seed": 7}}, "created_at": '
        '"2026-11-24T12:00:00+00:00", "state": "waiting", "estimate": {"seconds_low": 60.0, "seconds_high": 90.0}}',
        "d68d0bb4b628fa83ad1bfced2dfcf16f",
    ),
)


@pytest.fixture
def first_format(tmp_path: Path) -> Path:
    """A file as the first version of the program wrote it."""
    file = tmp_path / "old.sqlite3"
    connection = sqlite3.connect(file, isolation_level=None)
    connection.executescript(_FORMAT_1)
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", _FORMAT_1_ROWS)
    connection.close()
    return file


def _database(file: Path, migrations: tuple[Migration, ...]) -> QueueDatabase:
    return QueueDatabase(file, file.parent / "old-pictures", Disk(), migrations=migrations)


def _with_note(connection: sqlite3.Connection) -> object:
    return connection.execute("ALTER TABLE entries ADD COLUMN note TEXT NOT NULL DEFAULT ''")


def _that_fails(connection: sqlite3.Connection) -> object:
    _with_note(connection)
    return connection.execute("UPDATE nothing SET x = 1")


def _columns(file: Path) -> int:
    connection = sqlite3.connect(file)
    count = len(connection.execute("PRAGMA table_info(entries)").fetchall())
    connection.close()
    return count


def test_that_a_queue_of_the_first_format_is_read(first_format: Path) -> None:
    with RenderQueue(first_format) as queue:
        now = queue.snapshot()
        assert now.damage is None
        assert (now.paused, now.when_done) == (True, WhenDone.SLEEP)
        (job,) = now.waiting
        assert (job.state, job.estimate, job.order.draft.seed) == (RenderState.WAITING, ESTIMATE, 7)
        assert job.order.draft.image == first_format.parent / "old-pictures" / "aa.png"
        assert queue.delete(job.job_id)


def test_that_an_older_format_is_brought_to_the_latest(first_format: Path) -> None:
    database = _database(first_format, (*MIGRATIONS, _with_note))
    opened = database.open()
    database.close()
    assert opened.damage is None
    assert len(opened.state.jobs) == 1
    assert _columns(first_format) == 6


def test_that_a_migration_that_fails_changes_nothing(first_format: Path, filled: Filled) -> None:
    connection = sqlite3.connect(first_format, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    database = _database(first_format, (*MIGRATIONS, _with_note, _is_full))
    with pytest.raises(QueueSpaceError):
        database.open()
    assert _columns(first_format) == 5
    with RenderQueue(first_format) as queue:
        assert len(queue.snapshot().waiting) == 1


def _is_full(connection: sqlite3.Connection) -> object:
    """As SQLite says it when the file may not grow."""
    connection.execute("PRAGMA max_page_count=1")
    return connection.execute("CREATE TABLE large AS SELECT zeroblob(1000000) AS x")


def test_that_a_later_format_is_left_alone(first_format: Path) -> None:
    database = _database(first_format, (*MIGRATIONS, _with_note))
    database.open()
    database.close()
    before = first_format.read_bytes()
    with pytest.raises(QueueError, match="later version") as caught:
        RenderQueue(first_format)
    assert caught.value.hint
    assert first_format.read_bytes() == before
    assert not _set_aside(first_format)


@pytest.mark.parametrize("bit", range(32))
def test_that_a_flipped_bit_makes_no_other_format(file: Path, filled: Filled, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[60 + bit // 8] ^= 1 << bit % 8  # user_version: https://www.sqlite.org/fileformat2.html, section 1.3
    file.write_bytes(content)
    with RenderQueue(file) as queue:
        assert _jobs(queue.snapshot()) == filled.jobs
        assert queue.snapshot().damage is not None


# A full or failing drive ---------------------------------------------------------------------------------------------

Operation = Callable[[RenderQueue, str], object]
_OPERATIONS: dict[str, Operation] = {
    "add": lambda queue, _: queue.add(order("x" * 300_000)),
    "next": lambda queue, _: queue.next_job(),
    "stop": lambda queue, job_id: queue.stop(job_id),
    "move": lambda queue, job_id: queue.move_down(job_id),
    "pause": lambda queue, _: queue.pause(),
    "when done": lambda queue, _: queue.set_when_done(WhenDone.SLEEP),
    "delete": lambda queue, job_id: queue.delete(job_id),
}


@pytest.fixture
def full(small_disk: Path) -> Iterator[tuple[RenderQueue, str, Path]]:
    """A queue on a drive that is full, its first job, and what fills the drive."""
    with RenderQueue(small_disk / "queue" / "render-queue.sqlite3") as queue:
        job_id, *_ = queue.add(order("x" * 20_000), versions=3)
        filler = small_disk / "filler"
        fill(filler)
        yield queue, job_id, filler
        filler.unlink(missing_ok=True)


@pytest.mark.parametrize("name", _OPERATIONS)
def test_that_a_full_drive_is_told_and_changes_nothing(full: tuple[RenderQueue, str, Path], name: str) -> None:
    queue, job_id, filler = full
    error, before = _until_full(queue, lambda: _OPERATIONS[name](queue, job_id))
    assert (error.code, error.number) == ("queue-space", 4004)
    assert "full" in error.message
    assert queue.snapshot() == before
    filler.unlink()
    queue.add(order())
    assert len(queue.snapshot().waiting) == len(before.waiting) + 1


def _until_full(queue: RenderQueue, operation: Callable[[], object]) -> tuple[QueueSpaceError, QueueSnapshot]:
    """Operate until there is no room in the log either; returns the error, and how the queue looked before."""
    while True:
        before = queue.snapshot()
        try:
            operation()
            queue.resume() if before.paused else queue.pause()
        except QueueSpaceError as error:
            return error, before


def test_that_a_queue_on_a_full_drive_cannot_be_made(small_disk: Path) -> None:
    fill(small_disk / "filler")
    with pytest.raises(QueueSpaceError):
        RenderQueue(small_disk / "queue" / "render-queue.sqlite3")
    (small_disk / "filler").unlink()
    RenderQueue(small_disk / "queue" / "render-queue.sqlite3").close()


def test_that_a_damaged_queue_on_a_full_drive_stays_as_it_is(small_disk: Path, filled: Filled) -> None:
    file = small_disk / "queue" / "render-queue.sqlite3"
    shutil.copytree(filled.closed, file.parent)
    file.write_bytes(b"\xff" * 100 + file.read_bytes()[100:])
    fill(small_disk / "filler")
    with pytest.raises(QueueSpaceError):
        RenderQueue(file)
    (small_disk / "filler").unlink()
    with RenderQueue(file) as queue:
        assert _jobs(queue.snapshot()) == filled.jobs


def test_that_a_picture_that_finds_no_space_adds_no_job(tmp_path: Path) -> None:
    """Each writing call of the drive in turn says that it is full."""
    picture = tmp_path / "a.png"
    picture.write_bytes(b"the picture")
    fail_at, saved = 0, False
    while not saved:
        fail_at += 1
        file = tmp_path / str(fail_at) / "render-queue.sqlite3"
        disk = FailingDisk(fail_at, disk_full(), of=Calls.WRITES, ever_after=True)
        with contextlib.suppress(QueueSpaceError), RenderQueue(file, disk) as queue:
            queue.add(order(image=picture))
            saved = True
        with RenderQueue(file) as queue:
            assert len(queue.snapshot().waiting) == saved
    assert fail_at > 5


def test_that_jobs_are_written_one_row_each(file: Path, filled: Filled) -> None:
    """Anyone can look at the queue with SQLite: what is in it are the records as JSON."""
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT entry_id, content FROM entries WHERE entry_id != 'queue'").fetchall()
    connection.close()
    assert {entry_id for entry_id, _ in rows} == filled.jobs.keys()
    assert all(json.loads(content)["job_id"] == entry_id for entry_id, content in rows)
