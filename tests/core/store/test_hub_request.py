"""Whatever goes wrong while the Hub is asked is tried again where that helps, and put into words that help."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest

from tests.core.store.conftest import client_of
from tests.fakes.hub import CERTIFICATE, FakeHub
from wan_desktop.core.errors import (
    AccessDeniedError,
    ConnectionBlockedError,
    JobCancelled,
    OfflineError,
    RepositoryNotFoundError,
    WanError,
)
from wan_desktop.core.store.hub import HubClient

REPO = "fake/model"
FILES = {"model_index.json": b"{}", "tokenizer/spiece.model": b"pieces", "transformer/weights.safetensors": b"weights"}


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.add_repo(REPO, FILES)
        yield hub


@pytest.fixture
def client(hub: FakeHub) -> HubClient:
    return client_of(hub.url)


def run_alone(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process where nobody has imported the library yet."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, text=True, capture_output=True, check=True)


# The line ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["status_408", "status_429", "status_500", "status_502", "status_503", "status_504"])
@pytest.mark.parametrize("where", ["/revision/", "/tree/"], ids=["commit", "files"])
def test_that_a_busy_hub_is_asked_again(hub: FakeHub, client: HubClient, kind: str, where: str) -> None:
    fault = hub.fault(kind, match=where, times=3)
    assert len(client.repo(REPO).files) == 3
    assert fault.struck == 3


@pytest.mark.parametrize("kind", ["reset", "fin"])
@pytest.mark.parametrize("after", [0, 50])
def test_that_a_broken_line_is_tried_again(hub: FakeHub, client: HubClient, kind: str, after: int) -> None:
    fault = hub.fault(kind, times=3, after=after)
    assert len(client.repo(REPO).files) == 3
    assert fault.struck == 3


@pytest.mark.parametrize("kind", ["status_503", "status_429", "status_500", "reset", "fin"])
def test_that_four_failures_are_enough(hub: FakeHub, client: HubClient, kind: str) -> None:
    fault = hub.fault(kind, times=None)
    with pytest.raises(OfflineError) as caught:
        client.repo(REPO)
    assert (fault.struck, bool(caught.value.hint)) == (4, True)


@pytest.mark.parametrize("kind", ["stall", "drip"])
@pytest.mark.parametrize("after", [0, 50])
def test_that_silence_and_dripping_are_tried_again(hub: FakeHub, kind: str, after: int) -> None:
    fault = hub.fault(kind, after=after, rate=20)
    assert client_of(hub.url, timeout_s=0.1, waits_s=(0.0,) * 20).repo(REPO).files
    assert fault.struck == 1


@pytest.mark.parametrize("kind", ["stall", "drip"])
def test_that_silence_and_dripping_are_given_up(hub: FakeHub, kind: str) -> None:
    hub.fault(kind, times=None, rate=20)
    with pytest.raises(OfflineError, match="does not answer in time"):
        client_of(hub.url, timeout_s=0.1, waits_s=(0.0,)).repo(REPO)


def test_that_an_unreachable_hub_is_told_at_once(hub: FakeHub, client: HubClient) -> None:
    with hub.refused("hub"), pytest.raises(OfflineError, match="cannot be reached"):
        client.repo(REPO)
    assert client.repo(REPO).files


@pytest.mark.parametrize("host", ["name.invalid", "a" * 70 + ".invalid"], ids=["unknown", "impossible"])
def test_that_an_unknown_name_is_told(host: str) -> None:
    with pytest.raises(OfflineError, match=r"\.invalid cannot be found"):
        client_of(f"http://{host}").repo(REPO)


def test_that_a_probe_asks_once(hub: FakeHub, client: HubClient) -> None:
    fault = hub.fault("status_503", times=None)
    with pytest.raises(OfflineError, match="503"):
        client.probe()
    assert fault.struck == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "600"},
        {"Retry-After": formatdate(time.time() + 600, usegmt=True)},
        {"RateLimit": '"api";r=0;t=600', "Retry-After": "1"},
    ],
    ids=["seconds", "date", "rate-limit"],
)
def test_that_a_long_wait_is_told_instead_of_waited(hub: FakeHub, client: HubClient, headers: dict[str, str]) -> None:
    fault = hub.fault("status_429", times=None, headers=headers)
    with pytest.raises(OfflineError, match="429") as caught:
        client.repo(REPO)
    seconds = [int(word) for word in caught.value.hint.split() if word.isdecimal()]
    assert (fault.struck, 500 < seconds[0] <= 600) == (1, True)


@pytest.mark.parametrize("value", ["soon", "-5", "1e3", "Wed, 99 Foo 2026 07:28:00 GMT", ""])
def test_that_a_rubbish_retry_after_is_none(hub: FakeHub, client: HubClient, value: str) -> None:
    hub.fault("status_503", headers={"Retry-After": value})
    assert client.repo(REPO).files


def test_that_a_short_wait_is_waited(hub: FakeHub, client: HubClient) -> None:
    hub.fault("status_429", retry_after=1)
    started_s = time.monotonic()
    assert client.repo(REPO).files
    assert time.monotonic() - started_s >= 1.0


SLOW = [
    {"kind": "stall"},
    {"kind": "stall", "after": 50},
    {"kind": "drip", "rate": 50},
    {"kind": "status_429", "retry_after": 4},
]


class CancelLater:
    """Asks to stop, some time after the question."""

    def __init__(self) -> None:
        self.at_s = time.monotonic() + 0.1

    def __call__(self) -> None:
        if time.monotonic() >= self.at_s:
            raise JobCancelled


@pytest.mark.parametrize("options", SLOW, ids=["silence", "half-an-answer", "dripping", "waiting"])
def test_that_cancelling_does_not_wait_for_the_hub(hub: FakeHub, options: dict[str, Any]) -> None:
    hub.fault(**options, times=None)
    cancel = CancelLater()
    with pytest.raises(JobCancelled):
        client_of(hub.url, timeout_s=60.0).repo(REPO, check_cancelled=cancel)
    assert time.monotonic() - cancel.at_s < 3.0  # 0.05 on a PC that has nothing else to do


def test_that_a_cancelled_question_ends_with_the_next_byte(hub: FakeHub) -> None:
    hub.fault("drip", rate=50)
    with pytest.raises(JobCancelled):
        client_of(hub.url, timeout_s=60.0).repo(REPO, check_cancelled=CancelLater())
    threads = [thread for thread in threading.enumerate() if thread.name == "hub"]
    for thread in threads:
        thread.join(5.0)
    assert not any(thread.is_alive() for thread in threads)


# Something else answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["/revision/", "/tree/"], ids=["commit", "files"])
@pytest.mark.parametrize(
    "page", ["<html>Log in</html>", "", "\x00\xff", "[" * 100_000], ids=["html", "empty", "rubbish", "deep"]
)
def test_that_a_login_page_is_recognised(hub: FakeHub, client: HubClient, where: str, page: str) -> None:
    hub.fault("captive", match=where, page=page, times=None)
    with pytest.raises(ConnectionBlockedError, match="login page"):
        client.repo(REPO)


def test_that_a_probe_sees_the_login_page(hub: FakeHub, client: HubClient) -> None:
    hub.fault("captive")
    with pytest.raises(ConnectionBlockedError, match="login page"):
        client.probe()


def test_that_a_certificate_that_nobody_signed_blocks(hub: FakeHub) -> None:
    with pytest.raises(ConnectionBlockedError, match=r"self.signed certificate"):
        client_of(hub.tls_url).repo(REPO)
    assert hub.requests == []


def test_that_encryption_is_asked_of_a_server_without(hub: FakeHub) -> None:
    with pytest.raises(ConnectionBlockedError, match="No encrypted connection"):
        client_of(hub.url.replace("http:", "https:")).repo(REPO)


def test_that_an_encrypted_hub_gets_the_token(hub: FakeHub) -> None:
    code = f"""
