"""The page Settings."""

from collections.abc import Callable

from tools.pictures.acts import Act, Scene, View
from wan_desktop.ui.page import PageId
from wan_desktop.ui.settings.rows import Category


def _category(category: Category) -> Callable[[View], None]:
    def lead(view: View) -> None:
        view.open(PageId.SETTINGS).show_category(category)
        view.rest(120)

    return lead


def _search(words: str) -> Callable[[View], None]:
    def lead(view: View) -> None:
        view.open(PageId.SETTINGS).search.setText(words)
        view.rest(120)

    return lead


ACTS = (
    Act(
        "settings",
        "rtx-4090-and-3060-64gb",
        (
            *(Scene(f"settings_{category}", _category(category)) for category in Category),
            Scene("settings_search", _search("memory")),
            Scene("settings_no_match", _search("zebra")),
        ),
    ),
)
