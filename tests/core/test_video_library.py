"""Videos into the library, found again, named, marked, deleted and put back."""

import datetime
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.core.video_files import RECIPE, Shelf, open_shelf, quiet, recipe, write_foreign, write_sound, write_video
from wan_desktop.core.catalog import GenerationMode
from wan_desktop.core.errors import (
    InputError,
    JobCancelled,
    RequestError,
    VideoMissingError,
    VideoUnreadableError,
)
from wan_desktop.core.generation import GenerationResult
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.library import Library
from wan_desktop.core.video_library import ScanProgress, Sort, VideoLibrary, VideoQuery, VideoState


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    opened = open_shelf(tmp_path)
    yield opened
    opened.library.close()


def result(path: Path) -> GenerationResult:
    return GenerationResult(path=path, seconds=1.0, timings_s={}, attempts=())


# In and found --------------------------------------------------------------------------------------------------------


def test_that_a_finished_video_is_known_with_all_that_its_card_shows(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4", prompt="a fox " * 30, seed=2**32 - 1)
    entry = shelf.library.add(result(path))
    assert (entry.path, entry.state, entry.damage) == (path, VideoState.PRESENT, "")
    assert entry.title.startswith("a fox a fox")
    assert len(entry.title) <= 60
    assert (entry.width, entry.height, entry.num_frames, entry.fps, entry.seconds) == (64, 32, 5, 8.0, 0.625)
    assert (entry.model_id, entry.mode, entry.seed) == ("tiny", GenerationMode.T2V, 2**32 - 1)
    assert (entry.favourite, entry.tags) == (False, ())
    assert entry.size_bytes == path.stat().st_size
    assert entry.mtime_ns == path.stat().st_mtime_ns
    assert entry.recipe == recipe(prompt="a fox " * 30, seed=2**32 - 1)
    assert entry.thumbnail is not None
    assert entry.thumbnail.is_file()
    assert entry.created == "2026-11-24T03:00:00.000000+00:00"
    assert shelf.library.entry_at(path) == entry


def test_that_the_library_of_an_installation_lies_in_its_data_folder(tmp_path: Path) -> None:
    paths = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path / "home")})
    library = VideoLibrary.open(paths)
    assert library.begun_anew
    assert library.search().total == 0
    library.close()
    assert paths.video_library_file.is_file()


def test_that_a_file_without_pictures_is_not_added(shelf: Shelf) -> None:
    with pytest.raises(VideoUnreadableError, match="holds no pictures"):
        shelf.library.add_file(write_sound(shelf.videos / "song.mp4"))
    assert shelf.all() == []


