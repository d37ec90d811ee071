"""Files arrive whole and proven, whatever the line does, and no committed byte is asked for twice."""

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.hub import FakeHub
from wan_desktop.core.errors import (
    AccessDeniedError,
    ConnectionBlockedError,
    ContentMismatchError,
    DownloadError,
    JobCancelled,
    OfflineError,
    RepositoryNotFoundError,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.blocks import BLOCK_BYTES
from wan_desktop.core.store.disk import Disk
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.store.manifest import Origin
from wan_desktop.core.store.part_file import FetchedFile, WantedFile
from wan_desktop.core.store.transfer import Transfer

REPO = "wan/model"
NAME = "transformer/weights.safetensors"
CONTENT = hashlib.shake_128(b"weights").digest(5 * BLOCK_BYTES + 12_345)
QUICK = TransferLimits(connections=3, max_connections=4, stall_s=0.3, give_up_s=2.0)


class PlainHub:
    """Addresses as the Hub's client gives them."""

    def __init__(self, url: str) -> None:
        self._url = url

    def file_url(self, repo_id: str, revision: str, filename: str) -> str:
        return f"{self._url}/{repo_id}/resolve/{revision}/{filename}"

    def headers_for(self, url: str) -> dict[str, str]:
        return {"User-Agent": "test"}


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.add_repo(REPO, {NAME: CONTENT, "config.json": b"{}"})
        yield fake


def wanted(hub: FakeHub, folder: Path, name: str = NAME) -> WantedFile:
    entry = hub.file(REPO, name)
    content = entry.content
    sha256, git_sha1 = (content.sha256, "") if entry.lfs else ("", content.git_sha1)
    origin = Origin(REPO, hub.head(REPO), name, content.size_bytes, sha256, git_sha1)
    return WantedFile(origin, folder / f"{Path(name).name}.part", folder / f"{Path(name).name}.journal")


def run(
    hub: FakeHub,
    items: list[WantedFile],
    *,
    limits: TransferLimits = QUICK,
    context: JobContext | None = None,
) -> list[FetchedFile]:
    done: list[FetchedFile] = []
    context = context or JobContext("test", lambda *_: None)
    Transfer(Disk(), PlainHub(hub.url), limits).run(items, context, done.append)
    return done


def test_that_files_arrive_whole(hub: FakeHub, tmp_path: Path) -> None:
    done = run(hub, [wanted(hub, tmp_path), wanted(hub, tmp_path, "config.json")])
    assert (tmp_path / "weights.safetensors.part").read_bytes() == CONTENT
    assert (tmp_path / "config.json.part").read_bytes() == b"{}"
    assert {file.sha256 for file in done} == {hashlib.sha256(data).hexdigest() for data in (CONTENT, b"{}")}


def test_that_every_byte_comes_once(hub: FakeHub, tmp_path: Path) -> None:
    run(hub, [wanted(hub, tmp_path)])
    assert hub.bytes_sent(NAME) == len(CONTENT)


# The line ---------------------------------------------------------------------------------------------------------

HEALING = {
    "reset": {"after": 300_000},
    "fin": {"after": 300_000},
    "short_length": {"by": 5},
    "long_body": {},
    "stall": {"after": 300_000},
    "drip": {"after": 300_000, "rate": 20},
    "refused": {},
    "dns": {},
    "status_401": {"host": "cdn"},
    "status_403": {"host": "cdn"},
    "status_404": {"host": "cdn"},
    "status_408": {},
    "status_410": {"host": "cdn"},
    "status_416": {},
    "status_429": {"retry_after": 0},
    "status_500": {},
    "status_502": {},
    "status_503": {},
    "status_504": {},
    "ignore_range": {},
    "wrong_slice": {},
    "wrong_range": {},
    "wrong_total": {},
    "flip": {},
    "swap": {},
    "gzip": {},
    "captive": {},
    "tls_bad": {},
    "redirect_loop": {},
}


@pytest.mark.parametrize("kind", HEALING)
def test_that_a_fault_that_ends_costs_no_file(hub: FakeHub, tmp_path: Path, kind: str) -> None:
    fault = hub.fault(kind, match="weights", times=2, **HEALING[kind])
    run(hub, [wanted(hub, tmp_path)])
    assert fault.struck
    assert (tmp_path / "weights.safetensors.part").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("kind", "host", "error"),
    [
        ("status_403", "hub", AccessDeniedError),
        ("gated", "hub", AccessDeniedError),
        ("status_401", "hub", AccessDeniedError),
        ("status_404", "hub", RepositoryNotFoundError),
        ("status_410", "hub", RepositoryNotFoundError),
        ("captive", None, ConnectionBlockedError),
        ("tls_bad", None, ConnectionBlockedError),
        ("redirect_loop", None, ContentMismatchError),
        ("wrong_range", None, ContentMismatchError),
        ("wrong_total", None, ContentMismatchError),
        ("gzip", None, ContentMismatchError),
        ("swap", None, ContentMismatchError),
        ("dns", None, OfflineError),
        ("refused", None, OfflineError),
        ("status_503", None, OfflineError),
        ("stall", None, OfflineError),
    ],
)
def test_that_a_fault_that_stays_ends_with_its_reason(
    hub: FakeHub, tmp_path: Path, kind: str, host: str | None, error: type[DownloadError]
) -> None:
    hub.fault(kind, match="weights", host=host, times=None)
    with pytest.raises(error) as caught:
        run(hub, [wanted(hub, tmp_path)])
    assert type(caught.value) is error
    assert "What has arrived is kept." in caught.value.hint


