"""One question to the Hub: asked again where that may help, left at once when cancelled, failures in our own words.

huggingface_hub gives the session, the switches and the error classes. Its own calls wait up to ten minutes in
`time.sleep`, take any answer, and name one cause, the connection, for all that goes wrong.
"""

import email.utils
import json
import logging
import os
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wan_desktop.core.errors import (
    AccessDeniedError,
    ConnectionBlockedError,
    DownloadError,
    InputError,
    OfflineError,
    RepositoryNotFoundError,
)
from wan_desktop.core.words import mark, tr

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

logger = logging.getLogger(__name__)

_MAX_ANSWER_BYTES = 16 << 20
_MAX_PAGES = 100
_MAX_REDIRECTS = 5
_LONGEST_WAIT_S = 5.0
"""Who has to wait longer than that is told so instead."""
_LOOK_S = 0.05
_OF_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")
_RATE_LIMIT = re.compile(r";\s*r=0\s*;\s*t=(\d{1,9})")
_TRY_LATER = mark("Models on this PC can be used without the Hub. Try again later.")
_NETWORK = mark(
    "Look at the proxy, the firewall and the clock of this PC, or log in to the network in a browser; try again."
)


@dataclass(frozen=True, slots=True)
class HubQuestion:
    """Something to ask the Hub, with all tries."""

    endpoint: str
    page: str
    """What the question is about, for people."""
    headers_for: Callable[[str], Mapping[str, str]]
    """What to send to an address."""
    check_cancelled: Callable[[], None]
    timeout_s: float
    """Without a byte; a whole answer may take three times as long."""
    waits_s: tuple[float, ...]
    """Before each further try."""

    def json(self, path: str) -> Any:
        """What the API answers.

        Raises:
            DownloadError: Nothing, or no JSON.
        """
        return self._parsed(self.ask(self.endpoint + path))

    def pages(self, path: str) -> Iterator[Any]:
        """The entries of a list that comes in pages.

        Raises:
            DownloadError: There is no answer.
            ValueError: It is no such list.
        """
        query: str | None = "recursive=true&expand=false"
        for _ in range(_MAX_PAGES):
            answer = self.ask(f"{self.endpoint}{path}?{query}")
            entries = self._parsed(answer)
            if not isinstance(entries, list):
                raise ValueError("the list of files is none")
            yield from entries
            # Only the query of the link: the address is ours, and the token with it.
            query = urllib.parse.urlsplit(answer.links.get("next", {}).get("url", "")).query
            if not query:
                return
        raise ValueError(f"the list of files has more than {_MAX_PAGES} pages")

    def ask(self, url: str, *, method: str = "GET") -> "httpx2.Response":
        """The answer, if it is a good one.

        Raises:
            RequestError: The endpoint is no address.
            DownloadError: There is none.
        """
        if not _is_address(url):
            raise InputError(
                tr("{endpoint!r} is no address of a Hub.", endpoint=self.endpoint[:200]),
                hint=tr("Correct HF_ENDPOINT, or leave it empty."),
            )
        _load_library()
        for wait_s in (*self.waits_s, None):
            self.check_cancelled()
            outcome = self._try(method, url)
            if not isinstance(outcome, Exception):
                return outcome
            failure = _failure(outcome, self.page, _host(url))
            if wait_s is None or not failure.may_pass or failure.wait_s > _LONGEST_WAIT_S:
                raise failure.error from outcome
            logger.info("Asking the Hub again: %s", failure.error)
            self._wait(max(wait_s, failure.wait_s))
        raise AssertionError("the last try returns or raises")

    def _try(self, method: str, url: str) -> "httpx2.Response | Exception":
        attempt = _Attempt(self.headers_for, method, url, self.timeout_s)
        attempt.start()
        end_s = time.monotonic() + 3 * self.timeout_s
        try:
            while not attempt.done.wait(_LOOK_S):
                self.check_cancelled()
                if time.monotonic() > end_s:
                    return TimeoutError(f"no whole answer in {3 * self.timeout_s:.0f} s")
        finally:
            attempt.unwanted.set()
        return attempt.outcome

    def _wait(self, wait_s: float) -> None:
        end_s = time.monotonic() + wait_s
        while (left_s := end_s - time.monotonic()) > 0:
            self.check_cancelled()
            time.sleep(min(left_s, _LOOK_S))

    def _parsed(self, answer: "httpx2.Response") -> Any:
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise ConnectionBlockedError(
                tr("A login page or another web page answered instead of the Hub ({host}).", host=_host(self.endpoint)),
                hint=tr(_NETWORK),
            ) from error


