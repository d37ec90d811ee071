"""A model comes whole or not at all, and nothing that came is asked for again."""

from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel

from tests.core.store.conftest import KEY, QUICK, REPO, plan_of
from tests.fakes.hub import FakeHub
from wan_desktop.core.errors import DownloadSpaceError, OfflineError
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.model_folder import inspect_model_folder
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.download import Downloader, SameFile
from wan_desktop.core.store.hub import HubClient
from wan_desktop.core.store.library import Library
from wan_desktop.core.store.manifest import read_manifest
from wan_desktop.core.store.verify import DeepCheck, quick_check


@pytest.fixture
def model_hub(hub: FakeHub, model_files: dict[str, bytes]) -> FakeHub:
    hub.add_repo(REPO, model_files)
    return hub


def test_that_a_model_comes_whole(
    model_hub: FakeHub, client: HubClient, library: Library, context: JobContext, model_files: dict[str, bytes]
) -> None:
    Downloader(library, client, QUICK).run(plan_of(client, convert=False), context)
    folder = library.folder(KEY)
    assert {file.path for file in read_manifest(Disk(), folder).files} == set(model_files)
    assert all((folder / name).read_bytes() == data for name, data in model_files.items())
    assert inspect_model_folder(folder).has_two_experts
    assert quick_check(Disk(), folder).good
    assert DeepCheck(Disk(), folder).run(lambda *_: None).good


def test_that_a_converted_model_loads_as_the_original_does(
    model_hub: FakeHub,
    client: HubClient,
    library: Library,
    context: JobContext,
    model_files: dict[str, bytes],
    tmp_path: Path,
) -> None:
    original = tmp_path / "original"
    for name, data in model_files.items():
        (original / name).parent.mkdir(parents=True, exist_ok=True)
        (original / name).write_bytes(data)
    Downloader(library, client, QUICK).run(plan_of(client), context)
    for part in ("transformer", "transformer_2"):
        expected = WanTransformer3DModel.from_pretrained(original / part, torch_dtype=torch.bfloat16).state_dict()
        found = WanTransformer3DModel.from_pretrained(library.folder(KEY) / part, torch_dtype=torch.bfloat16)
        assert all(torch.equal(tensor, expected[name]) for name, tensor in found.state_dict().items())


def test_that_nothing_is_left_over(
    model_hub: FakeHub, client: HubClient, library: Library, context: JobContext
) -> None:
    Downloader(library, client, QUICK).run(plan_of(client), context)
    assert not library.downloading()
    assert not list(library.root.rglob("*.part"))


def test_that_a_model_without_the_rest_is_no_model(
    model_hub: FakeHub, client: HubClient, library: Library, context: JobContext
) -> None:
    model_hub.fault("status_503", match="vae/.*safetensors", times=None)
    downloader = Downloader(library, client, QUICK)
    with pytest.raises(OfflineError):
        downloader.run(plan_of(client), context)
    assert not library.keys()
    assert library.downloading() == [KEY]
    plan = downloader.unfinished(KEY)
    assert plan == plan_of(client)


def test_that_files_that_came_are_not_asked_for_again(
    model_hub: FakeHub, client: HubClient, library: Library, context: JobContext
) -> None:
    fault = model_hub.fault("status_503", match="vae/.*safetensors", times=None)
    plan = plan_of(client)
    with pytest.raises(OfflineError):
        Downloader(library, client, QUICK).run(plan, context)
    came = sum(model_hub.bytes_sent(file.path) for file in plan.files)
    fault.times = 0
    Downloader(library, client, QUICK).run(plan, context)
    assert came
    distinct = {file.origin.sha256 or file.origin.git_sha1: file.origin.size_bytes for file in plan.files}
    assert sum(model_hub.bytes_sent(file.path) for file in plan.files) == sum(distinct.values())


def test_that_a_file_that_is_here_is_shared(
    model_hub: FakeHub,
    client: HubClient,
    library: Library,
    context: JobContext,
    tmp_path: Path,
    model_files: dict[str, bytes],
) -> None:
    here = tmp_path / "here.safetensors"
    here.write_bytes(model_files["vae/diffusion_pytorch_model.safetensors"])

    def find_same(file: object) -> SameFile | None:
        path = getattr(file, "path", "")
        return SameFile(here, getattr(file, "origin").sha256) if path.startswith("vae/diff") else None  # noqa: B009

    Downloader(library, client, QUICK, find_same).run(plan_of(client), context)
    assert model_hub.bytes_sent("vae/diffusion_pytorch_model.safetensors") == 0
    assert (library.folder(KEY) / "vae/diffusion_pytorch_model.safetensors").samefile(here)


class FullDisk(Disk):
    def free_bytes(self, path: Path) -> int:
        return 1000


def test_that_too_little_space_is_told_before_the_first_byte(
    model_hub: FakeHub, client: HubClient, context: JobContext, tmp_path: Path
) -> None:
    library = Library(FullDisk(), tmp_path / "full", create=True)
    plan = plan_of(client)
    model_hub.forget_requests()
    with pytest.raises(DownloadSpaceError, match=r"needs .* GB .* are free"):
        Downloader(library, client, QUICK).run(plan, context)
    assert not model_hub.requests
