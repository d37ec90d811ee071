"""The fake Hub is a Hub to the real client, and each of its faults really happens."""

import gzip
import hashlib
import http.client
import itertools
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.fakes.hub import CERTIFICATE, FAULTS, FakeHub, SparseFile

REPO = "fake/model"
WEIGHTS = "transformer/weights 1.safetensors"
CONFIG = "model_index.json"
FILES = {
    CONFIG: b'{"_class_name": "WanPipeline"}',
    "transformer/config.json": b"{}",
    WEIGHTS: SparseFile(3_000_001, seed=1).read(0, 3_000_001),
    "empty.txt": b"",
}


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.add_repo(REPO, {path: bytes(data) for path, data in FILES.items()})
        yield hub


@dataclass(frozen=True, slots=True)
class Got:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(url: str, method: str = "GET", timeout_s: float = 5.0, **headers: str) -> Got:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return Got(response.status, response.headers, response.read())
    finally:
        connection.close()


def resolve_url(hub: FakeHub, path: str) -> str:
    return f"{hub.url}/{REPO}/resolve/main/{urllib.parse.quote(path)}"


def signed_url(hub: FakeHub) -> str:
    return str(ask(resolve_url(hub, WEIGHTS), "HEAD").headers["Location"])


def fetch(hub: FakeHub, begin: int = 0, end: int = 1000, *, timeout_s: float = 5.0) -> Got:
    """A range of the weights, as the CDN gives it."""
    return ask(signed_url(hub), timeout_s=timeout_s, Range=f"bytes={begin}-{end - 1}")


def weights(begin: int = 0, end: int | None = None) -> bytes:
    return bytes(FILES[WEIGHTS][begin:end])


# The real client --------------------------------------------------------------------------------------------------


@pytest.fixture
def api(hub: FakeHub) -> huggingface_hub.HfApi:
    return huggingface_hub.HfApi(endpoint=hub.url, token=False)


def test_that_model_info_has_sizes_and_digests(hub: FakeHub, api: huggingface_hub.HfApi) -> None:
    info = api.model_info(REPO, files_metadata=True)
    assert (info.sha, info.gated, info.card_data and info.card_data.license) == (hub.head(REPO), False, "apache-2.0")
    files = {sibling.rfilename: sibling for sibling in info.siblings or []}
    assert {path: file.size for path, file in files.items()} == {path: len(data) for path, data in FILES.items()}
    lfs = files[WEIGHTS].lfs
    assert lfs is not None
    assert lfs.sha256 == hashlib.sha256(weights()).hexdigest()
    assert files["empty.txt"].blob_id == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git's own, of an empty file


def test_that_a_tree_comes_in_pages(hub: FakeHub, api: huggingface_hub.HfApi) -> None:
    hub.set_page_size(2)
    tree = list(api.list_repo_tree(REPO, recursive=True))
    assert [item.path for item in tree] == ["transformer", *sorted(FILES)]
    assert len([request for request in hub.requests if "/tree/" in request.path]) == 3


def test_that_a_folder_of_a_tree_can_be_listed(api: huggingface_hub.HfApi) -> None:
    top = [item.path for item in api.list_repo_tree(REPO)]
    inside = [item.path for item in api.list_repo_tree(REPO, "transformer")]
    assert (top, inside) == (["transformer", "empty.txt", CONFIG], ["transformer/config.json", WEIGHTS])


def test_that_paths_can_be_asked_for(api: huggingface_hub.HfApi) -> None:
    assert [item.path for item in api.get_paths_info(REPO, [WEIGHTS, "no.such"])] == [WEIGHTS]


@pytest.mark.parametrize("path", [CONFIG, WEIGHTS], ids=["small", "lfs"])
def test_that_metadata_of_a_file_is_in_the_headers(hub: FakeHub, path: str) -> None:
    url = huggingface_hub.hf_hub_url(REPO, path, endpoint=hub.url)
    found = huggingface_hub.get_hf_file_metadata(url, token=False)
    digests = hub.file(REPO, path).content
    assert (found.commit_hash, found.size) == (hub.head(REPO), len(FILES[path]))
    assert found.etag == (digests.sha256 if path == WEIGHTS else digests.git_sha1)


