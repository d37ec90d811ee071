"""Damaged files, damaged indexes, killed programs: no video, favourite or tag is lost."""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.video_files import RECIPE, Shelf, cut, open_shelf, quiet, recipe, write_foreign, write_video
from wan_desktop.core.errors import (
    DiskFullError,
    FileBlockedError,
    VideoLibraryDamagedError,
    VideoLibraryError,
    VideoUnreadableError,
    WanError,
)
from wan_desktop.core.recipe import recipe_of
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.core.video_library import VideoLibrary, VideoState
from wan_desktop.core.video_library.marks import Mark, Marks
from wan_desktop.core.video_library.reading import read_video

_MANY = 130  # more than one batch
_CHILD = """
import sys
from pathlib import Path
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.video_library import VideoLibrary
data, videos = map(Path, sys.argv[1:])
library = VideoLibrary(data / "videos.sqlite3", data / "thumbnails")
print("open", flush=True)
sys.stdin.readline()
report = library.scan([videos], JobContext("test", lambda _, progress: print(progress.done, flush=True)))
print("end", report.new, report.unchanged, flush=True)
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    opened = open_shelf(tmp_path)
    yield opened
    opened.library.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of videos that nobody changes."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(_MANY):
        write_video(folder / f"{number:03}.mp4", seed=number, num_frames=1)
    return folder


def start_scan(data: Path, videos: Path) -> "subprocess.Popen[str]":
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(data), str(videos)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


# Files ---------------------------------------------------------------------------------------------------------------


def test_that_a_cut_video_keeps_its_card_and_recipe(shelf: Shelf) -> None:
    path = cut(write_video(shelf.videos / "a.mp4"), 0.95)
    report = shelf.scan()
    (entry,) = shelf.all()
    assert (entry.state, entry.recipe) == (VideoState.DAMAGED, recipe())
    assert "cut off" in entry.damage
    assert [bad.path for bad in report.unreadable] == [path]
    assert [bad.path for bad in shelf.scan().unreadable] == [path]


def test_that_a_video_that_is_spoiled_later_keeps_its_card(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    shelf.scan()
    data = path.read_bytes()
    path.write_bytes(b"\0" * len(data))
    shelf.scan()
    (entry,) = shelf.all()
    assert (entry.state, entry.recipe) == (VideoState.DAMAGED, recipe())
    path.write_bytes(data)
    shelf.scan()
    assert shelf.all()[0].state == VideoState.PRESENT


def test_that_a_recipe_beside_a_video_stands_in_for_the_one_inside(shelf: Shelf) -> None:
    stripped = write_foreign(shelf.videos / "stripped.mp4")
    spoiled = shelf.videos / "spoiled.mp4"
    spoiled.write_bytes(b"\0" * 5000)
    stripped.with_suffix(".json").write_text(recipe(prompt="beside").to_json(), encoding="utf-8-sig")
    spoiled.with_suffix(".json").write_text(json.dumps(json.loads(RECIPE.to_json()), indent=2))
    write_video(shelf.videos / "own.mp4", prompt="inside").with_suffix(".json").write_text(RECIPE.to_json())
    shelf.scan()
    found = {entry.path.stem: (entry.prompt, entry.state) for entry in shelf.all()}
    assert found == {
        "stripped": ("beside", VideoState.PRESENT),
        "spoiled": (RECIPE.request.prompt, VideoState.DAMAGED),
        "own": ("inside", VideoState.PRESENT),
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "cannot be read"),
        ('{"format": 1, "request": 3, "created": ""}', "cannot be read"),
        (RECIPE.to_json().replace('"format": 1', '"format": 2'), "newer version"),
        (RECIPE.to_json().replace('"seed": 11', f'"seed": {10**30}'), "cannot be read"),
        (RECIPE.to_json().replace("a red fox", "x" * 4_100_000), "far too long"),
    ],
)
def test_that_a_bad_recipe_is_counted_with_its_reason(shelf: Shelf, text: str, reason: str) -> None:
    write_video(shelf.videos / "a.mp4", text)
    write_video(shelf.videos / "good.mp4")
    report = shelf.scan()
    assert (report.new, report.foreign, len(report.unreadable)) == (2, 0, 1)
    assert reason in report.unreadable[0].reason
    (bad,) = (entry for entry in shelf.all() if not entry.has_recipe)
    assert (bad.path.name, bad.state, bad.num_frames) == ("a.mp4", VideoState.PRESENT, 5)
    assert reason in bad.no_recipe


def test_that_odd_times_in_a_recipe_do_no_harm(shelf: Shelf) -> None:
    for number, created in enumerate(("", "yesterday", "0001-01-01T00:00:00+23:00", "2026-11-24T03:00:00")):
        write_video(shelf.videos / f"{number}.mp4", recipe(created=created, seed=number).to_json())
    assert shelf.scan().new == 4
    assert all(entry.created.endswith("+00:00") and len(entry.created) == 32 for entry in shelf.all())


@pytest.mark.parametrize("length", [0, 1, 7, 8, 30, 100, 700, 1000])
def test_that_any_beginning_of_a_video_is_told_apart(tmp_path: Path, length: int) -> None:
    path = write_video(tmp_path / "a.mp4")
    os.truncate(path, length)
    for read in (read_video, recipe_of):
        with pytest.raises(VideoUnreadableError, match="cannot be read as a video"):
            read(path)
    assert Thumbnails(tmp_path / "thumbnails").get(path).reason


def test_that_bytes_spoiled_at_random_are_an_error_of_ours_or_none(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", num_frames=2).read_bytes()
    dice = random.Random(
        3
    )  # among the first hundreds are errors of the library that are neither OSError nor ValueError
    for _ in range(300):
        spoiled = bytearray(whole)
        for _ in range(dice.randint(1, 12)):
            spoiled[dice.randrange(1200)] = dice.choice((0, 255, dice.randrange(256)))
        (tmp_path / "a.mp4").write_bytes(spoiled)
        for read in (read_video, recipe_of, Thumbnails(tmp_path / "thumbnails").get):
            with contextlib.suppress(WanError):
                read(tmp_path / "a.mp4")


@settings(max_examples=40)
@given(st.data())
def test_that_a_spoiled_file_raises_nothing_unexpected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("spoiled")
    content = bytearray(write_video(folder / "a.mp4", num_frames=1).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "a.mp4").write_bytes(content)
    shelf = open_shelf(folder)
    shelf.videos.rmdir()
    try:
        report = shelf.library.scan([folder], quiet())
        assert report.new + report.foreign + len(report.unreadable) >= 1
        for entry in shelf.all():
            shelf.library.thumbnail(entry.video_id)
    finally:
        shelf.library.close()
        shutil.rmtree(folder)


def test_that_a_file_that_looks_empty_after_one_spoiled_byte_has_a_card(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    path.write_bytes(b"\x2b" + path.read_bytes()[1:])  # the first box seems to hold all the others
    report = shelf.scan()
    assert [bad.path for bad in report.unreadable] == [path]
    assert [entry.state for entry in shelf.all()] == [VideoState.DAMAGED]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, names are always Unicode")
def test_that_a_name_that_is_no_unicode_is_told(shelf: Shelf) -> None:
    path = write_video(shelf.videos / "a.mp4")
    os.rename(path, os.fsencode(shelf.videos) + b"/\xff.mp4")  # noqa: PTH104 - bytes
    report = shelf.scan()
    assert (report.new, len(report.unreadable)) == (0, 1)


# Disks ---------------------------------------------------------------------------------------------------------------


def test_that_a_folder_that_cannot_be_written_keeps_its_videos(shelf: Shelf, small_disk: Path) -> None:
    path = write_video(small_disk / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(FileBlockedError, match="could not be deleted"):
        shelf.library.delete([video_id])
    with pytest.raises(FileBlockedError, match="could not be renamed"):
        shelf.library.rename(video_id, "b")
    with pytest.raises(FileBlockedError, match="could not be copied"):
        shelf.library.export([video_id], small_disk, quiet())
    shelf.library.set_favourite([video_id], True)
    assert shelf.library.scan([small_disk], quiet()).unchanged == 1
    entry = shelf.library.entry(video_id)
    assert (entry.state, entry.favourite, entry.path.is_file()) == (VideoState.PRESENT, True, True)


def test_that_a_full_drive_takes_no_half_copy(shelf: Shelf, small_disk: Path) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    (small_disk / "full").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 4096))
    with path.open("ab") as file:
        file.write(b"\0" * 10_000)
    with pytest.raises(DiskFullError, match="are free in"):
        shelf.library.export([video_id], small_disk, quiet())
    assert [found.name for found in small_disk.iterdir()] == ["full"]


def test_that_a_drive_of_another_kind_takes_a_rename_and_the_trash(shelf: Shelf, small_disk: Path) -> None:
    path = write_video(small_disk / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    shelf.library.rename(video_id, "b")
    (deleted,) = shelf.library.delete([video_id])
    assert small_disk in deleted.folder.parents
    assert shelf.library.put_back([video_id])[0].path == small_disk / "b.mp4"


# The index -----------------------------------------------------------------------------------------------------------


def _spoil_start(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.write(b"this is no database")


def _spoil_middle(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[4096:] = np.random.default_rng(7).bytes(len(data) - 4096)
    file.write_bytes(data)


def _drop_table(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("DROP TABLE words")
    connection.commit()
    connection.close()


def _newer(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version=99")
    connection.close()


@pytest.mark.parametrize(
    "spoil", [_spoil_start, _spoil_middle, _drop_table, _newer, Path.unlink, cut], ids=lambda spoil: spoil.__name__
)
def test_that_a_spoiled_index_is_made_anew_with_favourites_names_and_trash(shelf: Shelf, spoil: object) -> None:
    for number in range(4):
        write_video(shelf.videos / f"{number}.mp4", prompt=f"video {number}")
    shelf.scan()
    shelf.library.set_favourite([shelf.one("video 0").video_id], True)
    shelf.library.set_tags([shelf.one("video 1").video_id], ["snow", "füchse"])
    shelf.library.rename(shelf.one("video 2").video_id, "my own name")
    shelf.library.set_favourite([shelf.one("video 3").video_id], True)
    shelf.library.delete([shelf.one("video 3").video_id])
    before = [(e.prompt, e.title, e.favourite, e.tags, e.path) for e in shelf.all()]
    shelf.library.close()
    spoil(shelf.data / "videos.sqlite3")  # type: ignore[operator]
    again = open_shelf(shelf.data.parent)
    begun_anew = [again.library.begun_anew]
    assert again.scan().new == 3
    assert [*begun_anew, again.library.begun_anew] == [True, False]
    assert sorted(before) == sorted((e.prompt, e.title, e.favourite, e.tags, e.path) for e in again.all())
    (deleted,) = again.library.trash()
    assert again.library.put_back([deleted.video_id])[0].path == shelf.videos / "3.mp4"
    aside = list(shelf.data.glob("videos-unreadable-*.sqlite3"))
    assert len(aside) == (0 if spoil is Path.unlink else 1)
    again.library.close()


def test_that_an_index_that_is_spoiled_while_open_is_made_anew(shelf: Shelf) -> None:
    for number in range(4):
        write_video(shelf.videos / f"{number}.mp4", seed=number)
    shelf.scan()
    shelf.library.set_favourite([shelf.all()[0].video_id], True)
    connection = sqlite3.connect(shelf.data / "videos.sqlite3")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    _spoil_start(shelf.data / "videos.sqlite3")
    with pytest.raises(VideoLibraryDamagedError, match="made anew"):
        shelf.library.search()
    assert shelf.library.begun_anew
    assert shelf.library.search().total == 0
    assert shelf.scan().new == 4
    assert sum(entry.favourite for entry in shelf.all()) == 1


def test_that_a_scan_over_a_spoiled_index_begins_it_anew_by_itself(shelf: Shelf) -> None:
    write_video(shelf.videos / "a.mp4")
    shelf.scan()
    connection = sqlite3.connect(shelf.data / "videos.sqlite3")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    _spoil_start(shelf.data / "videos.sqlite3")
    assert shelf.library.rebuild([shelf.videos], quiet()).new == 1


def test_that_an_index_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(VideoLibraryError, match="cannot be used"):
        VideoLibrary(tmp_path / "data" / "videos.sqlite3", tmp_path / "thumbnails")


# Marks ---------------------------------------------------------------------------------------------------------------


def test_that_the_last_mark_counts_and_torn_lines_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "marks.jsonl"
    path = tmp_path / "a.mp4"
    Marks(file).add([Mark("r", path, favourite=True), Mark("r", path, favourite=True, tags=("é",))])
    with file.open("ab") as stream:
        stream.write(b'{"recipe_id": "r", "pa')
    Marks(file).add([Mark("s", path, title="named")])
    assert Marks(file).of("r", path) == Mark("r", path, favourite=True, tags=("é",))
    assert Marks(file).of("s", path) == Mark("s", path, title="named")
    assert Marks(file).of("t", path) is None
    assert Marks(file).of("r", tmp_path / "moved.mp4") == Mark("r", path, favourite=True, tags=("é",))
    path.touch()
    assert Marks(file).of("r", tmp_path / "copy.mp4") is None


def test_that_marks_do_not_grow_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "marks.jsonl"
    marks = Marks(file)
    path = tmp_path / "a.mp4"
    for number in range(30):
        marks.add([Mark("r", path, favourite=number % 2 == 0, title=str(count)) for count in range(100)])
    assert len(file.read_bytes().splitlines()) < 1300
    assert Marks(file).of("r", path) == Mark("r", path, favourite=False, title="99")


def test_that_nothing_given_is_nothing_written(tmp_path: Path) -> None:
    file = tmp_path / "marks.jsonl"
    Marks(file).add([Mark("r", tmp_path / "a.mp4")])
    assert not file.exists()


def test_that_marks_that_cannot_be_written_change_nothing(shelf: Shelf) -> None:
    video_id = shelf.library.add_file(write_video(shelf.videos / "a.mp4")).video_id
    (shelf.data / "videos-marks.jsonl").mkdir()
    with pytest.raises(VideoLibraryError, match="favourites and tags"):
        shelf.library.set_favourite([video_id], True)
    (shelf.data / "videos-marks.jsonl").rmdir()
    assert not shelf.library.entry(video_id).favourite


# Killed, and two at once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_lines", [1, 40, 115, _MANY])
def test_that_a_scan_that_is_killed_goes_on_where_it_was(tmp_path: Path, many: Path, after_lines: int) -> None:
    child = start_scan(tmp_path, many)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    for _ in range(after_lines):
        child.stdout.readline()
    child.kill()
    child.communicate()
    library = VideoLibrary(tmp_path / "videos.sqlite3", tmp_path / "thumbnails")
    assert not library.begun_anew
    report = library.scan([many], quiet())
    assert (report.new + report.unchanged, report.missing, report.unreadable) == (_MANY, 0, ())
    page = library.search(limit=1000)
    assert {entry.seed for entry in page.entries} == set(range(_MANY))
    assert page.total == _MANY
    library.close()


def test_that_two_programs_scan_at_once(tmp_path: Path, many: Path) -> None:
    children = [start_scan(tmp_path, many) for _ in range(2)]
    outputs: list[str] = []

    def talk(child: "subprocess.Popen[str]") -> None:
        outputs.append(child.communicate("go\n")[0])

    threads = [threading.Thread(target=talk, args=(child,)) for child in children]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.returncode for child in children] == [0, 0]
    new = [int(output.splitlines()[-1].split()[1]) for output in outputs]
    assert sum(new) == _MANY
    library = VideoLibrary(tmp_path / "videos.sqlite3", tmp_path / "thumbnails")
    assert library.search().total == _MANY
    library.close()


def test_that_a_deletion_that_was_killed_is_in_the_trash_all_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = shelf.library.add_file(write_video(shelf.videos / "a.mp4")).video_id
    shelf.library.set_favourite([video_id], True)
    monkeypatch.setattr("wan_desktop.core.video_library.bin.set_trashed", _die)
    with pytest.raises(_KilledError):
        shelf.library.delete([video_id])
    monkeypatch.undo()
    shelf.scan()
    assert shelf.all() == []
    (deleted,) = shelf.library.trash()
    assert deleted.video_id == video_id
    assert shelf.library.put_back([video_id])[0].favourite


def test_that_putting_back_that_was_killed_leaves_the_video_in_its_place(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(shelf.videos / "a.mp4")
    video_id = shelf.library.add_file(path).video_id
    shelf.library.set_favourite([video_id], True)
    shelf.library.delete([video_id])
    monkeypatch.setattr("wan_desktop.core.video_library.index.move", _die)
    with pytest.raises(_KilledError):
        shelf.library.put_back([video_id])
    monkeypatch.undo()
    shelf.scan()
    assert [(entry.path, entry.favourite) for entry in shelf.all()] == [(path, True)]
    assert shelf.library.trash() == []


class _KilledError(BaseException):
    """Stands for the end of the process at this point."""


def _die(*_: object, **__: object) -> None:
    raise _KilledError
