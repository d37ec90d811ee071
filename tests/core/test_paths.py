"""Where everything lies."""

from pathlib import Path

import pytest

from wan_desktop.core.errors import DataFolderError
from wan_desktop.core.paths import AppPaths


def test_that_one_variable_moves_all_data(tmp_path: Path) -> None:
    paths = AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path)})
    paths.ensure()
    assert all(
        tmp_path in p.parents for p in (paths.videos, paths.settings_file, paths.log_file, paths.work, paths.rescued)
    )
    assert paths.work.is_dir()


def test_that_a_folder_that_cannot_be_made_is_said_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataFolderError, match="cannot be written") as caught:
        AppPaths.find({"WAN_DESKTOP_HOME": str(tmp_path / "file" / "home")}).ensure()
    assert "WAN_DESKTOP_HOME" in caught.value.hint


def test_that_the_usual_places_carry_the_programs_name() -> None:
    paths = AppPaths.find({})
    assert paths.data.name == paths.videos.name == "Wan Desktop"


def test_that_the_resources_are_found(resources: Path) -> None:
    assert AppPaths.find({}).resources == resources
    assert (resources / "catalog").is_dir()