class _Attempt(threading.Thread):
    """One request on a thread of its own, so that who asked can leave at once; it then ends with its next byte."""

    def __init__(
        self, headers_for: Callable[[str], Mapping[str, str]], method: str, url: str, timeout_s: float
    ) -> None:
        super().__init__(name="hub", daemon=True)
        self.done = threading.Event()
        self.unwanted = threading.Event()
        self._headers_for, self._method, self._url, self._timeout_s = headers_for, method, url, timeout_s
        self.outcome: httpx2.Response | Exception = TimeoutError()

    def run(self) -> None:
        """Ask."""
        try:
            self.outcome = self._receive()
        except Exception as error:  # noqa: BLE001 - goes to who asked
            self.outcome = error
        finally:
            self.done.set()

    def _receive(self) -> "httpx2.Response":
        from huggingface_hub import get_session, hf_raise_for_status  # noqa: PLC0415 - 0.3 s

        url = self._url
        for _ in range(_MAX_REDIRECTS + 1):
            headers = {"Accept": "application/json", **self._headers_for(url)}
            with get_session().stream(
                self._method, url, headers=headers, timeout=self._timeout_s, follow_redirects=False
            ) as response:
                if response.has_redirect_location and self._method != "HEAD":
                    url = _redirected(url, response.headers["Location"])
                    continue
                answer = self._whole(response)
            hf_raise_for_status(answer)
            return answer
        raise _BlockedError(tr("{host} redirected more than {most} times", host=_host(url), most=_MAX_REDIRECTS))

    def _whole(self, response: "httpx2.Response") -> "httpx2.Response":
        import httpx2  # noqa: PLC0415 - comes with huggingface_hub

        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if self.unwanted.is_set():
                break
            if len(body) > _MAX_ANSWER_BYTES:
                raise _BlockedError(
                    tr("{host} sent more than {most} MiB", host=_host(self._url), most=_MAX_ANSWER_BYTES >> 20)
                )
        told = {name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}
        # What is wrong is in the headers; huggingface_hub stumbles over bodies that are JSON but no object.
        content = bytes(body) if response.is_success else b""
        return httpx2.Response(response.status_code, headers=told, content=content, request=response.request)


class _BlockedError(Exception):
    """What answers does not behave as the Hub."""


def _load_library() -> None:
    """Import it with no token from somewhere on the disk, no telemetry, and no transport that checks less than ours."""
    for name in ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET"):
        os.environ.setdefault(name, "1")
    from huggingface_hub import get_session  # noqa: F401, PLC0415 - 0.3 s; here so that no timeout counts it


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        return False


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc.rpartition("@")[2][:200]


def _redirected(url: str, location: str) -> str:
    try:
        target = urllib.parse.urljoin(url, location)
    except ValueError as error:
        raise _BlockedError(tr("{host} redirected to nowhere", host=_host(url))) from error
    if not _is_address(target):
        raise _BlockedError(tr("{host} redirected to nowhere", host=_host(url)))
    if url.startswith("https:") and not target.startswith("https:"):
        raise _BlockedError(
            tr("{host} redirected to {target} without encryption", host=_host(url), target=_host(target))
        )
    return target


# What went wrong -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Failure:
    """What to tell the user, if trying again does not help."""

    error: DownloadError
    may_pass: bool = False
    wait_s: float = 0.0
    """What the Hub asks for."""


