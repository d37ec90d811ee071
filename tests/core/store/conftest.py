"""A Hub, a library and a real, tiny model between them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import FakeHub
from tests.fakes.tiny_models import make_tiny_model
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.conversion import Conversion
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.download import DownloadPlan, PlannedFile
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library, ModelKey
from wan_desktop.core.store.manifest import Origin

REPO = "wan/tiny"
KEY = ModelKey("tiny", "bf16")
QUICK = TransferLimits(connections=2, max_connections=2, stall_s=0.3, give_up_s=2.0)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        yield fake


@pytest.fixture
def client(hub: FakeHub) -> HubClient:
    return HubClient(endpoint=hub.url)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(Disk(), tmp_path / "models", create=True)


@pytest.fixture
def context() -> JobContext:
    return JobContext("test", lambda *_: None)


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A tiny model of two experts, as a repository holds it."""
    folder = make_tiny_model("t2v_two_experts", tmp_path_factory.mktemp("tiny") / "model")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def client_of(endpoint: str, token: str | None = None, **changes: Any) -> HubClient:
    """A client that does not wait between its tries."""
    values: dict[str, Any] = {"timeout_s": 20.0, "waits_s": (0.0, 0.0, 0.0), **changes}
    return HubClient(endpoint=endpoint, token=lambda: token, **values)


def plan_of(client: HubClient, *, repo_id: str = REPO, convert: bool = True) -> DownloadPlan:
    """All files of the repository; its transformers become smaller."""
    repo = client.repo(repo_id)
    planned = []
    for file in repo.files:
        shrinks = convert and file.filename.startswith("transformer") and file.filename.endswith(".safetensors")
        origin = Origin(repo.repo_id, repo.revision, file.filename, file.size_bytes, file.sha256, file.git_sha1)
        planned.append(PlannedFile(file.filename, origin, Conversion.BF16 if shrinks else Conversion.NONE))
    return DownloadPlan(KEY.model_id, KEY.variant, tuple(planned))
