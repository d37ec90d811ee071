"""Videos of other programs in the library's folder: shown as far as their files tell, and never taken for ours."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.core.video_files import RECIPE, Shelf, cut, open_shelf, quiet, write_foreign, write_sound, write_video
from wan_desktop.core.errors import InputError, VideoUnreadableError
from wan_desktop.core.video_library import VideoLibrary, VideoState


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    opened = open_shelf(tmp_path)
    yield opened
    opened.library.close()


def test_that_a_foreign_video_is_known_by_what_its_file_tells(shelf: Shelf) -> None:
    path = write_foreign(shelf.videos / "A day at the sea.mp4", frames=12, created="2025-07-01T12:30:00Z")
    report = shelf.scan()
    (entry,) = shelf.all()
    assert (report.new, report.foreign, report.unreadable) == (1, 1, ())
    assert (entry.title, entry.path, entry.size_bytes) == ("A day at the sea", path, path.stat().st_size)
    assert (entry.width, entry.height, entry.num_frames, entry.fps, entry.seconds) == (64, 32, 12, 8.0, 1.5)
    assert entry.created == "2025-07-01T12:30:00.000000+00:00"
    assert (entry.state, entry.damage, entry.has_recipe, entry.no_recipe) == (VideoState.PRESENT, "", False, "")
    assert (entry.prompt, entry.model_id, entry.mode, entry.seed) == ("", "", None, None)
    assert shelf.library.thumbnail(entry.video_id).path is not None
    with pytest.raises(VideoUnreadableError):
        _ = entry.recipe


@pytest.mark.parametrize("name", ["a.webm", "a.mkv", "a.MOV", "a.m4v", "a.avi"])
def test_that_other_kinds_of_files_are_videos_too(shelf: Shelf, name: str) -> None:
    write_foreign(shelf.videos / name, codec="libvpx-vp9" if name == "a.webm" else "libx264", frames=8)
    shelf.scan()
    (entry,) = shelf.all()
    assert (entry.title, entry.width, entry.state) == ("a", 64, VideoState.PRESENT)
    assert entry.seconds == pytest.approx(1.0, abs=0.2)  # some kinds round the length to their own clock


@pytest.mark.parametrize("created", ["1970-01-01T00:00:00Z", "1904-01-01T00:00:00Z"])
def test_that_a_clock_that_was_never_set_is_not_believed(shelf: Shelf, created: str) -> None:
    path = write_foreign(shelf.videos / "a.mp4", created=created)
    os.utime(path, (1_750_000_000, 1_750_000_000))
    shelf.scan()
    assert shelf.all()[0].created.startswith("2025-06-15")


def test_that_foreign_videos_stand_among_ours_and_can_be_left_out(shelf: Shelf) -> None:
    write_video(shelf.videos / "fox.mp4", prompt="a fox")
    write_foreign(shelf.videos / "sea shore.mp4")
    shelf.scan()
    assert sorted(entry.title for entry in shelf.all()) == ["a fox", "sea shore"]
    assert [entry.title for entry in shelf.all(with_recipe=True)] == ["a fox"]
    assert [entry.title for entry in shelf.all(text="SHORE")] == ["sea shore"]
    choices = shelf.library.choices()
    assert (choices.models, len(choices.modes), choices.sizes) == (("tiny",), 1, ((64, 32),))


def test_that_a_foreign_video_moved_elsewhere_keeps_what_it_was_given(shelf: Shelf) -> None:
    path = write_foreign(shelf.videos / "a.mp4", frames=3)
    shelf.scan()
    video_id = shelf.all()[0].video_id
    shelf.library.set_tags([video_id], ["holiday"])
    (shelf.videos / "2025").mkdir()
    path.rename(shelf.videos / "2025" / "beach.mp4")
    report = shelf.scan()
    assert (report.new, report.moved, report.missing) == (0, 1, 0)
    (entry,) = shelf.all()
    assert (entry.video_id, entry.path.name, entry.tags) == (video_id, "beach.mp4", ("holiday",))


def test_that_a_file_that_is_still_being_copied_becomes_a_video_in_its_place(shelf: Shelf) -> None:
    whole = write_foreign(shelf.data.parent / "whole.mp4", frames=5).read_bytes()
    path = shelf.videos / "a.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    shelf.scan()
    (half,) = shelf.all()
    assert (half.state, half.width, half.seconds) == (VideoState.DAMAGED, 0, 0.0)
    shelf.library.set_favourite([half.video_id], True)
    path.write_bytes(whole)
    shelf.scan()
    (entry,) = shelf.all()
    assert (entry.video_id, entry.state, entry.width, entry.favourite) == (half.video_id, VideoState.PRESENT, 64, True)


def test_that_what_was_given_survives_a_change_of_the_file_and_a_loss_of_the_index(shelf: Shelf) -> None:
    path = write_foreign(shelf.videos / "a.mp4", frames=3)
    shelf.scan()
    shelf.library.set_favourite([shelf.all()[0].video_id], True)
    write_foreign(path, "edited elsewhere", frames=4)
    shelf.scan()
    shelf.library.close()
    (shelf.data / "videos.sqlite3").unlink()
    anew = VideoLibrary(shelf.data / "videos.sqlite3", shelf.data / "thumbnails")
    anew.scan([shelf.videos], quiet())
    assert [entry.favourite for entry in anew.search().entries] == [True]
    anew.close()


def test_that_two_foreign_files_that_change_names_change_cards(shelf: Shelf) -> None:
    one, other = write_foreign(shelf.videos / "1.mp4", frames=3), write_foreign(shelf.videos / "2.mp4", frames=4)
    shelf.scan()
    ids = {entry.num_frames: entry.video_id for entry in shelf.all()}
    one.rename(shelf.videos / "x.mp4")
    other.rename(one)
    (shelf.videos / "x.mp4").rename(other)
    os.utime(one, ns=(5, 5))
    os.utime(other, ns=(6, 6))
    shelf.scan()
    found = {entry.num_frames: (entry.video_id, entry.path.name) for entry in shelf.all()}
    assert found == {3: (ids[3], "2.mp4"), 4: (ids[4], "1.mp4")}


def test_that_a_video_of_ours_whose_settings_were_taken_out_keeps_them(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4", prompt="a fox")
    shelf.scan()
    write_foreign(path, frames=5)
    shelf.scan()
    (entry,) = shelf.all()
    assert (entry.state, entry.prompt, entry.damage) == (
        VideoState.DAMAGED,
        "a fox",
        "The file holds no settings any more.",
    )


def test_that_a_recipe_that_comes_later_makes_it_one_of_ours(shelf: Shelf) -> None:
    path = write_foreign(shelf.videos / "a.mp4")
    shelf.scan()
    video_id = shelf.all()[0].video_id
    path.with_suffix(".json").write_text(RECIPE.to_json())
    shelf.library.rebuild([shelf.videos], quiet())
    (entry,) = shelf.all()
    assert (entry.video_id, entry.prompt, entry.has_recipe) == (video_id, RECIPE.request.prompt, True)


def test_that_deleting_a_foreign_video_leaves_what_only_has_its_name(shelf: Shelf) -> None:
    path = write_foreign(shelf.videos / "sea.mp4")
    Image.new("RGB", (64, 32)).save(path.with_suffix(".png"))
    path.with_suffix(".json").write_text("{}")
    (shelf.videos / "sea frames").mkdir()
    Image.new("RGB", (64, 32)).save(shelf.videos / "sea frames" / "00001.png")
    shelf.scan()
    video_id = shelf.all()[0].video_id
    shelf.library.delete([video_id])
    assert {"sea.png", "sea.json", "sea frames"} <= {found.name for found in shelf.videos.iterdir()}
    (back,) = shelf.library.put_back([video_id])
    assert (back.path, back.state, back.has_recipe) == (path, VideoState.PRESENT, False)


def test_that_a_deleted_foreign_video_is_known_after_a_loss_of_the_index(shelf: Shelf) -> None:
    path = write_foreign(shelf.videos / "sea.mp4")
    shelf.scan()
    shelf.library.delete([shelf.all()[0].video_id])
    shelf.library.close()
    (shelf.data / "videos.sqlite3").unlink()
    anew = VideoLibrary(shelf.data / "videos.sqlite3", shelf.data / "thumbnails")
    anew.scan([shelf.videos], quiet())
    assert [video.title for video in anew.trash()] == ["sea"]
    assert anew.put_back([video.video_id for video in anew.trash()])[0].path == path
    anew.close()


def test_that_a_missing_foreign_video_is_found_where_the_user_points(shelf: Shelf, tmp_path: Path) -> None:
    path = write_foreign(shelf.videos / "a.mkv", frames=3)
    other = write_foreign(tmp_path / "far" / "b.mkv", frames=4)
    shelf.scan()
    (entry,) = shelf.all()
    moved = Path(shutil.move(path, tmp_path / "far" / "c.mkv"))
    with pytest.raises(InputError, match=r"b\.mkv is another video\."):
        shelf.library.find(entry.video_id, other, quiet())
    assert shelf.library.find(entry.video_id, tmp_path / "far", quiet()).path == moved


def test_that_a_foreign_video_is_renamed_with_its_own_ending(shelf: Shelf) -> None:
    write_foreign(shelf.videos / "a.webm", codec="libvpx-vp9")
    shelf.scan()
    entry = shelf.library.rename(shelf.all()[0].video_id, "beach.WEBM")
    assert (entry.title, entry.path.name) == ("beach", "beach.webm")


def test_that_a_file_without_pictures_has_no_card_and_is_read_once(shelf: Shelf) -> None:
    write_sound(shelf.videos / "song.mp4")
    assert (shelf.scan().new, shelf.scan().unchanged) == (0, 1)
    assert shelf.all() == []


@pytest.mark.parametrize("left", [0.0, 0.1, 0.5, 0.95])
def test_that_a_foreign_file_that_is_cut_off_has_a_card_with_the_reason(shelf: Shelf, left: float) -> None:
    path = cut(write_foreign(shelf.videos / "sea.mp4", frames=20), left)
    report = shelf.scan()
    (entry,) = shelf.all()
    assert (entry.title, entry.path, entry.state) == ("sea", path, VideoState.DAMAGED)
    assert entry.damage
    assert [bad.path for bad in report.unreadable] == [path]
    made = shelf.library.thumbnail(entry.video_id)
    assert (made.path is None) == bool(made.reason)
    assert (shelf.scan().unchanged, len(shelf.all())) == (1, 1)


def test_that_an_index_of_the_version_before_keeps_all_and_learns_the_foreign(shelf: Shelf) -> None:
    gone = write_video(shelf.videos / "gone.mp4", prompt="gone")
    write_foreign(shelf.videos / "sea.mp4")
    shelf.scan()
    video_id = shelf.one("gone").video_id
    shelf.library.set_favourite([video_id], True)
    gone.unlink()
    shelf.scan()
    shelf.library.close()
    connection = sqlite3.connect(shelf.data / "videos.sqlite3")
    connection.execute("DELETE FROM videos WHERE mode = ''")
    connection.execute("ALTER TABLE videos DROP COLUMN no_recipe")
    stamp = (shelf.videos / "sea.mp4").stat()
    sea = str(shelf.videos / "sea.mp4")
    connection.execute("INSERT INTO others VALUES (?, ?, ?, ?, '')", (sea, sea, stamp.st_size, stamp.st_mtime_ns))
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    later = VideoLibrary(shelf.data / "videos.sqlite3", shelf.data / "thumbnails")
    assert not later.begun_anew
    later.scan([shelf.videos], quiet())
    missing, sea_entry = later.entry(video_id), later.entry_at(shelf.videos / "sea.mp4")
    assert (missing.state, missing.favourite, missing.prompt) == (VideoState.MISSING, True, "gone")
    assert sea_entry is not None
    assert not sea_entry.has_recipe
    later.close()
