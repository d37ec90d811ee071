"""What tests of every layer use: models, and a keyring that is not the developer's."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from wan_desktop.core.paths import resources_folder

# On two busy cores the first example of a strategy can take seconds; that is not what the tests are about.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")

# For child processes too; before anybody asks for a keyring.
os.environ["PYTHON_KEYRING_BACKEND"] = "tests.fakes.keyrings.MemoryKeyring"

TinyModel = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """The folder of a family's tiny model, made once a session; not to be changed."""
    made: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in made:
            # Imports torch, which most tests of core and ui do without.
            from tests.fakes.tiny_models import make_tiny_model  # noqa: PLC0415

            made[family] = make_tiny_model(family, tmp_path_factory.mktemp("models") / family)
        return made[family]

    return get


@pytest.fixture(scope="session")
def resources() -> Path:
    """The program's resources."""
    return resources_folder()


@pytest.fixture
def own_model(tiny_model: TinyModel, tmp_path: Path) -> TinyModel:
    """A copy of a family's tiny model that a test may damage."""

    def get(family: str) -> Path:
        folder = tmp_path / f"own-{family}"
        shutil.copytree(tiny_model(family), folder)
        return folder

    return get


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte, really full when it is full."""
    folder = tmp_path / "small-disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = (
        mount
        and subprocess.run([mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], check=False).returncode == 0
    )
    if not made:
        pytest.skip("mounting a small disk needs root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
