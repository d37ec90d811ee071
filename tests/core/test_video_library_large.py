"""Ten thousand videos in the index."""

from dataclasses import replace
from pathlib import Path

from tests.core.video_files import quiet, recipe, write_video
from wan_desktop.core.thumbnails import Thumbnails
from wan_desktop.core.video_library import Sort, VideoLibrary, VideoQuery, index, queries
from wan_desktop.core.video_library.database import Database
from wan_desktop.core.video_library.reading import read_video

_COUNT = 10_000


def test_that_ten_thousand_videos_are_searched_paged_and_missed(tmp_path: Path) -> None:
    facts = read_video(write_video(tmp_path / "a.mp4"))
    assert facts is not None
    database = Database(tmp_path / "videos.sqlite3")
    with database.writing() as connection:
        for number in range(_COUNT):
            made = recipe(prompt=f"fox {number} in the snow", seed=number)
            one = replace(
                facts,
                path=tmp_path / "gone" / f"{number}.mp4",
                recipe_id=f"{number:032}",
                recipe_json=made.to_json(),
                prompt=made.request.prompt,
                seed=number,
                created=f"2026-11-24T03:00:00.{number:06}+00:00",
            )
            index.put(connection, one, None)
    with database.reading() as connection:
        entries, total = queries.search(
            connection, VideoQuery(text="FOX 77", sort=Sort.OLDEST), 0, 5, Thumbnails(tmp_path)
        )
    assert [entry.seed for entry in entries] == [77, 177, 277, 377, 477]
    assert total == len([number for number in range(_COUNT) if "77" in str(number)])
    database.close()
    library = VideoLibrary(tmp_path / "videos.sqlite3", tmp_path / "thumbnails")
    page = library.search(offset=_COUNT - 3, limit=100)
    assert ([entry.seed for entry in page.entries], page.total) == ([2, 1, 0], _COUNT)
    library.set_favourite(range(1, 1001), True)
    assert library.search(VideoQuery(favourites=True)).total == 1000
    report = library.scan([tmp_path], quiet())
    assert (report.missing, report.new) == (_COUNT, 1)
    library.close()
