"""What the Hub says comes pinned and checked, and the token goes nowhere else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from tests.core.store.conftest import client_of
from tests.fakes.hub import FakeHub, SparseFile
from wan_desktop.core.errors import (
    AccessDeniedError,
    ContentMismatchError,
    RequestError,
    UnsafeNameError,
)
from wan_desktop.core.records import RecordError, from_plain, to_plain
from wan_desktop.core.store.hub import DEFAULT_ENDPOINT, MAX_FILES, HubClient, RemoteFile, RemoteRepo, is_repo_id

REPO = "fake/model"
SPARSE = SparseFile(60 << 30, sha256="ab" * 32)
FILES: dict[str, Any] = {
    "model_index.json": b'{"_class_name": "WanPipeline"}',
    "transformer/weights.safetensors": SPARSE,
    "tokenizer/spiece.model": b"pieces",
    ".gitattributes": b"*.safetensors filter=lfs",
    "assets/picture.png": b"png",
    "run.py": b"import os",
}
WANTED = ["model_index.json", "tokenizer/spiece.model", "transformer/weights.safetensors"]
SHA1, SHA256 = "a1" * 20, "b2" * 32
API = "/api/models/fake/model"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.add_repo(REPO, FILES)
        yield hub


@pytest.fixture
def client(hub: FakeHub) -> HubClient:
    return client_of(hub.url)


def paths(hub: FakeHub) -> list[str]:
    return [request.path for request in hub.requests]


# Good answers -----------------------------------------------------------------------------------------------------


def test_that_a_repository_comes_with_commit_sizes_and_digests(hub: FakeHub, client: HubClient) -> None:
    repo = client.repo(REPO)
    assert (repo.repo_id, repo.revision, repo.gated, repo.licence) == (REPO, hub.head(REPO), False, "apache-2.0")
    config, pieces, weights = repo.files
    digest = hub.file(REPO, "model_index.json").content.git_sha1
    assert config == RemoteFile("model_index.json", 30, git_sha1=digest)
    assert (pieces.size_bytes, len(pieces.sha256), pieces.git_sha1) == (6, 64, "")
    assert weights == RemoteFile("transformer/weights.safetensors", 60 << 30, sha256="ab" * 32)
    assert repo.size_bytes == (60 << 30) + 36


def test_that_only_files_that_a_model_needs_are_listed(client: HubClient) -> None:
    assert [file.filename for file in client.repo(REPO).files] == WANTED


def test_that_the_commit_is_pinned_before_the_files_are_listed(hub: FakeHub, client: HubClient) -> None:
    hub.fault("move_commit", match="/revision/main", files={"model_index.json": b"new"})
    old = hub.head(REPO)
    repo = client.repo(REPO)
    assert (repo.revision, [file.filename for file in repo.files]) == (old, WANTED)
    assert hub.head(REPO) != old
    assert paths(hub) == [f"{API}/revision/main", f"{API}/tree/{old}"]


def test_that_a_commit_can_be_asked_for(hub: FakeHub, client: HubClient) -> None:
    old = hub.head(REPO)
    hub.move(REPO, {"model_index.json": b"new"})
    assert client.repo(REPO, old).revision == old


def test_that_pages_are_put_together(hub: FakeHub, client: HubClient) -> None:
    hub.set_page_size(2)
    assert [file.filename for file in client.repo(REPO).files] == WANTED
    assert len(paths(hub)) > 4


def test_that_an_empty_repository_is_one(hub: FakeHub, client: HubClient) -> None:
    hub.add_repo("fake/empty", {})
    assert client.repo("fake/empty").files == ()


def test_that_a_gated_repository_says_so_and_its_bytes_can_be_asked_about(hub: FakeHub) -> None:
    hub.add_repo("fake/gated", {"model_index.json": b"{}"}, gated=True)
    repo = client_of(hub.url).repo("fake/gated")
    assert repo.gated is True
    with pytest.raises(AccessDeniedError) as caught:
        client_of(hub.url, hub.stranger_token).check_access(repo)
    assert f"{hub.url}/fake/gated" in caught.value.hint
    client_of(hub.url, hub.token).check_access(repo)


def test_that_access_is_asked_about_without_going_to_the_cdn(hub: FakeHub, client: HubClient) -> None:
    client.check_access(RemoteRepo(REPO, hub.head(REPO), False, (RemoteFile(WANTED[2], 1, sha256=SHA256),)))
    assert [(request.host, request.method, request.status) for request in hub.requests] == [("hub", "HEAD", 302)]


def test_that_the_cached_record_comes_back(client: HubClient) -> None:
    repo = client.repo(REPO)
    assert from_plain(RemoteRepo, json.loads(json.dumps(to_plain(repo)))) == repo


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"revision": "main"}, RecordError),
        ({"repo_id": "no namespace"}, RecordError),
        ({"files": [{"filename": "a.json", "size_bytes": -1, "git_sha1": SHA1}]}, RecordError),
        ({"files": [{"filename": "a.json", "size_bytes": 1}]}, RecordError),
        ({"files": [{"filename": "a.json", "size_bytes": 1, "sha256": SHA256, "git_sha1": "x"}]}, RecordError),
        ({"files": [{"filename": "../a.json", "size_bytes": 1, "git_sha1": SHA1}]}, UnsafeNameError),
    ],
    ids=["revision", "repo", "size", "no-digest", "bad-digest", "name"],
)
def test_that_a_damaged_cached_record_is_refused(
    client: HubClient, changes: dict[str, Any], error: type[Exception]
) -> None:
    plain = {**to_plain(client.repo(REPO)), **changes}
    with pytest.raises(error):
        from_plain(RemoteRepo, plain)


def test_that_the_hub_can_be_probed(hub: FakeHub, client: HubClient) -> None:
    client.probe()
    assert paths(hub) == ["/api/models"]


# Addresses and secrets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filename", ["a b/c#d?.safetensors", "plain.json", "ü/%41.txt"])
@pytest.mark.parametrize("revision", ["main", "refs/pr/1"])
def test_that_file_addresses_are_those_of_the_library(filename: str, revision: str) -> None:
    own = HubClient(endpoint=DEFAULT_ENDPOINT).file_url("a/b", revision, filename)
    assert own == huggingface_hub.hf_hub_url("a/b", filename, revision=revision, endpoint=DEFAULT_ENDPOINT)


@pytest.mark.parametrize(
    ("environment", "given", "endpoint"),
    [
        (None, "", "https://huggingface.co"),
        ("https://mirror.example/hf/", "", "https://mirror.example/hf"),
        ("https://mirror.example", "http://127.0.0.1:1", "http://127.0.0.1:1"),
    ],
    ids=["default", "mirror", "given"],
)
def test_that_the_endpoint_is_the_given_the_mirror_or_the_public_one(
    monkeypatch: pytest.MonkeyPatch, environment: str | None, given: str, endpoint: str
) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    if environment:
        monkeypatch.setenv("HF_ENDPOINT", environment)
    assert HubClient(endpoint=given).endpoint == endpoint


@pytest.mark.parametrize(
    ("endpoint", "url", "sent"),
    [
        ("https://huggingface.co", "https://huggingface.co/a/b/resolve/main/c", True),
        ("https://huggingface.co", "https://HuggingFace.co:443/a", True),
        ("https://huggingface.co", "http://huggingface.co/a", False),
        ("https://huggingface.co", "https://cdn.huggingface.co/a", False),
        ("https://huggingface.co", "https://huggingface.co.evil.example/a", False),
        ("https://huggingface.co", "https://huggingface.co@evil.example/a", False),
        ("https://huggingface.co", "https://huggingface.co:444/a", False),
        ("https://huggingface.co", "https://[rubbish", False),
        ("http://mirror.example", "http://mirror.example/a", False),
        ("http://127.0.0.1:80", "http://127.0.0.1/a", True),
        ("http://127.0.0.1:80", "http://127.0.0.1:81/a", False),
        ("http://localhost:9", "http://localhost:9/a", True),
        ("http://[::1]:9", "http://[::1]:9/a", True),
        ("http://127.evil.example", "http://127.evil.example/a", False),
        ("ftp://[rubbish", "ftp://[rubbish", False),
    ],
)
def test_that_the_token_goes_to_the_hub_alone_and_never_in_clear(endpoint: str, url: str, sent: bool) -> None:
    headers = client_of(endpoint, "hf_secret").headers_for(url)
    assert headers.get("Authorization") == ("Bearer hf_secret" if sent else None)
    assert headers["User-Agent"].startswith("wan-desktop/")


@pytest.mark.parametrize("token", [None, "", "  \n"])
def test_that_no_token_sends_none(token: str | None) -> None:
    assert "Authorization" not in client_of("https://huggingface.co", token).headers_for("https://huggingface.co/a")


@pytest.mark.parametrize("token", ["hf_a b", "hf_a\r\nX-Evil: 1", "hf_ä"])
def test_that_a_token_that_is_none_is_refused_and_not_shown(hub: FakeHub, token: str) -> None:
    with pytest.raises(AccessDeniedError) as caught:
        client_of(hub.url, token).repo(REPO)
    assert "hf_" not in f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert hub.requests == []


def test_that_the_token_is_sent_with_each_question(hub: FakeHub) -> None:
    hub.add_repo("fake/private", FILES, private=True)
    assert client_of(hub.url, f" {hub.token}\n").repo("fake/private").revision
    assert {request.authorization for request in hub.requests} == {f"Bearer {hub.token}"}


def test_that_a_redirect_to_another_host_gets_no_token(hub: FakeHub) -> None:
    hub.fault("redirect_off_host", match="/revision/", where="any")
    assert [file.filename for file in client_of(hub.url, hub.token).repo(REPO).files] == WANTED
    assert {(request.host, bool(request.authorization)) for request in hub.requests} == {("hub", True), ("cdn", False)}


def test_that_links_to_further_pages_cannot_lead_elsewhere(hub: FakeHub) -> None:
    hub.set_page_size(3)
    hub.fault("redirect_off_host", match="/tree/", where="any")  # whose links to further pages are to the other host
    assert [file.filename for file in client_of(hub.url, hub.token).repo(REPO).files] == WANTED
    elsewhere = [request for request in hub.requests if request.host == "cdn"]
    assert [request.authorization for request in elsewhere] == [""]


def run_alone(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process where nobody has imported the library yet."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, text=True, capture_output=True, check=True)


def test_that_no_token_from_the_disk_is_sent_and_nothing_else_is_asked(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_strayTokenOfAnotherProgram", encoding="utf-8")
    code = f"""
