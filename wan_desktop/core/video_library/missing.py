"""Videos whose files are not where they were: found by their users, or forgotten."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from wan_desktop.core.errors import InputError, RequestError, VideoMissingError, VideoUnreadableError, WanError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.video_library import index, places
from wan_desktop.core.video_library.access import Access
from wan_desktop.core.video_library.entry import ScanProgress, VideoEntry, VideoFacts
from wan_desktop.core.video_library.reading import read_video
from wan_desktop.core.words import tr


class MissingVideos:
    """Those of one library.

    Args:
        access: Of the library.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def is_there(self, entry: VideoEntry) -> bool:
        """The video is not missing, whatever the index says."""
        return entry.path.is_file() and not self._access.is_displaced(entry.video_id)

    def find(self, entry: VideoEntry, place: Path, context: JobContext) -> None:
        """Take the file that the user points to; see `VideoLibrary.find`."""
        place = place.absolute()
        facts = _look_for(entry, place, context) if place.is_dir() else facts_of(place)
        if facts.recipe_id != entry.recipe_id:
            raise _another(facts, entry)
        with self._access.writing() as connection:
            found_id, _ = index.put(connection, facts, None)
            if found_id != entry.video_id:
                index.merge(connection, entry.video_id, found_id)
            self._access.marks.add([index.mark_of(connection, entry.video_id)])
        self._access.tell()

    def remove(self, video_ids: Sequence[int]) -> None:
        """Forget them; see `VideoLibrary.remove`."""
        for video_id in video_ids:
            entry = self._access.entry(video_id)
            if entry.path.exists() and not self._access.is_displaced(video_id):
                raise RequestError(tr("{name} is there.", name=entry.path.name), hint=tr("Delete it instead."))
        with self._access.writing() as connection:
            for video_id in video_ids:
                index.forget(connection, video_id)
        self._access.tell()


def facts_of(path: Path) -> VideoFacts:
    """What the file of a video tells.

    Raises:
        VideoUnreadableError: It is no video.
        FileBlockedError: The system does not let it be read now.
    """
    facts = read_video(path)
    if facts is None:
        raise VideoUnreadableError(tr("{name} holds no pictures.", name=path.name), hint=tr("Choose a video."))
    return facts


def _another(facts: VideoFacts, wanted: VideoEntry) -> WanError:
    """Says that the file is not the wanted one."""
    if wanted.has_recipe and not facts.recipe_json:
        return VideoUnreadableError(
            tr("{name} holds no settings of this program.", name=facts.path.name),
            hint=tr("Only videos made here hold them."),
        )
    return InputError(
        tr("{name} is another video: “{prompt}”.", name=facts.path.name, prompt=facts.prompt[:60])
        if facts.prompt
        else tr("{name} is another video.", name=facts.path.name),
        hint=tr("Choose the file of this one; its name may have changed."),
    )


def _look_for(entry: VideoEntry, folder: Path, context: JobContext) -> VideoFacts:
    """The file of a missing video, somewhere below the folder; likely ones first."""
    candidates = sorted(_videos_below(folder), key=lambda path: (path.name != entry.path.name, path))
    for number, path in enumerate(candidates):
        context.progress(ScanProgress(number, len(candidates), path.name))
        with contextlib.suppress(WanError):
            facts = read_video(path)
            if facts is not None and facts.recipe_id == entry.recipe_id:
                return facts
    raise VideoMissingError(
        tr("The video is not in {folder}.", folder=folder), hint=tr("Choose another folder, or remove the video.")
    )


def _videos_below(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in places.VIDEO_ENDINGS and path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