from wan_desktop.core.store.hub import HubClient
print(HubClient(endpoint={hub.tls_url!r}, token=lambda: {hub.token!r}).repo({REPO!r}).revision)
"""
    assert run_alone(code, SSL_CERT_FILE=str(CERTIFICATE)).stdout.strip() == hub.head(REPO)
    assert {request.authorization for request in hub.requests} == {f"Bearer {hub.token}"}


def test_that_encryption_is_not_given_up_by_a_redirect(hub: FakeHub) -> None:
    hub.fault("redirect_off_host", where="any")
    code = f"""
from wan_desktop.core.errors import ConnectionBlockedError
from wan_desktop.core.store.hub import HubClient
try:
    HubClient(endpoint={hub.tls_url!r}).repo({REPO!r})
except ConnectionBlockedError as error:
    print(error)
"""
    assert "without encryption" in run_alone(code, SSL_CERT_FILE=str(CERTIFICATE)).stdout


@pytest.mark.parametrize("to", ["ftp://a/b", "http://[x", "javascript:x", "http://a\x01b/"])
def test_that_a_redirect_to_nowhere_blocks(hub: FakeHub, client: HubClient, to: str) -> None:
    hub.fault("redirect_off_host", where="any", to=to)
    with pytest.raises(ConnectionBlockedError):
        client.repo(REPO)


def test_that_a_redirect_loop_ends(hub: FakeHub, client: HubClient) -> None:
    hub.fault("redirect_loop", where="any", times=None)
    with pytest.raises(ConnectionBlockedError, match="more than 5 times"):
        client.repo(REPO)
    assert len(hub.requests) == 6


def test_that_a_proxy_that_refuses_blocks() -> None:
    code = """