from wan_desktop.core.store.hub import HubClient
client = HubClient(endpoint={hub.url!r})
print(len(client.repo({REPO!r}).files))
from huggingface_hub import constants
print(constants.HF_HUB_DISABLE_XET, constants.HF_HUB_DISABLE_TELEMETRY, constants.HF_HUB_DISABLE_IMPLICIT_TOKEN)
"""
    done = run_alone(code, HF_HOME=str(tmp_path), HF_TOKEN="hf_strayTokenInTheEnvironment")
    assert (done.stdout.split(), done.stderr) == (["3", "True", "True", "True"], "")
    assert [(request.path[:17], request.authorization) for request in hub.requests] == [("/api/models/fake/", "")] * 2


def test_that_the_library_is_imported_late(tmp_path: Path) -> None:
    code = "import sys, wan_desktop.core.store.hub; print('huggingface_hub' in sys.modules, 'httpx2' in sys.modules)"
    assert run_alone(code).stdout.split() == ["False", "False"]


def test_that_the_offline_switch_is_named(hub: FakeHub) -> None:
    code = f"""
from wan_desktop.core.errors import OfflineError
from wan_desktop.core.store.hub import HubClient
try:
    HubClient(endpoint={hub.url!r}).probe()
except OfflineError as error:
    print(error)
