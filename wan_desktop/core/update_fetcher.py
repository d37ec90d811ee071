"""How the update check asks for its small files: little patience, nothing without encryption, and a cancel at once.

Given to `tuf`'s client in place of its own. What comes is not believed here; the client holds it against signatures.
"""

import queue
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient.fetcher import FetcherInterface

from wan_desktop.core.store.ranges import is_loopback

if TYPE_CHECKING:
    import httpx2

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_LOOK_S = 0.05
_WAITING_CHUNKS = 4
"""An endless answer stops there until somebody takes a part of it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a file of some kilobytes may take."""

    silent_s: float = 10.0
    """Without a byte."""
    whole_s: float = 30.0
    """In all, however it drips."""


def is_encrypted(url: str) -> bool:
    """The address is one of https; http only to this very machine, for tests and mirrors of one's own."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


class UpdateFetcher(FetcherInterface):
    """Fetches one file after the other.

    Args:
        check_cancelled: Asked twenty times a second; may raise.
        patience: With a server that hangs or drips.
    """

    def __init__(self, check_cancelled: Callable[[], None], patience: Patience) -> None:
        self._check_cancelled = check_cancelled
        self._patience = patience

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = _Answer(url, self._patience.silent_s)
        give_up = time.monotonic() + self._patience.whole_s
        threading.Thread(target=answer.receive, name="update-check", daemon=True).start()
        try:
            while True:
                self._check_cancelled()
                if time.monotonic() > give_up:
                    raise SlowRetrievalError(f"{url} did not arrive within {self._patience.whole_s:g} s")
                try:
                    arrived = answer.arrived.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue
                if isinstance(arrived, Exception):
                    raise arrived
                if arrived is None:
                    return
                yield arrived
        finally:
            answer.unwanted.set()


class _Answer:
    """One file on its way, received by a thread that is left behind when nobody waits any longer."""

    def __init__(self, url: str, silent_s: float) -> None:
        self.arrived: queue.Queue[bytes | DownloadError | None] = queue.Queue(_WAITING_CHUNKS)
        """Parts of the file; at the end None, or what went wrong."""
        self.unwanted = threading.Event()
        self._url, self._silent_s = url, silent_s

    def receive(self) -> None:
        """Ask, and hand over what comes."""
        try:
            self._receive()
        except DownloadError as error:
            self._put(error)
        except Exception as error:  # noqa: BLE001 - goes to who asked, as the client knows it
            told = DownloadError(f"{self._url}: {str(error) or type(error).__name__}")
            told.__cause__ = error
            self._put(told)
        else:
            self._put(None)

    def _receive(self) -> None:
        import httpx2  # noqa: PLC0415 - 0.1 s, and only a check of updates needs it

        with httpx2.Client(timeout=self._silent_s, follow_redirects=False) as client:
            url = self._url
            for _ in range(_MAX_REDIRECTS + 1):
                if not is_encrypted(url):
                    raise DownloadError(f"{url} is not encrypted")
                with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
                    if response.status_code not in _REDIRECTS:
                        self._hand_over(response)
                        return
                    url = urllib.parse.urljoin(url, response.headers.get("Location", ""))
        raise DownloadError(f"{self._url} redirected more than {_MAX_REDIRECTS} times")

    def _hand_over(self, response: "httpx2.Response") -> None:
        if response.status_code != 200:
            raise DownloadHTTPError(f"{self._url}: status {response.status_code}", response.status_code)
        for chunk in response.iter_raw():
            if not self._put(chunk):
                return

    def _put(self, part: bytes | DownloadError | None) -> bool:
        """Hand a part over as soon as there is room; False when nobody wants it any more."""
        while not self.unwanted.is_set():
            try:
                self.arrived.put(part, timeout=_LOOK_S)
            except queue.Full:
                continue
            return True
        return False