@pytest.mark.parametrize("detour", [False, True], ids=["direct", "small-files-by-a-detour"])
def test_that_a_snapshot_has_equal_bytes(hub: FakeHub, tmp_path: Path, detour: bool) -> None:
    if detour:
        hub.redirect_small_files()
    folder = huggingface_hub.snapshot_download(REPO, endpoint=hub.url, token=False, cache_dir=tmp_path)
    assert {path: (Path(folder) / path).read_bytes() for path in FILES} == FILES


def test_that_the_token_never_gets_to_the_cdn(hub: FakeHub, tmp_path: Path) -> None:
    huggingface_hub.snapshot_download(REPO, endpoint=hub.url, token=hub.token, cache_dir=tmp_path)
    seen = {request.host: request.authorization for request in hub.requests if request.path.endswith(WEIGHTS)}
    assert seen == {"hub": f"Bearer {hub.token}", "cdn": ""}


@pytest.mark.parametrize(
    ("token", "status"),
    [(False, 401), ("stranger_token", 403)],
    ids=["no-token", "not-let-in"],
)
def test_that_a_gated_repository_shows_names_and_gives_no_bytes(hub: FakeHub, token: str | bool, status: int) -> None:
    hub.add_repo("fake/gated", {CONFIG: b"{}"}, gated=True)
    sent = token and getattr(hub, str(token))
    api = huggingface_hub.HfApi(endpoint=hub.url, token=sent)
    assert api.model_info("fake/gated").gated == "auto"
    with pytest.raises(GatedRepoError) as caught:
        api.get_hf_file_metadata(url=f"{hub.url}/fake/gated/resolve/main/{CONFIG}")
    assert caught.value.response.status_code == status


def test_that_the_right_token_opens_gated_and_private_repositories(hub: FakeHub, tmp_path: Path) -> None:
    hub.add_repo("fake/locked", {CONFIG: b"{}"}, gated=True, private=True)
    folder = huggingface_hub.snapshot_download("fake/locked", endpoint=hub.url, token=hub.token, cache_dir=tmp_path)
    assert (Path(folder) / CONFIG).read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("repo_id", "token", "status"),
    [
        ("fake/private", False, 401),
        ("fake/private", FakeHub.stranger_token, 404),
        ("fake/absent", False, 401),
        ("fake/absent", FakeHub.token, 404),
    ],
)
def test_that_hidden_and_missing_repositories_look_alike(
    hub: FakeHub, repo_id: str, token: str | bool, status: int
) -> None:
    hub.add_repo("fake/private", {CONFIG: b"{}"}, private=True)
    with pytest.raises(RepositoryNotFoundError) as caught:
        huggingface_hub.HfApi(endpoint=hub.url, token=token).model_info(repo_id)
    assert caught.value.response.status_code == status


def test_that_a_wrong_token_is_refused(hub: FakeHub) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        huggingface_hub.HfApi(endpoint=hub.url, token="hf_wrong").model_info(REPO)


def test_that_a_missing_revision_is_told(api: huggingface_hub.HfApi) -> None:
    with pytest.raises(RevisionNotFoundError):
        api.model_info(REPO, revision="v9")


def test_that_a_missing_file_is_told_with_the_commit(hub: FakeHub, api: huggingface_hub.HfApi) -> None:
    with pytest.raises(RemoteEntryNotFoundError) as caught:
        api.get_hf_file_metadata(url=resolve_url(hub, "no.such"))
    assert caught.value.response.headers["X-Repo-Commit"] == hub.head(REPO)


def test_that_the_list_of_harnesses_is_empty(hub: FakeHub) -> None:
    assert json.loads(ask(f"{hub.url}/api/agent-harnesses").body) == {"standardEnvVars": [], "harnesses": {}}


# Bytes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-", 5, 3_000_001), ("bytes=-7", 2_999_994, 3_000_001), ("bytes=9-9999999", 9, None)],
)
def test_that_ranges_are_served(hub: FakeHub, asked: str, begin: int, end: int | None) -> None:
    got = ask(signed_url(hub), Range=asked)
    assert (got.status, got.body) == (206, weights(begin, end))
    assert got.headers["Content-Range"] == f"bytes {begin}-{(end or 3_000_001) - 1}/3000001"


def test_that_a_range_behind_the_end_is_refused(hub: FakeHub) -> None:
    got = fetch(hub, 3_000_001, 3_000_002)
    assert (got.status, got.headers["Content-Range"]) == (416, "bytes */3000001")


