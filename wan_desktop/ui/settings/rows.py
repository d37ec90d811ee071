"""All rows of the page Settings. Only what something reads stands here."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QWidget

from wan_desktop.core.field_help import setting_id
from wan_desktop.core.settings import (
    DEFAULT_NAME_PATTERN,
    LogLevel,
    MemoryMode,
    StartPage,
    Theme,
    VideoQuality,
    check_address,
    check_name_pattern,
)
from wan_desktop.core.words import ENGLISH, languages, mark, tr
from wan_desktop.ui.settings.editors import Choice, Editor, Few, Rate, Switch, Words
from wan_desktop.ui.settings.folders import ModelFolders, VideosFolder
from wan_desktop.ui.settings.row import SettingRow
from wan_desktop.ui.settings.token_editor import TokenEditor
from wan_desktop.ui.settings.update_buttons import UpdateButtons
from wan_desktop.ui.widgets.badge import Badge
from wan_desktop.ui.widgets.controls import Button, set_help

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wan_desktop.ui.session import Session


class Category(StrEnum):
    """The parts of the page, in their order."""

    GENERAL = "general"
    FOLDERS = "folders"
    DOWNLOADS = "downloads"
    PERFORMANCE = "performance"
    OUTPUT = "output"
    NOTIFICATIONS = "notifications"
    PRIVACY = "privacy"
    ADVANCED = "advanced"


CATEGORIES = {
    Category.GENERAL: ("sliders-horizontal", mark("General")),
    Category.FOLDERS: ("folder", mark("Folders")),
    Category.DOWNLOADS: ("download", mark("Downloads")),
    Category.PERFORMANCE: ("zap", mark("Performance")),
    Category.OUTPUT: ("film", mark("Output")),
    Category.NOTIFICATIONS: ("bell", mark("Notifications")),
    Category.PRIVACY: ("shield-check", mark("Privacy")),
    Category.ADVANCED: ("wrench", mark("Advanced")),
}
TEXT_SIZES = (0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
_THEMES = {Theme.SYSTEM: mark("System"), Theme.DARK: mark("Dark"), Theme.LIGHT: mark("Light")}
_START_PAGES = {
    StartPage.CREATE: mark("Create"),
    StartPage.QUEUE: mark("Queue"),
    StartPage.LIBRARY: mark("Library"),
    StartPage.MODELS: mark("Models"),
}
_QUALITIES = {VideoQuality.STANDARD: mark("Standard"), VideoQuality.HIGH: mark("High")}
_MODES = {
    MemoryMode.AUTOMATIC: mark("Automatic"),
    MemoryMode.FASTEST: mark("Fastest"),
    MemoryMode.SAVE: mark("Save video memory"),
    MemoryMode.SAVE_MOST: mark("Save as much as possible"),
}
_LOG_LEVELS = {LogLevel.USUAL: mark("Usual"), LogLevel.DETAILED: mark("Detailed")}
_LANGUAGE_NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "it": "Italiano"}


class RowMaker:
    """Makes the rows.

    Args:
        session: What they are about.
        parent: The widget that holds them.
    """

    def __init__(self, session: Session, parent: QWidget) -> None:
        self._session, self._parent = session, parent
        self.forget = Button(tr("Forget"), parent, icon_name="undo-2")
        self.forget.setAccessibleName(tr("Forget learned limits"))
        self.reset_all = Button(tr("Reset all settings"), parent, kind="danger", icon_name="rotate-ccw")
        self.token = TokenEditor(session, parent)
        self.updates = UpdateButtons(session.updates, parent)
        others = {"token": self.token, "learned_limits": self.forget, "reset_all": self.reset_all}
        for name, control in others.items():
            set_help(control, setting_id(name))
        self.cards = Choice(tr("Graphics card"), [], parent)
        self.kernels = Choice(tr("Attention"), [], parent)

    def rows(self, category: Category) -> Iterator[tuple[SettingRow, Editor | None]]:
        """The rows of a category, each with its editor; None where the control does something else."""
        makers: dict[Category, Callable[[], Iterator[tuple[SettingRow, Editor | None]]]] = {
            Category.GENERAL: self._general,
            Category.FOLDERS: self._folders,
            Category.DOWNLOADS: self._downloads,
            Category.PERFORMANCE: self._performance,
            Category.OUTPUT: self._output,
            Category.NOTIFICATIONS: self._notifications,
            Category.PRIVACY: self._privacy,
            Category.ADVANCED: self._advanced,
        }
        return makers[category]()

    def _row(
        self, field: str, title: str, words: str, editor: Editor, *, keywords: str = "", wide: bool = False
    ) -> tuple[SettingRow, Editor]:
        row = SettingRow((field,), title, words, editor, self._parent, keywords=keywords, wide=wide)
        return row, editor

    def _switch(self, field: str, title: str, words: str, *, keywords: str = "") -> tuple[SettingRow, Editor]:
        return self._row(field, title, words, Switch(title, self._parent), keywords=keywords)

    def _action(self, title: str, words: str, control: QWidget, *, wide: bool = False) -> tuple[SettingRow, None]:
        return SettingRow((), title, words, control, self._parent, wide=wide), None

    # Categories ------------------------------------------------------------------------------------------------------

    def _general(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        codes = languages(self._session.paths.resources / "translations")
        if codes != [ENGLISH]:
            names = [(tr("System"), ""), *((_LANGUAGE_NAMES.get(code, code), code) for code in codes)]
            title, words = tr("Language"), tr("Of all texts; from the next start on.")
            yield self._row("language", title, words, Choice(title, names, self._parent))
        title = tr("Theme")
        themes = [(tr(name), theme) for theme, name in _THEMES.items()]
        words = tr("Light, dark, or as the system is set.")
        yield self._row("theme", title, words, Few(title, themes, self._parent), keywords=tr("colours"))
        title = tr("Text size")
        sizes = [(f"{round(100 * size)} %", size) for size in TEXT_SIZES]
        words = tr("Of all texts, buttons and icons.")
        yield self._row("text_scale", title, words, Choice(title, sizes, self._parent), keywords=tr("zoom font"))
        title, words = tr("Start page"), tr("What the window shows first.")
        pages = [(tr(name), page) for page, name in _START_PAGES.items()]
        yield self._row("start_page", title, words, Choice(title, pages, self._parent))

    def _folders(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        words = tr("Where new videos go. Videos that are there already stay where they are.")
        videos = VideosFolder(self._session, self._parent)
        yield self._noting(self._row("videos_folder", tr("Videos"), words, videos, wide=True), videos)
        words = tr("Where models lie; new ones go to the first. A folder that is forgotten keeps its files.")
        models = ModelFolders(self._session, self._parent)
        yield self._noting(self._row("model_folders", tr("Models"), words, models, wide=True), models)

    def _downloads(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        title, words = (
            tr("Download limit"),
            tr("How fast models are downloaded at most; it counts from the next download."),
        )
        yield self._row("download_limit_bytes_per_s", title, words, Rate(title, self._parent), keywords=tr("speed"))
        words = tr("Downloads wait while a video is made, and go on afterwards.")
        yield self._switch("pause_while_rendering", tr("Pause while rendering"), words)
        title = tr("Mirror")
        words = tr("Another address of the Hugging Face Hub; from the next start on. Empty: the Hub itself.")
        mirror = self._address("endpoint", title, "https://huggingface.co")
        yield self._row("endpoint", title, words, mirror, keywords="hugging face endpoint")
        title = tr("Proxy")
        words = tr("A server between this PC and the internet, without a password. Empty: as the system is set.")
        yield self._row("proxy", title, words, self._address("proxy", title, "http://proxy.example:8080"))
        title = tr("Package index")
        words = tr(
            "Where the parts of the render engine come from. Empty: from where this copy was built to take them."
        )
        index = self._address("package_index", title, "https://mirror.example/simple")
        yield self._row("package_index", title, words, index, keywords=tr("mirror") + " PyPI")
        title = tr("PyTorch index")
        words = tr("Where its builds for graphics cards come from. Empty: PyTorch's own server.")
        index = self._address("torch_index", title, "https://download.pytorch.org/whl")
        yield self._row("torch_index", title, words, index, keywords=tr("mirror") + " CUDA")
        words = tr(
            "Only models behind a licence need one. It is kept in the system's keyring, and sent to the Hub alone. "
            "You make it at huggingface.co/settings/tokens."
        )
        row, _ = self._action(tr("Access token"), words, self.token, wide=True)
        self.token.noted.connect(row.say)
        yield row, None

    def _performance(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        title, words = tr("Graphics card"), tr("On which card videos are made.")
        yield self._row("gpu_uuid", title, words, self.cards, keywords="GPU NVIDIA", wide=True)
        title, words = tr("Memory mode"), tr("How much memory videos may take; less memory is slower.")
        modes = [(tr(name), mode) for mode, name in _MODES.items()]
        editor = Choice(title, modes, self._parent)
        yield self._row("memory_mode", title, words, editor, keywords="VRAM offload")
        title = tr("Smaller weights when memory is short")
        words = tr("If a model does not fit, its smaller weights may be used where they are on this PC. You are told.")
        yield self._switch("may_use_smaller_variant", title, words)
        title = tr("Another model when memory is short")
        words = tr("If nothing of a model fits, another one on this PC may make the video. You are told.")
        yield self._switch("may_use_other_model", title, words)
        title = tr("Attention")
        words = tr("Which kernel computes it. Those that the speed test has found right can be chosen.")
        yield self._row("attention", title, words, self.kernels, keywords="flash sdpa cudnn")
        words = tr("Shows how the video becomes while it is made. It costs a little time.")
        yield self._switch("live_preview", tr("Live preview"), words)

    def _output(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        title = tr("File name")
        words = tr("Of new videos. {parts} are filled in.", parts="{date}, {time}, {prompt}")
        why_not = tr("Use {parts}, and no signs that a file name cannot hold.", parts="{date}, {time}, {prompt}")
        editor = Words(title, check_name_pattern, why_not, placeholder=DEFAULT_NAME_PATTERN, parent=self._parent)
        yield self._row("name_pattern", title, words, editor, keywords="pattern")
        title, words = tr("Video quality"), tr("Of the mp4. High is larger, and looks like what the model made.")
        qualities = [(tr(name), quality) for quality, name in _QUALITIES.items()]
        yield self._row("video_quality", title, words, Few(title, qualities, self._parent), keywords="H.264 crf")
        words = tr("Beside each video, a folder with its frames as PNG pictures. They take much room.")
        yield self._switch("save_png_frames", tr("Keep all frames"), words, keywords="png")

    def _notifications(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        for field, title, words in (
            ("notify_done", mark("Videos are done"), mark("While the window is not in front.")),
            ("notify_problems", mark("A video needs you"), mark("A render failed and waits for a decision.")),
            ("notify_downloads", mark("Downloads"), mark("A model is ready, or its download needs you.")),
            ("notify_with_sound", mark("With a sound"), mark("Each of these also makes a sound.")),
        ):
            yield self._switch(field, tr(title), tr(words))

    def _privacy(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        badge = Badge(tr("Nothing is sent"), "ok", "shield-check", self._parent)
        words = tr(
            "Prompts, pictures and videos stay on this PC. The network is used only for downloads that you start. "
            "The log holds no prompts."
        )
        yield self._action(tr("Your data"), words, _unstretched(badge, self._parent))
        updates = self._session.updates
        title, words = (
            tr("Look for updates"),
            tr("Once a day, while nothing else goes on, and without saying who asks."),
        )
        switch = Switch(title, self._parent)
        switch.setEnabled(updates.is_set_up)
        yield self._row("update_check", title, words, switch, keywords=tr("new version"))
        row, _ = self._action(tr("Updates"), tr("They are installed only when you say so."), self.updates)
        self.updates.noted.connect(row.say)
        row.say(updates.words())
        yield row, None
        words = tr(
            "Prompt and settings go into each video, so that any copy of it can be made again. Off: they go into a "
            "file beside it. The file's name has the first words of the prompt, unless you change that under Output."
        )
        yield self._switch("write_recipes_into_files", tr("Settings inside videos"), words, keywords="metadata")

    def _advanced(self) -> Iterator[tuple[SettingRow, Editor | None]]:
        title, words = tr("Log"), tr("Detailed helps to find a fault, and makes larger files.")
        levels = [(tr(name), level) for level, name in _LOG_LEVELS.items()]
        yield self._row("log_level", title, words, Few(title, levels, self._parent), keywords=tr("diagnostics"))
        words = tr("What renders on this PC have shown: how long they take, how much memory, and which ways worked.")
        yield self._action(tr("Learned limits"), words, self.forget)
        words = tr("Everything on this page goes back to its default. Models, videos and the access token stay.")
        yield self._action(tr("Reset all"), words, self.reset_all)

    # Parts -----------------------------------------------------------------------------------------------------------

    def _address(self, field: str, title: str, example: str) -> Words:
        def check(written: str) -> None:
            if written:
                check_address(field, written)

        why_not = tr("This is no address such as {example}, or it holds a password.", example=example)
        return Words(title, check, why_not, placeholder=example, parent=self._parent)

    def _noting(
        self, made: tuple[SettingRow, Editor], editor: VideosFolder | ModelFolders
    ) -> tuple[SettingRow, Editor]:
        editor.noted.connect(made[0].say)
        return made


def _unstretched(widget: QWidget, parent: QWidget) -> QWidget:
    """A row in which it is as wide as it wants to be."""
    row = QWidget(parent)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(widget)
    layout.addStretch(1)
    return row