def test_that_a_video_added_twice_is_one(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    assert shelf.library.add_file(path).video_id == shelf.library.add_file(path).video_id
    assert len(shelf.all()) == 1


def test_that_search_looks_at_words_in_prompt_model_and_tags(shelf: Shelf) -> None:
    write_video(shelf.videos / "a.mp4", prompt="Ein Fuchs läuft durch den Schnee", model_id="wan2.2-t2v-a14b")
    write_video(shelf.videos / "b.mp4", prompt="一只红色的狐狸在雪地里奔跑", seed=12)
    write_video(shelf.videos / "c.mp4", prompt="100 % _ 'quoted' \"words\"; DROP TABLE videos", seed=13)
    shelf.scan()
    shelf.library.set_tags([shelf.one("一只红色的狐狸在雪地里奔跑").video_id], [" Best ", "best", "", "fürs\nHaus"])
    found = {
        text: len(shelf.prompts(text=text))
        for text in ("fuchs", "FUCHS lauft", "schnee a14b", "狐狸", "best", "furs haus", "% _", "'quoted' \"w", "zebra")
    }
    assert list(found.values()) == [1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert shelf.one("一只红色的狐狸在雪地里奔跑").tags == ("Best", "fürs Haus")


def test_that_filters_and_their_choices_agree(shelf: Shelf) -> None:
    write_video(shelf.videos / "a.mp4", prompt="a", model_id="wan-a")
    write_video(shelf.videos / "b.mp4", prompt="b", model_id="wan-b", mode=GenerationMode.TI2V, width=32)
    shelf.scan()
    shelf.library.set_favourite([shelf.one("b").video_id], True)
    shelf.library.set_tags([shelf.one("a").video_id], ["snow"])
    choices = shelf.library.choices()
    assert choices.models == ("wan-a", "wan-b")
    assert choices.modes == (GenerationMode.T2V, GenerationMode.TI2V)
    assert (choices.sizes, choices.tags) == (((32, 32), (64, 32)), ("snow",))
    assert shelf.prompts(model_id="wan-a") == shelf.prompts(mode=GenerationMode.T2V) == ["a"]
    assert shelf.prompts(size=(64, 32)) == shelf.prompts(tag="snow") == ["a"]
    assert shelf.prompts(favourites=True) == ["b"]
    assert shelf.prompts(favourites=True, model_id="wan-a") == []


def test_that_days_are_those_of_this_place(shelf: Shelf) -> None:
    here = datetime.datetime(2026, 3, 5, 0, 30).astimezone()
    write_video(shelf.videos / "a.mp4", recipe(created=here.astimezone(datetime.UTC).isoformat()).to_json())
    shelf.scan()
    day, one = datetime.date(2026, 3, 5), datetime.timedelta(days=1)
    assert len(shelf.all(first_day=day, last_day=day)) == 1
    assert shelf.all(first_day=day + one) == shelf.all(last_day=day - one) == []
    assert len(shelf.all(first_day=datetime.date.min, last_day=datetime.date.max)) == 1


def test_that_videos_come_in_the_wanted_order(shelf: Shelf) -> None:
    for number, (prompt, frames) in enumerate((("bear", 5), ("Ant", 9), ("cat", 1))):
        made = recipe(created=f"2026-11-24T0{number}:00:00+00:00", prompt=prompt, num_frames=frames)
        write_video(shelf.videos / f"{number}.mp4", made.to_json(), num_frames=frames)
    shelf.scan()
    assert shelf.prompts() == shelf.prompts(sort=Sort.NEWEST) == ["cat", "Ant", "bear"]
    assert shelf.prompts(sort=Sort.OLDEST) == ["bear", "Ant", "cat"]
    assert shelf.prompts(sort=Sort.LONGEST) == ["Ant", "bear", "cat"]
    assert shelf.prompts(sort=Sort.NAME) == ["Ant", "bear", "cat"]


def test_that_pages_put_together_are_all_videos(shelf: Shelf) -> None:
    for number in range(7):
        write_video(shelf.videos / f"{number}.mp4", seed=number)
    shelf.scan()
    pages = [shelf.library.search(offset=offset, limit=3) for offset in (0, 3, 6, 9)]
    assert [(page.total, len(page.entries)) for page in pages] == [(7, 3), (7, 3), (7, 1), (7, 0)]
    assert [entry.video_id for page in pages for entry in page.entries] == [e.video_id for e in shelf.all()]


# Scans ---------------------------------------------------------------------------------------------------------------


def test_that_a_scan_opens_only_what_changed(shelf: Shelf) -> None:
    paths = [write_video(shelf.videos / "deep" / f"{number}.mp4", seed=number) for number in range(3)]
    write_foreign(shelf.videos / "sea.mp4")
    write_sound(shelf.videos / "song.mp4")
    (shelf.videos / "bad.mp4").write_bytes(b"no video at all")
    first = shelf.scan()
    assert (first.new, first.changed, first.unchanged, first.foreign) == (5, 0, 0, 1)
    assert [(bad.path.name, "cannot be read as a video" in bad.reason) for bad in first.unreadable] == [
        ("bad.mp4", True)
    ]
    asked: list[ScanProgress] = []
    second = shelf.library.scan([shelf.videos], JobContext("test", lambda _, progress: asked.append(progress)))
    assert (second.new, second.changed, second.unchanged, second.foreign, len(second.unreadable)) == (0, 0, 6, 1, 1)
    assert {progress.total for progress in asked} == {0}
    os.utime(paths[1], ns=(1, 1))
    third = shelf.scan()
    assert (third.new, third.changed, third.unchanged) == (0, 1, 5)
    assert shelf.library.entry_at(paths[1]).mtime_ns == 1  # type: ignore[union-attr]


def test_that_hidden_and_half_written_files_are_left_alone(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    shutil.copy(path, shelf.videos / ".a.77.part.mp4")
    (shelf.videos / ".hidden").mkdir()
    shutil.copy(path, shelf.videos / ".hidden" / "b.mp4")
    (shelf.videos / "c.mp4").mkdir()
    assert shelf.scan().new == 1


def test_that_a_file_moved_elsewhere_stays_the_same_video(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    shelf.scan()
    before = shelf.all()[0]
    shelf.library.set_favourite([before.video_id], True)
    (shelf.videos / "later").mkdir()
    path.rename(shelf.videos / "later" / "füchse 🦊.mp4")
    report = shelf.scan()
    assert (report.new, report.moved, report.missing) == (0, 1, 0)
    (after,) = shelf.all()
    assert (after.video_id, after.path.name, after.favourite) == (before.video_id, "füchse 🦊.mp4", True)
    assert shelf.all(text="fuchse 🦊") == [after]


def test_that_two_files_that_change_names_change_cards(shelf: Shelf) -> None:
    one, other = write_video(shelf.videos / "1.mp4", prompt="one"), write_video(shelf.videos / "2.mp4", prompt="two")
    shelf.scan()
    ids = {entry.prompt: entry.video_id for entry in shelf.all()}
    shelf.library.set_favourite([ids["one"]], True)
    one.rename(shelf.videos / "x.mp4")
    other.rename(one)
    (shelf.videos / "x.mp4").rename(other)
    os.utime(one, ns=(5, 5))
    os.utime(other, ns=(6, 6))
    shelf.scan()
    found = {entry.prompt: (entry.video_id, entry.path.name, entry.favourite) for entry in shelf.all()}
    assert found == {"one": (ids["one"], "2.mp4", True), "two": (ids["two"], "1.mp4", False)}


def test_that_a_copy_is_a_video_of_its_own(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    shutil.copy(path, shelf.videos / "b.mp4")
    shelf.scan()
    first = shelf.library.entry_at(path)
    assert first is not None
    shelf.library.set_favourite([first.video_id], True)
    assert sorted(entry.favourite for entry in shelf.all()) == [False, True]
    assert len({entry.recipe_id for entry in shelf.all()}) == 1


def test_that_a_missing_file_is_a_grey_card_until_it_is_back(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    shelf.scan()
    path.rename(path.with_suffix(".off"))
    assert shelf.scan().missing == 1
    assert shelf.all()[0].state == VideoState.MISSING
    path.with_suffix(".off").rename(path)
    report = shelf.scan()
    assert (report.missing, report.unchanged) == (0, 1)
    assert shelf.all()[0].state == VideoState.PRESENT


def test_that_a_missing_drive_takes_no_card_and_no_mark_away(shelf: Shelf, tmp_path: Path) -> None:
    path = write_video(shelf.videos / "a.mp4")
    shelf.scan()
    video_id = shelf.all()[0].video_id
    shelf.library.set_tags([video_id], ["kept"])
    copy = Path(shutil.copy(path, tmp_path / "copy.mp4"))
    shelf.videos.rename(tmp_path / "unplugged")
    other = tmp_path / "other"
    other.mkdir()
    copy.rename(other / "copy.mp4")
    report = shelf.library.scan([shelf.videos, other], quiet())
    assert [folder.path for folder in report.folders] == [shelf.videos]
    assert (report.missing, report.moved, report.new) == (1, 0, 1)
    assert shelf.library.entry(video_id).state == VideoState.MISSING
    (tmp_path / "unplugged").rename(shelf.videos)
    assert shelf.scan().missing == 0
    assert shelf.library.entry(video_id).tags == ("kept",)


def test_that_videos_outside_of_the_folders_are_looked_after(shelf: Shelf, tmp_path: Path) -> None:
    path = write_video(tmp_path / "elsewhere" / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    assert shelf.scan().missing == 0
    path.unlink()
    assert shelf.scan().missing == 1
    assert shelf.library.entry(video_id).state == VideoState.MISSING


def test_that_a_scan_can_be_stopped_and_goes_on(shelf: Shelf) -> None:
    for number in range(5):
        write_video(shelf.videos / f"{number}.mp4", seed=number)
    context = JobContext("test", lambda _, progress: context.cancel_asked.set() if progress.done == 2 else None)
    with pytest.raises(JobCancelled):
        shelf.library.scan([shelf.videos], context)
    assert len(shelf.all()) == 3
    report = shelf.scan()
    assert (report.new, report.unchanged) == (2, 3)


def test_that_listeners_are_told_and_pull_meanwhile(shelf: Shelf) -> None:
    seen: list[tuple[str, int]] = []
    end = shelf.library.subscribe(lambda: seen.append((threading.current_thread().name, shelf.library.search().total)))
    write_video(shelf.videos / "a.mp4")
    thread = threading.Thread(target=shelf.scan, name="files")
    thread.start()
    thread.join()
    assert seen[-1] == ("files", 1)
    end()
    count = len(seen)
    shelf.library.set_favourite([shelf.all()[0].video_id], True)
    assert len(seen) == count


def test_that_rebuilding_reads_all_again_and_keeps_what_the_user_gave(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    gone = write_video(shelf.videos / "b.mp4", prompt="gone")
    shelf.scan()
    ids = [entry.video_id for entry in shelf.all()]
    shelf.library.set_favourite(ids, True)
    gone.unlink()
    report = shelf.library.rebuild([shelf.videos], quiet())
    assert (report.changed, report.unchanged, report.missing) == (1, 0, 1)
    assert [(entry.video_id, entry.favourite) for entry in shelf.all()] == [(video_id, True) for video_id in ids]
    assert shelf.library.entry_at(path).state == VideoState.PRESENT  # type: ignore[union-attr]


# Names ---------------------------------------------------------------------------------------------------------------


def test_that_renaming_takes_along_what_belongs_to_the_video(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    path.with_suffix(".json").write_text(RECIPE.to_json())
    Image.new("RGB", (64, 32)).save(path.with_suffix(".png"))
    (shelf.videos / "a frames").mkdir()
    Image.new("RGB", (64, 32)).save(shelf.videos / "a frames" / "00001.png")
    (shelf.videos / "a.txt").write_text("mine")
    shelf.scan()
    entry = shelf.library.rename(shelf.all()[0].video_id, "  Füchse im Schnee.mp4 ")
    assert entry.title == "Füchse im Schnee"
    assert sorted(found.name for found in shelf.videos.iterdir()) == [
        "Füchse im Schnee frames",
        "Füchse im Schnee.json",
        "Füchse im Schnee.mp4",
        "Füchse im Schnee.png",
        "a.txt",
    ]
    report = shelf.scan()
    assert (report.new, report.moved, report.missing, report.unchanged) == (0, 0, 0, 1)
    assert shelf.all(text="fuchse im") == [shelf.library.entry(entry.video_id)]


@pytest.mark.parametrize(
    "name", ["", "  ", ".mp4", "a/b", "a\\b", "a:b", "con", "NUL.mp4", "a?", ".hidden", "x" * 200, "a\0b", "a\nb", ".."]
)
def test_that_a_name_that_no_file_can_have_is_refused(shelf: Shelf, name: str) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    with pytest.raises(InputError, match="cannot be named so"):
        shelf.library.rename(video_id, name)
    assert path.is_file()


def test_that_renaming_overwrites_nothing(shelf: Shelf) -> None:
    path, other = write_video(shelf.videos / "a.mp4"), shelf.videos / "b.mp4"
    other.write_bytes(b"precious")
    video_id = shelf.library.add_file(path).video_id
    with pytest.raises(InputError, match=r"a file named b\.mp4 already"):
        shelf.library.rename(video_id, "b")
    assert other.read_bytes() == b"precious"
    assert path.is_file()
    assert shelf.library.rename(video_id, "A").path.name == "A.mp4"


def test_that_a_missing_video_cannot_be_renamed(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    path.unlink()
    with pytest.raises(VideoMissingError):
        shelf.library.rename(video_id, "b")


# Find and remove -----------------------------------------------------------------------------------------------------


def test_that_a_missing_file_is_found_where_the_user_points(shelf: Shelf, tmp_path: Path) -> None:
    path = write_video(shelf.videos / "a.mp4")
    other = write_video(tmp_path / "far" / "b.mp4", prompt="another")
    shelf.scan()
    video_id = shelf.all()[0].video_id
    shelf.library.set_favourite([video_id], True)
    target = tmp_path / "far" / "deep" / "new name.MP4"
    target.parent.mkdir()
    path.rename(target)
    with pytest.raises(InputError, match="is another video"):
        shelf.library.find(video_id, other, quiet())
    with pytest.raises(VideoMissingError, match="is not in"):
        shelf.library.find(video_id, shelf.videos, quiet())
    with pytest.raises(VideoUnreadableError):
        shelf.library.find(video_id, write_foreign(tmp_path / "sea.mp4"), quiet())
    entry = shelf.library.find(video_id, tmp_path / "far", quiet())
    assert (entry.video_id, entry.path, entry.state, entry.favourite) == (video_id, target, VideoState.PRESENT, True)
    assert shelf.library.find(video_id, other, quiet()).path == target  # it is not missing any more


def test_that_finding_a_file_that_is_known_already_joins_the_two(shelf: Shelf, tmp_path: Path) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    moved = Path(shutil.move(path, tmp_path / "b.mp4"))
    again = shelf.library.add_file(moved)
    assert again.video_id != video_id
    shelf.library.set_tags([again.video_id], ["new"])
    assert shelf.library.find(video_id, moved, quiet()).tags == ("new",)
    assert [entry.video_id for entry in shelf.all()] == [video_id]


def test_that_only_a_missing_video_can_be_removed_and_it_comes_back_with_its_marks(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    shelf.library.set_favourite([video_id], True)
    with pytest.raises(RequestError, match="is there"):
        shelf.library.remove([video_id])
    path.rename(path.with_suffix(".off"))
    shelf.library.remove([video_id])
    assert shelf.all() == []
    path.with_suffix(".off").rename(path)
    shelf.scan()
    assert shelf.all()[0].favourite


# Trash ---------------------------------------------------------------------------------------------------------------


def test_that_a_deleted_video_comes_back_whole(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    Image.new("RGB", (64, 32)).save(path.with_suffix(".png"))
    video_id = shelf.library.add_file(path).video_id
    shelf.library.set_favourite([video_id], True)
    data = path.read_bytes()
    (deleted,) = shelf.library.delete([video_id])
    assert (deleted.video_id, deleted.path, deleted.folder.is_dir()) == (video_id, path, True)
    assert shelf.all() == []
    assert [found.name for found in shelf.videos.iterdir()] == [".wan-desktop"]
    with pytest.raises(VideoMissingError, match="no such video"):
        shelf.library.entry(video_id)
    assert shelf.scan().new == 0
    (back,) = shelf.library.put_back([video_id])
    assert (back.video_id, back.path, back.favourite, back.state) == (video_id, path, True, VideoState.PRESENT)
    assert path.read_bytes() == data
    assert sorted(found.name for found in shelf.videos.iterdir()) == ["a.mp4", "a.png"]
    assert shelf.library.trash() == []
    with pytest.raises(VideoMissingError, match="not in the trash"):
        shelf.library.put_back([video_id])


def test_that_putting_back_overwrites_nothing(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    shelf.library.delete([video_id])
    other = shelf.library.add_file(write_video(path, prompt="another"))
    (back,) = shelf.library.put_back([video_id])
    assert back.path.name == "a (2).mp4"
    assert {entry.video_id for entry in shelf.all()} == {video_id, other.video_id}


def test_that_the_trash_keeps_seven_days(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    (deleted,) = shelf.library.delete([video_id])
    size_bytes = deleted.size_bytes
    assert shelf.library.empty_trash() == 0
    later_s = time.time() + 7 * 86_400
    monkeypatch.setattr(time, "time", lambda: later_s)
    assert shelf.library.empty_trash() == size_bytes
    assert list(shelf.videos.iterdir()) == []
    assert shelf.library.trash() == []


def test_that_a_missing_video_cannot_be_deleted(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    path.unlink()
    with pytest.raises(VideoMissingError, match="is not there"):
        shelf.library.delete([video_id])


def test_that_the_trash_of_models_in_the_same_folder_is_another(shelf: Shelf) -> None:
    video_id = shelf.library.add_file(write_video(shelf.videos / "a.mp4")).video_id
    shelf.library.delete([video_id])
    models = Library(Disk(), shelf.videos, create=True)
    assert models.trash_items() == []
    assert models.empty_trash() == 0
    assert shelf.library.put_back([video_id])[0].path.is_file()


def test_that_a_trash_emptied_by_hand_is_noticed(shelf: Shelf) -> None:
    video_id = shelf.library.add_file(write_video(shelf.videos / "a.mp4")).video_id
    (deleted,) = shelf.library.delete([video_id])
    shutil.rmtree(deleted.folder)
    shelf.scan()
    assert shelf.library.trash() == []


# Copies and figures --------------------------------------------------------------------------------------------------


def test_that_copies_are_whole_and_overwrite_nothing(shelf: Shelf, tmp_path: Path) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    target = tmp_path / "stick" / "für dich"
    first = shelf.library.export([video_id], target, quiet())
    second = shelf.library.export([video_id], target, quiet())
    assert [copy.name for copy in (*first, *second)] == ["a.mp4", "a (2).mp4"]
    assert all(copy.read_bytes() == path.read_bytes() for copy in (*first, *second))
    context = quiet()
    context.cancel_asked.set()
    with pytest.raises(JobCancelled):
        shelf.library.export([video_id], target, context)
    assert len(list(target.iterdir())) == 2
    path.unlink()
    with pytest.raises(VideoMissingError):
        shelf.library.export([video_id], target, quiet())


def test_that_the_figures_are_those_of_the_files(shelf: Shelf) -> None:
    paths = [write_video(shelf.videos / f"{number}.mp4", seed=number) for number in range(3)]
    ids = [shelf.library.add_file(path).video_id for path in paths]
    sizes = [path.stat().st_size for path in paths]
    shelf.library.delete(ids[:1])
    paths[1].unlink()
    shelf.scan()
    figures = shelf.library.storage(shelf.videos)
    assert (figures.videos, figures.missing, figures.video_bytes) == (2, 1, sizes[2])
    assert (figures.trashed, figures.trash_bytes) == (1, sizes[0])
    assert figures.thumbnail_bytes > 0
    assert figures.free_bytes is not None
    assert shelf.library.storage(shelf.videos / "none").free_bytes is None


def test_that_an_entry_without_a_prompt_is_named_by_its_file(shelf: Shelf) -> None:
    entry = shelf.library.add_file(write_video(shelf.videos / "my clip.mp4", prompt=""))
    assert entry.title == "my clip"


def test_that_text_that_is_no_unicode_does_no_harm(shelf: Shelf) -> None:
    data = json.loads(RECIPE.to_json())
    data["request"]["prompt"] = "half \ud800 of a pair \0 end"
    entry = shelf.library.add_file(write_video(shelf.videos / "a.mp4", json.dumps(data)))
    assert entry.prompt == "half ? of a pair \0 end"
    assert shelf.library.search(VideoQuery(text="pair")).total == 1