def _failure(error: Exception, page: str, host: str) -> _Failure:
    import httpx2  # noqa: PLC0415 - comes with huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled  # noqa: PLC0415 - 0.3 s

    match error:
        case HfHubHTTPError():
            return _refusal(error, page, host)
        case OfflineModeIsEnabled():
            return _Failure(
                _offline(tr("HF_HUB_OFFLINE is set, so the Hub is not asked"), hint=tr("Remove that setting."))
            )
        case _BlockedError() | httpx2.ProxyError() | httpx2.DecodingError() | httpx2.InvalidURL():
            return _Failure(
                ConnectionBlockedError(tr("No connection to the Hub: {error}.", error=error), hint=tr(_NETWORK))
            )
        case httpx2.TimeoutException() | TimeoutError():
            return _Failure(_offline(tr("{host} does not answer in time", host=host)), may_pass=True)
        case httpx2.ConnectError() | UnicodeError():  # the latter for names that no host can have
            return _no_connection(error, host)
        case httpx2.TransportError():
            return _Failure(_offline(tr("The connection to {host} broke off", host=host)), may_pass=True)
    raise error


def _offline(what: str, *, hint: str = "") -> OfflineError:
    return OfflineError(f"{what}.", hint=hint or tr(_TRY_LATER))


def _no_connection(error: Exception, host: str) -> _Failure:
    causes = list(_causes(error))
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLError) and not isinstance(tls, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        reason = getattr(tls, "verify_message", "") or tls.reason or str(tls)
        return _Failure(
            ConnectionBlockedError(
                tr("No encrypted connection to {host}: {reason}.", host=host, reason=reason), hint=tr(_NETWORK)
            )
        )
    if any(isinstance(cause, ConnectionResetError | ssl.SSLError) for cause in causes):
        return _Failure(_offline(tr("The connection to {host} broke off", host=host)), may_pass=True)
    if any(isinstance(cause, socket.gaierror | UnicodeError) for cause in causes):
        return _Failure(
            _offline(tr("{host} cannot be found: there is no internet connection, or the name is wrong", host=host))
        )
    return _Failure(_offline(tr("{host} cannot be reached", host=host)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _refusal(error: "HfHubHTTPError", page: str, host: str) -> _Failure:
    from huggingface_hub import errors as hub  # noqa: PLC0415 - 0.3 s

    match error:
        case hub.GatedRepoError():
            hint = tr(
                "Open {page}, log in and accept the licence; then enter an access token of that account.", page=page
            )
            return _Failure(
                AccessDeniedError(tr("The Hub gives {page} only to whom its authors let in.", page=page), hint=hint)
            )
        case hub.RevisionNotFoundError():
            return _Failure(
                _missing(tr("{page} has no such revision.", page=page), hint=tr("Use main, or look at its page."))
            )
        case hub.DisabledRepoError() | hub.RemoteEntryNotFoundError():
            return _Failure(
                _missing(tr("{page} or its file is not there any more.", page=page), hint=tr("Look at its page."))
            )
        case hub.RepositoryNotFoundError():
            hint = tr("Compare the name with its page. If it is private, enter an access token of its owner.")
            return _Failure(_missing(tr("There is nothing at {page}, or it is private.", page=page), hint=hint))
    return _refused_status(error.response, page, host)


def _refused_status(response: "httpx2.Response", page: str, host: str) -> _Failure:
    status, told = response.status_code, _plain(response.headers.get("X-Error-Message", ""))
    answer = f"{status} {response.reason_phrase}{': ' if told else ''}{told}"
    said = tr("{host} answered {answer}", host=host, answer=answer)
    match status:
        case 401 | 403 | 451:
            hint = tr("Enter another access token or none, or open {page} to see who may download.", page=page)
            return _Failure(AccessDeniedError(f"{said}.", hint=hint))
        case 404 | 410:
            return _Failure(_missing(f"{said}.", hint=tr("Look at {page}.", page=page)))
        case 407 | 511:
            return _Failure(ConnectionBlockedError(f"{said}.", hint=tr(_NETWORK)))
    if status not in (408, 425, 429) and status < 500:
        return _Failure(_offline(said))
    wait_s = _asked_wait_s(response.headers)
    hint = tr("Try again in {wait_s:.0f} seconds.", wait_s=wait_s) if wait_s else ""
    return _Failure(_offline(said, hint=hint), may_pass=True, wait_s=wait_s)


def _plain(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:200]


def _missing(what: str, *, hint: str) -> RepositoryNotFoundError:
    return RepositoryNotFoundError(what, hint=hint)


def _asked_wait_s(headers: Mapping[str, str]) -> float:
    if limit := _RATE_LIMIT.search(headers.get("RateLimit", "")):
        return float(limit[1])
    asked = headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return 0.0
