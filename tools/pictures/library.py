"""The page Library."""

from typing import Any

from tests.core.video_files import cut
from tools.pictures.acts import Act, Scene, View
from tools.pictures.props import Props
from wan_desktop.core.paths import AppPaths
from wan_desktop.ui.page import PageId

_MISSING, _CUT = 4, 7


def _prepare(paths: AppPaths, props: Props) -> None:
    props.put_videos(paths.videos)


def _page(view: View) -> Any:
    return view.open(PageId.LIBRARY)


def _empty(view: View) -> None:
    page = _page(view)
    view.until(lambda: page.browse.empty.isVisible())


def _many(view: View) -> None:
    page = _page(view)
    videos = page.grid.videos
    view.until(lambda: bool(videos.total) and videos.entry(0) is not None)
    view.until(lambda: all(videos.picture(videos.entry(row)) for row in page.grid.seen_rows() if videos.entry(row)))
    view.rest(400)


def _pick(view: View, *rows: int) -> Any:
    page = _page(view)
    page.grid.pick([page.grid.videos.entry(row).video_id for row in rows])
    view.rest(150)
    return page


def _details(view: View) -> None:
    page = _pick(view, 0)
    player = page.details.one.player
    view.until(lambda: player.clip is not None and player.index > 3)
    player.set_playing(False)
    view.rest(100)


def _several(view: View) -> None:
    _pick(view, 0, 1, 2)


def _no_match(view: View) -> None:
    page = _page(view)
    page.filters.search.setText("zebra in space")
    view.until(lambda: page.browse.no_match.isVisible())


def _trash(view: View) -> None:
    page = _page(view)
    page.filters.search.clear()
    view.until(lambda: page.grid.isVisible() and page.grid.videos.total and page.grid.videos.entry(0) is not None)
    _pick(view, 2)
    page.details.one.buttons["delete"].click()
    view.until(lambda: bool(page.session.messages.messages))
    view.rest(300)


def _compare(view: View) -> None:
    page = _page(view)
    page.compare.compare([page.grid.videos.entry(row) for row in (0, 1)])
    page.stack.setCurrentWidget(page.compare)
    view.until(lambda: page.compare.sync is not None and page.compare.sync.playing)
    page.compare.sync.set_playing(False)
    page.compare.sync.seek(0.8)
    view.rest(250)


def _wipe(view: View) -> None:
    page = _page(view)
    page.compare.mode.buttons()[1].click()
    view.rest(150)


def _change_files(view: View) -> tuple[int, int]:
    """A file goes, and another is cut off; returns their rows."""
    page = _page(view)
    page.stack.setCurrentWidget(page.browse)
    page.compare.close_clips()
    videos = page.grid.videos
    missing, broken = videos.entry(_MISSING), videos.entry(_CUT)
    if missing.path.exists() and missing.state == "present":
        missing.path.unlink()
        cut(broken.path, 0.5)
        page.refresh()
        view.until(lambda: videos.entry(_MISSING) is not None and videos.entry(_MISSING).state == "missing")
    return _MISSING, _CUT


def _missing(view: View) -> None:
    row, _ = _change_files(view)
    _pick(view, row)
    view.rest(200)


def _broken(view: View) -> None:
    _pick(view, _CUT)
    view.rest(600)


ACTS = (
    Act("library empty", "rtx-4070-12gb-32gb", (Scene("library_empty", _empty),)),
    Act(
        "library",
        "rtx-4070-12gb-32gb",
        (
            Scene("library_many", _many),
            Scene("library_details", _details),
            Scene("library_several", _several),
            Scene("library_no_match", _no_match),
            Scene("library_trash", _trash),
            Scene("library_compare", _compare),
            Scene("library_wipe", _wipe),
            Scene("library_missing", _missing),
            Scene("library_broken", _broken),
        ),
        prepare=_prepare,
    ),
)
