"""Finished videos and how they were made: an index in SQLite that can be made anew from the files."""

from wan_desktop.core.video_library.entry import (
    Choices,
    ScanProgress,
    ScanReport,
    Sort,
    StorageFigures,
    TrashedVideo,
    Unreadable,
    VideoEntry,
    VideoPage,
    VideoQuery,
    VideoState,
)
from wan_desktop.core.video_library.library import VideoLibrary
from wan_desktop.core.video_library.places import VIDEO_ENDINGS

__all__ = [
    "VIDEO_ENDINGS",
    "Choices",
    "ScanProgress",
    "ScanReport",
    "Sort",
    "StorageFigures",
    "TrashedVideo",
    "Unreadable",
    "VideoEntry",
    "VideoLibrary",
    "VideoPage",
    "VideoQuery",
    "VideoState",
]