from wan_desktop.core.errors import ConnectionBlockedError
from wan_desktop.core.store.hub import HubClient
try:
    HubClient(endpoint="https://huggingface.co").probe()
except ConnectionBlockedError as error:
    print(error)
"""
    with FakeHub() as proxy:
        told = run_alone(code, https_proxy=proxy.url, HTTPS_PROXY=proxy.url, no_proxy="", NO_PROXY="").stdout
        assert ("404" in told, proxy.requests[0].method) == (True, "CONNECT")


@pytest.mark.parametrize("status", [407, 511])
def test_that_a_proxy_or_network_that_wants_a_login_blocks(hub: FakeHub, client: HubClient, status: int) -> None:
    hub.fault("status_500", status=status)
    with pytest.raises(ConnectionBlockedError, match=str(status)):
        client.repo(REPO)


def test_that_an_endless_answer_is_not_taken(hub: FakeHub, client: HubClient) -> None:
    hub.fault("captive", page="[" + " " * (17 << 20) + "]")
    with pytest.raises(ConnectionBlockedError, match="16 MiB"):
        client.repo(REPO)


def test_that_a_packed_answer_is_taken(hub: FakeHub, client: HubClient) -> None:
    hub.fault("gzip", where="any", times=None)
    assert len(client.repo(REPO).files) == 3


# The Hub says no --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("gated", AccessDeniedError),
        ("status_401", AccessDeniedError),
        ("status_403", AccessDeniedError),
        ("status_404", RepositoryNotFoundError),
        ("revision_gone", RepositoryNotFoundError),
        ("status_410", RepositoryNotFoundError),
        ("status_416", OfflineError),
    ],
)
@pytest.mark.parametrize("where", ["/revision/", "/tree/"], ids=["commit", "files"])
def test_that_a_refusal_is_told_at_once(
    hub: FakeHub, client: HubClient, kind: str, error: type[WanError], where: str
) -> None:
    fault = hub.fault(kind, match=where, times=None)
    with pytest.raises(error) as caught:
        client.repo(REPO)
    assert (type(caught.value), fault.struck, bool(caught.value.hint)) == (error, 1, True)


def test_that_a_gated_answer_says_which_page_to_open(hub: FakeHub, client: HubClient) -> None:
    hub.fault("gated")
    with pytest.raises(AccessDeniedError) as caught:
        client.repo(REPO)
    assert f"Open {hub.url}/{REPO}, log in and accept the licence" in caught.value.hint


def test_that_a_wrong_token_is_told_and_not_shown(hub: FakeHub) -> None:
    with pytest.raises(AccessDeniedError, match="Invalid credentials") as caught:
        client_of(hub.url, "hf_wrongSecret").repo(REPO)
    assert "hf_wrongSecret" not in f"{caught.value} {caught.value.hint} {caught.value.details}"


@pytest.mark.parametrize("token", [None, FakeHub.stranger_token, FakeHub.token])
def test_that_a_missing_repository_is_told(hub: FakeHub, token: str | None) -> None:
    with pytest.raises(RepositoryNotFoundError, match="fake/absent"):
        client_of(hub.url, token).repo("fake/absent")


def test_that_a_missing_revision_is_told(client: HubClient) -> None:
    with pytest.raises(RepositoryNotFoundError, match="no such revision"):
        client.repo(REPO, "v9")


@pytest.mark.parametrize("body", ["[1, 2]", '"text"', "{", '{"error": {"a": 1}}'])
def test_that_the_body_of_an_error_does_not_matter(hub: FakeHub, client: HubClient, body: str) -> None:
    hub.fault("captive", page=body, content_type="application/json", status=500, times=None)
    with pytest.raises(OfflineError, match="500"):
        client.repo(REPO)
