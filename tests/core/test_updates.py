"""Updates: what is signed, newer and whole is taken; nothing else is, whatever the server does."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner

from tests.fakes.update_repository import SYSTEM, UpdateRepository, UpdateServer, in_time, serving
from wan_desktop.core.errors import (
    CatalogError,
    DownloadSpaceError,
    JobCancelled,
    UpdateRefusedError,
    UpdateServerError,
    WanError,
)
from wan_desktop.core.jobs import JobContext
from wan_desktop.core.store.fetcher import TransferLimits
from wan_desktop.core.update_fetcher import Patience, is_encrypted
from wan_desktop.core.update_source import Offer, bundled_source
from wan_desktop.core.updates import (
    UpdateAvailable,
    UpdateFailed,
    UpdateLimits,
    UpdatePostponed,
    UpdateReady,
    Updates,
    UpdatesNotSetUp,
    UpdateState,
    UpToDate,
)

INSTALLED, NEWER = "0.1.0", "0.2.0"
SETUP = bytes(range(256)) * 12_000
SETUP_NAME = f"WanDesktop-{NEWER}-setup.exe"
QUICK = UpdateLimits(
    Patience(silent_s=5.0, whole_s=1.0), TransferLimits(connections=1, max_connections=1, stall_s=0.3, give_up_s=1.0)
)


@pytest.fixture
def server() -> Iterator[UpdateServer]:
    yield from serving()


@pytest.fixture
def repository(server: UpdateServer) -> UpdateRepository:
    made = UpdateRepository(server)
    made.release(NEWER, SETUP)
    return made


@pytest.fixture
def updates(repository: UpdateRepository, tmp_path: Path) -> Updates:
    return client(repository, tmp_path)


def client(
    repository: UpdateRepository,
    tmp_path: Path,
    *,
    installed: str = INSTALLED,
    is_busy: Callable[[], bool] = lambda: False,
    limits: UpdateLimits = QUICK,
    system: str = SYSTEM,
) -> Updates:
    resources = tmp_path / "resources"
    source = bundled_source(resources if resources.exists() else repository.bundle(resources))
    return Updates(tmp_path / "updates", source, is_busy=is_busy, installed=installed, system=system, limits=limits)


def context(report: Callable[[object], None] = lambda _: None) -> JobContext:
    return JobContext("update", lambda _, progress: report(progress))


def offered(updates: Updates) -> Offer:
    state = updates.check(context())
    assert isinstance(state, UpdateAvailable), state
    return state.offer


def failure(state: UpdateState) -> WanError:
    assert isinstance(state, UpdateFailed), state
    return state.error


def refused(state: UpdateState) -> str:
    """The details of a refusal; anything else fails the test."""
    error = failure(state)
    assert isinstance(error, UpdateRefusedError), error
    return error.details


# As it should go ------------------------------------------------------------------------------------------------------


def test_that_a_newer_program_is_offered(updates: Updates) -> None:
    offer = offered(updates)
    assert (offer.version, offer.setup, offer.size_bytes) == (NEWER, SETUP_NAME, len(SETUP))
    assert offer.page == "https://example.org/news"


def test_that_the_offered_setup_file_arrives_whole(updates: Updates) -> None:
    state = updates.download(offered(updates), context())
    assert isinstance(state, UpdateReady)
    assert state.path.read_bytes() == SETUP
    assert updates.proven(state)
    assert [path.name for path in state.path.parent.iterdir()] == [SETUP_NAME]


def test_that_a_setup_file_that_is_here_is_not_fetched_again(updates: Updates, server: UpdateServer) -> None:
    offer = offered(updates)
    updates.download(offer, context())
    server.asked.clear()
    assert isinstance(updates.download(offer, context()), UpdateReady)
    assert server.asked == []


def test_that_setup_files_of_other_versions_go(repository: UpdateRepository, updates: Updates) -> None:
    updates.download(offered(updates), context())
    repository.release("0.3.0", b"newer still")
    state = updates.download(offered(updates), context())
    assert isinstance(state, UpdateReady)
    assert [path.name for path in state.path.parent.iterdir()] == ["WanDesktop-0.3.0-setup.exe"]


@pytest.mark.parametrize("installed", [NEWER, "0.10.0", "1.0.0"])
def test_that_what_runs_is_never_replaced_by_something_older(
    repository: UpdateRepository, tmp_path: Path, installed: str
) -> None:
    state = client(repository, tmp_path, installed=installed).check(context())
    assert state == UpToDate(installed)


def test_that_versions_are_compared_as_numbers(repository: UpdateRepository, tmp_path: Path) -> None:
    repository.release("0.10.0", SETUP)
    assert offered(client(repository, tmp_path, installed="0.9.0")).version == "0.10.0"


def test_that_keys_may_change_when_the_old_ones_say_so(repository: UpdateRepository, updates: Updates) -> None:
    old = repository.signers["root"][0]
    new = CryptoSigner.generate_ed25519()
    repository.root.add_key(new.public_key, "root")
    repository.root.revoke_key(old.public_key.keyid, "root")
    repository.root.version = 2
    repository.signers["root"] = [new]
    repository.publish_root(also_signed_by=(old,))
    assert offered(updates).version == NEWER


def test_that_a_system_without_updates_is_told_so(repository: UpdateRepository, tmp_path: Path) -> None:
    state = client(repository, tmp_path, system="linux-riscv64").check(context())
    assert isinstance(state, UpdatesNotSetUp)


# Only when it may -----------------------------------------------------------------------------------------------------


def test_that_without_keys_nobody_is_asked(repository: UpdateRepository, tmp_path: Path) -> None:
    updates = Updates(tmp_path, bundled_source(tmp_path / "resources"), is_busy=lambda: False)
    state = updates.check(context())
    assert isinstance(state, UpdatesNotSetUp)
    assert "keys" in state.reason
    assert not updates.is_due(wanted=True)
    assert repository.server.asked == []


def test_that_this_program_comes_without_keys_as_long_as_there_are_none(resources: Path) -> None:
    assert bundled_source(resources) is None


@pytest.mark.parametrize("address", ["http://example.org/metadata", "file:///etc/passwd", "https://", "nonsense"])
def test_that_an_address_without_encryption_is_no_address(
    repository: UpdateRepository, tmp_path: Path, address: str
) -> None:
    resources = repository.bundle(tmp_path / "resources")
    (resources / "updates" / "address.json").write_text(json.dumps({"metadata": address, "files": "https://a.example"}))
    with pytest.raises(CatalogError):
        bundled_source(resources)


def test_that_damaged_keys_are_told_as_a_damaged_program(repository: UpdateRepository, tmp_path: Path) -> None:
    resources = repository.bundle(tmp_path / "resources")
    (resources / "updates" / "root.json").write_bytes(repository.first_root[:-9])
    assert isinstance(failure(client(repository, tmp_path).check(context())), CatalogError)


def test_that_nobody_is_asked_during_a_render(repository: UpdateRepository, tmp_path: Path) -> None:
    updates = client(repository, tmp_path, is_busy=lambda: True)
    assert isinstance(updates.check(context()), UpdatePostponed)
    assert not updates.is_due(wanted=True)
    assert repository.server.asked == []


def test_that_a_download_of_an_update_gives_way_and_goes_on_later(repository: UpdateRepository, tmp_path: Path) -> None:
    busy = threading.Event()
    slow = UpdateLimits(QUICK.patience, TransferLimits(connections=1, max_connections=1, bytes_per_s=1_500_000))
    updates = client(repository, tmp_path, is_busy=busy.is_set, limits=slow)
    offer = offered(updates)

    def begin_a_render(progress: object) -> None:
        if getattr(progress, "done_bytes", 0) > 0:
            busy.set()

    assert isinstance(updates.download(offer, context(begin_a_render)), UpdatePostponed)
    busy.clear()
    resumed: list[int] = []
    state = updates.download(offer, context(lambda progress: resumed.append(getattr(progress, "done_bytes", 0))))
    assert isinstance(state, UpdateReady)
    assert state.path.read_bytes() == SETUP
    assert resumed[-1] > 0
    begun = [path for path in repository.server.asked if path.endswith(".exe")]
    assert len(begun) >= 2


def test_that_a_check_ends_at_once_when_cancelled(updates: Updates, server: UpdateServer) -> None:
    server.behaviours["/metadata/timestamp.json"] = server.drips
    asked = context()
    asked.cancel_asked.set()
    with pytest.raises(JobCancelled):
        updates.check(asked)


def test_that_checks_by_themselves_are_made_once_a_day_and_only_if_wanted(
    repository: UpdateRepository, updates: Updates, tmp_path: Path
) -> None:
    assert not updates.is_due(wanted=False)
    assert updates.is_due(wanted=True)
    offered(updates)
    assert not updates.is_due(wanted=True)
    last = tmp_path / "updates" / "last-check.json"
    for other in ("2001-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00", "rubbish"):
        last.write_text(json.dumps({"format": 1, "at": other}), encoding="utf-8")
        assert updates.is_due(wanted=True), other


def test_that_a_setup_file_changed_on_the_disk_is_noticed(updates: Updates) -> None:
    ready = updates.download(offered(updates), context())
    assert isinstance(ready, UpdateReady)
    ready.path.write_bytes(SETUP[:-1] + b"!")
    assert not updates.proven(ready)
    again = updates.download(ready.offer, context())
    assert isinstance(again, UpdateReady)
    assert again.path.read_bytes() == SETUP


def test_that_too_little_space_is_said_before_the_first_byte(updates: Updates, server: UpdateServer) -> None:
    offer = offered(updates)
    server.asked.clear()
    huge = Offer(offer.version, offer.setup, 1 << 40, offer.sha256)
    assert isinstance(failure(updates.download(huge, context())), DownloadSpaceError)
    assert server.asked == []


# Attacks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_that_another_key_is_refused(repository: UpdateRepository, updates: Updates, role: str) -> None:
    repository.signers[role] = [CryptoSigner.generate_ed25519()]
    repository.publish()
    assert "UnsignedMetadataError" in refused(updates.check(context()))


def test_that_too_few_signatures_are_refused(server: UpdateServer, tmp_path: Path) -> None:
    repository = UpdateRepository(server)
    second = CryptoSigner.generate_ed25519()
    repository.root.add_key(second.public_key, "targets")
    repository.root.roles["targets"].threshold = 2
    repository.first_root = repository.publish_root()
    repository.release(NEWER, SETUP)
    assert "UnsignedMetadataError" in refused(client(repository, tmp_path).check(context()))


def test_that_one_key_that_signs_twice_does_not_count_twice(server: UpdateServer, tmp_path: Path) -> None:
    repository = UpdateRepository(server)
    repository.root.add_key(CryptoSigner.generate_ed25519().public_key, "timestamp")
    repository.root.roles["timestamp"].threshold = 2
    repository.first_root = repository.publish_root()
    repository.signers["timestamp"] *= 2
    repository.release(NEWER, SETUP)
    assert refused(client(repository, tmp_path).check(context()))


def test_that_an_older_answer_is_refused(repository: UpdateRepository, updates: Updates, server: UpdateServer) -> None:
    older = dict(server.files)
    repository.release("0.3.0", SETUP)
    assert offered(updates).version == "0.3.0"
    server.files = older
    assert "BadVersionNumberError" in refused(updates.check(context()))


def test_that_an_older_snapshot_under_a_newer_timestamp_is_refused(
    repository: UpdateRepository, updates: Updates
) -> None:
    repository.release("0.3.0", SETUP)
    offered(updates)
    repository.timestamp.snapshot_meta.version = 1
    repository.publish_timestamp()
    assert "BadVersionNumberError" in refused(updates.check(context()))


def test_that_older_targets_under_a_newer_snapshot_are_refused(
    repository: UpdateRepository, updates: Updates, server: UpdateServer
) -> None:
    older = server.files["/metadata/1.targets.json"]
    repository.release("0.3.0", SETUP)
    offered(updates)
    repository.targets.version = 1
    repository.publish_snapshot(older)
    assert "BadVersionNumberError" in refused(updates.check(context()))


def test_that_targets_of_another_snapshot_are_refused(
    repository: UpdateRepository, updates: Updates, server: UpdateServer
) -> None:
    older = server.files["/metadata/1.targets.json"]
    repository.release("0.3.0", SETUP)
    server.files["/metadata/2.targets.json"] = older
    assert "LengthOrHashMismatchError" in refused(updates.check(context()))


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_that_what_is_out_of_date_is_refused(repository: UpdateRepository, updates: Updates, role: str) -> None:
    getattr(repository, role).expires = in_time(hours=-1)
    repository.publish()
    assert "expired" in refused(updates.check(context()))


def test_that_keys_out_of_date_are_refused(repository: UpdateRepository, updates: Updates) -> None:
    repository.root.version = 2
    repository.root.expires = in_time(days=-1)
    repository.publish_root()
    assert "expired" in refused(updates.check(context()))


def test_that_a_server_that_always_says_the_same_is_believed_only_for_a_while(
    repository: UpdateRepository, updates: Updates
) -> None:
    repository.timestamp.expires = in_time(seconds=3)
    repository.publish_timestamp()
    state = updates.check(context())
    assert isinstance(state, UpdateAvailable)
    while isinstance(state, UpdateAvailable):
        state = updates.check(context())
    assert "expired" in refused(state)


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_that_half_a_file_is_refused(updates: Updates, server: UpdateServer, name: str) -> None:
    server.files[f"/metadata/{name}"] = server.files[f"/metadata/{name}"][:-40]
    refused(updates.check(context()))


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_that_a_file_without_an_end_is_refused(updates: Updates, server: UpdateServer, name: str) -> None:
    server.behaviours[f"/metadata/{name}"] = server.never_ends
    assert "exceeding" in refused(updates.check(context()))


def test_that_metadata_with_more_behind_it_is_refused(updates: Updates, server: UpdateServer) -> None:
    server.files["/metadata/1.targets.json"] += b" "
    refused(updates.check(context()))


def test_that_another_pointer_than_was_signed_is_refused(updates: Updates, server: UpdateServer) -> None:
    path = next(path for path in server.files if path.endswith(f"{SYSTEM}.json"))
    server.files[path] = server.files[path].replace(b"0.2.0", b"0.9.9")
    assert "LengthOrHashMismatchError" in refused(updates.check(context()))


@pytest.mark.parametrize(
    "content", [SETUP[:-1] + b"!", SETUP[:-1], SETUP + b"!", b""], ids=["other", "cut", "long", "empty"]
)
def test_that_another_setup_file_than_was_signed_is_never_kept(
    updates: Updates, server: UpdateServer, tmp_path: Path, content: bytes
) -> None:
    offer = offered(updates)
    server.files[f"/files/{offer.sha256}.{SETUP_NAME}"] = content
    assert isinstance(failure(updates.download(offer, context())), UpdateRefusedError | UpdateServerError)
    assert not (tmp_path / "updates" / "setup" / SETUP_NAME).exists()


@pytest.mark.parametrize(
    "name",
    ["../../evil.exe", "..\\evil.exe", "sub/evil.exe", "C:evil.exe", "/evil.exe", "evil..exe", "evil.bat", ".exe", ""],
)
def test_that_a_setup_file_that_would_lie_elsewhere_is_refused(
    repository: UpdateRepository, updates: Updates, tmp_path: Path, name: str
) -> None:
    repository.targets.targets.clear()
    if name:
        repository.add_file(name, SETUP)
    repository.point_to(NEWER, name)
    repository.publish()
    assert "named" in refused(updates.check(context()))
    assert not list(tmp_path.rglob("*evil*"))


def test_that_a_new_root_needs_the_old_ones_word(repository: UpdateRepository, updates: Updates) -> None:
    other = CryptoSigner.generate_ed25519()
    repository.root.revoke_key(repository.signers["root"][0].public_key.keyid, "root")
    repository.root.add_key(other.public_key, "root")
    repository.root.version = 2
    repository.signers["root"] = [other]
    repository.publish_root()
    assert "UnsignedMetadataError" in refused(updates.check(context()))


def test_that_a_root_that_jumps_is_refused(
    repository: UpdateRepository, updates: Updates, server: UpdateServer
) -> None:
    repository.root.version = 3
    server.files["/metadata/2.root.json"] = repository.publish_root()
    assert "BadVersionNumberError" in refused(updates.check(context()))


def test_that_a_pointer_of_a_later_format_is_not_guessed_at(repository: UpdateRepository, updates: Updates) -> None:
    repository.point_to(NEWER, SETUP_NAME, format=2)
    repository.publish()
    error = failure(updates.check(context()))
    assert isinstance(error, UpdateRefusedError)
    assert "newer" in error.message


def test_that_metadata_of_a_later_specification_is_not_guessed_at(
    repository: UpdateRepository, updates: Updates
) -> None:
    repository.targets.spec_version = "2.0.0"
    repository.publish()
    assert "DeserializationError" in refused(updates.check(context()))


@pytest.mark.parametrize("version", ["", "2", "0.2", "0.2.0-rc1", "00.2.0", "9999999.0.0", "\u0660.\u0662.\u0660"])
def test_that_what_is_no_version_is_refused(repository: UpdateRepository, updates: Updates, version: str) -> None:
    repository.point_to(version, SETUP_NAME)
    repository.publish()
    assert "no version" in refused(updates.check(context()))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[" * 60_000, b'{"format": "1"}', b" " * 70_000])
def test_that_a_signed_pointer_that_makes_no_sense_is_refused(
    repository: UpdateRepository, updates: Updates, data: bytes
) -> None:
    repository.add_file(f"{SYSTEM}.json", data)
    repository.publish()
    refused(updates.check(context()))


def test_that_a_setup_file_that_nobody_signed_is_refused(repository: UpdateRepository, updates: Updates) -> None:
    repository.point_to("0.3.0", "WanDesktop-0.3.0-setup.exe")
    repository.publish()
    assert "not among" in refused(updates.check(context()))


def test_that_a_setup_file_needs_a_sha256(repository: UpdateRepository, updates: Updates) -> None:
    repository.targets.targets[SETUP_NAME].hashes = {"md5": "0" * 32}
    repository.publish()
    assert "sha256" in refused(updates.check(context()))


# Servers that hang ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["drips", "drips_headers"])
def test_that_a_slow_server_is_not_waited_for(updates: Updates, server: UpdateServer, way: str) -> None:
    server.behaviours["/metadata/timestamp.json"] = getattr(server, way)
    error = failure(updates.check(context()))
    assert isinstance(error, UpdateServerError)
    assert "did not arrive" in error.details


def test_that_a_server_that_drips_the_setup_file_is_not_waited_for(updates: Updates, server: UpdateServer) -> None:
    offer = offered(updates)
    server.behaviours[f"/files/{offer.sha256}.{SETUP_NAME}"] = server.drips
    assert isinstance(failure(updates.download(offer, context())), UpdateServerError | UpdateRefusedError)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_that_a_server_that_refuses_is_told_as_such(updates: Updates, server: UpdateServer, status: int) -> None:
    server.behaviours["/metadata/timestamp.json"] = lambda request: request.send_error(status)
    error = failure(updates.check(context()))
    assert isinstance(error, UpdateServerError)
    assert str(status) in error.details


def test_that_a_server_that_is_gone_is_told_as_such(updates: Updates, server: UpdateServer) -> None:
    server.close()
    assert isinstance(failure(updates.check(context())), UpdateServerError)


def test_that_nobody_is_followed_out_of_the_encryption(updates: Updates, server: UpdateServer) -> None:
    def redirect(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "http://updates.example/timestamp.json")
        request.send_header("Content-Length", "0")
        request.end_headers()

    server.behaviours["/metadata/timestamp.json"] = redirect
    assert "not encrypted" in failure(updates.check(context())).details


def test_that_an_endless_redirect_ends(updates: Updates, server: UpdateServer) -> None:
    def redirect(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", "/metadata/timestamp.json")
        request.send_header("Content-Length", "0")
        request.end_headers()

    server.behaviours["/metadata/timestamp.json"] = redirect
    assert "redirected more" in failure(updates.check(context())).details


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a", True),
        ("http://127.0.0.1:8000/a", True),
        ("http://example.org/a", False),
        ("https://[", False),
        ("ftp://example.org/a", False),
    ],
)
def test_that_addresses_count_as_encrypted(url: str, expected: bool) -> None:
    assert is_encrypted(url) is expected
