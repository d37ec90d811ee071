"""The library as the window works with it: real files, real index, real lanes."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.core.video_files import write_video
from tests.ui.conftest import WAIT_MS, fake_engine
from tests.ui.library_shelf import all_entries, ask, fill, scan_again, scanned
from wan_desktop.core.errors import InputError, RecipeUnreadableError, VideoLibraryError
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.settings import Settings
from wan_desktop.core.video_library import VideoEntry, VideoPage, VideoQuery, VideoState
from wan_desktop.ui.live.render_outcome import RenderDone, RenderFailed
from wan_desktop.ui.session import Session


def result_of(path: Path) -> GenerationResult:
    """As a render ends."""
    return GenerationResult(path=path, seconds=1.0, timings_s={}, attempts=())


def shown_when_told(qtbot: QtBot, session: Session, act: Callable[[], object]) -> tuple[VideoEntry, ...]:
    """The first videos that somebody sees who looks at each word of a change."""
    seen: list[VideoPage] = []

    def look() -> None:
        session.library.search(VideoQuery(), 0, 10, seen.append)

    session.library.changed.connect(look)
    act()
    qtbot.waitUntil(lambda: bool(seen) and bool(seen[-1].entries), timeout=WAIT_MS)
    return seen[-1].entries


def test_that_the_folders_are_read_at_the_start(qtbot: QtBot, paths: AppPaths, qapp: QApplication) -> None:
    paths.ensure()
    fill(paths.videos, 2)
    write_video(paths.rescued / "saved.mp4", prompt="a saved one")
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    try:
        scanned(qtbot, session)
        found = {entry.prompt for entry in all_entries(qtbot, session)}
        assert found == {"fox 0 in the snow", "fox 1 in the snow", "a saved one"}
        assert session.library.report.new == 3
    finally:
        session.shutdown()


def test_that_another_videos_folder_is_read_when_it_is_chosen(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    scanned(qtbot, session)
    fill(tmp_path / "elsewhere", 1)
    with qtbot.waitSignal(session.library.scanned, timeout=WAIT_MS):
        session.change_settings(session.settings.with_changes(videos_folder=tmp_path / "elsewhere"))
    assert [entry.seed for entry in all_entries(qtbot, session)] == [0]


def test_that_a_question_before_the_index_is_open_is_answered(qtbot: QtBot, session: Session) -> None:
    assert not session.library.is_open
    assert all_entries(qtbot, session) == []


def test_that_a_finished_render_is_taken_in_and_told(qtbot: QtBot, session: Session) -> None:
    scanned(qtbot, session)
    (video,) = fill(session.paths.videos, 1)
    done = RenderDone(None, video, result_of(video))
    (entry,) = shown_when_told(qtbot, session, lambda: session.library.on_queue_job_ended("job", done))
    assert (entry.path, entry.state) == (video, VideoState.PRESENT)
    assert entry.thumbnail is not None


def test_that_a_render_that_failed_or_was_stopped_adds_nothing(qtbot: QtBot, session: Session) -> None:
    for outcome in (None, RenderFailed(InputError("no"), None)):
        session.library.on_queue_job_ended("job", outcome)
    assert all_entries(qtbot, session) == []


def test_that_the_queue_tells_the_library_of_its_videos(qtbot: QtBot, session: Session) -> None:
    scanned(qtbot, session)
    (video,) = fill(session.paths.videos, 1)
    done = RenderDone(None, video, result_of(video))
    (entry,) = shown_when_told(qtbot, session, lambda: session.renders.job_ended.emit("job", done))
    assert entry.path == video


def test_that_a_video_is_renamed_marked_tagged_deleted_and_put_back(qtbot: QtBot, session: Session) -> None:
    fill(session.paths.videos, 1)
    scan_again(qtbot, session)
    library = session.library
    (entry,) = all_entries(qtbot, session)
    renamed = ask(qtbot, lambda done, failed: library.rename(entry.video_id, "my fox", done, failed))
    assert renamed.path.name == "my fox.mp4"
    library.set_favourite([entry.video_id], True)
    library.set_tags([entry.video_id], ["winter", " red  fox "])
    (entry,) = all_entries(qtbot, session, favourites=True, tag="red fox")
    assert entry.tags == ("winter", "red fox")
    assert ask(qtbot, lambda done, _: library.choices(done)).tags == ("red fox", "winter")
    deleted = ask(qtbot, lambda done, failed: library.delete([entry.video_id], done, failed))
    assert not renamed.path.exists()
    assert [video.title for video in deleted] == ["my fox"]
    assert all_entries(qtbot, session) == []
    assert ask(qtbot, lambda done, _: library.trash(done)) == deleted
    (back,) = ask(qtbot, lambda done, failed: library.put_back([entry.video_id], done, failed))
    assert back.path.is_file()
    assert back.favourite


def test_that_a_wrong_name_is_an_error_for_the_asker_and_else_a_trouble(qtbot: QtBot, session: Session) -> None:
    fill(session.paths.videos, 2)
    scan_again(qtbot, session)
    entry = all_entries(qtbot, session)[0]
    with pytest.raises(InputError):
        ask(qtbot, lambda done, failed: session.library.rename(entry.video_id, "fox 0", done, failed))
    with qtbot.waitSignal(session.library.trouble, timeout=WAIT_MS) as trouble:
        session.library.rename(entry.video_id, "a/b\0c")
    assert isinstance(trouble.args[0], InputError)


def test_that_a_missing_video_is_found_or_removed(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    first, second = fill(session.paths.videos, 2)
    scan_again(qtbot, session)
    elsewhere = tmp_path / "drive" / "moved.mp4"
    elsewhere.parent.mkdir()
    first.rename(elsewhere)
    second.unlink()
    scan_again(qtbot, session)
    entries = {entry.seed: entry for entry in all_entries(qtbot, session)}
    assert {entry.state for entry in entries.values()} == {VideoState.MISSING}
    library = session.library
    found = ask(qtbot, lambda done, failed: library.find(entries[0].video_id, elsewhere.parent, done, failed))
    assert (found.path, found.state) == (elsewhere, VideoState.PRESENT)
    with pytest.raises(InputError):
        ask(qtbot, lambda done, failed: library.find(entries[1].video_id, elsewhere, done, failed))
    ask(qtbot, lambda done, _: library.remove([entries[1].video_id], done))
    assert [entry.seed for entry in all_entries(qtbot, session)] == [0]


def test_that_videos_are_copied_whole(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    videos = fill(session.paths.videos, 2)
    scan_again(qtbot, session)
    ids = [entry.video_id for entry in all_entries(qtbot, session)]
    copies = ask(qtbot, lambda done, failed: session.library.export(ids, tmp_path / "out", done, failed))
    assert sorted(path.read_bytes() for path in copies) == sorted(path.read_bytes() for path in videos)


def test_that_small_pictures_come_as_images_or_with_a_reason(qtbot: QtBot, session: Session) -> None:
    good, bad = fill(session.paths.videos, 2)
    scan_again(qtbot, session)
    entries = all_entries(qtbot, session)
    bad.unlink()
    made = {}
    while len(made) < 2:
        left = [entry for entry in entries if entry.video_id not in made]
        made |= ask(qtbot, lambda done, failed, left=left: session.library.thumbnails(left, done, failed))
    pictures = {entry.seed: made[entry.video_id] for entry in entries}
    assert (pictures[0].image.width(), pictures[0].image.height()) == (320, 160)
    assert pictures[1].image.isNull()
    assert "cannot be read" in pictures[1].reason
    one = ask(qtbot, lambda done, _: session.library.thumbnail(entries[1].video_id, done))
    assert one.image == pictures[0].image
    assert good.is_file()


def test_that_a_file_brings_its_settings_and_its_video(qtbot: QtBot, session: Session, tmp_path: Path) -> None:
    (video,) = fill(session.paths.videos, 1)
    scan_again(qtbot, session)
    found = ask(qtbot, lambda done, failed: session.library.recipe(video, done, failed))
    assert found.recipe.request.prompt == "fox 0 in the snow"
    assert found.entry.path == video
    other = write_video(tmp_path / "other.mp4", prompt="from afar")
    assert ask(qtbot, lambda done, failed: session.library.recipe(other, done, failed)).entry is None
    text = tmp_path / "notes.json"
    text.write_text("{}", encoding="utf-8")
    with pytest.raises(RecipeUnreadableError):
        ask(qtbot, lambda done, failed: session.library.recipe(text, done, failed))


def test_that_an_index_that_cannot_be_opened_is_told_and_can_be_opened_later(
    qtbot: QtBot, qapp: QApplication, paths: AppPaths
) -> None:
    paths.ensure()
    fill(paths.videos, 1)
    paths.video_library_file.mkdir()  # as if something else had that name
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    try:
        with qtbot.waitSignal(session.library.failed_to_open, timeout=WAIT_MS):
            pass
        assert isinstance(session.library.error, VideoLibraryError)
        paths.video_library_file.rmdir()
        with qtbot.waitSignal(session.library.scanned, timeout=WAIT_MS):
            session.library.open()
        assert session.library.error is None
        assert len(all_entries(qtbot, session)) == 1
    finally:
        session.shutdown()


def test_that_a_damaged_index_is_made_anew_from_the_files(qtbot: QtBot, qapp: QApplication, paths: AppPaths) -> None:
    paths.ensure()
    fill(paths.videos, 2)
    paths.video_library_file.write_bytes(b"no index at all" * 400)
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    try:
        scanned(qtbot, session)
        assert len(all_entries(qtbot, session)) == 2
    finally:
        session.shutdown()


def test_that_nothing_is_open_after_the_end(qtbot: QtBot, qapp: QApplication, paths: AppPaths) -> None:
    paths.ensure()
    session = Session(paths, Settings(), qapp, engine_command=fake_engine("ok"))
    scanned(qtbot, session)
    session.shutdown()
    connection = sqlite3.connect(paths.video_library_file, timeout=0)
    connection.execute("BEGIN EXCLUSIVE")
    connection.close()
    assert not session.library.is_open