def test_that_files_on_disk_and_files_that_are_nowhere_are_served(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(weights())
    sparse = SparseFile(2_500_000, seed=7)
    hub.move(REPO, {"a.gguf": tmp_path / "a", "b.json": tmp_path / "a", "c.bin": sparse})
    repo = huggingface_hub.HfApi(endpoint=hub.url, token=False).model_info(REPO, files_metadata=True)
    digests = {file.rfilename: file.lfs and file.lfs.sha256 for file in repo.siblings or []}
    own = hashlib.sha256(weights()).hexdigest()
    assert digests == {"a.gguf": own, "b.json": None, "c.bin": sparse.sha256}
    url = str(ask(resolve_url(hub, "a.gguf"), "HEAD").headers["Location"])
    assert ask(url).body == weights()
    assert ask(url, Range="bytes=1-2000000").body == weights(1, 2_000_001)
    assert ask(resolve_url(hub, "b.json")).body == weights()
    url = str(ask(resolve_url(hub, "c.bin"), "HEAD").headers["Location"])
    assert hashlib.sha256(ask(url).body).hexdigest() == sparse.sha256


def test_that_sparse_content_is_the_same_however_it_is_cut() -> None:
    sparse = SparseFile(3 << 20, seed=3)
    whole = bytes(sparse.read(0, 3 << 20))
    cuts = [0, 1, 7, 8, 9, (1 << 20) - 1, (1 << 20) + 3, (2 << 20) + 8, 3 << 20]
    assert b"".join(sparse.read(*cut) for cut in itertools.pairwise(cuts)) == whole
    assert whole[: 1 << 20] != whole[1 << 20 : 2 << 20]


def test_that_one_connection_serves_many_requests(hub: FakeHub) -> None:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(hub.url).netloc, timeout=5)
    bodies = []
    for path in (CONFIG, "empty.txt", CONFIG):
        connection.request("GET", f"/{REPO}/resolve/main/{path}")
        bodies.append((connection.getresponse().read(), connection.sock and connection.sock.getsockname()))
    connection.close()
    assert [body for body, _ in bodies] == [FILES[CONFIG], b"", FILES[CONFIG]]
    assert len({name for _, name in bodies}) == 1


@pytest.mark.parametrize("status", [403, 410])
def test_that_signed_addresses_expire_at_once(hub: FakeHub, status: int) -> None:
    url = signed_url(hub)
    assert ask(url, "HEAD").status == 200
    hub.expire_urls(status=status)
    assert (ask(url).status, ask(signed_url(hub), "HEAD").status) == (status, 200)


def test_that_signed_addresses_expire_by_the_clock(hub: FakeHub) -> None:
    hub.set_url_lifetime(-5)
    assert ask(signed_url(hub)).status == 403


def test_that_the_rate_is_limited_per_connection(hub: FakeHub) -> None:
    hub.rate_limit(2_000_000)
    url, started_s = signed_url(hub), time.monotonic()
    assert len(ask(url, Range="bytes=0-599999").body) == 600_000
    assert time.monotonic() - started_s >= 0.2


def test_that_old_commits_stay_when_the_head_moves(hub: FakeHub) -> None:
    old = hub.head(REPO)
    new = hub.move(REPO, {CONFIG: b"new"})
    bodies = [ask(f"{hub.url}/{REPO}/resolve/{revision}/{CONFIG}").body for revision in (old, new, "main")]
    assert bodies == [FILES[CONFIG], b"new", b"new"]


# The log ----------------------------------------------------------------------------------------------------------


def test_that_the_log_tells_what_was_asked_and_sent(hub: FakeHub) -> None:
    url = signed_url(hub)
    hub.forget_requests()
    ask(url, Range="bytes=10-19", Authorization="Bearer x", User_Agent="me")
    ask(url, Range="bytes=5-14")
    first, second = hub.requests
    assert (first.host, first.method, first.status, first.range) == ("cdn", "GET", 206, "bytes=10-19")
    assert (first.authorization, first.user_agent, first.bytes_sent, first.begin) == ("Bearer x", "me", 10, 10)
    assert first.path == f"/{REPO}/{hub.head(REPO)}/{WEIGHTS}"
    assert (second.authorization, hub.bytes_sent(WEIGHTS), hub.bytes_sent("other")) == ("", 20, 0)
    assert hub.ranges_sent(WEIGHTS) == [(10, 20), (5, 15)]
    assert hub.bytes_sent_again(WEIGHTS, [(0, 6), (14, 100)]) == 8


