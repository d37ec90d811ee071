"""The fake Hub itself: repositories, faults and a log behind two ports."""

import itertools
import re
import socket
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from tests.fakes.hub.answers import Answer, Call, Request
from tests.fakes.hub.api import Api
from tests.fakes.hub.contents import Content, Source, content_of
from tests.fakes.hub.faults import FAULTS, Fault, World
from tests.fakes.hub.repositories import Doors, Entry, Repository
from tests.fakes.hub.server import Brain, Door, Exchange


class FakeHub(Brain, World):
    """A Hub at `url` and a CDN at `cdn_url`, both on this machine; a context manager.

    Everything may be changed while requests are answered.
    """

    token = "hf_fullAccessToTheFakeHub"
    stranger_token = "hf_letIntoNoRepository"
    """Good, but of somebody who may see no gated or private repository."""

    def __init__(self) -> None:
        self.rate_bytes_per_s = 0.0
        self._contents: list[Content] = []
        self._lock = threading.RLock()
        self._faults: list[Fault] = []
        self._exchanges: list[Exchange] = []
        self._hub = Door("hub", self)
        self._cdn = Door("cdn", self)
        self._api = Api(Doors(self.token, self.stranger_token), self._cdn.url)
        self._tls: Door | None = None
        self._closed_port: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Break all connections and end all threads."""
        for door in (self._hub, self._cdn, self._tls):
            if door:
                door.close()
        if self._closed_port:
            self._closed_port.close()
        for content in self._contents:
            content.close()

    # Addresses ---------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The endpoint."""
        return self._hub.url

    @property
    def cdn_url(self) -> str:
        """Where the bytes of LFS files are."""
        return self._cdn.url

    @property
    def tls_url(self) -> str:
        """The endpoint over https, with a certificate that nobody signed (`server.CERTIFICATE`)."""
        with self._lock:
            self._tls = self._tls or Door("hub", self, tls=True)
        return self._tls.url

    def bad_address(self, kind: str) -> str:
        """An address at which `refused`, `dns` or `tls_bad` happens; `cdn` is the good other host."""
        match kind:
            case "refused":
                return f"http://127.0.0.1:{self._port_that_refuses()}"
            case "dns":
                return "http://name.invalid"
            case "tls_bad":
                return self.tls_url
            case _:
                return self.cdn_url

    def _port_that_refuses(self) -> int:
        with self._lock:
            if self._closed_port is None:
                # Bound and never listening: nobody else gets the port, and who connects is refused.
                self._closed_port = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                self._closed_port.bind(("127.0.0.1", 0))
            return int(self._closed_port.getsockname()[1])

    @contextmanager
    def refused(self, host: str) -> Iterator[None]:
        """Break the connections to `hub` or `cdn` and refuse new ones for a while."""
        door = self._cdn if host == "cdn" else self._hub
        door.close()
        try:
            yield
        finally:
            door.open()

    def break_connections(self) -> None:
        """Close all connections of this moment."""
        for door in (self._hub, self._cdn):
            door.break_connections()

    # Repositories ------------------------------------------------------------------------------------------------

    def add_repo(
        self,
        repo_id: str,
        files: Mapping[str, Source],
        *,
        gated: bool = False,
        private: bool = False,
        revision: str | None = None,
        lfs: Collection[str] | None = None,
        licence: str = "apache-2.0",
    ) -> str:
        """Add a repository with one commit.

        Args:
            repo_id: `namespace/name`.
            files: Content by path.
            gated: Only `token` gets the bytes.
            private: Only `token` sees anything.
            revision: The id of the commit, 40 hex digits.
            lfs: Which files are LFS files; by default the suffix and the size decide.
            licence: As the model's card says.

        Returns:
            The id of the commit.
        """
        with self._lock:
            self._api.repositories[repo_id] = Repository(repo_id, gated, private, licence)
        return self.move(repo_id, files, revision=revision, lfs=lfs)

    def move(
        self,
        repo_id: str,
        files: Mapping[str, Source],
        *,
        revision: str | None = None,
        lfs: Collection[str] | None = None,
    ) -> str:
        """Make a new commit of exactly these files; the old ones stay; returns its id."""
        contents = {path: content_of(source) for path, source in files.items()}
        with self._lock:
            self._contents += contents.values()
            return self._api.repositories[repo_id].commit(contents, lfs, revision)

    def remove_repo(self, repo_id: str) -> None:
        """Take the repository away."""
        with self._lock:
            del self._api.repositories[repo_id]

    def head(self, repo_id: str) -> str:
        """The newest commit."""
        with self._lock:
            return self._api.repositories[repo_id].head

    def file(self, repo_id: str, path: str) -> Entry:
        """A file of the newest commit, with its digests."""
        with self._lock:
            repository = self._api.repositories[repo_id]
            return repository.commits[repository.head][path]

    def move_head(self, call: Call, files: Any) -> None:
        """A new commit of the repository that the call is about: these files, or the same ones again."""
        with self._lock:
            for repo_id, repository in self._api.repositories.items():
                if f"/{repo_id}/" in f"{call.path}/":
                    kept = {path: entry.content for path, entry in repository.commits[repository.head].items()}
                    self.move(repo_id, kept if files is None else files)

    # Habits ------------------------------------------------------------------------------------------------------

    def set_page_size(self, entries: int) -> None:
        """Entries of a page of a tree; 1,000 at first."""
        self._api.page_size = entries

    def rate_limit(self, bytes_per_s_per_connection: float) -> None:
        """Send no faster; 0 is no limit."""
        self.rate_bytes_per_s = bytes_per_s_per_connection

    def expire_urls(self, *, status: int = 403) -> None:
        """Let no signed address that was given out so far be good any more; they answer 403, or 410 if told so."""
        with self._lock:
            self._api.signing += 1
            self._api.expired_status = status

    def set_url_lifetime(self, lifetime_s: float) -> None:
        """How long signed addresses are good from now on; an hour at first."""
        self._api.url_lifetime_s = lifetime_s

    def redirect_small_files(self) -> None:
        """Let small files come by a detour at the same host, as at the real Hub."""
        self._api.small_files_redirect = True

    # Faults ------------------------------------------------------------------------------------------------------

    def fault(
        self,
        kind: str,
        *,
        match: str = "",
        host: str | None = None,
        skip: int = 0,
        times: int | None = 1,
        after: int = 0,
        **options: Any,
    ) -> Fault:
        """Let something go wrong.

        Args:
            kind: A key of `FAULTS`.
            match: A regular expression that is found in the path.
            host: Only at `hub` or `cdn`.
            skip: So many requests that fit are spared first.
            times: How often; None is for ever.
            after: So many bytes of the body are sent before the line fails; 0 is before the first byte of the answer.
            **options: `method`, `where` for all kinds; `by` (sizes), `rate` (drip, bytes a second), `for_s` (stall
                that ends), `at`, `bit` (flip), `status`, `headers`, `retry_after` (statuses), `names` (drop_header),
                `file` (size_lies), `files` (move_commit), `to` (redirect_off_host), `page`, `content_type`, `status`
                (captive).

        Returns:
            The fault; it counts how often it has struck.
        """
        if kind not in FAULTS:
            raise KeyError(kind)
        fault = Fault(kind, re.compile(match), host, skip, times, after, options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Let everything go right again."""
        with self._lock:
            self._faults.clear()

    # The log -----------------------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Request]:
        """All requests since the start or since they were forgotten, also those on their way."""
        with self._lock:
            return [exchange.record() for exchange in self._exchanges]

    def forget_requests(self) -> None:
        """Start the log anew."""
        with self._lock:
            self._exchanges.clear()

    def bytes_sent(self, path: str = "") -> int:
        """Bytes of files that were sent, of the files whose address contains `path`."""
        return sum(end - begin for begin, end in self.ranges_sent(path))

    def ranges_sent(self, path: str = "") -> list[tuple[int, int]]:
        """The ranges of the file that were sent, in the order of the requests; end excluded."""
        sent = [request for request in self.requests if request.is_blob and path in request.path]
        return [(request.begin, request.begin + request.bytes_sent) for request in sent if request.bytes_sent]

    def bytes_sent_again(self, path: str, committed: Iterable[tuple[int, int]]) -> int:
        """How many bytes of the committed ranges of a file were sent, since the log was started anew.

        Args:
            path: Part of the file's address.
            committed: Ranges that the client already had, end excluded, without overlap.
        """
        pairs = itertools.product(self.ranges_sent(path), committed)
        return sum(max(0, min(sent[1], had[1]) - max(sent[0], had[0])) for sent, had in pairs)

    # Answers -----------------------------------------------------------------------------------------------------

    def begin(self, call: Call) -> Exchange:
        """Note a request."""
        exchange = Exchange(call)
        with self._lock:
            self._exchanges.append(exchange)
        return exchange

    def answer(self, exchange: Exchange) -> Answer:
        """The answer, with the first fault that fits."""
        call = exchange.call
        with self._lock:
            answer = self._api.cdn_answer(call) if call.host == "cdn" else self._api.hub_answer(call)
            fault = self._next_fault(call, answer)
            return FAULTS[fault.kind].apply(answer, call, fault, self) if fault else answer

    def _next_fault(self, call: Call, answer: Answer) -> Fault | None:
        for fault in self._faults:
            if not fault.fits(call, answer):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.struck += 1
            return fault
        return None
