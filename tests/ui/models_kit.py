"""What the tests of the Models page share: a Hub with a tiny model, a PC on paper, and a page in a window."""

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.fakes.hub import FakeHub
from tests.ui.conftest import WAIT_MS
from wan_desktop.core.catalog import add_entry, metadata_for_repo
from wan_desktop.core.model_list import Deed, ShownStatus
from wan_desktop.core.paths import AppPaths
from wan_desktop.core.store.library import ModelKey
from wan_desktop.ui.models.page import ModelsPage
from wan_desktop.ui.session import Session

REPO, GATED = "wan/tiny-Diffusers", "wan/gated"
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
KEY = ModelKey(metadata_for_repo(REPO).model_id, "original")
GATED_KEY = ModelKey(metadata_for_repo(GATED).model_id, "original")
OpenPage = Callable[..., ModelsPage]


def add_repositories(paths: AppPaths) -> None:
    """Add the Hub's models to the list, as the button does."""
    for repo_id in (REPO, GATED):
        add_entry(metadata_for_repo(repo_id), paths.added_models)


def model_files(folder: Path) -> dict[str, bytes]:
    """All files of a model, by their names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def folder_of(paths: AppPaths, key: ModelKey = KEY) -> Path:
    """Where a model comes to lie."""
    return paths.models / key.model_id / key.variant


def flip(path: Path, offset: int) -> None:
    """Damage one bit, as a drive does: without a word, and without another time."""
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def select(page: ModelsPage, key: ModelKey) -> None:
    """Show that model, as another page would ask for it."""
    page.show_target(key)


def status(page: ModelsPage, key: ModelKey = KEY) -> ShownStatus:
    """What the card says."""
    card = page.list.card(key)
    assert card is not None
    return card.standing.status


def wait_for_status(qtbot: QtBot, page: ModelsPage, wanted: ShownStatus, key: ModelKey = KEY) -> None:
    """Until the card says so."""

    def check() -> None:
        assert page.list.card(key) is not None
        assert status(page, key) is wanted

    qtbot.waitUntil(check, timeout=WAIT_MS)


def click(qtbot: QtBot, page: ModelsPage, deed: Deed) -> None:
    """Press the button of the details; it must be there."""
    button = page.details.button(deed)
    assert button.isVisible()
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def wait_for_models(qtbot: QtBot, session: Session) -> None:
    """Until they are judged for the PC."""
    qtbot.waitUntil(lambda: any(offer.check for offer in session.models.offers()), timeout=WAIT_MS)


def slow_hub(hub: FakeHub, bytes_per_s: float = 40_000) -> None:
    """So slow that a download can be stopped in its middle."""
    hub.rate_limit(bytes_per_s)