def test_that_a_request_is_in_the_log_while_it_stalls(hub: FakeHub) -> None:
    hub.fault("stall", match=WEIGHTS, host="cdn", after=100)
    with pytest.raises(TimeoutError):
        fetch(hub, timeout_s=0.1)
    stalled = hub.requests[-1]
    assert (stalled.host, stalled.status, stalled.bytes_sent) == ("cdn", 206, 100)


# Faults -----------------------------------------------------------------------------------------------------------


def broken_off(hub: FakeHub, *, after: int, sees: type[Exception]) -> None:
    with pytest.raises(sees) as caught:
        fetch(hub, timeout_s=0.2)
    if isinstance(caught.value, http.client.IncompleteRead):
        assert caught.value.partial == weights(0, after)


def test_that_a_reset_is_no_end(hub: FakeHub) -> None:
    hub.fault("reset", match=WEIGHTS, host="cdn", after=500)
    broken_off(hub, after=500, sees=ConnectionResetError)
    hub.fault("reset", match=WEIGHTS, host="cdn")
    broken_off(hub, after=0, sees=ConnectionResetError)


def test_that_fin_ends_early(hub: FakeHub) -> None:
    hub.fault("fin", match=WEIGHTS, host="cdn", after=500)
    broken_off(hub, after=500, sees=http.client.IncompleteRead)
    hub.fault("fin", match=WEIGHTS, host="cdn")
    broken_off(hub, after=0, sees=http.client.RemoteDisconnected)


@pytest.mark.parametrize("after", [0, 500])
def test_that_a_stall_says_nothing_and_ends_with_the_hub(hub: FakeHub, after: int) -> None:
    hub.fault("stall", match=WEIGHTS, host="cdn", after=after)
    parts = urllib.parse.urlsplit(signed_url(hub))
    connection = http.client.HTTPConnection(parts.netloc, timeout=0.1)
    connection.request("GET", f"{parts.path}?{parts.query}")
    with pytest.raises(TimeoutError):
        connection.getresponse().read()
    hub.close()  # would wait for the answer's thread
    connection.close()


@pytest.mark.parametrize("after", [0, 500])
def test_that_a_stall_can_end_by_itself(hub: FakeHub, after: int) -> None:
    hub.fault("stall", match=WEIGHTS, host="cdn", after=after, for_s=0.15)
    started_s = time.monotonic()
    assert fetch(hub).body == weights(0, 1000)
    assert time.monotonic() - started_s >= 0.15


def test_that_drip_is_slow(hub: FakeHub) -> None:
    hub.fault("drip", match=WEIGHTS, host="cdn", after=970, rate=100)
    started_s = time.monotonic()
    assert fetch(hub).body == weights(0, 1000)
    assert time.monotonic() - started_s > 0.25


def test_that_a_drip_ends_with_the_hub(hub: FakeHub) -> None:
    hub.fault("drip", match=WEIGHTS, host="cdn", rate=10)
    parts = urllib.parse.urlsplit(signed_url(hub))
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    connection.request("GET", f"{parts.path}?{parts.query}")
    response = connection.getresponse()
    assert response.read(2) == weights(0, 2)
    hub.close()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    response.close()
    connection.close()


STATUSES = {
    "status_401": (401, None),
    "status_403": (403, None),
    "gated": (403, "GatedRepo"),
    "status_404": (404, "EntryNotFound"),
    "revision_gone": (404, "RevisionNotFound"),
    "status_408": (408, None),
    "status_410": (410, None),
    "status_416": (416, None),
    "status_429": (429, None),
    "status_500": (500, None),
    "status_502": (502, None),
    "status_503": (503, None),
    "status_504": (504, None),
}


@pytest.mark.parametrize("kind", STATUSES)
def test_that_a_status_is_answered(hub: FakeHub, kind: str) -> None:
    fault = hub.fault(kind, match=CONFIG, retry_after=9)
    got = ask(resolve_url(hub, CONFIG))
    assert (got.status, got.headers["X-Error-Code"], got.headers["Retry-After"]) == (*STATUSES[kind], "9")
    assert (fault.struck, ask(resolve_url(hub, CONFIG)).status) == (1, 200)


