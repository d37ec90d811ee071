"""Videos that are deleted, put back, and deleted for good: index and trash in step."""

import contextlib
import time
from collections.abc import Sequence

from wan_desktop.core.errors import VideoMissingError
from wan_desktop.core.video_library import index, places, queries, trash
from wan_desktop.core.video_library.access import Access
from wan_desktop.core.video_library.entry import TrashedVideo, VideoEntry
from wan_desktop.core.video_library.scan import set_trashed
from wan_desktop.core.words import mark, tr

KEPT_S = trash.TRASH_DAYS * 86_400.0


class Bin:
    """The deleted videos of one library.

    Args:
        access: Of the library.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def videos(self) -> list[TrashedVideo]:
        """What can be put back, the latest first; see `VideoLibrary.trash`."""
        with self._access.database.reading() as connection:
            return queries.trashed(connection)

    def delete(self, video_ids: Sequence[int]) -> list[TrashedVideo]:
        """Put videos into the trash; see `VideoLibrary.delete`."""
        access = self._access
        try:
            for video_id in video_ids:
                with access.moving:
                    entry = self._throw_away(video_id)
                access.thumbnails.forget(entry.path, entry.mtime_ns)
        finally:
            access.tell()
        wanted = set(video_ids)
        return [video for video in self.videos() if video.video_id in wanted]

    def _throw_away(self, video_id: int) -> VideoEntry:
        access = self._access
        entry = access.entry(video_id)
        if access.is_displaced(video_id) or not entry.path.is_file():
            raise VideoMissingError(tr("{name} is not there.", name=entry.path.name), hint=tr("Find it, or remove it."))
        with places.translated(entry.path, mark("deleted")):
            item = trash.throw_away(entry.path, entry.recipe_id)
        with access.writing() as connection:
            set_trashed(connection, video_id, item)
        return entry

    def put_back(self, video_ids: Sequence[int]) -> list[VideoEntry]:
        """Undo `delete`; see `VideoLibrary.put_back`."""
        access = self._access
        try:
            for video_id in video_ids:
                with access.moving:
                    self._take_out(video_id)
        finally:
            access.tell()
        return [access.entry(video_id) for video_id in video_ids]

    def _take_out(self, video_id: int) -> None:
        access = self._access
        video = next((video for video in self.videos() if video.video_id == video_id), None)
        item = None if video is None else trash.item_of(video.folder)
        if item is None:
            raise VideoMissingError(
                tr("The video is not in the trash any more."), hint=tr("Connect its drive; or it may be back.")
            )
        with places.translated(item.note.path, mark("put back")):
            path = trash.put_back(item)
            mtime_ns = path.stat().st_mtime_ns
        with access.writing() as connection:
            index.move(connection, video_id, path, mtime_ns=mtime_ns)
            access.marks.add([index.mark_of(connection, video_id)])

    def empty(self, *, older_than_s: float) -> int:
        """Delete the old ones for good; see `VideoLibrary.empty_trash`."""
        freed_bytes = 0
        for video in self.videos():
            # A drive that is not connected must not lose its videos from the list of the trash.
            if time.time() - video.deleted_s < older_than_s or not video.folder.parents[2].is_dir():
                continue
            with contextlib.suppress(OSError, ValueError), self._access.moving:
                trash.delete(video.folder)
                freed_bytes += video.size_bytes
                with self._access.writing() as connection:
                    index.forget(connection, video.video_id)
        if freed_bytes:
            self._access.tell()
        return freed_bytes