"""
    assert "HF_HUB_OFFLINE" in run_alone(code, HF_HUB_OFFLINE="1").stdout
    assert hub.requests == []


# Rubbish from the user --------------------------------------------------------------------------------------------


RUBBISH_NAMES = [
    "",
    "model",
    "a/b/c",
    "a b/c",
    "a/../b",
    "a/b--c",
    "/b",
    "a/",
    "a/.b",
    "a/b.",
    "ä/b",
    "a/b\n",
    "a/b?x=1",
]
RUBBISH_NAMES += ["a/b.git", "https://huggingface.co/a/b", "a\\b", "../b", "a/" + "b" * 97]


@pytest.mark.parametrize(
    "repo_id",
    RUBBISH_NAMES,
)
def test_that_a_rubbish_name_is_refused_before_anything_is_asked(hub: FakeHub, client: HubClient, repo_id: str) -> None:
    with pytest.raises(RequestError):
        client.repo(repo_id)
    assert hub.requests == []


@pytest.mark.parametrize("repo_id", ["Wan-AI/Wan2.2-TI2V-5B-Diffusers", "a/b", "city96/Wan2.1_x-gguf", "a/" + "b" * 96])
def test_that_real_names_are_names(repo_id: str) -> None:
    assert is_repo_id(repo_id)


@pytest.mark.parametrize("revision", ["", "a b", "../x", ".", "/x", "x" * 201, "main\n", "v1?x"])
def test_that_a_rubbish_revision_is_refused(hub: FakeHub, client: HubClient, revision: str) -> None:
    with pytest.raises(RequestError):
        client.repo(REPO, revision)
    assert hub.requests == []


@pytest.mark.parametrize(
    "endpoint", ["mirror.example", "ftp://a", "https://", "http://[x", "http://a:99999", "file:///a"]
)
def test_that_a_rubbish_endpoint_is_named(endpoint: str) -> None:
    with pytest.raises(RequestError, match="no address"):
        client_of(endpoint).repo(REPO)


# The Hub says rubbish ---------------------------------------------------------------------------------------------


def small(path: str = "a.json", **changes: Any) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": 3, "oid": SHA1, **changes}


def large(**changes: Any) -> dict[str, Any]:
    return small("a.gguf", lfs={"oid": SHA256, "size": 3, "pointerSize": 130, **changes})


def answers(hub: FakeHub, where: str, data: Any) -> None:
    hub.fault("captive", match=where, page=json.dumps(data), content_type="application/json", times=None)


@pytest.mark.parametrize(
    "entries",
    [
        {"error": "x"},
        [1],
        [{"type": "file"}],
        [small(size=None)],
        [small(size="3")],
        [small(size=True)],
        [small(size=3.0)],
        [small(size=-1)],
        [small(size=(1 << 40) + 1)],
        [small(size=10**4000)],
        [small(oid=None)],
        [small(oid="A1" * 20)],
        [small(oid=SHA1 + "\n")],
        [large(oid=None)],
        [large(oid="")],
        [large(oid=SHA1)],
        [large(oid=7)],
        [large(size=4)],
        [small(lfs=[])],
        [small(lfs={})],
        [{**small(), "path": 5}],
        [small(f"{number}.png") for number in range(MAX_FILES + 1)],
    ],
    ids=lambda entries: json.dumps(entries)[:60],
)
def test_that_a_rubbish_list_of_files_is_refused(hub: FakeHub, client: HubClient, entries: Any) -> None:
    answers(hub, "/tree/", entries)
    with pytest.raises(ContentMismatchError) as caught:
        client.repo(REPO)
    assert len(caught.value.message) < 400


def test_that_rubbish_about_a_file_that_nobody_wants_does_no_harm(hub: FakeHub, client: HubClient) -> None:
    answers(
        hub, "/tree/", [small(), small("../evil.py", size=-1), small("CON.png", oid=None), {"type": "x", "path": ""}]
    )
    assert client.repo(REPO).files == (RemoteFile("a.json", 3, git_sha1=SHA1),)


@pytest.mark.parametrize(
    "names",
    [
        ["../a.json"],
        ["/a.json"],
        ["C:\\a.json"],
        ["a.json", "A.json"],
        ["a.json", "a.json"],
        ["con.json"],
        ["a:b.json"],
    ],
    ids=str,
)
def test_that_unsafe_names_are_refused(hub: FakeHub, client: HubClient, names: list[str]) -> None:
    answers(hub, "/tree/", [small(name) for name in names])
    with pytest.raises(UnsafeNameError):
        client.repo(REPO)


@pytest.mark.parametrize(
    "info",
    [[], "x", None, {}, {"sha": None}, {"sha": "main"}, {"sha": SHA1[:-1]}, {"sha": SHA1.upper()}, {"sha": "../" * 20}],
    ids=repr,
)
def test_that_an_answer_without_commit_is_refused(hub: FakeHub, client: HubClient, info: Any) -> None:
    answers(hub, "/revision/", info)
    with pytest.raises(ContentMismatchError, match="names no commit"):
        client.repo(REPO)
    assert len(hub.requests) == 1


def test_that_another_commit_than_asked_for_is_refused(hub: FakeHub, client: HubClient) -> None:
    answers(hub, "/revision/", {"sha": "c3" * 20})
    with pytest.raises(ContentMismatchError, match="asked for the commit"):
        client.repo(REPO, hub.head(REPO))


@pytest.mark.parametrize(
    ("info", "licence"),
    [
        ({}, ""),
        ({"cardData": None, "tags": None}, ""),
        ({"cardData": {"license": "mit"}}, "mit"),
        ({"cardData": {"license": "other", "license_name": "wan"}}, "wan"),
        ({"cardData": {"license": ["a"]}, "tags": ["x", 5, "license:gpl"]}, "gpl"),
        ({"cardData": {"license": "x" * 5000}}, "x" * 100),
        ({"cardData": {"license": "a\x1b[2J"}}, ""),
        ({"cardData": 5, "tags": 5}, ""),
    ],
    ids=repr,
)
def test_that_the_licence_is_what_can_be_shown(
    hub: FakeHub, client: HubClient, info: dict[str, Any], licence: str
) -> None:
    answers(hub, "/revision/", {"sha": hub.head(REPO), **info})
    assert client.repo(REPO).licence == licence


@pytest.mark.parametrize(("told", "gated"), [(False, False), (None, False), ("auto", True), ("manual", True)])
def test_that_gated_is_yes_or_no(hub: FakeHub, client: HubClient, told: Any, gated: bool) -> None:
    answers(hub, "/revision/", {"sha": hub.head(REPO), "gated": told})
    assert client.repo(REPO).gated is gated


def test_that_pages_without_end_are_not_followed(hub: FakeHub, client: HubClient) -> None:
    hub.set_page_size(1)
    hub.add_repo("fake/long", {f"{number}.txt": b"" for number in range(120)})
    with pytest.raises(ContentMismatchError, match="more than 100 pages"):
        client.repo("fake/long")