def redirected_to(hub: FakeHub, kind: str) -> urllib.parse.SplitResult:
    hub.fault(kind, match=CONFIG)
    got = ask(resolve_url(hub, CONFIG))
    assert got.status in (302, 307)
    return urllib.parse.urlsplit(got.headers["Location"])


def test_that_a_refused_host_refuses(hub: FakeHub) -> None:
    where = redirected_to(hub, "refused")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((where.hostname or "", where.port or 0), timeout=1)


def test_that_an_unknown_host_is_unknown(hub: FakeHub) -> None:
    where = redirected_to(hub, "dns")
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo(where.hostname, 80)


def test_that_a_bad_certificate_is_not_trusted(hub: FakeHub) -> None:
    where = redirected_to(hub, "tls_bad")
    connection = http.client.HTTPSConnection(where.netloc, timeout=1)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", where.path)
    connection.close()


def test_that_the_encrypted_hub_is_a_hub_to_who_trusts_it(hub: FakeHub) -> None:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    connection = http.client.HTTPSConnection(urllib.parse.urlsplit(hub.tls_url).netloc, timeout=1, context=context)
    connection.request("GET", f"/{REPO}/resolve/main/{CONFIG}")
    assert connection.getresponse().read() == FILES[CONFIG]
    connection.close()


@pytest.mark.parametrize("host", ["hub", "cdn"])
def test_that_a_host_can_go_away_and_come_back(hub: FakeHub, host: str) -> None:
    url = resolve_url(hub, CONFIG) if host == "hub" else signed_url(hub)
    with hub.refused(host), pytest.raises(ConnectionRefusedError):
        ask(url)
    assert ask(url, "HEAD").status == 200


def blob(hub: FakeHub, kind: str, **options: object) -> Got:
    fault = hub.fault(kind, match=WEIGHTS, host="cdn", **options)  # type: ignore[arg-type] # the options of each kind
    got = fetch(hub, 2000, 3000)
    assert fault.struck == 1
    return got


BODIES: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "short_length": (lambda: weights(2000, 2999), {"Content-Length": "999"}),
    "long_body": (lambda: weights(2000, 3000) + b"\xa5", {"Content-Length": "1001"}),
    "ignore_range": (weights, {"Content-Length": "3000001"}),
    "wrong_slice": (lambda: weights(1999, 2999), {"Content-Range": "bytes 2000-2999/3000001"}),
    "wrong_range": (lambda: weights(2000, 3000), {"Content-Range": "bytes 2001-3000/3000001"}),
    "wrong_total": (lambda: weights(2000, 3000), {"Content-Range": "bytes 2000-2999/3000002"}),
    "swap": (lambda: bytes(byte ^ 0x5A for byte in weights(2000, 3000)), {"Content-Length": "1000"}),
}


@pytest.mark.parametrize("kind", BODIES)
def test_that_the_bytes_are_others_than_they_say(hub: FakeHub, kind: str) -> None:
    body, headers = BODIES[kind]
    got = blob(hub, kind)
    assert (got.status, got.body) == (200 if kind == "ignore_range" else 206, body())
    assert {name: got.headers[name] for name in headers} == headers


def test_that_a_flip_changes_one_bit(hub: FakeHub) -> None:
    got = blob(hub, "flip", at=2345, bit=3)
    changed = [(i, a ^ b) for i, (a, b) in enumerate(zip(got.body, weights(2000, 3000), strict=True)) if a != b]
    assert changed == [(345, 8)]


def test_that_a_flip_waits_for_its_byte(hub: FakeHub) -> None:
    fault = hub.fault("flip", match=WEIGHTS, at=500, times=None)
    assert fetch(hub, 501, 600).body == weights(501, 600)
    assert (fetch(hub, 500, 501).body, fault.struck) == (bytes([weights()[500] ^ 1]), 1)


def test_that_a_wrong_slice_of_a_whole_file_is_wrong(hub: FakeHub) -> None:
    hub.fault("wrong_slice", match=WEIGHTS)
    got = fetch(hub, 0, 3_000_001)
    assert (len(got.body), got.body == weights()) == (3_000_001, False)


def test_that_gzip_packs(hub: FakeHub) -> None:
    got = blob(hub, "gzip")
    assert (got.headers["Content-Encoding"], gzip.decompress(got.body)) == ("gzip", weights(2000, 3000))