@pytest.mark.parametrize("kind", ["fin", "reset"])
def test_that_a_line_that_dies_every_mebibyte_costs_at_most_a_tenth(hub: FakeHub, tmp_path: Path, kind: str) -> None:
    hub.fault(kind, match="weights", host="cdn", times=None, after=BLOCK_BYTES)
    run(hub, [wanted(hub, tmp_path)])
    assert (tmp_path / "weights.safetensors.part").read_bytes() == CONTENT
    assert hub.bytes_sent(NAME) <= 1.10 * len(CONTENT)


def test_that_a_flipped_bit_is_found_by_reading_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.fault("flip", match="weights", host="cdn", at=2_000_000)
    run(hub, [wanted(hub, tmp_path)])
    assert (tmp_path / "weights.safetensors.part").read_bytes() == CONTENT
    assert hub.bytes_sent(NAME) <= 2 * len(CONTENT) + BLOCK_BYTES


# Stopping ---------------------------------------------------------------------------------------------------------


def cancel_when(hub: FakeHub, context: JobContext, bytes_sent: int) -> threading.Thread:
    def wait() -> None:
        while hub.bytes_sent(NAME) < bytes_sent:
            time.sleep(0.005)
        context.cancel_asked.set()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", ["stall", "drip", "status_429", "status_503"])
def test_that_cancel_is_quick_in_every_wait(hub: FakeHub, tmp_path: Path, kind: str) -> None:
    options = {"retry_after": 600} if kind == "status_429" else {}
    hub.fault(kind, match="weights", host="cdn", times=None, **options)
    context = JobContext("test", lambda *_: None)
    timer = threading.Timer(0.4, context.cancel_asked.set)
    timer.start()
    limits = TransferLimits(connections=2, stall_s=20, give_up_s=60)
    with pytest.raises(JobCancelled):
        run(hub, [wanted(hub, tmp_path)], limits=limits, context=context)
    timer.join()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]


def test_that_what_arrived_is_not_asked_for_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.rate_limit(3_000_000)
    context = JobContext("test", lambda *_: None)
    thread = cancel_when(hub, context, 2 * BLOCK_BYTES)
    with pytest.raises(JobCancelled):
        run(hub, [wanted(hub, tmp_path)], limits=TransferLimits(connections=1, max_connections=1), context=context)
    thread.join()
    hub.rate_limit(0)
    hub.forget_requests()
    run(hub, [wanted(hub, tmp_path)])
    assert (tmp_path / "weights.safetensors.part").read_bytes() == CONTENT
    assert hub.bytes_sent(NAME) <= len(CONTENT) - BLOCK_BYTES


def test_that_claims_are_not_believed(hub: FakeHub, tmp_path: Path) -> None:
    item = wanted(hub, tmp_path)
    run(hub, [item])
    damaged = bytearray(CONTENT)
    damaged[3 * BLOCK_BYTES + 7] ^= 1
    item.part.write_bytes(damaged)
    hub.forget_requests()
    run(hub, [item])
    assert item.part.read_bytes() == CONTENT
    assert hub.bytes_sent(NAME) == BLOCK_BYTES


def test_that_a_limit_is_kept(hub: FakeHub, tmp_path: Path) -> None:
    start_s = time.monotonic()
    run(hub, [wanted(hub, tmp_path)], limits=TransferLimits(connections=4, bytes_per_s=4_000_000))
    assert time.monotonic() - start_s >= 0.9 * len(CONTENT) / 4_000_000
