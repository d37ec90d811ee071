"""Where everything lies."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wan_desktop.core.errors import DataFolderError
from wan_desktop.core.words import tr

APP_NAME = "Wan Desktop"
HOME_VARIABLE = "WAN_DESKTOP_HOME"
"""Environment variable that moves all data of the program to one folder."""


@dataclass(frozen=True, slots=True)
class AppPaths:
    """Folders and files of one installation; none need exist before `ensure`."""

    data: Path
    videos: Path
    resources: Path

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ) -> "AppPaths":
        """The paths for this user: all below `WAN_DESKTOP_HOME` where that is set, else the system's usual places."""
        home = environment.get(HOME_VARIABLE)
        if home:
            root = Path(home).expanduser().absolute()
            return cls(data=root, videos=root / "videos", resources=resources_folder())
        import platformdirs  # noqa: PLC0415 - not needed when the home is given, and 10 ms at start

        data = platformdirs.user_data_path(APP_NAME, appauthor=False)
        return cls(data=data, videos=platformdirs.user_videos_path() / APP_NAME, resources=resources_folder())

    @property
    def settings_file(self) -> Path:
        """The settings, JSON."""
        return self.data / "settings.json"

    @property
    def log_file(self) -> Path:
        """The one log; older ones lie beside it."""
        return self.data / "logs" / "wan-desktop.log"

    @property
    def work(self) -> Path:
        """Saved latents of renders whose video is not written yet."""
        return self.data / "work"

    @property
    def models(self) -> Path:
        """Where models go unless the user chose another folder."""
        return self.data / "models"

    @property
    def added_models(self) -> Path:
        """Catalog entries of models that the user added."""
        return self.data / "catalog"

    @property
    def model_history(self) -> Path:
        """What happened to models, SQLite."""
        return self.data / "models.sqlite3"

    @property
    def known_files(self) -> Path:
        """Model files outside our folders that were read once, JSON."""
        return self.data / "known-files.json"

    @property
    def calibration(self) -> Path:
        """How renders on this PC compared with their estimates, JSON."""
        return self.data / "calibration.json"

    @property
    def remembered_plans(self) -> Path:
        """Which ways of loading worked on this PC, JSON."""
        return self.data / "remembered-plans.json"

    @property
    def render_queue_file(self) -> Path:
        """The renders that wait, run and are over, SQLite; their start images lie beside it."""
        return self.data / "render-queue.sqlite3"

    @property
    def video_library_file(self) -> Path:
        """The index of all videos, SQLite; favourites and tags are kept beside it too."""
        return self.data / "videos.sqlite3"

    @property
    def thumbnails(self) -> Path:
        """Small pictures of videos, JPEG; may be deleted at any time."""
        return self.data / "thumbnails"

    @property
    def updates(self) -> Path:
        """What was said of newer programs, and their setup files."""
        return self.data / "updates"

    @property
    def rescued(self) -> Path:
        """Videos that could not be written where they should go."""
        return self.data / "rescued"

    def ensure(self) -> None:
        """Make the data folders; the videos folder is made when the first video is saved.

        Raises:
            DataFolderError: They cannot be made.
        """
        try:
            for folder in (self.data, self.log_file.parent, self.work):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataFolderError(
                tr("{folder} cannot be written: {reason}.", folder=self.data, reason=error.strerror or error),
                hint=tr(
                    "Allow the program to write there, or set {variable} to a folder that can be written.",
                    variable=HOME_VARIABLE,
                ),
            ) from error


def sources_folder() -> Path:
    """The folder of this package and its resources, from source or frozen.

    Frozen, it holds the package once more as plain source files, and no other package: the engine's own interpreter is
    told to look there, and whatever else lay there would go before what is installed for it.
    """
    bundle = getattr(sys, "_MEIPASS", None)
    return Path(bundle) / "sources" if bundle else Path(__file__).resolve().parents[2]


def resources_folder() -> Path:
    """The folder of bundled resources, from source or frozen."""
    return sources_folder() / "resources"


def program_folder() -> Path:
    """The folder that the program is installed in; its root, from source."""
    return Path(sys.executable).resolve().parent if getattr(sys, "frozen", False) else sources_folder()