@pytest.mark.parametrize("path", ["/api/models/fake/model", f"/{REPO}/resolve/main/{CONFIG}"], ids=["api", "file"])
def test_that_a_login_page_answers(hub: FakeHub, path: str) -> None:
    hub.fault("captive")
    got = ask(hub.url + path)
    assert (got.status, got.headers["Content-Type"][:9], b"log in" in got.body) == (200, "text/html", True)


def test_that_headers_get_lost(hub: FakeHub) -> None:
    hub.fault("drop_header")
    got = ask(resolve_url(hub, WEIGHTS), "HEAD")
    assert [got.headers[name] for name in ("X-Linked-Etag", "X-Linked-Size", "X-Repo-Commit")] == [None] * 3
    hub.fault("drop_header", names=("Content-Length",))
    got = ask(resolve_url(hub, CONFIG))
    assert (got.headers["Content-Length"], got.body) == (None, FILES[CONFIG])


def test_that_sizes_lie_in_headers_and_api(hub: FakeHub) -> None:
    hub.fault("size_lies", times=None, by=5)
    assert ask(resolve_url(hub, WEIGHTS), "HEAD").headers["X-Linked-Size"] == "3000006"
    assert ask(resolve_url(hub, CONFIG), "HEAD").headers["Content-Length"] == str(len(FILES[CONFIG]) + 5)
    api = huggingface_hub.HfApi(endpoint=hub.url, token=False)
    sizes = {file.rfilename: file.size for file in api.model_info(REPO, files_metadata=True).siblings or []}
    assert sizes == {path: len(data) + 5 for path, data in FILES.items()}
    tree = {file.path: file for file in api.list_repo_tree(REPO, "transformer")}
    assert getattr(tree[WEIGHTS], "lfs").size == 3_000_006  # noqa: B009 - folders have none, as mypy says


def test_that_a_redirect_loops(hub: FakeHub) -> None:
    hub.fault("redirect_loop", times=None)
    url = resolve_url(hub, CONFIG)
    assert [ask(url).headers["Location"] for _ in range(2)] == [url, url]


def test_that_a_redirect_leads_to_another_host_that_answers(hub: FakeHub) -> None:
    hub.fault("redirect_off_host", match=CONFIG)
    target = str(ask(resolve_url(hub, CONFIG)).headers["Location"])
    assert (target.startswith(hub.cdn_url), ask(target).body) == (True, FILES[CONFIG])


def test_that_the_head_moves_while_it_is_asked_for(hub: FakeHub) -> None:
    hub.fault("move_commit", match="/revision/", files={CONFIG: b"new"})
    old = hub.head(REPO)
    told = json.loads(ask(f"{hub.url}/api/models/{REPO}/revision/main").body)["sha"]
    assert (told, hub.head(REPO) != old, ask(resolve_url(hub, CONFIG)).body) == (old, True, b"new")


def test_that_every_kind_of_fault_has_a_text_and_a_test_here() -> None:
    own = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind, row in FAULTS.items() if not row.text or f'"{kind}"' not in own] == []


def test_that_faults_skip_and_come_so_often(hub: FakeHub) -> None:
    hub.fault("status_500", match=CONFIG, skip=1, times=2)
    assert [ask(resolve_url(hub, CONFIG)).status for _ in range(4)] == [200, 500, 500, 200]
    hub.fault("status_500", match=CONFIG, times=None)
    assert [ask(resolve_url(hub, CONFIG)).status for _ in range(3)] == [500] * 3
    hub.clear_faults()
    assert ask(resolve_url(hub, CONFIG)).status == 200


def test_that_a_fault_behind_the_end_waits(hub: FakeHub) -> None:
    fault = hub.fault("fin", match=WEIGHTS, host="cdn", after=1000)
    assert (fetch(hub, 0, 1000).body, fault.struck) == (weights(0, 1000), 0)


def test_that_an_unknown_kind_is_a_mistake(hub: FakeHub) -> None:
    with pytest.raises(KeyError):
        hub.fault("meteor")


def test_that_it_runs_as_a_process(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "w.gguf").write_bytes(weights())
    command = [sys.executable, "-m", "tests.fakes.hub", "--folder", str(tmp_path), "--repo", REPO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        got = ask(f"{ready['url']}/{REPO}/resolve/{ready['revision']}/a/w.gguf")
        assert ask(str(got.headers["Location"])).body == weights()
        process.communicate()
    assert process.returncode == 0
