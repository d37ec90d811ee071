"""Indexes tell where the lock's files are, in every form that indexes have, and are believed in nothing else."""

import dataclasses
from pathlib import Path

import pytest

from tests.core.runtime.conftest import KIND, Parts, lock_of, quiet
from tests.fakes.wheel_server import WheelServer
from tests.fakes.wheels import build_wheel
from wan_desktop.core.errors import DownloadError, JobCancelled, OfflineError, WheelMissingError
from wan_desktop.core.runtime.lock import Pin, parse_lock
from wan_desktop.core.runtime.wheel_index import WheelIndex, WheelSources


def index_at(url: str) -> WheelIndex:
    return WheelIndex(WheelSources(f"{url}/simple", f"{url}/whl"), timeout_s=2.0, waits_s=(0.01,))


@pytest.fixture
def index(server: WheelServer, parts: Parts) -> WheelIndex:
    server.add(*parts.everything)
    return index_at(server.url)


@pytest.mark.parametrize("speaks_json", [True, False], ids=["json", "html"])
@pytest.mark.parametrize("tells_hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("tells_sizes", [True, False], ids=["sizes", "no sizes"])
def test_that_every_form_of_an_index_gives_the_same_files(
    server: WheelServer, index: WheelIndex, parts: Parts, speaks_json: bool, tells_hashes: bool, tells_sizes: bool
) -> None:
    server.speaks_json, server.tells_hashes, server.tells_sizes = speaks_json, tells_hashes, tells_sizes
    plan = index.find(parts.new_lock, quiet())
    assert plan.digest == parts.new_lock.digest
    found = {(wheel.filename, wheel.size_bytes, wheel.sha256) for wheel in plan.wheels}
    assert found == {(wheel.filename, len(wheel.content), wheel.sha256) for wheel in parts.new}
    assert plan.size_bytes == sum(len(wheel.content) for wheel in parts.new)
    assert all(wheel.url.startswith(f"{server.url}/files/") for wheel in plan.wheels)


def test_that_a_build_is_looked_for_at_its_own_index_only(server: WheelServer, index: WheelIndex, parts: Parts) -> None:
    index.find(parts.new_lock, quiet())
    assert server.asked["/whl/cpu/large/"] == 1
    assert server.asked["/simple/large/"] == 0
    assert server.asked["/simple/helper/"] == 1


def test_that_a_copy_that_was_told_no_index_says_so_and_builds_of_torch_have_their_own() -> None:
    sources = WheelSources()
    with pytest.raises(DownloadError, match="does not know where") as raised:
        sources.project_page(Pin("numpy", "2.4.6", ()))
    assert "Settings" in raised.value.hint
    cuda = Pin("torch", "2.13.0+cu130", ())
    assert sources.project_page(cuda) == "https://download.pytorch.org/whl/cu130/torch/"


def test_that_of_files_with_locked_hashes_the_one_that_fits_is_taken(server: WheelServer, tmp_path: Path) -> None:
    tags = [
        "py3-none-any",
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp311-cp311-win_amd64",
    ]
    wheels = [build_wheel(tmp_path, "engine", "1.0", {f"{number}.py": b""}, tag=tag) for number, tag in enumerate(tags)]
    server.add(*wheels)
    hashes = " ".join(f"--hash=sha256:{wheel.sha256}" for wheel in wheels)
    plan = index_at(server.url).find(parse_lock(KIND, f"engine==1.0 {hashes}"), quiet())
    assert [wheel.filename for wheel in plan.wheels] == [wheels[1].filename]


def test_that_a_file_with_a_hash_that_is_not_locked_is_not_taken(
    server: WheelServer, index: WheelIndex, parts: Parts, tmp_path: Path
) -> None:
    other = build_wheel(tmp_path, "engine", "2.0", {"engine/__init__.py": b"VERSION = 'evil'\n"})
    server.add(other)
    assert other.filename == parts.new[0].filename
    with pytest.raises(WheelMissingError) as caught:
        index.find(parts.new_lock, quiet())
    assert "engine 2.0" in caught.value.message


def test_that_without_hashes_a_file_is_taken_only_where_the_lock_leaves_no_doubt(
    server: WheelServer, index: WheelIndex, parts: Parts
) -> None:
    server.tells_hashes = False
    line = f"{parts.old[0].line} --hash=sha256:{'0' * 64}"
    with pytest.raises(WheelMissingError):
        index.find(parse_lock(KIND, line), quiet())


@pytest.mark.parametrize("gone", ["helper", "large"])
def test_that_a_missing_project_is_named(server: WheelServer, index: WheelIndex, parts: Parts, gone: str) -> None:
    server.gone.add(gone)
    with pytest.raises(WheelMissingError) as caught:
        index.find(parts.new_lock, quiet())
    assert gone in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [b"<html>Log in</html>", b"\xff\x00", b"[]", b'{"files": 3}', b'{"files": [1, {"filename": "a"}]}', b"[" * 100_000],
    ids=["login page", "rubbish", "list", "no files", "odd files", "nested"],
)
@pytest.mark.parametrize("speaks_json", [True, False], ids=["json", "html"])
def test_that_other_pages_are_no_lists_of_files(
    server: WheelServer, index: WheelIndex, parts: Parts, text: bytes, speaks_json: bool
) -> None:
    server.page_text, server.speaks_json = text, speaks_json
    with pytest.raises(WheelMissingError):
        index.find(parts.old_lock, quiet())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/a", "javascript:1"])
def test_that_an_index_cannot_lead_to_other_kinds_of_addresses(
    server: WheelServer, index: WheelIndex, parts: Parts, url: str
) -> None:
    wheel = parts.old[1]
    server.page_text = (
        f'{{"files": [{{"filename": "{wheel.filename}", "url": "{url}", "hashes": {{"sha256": "{wheel.sha256}"}}}}]}}'
    ).encode()
    with pytest.raises(WheelMissingError):
        index.find(lock_of([wheel]), quiet())


def test_that_an_index_that_is_not_there_is_an_outage_and_nothing_of_models_is_said(parts: Parts) -> None:
    with pytest.raises(DownloadError) as caught:
        index_at("http://127.0.0.1:9").find(parts.old_lock, quiet())
    assert isinstance(caught.value, OfflineError)
    assert "odel" not in caught.value.message + caught.value.hint


def test_that_looking_up_can_be_cancelled(index: WheelIndex, parts: Parts) -> None:
    context = quiet()
    context.cancel_asked.set()
    with pytest.raises(JobCancelled):
        index.find(parts.new_lock, context)


def test_that_sources_can_be_changed() -> None:
    sources = dataclasses.replace(WheelSources(), packages="https://mirror.example/simple/")
    assert sources.project_page(Pin("numpy", "2.4.6", ())) == "https://mirror.example/simple/numpy/"
